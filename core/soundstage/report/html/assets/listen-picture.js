/* The picture of a clip: spectrogram and cues of what is heard, with cursor and loop, to click and to drag. */
"use strict";

window.soundstagePicture = (() => {
  const { spectrogram } = window.soundstageSound;
  const { h, time, number, paintSpectrogram, lane, reach } = window.soundstageDraw;
  const [COLUMNS, ROWS] = [640, 176];
  const [LOW_HZ, HIGH_HZ] = [50, 16000];
  const LEAST_LOOP_S = 0.1;

  /** What a clip says over time of one thing that is heard of a source: lanes with lines, the reference's dashed. */
  function tracks(clip, source, items, own) {
    const found = [];
    const reference = clip.traces[clip.clips.references[source]];
    const separator = own.separator ?? own.of;
    const trace = own.separator !== undefined ? clip.traces[own.file] : null;
    const shown = items.filter((one) => one.separator !== undefined || one.key === "reference");
    for (const [name, key, unit, decimals, least] of [["ITD", "itd_us", "µs", 0, 100], ["ILD", "ild_db", "dB", 1, 3]]) {
      const most = reach(shown.flatMap(({ file }) => clip.traces[file][key]), least);
      const lines = [{ values: reference[key], step: reference.step_s, from: 0, kind: "of-reference" }];
      if (trace) lines.push({ values: trace[key], step: trace.step_s, from: 0, kind: "" });
      found.push({ name, unit, decimals, lines, low: -most, high: most });
    }
    const curve = clip.curves.find((one) => one.separator === separator && one.source === source);
    if (curve?.at_s.length) {
      const { label, unit } = clip.measure;
      const step = curve.at_s.length > 1 ? curve.at_s[1] - curve.at_s[0] : 1;
      const beside = clip.curves.filter((one) => one.source === source && clip.about.includes(one.separator));
      const known = [curve, ...beside].flatMap(({ values }) => values).filter((value) => value !== null);
      const [low, high] = [Math.floor(Math.min(0, ...known)), Math.ceil(Math.max(1, ...known))];
      const lines = [{ values: curve.values, step, from: curve.at_s[0], kind: "" }];
      found.push({ name: label, unit, decimals: 2, lines, low, high });
    }
    return found;
  }

  class Picture {
    /** seek(position) and loop([from, to]) are called as the reader clicks and drags. */
    constructor({ seek, loop }) {
      this.canvas = h("canvas", { width: COLUMNS, height: ROWS, "aria-hidden": "true" });
      this.lanes = h("div");
      this.region = h("div", { className: "listen-region", hidden: true });
      this.cursor = h("div", { className: "listen-cursor" });
      this.readout = h("p", { className: "listen-readout" });
      const hertz = [100, 1000, 10000].map((frequency) => {
        const text = frequency < 1000 ? `${frequency} Hz` : `${frequency / 1000} kHz`;
        const label = h("span", { textContent: text, className: "listen-hertz" });
        label.style.bottom = `${(100 * Math.log(frequency / LOW_HZ)) / Math.log(HIGH_HZ / LOW_HZ)}%`;
        return label;
      });
      this.box = h("div", { className: "listen-picture", tabIndex: 0, role: "slider", "aria-label": "Position in the clip" },
        h("div", { className: "listen-track" }, this.canvas, ...hertz), this.lanes, this.region, this.cursor);
      this.drag(seek, loop);
    }

    drag(seek, loop) {
      const { box } = this;
      let from = null;
      const at = (event) => {
        const { left, width } = box.getBoundingClientRect();
        return Math.min(1, Math.max(0, (event.clientX - left) / width)) * this.clip.seconds;
      };
      const region = (event) => [from, at(event)].sort((one, other) => one - other);
      const isLoop = ([low, high]) => high - low >= LEAST_LOOP_S;
      box.onpointerdown = (event) => {
        if (event.button !== 0) return;
        box.setPointerCapture(event.pointerId);
        from = at(event);
      };
      box.onpointermove = (event) => {
        if (from !== null && isLoop(region(event))) this.draw(region(event));
      };
      box.onpointercancel = () => {
        from = null;
        this.draw(this.looped);
      };
      box.onpointerup = (event) => {
        if (from === null) return;
        const chosen = region(event);
        const where = from;
        from = null;
        if (isLoop(chosen)) loop(chosen);
        else seek(where);
      };
    }

    /** Another clip, source or thing heard; its lanes need no sound. */
    of(clip, source, items, own) {
      Object.assign(this, { clip, shown: tracks(clip, source, items, own) });
      this.lanes.replaceChildren(...this.shown.map(({ name, unit, lines, low, high }) => h("div", { className: "listen-track" },
        lane(lines, clip.seconds, low, high),
        h("span", { textContent: `${name} ${number(high)} ${unit}` }),
        h("span", { className: "listen-low", textContent: `${number(low)} ${unit}` }))));
    }

    /** New buffers: key → AudioBuffer. All are painted on the mixture's scale, so that levels compare by eye. */
    sound(buffers) {
      Object.assign(this, { buffers, spectra: new Map() });
      this.top = this.spectrum("mixture").reduce((most, value) => Math.max(most, value), -Infinity);
    }

    spectrum(key) {
      if (!this.spectra.has(key)) this.spectra.set(key, spectrogram(this.buffers[key], COLUMNS, ROWS, LOW_HZ, HIGH_HZ));
      return this.spectra.get(key);
    }

    paint(key) {
      this.box.classList.add("listen-painted");
      paintSpectrogram(this.canvas, this.spectrum(key), COLUMNS, ROWS, this.top);
    }

    /** Hide what would give X away; cursor and loop stay. */
    cover(on) {
      this.covered = on;
      this.box.classList.toggle("listen-covered", on);
    }

    /** Mark a region without looping it yet. */
    draw(region) {
      this.region.hidden = !region;
      if (!region) return;
      this.region.style.left = `${(100 * region[0]) / this.clip.seconds}%`;
      this.region.style.width = `${(100 * (region[1] - region[0])) / this.clip.seconds}%`;
    }

    loop(region) {
      this.looped = region;
      this.draw(region);
    }

    /** The cursor, and the values under it. */
    point(at) {
      const { clip, box } = this;
      this.cursor.style.left = `${(100 * at) / clip.seconds}%`;
      const values = (this.covered ? [] : this.shown).map(({ name, unit, decimals, lines }) => {
        const told = lines.map(({ values: known, step, from, kind }) => {
          const value = known[Math.floor((at - from) / step)] ?? null;
          const text = value === null ? "–" : `${number(value, decimals)} ${unit}`;
          return kind === "of-reference" ? `${text} (reference)` : text;
        });
        return `${name} ${told.reverse().join(", ")}`;
      });
      this.readout.textContent = [`At ${time(clip.start_s + at)}`, ...values].join(" · ");
      box.setAttribute("aria-valuemin", 0);
      box.setAttribute("aria-valuemax", clip.seconds);
      box.setAttribute("aria-valuenow", at.toFixed(1));
      box.setAttribute("aria-valuetext", [`${at.toFixed(1)} seconds`, ...values].join(", "));
    }
  }

  return { Picture, LEAST_LOOP_S };
})();
