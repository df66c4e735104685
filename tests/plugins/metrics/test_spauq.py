from __future__ import annotations

import importlib.util
import json
import math

import numpy as np
import pytest

from soundstage.scene import Scene
from soundstage_metrics.spauq import Spauq, SpauqPublished, spauq
from soundstage_metrics.spauq.frames import frame_bounds
from soundstage_metrics.spauq.gate import rejection_db

RATE = 2000
WINDOW, HOP, LAG = RATE, RATE // 2, RATE // 10


def noise(seconds=3.3, seed=0, rate=RATE):
    """Two channels that have something and not everything in common."""
    rng = np.random.default_rng(seed)
    return 0.1 * np.array([[1.0, 0.4], [-0.3, 0.8]]) @ rng.standard_normal((2, int(seconds * rate)))


def naive(reference, estimate, definition, window=WINDOW, hop=HOP, max_lag=LAG, gate=60.0):
    """SSR, SRR and shifts of every frame, written down word for word from the definition, one signal at a time."""
    samples = min(reference.shape[1], estimate.shape[1])
    cuts = [
        slice(index * hop, min(index * hop + window, samples))
        for index in range(math.ceil((samples - window) / hop) + 1)
    ]
    loudest = max(np.sum(reference[:, cut] ** 2) for cut in cuts)
    found = []
    for cut in cuts:
        s, e = reference[:, cut], estimate[:, cut]
        n, channels = s.shape[1], len(s)
        lag = np.zeros((channels, channels), int)
        for i in range(channels):
            for j in range(channels):
                if s[i].std() >= 1e-8 and e[j].std() >= 1e-8:
                    correlation = np.abs(np.correlate(s[i], e[j], "full"))[n - 1 - max_lag : n + max_lag]
                    lag[i, j] = correlation.argmax() - max_lag
        project = naive_defined if definition == "projection" else naive_published
        kept, p = project(s, e, lag)
        if definition == "projection" and np.sum(s**2) <= loudest * 10 ** (-gate / 10):
            found.append((math.nan, math.nan, lag))
            continue
        s, e = s[:, kept], e[:, kept]
        if definition == "projection" and not e.any():
            found.append((naive_snr(s, p - s), -80.0, lag))
            continue
        found.append((naive_snr(s, p - s), naive_snr(p, e - p), lag))
    ssr, srr, lags = zip(*found, strict=True)
    return np.array(ssr), np.array(srr), np.stack(lags, axis=-1)


def naive_snr(x, e):
    if not x.any() and not e.any():
        return 0.0
    with np.errstate(divide="ignore"):
        return 10 * math.log10(np.clip(np.mean(x**2) / np.mean(e**2), 1e-8, 1e8))


def naive_defined(s, e, lag):
    n = s.shape[1]
    kept = slice(max(0, -lag.min()), n - max(0, lag.max()))
    p = np.zeros_like(e[:, kept])
    for c in range(len(s)):
        r = np.stack([s[d, kept.start + lag[d, c] : kept.stop + lag[d, c]] for d in range(len(s))])
        p[c] = np.linalg.pinv(r @ r.T, rcond=1e-12, hermitian=True) @ (r @ e[c, kept]) @ r
    return kept, p


def naive_published(s, e, lag):
    start, stop = 0, s.shape[1]
    if lag.min() < 0:
        start = -lag.min()
        if lag.max() > 0:
            stop -= lag.max()
    elif lag.min() > 0:
        stop -= lag.max()
    kept = slice(start, stop)
    s, e = s[:, kept], e[:, kept]
    gram = s @ s.T
    p = np.zeros_like(s)
    for c in range(len(s)):
        if s[c].std() <= 1e-8 or e[c].std() <= 1e-8:
            continue
        if np.linalg.matrix_rank(gram) == len(s):
            row = np.linalg.lstsq(s.T, e[c], rcond=None)[0]
        else:
            row = np.linalg.solve(gram @ gram.T + 1e-6 * np.eye(len(s)), gram @ (s @ e[c]))
        p[c] = row.sum() * s[c]
    return kept, p


def shifted(signal, samples):
    """The signal `samples` later (earlier where negative), silence moving in."""
    moved = np.roll(signal, samples, axis=1)
    moved[:, : max(0, samples)] = 0.0
    moved[:, signal.shape[1] + min(0, samples) :] = 0.0
    return moved


def with_silence(signal, first, last):
    quiet = signal.copy()
    quiet[:, int(first * RATE) : int(last * RATE)] = 0.0
    return quiet


