"""The community's scores are the toolkit's, and hear neither phase nor, by themselves, what is wrong."""

from __future__ import annotations

import json
import math
import sys

import numpy as np
import pytest

from soundstage.scene import Scene
from soundstage_metrics import community
from soundstage_metrics.community import Community, bleedless_fullness, l1_freq, mel_filters, mel_levels, sdr
from soundstage_metrics.interaural import itd_us
from soundstage_metrics.sdr import sdr as usdr

RATE = 44100
NAMES = ("sdr", "l1_freq", "bleedless", "fullness")


@pytest.fixture(scope="module")
def signals(request):
    folder = request.config.rootpath / "tests" / "golden"
    sys.path.insert(0, str(folder))
    try:
        import signals
    finally:
        sys.path.remove(str(folder))
    return signals


@pytest.fixture(scope="module")
def golden(request):
    text = (request.config.rootpath / "tests" / "golden" / "community.json").read_text(encoding="utf-8")
    return json.loads(text)["pairs"]


def noise(seed=0, seconds=1.0, level=0.1):
    return level * np.random.default_rng(seed).standard_normal((2, round(seconds * RATE)))


def rows_of(references, estimates, rate=RATE):
    scene = Scene(rate, sum(references.values()), references)
    return {(row.source, row.name): row for row in Community().prepare(scene)(estimates)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_every_score_is_the_toolkits(signals, golden, seed):
    assert len(golden) == 2 * len(signals.CASES)
    for name in signals.CASES:
        reference, estimate = signals.case(name, seed)
        expected = golden[f"{name}/{seed}"]
        bleedless, fullness = bleedless_fullness(reference, estimate, RATE)
        assert sdr(reference, estimate) == pytest.approx(expected["sdr"], abs=1e-6), name
        assert l1_freq(reference, estimate) == pytest.approx(expected["l1_freq"], abs=1e-4), name
        # float32 there: in bands that are alike but for rounding the sign is chance, and so is who counts them.
        assert bleedless == pytest.approx(expected["bleedless"], abs=3e-3), name
        assert fullness == pytest.approx(expected["fullness"], abs=3e-3), name


# closed forms


def test_a_gain_is_what_bleedless_or_fullness_measures():
    s = noise()
    decibels = 20 * math.log10(2)
    assert bleedless_fullness(s, 2 * s, RATE) == pytest.approx((100 / (1 + decibels), 100.0))
    assert bleedless_fullness(s, s / 2, RATE) == pytest.approx((100.0, 100 / (1 + decibels)))


def test_a_perfect_estimate_has_100_of_everything():
    s = noise()
    assert bleedless_fullness(s, s, RATE) == (100.0, 100.0)
    assert l1_freq(s, s) == 100.0


def test_l1_of_a_constant_is_in_closed_form():
    s = np.full((2, 8192), 0.25)  # all of it at 0 Hz, in a window of 2048 without a shape, its ends reflected
    expected = 100 / (1 + 10 * (1 - 0.5) * 0.25 * 2048 / 1025)
    assert l1_freq(s, 0.5 * s) == pytest.approx(expected, abs=1e-9)


def test_the_sdr_is_usdr_but_for_its_delta():
    s, e = noise(), 0.9 * noise()
    assert sdr(s, e) == pytest.approx(usdr(s, e), abs=1e-6)
    assert sdr(s, s) == pytest.approx(10 * math.log10((np.sum(s * s) + 1e-8) / 1e-8), abs=1e-9)


def test_the_filters_are_slaneys():
    filters = mel_filters(RATE, 4096, 512).toarray()
    step = RATE / 4096
    assert filters.shape == (512, 2049)
    assert (filters >= 0).all()
    areas = filters.sum(axis=1) * step  # each triangle's is 1 where the spectrum's steps are fine beside it
    np.testing.assert_allclose(areas[400:], 1.0, atol=0.02)
    assert (areas > 0).all()
    assert (mel_filters(96000, 4096, 512).sum(axis=1) == 0).any()  # bands narrower than a step, as librosa warns
    centres = (filters * np.arange(2049)).sum(axis=1)[areas > 0] / filters.sum(axis=1)[areas > 0] * step
    assert (np.diff(centres) > -step).all()
    # 66⅔ Hz a mel up to 1 kHz, 27 mels for a factor 6.4 above
    np.testing.assert_allclose(community._hz(np.array([3.0, 15.0, 42.0])), [200.0, 1000.0, 6400.0])
    assert [round(community._mel(hz), 9) for hz in (200.0, 1000.0, 6400.0)] == [3.0, 15.0, 42.0]


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000, 96000, 44100.5])
def test_any_rate_will_do(rate):
    s = noise()
    decibels = 20 * math.log10(2)
    assert bleedless_fullness(s, 2 * s, rate) == pytest.approx((100 / (1 + decibels), 100.0))
    found = mel_filters(rate, 4096, 512).toarray()
    assert np.flatnonzero(found[-1])[-1] >= 2046  # the bands reach to half the rate


