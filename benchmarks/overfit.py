"""Can each model learn one short song by heart, as the U-Net report asks of its own? The table of docs/separators.md.

    python benchmarks/overfit.py SONG [--start 8] [--seconds 8] [--minutes 1.5] [--only NAME]… [--out results/overfit]

SONG is a folder of stems, as a song of MUSDB18-HQ, brought to half its rate. The architectures are the real ones, but
small (`MODELS`), so that a model takes minutes of one CPU core: fewer features, blocks and channels, no dropout. The
U-Net and the DPRNN get the song's own mix, as vocals and accompaniment; X-UMX and SpaIn-Net its stems panned at
constant power, 30° to −30°. Each is trained by its own loss on pieces of the excerpt drawn from a seed. The SDR is of
the whole excerpt in evaluation mode, a mean over sources; the mixture's is that of the untouched mixture as every
estimate. Writes the table and the curves, and exits with 1 where a model does not climb by 6 dB over its start and over
the mixture.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from soundstage.audio import Samples, read_audio, resample
from soundstage.errors import SoundstageError
from soundstage.report.figures.style import new_figure, save, styled
from soundstage.scene import Placement, Scene, Track
from soundstage_spatializers.original import Original
from soundstage_spatializers.panning import Panning
from soundstage_training.contract import MeasuresInput
from soundstage_training.models import build

WIDEST = 30.0
"""Degrees of the outermost sources of a panorama."""

SILENT_DB = -50.0
"""RMS of a stem that is left out, for what is silent cannot be learnt."""

LOOKS = 12

CLIMB_DB = 6.0
"""What each model must win over its start and over the mixture."""

RATE = 22050

X_UMX = {"n_fft": 2048, "hop": 512, "hidden": 96, "layers": 2, "dropout": 0.0, "bandwidth": RATE / 2}

MODELS: dict[str, tuple[str, dict[str, Any], float]] = {
    "xumx": ("xumx", X_UMX, 3e-3),
    "spainnet D1-CAT": ("spainnet", {**X_UMX, "variant": "D1-CAT"}, 3e-3),
    "spainnet DF-ADD": ("spainnet", {**X_UMX, "variant": "DF-ADD"}, 3e-3),
    "spainnet DF-AdaIN": ("spainnet", {**X_UMX, "variant": "DF-AdaIN"}, 3e-3),
    "munet": ("munet", {"depth": 6, "width": 12, "widest": 96, "vocal_weight": 0.7}, 3e-3),
    "dprnn": ("dprnn", {"n_fft": 512, "hop": 256, "features": 12, "hidden": 16, "blocks": 2}, 1e-2),
}
"""Name → model, what of it is not as in its work, learning rate."""


@dataclass
class Curve:
    """What a model went through. seconds of CPU time, steps, sdr: one each time that it was looked at."""

    name: str
    parameters: int
    mixture: float
    seconds: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    sdr: list[float] = field(default_factory=list)

    @property
    def climbs(self) -> bool:
        """Whether its end is far above its start and above the mixture."""
        return self.sdr[-1] - max(self.sdr[0], self.mixture) >= CLIMB_DB


def excerpt(song: Path, start: float, seconds: float) -> Track:
    """The stems that sound in the excerpt. Raises SoundstageError where fewer than two do."""
    stems: dict[str, Samples] = {}
    rate = 0
    for file in sorted(song.glob("*.wav")):
        samples, rate = read_audio(file)
        part = samples[:, int(start * rate) : int((start + seconds) * rate)]
        if file.stem != "mixture" and part.size and 10 * np.log10(np.mean(part**2) + 1e-12) > SILENT_DB:
            stems[file.stem] = part
    if len(stems) < 2 or "vocals" not in stems:
        raise SoundstageError(
            f"{song}: vocals and another stem were expected to sound there; found {', '.join(stems) or 'nothing'}"
        )
    return Track(song.name, RATE, {source: resample(samples, rate, RATE) for source, samples in stems.items()})


def scene_of(name: str, track: Track) -> Scene:
    """What the model is to separate: the song as it was mixed, in two, or its stems panned."""
    if name in ("munet", "dprnn"):
        rest = sum(samples for source, samples in track.stems.items() if source != "vocals")
        return Original().render(
            Track(track.id, track.rate, {"vocals": track.stems["vocals"], "accompaniment": rest}), None
        )
    angles = np.linspace(WIDEST, -WIDEST, len(track.stems))
    placement = Placement(dict(zip(track.stems, angles.tolist(), strict=True)), panning="same")
    return Panning().render(track, placement)


def sdr(references: torch.Tensor, estimates: torch.Tensor) -> float:
    """The mean over sources, in dB, of signals (sources, 2, samples)."""
    noise = (references - estimates).square().sum((1, 2))
    return float((10 * torch.log10(references.square().sum((1, 2)) / (noise + 1e-12))).mean())


def learn(title: str, track: Track, minutes: float, piece_s: float, pieces: int) -> Curve:
    """Train one model on the excerpt for so many minutes of CPU time, and look at it again and again."""
    name, config, learning_rate = MODELS[title]
    scene = scene_of(name, track)
    torch.manual_seed(0)
    model: Any = build(name, {**config, "sources": list(scene.references), "rate": scene.rate})
    mixture = torch.from_numpy(scene.mixture).float()
    references = torch.from_numpy(np.stack(list(scene.references.values()))).float()
    told = None
    if model.told_azimuths:
        assert scene.placement is not None
        told = torch.tensor([[scene.placement.panning_angle(source) for source in model.sources]])
    if isinstance(model, MeasuresInput):
        model.measure([mixture])
    curve = Curve(title, sum(one.numel() for one in model.parameters()), sdr(references, mixture[None]))
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    rng = np.random.default_rng(0)
    size = min(int(piece_s * scene.rate), mixture.shape[-1])
    began, step = time.process_time(), 0
    while True:
        passed = time.process_time() - began
        if passed >= len(curve.sdr) * minutes * 60 / LOOKS or passed >= minutes * 60:
            before = time.process_time()
            model.eval()
            with torch.no_grad():
                curve.sdr.append(sdr(references, model(mixture[None], told)[0]))
            curve.seconds.append(passed)
            curve.steps.append(step)
            began += time.process_time() - before  # looking is no training
            print(f"{title}: {passed:.0f} s, {step} steps, SDR {curve.sdr[-1]:.2f} dB", file=sys.stderr, flush=True)
            if passed >= minutes * 60:
                return curve
            model.train()
        share = passed / (minutes * 60)
        for group in optimizer.param_groups:  # towards the end, ever smaller steps
            group["lr"] = learning_rate * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(share, 1.0))))
        starts = rng.integers(0, mixture.shape[-1] - size + 1, pieces)
        heard = torch.stack([mixture[:, start : start + size] for start in starts])
        wanted = torch.stack([references[..., start : start + size] for start in starts])
        optimizer.zero_grad()
        loss, _ = model.losses(heard, wanted, None if told is None else told.expand(pieces, -1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        step += 1


def table(curves: list[Curve]) -> str:
    """A Markdown table."""
    lines = [
        "| model | parameters | steps | CPU seconds | SDR at the start | at the end | of the mixture |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.name} | {one.parameters:,} | {one.steps[-1]} | {one.seconds[-1]:.0f} | {one.sdr[0]:.2f} |"
        f" {one.sdr[-1]:.2f} | {one.mixture:.2f} |"
        for one in curves
    ]
    return "\n".join(lines) + "\n"


def draw(curves: list[Curve], file: Path) -> None:
    """SDR over time, one panel for each kind of scene, the mixture's as a dashed line."""
    kinds = {True: "panned stems", False: "the song's own mix, vocals and accompaniment"}
    shown = [kind for kind in kinds if any((one.name not in ("munet", "dprnn")) is kind for one in curves)]
    with styled():
        figure = new_figure(2.6, 3.4 * len(shown))
        for axes, kind in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
            inside = [one for one in curves if (one.name not in ("munet", "dprnn")) is kind]
            for one in inside:
                axes.plot(one.seconds, one.sdr, label=one.name, marker=".")
            axes.axhline(inside[0].mixture, color="grey", linestyle="--", label="mixture")
            axes.set(title=kinds[kind], xlabel="seconds of CPU time", ylabel="SDR in dB")
            axes.legend()
        save(figure, file, "png")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("song", type=Path)
    parser.add_argument("--start", type=float, default=8.0)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--minutes", type=float, default=1.5, help="of CPU time, for each model")
    parser.add_argument("--piece", type=float, default=1.5, help="seconds of a piece")
    parser.add_argument("--pieces", type=int, default=2, help="in a step")
    parser.add_argument("--only", action="append", choices=list(MODELS))
    parser.add_argument("--out", type=Path, default=Path("results/overfit"))
    given = parser.parse_args()
    try:
        track = excerpt(given.song, given.start, given.seconds)
    except SoundstageError as error:
        print(error, file=sys.stderr)
        return 1
    curves = [learn(title, track, given.minutes, given.piece, given.pieces) for title in given.only or MODELS]
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "overfit.md").write_text(table(curves), encoding="utf-8")
    draw(curves, given.out / "overfit.png")
    print(table(curves))
    failed = [one.name for one in curves if not one.climbs]
    if failed:
        print(f"did not climb {CLIMB_DB:g} dB over their start and the mixture: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
