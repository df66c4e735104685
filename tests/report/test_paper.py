"""A paper's numbers follow from the results; whoever mistypes one, or has old ones, is told which."""

from __future__ import annotations

import re
import shutil

import pytest
from click.testing import CliRunner

from boards import results
from latex import compiled
from soundstage.cli import cli
from soundstage.contracts import Score
from soundstage.report.paper.bibliography import Cited, Source
from soundstage.report.paper.checking import check_paper
from soundstage.report.paper.content import Options, make_paper
from soundstage.report.paper.known import Known
from soundstage.report.paper.numbers import camel
from soundstage.report.paper.reading import read_document
from soundstage.results.loading import load_results

SONGS = 12
MAIN = r"""
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\usepackage{graphicx}
\input{numbers}
\begin{document}
\section{Methods of 2 kinds}
\input{methods}
We trained for 100 epochs on 8 GPUs in 2024, at 44.1 kHz, with windows of 2048 samples \cite{alpha2019,beta2020}; in
Section 3.2 and on page 17 of~\cite[p.~5]{gamma2021} the learning rate is 0.001, and 5 \% of 250 songs are left out.
The SDR was introduced in 2006, and alpha\_net has 12.5 million parameters. Its 2018 version needed 3.7 s a song.
Mixtures were attenuated by 6 dB before beta saw them, at 48 kHz.
\section{Results}
\input{tables}
\input{sentences}
In SDR, alpha\_net reaches \ssAlphaNetSDR{} dB, which is \ssnum{AlphaNetSDR}{@VALUE@} dB when rounded.
Typed by hand, the SDR of alpha\_net is @SHORT@~dB @INTERVAL@, and it beats gamma by @GAP@~dB on @BETTER@ of 12 songs
(@P@). Both differ by more than 0.5 dB in SDR, alpha\_net being ahead by far.
\begin{table}
\caption{A table of 3 lines, typed by hand.}
\begin{tabular}{lr}
\toprule
Model & SDR (dB) \\
\midrule
Alpha-Net & \textbf{@VALUE@} \\
beta & @BETA@ \\
gamma (2023) & $@GAMMA@$ \\
\bottomrule
\end{tabular}
\end{table}
What others say of beta, 9.87 dB of SDR, is theirs. % soundstage: ignore
\end{document}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three separators on twelve songs: alpha_net and beta cannot be told apart by a hair, gamma is far behind."""
    scores = {}
    for song in range(SONGS):
        base = 3.0 + 0.37 * (song * 5 % SONGS)
        shifts = {"alpha_net": 0.41 if song % 5 else -0.2, "beta": 0.0, "gamma": -6.1 + 0.07 * song}
        for name, shift in shifts.items():
            values = {"bass": base + shift, "vocals": base + 1.3 * shift + 0.71}
            scores[name, f"song {song}"] = [Score(source, "SDR", value) for source, value in values.items()]
    return results(tmp_path_factory.mktemp("results"), scores)


def said(*arguments):
    return CliRunner().invoke(cli, ["paper", *map(str, arguments)])


def macro(text, name):
    return re.search(rf"\\newcommand{{\\{name}}}{{(.*?)}} *%", text)[1].replace("$-$", "-").replace("$", "")


@pytest.fixture(scope="module")
def written(folder, tmp_path_factory):
    """A paper, with prose and a table typed by hand in its main file."""
    out = tmp_path_factory.mktemp("paper")
    found = said(folder, "--out", out)
    assert found.exit_code == 0, found.output
    numbers = (out / "numbers.tex").read_text(encoding="utf-8")
    pair = "ssAlphaNetAgainstGammaSDR"
    value = macro(numbers, "ssAlphaNetSDR")
    ends = [macro(numbers, f"ssAlphaNetSDR{end}") for end in ("Low", "High")]
    words = {
        "VALUE": value,
        "SHORT": f"{float(value) + 1e-9:.1f}",
        "INTERVAL": f"[{', '.join(ends)}]",
        "GAP": macro(numbers, f"{pair}Difference"),
        "BETTER": macro(numbers, f"{pair}Better"),
        "P": f"$ {macro(numbers, f'{pair}P')} $",
        "BETA": macro(numbers, "ssBetaSDR"),
        "GAMMA": macro(numbers, "ssGammaSDR"),
    }
    text = MAIN
    for word, number in words.items():
        text = text.replace(f"@{word}@", number)
    (out / "main.tex").write_text(text, encoding="utf-8")
    return out


