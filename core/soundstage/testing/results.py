"""What a check is, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from soundstage.contracts import Kind

Outcome = Literal["passed", "failed", "skipped"]


class Failed(AssertionError):
    """The plugin does not do what the check promises; the message says what to change."""


class Skipped(Exception):
    """The check has nothing to say of this plugin, or was left out; the message says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a plugin must do.

    kind: of which plugins. name: a few words. promise: a sentence about a plugin that passes. run: is given what the
    checks of that kind share (a SeparatorBench, …) and returns what it measured, a phrase or nothing; it raises Failed,
    Skipped, or a SoundstageError of the harness, which is a failure. is_gate: whether the others say nothing of a
    plugin that fails it.
    """

    kind: Kind
    name: str
    promise: str
    run: Callable[[Any], str]
    is_gate: bool = False


CHECKS: dict[Kind, list[Check]] = {}
"""Kind → its checks, in the order in which they run."""


def check(kind: Kind, *, gate: bool = False) -> Callable[[Callable[[Any], str]], Callable[[Any], str]]:
    """Makes a check of a function: its name is the function's, its promise the first line of the docstring."""

    def made(function: Callable[[Any], str]) -> Callable[[Any], str]:
        promise = (function.__doc__ or "").strip().splitlines()[0]
        name = function.__name__.replace("_", " ").strip()
        CHECKS.setdefault(kind, []).append(Check(kind, name, promise, function, gate))
        return function

    return made


MARKS: dict[Outcome, str] = {"passed": "ok      ", "failed": "FAILED  ", "skipped": "left out"}
"""What a line begins with."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a check. sentence: why it failed and what to change, why it was skipped, or what was measured."""

    name: str
    promise: str
    outcome: Outcome
    sentence: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        """A line."""
        return f"{MARKS[self.outcome]} {self.name}" + (f": {self.sentence}" if self.sentence else "")


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one plugin, in order."""

    kind: Kind
    plugin: str
    results: Sequence[Result]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    @property
    def failed(self) -> list[Result]:
        """The checks that failed."""
        return [result for result in self.results if result.outcome == "failed"]

    @property
    def skipped(self) -> list[Result]:
        """The checks that were left out."""
        return [result for result in self.results if result.outcome == "skipped"]

    def __getitem__(self, name: str) -> Result:
        """The result of the check of that name. Raises KeyError."""
        for result in self.results:
            if result.name == name:
                return result
        raise KeyError(name)

    def __str__(self) -> str:
        """A line for each check, and a summary."""
        return "\n".join([*map(str, self.results), self.summary])

    @property
    def summary(self) -> str:
        """How many passed, failed and were left out, in a sentence."""
        passed = len(self.results) - len(self.failed) - len(self.skipped)
        counts = [f"{passed} of {len(self.results)} checks passed"]
        counts += [f"{len(self.failed)} failed"] if self.failed else []
        counts += [f"{len(self.skipped)} left out"] if self.skipped else []
        return f"{self.kind[:-1]} '{self.plugin}': {', '.join(counts)}"

    def assert_ok(self) -> None:
        """Raise Failed, an AssertionError with every sentence, unless nothing failed."""
        if self.failed:
            raise Failed("\n".join([self.summary, *(f"{one.name}: {one.sentence}" for one in self.failed)]))

    def as_facts(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "kind": self.kind[:-1],
            "plugin": self.plugin,
            "ok": self.ok,
            "checks": [asdict(result) for result in self.results],
        }
