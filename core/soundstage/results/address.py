"""Content addresses: same address, same numbers. SHA-256 over canonical JSON of everything a result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

SHORT = 8
"""Characters of a hash that are enough to cite."""


def address(stage: str, parts: Mapping[str, Any]) -> str:
    """The SHA-256, in hex, of a stage and its parts. Raises TypeError for what JSON cannot hold."""
    text = json.dumps(
        {"stage": stage, **parts}, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def plan_hash(addresses: Iterable[str]) -> str:
    """One hash for a whole plan: the same cells on the same data, whatever their order."""
    return hashlib.sha256("\n".join(sorted(addresses)).encode()).hexdigest()
