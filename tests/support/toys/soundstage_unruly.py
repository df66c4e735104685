"""Plugins that raise, or say what nobody can keep, wherever the harness asks them something."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import math
import os
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any, Literal

import numpy as np
from soundstage_toys import ErrorDb, Flat, Line, Nothing, Toy

import soundstage
from soundstage.contracts import Measure, Score
from soundstage.scene import Scene

Where = Literal["", "track_ids", "files", "not texts", "twice", "one track", "endless", "a great many"]


@soundstage.hookimpl
def register_datasets(register):
    register("unruly_data", "soundstage_unruly:Data", summary="Raises while planning")


@soundstage.hookimpl
def register_placements(register):
    register("unruly_line", "soundstage_unruly:Placing", summary="Raises while planning")


@soundstage.hookimpl
def register_spatializers(register):
    register("unruly_flat", "soundstage_unruly:Rendering", summary="Says what nobody can keep")


@soundstage.hookimpl
def register_separators(register):
    register("meddler", "soundstage_unruly:Meddler", summary="Writes into the scene")
    register("unruly_quitter", "soundstage_unruly:Quitter", summary="Raises what is no Exception")
    register("thief", "soundstage_unruly:Thief", summary="Looks for the references wherever it may")
    register("unruly_model", "soundstage_unruly:Model", summary="Raises while planning, says what nobody can keep")


@soundstage.hookimpl
def register_metrics(register):
    register("unruly_metric", "soundstage_unruly:Scoring", summary="Returns scores that are none")


class Data(Toy):
    def __init__(self, where: Where = "") -> None:
        super().__init__()
        self.where = where

    def track_ids(self):
        match self.where:
            case "track_ids":
                raise LookupError("the catalogue is closed")
            case "not texts":
                return [1, 2]
            case "twice":
                return ["song 0", "song 0"]
            case "endless":
                return (f"song {number}" for number in itertools.count())
            case "a great many":
                return map(str, range(10**18))
        return super().track_ids()

    def files(self, track_id):
        if self.where == "files" or (self.where == "one track" and track_id == "song 1"):
            raise IndexError("no such shelf")
        return []


class Placing(Line):
    def files(self):
        raise ValueError("the map is upside down")


class Rendering(Flat):
    def __init__(self, says: Literal["numpy", "nan", "object", "notices"] = "numpy") -> None:
        self.says = says

    def render(self, track, placement):
        told = {
            "notices": {"notices": [f"bass of {track.id} is heard from the wrong side"]},
            "numpy": {"gain": np.float32(0.5), "at": np.arange(2)},
            "nan": {"x": math.nan},
            "object": {"x": object()},
        }
        return dataclasses.replace(super().render(track, placement), details=told[self.says])


class Mute(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Circle(dict):
    """Holds itself."""


class Model(Nothing):
    def __init__(
        self,
        where: Literal["", "files", "needs", "role", "rate", "sources"] = "",
        says: Literal["", "numpy", "none", "nan", "circular", "keys", "text", "object", "surrogate"] = "",
        fault: Literal["", "surrogate", "escape", "long", "mute"] = "",
    ) -> None:
        self.where, self.fault = where, fault
        if where == "needs":
            self.needs = ("telepathy",)
        if where == "role":
            self.role = "hero"
        if where == "rate":
            self.rate = "fast"
        if where == "sources":
            self.sources = "vocals"
        circle: dict = {}
        circle["again"] = circle
        told = {
            "": {},
            "numpy": {"gain": np.float32(0.5), "shape": (1, np.int64(2)), "loud": np.bool_(True)},
            "none": None,
            "nan": {"loss": math.nan},
            "circular": circle,
            "keys": {1: "one"},
            "text": "all went well",
            "object": {"model": object()},
            "surrogate": {"path": "caf\udce9"},
        }
        self.details = told[says]

    def files(self, cell):
        if self.where == "files":
            raise KeyError("weights")
        return []

    def separate(self, mixture, rate, *, sources):
        match self.fault:
            case "surrogate":
                raise ValueError("no file caf\udce9.wav")
            case "escape":
                raise ValueError("\x1b]0;owned\x07\x00")
            case "long":
                raise ValueError("x" * 5_000_000)
            case "mute":
                raise Mute
        return super().separate(mixture, rate, sources=sources)


class Meddler(Nothing):
    """Finds the scene's own arrays and makes the references its own estimates."""

    def __init__(self, then: Literal["", "raises"] = "") -> None:
        self.then = then

    def separate(self, mixture, rate, *, sources):
        for found in gc.get_objects():
            if type(found) is Scene:
                for reference in found.references.values():
                    own = reference
                    while isinstance(own.base, np.ndarray):
                        own = own.base
                    own.flags.writeable = True
                    own[..., 7:8] += 1e-9  # scenes of other tests may be shorter
        if self.then == "raises":
            raise ValueError("caught in the act")
        return super().separate(mixture, rate, sources=sources)


