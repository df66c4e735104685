"""Which tracks and which part of each: drawn from their own names, part of the address, in the record."""

from __future__ import annotations

import numpy as np
import pytest

import soundstage
from soundstage.errors import SoundstageError
from soundstage.pipeline.excerpt import Excerpt
from soundstage.pipeline.tracks import load_excerpt
from soundstage.planning.tracks import Tracks, read_excerpt, read_tracks
from soundstage.results.store import Store
from soundstage.scene import Track
from soundstage.toml import Table

IDS = [f"song {number}" for number in range(40)]
GRID = {"datasets": ["toy"], "spatializers": ["flat"], "separators": ["nothing"], "metrics": ["error"]}


def test_a_draw_of_tracks_knows_seed_dataset_and_track_alone():
    drawn = Tracks(random=10).of("toy", IDS)
    assert drawn == [track for track in IDS if track in drawn]  # in the dataset's order
    assert len(drawn) == 10
    assert Tracks(random=10, seed=1).of("toy", IDS) != drawn
    assert Tracks(random=10).of("other", IDS) != drawn
    assert set(Tracks(random=9).of("toy", IDS)) < set(drawn)
    assert set(drawn) - set(Tracks(random=10).of("toy", IDS[:-5])) <= set(IDS[-5:])  # others stay where they were
    assert Tracks(random=100).of("toy", IDS) == IDS


def test_tracks_by_name_are_those_and_a_wrong_name_is_suggested():
    assert Tracks(names=("song 3", "song 1")).of("toy", IDS) == ["song 1", "song 3"]
    with pytest.raises(SoundstageError, match="no dataset of the grid has a track 'song 99'; did you mean"):
        Tracks(names=("song 99",)).check(IDS)


def loud(seconds: int, at: int, rate: int = 100):
    """Stems that are loud together in the second `at` and cancel out in the one before, though each is loud there."""
    stem = np.ones((1, seconds * rate)) * 0.1
    stem[:, at * rate : (at + 1) * rate] = 0.5
    other = stem.copy()
    stem[:, (at - 1) * rate : at * rate] = 0.9
    other[:, (at - 1) * rate : at * rate] = -0.9
    return {"a": stem, "b": other}


@pytest.mark.parametrize("at", [3, 35, 59])
def test_the_loudest_excerpt_has_the_most_energy_in_the_sum_of_the_stems(at):
    stems = loud(61, at)
    asked = []

    def read(first, end):
        asked.append(end - first)
        return {source: stem[:, first:end] for source, stem in stems.items()}

    start, stop = Excerpt(1.0, "loudest").window("toy", "song", 100, 6100, read)
    assert (start, stop) == (at * 100, at * 100 + 100)
    assert max(asked) <= 3000  # in blocks, however long the track


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5, 31.7])
def test_the_loudest_excerpt_is_exact_whatever_its_length(seconds):
    rng = np.random.default_rng(5)
    stems = {"a": rng.standard_normal((1, 4050)), "b": rng.standard_normal((2, 4050))}
    start, stop = Excerpt(seconds, "loudest").window(
        "toy", "song", 100, 4050, lambda first, end: {source: stem[:, first:end] for source, stem in stems.items()}
    )
    mix, size = stems["a"] + stems["b"], round(seconds * 100)
    energies = [np.sum(mix[:, at : at + size] ** 2) for at in range(0, 4050 - size + 1, 100)]
    assert (start, stop) == (100 * int(np.argmax(energies)), start + size)


def test_the_earliest_of_equally_loud_excerpts_is_taken():
    stem = np.tile(np.random.default_rng(0).standard_normal((1, 100)), 12)
    for seconds in (1.0, 2.0, 3.5):
        start, _ = Excerpt(seconds, "loudest").window("d", "t", 100, 1200, lambda first, end: {"a": stem[:, first:end]})
        assert start == 0


def test_an_excerpt_longer_than_the_track_is_the_track():
    for where in ("start", "random", "loudest"):
        assert Excerpt(30.0, where).window("toy", "song", 100, 700, None) == (0, 700)
    assert Excerpt(30.0, "chunks").chunks(100, 700) == [(0, 700)]


def test_a_random_excerpt_lies_within_the_track_and_depends_on_seed_and_names():
    starts = {
        Excerpt(2.0, "random", seed).window(dataset, track, 100, 900, None)[0]
        for seed in range(5)
        for dataset in ("one", "two")
        for track in IDS
    }
    assert len(starts) > 200
    assert min(starts) >= 0
    assert max(starts) <= 700


def test_chunks_cover_the_track_but_for_a_short_rest():
    chunks = Excerpt(2.0, "chunks").chunks(100, 690)
    assert chunks == [(0, 200), (200, 400), (400, 600)]
    assert Excerpt(2.0, "chunks").chunks(100, 710)[-1] == (600, 710)


