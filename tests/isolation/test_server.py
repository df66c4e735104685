"""What runs inside a script's environment: it loads the script, hands it what it needs, and answers for it."""

from __future__ import annotations

import io
import json
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from soundstage.isolation import server

MIXTURE = np.arange(8.0).reshape(2, 4)


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads a script of these lines."""
    monkeypatch.setitem(sys.modules, "separator_script", types.ModuleType("separator_script"))

    def loads(text, device="cpu", paths=(), **params):
        (tmp_path / "model.py").write_text(text)
        return server.load(str(tmp_path / "model.py"), {"params": params, "paths": paths, "device": device})

    return loads


class Model:
    """Separates as it is told, and keeps what it was handed."""

    def __init__(self, answer, details=None):
        self.answer, self.handed = answer, None
        if details is not None:
            self.details = details

    def separate(self, mixture, rate, **needed):
        self.handed = needed
        return self.answer(mixture) if callable(self.answer) else self.answer


def separated(answer, arrays=(), needed=(), wanted=(), details=None):
    model = Model(answer, details)
    request = {"rate": 8000, "needed": dict(needed), "wanted": [*dict(needed), *wanted]}
    reply, images = server.separated(model, request, {"mixture": MIXTURE, **dict(arrays)}, np)
    return model, reply, images


# loading


def test_a_script_is_loaded_with_its_parameters_and_paths_as_paths(load):
    found = load("def load(**given): return given", paths=["weights", "none", "absent"], weights="a/b", none=None, n=3)
    assert found == {"weights": Path("a/b"), "none": None, "n": 3}


@pytest.mark.parametrize(("head", "expected"), [("device", "cuda:1"), ("device='own'", "cuda:1"), ("", None)])
def test_only_a_script_that_asks_for_it_is_told_the_device(load, head, expected):
    found = load(f"def load({head}): return locals().get('device')", device="cuda:1")
    assert found == expected


def test_what_a_script_defines_can_be_found_again_by_its_module(load):
    model = load("import pickle\nclass Model: ...\ndef load(): return pickle.loads(pickle.dumps(Model()))")
    assert type(model).__module__ == "separator_script"


def test_what_is_no_python_is_not_loaded(tmp_path):
    with pytest.raises(ImportError, match="is not a Python file"):
        server.load(str(tmp_path / "model.txt"), {})


def test_a_model_is_described_by_what_it_says_of_itself():
    said = {"sources": ("bass", 2), "rate": np.int64(44100), "details": {"path": Path("w"), 1: (2,)}}
    model = types.SimpleNamespace(separate=print, **said)
    found = server.described(model, ["NumPy", "numpy"])
    assert (found["sources"], found["rate"]) == (["bass", "2"], 44100)
    assert found["details"] == {"path": "w", "1": [2]}
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    json.dumps(found)


def test_a_model_that_says_nothing_of_itself_takes_what_there_is():
    found = server.described(Model({}), [])
    assert (found["sources"], found["rate"], found["details"]) == (None, None, {})


@pytest.mark.parametrize("model", [None, 3, types.SimpleNamespace(separate="no")])
def test_what_cannot_separate_is_said_by_its_type(model):
    with pytest.raises(TypeError, match=rf"load\(\) returned {type(model).__name__}, which has no separate"):
        server.described(model, [])


def test_versions_are_of_all_that_is_installed_with_the_direct_ones_first():
    found = server.versions(["pytest", "numpy", "pytest", "no-such-thing"])
    assert list(found)[:2] == ["pytest", "numpy"]
    assert list(found)[2:] == sorted(list(found)[2:])
    assert (found["numpy"], found["pytest"]) == (np.__version__, pytest.__version__)
    assert "no-such-thing" not in found


def test_of_a_distribution_that_is_there_twice_the_one_that_is_imported_counts(tmp_path, monkeypatch):
    for place, version in (("first", "2.0"), ("second", "1.0")):
        folder = tmp_path / place / f"twice_there-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: Twice_There\nVersion: {version}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "second")])
    assert server.versions(["twice-there"]) == {"twice_there": "2.0"}


# separating


def test_estimates_by_name_come_with_their_names_in_order():
    _, reply, images = separated(lambda mixture: {"b": mixture, 1: mixture / 2})
    assert reply == {"keys": ["b", "1"], "details": {}}
    np.testing.assert_array_equal(images[1], MIXTURE / 2)


@pytest.mark.parametrize("kind", [list, tuple, np.stack])
def test_estimates_without_names_come_without(kind):
    _, reply, images = separated(lambda mixture: kind([mixture, -mixture]))
    assert reply["keys"] is None
    np.testing.assert_array_equal(images, [MIXTURE, -MIXTURE])


@pytest.mark.parametrize(("answer", "name"), [("audio", "str"), (None, "NoneType"), (MIXTURE, "ndarray")])
def test_what_holds_no_estimates_is_named_by_its_type(answer, name):
    _, reply, images = separated(answer)
    assert (reply, images) == ({"rubbish": name}, [])


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("<f4", "<f4"),
        ("<f8", "<f8"),
        (">f4", ">f4"),
        ("<f2", "<f4"),
        (np.dtype(np.longdouble).str, "<f8"),
        ("<i2", "<i2"),
        ("|u1", "|u1"),
    ],
)
def test_numbers_are_sent_as_they_are_or_as_the_nearest_that_the_parent_knows(given, sent):
    _, _, (image,) = separated([MIXTURE.astype(given)])
    assert image.dtype.str == sent
    np.testing.assert_array_equal(image, MIXTURE)


@pytest.mark.parametrize("wrong", [MIXTURE > 1, MIXTURE * 1j, "text", None, [object()]])
def test_what_are_no_real_numbers_is_said_with_the_source(wrong):
    with pytest.raises(TypeError, match=r"returned 'bass' of type .*, not an array of real numbers"):
        separated({"drums": MIXTURE, "bass": wrong})
    with pytest.raises(TypeError, match="returned 1 of type "):
        separated([MIXTURE, wrong])


def test_estimates_that_lie_scattered_in_memory_are_sent_in_order():
    _, reply, images = separated([MIXTURE.T.copy().T, MIXTURE[:, ::-1], MIXTURE[:, ::2]])
    _, found = passed(reply, images)
    for image, expected in zip(found, (MIXTURE, MIXTURE[:, ::-1], MIXTURE[:, ::2]), strict=True):
        np.testing.assert_array_equal(image, expected)


def test_a_model_is_handed_what_it_needs_and_nothing_else():
    needed = {"placement": {"azimuths": {"bass": 30.0}}, "cell": {"track": "a"}, "sources": ["bass"], "gain": 0.5}
    model, _, _ = separated({}, {"ref:bass": -MIXTURE}, needed, ["references"])
    assert model.handed["placement"].azimuths == {"bass": 30.0}
    assert model.handed["cell"].track == "a"
    assert (model.handed["sources"], model.handed["gain"]) == (["bass"], 0.5)
    np.testing.assert_array_equal(model.handed["references"]["bass"], -MIXTURE)
    assert set(model.handed) == {*needed, "references"}
    assert separated({}, {"ref:bass": MIXTURE})[0].handed == {}
    assert separated({}, needed={"placement": None})[0].handed == {"placement": None}


def test_what_a_model_tells_of_itself_is_read_after_it_has_separated():
    assert separated({}, details={"folder": Path("w")})[1]["details"] == {"folder": "w"}


def test_nothing_is_separated_before_anything_is_loaded():
    with pytest.raises(RuntimeError, match="asked to separate before it was loaded"):
        server.separated(None, {}, {}, np)


# failing


class OutOfMemoryError(RuntimeError):
    """As torch calls it."""


@pytest.mark.parametrize(
    ("error", "memory"),
    [(MemoryError(), True), (OutOfMemoryError("cuda"), True), (ValueError("x"), False), (SystemExit(3), False)],
)
def test_a_failure_is_told_with_its_type_its_place_and_whether_memory_was_short(error, memory):
    try:
        raise error
    except BaseException as caught:
        found = server.failure(caught)
    assert found["error"] == f"{type(error).__name__}: {error}"
    assert found["memory"] is memory
    assert "raise error" in found["trace"]


def test_a_failure_that_says_too_much_is_cut():
    assert len(server.failure(ValueError("x" * 10**6))["error"]) < 2100


# messages


def passed(header, arrays):
    """What the parent reads of a message."""
    stream = io.BytesIO()
    server.send(stream, dict(header), arrays)
    stream.seek(0)
    found = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
    read = []
    for about in found.pop("arrays"):
        dtype = np.dtype(about["dtype"])
        data = stream.read(int(np.prod(about["shape"])) * dtype.itemsize)
        read.append(np.frombuffer(data, dtype).reshape(about["shape"]))
    assert stream.read() == b""
    return found, read


def test_a_message_is_its_length_its_header_and_its_arrays_one_after_the_other():
    arrays = [MIXTURE, np.zeros((2, 0)), np.array([[1, 2]], ">i2")]
    header, found = passed({"keys": ["ü", "\ud800"]}, arrays)
    assert header == {"keys": ["ü", "\ud800"]}
    for image, array in zip(found, arrays, strict=True):
        assert image.dtype == array.dtype
        np.testing.assert_array_equal(image, array)


def test_a_message_of_the_parent_is_read_with_its_arrays_by_name_which_may_be_changed():
    about = [{"name": "mixture", "dtype": "<f8", "shape": [2, 4]}, {"name": "ref:x", "dtype": ">f4", "shape": [2, 0]}]
    text = json.dumps({"do": "separate", "arrays": about}).encode()
    message = struct.pack("<Q", len(text)) + text + MIXTURE.tobytes()
    stream = io.BytesIO(message + message)
    for _ in range(2):
        header, arrays = server.receive(stream, np)
        assert header["do"] == "separate"
        assert {name: array.shape for name, array in arrays.items()} == {"mixture": (2, 4), "ref:x": (2, 0)}
        np.testing.assert_array_equal(arrays["mixture"], MIXTURE)
        arrays["mixture"][0, 0] = 9.0
    assert server.receive(stream, np) == (None, {})


@pytest.mark.parametrize("left", [b"", b"1234567"])
def test_a_parent_that_has_gone_is_heard_by_its_silence(left):
    assert server.receive(io.BytesIO(left), np) == (None, {})
