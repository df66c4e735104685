"""Every figure of a grid's results, into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from soundstage.errors import SoundstageError
from soundstage.leaderboard.board import Column, Leaderboard, Section
from soundstage.leaderboard.build import make_leaderboard
from soundstage.leaderboard.protocols import DEFAULT
from soundstage.report.figures import panels, planes
from soundstage.report.figures.scores import Scores
from soundstage.report.figures.style import Format, Look, looks, save, styled
from soundstage.report.paper.numbers import camel, measure_names
from soundstage.report.tex import label
from soundstage.results.circumstances import with_circumstances
from soundstage.results.loading import load_results
from soundstage.results.store import Store

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_figures(
    results: Path | str,
    out: Path,
    form: Format = "pdf",
    *,
    by: Sequence[str] | None = None,
    metrics: Sequence[str] = (),
    rank_by: str = "",
    protocol: str = DEFAULT,
    grid: str = "",
) -> list[Path]:
    """Write the figures of a results folder, and give back which; what has no data has no figure.

    by, metrics, rank_by, protocol, grid: as for the leaderboard. Raises SoundstageError where there are no results, or
    the folder cannot be written, and NotInstalled without matplotlib.
    """
    with styled():
        written: list[Path] = []
        try:
            out.mkdir(parents=True, exist_ok=True)
            for name, figure in _figures(results, by, metrics, rank_by, protocol, grid):
                file = _free(out, name, form, written)
                save(figure, file, form)
                written.append(file)
        except OSError as error:
            raise SoundstageError(f"{out}: cannot be written ({error.strerror}); choose another --out") from None
        return written


def make_figures(
    results: Path | str,
    *,
    by: Sequence[str] | None = None,
    metrics: Sequence[str] = (),
    rank_by: str = "",
    protocol: str = DEFAULT,
    grid: str = "",
) -> dict[str, Figure]:
    """The same figures, not written: name → figure, the names being those that files would have.

    They belong to no window and no state of matplotlib. Raises SoundstageError where there are no results, and
    NotInstalled without matplotlib.
    """
    found: dict[str, Figure] = {}
    with styled():
        for name, figure in _figures(results, by, metrics, rank_by, protocol, grid):
            figure.draw_without_rendering()  # ticks take the style of when they are first drawn
            number, free = 1, name
            while free in found:
                number += 1
                free = f"{name}-{number}"
            found[free] = figure
    return found


def _figures(
    results: Path | str,
    by: Sequence[str] | None,
    metrics: Sequence[str],
    rank_by: str,
    protocol: str,
    grid: str,
) -> Iterator[tuple[str, Figure]]:
    """Each figure as it is drawn, and what to call it; to be used within the style."""
    loaded = load_results(results, grid)
    board = make_leaderboard(loaded, by=by, metrics=metrics, rank_by=rank_by, protocol=protocol, cost=True)
    rows = with_circumstances(loaded.rows, Store(results).records(loaded.rows["cell"].unique()))
    scores = Scores(board, rows)
    look = looks({name: about["role"] for name, about in loaded.facts["separators"].items()})
    drawn: dict[str, Callable[[Section], Figure | None]] = {
        "boxes": lambda section: panels.box_plots(scores, section, look),
        _against(board): lambda section: planes.against(scores, section, look),
        "quality-against-cost": lambda section: planes.cost(board, section, look),
        "critical-differences": lambda section: planes.critical_differences(scores, section, look),
    }
    measures = measure_names(board.columns)
    for column in board.columns:
        alike = measures[column] != camel(column.label)
        named = f"{column.metric}-{column.label}" if alike else camel(column.label)
        drawn[f"azimuth-{named}"] = partial(_azimuth, scores, column, look)
    for section in board.sections:
        for name, draw in drawn.items():
            figure = draw(section)
            if figure is not None:
                yield label(name, *section.group.values()), figure


def _azimuth(scores: Scores, column: Column, look: Mapping[str, Look], section: Section) -> Figure | None:
    return panels.azimuth_plot(scores, section, column, look)


def _against(board: Leaderboard) -> str:
    pair = planes.two_measures(board)
    return "against" if pair is None else f"{camel(pair[1].label)}-against-{camel(pair[0].label)}"


def _free(out: Path, name: str, form: str, written: Sequence[Path]) -> Path:
    """The file of that name, or the next where this call has written it. Raises SoundstageError where it is a link."""
    number, file = 1, out / f"{name}.{form}"
    while file in written:
        number += 1
        file = out / f"{name}-{number}.{form}"
    if file.is_symlink():
        raise SoundstageError(f"{file} is a link, and nothing is written into a link; remove it")
    return file
