/* The blind test: A and B are known, X is one of them, and answers are counted. */
"use strict";

window.soundstageBlind = (() => {
  const { h, pressed } = window.soundstageDraw;

  /** The chance of at least so many right answers in so many trials by guessing. */
  function guessing(right, trials) {
    let [chance, term] = [0, 0.5 ** trials]; // binomial(trials, k) / 2^trials, from k = 0 on
    for (let k = 0; k <= trials; k++) {
      if (k >= right) chance += term;
      term *= (trials - k) / (k + 1);
    }
    return Math.min(1, chance);
  }

  /** Trials in which X is A or B, drawn anew each time. random: a number below 1. */
  class Trials {
    constructor(random = () => crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32) {
      this.random = random;
      this.done = [];
      this.draw();
    }

    draw() {
      this.x = this.random() < 0.5 ? "A" : "B";
    }

    answer(guess) {
      this.done.push({ x: this.x, guess, right: guess === this.x });
      this.draw();
    }

    get right() {
      return this.done.filter((trial) => trial.right).length;
    }

    get chance() {
      return guessing(this.right, this.done.length);
    }
  }

  /** The panel of the test. room: hears what it is told, and is told of beginning, end and news:
      {hear(key), begin(), end(), say(text)}. */
  class BlindTest {
    constructor(room, random) {
      Object.assign(this, { room, random, trials: null });
      const button = (text, action) => h("button", { type: "button", textContent: text, onclick: action });
      this.picks = Object.fromEntries(["A", "B"].map((name) => [name, h("select", { onchange: () => this.end() })]));
      this.beginning = button("Begin blind test", () => (this.trials ? this.end() : this.begin()));
      this.hearing = Object.fromEntries(["A", "B", "X"].map((name) => [name, button(`Hear ${name}`, () => this.hear(name))]));
      this.reveal = button("Reveal the last one", () => this.revealLast());
      this.count = h("p", { className: "listen-note" });
      this.revealed = h("p", { className: "listen-note" });
      this.trying = h("div", { className: "listen-main", hidden: true },
        h("div", { className: "listen-row", role: "group", "aria-label": "Hear A, B or X" }, ...Object.values(this.hearing)),
        h("div", { className: "listen-row", role: "group", "aria-label": "Your answer" },
          ...["A", "B"].map((name) => button(`X is ${name}`, () => this.answer(name)))),
        this.count, h("div", { className: "listen-row" }, this.reveal), this.revealed);
      const picks = Object.entries(this.picks).map(([name, pick]) => h("label", {}, name, pick));
      this.panel = h("div", { className: "listen-panel listen-abx", role: "group", "aria-label": "Blind A/B/X" },
        h("h4", { textContent: "Blind A/B/X" }), h("div", { className: "listen-pick" }, ...picks),
        h("div", { className: "listen-row" }, this.beginning), this.trying);
    }

    /** What there is to choose from, as {key, label}; A and B: the keys to begin with. */
    offer(items, A, B) {
      this.items = items;
      for (const [name, key] of Object.entries({ A, B })) {
        this.picks[name].replaceChildren(...items.map((one) => h("option", { value: one.key, textContent: one.label })));
        this.picks[name].value = key;
      }
    }

    get running() {
      return this.trials !== null;
    }

    /** What is to be heard now, X in disguise. */
    get key() {
      return this.meant(this.now);
    }

    meant(name) {
      return this.picks[name === "X" ? this.trials.x : name].value;
    }

    begin() {
      this.trials = new Trials(this.random);
      this.now = "X";
      this.beginning.textContent = "End blind test";
      this.trying.hidden = false;
      this.revealed.textContent = "";
      this.tell();
      this.room.begin();
      this.hear("X");
    }

    end() {
      if (!this.trials) return;
      this.trials = null;
      this.beginning.textContent = "Begin blind test";
      this.trying.hidden = true;
      this.room.end();
    }

    hear(name) {
      this.now = name;
      for (const [key, button] of Object.entries(this.hearing)) pressed(button, key === name);
      this.room.hear(this.key);
      this.room.say(`Hearing ${name}`);
    }

    answer(name) {
      this.trials.answer(name);
      this.revealed.textContent = "";
      this.tell();
      this.hear("X");
      this.room.say(`Answer ${this.trials.done.length} taken. A new X.`);
    }

    /** How many so far, how many of them right, and how likely that is by guessing. */
    tell() {
      const { done, right, chance } = this.trials;
      this.reveal.disabled = !done.length;
      const p = chance < 0.001 ? "< 0.001" : `= ${chance.toFixed(3)}`;
      this.count.textContent = done.length
        ? `${right} of ${done.length} right; guessing does as well or better with p ${p}`
        : "No answer yet. Switch as often as you like.";
    }

    revealLast() {
      const { x, right } = this.trials.done.at(-1);
      const { label } = this.items.find(({ key }) => key === this.picks[x].value);
      this.revealed.textContent = `The last X was ${x}, ${label}: your answer was ${right ? "right" : "wrong"}.`;
      this.room.say(this.revealed.textContent);
    }
  }

  return { BlindTest, Trials, guessing };
})();
