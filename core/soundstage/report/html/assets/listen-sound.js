/* Sound: clips that a page opened from disk can load, and a deck that plays several in step and lets one be heard.

   Nothing here touches the page. A deck works on any BaseAudioContext, so that an OfflineAudioContext can render what a
   listener would hear. Levels are linear, times are seconds. */
"use strict";

window.soundstageSound = (() => {
  const FADE_S = 0.005; // of a switch, a start, a stop and a loop's seam: too short to hear, long enough not to click
  const SILENT_RMS = 1e-4; // −80 dBFS: nothing quieter is made as loud as something else
  const MOST_GAIN = 10 ** (30 / 20);

  /* ---- clips: scripts that call soundstage.clip(id, base64), since a page from disk may fetch nothing else ---- */

  const waiting = new Map();
  window.soundstage = Object.assign(window.soundstage || {}, {
    clip(id, text) {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      waiting.get(id)?.resolve(bytes.buffer);
    },
  });

  /** The encoded bytes of a clip; rejects where its file is missing. */
  function fetchClip(folder, id) {
    const script = document.createElement("script");
    const promise = new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      script.onerror = () => reject(Error(`${folder}${id}.js is missing`));
      script.onload = () => reject(Error(`${folder}${id}.js holds no clip`)); // of no effect once it was resolved
    });
    script.src = folder + encodeURIComponent(id) + ".js";
    document.head.append(script);
    return promise.finally(() => {
      waiting.delete(id);
      script.remove();
    });
  }

  /** A clip's samples at their true level. */
  async function loadClip(folder, id, rate, scale) {
    const buffer = await new OfflineAudioContext(2, 1, rate).decodeAudioData(await fetchClip(folder, id));
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
      const samples = buffer.getChannelData(channel);
      for (let n = 0; n < samples.length; n++) samples[n] *= scale;
    }
    return buffer;
  }

  /** What an estimate has that the reference, times the gain of the mixture, has not. */
  function residual(estimate, reference, gain) {
    const { numberOfChannels, length, sampleRate } = estimate;
    const found = new AudioBuffer({ numberOfChannels, length, sampleRate });
    for (let channel = 0; channel < numberOfChannels; channel++) {
      const [out, e, r] = [found, estimate, reference].map((buffer) => buffer.getChannelData(channel));
      for (let n = 0; n < length; n++) out[n] = e[n] - gain * r[n];
    }
    return found;
  }

  /* ---- levels ---- */

  /** Root mean square and peak over all channels. */
  function measure(buffer) {
    let [sum, peak] = [0, 0];
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
      for (const sample of buffer.getChannelData(channel)) {
        sum += sample * sample;
        peak = Math.max(peak, Math.abs(sample));
      }
    }
    return { rms: Math.sqrt(sum / (buffer.length * buffer.numberOfChannels)), peak };
  }

  /** Gains that make everything as loud as the reference, or leave all at their true level, and by how many dB all are
      turned down alike so that nothing exceeds full scale. like: name → whose gain it takes instead of its own: a
      residual is as loud beside its estimate as it is. */
  function gains(measured, reference, matched, like = {}) {
    const target = measured[reference].rms;
    const own = (name) => {
      const { rms } = measured[name];
      if (!matched || rms < SILENT_RMS || target < SILENT_RMS) return 1;
      return Math.min(MOST_GAIN, Math.max(1 / MOST_GAIN, target / rms));
    };
    const found = Object.fromEntries(Object.keys(measured).map((name) => [name, own(like[name] ?? name)]));
    const loudest = Math.max(...Object.keys(found).map((name) => found[name] * measured[name].peak));
    const down = Math.max(1, loudest);
    for (const name of Object.keys(found)) found[name] /= down;
    return { gains: found, downDb: 20 * Math.log10(down) };
  }

  /* ---- the deck ---- */

  /** Plays buffers (name → AudioBuffer) in step, one of them heard. */
  class Deck {
    constructor(context, buffers, levels, destination = context.destination) {
      Object.assign(this, { context, buffers, levels, heard: null, playing: false });
      this.seconds = Math.min(...Object.values(buffers).map((buffer) => buffer.duration));
      this.destination = destination;
      this.loop = [0, this.seconds];
      this.looping = true;
      this.offset = 0; // the position while nothing plays
    }

    /** Start everything together at `when`, from a position; `heard` is heard. */
    start(position, when, heard) {
      const [from, to] = this.looping ? this.loop : [0, this.seconds];
      this.offset = position >= from && position < to ? position : from;
      Object.assign(this, { heard, began: when, playing: true, settled: when + FADE_S, seam: 0 });
      this.master = this.context.createGain();
      this.master.connect(this.destination);
      this.master.gain.setValueAtTime(0, when);
      this.master.gain.linearRampToValueAtTime(1, when + FADE_S);
      this.voices = {};
      for (const [name, buffer] of Object.entries(this.buffers)) {
        const source = new AudioBufferSourceNode(this.context, {
          buffer, loop: this.looping, loopStart: from, loopEnd: to,
        });
        const gain = this.context.createGain();
        gain.gain.setValueAtTime(name === heard ? this.levels[name] : 0, when);
        source.connect(gain).connect(this.master);
        source.start(when, this.offset);
        this.voices[name] = { source, gain: gain.gain, level: name === heard ? this.levels[name] : 0 };
      }
    }

    /** Let another one be heard from `when` on, at the same position: an equal-gain crossfade. Answers when it ends. */
    hear(name, when, levels = this.levels) {
      this.levels = levels;
      this.heard = name;
      if (!this.playing) return when;
      // One fade after the other: a fade that is cut short would jump where a browser cannot hold a value.
      const start = Math.max(when, this.settled);
      this.settled = start + FADE_S;
      for (const [key, voice] of Object.entries(this.voices)) {
        const level = key === name ? levels[name] : 0;
        if (level === voice.level) continue;
        voice.gain.setValueAtTime(voice.level, start);
        voice.gain.linearRampToValueAtTime(level, this.settled);
        voice.level = level;
      }
      return this.settled;
    }

    /** Fade through the loop's seams that come before `until`; to be called again and again while it plays. */
    smoothSeams(until) {
      if (!this.playing || !this.looping) return;
      const [from, to] = this.loop;
      for (;;) {
        const at = this.began + (to - this.offset) + this.seam * (to - from);
        if (at > until) return;
        if (at - FADE_S > this.began + FADE_S && to - from > 4 * FADE_S) {
          this.master.gain.setValueAtTime(1, at - FADE_S);
          this.master.gain.linearRampToValueAtTime(0, at);
          this.master.gain.linearRampToValueAtTime(1, at + FADE_S);
        }
        this.seam += 1;
      }
    }

    /** Where in the clip it is at a time of the context. */
    position(at) {
      if (!this.playing) return this.offset;
      const run = this.offset + Math.max(0, at - this.began);
      if (!this.looping) return Math.min(run, this.seconds);
      const [from, to] = this.loop;
      return run < to ? run : from + ((run - from) % (to - from));
    }

    /** Stop, and stay at the position. */
    stop(when) {
      if (!this.playing) return;
      this.offset = this.position(when);
      this.playing = false;
      const { gain } = this.master;
      gain.cancelScheduledValues(when);
      gain.setValueAtTime(1, when);
      gain.linearRampToValueAtTime(0, when + FADE_S);
      for (const { source } of Object.values(this.voices)) source.stop(when + FADE_S);
    }
  }

  /* ---- spectra ---- */

  const turns = new Map(); // size → cosines and sines of a turn in so many steps

  function turn(size) {
    if (!turns.has(size)) {
      const angles = Float64Array.from({ length: size }, (_, k) => (2 * Math.PI * k) / size);
      turns.set(size, [angles.map(Math.cos), angles.map(Math.sin)]);
    }
    return turns.get(size);
  }

  /** |L|² + |R|² at the bins 0 … size/2 of two real signals, by one transform; size is a power of two. */
  function spectrum(left, right, size) {
    const [cosine, sine] = turn(size);
    const [re, im] = [Float64Array.from(left), Float64Array.from(right)];
    for (let n = 1, m = 0; n < size; n++) {
      let bit = size >> 1;
      for (; m & bit; bit >>= 1) m ^= bit;
      m ^= bit;
      if (n < m) [re[n], re[m], im[n], im[m]] = [re[m], re[n], im[m], im[n]];
    }
    for (let span = 2; span <= size; span *= 2) {
      const half = span / 2;
      for (let k = 0; k < half; k++) {
        const [c, s] = [cosine[(k * size) / span], -sine[(k * size) / span]];
        for (let n = k; n < size; n += span) {
          const [x, y] = [re[n + half] * c - im[n + half] * s, re[n + half] * s + im[n + half] * c];
          re[n + half] = re[n] - x;
          im[n + half] = im[n] - y;
          re[n] += x;
          im[n] += y;
        }
      }
    }
    const square = (k) => re[k] * re[k] + im[k] * im[k];
    return Float64Array.from({ length: size / 2 + 1 }, (_, k) => (square(k) + square((size - k) % size)) / 2);
  }

  /** Power of both channels in dB over time and frequency, (columns × rows), rows on a logarithmic scale from `low` to
      `high` Hz, against a full-scale sine; nothing is there above half the rate. */
  function spectrogram(buffer, columns, rows, low, high) {
    const [size, rate] = [2048, buffer.sampleRate];
    const window_ = Float64Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));
    const edges = Array.from({ length: rows + 1 }, (_, row) => ((low * (high / low) ** (row / rows)) / rate) * size);
    const found = new Float32Array(columns * rows);
    const channels = Array.from({ length: buffer.numberOfChannels }, (_, channel) => buffer.getChannelData(channel));
    const frames = [new Float64Array(size), new Float64Array(size)];
    for (let column = 0; column < columns; column++) {
      const start = Math.round(((column + 0.5) / columns) * buffer.length - size / 2);
      channels.forEach((samples, channel) => {
        for (let n = 0; n < size; n++) frames[channel][n] = (samples[start + n] ?? 0) * window_[n];
      });
      const power = spectrum(...frames, size);
      for (let row = 0; row < rows; row++) {
        const first = Math.round(edges[row]);
        const last = Math.max(first + 1, Math.round(edges[row + 1]));
        let most = 0;
        for (let bin = first; bin < last && bin < power.length; bin++) most = Math.max(most, power[bin]);
        found[column * rows + row] = 10 * Math.log10(most / (size / 4) ** 2 + 1e-12);
      }
    }
    return found;
  }

  return { FADE_S, Deck, loadClip, residual, measure, gains, spectrum, spectrogram };
})();
