"""The lags of SPAUQ: found in single precision, and never set by it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import fft

from soundstage.audio import read_only
from soundstage_metrics.spauq import frames, lags, projection, scores, spauq
from soundstage_metrics.spauq.lags import TOLERANCE

RATE = 8000
LAG = RATE // 10
TIME = np.arange(RATE) / RATE


def noise(seed):
    return np.random.default_rng(seed).standard_normal(RATE)


SIGNALS = {
    "noise": noise(0),
    "other noise": noise(1),
    "low tone": np.sin(2 * np.pi * 3 * TIME),
    "bass": np.sin(2 * np.pi * 41 * TIME + 1) * np.exp(-TIME),
    "high tone": np.sin(2 * np.pi * 3700 * TIME),
    "square": np.sign(np.sin(2 * np.pi * 50 * TIME + 0.1)),
    "offset": 1 + 1e-4 * noise(2),
    "constant": np.full(RATE, 0.5),
    "pulses": (np.arange(RATE) % 80 == 0) * 1.0,
    "early pulse": (np.arange(RATE) == 7) * 1.0,
    "late pulse": (np.arange(RATE) == RATE - 9) * 1.0,
    "walk": np.cumsum(noise(3)),
    "brief": np.where(TIME < 0.01, noise(4), 0.0),
    "silence": np.zeros(RATE),
    "faint": 1e-12 * noise(5),
    "loud": 1e30 * noise(6),
    "far too loud": 1e60 * noise(7),
}


def near(s, e, precision=np.float64, window=RATE):
    """|correlation| at lags −LAG … LAG by transforms of a length that only fits."""
    size = fft.next_fast_len(window + LAG, real=True)
    padded = np.zeros((2, size), dtype=precision)
    padded[:, : len(s)] = s, e
    spectra = fft.rfft(padded)
    found = fft.irfft(spectra[:1, None] * spectra[None, 1:].conj(), size)[0, 0]
    return np.abs(np.concatenate([found[-LAG:], found[: LAG + 1]]))


def in_double_precision(s, e):
    return 0 if min(s.std(), e.std()) < frames.FLAT else int(near(s, e).argmax()) - LAG


def lag_of(s, e):
    found = lags.lags(np.stack([s, e]), 1, [(0, len(s))], RATE, LAG)
    return int(found.lag[0, 0, 0])


@pytest.mark.parametrize("one", SIGNALS)
def test_every_lag_is_that_of_double_precision(one):
    s = SIGNALS[one]
    for e in SIGNALS.values():
        for estimate in (e, np.roll(e, 123), -e + 1e-7 * np.abs(e).max() * noise(8), e[::-1]):
            assert lag_of(s, estimate) == in_double_precision(s, estimate)


def test_single_precision_alone_would_move_some_lags():
    moved = 0
    for s in (one for name, one in SIGNALS.items() if "loud" not in name):
        for e in SIGNALS["low tone"], SIGNALS["offset"], SIGNALS["square"]:
            moved += int(near(s, e, np.float32).argmax()) - LAG != in_double_precision(s, e)
    assert moved > 3


@pytest.mark.parametrize("one", SIGNALS)
def test_the_error_of_the_search_stays_far_below_its_tolerance(one):
    for name, other in SIGNALS.items():
        s, e = SIGNALS[one], other
        scale = np.linalg.norm(s) * np.linalg.norm(e)
        if "loud" not in one + name and scale:
            padded = np.zeros((2, lags._search_size(RATE + LAG)), dtype=np.float32)
            padded[:, :RATE] = s, e
            assert np.abs(lags._near(padded, 1, LAG)[0, 0] - near(s, e)).max() < TOLERANCE / 5 * scale


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("noise", "other noise", set()),
        ("low tone", "low tone", {"_correlation"}),
        ("early pulse", "late pulse", {"_transformed"}),
        ("noise", "loud", {"_transformed"}),
    ],
)
def test_few_candidates_are_summed_up_and_many_transformed(one, other, expected, monkeypatch):
    called = set()

    def watched(function):
        def call(*arguments):
            called.add(function.__name__)
            return function(*arguments)

        return call

    for function in (lags._correlation, lags._transformed):
        monkeypatch.setattr(lags, function.__name__, watched(function))
    lag_of(SIGNALS[one], SIGNALS[other])
    assert called == expected


def test_equal_correlations_give_the_lag_of_the_transforms():
    for seed in range(20):
        pair = np.zeros((2, RATE))
        pair[0, [1000, 1200]] = 1.0
        pair[1, 1100 + seed] = 1.0
        pair *= 1 + np.random.default_rng(seed).random()
        assert lag_of(*pair) == in_double_precision(*pair)


@pytest.mark.parametrize("samples", [1, 2, 500, LAG - 1, LAG, LAG + 1, 3000])
def test_short_last_frames_have_their_lags_too(samples):
    s, e = noise(0)[:samples], np.roll(noise(0)[:samples], 3)
    assert lag_of(s, e) == in_double_precision(s, e)


def test_a_channel_that_is_silent_has_no_lag_and_keeps_the_others_theirs():
    s = np.stack([SIGNALS["noise"], SIGNALS["silence"]])
    e = np.stack([np.roll(SIGNALS["noise"], 5), np.roll(SIGNALS["noise"], -40)])
    found = lags.lags(np.concatenate([s, e]), 2, [(0, RATE)], RATE, LAG)
    assert found.lag[0].tolist() == [[-5, 40], [0, 0]]
    assert found.silent[0].tolist() == [False, True, False, False]


def test_the_glance_at_frames_never_overstates_their_deviations():
    signals = np.stack([*(one for name, one in SIGNALS.items() if name != "far too loud"), np.full(RATE, 0.3)])
    bounds = [(0, RATE), (0, 1), (5, 50), (64, 128), (63, 130), (7999, 8000), (90, 90), (200, 100), (4000, 8000)]
    found = frames.deviations(signals, bounds)
    for (start, stop), row in zip(bounds, found, strict=True):
        exact = signals[:, start:stop].std(axis=1) if start < stop else np.zeros(len(signals))
        assert (row <= exact * (1 + 1e-12)).all()
        np.testing.assert_array_equal(row < frames.FLAT, exact < frames.FLAT)


@pytest.mark.parametrize("depth", [0.3, 1e-2, 1e-4, 1e-8, 0.0])
def test_published_values_that_rounding_moves_are_summed_up_as_they_always_were(depth, monkeypatch):
    rng = np.random.default_rng(3)
    mono = 0.1 * rng.standard_normal(3 * RATE)
    s = np.stack([mono, 0.6 * mono]) + depth * 0.1 * rng.standard_normal((2, 3 * RATE))
    e = s + 0.01 * rng.standard_normal(s.shape)
    found = spauq(s, e, RATE, "published")
    monkeypatch.setattr(projection, "_gram", lambda x: x @ x.T)
    before = spauq(s, e, RATE, "published")
    for name in ("ssr", "srr"):
        np.testing.assert_allclose(getattr(found, name), getattr(before, name), rtol=0, atol=1e-9)
    np.testing.assert_array_equal(found.near_singular, before.near_singular)


def test_both_definitions_search_the_lags_of_a_pair_once_whoever_holds_it(monkeypatch):
    searched = []
    search = lags.lags
    monkeypatch.setattr(scores, "lags", lambda *arguments: searched.append(1) or search(*arguments))
    s = np.stack([SIGNALS["noise"], SIGNALS["bass"]])
    e = s + 0.1 * np.stack([SIGNALS["other noise"], noise(11)])
    first = spauq(s, e, RATE)
    first.shift[:] = 7
    again = [spauq(read_only(s), read_only(e.copy()), RATE, definition) for definition in ("projection", "published")]
    assert len(searched) == 1
    assert not any((found.shift == 7).any() for found in again)
    e[1, 5000] += 1e-9
    spauq(s, e, RATE, "published")
    spauq(s, e, RATE, "published", max_lag=0.05)
    spauq(np.flip(s, 0), e, RATE)
    assert len(searched) == 4


def test_a_fingerprint_changes_with_any_sample():
    long = np.random.default_rng(0).standard_normal((2, 10_000))
    seen = {frames.fingerprint(long), frames.fingerprint(long[:, :9999]), frames.fingerprint(-long)}
    for channel, at in ((0, 0), (1, 4095), (0, 4096), (1, 8192), (1, 9999)):
        changed = long.copy()
        changed[channel, at] += 1e-10
        seen.add(frames.fingerprint(changed))
    assert len(seen) == 8
    assert frames.fingerprint(long) == frames.fingerprint(long.copy())
