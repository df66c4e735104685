"""Rendered with the published placements and level, a data set is what Binaural-MUSDB's procedure makes.

The procedure (Namballa, Roginska and Fuentes, ISMIR 2025) is written down here once more, with numpy alone: each stem
averaged to mono, its full convolution with the pair of HRIRs of its azimuth, the mixture divided by its peak, the stems
left as they are, and 16-bit files that clip beyond ±1.
"""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

import soundstage
from heads import sided
from soundstage.audio import read_audio
from soundstage.catalogue.registry import Registry
from soundstage.draw import Draw
from soundstage.errors import SoundstageError

STEMS = ("vocals", "drums", "bass", "other")


def procedure(song, heads, azimuths):
    """Name → (samples, 2) of the mixture and the four binaural stems of a song's folder."""
    images = {}
    for stem in STEMS:
        stereo, _ = soundfile.read(song / f"{stem}.wav", always_2d=True)
        pair, _ = soundfile.read(heads / f"azi_{azimuths[stem]},0_ele_0,0.wav", always_2d=True)
        images[stem] = np.stack([np.convolve(stereo.mean(axis=1), pair[:, ear]) for ear in (0, 1)], axis=1)
    total = sum(images.values())
    return {"mixture": total / np.abs(total).max(), **images}


def render(songs, heads, placements, out, form):
    """Render with the published placements and level."""
    file = out.with_suffix(".json")
    file.write_text(json.dumps(placements))
    grid = {
        "datasets": ["musdb18hq"],
        "placements": [f"metadata[file={file}]"],
        "spatializers": [f"hrir[hrtf={heads},level=published]"],
    }
    return soundstage.render(grid, out, data={"musdb18hq": songs}, format=form)


def check(songs, heads, placements, tmp_path):
    """Compare what is rendered with the procedure, before and after quantisation."""
    assert not render(songs, heads, placements, tmp_path / "exact", "float64").failed
    coarse = render(songs, heads, placements, tmp_path / "coarse", "int16")
    for track, azimuths in placements["test"].items():
        expected = procedure(songs / "test" / track, heads, azimuths)
        facts = json.loads((tmp_path / "exact" / "test" / track / "metadata.json").read_text())
        assert facts["azimuths"] == azimuths
        for name, signal in expected.items():
            exact, rate = read_audio(tmp_path / "exact" / "test" / track / f"{name}.wav")
            np.testing.assert_allclose(exact.T, signal, rtol=0, atol=1e-12)
            soundfile.write(tmp_path / "theirs.wav", signal, rate, subtype="PCM_16")
            theirs, _ = soundfile.read(tmp_path / "theirs.wav", dtype="int16")
            ours, _ = soundfile.read(tmp_path / "coarse" / "test" / track / f"{name}.wav", dtype="int16")
            np.testing.assert_array_equal(ours, theirs)
            clipped = coarse.clipped.get(Path("test", track), {}).get(f"{name}.wav", 0)
            assert clipped == np.count_nonzero(np.abs(signal) > 1)
    return coarse


@pytest.fixture
def synthetic(tmp_path):
    """Songs and heads that need nothing from outside, loud enough to clip."""
    rng = np.random.default_rng(5)
    for track in ("A - One", "B - Two"):
        folder = tmp_path / "songs" / "test" / track
        folder.mkdir(parents=True)
        for stem in (*STEMS, "mixture"):
            soundfile.write(folder / f"{stem}.wav", 0.3 * rng.standard_normal((50000, 2)), 44100)
    (tmp_path / "heads").mkdir()
    for azimuth in (*range(0, 100, 10), *range(270, 360, 10)):
        pair = 0.4 * rng.standard_normal((64, 2)) * np.exp(-np.arange(64) / 12)[:, np.newaxis]
        pair = np.clip(sided(pair, azimuth), -1, 1)
        soundfile.write(tmp_path / "heads" / f"azi_{azimuth},0_ele_0,0.wav", pair, 44100)
    return tmp_path / "songs", tmp_path / "heads"