class Thief:
    """Says that it is blind, and returns the references where it finds them; the mixture where it does not.

    diary: a file that it writes down in what it has found, from its first moment on and until there is one ending in
    `.end`.
    """

    revision = 1
    needs: tuple[str, ...] = ("sources",)

    def __init__(
        self, looks: Literal["objects", "frames", "asks", "from the start"] = "objects", diary: str = ""
    ) -> None:
        self.looks, self.diary = looks, diary
        if looks == "from the start":
            self.known = [one for one in gc.get_objects() if type(one) is Scene]  # others left them in our process
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while not Path(f"{self.diary}.end").exists():
            scenes = (one for one in gc.get_objects() if type(one) is Scene)
            if any(all(one is not other for other in self.known) for one in scenes):
                with Path(self.diary).open("a") as stream:
                    stream.write(f"a scene in process {os.getpid()}\n")
                return
            time.sleep(0.005)

    def load(self, device):
        if self.looks == "asks":
            self.needs = ("sources", "references")

    def separate(self, mixture, rate, *, sources, references=None):
        self.details = {"secrets": [name for name in os.environ if "SECRET" in name], "process": os.getpid()}
        if self.looks == "from the start":
            time.sleep(0.3)
        found = references or self._found(mixture)
        return dict(found) if found else dict.fromkeys(sources, mixture)

    def _found(self, mixture):
        def of_it(one):
            return type(one) is Scene and np.array_equal(one.mixture, mixture)

        match self.looks:
            case "objects":
                return next((one.references for one in gc.get_objects() if of_it(one)), None)
            case "frames":
                for top in sys._current_frames().values():
                    frame: types.FrameType | None = top
                    while frame is not None:
                        for value in frame.f_locals.values():
                            if of_it(value):
                                return value.references
                        frame = frame.f_back
        return None


class Scoring(ErrorDb):
    def __init__(
        self,
        returns: Literal[
            "note", "frame", "huge frame", "value", "ranked", "source", "surrogate", "numpy", "huge", "array"
        ] = "note",
        measures: Literal["", "unit", "text", "none"] = "",
    ) -> None:
        super().__init__()
        self.returns = returns
        good = {"error": Measure("dB", higher_is_better=False)}
        measured: dict[str, Any] = {
            "": good,
            "unit": {"error": Measure(3, higher_is_better=False)},
            "text": {"error": "dB"},
            "none": None,
        }
        self.measures = measured[measures]

    def prepare(self, scene):
        def scores(estimates):
            for source in estimates:
                score = Score(source, "error", 1.0)
                every: dict[str, Any] = {
                    "note": {"note": 5},
                    "frame": {"frame": 0.5},
                    "huge frame": {"frame": 2**40},
                    "value": {"value": "loud"},
                    "ranked": {"ranked": "yes"},
                    "source": {"source": 7},
                    "surrogate": {"note": "caf\udce9"},
                    "huge": {"value": 2**2000},
                    "array": {"value": np.array([1.0])},
                    "numpy": {"value": np.float32(1.5), "ranked": np.True_},
                }
                wrong = every[self.returns]
                yield dataclasses.replace(score, **wrong)
                if wrong.keys() & {"frame"}:
                    yield score

        return scores


class Quitter(Nothing):
    """Raises what is no Exception, or leaves the process's own files closed, where it is told to."""

    def __init__(
        self,
        at: Literal["load", "separate"] = "load",
        how: Literal[
            "interrupt", "generator exit", "sys.exit", "own", "closes input", "closes all", "no stdout"
        ] = "own",
    ) -> None:
        self.at, self.how = at, how

    def load(self, device):
        if self.at == "load":
            self._quit()

    def separate(self, mixture, rate, *, sources):
        if self.at == "separate":
            self._quit()
        return super().separate(mixture, rate, sources=sources)

    def _quit(self):
        match self.how:
            case "interrupt":
                raise KeyboardInterrupt
            case "generator exit":
                raise GeneratorExit
            case "sys.exit":
                sys.exit(0)
            case "own":
                raise type("Abandon", (BaseException,), {})("enough")
            case "closes input":
                os.close(0)
            case "closes all":
                os.closerange(0, 3)
            case "no stdout":
                sys.stdout = sys.stderr = None
