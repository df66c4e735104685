"""Of a cell that lies in several files the newest version counts, and what is stale is packed again."""

from __future__ import annotations

import pytest

from soundstage.results import index as indexing
from soundstage.results.encoding import LooseName, decode_records, encode_segment
from soundstage.results.index import Index, to_rewrite
from soundstage.results.records import CellRecord, Stage, score_rows


def loose(address, version, digest="0" * 32):
    return LooseName.of(f"cells/{address[:2]}/{address}-{version}-{digest}.parquet")


def segment(**versions):
    """A segment as it is read: address → version."""
    cells = [(CellRecord(address, Stage("ok")), version) for address, version in versions.items()]
    _, (file, contents) = encode_segment(cells, [score_rows([])] * len(cells))
    return decode_records(file, contents)


def many(count, version=1, start=0):
    return segment(**{f"c{number}": version for number in range(start, start + count)})


def test_a_folder_with_nothing_has_no_cells():
    index = Index([], [])
    assert index.addresses() == []
    assert index.version("a") == 0
    assert index.newest_loose("a") is None
    assert index.place("a") is None
    assert to_rewrite(index) == []


@pytest.mark.parametrize("order", [(9, 10, 2), (10, 9, 2), (2, 9, 10)])
def test_of_loose_files_the_highest_number_is_the_newest_in_whatever_order_they_are_found(order):
    index = Index([loose("a", version) for version in order], [])
    assert index.newest_loose("a") == loose("a", 10)
    assert index.version("a") == 10
    assert index.addresses() == ["a"]


def test_of_two_files_of_one_version_the_choice_does_not_depend_on_the_listing():
    pair = [loose("a", 1, "1" * 32), loose("a", 1, "2" * 32)]
    assert Index(pair, []).newest_loose("a") == Index(pair[::-1], []).newest_loose("a") == pair[1]


@pytest.mark.parametrize("flipped", [False, True])
def test_of_segments_the_one_with_the_higher_version_holds_the_cell(flipped):
    older, newer = segment(a=1, b=1), segment(x=1, a=2)
    found = [newer, older] if flipped else [older, newer]
    index = Index([], found)
    assert sorted(index.addresses()) == ["a", "b", "x"]
    assert index.place("a") == (newer, 1)
    assert index.place("b") == (older, 1)
    assert index.version("a") == 2
    assert index.live(found.index(older)).tolist() == [False, True]
    assert index.live(found.index(newer)).tolist() == [True, True]


def test_a_cell_that_two_segments_hold_alike_is_live_in_one_of_them():
    index = Index([], [segment(a=1, b=1), segment(a=1, c=1)])
    assert int(index.live(0).sum() + index.live(1).sum()) == len(index.addresses()) == 3


@pytest.mark.parametrize(("version", "is_newer"), [(1, False), (2, False), (3, True)])
def test_a_loose_file_counts_where_it_is_newer_than_the_segment(version, is_newer):
    index = Index([loose("a", version)], [segment(b=1, a=2)])
    assert (index.newest_loose("a") is not None) == is_newer
    assert index.live(0).tolist() == [True, not is_newer]
    assert index.version("a") == max(version, 2)
    assert index.addresses().count("a") == 1


def test_a_file_that_comes_later_takes_the_cell_over():
    index = Index([], [segment(a=1)])
    index.add_loose(loose("a", 2))
    assert index.newest_loose("a") == loose("a", 2)
    assert index.live(0).tolist() == [False]


def test_a_dropped_file_gives_way_to_the_one_before_and_its_version_is_not_given_again():
    index = Index([loose("a", 1), loose("a", 7)], [])
    index.drop_loose(loose("a", 7))
    assert index.newest_loose("a") == loose("a", 1)
    assert index.version("a") == 7
    index.drop_loose(loose("a", 1))
    assert index.newest_loose("a") is None
    assert index.addresses() == []
    assert index.version("a") == 7


def test_where_a_newer_file_is_dropped_the_segments_cell_is_live_again():
    index = Index([loose("a", 3)], [segment(a=1)])
    index.drop_loose(loose("a", 3))
    assert index.live(0).tolist() == [True]
    assert index.addresses() == ["a"]
    assert index.version("a") == 3


def test_dropping_what_is_not_there_takes_nothing_away():
    index = Index([loose("a", 1)], [])
    index.drop_loose(loose("b", 4))
    index.drop_loose(loose("a", 1, "f" * 32))
    assert index.addresses() == ["a"]
    assert (index.newest_loose("a"), index.version("b")) == (loose("a", 1), 4)


# what is packed again


def test_a_segment_half_of_whose_cells_are_newer_elsewhere_is_packed_again_and_one_that_lives_is_not():
    stale = segment(a=1, b=1, c=1, d=1)
    assert to_rewrite(Index([], [stale])) == []
    assert to_rewrite(Index([], [stale, segment(a=2)])) == []
    assert to_rewrite(Index([], [stale, segment(x=1, a=2, b=2)])) == [0]


def test_a_small_segment_joins_what_is_loose_and_a_large_one_is_left():
    files = [loose(f"new{number}", 1) for number in range(3)]
    assert to_rewrite(Index(files, [many(6)])) == [0]
    assert to_rewrite(Index(files, [many(7)])) == []


def test_what_is_gathered_from_small_segments_lets_larger_ones_join():
    files = [loose("new", 1)]
    found = [many(14, start=100), many(2, start=0), many(6, start=10)]
    assert to_rewrite(Index(files, found)) == [1, 2, 0]
    assert to_rewrite(Index(files, [found[0], found[2]])) == []


def test_a_segment_that_is_half_full_is_left_unless_it_is_stale(monkeypatch):
    monkeypatch.setattr(indexing, "CELLS_PER_SEGMENT", 8)
    files = [loose(f"new{number}", 1) for number in range(20)]
    assert to_rewrite(Index(files, [many(3)])) == [0]
    assert to_rewrite(Index(files, [many(4)])) == []
    assert to_rewrite(Index([*files, loose("c0", 2), loose("c1", 2)], [many(4)])) == [0]