def test_synthetic_songs_and_heads_come_out_as_the_procedure_makes_them(synthetic, tmp_path):
    placements = {
        "test": {
            "A - One": {"vocals": 300, "bass": 10, "drums": 80, "other": 70},
            "B - Two": {"vocals": 0, "bass": 270, "drums": 90, "other": 340},
        },
        "train": {"C - Three": {"vocals": 30, "bass": 320, "drums": 40, "other": 310}},
    }
    songs, heads = synthetic
    assert check(songs, heads, placements, tmp_path).clipped


def test_real_songs_and_the_ku100_come_out_as_the_procedure_makes_them(shared, tmp_path):
    songs, heads = shared / "real" / "musdb18hq-layout", shared / "real" / "sadie-ku100" / "44K_16bit"
    placements = {
        "test": {
            "Lithium": {"vocals": 300, "bass": 10, "drums": 80, "other": 70},
            "Sodium": {"vocals": 30, "bass": 320, "drums": 40, "other": 310},
        }
    }
    check(songs, heads, placements, tmp_path)


def test_a_song_or_source_that_the_metadata_lacks_is_a_sentence(synthetic, tmp_path):
    placements = {"test": {"A - One": {"vocals": 0, "bass": 10, "drums": 20}, "B - Too": {"vocals": 0}}}
    songs, heads = synthetic
    rendered = render(songs, heads, placements, tmp_path / "out", "float32")
    assert rendered.written == 0
    one, two = (rendered.failed[Path("test", track)] for track in ("A - One", "B - Two"))
    assert "source 'other' has no position" in one
    assert "track 'B - Two' has no positions; did you mean 'B - Too'" in two


def test_the_metadata_placement_needs_its_file():
    with pytest.raises(SoundstageError, match="--data metadata=PATH"):
        Registry.load().choose("placements", "metadata")


def test_the_published_azimuths_run_counter_clockwise(shared):
    """In the authors' own SPAUQ results the ear that leads is the one that the convention says."""
    file = shared / "published" / "binaural_musdb_metadata.json"
    rule = Registry.load().choose("placements", f"metadata[file={file}]").build()
    agree, count = 0, 0
    with (shared / "published" / "spauq_2025-03-23_htdemucs_ft_binaural.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            placement = rule.place(row["title"], STEMS, Draw(0, "musdb18hq", row["title"], "metadata"))
            towards_left = math.sin(math.radians(placement.azimuths[row["source"]]))
            if abs(towards_left) > 0.1:
                left_to_right = float(re.findall(r"-?[\d.]+", row["shift"])[1])
                count += 1
                agree += (left_to_right < 0) == (towards_left > 0)
    assert count > 150
    assert agree / count > 0.9


def test_the_published_level_caps_perfection_at_the_closed_form(synthetic, tmp_path):
    songs, heads = synthetic
    grid = {
        "datasets": ["musdb18hq"],
        "spatializers": [f"hrir[hrtf={heads},level={level}]" for level in ("published", "consistent")],
        "separators": ["reference"],
        "metrics": ["spauq", "spauq_published"],
    }
    soundstage.run(grid, tmp_path / "results", data={"musdb18hq": songs})
    frame = soundstage.load(tmp_path / "results")
    assert set(frame["status"]) == {"ok"}
    ssr = frame[(frame["name"] == "SSR") & frame["frame"].isna()].set_index(["spatializer", "track"])["value"]
    rendered = soundstage.render(
        {**grid, "spatializers": grid["spatializers"][:1]}, tmp_path / "out", data={"musdb18hq": songs}
    )
    assert rendered.written == 2
    for track in ("A - One", "B - Two"):
        gain = json.loads((tmp_path / "out" / "test" / track / "metadata.json").read_text())["gain"]
        np.testing.assert_allclose(ssr[grid["spatializers"][0], track], -20 * math.log10(abs(gain - 1)), atol=1e-3)
        np.testing.assert_allclose(ssr[grid["spatializers"][1], track], 80.0, atol=1e-3)