PAIRS = {
    "unrelated": (noise(), noise(seed=1)),
    "leaky": (noise(), noise() + 0.2 * noise(seed=1)),
    "late": (noise(), shifted(noise(), 13) + 0.01 * noise(seed=1)),
    "early": (noise(), shifted(noise(), -13) + 0.01 * noise(seed=1)),
    "channels apart": (noise(), np.stack([shifted(noise(), -9)[0], shifted(noise(), 21)[1]]) + 0.01 * noise(seed=1)),
    "crossed": (noise(), np.array([[0.9, 0.2], [0.1, 1.1]]) @ shifted(noise(), 4)),
    "swapped": (noise(), noise()[::-1]),
    "silent reference channel": (noise() * [[1], [0]], noise() * [[1], [0]] + 0.1 * noise(seed=1)),
    "silent estimate channel": (noise(), noise() * [[0], [0.7]]),
    "silent estimate": (noise(), 0 * noise()),
    "silence in both": (with_silence(noise(), 0.4, 2.1), 0.8 * with_silence(noise(), 0.4, 2.1)),
    "silence in the reference": (with_silence(noise(), 0.4, 2.1), noise()),
    "silence in the estimate": (noise(), with_silence(noise(), 0.4, 2.1)),
    "a quiet passage": (with_silence(noise(), 0.4, 2.1) + 2e-4 * noise(seed=7), noise() + 0.1 * noise(seed=1)),
    "a fainter passage": (with_silence(noise(), 0.4, 2.1) + 2e-3 * noise(seed=7), noise() + 0.1 * noise(seed=1)),
    "equal channels": (noise()[[0, 0]], noise()[[0, 0]] + 0.1 * noise(seed=1)),
    "constant channel": (noise() * [[1], [0]] + [[0], [0.3]], noise()),
    "quiet channel": (noise() * [[1], [1e-3]], noise() * [[1], [1e-3]] + 0.01 * noise(seed=1)),
    "different lengths": (noise(), 1.1 * noise(4.0)[:, :-7] + 0.2 * noise(4.0, seed=1)[:, :-7]),
    "one frame": (noise(1.0), noise(1.0) + noise(1.0, seed=1)),
    "one sample more": (noise(1.0005), noise(1.0005) + noise(1.0005, seed=1)),
}


@pytest.mark.parametrize("definition", ["projection", "published"])
@pytest.mark.parametrize("name", PAIRS)
def test_every_frame_agrees_with_the_definition_written_down_naively(name, definition):
    reference, estimate = PAIRS[name]
    ssr, srr, lags = naive(reference, estimate, definition)
    found = spauq(reference, estimate, RATE, definition)
    assert np.array_equal(found.shift, lags)
    np.testing.assert_allclose(found.ssr, ssr, atol=1e-6)
    np.testing.assert_allclose(found.srr, srr, atol=1e-6)
    assert not found.near_singular.any()


@pytest.mark.parametrize("definition", ["projection", "published"])
def test_one_and_three_channels_are_scored_too(definition):
    rng = np.random.default_rng(0)
    for channels in (1, 3):
        s = rng.standard_normal((channels, 2 * RATE))
        e = shifted(s, 3) + 0.3 * rng.standard_normal(s.shape)
        ssr, srr, _ = naive(s, e, definition)
        found = spauq(s, e, RATE, definition)
        np.testing.assert_allclose(found.ssr, ssr, atol=1e-6)
        np.testing.assert_allclose(found.srr, srr, atol=1e-6)


@pytest.mark.parametrize("definition", ["projection", "published"])
@pytest.mark.parametrize(("window", "hop", "max_lag"), [(0.5, 0.5, 0.1), (0.25, 0.2, 0.0), (1.5, 0.3, 0.5)])
def test_window_hop_and_longest_lag_are_parameters(definition, window, hop, max_lag):
    reference, estimate = PAIRS["channels apart"]
    ssr, srr, lags = naive(reference, estimate, definition, *(round(t * RATE) for t in (window, hop, max_lag)))
    found = spauq(reference, estimate, RATE, definition, window, hop, max_lag)
    assert np.array_equal(found.shift, lags)
    np.testing.assert_allclose(found.ssr, ssr, atol=1e-6)
    np.testing.assert_allclose(found.srr, srr, atol=1e-6)


@pytest.mark.parametrize("definition", ["projection", "published"])
@pytest.mark.parametrize("gain", [1.0, 1e-3, 7.0, 3e4])
def test_identity_sits_at_both_ceilings_at_every_level(definition, gain):
    found = spauq(gain * noise(), gain * noise(), RATE, definition)
    assert np.all(found.ssr == 80)
    assert np.all(found.srr == 80)
    assert found.medians() == (80.0, 80.0)


