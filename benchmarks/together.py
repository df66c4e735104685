"""What location.py and spatial_loss.py share: models trained on one and the same stream of examples, and how they are
scored and compared.

Every model sees every example, and all of them stop after the same step; of what differs between them only what is
asked for differs. Scores are paired by mixture.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from soundstage.leaderboard.statistics import draws, interval, paired
from soundstage.scene import Scene
from soundstage_datasets.folder import Folder
from soundstage_training.models import build
from soundstage_training.verb.feeding import Share, parts
from soundstage_training.verb.mixing import Mixer, Staging
from soundstage_training.verb.settings import Settings
from soundstage_training.verb.songs import Library
from soundstage_training.verb.trainee import Trainee

LEARNING_RATE, WEIGHT_DECAY = 1e-3, 1e-5
COOLING = 0.25
"""The share of steps, the last ones, over which the learning rate falls to 0."""

TIMED = 10
"""Steps after which it is known how long one takes."""


def arguments(about: str, **defaults: Any) -> argparse.ArgumentParser:
    """The options that both scripts have."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with train, musdb18hq-layout, …")
    parser.add_argument("--out", type=Path, default=Path(f"{defaults['name']}.json"))
    parser.add_argument("--table", type=Path, help="a Markdown file; printed in any case")
    parser.add_argument("--figure", type=Path, help="a PNG or SVG; needs matplotlib")
    parser.add_argument("--weights", type=Path, help="where trained weights are kept, and taken from if they are there")
    parser.add_argument("--train-only", action="store_true", help="score later, with the same --weights")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--steps", type=int, default=defaults["steps"], help="of every model")
    parser.add_argument("--minutes", type=float, default=math.inf, help="of training, all seeds together")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rate", type=int, default=22050)
    parser.add_argument("--hidden", type=int, default=defaults["hidden"])
    parser.add_argument("--dropout", type=float, default=0.4, help="0 to compare the losses of two devices")
    parser.add_argument("--layers", type=int, default=2, help="of every LSTM")
    parser.add_argument("--hop", type=int, default=512, help="samples between frames of 2048")
    parser.add_argument("--mixtures", type=int, default=24, help="held-out ones")
    parser.add_argument(
        "--workers", type=int, default=max(0, len(os.sched_getaffinity(0)) - 1), help="that mix or score"
    )
    return parser


def library(
    folders: Mapping[str, Path], stems: Mapping[str, Mapping[str, Sequence[str]]], others: Any = None
) -> Library:
    """Songs of folders by name; stems: for each the sources that are made of its stems, the others being left out."""
    datasets: dict[str, Any] = {}
    for name, sources in stems.items():
        mapping = {**{source: tuple(held) for source, held in sources.items()}, "leave_out": ("*",)}
        datasets[name] = Folder(folders[name.partition(" ")[0]], sources=mapping)
    return Library({**datasets, **(others or {})})


@dataclass
class Entry:
    """A model and the losses that it is trained on. config: beside sources and rate."""

    model: str
    config: Mapping[str, Any]
    loss: Mapping[str, float]


def fresh(entry: Entry, sources: Sequence[str], settings: Settings, mixtures: Sequence[torch.Tensor]) -> Any:
    """The model with the seed's first weights, scaled for mixtures."""
    torch.manual_seed(settings.seed)
    model: Any = build(entry.model, {**entry.config, "sources": list(sources), "rate": settings.rate})
    model.measure(mixtures)
    return model


