"""Names that become names of files: no two of them the same one, and each can be had back."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from soundstage.names import LONGEST_ENCODED, decoded, encoded
from soundstage.results.exchange.museval import TrackFile

TEXTS = st.text(st.sampled_from("ab/\\%:.\0\n\x1f2FE") | st.characters(exclude_categories=["Cs"]))


@given(TEXTS)
@example("a" * LONGEST_ENCODED)
@example("a" * (LONGEST_ENCODED + 1))
@example("ŕ" * (LONGEST_ENCODED // 2) + "\x1f")
def test_an_encoded_name_is_one_part_of_a_path_and_can_be_had_back_unless_it_is_too_long(text):
    name = encoded(text)
    written = sum(3 if letter in "/\\:%" or ord(letter) < 32 else len(letter.encode()) for letter in text)
    if written + 2 * text.startswith(".") <= LONGEST_ENCODED:
        assert decoded(name) == text
    else:
        assert re.fullmatch(".*-[0-9a-f]{16}", name)
        assert len(name.encode()) <= LONGEST_ENCODED
    assert not set(name) & set("/\\:\0\n")
    assert not name.startswith(".")


@given(TEXTS, TEXTS)
@example("a/b", "a%2Fb")
@example(".a", "%2Ea")
@example("%", "%25")
@example("a\\b", "a%5Cb")
def test_two_names_never_become_one_file(one, other):
    assert (encoded(one) == encoded(other)) == (one == other)


@given(st.tuples(TEXTS, TEXTS, TEXTS), st.tuples(TEXTS, TEXTS, TEXTS))
@example(("", "a/test", "b"), ("", "a", "test/b"))
@example(("x", "a", "b"), ("", "x", "a"))
@example(("s", "a/b", "c"), ("s", "a%2Fb", "c"))
def test_two_tracks_are_never_exported_to_one_file(one, other):
    if all(one[1:]) and all(other[1:]):
        paths = [TrackFile(*parts, text="").path for parts in (one, other)]
        assert (paths[0] == paths[1]) == (one == other)


@pytest.mark.parametrize("text", ["100%", "50%2", "%zz", "%2f"])
def test_a_percent_sign_that_was_not_encoded_stands_for_itself(text):
    assert decoded(text) == text
