"""Boards and all that is made of them, showing themselves: as text in a terminal, as HTML tables in a notebook."""

from __future__ import annotations

import io
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Generic, Literal, Self, TypeVar

from soundstage.audiometry.card import Audiometry
from soundstage.leaderboard.board import Leaderboard
from soundstage.leaderboard.versus import Versus
from soundstage.leaderboard.which import Selection
from soundstage.report.text import WIDTH

if TYPE_CHECKING:
    import pandas
    from rich.console import Console

NUMBERS = (
    *("revision", "rank", "value", "low", "high", "songs", "scores", "scores_possible", "rank_low", "rank_high"),
    *("best_share", "songs_better", "songs_worse", "p_value", "cells_done", "cells_planned", "difference"),
    *("real_time_factor", "peak_mb", "gpu_peak_mb"),
)
"""Columns of a board's CSV that hold numbers; of what is not among them or TRUTHS, all are texts."""

TRUTHS = ("higher_is_better", "best_blind")


def text_of(show: Callable[[Console], None]) -> str:
    """What is printed, as plain text as wide as the terminal."""
    from soundstage.report.terminal import console

    width = shutil.get_terminal_size((WIDTH, 24)).columns
    page = console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    show(page)
    return "\n".join(line.rstrip() for line in page.file.getvalue().rstrip().split("\n"))  # type: ignore[attr-defined]


Held = TypeVar("Held", Leaderboard, Versus, Audiometry, Selection)


class Shown(ABC, Generic[Held]):
    """Shows itself: as what a terminal prints, and as what a notebook shows."""

    __slots__ = ()

    @classmethod
    def of(cls, found: Held) -> Self:
        """The same, showing itself."""
        return cls(**{field.name: getattr(found, field.name) for field in fields(found)})

    @abstractmethod
    def _print(self, page: Console) -> None:
        """Print it."""

    @abstractmethod
    def _repr_html_(self) -> str:
        """It as HTML."""

    def __repr__(self) -> str:
        return text_of(self._print)


@dataclass(frozen=True, slots=True, repr=False)
class Board(Shown[Leaderboard], Leaderboard):
    """A leaderboard that shows itself: as a table of text in a terminal, as an HTML table in a notebook.

    Its values are in `sections`, a table each: `board.sections[0].rows[0].values[board.ranked_by].value`, in the unit
    of the column.
    """

    def _print(self, page: Console) -> None:
        from soundstage.report.terminal import print_board

        print_board(self, page)

    def _repr_html_(self) -> str:
        from soundstage.report.notebook import board_html

        return board_html(self)

    def text(self, form: Literal["markdown", "csv", "json", "latex"] = "markdown") -> str:
        """The board as `soundstage leaderboard --format` prints it; CSV and JSON are at full precision."""
        from soundstage.report import latex, plain

        made: dict[str, Callable[[Leaderboard], str]] = {
            "markdown": plain.format_markdown,
            "csv": plain.format_csv,
            "json": plain.format_json,
            "latex": latex.format_latex,
        }
        return made[form](self)

    def frame(self) -> pandas.DataFrame:
        """The board as a tidy DataFrame, one row a table, separator and measure, with the columns of `text("csv")`.

        Among them: separator, role, rank, metric, measure, unit, value, low and high (the 95 % interval), songs, group,
        cells_done, cells_planned. NaN where there is no value.
        """
        import pandas as pd

        frame = pd.read_csv(io.StringIO(self.text("csv")), dtype=str, keep_default_na=False)
        for name in frame.columns.intersection([*NUMBERS]):
            known = frame[name] != ""
            frame[name] = pd.to_numeric(frame[name].astype(object).where(known, None))
        for name in TRUTHS:
            frame[name] = frame[name] == "True"
        return frame


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Shown[Versus], Versus):
    """Two separators song by song, showing itself: as a table with sentences in a terminal, as HTML in a notebook."""

    def _print(self, page: Console) -> None:
        from soundstage.report.versus import print_versus

        print_versus(self, page)

    def _repr_html_(self) -> str:
        from soundstage.report.notebook import versus_html

        return versus_html(self)

    def frame(self) -> pandas.DataFrame:
        """The comparison as `soundstage.compare` gives it: a tidy DataFrame, one row a measure and source."""
        import pandas as pd

        from soundstage.report.versus import records

        return pd.DataFrame(records(self))


@dataclass(frozen=True, slots=True, repr=False)
class Cards(Shown[Audiometry], Audiometry):
    """Cards of metrics that show themselves: as text in a terminal, as an HTML table in a notebook."""

    def _print(self, page: Console) -> None:
        from soundstage.report.cards.terminal import print_cards

        print_cards(self, page)

    def _repr_html_(self) -> str:
        from soundstage.report.notebook import cards_html

        return cards_html(self)


@dataclass(frozen=True, slots=True, repr=False)
class Answer(Shown[Selection], Selection):
    """Which separators suit, showing itself: as a table with sentences in a terminal, as HTML in a notebook.

    `tables[0].picks` are those that have what was asked for, best first.
    """

    def _print(self, page: Console) -> None:
        from soundstage.report.which import print_selection

        print_selection(self, page)

    def _repr_html_(self) -> str:
        from soundstage.report.which import selection_html

        return selection_html(self)

    def text(self, form: Literal["markdown", "json"] = "markdown") -> str:
        """The answer as `soundstage which --format` prints it."""
        from soundstage.report.which import selection_json, selection_markdown

        return selection_json(self) if form == "json" else selection_markdown(self)
