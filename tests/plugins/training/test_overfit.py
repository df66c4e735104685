"""The benchmark that has each model learn one song by heart: what it measures, writes and ends with."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.heavy

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("matplotlib") is None:
    pytest.skip("torch or matplotlib is not installed: pip install 'soundstage[train,report]'", allow_module_level=True)


@pytest.fixture
def song(tmp_path):
    """A low and a high tone, which any of the models can learn to tell apart, and a stem that is silent."""
    folder, time = tmp_path / "song", np.arange(2 * 44100) / 44100
    folder.mkdir()
    for name, tone in (("vocals", 2000), ("bass", 110), ("other", 0)):
        samples = 0.2 * np.sin(2 * np.pi * tone * time) * (1 + np.sin(2 * np.pi * 3 * time)) / 2
        soundfile.write(folder / f"{name}.wav", np.stack([samples, 0.7 * samples], 1), 44100)
    return folder


def overfit(root, song, *options):
    command = [sys.executable, str(root / "benchmarks" / "overfit.py"), str(song), "--start", "0", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_draws_curves_and_fails_for_a_model_that_has_not_climbed(root, song, tmp_path):
    done = overfit(
        root, song, "--minutes", "0.001", "--only", "munet", "--only", "xumx", "--out", str(tmp_path / "out")
    )
    assert done.returncode == 1, done.stderr
    assert "did not climb 6 dB over their start and the mixture: munet, xumx" in done.stderr
    header, _, *rows = (tmp_path / "out" / "overfit.md").read_text().splitlines()
    assert [row.split(" | ")[0] for row in rows] == ["| munet", "| xumx"]
    assert header.count("|") == rows[0].count("|") == 8
    assert (tmp_path / "out" / "overfit.png").read_bytes().startswith(b"\x89PNG")
    # Two tones, equally loud: what the mixture holds too much of each is the other one.
    assert float(rows[0].split("|")[-2]) == pytest.approx(0.0, abs=0.05)


def test_it_ends_well_where_a_model_learns_the_song(root, song, tmp_path):
    done = overfit(root, song, "--minutes", "0.4", "--only", "munet", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr + done.stdout


def test_a_song_without_stems_that_sound_is_a_sentence(root, tmp_path):
    done = overfit(root, tmp_path, "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "vocals and another stem were expected to sound there; found nothing" in done.stderr
    assert "Traceback" not in done.stderr
