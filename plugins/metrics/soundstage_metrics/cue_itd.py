"""The robust ITD under the name that it was first documented by; it lives in `soundstage_metrics.cues`."""

from soundstage_metrics.cues.itd import itd_error_us, itd_robust_us

__all__ = ["itd_error_us", "itd_robust_us"]
