"""The leaderboard as LaTeX: what is best, second and alike is marked, and no name is a command."""

import re
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from boards import board_of, results
from latex import document
from soundstage.cli import cli
from soundstage.contracts import Score
from soundstage.leaderboard.board import Difference, Gap, PublishedRow, PublishedValue
from soundstage.report.latex import format_latex
from soundstage.report.tex import tex

HOSTILE = [
    "<script>alert(1)</script>",
    "quotes \" ' ` ''",
    "../../etc/passwd",
    "x" * 300,
    "emoji \U0001f600",
    "\u05e9\u05dc\u05d5\u05dd \u202eright to left",
    "\x1b[31mred\x1b[0m",
    '=HYPERLINK("http://x")',
    r"\input{/etc/passwd} \end{document}",
    "100% of $x_1^2$ & #1 {~}",
    "^^41 -- --- ,, !` ?` ~",
    "Ärger ßtraße łódź ǰ ő Ø ñ",
    "ΔITD µs α Ω ς °",
    "日本語",
    "a\nb\tc",
]


def folder(path, songs=12):
    """`good` and `twin` cannot be told apart; `bad` is worse than both."""
    scores = {}
    for song in range(songs):
        base = float(song % 7)
        values = {"good": base, "twin": base + (0.1 if song % 2 else -0.2), "bad": base - 5.0}
        for name, value in values.items():
            scores[name, f"song {song}"] = [Score("bass", "SDR", value), Score("vocals", "SDR", value + 0.5)]
    return results(path, scores)


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("twelve"))


@pytest.fixture(scope="module")
def board(twelve):
    return board_of(twelve)


def rows(text):
    """First cells, names → the cells of each line of a table's body."""
    found = {}
    for line in text.splitlines():
        if line.endswith(r"\\") and " & " in line and "multicolumn" not in line:
            rank, name, *cells = line.removesuffix(r" \\").split(" & ")
            found[name] = [rank, *cells]
    return found


def test_the_best_is_bold_the_second_underlined_and_groups_are_raised_letters(board):
    found = rows(format_latex(board))
    values = {row.separator: row.values[board.ranked_by] for row in board.sections[0].rows}
    ordered = sorted(values, key=lambda name: -values[name].value)
    assert ordered[2] == "bad"
    groups = {row.separator: row.group for row in board.sections[0].rows}
    for name, mark in zip(ordered, (r"\textbf{%s}", r"\underline{%s}", "%s"), strict=True):
        text = f"{values[name].value:.2f}".replace("-", "$-$")
        assert found[f"{name}\\textsuperscript{{{groups[name]}}}"][1] == mark % text
        low, high = (f"{end:.2f}".replace("-", "$-$") for end in values[name].interval)
        assert found[f"{name}\\textsuperscript{{{groups[name]}}}"][2] == rf"{{\scriptsize [{low}, {high}]}}"


def test_headers_have_arrows_and_units_and_the_fine_print_stands_below(board):
    text = format_latex(board)
    assert r"{SDR $\uparrow$}" in text
    assert r"{c}{dB}" in text
    assert r"\footnotesize Protocol soundstage: each value is the median over tracks $\times$ sources" in text
    assert "Wilcoxon" in text
    assert "* best" not in text


def test_floors_and_oracles_stand_apart(board):
    (section,) = board.sections
    first, second, third = section.rows
    marked = (replace(first, role="oracle", is_blind=False, rank=None), second, replace(third, role="floor"))
    text = format_latex(replace(board, sections=(replace(section, rows=marked),)))
    assert text.count(r"\addlinespace") == 2
    assert r"\textit{(oracle)}" in text
    assert r"\textbf" not in next(line for line in text.splitlines() if "(oracle)" in line)


def test_published_rows_stand_apart_as_they_were_printed_with_differences_and_no_marks(board):
    (section,) = board.sections
    column = board.ranked_by
    gap = Difference("good", {column: Gap(-0.25, 2)})
    theirs = PublishedRow("A & B", "", "", "table 1", {column: PublishedValue(99.5, "99.5")}, (gap,))
    text = format_latex(replace(board, publication="doe_2026", sections=(replace(section, published=(theirs,)),)))
    body = text.partition(r"\midrule")[2]
    assert r"\midrule" in body
    apart = body.partition(r"\midrule")[2].splitlines()[1:3]
    assert apart == [
        r" & A \& B \textit{(doe\_2026)} & 99.5 &  &  \\",
        r" & $\Delta$ good $-$ A \& B & $-$0.25 &  &  \\",
    ]


def test_claims_that_nobody_calls_blind_are_marked_among_themselves(board):
    (section,) = board.sections
    claims = tuple(replace(row, is_blind=False) for row in section.rows)
    assert r"\textbf" in format_latex(replace(board, sections=(replace(section, rows=claims),)))


def test_the_command_prints_it(twelve):
    assert r"\toprule" in CliRunner().invoke(cli, ["leaderboard", str(twelve), "--format", "latex"]).output


def test_too_few_songs_are_said_and_nothing_is_grouped(tmp_path):
    text = format_latex(board_of(folder(tmp_path, songs=3)))
    assert "too few to say how sure" in text
    assert "textsuperscript" not in text


def unescaped(text):
    """The text without the commands that we write, to see that no other is left."""
    text = re.sub(r"\\(text[a-z]+|ldots|allowbreak|dag|pounds|ss|ae|AE|oe|OE|[oOlLiS])\{\}", "", text)
    text = re.sub(r"\\[`'^~=u.\"rHvdcb]\{\\?[A-Za-z]\}", "", text)
    text = re.sub(r"\$(\\[A-Za-z]+|-)\$", "", text)
    return re.sub(r"\\[{}$&#%_ ]|\{\}|--|~", "", text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=500, deadline=None)
def test_no_text_holds_a_command_or_a_letter_that_latex_cannot_read(text):
    left = unescaped(tex(text))
    assert not set("\\{}$&#%_^") & set(left), tex(text)
    assert tex(text).isascii()


def test_a_plain_text_stays_as_it_is():
    text = "Open-Unmix (v1.2), 8 songs: it's = better/worse + more; [x]"
    assert tex(text) == text


@pytest.mark.slow
def test_hostile_names_compile(tmp_path):
    scores = {}
    for number, name in enumerate(HOSTILE):
        for song in range(6):
            scores[name, f"{name} {song}"] = [Score(name, "SDR", float(song * number % 5))]
    board = board_of(results(tmp_path / "results", scores), by=["source"])
    text = format_latex(board_of(tmp_path / "results"), intervals=True) + "\n" + format_latex(board)
    log = document(tmp_path, text)
    assert "Missing character" not in log
    assert (tmp_path / "page.pdf").stat().st_size > 10_000
