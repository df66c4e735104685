"""The leaderboard ranks on shared scores, shows its holes, and keeps floors and oracles apart."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest

import soundstage
from boards import board_of, counts, numbers, results
from soundstage.contracts import Measure, Score
from soundstage.errors import SoundstageError
from soundstage.leaderboard.board import Coverage
from soundstage.report.plain import format_csv, format_json, format_markdown

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
    assert [(section.group["spatializer"], counts(section)) for section in pooled] == [
        ("flat", ((6, 6),)),
        ("gains", ((12, 12),)),
    ]
    assert [section.group for section in board_of(tmp_path, by=[]).sections] == [{}]
    one = board(tmp_path / "one", {**grid, "spatializers": ["gains"]}).sections
    assert [section.group for section in one] == [{"placement": "line"}, {"placement": "frontal"}]


def test_values_are_medians_over_tracks_and_sources(tmp_path):
    found = rows(board(tmp_path, {**GRID, "separators": ["truth", "nothing"]}, by=[]).sections[0])
    frame = soundstage.load(tmp_path)
    wanted = frame[(frame["separator"] == "nothing") & (frame["name"] == "error") & frame["frame"].isna()]
    assert len(wanted) == 2 * 2 * 3
    assert numbers(found["nothing"]) == (np.median(wanted["value"]),)


def test_floors_oracles_and_the_ceiling_stand_apart_and_have_no_rank(tmp_path):
    section = board(tmp_path).sections[0]
    assert [row.role for row in section.rows] == ["ceiling", "oracle", "oracle", "separator", "separator", "floor"]
    assert {row.separator: row.rank for row in section.rows if row.rank} == {"peeking": 1, "partial": 2}


def test_every_entry_is_ranked_on_the_scores_that_all_have(tmp_path):
    section = board(tmp_path, by=[]).sections[0]
    assert counts(section) == ((2 * 2, 2 * 2 * 3),)
    frame = soundstage.load(tmp_path)
    frame = frame[(frame["name"] == "error") & frame["frame"].isna() & (frame["source"] == "vocals")]
    for separator, row in rows(section).items():
        assert numbers(row) == (frame[frame["separator"] == separator]["value"].median(),)


def test_an_entry_without_any_score_is_shown_and_takes_nothing_from_the_others(tmp_path):
    grid = {**GRID, "separators": ["truth", "nothing", "peeking", "misbehaving", "absent"]}
    found = board(tmp_path, grid, by=[])
    section = found.sections[0]
    assert counts(section) == ((2 * 2 * 3, 2 * 2 * 3),)
    row = rows(section)["misbehaving"]
    assert math.isnan(numbers(row)[0])
    assert (row.rank, row.coverage.done, row.coverage.planned) == (None, 0, 4)
    assert any("misbehaving: failed in 4 cells" in note for note in found.notes)
    assert any("absent: not-installed in 4 cells" in note for note in found.notes)


def test_a_partly_failing_entry_shows_its_coverage_and_is_compared_where_it_has_scores(tmp_path):
    grid = {**GRID, "separators": ["truth", "nothing", "peeking", "misbehaving[track=song 1]"]}
    section = board(tmp_path, grid, by=[]).sections[0]
    found = rows(section)
    assert counts(section)[0][0] == 2 * 3
    assert found["misbehaving[track=song 1]"].coverage == Coverage(2, 4)
    assert numbers(found["misbehaving[track=song 1]"]) == numbers(found["nothing"])


def test_scores_that_must_not_be_ranked_on_are_left_out_and_said(tmp_path):
    grid = {**GRID, "metrics": ["error", "misscoring[how=doubtful]"]}
    found = board(tmp_path, grid, by=[])
    assert all(math.isnan(numbers(row)[1]) for row in found.sections[0].rows)
    assert any("are left out, mostly: singular" in note for note in found.notes)


def test_a_source_without_a_value_spoils_no_other(tmp_path):
    grid = {**GRID, "separators": ["truth", "nothing"], "metrics": ["misscoring[how=vocals]"]}
    found = board(tmp_path, grid, by=[])
    assert counts(found.sections[0]) == ((2 * 2 * 2, 2 * 2 * 3),)
    assert numbers(rows(found.sections[0])["truth"]) == (1.0,)
    assert any("8 of 24 scores have no value, mostly: silent" in note for note in found.notes)


def test_the_best_blind_separator_is_marked_and_no_oracle_ever(tmp_path):
    section = board(tmp_path).sections[0]
    assert {row.separator for row in section.rows if any(value.best for value in row.values.values())} == {"peeking"}


def test_who_is_told_which_cell_it_is_does_not_count_as_blind(tmp_path):
    found = rows(board(tmp_path, {**GRID, "separators": ["peeking", "misbehaving[track=none]"]}, by=[]).sections[0])
    assert found["peeking"].is_blind
    assert not found["misbehaving[track=none]"].is_blind
    assert found["misbehaving[track=none]"].rank == 2


def test_entries_whose_outputs_were_assigned_are_marked(tmp_path):
    found = board(tmp_path)
    assert rows(found.sections[0])["shuffled"].is_assigned
    assert "shuffled †" in format_markdown(found)


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
    assert found.title in format_markdown(found)


def test_a_folder_with_two_grids_shows_the_newest_or_the_one_asked_for(tmp_path):
    soundstage.run(GRID, tmp_path)
    soundstage.run({**GRID, "name": "more", "separators": ["truth"]}, tmp_path)
    assert board_of(tmp_path).grid == "more"
    assert board_of(tmp_path, grid="toys").grid == "toys"
    assert len(board_of(tmp_path, grid="toys").sections[0].rows) == 6


def test_csv_and_json_hold_full_precision_and_no_nan(tmp_path):
    found = board(tmp_path, {**GRID, "separators": ["truth", "nothing", "misbehaving"]})
    lines = list(csv.DictReader(io.StringIO(format_csv(found))))
    assert len(lines) == 2 * 3
    (value,) = numbers(next(row for row in found.sections[0].rows if row.separator == "nothing"))
    line = next(line for line in lines if line["separator"] == "nothing" and line["spatializer"] == "flat")
    assert float(line["value"]) == value
    assert next(line for line in lines if line["separator"] == "misbehaving")["value"] == ""
    parsed = json.loads(format_json(found))
    assert parsed["sections"][0]["rows"][-1]["values"]["error"]["error"]["value"] == value
    assert "NaN" not in format_json(found)


def test_markdown_tables_are_well_formed(tmp_path):
    lines = [line for line in format_markdown(board(tmp_path)).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == 2 * (2 + 6 + 1)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_value_is_ever_cut_however_narrow_the_terminal(tmp_path, width):
    from rich.console import Console

    from soundstage.report.terminal import print_board
    from soundstage.report.text import value_text

    found = board(tmp_path, {**GRID, "metrics": ["error", "other_error", "misscoring[how=vocals]"]}, by=[])
    out = io.StringIO()
    print_board(found, Console(file=out, width=width, force_terminal=False))
    text = out.getvalue()
    for row in found.sections[0].rows:
        for column, value in row.values.items():
            assert value_text(value.value, column) in text
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
        values = {row.separator: numbers(row)[0] for row in section.rows}
        assert values["nothing"] == 0.0
        own = table.xs(section.group["source"], level="source")
        assert values["noisy"] == pytest.approx((own["noisy"] - own["nothing"]).median())
    assert board.columns[0].label == "errori"
    assert any("that of nothing on the same scene" in line for line in fine_print(board))
    with pytest.raises(SoundstageError, match="no separator 'nothin'; did you mean 'nothing'"):
        board_of(tmp_path, over="nothin")


def test_case_does_not_matter_where_names_differ_in_nothing_else(tmp_path):
    found = board(tmp_path, metrics=["PEAK", "Error"], rank_by="pEaK", by=["Source"], over="NOTHING")
    assert [column.name for column in found.columns] == ["peak", "error"]
    assert (found.ranked_by.name, found.over) == ("peak", "nothing")
    assert {tuple(section.group) for section in found.sections} == {("source",)}


def test_names_that_differ_in_case_alone_are_told_apart_by_it(tmp_path):
    scores = {(name, "a"): [Score("bass", "sdr", 1.0), Score("bass", "SDR", 2.0)] for name in ("One", "one", "two")}
    folder = results(tmp_path, scores, ("sdr", "SDR"))
    for wanted in ("sdr", "SDR"):
        assert board_of(folder, rank_by=wanted).ranked_by.name == wanted
    with pytest.raises(SoundstageError, match="cannot rank by 'Sdr'"):
        board_of(folder, rank_by="Sdr")
    assert board_of(folder, over="one").over == "one"
    with pytest.raises(SoundstageError, match="no separator 'ONE'"):
        board_of(folder, over="ONE")


@pytest.mark.parametrize(
    ("wanted", "ranked_by"), [("TOY", "SDR"), ("toy.sir", "SIR"), ("sDr", "SDR"), ("Toy.SDR", "SDR"), ("sir", "SIR")]
)
def test_measures_are_named_in_any_case_alone_or_with_their_metric(tmp_path, wanted, ranked_by):
    scores = {("one", "a"): [Score("bass", "SDR", 1.0), Score("bass", "SIR", 2.0)]}
    assert board_of(results(tmp_path, scores, ("SDR", "SIR")), rank_by=wanted).ranked_by.name == ranked_by


def test_an_entry_that_lacks_sources_is_named_as_what_narrows_the_table(tmp_path):
    scores = {
        (name, track): [Score(source, "SDR", 1.0) for source in sources]
        for name, sources in (("four", ("bass", "drums", "vocals")), ("two", ("vocals",)), ("none", ()))
        for track in ("a", "b")
    }
    folder = results(tmp_path, scores)
    found = board_of(folder)
    assert counts(found.sections[0]) == ((2, 6),)
    assert [note for note in found.notes if "has no scores of" in note] == [
        "two has no scores of bass, drums, so no value of a table that it is in is over them; --by source compares the"
        " others there"
    ]
    assert not any("has no scores of" in note for note in board_of(folder, by=["source"]).notes)


def test_an_entry_of_fewer_tracks_is_named_as_what_narrows_the_table(tmp_path):
    scores = {("many", track): [Score("bass", "SDR", 1.0)] for track in "abc"}
    found = board_of(results(tmp_path / "few", {**scores, ("few", "b"): [Score("bass", "SDR", 2.0)]}))
    assert "few is of 1 of 3 tracks, so every value of a table that it is in is over no others" in found.notes
    whole = board_of(results(tmp_path / "whole", scores))
    assert not any("tracks, so every value" in note for note in whole.notes)


def test_decimals_are_the_measures_and_older_plans_have_those_that_they_were_shown_with(tmp_path):
    from soundstage.leaderboard.choice import shown_columns
    from soundstage.report.text import value_text

    facts = {"unit": "dB", "higher_is_better": True, "headline": True, "label": ""}
    metrics = {"toy": {"a": facts, "b": {**facts, "unit": "µs"}, "c": {**facts, "unit": "µs", "decimals": 3}}}
    columns = shown_columns({"metrics": metrics})
    assert [value_text(-0.0004, column) for column in columns] == ["0.00", "0", "0.000"]
    assert [value_text(1234.5678, column) for column in columns] == ["1234.57", "1235", "1234.568"]
    assert value_text(math.nan, columns[0]) == "–"


@pytest.mark.parametrize("decimals", [-1, 2.0, "2", True, 16])
def test_decimals_that_nobody_could_show_are_refused(decimals):
    with pytest.raises(ValueError, match=r"decimals of a measure are .*; give a whole number from 0 to 15"):
        Measure("dB", higher_is_better=True, decimals=decimals)


def test_a_measure_says_its_decimals_to_the_tables_of_a_grid_and_to_no_address(tmp_path, monkeypatch):
    import soundstage_toys

    before = soundstage.run(GRID, tmp_path)
    measures = {name: replace(one, decimals=4) for name, one in soundstage_toys.ErrorDb.measures.items()}
    monkeypatch.setattr(soundstage_toys.ErrorDb, "measures", measures)
    again = soundstage.run(GRID, tmp_path)
    assert again.hash == before.hash
    assert again.cached + again.ran == before.planned
    found = board_of(tmp_path)
    assert {column.decimals for column in found.columns} == {4}
    value = numbers(found.sections[0].rows[0])[0]
    assert f"| {value:.4f} |" in format_markdown(found).replace("*", "")


def test_whatever_stands_in_columns_is_found_by_the_column(tmp_path):
    found = board(tmp_path, metrics=["error", "peak"])
    for section in found.sections:
        assert tuple(section.scores) == found.columns
        for row in section.rows:
            assert tuple(row.values) == found.columns
    backwards = replace(found, columns=found.columns[::-1])
    for line, reverse in zip(
        (line.split("|")[1:-1] for line in format_markdown(found).splitlines() if line.startswith("| ")),
        (line.split("|")[1:-1] for line in format_markdown(backwards).splitlines() if line.startswith("| ")),
        strict=True,
    ):
        assert line[3:5] == reverse[4:2:-1]


def test_json_holds_what_stands_in_columns_by_metric_and_measure(tmp_path):
    found = board(tmp_path)
    parsed = json.loads(format_json(found))
    row = parsed["sections"][0]["rows"][0]
    assert row["values"]["error"]["error"] == {
        "value": numbers(found.sections[0].rows[0])[0],
        "best": False,
        "interval": None,
    }
    assert row["coverage"] == {"done": 2, "planned": 2}
    assert parsed["sections"][0]["scores"]["error"]["error"] == {"shared": 2, "possible": 6, "songs": 2}


def test_an_infinity_in_an_older_folder_reaches_no_average(tmp_path):
    rows = [Score("bass", "SDR", math.inf), Score("bass", "SDR", math.inf, 0), Score("bass", "SDR", 3.0, 1)]
    folder = results(tmp_path, {("one", "a"): rows, ("one", "b"): [Score("bass", "SDR", 1.0)]})
    found = board_of(folder)
    assert numbers(found.sections[0].rows[0]) == (1.0,)
    assert any("1 of 2 scores have no value, mostly: the value is infinite" in note for note in found.notes)
    assert numbers(board_of(folder, protocol="spain-net").sections[0].rows[0]) == (2.0,)
