"""A separator of files, as `soundstage add` takes them: a JSON that says how well it separates the trial's sources.

It cheats: it makes the sources itself, so that what it gets wrong is known.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from soundstage.contracts import Offer
from soundstage.errors import SoundstageError


@cache
def trial() -> Any:
    """What `soundstage add` tries models on, made once."""
    from soundstage.catalogue.registry import Registry
    from soundstage.running.adding import _scene

    return _scene(Registry.load())


class Toy:
    revision = 1
    rate = None

    def __init__(self, model: Path, hop: int | None = None):
        self.table = json.loads(Path(model).read_text())
        self.hop = self.table["hop"] if hop is None else hop
        self.sources = tuple(self.table["outputs"])

    @classmethod
    def offer(cls, files, params):
        if len(files) != 1:
            raise SoundstageError("a toy is one file")
        table = json.loads(files[0].read_text())
        rivals = {f"a hop of {hop}": {"hop": hop} for hop in table.get("rivals", [])}
        return Offer({**params, "model": files[0]}, ("model",), rivals, table.get("doubts", []))

    def separate(self, mixture, rate):
        """Each output holds the source that `holds` says, with noise that grows as the hop is another than `right`."""
        references = trial().references
        noise = np.random.default_rng(0).standard_normal(mixture.shape) * 0.002
        off = 1 + 10 * abs(self.hop - self.table.get("right", self.table["hop"])) / self.hop
        made = {
            **references,
            "noise": 10 * noise,
            "nothing": 0 * mixture,
            "accompaniment": mixture - references["vocals"],
        }
        made["nan"] = mixture * np.nan
        return {
            output: self.table.get("gain", 1.0) * made[held] + off * noise * (held != "nothing")
            for output, held in zip(self.sources, self.table.get("holds", self.sources), strict=True)
        }
