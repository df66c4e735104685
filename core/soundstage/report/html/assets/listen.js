/* The listening room: mixture, reference, estimates and residuals of a scene, switched without a gap at one position.

   window.soundstageListen.mount(element, listening, {folder}) builds it; what `listening` holds is written down in
   soundstage/rendering/clips.py. Every name in it is untrusted and only ever becomes text. */
"use strict";

window.soundstageListen = (() => {
  const { Deck, Trials, loadClip, residual, measure, gains, spectrogram } = window.soundstageSound;
  const { paintSpectrogram, lane, reach, scene } = window.soundstageDraw;
  const AHEAD_S = 0.02; // from a key press to what it schedules
  const SEAMS_S = 0.6; // so far ahead the seams of a loop are smoothed
  const [COLUMNS, ROWS] = [640, 176];
  const [LOW_HZ, HIGH_HZ] = [50, 16000];
  const LEAST_LOOP_S = 0.1;

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

  /** What can be heard of a source in a clip, in the order of the buttons. */
  function choices(clip, source) {
    const found = [
      { key: "mixture", label: "Mixture", file: clip.clips.mixture },
      { key: "reference", label: "Reference", file: clip.clips.references[source] },
    ];
    clip.separators.forEach((separator, n) => {
      const file = clip.clips.estimates[separator]?.[source];
      const isThere = found.some((one) => one.file === file); // floors and ceilings give back what is there already
      if (file && !isThere) found.push({ key: `estimate ${n}`, label: separator, file, separator });
    });
    for (const one of found.filter(({ separator }) => separator !== undefined)) {
      found.push({
        key: one.key.replace("estimate", "residual"), label: `Residual of ${one.label}`, residual: one, of: one.separator,
        file: clip.clips.residuals?.[one.separator]?.[source] ?? null,
      });
    }
    return found;
  }

  class Room {
    constructor(root, listening, { folder = "clips/", random } = {}) {
      Object.assign(this, { root, listening, folder, random, matched: true, position: 0, heard: "reference", turn: 0 });
      this.still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.build();
      root.addEventListener("keydown", (event) => this.key(event));
      this.ready = this.choose(0, listening[0].sources[0]);
    }

    /** A clip by its song, and whatever else tells it from the others. */
    title(clip) {
      const parts = ["dataset", "spatializer", "placement", "seed"].filter((part) =>
        this.listening.some((other) => other[part] !== clip[part]));
      return [clip.track, ...parts.map((part) => (part === "seed" ? `seed ${clip.seed}` : clip[part]))].filter(Boolean).join(" · ");
    }

    get clip() {
      return this.listening[this.at];
    }

    now() {
      return this.context ? this.context.currentTime : 0;
    }

    where() {
      return this.deck?.playing ? this.deck.position(this.now()) : this.position;
    }

    /* ---- the page ---- */

    build() {
      const on = (name, action) => ({ type: "button", [`on${name}`]: action });
      this.scenes = h("select", { onchange: () => this.choose(this.scenes.selectedIndex) });
      this.listening.forEach((clip, n) => this.scenes.append(h("option", { value: n, textContent: this.title(clip) })));
      this.sources = h("select", { onchange: () => this.choose(this.at, this.sources.value) });
      this.why = h("p", { className: "listen-why" });
      this.rows = h("fieldset", {}, h("legend", { textContent: "What is heard" }));
      this.play = h("button", { ...on("click", () => this.toggle()), className: "listen-play", textContent: "Play" });
      this.loopButton = h("button", { ...on("click", () => this.setLooping(!this.looping)), textContent: "Loop" });
      this.whole = h("button", { ...on("click", () => this.setLoop(null)), textContent: "Whole clip", disabled: true });
      this.match = h("button", { ...on("click", () => this.setMatched(!this.matched)), textContent: "Level-matched" });
      this.looping = true;
      pressed(this.loopButton, true);
      pressed(this.match, true);
      this.time = h("span", { className: "listen-time" });
      this.level = h("p", { className: "listen-note" });
      this.buildPicture();
      this.live = h("p", { className: "listen-live", role: "status", "aria-live": "polite" });
      this.buildAbx();
      this.sceneBox = h("div", { className: "listen-panel" });
      this.worstOf = h("select", { onchange: () => this.listWorst() });
      this.worstList = h("ol");
      const measure = this.listening.find((clip) => clip.measure)?.measure;
      this.worstBox = h("div", { className: "listen-panel listen-worst" },
        h("h4", { textContent: `The worst seconds in these clips${measure ? `, by ${measure.label}` : ""}` }),
        h("label", { className: "listen-why" }, "Of ", this.worstOf), this.worstList);
      const of = [...new Set(this.listening.flatMap((clip) => clip.worst.map(({ separator }) => separator)))];
      const examples = new Set(this.listening.flatMap((clip) => clip.about));
      of.sort((one, other) => examples.has(other) - examples.has(one));
      of.forEach((name) => this.worstOf.append(h("option", { value: name, textContent: name })));
      this.worstBox.hidden = !of.length;
      this.listWorst();
      const keys = [["Space", "play, pause"], ["← →", "a second back, on; with Shift a tenth"], ["↑ ↓", "what is heard"],
        ["1 … 9", "hear that one"], ["[ ]", "the loop begins, ends here"], ["Esc", "loop the whole clip"],
        ["L", "loop or not"], ["M", "level-matched or true level"], ["A B X", "hear A, B or X of the blind test; X begins one"]];
      const list = h("dl", { className: "listen-keys" });
      keys.forEach(([key, text]) => list.append(h("dt", {}, h("kbd", { textContent: key })), h("dd", { textContent: text })));
      this.root.classList.add("listen");
      this.root.setAttribute("role", "group");
      this.root.setAttribute("aria-label", "Listening room");
      this.root.replaceChildren(
        h("div", { className: "listen-main" },
          h("div", { className: "listen-pick" }, h("label", {}, "Song", this.scenes), h("label", {}, "Source", this.sources)),
          this.why, this.rows,
          h("div", { className: "listen-row listen-transport" }, this.play, this.loopButton, this.whole, this.match, this.time),
          this.level, this.picture, this.readout,
          h("p", { className: "listen-note", textContent: "Click to go there, drag to loop. Dashed: the reference." }),
          this.abx, h("details", {}, h("summary", { textContent: "Keys" }), list), this.live),
        h("div", { className: "listen-side" }, this.sceneBox, this.worstBox),
      );
    }

    buildPicture() {
      this.canvas = h("canvas", { width: COLUMNS, height: ROWS, "aria-hidden": "true" });
      this.lanes = h("div");
      this.region = h("div", { className: "listen-region", hidden: true });
      this.cursor = h("div", { className: "listen-cursor" });
      this.picture = h("div", { className: "listen-picture", tabIndex: 0, role: "slider", "aria-label": "Position in the clip" },
        h("div", { className: "listen-track" }, this.canvas, ...[100, 1000, 10000].map((hertz) => {
          const label = h("span", { textContent: hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`, className: "listen-hertz" });
          label.style.bottom = `${(100 * Math.log(hertz / LOW_HZ)) / Math.log(HIGH_HZ / LOW_HZ)}%`;
          return label;
        })), this.lanes, this.region, this.cursor);
      this.readout = h("p", { className: "listen-readout" });
      const at = (event) => {
        const box = this.picture.getBoundingClientRect();
        return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.clip.seconds;
      };
      let from = null;
      this.picture.onpointerdown = (event) => {
        if (event.button !== 0) return;
        this.picture.setPointerCapture(event.pointerId);
        from = at(event);
      };
      this.picture.onpointermove = (event) => {
        if (from === null) return;
        const [low, high] = [from, at(event)].sort((one, other) => one - other);
        if (high - low >= LEAST_LOOP_S) this.drawRegion([low, high]);
      };
      this.picture.onpointercancel = () => {
        from = null;
        this.drawRegion(this.loop);
      };
      this.picture.onpointerup = (event) => {
        if (from === null) return;
        const [low, high] = [from, at(event)].sort((one, other) => one - other);
        from = null;
        if (high - low >= LEAST_LOOP_S) this.setLoop([low, high], low);
        else this.seek(high);
      };
    }

    buildAbx() {
      const button = (text, action) => h("button", { type: "button", textContent: text, onclick: action });
      this.pickA = h("select", { onchange: () => this.stopAbx() });
      this.pickB = h("select", { onchange: () => this.stopAbx() });
      this.begin = button("Begin blind test", () => (this.trials ? this.stopAbx() : this.startAbx()));
      this.hearing = Object.fromEntries(["A", "B", "X"].map((name) => [name, button(`Hear ${name}`, () => this.hearAbx(name))]));
      this.guesses = ["A", "B"].map((name) => button(`X is ${name}`, () => this.guess(name)));
      this.reveal = button("Reveal the last one", () => this.revealLast());
      this.count = h("p", { className: "listen-note" });
      this.revealed = h("p", { className: "listen-note" });
      this.trying = h("div", { className: "listen-main", hidden: true },
        h("div", { className: "listen-row", role: "group", "aria-label": "Hear A, B or X" }, ...Object.values(this.hearing)),
        h("div", { className: "listen-row", role: "group", "aria-label": "Your answer" }, ...this.guesses),
        this.count, h("div", { className: "listen-row" }, this.reveal), this.revealed);
      this.abx = h("div", { className: "listen-panel listen-abx", role: "group", "aria-label": "Blind A/B/X" },
        h("h4", { textContent: "Blind A/B/X" }),
        h("div", { className: "listen-pick" }, h("label", {}, "A", this.pickA), h("label", {}, "B", this.pickB)),
        h("div", { className: "listen-row" }, this.begin), this.trying);
    }

    say(text) {
      this.live.textContent = text;
    }

    /* ---- what is listened to ---- */

    /** Another scene or source; what is heard stays, as far as it is there. */
    async choose(at, source = null, heard = this.heard) {
      const turn = ++this.turn;
      const playing = this.deck?.playing ?? false;
      this.stopAbx();
      this.pause();
      if (at !== this.at) Object.assign(this, { position: 0, loop: null });
      this.at = at;
      const { clip } = this;
      this.source = clip.sources.includes(source) ? source : clip.sources.includes(this.source) ? this.source : clip.sources[0];
      this.items = choices(clip, this.source);
      this.heard = this.items.some(({ key }) => key === heard) ? heard : "reference";
      this.scenes.selectedIndex = at;
      this.sources.replaceChildren(...clip.sources.map((name) => h("option", { value: name, textContent: name })));
      this.sources.value = this.source;
      this.why.textContent = [clip.why.join("; "), `${time(clip.start_s)} to ${time(clip.start_s + clip.seconds)} of ${clip.track}`]
        .filter(Boolean).join(". ");
      this.drawScene();
      this.buildRows();
      this.drawLanes(); // they need no sound, and nothing moves when it comes
      this.drawRegion(this.loop);
      this.setDisabled(true);
      this.level.textContent = "Loading…";
      try {
        await this.load(turn);
      } catch (error) {
        if (turn === this.turn) this.level.textContent = `This cannot be played: ${error.message}`;
        return;
      }
      if (turn !== this.turn) return;
      this.setDisabled(false);
      this.applyLevels();
      this.show();
      if (playing) await this.start(this.position);
    }

    async load(turn) {
      const { clip, items } = this;
      const files = new Map(items.filter(({ file }) => file).map(({ file }) => [file, null]));
      await Promise.all([...files.keys()].map(async (file) => {
        const known = this.decoded?.get(file);
        files.set(file, known ?? (await loadClip(this.folder, file, clip.rate, clip.scale[file])));
      }));
      if (turn !== this.turn) return;
      this.decoded = files; // and no others: ten seconds take megabytes
      const reference = files.get(items[1].file);
      this.buffers = Object.fromEntries(items.map(({ key, file, residual: of }) => [
        key, file ? files.get(file) : residual(files.get(of.file), reference, clip.gain),
      ]));
      this.measured = Object.fromEntries(Object.entries(this.buffers).map(([key, buffer]) => [key, measure(buffer)]));
      this.spectra = new Map();
      this.deck = null;
    }

    buildRows() {
      const legend = this.rows.firstChild;
      this.buttons = new Map();
      const group = (name, items) => {
        const row = h("div", { className: "listen-row", role: "group", "aria-label": name });
        for (const { key, label, of } of items) {
          const place = this.buttons.size + 1;
          const button = h("button", { type: "button", onclick: () => this.hear(key), title: label });
          if (place < 10) button.append(h("kbd", { textContent: place, "aria-hidden": "true" }));
          button.append(of === undefined ? label : of);
          button.setAttribute("aria-label", label);
          pressed(button, key === this.heard);
          this.buttons.set(key, button);
          row.append(button);
        }
        return row;
      };
      const residuals = this.items.filter(({ of }) => of !== undefined);
      const gain = this.clip.gain === 1 ? "" : `${number(20 * Math.log10(this.clip.gain), 1)} dB `;
      this.rows.replaceChildren(legend, group("Mixture, reference and estimates", this.items.filter(({ of }) => of === undefined)));
      if (residuals.length) {
        this.rows.append(
          h("p", { className: "listen-why", textContent: `Residuals: estimate minus reference${gain && ` at ${gain}, the mixture’s gain`}` }),
          group("Residuals", residuals));
      }
      for (const pick of [this.pickA, this.pickB]) {
        pick.replaceChildren(...this.items.map(({ key, label }) => h("option", { value: key, textContent: label })));
      }
      this.pickA.value = "reference";
      this.pickB.value = this.items[2]?.key ?? "mixture";
    }

    setDisabled(disabled) {
      for (const control of [this.play, this.begin, ...this.buttons.values()]) control.disabled = disabled;
    }

    applyLevels() {
      const like = Object.fromEntries(this.items.filter((one) => one.residual).map((one) => [one.key, one.residual.key]));
      const { gains: levels, downDb } = gains(this.measured, "reference", this.matched, like);
      this.levels = levels;
      const all = downDb > 0.05 ? ` All are turned down by ${number(downDb, 1)} dB alike, so that nothing clips.` : "";
      this.level.textContent = this.matched
        ? `All are as loud as the reference; a residual is as loud beside its estimate as it is.${all}`
        : `All are at their true level.${all}`;
      if (this.deck) this.deck.hear(this.deck.heard, this.now() + AHEAD_S, levels);
    }

    setMatched(on) {
      if (this.trials) return; // a difference in level would give X away
      this.matched = on;
      pressed(this.match, on);
      if (this.measured) this.applyLevels();
      this.say(on ? "Level-matched" : "True level");
    }

    hear(key) {
      if (this.trials) return; // X is at stake
      this.heard = key;
      this.buttons.forEach((button, other) => pressed(button, other === key));
      if (this.deck?.playing) this.deck.hear(key, this.now() + AHEAD_S);
      this.show();
      this.say(`${this.items.find((one) => one.key === key).label}, ${this.source}`);
    }

    /* ---- playing ---- */

    toggle() {
      if (this.deck?.playing) this.pause();
      else if (this.buffers) this.start(this.position);
    }

    async start(position) {
      const { rate } = this.clip;
      if (!this.context || this.context.sampleRate !== rate) {
        this.context?.close();
        this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
        this.deck = null;
      }
      await this.context.resume();
      this.deck?.stop(this.now());
      this.deck = new Deck(this.context, this.buffers, this.levels);
      this.deck.looping = this.looping;
      if (this.loop) this.deck.loop = this.loop;
      const from = position >= this.deck.seconds - 0.01 ? 0 : position;
      this.deck.start(from, this.now() + AHEAD_S, this.trials ? this.meant(this.hearingNow) : this.heard);
      this.play.textContent = "Pause";
      clearInterval(this.ticking);
      this.ticking = setInterval(() => this.tick(), this.still ? 250 : 40);
      this.tick();
    }

    pause() {
      clearInterval(this.ticking);
      if (this.deck?.playing) {
        this.deck.stop(this.now());
        this.position = this.deck.offset;
      }
      this.play.textContent = "Play";
      this.drawCursor();
    }

    tick() {
      this.deck.smoothSeams(this.now() + SEAMS_S);
      if (!this.deck.looping && this.where() >= this.deck.seconds - 1e-3) {
        this.pause();
        this.position = 0;
      }
      this.drawCursor();
    }

    /** Play on from where it is, with what has changed about loop or position. */
    replay(position) {
      this.position = Math.min(this.clip.seconds, Math.max(0, position));
      if (this.deck?.playing) this.start(this.position);
      else this.drawCursor();
    }

    seek(position) {
      if (this.loop && (position < this.loop[0] || position >= this.loop[1])) this.setLoop(null, position);
      else this.replay(position);
    }

    setLooping(on) {
      this.looping = on;
      pressed(this.loopButton, on);
      this.replay(this.where());
      this.say(on ? "Loop on" : "Loop off");
    }

    /** Loop a region, or with null the whole clip. */
    setLoop(region, position = this.where()) {
      if (region && region[1] - region[0] < LEAST_LOOP_S) return;
      this.loop = region;
      this.drawRegion(region);
      this.whole.disabled = !region;
      if (region && !this.looping) {
        this.looping = true;
        pressed(this.loopButton, true);
      }
      this.replay(region ? Math.min(Math.max(position, region[0]), region[1] - 0.001) : position);
      this.say(region ? `Loop from ${time(region[0])} to ${time(region[1])}` : "Loop of the whole clip");
    }

    /* ---- pictures ---- */

    /** Spectrogram and traces of what is heard. */
    show() {
      if (!this.buffers) return;
      this.picture.classList.toggle("listen-covered", Boolean(this.trials)); // pictures would give X away
      if (this.trials) return;
      const picture = (key) => {
        if (!this.spectra.has(key)) this.spectra.set(key, spectrogram(this.buffers[key], COLUMNS, ROWS, LOW_HZ, HIGH_HZ));
        return this.spectra.get(key);
      };
      if (this.top === undefined || this.topOf !== this.at) {
        this.top = picture("mixture").reduce((most, value) => Math.max(most, value), -Infinity);
        this.topOf = this.at; // one scale for a scene, so that levels can be compared by eye
      }
      paintSpectrogram(this.canvas, picture(this.heard), COLUMNS, ROWS, this.top);
      this.drawLanes();
      this.drawCursor();
    }

    /** What is known over time of what is heard: [name, unit, decimals, lines, low, high]. */
    tracks() {
      const { clip } = this;
      const own = this.items.find(({ key }) => key === this.heard);
      const reference = clip.traces[this.items[1].file];
      const trace = own.of === undefined && own.key !== "mixture" ? clip.traces[own.file] : null;
      const found = [];
      for (const [name, key, unit, decimals, least] of [["ITD", "itd_us", "µs", 0, 100], ["ILD", "ild_db", "dB", 1, 3]]) {
        const lines = [{ values: reference[key], step: reference.step_s, from: 0, kind: "of-reference" }];
        if (trace && own.key !== "reference") lines.push({ values: trace[key], step: trace.step_s, from: 0, kind: "" });
        const shown = this.items.filter((one) => one.of === undefined && one.key !== "mixture");
        const most = reach(shown.flatMap(({ file }) => clip.traces[file][key]), least);
        found.push({ name, unit, decimals, lines, low: -most, high: most });
      }
      const curve = clip.curves.find((one) => one.separator === (own.separator ?? own.of) && one.source === this.source);
      if (clip.measure && curve?.at_s.length) {
        const step = curve.at_s.length > 1 ? curve.at_s[1] - curve.at_s[0] : 1;
        const beside = clip.curves.filter((one) => one.source === this.source && clip.about.includes(one.separator));
        const known = [curve, ...beside].flatMap(({ values }) => values).filter((one) => one !== null);
        const { label, unit } = clip.measure;
        const [low, high] = [Math.floor(Math.min(0, ...known)), Math.ceil(Math.max(1, ...known))];
        found.push({ name: label, unit, decimals: 2, low, high, lines: [{ values: curve.values, step, from: curve.at_s[0], kind: "" }] });
      }
      return found;
    }

    drawLanes() {
      this.shown = this.tracks();
      this.lanes.replaceChildren(...this.shown.map(({ name, unit, lines, low, high }) => h("div", { className: "listen-track" },
        lane(lines, this.clip.seconds, low, high),
        h("span", { textContent: `${name} ${number(high)} ${unit}` }),
        h("span", { className: "listen-low", textContent: `${number(low)} ${unit}` }))));
    }

    drawScene() {
      const { azimuths, elevations } = this.clip;
      this.sceneBox.replaceChildren(h("h4", { textContent: "The scene from above" }), azimuths
        ? scene(azimuths, elevations, this.source)
        : h("p", { className: "listen-why", textContent: "Nothing is placed here: the song’s own mix." }));
    }

    drawRegion(region) {
      this.region.hidden = !region;
      if (!region) return;
      this.region.style.left = `${(100 * region[0]) / this.clip.seconds}%`;
      this.region.style.width = `${(100 * (region[1] - region[0])) / this.clip.seconds}%`;
    }

    drawCursor() {
      if (!this.clip) return;
      const at = this.where();
      this.cursor.style.left = `${(100 * at) / this.clip.seconds}%`;
      this.time.textContent = `${time(at)} / ${time(this.clip.seconds)}`;
      this.picture.setAttribute("aria-valuemin", 0);
      this.picture.setAttribute("aria-valuemax", this.clip.seconds);
      this.picture.setAttribute("aria-valuenow", at.toFixed(1));
      const values = (this.trials ? [] : this.shown ?? []).map(({ name, unit, decimals, lines }) => {
        const told = lines.map(({ values, step, from, kind }) => {
          const value = values[Math.floor((at - from) / step)] ?? null;
          return (value === null ? "–" : `${number(value, decimals)} ${unit}`) + (kind === "of-reference" ? " (reference)" : "");
        });
        return `${name} ${told.reverse().join(", ")}`;
      });
      this.readout.textContent = [`In the song ${time(this.clip.start_s + at)}`, ...values].join(" · ");
      this.picture.setAttribute("aria-valuetext", [`${at.toFixed(1)} seconds`, ...values].join(", "));
    }

    /* ---- the worst seconds ---- */

    listWorst() {
      const name = this.worstOf.value;
      const found = this.listening.flatMap((clip, at) => clip.worst.filter(({ separator }) => separator === name)
        .map((worst) => ({ ...worst, at, clip })));
      const sign = found[0]?.clip.measure.higher_is_better === false ? -1 : 1;
      found.sort((one, other) => sign * (one.value - other.value));
      this.worstList.replaceChildren(...found.slice(0, 10).map((worst) => {
        const { clip, source, value, at, at_s: second, separator } = worst;
        const { label, unit } = clip.measure;
        const text = `${number(value, 2)} ${unit} · ${source} · ${this.title(clip)} · ${time(clip.start_s + second)}`;
        return h("li", {}, h("button", {
          type: "button", textContent: text, "aria-label": `${label} ${text}`,
          onclick: () => this.jump(at, source, `estimate ${clip.separators.indexOf(separator)}`, second),
        }));
      }));
    }

    async jump(at, source, heard, second) {
      this.pause();
      await this.choose(at, source, heard);
      this.setLoop(null, second);
      await this.start(second);
    }

    /* ---- A/B/X ---- */

    meant(name) {
      return { A: this.pickA.value, B: this.pickB.value }[name === "X" ? this.trials.x : name];
    }

    startAbx() {
      this.setMatched(true);
      this.trials = new Trials(this.random);
      this.begin.textContent = "End blind test";
      this.trying.hidden = false;
      this.revealed.textContent = "";
      this.buttons.forEach((button) => {
        pressed(button, false);
        button.disabled = true;
      });
      this.match.disabled = true;
      this.tell();
      this.hearAbx("X");
    }

    stopAbx() {
      if (!this.trials) return;
      this.trials = null;
      this.trying.hidden = true;
      this.begin.textContent = "Begin blind test";
      this.match.disabled = false;
      this.setDisabled(false);
      this.hear(this.heard);
    }

    hearAbx(name) {
      this.hearingNow = name;
      for (const [key, button] of Object.entries(this.hearing)) pressed(button, key === name);
      if (this.deck?.playing) this.deck.hear(this.meant(name), this.now() + AHEAD_S);
      else this.start(this.position);
      this.show();
      this.say(`Hearing ${name}`);
    }

    guess(name) {
      this.trials.answer(name);
      this.revealed.textContent = "";
      this.tell();
      this.hearAbx("X");
      this.say(`Answer ${this.trials.done.length} taken. A new X.`);
    }

    /** How many so far, how many of them right, and how likely that is by guessing. */
    tell() {
      const { done, right, chance } = this.trials;
      this.reveal.disabled = !done.length;
      this.count.textContent = done.length
        ? `${right} of ${done.length} right; guessing does as well or better with p ${chance < 0.001 ? "< 0.001" : `= ${chance.toFixed(3)}`}`
        : "No answer yet. Switch as often as you like.";
    }

    revealLast() {
      const { x, right } = this.trials.done.at(-1);
      const name = this.items.find(({ key }) => key === this.meant(x)).label;
      this.revealed.textContent = `The last X was ${x}, ${name}: your answer was ${right ? "right" : "wrong"}.`;
      this.say(this.revealed.textContent);
    }

    /* ---- keys ---- */

    key(event) {
      const { key, target } = event;
      if (event.ctrlKey || event.altKey || event.metaKey || target.closest("select, input, textarea, summary")) return;
      if (key === " " && target.closest("button")) return;
      const step = event.shiftKey ? 0.1 : 1;
      const keys = [...(this.buttons?.keys() ?? [])];
      const beside = (by) => keys[(keys.indexOf(this.heard) + by + keys.length) % keys.length];
      const actions = {
        " ": () => this.toggle(),
        ArrowLeft: () => this.seek(this.where() - step),
        ArrowRight: () => this.seek(this.where() + step),
        ArrowUp: () => this.hear(beside(-1)),
        ArrowDown: () => this.hear(beside(1)),
        Home: () => this.seek(0),
        "[": () => this.setLoop([this.where(), this.loop?.[1] ?? this.clip.seconds]),
        "]": () => this.setLoop([this.loop?.[0] ?? 0, this.where()]),
        Escape: () => this.setLoop(null),
        l: () => this.setLooping(!this.looping),
        m: () => this.setMatched(!this.matched),
        x: () => (this.trials ? this.hearAbx("X") : this.startAbx()),
        a: () => this.trials && this.hearAbx("A"),
        b: () => this.trials && this.hearAbx("B"),
      };
      let action = actions[key] ?? actions[key.toLowerCase()];
      if (/^[1-9]$/.test(key) && keys[key - 1]) action = () => this.hear(keys[key - 1]);
      if (!action || !this.buffers) return;
      event.preventDefault();
      action();
    }
  }

  /** Build the room in an element; clips lie in `folder`, relative to the page. */
  function mount(element, listening, options = {}) {
    if (listening.length) return new Room(element, listening, options);
    element.replaceChildren(h("p", { textContent: "There are no clips in this report." }));
    return null;
  }

  return { mount };
})();
