"""A plugin package for the tests: quick, and able to misbehave in every way that the harness must survive."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import numpy as np

import soundstage
from soundstage.contracts import Measure, Score
from soundstage.scene import Placement, Scene, Track

RATE = 8000
LEAKED: list[np.ndarray] = []
SOURCES = ("bass", "drums", "vocals")


@soundstage.hookimpl
def register_datasets(register):
    register("toy", "soundstage_toys:Toy", summary="Short noises")


@soundstage.hookimpl
def register_placements(register):
    register("line", "soundstage_toys:Line", summary="From left to right in a drawn order")


@soundstage.hookimpl
def register_spatializers(register):
    register("flat", "soundstage_toys:Flat", summary="The stems as they are")
    register("gains", "soundstage_toys:Gains", summary="Left and right gains by azimuth")


@soundstage.hookimpl
def register_separators(register):
    for name in ("Truth", "Nothing", "Noisy", "Shuffled", "Misbehaving", "Partial", "Peeking", "Duo", "Slow", "Shares"):
        register(name.lower(), f"soundstage_toys:{name}", summary=f"The {name} toy")
    register("weighty", "soundstage_toys:Weighty", summary="Wants a file", required=("folder",))
    register("absent", "soundstage_toys:Truth", summary="Needs a package nobody has", requires=("not_a_module",))
    register("unimportable", "soundstage_toys_missing:Model", summary="Its module is not there")


@soundstage.hookimpl
def register_metrics(register):
    register("error", "soundstage_toys:ErrorDb", summary="Error level")
    register("other_error", "soundstage_toys:ErrorDb", summary="The same under another name")
    register("slow_error", "soundstage_toys:SlowErrorDb", summary="Error level, slowly")
    register("misscoring", "soundstage_toys:Misscoring", summary="Goes wrong as told")
    register("skewed", "soundstage_toys:Skewed", summary="How far the width moves, with three faults")


class Toy:
    """Noise, the same for the same track."""

    revision = 1

    def __init__(self, tracks: int = 2, fault: str = "", seconds: float = 0.25, stems: int = 3) -> None:
        self.tracks, self.fault, self.seconds, self.stems = tracks, fault, seconds, stems

    def track_ids(self):
        return [f"song {index}" for index in range(self.tracks)]

    def load(self, track_id):
        rng = np.random.default_rng(int(track_id.split()[1]))
        shape = (2, int(self.seconds * RATE))
        stems = {source: 0.1 * rng.standard_normal(shape) for source in SOURCES[: self.stems]}
        if self.fault == "five channels":
            stems["bass"] = np.zeros((5, shape[1]))
        elif self.fault == "unequal":
            stems["bass"] = stems["bass"][:, :-7]
        elif self.fault == "nan":
            stems["bass"][0, 3] = np.nan
        elif self.fault == "raises":
            raise RuntimeError("the disk is on fire")
        elif self.fault == "exit" and track_id == "song 0":
            os._exit(3)
        elif self.fault == "named mixture":
            stems["mixture"] = stems["bass"]
        elif self.fault == "loud":
            stems["bass"][1, :5] = [1.5, -1.5, 1.0, -1.0, 1.0001]
        elif self.fault == "one track" and track_id == "song 0":
            stems["bass"][0, 3] = np.inf
        return Track(track_id, RATE, stems)


class Line:
    """Places sources 30° apart, in an order that is drawn."""

    revision = 1

    def place(self, track_id, sources, draw):
        azimuths = draw.shuffled([30.0 * index for index in range(len(sources))])
        return Placement(dict(zip(sorted(sources), azimuths, strict=True)))


class Flat:
    """Ignores placement."""

    revision = 1
    uses_placement = False

    def render(self, track, placement):
        assert placement is None
        references = {source: np.broadcast_to(stem, (2, stem.shape[1])).copy() for source, stem in track.stems.items()}
        return Scene(track.rate, sum(references.values()), references)


class Gains:
    """Pans by azimuth."""

    revision = 1

    def render(self, track, placement):
        references = {}
        for source, stem in track.stems.items():
            angle = np.radians(placement.panning_angle(source))
            mono = stem.mean(axis=0)
            references[source] = np.stack([mono * np.sin(np.pi / 4 + angle), mono * np.sin(np.pi / 4 - angle)])
        return Scene(track.rate, sum(references.values()), references, placement)


class Truth:
    """Gives the references back."""

    revision = 1
    needs = ("references", "gain")
    role = "ceiling"

    def separate(self, mixture, rate, *, references, gain):
        return {source: gain * reference for source, reference in references.items()}


class Nothing:
    """Gives the mixture back."""

    revision = 1
    needs = ("sources",)
    role = "floor"

    def separate(self, mixture, rate, *, sources):
        return dict.fromkeys(sources, mixture)


class Noisy:
    """An oracle's output with noise, called a blind separator so that ranks can be tested; counts its calls."""

    revision = 1
    needs = ("references",)

    def __init__(self, level: float = 0.1, log: str = "", rate: int = 0) -> None:
        self.level, self.log, self.rate = level, log, rate or None

    def load(self, device):
        self._count("load")

    def separate(self, mixture, rate, *, references):
        self._count("separate")
        rng = np.random.default_rng(7)
        noise = {source: self.level * rng.standard_normal(mixture.shape) for source in references}
        return {source: reference + noise[source] for source, reference in references.items()}

    def _count(self, what):
        if self.log:
            with Path(self.log).open("a") as stream:
                stream.write(what + "\n")


