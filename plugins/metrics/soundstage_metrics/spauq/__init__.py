"""SPAUQ: how much of an estimate is spatial distortion (SSR) and how much is anything else (SRR)."""

from soundstage_metrics.spauq.scores import Spauq, SpauqFrames, SpauqPublished, spauq

__all__ = ["Spauq", "SpauqFrames", "SpauqPublished", "spauq"]
