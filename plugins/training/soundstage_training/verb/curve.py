"""What a training came to, step by step: `curve.jsonl`, a line a step and a line a validation."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from soundstage_training.verb.state import unkept, write_whole

FILE = "curve.jsonl"


class Curve:
    """The file, to which lines are added; begun again from a step, what came later goes."""

    def __init__(self, out: Path, step: int) -> None:
        """step: the last one that counts. Raises StorageError."""
        self.path = out / FILE
        held = [line for line in read(out) if line["step"] <= step]
        write_whole(self.path, "".join(f"{_text(line)}\n" for line in held))

    def add(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Add lines. Raises StorageError."""
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write("".join(f"{_text(line)}\n" for line in lines))
        except OSError as error:
            raise unkept(self.path, error) from None


def read(out: Path) -> list[dict[str, Any]]:
    """The lines of the training in a folder; one that was cut off when it was killed is none."""
    try:
        lines = (out / FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            one = json.loads(line)
        except ValueError:
            break
        found.append(one)
    return found


def _text(line: Mapping[str, Any]) -> str:
    """As JSON; what is no number has none."""
    return json.dumps({key: _value(value) for key, value in line.items()})


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _value(one) for key, one in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
