/* The listening room: mixture, reference, estimates and residuals of a scene, switched without a gap at one position.

   window.soundstageListen.mount(element, listening, {folder}) builds it; what `listening` holds is written down in
   soundstage/rendering/clips.py. Every name in it is untrusted and only ever becomes text.
   The scripts go before this one in this order: listen-sound, listen-draw, listen-picture, listen-blind. */
"use strict";

window.soundstageListen = (() => {
  const { Deck, loadClip, residual, measure, gains } = window.soundstageSound;
  const { h, time, number, pressed, scene } = window.soundstageDraw;
  const { Picture, LEAST_LOOP_S } = window.soundstagePicture;
  const { BlindTest } = window.soundstageBlind;
  const AHEAD_S = 0.02; // from a key press to what it schedules
  const SEAMS_S = 0.6; // so far ahead the seams of a loop are smoothed

  const KEYS = [
    ["Space", "play, pause"], ["← →", "a second back, on; with Shift a tenth"], ["↑ ↓", "hear the one before, after"],
    ["1 … 9", "hear that one"], ["[ ]", "the loop begins, ends here"], ["Esc", "loop the whole clip"],
    ["L", "loop or not"], ["M", "level-matched or true level"], ["A B X", "hear A, B or X of the blind test; X begins one"],
  ];

  /** What can be heard of a source in a clip, in the order of the buttons: mixture, reference, estimates, residuals. */
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
    for (const estimate of found.slice(2)) {
      const file = clip.clips.residuals?.[estimate.separator]?.[source] ?? null;
      const key = estimate.key.replace("estimate", "residual");
      found.push({ key, label: `Residual of ${estimate.label}`, file, of: estimate.separator, estimate });
    }
    return found;
  }

  class Room {
    constructor(root, listening, { folder = "clips/", random } = {}) {
      Object.assign(this, { root, listening, folder, matched: true, looping: true, loop: null, heard: "reference" });
      Object.assign(this, { position: 0, turn: 0, goesOn: false });
      this.still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.picture = new Picture({ seek: (at) => this.seek(at), loop: (region) => this.setLoop(region, region[0]) });
      this.blind = new BlindTest({
        hear: (key) => this.hearBlindly(key), begin: () => this.cover(true), end: () => this.cover(false),
        say: (text) => this.say(text),
      }, random);
      this.build();
      // Clips are megabytes: they are loaded once a reader comes near the room.
      this.near = new Promise((resolve) => {
        const watch = new IntersectionObserver((seen) => {
          if (!seen.some((one) => one.isIntersecting)) return;
          watch.disconnect();
          resolve();
        }, { rootMargin: "400px" });
        watch.observe(root);
      });
      root.addEventListener("keydown", (event) => this.key(event));
      this.ready = this.choose(0, listening[0].sources[0]);
    }

    get clip() {
      return this.listening[this.at];
    }

    /** A clip by its song, and whatever else tells it from the others; of paths the last part. */
    title(clip) {
      const parts = ["dataset", "spatializer", "placement", "seed"].filter((part) =>
        new Set(this.listening.map((one) => one[part]).filter((value) => value !== "")).size > 1);
      const texts = parts.map((part) => (part === "seed" ? `seed ${clip.seed}` : clip[part].replace(/=[^,\]]*[\\/]/g, "=…/")));
      return [clip.track, ...texts].filter(Boolean).join(" · ");
    }

    /* ---- the page ---- */

    build() {
      const button = (text, action, more = {}) => h("button", { type: "button", textContent: text, onclick: action, ...more });
      this.scenes = h("select", { onchange: () => this.choose(this.scenes.selectedIndex) },
        ...this.listening.map((clip, n) => h("option", { value: n, textContent: this.title(clip) })));
      this.sources = h("select", { onchange: () => this.choose(this.at, this.sources.value) });
      this.why = h("p", { className: "listen-why" });
      this.rows = h("fieldset", {}, h("legend", { textContent: "What is heard" }));
      this.play = button("Play", () => this.toggle(), { className: "listen-play" });
      this.loopButton = button("Loop", () => this.setLooping(!this.looping), { "aria-pressed": "true" });
      this.whole = button("Whole clip", () => this.setLoop(null), { disabled: true });
      this.match = button("Level-matched", () => this.setMatched(!this.matched), { "aria-pressed": "true" });
      this.time = h("span", { className: "listen-time" });
      this.level = h("p", { className: "listen-note" });
      this.live = h("p", { className: "listen-live", role: "status", "aria-live": "polite" });
      this.sceneBox = h("div", { className: "listen-panel" });
      const keys = KEYS.flatMap(([key, text]) => [h("dt", {}, h("kbd", { textContent: key })), h("dd", { textContent: text })]);
      this.root.classList.add("listen");
      this.root.setAttribute("role", "group");
      this.root.setAttribute("aria-label", "Listening room");
      this.root.replaceChildren(
        h("div", { className: "listen-main" },
          h("div", { className: "listen-pick" }, h("label", {}, "Song", this.scenes), h("label", {}, "Source", this.sources)),
          this.why, this.rows,
          h("div", { className: "listen-row listen-transport" }, this.play, this.loopButton, this.whole, this.match, this.time),
          this.level, this.picture.box, this.picture.readout,
          h("p", { className: "listen-note", textContent: "Click to go there, drag to loop. Dashed: the reference." }),
          this.blind.panel,
          h("details", {}, h("summary", { textContent: "Keys" }), h("dl", { className: "listen-keys" }, ...keys)), this.live),
        h("div", { className: "listen-side" }, this.sceneBox, this.buildWorst()),
      );
    }

    buildWorst() {
      const examples = new Set(this.listening.flatMap((clip) => clip.about));
      const names = [...new Set(this.listening.flatMap((clip) => clip.worst.map(({ separator }) => separator)))];
      names.sort((one, other) => examples.has(other) - examples.has(one));
      const pick = h("select", { onchange: () => this.listWorst(pick.value) },
        ...names.map((name) => h("option", { value: name, textContent: name })));
      this.worst = h("ol");
      if (names.length) this.listWorst(names[0]);
      const measured = this.listening.find((clip) => clip.measure)?.measure;
      const title = `The worst seconds in these clips${measured ? `, by ${measured.label}` : ""}`;
      return h("div", { className: "listen-panel listen-worst", hidden: !names.length },
        h("h4", { textContent: title }), h("label", { className: "listen-why" }, "Of ", pick), this.worst);
    }

    listWorst(name) {
      const found = this.listening.flatMap((clip, at) =>
        clip.worst.filter(({ separator }) => separator === name).map((second) => ({ ...second, at, clip })));
      const sign = found[0].clip.measure.higher_is_better ? 1 : -1;
      found.sort((one, other) => sign * (one.value - other.value));
      this.worst.replaceChildren(...found.slice(0, 10).map(({ clip, at, source, value, at_s: second }) => {
        const { label, unit } = clip.measure;
        const text = `${number(value, 2)} ${unit} · ${source} · ${this.title(clip)} · ${time(clip.start_s + second)}`;
        const heard = choices(clip, source).find(({ file }) => file === clip.clips.estimates[name][source])?.key;
        return h("li", {}, h("button", {
          type: "button", textContent: text, "aria-label": `${label} ${text}`,
          onclick: () => this.jump(at, source, heard, second),
        }));
      }));
    }

    buildRows() {
      this.buttons = new Map();
      const group = (name, items) => h("div", { className: "listen-row", role: "group", "aria-label": name },
        ...items.map(({ key, label, of }) => {
          const place = this.buttons.size + 1;
          const made = h("button", {
            type: "button", title: label, "aria-label": label, "aria-pressed": key === this.heard, onclick: () => this.hear(key),
          }, place < 10 ? h("kbd", { textContent: place, "aria-hidden": "true" }) : null, of ?? label);
          this.buttons.set(key, made);
          return made;
        }));
      const residuals = this.items.filter(({ of }) => of !== undefined);
      const others = this.items.filter(({ of }) => of === undefined);
      const { gain } = this.clip;
      const at = Math.abs(gain - 1) < 1e-6 ? "" : ` at ${number(20 * Math.log10(gain), 1)} dB, which is the mixture’s gain`;
      this.rows.replaceChildren(this.rows.firstChild, group("Mixture, reference and estimates", others));
      if (residuals.length) {
        const text = `Residuals: estimate minus reference${at}`;
        this.rows.append(h("p", { className: "listen-why", textContent: text }), group("Residuals", residuals));
      }
    }

    drawScene() {
      const { azimuths, elevations } = this.clip;
      this.sceneBox.replaceChildren(h("h4", { textContent: "The scene from above" }), azimuths
        ? scene(azimuths, elevations, this.source)
        : h("p", { className: "listen-why", textContent: "Nothing is placed here: it is the song’s own mix." }));
    }

    say(text) {
      this.live.textContent = text;
    }

    /* ---- what is listened to ---- */

    /** Another scene or source; what is heard and where stays, as far as it is there. Answers false where
        nothing could be loaded, or something else was chosen meanwhile. */
    async choose(at, source = this.source, heard = this.heard) {
      const turn = ++this.turn;
      this.goesOn ||= this.deck?.playing ?? false; // as soon as something can be played again
      this.blind.end();
      this.pause();
      if (at !== this.at) Object.assign(this, { position: 0, loop: null });
      this.at = at;
      const { clip } = this;
      this.buffers = this.deck = null;
      this.source = clip.sources.includes(source) ? source : clip.sources[0];
      this.items = choices(clip, this.source);
      this.heard = this.items.some(({ key }) => key === heard) ? heard : "reference";
      this.blind.offer(this.items, "reference", this.items[2]?.key ?? "mixture");
      this.scenes.selectedIndex = at;
      this.sources.replaceChildren(...clip.sources.map((name) => h("option", { value: name, textContent: name })));
      this.sources.value = this.source;
      const part = `From ${time(clip.start_s)} to ${time(clip.start_s + clip.seconds)} of the scene`;
      this.why.textContent = [clip.why.join("; "), part].filter(Boolean).join(". ");
      this.drawScene();
      this.buildRows();
      this.setDisabled(true);
      this.whole.disabled = !this.loop;
      this.picture.of(clip, this.source, this.items, this.item());
      this.picture.loop(this.loop);
      this.drawCursor();
      this.level.textContent = "Loading…";
      await this.near;
      try {
        await this.load(turn);
      } catch (error) {
        if (turn === this.turn) this.level.textContent = `This cannot be played: ${error.message}`;
        return false;
      }
      if (turn !== this.turn) return false;
      this.setDisabled(false);
      this.applyLevels();
      this.picture.sound(this.buffers);
      this.picture.paint(this.heard);
      const { goesOn } = this;
      this.goesOn = false;
      if (goesOn) await this.start(this.position);
      return turn === this.turn;
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
      this.buffers = Object.fromEntries(items.map(({ key, file, estimate }) =>
        [key, file ? files.get(file) : residual(files.get(estimate.file), reference, clip.gain)]));
      this.measured = Object.fromEntries(Object.entries(this.buffers).map(([key, buffer]) => [key, measure(buffer)]));
    }

    item(key = this.heard) {
      return this.items.find((one) => one.key === key);
    }

    setDisabled(disabled) {
      for (const control of [this.play, this.blind.beginning, ...this.buttons.values()]) control.disabled = disabled;
    }

    applyLevels() {
      const like = Object.fromEntries(this.items.filter((one) => one.estimate).map((one) => [one.key, one.estimate.key]));
      const { gains: levels, downDb } = gains(this.measured, "reference", this.matched, like);
      this.levels = levels;
      const what = this.matched
        ? "All are as loud as the reference; a residual is as loud beside its estimate as it is."
        : "All are at their true level.";
      const down = downDb > 0.05 ? ` All are turned down by ${number(downDb, 1)} dB alike, so that nothing clips.` : "";
      this.level.textContent = what + down;
      this.deck?.hear(this.deck.heard, this.now() + AHEAD_S, levels);
    }

    setMatched(on) {
      if (this.blind.running) return; // a difference in level would give X away
      this.matched = on;
      pressed(this.match, on);
      if (this.buffers) this.applyLevels();
      this.say(on ? "Level-matched" : "True level");
    }

    hear(key) {
      if (this.blind.running || !this.buffers) return;
      this.heard = key;
      this.buttons.forEach((button, other) => pressed(button, other === key));
      if (this.deck?.playing) this.deck.hear(key, this.now() + AHEAD_S);
      this.picture.of(this.clip, this.source, this.items, this.item());
      this.picture.paint(key);
      this.drawCursor();
      this.say(`${this.item().label}, ${this.source}`);
    }

    hearBlindly(key) {
      if (this.deck?.playing) this.deck.hear(key, this.now() + AHEAD_S);
      else this.start(this.position);
    }

    /** While the blind test runs nothing shows or changes what is heard. */
    cover(on) {
      if (on && !this.matched) {
        this.matched = true;
        pressed(this.match, true);
        this.applyLevels();
      }
      this.picture.cover(on);
      this.match.disabled = on;
      this.buttons.forEach((button, key) => {
        button.disabled = on;
        pressed(button, !on && key === this.heard);
      });
      if (!on) this.hear(this.heard);
    }

    /* ---- playing ---- */

    now() {
      return this.context ? this.context.currentTime : 0;
    }

    where() {
      return this.deck?.playing ? this.deck.position(this.now()) : this.position;
    }

    toggle() {
      if (this.deck?.playing) this.pause();
      else if (this.buffers) this.start(this.position);
    }

    async start(position) {
      const { rate } = this.clip;
      if (this.context?.sampleRate !== rate) {
        this.context?.close();
        this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
        this.deck = null;
      }
      const { turn } = this;
      await this.context.resume();
      if (turn !== this.turn) return; // something else was chosen meanwhile
      this.deck?.stop(this.now());
      this.deck = new Deck(this.context, this.buffers, this.levels);
      this.deck.looping = this.looping;
      if (this.loop) this.deck.loop = this.loop;
      const from = position >= this.deck.seconds - 0.01 ? 0 : position;
      this.deck.start(from, this.now() + AHEAD_S, this.blind.running ? this.blind.key : this.heard);
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
      if (this.clip) this.drawCursor();
    }

    tick() {
      this.deck.smoothSeams(this.now() + SEAMS_S);
      if (!this.looping && this.where() >= this.deck.seconds - 1e-3) {
        this.pause();
        this.position = 0;
      }
      this.drawCursor();
    }

    drawCursor() {
      const at = this.where();
      this.time.textContent = `${time(at)} / ${time(this.clip.seconds)}`;
      this.picture.point(at);
    }

    /** Go on from a position, with what has changed about the loop. */
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
      this.picture.loop(region);
      this.whole.disabled = !region;
      if (region) {
        this.looping = true;
        pressed(this.loopButton, true);
      }
      this.replay(region && (position < region[0] || position >= region[1]) ? region[0] : position);
      this.say(region ? `Loop from ${time(region[0])} to ${time(region[1])}` : "Loop of the whole clip");
    }

    async jump(at, source, heard, second) {
      this.pause();
      if (!(await this.choose(at, source, heard))) return;
      this.setLoop(null, second);
      await this.start(second);
    }

    /* ---- keys ---- */

    key(event) {
      const { key, target } = event;
      if (event.ctrlKey || event.altKey || event.metaKey || target.closest("select, input, textarea, summary")) return;
      if (key === " " && target.closest("button")) return;
      const step = event.shiftKey ? 0.1 : 1;
      const keys = [...this.buttons.keys()];
      const beside = (by) => keys[(keys.indexOf(this.heard) + by + keys.length) % keys.length];
      const { blind } = this;
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
        x: () => (blind.running ? blind.hear("X") : blind.begin()),
        a: () => blind.running && blind.hear("A"),
        b: () => blind.running && blind.hear("B"),
      };
      let action = actions[key] ?? actions[key.toLowerCase()];
      if (/^[1-9]$/.test(key) && keys[key - 1]) action = () => this.hear(keys[key - 1]);
      if (!action || !this.buffers) return;
      event.preventDefault();
      action();
    }
  }

  /** Build the room in an element; clips lie in `folder`, relative to the page. Answers null where there are none. */
  function mount(element, listening, options = {}) {
    if (listening.length) return new Room(element, listening, options);
    element.replaceChildren(h("p", { textContent: "There are no clips in this report." }));
    return null;
  }

  return { mount };
})();
