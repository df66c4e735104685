"""A paper's LaTeX as it can be checked: its files, and their text without commands, which knows its lines."""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from soundstage.errors import SoundstageError
from soundstage.report.paper.content import MARK, Options, read_options
from soundstage.report.paper.numbers import PREFIX
from soundstage.report.tex import ACCENTS, CAPITALS, GREEK, SIGNS, SPECIAL

LARGEST = 5_000_000
"""Bytes of a file that is read."""

BREAK, CELL, SPAN, TABLE, END = "\x00", "\x01", "\x02", "\x03", "\x04"
"""In a plain text: a new paragraph, item or line of a table; a new cell; a cell over several columns, whose number is
the letter that follows; where a table begins and ends."""

IGNORE = re.compile(r"%\s*soundstage:\s*ignore\b")
"""The comment on a line whose numbers are not ours."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A text without LaTeX's commands. places: of each letter, where it stood."""

    text: str
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A macro that is defined. place: where."""

    name: str
    value: str
    place: int


@dataclass(frozen=True, slots=True)
class TexFile:
    """One file. plain: its text, without definitions and typed numbers; typed: `\\ssnum`'s, as definitions."""

    path: Path
    source: str
    plain: Plain
    definitions: tuple[Definition, ...]
    typed: tuple[Definition, ...]
    ignored: frozenset[int]
    starts: tuple[int, ...] = field(repr=False, default=())

    def line(self, place: int) -> int:
        """The number of the line of a place."""
        return bisect.bisect_right(self.starts, place)

    def line_of(self, letter: int) -> int:
        """The number of the line that a letter of the plain text stood on."""
        return self.line(self.plain.places[letter])


@dataclass(frozen=True, slots=True)
class Document:
    """A paper: its main file, and all that it includes."""

    files: tuple[TexFile, ...]

    @property
    def made_with(self) -> tuple[str, str, Options] | None:
        """The grid, its hash and the options that one of the files says; None where none does."""
        found = self.mark
        return None if found is None else read_options(found[0].source.splitlines()[found[1] - 1])

    @property
    def mark(self) -> tuple[TexFile, int] | None:
        """The file and the line that say what the paper is of."""
        for file in self.files:
            for number, line in enumerate(file.source.splitlines(), start=1):
                if line.startswith(MARK):
                    return file, number
        return None


def read_document(main: Path) -> Document:
    """The paper. Raises SoundstageError where its main file cannot be read; what else is not there is passed over."""
    files: dict[Path, TexFile] = {}
    waiting = [main]
    while waiting:
        path = waiting.pop(0)
        if path in files:
            continue
        try:
            files[path] = _read(path)
        except (OSError, ValueError) as error:
            if path == main:
                why = getattr(error, "strerror", None) or error
                raise SoundstageError(f"{main}: cannot be read ({why}); name the paper's main .tex file") from None
            continue
        for name in re.findall(r"\\(?:input|include)\s*\{([^{}]+)\}", _uncommented(files[path].source)):
            named = main.parent / name.strip()
            waiting.append(named if named.suffix == ".tex" else named.with_name(f"{named.name}.tex"))
    return Document(tuple(files.values()))


