"""The one loop in which every model is trained: draw, step, validate, keep."""

from __future__ import annotations

import contextlib
import hashlib
import math
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from soundstage.errors import OutOfMemory, SoundstageError
from soundstage.pipeline.blame import is_out_of_memory
from soundstage_training import checkpoint
from soundstage_training.verb import state
from soundstage_training.verb.curve import Curve, read
from soundstage_training.verb.feeding import Share, parts
from soundstage_training.verb.trainee import Trainee

if TYPE_CHECKING:
    from types import FrameType

    from accelerate import Accelerator

    from soundstage_training.verb.mixing import Mixer
    from soundstage_training.verb.settings import Settings
    from soundstage_training.verb.validation import Validation

LOGS = "logs"

FETCHED_EVERY = 10
"""Steps whose losses are fetched from a GPU at once, so that it never waits for us."""

SAVED_EVERY_S = 300.0


class Listener(Protocol):
    """Is told how it goes."""

    def begun(self, step: int, total: int) -> None:
        """It goes on after this step."""

    def stepped(self, step: int, loss: float) -> None:
        """A step is done; losses come a few at a time."""

    def validated(self, step: int, values: Mapping[str, float], best: bool) -> None:
        """The model was validated."""


@dataclass(slots=True)
class Standing:
    """What of a training is neither a weight nor the optimizer's."""

    step: int = 0
    best: float | None = None
    best_step: int = 0
    without: int = 0
    """Validations without improvement."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call of `train` ended. why: `done`, `patience`, `minutes` or `interrupted`."""

    step: int
    best: float | None
    best_step: int
    why: str


@dataclass(slots=True)
class Job:
    """All that a training needs. facts: what its checkpoints carry besides."""

    model: Any
    settings: Settings
    mixer: Mixer
    validation: Validation
    out: Path
    steps: int
    validate_every: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    minutes: float = math.inf
    workers: int = 0


def train(job: Job, accelerator: Accelerator, listener: Listener) -> Outcome:
    """Train from the last state that is kept in `job.out`, or from the beginning, until a limit is reached.

    Raises SoundstageError where the loss is no number, StorageError where nothing more can be kept, OutOfMemory; what
    was kept before stays.
    """
    return _Loop(job, accelerator, listener).run()


