"""Results as tables that two runs can be compared by."""

from __future__ import annotations

from pathlib import Path

import pandas

import soundstage

TOOK = ["real_time_factor", "peak_memory_mb", "peak_gpu_memory_mb"]
"""What separating took, which no two runs share."""


def rows_of(path: Path | str) -> pandas.DataFrame:
    """What `soundstage.load` gives, but for what it took."""
    return soundstage.load(path).drop(columns=TOOK)


def tidy(path: Path | str) -> pandas.DataFrame:
    """These rows in an order of their own."""
    frame = rows_of(path)
    return frame.sort_values([*frame.columns[:10], "frame"], kind="stable").reset_index(drop=True)