class Shuffled:
    """Returns the references unnamed and backwards."""

    revision = 1
    needs = ("references",)
    named = False

    def __init__(self, drop: int = 0) -> None:
        self.drop = drop

    def separate(self, mixture, rate, *, references):
        return list(references.values())[::-1][self.drop :]


class Partial:
    """Knows vocals and piano only."""

    revision = 1
    sources = ("piano", "vocals")

    def separate(self, mixture, rate):
        return {"vocals": mixture / 2, "piano": mixture / 3}


class Slow(Nothing):
    """Takes its time over the mixture."""

    def __init__(self, seconds: float = 0.5) -> None:
        self.seconds = seconds

    def separate(self, mixture, rate, *, sources):
        dawdle("separating", self.seconds)
        return super().separate(mixture, rate, sources=sources)


def dawdle(what, seconds):
    """Sleep, and say when in the file that TOY_TIMES names."""
    began = time.monotonic()
    time.sleep(seconds)
    if "TOY_TIMES" in os.environ:
        facts = {"what": what, "worker": os.getpid(), "began": began, "ended": time.monotonic()}
        with open(os.environ["TOY_TIMES"], "a") as stream:
            stream.write(json.dumps(facts) + "\n")


class Weighty:
    """Says something that depends on a file."""

    revision = 1
    needs = ("sources",)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self, cell=None):
        return [self.folder / "model.th"]

    def load(self, device):
        self.gain = (self.folder / "model.th").read_bytes()[5] / 255

    def separate(self, mixture, rate, *, sources):
        return dict.fromkeys(sources, mixture * self.gain)


class Duo:
    """Knows vocals and accompaniment."""

    revision = 1
    sources = ("vocals", "accompaniment")

    def separate(self, mixture, rate):
        return {"vocals": mixture * 0.25, "accompaniment": mixture * 0.75}


class Shares:
    """A model of such stems, each a share of the mixture: 1/2 the first, 1/4 the second, and so on."""

    revision = 1

    def __init__(self, stems: tuple[str, ...] = ("vocals", "drums", "bass", "guitar", "piano", "other")) -> None:
        self.sources = stems

    def separate(self, mixture, rate):
        return {stem: mixture * 0.5 ** (index + 1) for index, stem in enumerate(self.sources)}


class Peeking:
    """Declares nothing and says what it was handed."""

    revision = 1
    sources = SOURCES

    def separate(self, mixture, rate, **handed):
        assert handed == {}, handed
        return dict.fromkeys(SOURCES, mixture / 3)


class Misbehaving:
    """Goes wrong as told, on one track or on all."""

    revision = 1
    needs = ("sources", "cell")

    def __init__(
        self,
        how: Literal[
            "raises",
            "shape",
            "mono",
            "missing",
            "extra",
            "nan",
            "list",
            "memory",
            "torch memory",
            "exit",
            "edits",
            "prints",
            "segfault",
            "hangs",
            "eats",
            "killed",
            "killed once",
            "sys.exit",
            "starts another",
            "interrupts",
            "generator exit",
            "own exit",
            "swallows",
            "closes",
            "forks",
            "leaks",
            "needs room",
            "starts a daemon",
            "debugs",
            "sings",
        ] = "raises",
        track: str = "",
    ) -> None:
        self.how, self.track = how, track

    def separate(self, mixture, rate, *, sources, cell):
        good = dict.fromkeys(sources, mixture)
        if self.track and cell.track != self.track:
            return good
        match self.how:
            case "raises":
                raise ValueError("no such layer")
            case "shape":
                return {**good, sources[0]: mixture[:, :-1]}
            case "mono":
                return {**good, sources[0]: mixture[0]}
            case "missing":
                return dict.fromkeys(sources[1:], mixture)
            case "extra":
                return {**good, "vocalz": mixture}
            case "nan":
                return {**good, sources[0]: mixture * np.nan}
            case "list":
                return [mixture]
            case "memory":
                raise MemoryError
            case "torch memory":
                raise type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory")
            case "exit":
                print("farewell", flush=True)
                os._exit(3)
            case "prints":
                print("x" * 1_000_000)
                os.write(2, b"y" * 1_000_000)
                return good
            case "segfault":
                ctypes.string_at(0)
            case "hangs":
                time.sleep(600)
            case "eats":
                held = [np.ones(2_000_000) for _ in range(100)]  # 1.6 GB, slowly
                time.sleep(600)
                return held
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "killed once":
                first = Path(os.environ["TOY_MARK"])
                if not first.exists():
                    first.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                return good
            case "starts another":
                child = subprocess.Popen(["sleep", "600"])
                Path(os.environ["TOY_MARK"]).write_text(str(child.pid))
                time.sleep(600)
            case "sys.exit":
                sys.exit("a library of the nineties gave up")
            case "interrupts":
                raise KeyboardInterrupt
            case "generator exit":
                raise GeneratorExit
            case "own exit":
                raise type("Abandon", (BaseException,), {})("enough")
            case "swallows":
                Path(os.environ["TOY_MARK"]).touch()
                try:
                    time.sleep(600)
                except BaseException:
                    return good
            case "closes":
                os.close(1)
                os.close(2)
                return good
            case "forks":
                if os.fork() == 0:
                    time.sleep(20)
                    os._exit(0)
                os._exit(3)
            case "leaks":
                LEAKED.append(np.ones(50_000_000))  # 400 MB
                time.sleep(0.5)
                return good
            case "needs room":
                room = np.ones(45_000_000)
                time.sleep(1.5)
                return good if room.all() else None
            case "starts a daemon":
                mark = os.environ["TOY_MARK"]
                subprocess.run(["sh", "-c", f"setsid sleep 600 & echo $! > '{mark}'"], check=True)
                return good
            case "debugs":
                breakpoint()
                return good
            case "sings":
                print(f"la la {cell.track}", flush=True)
                return good
            case "edits":
                mixture *= 0
                return dict.fromkeys(sources, mixture)
        return None


