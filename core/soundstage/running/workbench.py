"""What cells share: loaded plugins, the last track and scene, prepared metrics, and one thread for sums."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import io
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

from threadpoolctl import ThreadpoolController

from soundstage.catalogue.registry import Choice
from soundstage.contracts import (
    Dataset,
    LoadsWeights,
    Metric,
    PlacementRule,
    Renderer,
    Scorer,
    Separator,
    Spatializer,
)
from soundstage.errors import Crashed, OutOfMemory, SoundstageError
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.fingerprint import check_unaltered, fingerprint
from soundstage.pipeline.scenes import place, renderer, spatialize
from soundstage.pipeline.scores import prepare
from soundstage.pipeline.tracks import load_excerpt, load_track
from soundstage.planning.plan import MetricSpec, SceneSpec
from soundstage.running.isolated import Isolated, IsolatedSeparator
from soundstage.scene import Scene, Track

BLAS_THREADS = 1
"""The same in every executor: a sum's last bits depend on how many threads share it."""

Contained = Callable[[], AbstractContextManager[Any]]
"""Makes a context in which what a plugin prints goes where it should."""


class Workbench:
    """Plugins are made and loaded once. Of tracks, scenes and prepared metrics only the last ones are kept.

    device: where separators load. contained: a context for whatever separators do. isolated: which of them work in
    processes of their own, and what they are given there.
    """

    def __init__(self, device: str = "auto", contained: Contained = nullcontext, isolated: Isolated = ()) -> None:
        self.device = device
        self._isolated = dict(isolated)
        self.contained = contained
        self.excerpt: dict[str, Any] = {}
        """Where the last track's excerpt lies in it, for the provenance; empty where it is whole."""
        self._plugins: dict[tuple[str, str, str], object] = {}
        self._broken: dict[tuple[str, str, str], SoundstageError] = {}
        self._track: tuple[tuple[str, str], Track] | None = None
        self._scene: tuple[str, Scene] | None = None
        self.fingerprint = 0
        """Of the last scene, when it was rendered."""
        self._scorers: dict[tuple[str, tuple[str, ...]], Scorer] = {}
        self._threads: tuple[int, ThreadpoolController] | None = None

    def one_thread(self) -> AbstractContextManager[Any]:
        """Limits BLAS and OpenMP. The loaded libraries are looked for again only when something was imported."""
        _load_blas()
        if self._threads is None or self._threads[0] != len(sys.modules):
            self._threads = (len(sys.modules), ThreadpoolController())
        found: AbstractContextManager[Any] = self._threads[1].limit(limits=BLAS_THREADS)
        return found

    def separator(self, choice: Choice) -> Separator:
        """The separator, made and loaded once. Raises SoundstageError, each time, where that fails."""
        return cast("Separator", self._plugin(choice))

    def _plugin(self, choice: Choice) -> object:
        """The plugin's instance, made and loaded once. Raises SoundstageError, each time, where that fails."""
        key = (choice.kind, choice.label, choice.entry)
        if key in self._broken:
            raise self._broken[key]
        if key not in self._plugins:
            try:
                with named_as(f"{choice.kind[:-1]} '{choice.label}'"):
                    instance = self._built(choice)
                    if choice.kind == "separators" and isinstance(instance, LoadsWeights):
                        with self.contained():
                            instance.load(self.device.partition(",")[0])
            except (Crashed, OutOfMemory):
                raise
            except SoundstageError as error:
                self._broken[key] = error
                raise
            self._plugins[key] = instance
        return self._plugins[key]

    def _built(self, choice: Choice) -> object:
        if choice.kind == "separators" and choice.label in self._isolated:
            return IsolatedSeparator(choice, self._isolated[choice.label])
        return choice.build()

    def scene(self, spec: SceneSpec) -> Scene:
        """The rendered scene. Raises SoundstageError naming the plugin and the track."""
        if not self.is_at(spec):
            self._scene, self._scorers = None, {}
            track = self._loaded_track(spec)
            placement = None
            if spec.placement is not None:
                rule = cast("PlacementRule", self._plugin(spec.placement))
                placement = place(rule, spec.placement.plugin.name, spec.dataset.entry, track, spec.seed)
            spatializer = cast("Spatializer", self._plugin(spec.spatializer))
            scene = spatialize(spatializer, spec.spatializer.label, track, placement)
            self._scene, self.fingerprint = (spec.address, scene), fingerprint(scene)
        assert self._scene is not None
        return self._scene[1]

    def is_at(self, spec: SceneSpec) -> bool:
        """Whether this is the last scene, which then need not be rendered."""
        return self._scene is not None and self._scene[0] == spec.address

    def adopt(self, spec: SceneSpec, scene: Scene, known: int, excerpt: Mapping[str, Any]) -> None:
        """Go on with a scene that was rendered elsewhere. known: its fingerprint then. excerpt: where it lies."""
        self._scene, self._scorers = (spec.address, scene), {}
        self.fingerprint, self.excerpt = known, dict(excerpt)

    def let_go(self, spec: SceneSpec) -> None:
        """Forget this scene, and keep its track for the next."""
        if self.is_at(spec):
            self._scene, self._scorers = None, {}

    def renderer(self, spec: SceneSpec) -> Renderer | None:
        """What puts the sources of that scene elsewhere; None where nothing is placed. Raises as `scene` does."""
        placement = self.scene(spec).placement
        spatializer = cast("Spatializer", self._plugin(spec.spatializer))
        return renderer(spatializer, spec.spatializer.label, partial(self._loaded_track, spec), placement)

    def check_unaltered(self, who: str) -> None:
        """Raise SoundstageError where somebody has written into the last scene, which then is made anew.

        who: has had a chance to.
        """
        if self._scene is not None:
            try:
                check_unaltered(self._scene[1], self.fingerprint, who)
            except SoundstageError:
                self._track = self._scene = None
                raise

    def _loaded_track(self, spec: SceneSpec) -> Track:
        key = (spec.dataset.label, spec.track_name)
        if self._track is None or self._track[0] != key:
            self._track, self.excerpt = None, {}
            dataset, name = cast("Dataset", self._plugin(spec.dataset)), spec.dataset.label
            if spec.excerpt is None:
                track = load_track(dataset, name, spec.track)
            else:
                track, self.excerpt = load_excerpt(
                    dataset, name, spec.track, spec.dataset.entry, spec.excerpt, spec.chunk
                )
            self._track = (key, track)
        return self._track[1]

    def scorer(self, label: str, metric: MetricSpec, spec: SceneSpec, goal: Scene) -> Scorer:
        """The metric's scorer of estimates of `goal`, the last scene as it is to be scored; prepared once."""
        key = (label, tuple(goal.references))
        plugin = cast("Metric", self._plugin(metric.choice))
        if key not in self._scorers:
            with self.one_thread():  # of what making the plugin has imported, too
                self._scorers[key] = prepare(plugin, label, spec.track_name, goal)
        return self._scorers[key]


@cache
def _load_blas() -> None:
    """Load SciPy's BLAS, whose threads can be limited only then. Its wheels have the library in a folder of its own;
    where that is not so, importing what uses it takes longer."""
    found = importlib.util.find_spec("scipy")
    folder = Path(found.origin or "").parents[1] / "scipy.libs" if found else Path()
    for library in sorted(folder.glob("*openblas*.so*")):
        with contextlib.suppress(OSError):
            ctypes.CDLL(str(library))
            return
    importlib.import_module("scipy.linalg")


class _Discarded(io.TextIOBase):
    """Where prints go that nobody asked for."""

    def write(self, text: str) -> int:
        return len(text)


def discarding() -> AbstractContextManager[Any]:
    """A context in which what is printed is thrown away."""
    return redirect_stdout(_Discarded())
