"""Chance is seeded by names alone, and fair."""

from __future__ import annotations

from collections import Counter

from soundstage.draw import Draw


def test_draws_are_fixed_for_ever():
    assert Draw(0, "sketches", "amber", "frontal").unit("x") == 0.4211460048246394
    assert Draw(0, "a", "bc", "p").unit("x") != Draw(0, "ab", "c", "p").unit("x")


def test_each_order_is_about_equally_likely():
    orders = Counter(tuple(Draw(seed, "d", "t", "p").shuffled([1.0, 2.0, 3.0])) for seed in range(6000))
    assert len(orders) == 6
    assert max(orders.values()) < 1.15 * min(orders.values())


def test_uniform_draws_fill_their_range():
    draws = [Draw(seed, "d", "t", "p").uniform("x", -45, 45) for seed in range(4000)]
    assert -45 <= min(draws) < -44.5
    assert 44.5 < max(draws) < 45
    assert abs(sum(draws) / len(draws)) < 1.5
