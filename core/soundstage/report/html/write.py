"""From a results folder to a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from soundstage.leaderboard.published.tables import find_publication
from soundstage.report.html import data, page
from soundstage.report.text import printable
from soundstage.results.circumstances import with_circumstances
from soundstage.results.loading import Results, load_results
from soundstage.results.store import Store

Listen = Callable[[Results, Path], tuple[Sequence[Any], Sequence[str]]]
"""Makes what can be listened to in a folder for clips: what the listening room shows, and what a reader is told."""


def write_report(
    results: Path | str,
    out: Path,
    *,
    rank_by: str = "",
    published: str = "",
    grid: str = "",
    listen: Listen | None = None,
) -> Path:
    """Write the report of a results folder into the folder `out`, and give the page to open.

    rank_by, published, grid: as for the leaderboard. listen: makes the clips; none are made by default. Raises
    SoundstageError where there are no results, where `out` holds anything but an earlier report, and where plotly is
    not installed.
    """
    publication = find_publication(published) if published else None
    loaded = load_results(results, grid)
    circumstances = with_circumstances(loaded.rows, Store(results).records(loaded.rows["cell"].unique()))
    payload = data.payload(loaded, circumstances, rank_by=rank_by, publication=publication)
    page.prepare(out)
    listening, notes = listen(loaded, out / "clips") if listen else ((), ())
    payload["unheard"] = [printable(note) for note in notes]
    return page.write_page(out, payload, listening)
