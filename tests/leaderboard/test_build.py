"""The leaderboard ranks on shared scores, shows its holes, and keeps floors and oracles apart."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pytest

import soundstage
from boards import board_of
from soundstage.errors import SoundstageError
from soundstage.report.plain import render_csv, render_json, render_markdown

GRID = {
    "name": "toys",
    "revision": 3,
    "datasets": ["toy"],
    "placements": ["line"],
    "spatializers": ["flat", "gains"],
    "separators": ["truth", "nothing", "noisy", "peeking", "partial", "shuffled"],
    "metrics": ["error"],
}


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def board(tmp_path, grid=GRID, **options):
    soundstage.run(grid, tmp_path)
    return board_of(tmp_path, **options)


def rows(section):
    return {row.separator: row for row in section.rows}


def test_there_is_a_table_for_each_spatializer_or_for_all(tmp_path):
    assert [section.group for section in board(tmp_path).sections] == [
        {"spatializer": "flat"},
        {"spatializer": "gains"},
    ]
    assert [section.group for section in board(tmp_path, by=[]).sections] == [{}]
    groups = [section.group for section in board(tmp_path, by=["source", "dataset"]).sections]
    assert groups == [{"source": source, "dataset": "toy"} for source in ("bass", "drums", "vocals")]


def test_there_is_a_table_for_each_placement_where_there_are_several_unless_they_are_pooled(tmp_path):
    grid = {**GRID, "placements": ["line", "frontal"], "separators": ["truth", "nothing"]}
    assert [section.group for section in board(tmp_path, grid).sections] == [
        {"spatializer": "flat", "placement": ""},
        {"spatializer": "gains", "placement": "line"},
        {"spatializer": "gains", "placement": "frontal"},
    ]
    pooled = board_of(tmp_path, by=["spatializer"]).sections
    assert [(section.group["spatializer"], section.possible) for section in pooled] == [
        ("flat", (6,)),
        ("gains", (12,)),
    ]
    assert [section.group for section in board_of(tmp_path, by=[]).sections] == [{}]
    one = board(tmp_path / "one", {**grid, "spatializers": ["gains"]}).sections
    assert [section.group for section in one] == [{"placement": "line"}, {"placement": "frontal"}]


def test_values_are_medians_over_tracks_and_sources(tmp_path):
    found = rows(board(tmp_path, {**GRID, "separators": ["truth", "nothing"]}, by=[]).sections[0])
    frame = soundstage.load(tmp_path)
    wanted = frame[(frame["separator"] == "nothing") & (frame["name"] == "error") & frame["frame"].isna()]
    assert len(wanted) == 2 * 2 * 3
    assert found["nothing"].values == (np.median(wanted["value"]),)


def test_floors_oracles_and_the_ceiling_stand_apart_and_have_no_rank(tmp_path):
    section = board(tmp_path).sections[0]
    assert [row.role for row in section.rows] == ["ceiling", "oracle", "oracle", "separator", "separator", "floor"]
    assert {row.separator: row.rank for row in section.rows if row.rank} == {"peeking": 1, "partial": 2}


def test_every_entry_is_ranked_on_the_scores_that_all_have(tmp_path):
    section = board(tmp_path, by=[]).sections[0]
    assert section.shared == (2 * 2,)
    assert section.possible == (2 * 2 * 3,)
    frame = soundstage.load(tmp_path)
    frame = frame[(frame["name"] == "error") & frame["frame"].isna() & (frame["source"] == "vocals")]
    for separator, row in rows(section).items():
        assert row.values == (frame[frame["separator"] == separator]["value"].median(),)


def test_an_entry_without_any_score_is_shown_and_takes_nothing_from_the_others(tmp_path):
    grid = {**GRID, "separators": ["truth", "nothing", "peeking", "misbehaving", "absent"]}
    found = board(tmp_path, grid, by=[])
    section = found.sections[0]
    assert section.shared == section.possible == (2 * 2 * 3,)
    row = rows(section)["misbehaving"]
    assert math.isnan(row.values[0])
    assert (row.rank, row.done, row.planned) == (None, 0, 4)
    assert any("misbehaving: failed in 4 cells" in note for note in found.notes)
    assert any("absent: not-installed in 4 cells" in note for note in found.notes)


def test_a_partly_failing_entry_shows_its_coverage_and_is_compared_where_it_has_scores(tmp_path):
    grid = {**GRID, "separators": ["truth", "nothing", "peeking", "misbehaving[track=song 1]"]}
    section = board(tmp_path, grid, by=[]).sections[0]
    found = rows(section)
    assert section.shared == (2 * 3,)
    assert (found["misbehaving[track=song 1]"].done, found["misbehaving[track=song 1]"].planned) == (2, 4)
    assert found["misbehaving[track=song 1]"].values == found["nothing"].values


def test_scores_that_must_not_be_ranked_on_are_left_out_and_said(tmp_path):
    grid = {**GRID, "metrics": ["error", "misscoring[how=doubtful]"]}
    found = board(tmp_path, grid, by=[])
    assert all(math.isnan(row.values[1]) for row in found.sections[0].rows)
    assert any("are left out, mostly: singular" in note for note in found.notes)


def test_a_source_without_a_value_spoils_no_other(tmp_path):
    grid = {**GRID, "separators": ["truth", "nothing"], "metrics": ["misscoring[how=vocals]"]}
    found = board(tmp_path, grid, by=[])
    assert found.sections[0].shared == (2 * 2 * 2,)
    assert found.sections[0].possible == (2 * 2 * 3,)
    assert rows(found.sections[0])["truth"].values == (1.0,)
    assert any("8 of 24 scores have no value, mostly: silent" in note for note in found.notes)


def test_the_best_blind_separator_is_marked_and_no_oracle_ever(tmp_path):
    section = board(tmp_path).sections[0]
    assert {row.separator for row in section.rows if row.best[0]} == {"peeking"}


def test_who_is_told_which_cell_it_is_does_not_count_as_blind(tmp_path):
    found = rows(board(tmp_path, {**GRID, "separators": ["peeking", "misbehaving[track=none]"]}, by=[]).sections[0])
    assert found["peeking"].is_blind
    assert not found["misbehaving[track=none]"].is_blind
    assert found["misbehaving[track=none]"].rank == 2


def test_entries_whose_outputs_were_assigned_are_marked(tmp_path):
    found = board(tmp_path)
    assert rows(found.sections[0])["shuffled"].is_assigned
    assert "shuffled †" in render_markdown(found)


def test_headline_measures_are_shown_and_others_can_be_asked_for(tmp_path):
    assert [column.name for column in board(tmp_path).columns] == ["error"]
    assert [column.name for column in board(tmp_path, metrics=["peak", "error"]).columns] == ["peak", "error"]
    assert board(tmp_path, metrics=["error", "peak"], rank_by="peak").ranked_by.name == "peak"
    with pytest.raises(SoundstageError, match="no metric or measure 'eror'; did you mean 'error'"):
        board(tmp_path, metrics=["eror"])
    with pytest.raises(SoundstageError, match="cannot rank by 'peek'"):
        board(tmp_path, rank_by="peek")
    with pytest.raises(SoundstageError, match="cannot group by 'song'"):
        board(tmp_path, by=["song"])


def test_cells_that_were_not_run_are_said(tmp_path):
    from soundstage.running.listener import Silence

    class Interrupting(Silence):
        def finished(self, outcome):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        soundstage.run(GRID, tmp_path, listener=Interrupting())
    assert any("23 of 24 cells have not been run" in note for note in board_of(tmp_path).notes)


def test_the_title_is_what_a_paper_cites(tmp_path):
    found = board(tmp_path)
    summary = soundstage.run(GRID, tmp_path)
    assert found.title == f"toys · revision 3 · {summary.hash[:8]}"
    assert found.title in render_markdown(found)


def test_a_folder_with_two_grids_shows_the_newest_or_the_one_asked_for(tmp_path):
    soundstage.run(GRID, tmp_path)
    soundstage.run({**GRID, "name": "more", "separators": ["truth"]}, tmp_path)
    assert board_of(tmp_path).grid == "more"
    assert board_of(tmp_path, grid="toys").grid == "toys"
    assert len(board_of(tmp_path, grid="toys").sections[0].rows) == 6


def test_csv_and_json_hold_full_precision_and_no_nan(tmp_path):
    found = board(tmp_path, {**GRID, "separators": ["truth", "nothing", "misbehaving"]})
    lines = list(csv.DictReader(io.StringIO(render_csv(found))))
    assert len(lines) == 2 * 3
    value = next(row for row in found.sections[0].rows if row.separator == "nothing").values[0]
    line = next(line for line in lines if line["separator"] == "nothing" and line["spatializer"] == "flat")
    assert float(line["value"]) == value
    assert next(line for line in lines if line["separator"] == "misbehaving")["value"] == ""
    parsed = json.loads(render_json(found))
    assert parsed["sections"][0]["rows"][-1]["values"] == [value]
    assert "NaN" not in render_json(found)


def test_markdown_tables_are_well_formed(tmp_path):
    lines = [line for line in render_markdown(board(tmp_path)).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == 2 * (2 + 6 + 1)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_value_is_ever_cut_however_narrow_the_terminal(tmp_path, width):
    from rich.console import Console

    from soundstage.report.terminal import render_table
    from soundstage.report.text import value_text

    found = board(tmp_path, {**GRID, "metrics": ["error", "other_error", "misscoring[how=vocals]"]}, by=[])
    out = io.StringIO()
    render_table(found, Console(file=out, width=width, force_terminal=False))
    text = out.getvalue()
    for row in found.sections[0].rows:
        for value, column in zip(row.values, found.columns, strict=True):
            assert value_text(value, column) in text
    assert "…" not in text
    for column in found.columns:
        assert column.label in text


def test_improvements_over_a_separator_are_differences_of_the_same_scene_and_source(toys, tmp_path):
    from boards import board_of
    from soundstage.report.text import fine_print

    grid = {
        "datasets": ["toy[tracks=3]"],
        "placements": ["line"],
        "spatializers": ["gains"],
        "separators": ["noisy", "nothing", "partial"],
        "metrics": ["error"],
    }
    soundstage.run(grid, tmp_path)
    board = board_of(tmp_path, over="nothing", by=["source"])
    frame = soundstage.load(tmp_path)
    whole = frame[frame["frame"].isna() & (frame["name"] == "error") & (frame["status"] == "ok")]
    table = whole.pivot(index=["track", "source"], columns="separator", values="value")
    for section in board.sections:
        values = {row.separator: row.values[0] for row in section.rows}
        assert values["nothing"] == 0.0
        own = table.xs(section.group["source"], level="source")
        assert values["noisy"] == pytest.approx((own["noisy"] - own["nothing"]).median())
    assert board.columns[0].label == "errori"
    assert any("that of nothing on the same scene" in line for line in fine_print(board))
    with pytest.raises(SoundstageError, match="no separator 'nothin'; did you mean 'nothing'"):
        board_of(tmp_path, over="nothin")
