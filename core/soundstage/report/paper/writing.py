"""A paper's folder: files to include, which are written anew each time, and a main.tex, which is the author's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from soundstage.errors import SoundstageError
from soundstage.report.latex import PACKAGES, table_label
from soundstage.report.paper.bibliography import Cited, bibtex
from soundstage.report.paper.content import Paper
from soundstage.report.tex import sentence_tex, tex
from soundstage.report.text import group_text, printable

HEADER = "% Written by soundstage paper; write it again, do not edit it."
MAIN = "main.tex"


def write_paper(paper: Paper, cited: Mapping[tuple[str, str], Cited], folder: Path) -> list[Path]:
    """Write the files and give back which; a main.tex that is there stays as it is.

    Raises SoundstageError where a file of one of the names is not ours, or cannot be written.
    """
    texts = {
        "numbers.tex": numbers_text(paper),
        "tables.tex": f"{HEADER}\n{paper.tables}\n",
        "sentences.tex": sentences_text(paper),
        "methods.tex": "\n".join([HEADER, *paper.methods, ""]),
        "references.bib": f"{HEADER}\n\n{bibtex(cited)}\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in texts:
            file = folder / name
            if file.is_symlink() or (file.exists() and not _is_ours(file)):
                raise SoundstageError(f"{file} was not written by soundstage paper; move it, or choose another --out")
        if not (folder / MAIN).exists() and not (folder / MAIN).is_symlink():
            texts[MAIN] = _main(paper)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise SoundstageError(f"{folder}: cannot be written ({why}); choose another --out") from None
    return [folder / name for name in texts]


def _is_ours(file: Path) -> bool:
    return file.is_file() and file.read_bytes().startswith(HEADER.encode())


def numbers_text(paper: Paper) -> str:
    """numbers.tex: the options, then a macro a line, each with what it is."""
    wide = max(len(number.name) + len(number.text) for number in paper.numbers) + len(r"\newcommand{\}{}")
    lines = [HEADER, paper.options.written(paper.board)]
    lines += [r"\providecommand{\ssnum}[2]{#2}% \ssnum{NAME}{12.3}: a number typed by hand, checked against macro NAME"]
    for number in paper.numbers:
        command = rf"\newcommand{{\{number.name}}}{{{number.text}}}"
        lines.append(f"{command:<{wide}}% {printable(number.about)}")
    return "\n".join([*lines, ""])


def sentences_text(paper: Paper) -> str:
    """sentences.tex: what each pair's comparison says, table by table."""
    lines = [HEADER]
    for section in paper.board.sections:
        found = paper.sentences(section)
        if found:
            lines += [rf"\paragraph{{{tex(group_text(section))}}}"] if section.group else []
            lines += [r"\begin{itemize}", *(rf"\item{{}} {sentence_tex(text)}" for text in found), r"\end{itemize}"]
    return "\n".join([*lines, ""])


def _main(paper: Paper) -> str:
    return "\n".join([*_main_lines(paper), ""])


def _main_lines(paper: Paper) -> Iterator[str]:
    board = paper.board
    yield "% A paper to start from. It is yours: soundstage paper does not write it again."
    yield r"\documentclass{article}"
    yield r"\usepackage[margin=25mm]{geometry}"
    yield from (rf"\usepackage{package}" for package in PACKAGES)
    yield r"\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}"
    yield r"\usepackage{url}"
    yield r"\input{numbers}"
    yield rf"\title{{{tex(board.grid)}}}"
    yield r"\date{}"
    yield r"\begin{document}"
    yield r"\maketitle"
    yield r"\section{Methods}"
    yield r"\input{methods}"
    yield r"\section{Results}"
    labels = ", ".join(rf"\ref{{{table_label(board, section)}}}" for section in board.sections)
    one = len(board.sections) == 1
    yield f"Table{'' if one else 's'}~{labels} show{'s' if one else ''} grid \\ssGrid{{}} (\\ssHash)."
    yield r"\input{sentences}"
    yield r"\input{tables}"
    yield r"\bibliographystyle{plain}"
    yield r"\bibliography{references}"
    yield r"\end{document}"
