"""Pictures of who imports whom."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import drawing

USES = {"top": {"left", "right", "bottom"}, "left": {"bottom"}, "right": {"left"}, "bottom": set()}


def test_a_node_lies_below_all_that_use_it():
    assert drawing.rows_of(USES) == {"top": 0, "right": 1, "left": 2, "bottom": 3}


def test_an_arrow_bends_in_every_row_that_it_crosses_and_runs_into_no_node():
    where, ways = drawing.placed(USES)
    assert ways["top", "bottom"] == ["top", "top→bottom@1", "top→bottom@2", "bottom"]
    assert where["top→bottom@1"][1] == where["right"][1]
    for row in ({"right", "top→bottom@1"}, {"left", "top→bottom@2"}):
        one, other = (where[node][0] for node in row)
        assert abs(one - other) > 2 * drawing.MARGIN


def test_the_picture_is_well_formed_names_every_node_and_says_what_it_shows():
    tree = ElementTree.fromstring(drawing.drawn(USES, "Who <uses> whom"))
    texts = [one.text for one in tree.iter() if one.tag.endswith("text") or one.tag.endswith("title")]
    assert texts == ["Who <uses> whom", *sorted(USES, key=texts.index)]
    assert len(texts) == 5
