"""The class that stands for a metric script: a metric like any other, its work done in another process.

A scene goes over once, when it is prepared; then the estimates of every separator that is scored on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from soundstage.contracts import Measure, Score
from soundstage.errors import SoundstageError
from soundstage.isolation.process import ScriptProcess
from soundstage.isolation.script import Script, read_script
from soundstage.isolation.scripted import Scripted, made_class

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.scene import Scene

_KEYS = itertools.count()


class ScriptMetric(Scripted):
    """A metric script. Started when the first scene is prepared, and again where it has died."""

    measures: ClassVar[Mapping[str, Measure]]

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._process: ScriptProcess | None = None

    def files(self) -> list[Path]:
        """The files that it depends on; see Scripted.own_files."""
        return self.own_files()

    def prepare(self, scene: Scene) -> ScriptScorer:
        """The script's scorer of estimates of the scene. Raises NotInstalled, Crashed, or what the script says."""
        return ScriptScorer(self, scene)

    def serving(self) -> ScriptProcess:
        """The process in which it is loaded."""
        if self._process is None or not self._process.alive:
            self._process, _ = self.started("metric", "auto")
        return self._process


class ScriptScorer:
    """Scores estimates of one scene in the script's process. details: what is known of that, for the record."""

    def __init__(self, metric: ScriptMetric, scene: Scene) -> None:
        self._metric, self._scene = metric, scene
        self._key = next(_KEYS)
        self._process = self._prepared()
        self.details = dict(metric.details)

    def __call__(self, estimates: Mapping[str, Samples]) -> list[Score]:
        """The script's rows. Raises Crashed, or what the script says."""
        if self._process is not self._metric.serving():
            self._process = self._prepared()
        request = {"do": "score", "scene": self._key}
        reply, _ = self._process.ask(request, {f"est:{source}": image for source, image in estimates.items()})
        if reply.get("forgotten"):  # others were prepared meanwhile
            self._process = self._prepared()
            reply, _ = self._process.ask(request, {f"est:{source}": image for source, image in estimates.items()})
        self.details |= reply["details"]
        return [_score(row) for row in reply["rows"]]

    def _prepared(self) -> ScriptProcess:
        """The process, once it has prepared the scene."""
        process, scene = self._metric.serving(), self._scene
        placement = None if scene.placement is None else asdict(scene.placement)
        about = {"rate": scene.rate, "gain": scene.gain, "latency": scene.latency, "placement": placement}
        arrays = {"mixture": scene.mixture, **{f"ref:{name}": one for name, one in scene.references.items()}}
        process.ask({"do": "prepare", "scene": self._key, "about": about}, arrays)
        return process


def _score(row: Any) -> Score:
    """A row as the process sent it; what is wrong with its values is found where all metrics' rows are checked."""
    try:
        return Score(**row)
    except TypeError:
        raise SoundstageError(
            f"the scorer returned a row of {', '.join(map(str, row)) if isinstance(row, Mapping) else row}; a row has"
            " source, name, value and perhaps frame, note, ranked"
        ) from None


def metric_class(path: Path, pins: Sequence[str] = ()) -> type[ScriptMetric]:
    """The metric class of a script: its constructor takes what the script's load() takes. Raises SoundstageError."""
    script = read_script(path, pins)
    facts: dict[str, Any] = {"measures": _measures(script)}
    if "compares_channels" in script.constants:
        facts["compares_channels"] = script.constants["compares_channels"]
    return made_class(script, ScriptMetric, facts)


def _measures(script: Script) -> dict[str, Measure]:
    """What the script declares that it measures."""
    told = script.constants.get("measures")
    form = 'write measures = {"SSR": {"unit": "dB", "higher_is_better": True}} at its top level'
    if not isinstance(told, dict) or not told:
        raise SoundstageError(f"{script.path}: declares no measures; {form}")
    found = {}
    for name, about in told.items():
        try:
            found[str(name)] = Measure(**about)
        except (TypeError, ValueError) as error:
            why = str(error).removeprefix("Measure.__init__() ")
            raise SoundstageError(f"{script.path}: its measure {name!r} is none ({why}); {form}") from None
    return found
