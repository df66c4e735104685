"""How a grid is to be run: one value, checked where it is made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from soundstage.errors import BadOption, suggestion
from soundstage.planning.jobs import AXES, Only
from soundstage.results.records import STATUSES

EXECUTORS = ("inline", "processes", "dask")
"""What may run the cells."""

KEPT = ("estimates",)
"""What of a run can be kept besides its scores."""

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What `soundstage.run`, `soundstage run` and `--dry-run` are told besides the grid and the folder.

    Raises BadOption, which names the field, where one is not what it may be.
    """

    workers: int = 1
    """1 runs in this process, more in as many processes."""

    scorers: int = 0
    """Processes beside the workers that render scenes for them and score what they separate; 0: workers do all."""

    keep: Sequence[str] = ()
    """Out of KEPT: `estimates` keeps what the separators made."""

    retry: Sequence[str] = ()
    """Statuses to run again; what has been installed since always is."""

    device: str = "auto"
    """Where separators load: auto, cpu, cuda, cuda:N or mps; several, with commas between, are dealt to the workers."""

    timeout_s: float | None = None
    """Seconds that a cell may take before what works on it is killed."""

    memory_limit: int | None = None
    """Bytes that a worker may hold, what it starts included, before it is killed."""

    executor: str = ""
    """One of EXECUTORS; by default what the workers and the limits ask for."""

    scheduler: str = ""
    """The address of a Dask cluster's scheduler; without one Dask's cluster is this machine."""

    only: Only = field(default_factory=dict)
    """Which part of the grid: axis → labels or names of entries."""

    limit: int | None = None
    """At most so many cells."""

    wait: bool = False
    """Wait for another run on the same folder to end."""

    show_output: bool = False
    """Let through what plugins print; in this process a debugger then works."""

    isolate: bool = False
    """Every separator in a process of its own, which gets the mixture and what it declares, and a clean environment."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in ("keep", "retry"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        object.__setattr__(self, "only", dict(self.only or {}))
        _check_numbers(self)
        _check_names("keep", self.keep, KEPT)
        _check_names("retry", self.retry, STATUSES)
        _check_names("only", list(self.only), AXES)
        if not all(_DEVICE.fullmatch(one) for one in self.device.split(",")):
            raise BadOption("device", f"{{}} cannot be '{self.device}'; it takes auto, cpu, cuda, cuda:N and mps")
        if self.executor:
            _check_names("executor", [self.executor], EXECUTORS)
        if self.runs_in == "inline" and (self.workers > 1 or self.is_limited):
            raise BadOption("executor", "{} inline has one worker and can kill nothing; leave out workers and limits")
        if self.scorers and self.runs_in != "processes":
            raise BadOption("scorers", "{} are processes of this machine; leave out the executor, or take processes")
        if self.isolate and self.runs_in == "inline":
            raise BadOption(
                "isolate",
                "{} does not go with the executor inline, which renders scenes in the process that has imported the"
                " separators; leave that out",
            )
        if self.scheduler and self.runs_in != "dask":
            raise BadOption("scheduler", "{} is a Dask cluster's; it goes with the executor dask")

    @property
    def is_limited(self) -> bool:
        """Whether a worker may have to be killed."""
        return self.timeout_s is not None or self.memory_limit is not None

    @property
    def runs_in(self) -> str:
        """The executor that is meant."""
        if self.executor:
            return self.executor
        if self.scheduler:
            return "dask"
        several = self.workers > 1 or self.scorers > 0
        return "processes" if several or self.is_limited or self.isolate else "inline"


def _check_numbers(options: RunOptions) -> None:
    if not _is_whole(options.workers) or options.workers < 1:
        raise BadOption("workers", f"{{}} must be a whole number from 1, not {options.workers}")
    if not _is_whole(options.scorers) or options.scorers < 0:
        raise BadOption("scorers", f"{{}} must be a whole number from 0, not {options.scorers}")
    if options.timeout_s is not None and not options.timeout_s > 0:
        raise BadOption("timeout_s", f"{{}} must be more than 0 seconds, not {options.timeout_s:g}")
    if options.memory_limit is not None and (not _is_whole(options.memory_limit) or options.memory_limit <= 0):
        raise BadOption("memory_limit", f"{{}} must be more than 0 bytes, not {options.memory_limit}")
    if options.limit is not None and (not _is_whole(options.limit) or options.limit < 0):
        raise BadOption("limit", f"{{}} must be a whole number from 0, not {options.limit}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_names(option: str, names: Sequence[str], known: Sequence[str] | Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            raise BadOption(option, f"{{}} cannot be '{name}'{suggestion(name, known)}")