@pytest.mark.parametrize("seconds", [1e300, 1.7e308, 5e-324, 1e-9])
def test_any_length_of_an_excerpt_is_that_of_a_track_or_refused_and_takes_no_time(seconds):
    def read(start, stop):
        return {"a": np.ones((1, stop - start))}

    for where in ("start", "random", "loudest"):
        start, stop = Excerpt(seconds, where).window("d", "t", 100, 700, read)
        assert stop - start == (700 if seconds > 1 else 1)
    assert len(Excerpt(seconds, "chunks").chunks(100, 700)) == (1 if seconds > 1 else 700)
    if seconds < 1:
        with pytest.raises(SoundstageError, match="make more than 20000 chunks"):
            Excerpt(seconds, "chunks").chunks(44100, 44100 * 60)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5, "a list of names, or a draw: tracks = "),
        ({"random": 0}, "tracks.random: is 0; write a whole number of at least 1"),
        ({"randon": 3}, "tracks.random: is missing .is 'randon' meant to be it"),
    ],
)
def test_a_wrong_choice_of_tracks_is_refused(value, words):
    with pytest.raises(SoundstageError, match=words):
        read_tracks(Table({"tracks": value}, "mine.toml"))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (30, "excerpt: is 30; write excerpt = "),
        ({"where": "start"}, "excerpt.seconds: is missing"),
        ({"seconds": 30, "where": "middle"}, "where: cannot be 'middle'"),
        ({"seconds": 30, "seed": -1}, "seed: is -1; write a whole number"),
        ({"second": 30}, "is 'second' meant to be it"),
        ({"seconds": float("inf")}, "write a finite number above 0"),
        ({"seconds": float("nan")}, "write a finite number above 0"),
    ],
)
def test_a_wrong_excerpt_is_refused(value, words):
    with pytest.raises(SoundstageError, match=words):
        read_excerpt(Table({"excerpt": value}, "mine.toml"))


class Parts:
    """Reads parts, and counts what it decodes."""

    def __init__(self):
        self.decoded = 0

    def extent(self, track_id):
        return 100, 6100

    def load_part(self, track_id, start, stop):
        self.decoded += stop - start
        return Track(track_id, 100, {source: stem[:, start:stop] for source, stem in loud(61, 35).items()})

    def load(self, track_id):
        raise AssertionError("the whole track is not needed")


def test_a_dataset_that_reads_parts_decodes_no_more_than_the_part():
    dataset = Parts()
    track, facts = load_excerpt(dataset, "d", "song", "d", Excerpt(5.0, "start"), None)
    assert dataset.decoded == 500
    assert track.stems["a"].shape == (1, 500)
    assert facts == {"start_s": 0.0, "seconds": 5.0, "where": "start"}
    track, facts = load_excerpt(dataset, "d", "song", "d", Excerpt(2.0, "loudest"), None)
    assert facts["start_s"] in (34.0, 35.0)
    _, facts = load_excerpt(dataset, "d", "song", "d", Excerpt(100.0, "random"), None)
    assert facts["note"] == "shorter than the 100 s asked for"


def test_an_excerpt_is_the_cut_of_the_whole_and_another_result(toys, tmp_path):
    assert soundstage.run(GRID, tmp_path).ran == 2
    table = {**GRID, "excerpt": {"seconds": 0.1, "where": "random"}}
    assert soundstage.run(table, tmp_path).ran == 2
    assert soundstage.run(table, tmp_path).ran == 0
    assert soundstage.run(GRID, tmp_path).ran == 0
    store = Store(tmp_path)
    cells = store.plan().cells.to_pylist()
    assert "excerpt" not in store.record(cells[0]["cell"]).scene
    soundstage.run({**table, "revision": 2}, tmp_path)
    record = store.record(store.plan().cells.to_pylist()[0]["cell"])
    assert record.scene["samples"] == 800
    assert record.scene["excerpt"]["seconds"] == pytest.approx(0.1)
    assert 0 <= record.scene["excerpt"]["start_s"] <= 0.15


@pytest.mark.slow
def test_chunks_are_tracks_of_their_own(toys, tmp_path):
    table = {**GRID, "excerpt": {"seconds": 0.1, "where": "chunks"}}
    summary = soundstage.run(table, tmp_path, workers=2)
    assert (summary.ran, summary.troubled) == (2 * 3, 0)
    frame = soundstage.load(tmp_path)
    assert set(frame["track"]) >= {"song 0 [0-0.1 s]", "song 0 [0.1-0.2 s]", "song 0 [0.2-0.25 s]"}


def test_a_track_that_cannot_be_cut_costs_its_own_cells(toys, tmp_path):
    table = {**GRID, "datasets": ["toy[fault=one track]"], "excerpt": {"seconds": 0.1, "where": "chunks"}}
    summary = soundstage.run(table, tmp_path)
    assert summary.troubled == 1
    assert summary.usable == 3


def test_a_draw_of_tracks_in_a_grid(toys, tmp_path):
    table = {**GRID, "datasets": ["toy[tracks=9]"], "tracks": {"random": 4, "seed": 2}}
    assert soundstage.run(table, tmp_path).planned == 4
    assert soundstage.run({**table, "tracks": ["song 8"]}, tmp_path).planned == 1


def test_named_tracks_may_be_those_of_several_datasets(toys, tmp_path):
    table = {**GRID, "datasets": ["toy[tracks=9]", "toy[tracks=2]"], "tracks": ["song 8", "song 1"]}
    assert soundstage.run(table, tmp_path).planned == 3
    with pytest.raises(SoundstageError, match="no dataset of the grid has a track 'song 9'"):
        soundstage.run({**table, "tracks": ["song 9"]}, tmp_path)
