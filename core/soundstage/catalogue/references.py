"""What to cite: publications as facts, of which data sets, heads, models and metrics they are the references."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from soundstage.contracts import KINDS
from soundstage.toml import Table

TYPES = ("article", "inproceedings", "incollection", "misc")
FIELDS = ("journal", "booktitle", "publisher", "volume", "number", "doi", "arxiv", "url")


@dataclass(frozen=True, slots=True)
class Reference:
    """One publication. of: `KIND/NAME` of the entries and plugins that it is the reference of."""

    key: str
    type: str
    authors: tuple[str, ...]
    title: str
    year: int
    fields: Mapping[str, str]
    of: tuple[str, ...]


def read_reference(key: str, table: Table) -> Reference:
    """The reference that a table declares. Raises SoundstageError naming file, key and form."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9:-]*", key):
        table.refuse("", f"'{key}' cannot be a key of BibTeX; use letters, digits, - and :")
    found = Reference(
        key=key,
        type=table.choice("type", TYPES, "misc"),
        authors=table.texts("authors", required=True),
        title=table.text("title", required=True),
        year=table.whole("year"),
        fields={name: text for name in FIELDS if (text := table.text(name))},
        of=table.texts("of", required=True),
    )
    for word in found.of:
        kind, slash, name = word.partition("/")
        if kind not in KINDS or not slash or not name:
            table.refuse("of", f"'{word}' names nothing; write KIND/NAME, as in separators/demucs")
    table.close()
    return found


def of_citation(name: str, text: str) -> Reference:
    """A reference made of a citation that is a plain sentence: all of it in the title, and what can be told from it."""
    doi = re.search(r"\b10\.\d{4,9}/[^\s;,]+[^\s;,.)]", text)
    arxiv = re.search(r"arXiv[:.](\d{4}\.\d{4,5})", text)
    url = re.search(r"https?://(?!doi\.org/)[^\s;,]+[^\s;,.)]", text)
    years = re.findall(r"\b(?:19|20)\d\d\b", re.sub(r"\S*[/:.]\S*\d\S*", "", text))
    found = {"doi": doi and doi[0], "arxiv": arxiv and arxiv[1], "url": url and url[0]}
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    fields = {kind: word for kind, word in found.items() if word}
    return Reference(f"cite:{key or 'it'}", "misc", (), text, int(years[0]) if years else 0, fields, ())


def references_of(references: Iterable[Reference], kind: str, names: Iterable[str]) -> list[Reference]:
    """The references of the first of these names that has any: an entry's own, or else its plugin's."""
    known = list(references)
    for name in names:
        found = [reference for reference in known if f"{kind}/{name}" in reference.of]
        if found:
            return found
    return []
