"""BSS Eval v4 and v3 for images: SDR, ISR, SIR and SAR, as museval computes them."""

from soundstage_metrics.bsseval.scores import BssEval, bss_eval

__all__ = ["BssEval", "bss_eval"]
