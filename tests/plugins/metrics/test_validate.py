from __future__ import annotations

import doctest
import importlib
import subprocess
import sys

import numpy as np
import pytest

from soundstage_metrics import validate

METRICS = ("sdr", "si_sdr", "spauq", "spauq_published", "interaural")


@pytest.mark.parametrize("dtype", ["int16", "int64", "uint8", "float16", "float32", "float64", "longdouble"])
def test_any_real_dtype_comes_out_as_contiguous_float64_with_its_values_unchanged(dtype):
    given = np.arange(6).reshape(3, 2).astype(dtype).T
    found = validate.signal(given)
    assert found.dtype == np.float64
    assert found.flags.c_contiguous
    assert np.array_equal(found, given)


def test_a_read_only_array_is_taken_and_left_alone():
    given = np.ones((2, 4))
    given.flags.writeable = False
    assert np.array_equal(validate.signal(given), given)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.ones(4), r"shape \(4,\) where \(2, samples\) was expected"),
        (np.ones((3, 4)), r"shape \(3, 4\) where \(2, samples\)"),
        (np.ones((2, 0)), r"shape \(2, 0\)"),
        (np.ones((2, 4), complex), "an array of real numbers was expected, got complex128"),
        (np.ones((2, 4), bool), "got bool"),
        ([["a"], ["b"]], "an array of real numbers"),
        (np.array([[1.0, np.nan], [np.inf, 0.0]]), "estimate: 2 samples are NaN or infinite"),
    ],
)
def test_an_unusable_array_is_refused_in_a_sentence(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        validate.signal(given, "estimate", channels=2)


def test_a_pair_of_different_channels_is_refused_even_where_lengths_may_differ():
    with pytest.raises(ValueError, match=r"\(2, 4\) and the estimate \(1, 4\)"):
        validate.pair(np.ones((2, 4)), np.ones((1, 4)), equal_lengths=False)
    assert validate.pair(np.ones((2, 4)), np.ones((2, 3)), equal_lengths=False)[1].shape == (2, 3)


@pytest.mark.parametrize("samples", [1, 7, 1 << 14, (1 << 14) + 1, 200_000])
def test_an_energy_is_told_from_a_part_as_from_the_whole(samples):
    signal = 1e-3 * np.random.default_rng(samples).standard_normal((2, samples))
    signal[:, : samples // 2] = 0.0
    energy = float(validate.energies(signal).sum())
    assert validate.exceeds(signal, energy * (1 - 1e-9))
    assert not validate.exceeds(signal, energy * (1 + 1e-9))
    assert validate.silent_channels(signal * [[0.0], [1.0]]) == [0]
    assert validate.is_silent(signal * 0.0)


def test_what_is_not_a_number_is_no_silence():
    assert not validate.is_silent(np.full((2, 4), np.nan))
    assert validate.silent_channels(np.array([[0.0], [np.nan]])) == [0]


@pytest.mark.parametrize(
    "module", ["validate", "sdr", "spauq.scores", "spauq.frames", "spauq.projection", "interaural"]
)
def test_the_examples_in_the_docstrings_are_true(module):
    found = doctest.testmod(importlib.import_module(f"soundstage_metrics.{module}"))
    assert found.failed == 0
    assert found.attempted > 0


def registered() -> dict[str, str]:
    from soundstage_metrics import hooks

    targets: dict[str, str] = {}
    hooks.register_metrics(lambda name, target, **facts: targets.update({name: target}))
    return targets


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_registered_under_a_target_with_a_revision_and_measures(name):
    module, _, attribute = registered()[name].partition(":")
    metric = getattr(importlib.import_module(module), attribute)
    assert metric.revision >= 1
    assert metric().measures


def test_a_measure_has_the_name_of_no_other_metric():
    """But `sdr` of `community`, which is the toolkit's name for the same thing."""
    for name, target in registered().items():
        module, _, attribute = target.partition(":")
        if attribute.endswith(".py"):  # a script, which declares its measures itself
            continue
        shared = set(getattr(importlib.import_module(module), attribute)().measures) & set(registered()) - {name}
        assert shared == ({"sdr"} if name == "community" else set())


def test_registering_imports_no_numpy():
    code = (
        "import sys; from soundstage_metrics import hooks; hooks.register_metrics(lambda *a, **k: None);"
        "sys.exit('numpy' in sys.modules or 'scipy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
