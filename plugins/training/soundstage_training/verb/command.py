"""`soundstage train`: train a model on stems, and keep it as a checkpoint that grids can use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soundstage.cli.options import data_roots, more_registry, words
from soundstage.cli.saying import say, say_lines

if TYPE_CHECKING:
    from soundstage_training.verb.loop import Outcome
    from soundstage_training.verb.setup import Ready


def weighted(context: click.Context, parameter: click.Parameter, value: str | None) -> dict[str, float] | None:
    """NAME=WEIGHT,… as a mapping; None where it is not given."""
    from soundstage_training.verb.settings import weights

    if value is None:
        return None
    parts = [part.partition("=") for part in value.split(",") if part.strip()]
    return weights({name.strip(): weight for name, _, weight in parts})


COUNT = click.IntRange(min=1)
POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command("train")
@click.argument("name")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="CKPT", help="The checkpoint's folder.")
@data_roots
@click.option("--datasets", callback=words, metavar="NAME,…", help="Data sets to train on.")
@click.option("--validation", callback=words, metavar="NAME,…", help="Data sets to validate on.")
@click.option("--placement", metavar="NAME", help="The rule that places the sources of examples.")
@click.option("--spatializer", metavar="NAME", help="What renders examples.")
@click.option("--steps", type=COUNT, help="After how many steps to stop.")
@click.option("--epochs", type=COUNT, help="After how many epochs to stop; one draws as much audio as there is.")
@click.option("--minutes", type=POSITIVE, help="After how many minutes to stop.")
@click.option("--batch", type=COUNT, help="Examples in a step, on all devices together.")
@click.option("--accumulate", type=COUNT, help="Parts in which a device takes its examples of a step.")
@click.option("--seconds", type=POSITIVE, help="Length of an example.")
@click.option("--learning-rate", type=POSITIVE, help="Of Adam.")
@click.option("--loss", callback=weighted, metavar="itd=W,ild=W", help="Losses that keep the image, beside the work's.")
@click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"]), help="Of the arithmetic.")
@click.option("--metrics", callback=words, metavar="NAME,…", help="What held-out songs are scored with.")
@click.option("--watch", metavar="METRIC[/MEASURE]", help="By which the best checkpoint is kept.")
@click.option("--validate-every", type=COUNT, metavar="STEPS", help="Between validations.")
@click.option(
    "--patience", type=click.IntRange(min=0), help="Validations without improvement before stopping; 0: none."
)
@click.option("--seed", type=click.IntRange(min=0), help="Of all chance.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option(
    "--workers", type=click.IntRange(min=0), help="Processes that mix.  [default: none on a CPU, 8 at most on a GPU]"
)
@more_registry
@click.option("--quiet", is_flag=True, help="Only errors.")
def command(
    name: str,
    out: Path,
    data: dict[str, Path],
    steps: int | None,
    minutes: float | None,
    device: str,
    workers: int | None,
    registry: tuple[Path, ...],
    quiet: bool,
    **options: Any,
) -> None:
    """Train NAME: a preset of `soundstage list training`, or a model with parameters, as in 'xumx[hidden=64]'.

    Stems are mixed on the fly by the benchmark's own placements and spatializers, held-out songs are scored by its
    metrics, and CKPT is at once a separator for grids: xumx[checkpoint=CKPT]. The same command goes on where it was
    interrupted. Several GPUs: torchrun --nproc_per_node N -m soundstage train …
    """
    from soundstage.catalogue.registry import Registry
    from soundstage_training.verb.devices import accelerator_of
    from soundstage_training.verb.display import Silence, Steps
    from soundstage_training.verb.loop import train
    from soundstage_training.verb.settings import settings_of
    from soundstage_training.verb.setup import prepared

    known = Registry.load(registry)
    known.set_roots(data)
    chosen = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    settings = settings_of(known, name, chosen, list(data))
    accelerator = accelerator_of(device, settings.precision)
    on_gpu = accelerator.device.type != "cpu"
    mixers = (min(8, max(1, _cores() - 1)) if on_gpu else 0) if workers is None else workers
    limit = float("inf") if minutes is None else minutes
    with accelerator.main_process_first():  # of several, which then find the training begun
        ready = prepared(name, settings, known, out, steps=steps or 0, minutes=limit, workers=mixers)
    spoken = not quiet and bool(accelerator.is_main_process)
    if not spoken:
        outcome = train(ready.job, accelerator, Silence())
    else:
        _introduce(name, ready, accelerator)
        display = Steps(ready.job.validation.headlines)
        with display:
            outcome = train(ready.job, accelerator, display)
    if outcome.why == "interrupted":
        if spoken:
            say_lines(f"\nInterrupted after step {outcome.step}, which is kept; the same command goes on.", err=True)
        raise SystemExit(130)
    if spoken:
        _conclude(ready, outcome)


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _introduce(name: str, ready: Ready, accelerator: Any) -> None:
    """Say what is about to be trained on what."""
    job = ready.job
    seconds = sum(song.seconds for song in ready.to_train)
    size = sum(parameter.numel() for parameter in job.model.parameters())
    several = f" × {accelerator.num_processes}" if accelerator.num_processes > 1 else ""
    say(
        f"{name}: {job.settings.model} with {size:,} parameters on {accelerator.device.type}{several};"
        f" {', '.join(ready.sources)} of {len(ready.to_train)} songs ({seconds / 60:.1f} min),"
        f" validated on {len(ready.to_validate)}; {job.steps} steps, {ready.epoch} an epoch",
        err=True,
    )


def _conclude(ready: Ready, outcome: Outcome) -> None:
    """Say how it ended and what to do next."""
    job, watched = ready.job, ready.job.validation.watched
    ends = {
        "done": f"all {outcome.step} steps are done",
        "patience": f"stopped after step {outcome.step}: {job.settings.patience} validations without improvement",
        "minutes": f"{job.minutes:g} minutes are over after step {outcome.step}; the same command goes on",
    }
    best = "" if outcome.best is None else f"; best {watched.name} {outcome.best:.2f} at step {outcome.best_step}"
    say(f"{ends[outcome.why]}{best}", err=True)
    say(f"{job.settings.model}[checkpoint={job.out}]")
    if not (job.out / "logs").is_dir():
        say("no logs for TensorBoard, which is not installed: pip install 'soundstage[train]'", err=True)