def train(
    entries: Mapping[str, Entry], sources: Sequence[str], mixer: Mixer, settings: Settings, options: argparse.Namespace
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The models, trained side by side, and what there is to say of it: steps, seconds a step of each, losses."""
    device = torch.device(options.device)
    mixtures = [torch.from_numpy(mixer.example("of scale", k).mixture) for k in range(32)]
    models = {name: fresh(entry, sources, settings, mixtures).to(device) for name, entry in entries.items()}
    trainees = {name: Trainee(model, entries[name].loss).train() for name, model in models.items()}
    adams = {
        name: torch.optim.Adam(one.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        for name, one in trainees.items()
    }
    fed = parts(mixer, Share(settings), range(1, options.steps + 1), options.workers, device.type == "cuda")
    losses: dict[str, list[torch.Tensor]] = {name: [] for name in entries}
    steps, limit, began = options.steps, 60.0 * options.minutes / options.seeds, time.monotonic()
    timed = began
    for step, batch in enumerate(fed, start=1):
        mixture, references, azimuths = (tensor.to(device, non_blocking=True) for tensor in batch)
        left = (steps - step + 1) / max(1.0, COOLING * steps)
        for name, trainee in trainees.items():
            torch.manual_seed(1_000_003 * settings.seed + step)
            adams[name].param_groups[0]["lr"] = LEARNING_RATE * min(1.0, left)
            with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bf16"):
                loss, values = trainee(mixture, references, azimuths if models[name].told_azimuths else None)
            adams[name].zero_grad()
            loss.backward()
            adams[name].step()
            losses[name].append(values)
        if step in (TIMED, 3 * TIMED) and math.isfinite(limit):
            float(losses[name][-1][0])  # waits for the device
            now = time.monotonic()
            if step > TIMED:
                each = (now - timed) / (2 * TIMED)
                steps = min(steps, max(3 * TIMED, int((limit - (now - began)) / each) + step))
            timed = now
        if step >= steps or time.monotonic() - began > 1.1 * limit:
            break
    spent = time.monotonic() - began
    curves = {name: torch.stack(found).cpu().numpy() for name, found in losses.items()}
    for name, curve in curves.items():
        if not np.isfinite(curve).all():
            raise SystemExit(
                f"the loss of {name} is no number from step {int(np.argmin(np.isfinite(curve).all(1))) + 1}"
            )
    print(f"seed {settings.seed}: {step} steps of {len(entries)} models in {spent:.1f} s on {device}", flush=True)
    about = {
        "steps": step,
        "seconds_a_step_of_all": spent / step,
        "losses": {name: _thinned(curve) for name, curve in curves.items()},
    }
    return models, about


def _thinned(curve: Any) -> list[list[float]]:
    """At most 60 means of equal parts of (steps, losses)."""
    return [[round(float(value), 5) for value in part.mean(0)] for part in np.array_split(curve, min(60, len(curve)))]


def trained(
    entries: Mapping[str, Entry],
    sources: Sequence[str],
    make_mixer: Callable[[Settings], Mixer],
    settings: Settings,
    options: argparse.Namespace,
) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]]]:
    """Seed → name → model, on the CPU and ready to separate; trained now, or taken from --weights."""
    from dataclasses import replace

    from safetensors.torch import load_file, save_file

    found: dict[int, dict[str, Any]] = {}
    told = []
    for seed in range(options.seeds):
        own = replace(settings, seed=seed)
        held = None if options.weights is None else options.weights / f"seed-{seed}"
        if held is not None and (held / "about.json").exists():
            models = {
                name: build(entry.model, {**entry.config, "sources": list(sources), "rate": settings.rate})
                for name, entry in entries.items()
            }
            for number, model in enumerate(models.values()):
                model.load_state_dict(load_file(str(held / f"{number}.safetensors")))  # type: ignore[attr-defined]
            about = json.loads((held / "about.json").read_text())
        else:
            models, about = train(entries, sources, make_mixer(own), own, options)
            if held is not None:
                held.mkdir(parents=True, exist_ok=True)
                for number, model in enumerate(models.values()):
                    save_file(
                        {key: one.cpu().contiguous() for key, one in model.state_dict().items()},
                        str(held / f"{number}.safetensors"),
                    )  # type: ignore[attr-defined]
                (held / "about.json").write_text(json.dumps({**about, **machine(options)}))
        found[seed] = {name: model.to(options.device).eval() for name, model in models.items()}  # type: ignore[attr-defined]
        told.append({"seed": seed, **about})
    return found, told


def separated(model: Any, scene: Scene, azimuths: Any, device: str) -> dict[str, Any]:
    """Source → the model's image of it in the scene's mixture."""
    mixture = torch.from_numpy(scene.mixture.astype(np.float32)[None]).to(device)
    told = None if azimuths is None else torch.tensor(np.asarray(azimuths)[None], dtype=torch.float32, device=device)
    with torch.no_grad():
        images = model(mixture, told)[0].float().cpu().numpy().astype(np.float64)
    return dict(zip(model.sources, images, strict=True))


def score(
    jobs: Iterable[tuple[dict[str, Any], Scene, Mapping[str, Any]]], metrics: Sequence[Any], workers: int
) -> list[dict[str, Any]]:
    """Whole-track scores: for each job its facts, source, measure and value; NaN is None."""
    jobs = list(jobs)
    if workers < 2:
        found = [_scored(job, metrics) for job in jobs]
    else:
        with ProcessPoolExecutor(workers) as pool:
            found = list(pool.map(_scored, jobs, [metrics] * len(jobs), chunksize=4))
    return [row for rows in found for row in rows]


def _scored(job: tuple[dict[str, Any], Scene, Mapping[str, Any]], metrics: Sequence[Any]) -> list[dict[str, Any]]:
    torch.set_num_threads(1)
    facts, scene, images = job
    rows = []
    for metric in metrics:
        for one in metric.prepare(scene)(images):
            if one.frame is None:
                value = None if math.isnan(one.value) else float(one.value)
                rows.append({**facts, "source": one.source, "measure": one.name, "value": value})
    return rows


def compared(rows: Sequence[Mapping[str, Any]], measures: Sequence[str], baseline: str) -> list[dict[str, Any]]:
    """For each entry and measure the mean over mixtures, its 95 % interval, and the paired difference to the baseline.

    A mixture's value is the mean over sources and seeds. A mixture without a value of some entry counts for none.
    """
    found = []
    for measure in measures:
        values: dict[str, dict[Any, list[float]]] = {}
        holes = set()
        for row in rows:
            if row["measure"] == measure:
                if row["value"] is None:
                    holes.add((row["mixture"], row["source"]))
                values.setdefault(row["entry"], {}).setdefault((row["mixture"], row["source"]), []).append(row["value"])
        keys = [key for key in next(iter(values.values())) if key not in holes]
        mixtures = sorted({mixture for mixture, _ in keys})
        table = {
            entry: np.array(
                [np.mean([np.mean(held[key]) for key in keys if key[0] == mixture]) for mixture in mixtures]
            )
            for entry, held in values.items()
        }
        counts = draws(len(mixtures))
        for entry, own in table.items():
            apart = own - table[baseline]
            found.append(
                {
                    "entry": entry,
                    "measure": measure,
                    "mixtures": len(mixtures),
                    "mean": float(own.mean()),
                    "interval": _interval(own, counts),
                    "difference": float(apart.mean()),
                    "difference_interval": _interval(apart, counts),
                    "p_value": paired(apart).p_value,
                    "difference_by_seed": _by_seed(rows, measure, entry, baseline, set(keys)),
                }
            )
    return found


def _interval(values: Any, counts: Any) -> list[float]:
    resamples = np.asarray(counts @ values / len(values), np.float64)
    return [float(end) for end in interval(resamples, float(values.mean()), len(values))]


def _by_seed(rows: Sequence[Mapping[str, Any]], measure: str, entry: str, baseline: str, keys: set[Any]) -> list[float]:
    found = []
    for seed in sorted({row["seed"] for row in rows if row["seed"] is not None}):
        means = [
            np.mean(
                [
                    row["value"]
                    for row in rows
                    if row["measure"] == measure
                    and row["entry"] == one
                    and row["seed"] in (seed, None)
                    and (row["mixture"], row["source"]) in keys
                ]
            )
            for one in (entry, baseline)
        ]
        found.append(round(float(means[0] - means[1]), 3))
    return found


def table(found: Sequence[Mapping[str, Any]], measures: Mapping[str, str], baseline: str) -> str:
    """A Markdown table: an entry a row; of each measure the mean and its paired difference to the baseline."""
    entries = list(dict.fromkeys(one["entry"] for one in found))
    by = {(one["entry"], one["measure"]): one for one in found}
    heads = ["", *(f"{label} | Δ to {baseline} [95 %]" for label in measures.values())]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * (1 + 2 * len(measures))]
    for entry in entries:
        cells = [entry]
        for measure in measures:
            one = by[entry, measure]
            low, high = one["difference_interval"]
            cells += [
                f"{one['mean']:.2f}",
                "" if entry == baseline else f"{one['difference']:+.2f} [{low:+.2f}, {high:+.2f}]",
            ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def machine(options: argparse.Namespace) -> dict[str, Any]:
    """Where and how it was computed."""
    name = torch.cuda.get_device_name(0) if options.device.startswith("cuda") else "CPU"
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in vars(options).items()}
    if math.isinf(plain["minutes"]):
        plain["minutes"] = None
    return {"device": name, "torch": torch.__version__, "options": plain}


def written(options: argparse.Namespace, results: Mapping[str, Any], text: str) -> None:
    """Write the results, and print the table."""
    options.out.write_text(json.dumps({**machine(options), **results}, indent=1))
    if options.table:
        options.table.write_text(text)
    print(text)


def figure(found: Sequence[Mapping[str, Any]], measures: Mapping[str, str], baseline: str, path: Path) -> None:
    """Each entry's paired difference to the baseline with its interval, a panel a measure."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    entries = [one for one in dict.fromkeys(row["entry"] for row in found) if one != baseline]
    drawing, panels = pyplot.subplots(
        1, len(measures), figsize=(3.2 * len(measures), 0.4 * len(entries) + 1.4), sharey=True
    )
    for panel, (measure, label) in zip(np.atleast_1d(panels), measures.items(), strict=True):
        for place, entry in enumerate(entries):
            one = next(row for row in found if row["entry"] == entry and row["measure"] == measure)
            panel.plot(one["difference_interval"], [place, place], color="tab:blue", linewidth=2)
            panel.plot(one["difference"], place, "o", color="tab:blue")
        panel.axvline(0.0, color="grey", linewidth=1)
        panel.set_title(f"Δ {label} to {baseline}", fontsize=9)
        panel.set_yticks(range(len(entries)), entries)
        panel.invert_yaxis() if panel is np.atleast_1d(panels)[0] else None
    drawing.tight_layout()
    drawing.savefig(path, dpi=150)


def staged(rule: Any, spatializer: Any) -> Staging:
    """A placement rule and a spatializer, by the names of their classes."""
    return Staging(rule, type(rule).__name__.lower(), spatializer, type(spatializer).__name__.lower())
