"""The session on the page about training: trained, used in a grid, on the board."""

from __future__ import annotations

import re
import shlex
import shutil

import pandas as pd
import pytest
from click.testing import CliRunner

import soundstage
from soundstage.cli import cli

pytestmark = pytest.mark.heavy

pytest.importorskip("accelerate", reason="training comes with the extra train")


@pytest.fixture(scope="module")
def session(root, tmp_path_factory):
    """The folder in which the page's commands were typed, a few steps in place of many, and what each said."""
    page = (root / "docs" / "training.md").read_text(encoding="utf-8")
    commands = re.search(r"```sh\n(.*?)```", page, re.DOTALL)[1].splitlines()
    grid = re.search(r"```toml\n(\[grids\.trained\].*?)```", page, re.DOTALL)[1]
    folder = tmp_path_factory.mktemp("session")
    (folder / "trained.toml").write_text(grid)
    said = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "200")
        patch.setenv("SOUNDSTAGE_CACHE", str(folder / "cache"))
        for line in commands:
            words = shlex.split(line.replace("--steps 300", "--steps 6 --validate-every 3 --device cpu"))
            assert words[0] == "soundstage"
            found = CliRunner().invoke(cli, words[1:], catch_exceptions=False)
            assert found.exit_code == 0, found.output
            said[" ".join(words[1:3])] = found.output
    return folder, said


def test_what_was_trained_stands_on_the_board(session):
    folder, said = session
    rows = soundstage.load(folder / "results" / "trained")
    assert (rows["status"] == "ok").all() if "status" in rows else len(rows)
    board = next(text for words, text in said.items() if words.startswith("leaderboard"))
    for name in ("xumx[checkpoint=models/xumx]", "spainnet[checkpoint=models/spainnet]", "reference", "mixture"):
        assert name in re.sub(r"\s*\n\s*", "", board) or name in board
    assert set(rows["separator"]) >= {"xumx[checkpoint=models/xumx]", "spainnet[checkpoint=models/spainnet]"}


def test_validation_scores_what_a_grid_scores(session):
    """The model's estimates of the held-out song are those that its checkpoint gives as a separator."""
    import json

    folder, _ = session
    about = json.loads((folder / "models" / "xumx" / "model.json").read_text())
    assert about["training"]["validation"]["sdr/SDR"] is not None
    rows = soundstage.load(folder / "results" / "trained")
    own = rows[rows["separator"].eq("xumx[checkpoint=models/xumx]") & rows["frame"].isna()]
    assert pd.to_numeric(own["value"]).notna().any()


def test_a_checkpoint_is_two_files_that_may_be_taken_elsewhere(session, tmp_path):
    from soundstage_training.checkpoint import load

    folder, _ = session
    for name in ("model.safetensors", "model.json"):
        shutil.copy(folder / "models" / "xumx" / name, tmp_path)
    model, about = load(tmp_path)
    assert model.name == "xumx"
    assert about["training"]["name"] == "xumx_small"
    assert about["data"]["trained_on"]["songs"] == 2
