"""Who has heard which songs: what is stated counts, and where nothing is stated nothing is guessed."""

from __future__ import annotations

import pytest

from soundstage.heard import fault_of_stated, heard, of_all

TEST = ("musdb18hq:test",)


@pytest.mark.parametrize(
    ("stated", "songs", "expected"),
    [
        (None, TEST, "not stated"),
        ([], TEST, "no"),
        (["musdb18hq:train"], TEST, "no"),
        (["musdb18hq:train"], ("musdb18hq:train",), "yes"),
        (["musdb18hq:train"], ("musdb18hq:train_and_validation",), "yes"),
        (["musdb18hq:train"], ("musdb18hq:validation",), "yes"),
        (["musdb18hq:validation"], ("musdb18hq:train",), "no"),
        (["musdb18hq:validation"], ("musdb18hq:train_and_validation",), "yes"),
        (["musdb18hq:train_and_validation"], ("musdb18hq:validation",), "yes"),
        (["musdb18hq"], TEST, "yes"),
        (["musdb18hq", "more"], TEST, "yes"),
        (["MUSDB18HQ:train"], ("musdb18hq:train",), "yes"),
        (["musdb18hq:train"], ("musdb18hq",), "yes"),
        # with more songs, what is not named is not stated
        (["musdb18hq:train", "more"], TEST, "no"),
        (["musdb18hq:train", "more"], ("slakh2100:test",), "not stated"),
        (["more"], TEST, "not stated"),
        (["musdb18hq:train"], ("slakh2100:test",), "no"),
        # what its authors deny
        (["more", "not musdb18hq"], TEST, "no"),
        (["more", "not musdb18hq"], ("slakh2100:test",), "not stated"),
        (["more", "not musdb18hq:test"], TEST, "no"),
        (["more", "not musdb18hq:test"], ("musdb18hq:train",), "not stated"),
        (["musdb18hq", "not musdb18hq:test"], TEST, "yes"),
        # a data set goes by several names
        (["slakh2100:train"], ("slakh2100_4s:train", "slakh2100:train"), "yes"),
        (["slakh2100:train"], ("slakh2100_4s:test", "slakh2100:test"), "no"),
        (["moisesdb"], ("moisesdb", "folder"), "yes"),
    ],
)
def test_what_is_stated_counts(stated, songs, expected):
    assert heard(stated, songs) == expected


def test_of_several_data_sets_the_worst_counts():
    assert of_all(["no", "yes", "not stated"]) == "yes"
    assert of_all(["no", "not stated"]) == "not stated"
    assert of_all(["no"]) == of_all([]) == "no"


@pytest.mark.parametrize("words", [["more"], ["a"], ["a:test"], ["not a"], ["not a:test", "a:train"], []])
def test_such_words_are_understood(words):
    assert not fault_of_stated(words)


@pytest.mark.parametrize(
    "words",
    [["two words"], [""], ["a:"], [":test"], ["not more"], ["not"], ["more:train"], ["a", "not a"], ["a: test"]],
)
def test_other_words_are_not(words):
    assert fault_of_stated(words)