@pytest.fixture
def paper(written, tmp_path):
    return shutil.copytree(written, tmp_path / "paper")


@pytest.fixture(scope="module")
def made(folder):
    """What is known of the results."""
    loaded = load_results(folder)
    cited = {("soundstage", ""): Cited((Source("soundstage", "misc", {}),))}
    return Known(loaded, make_paper(loaded, [], Options(), cited))


def checked(paper, made):
    """The findings of a check as lines."""
    return [finding.text for finding in check_paper(read_document(paper / "main.tex"), made).findings]


def test_a_paper_that_nobody_touched_has_nothing_wrong(paper, folder):
    found = said(folder, "--check", paper / "main.tex")
    assert found.exit_code == 0, found.output
    assert re.fullmatch(r"\d{2,} numbers checked; all follow from .*\n", found.stdout)


def test_a_paper_with_a_wrong_number_fails_and_names_file_line_and_value(paper, folder):
    text, line, typed = changed((paper / "main.tex").read_text(encoding="utf-8"), r"ssnum{AlphaNetSDR}{([\d.]+)}")
    (paper / "main.tex").write_text(text, encoding="utf-8")
    found = said(folder, "--check", paper / "main.tex")
    assert found.exit_code == 1
    assert re.fullmatch(
        rf".*main\.tex:{line}: {typed}: AlphaNetSDR is .* \(SDR \(toy\) of alpha_net, dB\)\n", found.stdout
    )
    assert re.fullmatch(r"1 of \d+ numbers do not follow from .*\n", found.stderr)


def other(number):
    """The number with another last digit that is none."""
    return re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 3) % 10), number)


def changed(text, pattern, new=None):
    """The text with what the pattern's group matches replaced, the line of it, and what stands there now."""
    match = re.search(pattern, text)
    assert match, pattern
    typed = other(match[1]) if new is None else new
    line = text[: match.start(1)].count("\n") + 1
    return text[: match.start(1)] + typed + text[match.end(1) :], line, typed