class _Loop:
    def __init__(self, job: Job, accelerator: Accelerator, listener: Listener) -> None:
        self._job, self._accelerator, self._listener = job, accelerator, listener
        settings, watched = job.settings, job.validation.watched
        kept = state.load(job.out)
        self._model = job.model
        if kept is not None:
            self._model.load_state_dict(_below("model.", kept[0]))
        trainee = Trainee(self._model, settings.loss)
        self._names = trainee.names
        if accelerator.num_processes > 1 and accelerator.device.type == "cuda":  # elsewhere torch has none
            trainee = nn.SyncBatchNorm.convert_sync_batchnorm(trainee)
        optimizer = torch.optim.Adam(
            trainee.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self._trainee, self._optimizer = accelerator.prepare(trainee, optimizer)
        self._schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer,
            mode="max" if watched.higher_is_better else "min",
            factor=settings.decay,
            patience=settings.decay_after,
        )
        self._standing = Standing()
        if kept is not None:
            self._restore(*kept, optimizer)
        self._pending: list[tuple[int, Tensor, float]] = []
        self._stop = _Stop()
        self._saved_at = self._began = time.monotonic()
        self._saved = self._standing.step if kept is not None else -1

    @property
    def _is_main(self) -> bool:
        return bool(self._accelerator.is_main_process)

    def run(self) -> Outcome:
        """Train until a limit is reached."""
        job, now = self._job, self._standing
        self._curve = Curve(job.out, now.step) if self._is_main else None
        writer = _writer(job.out / LOGS, now.step) if self._is_main else None
        self._writer = writer
        self._listener.begun(now.step, job.steps)
        why = "patience" if self._is_patient_no_more() else "done"
        share = Share(job.settings, self._accelerator.process_index, self._accelerator.num_processes)
        pinned = self._accelerator.device.type == "cuda"
        fed = parts(job.mixer, share, range(now.step + 1, job.steps + 1), job.workers, pinned)
        self._model.train()
        with self._stop.heard(), contextlib.closing(fed), contextlib.ExitStack() as stack:
            if writer is not None:
                stack.callback(writer.close)
            while why == "done" and now.step < job.steps:
                self._step(now.step + 1, fed)
                now.step += 1
                why = self._after_step()
            self._finish(why)
        self._accelerator.end_training()
        return Outcome(now.step, now.best, now.best_step, why)

    def _step(self, step: int, fed: Iterator[tuple[Tensor, ...]]) -> None:
        """One step of the optimizer. All chance in it comes from the seed and the step."""
        settings, accelerator = self._job.settings, self._accelerator
        found = torch.zeros(len(self._names), device=accelerator.device)
        try:
            for number in range(settings.accumulate):
                batch = [tensor.to(accelerator.device, non_blocking=True) for tensor in next(fed)]
                mixture, references, azimuths = batch
                # Only now: the first fetch of a data loader draws from the same generator.
                torch.manual_seed(_seed(settings.seed, step, accelerator.process_index, number))
                told = azimuths if self._model.told_azimuths else None
                last = number == settings.accumulate - 1
                with contextlib.nullcontext() if last else accelerator.no_sync(self._trainee):
                    loss, values = self._trainee(mixture, references, told)
                    accelerator.backward(loss / settings.accumulate)
                found += values / settings.accumulate
            if settings.clip:
                accelerator.clip_grad_norm_(self._trainee.parameters(), settings.clip)
            self._optimizer.step()
            self._optimizer.zero_grad()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise _too_large(settings, step, accelerator.device) from None
        self._pending.append((step, found, self._optimizer.param_groups[0]["lr"]))

    def _after_step(self) -> str:
        """Fetch losses, validate and save when it is time; why to stop, or `done` where there is no reason to."""
        job, now = self._job, self._standing
        due = now.step % job.validate_every == 0
        every = 1 if self._accelerator.device.type == "cpu" and self._accelerator.num_processes == 1 else FETCHED_EVERY
        if not (due or len(self._pending) >= every or now.step == job.steps):
            return "done"
        self._fetch()
        if due:
            self._validate()
        elapsed = time.monotonic() - self._began
        if self._is_patient_no_more():
            why = "patience"
        elif self._agreed(self._stop.asked):
            why = "interrupted"
        elif self._agreed(elapsed > 60.0 * job.minutes):
            why = "minutes"
        else:
            why = "done"
        if due or why != "done" or self._agreed(time.monotonic() - self._saved_at > SAVED_EVERY_S):
            self._save()
        return why

    def _agreed(self, flag: bool) -> bool:
        """Whether any of the devices says so."""
        if self._accelerator.num_processes == 1:
            return flag
        found = torch.tensor([float(flag)], device=self._accelerator.device)
        return bool(self._accelerator.reduce(found, "sum").item() > 0)

    def _fetch(self) -> None:
        """Bring pending losses here, look whether they are numbers, and write them down."""
        if not self._pending:
            return
        settings = self._job.settings
        stacked = self._accelerator.reduce(torch.stack([values for _, values, _ in self._pending]), "mean")
        lines = []
        for (step, _, rate), values in zip(self._pending, stacked.tolist(), strict=True):
            named = dict(zip(self._names, values, strict=True))
            loss = values[0] + sum(weight * named[name] for name, weight in settings.loss.items())
            if not math.isfinite(loss):
                kept = f"the state after step {self._saved} is kept" if self._saved >= 0 else "nothing was kept yet"
                raise SoundstageError(
                    f"the loss at step {step} is {loss}, so there is nothing to learn from; {kept}. Begin anew in"
                    f" another --out with a lower --learning-rate than {rate:g}, or with --precision fp32"
                )
            lines.append({"step": step, "loss": loss, **named, "learning_rate": rate})
        self._pending.clear()
        if self._curve is not None:
            self._curve.add(lines)
        for line in lines:
            for name in ("loss", *self._names, "learning_rate"):
                self._write(f"train/{name}", line[name], line["step"])
            self._listener.stepped(line["step"], line["loss"])

    def _validate(self) -> None:
        """Validate, keep the checkpoint where it is the best, and let the schedule know."""
        now, watched = self._standing, self._job.validation.watched
        value = self._told(self._published() if self._is_main else math.nan)
        if watched.is_better(value, now.best):
            now.best, now.best_step, now.without = value, now.step, 0
        else:
            now.without += 1
        if self._job.settings.schedule == "plateau" and not math.isnan(value):
            self._schedule.step(value)

    def _published(self) -> float:
        """The watched value; the model is kept where it is the best."""
        now, watched = self._standing, self._job.validation.watched
        values = self._job.validation.of(self._model, self._accelerator.device)
        value = values[watched.name]
        better = watched.is_better(value, now.best)
        if better or now.best is None:
            self._keep(values)
        assert self._curve is not None
        self._curve.add([{"step": now.step, "validation": values, "best": better}])
        for name, one in values.items():
            if not math.isnan(one):
                self._write(f"validation/{name}", one, now.step)
        self._listener.validated(now.step, values, better)
        return value

    def _told(self, value: float) -> float:
        """The main process' value, in every process."""
        if self._accelerator.num_processes == 1:
            return value
        held = torch.tensor([value if self._is_main else 0.0], dtype=torch.float64, device=self._accelerator.device)
        return float(self._accelerator.reduce(held, "sum").item())

    def _keep(self, values: Mapping[str, float]) -> None:
        """Put the model into the folder as it is, at once usable."""
        scores = {name: None if math.isnan(value) else value for name, value in values.items()}
        training = {
            **self._job.facts.get("training", {}),
            "step": self._standing.step,
            "validation": scores,
            "torch": version("torch"),
            "accelerate": version("accelerate"),
        }
        checkpoint.save(self._job.out, self._model, {**self._job.facts, "training": training})

    def _finish(self, why: str) -> None:
        """Leave a state and a checkpoint behind. What is validated for that alone is no part of the state."""
        now, job = self._standing, self._job
        if self._saved != now.step:
            self._fetch()
            self._save()
        ended = why in ("done", "minutes") or now.best is None
        if not (self._is_main and now.step and ended):
            return
        if not any(line["step"] == now.step and "validation" in line for line in read(job.out)):
            value = self._published()
            if job.validation.watched.is_better(value, now.best):
                now.best, now.best_step = value, now.step

    def _is_patient_no_more(self) -> bool:
        patience = self._job.settings.patience
        return bool(patience) and self._standing.without >= patience

    def _save(self) -> None:
        """Keep the state, once what it rests on is kept."""
        if self._is_main:
            now, scaler = self._standing, self._accelerator.scaler
            optimizer, groups = state.optimizer_parts(self._optimizer.state_dict())
            tensors = {f"model.{name}": tensor for name, tensor in self._model.state_dict().items()}
            facts = {
                "groups": groups,
                "schedule": self._schedule.state_dict(),
                "scaler": scaler.state_dict() if scaler is not None else {},
                "best": now.best,
                "best_step": now.best_step,
                "without": now.without,
            }
            state.save(self._job.out, now.step, {**tensors, **optimizer}, facts)
            if self._writer is not None:
                self._writer.flush()
        self._saved, self._saved_at = self._standing.step, time.monotonic()

    def _restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], optimizer: Any) -> None:
        """Go on from a state."""
        optimizer.load_state_dict(state.optimizer_state(tensors, facts["groups"]))
        self._schedule.load_state_dict(facts["schedule"])
        if self._accelerator.scaler is not None and facts["scaler"]:
            self._accelerator.scaler.load_state_dict(facts["scaler"])
        self._standing = Standing(facts["step"], facts["best"], facts["best_step"], facts["without"])

    def _write(self, name: str, value: float, step: int) -> None:
        if self._writer is not None:
            self._writer.add_scalar(name, value, step)


