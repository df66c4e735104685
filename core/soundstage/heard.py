"""Who has heard these songs: what a model was trained on, as its authors state it, against the songs it is scored on.

What an entry states is a list of words: a data set by the name that grids call it (`musdb18hq`) or a split of one
(`musdb18hq:train`); `more` for further songs that nobody can list; and `not` before a data set or a split of one
(`not musdb18hq`) where its authors say that those songs were none of them. A list without `more` is all there is; an
empty one is that of a method that learns from nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

MORE = "more"

Heard = Literal["yes", "no", "not stated"]
"""Whether a model was trained on the songs that it is scored on."""

_WORD = re.compile(r"(?P<no>not )?(?P<name>[^\s:]+)(:(?P<split>[^\s:]+))?")


def fault_of_stated(words: Sequence[str]) -> str:
    """What is wrong with a list of what a model was trained on, as a phrase; empty where nothing is."""
    for word in words:
        if not _WORD.fullmatch(word) or word in ("not", f"not {MORE}") or word.startswith(f"{MORE}:"):
            return (
                f"holds {word!r}; write a data set as grids call it ('musdb18hq'), a split of one ('musdb18hq:train'),"
                f" 'not ' before either, or '{MORE}' for songs that nobody can list"
            )
        if f"not {word}" in words:
            return f"holds both {word!r} and 'not {word}'; keep one"
    return ""


def heard(stated: Sequence[str] | None, songs: Collection[str]) -> Heard:
    """Whether a model that states this was trained on songs of a data set.

    stated: None where nothing is. songs: the names that the data set goes by, with the split where it has one
    (`musdb18hq:test`). What a model was validated on it has heard too, so `train` stands for `validation` as well.
    A data set that is not named is `not stated` where there were `more` songs, for nobody knows which those are.
    """
    if stated is None:
        return "not stated"
    is_named = False
    for word in stated:
        parts = _WORD.fullmatch(word)
        if parts is None:
            return "not stated"
        for split in _splits_called(parts["name"], songs):
            overlaps = not parts["split"] or not split or bool(_songs_of(parts["split"]) & {*split.split("_and_")})
            if overlaps and not parts["no"]:
                return "yes"
            is_named |= overlaps or not parts["no"]
    return "no" if is_named or MORE not in stated else "not stated"


def of_all(found: Collection[Heard]) -> Heard:
    """Of songs of several data sets: `yes` where any was heard, `no` where none was."""
    if "yes" in found:
        return "yes"
    return "not stated" if "not stated" in found else "no"


def _splits_called(name: str, songs: Collection[str]) -> Iterator[str]:
    """The splits, each empty where it has none, under which a data set of that name is among the songs."""
    for song in songs:
        called, _, split = song.partition(":")
        if called.casefold() == name.casefold():
            yield split


def _songs_of(split: str) -> set[str]:
    parts = {*split.split("_and_")}
    return parts | {"validation"} if "train" in parts else parts
