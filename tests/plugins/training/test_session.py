"""The session on the page about training: trained, used in a grid, on the board."""

from __future__ import annotations

import re
import shlex
import shutil

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
    models = ["xumx[checkpoint=models/xumx]", "spainnet[checkpoint=models/spainnet]"]
    models += ["spainnet[checkpoint=models/spainnet,angles=swapped]", "reference", "mixture"]
    whole = rows[rows["frame"].isna() & (rows["metric"] == "sdr") & (rows["name"] == "SDR")]
    for name in models:
        own = whole[whole["separator"] == name]
        assert len(own) == 3 * 2 * 4, name  # songs, placements, sources
        assert own["value"].notna().mean() > 0.9, name
    board = "".join(next(text for words, text in said.items() if words.startswith("leaderboard")).split())
    assert "xumx[checkpoint=models/xumx]" in board
    assert "spainnet[checkpoint=models/spainnet]" in board


def test_the_checkpoint_scores_what_its_description_says(session, monkeypatch):
    from soundstage.catalogue.registry import Registry
    from soundstage_training.checkpoint import load
    from soundstage_training.verb.settings import settings_of
    from soundstage_training.verb.setup import prepared

    folder, _ = session
    monkeypatch.chdir(folder)
    model, about = load(folder / "models" / "xumx")
    registry = Registry.load()
    settings = settings_of(registry, "xumx_small", {"validate_every": 3})
    ready = prepared("xumx_small", settings, registry, folder / "models" / "xumx", steps=6)
    assert ready.resumed
    assert ready.job.validation.of(model, "cpu") == pytest.approx(about["training"]["validation"], rel=1e-6)


def test_a_checkpoint_is_two_files_that_may_be_taken_elsewhere(session, tmp_path):
    from soundstage_training.checkpoint import load

    folder, _ = session
    for name in ("model.safetensors", "model.json"):
        shutil.copy(folder / "models" / "xumx" / name, tmp_path)
    model, about = load(tmp_path)
    assert model.name == "xumx"
    assert about["training"]["name"] == "xumx_small"
    assert about["data"]["trained_on"]["songs"] == 2