class _Stop:
    """Hears Ctrl-C between steps, so that what is kept is whole; a second one does not wait."""

    def __init__(self) -> None:
        self.asked = False

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Hear it meanwhile, where signals are not ignored."""
        handlers = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):  # not in the main thread, which then is somebody else's
                if signal.getsignal(number) != signal.SIG_IGN:
                    handlers[number] = signal.signal(number, self._hear)
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def _too_large(settings: Settings, step: int, device: object) -> OutOfMemory:
    """What to do where the memory is full."""
    finer = next((size for size in range(settings.accumulate + 1, settings.batch + 1) if settings.batch % size == 0), 0)
    remedy = f"take fewer at a time with --accumulate {finer}, which changes no example, or " if finer else "take "
    return OutOfMemory(
        f"step {step}: {settings.batch // settings.accumulate} examples of {settings.seconds:g} s at a time do not fit"
        f" the memory of {device}; {remedy}a smaller --batch, --seconds or model"
    )


def _seed(*numbers: int) -> int:
    """What dropout is drawn with: of the training's seed, the step, the device and the part."""
    return int.from_bytes(hashlib.sha256(" ".join(map(str, numbers)).encode()).digest()[:8], "big")


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _writer(folder: Path, step: int) -> Any:
    """Writes what TensorBoard reads; None where it is not installed. What came after the step is taken back."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    make = partial(SummaryWriter, str(folder))
    return make(purge_step=step + 1) if step else make()