class ErrorDb:
    """How loud the error is; counts how often it prepares."""

    revision = 1
    measures = {"error": Measure("dB", higher_is_better=False), "peak": Measure("", False, headline=False)}

    def __init__(self, log: str = "") -> None:
        self.log = log

    def prepare(self, scene):
        if self.log:
            with Path(self.log).open("a") as stream:
                stream.write("prepare\n")

        def scores(estimates):
            for source, estimate in estimates.items():
                error = estimate - scene.references[source]
                level = 10 * np.log10(np.mean(error**2) + 1e-12)
                yield Score(source, "error", level)
                yield Score(source, "peak", np.abs(estimate).max())
                for frame in range(2):
                    yield Score(source, "error", level + frame, frame=frame)

        return scores


class SlowErrorDb(ErrorDb):
    """Takes its time over the scores."""

    def __init__(self, seconds: float = 0.3) -> None:
        super().__init__()
        self.seconds = seconds

    def prepare(self, scene):
        scorer = super().prepare(scene)

        def slowly(estimates):
            dawdle("scoring", self.seconds)
            return scorer(estimates)

        return slowly


class Misscoring:
    """A metric that goes wrong as told."""

    revision = 1
    measures = {"score": Measure("dB", higher_is_better=True)}

    def __init__(
        self,
        how: Literal[
            "raises",
            "undeclared",
            "nan",
            "infinite",
            "unknown",
            "twice",
            "silent",
            "vocals",
            "doubtful",
            "exit",
            "hangs",
            "killed once",
        ] = "raises",
    ) -> None:
        self.how = how

    def prepare(self, scene):
        return self.scores

    def scores(self, estimates):
        for source in estimates:
            match self.how:
                case "raises":
                    raise ZeroDivisionError("of course")
                case "undeclared":
                    yield Score(source, "scorr", 1.0)
                case "nan":
                    yield Score(source, "score", float("nan"))
                case "infinite":
                    yield Score(source, "score", float("inf"))
                case "unknown":
                    yield Score("piano", "score", 1.0)
                case "twice":
                    yield Score(source, "score", 1.0)
                    yield Score(source, "score", 1.0)
                case "silent":
                    return
                case "exit":
                    os._exit(4)
                case "hangs":
                    time.sleep(600)
                case "killed once":
                    if not (first := Path(os.environ["TOY_MARK"])).exists():
                        first.touch()
                        os.kill(os.getpid(), signal.SIGKILL)
                    yield Score(source, "score", 1.0)
                case "vocals":
                    silent = source == "vocals"
                    yield Score(source, "score", float("nan") if silent else 1.0, note="silent" if silent else "")
                case "doubtful":
                    yield Score(source, "score", 1.0, note="singular", ranked=False)


class Skewed:
    """How far the level of what differs between the channels moves. Its faults: it moves with gain, which it claims to
    ignore; it hears no swap; and it has no value for drums.
    """

    revision = 1
    measures = {
        "width_error": Measure("dB", higher_is_better=False, follows=("swap", "widen", "narrow"), ignores=("level",))
    }

    def prepare(self, scene):
        def scores(estimates):
            for source, estimate in estimates.items():
                if source == "drums":
                    yield Score(source, "width_error", float("nan"), note="drums are not heard")
                    continue
                levels = [np.sum((image[0] - image[1]) ** 2) + 1e-9 for image in (estimate, scene.references[source])]
                yield Score(source, "width_error", abs(10 * np.log10(levels[0] / levels[1])))

        return scores
