"""Results folders of scores given by hand, and the leaderboard of a folder as `soundstage leaderboard` makes it."""

from __future__ import annotations

import pyarrow as pa

from soundstage.contracts import Score
from soundstage.leaderboard.board import Leaderboard
from soundstage.leaderboard.build import make_leaderboard
from soundstage.leaderboard.published.comparison import set_beside
from soundstage.leaderboard.published.tables import find_publication
from soundstage.results.loading import load_results
from soundstage.results.records import CellRecord, Stage, StoredPlan, score_rows
from soundstage.results.store import Store


def board_of(path, *, grid="", published="", **options) -> Leaderboard:
    publication = find_publication(published) if published else None
    results = load_results(path, grid)
    board = make_leaderboard(results, **options)
    return set_beside(board, publication, results) if publication else board


def numbers(row):
    """A row's values, or a published row's or a difference's, in the order of the columns."""
    return tuple(value.value for value in row.values.values())


def counts(section):
    """Scores used and scores possible, in the order of the columns."""
    return tuple((count.shared, count.possible) for count in section.scores.values())


def results(path, scores, measures=("SDR",), better=True, name="hand"):
    """A results folder with these scores: (separator, track) → Scores of a metric `toy`. name: the grid's."""
    store = Store(path).prepare()
    cells = []
    for number, ((separator, track), rows) in enumerate(scores.items()):
        cell, score = f"{number:064x}", f"{number + 1000:064x}"
        store.commit(
            CellRecord(cell, Stage("ok"), {score: Stage("ok")}), score_rows((score, "dB", row) for row in rows)
        )
        labels = {"dataset": "d", "track": track, "placement": "", "spatializer": "s", "seed": 0}
        cells.append({"cell": cell, **labels, "separator": separator, "score:toy": score})
    about = {"role": "separator", "blind": True, "named": True, "needs": []}
    facts = {
        "id": "hand-00000000",
        "name": name,
        "revision": 1,
        "hash": "0" * 64,
        "separators": {name: about for name, _ in scores},
        "metrics": {
            "toy": {
                name: {"unit": "dB", "higher_is_better": better, "headline": True, "label": ""} for name in measures
            }
        },
    }
    store.save_plan(StoredPlan(pa.Table.from_pylist(cells), facts))
    return path


def made(number):
    """A cell with one score, and its rows; both follow from the number."""
    score = f"{number + 10**6:064x}"
    rows = score_rows([(score, "dB", Score("bass", "SDR", float(number)))])
    return CellRecord(f"{number:064x}", Stage("ok"), {score: Stage("ok")}), rows