def frames_of(signal, found, keep=lambda low, high, n: slice(max(0, -low), n - max(0, high))):
    """The kept samples of each frame."""
    for index, lag in enumerate(np.moveaxis(found.shift, -1, 0)):
        frame = signal[:, index * HOP : min(index * HOP + WINDOW, signal.shape[1])]
        yield frame[:, keep(lag.min(), lag.max(), frame.shape[1])]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_swap_of_channels_is_all_spatial(seed):
    s = noise(seed=seed)
    found = spauq(s, s[::-1], RATE)
    expected = [10 * math.log10(np.sum(x**2) / np.sum((x - x[::-1]) ** 2)) for x in frames_of(s, found)]
    assert np.all(found.srr == 80)
    np.testing.assert_allclose(found.ssr, expected, atol=1e-9)


def test_by_the_published_definition_a_swap_is_not_spatial():
    assert np.all(np.abs(spauq(noise(), noise()[::-1], RATE, "published").srr) < 10)
    s = np.random.default_rng(0).standard_normal(2 * RATE)
    late = np.stack([s, shifted(s[None], 7)[0]])
    assert np.all(spauq(late, late[::-1], RATE, "published").ssr > 40)


@pytest.mark.parametrize("delay", [-150, -3, 1, 20, 150])
def test_a_delay_leaves_no_residual(delay):
    s = noise()
    estimate = shifted(s, delay)
    found = spauq(s, estimate, RATE)
    assert np.all(found.shift[[0, 1], [0, 1]] == -delay)
    assert np.all(found.srr == 80)
    kept = zip(frames_of(s, found), frames_of(estimate, found), strict=True)
    expected = [10 * math.log10(np.sum(x**2) / np.sum((x - y) ** 2)) for x, y in kept]
    np.testing.assert_allclose(found.ssr, expected, atol=1e-9)


@pytest.mark.parametrize("definition", ["projection", "published"])
@pytest.mark.parametrize("gain", [0.5, 0.99, 1.2, -1.0])
def test_a_gain_costs_ssr_what_its_error_is(definition, gain):
    found = spauq(noise(), gain * noise(), RATE, definition)
    np.testing.assert_allclose(found.ssr, -20 * math.log10(abs(gain - 1)), atol=1e-9)
    assert np.all(found.srr == 80)


def test_independent_noise_is_residual_at_its_level():
    rng = np.random.default_rng(3)
    s = rng.standard_normal((2, 20 * RATE))
    found = spauq(s, s + 0.1 * rng.standard_normal(s.shape), RATE)
    assert found.medians()[1] == pytest.approx(20.0, abs=0.3)
    assert found.medians()[0] > 40


@pytest.mark.parametrize("ratio", [0.5, 0.63, -0.7, 1e-3])
def test_the_defined_projection_of_panned_mono_is_exact(ratio):
    line = noise()[:1]
    s = np.vstack([line, ratio * line])
    for estimate, ssr in ((s, 80.0), (0.9 * s, 20.0)):
        found = spauq(s, estimate, RATE)
        np.testing.assert_allclose(found.ssr, ssr, atol=1e-6)
        assert np.all(found.srr == 80)
        assert not found.near_singular.any()


@pytest.mark.parametrize("depth", [1e-4, 1e-5, 1e-6, 1e-7])
def test_the_defined_projection_stays_exact_where_channels_nearly_depend_on_each_other(depth):
    s = np.vstack([noise()[:1], 0.6 * noise()[:1]]) + depth * noise(seed=5)
    found = spauq(s, s[::-1], RATE)
    expected = [10 * math.log10(np.sum(x**2) / np.sum((x - x[::-1]) ** 2)) for x in frames_of(s, found)]
    assert np.all(found.srr == 80)
    np.testing.assert_allclose(found.ssr, expected, atol=1e-6)


@pytest.mark.parametrize("ratio", [0.5, 0.63, -0.7, 1.01])
def test_panned_mono_is_flagged_by_the_published_definition(ratio):
    line = noise()[:1]
    s = np.vstack([line, ratio * line])
    for estimate in (0.9 * s, s + 0.1 * noise(seed=1)):
        assert spauq(s, estimate, RATE, "published").near_singular.all()


@pytest.mark.parametrize("gains", [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0)])
def test_equal_and_silent_channels_are_not_flagged(gains):
    s = noise()[:1] * np.array(gains)[:, None]
    for estimate in (s, 0.9 * s, s + 0.1 * noise(seed=1), noise(seed=2)):
        assert not spauq(s, estimate, RATE, "published").near_singular.any()


