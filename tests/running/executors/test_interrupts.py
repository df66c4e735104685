"""Ctrl-C on a run: what it says, what it keeps, and that the same command goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from interrupts import heed_interrupts
from soundstage.results.store import Store

pytestmark = pytest.mark.heavy

GRID = """
[grids.quick]
datasets     = ["toy[tracks=4,seconds=0.2]"]
placements   = ["line"]
spatializers = ["flat"]
separators   = ["slow[seconds=2]", "nothing", "truth"]
metrics      = ["error"]
"""


@pytest.mark.parametrize(
    ("workers", "sign"),
    [(1, signal.SIGINT), (2, signal.SIGINT), pytest.param(2, signal.SIGTERM, marks=pytest.mark.heavy)],
)
def test_an_interrupted_run_says_what_is_kept_and_the_same_command_goes_on(tmp_path, toys, workers, sign):
    grid, out = tmp_path / "quick.toml", tmp_path / "out"
    grid.write_text(GRID)
    run = [sys.executable, "-c", "from soundstage.cli import main; main()", "run"]
    run += [str(grid), "--out", str(out), "--workers", str(workers)]
    process = subprocess.Popen(
        run, stderr=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True, preexec_fn=heed_interrupts
    )
    while len(list(out.glob("cells/*/*.parquet"))) < 2:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    if sign == signal.SIGINT:
        os.killpg(process.pid, sign)  # as a terminal sends it, to everybody
    else:
        process.send_signal(sign)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in said
    kept = len(Store(out).addresses())
    assert 2 <= kept < 12
    told = re.search(
        rf"Interrupted after (\d+) of 12 cells\. Every finished cell is kept in {out}; the same command", said
    )
    assert told, said
    assert int(told[1]) in (kept - 1, kept)  # it may come between a commit and the count
    again = subprocess.run(run, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert again.returncode == 0, again.stderr
    assert f"12 cells, {kept} done before, {12 - kept} to run" in again.stderr
