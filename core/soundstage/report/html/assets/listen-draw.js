/* Pictures: the spectrogram, cues over time, and the scene from above. Colours come from the page's CSS variables. */
"use strict";

window.soundstageDraw = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  /** An element with attributes; a text is always text, never markup. */
  function svg(name, attributes = {}, text = null) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== null) made.textContent = text;
    return made;
  }

  /** An element with properties and children; texts are texts, never markup. */
  function h(name, properties = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key.startsWith("aria-") || key === "role") made.setAttribute(key, value);
      else made[key] = value;
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  const time = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
  const number = (value, decimals = 0) => value.toFixed(decimals).replace("-", "−").replace(/^−(0(\.0*)?)$/, "$1");
  const pressed = (button, on) => button.setAttribute("aria-pressed", String(on));

  /* ---- spectrogram ---- */

  const COLOURS = [ // dark to bright in even steps of lightness, told apart with any colour vision (after viridis)
    [18, 10, 32], [58, 38, 110], [47, 92, 140], [32, 144, 140], [94, 201, 98], [253, 231, 37],
  ];
  const RANGE_DB = 75;

  function colour(share) {
    const at = Math.min(0.9999, Math.max(0, share)) * (COLOURS.length - 1);
    const [from, to] = [COLOURS[Math.floor(at)], COLOURS[Math.floor(at) + 1]];
    return from.map((value, n) => value + (to[n] - value) * (at % 1));
  }

  const TABLE = Array.from({ length: 256 }, (_, n) => colour(n / 255));

  /** Paint a spectrogram (columns × rows, dB) so that it fills the canvas; what is `top` dB is brightest. */
  function paintSpectrogram(canvas, decibels, columns, rows, top) {
    canvas.width = columns;
    canvas.height = rows;
    const image = new ImageData(columns, rows);
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < rows; row++) {
        const share = (decibels[column * rows + row] - top + RANGE_DB) / RANGE_DB;
        const [r, g, b] = TABLE[Math.min(255, Math.max(0, Math.round(share * 255)))];
        image.data.set([r, g, b, 255], 4 * ((rows - 1 - row) * columns + column));
      }
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  /* ---- curves over time ---- */

  const LANE = 100; // units of height of a lane's own drawing, which is stretched

  /** One lane: lines over time between `low` and `high`. lines: {values, step, from, kind}; null breaks a line. */
  function lane(lines, seconds, low, high) {
    const picture = svg("svg", {
      viewBox: `0 0 1000 ${LANE}`, preserveAspectRatio: "none", class: "listen-lane", "aria-hidden": "true",
    });
    const y = (value) => LANE * (0.94 - 0.88 * ((Math.min(high, Math.max(low, value)) - low) / (high - low)));
    if (low < 0 && high > 0) {
      picture.append(svg("line", { x1: 0, x2: 1000, y1: y(0), y2: y(0), class: "listen-zero" }));
    }
    for (const { values, step, from, kind } of lines) {
      let path = "";
      values.forEach((value, n) => {
        if (value === null) return;
        const [start, end] = [from + n * step, from + (n + 1) * step].map((at) => ((at / seconds) * 1000).toFixed(1));
        const joined = n > 0 && values[n - 1] !== null ? "L" : "M";
        path += `${joined}${start} ${y(value).toFixed(1)}L${end} ${y(value).toFixed(1)}`;
      });
      if (path) picture.append(svg("path", { d: path, class: `listen-line ${kind}` }));
    }
    return picture;
  }

  /** A round number at or above nearly all magnitudes, for a lane's ends: a stray value flattens no line. */
  function reach(values, least) {
    const sizes = values.filter((value) => value !== null).map(Math.abs).sort((one, other) => one - other);
    const most = Math.max(least, sizes[Math.floor(0.95 * (sizes.length - 1))] ?? 0);
    const step = 10 ** Math.floor(Math.log10(most)) / 2;
    return Math.ceil(most / step) * step;
  }

  /* ---- the scene from above ---- */

  const signed = (degrees) => `${degrees < 0 ? "−" : degrees > 0 ? "+" : ""}${Math.abs(Math.round(degrees))}°`;

  /** Head and sources from above: 0° is up, +90° left. heard: the source that is looked at. */
  function scene(azimuths, elevations, heard) {
    const [width, radius, line] = [340, 56, 15];
    const least = 2 * line + 3; // from one name to the next
    const places = Object.entries(azimuths).map(([source, azimuth]) => {
      const angle = (azimuth * Math.PI) / 180;
      return { source, azimuth, x: -Math.sin(angle), y: -Math.cos(angle) };
    });
    const isLeft = ({ x }) => x < -1e-9;
    const most = Math.max(places.filter(isLeft).length, places.filter((place) => !isLeft(place)).length);
    const height = Math.max(210, most * least + line);
    const picture = svg("svg", { viewBox: `${-width / 2} ${-height / 2} ${width} ${height}`, class: "listen-scene", role: "img" });
    const text = places.map(({ source, azimuth }) => `${source} at ${signed(azimuth)}`).join(", ");
    picture.append(svg("title", {}, `The scene from above: ${text}; 0° is in front, +90° is left`));
    picture.append(svg("circle", { r: radius, class: "listen-ring" }));
    for (const [x, y] of [[0, -1], [-1, 0], [1, 0], [0, 1]]) {
      const [from, to] = [radius - 3, radius + 3];
      picture.append(svg("line", { x1: x * from, y1: y * from, x2: x * to, y2: y * to, class: "listen-ring" }));
    }
    picture.append(svg("path", { d: "M-5 -15 L0 -24 L5 -15 Z", class: "listen-head" })); // the nose
    picture.append(svg("circle", { r: 16, class: "listen-head" }));
    picture.append(svg("ellipse", { cx: -17, rx: 3, ry: 5, class: "listen-head" }));
    picture.append(svg("ellipse", { cx: 17, rx: 3, ry: 5, class: "listen-head" }));
    for (const left of [true, false]) {
      const side = places.filter((place) => isLeft(place) === left).sort((one, other) => one.y - other.y);
      let last = -Infinity; // names are moved apart until none covers another, and up again from the lower edge
      const at = side.map(({ y }) => (last = Math.max(y * (radius + 14), last + least)));
      const over = Math.max(0, last + line + 5 - height / 2);
      side.forEach(({ source, azimuth, x, y }, n) => {
        const kind = source === heard ? "listen-source listen-heard" : "listen-source";
        const short = source.length > 12 ? `${source.slice(0, 11)}…` : source;
        const angle = signed(azimuth) + (elevations?.[source] ? `, ${signed(elevations[source])} up` : "");
        const edge = (left ? -1 : 1) * (radius + 14);
        const label = svg("text", { y: at[n] - over, class: kind, "text-anchor": left ? "end" : "start" });
        label.append(svg("tspan", { x: edge }, short), svg("tspan", { x: edge, dy: line }, angle));
        const [fromX, fromY] = [x * radius, y * radius];
        picture.append(svg("line", { x1: fromX, y1: fromY, x2: edge * 0.97, y2: at[n] - over + 2, class: "listen-leader" }));
        picture.append(svg("circle", { cx: fromX, cy: fromY, r: source === heard ? 7 : 5, class: kind }), label);
      });
    }
    return picture;
  }

  return { h, time, number, pressed, paintSpectrogram, lane, reach, scene };
})();
