"""However the output is and whatever plugins leave running, a command ends, with a status that says how it went."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

HANGS = """
import atexit, sys, threading, time
from soundstage.cli import main
if sys.argv.pop(1) == "thread":
    threading.Thread(target=time.sleep, args=(60,), name="uploader").start()
else:
    atexit.register(time.sleep, 60)
main()
"""


def command(*arguments, **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run([sys.executable, "-m", "soundstage", *arguments], timeout=60, **options)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "iso8859-2"])
def test_what_an_encoding_lacks_is_printed_as_an_escape(encoding):
    result = command("list", env={**os.environ, "PYTHONIOENCODING": encoding})
    assert result.returncode == 0
    assert b"Traceback" not in result.stderr
    assert b"\\u0394ITD" in result.stdout
    assert "ΔITD" in command("list", env={**os.environ, "PYTHONIOENCODING": "utf-8"}).stdout.decode()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")
@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("list",), ("--help",), ("--version",), ("show", "demo")])
def test_a_full_device_is_a_sentence_and_a_status(arguments, buffered):
    with open("/dev/full", "wb") as full:
        result = command(*arguments, stdout=full, env={**os.environ, "PYTHONUNBUFFERED": buffered})
    assert result.returncode == 1
    assert result.stderr == b"soundstage: its output cannot be written (No space left on device)\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_scores_on_a_full_device_are_a_sentence_about_the_output(tmp_path, form):
    soundfile.write(tmp_path / "vocals.wav", np.random.default_rng(0).standard_normal((2000, 2)) / 9, 44100)
    line = ("score", "--reference", str(tmp_path), "--estimate", str(tmp_path), "--metric", "sdr", "--quiet")
    with open("/dev/full", "wb") as full:
        result = command(*line, "--format", form, stdout=full)
    assert result.returncode == 1
    assert result.stderr == b"soundstage: its output cannot be written (No space left on device)\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")
def test_a_full_device_for_errors_is_a_status():
    with open("/dev/full", "wb") as full:
        assert command("show", "nobody", stderr=full).returncode == 1


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("what", "named"), [("thread", "thread 'uploader'"), ("atexit", "what a plugin or a library does at exit")]
)
def test_who_hangs_at_exit_is_named_and_left_behind(tmp_path, what, named):
    script = tmp_path / "hangs.py"
    script.write_text(HANGS)
    began = time.monotonic()
    run = [sys.executable, str(script), what, "show", "nobody"]
    result = subprocess.run(run, capture_output=True, text=True, timeout=50)
    assert time.monotonic() - began < 40
    assert result.returncode == 1
    sentences = result.stderr.splitlines()
    assert sentences[0].startswith("soundstage: ")
    assert sentences[1] == f"soundstage: done, and waiting for {named} to end; leaving without in 8 s"
