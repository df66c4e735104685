"""How every figure looks: colours, marks, letters, and how it is saved."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from soundstage.errors import NotInstalled
from soundstage.leaderboard.board import Column, Row
from soundstage.report.tex import spelt
from soundstage.report.text import TRAINING, arrow, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Format = Literal["pdf", "svg", "png"]

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""Eight colours that people see apart whatever they see (Okabe & Ito 2008), those that stand out on white first."""

GREYS = ("#666666", "#9A9A9A", "#C4C4C4")
HATCHES = ("", "////", "....", "xxxx")
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")
FONT = "DejaVu Sans"
"""Comes with matplotlib, so that a figure is the same everywhere."""

WIDTH_IN = 7.0
"""Of a page's text."""

LONGEST = 32
"""Letters of a name; of a longer one the middle is left out."""

STYLE: Mapping[str, Any] = {
    "font.family": FONT,
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.4,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "legend.frameon": False,
    "legend.fontsize": 7.0,
    "text.parse_math": False,
    "text.usetex": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "soundstage",
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
}

METADATA: Mapping[Format, Mapping[str, None]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}
"""What would make two files of one figure differ."""


@dataclass(frozen=True, slots=True)
class Look:
    """How one entry is drawn everywhere."""

    colour: str
    mark: str
    dash: str
    hatch: str = ""


def looks(roles: Mapping[str, str]) -> dict[str, Look]:
    """How each entry is drawn: separators in colours, and what has no rank in greys. roles: of each, in order."""
    found: dict[str, Look] = {}
    for is_ranked, colours in ((True, OKABE_ITO), (False, GREYS)):
        for at, name in enumerate(name for name, role in roles.items() if (role == "separator") == is_ranked):
            again = at // len(colours)
            hatch = HATCHES[(again if is_ranked else at) % len(HATCHES)]
            mark, dash = MARKS[at % len(MARKS)], DASHES[again % len(DASHES)]
            found[name] = Look(colours[at % len(colours)], mark, dash, hatch)
    return found


@contextmanager
def styled() -> Iterator[None]:
    """matplotlib in this style. Raises NotInstalled where there is none."""
    if find_spec("matplotlib") is None:
        raise NotInstalled("figures need matplotlib, which is not installed: pip install 'soundstage[report]'")
    import matplotlib

    with matplotlib.rc_context(dict(STYLE)):
        yield


def new_figure(height_in: float, width_in: float = WIDTH_IN) -> Figure:
    """An empty figure, of no window and no state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in))


def save(figure: Figure, file: Path, form: Format) -> None:
    """Write the figure, without dates and names of programs."""
    figure.savefig(file, format=form, metadata=dict(METADATA[form]))


def shown(text: object, longest: int = LONGEST) -> str:
    """A name that a figure can hold: one line, no letter that the font lacks, and not too long."""
    plain = "".join(_drawn(letter) for letter in printable(text))
    if len(plain) <= longest:
        return plain
    half = (longest - 1) // 2
    return f"{plain[:half]}…{plain[-half:]}"


def entry_text(row: Row, longest: int = LONGEST) -> str:
    """What a figure calls an entry: its name, and that it has heard the songs where it has."""
    return f"{shown(row.separator, longest)} ({TRAINING})" if row.is_apart else shown(row.separator, longest)


def _drawn(letter: str) -> str:
    is_odd = unicodedata.category(letter) in ("Cf", "Co", "Cn") or unicodedata.bidirectional(letter) in ("R", "AL")
    return spelt(letter) if is_odd or ord(letter) not in _letters() else letter


@cache
def _letters() -> frozenset[int]:
    """The letters that the font has."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont(FONT)).get_charmap())


def measure_text(column: Column) -> str:
    """A measure with its unit, and which way is better."""
    unit = f" ({column.unit})" if column.unit else ""
    return f"{shown(column.label)}{shown(unit)} {arrow(column)}"


def legend_above(figure: Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    """One legend for all panels, above them."""
    widest = max((len(name) for name in names), default=1)
    columns = max(1, min(len(names), int(105 / (widest + 6))))
    figure.legend(handles, names, loc="outside upper center", ncols=columns)
