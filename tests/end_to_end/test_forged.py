"""Results folders whose files say what nobody wrote, under hashes that fit: every verb ends with a sentence at most."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import soundstage
from forging import altered, ended
from soundstage.errors import SoundstageError
from soundstage.results.encoding import digest, parquet
from soundstage.results.records import METADATA

GRID = {
    "name": "forged",
    "datasets": ["toy[tracks=2]"],
    "spatializers": ["flat"],
    "separators": ["truth", "noisy"],
    "metrics": ["error"],
}


@pytest.fixture
def filled(toys, tmp_path) -> Path:
    """A folder of loose cells with kept estimates."""
    soundstage.run(GRID, tmp_path / "out", keep=["estimates"])
    return tmp_path / "out"


def forge(out: Path, rng: random.Random) -> None:
    """Alter what one file says, and give it the hash that fits."""
    kind = rng.choice(["grids", "cells", "runs", "estimates", "sign"])
    if kind == "sign":
        (out / "running.json").write_text(json.dumps(altered({"host": "h", "pid": 1, "beat": 1.0, "facts": {}}, rng)))
        return
    file = rng.choice([file for file in (out / kind).rglob("*") if file.suffix in (".parquet", ".json")])
    if file.suffix == ".json":
        file.write_text(json.dumps(altered(json.loads(file.read_text()), rng)))
        return
    table = pq.read_table(file)
    told = altered(json.loads(table.schema.metadata[METADATA]), rng)
    if rng.random() < 0.2:
        table = table.drop_columns([rng.choice(table.column_names)])
    contents = parquet(table.replace_schema_metadata({METADATA: json.dumps(told).encode()}))
    name = file.name.replace(file.stem.rpartition("-" if kind == "cells" else ".")[2], digest(contents))
    file.unlink()
    file.with_name(name).write_bytes(contents)


def verbs(out: Path, aside: Path) -> list[list[str]]:
    return [
        ["leaderboard", str(out)],
        ["leaderboard", str(out), "--format", "json", "--by", "source"],
        ["status", str(out)],
        ["status", str(out), "--errors"],
        ["provenance", str(out), "--lock", str(aside / "lock.toml")],
        ["verify", str(out), "--recompute", "1", "--seed", "0"],
        ["merge", str(aside / "merged"), str(out)],
        ["export", str(out), "--out", str(aside / "exported")],
    ]


def check(filled: Path, tmp_path: Path, seeds: range) -> None:
    private = tmp_path / "x"
    private.write_text("mine")
    for seed in seeds:
        out, aside = tmp_path / "a" / "b" / "copy", tmp_path / "a" / "aside"
        shutil.rmtree(tmp_path / "a", ignore_errors=True)
        shutil.copytree(filled, out)
        aside.mkdir()
        rng = random.Random(seed)
        for _ in range(rng.randint(1, 3)):
            forge(out, rng)
        for arguments in verbs(out, aside):
            ended(arguments)
        grid = {**GRID, "metrics": ["error", "other_error"]}
        with contextlib.suppress(SoundstageError):
            soundstage.run(grid, out)
        assert private.read_text() == "mine"
        assert {path.name for path in tmp_path.iterdir()} <= {"x", "a", "out"}


def test_every_verb_takes_what_was_forged_for_a_sentence_at_most(filled, tmp_path):
    check(filled, tmp_path, range(12))


@pytest.mark.heavy
def test_every_verb_takes_a_hundred_forgeries_for_a_sentence_at_most(filled, tmp_path):
    check(filled, tmp_path, range(12, 150))
