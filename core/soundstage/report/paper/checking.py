"""Whether every number of a paper still follows from the results.

Looked at are: the macros, against what they should be; what `\\ssnum` holds; every line of a table, sentence and method
that soundstage writes, wherever it stands; and numbers typed by hand: in tables whose lines and columns name separators
and measures, and in sentences that name them beside a number with its unit, an interval, a p-value or "34 of 50 songs".
Other numbers are nobody's business here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from soundstage.report.paper.content import Paper
from soundstage.report.paper.known import Known
from soundstage.report.paper.numbers import PREFIX, Number
from soundstage.report.paper.prose import claims
from soundstage.report.paper.reading import BREAK, CELL, Definition, Document, TexFile, paragraphs, plain
from soundstage.report.paper.tables import tables_of, wrong_cells
from soundstage.report.paper.tokens import HOLE, Token, is_rounded, skeleton
from soundstage.report.tex import sentence_tex
from soundstage.report.text import printable


@dataclass(frozen=True, slots=True)
class Finding:
    """A number that does not follow. typed: as it stands there; right: what should stand there, and about what."""

    file: str
    line: int
    typed: str
    right: str

    @property
    def text(self) -> str:
        """One line, as compilers write them, that any terminal can show."""
        return printable(f"{self.file}:{self.line}: {self.typed}: {self.right}")


@dataclass(slots=True)
class Checked:
    """What was found, and how many numbers were looked at."""

    findings: list[Finding] = field(default_factory=list)
    count: int = 0


def check_paper(document: Document, known: Known) -> Checked:
    """Check the paper. known: of the results, with the options that it was made with."""
    checked, paper = Checked(), known.paper
    sentences = _known_texts(paper)
    numbers = {number.name: number for number in paper.numbers}
    _check_mark(document, paper, checked)
    for file in document.files:
        found = _in_macros(file, numbers, checked)
        found += _in_text(file, known, sentences, checked)
        found = [finding for finding in found if finding.line not in file.ignored]
        checked.findings += sorted(found, key=lambda finding: finding.line)
    return checked


def _check_mark(document: Document, paper: Paper, checked: Checked) -> None:
    """Whether the paper's numbers were written from these results' grid."""
    mark, made = document.mark, document.made_with
    if mark is None or made is None or made[1] == paper.board.hash:
        return
    right = f"the results are of grid {paper.board.grid}, hash {paper.board.hash[:8]}; write the paper's files again"
    checked.findings.append(Finding(str(mark[0].path), mark[1], made[1][:8], right))


def _in_macros(file: TexFile, numbers: dict[str, Number], checked: Checked) -> list[Finding]:
    """Macros that are defined otherwise, are used and not there, and numbers typed into `\\ssnum`."""
    found = []
    for one in file.definitions:
        if one.name in numbers:
            checked.count += 1
            right = numbers[one.name]
            if "".join(one.value.split()) != "".join(right.text.split()):
                found.append(_finding(file, one, f"\\{one.name} is {right.text} ({right.about})"))
        elif _is_ours(one.name):
            found.append(_finding(file, one, f"the results have no number \\{one.name}"))
    for match in re.finditer(r"§([A-Za-z]+)§", file.plain.text):
        if match[1] not in numbers:
            line = file.line_of(match.start())
            found.append(Finding(str(file.path), line, f"\\{match[1]}", "the results have no such number"))
    for one in file.typed:
        checked.count += 1
        number = numbers.get(one.name) or numbers.get(PREFIX + one.name)
        typed = plain(one.value).text.strip()
        if number is None:
            found.append(_finding(file, one, f"the results have no number {one.name}"))
        elif not _is_number(typed, number):
            found.append(_finding(file, one, f"{one.name} is {number.text} ({number.about})"))
    return found


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) and name[len(PREFIX) :][:1].isupper()


def _is_number(typed: str, number: Number) -> bool:
    """Whether what is typed is that number, rounded; or its text, where it is none."""
    return typed == plain(number.text).text.strip() or (
        not math.isnan(number.value) and is_rounded(typed, number.value)
    )


def _finding(file: TexFile, one: Definition, right: str) -> Finding:
    return Finding(str(file.path), file.line(one.place), " ".join(one.value.split()), right)


def _known_texts(paper: Paper) -> dict[str, set[tuple[str, ...]]]:
    """Skeleton → the numbers that belong into it, of every line and sentence that soundstage writes."""
    texts = [*paper.methods]
    texts += [sentence_tex(text) for section in paper.board.sections for text in paper.sentences(section)]
    units = [plain(text).text for text in texts]
    for _, part in paragraphs(plain(re.sub(r"(?m)^%.*$", "", paper.tables)).text):
        units += [part] if CELL in part else [part, *re.split(r"(?<=\.) ", part)]
    found: dict[str, set[tuple[str, ...]]] = {}
    for unit in units:
        bones, tokens = skeleton(unit.strip())
        if tokens and (CELL in bones or len(re.findall(r"[^\W\d_]{2,}", bones)) >= 3):
            found.setdefault(bones, set()).add(tuple(token.text for token in tokens))
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def _in_text(
    file: TexFile, known: Known, sentences: dict[str, set[tuple[str, ...]]], checked: Checked
) -> list[Finding]:
    """What is wrong in sentences and tables of ours, then in those typed by hand."""
    text = file.plain.text
    seen: set[int] = set()
    found: list[Finding] = []
    for start, part in paragraphs(text):
        for token, right in _in_known(part, sentences, seen, start, checked):
            found.append(_at(file, start + token.start, token.text, right))
    for table in tables_of(text):
        for token, right in wrong_cells(table, known, seen, checked):
            found.append(_at(file, token.start, token.text, right))
    inside = {place for table in tables_of(text) for place in range(table.start, table.end)}
    for start, part in paragraphs(text):
        if start in inside or CELL in part:
            continue
        for token, right in claims(part, known, {place - start for place in seen}, checked):
            found.append(_at(file, start + token.start, token.text, right))
    return found


def _at(file: TexFile, letter: int, typed: str, right: str) -> Finding:
    return Finding(str(file.path), file.line_of(letter), typed.strip("‹›"), right)


def _in_known(
    part: str, sentences: dict[str, set[tuple[str, ...]]], seen: set[int], start: int, checked: Checked
) -> Iterator[tuple[Token, str]]:
    """Numbers of ours that are others now. seen: gets the places of the numbers that were looked at."""
    bones, tokens = skeleton(part)
    marks = [match.start() for match in re.finditer(HOLE, bones)]
    for form, right in sentences.items():
        at = bones.find(form)
        while at >= 0:
            inside = [token for mark, token in zip(marks, tokens, strict=True) if at <= mark < at + len(form)]
            if not any(start + token.start in seen for token in inside):
                checked.count += len(inside)
                seen.update(start + token.start for token in inside)
                texts = tuple(token.text for token in inside)
                if texts not in right:
                    nearest = max(right, key=lambda other: sum(map(str.__eq__, texts, other)))
                    for token, wanted in zip(inside, nearest, strict=True):
                        if token.text != wanted:
                            yield token, f"should be {wanted.strip('‹›')}, in: {_filled(form, nearest)}"
            at = bones.find(form, at + 1)


def _filled(form: str, numbers: tuple[str, ...]) -> str:
    """The text that a skeleton was made of, on one line."""
    text = form
    for number in numbers:
        text = text.replace(HOLE, number, 1)
    text = text.replace(CELL, " & ").replace(BREAK, " ")
    return re.sub("\x02.", "", text)[:160]
