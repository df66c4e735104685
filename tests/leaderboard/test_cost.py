"""What separating took stands beside the scores where it is asked for, and nowhere else."""

import csv
import io
from dataclasses import replace

import pytest

from boards import board_of, results
from soundstage.contracts import Score
from soundstage.report.plain import format_csv, format_markdown
from soundstage.report.terminal import console, print_board
from soundstage.results.store import Store


@pytest.fixture
def path(tmp_path):
    """Two cells of `fast` (2 s and 4 s of 10 s, 100 and 300 MB), one of `unmeasured`."""
    scores = {(name, track): [Score("bass", "SDR", 1.0)] for name in ("fast", "unmeasured") for track in "abc"}
    results(tmp_path, scores)
    store = Store(tmp_path)
    measured = iter([(2.0, 100.0), (4.0, 300.0), (9.0, 200.0)])
    for address in sorted(store.addresses())[:3]:
        record, rows = store.cell(address)
        seconds, peak = next(measured)
        details = {"separated_s": seconds, "peak_mb": peak, "gpu_peak_mb": 50.0}
        scene = {"rate": 100, "samples": 1000}
        told = replace(record, separation=replace(record.separation, details=details), scene=scene)
        store.commit(told, rows)
    return tmp_path


@pytest.mark.parametrize("packed", [False, True])
def test_rows_have_the_median_factor_and_the_highest_peak(path, packed):
    if packed:
        Store(path).compact()
    fast, unmeasured = board_of(path, cost=True).sections[0].rows
    assert (fast.cost.real_time_factor, fast.cost.peak_mb, fast.cost.gpu_peak_mb) == (0.4, 300.0, 50.0)
    assert (unmeasured.cost.real_time_factor, unmeasured.cost.peak_mb) == (None, None)


def test_every_format_has_it_where_it_is_asked_for(path):
    board = board_of(path, cost=True)
    out = io.StringIO()
    print_board(board, console(file=out, width=120, color_system=None))
    assert "0.4  300 + 50" in out.getvalue()
    assert "RTF: seconds that separating took a second of audio" in out.getvalue()
    assert "| 0.4 | 300 + 50 | 3/3 |" in format_markdown(board)
    header, line = format_markdown(board).splitlines()[2:4]
    assert header.count("|") == line.count("|")
    first, second = csv.DictReader(io.StringIO(format_csv(board)))
    assert (first["real_time_factor"], first["peak_mb"]) == ("0.4", "300.0")
    assert second["peak_mb"] == ""


def test_no_format_has_it_unasked(path):
    board = board_of(path)
    assert "RTF" not in format_markdown(board)
    assert "peak_mb" not in format_csv(board)
