"""The gate of claims: what a file holds comes out as a finite number, as NaN with the true reason, or is refused."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundstage.errors import SoundstageError
from soundstage.results.exchange.values import NO_VALUE, Numeral, claimed_value


@given(st.one_of(st.floats(), st.integers(), st.decimals(allow_nan=False).map(str), st.text(max_size=8)))
@settings(max_examples=400, deadline=None)
def test_nothing_infinite_and_no_nan_without_a_reason_comes_through(written):
    try:
        value, reason = claimed_value(Numeral(str(written).strip()), "here")
    except SoundstageError as error:
        assert str(error).startswith("here is ")  # noqa: PT017
        return
    assert not math.isinf(value)
    assert math.isnan(value) == bool(reason)
    if isinstance(written, float) and math.isfinite(written):
        assert value == written


@given(st.recursive(st.none() | st.booleans() | st.text() | st.floats(), lambda inside: st.lists(inside, max_size=3)))
@settings(deadline=None)
def test_of_json_numbers_alone_and_null_come_through(value):
    written = json.loads(json.dumps(value), parse_float=Numeral, parse_int=Numeral, parse_constant=Numeral)
    if value is None or isinstance(value, float):
        found, reason = claimed_value(written, "here")
        assert math.isfinite(found) or reason
    elif value != "":  # an empty field of a table; readers of JSON see to theirs
        with pytest.raises(SoundstageError, match=r"here is .*not a number"):
            claimed_value(written, "here")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (None, NO_VALUE),
        (Numeral(""), NO_VALUE),
        (Numeral("NaN"), NO_VALUE),
        (Numeral("-nan"), NO_VALUE),
        (Numeral("-inf"), "the file says -inf, which is no finite value"),
        (Numeral("1e999"), "the file says 1e999, which is no finite value"),
    ],
)
def test_the_reason_is_what_the_file_says(written, reason):
    value, found = claimed_value(written, "here")
    assert math.isnan(value)
    assert found == reason
