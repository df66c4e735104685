"""BibTeX of what was used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from soundstage.report.tex import tex


@dataclass(frozen=True, slots=True)
class Source:
    """One publication, as BibTeX has it. fields: in their order, plain text."""

    key: str
    type: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cited:
    """What to cite for one label of a grid; nothing where nobody says."""

    sources: tuple[Source, ...] = field(default=())

    @property
    def command(self) -> str:
        """The command that cites it, after a blank that does not break; empty where there is nothing."""
        return rf"~\cite{{{','.join(source.key for source in self.sources)}}}" if self.sources else ""


def bibtex(cited: Mapping[tuple[str, str], Cited]) -> str:
    """The entries of all that is cited, each once, and a comment for whatever has no citation."""
    entries = {source.key: source for one in cited.values() for source in one.sources}
    lines = [line for source in entries.values() for line in _entry(source)]
    lines += [
        f"% no citation is known of {tex(label)} ({kind})" for (kind, label), one in cited.items() if not one.sources
    ]
    return "\n".join(lines)


def _entry(source: Source) -> Iterator[str]:
    yield f"@{source.type}{{{source.key},"
    for name, text in source.fields.items():
        value = " and ".join(map(_author, text.split(" and "))) if name == "author" else _value(name, text)
        yield f"  {name} = {{{{{value}}}}}," if name == "title" else f"  {name} = {{{value}}},"
    yield "}"
    yield ""


def _value(name: str, text: str) -> str:
    """The text as BibTeX takes it: braces balanced, and an accented letter one letter; addresses as they are."""
    if name in ("doi", "url", "eprint"):
        return "".join(f"%{ord(letter):02X}" if letter in '{}\\"%' else letter for letter in text)
    plain = tex(text).replace(r"\{", r"\textbraceleft{}").replace(r"\}", r"\textbraceright{}")
    return re.sub(r"(\\[`'^~=u.\"rHvdcb]\{\\?[A-Za-z]\})", r"{\1}", plain)


def _author(name: str) -> str:
    """A person, or in braces somebody whose name has no parts."""
    whole = name.startswith("{") and name.endswith("}")
    return f"{{{_value('author', name[1:-1])}}}" if whole else _value("author", name)
