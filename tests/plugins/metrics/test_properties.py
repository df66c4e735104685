"""What each score promises under scale, swap, delay, polarity and permutation, and on any input at all."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from soundstage_metrics.bsseval import bss_eval
from soundstage_metrics.interaural import delta_ild_db, delta_itd_us, ild_db, itd_us
from soundstage_metrics.sdr import sdr, si_sdr
from soundstage_metrics.spauq import spauq

RATE = 2000
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
slow = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])

seeds = st.integers(0, 10_000)
factors = st.floats(1e-3, 1e3).flatmap(lambda size: st.sampled_from([size, -size]))


def pair(seed, seconds=2.2, level=0.1):
    """A stereo reference with some correlation between its channels, and a noisy, leaky estimate of it."""
    rng = np.random.default_rng(seed)
    shape = (2, int(seconds * RATE))
    reference = level * np.array([[1.0, 0.3], [0.2, 0.8]]) @ rng.standard_normal(shape)
    return reference, 0.9 * reference + 0.03 * rng.standard_normal(shape)


FUNCTIONS = {
    "sdr": sdr,
    "si_sdr": si_sdr,
    "si_sdr joint": lambda s, e: si_sdr(s, e, joint=True),
    "spauq ssr": lambda s, e: spauq(s, e, RATE).ssr,
    "spauq srr": lambda s, e: spauq(s, e, RATE).srr,
    "published ssr": lambda s, e: spauq(s, e, RATE, "published").ssr,
    "published srr": lambda s, e: spauq(s, e, RATE, "published").srr,
    "ΔITD": lambda s, e: delta_itd_us(s, e, RATE),
    "ΔILD": delta_ild_db,
}
DOCUMENTED = ValueError


def everywhere(names):
    return pytest.mark.parametrize("name", names)


@everywhere([name for name in FUNCTIONS if name != "ΔITD"])  # its lags are not symmetric: −44 … +43
@quick
@given(seed=seeds)
def test_swapping_the_channels_of_both_changes_no_score(name, seed):
    s, e = pair(seed)
    np.testing.assert_allclose(FUNCTIONS[name](s[::-1], e[::-1]), FUNCTIONS[name](s, e), atol=1e-6)


@everywhere([name for name in FUNCTIONS if name not in ("sdr", "ΔITD")])
@quick
@given(seed=seeds, factor=factors)
def test_scaling_both_alike_changes_no_score(name, seed, factor):
    s, e = pair(seed)
    np.testing.assert_allclose(FUNCTIONS[name](factor * s, factor * e), FUNCTIONS[name](s, e), atol=1e-6)


@everywhere(["si_sdr", "si_sdr joint", "spauq srr", "published srr", "ΔILD"])
@quick
@given(seed=seeds, factor=factors)
def test_these_do_not_care_for_the_estimates_scale_or_polarity(name, seed, factor):
    s, e = pair(seed)
    np.testing.assert_allclose(FUNCTIONS[name](s, factor * e), FUNCTIONS[name](s, e), atol=1e-6)


@quick
@given(seed=seeds, gain=st.floats(0.05, 20).filter(lambda gain: abs(gain - 1) > 1e-3))
def test_gain_counts_as_spatial_distortion_and_by_how_much(seed, gain):
    s, _ = pair(seed)
    for definition in ("projection", "published"):
        found = spauq(s, gain * s, RATE, definition)
        np.testing.assert_allclose(found.ssr, -20 * math.log10(abs(gain - 1)), atol=1e-6)
        np.testing.assert_allclose(found.srr, 80, atol=1e-6)


@quick
@given(seed=seeds, delay=st.integers(-60, 60))
def test_a_pure_delay_is_no_residual(seed, delay):
    s, _ = pair(seed, seconds=1.0)
    late = np.zeros_like(s)
    late[:, max(0, delay) : s.shape[1] + min(0, delay)] = s[:, max(0, -delay) : s.shape[1] - max(0, delay)]
    found = spauq(s, late, RATE)
    assert found.shift[0, 0, 0] == found.shift[1, 1, 0] == -delay
    np.testing.assert_allclose(found.srr, 80, atol=1e-6)


@quick
@given(seed=seeds)
def test_a_full_swap_is_a_spatial_error_and_nothing_else(seed):
    s, _ = pair(seed, seconds=1.0)
    found = spauq(s, s[::-1], RATE)
    lags = found.shift[..., 0]
    if lags[0, 1] == lags[1, 0] == lags[0, 0] == lags[1, 1] == 0:
        np.testing.assert_allclose(found.srr, 80, atol=1e-6)
        expected = 10 * np.log10(np.sum(s**2) / np.sum((s - s[::-1]) ** 2))
        np.testing.assert_allclose(found.ssr, expected, atol=1e-6)


@everywhere(FUNCTIONS)
@quick
@given(seed=seeds)
def test_a_perfect_estimate_is_never_beaten(name, seed):
    s, e = pair(seed)
    best, other = FUNCTIONS[name](s, s), FUNCTIONS[name](s, e)
    lower_is_better = name in ("ΔITD", "ΔILD")
    assert np.all(best <= other) if lower_is_better else np.all(best >= other)
    if lower_is_better:
        assert best == 0


@quick
@given(seed=seeds)
def test_cues_change_sign_when_the_ears_are_swapped(seed):
    s, _ = pair(seed)
    assert ild_db(s[::-1]) == pytest.approx(-ild_db(s), abs=1e-9)
    late = np.stack([s[0], np.roll(s[0], 1)])
    assert itd_us(late, RATE) == -1e6 / RATE
    assert itd_us(late[::-1], RATE) == 1e6 / RATE


LAYOUTS = {
    "float32": lambda x: x.astype(np.float32),
    "int16": lambda x: np.round(x * 20000).astype(np.int16),
    "fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: x[:, ::-1][:, ::-1],
    "read-only": lambda x: _frozen(x),
    "list": lambda x: x.tolist(),
}


def _frozen(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@everywhere(FUNCTIONS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_and_dtype_change_no_score(name, layout):
    s, e = (LAYOUTS[layout](x) for x in pair(3))
    plain = FUNCTIONS[name](np.array(s, float), np.array(e, float))
    np.testing.assert_array_equal(FUNCTIONS[name](s, e), plain)


finite = st.floats(-1e6, 1e6, allow_nan=False, width=64)
anything = arrays(np.float64, st.tuples(st.integers(0, 3), st.integers(0, 40)), elements=finite)


@everywhere(FUNCTIONS)
@quick
@given(reference=anything, estimate=anything, data=st.data())
def test_any_finite_input_scores_or_raises_the_documented_error(name, reference, estimate, data):
    if data.draw(st.booleans()):
        estimate = estimate[: reference.shape[0], : reference.shape[1]]
    try:
        found = np.asarray(FUNCTIONS[name](reference, estimate))
    except DOCUMENTED:
        return
    assert found.dtype == np.float64


@everywhere(FUNCTIONS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_not_finite_is_refused(name, bad, which):
    signals = [x.copy() for x in pair(0)]
    signals[which][1, 7] = bad
    with pytest.raises(DOCUMENTED, match="NaN or infinite"):
        FUNCTIONS[name](*signals)


@everywhere(FUNCTIONS)
def test_complex_and_boolean_arrays_are_refused(name):
    s, e = pair(0)
    for wrong in (e.astype(complex), e > 0, e.astype(str)):
        with pytest.raises(DOCUMENTED, match="real numbers"):
            FUNCTIONS[name](s, wrong)


@pytest.mark.slow
@slow
@given(seed=seeds, factor=st.sampled_from([-1.0, 0.1, 7.0]), order=st.permutations([0, 1, 2]))
@pytest.mark.heavy
def test_bss_eval_follows_permutation_and_ignores_common_scale(seed, factor, order):
    rng = np.random.default_rng(seed)
    references = 0.1 * rng.standard_normal((3, 2, 2000))
    estimates = references + 0.05 * references[[1, 2, 0]] + 0.01 * rng.standard_normal(references.shape)
    plain = bss_eval(references, estimates, 1000)
    moved = bss_eval(factor * references[order], factor * estimates[order], 1000)
    for one, other in zip(plain, moved, strict=True):
        np.testing.assert_allclose(other, one[order], atol=1e-6)


@slow
@given(shape=st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 60)), seed=seeds)
def test_bss_eval_of_any_shape_scores_or_raises_the_documented_error(shape, seed):
    rng = np.random.default_rng(seed)
    try:
        found = bss_eval(rng.standard_normal(shape), rng.standard_normal(shape), 20)
    except DOCUMENTED:
        return
    assert len({one.shape for one in found}) == 1
