"""The leaderboard of a results folder as `soundstage leaderboard` makes it."""

from __future__ import annotations

from soundstage.leaderboard.build import make_leaderboard
from soundstage.leaderboard.published.comparison import compare
from soundstage.leaderboard.published.tables import find_publication
from soundstage.results.loading import load_results


def board_of(path, *, grid="", published="", **options):
    publication = find_publication(published) if published else None
    results = load_results(path, grid)
    board = make_leaderboard(results, **options)
    return compare(board, publication, results) if publication else board
