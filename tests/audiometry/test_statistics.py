"""How a response becomes numbers: closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from soundstage.audiometry.statistics import medians, monotony, share_without, smallest_told, smoothness, told


def test_a_response_that_grows_is_monotone_one_that_shrinks_the_opposite_and_none_is_zero():
    assert monotony(np.array([[1.0, 2.0, 3.0]])) == pytest.approx(1.0)
    assert monotony(np.array([[-1.0, -2.0, -3.0]])) == pytest.approx(-1.0)
    assert monotony(np.zeros((4, 3))) == 0.0
    assert monotony(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])) == pytest.approx(0.5)


def test_rounding_is_no_movement():
    assert monotony(np.array([[1e-13, -1e-13, 2e-13]])) == 0.0


def test_too_few_steps_have_no_monotony_and_no_smoothness():
    assert math.isnan(monotony(np.array([[1.0, 2.0]])))
    assert math.isnan(monotony(np.array([[1.0, np.nan, 2.0]])))
    assert math.isnan(smoothness(np.array([[1.0, 2.0]])))
    assert math.isnan(smoothness(np.zeros((2, 5))))


def test_equal_steps_are_smooth_and_one_that_holds_all_is_a_jump():
    assert smoothness(np.array([[1.0, 2.0, 3.0, 4.0]])) == pytest.approx(1.0)
    assert smoothness(np.array([[0.0, 0.0, 9.0, 9.0]])) == pytest.approx(0.0)
    assert 0.0 < smoothness(np.array([[0.0, 1.0, 3.0, 4.0]])) < 1.0


def test_a_step_is_told_where_it_is_worse_than_what_nobody_hears():
    lost = np.array([[1.0, 5.0, 9.0], [3.0, 5.0, 9.0], [3.0, 5.0, np.nan]])
    assert told(lost, np.array([2.0, 2.0, 2.0])) == pytest.approx([2 / 3, 1.0, 2 / 3])
    assert told(lost, np.array([-4.0, -4.0, np.nan])) == pytest.approx([1.0, 1.0, 2 / 3])
    assert told(np.array([[2.0]]), np.array([2.0])) == [0.0]


def test_the_smallest_step_is_the_one_from_which_on_all_are_told():
    assert smallest_told([0.2, 0.96, 1.0]) == 1
    assert smallest_told([1.0, 0.5, 1.0]) == 2
    assert smallest_told([1.0, 1.0, 0.94]) is None
    assert smallest_told([1.0]) == 0


def test_what_has_no_value_counts_for_no_median():
    assert medians(np.array([[1.0, np.nan], [3.0, np.nan]]))[0] == 2.0
    assert math.isnan(medians(np.array([[1.0, np.nan], [3.0, np.nan]]))[1])
    assert share_without(np.array([1.0, np.nan])) == 0.5
