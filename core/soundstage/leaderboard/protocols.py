"""Protocols of aggregation, by name: from frames to a track's score, and from tracks and sources to one number.

Papers on the same test set differ in this alone, by up to a dB. Whichever is chosen, a leaderboard compares entries
on the scores that all of them have, and leaves out what is NaN or must not be ranked on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from soundstage.errors import UnknownName

if TYPE_CHECKING:
    import pandas

CELL = ["dataset", "track", "placement", "spatializer", "seed", "source"]
"""What one score is of; entries are compared on the same ones."""

SCORE = [*CELL, "separator", "metric", "name"]
"""What makes a score one of a kind; frames of one score share these."""

Average = Literal["median", "mean"]


@dataclass(frozen=True, slots=True)
class Aggregation:
    """How scores become one number.

    frames: how a track's frames become its score; empty takes the metric's own whole-track value. tracks: how scores
    of many tracks become one. sources: `pooled` takes every track × source alike; `mean` takes the tracks of
    each source first, and then the mean over sources. (A table of one source is the same under both.)
    """

    name: str
    summary: str
    frames: Average | Literal[""] = ""
    tracks: Average = "median"
    sources: Literal["pooled", "mean"] = "pooled"

    @property
    def text(self) -> str:
        """What each value is, as the fine print says it."""
        over = f"{self.tracks} over tracks" if self.sources == "mean" else f"{self.tracks} over tracks × sources"
        of_sources = ", then the mean over sources" if self.sources == "mean" else ""
        if not self.frames:
            return f"{over}{of_sources} of each metric's own whole-track value"
        return (
            f"{over}{of_sources} of the {self.frames} over the frames that have a value"
            " (a metric's whole-track value where it has no frames)"
        )

    def track_scores(self, rows: pandas.DataFrame) -> pandas.DataFrame:
        """The whole-track rows, each with the value that this protocol gives it. rows: as soundstage.load has them.

        A frame that is NaN or flagged counts for nothing. A score without frames keeps its whole-track value; one whose
        whole-track value must not be ranked on stays so, whatever its frames say.
        """
        whole = rows[rows["frame"].isna()]
        frames = rows[rows["frame"].notna()]
        if not self.frames or not len(frames):
            return whole
        import pandas as pd

        usable = frames["value"].astype(float).where(frames["ranked"])
        found = usable.groupby([frames[key] for key in SCORE], dropna=False, observed=True).agg(self.frames)
        which = pd.MultiIndex.from_frame(whole[SCORE])
        framed = which.isin(found.index)
        of_frames = pd.Series(found.reindex(which).to_numpy(), index=whole.index)
        value = whole["value"].astype(float).mask(pd.Series(framed, index=whole.index), of_frames)
        empty = framed & value.isna() & (whole["note"].fillna("") == "")
        return whole.assign(value=value, note=whole["note"].mask(empty, "no frame has a value"))

    def over_tracks(self, scores: pandas.DataFrame) -> Mapping[str, float]:
        """One number an entry, NaN where no number can hold it. scores: a row each of CELL (its index), a column each
        entry, no holes.
        """
        if not len(scores):
            return {}
        import numpy as np

        with np.errstate(over="ignore", invalid="ignore"):
            if self.sources == "pooled":
                values = scores.agg(self.tracks)
            else:
                values = scores.groupby(level="source").agg(self.tracks).mean()
        return {str(name): float(value) if math.isfinite(value) else math.nan for name, value in values.items()}


DEFAULT = "soundstage"

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Aggregation(DEFAULT, "each metric's own whole-track value; median over tracks × sources"),
        # museval itself stops at one number a source; who reports one for all of them takes their mean.
        Aggregation(
            "museval",
            "SiSEC 2018: median over frames, median over tracks; mean over sources",
            "median",
            "median",
            "mean",
        ),
        # demucs/evaluate.py: nanmedian over frames, mean over tracks, mean over sources; its paper has medians.
        Aggregation(
            "demucs",
            "Demucs' evaluation code: median over frames, mean over tracks; mean over sources",
            "median",
            "mean",
            "mean",
        ),
        Aggregation(
            "spain-net", "SpaIn-Net: mean over frames, mean over tracks; mean over sources", "mean", "mean", "mean"
        ),
        # The published "overall" medians pool track × source; tests compute them from the published tracks.
        Aggregation(
            "binaural-mss", "Namballa et al. 2025: each metric's whole-track value; median over tracks × sources"
        ),
    )
}


def find_protocol(name: str) -> Aggregation:
    """The protocol of that name. Raises UnknownName with the nearest one."""
    if name not in PROTOCOLS:
        raise UnknownName("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
