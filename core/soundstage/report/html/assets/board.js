// The leaderboard: filters, tables that sort, intervals drawn. Texts of the data are only ever set as text.
"use strict";

window.soundstageBoard = (() => {
  const TRAINED = "trained on these songs";
  const KINDS = ["ceiling", "oracle", "separator", TRAINED, "floor"];
  const SVG = "http://www.w3.org/2000/svg";

  function element(tag, options = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(options)) {
      if (name === "text") made.textContent = value;
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  // Who was trained on the songs of the table is set apart from those that were not, or of whom it is not stated.
  function kindOf(row) {
    return row.trained === "yes" ? TRAINED : row.role;
  }

  function tellsTraining(section) {
    return [...section.rows, ...section.published].some((row) => row.trained === "yes" || row.trained === "not stated");
  }

  function training(row) {
    const marks = { yes: "heard", "not stated": "lacking" };
    return element("td", { class: marks[row.trained], text: row.trained });
  }

  function number(value, decimals) {
    if (value === null) return "–";
    const text = value.toFixed(decimals);
    return Number(text) === 0 ? text.replace("-", "") : text;
  }

  function p(value) {
    return value < 0.001 ? "p < 0.001" : `p = ${value.toPrecision(2)}`;
  }

  // A labelled select; `options` are [value, text].
  function select(label, options, chosen, change) {
    const box = element("select", { onchange: () => change(box.value) });
    for (const [value, text] of options) box.append(element("option", { value, text, selected: value === chosen }));
    return element("label", {}, label, box);
  }

  function mount(report, form, tables, found, fine) {
    const groups = Object.keys(report.boards[0].sections[0]?.group ?? {});
    const hasSources = report.boards.some((board) => "source" in (board.sections[0]?.group ?? {}));
    const state = {
      protocol: report.boards[0].protocol,
      source: "",
      groups: Object.fromEntries(groups.map((name) => [name, ""])),
      columns: new Set(report.columns.keys()),
      words: "",
      sort: { column: report.ranked_by, up: !report.columns[report.ranked_by].up },
      intervals: true,
    };

    function board() {
      const ofProtocol = report.boards.filter((one) => one.protocol === state.protocol);
      return ofProtocol.find((one) => "source" in (one.sections[0]?.group ?? {}) === (state.source !== "")) ?? ofProtocol[0];
    }

    function matching(sections) {
      return sections.filter(
        (section) =>
          groups.every((name) => !state.groups[name] || section.group[name] === state.groups[name]) &&
          (!state.source || state.source === "*" || section.group.source === state.source),
      );
    }

    function change(key) {
      return (value) => {
        state[key] = value;
        draw();
      };
    }

    // Filters, in the order in which a reader narrows down.
    for (const name of groups) {
      const values = [...new Set(report.boards[0].sections.map((section) => section.group[name]))];
      form.append(
        select(name, [["", "all"], ...values.map((value) => [value, value || "(none)"])], "", (value) => {
          state.groups[name] = value;
          draw();
        }),
      );
    }
    if (hasSources) {
      const options = [["", "all together"], ["*", "each by itself"], ...report.sources.map((name) => [name, name])];
      form.append(select("source", options, "", change("source")));
    }
    form.append(select("protocol", Object.entries(report.protocols).map(([name]) => [name, name]), state.protocol, change("protocol")));
    const menu = element("div", { class: "menu" });
    report.columns.forEach((column, at) => {
      const box = element("input", { type: "checkbox", checked: true, onchange: () => {
        if (box.checked) state.columns.add(at);
        else state.columns.delete(at);
        draw();
      } });
      menu.append(element("label", {}, box, `${column.label} (${column.metric})`));
    });
    const dot = element("input", { type: "checkbox", checked: true, onchange: () => {
      state.intervals = dot.checked;
      draw();
    } });
    menu.append(element("label", {}, dot, "95 % intervals"));
    form.append(element("fieldset", {}, element("details", {}, element("summary", { text: "measures" }), menu)));
    const words = element("input", { type: "search", placeholder: "name contains …", oninput: () => {
      state.words = words.value.trim().toLowerCase();
      draw();
    } });
    form.append(element("label", {}, "separators", words));
    form.addEventListener("submit", (event) => event.preventDefault());

    function visible() {
      return [...report.columns.keys()].filter((at) => state.columns.has(at));
    }

    function sortBy(column, section) {
      const up = state.sort.column === column ? !state.sort.up : !report.columns[column].up;
      state.sort = { column, up };
      draw();
      const again = tables.querySelector(`[data-section="${section}"] [data-column="${column}"]`);
      again?.focus();
    }

    function draw() {
      const chosen = board();
      const sections = matching(chosen.sections);
      tables.replaceChildren(...sections.map((section, at) => drawn(section, at)));
      const counted = sections.length === 1 ? "1 table" : `${sections.length} tables`;
      found.textContent = `${counted} · ${report.protocols[state.protocol]}`;
      fine.replaceChildren(...chosen.notes.map((text) => element("li", { text })));
    }

    // The smallest and largest number of a column in a section, intervals included: the scale of its bars.
    function scale(section, at) {
      const ends = section.rows
        .filter((row) => kindOf(row) === "separator" || section.rows.every((one) => kindOf(one) !== "separator"))
        .flatMap((row) => [row.values[at][0], ...(row.values[at][2] ?? [])])
        .filter((value) => value !== null);
      return ends.length ? [Math.min(...ends), Math.max(...ends)] : [0, 1];
    }

    function bar(value, ends, [low, high]) {
      const width = 83;
      const place = (one) => {
        const share = high > low ? (one - low) / (high - low) : 0.5;
        return 4 + Math.max(0, Math.min(1, share)) * (width - 8);
      };
      const made = document.createElementNS(SVG, "svg");
      made.setAttribute("class", "bar");
      made.setAttribute("viewBox", `0 0 ${width} 9`);
      made.setAttribute("aria-hidden", "true");
      const line = document.createElementNS(SVG, "line");
      for (const [name, one] of [["x1", place(ends[0])], ["x2", place(ends[1])], ["y1", 4.5], ["y2", 4.5]]) line.setAttribute(name, one);
      const dotted = document.createElementNS(SVG, "circle");
      for (const [name, one] of [["cx", place(value)], ["cy", 4.5], ["r", 3]]) dotted.setAttribute(name, one);
      made.append(line, dotted);
      return made;
    }

    function drawn(section, at) {
      const sure = section.rows.some((row) => row.ranks);
      const hasCost = section.rows.some((row) => row.cost && row.cost[0] !== null);
      const after = { training: board().sections.some(tellsTraining), cost: hasCost };
      const head = element("tr", {}, element("th", { scope: "col", class: "name", text: "separator" }), element("th", { scope: "col", text: "#" }));
      if (sure) head.lastChild.append(element("span", { class: "unit", text: "ranks · group" }));
      for (const column of visible()) {
        const about = report.columns[column];
        const button = element("button", { type: "button", "data-column": column, onclick: () => sortBy(column, at) }, `${about.label} ${about.up ? "↑" : "↓"}`, element("span", { class: "unit", text: `${about.unit} · ${about.metric}` }));
        button.setAttribute("aria-label", `${about.label} of ${about.metric} in ${about.unit}, ${about.up ? "higher" : "lower"} is better: sort`);
        const sorted = state.sort.column === column ? (state.sort.up ? "ascending" : "descending") : null;
        head.append(element("th", { scope: "col", "aria-sort": sorted }, button));
      }
      if (after.training) head.append(element("th", { scope: "col", text: "trained on it", title: "whether it was trained on these songs, as its authors state" }));
      if (hasCost) head.append(element("th", { scope: "col", text: "RTF", title: "seconds of separation a second of audio" }), element("th", { scope: "col", text: "MB", title: "peak memory" }));
      head.append(element("th", { scope: "col", text: "cells" }));
      const table = element("table", {}, element("caption", { text: title(section) }), element("thead", {}, head));
      for (const kind of KINDS) {
        const rows = section.rows.filter((row) => kindOf(row) === kind && row.separator.toLowerCase().includes(state.words));
        if (!rows.length) continue;
        const body = element("tbody", { class: kind === "separator" ? null : kind === TRAINED ? "apart trained" : "apart" });
        for (const row of sortedRows(rows)) body.append(line(section, row, after));
        table.append(body);
      }
      if (section.published.length) table.append(published(section, after));
      const counts = section.scores.filter((one, column) => state.columns.has(column));
      if (counts.some(([shared, possible]) => shared !== possible)) table.append(used(section, after));
      const named = Object.entries(section.group).map(([key, value]) => `${key}: ${value || "(none)"}`).join(" · ");
      const scroll = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": named || "leaderboard" }, table);
      return element("div", { "data-section": at }, named ? element("h3", { text: named }) : null, scroll);
    }

    function title(section) {
      const songs = section.scores[report.ranked_by][2];
      const counted = songs === 1 ? "1 song" : `${songs} songs`;
      const groups = [...new Set(section.rows.map((row) => row.group).filter(Boolean))];
      if (songs < report.few) return `${counted}: too few to say how sure values and ranks are`;
      if (groups.length === 1) return `${counted}; no two separators can be told apart`;
      return counted;
    }

    function sortedRows(rows) {
      const { column, up } = state.sort;
      const value = (row) => row.values[column][0];
      return [...rows].sort((one, other) => {
        if (value(one) === null || value(other) === null) return (value(one) === null) - (value(other) === null);
        return up ? value(one) - value(other) : value(other) - value(one);
      });
    }

    function line(section, row, after) {
      const rank = element("td", { text: row.rank ?? "" });
      if (row.ranks) {
        const ranks = row.ranks[0] === row.ranks[1] ? `${row.ranks[0]}` : `${row.ranks[0]}–${row.ranks[1]}`;
        rank.title = `rank ${ranks} in 95 % of resamples of songs, best in ${Math.round(row.best * 100)} %; separators that share a letter cannot be told apart`;
        rank.append(element("span", { class: "ends", text: `${ranks} · ${row.group}` }));
      }
      const name = element("th", { scope: "row", class: "name", text: row.assigned ? `${row.separator} †` : row.separator });
      if (kindOf(row) !== "separator") name.append(" ", element("span", { class: "role", text: kindOf(row) }));
      if (row.against) name.title = `against the first: better on ${row.against[0]} and worse on ${row.against[1]} of ${row.against[2]} songs, ${p(row.against[3])}`;
      const made = element("tr", {}, name, rank);
      for (const column of visible()) {
        const [value, best, ends] = row.values[column];
        const { decimals } = report.columns[column];
        const cell = element("td", { class: best ? "best" : null, text: number(value, decimals) });
        if (best) cell.append(element("span", { "aria-label": "best blind separator", role: "img", text: " *" }));
        if (ends && state.intervals) {
          cell.append(bar(value, ends, scale(section, column)), element("span", { class: "ends", text: `[${ends.map((end) => number(end, decimals)).join(", ")}]` }));
        }
        made.append(cell);
      }
      if (after.training) made.append(training(row));
      if (after.cost) {
        const [factor, memory, gpu] = row.cost ?? [null, null, null];
        made.append(element("td", { text: factor === null ? "–" : Number(factor.toPrecision(2)) }));
        made.append(element("td", { text: memory === null ? "–" : Math.round(memory) + (gpu === null ? "" : ` + ${Math.round(gpu)}`) }));
      }
      const [done, planned] = row.cells;
      made.append(element("td", { class: done === planned ? null : "lacking", text: `${done}/${planned}` }));
      return made;
    }

    function tail(after) {
      return [...Array(after.cost ? 3 : 1)].map(() => element("td"));
    }

    function blank(after) {
      return [...(after.training ? [element("td")] : []), ...tail(after)];
    }

    function published(section, after) {
      const body = element("tbody", { class: "apart" });
      for (const row of section.published) {
        const name = element("th", { scope: "row", class: "name", text: row.model, title: row.where });
        name.append(" ", element("span", { class: "role", text: `${report.publication}${row.condition ? `, ${row.condition}` : ""}` }));
        body.append(element("tr", {}, name, element("td"), ...visible().map((at) => element("td", { text: row.values[at] || "–" })), ...(after.training ? [training(row)] : []), ...tail(after)));
        for (const one of row.differences) {
          const label = element("th", { scope: "row", class: "name", text: `Δ ${one.separator} − ${row.model}` });
          body.append(element("tr", {}, label, element("td"), ...visible().map((at) => element("td", { text: one.values[at] || "–" })), ...blank(after)));
        }
      }
      return body;
    }

    function used(section, after) {
      const cells = visible().map((at) => {
        const [shared, possible] = section.scores[at];
        return element("td", { class: shared === possible ? null : "lacking", text: `${shared}/${possible}` });
      });
      return element("tbody", { class: "apart" }, element("tr", {}, element("th", { scope: "row", class: "name", text: "scores used" }), element("td"), ...cells, ...blank(after)));
    }

    draw();
  }

  return { mount, element, select, number };
})();
