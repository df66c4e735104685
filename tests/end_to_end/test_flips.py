"""A flipped bit in any file of a results folder changes no leaderboard in silence, and the same command mends it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import soundstage
from boards import board_of
from soundstage.errors import SoundstageError
from soundstage.report.plain import format_json
from soundstage.results.store import Store
from soundstage.running.verify import verify

GRID = {
    "name": "flips",
    "datasets": ["toy[tracks=3]"],
    "spatializers": ["flat"],
    "separators": ["truth", "noisy", "nothing"],
    "metrics": ["error", "other_error"],
}


@pytest.fixture
def filled(toys, tmp_path) -> Path:
    """A folder with cells that lie loose, cells that are packed, two grids and kept estimates."""
    out = tmp_path / "out"
    soundstage.run({**GRID, "separators": ["truth"], "name": "earlier"}, out, keep=["estimates"])
    Store(out).compact()
    soundstage.run(GRID, out)
    return out


def seen(out: Path) -> tuple[str, str]:
    """The leaderboard but for its notes, and the notes."""
    board = json.loads(format_json(board_of(out)))
    return json.dumps({key: value for key, value in board.items() if key != "notes"}), " ".join(board["notes"])


def flipped(file: Path, rng: random.Random) -> bytes:
    """Flip one bit of the file; what it was before."""
    before = file.read_bytes()
    changed = bytearray(before)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    file.write_bytes(changed)
    return before


def silent_changes(out: Path, numbers: range) -> list[str]:
    """The files of which some of these flips changed the leaderboard in silence."""
    rng = random.Random(7 + numbers.start)
    files = sorted(file for file in out.rglob("*") if file.is_file() and not file.name.startswith("."))
    assert {file.relative_to(out).parts[0] for file in files} >= {"cells", "segments", "grids", "runs", "estimates"}
    right, _ = seen(out)
    bad = []
    for number in numbers:
        file = files[number % len(files)]
        before = flipped(file, rng)
        try:
            board, notes = seen(out)
            if board != right and "is not what was written" not in notes:
                bad.append(str(file.relative_to(out)))
        except SoundstageError as error:
            if "is not what was written" not in str(error):
                bad.append(f"{file.relative_to(out)}: {error}")
        finally:
            file.write_bytes(before)
    return bad


def test_no_flipped_bit_changes_a_leaderboard_in_silence(filled):
    assert silent_changes(filled, range(40)) == []


@pytest.mark.heavy
@pytest.mark.parametrize("first", range(0, 4000, 250))  # in parts, so that it does not begin when all else is done
def test_no_flipped_bit_of_thousands_changes_a_leaderboard_in_silence(filled, first):
    assert silent_changes(filled, range(first, first + 250)) == []


@pytest.mark.parametrize("where", ["cells", "segments", "grids"])
def test_the_same_command_mends_what_a_flipped_bit_damaged(filled, where):
    right, _ = seen(filled)
    for file in sorted((filled / where).rglob("*.parquet")):
        if file.exists():
            flipped(file, random.Random(1))
            soundstage.run({**GRID, "separators": ["truth"], "name": "earlier"}, filled)
            soundstage.run(GRID, filled)
    assert seen(filled)[0] == right
    assert verify(filled).wrong == ()
