"""A leaderboard sets apart who was trained on its songs, who was not, and of whom that is not stated, in every view."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

import soundstage
from boards import board_of
from soundstage.catalogue.registry import Registry
from soundstage.leaderboard.training import songs_of
from soundstage.leaderboard.versus import versus
from soundstage.planning.cells import make_plan
from soundstage.planning.grid import read_grid
from soundstage.report.html.data import payload
from soundstage.report.latex import format_latex
from soundstage.report.paper.content import Options, make_paper
from soundstage.report.plain import format_csv, format_json, format_markdown
from soundstage.report.terminal import print_board
from soundstage.report.versus import print_versus, records, versus_json
from soundstage.results.circumstances import with_circumstances
from soundstage.results.loading import load_results
from soundstage.results.merge import merge
from soundstage.results.plans import Plans
from soundstage.results.store import Store
from soundstage.running.runner import run_plan

STEMS = ["bass", "drums", "vocals"]
ENTRIES = {
    "datasets": {"songbook": {"plugin": "toy", "params": {"tracks": 6}, "songs": "songbook:test"}},
    "separators": {
        "heard": {"plugin": "peeking", "trained_on": ["songbook"]},
        "unheard": {"plugin": "shares", "params": {"stems": STEMS}, "trained_on": ["songbook:train"]},
        "silent": {"plugin": "shares", "params": {"stems": STEMS}},
        "oracle": {"plugin": "noisy", "params": {"level": 0.3}},
    },
}
GRID = {
    "datasets": ["songbook"],
    "spatializers": ["flat"],
    "separators": ["truth", "oracle", "heard", "unheard", "silent", "nothing"],
    "metrics": ["error"],
}


def filled(folder, separators=GRID["separators"], entries=ENTRIES):
    registry = Registry.load()
    registry.extend(entries, "test", None)
    run_plan(make_plan(read_grid("training", {**GRID, "separators": list(separators)}, None), registry), folder)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Where the results lie once some test has made them, for that takes a second."""
    return tmp_path_factory.mktemp("made") / "results"


@pytest.fixture
def folder(toys, made, tmp_path):
    return Path(shutil.copytree(made if made.exists() else filled(made), tmp_path / "results"))


def answers(board):
    (section,) = board.sections
    return {row.separator: row.trained_on_them for row in section.rows}


def terminal(board, width=160):
    out = io.StringIO()
    print_board(board, Console(file=out, width=width, force_terminal=False))
    return out.getvalue()


def test_each_separator_is_one_of_three_and_oracles_and_floors_are_none(folder):
    assert answers(board_of(folder)) == {
        "truth": "",
        "oracle": "",
        "nothing": "",
        "heard": "yes",
        "unheard": "no",
        "silent": "not stated",
    }


def test_who_has_heard_the_songs_stands_below_the_others_without_rank_and_mark(folder):
    (section,) = board_of(folder).sections
    names = [row.separator for row in section.rows if row.role == "separator"]
    assert names[-1] == "heard"
    rows = {row.separator: row for row in section.rows}
    column = next(iter(rows["heard"].values))
    assert rows["heard"].values[column].value < rows["unheard"].values[column].value  # lower is better: it would lead
    assert (rows["heard"].rank, rows["heard"].group, rows["heard"].standing) == (None, "", None)
    assert not rows["heard"].values[column].best
    assert rows["unheard"].rank == rows["silent"].rank == 1
    assert rows["unheard"].values[column].best


def test_the_terminal_says_it_of_each_row_and_in_the_fine_print(folder):
    text = terminal(board_of(folder))
    assert "heard (trained on these songs)" in text
    assert "on it" in text
    (heard,) = [line for line in text.splitlines() if "heard (trained on these songs)" in line]
    assert heard.split()[-2:] == ["yes", "6/6"]
    (silent,) = [line for line in text.splitlines() if " silent " in line and "6/6" in line]
    assert "not stated" in silent
    (unheard,) = [line for line in text.splitlines() if " unheard " in line and "6/6" in line]
    assert unheard.split()[-2] == "no"
    flat = " ".join(text.split())
    assert "trained on it, yes: heard. Set apart, without ranks and marks, for they have heard these songs." in flat
    assert "trained on it, not stated: silent." in flat


def test_markdown_latex_csv_and_json_say_it(folder):
    board = board_of(folder)
    lines = [line for line in format_markdown(board).splitlines() if line.startswith("| ")]
    markdown = {line.split(" | ")[1].strip(): line for line in lines}
    for cell in ("| trained on these songs |", "| **yes** |"):
        assert cell in markdown["heard"]
    assert "| no |" in markdown["unheard"]
    assert "| not stated |" in markdown["silent"]
    assert "| trained on it |" in markdown["separator"]
    latex = format_latex(board)
    (line,) = [line for line in latex.splitlines() if line.startswith(" & heard")]
    assert r"\textit{(trained on these songs)}" in line
    assert r"\textbf{yes}" in line
    assert r"\textbf{" not in line.replace(r"\textbf{yes}", "")
    assert "trained on it, yes: heard." in latex
    told = {line["separator"]: line["trained_on_them"] for line in csv.DictReader(io.StringIO(format_csv(board)))}
    assert told == answers(board)
    rows = json.loads(format_json(board))["sections"][0]["rows"]
    assert {row["separator"]: row["trained_on_them"] for row in rows} == answers(board)


