"""Cards as a page: one HTML file that asks for nothing else, and beside it the same as Markdown and JSON."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from soundstage.audiometry.card import Audiometry, Card
from soundstage.errors import SoundstageError
from soundstage.report.cards import figures, plain, text
from soundstage.report.figures.style import METADATA, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
:root { color-scheme: light dark; --line: #8884; --faint: #777; --warn: #9a4a00; }
@media (prefers-color-scheme: dark) { :root { --faint: #aaa; --warn: #ffb168; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 68rem; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem; }
p.faint, figcaption { color: var(--faint); font-size: .87rem; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .55rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
table.course td:nth-child(3) { text-align: left; }
figure { background: white; border-radius: 4px; margin: .6rem 0; overflow-x: auto; padding: .3rem; }
figure svg { display: block; height: auto; min-width: 40rem; width: 100%; }
figcaption { color: #555; }
@media (max-width: 40rem) {
  table.all th:first-child, table.all td:first-child { background: Canvas; left: 0; min-width: 8.5rem;
    overflow-wrap: anywhere; position: sticky; white-space: normal; }
}
li.finding { color: var(--warn); } nav a { display: inline-block; margin-right: .8rem; }
"""


def write_page(found: Audiometry, out: Path) -> Path:
    """Write index.html, cards.md and cards.json into the folder `out`, and give back the page to open.

    Raises SoundstageError where the folder cannot be written, NotInstalled without matplotlib.
    """
    with styled():
        page = _page(found)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, contents in (
            ("index.html", page),
            ("cards.md", plain.format_markdown(found)),
            ("cards.json", plain.format_json(found)),
        ):
            if (out / name).is_symlink():
                raise SoundstageError(f"{out / name} is a link, and nothing is written into a link; remove it")
            (out / name).write_text(contents, encoding="utf-8")
    except OSError as error:
        raise SoundstageError(f"{out}: cannot be written ({error.strerror}); choose another folder") from None
    return out / "index.html"


def _page(found: Audiometry) -> str:
    body = "\n".join(_body(found))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Audiometry of metrics</title><style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _body(found: Audiometry) -> Iterator[str]:
    yield f"<h1>Audiometry of metrics</h1>\n<p>{escape(text.head(found))}.</p>"
    headings = ["measure", *text.HEADINGS, "findings"]
    lines = [[_unbroken(text.title(one)), *text.summary(one), str(len(one.findings))] for one in found.cards]
    yield _table(headings, lines, "all")
    yield f'<p class="faint">{escape(text.EXPLAINED)}</p>'
    if found.cards:
        yield f"<figure>{svg(figures.audiogram(found), 'g')}</figure>"
    links = (f'<a href="#m{at}">{escape(text.title(card))}</a>' for at, card in enumerate(found.cards))
    yield f"<nav>{' '.join(links)}</nav>"
    for at, card in enumerate(found.cards):
        yield from _card(card, at)
    if found.failed:
        yield "<h2>What came to nothing</h2><ul>" + "".join(f"<li>{escape(one)}</li>" for one in found.failed) + "</ul>"


def _card(card: Card, at: int) -> Iterator[str]:
    yield f'<h2 id="m{at}">{escape(text.title(card))}</h2>\n<p class="faint">{escape(text.claims_sentence(card))}</p>'
    if told := text.told_sentence(card):
        yield f"<p>{escape(told)}.</p>"
    if card.findings:
        found = "".join(f'<li class="finding">{escape(one.text)}</li>' for one in card.findings)
        yield f"<ul>{found}</ul>"
    figure = figures.response_figure(card)
    if figure is not None:
        caption = "Median over scores, their range in grey; ● claims to follow, ○ claims to ignore."
        yield f"<figure>{svg(figure, f'c{at}')}<figcaption>{caption}</figcaption></figure>"
    rows = list(text.response_rows(card))
    values = _table(["kind", "claims", "median", "told from"], rows, "course")
    yield f"<details><summary>Values</summary>{values}</details>"


def _unbroken(title: str) -> str:
    """With unit and arrow on one line."""
    name, _, unit = title.rpartition(" (")
    return name + " (" + unit.replace(" ", "\u00a0")


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in headings)
    lines = "".join("<tr>" + "".join(f"<td>{escape(one)}</td>" for one in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'


def svg(figure: Figure, prefix: str) -> str:
    """The figure as SVG to stand in a page. prefix: of its ids, which no two figures of a page may share."""
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # letters as letters: a tenth of the size
        figure.savefig(file, format="svg", metadata=dict(METADATA["svg"]))
    drawn = file.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    return re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{prefix}-", drawn)
