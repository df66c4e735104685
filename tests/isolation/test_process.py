"""A script's process answers, or it is said why not: what it raised, how it died, or that its answer is none."""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import pytest

from soundstage.errors import Crashed, OutOfMemory, SoundstageError
from soundstage.isolation import environment, process
from soundstage.isolation.process import ScriptProcess
from soundstage.isolation.script import read_script

SCRIPT = """
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy"]
# ///
import os, sys


class Model:
    def __init__(self, how):
        self.how = how

    def separate(self, mixture, rate):
        if self.how == "raises":
            raise ValueError("no such layer")
        if self.how == "memory":
            raise MemoryError
        if self.how == "exit":
            print("x" * 100_000 + " farewell", flush=True)
            os._exit(3)
        print("never shown")
        return {"bass": mixture / 2, "threads": mixture[:, :1] * 0 + int(os.environ["OMP_NUM_THREADS"])}


def load(how: str = "works"):
    return Model(how)
"""

SERVER = """
import json, os, struct, sys, time
size = struct.unpack("<Q", sys.stdin.buffer.read(8))[0]
sys.stdin.buffer.read(size)
out = sys.stdout.buffer
def message(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    out.write(struct.pack("<Q", len(text)) + text + data)
"""

MIXTURE = np.arange(8.0).reshape(2, 4)
SEPARATE = {"do": "separate", "rate": 8000, "needed": {}, "wanted": []}


@pytest.fixture
def started(tmp_path):
    """Starts a script in this interpreter, so that nothing is installed; ends it with the test."""
    running = []

    def start(text=SCRIPT, threads=1):
        path = tmp_path / "model.py"
        path.write_text(text)
        script = read_script(path)
        folder = environment._folder(script)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "environment.json").write_text(f'{{"python": "{sys.executable}"}}')
        running.append(ScriptProcess(script, threads))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def answering(started, tmp_path, monkeypatch):
    """A script whose process, when it is asked, does as told: for answers that no server of ours would give."""

    def start(answer):
        (tmp_path / "server.py").write_text(f"{SERVER}\n{answer}\nout.flush()\ntime.sleep(60)\n")
        monkeypatch.setattr(process, "SERVER", tmp_path / "server.py")
        return started()

    return start


def loaded(one, **params):
    about = {"do": "load", "params": params, "paths": [], "device": "cpu", "dependencies": ["numpy"]}
    return one.ask(about, {})[0]


def said_of(one):
    """The error that it is answered with."""
    with pytest.raises(SoundstageError) as caught:
        one.ask({"do": "load"}, {})
    return caught.value


# answers


def test_a_script_is_loaded_and_separates_what_it_is_sent_again_and_again(started, capfd):
    one = started(threads=3)
    assert loaded(one)["versions"]["numpy"] == np.__version__
    for mixture in (MIXTURE, MIXTURE[:, ::-1], MIXTURE.astype(">f4")):
        header, images = one.ask(SEPARATE, {"mixture": mixture})
        assert header["keys"] == ["bass", "threads"]
        np.testing.assert_array_equal(images[0], mixture / 2)
        assert images[1].tolist() == [[3.0], [3.0]]
    assert one.alive
    assert capfd.readouterr() == ("", "")


def test_a_mixture_of_no_samples_goes_there_and_back(started):
    one = started()
    loaded(one)
    _, images = one.ask(SEPARATE, {"mixture": np.zeros((2, 0))})
    assert images[0].shape == (2, 0)


def test_what_a_script_raises_is_said_with_where_and_it_goes_on(started):
    one = started()
    loaded(one, how="raises")
    for _ in range(2):
        with pytest.raises(SoundstageError, match="no such layer") as caught:
            one.ask(SEPARATE, {"mixture": MIXTURE})
        assert str(caught.value) == "ValueError: no such layer"
        (note,) = caught.value.__notes__
        assert note.startswith("In model.py:\nTraceback")
        assert 'raise ValueError("no such layer")' in note
    assert one.alive


def test_memory_that_a_script_lacks_is_told_from_its_other_faults(started):
    one = started()
    loaded(one, how="memory")
    with pytest.raises(OutOfMemory, match="MemoryError"):
        one.ask(SEPARATE, {"mixture": MIXTURE})


# deaths


