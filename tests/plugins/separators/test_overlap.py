"""Tracks are cut into chunks and joined as the community's toolkit does it, at every length."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from soundstage_separators.mss.overlap import overlap_add

CHUNK = 200


def noise(samples, seed=0):
    return np.random.default_rng(seed).standard_normal((2, samples))


def itself(part):
    return np.stack([part, -2 * part])


def demix(estimate, mixture, chunk, count, fades=True):
    """The scheme said once more, plainly: every chunk of the extended track, the sum over the sum of windows."""
    length, step = mixture.shape[1], chunk // count
    border = chunk - step
    extends = fades and length > 2 * border and border > 0
    track = np.pad(mixture, ((0, 0), (border, border)), mode="reflect") if extends else mixture
    total = weight = np.zeros(track.shape[1])
    for start in range(0, track.shape[1], step):
        part = track[:, start : start + chunk]
        kept = part.shape[1]
        mode = "reflect" if fades and kept > chunk // 2 else "constant"
        window = np.ones(chunk)
        if fades:
            fade = chunk // 10
            window[-fade:], window[:fade] = np.linspace(1, 0, fade), np.linspace(0, 1, fade)
            if start == 0:
                window[:fade] = 1
            elif start + step >= track.shape[1]:
                window[-fade:] = 1
        image = estimate(np.pad(part, ((0, 0), (0, chunk - kept)), mode=mode))[..., :kept] * window[:kept]
        before, after = [(0, 0), (0, 0), (start, track.shape[1] - start - kept)], (start, track.shape[1] - start - kept)
        total = total + np.pad(image, before)
        weight = weight + np.pad(window[:kept], after)
    with np.errstate(invalid="ignore"):
        found = np.nan_to_num(total / weight, nan=0.0)
    return found[..., border:-border] if extends else found


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("fades", [True, False])
def test_it_is_the_toolkits_scheme_at_every_length(count, fades):
    def estimate(part):  # knows where in its chunk a sample lies, so that no window and no edge goes unseen
        return itself(part * np.linspace(0.5, 1.5, part.shape[1]) + np.roll(part, 7, axis=1))

    for length in (1, 2, 19, 99, 100, 101, 199, 200, 201, 299, 300, 301, 399, 400, 401, 777, 1000, 2345):
        mixture = noise(length)
        found, _ = overlap_add(estimate, mixture, CHUNK, count, fades)
        np.testing.assert_allclose(
            found, demix(estimate, mixture, CHUNK, count, fades), atol=1e-12, err_msg=f"{length}"
        )


@pytest.mark.parametrize("count", [2, 4])
def test_a_network_that_changes_nothing_gives_the_mixture_back(count):
    for length in (1, 150, 1000, 12345):
        mixture = noise(length)
        found, chunks = overlap_add(itself, mixture, CHUNK, count)
        assert found.shape == (2, 2, length)
        assert chunks >= 1
        np.testing.assert_allclose(found[0], mixture, atol=1e-12)
        np.testing.assert_allclose(found[1], -2 * mixture, atol=1e-12)


def test_chunks_that_are_cut_off_again_are_not_separated():
    asked = []

    def estimate(part):
        asked.append(part)
        return itself(part)

    _, chunks = overlap_add(estimate, noise(1000), CHUNK, 4)
    assert len(asked) == chunks - 3
    assert all(part.shape == (2, CHUNK) for part in asked)


def test_memory_beyond_what_is_returned_does_not_grow_with_the_number_of_chunks():
    def most(length):
        mixture = noise(length).astype(np.float32)
        tracemalloc.start()
        found, _ = overlap_add(itself, mixture, 4096, 4)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak - found.nbytes - 8 * length - mixture.nbytes  # the estimates, their weights, the extended mixture

    assert most(2_000_000) < most(200_000) + 3_000_000  # two masks of one byte a sample
