"""One definition of silence in every metric: by energy, as energies are what is divided."""

from __future__ import annotations

import math

import numpy as np
import pytest

from soundstage.scene import Scene
from soundstage_metrics import validate
from soundstage_metrics.bsseval import BssEval
from soundstage_metrics.community import Community
from soundstage_metrics.cues import Cues
from soundstage_metrics.energies import Energies
from soundstage_metrics.interaural import Interaural, ild_db
from soundstage_metrics.localization import Localization
from soundstage_metrics.sdr import Sdr, SiSdr, si_sdr
from soundstage_metrics.spauq import Spauq, SpauqPublished, spauq

RATE = 4000
METRICS = {
    "sdr": Sdr(),
    "si_sdr": SiSdr(),
    "si_sdr joint": SiSdr(joint=True),
    "spauq": Spauq(),
    "spauq_published": SpauqPublished(),
    "bsseval": BssEval(),
    "interaural": Interaural(),
    "cues": Cues(),
    "localization": Localization(law="panning"),
    "energies": Energies(),
    "community": Community(),
}
everywhere = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "bsseval" else name for name in METRICS]
)


def noise(seconds=2.0, seed=0, level=0.1):
    return level * np.random.default_rng(seed).standard_normal((2, int(seconds * RATE)))


def rows_of(metric, references, estimates):
    scene = Scene(RATE, sum(references.values()), references)
    return {(row.source, row.name, row.frame): row for row in metric.prepare(scene)(estimates)}


def same(rows, others):
    assert rows.keys() == others.keys()
    for key, row in rows.items():
        assert (row.note, row.ranked) == (others[key].note, others[key].ranked), key
        assert row.value == pytest.approx(others[key].value, abs=1e-6, nan_ok=True), key


def test_silence_is_where_the_energy_is_not_where_the_samples_are_zero():
    for level, is_silent in ((0.0, True), (5e-324, True), (1e-170, True), (1e-77, True), (1e-70, False), (1.0, False)):
        assert validate.is_silent(np.full((2, 100), level)) is is_silent
        assert validate.silent_channels(np.full((1, 100), level)) == ([0] if is_silent else [])


@everywhere
@pytest.mark.parametrize("level", [1e-170, *(pytest.param(one, marks=pytest.mark.heavy) for one in (1e-80, 5e-324))])
def test_a_source_below_silence_scores_as_zeros_do_and_takes_nothing_from_the_others(name, level):
    loud, quiet = noise(), noise(seed=1, level=level)
    estimates = {"a": 0.9 * loud + 0.01 * noise(seed=2), "b": 0.9 * quiet}
    rows = rows_of(METRICS[name], {"a": loud, "b": quiet}, estimates)
    same(rows, rows_of(METRICS[name], {"a": loud, "b": 0 * quiet}, estimates))
    whole = [row for (source, _, frame), row in rows.items() if source == "b" and frame is None]
    assert {row.note for row in whole} == {"the reference is silent"}
    assert all(math.isnan(row.value) for row in whole)
    assert any(math.isfinite(row.value) for (source, _, frame), row in rows.items() if source == "a" and frame is None)


@everywhere
@pytest.mark.parametrize("side", ["reference", "estimate", "both"])
@pytest.mark.parametrize("channels", [[1], [0, 1]])
def test_channels_below_silence_score_as_zeros_do(name, side, channels):
    def rows(size):
        reference, estimate = noise(), noise() + 0.1 * noise(seed=1)
        for signal, what in ((reference, "reference"), (estimate, "estimate")):
            if side in (what, "both"):
                signal[channels] = size * noise(seed=3)[channels]
        return rows_of(METRICS[name], {"a": reference}, {"a": estimate})

    same(rows(1e-161), rows(0.0))


@everywhere
def test_frames_below_silence_score_as_zeros_do(name):
    def rows(level):
        reference, estimate = noise(4.0), noise(4.0) + 0.1 * noise(4.0, seed=1)
        reference[:, RATE : 3 * RATE] *= level
        estimate[:, RATE : 3 * RATE] *= level
        return rows_of(METRICS[name], {"a": reference}, {"a": estimate})

    same(rows(1e-170), rows(0.0))


def decaying(seconds=17, per_second=1e-20):
    """A stem that falls through everything that 64 bits can hold, by a factor a second."""
    samples = noise(seconds)
    return samples * per_second ** (np.arange(samples.shape[1]) / RATE)


@pytest.mark.parametrize(
    ("name", "measure", "value"),
    [
        pytest.param("bsseval", "SDR", 20 * math.log10(2), marks=pytest.mark.slow),
        ("spauq", "SSR", 20 * math.log10(2)),
        ("spauq", "SRR", 80.0),
        ("si_sdr", "SI-SDR", 100.0),
    ],
)
def test_a_decaying_stem_at_half_its_level_scores_what_every_sounding_frame_of_it_does(name, measure, value):
    stem = decaying()
    rows = rows_of(METRICS[name], {"a": stem}, {"a": 0.5 * stem})
    assert rows["a", measure, None].value == pytest.approx(value, abs=0.02)
    frames = [row.value for (_, found, frame), row in rows.items() if found == measure and frame is not None]
    known = [frame for frame in frames if not math.isnan(frame)]
    np.testing.assert_allclose(known, value, atol=0.5)


@pytest.mark.parametrize("definition", ["projection", "published"])
def test_what_falls_through_all_that_64_bits_hold_overflows_nowhere(definition):
    for estimate in (decaying(), 0.5 * decaying()[::-1], noise(17)):
        found = spauq(decaying(), estimate, RATE, definition)
        values = np.concatenate([found.ssr, found.srr])
        assert np.all(np.abs(values[~np.isnan(values)]) <= 80)
        assert math.isfinite(found.ssr[0])


def test_plain_functions_say_of_what_is_below_silence_what_they_say_of_zeros():
    assert ild_db([[1.0], [1e-170]]) == math.inf
    assert math.isnan(ild_db([[1e-161], [3e-161]]))
    assert si_sdr([[1e-161, 2e-161]], [[1e-161, 2e-161]]) == -math.inf
