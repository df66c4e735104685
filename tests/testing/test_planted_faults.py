"""Plugins with a fault each, which run all the same: the kit finds it, and says what to change."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import soundfile

from soundstage.testing.kit import Conformance
from soundstage.testing.material import SOURCES, Songs

_spec = importlib.util.spec_from_file_location("faulty_plugins", Path(__file__).with_name("faulty.py"))
assert _spec is not None
assert _spec.loader is not None
faulty = importlib.util.module_from_spec(_spec)
sys.modules["faulty_plugins"] = faulty
_spec.loader.exec_module(faulty)

FAULTS = [
    ("separators", "ShortOfTheEnd", "estimates", "shape (2, 44032) where (2, 44100) was expected"),
    (
        "separators",
        "FrameByFrame",
        "lengths",
        "a mixture of 1 sample; pad what is too short for it, and cut the estimates",
    ),
    ("separators", "FourAlways", "sources", "or declare those that it has in `sources`"),
    ("separators", "Normalising", "level", "multiply the estimates by what the mixture was divided by"),
    ("separators", "Humming", "silence", "return zeros where there is nothing"),
    ("separators", "Clipping", "loud", "leave samples beyond ±1 as they are"),
    ("separators", "Dropout", "same again", "draw chance from a seed that is a parameter, and switch dropout"),
    ("separators", "Remembering", "order", "keep nothing in `self` of one call that the next reads"),
    ("separators", "OneBuffer", "order", "return a copy"),
    ("separators", "InPlace", "inputs unchanged", "it writes into the mixture that it is handed; work on a copy"),
    ("separators", "Peeking", "no peeking", 'declare needs = ("references",), which makes it an oracle'),
    ("separators", "OneChannel", "image", "do the same to both channels (one mask for the two"),
    ("separators", "Hoarding", "nothing kept", "keep nothing of a mixture in `self` or in a cache"),
    ("metrics", "UpsideDown", "identity", "it declares that higher is better: turn that round"),
    ("metrics", "Constant", "direction", "compare the estimate with the reference"),
    ("metrics", "ByPlace", "permutation", "look sources up by name"),
    ("metrics", "LeftEar", "mirror", "treat both channels alike"),
    ("metrics", "NotANumber", "silence", "error is NaN without a reason; give a note"),
    ("metrics", "Averaging", "same again", "let the scorer keep only what depends on the references"),
    ("metrics", "Centering", "scores", "read-only"),
    ("metrics", "FalseClaim", "response", "error with swap; correct `follows` of its Measure"),
    ("spatializers", "OtherHand", "placement honoured", "azimuths run counter-clockwise, +90 is left"),
    ("spatializers", "Nowhere", "placement honoured", "render each stem to where the placement says"),
    ("spatializers", "HalfATable", "placement honoured", "with a source at -60 degrees; render it, or raise"),
    ("spatializers", "SparseTable", "placement honoured", "does not grow with the azimuth"),
    ("spatializers", "OwnMemory", "inputs unchanged", "return a copy, or a view that cannot be written to"),
    ("spatializers", "DeafSpot", "placement honoured", "does not grow with the azimuth"),
    ("spatializers", "Stumbling", "moving", "render the way, or raise soundstage.SoundstageError"),
    (
        "spatializers",
        "StereoNever",
        "any track",
        "it fails with stereo stems; render any number of stems, of one or two",
    ),
    ("spatializers", "LouderMixture", "renders", "the mixture is not gain (1) × the sum of the references"),
    ("spatializers", "EachToItself", "level", "scale no reference by what it holds"),
    ("spatializers", "NoisyRoom", "same again", "draw chance from a seed that is a parameter"),
    ("datasets", "Twice", "ids", "lists 'first' more than once; give each track an id of its own"),
    ("datasets", "Eager", "lazy listing", "read audio in load() alone"),
    ("datasets", "Unequal", "loads", "cut or pad them to one length"),
    ("datasets", "Nothing", "unknown track", "returns what is none; raise soundstage.SoundstageError that names"),
    ("datasets", "ByKey", "unknown track", "raises KeyError; raise soundstage.SoundstageError that names"),
    ("datasets", "WrongRate", "true rates", "give the file's own rate"),
    ("placements", "Forgetful", "every source", "no azimuth for other"),
    ("placements", "OwnDice", "same again", "take all chance from the `draw` that place() is handed"),
    ("placements", "OneSeed", "seeds", "draw with draw.unit(), draw.uniform() or draw.shuffled(), which depend on the"),
]

ALSO = {
    "Dropout": {"order", "no peeking"},  # nothing that is drawn anew is ever the same
    "Humming": {"level"},
    "NoisyRoom": {"level"},
    "UpsideDown": {"direction"},
    "Remembering": {"same again", "no peeking"},  # which call it a second time
    "OneBuffer": {"level"},  # which looks at two estimates side by side
    "StereoNever": {"inputs unchanged"},  # which hands it stereo stems too
    "NotANumber": {"lengths"},  # a short scene may be silent
    "Averaging": {"direction", "permutation", "mirror", "silence", "lengths"},  # its mean of all that it has scored
}
"""What else a fault shows in."""


@pytest.fixture
def wrong_rate_files(tmp_path, monkeypatch):
    track = Songs().load("first")
    for source in SOURCES:
        soundfile.write(tmp_path / f"{source}.wav", track.stems[source].T, 44100)
    monkeypatch.setattr(faulty.WrongRate, "folder", tmp_path)


@pytest.mark.parametrize(("kind", "name", "check", "cure"), FAULTS, ids=[fault[1] for fault in FAULTS])
@pytest.mark.usefixtures("wrong_rate_files")
def test_a_planted_fault_is_found_and_its_cure_named(kind, name, check, cure):
    conformance = Conformance(kind, getattr(faulty, name))
    found = conformance.result(check)
    assert found.outcome == "failed", found
    assert cure in found.sentence


@pytest.mark.heavy
@pytest.mark.parametrize(("kind", "name", "check", "cure"), FAULTS, ids=[fault[1] for fault in FAULTS])
@pytest.mark.usefixtures("wrong_rate_files")
def test_a_fault_shows_where_it_is_and_nowhere_else(kind, name, check, cure):
    conformance = Conformance(kind, getattr(faulty, name))
    names = [one for one in conformance.checks if one != "worker"]
    failed = {result.name for result in conformance.report(names).failed}
    assert check in failed
    assert failed - ALSO.get(name, set()) == {check}


@pytest.mark.parametrize(("kind", "name"), [("separators", "Half"), ("metrics", "Error"), ("spatializers", "Ears")])
def test_without_their_fault_they_pass(kind, name):
    conformance = Conformance(kind, getattr(faulty, name))
    names = [one for one in conformance.checks if one not in ("worker", "response", "lengths")]
    conformance.report(names).assert_ok()


def test_at_least_25_faults_are_planted_over_all_five_kinds():
    assert len({name for _, name, _, _ in FAULTS}) >= 25
    assert len({kind for kind, *_ in FAULTS}) == 5