def test_a_script_that_dies_is_said_with_how_and_its_last_words(started):
    one = started()
    loaded(one, how="exit")
    with pytest.raises(
        Crashed, match=r"^the script's process died \(exit code 3\); it last said: x+ farewell$"
    ) as said:
        one.ask(SEPARATE, {"mixture": MIXTURE})
    assert len(str(said.value)) < 400
    assert not one.alive


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        ("os._exit(0)", r"exit code 0\)$"),
        ("os.kill(os.getpid(), 11)", r"signal 11\)$"),
        ("out.write(b'1234'); out.flush(); os._exit(1)", r"exit code 1\)$"),
        ("out.write(struct.pack('<Q', 99) + b'{'); out.flush(); os._exit(2)", r"exit code 2\)$"),
        (
            "message({'arrays': [{'dtype': '<f8', 'shape': [2, 9]}]}, b'1'); out.flush(); os._exit(4)",
            r"exit code 4\)$",
        ),
        ("os.write(2, b'caf\\xe9'); os._exit(5)", "exit code 5\\); it last said: caf\N{REPLACEMENT CHARACTER}$"),
    ],
)
def test_a_process_that_dies_before_its_answer_is_whole_has_crashed(answering, answer, how):
    with pytest.raises(Crashed, match=how):
        answering(answer).ask({"do": "load"}, {})


def test_a_process_that_has_died_since_has_crashed(answering):
    one = answering("message({'arrays': []}); out.flush(); os._exit(6)")
    assert one.ask({"do": "load"}, {}) == ({}, [])
    until = time.monotonic() + 10
    while one.alive and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(Crashed, match="exit code 6"):
        one.ask({"do": "load"}, {"mixture": np.zeros((2, 100_000))})


# answers that are none


@pytest.mark.parametrize(
    "answer",
    [
        "out.write(b'loading the model, which takes a while\\n')",
        "message(b'no JSON')",
        "message(b'\\xff\\xfe')",
        "message([])",
        "message(None)",
        "message({'keys': []})",
        "message({'arrays': 3})",
        "message({'arrays': [{'shape': [2]}]})",
        "message({'arrays': [{'dtype': '<f8'}]})",
        "message({'arrays': [{'dtype': 'zzz', 'shape': [2]}]})",
        "message({'arrays': [{'dtype': '<f8', 'shape': 2}]})",
        "message(b'[' * 200_000)",
    ],
)
def test_an_answer_that_is_no_reply_is_said_at_once_and_ends_the_process(answering, answer):
    one = answering(answer)
    began = time.monotonic()
    said = said_of(one)
    assert str(said).startswith("the script's process answered what is no reply (")
    assert not isinstance(said, Crashed)
    assert time.monotonic() - began < 8
    assert not one.alive


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("<f8", "[-1, 2]"),
        ("<f8", "[2.0]"),
        ("<f8", "['2']"),
        ("<f8", "'ab'"),
        ("<f8", "[1 << 40, 1 << 40]"),
        ("<f8", "[1 << 32]"),
        ("<f8", "[10**30, 0]"),
        ("<f8", "[1] * 100"),
        ("O", "[2]"),
        ("<U4", "[2]"),
        ("<M8[s]", "[2]"),
        ("?", "[2]"),
        ("f4,f4", "[2]"),
    ],
)
def test_an_array_that_can_be_none_is_refused_before_anything_is_read(answering, dtype, shape):
    one = answering(f"message({{'arrays': [{{'dtype': {dtype!r}, 'shape': {shape}}}]}}, b'12345678' * 16)")
    said = said_of(one)
    assert str(said).startswith("the script's process answered an array of ")
    assert not isinstance(said, Crashed)
    assert not one.alive


def test_arrays_of_any_numbers_and_shapes_are_read_one_after_the_other(answering):
    shapes = "[{'dtype': '>i2', 'shape': [1, 2]}, {'dtype': '<f8', 'shape': [3, 0]}, {'dtype': '|u1', 'shape': []}]"
    header, arrays = answering(f"message({{'arrays': {shapes}, 'k': 1}}, b'\\0\\1\\0\\2\\7')").ask({"do": "load"}, {})
    assert header == {"k": 1}
    assert [array.tolist() for array in arrays] == [[[1, 2]], [[], [], []], 7]


def test_an_error_without_its_place_is_an_error_still(answering):
    assert str(said_of(answering("message({'error': 'it is broken', 'arrays': []})"))) == "it is broken"


# the end


def test_closing_ends_the_process_and_may_be_done_twice(started):
    one = started()
    assert one.alive
    pid = one._process.pid
    one.close()
    one.close()
    assert not one.alive
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_process_that_nobody_holds_any_longer_ends(started, tmp_path):
    started().close()
    one = ScriptProcess(read_script(tmp_path / "model.py"))
    inner = one._process
    assert one.alive
    del one
    assert inner.poll() is not None