def test_the_same_tone_is_in_another_band_at_another_rate():
    tone = np.sin(2 * np.pi * 0.05 * np.arange(8192))[np.newaxis]
    loudest = [int(mel_levels(tone, rate)[0, :, 4].argmax()) for rate in (16000, 44100)]
    assert loudest[0] != loudest[1]


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        bleedless_fullness(noise(), noise(), rate)


def test_the_longer_signal_is_cut_to_the_shorter_as_there():
    s, e = noise(), noise(1)
    for cut in (bleedless_fullness(s[:, :30000], e[:, :30000], RATE), bleedless_fullness(s, e[:, :30000], RATE)):
        assert cut == bleedless_fullness(s[:, :30000], e, RATE)
    assert l1_freq(s, e[:, :30000]) == l1_freq(s[:, :30000], e)
    assert sdr(s, e[:, :30000]) == sdr(s[:, :30000], e)


@pytest.mark.parametrize("length", [1, 2, 1023, 1024, 1025, 4095, 4097])
def test_signals_of_any_length_have_bands_and_short_ones_no_l1(length):
    s, e = noise()[:, :length], noise(1)[:, :length]
    assert all(math.isfinite(score) for score in bleedless_fullness(s, e, RATE))
    assert mel_levels(s, RATE).shape == (2, 512, 1 + length // 1024)
    if length > 1024:
        assert 0 < l1_freq(s, e) <= 100
    else:
        with pytest.raises(ValueError, match="give more than 1024"):
            l1_freq(s, e)


def test_long_signals_go_through_in_blocks(monkeypatch):
    s, e = noise(seconds=3), noise(1, seconds=3)
    whole = (*bleedless_fullness(s, e, RATE), l1_freq(s, e))
    monkeypatch.setattr(community, "BLOCK", 7)
    assert (*bleedless_fullness(s, e, RATE), l1_freq(s, e)) == pytest.approx(whole)


@pytest.mark.parametrize("length", [1025, 2049, 36864, 80000])
def test_blocks_at_the_ends_are_those_of_a_signal_that_goes_on_beyond_them(length):
    s, e = noise(seconds=2)[:, :length], noise(1, seconds=2)[:, :length]

    def magnitudes(signal, window, shape, mode):
        padded = np.pad(signal, ((0, 0), (window // 2, window // 2)), mode=mode)
        return np.abs(np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)[:, ::1024] * shape))

    difference = magnitudes(e, 2048, 1.0, "reflect") - magnitudes(s, 2048, 1.0, "reflect")
    assert l1_freq(s, e) == pytest.approx(100 / (1 + 10 * np.abs(difference).mean()), abs=1e-10)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(4096) / 4096)
    levels = 20 * np.log10(magnitudes(s, 4096, hann, "constant") @ mel_filters(RATE, 4096, 512).toarray().T)
    np.testing.assert_allclose(mel_levels(s, RATE), np.maximum(levels, levels.max() - 80).transpose(0, 2, 1), atol=1e-9)


@pytest.mark.parametrize("function", [sdr, l1_freq, lambda s, e: bleedless_fullness(s, e, RATE)])
def test_arrays_that_are_none_are_refused(function):
    with pytest.raises(ValueError, match="NaN"):
        function(np.full((2, 5000), math.nan), noise()[:, :5000])
    with pytest.raises(ValueError, match="shape"):
        function(noise()[:1], noise())


# what they are blind to


@pytest.fixture(scope="module")
def placed(signals):
    """A source panned by 11 samples and 4 dB."""
    return signals.pan(signals.tone_bursts(np.random.default_rng(0), 4.3), 11, -4.0)


def test_a_flip_of_both_channels_is_perfect_to_them(placed):
    assert bleedless_fullness(placed, -placed, RATE) == (100.0, 100.0)
    assert l1_freq(placed, -placed) == 100.0
    assert sdr(placed, -placed) < -6.0


def test_a_flip_of_one_channel_is_perfect_to_them_and_no_image_is_left(placed):
    flipped = placed * np.array([[1.0], [-1.0]])
    assert bleedless_fullness(placed, flipped, RATE) == (100.0, 100.0)
    assert l1_freq(placed, flipped) == 100.0
    assert sdr(placed, flipped) < 0.0


def test_the_delay_that_places_a_source_is_next_to_nothing_to_them(placed):
    moved = np.stack([placed[0], np.roll(placed[1], -11)])
    assert itd_us(placed, RATE) < -200.0
    assert itd_us(moved, RATE) == 0.0
    assert min(bleedless_fullness(placed, moved, RATE)) > 92.0


def test_a_swap_costs_what_the_levels_differ_by_and_no_more(signals, placed):
    assert max(bleedless_fullness(placed, placed[::-1], RATE)) < 25.0
    by_delay = signals.pan(signals.tone_bursts(np.random.default_rng(0), 4.3), 11, 0.0)
    assert min(bleedless_fullness(by_delay, by_delay[::-1], RATE)) > 91.0
    middle = signals.pan(signals.tone_bursts(np.random.default_rng(0), 4.3), 0, 0.0)
    assert bleedless_fullness(middle, middle[::-1], RATE) == (100.0, 100.0)


def test_each_of_the_two_by_itself_is_no_score(placed):
    assert bleedless_fullness(placed, np.zeros_like(placed), RATE)[0] == 100.0
    much = bleedless_fullness(placed, placed + noise(seconds=4.3), RATE)
    assert much[0] < 4.0
    assert much[1] > 20.0


# the plugin


def test_the_plugin_has_the_functions_numbers():
    s, other = noise(), noise(1)
    estimate = 0.8 * s + 0.1 * other
    rows = rows_of({"vocals": s, "drums": other}, {"vocals": estimate})
    bleedless, fullness = bleedless_fullness(s, estimate, RATE)
    expected = {"bleedless": bleedless, "fullness": fullness, "l1_freq": l1_freq(s, estimate), "sdr": sdr(s, estimate)}
    assert {name: rows["vocals", name].value for name in NAMES} == expected
    assert all(row.ranked and not row.note for row in rows.values())


def test_a_silent_reference_has_no_scores_and_takes_none_from_others():
    s = noise()
    rows = rows_of({"vocals": s, "drums": np.zeros_like(s)}, {"vocals": s, "drums": s})
    assert all(math.isnan(rows["drums", name].value) for name in NAMES)
    assert {rows["drums", name].note for name in NAMES} == {"the reference is silent"}
    assert rows["vocals", "bleedless"].value == 100.0


def test_a_silent_estimate_keeps_its_numbers_out_of_the_ranks():
    s = noise()
    rows = rows_of({"vocals": s}, {"vocals": np.zeros_like(s)})
    assert rows["vocals", "bleedless"].value == 100.0
    for name in NAMES:
        assert rows["vocals", name].note == "the estimate is silent"
        assert not rows["vocals", name].ranked


def test_a_song_shorter_than_l1_needs_has_the_other_scores():
    s = noise()[:, :1000]
    rows = rows_of({"vocals": s}, {"vocals": s})
    assert math.isnan(rows["vocals", "l1_freq"].value)
    assert rows["vocals", "l1_freq"].note == "no more than 1024 samples"
    assert rows["vocals", "fullness"].value == 100.0


def test_what_silent_frames_decide_is_noted_and_not_ranked():
    s = noise(seconds=3)
    s[:, RATE:] = 0.0
    estimate = s + 0.3 * noise(1, seconds=3) * (np.abs(s) > 0)
    level = mel_levels(s, RATE).max() - mel_levels(estimate, RATE).max()
    louder, softer = (estimate * 10 ** ((level + decibels) / 20) for decibels in (0.01, -0.01))
    values = [bleedless_fullness(s, one, RATE) for one in (louder, softer)]
    assert values[0][0] - values[1][0] > 20.0  # a fiftieth of a dB, and what counts as bleeding is diluted or is not
    assert values[1][1] - values[0][1] > 20.0
    for one in (louder, softer):
        rows = rows_of({"vocals": s}, {"vocals": one})
        for name in ("bleedless", "fullness"):
            assert not rows["vocals", name].ranked
            assert "such as silent ones" in rows["vocals", name].note
        assert rows["vocals", "l1_freq"].ranked


def test_a_channel_that_is_left_as_it_is_decides_by_rounding_and_is_noted():
    s = noise()
    half = s * np.array([[1.0], [0.5]])
    nearly = half * (1 - 1e-12)
    values = [bleedless_fullness(s, one, RATE)[1] for one in (half, nearly)]
    assert values[1] - values[0] > 5.0
    for one in (half, nearly):
        assert not rows_of({"vocals": s}, {"vocals": one})["vocals", "fullness"].ranked


def test_a_perfect_estimate_and_a_plain_gain_are_steady():
    s = noise()
    for estimate in (s, 0.99 * s, 1.01 * s, 0.5 * s):
        rows = rows_of({"vocals": s}, {"vocals": estimate})
        assert all(row.ranked for row in rows.values())
