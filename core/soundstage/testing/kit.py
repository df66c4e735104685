"""The checks of a plugin, run: all of them into a report, or one at a time as tests do."""

from __future__ import annotations

import importlib
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from soundstage.catalogue.registry import Registry
from soundstage.contracts import Kind
from soundstage.errors import SoundstageError, suggestion
from soundstage.running.workbench import Workbench
from soundstage.testing.results import CHECKS, Check, Failed, Outcome, Report, Result, Skipped
from soundstage.testing.subject import subject

Files = Registry | Sequence[str | Path]


def checks_of(kind: Kind) -> list[Check]:
    """The checks of plugins of that kind, in order."""
    importlib.import_module(f"soundstage.testing.{kind}")
    return CHECKS[kind]


class Conformance:
    """One plugin and its checks; each is run once, and what they share is made once.

    kind, plugin, registry: see `check_separator`. thorough: also what takes minutes or gigabytes. device: where
    separators load. Raises SoundstageError where there is no plugin of that name, or its parameters are refused.
    """

    def __init__(
        self, kind: Kind, plugin: Any, *, thorough: bool = False, device: str = "cpu", registry: Files = ()
    ) -> None:
        self.kind = kind
        self.checks = {check.name: check for check in checks_of(kind)}
        self.subject = subject(kind, plugin, registry)
        benches = importlib.import_module(f"soundstage.testing.{kind}")
        self._bench = benches.Bench(self.subject, thorough, device)
        self._threads = Workbench()
        self._results: dict[str, Result] = {}

    def result(self, name: str) -> Result:
        """What becomes of the check of that name. Raises SoundstageError where there is none."""
        if name not in self.checks:
            raise SoundstageError(f"no check of {self.kind} is called '{name}'{suggestion(name, self.checks)}")
        if name not in self._results:
            self._results[name] = self._run(self.checks[name])
        return self._results[name]

    def report(self, only: Collection[str] = ()) -> Report:
        """All results, or those of the checks named."""
        names = [name for name in self.checks if not only or name in only]
        for name in only:
            self.result(name)
        return Report(self.kind, self.subject.name, tuple(self.result(name) for name in names))

    def _run(self, check: Check) -> Result:
        for gate in self.checks.values():
            if gate is check:
                break
            if gate.is_gate and self.result(gate.name).outcome == "failed":
                return Result(check.name, check.promise, "skipped", f"it says nothing while '{gate.name}' fails")
        start = time.perf_counter()
        outcome: Outcome = "passed"
        try:
            with self._threads.one_thread():
                sentence = check.run(self._bench)
        except Skipped as skipped:
            outcome, sentence = "skipped", str(skipped)
        except (Failed, SoundstageError) as error:
            outcome, sentence = "failed", str(error)
        return Result(check.name, check.promise, outcome, sentence, round(time.perf_counter() - start, 3))


def check_separator(
    plugin: Any, *, thorough: bool = False, device: str = "cpu", registry: Files = (), only: Collection[str] = ()
) -> Report:
    """What the checks of separators say of one.

    plugin: a name or variant, as `mymodel[segment=4]`; a class; a function without parameters that makes an instance;
    or an instance, of which copies are checked. thorough: also what takes minutes or gigabytes. device: where it loads.
    registry: TOML files in which names are looked up besides. only: names of checks. Nothing is raised for a plugin
    that is wrong: `report.assert_ok()` does that. Raises SoundstageError where there is none of that name.
    """
    return Conformance("separators", plugin, thorough=thorough, device=device, registry=registry).report(only)


def check_metric(plugin: Any, *, thorough: bool = False, registry: Files = (), only: Collection[str] = ()) -> Report:
    """What the checks of metrics say of one. plugin, thorough, registry, only: as for `check_separator`."""
    return Conformance("metrics", plugin, thorough=thorough, registry=registry).report(only)


def check_spatializer(
    plugin: Any, *, thorough: bool = False, registry: Files = (), only: Collection[str] = ()
) -> Report:
    """What the checks of spatializers say of one. plugin, thorough, registry, only: as for `check_separator`."""
    return Conformance("spatializers", plugin, thorough=thorough, registry=registry).report(only)


def check_dataset(plugin: Any, *, thorough: bool = False, registry: Files = (), only: Collection[str] = ()) -> Report:
    """What the checks of datasets say of one. plugin, registry, only: as for `check_separator`.

    thorough: every track, not the first alone.
    """
    return Conformance("datasets", plugin, thorough=thorough, registry=registry).report(only)


def check_placement(plugin: Any, *, thorough: bool = False, registry: Files = (), only: Collection[str] = ()) -> Report:
    """What the checks of placement rules say of one. plugin, thorough, registry, only: as for `check_separator`."""
    return Conformance("placements", plugin, thorough=thorough, registry=registry).report(only)