def worst_move(reference, estimate):
    """The flags, and how far SSR and SRR of every frame move under gains that a real number would not notice."""
    found = spauq(reference, estimate, RATE, "published")
    moves = np.zeros(len(found.ssr))
    for gain in (1 + 1e-9, math.pi, 0.1):
        again = spauq(gain * reference, gain * estimate, RATE, "published")
        moves = np.maximum(moves, np.maximum(np.abs(again.ssr - found.ssr), np.abs(again.srr - found.srr)))
    return found.near_singular, moves


@pytest.mark.slow
def test_what_is_not_flagged_is_stable_and_what_is_flagged_breaks_where_depth_is_between():
    flagged, trusted = [], []
    for ratio in (0.5, 0.63, 1.001, 1.0, -0.7):
        for depth in 10.0 ** -np.arange(2, 8, 0.5):
            s = np.vstack([noise()[:1], ratio * noise()[:1]]) + depth * noise(seed=5)
            for estimate in (s, s * [[1], [0.9]], s + 0.1 * noise(seed=1), 1.0002 * s + 1e-4 * noise(seed=1)):
                is_flagged, moves = worst_move(s, estimate)
                trusted.extend(moves[~is_flagged])
                flagged.extend(moves[is_flagged])
    assert len(trusted) > 500
    assert max(trusted) < 1e-3
    assert len(flagged) > 100
    assert np.median(flagged) > 1e-3


def test_a_perfect_estimate_of_panned_mono_shows_why_it_is_flagged():
    """Rank-deficient, and the value is stable but means nothing: the minimum-norm row does not sum to one."""
    line = noise()[:1]
    s = np.vstack([line, 0.5 * line])
    found = spauq(s, s, RATE, "published")
    assert found.near_singular.all()
    assert np.all(found.ssr < 20)


@pytest.mark.parametrize("level", [0.0, 1e-9, 1e-4, 1.0])
def test_frames_in_which_the_reference_is_silent_are_left_out_by_the_definition_whatever_the_estimate(level):
    s = with_silence(noise(), 0.4, 2.1)
    estimate = s + level * noise(seed=8)
    defined, published = spauq(s, estimate, RATE), spauq(s, estimate, RATE, "published")
    silent = np.isnan(defined.ssr)
    assert np.flatnonzero(silent).tolist() == [1, 2]
    assert np.array_equal(silent, ~defined.sounds)
    assert np.array_equal(np.isnan(defined.srr), silent)
    assert np.all(published.ssr[silent] == 0)
    assert np.all(published.srr[silent] == (-80 if level > 1e-8 else 0 if level == 0 else published.srr[silent]))


def test_the_gate_is_a_parameter():
    s = with_silence(noise(), 0.4, 2.1) + 1e-3 * noise(seed=7)
    sounding = [int(spauq(s, s, RATE, gate=gate).sounds.sum()) for gate in (90.0, 60.0, 40.0)]
    assert sounding[0] == 6
    assert sounding[2] == 4
    assert sounding == sorted(sounding, reverse=True)


@pytest.mark.parametrize("level", [1.0, 1e-3])
def test_an_estimate_that_is_silent_where_the_reference_sounds_is_at_the_floor_of_srr(level):
    found = spauq(level * noise(), 0 * noise(), RATE)
    assert np.all(found.ssr == 0)
    assert np.all(found.srr == -80)
    assert spauq(level * noise(), noise(seed=1), RATE).medians()[1] > -80


@pytest.mark.parametrize("level_db", [-20.0, -45.0, -70.0])
def test_rejection_is_what_is_heard_where_the_reference_is_silent_against_the_sources_level(level_db):
    rng = np.random.default_rng(0)
    s = np.concatenate([rng.standard_normal((2, 4 * RATE)), np.zeros((2, 4 * RATE))], axis=1)
    leak = 10 ** (level_db / 20) * rng.standard_normal(s.shape)
    found = spauq(s, s + leak, RATE)
    # The frame that straddles the end sounds for half of its length, and counts with the source's own.
    assert found.rejection == pytest.approx(-level_db + 10 * math.log10(4 / 4.5), abs=0.1)
    assert spauq(s, s, RATE).rejection == spauq(s, 0 * s, RATE).rejection == 80.0


def test_nothing_leaks_less_than_the_reference_itself_nor_where_it_never_is_silent():
    s = with_silence(noise(), 0.4, 2.1) + 2e-4 * noise(seed=7)
    own = spauq(s, s, RATE).rejection
    assert 60 < own < 80
    assert spauq(s, with_silence(s, 0.4, 2.1), RATE).rejection == own
    assert spauq(s, 0 * s, RATE).rejection == own
    assert math.isnan(spauq(noise(), noise(seed=1), RATE).rejection)


