"""From a results folder to a report."""

from __future__ import annotations

from pathlib import Path

from soundstage.leaderboard.published.tables import find_publication
from soundstage.report.html import data, page
from soundstage.results.circumstances import with_circumstances
from soundstage.results.loading import load_results
from soundstage.results.store import Store


def write_report(results: Path | str, out: Path, *, rank_by: str = "", published: str = "", grid: str = "") -> Path:
    """Write the report of a results folder into the folder `out`, and give the page to open.

    rank_by, published, grid: as for the leaderboard. Raises SoundstageError where there are no results, where `out`
    holds anything but an earlier report, and where plotly is not installed.
    """
    publication = find_publication(published) if published else None
    loaded = load_results(results, grid)
    circumstances = with_circumstances(loaded.rows, Store(results).records(loaded.rows["cell"].unique()))
    payload = data.payload(loaded, circumstances, rank_by=rank_by, publication=publication)
    page.prepare(out)
    return page.write_page(out, payload)
