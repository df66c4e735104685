"""Types of the public names reach who uses them: mypy --strict passes a script that uses each, and catches mistakes."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

import soundstage

pytestmark = pytest.mark.heavy

SCRIPT = """
from pathlib import Path

import numpy as np
import soundstage
from soundstage import Degradation, Measure, Placement, Scene, Score, SoundstageError, Track


@soundstage.hookimpl
def register_separators(register: object) -> None: ...


def use(folder: Path, figures: Path) -> str:
    planned: soundstage.PlannedGrid = soundstage.plan("demo")
    summary = soundstage.run("demo", folder, workers=1)
    opened: soundstage.ResultsFolder = soundstage.open(folder, planned.id)
    board: soundstage.Board = opened.board(metrics=["sdr"], cost=True)
    best: float = board.sections[0].rows[0].values[board.ranked_by].value
    compared: soundstage.Comparison = opened.compare("a", "b")
    answer: soundstage.Answer = opened.which(source="vocals", device="cpu", below_real_time=True)
    rank: int = answer.tables[0].picks[0].rank
    status: soundstage.Status = opened.status()
    cards: soundstage.Cards = soundstage.metric_cards(["sdr"])
    rows: int = len(soundstage.load(folder)) + len(soundstage.compare(folder, "a", "b"))
    rows += len(soundstage.score(folder, folder)) + len(opened.rows()) + len(board.frame()) + len(compared.frame())
    for name, figure in opened.figures().items():
        figure.savefig(figures / f"{name}.pdf")
    page: Path = soundstage.write_report(folder, figures)
    rendered = soundstage.render("demo", folder)
    share: float = status.done / status.planned + cards.cards[0].ceiling + best + summary.planned + rank
    return f"{page} {rendered} {share} {rows} {opened.provenance()} {board.text('csv')}"


def values(track: Track, placement: Placement, scene: Scene) -> tuple[Score, Measure, type[Degradation]]:
    if not np.isfinite(scene.mixture).all():
        raise SoundstageError(f"{track.id} at {placement} is not finite")
    return Score("vocals", "SDR", 1.0), Measure("dB", higher_is_better=True), Degradation
"""
MISTAKES = {
    "soundstage.open(3)": "arg-type",
    'soundstage.open("x").board(metric="sdr")': "call-arg",
    'soundstage.open("x").status().dnoe': "attr-defined",
    'soundstage.plan("demo").cells[0].adress': "attr-defined",
    'soundstage.open("x").board().text("html")': "arg-type",
    "soundstage.load(3)": "arg-type",
    'soundstage.Score("vocals", "SDR", "loud")': "arg-type",
    'soundstage.run("demo")': "call-arg",
}


def mypy(tmp_path, text):
    (tmp_path / "user.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "user.py", "--cache-dir", "cache"]
    path = os.environ.get("PYTHONPATH", "")
    found = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "MYPYPATH": path}
    )
    return [line for line in found.stdout.splitlines() if ": error: " in line], found.stdout + found.stderr


def test_a_script_that_uses_every_public_name_passes_and_mistakes_do_not(tmp_path):
    pytest.importorskip("mypy")
    unused = [name for name in soundstage.__all__ if not re.search(rf"\b{name}\b", SCRIPT)]
    assert not unused, "use them in the script"
    wrong = "".join(f"\n{line}\n" for line in MISTAKES)
    lines, said = mypy(tmp_path, SCRIPT + wrong)
    codes = [line.rpartition("[")[2].rstrip("]") for line in lines]
    assert codes == list(MISTAKES.values()), said