def test_the_report_says_it(folder):
    results = load_results(folder)
    records_of = Store(folder).records()
    pages = payload(results, with_circumstances(results.rows, records_of))
    rows = pages["boards"][0]["sections"][0]["rows"]
    assert {row["separator"]: row["trained"] for row in rows} == answers(board_of(folder))


def test_a_comparison_says_it_first(folder):
    found = versus(load_results(folder), "heard", "silent")
    out = io.StringIO()
    print_versus(found, Console(file=out, width=200, force_terminal=False))
    head = out.getvalue().splitlines()[1:3]
    assert head == [
        "heard was trained on these songs: it has heard what it is scored on.",
        "Whether silent was trained on these songs is not stated.",
    ]
    assert {(one["trained_on_them_one"], one["trained_on_them_other"]) for one in records(found)} == {
        ("yes", "not stated")
    }
    assert json.loads(versus_json(found))["trained_on_them"] == ["yes", "not stated"]


def test_a_paper_says_it_in_its_methods(folder):
    results = load_results(folder)
    text = " ".join(make_paper(results, [], Options(), {}).methods)
    assert "Trained on songs that they are scored on, and so not ranked, is heard." in text
    assert "Whether they were trained on these songs is not stated of silent." in text


def test_where_all_were_trained_on_other_songs_there_is_a_sentence_and_no_column(toys, tmp_path):
    board = board_of(filled(tmp_path / "results", ["truth", "unheard", "nothing"]))
    text = terminal(board)
    assert "No separator was trained on these songs, as far as it is stated." in text
    assert "on it" not in text
    assert "trained on it" not in format_markdown(board)
    assert "trained on it" not in format_latex(board)


def test_where_only_oracles_and_floors_stand_nothing_is_said(toys, tmp_path):
    assert "trained" not in terminal(board_of(filled(tmp_path / "results", ["truth", "nothing"])))


def test_who_alone_is_there_and_has_heard_the_songs_is_not_ranked_either(toys, tmp_path):
    board = board_of(filled(tmp_path / "results", ["truth", "heard", "nothing"]))
    (row,) = [row for row in board.sections[0].rows if row.separator == "heard"]
    assert row.rank is None
    assert "trained on it, yes: heard." in terminal(board)


def test_a_folder_of_before_states_nothing(folder):
    plans = Plans(Store(folder).files)
    plan = plans.find()
    for about in plan.facts["separators"].values():
        about.pop("trained_on", None)
    plans.put(plan)
    found = answers(board_of(folder))
    assert {found[name] for name in ("heard", "unheard", "silent")} == {"not stated"}
    assert {found[name] for name in ("truth", "oracle", "nothing")} == {""}
    assert "trained on it, not stated: of no separator is it said." in " ".join(terminal(board_of(folder)).split())


def test_a_merged_folder_states_it_without_a_registry(folder, tmp_path):
    merge(tmp_path / "merged", [folder])
    assert answers(board_of(tmp_path / "merged")) == answers(board_of(folder))


def test_tables_of_several_data_sets_tell_them_apart(toys, tmp_path):
    registry = Registry.load()
    other = {"datasets": {"other": {"plugin": "toy", "params": {"tracks": 2, "seconds": 0.2}}}}
    registry.extend(ENTRIES, "test", None)
    registry.extend(other, "test", None)
    grid = {**GRID, "datasets": ["songbook", "other"], "separators": ["truth", "heard", "unheard"]}
    run_plan(make_plan(read_grid("training", grid, None), registry), tmp_path / "results")
    by_dataset = board_of(tmp_path / "results", by=["dataset"])
    found = {
        (section.group["dataset"], row.separator): row.trained_on_them
        for section in by_dataset.sections
        for row in section.rows
        if row.role == "separator"
    }
    assert found == {
        ("songbook", "heard"): "yes",
        ("songbook", "unheard"): "no",
        ("other", "heard"): "no",
        ("other", "unheard"): "no",
    }
    assert "yes: heard (dataset: songbook)." in " ".join(terminal(by_dataset).split())
    assert answers(board_of(tmp_path / "results"))["heard"] == "yes"


def test_a_class_may_state_it_too():
    registry = Registry.load()
    assert registry.choose("separators", "adress").build().trained_on == ()
    assert registry.choose("separators", "duet").build().trained_on == ()


def test_the_demo_and_the_split_of_musdb_go_by_their_names(toys, tmp_path):
    soundstage.run({**GRID, "datasets": ["toy"], "separators": ["truth", "nothing"]}, tmp_path / "out")
    assert songs_of(load_results(tmp_path / "out").facts, "toy") == ("toy",)
    setting = {"plugin": "musdb18hq", "parameters": {"split": "train", "stems": 4}}
    facts = {"settings": {"datasets": {"binaural[split=train]": setting}}}
    assert songs_of(facts, "binaural[split=train]") == ("binaural:train", "musdb18hq:train")
