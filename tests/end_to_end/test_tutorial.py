"""The tutorial, as a newcomer goes through it: an empty folder, pip, and each command with what the page says of it."""

from __future__ import annotations

import pytest

import fences
import installed


@pytest.mark.heavy
def test_each_command_of_the_tutorial_prints_what_it_says(root, tmp_path, monkeypatch):
    wheel = installed.wheel(installed.sdist(root, tmp_path), tmp_path)
    here = tmp_path / "constraint.txt"
    here.write_text(f"soundstage @ {wheel.as_uri()}\n", encoding="utf-8")
    monkeypatch.setenv("PIP_CONSTRAINT", str(here))  # `pip install soundstage` is this checkout
    monkeypatch.setenv("SOUNDSTAGE_CACHE", str(tmp_path / "cache"))
    for name in installed.OURS:
        monkeypatch.delenv(name, raising=False)
    blocks = fences.blocks_of(root / "docs" / "tutorial.md")
    folder = tmp_path / "empty"
    folder.mkdir()
    assert fences.run_blocks(blocks, folder) == len(blocks)
