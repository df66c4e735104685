"""Names in tables are shown letter by letter: no markup, no command to a terminal, and no value pushed out."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from boards import board_of, numbers, results
from soundstage.contracts import Score
from soundstage.report.plain import format_csv, format_json, format_markdown
from soundstage.report.scores import scores_table
from soundstage.report.terminal import print_board
from soundstage.report.text import printable, value_text
from soundstage.results.loading import load_results

MARKUP = ["song [remix]", "[bold]x[/bold]", "[/]", ":smile:", "a[link=file:///x]b", "htdemucs[shifts=2]"]
CONTROLS = ["a\x1b]0;owned\x07b", "\x1b[31mred", "nul\x00", "back\x08", "c1\x9b31m", "two\nlines", "\u202egnp.exe"]
SHOWN = ["a\\x1b]0;owned\\x07b", "\\x1b[31mred", "nul\\x00", "back\\x08", "c1\\x9b31m", "two\\nlines", "\\u202egnp.exe"]


def scored(path, tracks=("song",), separators=("model",), source="bass"):
    rows = {(separator, track): [Score(source, "SDR", 12.34)] for separator in separators for track in tracks}
    return results(path, rows)


def terminal(board, width=100, **options):
    out = io.StringIO()
    print_board(board, Console(file=out, width=width, **options))
    return out.getvalue()


def test_square_brackets_and_emoji_codes_are_kept_in_the_table_of_scores(tmp_path):
    text = scores_table(load_results(scored(tmp_path, tracks=MARKUP)))
    for name in MARKUP:
        assert name in text
    assert scores_table(load_results(scored(tmp_path / "source", source="[red]bass"))).count("[red]bass") == 1


def test_square_brackets_and_emoji_codes_are_kept_on_the_leaderboard(tmp_path):
    board = board_of(scored(tmp_path, separators=MARKUP))
    for name in MARKUP:
        assert name in terminal(board)
        assert name in format_markdown(board)


def test_a_long_name_pushes_no_value_out_of_the_table_of_scores(tmp_path):
    name = "long name " * 40 + "end"
    text = scores_table(load_results(scored(tmp_path, tracks=(name, "short"))))
    assert name in text
    assert text.count("12.34") == 2 + 1
    assert "…" not in text


@pytest.mark.parametrize("width", [10, 40, 80, 200])
def test_a_long_name_pushes_no_value_off_the_leaderboard(tmp_path, width):
    names = ("x" * 300, "word " * 60 + "end", "short")
    board = board_of(scored(tmp_path, separators=names))
    text = terminal(board, width)
    assert text.count("12.34") == len(names)
    assert "…" not in text
    assert text.count("x") >= 300
    assert text.count("word") == 60


@pytest.mark.parametrize(("name", "shown"), list(zip(CONTROLS, SHOWN, strict=True)))
def test_what_would_command_a_terminal_is_spelt_out(tmp_path, name, shown):
    text = scores_table(load_results(scored(tmp_path / "a", tracks=(name,))))
    board = board_of(scored(tmp_path / "b", separators=(name,)))
    for page in (
        text,
        terminal(board),
        terminal(board, force_terminal=True, color_system=None),
        format_markdown(board),
    ):
        assert shown in page.replace("\\\\", "\\")
        assert not [letter for letter in page if unicodedata.category(letter) in ("Cc", "Cs") and letter != "\n"]


def test_what_would_command_a_terminal_is_spelt_out_in_headers_groups_and_notes_too(tmp_path):
    board = board_of(results(tmp_path, {("model", "a"): [Score("b\x1b", "S\x1bDR", 1.0)]}, ("S\x1bDR",)), by=["source"])
    assert "source: b\\x1b" in terminal(board)
    assert "S\\x1bDR" in terminal(board)
    assert "\x1b" not in terminal(board) + format_markdown(board)


@given(st.text(alphabet=st.characters(), max_size=30))
@settings(max_examples=300, deadline=None)
def test_printable_text_is_one_line_that_any_terminal_can_be_sent(text):
    shown = printable(text)
    shown.encode("utf-8")
    assert not [letter for letter in shown if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")]
    if text.isascii() and text.isprintable():
        assert shown == text


def test_a_name_that_is_no_text_at_all_is_spelt_out_in_csv_and_json(tmp_path):
    from dataclasses import replace

    board = board_of(scored(tmp_path))
    (section,) = board.sections
    rows = tuple(replace(row, separator="\udcff\x1b[1m") for row in section.rows)
    board = replace(board, sections=(replace(section, rows=rows),))
    assert json.loads(format_json(board).encode())["sections"][0]["rows"][0]["separator"] == "\udcff\x1b[1m"
    (line,) = csv.DictReader(io.StringIO(format_csv(board).encode().decode()))
    assert line["separator"] == "\\udcff\x1b[1m"


def test_names_in_markdown_stay_in_their_cells_and_are_no_html(tmp_path):
    names = ("a|b", "<b>bold</b>", "*star*", "back\\slash", "`code`")
    board = board_of(scored(tmp_path, separators=names))
    lines = [line for line in format_markdown(board).splitlines() if line.startswith("| 1 |")]
    unescaped = [re.sub(r"\\(.)", r"\1", re.split(r"(?<!\\)\|", line)[2].strip()) for line in lines]
    assert sorted(unescaped) == sorted(names)
    assert not any(re.search(r"(?<!\\)[<*`]", re.split(r"(?<!\\)\|", line)[2]) for line in lines)


def on_a_terminal(*arguments, **variables):
    """What a verb writes where its output and its errors are a terminal."""
    own, other = pty.openpty()
    code = "from soundstage.cli import main; main()"
    environment = {name: text for name, text in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "100", **variables}
    run = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=other, stderr=other, env=environment
    )
    os.close(other)
    found = b""
    while True:
        try:
            part = os.read(own, 65536)
        except OSError:
            break
        if not part:
            break
        found += part
    os.close(own)
    run.wait()
    return found.decode("utf-8", "replace")


def test_show_prints_what_a_registry_says_and_commands_no_terminal(tmp_path):
    from click.testing import CliRunner

    from soundstage.cli import cli

    file = tmp_path / "mine.toml"
    text = '[separators.mine]\nplugin = "mixture"\nsummary = "one\\u001b[2Jtwo [bold]"\ncitation = "a\\u0007b"\n'
    file.write_text(text, encoding="utf-8")
    told = CliRunner().invoke(cli, ["show", "mine", "--registry", str(file)])
    assert told.exit_code == 0, told.exception
    assert "  one\\x1b[2Jtwo [bold]\n" in told.output
    assert "a\\x07b" in told.output
    assert "\x1b" not in told.output


@pytest.mark.parametrize("verb", ["leaderboard", "show", "list", "show publication"])
def test_no_verb_commands_the_terminal_where_no_color_is_set(tmp_path, verb):
    arguments = {
        "leaderboard": ("leaderboard", scored(tmp_path)),
        "show": ("show", "demo"),
        "list": ("list",),
        "show publication": ("show", "namballa2025"),
    }[verb]
    assert "\x1b[" in on_a_terminal(*arguments)
    assert "\x1b[" in on_a_terminal(*arguments, NO_COLOR="")
    assert "\x1b" not in on_a_terminal(*arguments, NO_COLOR="1")


def test_values_are_the_same_with_and_without_colours(tmp_path):
    board = board_of(scored(tmp_path, separators=("a", "b")))
    plain = terminal(board)
    coloured = terminal(board, force_terminal=True, color_system="truecolor")
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    for row in board.sections[0].rows:
        assert value_text(numbers(row)[0], board.columns[0]) in plain