PLANTS = {
    "a macro's value": ("numbers.tex", r"\\newcommand{\\ssAlphaNetSDR}{([\d.]+)}", None),
    "a macro's interval": ("numbers.tex", r"\\newcommand{\\ssBetaSDRHigh}{([\d.]+)}", None),
    "a macro's count": ("numbers.tex", r"\\newcommand{\\ssAlphaNetAgainstGammaSDRBetter}{(\d+)}", None),
    "a macro's p-value": ("numbers.tex", r"\\newcommand{\\ssAlphaNetAgainstBetaSDRP}{p~=~([\d.]+)}", None),
    "a macro's rank": ("numbers.tex", r"\\newcommand{\\ssGammaRank}{(\d)}", "2"),
    "a value in a table": ("tables.tex", r"beta\\textsuperscript{.} & (?:\\underline{)?([\d.]+)", None),
    "an interval in a table": (
        "tables.tex",
        r"gamma\\textsuperscript.*?\\scriptsize \[[^,]*, (?:\$-\$)?([\d.]+)\]",
        None,
    ),
    "ranks in a table": ("tables.tex", r"\n(\d) \(\d.*gamma", "4"),
    "a group in a table": ("tables.tex", r"gamma\\textsuperscript{([a-z])}", "a"),
    "a count in a caption": ("tables.tex", r"caption{.*: (\d+) songs", "13"),
    "resamples in fine print": ("tables.tex", r"(10,000) bootstrap", "1,000"),
    "a difference in a sentence": ("sentences.tex", r"SDR: alpha\\_net beats gamma by ([\d.]+) dB", None),
    "an interval in a sentence": ("sentences.tex", r"beats gamma by [\d.]+ dB \[([\d.]+), ", None),
    "a count in a sentence": ("sentences.tex", r"beats gamma.* on (\d+) of 12 songs", "11"),
    "songs in a sentence": ("sentences.tex", r"beats gamma.* on \d+ of (\d+) songs", "13"),
    "p in a sentence": ("sentences.tex", r"beats gamma.* p~(?:=|\\textless{})~([\d.]+)\.\n", "0.04"),
    "songs in the methods": ("methods.tex", r"The data are (\d+) songs", "50"),
    "the hash in the methods": ("methods.tex", r"hash (\w{8})", "1a2b3c4d"),
    "a typed number": ("main.tex", r"\\ssnum{AlphaNetSDR}{([\d.]+)}", None),
    "a value in prose": ("main.tex", r"the SDR of alpha\\_net is ([\d.]+)~dB", None),
    "an interval in prose": ("main.tex", r"the SDR of alpha\\_net is [\d.]+~dB \[[\d.]+, ([\d.]+)\]", None),
    "a difference in prose": ("main.tex", r"it beats gamma by ([\d.]+)~dB", None),
    "a count in prose": ("main.tex", r"on (\d+) of 12 songs", "9"),
    "songs in prose": ("main.tex", r"on \d+ of (12) songs", "50"),
    "p in prose": ("main.tex", r"\(\$ p~(?:=|\\textless{})~([\d.]+) \$\)", "0.0001"),
    "the best in a table typed by hand": ("main.tex", r"Alpha-Net & \\textbf{([\d.]+)}", None),
    "a value in a table typed by hand": ("main.tex", r"\nbeta & ([\d.]+)", None),
    "a sign in a table typed by hand": ("main.tex", r"gamma \(2023\) & \$(-?[\d.]+)\$", "0.01"),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_number_is_found_with_its_line_and_no_other_is(paper, made, plant):
    name, pattern, new = PLANTS[plant]
    text, line, typed = changed((paper / name).read_text(encoding="utf-8"), pattern, new)
    (paper / name).write_text(text, encoding="utf-8")
    lines = checked(paper, made)
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{paper / name}:{line}: "), lines
    assert typed in lines[0].partition(": ")[2].partition(": ")[0]


def test_all_planted_numbers_are_found_at_once_and_none_is_invented(paper, made):
    wanted = set()
    for name, pattern, new in PLANTS.values():
        text, line, _ = changed((paper / name).read_text(encoding="utf-8"), pattern, new)
        (paper / name).write_text(text, encoding="utf-8")
        wanted.add((str(paper / name), line))
    lines = checked(paper, made)
    assert {(line.split(":")[0], int(line.split(":")[1])) for line in lines} == wanted
    assert len(lines) == len(PLANTS) >= 20


@pytest.mark.parametrize(
    "prose",
    [
        "In 2019, alpha_net was trained for 12 days; its 4 sources take 2.5 GB; Figure 3 shows SDR over 360 degrees.",
        r"See Section 4.2, Table~7, page 9 of \cite[p.~33]{beta2020}: beta has 28 M parameters and SDR is in dB.",
        "We cut 30 s from each of 50 songs; alpha_net is faster than beta by 3 s on a 2.4 GHz processor with 16 cores.",
        "SDR is not given below 60 dB. Values lie between 0 and 20 dB.",
        r"The threshold of 20 dB in SDR is met by alpha\_net on few songs; beta's SDR has $\pm$ 0.7 dB.",
        r"Alpha-Net gains more than 1 dB in SDR over gamma, at $\alpha = 0.05$ and a level of $-23$ LUFS.",
        r"\begin{tabular}{lrr} Model & Year & Size (M) \\ alpha\_net & 2019 & 12.5 \\ beta & 2021 & 9 \end{tabular}",
        r"\begin{verbatim} SDR of alpha_net is 99.9 dB \end{verbatim} % SDR of beta is 88.8 dB",
        r"\newcommand{\mine}{3.7} \setlength{\tabcolsep}{4pt} \hspace{1.5em} \includegraphics[width=0.8\textwidth]{a1}",
    ],
)
def test_numbers_that_are_nobodys_business_are_left_alone(paper, made, prose):
    (paper / "main.tex").write_text(
        MAIN.partition("Typed by hand")[0].replace("@VALUE@", "5") + prose, encoding="utf-8"
    )
    lines = checked(paper, made)
    assert [line for line in lines if "ssnum" not in line and ": 5: " not in line] == []


HAND = r"""
The SDR of alpha\_net is \textbf{@ALPHA@}\,dB.
In terms of SDR, beta (\qty{@BETA@}{dB}) stands beside alpha\_net (\SI{@ALPHA@}{dB}).
Alpha-Net beats Gamma by $@GAP@$ dB of SDR.
alpha\_net exceeds gamma in SDR on @BETTER@ out of 12 tracks.
\begin{tabular}{@{}lS@{}}\toprule
{Method} & {SDR / dB} \\\midrule
\texttt{alpha\_net} & @ALPHA@ \\
\emph{beta} & @BETA@$^{*}$ \\\bottomrule
\end{tabular}
\begin{tabular}{l|rr} & alpha\_net & beta \\ \hline
SDR & @ALPHA@ & @BETA@ \\
\end{tabular}
\begin{tabular}{lr} & SDR [95\%] \\
beta & @BETA@ [@LOW@, @HIGH@] \\
\end{tabular}
Of bass alone, alpha\_net beats gamma by @BASS@ dB in SDR.
"""


def test_every_number_typed_by_hand_is_found_in_whatever_form_it_is_written(paper, made):
    numbers = (paper / "numbers.tex").read_text(encoding="utf-8")
    (pair,) = made.compared("alpha_net", "gamma")
    words = {
        "ALPHA": macro(numbers, "ssAlphaNetSDR"),
        "BETA": macro(numbers, "ssBetaSDR"),
        "LOW": macro(numbers, "ssBetaSDRLow"),
        "HIGH": macro(numbers, "ssBetaSDRHigh"),
        "GAP": macro(numbers, "ssAlphaNetAgainstGammaSDRDifference"),
        "BETTER": macro(numbers, "ssAlphaNetAgainstGammaSDRBetter"),
        "BASS": next(f"{one.difference:.2f}" for one in pair.contrasts if one.source == "bass"),
    }
    places = re.findall("@([A-Z]+)@", HAND)
    for wrong in range(-1, len(places)):
        text = HAND
        for at, word in enumerate(places):
            text = text.replace(
                f"@{word}@", "5" if at == wrong == 4 else other(words[word]) if at == wrong else words[word], 1
            )
        (paper / "main.tex").write_text(rf"\input{{numbers}}{text}", encoding="utf-8")
        assert len(checked(paper, made)) == (wrong >= 0), (wrong, places[wrong])


def test_who_is_meant_may_stand_in_a_sentence_before(paper, made):
    text = (paper / "main.tex").read_text(encoding="utf-8")
    value = re.search(r"ssnum{AlphaNetSDR}{([\d.]+)}", text)[1]
    before = text.partition("Typed by hand")[0]
    for number, count in ((value, 0), (other(value), 1)):
        prose = f"We tried alpha\\_net. Its SDR is {number} dB, while beta is quieter.\n"
        (paper / "main.tex").write_text(before + prose, encoding="utf-8")
        assert len(checked(paper, made)) == count


def test_a_paper_of_other_results_is_told_so(paper, folder, tmp_path):
    mark = (paper / "numbers.tex").read_text(encoding="utf-8").replace('"hash": "0000', '"hash": "1111')
    (paper / "numbers.tex").write_text(mark, encoding="utf-8")
    found = said(folder, "--check", paper / "main.tex")
    assert found.exit_code == 1
    assert "numbers.tex:2: 11110000: the results are of grid hand, hash 00000000" in found.stdout


def test_macros_that_the_results_have_no_more_are_found(paper, made):
    main = (paper / "main.tex").read_text(encoding="utf-8").replace(r"\ssAlphaNetSDR{}", r"\ssGoneSDR{}")
    (paper / "main.tex").write_text(main + r"\renewcommand{\ssBetaSDR}{1.00}", encoding="utf-8")
    lines = checked(paper, made)
    assert len(lines) == 2
    assert "\\ssGoneSDR: the results have no such number" in lines[0]
    assert ": 1.00: \\ssBetaSDR is " in lines[1]


def test_a_main_file_is_the_authors_and_what_is_not_ours_is_never_overwritten(folder, paper):
    mine = (paper / "main.tex").read_text(encoding="utf-8")
    assert said(folder, "--out", paper).exit_code == 0
    assert (paper / "main.tex").read_text(encoding="utf-8") == mine
    (paper / "methods.tex").write_text("My own methods.", encoding="utf-8")
    found = said(folder, "--out", paper)
    assert "methods.tex was not written by soundstage paper" in str(found.exception)
    assert (paper / "methods.tex").read_text(encoding="utf-8") == "My own methods."


def test_a_paper_is_the_same_whenever_it_is_written(folder, written, tmp_path):
    said(folder, "--out", tmp_path)
    for file in written.iterdir():
        if file.name != "main.tex":
            assert (tmp_path / file.name).read_bytes() == file.read_bytes()


def test_options_are_kept_and_checked_with(folder, tmp_path):
    assert said(folder, "--out", tmp_path, "--by", "source", "--intervals", "--protocol", "museval").exit_code == 0
    assert "\\ssBassAlphaNetSDR}" in (tmp_path / "numbers.tex").read_text(encoding="utf-8")
    found = said(folder, "--check", tmp_path / "main.tex")
    assert found.exit_code == 0, found.output


def test_who_asks_for_neither_or_for_a_file_that_is_not_there_is_told(folder, tmp_path):
    assert "give --out FOLDER to write a paper, or --check MAIN.TEX" in said(folder).stderr
    assert "cannot be read" in str(said(folder, "--check", tmp_path / "no.tex").exception)


def test_names_of_macros_are_letters_and_none_is_taken_twice():
    names = ["htdemucs_ft[shifts=2]", "2stems", "ΔITD", "a" * 300, "\U0001f600", "../..", "<b>", "é_è", ""]
    assert [camel(name) for name in names] == [
        *("HtdemucsFtShiftsTwo", "TwoStems", "DeltaITD", "A" + "a" * 39, "X", "X", "B", "EE", "X"),
    ]


HOSTILE = ["<script>", "\"quotes' `", "../../etc", "x" * 300, "\U0001f600", "\u05e9\u202e", "\x1b[31m", "=HYPERLINK(1)"]


@pytest.mark.slow
@pytest.mark.heavy
def test_papers_compile_whatever_names_are(tmp_path):
    scores = {}
    for number, name in enumerate([*HOSTILE, r"\end{document} % $#&_^~{", "[bracket", "Äß"]):
        for song in range(6):
            scores[name, f"{name} {song}"] = [
                Score(name, "SDR", float(song * number % 5)),
                Score("b", "SDR", 1.0 * song),
            ]
            scores[name, f"shared {song}"] = [Score("b", "SDR", float(song + number))]
    path = results(tmp_path / "results", scores)
    out = tmp_path / "paper"
    assert said(path, "--out", out, "--by", "source").exit_code == 0
    assert {file.name for file in out.iterdir()} == {
        *("main.tex", "numbers.tex", "tables.tex", "sentences.tex", "methods.tex", "references.bib")
    }
    names = re.findall(r"\\newcommand{\\(\w+)}", (out / "numbers.tex").read_text(encoding="utf-8"))
    assert len(names) == len({name.casefold() for name in names}) > 30
    assert all(name.isascii() and name.isalpha() for name in names)
    log = compiled(out / "main.tex")
    assert "Missing character" not in log
    assert "Undefined control sequence" not in log
    found = said(path, "--check", out / "main.tex")
    assert found.exit_code == 0, found.output
    text = (out / "numbers.tex").read_text(encoding="utf-8")
    assert not set("\x1b\u202e") & set(text)
    (out / "numbers.tex").write_text(re.sub(r"}{-?\d[\d.]*}", "}{77.7\x1b[2J}", text), encoding="utf-8")
    found = said(path, "--check", out / "main.tex")
    assert found.stdout.count("77.7") > 30
    assert not set("\x1b\u202e") & set(found.stdout)
