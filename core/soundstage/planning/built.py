"""A chosen plugin, built once for planning, with its part of every address; or why that failed."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soundstage.cache import FileHashes
from soundstage.catalogue.registry import Choice
from soundstage.contracts import Measure
from soundstage.errors import NotInstalled, OutOfMemory, SoundstageError, text_of
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.ctrl_c import is_the_users, noted
from soundstage.pipeline.declared import Declared, declared
from soundstage.planning.identity import identity
from soundstage.planning.plan import Problem
from soundstage.sources import AS_NAMED, Combined


@dataclass(slots=True)
class Built:
    """What is known of a plugin while planning."""

    choice: Choice
    instance: Any = None
    """None where it could not be built."""

    problem: Problem | None = None
    known: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    """The files that it depended on, and what its stems make → its part of the address."""

    @property
    def called(self) -> str:
        """As an error names it."""
        return f"{self.choice.kind[:-1]} '{self.choice.label}'"

    def identity(
        self, files: Callable[[], Sequence[Path]], hashes: FileHashes, combined: Combined = AS_NAMED
    ) -> dict[str, Any]:
        """The plugin's part of an address, with the contents of the files that it names; the same for the same files.

        combined: of a separator, what its stems make on the scene that it is for. Raises SoundstageError where it
        cannot name its files, or where they cannot be read.
        """
        if self.instance is None:
            assert self.problem is not None
            params = {name: str(value) for name, value in self.choice.params.items()}
            return {"plugin": self.choice.plugin.name, "parameters": params, "unusable": self.problem.status}
        named = tuple(str(file) for file in files())
        made = combined.written
        key = (named, json.dumps(made))
        if key not in self.known:
            found = identity(self.choice, type(self.instance), hashes.of([Path(file) for file in named]), made)
            try:
                json.dumps(found, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise SoundstageError(f"its parameters cannot be part of an address ({error})") from None
            self.known[key] = found
        return self.known[key]


def build(choice: Choice, hashes: FileHashes) -> Built:
    """The plugin, built; what keeps it from being used is its problem.

    Raises SoundstageError where its own parameters are refused: that is for the grid's author to correct.
    """
    reason = choice.plugin.unusable()
    if choice.weights and choice.folder and not reason:
        reason = choice.weights.missing_message_offline(choice.entry, choice.folder)
    reason = "; ".join(filter(None, (reason, choice.lacking)))
    one = Built(choice)
    if reason:
        one.problem = Problem("not-installed", f"{one.called} {reason}")
        return one
    with noted():
        try:
            one.instance = choice.build()
        except NotInstalled as error:
            one.problem = Problem("not-installed", f"{one.called}: {error}")
        except SoundstageError as error:
            raise SoundstageError(f"{one.called}: {with_remedy(choice, str(error))}") from None
        except ModuleNotFoundError as error:
            sentence = f"{one.called} of {choice.plugin.distribution} needs the module {error.name}; install it"
            one.problem = Problem("not-installed", sentence, traceback.format_exc())
        except BaseException as error:
            if is_the_users(error):
                raise
            said = f"{type(error).__name__}: {text_of(error)}"
            sentence = f"{one.called} of {choice.plugin.distribution} cannot be built: {said}"
            one.problem = Problem("failed", sentence, traceback.format_exc())
        else:
            one.problem = trouble(lambda: _check(one, hashes), one.called)
            if one.problem:
                one.instance = None
    return one


def with_remedy(choice: Choice, sentence: str) -> str:
    """The sentence, and of the paths that the choice has and that are not there how to say where they are."""
    return "; ".join([sentence, *choice.lost()])


def _check(one: Built, hashes: FileHashes) -> None:
    choice = one.choice
    if choice.weights and choice.folder:
        choice.weights.check(choice.folder, hashes.one)
    for parameter, digest in choice.sha256.items():
        path = choice.params.get(parameter)
        if isinstance(path, Path) and hashes.one(path) != digest:
            raise SoundstageError(
                f"{path} is not the file that was added as '{choice.entry}': its SHA-256 is not {digest}; put that file"
                " back, or add this one under another name"
            )
    if choice.kind == "separators":
        declared(one.instance)
    if choice.kind == "metrics":
        measures(one.instance)


def separator_facts(one: Built) -> Declared:
    """What a separator declares; the defaults where it could not be built."""
    return Declared() if one.instance is None else declared(one.instance)


def measures(metric: Any) -> Mapping[str, Measure]:
    """What a metric declares that it measures; nothing for None. Raises SoundstageError where that is not what it may
    be."""
    if metric is None:
        return {}
    found = getattr(metric, "measures", None)
    if not isinstance(found, Mapping) or not found:
        raise SoundstageError("declares no measures; write measures = {'NAME': Measure('dB', higher_is_better=True)}")
    for name, measure in found.items():
        if not isinstance(name, str) or not isinstance(measure, Measure):
            raise SoundstageError(f"declares the measure {name!r} as {measure!r}; give a text and a Measure")
        if not isinstance(measure.unit, str) or not isinstance(measure.label, str):
            raise SoundstageError(f"declares {name} with unit {measure.unit!r} and label {measure.label!r}; give texts")
    return dict(found)


def trouble(work: Callable[[], object], where: str) -> Problem | None:
    """What goes wrong when a plugin's own code is called while planning; None where nothing does."""
    try:
        with named_as(where):
            work()
    except NotInstalled as error:
        return Problem("not-installed", str(error), traceback.format_exc())
    except OutOfMemory as error:
        return Problem("oom", str(error), traceback.format_exc())
    except SoundstageError as error:
        return Problem("failed", str(error), traceback.format_exc())
    return None