@pytest.mark.parametrize("seed", range(5))
def test_samples_that_several_silent_frames_share_count_once_in_the_rejection(seed):
    rng = np.random.default_rng(seed)
    s, e = rng.standard_normal((2, 2, 1000)) * np.repeat(10.0 ** rng.integers(-2, 1, (2, 1, 20)), 50, axis=2)
    bounds = frame_bounds(1000, 100, 40)
    sounds = rng.random(len(bounds)) < 0.5
    heard, missed = np.zeros((2, 1000), dtype=bool)
    for (start, stop), one in zip(bounds, sounds, strict=True):
        (heard if one else missed)[start:stop] = True
    leaked = max(np.mean(s[:, missed] ** 2), np.mean(e[:, missed] ** 2))
    expected = 10 * math.log10(np.mean(s[:, heard] ** 2) / leaked)
    assert rejection_db(s, e, bounds, sounds) == pytest.approx(expected, abs=1e-12)


def test_silence_throughout_gives_what_the_original_gives():
    silence = np.zeros((2, 2 * RATE))
    assert spauq(silence, silence, RATE, "published").medians() == (0.0, 0.0)
    assert spauq(silence, noise(2.0), RATE, "published").medians() == (0.0, -80.0)
    for estimate in (silence, noise(2.0)):
        found = spauq(silence, estimate, RATE)
        assert all(math.isnan(value) for value in (*found.medians(), found.rejection))


def test_integers_float32_and_read_only_views_are_taken():
    pcm = np.round(noise() * 32767).astype(np.int16)
    estimate = np.asfortranarray(pcm.astype(np.float32) * 0.5)
    estimate.flags.writeable = False
    found = spauq(pcm, estimate, RATE)
    np.testing.assert_allclose(found.ssr, 20 * math.log10(2), atol=1e-9)