def _read(path: Path) -> TexFile:
    if not path.is_file():
        raise FileNotFoundError(2, "no such file")
    with path.open("rb") as file:
        found = file.read(LARGEST + 1)
    if len(found) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST // 1_000_000} MB")
    return tex_file(path, found.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n"))


def tex_file(path: Path, source: str) -> TexFile:
    """The file of that text."""
    lines = source.split("\n")
    ignored = frozenset(number for number, line in enumerate(lines, start=1) if IGNORE.search(line))
    bare = re.sub(
        r"\\begin\{(verbatim\*?|lstlisting|comment)\}.*?\\end\{\1\}", _blank, _uncommented(source), flags=re.DOTALL
    )
    bare, definitions = _taken(bare, DEFINED)
    bare, typed = _taken(bare, TYPED)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    return TexFile(path, source, plain(bare), definitions, typed, ignored, tuple(starts[:-1]))


def _uncommented(source: str) -> str:
    """The text with blanks in place of comments, so that every place stays."""
    return re.sub(r"(?<!\\)((?:\\\\)*)%[^\n]*", lambda found: found[1] + " " * (len(found[0]) - len(found[1])), source)


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


DEFINED = re.compile(
    r"\\(?:(?:re|provide)?newcommand|DeclareRobustCommand)\*?\s*\{?\s*\\([A-Za-z]+)\s*\}?\s*(?:\[[^\]]*\]\s*)*\{"
    r"|\\[gex]?def\s*\\([A-Za-z]+)[^{}\n]*\{"
    r"|\\providecommand\*?\s*\{?\s*\\([A-Za-z]+)\s*\}?\s*(?:\[[^\]]*\]\s*)*\{"
)
TYPED = re.compile(r"\\ssnum\s*\{\s*\\?([A-Za-z]+)\s*\}\s*\{")


def _taken(text: str, pattern: re.Pattern[str]) -> tuple[str, tuple[Definition, ...]]:
    """The text with blanks in place of what the pattern begins, up to the brace that ends it; and what that was."""
    found, at, kept = [], 0, []
    while match := pattern.search(text, at):
        end, depth = match.end(), 1
        while end < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
            end += 1
        name = next(group for group in match.groups() if group)
        found.append(Definition(name, text[match.end() : end - 1], match.start()))
        kept += [text[at : match.start()], re.sub(r"[^\n]", " ", text[match.start() : end])]
        at = end
    return "".join([*kept, text[at:]]), tuple(found)


def _symbols() -> dict[str, str]:
    """Commands that are a letter or a sign."""
    commands = {**SPECIAL, **SIGNS}
    named = {
        command.strip("$").removesuffix("{}").removeprefix("\\"): letter
        for letter, command in commands.items()
        if re.fullmatch(r"\$?\\[A-Za-z]+(\{\})?\$?", command)
    }
    greek = {word: unicodedata.lookup(f"GREEK SMALL LETTER {_unicode(word)}") for word in GREEK.split()}
    capitals = {
        word.capitalize(): unicodedata.lookup(f"GREEK CAPITAL LETTER {_unicode(word)}") for word in CAPITALS.split()
    }
    return {**named, **greek, **capitals, "le": "≤", "ge": "≥", "lt": "<", "gt": ">", "percent": "%"}


def _unicode(word: str) -> str:
    return "LAMDA" if word == "lambda" else word.upper()


SYMBOLS = _symbols()
UNITS = {"micro": "μ", "second": "s", "decibel": "dB", "deci": "d", "bel": "B", "degree": "°"}
"""What \\si and \\qty call units."""

_ARGUMENT = r"\{(?:[^{}]|\{[^{}]*\})*\}"
_UNSEEN = (
    r"\\(?:[a-zA-Z]*cite[a-zA-Z]*|nocite|[a-zA-Z]*ref|label|url|includegraphics|input|include|vspace|hspace|usepackage"
    r"|documentclass|bibliography|bibliographystyle|cmidrule(?:\([a-z]*\))?|setlength|addtolength|setcounter"
    r"|pagestyle|thispagestyle|color|textcolor|rowcolor|cellcolor|rule)\*?"
    rf"(?:\s*\[[^\]]*\])*(?:\s*{_ARGUMENT})*"
)
_NEW = (
    r"\\(?:item|par|paragraph|subparagraph|section|subsection|subsubsection|chapter|caption|footnote|title|author|date"
    r"|toprule|midrule|bottomrule|hline|addlinespace|maketitle)(?![A-Za-z])\*?(?:\[[^\]]*\])?"
)
_COMBINING = {command: mark for mark, command in ACCENTS.items()}
_RULES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"\\\\\*?(?:\[[^\]]*\])?", BREAK),
    (r"\n[ \t]*\n\s*", BREAK),
    (
        rf"\\begin\s*\{{(?:tabular\*?|tabularx|longtable|array|tabulary)\}}(?:\[[^\]]*\])?(?:\s*{_ARGUMENT})*",
        BREAK + TABLE,
    ),
    (r"\\end\s*\{(?:tabular\*?|tabularx|longtable|array|tabulary)\}", END + BREAK),
    (rf"\\begin\s*\{{(?:minipage|thebibliography|multicols)\}}(?:\[[^\]]*\])?(?:\s*{_ARGUMENT})*", BREAK),
    (r"\\(?:begin|end)\s*\{[^{}]*\}(?:\[[^\]]*\])?", BREAK),
    (_NEW, BREAK),
    (_UNSEEN, ""),
    (
        rf"\\multicolumn\s*\{{\s*(\d+)\s*\}}\s*{_ARGUMENT}",
        lambda found: SPAN + chr(0xE000 + min(int(found[1][:3]), 999)),
    ),
    (
        r"\\(?:multirow|resizebox|scalebox|raisebox)(?:\s*\[[^\]]*\]|\s*(?:\{[^{}]*\}|\*))(?:\s*\{[^{}]*\})?",
        "",
    ),
    (r"\\textsuperscript\s*\{([^{}]*)\}", lambda found: f"‹{found[1]}›"),
    (
        r"\\([`'^~=.\"urHvdcb])\{\\?([A-Za-z])\}",
        lambda found: unicodedata.normalize("NFC", found[2] + _COMBINING[found[1]]),
    ),
    (r"\\([A-Za-z]+)\*?(?:\{\}|[ \t]*)", lambda found: _command(found[1])),
    (r"\\[,;: /]", " "),
    (r"\\([{}$&#%_])", lambda found: found[1]),
    (r"\\.", ""),
    (r"[{}$]", ""),
    (r"&", CELL),
    (r"---", "—"),
    (r"--", "–"),
    (r"``|''", '"'),
    (r"[~\s]+", " "),
    (r"[µμ]", "μ"),
    (r"−", "-"),
)
_PATTERN = re.compile("|".join(f"(?P<r{number}>{rule})" for number, (rule, _) in enumerate(_RULES)))
_EACH = [re.compile(rule) for rule, _ in _RULES]


