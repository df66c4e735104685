"""The embedded songs: deterministic, musical in level, really stereo."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest

from soundstage.errors import SoundstageError
from soundstage_datasets.instruments import Note, voice
from soundstage_datasets.sketches import Sketches
from soundstage_datasets.synthesis import RATE, at_audio_rate, harmonic_sum, hertz, noise, phase, reverb

SONGS = ("amber-street", "low-tide", "night-bus")
PINNED = {
    "amber-street": "747176a1fd303d80",
    "low-tide": "43483edc3a774914",
    "night-bus": "8dd27f4d8ec1f648",
}


@pytest.fixture(scope="module")
def tracks():
    dataset = Sketches()
    return {song: dataset.load(song) for song in dataset.track_ids()}


def level_db(signal):
    return 10 * np.log10(np.mean(signal**2))


def test_there_are_three_songs_of_four_stereo_stems(tracks):
    assert tuple(tracks) == SONGS
    for song, track in tracks.items():
        assert (track.id, track.rate, track.mixture) == (song, 44100, None)
        assert set(track.stems) == {"vocals", "drums", "bass", "other"}
        (shape,) = {stem.shape for stem in track.stems.values()}
        assert shape[0] == 2
        assert 7.5 < shape[1] / track.rate < 9.5
        assert all(stem.dtype == np.float64 for stem in track.stems.values())


def test_the_samples_are_the_same_on_every_machine(tracks):
    """A song that changes without a new `revision` would change results under old addresses."""
    assert Sketches.revision == 1
    found = {song: hashlib.sha256() for song in SONGS}
    for song, track in tracks.items():
        for name in sorted(track.stems):
            scaled = track.stems[name] * 32768
            assert np.array_equal(scaled, np.rint(scaled))
            found[song].update(scaled.astype("<i2").tobytes())
    assert {song: digest.hexdigest()[:16] for song, digest in found.items()} == PINNED


def test_loading_twice_gives_the_same(tracks):
    again = Sketches().load("low-tide")
    for name, stem in again.stems.items():
        np.testing.assert_array_equal(stem, tracks["low-tide"].stems[name])


def test_with_pauses_each_stem_is_silent_for_a_second_of_every_three_and_else_as_it_was(tracks):
    paused = Sketches(pauses=True)
    assert Sketches.left_out_at_default == ("pauses",)
    for song, track in tracks.items():
        found = paused.load(song).stems
        silent = {name: ~np.any(stem[:, : 6 * RATE], axis=0).reshape(-1, RATE // 2).T for name, stem in found.items()}
        halves = {name: np.flatnonzero(one.all(axis=0)).tolist() for name, one in silent.items()}
        assert halves == {"vocals": [1, 2, 7, 8], "bass": [1, 2, 7, 8], "drums": [3, 4, 9, 10], "other": [3, 4, 9, 10]}
        for name, stem in found.items():
            assert np.array_equal(stem * 32768, np.rint(stem * 32768))
            kept = np.ones(stem.shape[1], bool)
            for start in (halves[name][0], halves[name][2]):
                kept[round((start / 2 - 0.01) * RATE) : round((start / 2 + 1.01) * RATE)] = False
            first = slice(0, 6 * RATE)
            np.testing.assert_array_equal(stem[:, first][:, kept[first]], track.stems[name][:, first][:, kept[first]])
            assert np.abs(np.diff(stem)).max() < 1.5 * np.abs(np.diff(track.stems[name])).max()


def test_the_mixture_stays_below_full_scale(tracks):
    for track in tracks.values():
        assert 0.5 < np.abs(sum(track.stems.values())).max() < 0.97
        assert all(np.abs(stem).max() < 0.9 for stem in track.stems.values())


@pytest.mark.parametrize("name", ["vocals", "drums", "bass", "other"])
def test_every_stem_is_at_a_sensible_level_throughout(tracks, name):
    for track in tracks.values():
        stem = track.stems[name]
        assert -30 < level_db(stem) < -14
        half = stem.shape[1] // 2
        assert abs(level_db(stem[:, :half]) - level_db(stem[:, half:])) < 6
        for start in range(0, stem.shape[1] - RATE + 1, RATE // 2):
            assert level_db(stem[:, start : start + RATE]) > level_db(stem) - 15
        assert np.abs(stem.mean(axis=1)).max() < 0.002


@pytest.mark.parametrize("name", ["vocals", "drums", "bass", "other"])
def test_every_stem_is_stereo_and_no_panned_mono(tracks, name):
    for track in tracks.values():
        left, right = track.stems[name]
        assert 0.3 < np.corrcoef(left, right)[0, 1] < 0.98
        assert abs(level_db(left) - level_db(right)) < 3
        # What no gain can explain of one channel by the other is well above the quantisation noise.
        residual = right - left * (left @ right) / (left @ left)
        assert level_db(residual) > level_db(right) - 16
        assert level_db((left + right) / 2) > level_db(track.stems[name]) - 3


def test_the_songs_differ_and_the_stems_fill_their_registers(tracks):
    def share(stem, low, high):
        power = np.abs(np.fft.rfft(stem.mean(axis=0))) ** 2
        frequencies = np.fft.rfftfreq(stem.shape[1], 1 / RATE)
        return power[(frequencies >= low) & (frequencies < high)].sum() / power.sum()

    assert len({next(iter(track.stems.values())).shape[1] for track in tracks.values()}) == 3
    for track in tracks.values():
        assert share(track.stems["bass"], 25, 300) > 0.9
        assert share(track.stems["vocals"], 100, 4000) > 0.95
        assert share(track.stems["drums"], 5000, 22050) > 0.02
        assert share(track.stems["other"], 150, 3000) > 0.9


def test_a_song_takes_about_half_a_second():
    start = time.process_time()
    Sketches().load("night-bus")
    assert time.process_time() - start < 3  # generous: machines are shared


def test_an_unknown_song_is_named_with_the_nearest():
    with pytest.raises(SoundstageError, match="'lowtide'; did you mean 'low-tide'"):
        Sketches().load("lowtide")


def test_sketches_have_no_files():
    assert not hasattr(Sketches(), "files")


def test_noise_is_the_guaranteed_stream():
    raw = np.random.PCG64(7).random_raw(3)
    np.testing.assert_array_equal(noise(7, 3), (raw >> np.uint64(11)) / 2**52 - 1)
    assert abs(noise(1, 100000).mean()) < 0.01


def test_harmonic_sums_follow_their_definition_across_pieces():
    angle = phase(np.linspace(100, 300, 64 * 600))
    control = np.stack([np.linspace(0, 1, 601), np.linspace(1, 0.5, 601), np.full(601, 0.25)])
    expected = sum(at_audio_rate(gain) * np.sin((k + 1) * angle) for k, gain in enumerate(control))
    np.testing.assert_allclose(harmonic_sum(angle, control), expected, atol=1e-11)
    constant = sum(gain * np.sin((k + 1) * angle) for k, gain in enumerate((1.0, 0.5)))
    np.testing.assert_allclose(harmonic_sum(angle, np.array([1.0, 0.5])), constant, atol=1e-11)


def test_an_oscillator_keeps_its_frequency():
    power = np.abs(np.fft.rfft(np.sin(phase(np.full(RATE, hertz(69))))))
    assert power.argmax() == 440


def test_reverb_tails_are_decorrelated():
    left, right = reverb(noise(3, RATE), 0.5, 9)
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.15


def test_the_voice_sings_the_note_that_is_written():
    sung = voice([Note(0, 2, 64, "a")], 0.5, 64 * 700, 5, tract=1.0, wet=0.1).mean(axis=0)[20000:28192]
    spectrum = np.fft.rfft(sung * np.hanning(len(sung)), 2**16)
    period = np.fft.irfft(np.abs(spectrum) ** 2)[80:200].argmax() + 80
    assert abs(RATE / period - hertz(64)) < 6
