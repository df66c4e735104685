"""Threads of the metrics: they change no number, and BLAS adds none of its own to them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import fft
from threadpoolctl import threadpool_info, threadpool_limits

from soundstage.scene import Scene
from soundstage_metrics.cues.frames import cue_frames
from soundstage_metrics.energies import error_energies
from soundstage_metrics.interaural import Interaural, itd_us
from soundstage_metrics.spauq import frames, spauq
from soundstage_metrics.threads import in_threads, one_blas_thread

RATE = 8000


def stereo(seed, seconds=21):
    return 0.1 * np.random.default_rng(seed).standard_normal((2, seconds * RATE))


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture
def several():
    """BLAS with three threads; skipped where it can have only one."""
    with threadpool_limits(3, user_api="blas"):
        if blas_threads() != {3}:
            pytest.skip("this BLAS has one thread")
        yield


@pytest.mark.parametrize("definition", ["projection", "published"])
@pytest.mark.parametrize("workers", [2, 3])
def test_spauq_is_the_same_to_the_last_bit_by_any_number_of_threads(definition, workers, monkeypatch):
    reference, estimate = stereo(0), stereo(0) + 0.3 * stereo(1)
    reference[:, 5 * RATE : 9 * RATE] = 0.0
    alone = spauq(reference, estimate, RATE, definition)
    frames._recent.clear()
    with fft.set_workers(workers):
        together = spauq(reference, estimate, RATE, definition)
    for name in ("ssr", "srr", "shift", "scale", "sounds", "rejection"):
        np.testing.assert_array_equal(getattr(together, name), getattr(alone, name))


def test_interaural_cues_are_the_same_by_any_number_of_threads():
    references = {str(seed): stereo(seed, 3) for seed in range(5)}
    estimates = {source: signal + stereo(9, 3) for source, signal in references.items()}
    scene = Scene(RATE, sum(references.values()), references)
    alone = list(Interaural().prepare(scene)(estimates))
    with fft.set_workers(3):
        assert list(Interaural().prepare(scene)(estimates)) == alone


def test_results_come_in_the_order_of_the_items_and_an_error_comes_through():
    with fft.set_workers(3):
        assert list(in_threads(lambda item: item**2, range(50))) == [item**2 for item in range(50)]
        with pytest.raises(ZeroDivisionError):
            list(in_threads(lambda item: 1 // item, [2, 1, 0, 3]))


def test_blas_has_one_thread_in_each_of_ours_and_then_what_it_had(several):
    with fft.set_workers(2):
        assert list(in_threads(lambda _: blas_threads(), range(4))) == [{1}] * 4
        assert blas_threads() == {3}
        with pytest.raises(ZeroDivisionError):
            list(in_threads(lambda item: 1 // item, [0, 1]))
    assert blas_threads() == {3}


def test_of_limits_that_overlap_the_last_to_be_left_gives_blas_back_its_threads(several):
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert blas_threads() == {1}
    second.__exit__(None, None, None)
    assert blas_threads() == {3}


def test_energies_take_none_of_the_threads_of_blas(several, monkeypatch):
    seen = []
    eigh, rfft = np.linalg.eigh, np.fft.rfft
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: seen.append(blas_threads()) or eigh(matrix))
    references = {"voice": stereo(0, 3), "drums": stereo(1, 3)}
    error_energies(references, "voice", stereo(0, 3) + stereo(2, 3), RATE)
    monkeypatch.setattr(np.fft, "rfft", lambda *some, **more: seen.append(blas_threads()) or rfft(*some, **more))
    error_energies(references, "voice", stereo(0, 3) + stereo(2, 3), RATE)
    assert len(seen) > 10
    assert all(found == {1} for found in seen)
    assert blas_threads() == {3}


@pytest.mark.parametrize(
    "measure",
    [
        lambda signal: spauq(signal, signal, RATE),
        lambda signal: itd_us(signal, RATE),
        lambda signal: cue_frames(signal, RATE),
    ],
)
def test_metrics_of_many_small_products_take_none_of_the_threads_of_blas(measure, several, monkeypatch):
    seen = []
    rfft = fft.rfft
    monkeypatch.setattr(fft, "rfft", lambda *arguments, **options: seen.append(blas_threads()) or rfft(*arguments))
    frames._recent.clear()
    measure(stereo(0, 2))
    assert seen
    assert all(found == {1} for found in seen)
    assert blas_threads() == {3}