def _command(name: str) -> str:
    """What a command prints: a sign, the place of one of our macros, or nothing that could be told."""
    if name in SYMBOLS:
        return {"µ": "μ"}.get(SYMBOLS[name], SYMBOLS[name])
    if name in UNITS:
        return UNITS[name]
    return f"§{name}§" if name.startswith(PREFIX) and name[len(PREFIX) :][:1].isupper() else ""


def plain(source: str) -> Plain:
    """The text without commands, and where each of its letters stood."""
    letters: list[str] = []
    places: list[int] = []
    at = 0
    while at < len(source):
        match = _PATTERN.match(source, at)
        if match is None:
            new, end = source[at] if source[at] >= " " else " ", at + 1
        else:
            rule = next(number for number in range(len(_RULES)) if match[f"r{number}"] is not None)
            made = _RULES[rule][1]
            again = _EACH[rule].match(source, at)
            new = made if isinstance(made, str) else made(again) if again else ""
            end = match.end()
        for letter in new:
            if letter == " " and (not letters or letters[-1] in " \x00\x01\x03"):
                continue
            if letter in (BREAK, CELL, END) and letters and letters[-1] == " ":
                letters.pop()
                places.pop()
            letters.append(letter)
            places.append(at)
        at = max(end, at + 1)
    return Plain("".join(letters), tuple(places))


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """The parts between breaks, each with where it begins."""
    at = 0
    for part in text.split(BREAK):
        if part.strip():
            yield at, part
        at += len(part) + 1