@pytest.mark.parametrize("definition", ["projection", "published"])
def test_where_the_lags_leave_no_sample_there_is_no_value(definition):
    first, last = np.eye(20)[[0, 19]]
    found = spauq([first, last], [last, first], 20, definition, 1.0, 0.5, 1.0)
    assert found.shift[..., 0].tolist() == [[-19, 0], [0, 19]]
    assert np.isnan([found.ssr, found.srr]).all()
    assert np.isnan(found.medians()).all()
    assert not found.near_singular.any()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((noise(0.9), noise(0.9), RATE), "1800 samples are shorter than one window of 2000"),
        ((noise(), noise()[:1], RATE), "estimate"),
        ((noise(), noise(), RATE, "original"), "definition is 'projection' or 'published'"),
        ((noise(), noise(), 0), "0 < rate"),
        ((noise(), noise(), RATE, "projection", 0.5, 1.0), "0 < hop ≤ window"),
        ((noise(), noise(), RATE, "projection", 1.0, 0.5, -0.1), "0 ≤ max_lag"),
        ((noise(), noise(), RATE, "projection", 1.0, 0.5, 0.1, 0.0), "0 < gate"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        spauq(*arguments)


def golden(golden_folder):
    spec = importlib.util.spec_from_file_location("golden_signals", golden_folder / "signals.py")
    signals = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(signals)
    for key, expected in json.loads((golden_folder / "expected.json").read_text())["pairs"].items():
        name, seed = key.split("/")
        yield key, *signals.case(name, int(seed)), expected["spauq_published"]


@pytest.mark.slow
def test_the_published_definition_meets_every_golden_frame(golden_folder):
    """The package's main branch: frames, shifts, scales and track medians; nothing there is near-singular."""
    for key, reference, estimate, expected in golden(golden_folder):
        found = spauq(reference, estimate, 44100, "published")
        np.testing.assert_allclose(found.ssr, expected["SSR_frames"], atol=1e-6, rtol=0, err_msg=key)
        np.testing.assert_allclose(found.srr, expected["SRR_frames"], atol=1e-6, rtol=0, err_msg=key)
        np.testing.assert_allclose(found.scale, expected["scale_frames"], atol=1e-8, rtol=0, err_msg=key)
        assert np.array_equal(found.shift, expected["shift_frames"]), key
        assert found.medians() == pytest.approx((expected["SSR"], expected["SRR"]), abs=1e-6), key
        assert not found.near_singular.any(), key


@pytest.fixture(scope="module")
def music(shared):
    soundfile = pytest.importorskip("soundfile")
    folder = shared / "real/musdb18hq-layout/test/Lithium"
    return {
        stem: np.ascontiguousarray(soundfile.read(folder / f"{stem}.wav", start=200_000, stop=350_000)[0].T)
        for stem in ("vocals", "drums", "bass")
    }


@pytest.mark.parametrize("definition", ["projection", "published"])
def test_real_music_agrees_with_the_naive_definition(music, definition):
    """At an eighth of the rate, where direct correlation is quick."""
    s, leak = (music[stem][:, ::8] for stem in ("vocals", "drums"))
    rate = 44100 // 8
    e = np.array([[0.9, 0.1], [0.0, 1.1]]) @ shifted(s, 5) + 0.1 * leak
    ssr, srr, lags = naive(s, e, definition, rate, round(0.5 * rate), round(0.1 * rate))
    found = spauq(s, e, rate, definition)
    assert np.array_equal(found.shift, lags)
    trusted = ~found.near_singular
    assert trusted.any()
    np.testing.assert_allclose(found.ssr[trusted], ssr[trusted], atol=1e-5)
    np.testing.assert_allclose(found.srr[trusted], srr[trusted], atol=1e-5)


def test_real_music_keeps_its_ceilings_and_loses_srr_with_bleed(music):
    s = music["drums"]
    for definition in ("projection", "published"):
        assert spauq(s, s, 44100, definition).medians() == (80.0, 80.0)
        srr = [spauq(s, s + level * music["vocals"], 44100, definition).medians()[1] for level in (0.01, 0.1, 1.0)]
        assert srr == sorted(srr, reverse=True)
        assert 30 < srr[0] - srr[2] < 50
    swapped = spauq(s, s[::-1], 44100)
    assert np.all(swapped.srr == 80)


def rows_of(metric, scene, estimates):
    return list(metric.prepare(scene)(estimates))


@pytest.mark.parametrize(("metric", "definition"), [(Spauq(), "projection"), (SpauqPublished(), "published")])
def test_rows_are_the_medians_and_every_frame(metric, definition):
    reference, estimate = noise(), noise() + 0.2 * noise(seed=1)
    rows = rows_of(metric, Scene(RATE, estimate, {"bass": reference}), {"bass": estimate})
    found = spauq(reference, estimate, RATE, definition)
    track = {row.name: row.value for row in rows if row.frame is None}
    assert (track["SSR"], track["SRR"]) == found.medians()
    for name, values in (("SSR", found.ssr), ("SRR", found.srr)):
        assert [row.value for row in rows if row.name == name and row.frame is not None] == values.tolist()
        assert [row.frame for row in rows if row.name == name] == [None, *range(len(values))]
    assert all(row.ranked and not row.note for row in rows if row.name != "rejection")


@pytest.mark.parametrize("metric", [Spauq(), SpauqPublished()])
def test_a_silent_source_and_a_short_scene_get_nan_rows_that_say_why(metric):
    scene = Scene(RATE, noise(), {"vocals": 0 * noise(), "bass": noise()})
    rows = rows_of(metric, scene, {"vocals": noise(), "bass": noise()})
    vocals = [row for row in rows if row.source == "vocals"]
    assert [(row.name, row.frame, row.note) for row in vocals] == [
        (name, None, "the reference is silent") for name in metric.measures
    ]
    assert all(math.isnan(row.value) for row in vocals)
    assert {row.value for row in rows if row.source == "bass" and row.name != "rejection"} == {80.0}
    short = rows_of(metric, Scene(RATE, noise(0.9), {"bass": noise(0.9)}), {"bass": noise(0.9)})
    assert [row.note for row in short] == ["shorter than one window of 1 s"] * len(metric.measures)


def test_frames_in_which_the_reference_is_silent_are_rows_that_say_so_and_are_counted():
    s = with_silence(noise(), 0.4, 2.1)
    for estimate in (s, noise(seed=1), 0 * s):
        rows = rows_of(Spauq(), Scene(RATE, s, {"bass": s}), {"bass": estimate})
        silent = [row for row in rows if math.isnan(row.value)]
        assert [(row.name, row.frame) for row in silent] == [("SSR", 1), ("SSR", 2), ("SRR", 1), ("SRR", 2)]
        assert {row.note for row in silent} == {"the reference is silent here"}
        track = {row.name: row for row in rows if row.frame is None}
        note = "without 2 of 6 frames, in which the reference is silent"
        assert [track[name].note for name in ("SSR", "SRR", "rejection")] == [note, note, ""]
    always = rows_of(Spauq(), Scene(RATE, noise(), {"bass": noise()}), {"bass": noise()})
    rejection = [row for row in always if row.name == "rejection"]
    assert [(row.frame, row.note) for row in rejection] == [(None, "the reference sounds in every frame")]
    assert math.isnan(rejection[0].value)


def often_silent(seconds=9.0):
    """A source that is silent in two thirds of its frames, and another that never is."""
    return with_silence(noise(seconds), 3, seconds), noise(seconds, seed=4)


def track_rows(metric, source, estimate, *others):
    scene = Scene(RATE, sum(others, source), {"vocals": source})
    return {row.name: row for row in rows_of(metric, scene, {"vocals": estimate}) if row.frame is None}


def test_on_a_source_that_is_often_silent_noise_that_nobody_hears_decides_nothing():
    vocals, band = often_silent()
    estimate = np.array([[0.8, 0.1], [0.0, 0.9]]) @ vocals + 0.05 * with_silence(band, 3, 9)
    unheard = 10 ** (-150 / 20) * noise(9.0, seed=5) / 0.1
    plain, dithered = (track_rows(Spauq(), vocals, one) for one in (estimate, estimate + unheard))
    for name in ("SSR", "SRR"):
        assert dithered[name].value == pytest.approx(plain[name].value, abs=0.1)
        assert 5 < plain[name].value < 40
        assert track_rows(Spauq(), vocals, vocals)[name].value == 80.0
    silence = track_rows(Spauq(), vocals, 0 * vocals)
    assert (silence["SSR"].value, silence["SRR"].value) == (0.0, -80.0)
    assert track_rows(Spauq(), vocals, vocals + 3 * band)["SRR"].value > -30
    assert track_rows(Spauq(), vocals, estimate + 0.1 * band)["rejection"].value == pytest.approx(20.0, abs=1.0)


def test_published_rows_that_silent_frames_decide_keep_their_numbers_and_are_not_ranked():
    vocals, band = often_silent()
    note = "set by the 11 of 17 frames in which the reference is silent"
    for estimate, srr in ((vocals, 0.0), (vocals + 0.1 * band, -80.0)):
        rows = track_rows(SpauqPublished(), vocals, estimate)
        assert [(row.value, row.ranked, row.note) for row in rows.values()] == [(0.0, False, note), (srr, False, note)]
    seldom = with_silence(noise(9.0), 7, 9)
    rows = track_rows(SpauqPublished(), seldom, seldom)
    assert [(row.value, row.ranked, row.note) for row in rows.values()] == [(80.0, True, "")] * 2


@pytest.mark.parametrize("bits", [16, 24])
def test_panned_stems_of_a_file_are_set_by_the_noise_of_its_bit_depth_and_say_so(bits):
    line, step = noise()[:1], 2.0 ** (1 - bits)
    stem = np.round(np.vstack([line, 0.6 * line]) / step) * step
    estimate = stem + 0.1 * noise(seed=1)
    rows = rows_of(SpauqPublished(), Scene(RATE, stem, {"bass": stem}), {"bass": estimate})
    assert not any(row.ranked for row in rows)
    track = [row for row in rows if row.frame is None]
    assert [row.note for row in track] == [f"set by {bits}-bit noise: dependent channels in 6 of 6 frames"] * 2
    assert {row.note for row in rows if row.frame is not None} == {f"set by {bits}-bit noise"}
    moved = [spauq(stem + step * draw, estimate, RATE, "published").medians()[0] for draw in one_step_draws(stem)]
    assert max(moved) - min(moved) > 0.5


@pytest.mark.parametrize("gains", [(1.0, 0.0), (0.0, 1.0), (1.0, 0.5)])
def test_the_mean_of_channels_of_a_file_panned_hard_or_by_half_is_set_by_the_noise_of_the_file(gains):
    """The mean of two channels lies on half steps, and nothing has taken it off them: it is still a file of 16 bits."""
    stem = np.round(noise() * 2**15).mean(axis=0) / 2**15 * np.array(gains)[:, None]
    estimate = stem + 0.1 * noise(seed=1)
    rows = track_rows(SpauqPublished(), stem, estimate)
    assert {(row.ranked, row.note) for row in rows.values()} == {
        (False, "set by 16-bit noise: dependent channels in 6 of 6 frames")
    }
    moved = [spauq(stem + draw / 2**15, estimate, RATE, "published").medians()[0] for draw in one_step_draws(stem)]
    assert max(moved) - min(moved) > 0.5


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_equal_channels_are_not_set_by_noise(sign):
    stem = np.round(noise()[:1] * 2**15) / 2**15 * np.ones((2, 1))
    estimate = sign * stem + 0.1 * noise(seed=1)
    assert all(row.ranked for row in track_rows(SpauqPublished(), stem, estimate).values())


def one_step_draws(stem, count=3):
    return [np.random.default_rng(seed).integers(-1, 2, stem.shape) for seed in range(count)]


@pytest.mark.parametrize("depth", [0.3, 0.03, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4])
@pytest.mark.parametrize("leak", [1.0, 0.1, 0.01])
def test_what_is_ranked_stays_where_it_is_when_the_last_bit_of_the_stems_changes(depth, leak):
    """Rounding has an RMS of LSB / √12 and may move it by 0.25 dB; ±1 LSB has one of LSB · √(2/3), √8 as much."""
    line = noise()[:1]
    stem = np.round((np.vstack([line, 0.6 * line]) + depth * noise(seed=5)) * 2**15) / 2**15
    estimate = stem + leak * noise(seed=1)
    rows = track_rows(SpauqPublished(), stem, estimate)
    for draw in one_step_draws(stem):
        for name, again in track_rows(SpauqPublished(), stem + draw / 2**15, estimate).items():
            assert not rows[name].ranked or abs(again.value - rows[name].value) < 0.25 * math.sqrt(8)


def test_independent_channels_are_not_flagged_for_their_bit_depth():
    for level in (1.0, 0.1, 0.03):
        stem = np.round(level * noise() * 2**15) / 2**15
        for estimate in (stem, 0.9 * stem, stem + level * noise(seed=1)):
            assert all(row.ranked for row in track_rows(SpauqPublished(), stem, estimate).values())


def test_a_near_singular_source_is_shown_and_not_ranked():
    s = noise()
    s[1, : int(1.5 * RATE)] = 0.5 * s[0, : int(1.5 * RATE)]
    scene = Scene(RATE, s, {"bass": s, "drums": noise(seed=1)})
    estimates = {"bass": s + 0.1 * noise(seed=2), "drums": noise(seed=1)}
    rows = rows_of(SpauqPublished(), scene, estimates)
    track = [row for row in rows if row.source == "bass" and row.frame is None]
    assert [(row.name, row.ranked, row.note) for row in track] == [
        ("SSR", False, "set by 16-bit noise: dependent channels in 2 of 6 frames"),
        ("SRR", False, "near-singular channel Gram in 2 of 6 frames: the published SSR/SRR is rounding noise"),
    ]
    assert all(math.isfinite(row.value) for row in rows)
    frames = {row.frame for row in rows if row.source == "bass" and row.frame is not None and not row.ranked}
    assert frames == {0, 1}
    assert all(row.ranked for row in rows if row.source == "drums")
    assert all(row.ranked for row in rows_of(Spauq(), scene, estimates))


@pytest.mark.heavy
@pytest.mark.parametrize(("song", "source"), [("Lithium", "other"), ("Sodium", "bass")])
def test_on_real_sources_that_are_silent_in_most_frames_unheard_noise_decides_nothing(shared, song, source):
    from soundstage_datasets.musdb18hq import Musdb18hq
    from soundstage_separators.oracles import Irm

    track = Musdb18hq(shared / "real" / "musdb18hq-layout").load(song)
    mixture = sum(track.stems.values())
    scene = Scene(track.rate, mixture, track.stems)
    irm = Irm().separate(mixture, track.rate, references=track.stems)[source]
    unheard = 10 ** (-150 / 20) * np.random.default_rng(0).standard_normal(mixture.shape)
    estimates = {
        "reference": track.stems[source],
        "irm": irm,
        "noisy irm": irm + unheard,
        "mixture": mixture,
        "silence": 0 * mixture,
    }
    found = {
        name: {row.name: row for row in rows_of(Spauq(), scene, {source: estimate}) if row.frame is None}
        for name, estimate in estimates.items()
    }
    silent, frames = map(int, found["irm"]["SSR"].note.split()[1:4:2])
    assert silent > frames / 2
    for name in ("SSR", "SRR"):
        assert found["reference"][name].value == 80.0
        assert found["noisy irm"][name].value == pytest.approx(found["irm"][name].value, abs=0.1)
        assert found["silence"][name].value < found["irm"][name].value
        assert {rows[name].note for rows in found.values()} == {found["irm"][name].note}
    assert found["silence"]["SRR"].value < found["mixture"]["SRR"].value
    rejection = {name: rows["rejection"].value for name, rows in found.items()}
    assert max(rejection.values()) == rejection["reference"]
    assert rejection["reference"] > 60
    assert rejection["mixture"] < 0
