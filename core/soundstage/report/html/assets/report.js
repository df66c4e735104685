// Puts the page together once everything is there: theme, head, sections.
"use strict";

(() => {
  const report = window.soundstage;
  const byId = (id) => document.getElementById(id);

  function themeOf() {
    try {
      return localStorage.getItem("soundstage-theme") || "";
    } catch {
      return ""; // pages opened from disk may have no storage
    }
  }

  function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    const button = byId("theme");
    button.setAttribute("aria-pressed", String(theme === "dark"));
    button.textContent = theme === "dark" ? "Light" : "Dark";
    document.dispatchEvent(new CustomEvent("soundstage-theme", { detail: theme }));
  }

  const asked = window.matchMedia("(prefers-color-scheme: dark)");
  setTheme(themeOf() || (asked.matches ? "dark" : "light"));
  asked.addEventListener("change", (event) => themeOf() || setTheme(event.matches ? "dark" : "light"));
  byId("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("soundstage-theme", theme);
    } catch {
      // it holds for this visit
    }
    setTheme(theme);
  });

  window.soundstageBoard.mount(report, byId("filters"), byId("tables"), byId("found"), byId("fine"));
  if (report.listening.length) {
    window.soundstageListen.mount(byId("room"), report.listening);
    for (const text of report.unheard) byId("fine").append(window.soundstageBoard.element("li", { text }));
  } else {
    byId("listen").remove();
    byId("to-listen").remove();
  }
  window.soundstagePlots.mount(report, byId("choice"), byId("plots"));
  document.documentElement.dataset.ready = "yes";
})();
