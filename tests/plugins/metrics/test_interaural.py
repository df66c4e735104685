from __future__ import annotations

import importlib.util
import json
import math

import numpy as np
import pytest
from scipy import fft

from soundstage.scene import Scene
from soundstage_metrics import interaural
from soundstage_metrics.interaural import Interaural, delta_ild_db, delta_itd_us, ild_db, itd_us

RATE = 44100
SAMPLE_US = 1e6 / RATE


def noise(seconds=1.2, rate=RATE, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(int(seconds * rate))


def delayed(line, samples):
    """Two channels, the right one `samples` later."""
    padded = np.pad(line, 100)
    return np.stack([padded[100:-100], np.roll(padded, samples)[100:-100]])


def rows_of(scene, estimates):
    return {(row.source, row.name): row for row in Interaural().prepare(scene)(estimates)}


@pytest.mark.parametrize("lag", [-43, -20, 0, 1, 44])
def test_the_itd_is_negative_where_the_left_leads(lag):
    assert itd_us(delayed(noise(), lag), RATE) == pytest.approx(-lag * SAMPLE_US, abs=1e-9)


def test_plus_44_samples_are_not_searched_as_in_the_original():
    assert itd_us(delayed(noise(), -44), RATE) != pytest.approx(44 * SAMPLE_US)


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
def test_other_rates_search_one_millisecond(rate):
    latest = rate // 1000
    assert itd_us(delayed(noise(1.2, rate), latest), rate) == pytest.approx(-latest / rate * 1e6, abs=1e-9)


def test_the_itd_is_the_mode_weighted_by_level():
    loud, quiet = delayed(noise(0.5), 10), delayed(noise(1.0, seed=1), 30)
    assert itd_us(np.hstack([4 * loud, quiet]), RATE) == pytest.approx(-10 * SAMPLE_US, abs=1e-9)
    assert itd_us(np.hstack([loud, quiet]), RATE) == pytest.approx(-30 * SAMPLE_US, abs=1e-9)


def test_frames_below_the_threshold_and_the_remainder_do_not_count():
    audible, faint = delayed(noise(0.5), 10), 1e-4 * delayed(noise(5.0, seed=1), 30)
    assert itd_us(np.hstack([audible, faint]), RATE) == pytest.approx(-10 * SAMPLE_US, abs=1e-9)
    assert itd_us(np.hstack([audible, delayed(noise(0.49, seed=1), 30)]), RATE) == pytest.approx(-10 * SAMPLE_US)


def test_a_silent_channel_gives_the_first_lag_as_in_the_original():
    assert itd_us(np.stack([noise(), 0 * noise()]), RATE) == pytest.approx(-44 * SAMPLE_US)


@pytest.mark.parametrize(
    ("signal", "rate", "sentence"),
    [
        (np.zeros((2, RATE)), RATE, "every frame is silent"),
        (np.full((2, 22049), 0.1), RATE, "22049 samples are shorter than one frame of 22050"),
        (np.ones((2, 2000)), 900, "at least 1000 Hz"),
        (np.ones((3, RATE)), RATE, r"\(2, samples\) was expected"),
    ],
)
def test_where_the_original_crashes_a_sentence_says_why(signal, rate, sentence):
    with pytest.raises(ValueError, match=sentence):
        itd_us(signal, rate)


def test_the_ild_is_the_ratio_of_energies():
    assert ild_db(np.stack([noise(), 0.5 * noise()])) == pytest.approx(20 * math.log10(2))
    assert ild_db(np.stack([noise(), 0 * noise()])) == math.inf
    assert ild_db(np.stack([0 * noise(), noise()])) == -math.inf
    assert math.isnan(ild_db(np.zeros((2, 10))))


def test_a_swap_of_channels_doubles_both_cues():
    signal = delayed(noise(), 7) * [[1.0], [0.5]]
    assert delta_itd_us(signal, signal[::-1], RATE) == pytest.approx(14 * SAMPLE_US, abs=1e-9)
    assert delta_ild_db(signal, signal[::-1]) == pytest.approx(2 * abs(ild_db(signal)), abs=1e-9)


def test_a_common_gain_and_polarity_move_neither_cue():
    signal = delayed(noise(), 7) * [[1.0], [0.5]]
    assert delta_itd_us(signal, -0.3 * signal, RATE) == 0.0
    assert delta_ild_db(signal, -0.3 * signal) == pytest.approx(0.0, abs=1e-9)


def test_reference_and_estimate_are_each_looked_at_on_their_own_length():
    signal = delayed(noise(2.0), 7)
    assert delta_itd_us(signal, signal[:, :RATE], RATE) == 0.0


TIME = np.arange(RATE // 2) / RATE
TONE = np.sin(2 * np.pi * 440 * TIME)
PULSE = (np.arange(RATE // 2) == 9000) * 1.0
FRAMES = {
    "noise": np.stack([noise(0.5), noise(0.5, seed=1)]),
    "delayed noise": delayed(noise(0.5), 13),
    "equal channels": np.stack([noise(0.5)] * 2),
    "inverted": noise(0.5) * [[1.0], [-1.0]],
    "tone": np.stack([TONE, np.sin(2 * np.pi * 440 * TIME + 0.3)]),
    "bass of 16 bits": np.round(np.stack([TONE[::2], TONE[1::2]]) * 3276) / 32768,
    "constant": np.full((2, RATE // 2), 0.5) * [[1.0], [0.3]],
    "one pulse": np.stack([PULSE, np.roll(PULSE, 10)]),
    "a pulse before and one behind": np.stack([PULSE, np.roll(PULSE, 10) + np.roll(PULSE, -10)]),
    "silent left": np.stack([0 * TIME, noise(0.5)]),
    "silent right": np.stack([noise(0.5), 0 * TIME]),
    "silence": np.zeros((2, RATE // 2)),
    "faint": delayed(noise(0.5), 3) * [[1.0], [1e-18]],
    "fainter": delayed(noise(0.5), 3) * [[1.0], [1e-40]],
    "loud": 1e18 * delayed(noise(0.5), 3),
    "far too loud": 1e60 * delayed(noise(0.5), 3),
}


def phat(frame, lag_count):
    """|GCC-PHAT| at the lags −lag_count … lag_count − 1, as the original has it."""
    size = 2 * frame.shape[1]
    spectra = fft.rfft(frame, size)
    spectra /= np.sqrt(spectra.real**2 + spectra.imag**2) + 1e-15
    correlation = np.abs(fft.irfft(spectra[0] * spectra[1].conj(), size))
    return np.concatenate([correlation[-lag_count:], correlation[:lag_count]])


@pytest.mark.parametrize("lag_count", [1, 44])
@pytest.mark.parametrize("name", FRAMES)
def test_the_lag_of_a_frame_is_that_of_the_whole_transform(name, lag_count):
    frame = FRAMES[name]
    search = interaural._PhatSearch(frame.shape[1], lag_count)
    for _ in range(2):  # nothing of a frame is left to the next
        search.frame[:] = frame
        assert search.lag() == phat(frame, lag_count).argmax()
        search.frame[:] = FRAMES["noise"][:, : frame.shape[1]]
        assert search.lag() == phat(search.frame, lag_count).argmax()


@pytest.mark.parametrize("name", [name for name in FRAMES if "loud" not in name])
def test_the_error_of_single_precision_stays_far_below_its_tolerance(name):
    frame = FRAMES[name]
    search = interaural._PhatSearch(frame.shape[1], 44)
    search.frame[:] = frame
    near = search._near(fft.rfft(search._padded))
    np.testing.assert_allclose(near, phat(frame, 44), rtol=0, atol=interaural.TOLERANCE / 5)


@pytest.mark.parametrize(
    ("name", "is_transformed"),
    [
        ("delayed noise", False),
        ("tone", False),
        ("a pulse before and one behind", True),
        ("silent right", True),
        ("far too loud", True),
    ],
)
def test_only_what_single_precision_leaves_open_is_transformed(name, is_transformed, monkeypatch):
    transformed, transform = [], interaural._PhatSearch._transformed
    monkeypatch.setattr(
        interaural._PhatSearch, "_transformed", lambda *arguments: transformed.append(1) or transform(*arguments)
    )
    search = interaural._PhatSearch(RATE // 2, 44)
    search.frame[:] = FRAMES[name]
    search.lag()
    assert bool(transformed) == is_transformed


@pytest.mark.slow
def test_every_golden_value_is_met(golden_folder):
    """ΔITD and ΔILD of the binaural paper's scripts."""
    spec = importlib.util.spec_from_file_location("golden_signals", golden_folder / "signals.py")
    signals = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(signals)
    pairs = json.loads((golden_folder / "expected.json").read_text())["pairs"]
    assert pairs
    for key, expected in pairs.items():
        name, seed = key.split("/")
        reference, estimate = signals.case(name, int(seed))
        assert itd_us(reference, RATE) == expected["itd_reference_us"], key
        if expected["delta_itd_us"] == "UnboundLocalError":
            with pytest.raises(ValueError, match="every frame is silent"):
                delta_itd_us(reference, estimate, RATE)
        else:
            assert delta_itd_us(reference, estimate, RATE) == expected["delta_itd_us"], key
        wanted = float(expected["delta_ild_db"])
        assert delta_ild_db(reference, estimate) == pytest.approx(wanted, abs=1e-9, nan_ok=True), key


def test_rows_hold_what_the_functions_return():
    reference, estimate = delayed(noise(), 7), delayed(noise(seed=1), 12) * [[1.0], [0.5]]
    rows = rows_of(Scene(RATE, reference, {"bass": reference}), {"bass": estimate})
    assert rows["bass", "ITD_difference"].value == delta_itd_us(reference, estimate, RATE) > 0
    assert rows["bass", "ILD_difference"].value == delta_ild_db(reference, estimate) > 0


@pytest.mark.parametrize(
    ("reference", "estimate", "note"),
    [
        ([1.0, 0.0], [1.0, 1.0], "the right channel of the reference is silent"),
        ([1.0, 1.0], [0.0, 1.0], "the left channel of the estimate is silent"),
        ([0.0, 0.0], [1.0, 1.0], "the reference is silent"),
        ([1.0, 1.0], [0.0, 0.0], "the estimate is silent"),
    ],
)
def test_silence_gives_nan_rows_that_say_why(reference, estimate, note):
    signal = delayed(noise(), 3)
    scene = Scene(RATE, signal, {"bass": signal * np.c_[reference], "drums": signal})
    rows = rows_of(scene, {"bass": signal * np.c_[estimate], "drums": signal})
    for name in ("ITD_difference", "ILD_difference"):
        assert math.isnan(rows["bass", name].value)
        assert rows["bass", name].note == note
        assert rows["drums", name].value == 0.0


@pytest.mark.parametrize(
    ("seconds", "gain", "note"), [(0.3, 1.0, "shorter than one frame"), (1.2, 1e-4, "every frame is silent")]
)
def test_a_track_without_an_itd_still_has_an_ild(seconds, gain, note):
    signal = gain * delayed(noise(seconds), 3)
    rows = rows_of(Scene(RATE, signal, {"bass": signal}), {"bass": signal * [[1.0], [0.5]]})
    assert math.isnan(rows["bass", "ITD_difference"].value)
    assert note in rows["bass", "ITD_difference"].note
    assert rows["bass", "ILD_difference"].value == pytest.approx(20 * math.log10(2))
