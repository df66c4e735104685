// Where a separator fails: distributions a source, the atlas over azimuth, nearness of sources, quality against cost.
"use strict";

window.soundstagePlots = (() => {
  const { element, select, number } = window.soundstageBoard;
  // Okabe and Ito's colours, which most colour-blind readers can tell apart; markers differ as well.
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c", "#b3a100"];
  const MARKERS = ["circle", "square", "diamond", "cross", "triangle-up", "star", "hexagon", "x"];
  const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

  // plotly takes some HTML in its texts; names are to be shown as they are.
  const plain = (text) => String(text).replace(/[&<>"]/g, (letter) => ESCAPES[letter]);

  function median(values) {
    const sorted = [...values].sort((one, other) => one - other);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  function mount(report, form, room) {
    const spatializers = [...new Set(report.scenes.map((scene) => scene[3]))];
    const separators = report.separators.map((one, at) => ({ ...one, at, raw: one.name, name: one.trained === "yes" ? `${one.name} (trained on it)` : one.name }));
    // Who competes has the colours that are told apart best.
    const places = [...separators].sort((one, other) => (one.role !== "separator") - (other.role !== "separator")).map((one) => one.at);
    const blind = separators.filter((one) => one.role === "separator");
    const shown = new Set((blind.length ? blind : separators).slice(0, 4).map((one) => one.at));
    const reference = separators.filter((one) => one.role === "floor" || one.role === "ceiling").map((one) => one.at);
    const isPlaced = (name) => report.atlas.some((course) => name in course);
    const state = { measure: report.ranked_by, spatializer: spatializers.find(isPlaced) ?? spatializers[0] };

    const measures = report.columns.map((column, at) => [String(at), `${column.label} (${column.metric})`]);
    form.append(select("measure", measures, String(state.measure), (value) => { state.measure = Number(value); draw(); }));
    if (spatializers.length > 1) form.append(select("spatializer", spatializers.map((name) => [name, name]), state.spatializer, (value) => { state.spatializer = value; draw(); }));
    const menu = element("div", { class: "menu" });
    for (const one of separators) {
      const box = element("input", { type: "checkbox", checked: shown.has(one.at), onchange: () => {
        if (box.checked) shown.add(one.at);
        else shown.delete(one.at);
        draw();
      } });
      menu.append(element("label", {}, box, one.role === "separator" ? one.name : `${one.name} (${one.role})`));
    }
    form.append(element("fieldset", {}, element("details", {}, element("summary", { text: "separators" }), menu)));
    form.addEventListener("submit", (event) => event.preventDefault());

    const colour = (at) => COLOURS[places.indexOf(at) % COLOURS.length];
    const marker = (at) => MARKERS[places.indexOf(at) % MARKERS.length];
    const chosen = () => separators.filter((one) => shown.has(one.at));

    function figure(id, title, note) {
      const plot = element("div", { class: "plot", id: `plot-${id}`, role: "img" });
      const table = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}: numbers` });
      const caption = element("figcaption", { text: title });
      const below = element("p", { text: note });
      const made = element("figure", {}, caption, below, plot, element("details", {}, element("summary", { text: "as numbers" }), table));
      return { made, plot, table, caption, below, title };
    }

    const figures = {
      sources: figure("sources", "Every song, by source", "Boxes are quartiles; each dot is a song and placement."),
      atlas: figure("atlas", "Atlas over azimuth", "0° is in front, 90° is left. Median over the scores that all have; bars are 95 % intervals where there are songs enough."),
      nearness: figure("nearness", "How near the next source is", "Median by the angle to the nearest other source, with 95 % intervals."),
      cost: figure("cost", "Quality against cost", "Median over songs and sources against seconds of separation a second of audio."),
    };
    const hasPlaces = report.atlas.some((course) => Object.keys(course).length);
    const costs = new Map();
    for (const section of report.boards[0].sections) for (const row of section.rows) {
      if (row.cost && row.cost[0] !== null) costs.set(row.separator, row.cost[0]);
    }
    room.append(figures.sources.made);
    if (hasPlaces) room.append(figures.atlas.made, figures.nearness.made);
    if (costs.size) room.append(figures.cost.made);

    // Values of a separator in a measure: [cell, value] in the chosen spatializer.
    function scores(at) {
      const values = report.values[at][state.measure];
      return values
        .map((value, cell) => [cell, value])
        .filter(([cell, value]) => value !== null && report.scenes[report.cells.scene[cell]][3] === state.spatializer);
    }

    function layout(extra = {}) {
      const style = getComputedStyle(document.documentElement);
      const of = (name) => style.getPropertyValue(name).trim();
      const axis = { gridcolor: of("--line"), zerolinecolor: of("--line"), linecolor: of("--line"), automargin: true };
      const polar = { bgcolor: "rgba(0,0,0,0)", angularaxis: { ...axis, direction: "counterclockwise", rotation: 90, tickmode: "array", tickvals: [0, 45, 90, 135, 180, 225, 270, 315], ticktext: ["0°", "45°", "90° left", "135°", "180°", "−135°", "−90° right", "−45°"] }, radialaxis: { ...axis, angle: 90, tickangle: 90 } };
      return {
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        font: { color: of("--fg"), size: 12, family: "system-ui, 'DejaVu Sans', sans-serif" },
        margin: { l: 56, r: 14, t: 10, b: 46 }, showlegend: true,
        legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
        hoverlabel: { font: { family: "system-ui, sans-serif" } },
        ...extra,
        xaxis: { ...axis, ...extra.xaxis }, yaxis: { ...axis, ...extra.yaxis },
        polar: { ...polar, ...extra.polar, radialaxis: { ...polar.radialaxis, ...extra.polar?.radialaxis } },
      };
    }

    const options = { responsive: true, displaylogo: false, displayModeBar: false };

    function put(figure, traces, extra, head, lines) {
      figure.plot.setAttribute("aria-label", `${figure.title}: ${label()}; the numbers are in the table below`);
      window.Plotly.react(figure.plot, traces, layout(extra), options);
      const row = (cells, tag) => element("tr", {}, ...cells.map((text) => element(tag, { text, scope: tag === "th" ? "col" : null })));
      figure.table.replaceChildren(element("table", {}, element("thead", {}, row(head, "th")), element("tbody", {}, ...lines.map((cells) => row(cells, "td")))));
    }

    const column = () => report.columns[state.measure];
    const label = () => `${column().label} in ${column().unit}`;
    const axisTitle = () => ({ title: { text: plain(`${column().label} ${column().up ? "↑" : "↓"} (${column().unit})`), standoff: 8 } });

    function drawSources() {
      const lines = [];
      const traces = chosen().map(({ at, name }) => {
        const found = scores(at);
        for (const [index, source] of report.sources.entries()) {
          const own = found.filter(([cell]) => report.cells.source[cell] === index).map(([, value]) => value);
          if (own.length) lines.push([name, source, own.length, ...[0, 0.25, 0.5, 0.75, 1].map((share) => number(quantile(own, share), column().decimals))]);
        }
        return {
          type: "box", name: plain(name), x: found.map(([cell]) => plain(report.sources[report.cells.source[cell]])), y: found.map(([, value]) => value),
          text: found.map(([cell]) => plain(report.scenes[report.cells.scene[cell]][1])), hovertemplate: "%{text}<br>%{y}",
          marker: { color: colour(at), size: 3, symbol: marker(at), opacity: 0.6 }, line: { width: 1.5 }, boxpoints: "all", jitter: 0.4, pointpos: 0, offsetgroup: String(at),
        };
      });
      put(figures.sources, traces, { boxmode: "group", yaxis: axisTitle() }, ["separator", "source", "scores", "least", "25 %", "median", "75 %", "most"], lines);
    }

    function quantile(values, share) {
      const sorted = [...values].sort((one, other) => one - other);
      const place = share * (sorted.length - 1);
      const low = Math.floor(place);
      return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
    }

    // The points of a course that belong to a separator: bin, value, ends.
    function course(which, at) {
      const points = report[which][state.measure][state.spatializer] ?? [];
      return points.flatMap((point) => point.values.filter(([own]) => own === at).map(([, value, ends]) => ({ ...point, value, ends })));
    }

    function table(which, unit) {
      const { decimals } = column();
      return chosen().flatMap(({ at, name }) => course(which, at).map((point) => [
        name, unit(point), point.songs, point.scores, number(point.value, decimals), point.ends ? point.ends.map((end) => number(end, decimals)).join(" to ") : "–",
      ]));
    }

    function drawAtlas() {
      const every = chosen().flatMap(({ at }) => course("atlas", at).flatMap((point) => [point.value, ...(point.ends ?? [])]));
      const least = Math.min(0, ...every);
      const isFrontal = report.atlas.every((of) => Object.values(of).every((points) => points.every((point) => Math.abs(point.at) <= 90)));
      const traces = chosen().flatMap(({ at, name }) => {
        const points = course("atlas", at).sort((one, other) => one.at - other.at);
        const bars = points.filter((point) => point.ends);
        const spokes = { type: "scatterpolar", mode: "lines", r: bars.flatMap((point) => [...point.ends, null]), theta: bars.flatMap((point) => [point.at, point.at, null]), line: { color: colour(at), width: 3 }, opacity: 0.35, showlegend: false, hoverinfo: "skip", legendgroup: String(at) };
        const dots = { type: "scatterpolar", mode: "lines+markers", name: plain(name), r: points.map((point) => point.value), theta: points.map((point) => point.at), line: { color: colour(at), width: 1.5 }, marker: { color: colour(at), symbol: marker(at), size: 7 }, legendgroup: String(at), hovertemplate: `${plain(name)}<br>%{theta}: %{r:.${column().decimals}f} ${plain(column().unit)}<extra></extra>` };
        return [spokes, dots];
      });
      const note = least < 0 ? ` The centre is ${number(least, column().decimals)} ${column().unit}.` : "";
      figures.atlas.below.textContent = `${label()}. 0° is in front, 90° is left. Median over the scores that all separators have; bars are 95 % intervals where there are ${report.few} songs or more.${note}`;
      put(figures.atlas, traces, { margin: { l: 64, r: 64, t: 20, b: 30 }, polar: { sector: isFrontal ? [0, 180] : [0, 360], radialaxis: { range: every.length ? [least, Math.max(...every)] : [0, 1] } } }, ["separator", "azimuth", "songs", "scores", "median", "95 %"], table("atlas", (point) => `${point.at}°`));
    }

    function drawNearness() {
      const traces = chosen().map(({ at, name }) => {
        const points = course("nearness", at);
        const shift = (chosen().findIndex((one) => one.at === at) - (chosen().length - 1) / 2) * 0.6;
        return {
          type: "scatter", mode: "lines+markers", name: plain(name), x: points.map((point) => point.at + shift), y: points.map((point) => point.value),
          error_y: { type: "data", symmetric: false, array: points.map((point) => (point.ends ? point.ends[1] - point.value : 0)), arrayminus: points.map((point) => (point.ends ? point.value - point.ends[0] : 0)), thickness: 1.2, width: 3 },
          line: { color: colour(at), width: 1.5 }, marker: { color: colour(at), symbol: marker(at), size: 7 }, hovertemplate: `${plain(name)}<br>%{y:.${column().decimals}f} ${plain(column().unit)}<extra></extra>`,
        };
      });
      put(figures.nearness, traces, { xaxis: { title: { text: "degrees to the nearest other source", standoff: 8 } }, yaxis: axisTitle() }, ["separator", "degrees", "songs", "scores", "median", "95 %"], table("nearness", (point) => `${point.from} to ${Math.round(point.to)}`));
    }

    function drawCost() {
      const lines = [];
      const traces = separators.filter(({ at, raw }) => costs.has(raw) && (shown.has(at) || reference.includes(at))).map(({ at, name, raw, role }) => {
        const own = scores(at).map(([, value]) => value);
        const value = own.length ? median(own) : null;
        lines.push([name, Number(costs.get(raw).toPrecision(2)), number(value, column().decimals)]);
        return { type: "scatter", mode: "markers+text", name: plain(name), x: [costs.get(raw)], y: [value], text: [plain(name)], textposition: "top center", marker: { color: colour(at), symbol: marker(at), size: 11, opacity: role === "separator" ? 1 : 0.5 }, showlegend: false, hovertemplate: `${plain(name)}<br>%{x:.2g} s a second<br>%{y:.${column().decimals}f} ${plain(column().unit)}<extra></extra>` };
      });
      put(figures.cost, traces, { showlegend: false, xaxis: { type: "log", dtick: "D2", tickfont: { size: 11 }, title: { text: "real-time factor (less is faster)", standoff: 8 }, tickformat: "~g" }, yaxis: axisTitle() }, ["separator", "real-time factor", "median"], lines);
    }

    function draw() {
      drawSources();
      for (const figure of [figures.atlas, figures.nearness]) figure.made.hidden = !isPlaced(state.spatializer);
      if (isPlaced(state.spatializer)) {
        drawAtlas();
        drawNearness();
      }
      if (costs.size) drawCost();
    }

    // Plots wait until they are near the window, so that the leaderboard is there at once.
    const near = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        near.disconnect();
        draw();
        room.dataset.drawn = "yes";
        document.addEventListener("soundstage-theme", draw);
        window.addEventListener("beforeprint", draw);
      }
    }, { rootMargin: "600px" });
    near.observe(room);
  }

  return { mount, plain };
})();
