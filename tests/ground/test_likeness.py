"""A stem that equals another, or the sum of others, is found; what is merely alike is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundstage.likeness import likenesses, of_blocks


def noise(seed, channels=2, samples=700_000, level=0.1):
    return steps(level * np.random.default_rng(seed).standard_normal((channels, samples)))


def steps(samples, dither=0):
    """As 16 bits hold it, dithered by half a step or not."""
    offset = np.random.default_rng(dither).uniform(-0.5, 0.5, samples.shape) if dither else 0.0
    return np.round(samples * 32768 + offset) / 32768


V, D, B, REST = (noise(seed) for seed in range(4))
MONO = noise(9, channels=1)


def told(stems, lossy=False):
    return {(one.stem, *one.others) for one in likenesses(stems, lossy)}


@pytest.mark.parametrize(
    ("stems", "expected"),
    [
        ({"v": V, "d": D, "b": B, "o": REST}, set()),
        ({"v": V, "d": D, "b": B, "x": steps(V + D + B, 1)}, {("x", "v", "d", "b")}),
        ({"v": V, "d": D, "b": B, "x": steps(D + B, 1)}, {("x", "d", "b")}),
        ({"v": V, "d": D, "b": B, "x": D + B, "y": V + D + B}, {("x", "d", "b"), ("y", "v", "d", "b")}),
        ({"x": D + B, "v": V, "y": V + D + B}, {("y", "x", "v")}),
        ({"v": V, "w": steps(V, 3), "d": D}, {("w", "v")}),
        ({"v": V, "m": MONO, "x": steps(V + MONO, 2)}, {("x", "v", "m")}),
        ({"v": V, "d": D, "x": steps((V + D) / 2)}, set()),
        ({"v": V, "w": -V}, set()),
        ({"v": V, "w": V + 0.003 * D}, set()),
        ({"v": V, "s": 0 * V, "t": 0 * V}, set()),
        ({"v": V, "s": steps(0 * V, 4), "t": steps(0 * V, 5)}, set()),
        ({"v": V}, set()),
    ],
)
def test_sums_and_copies_are_found_and_nothing_else(stems, expected):
    assert told(stems) == expected


def test_what_sounds_only_where_nobody_looks_first_is_found_too():
    late = np.zeros_like(V)
    late[:, 300_000:310_000] = D[:, :10_000]
    assert told({"v": V, "a": late, "b": late.copy()}) == {("b", "a")}
    assert told({"v": V, "a": late, "b": V + late}) == {("b", "v", "a")}


def test_a_lossy_copy_is_found_where_files_are_lossy():
    coded = V + 0.05 * D
    assert told({"v": V, "w": coded}) == set()
    assert told({"v": V, "w": coded}, lossy=True) in ({("w", "v")}, {("v", "w")})


def test_blocks_find_what_the_whole_finds():
    stems = {"v": V, "d": D, "x": V + D}
    blocks = ({name: stem[:, at : at + 50_001] for name, stem in stems.items()} for at in range(0, 700_000, 50_001))
    assert of_blocks(blocks) == likenesses(stems)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 7), st.data())
def test_any_sum_among_any_stems_is_found_by_its_summands(count, data):
    stems = {str(seed): noise(seed, samples=3000, level=0.05 * (seed + 1)) for seed in range(count)}
    chosen = data.draw(st.lists(st.sampled_from(sorted(stems)), min_size=1, unique=True))
    stems["x"] = steps(sum(stems[name] for name in chosen), 7)
    (found,) = likenesses(stems)
    if len(chosen) == 1:
        assert {found.stem, *found.others} == {"x", *chosen}
    else:
        assert (found.stem, set(found.others)) == ("x", set(chosen))
