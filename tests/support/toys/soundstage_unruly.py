"""Plugins that raise, or say what nobody can keep, wherever the harness asks them something."""

from __future__ import annotations

import dataclasses
import gc
import math
from typing import Any, Literal

import numpy as np
from soundstage_toys import ErrorDb, Flat, Line, Nothing, Toy

import soundstage
from soundstage.contracts import Measure, Score
from soundstage.scene import Scene

Where = Literal["", "track_ids", "files", "not texts", "twice", "one track"]


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


class Circle(dict):
    """Holds itself."""


class Model(Nothing):
    def __init__(
        self,
        where: Literal["", "files", "needs", "role", "rate", "sources"] = "",
        says: Literal["", "numpy", "none", "nan", "circular", "keys", "text", "object", "surrogate"] = "",
        fault: Literal["", "surrogate", "escape", "long"] = "",
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
        return super().separate(mixture, rate, sources=sources)


class Meddler(Nothing):
    """Finds the scene's own arrays and makes the references its own estimates."""

    def separate(self, mixture, rate, *, sources):
        for found in gc.get_objects():
            if isinstance(found, Scene):
                for reference in found.references.values():
                    own = reference
                    while isinstance(own.base, np.ndarray):
                        own = own.base
                    own.flags.writeable = True
                    own[..., 7] += 1e-9
        return super().separate(mixture, rate, sources=sources)


class Scoring(ErrorDb):
    def __init__(
        self,
        returns: Literal["note", "frame", "huge frame", "value", "ranked", "source", "surrogate", "numpy"] = "note",
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
                    "numpy": {"value": np.float32(1.5), "ranked": np.True_},
                }
                wrong = every[self.returns]
                yield dataclasses.replace(score, **wrong)
                if wrong.keys() & {"frame"}:
                    yield score

        return scores
