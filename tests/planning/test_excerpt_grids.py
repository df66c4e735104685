"""Grids over parts of tiny data sets in the real layouts: which parts, from which chance, under which addresses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import soundfile

import soundstage
from layouts import noise, write_musdb_song
from soundstage.results.store import Store
from tables import rows_of

GRID = {"datasets": ["musdb18hq"], "spatializers": ["original"], "separators": ["mixture"], "metrics": ["sdr"]}
SONGS = ("Al James - Schoolboy Facination", "AM Contra - Heart Peripheral", "Zeno - Signs", "BKS - Too Much")


@pytest.fixture
def musdb(tmp_path):
    """Four songs of 3 s, and one of 1 s."""
    for number, name in enumerate(SONGS):
        write_musdb_song(tmp_path / "musdb" / "test" / name, seconds=3.0, seed=number)
    write_musdb_song(tmp_path / "musdb" / "test" / "Short", seconds=1.0, seed=9)
    return tmp_path / "musdb"


def run(tmp_path, root, **more):
    """What ran: (separator, track) → its cell's address and the record of its scene."""
    out = tmp_path / "out"
    summary = soundstage.run({**GRID, **more}, out, data={"musdb18hq": root})
    assert summary.troubled == 0, summary.now
    store = Store(out)
    cells = store.plan().cells.to_pylist()
    return {(cell["separator"], cell["track"]): (cell["cell"], store.record(cell["cell"]).scene) for cell in cells}


def excerpts(found):
    return {track: scene["excerpt"] for (separator, track), (_, scene) in found.items() if separator == "mixture"}


def addresses(found):
    return {key: cell for key, (cell, _) in found.items()}


@pytest.mark.slow
def test_a_random_excerpt_moves_for_nothing_but_its_seed(tmp_path, musdb):
    table = {"seconds": 1.5, "where": "random"}
    first = run(tmp_path, musdb, excerpt=table)
    starts = {track: facts["start_s"] for track, facts in excerpts(first).items()}
    assert len({starts[song] for song in SONGS}) == 4
    assert all(0 <= starts[song] <= 1.5 for song in SONGS)
    more = run(tmp_path, musdb, excerpt=table, separators=["reference", "mixture"], spatializers=["original"])
    assert addresses(first).items() <= addresses(more).items()
    other = run(tmp_path, musdb, excerpt=table, datasets=["sketches", "musdb18hq"])
    assert addresses(first).items() <= addresses(other).items()
    reseeded = excerpts(run(tmp_path, musdb, excerpt={**table, "seed": 1}))
    assert {track: facts["start_s"] for track, facts in reseeded.items()} != starts


def test_a_short_track_is_used_whole_and_its_record_says_so(tmp_path, musdb):
    facts = excerpts(run(tmp_path, musdb, excerpt={"seconds": 2, "where": "random"}))
    assert facts["Short"] == {
        "start_s": 0.0,
        "seconds": 1.0,
        "where": "random",
        "note": "shorter than the 2 s asked for",
    }
    assert all("note" not in facts[song] and facts[song]["seconds"] == 2.0 for song in SONGS)


def test_the_loudest_excerpt_is_found_on_disk(tmp_path):
    folder = tmp_path / "musdb" / "test" / "Loud at 40"
    folder.mkdir(parents=True)
    for number, name in enumerate(("vocals", "drums", "bass", "other")):
        samples = noise(number, (44100 * 62, 2)) / 4
        samples[44100 * 40 : 44100 * 42] *= 4
        soundfile.write(folder / f"{name}.wav", samples, 44100, subtype="PCM_24")
    soundfile.write(folder / "mixture.wav", np.zeros((44100 * 62, 2)), 44100)  # of no account
    facts = excerpts(run(tmp_path, tmp_path / "musdb", excerpt={"seconds": 2, "where": "loudest"}))
    assert facts["Loud at 40"] == {"start_s": 40.0, "seconds": 2.0, "where": "loudest"}


def test_chunks_are_tracks_with_their_seconds_in_their_names(tmp_path, musdb):
    found = run(tmp_path, musdb, excerpt={"seconds": 1.2, "where": "chunks"}, tracks=["Zeno - Signs", "Short"])
    assert {track: scene["samples"] for (_, track), (_, scene) in found.items()} == {
        "Short [0-1 s]": 44100,
        "Zeno - Signs [0-1.2 s]": 52920,
        "Zeno - Signs [1.2-2.4 s]": 52920,
        "Zeno - Signs [2.4-3 s]": 26460,
    }


@pytest.mark.slow
def test_excerpts_give_the_same_numbers_as_songs_cut_beforehand(tmp_path, musdb):
    for song in (*SONGS, "Short"):
        (tmp_path / "cut" / "test" / song).mkdir(parents=True)
        for file in (musdb / "test" / song).iterdir():
            samples, rate = soundfile.read(file, stop=44100)
            soundfile.write(tmp_path / "cut" / "test" / song / file.name, samples, rate, subtype="PCM_16")
    grid = {**GRID, "separators": ["irm"], "spatializers": ["original", "panning"]}
    soundstage.run(
        {**grid, "excerpt": {"seconds": 1, "where": "start"}}, tmp_path / "a", data={"musdb18hq": musdb}, workers=2
    )
    soundstage.run(grid, tmp_path / "b", data={"musdb18hq": tmp_path / "cut"})
    a, b = (rows_of(tmp_path / name).drop(columns="cell") for name in "ab")
    pd.testing.assert_frame_equal(a, b, check_exact=True)


@pytest.mark.slow
def test_a_grid_without_excerpts_keeps_its_addresses(tmp_path, musdb):
    whole = addresses(run(tmp_path, musdb))
    drawn = addresses(run(tmp_path, musdb, tracks={"random": 2}))
    assert len(drawn) == 2
    assert drawn.items() < whole.items()
    assert addresses(run(tmp_path, musdb, tracks={"random": 2})) == drawn
    part = addresses(run(tmp_path, musdb, excerpt={"seconds": 1, "where": "start"}))
    assert not set(part.values()) & set(whole.values())


def test_no_more_than_the_excerpts_is_decoded(tmp_path, musdb, decoded):
    run(tmp_path, musdb, excerpt={"seconds": 0.5, "where": "random"})
    assert decoded == [22050] * 5 * 5  # songs, files


def test_parts_of_a_real_song_run_through_a_grid(shared, tmp_path):
    root = shared / "real" / "musdb18hq-layout"
    table = {"seconds": 5, "where": "loudest"}
    found = run(tmp_path, root, excerpt=table, tracks=["Lithium"], datasets=["musdb18hq[stems=2]"])
    ((_, scene),) = found.values()
    assert scene["samples"] == 5 * 44100
    assert scene["excerpt"]["start_s"] == int(scene["excerpt"]["start_s"])
