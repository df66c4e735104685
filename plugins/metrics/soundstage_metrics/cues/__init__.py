"""Interaural cues by their most robust readings: ITD, ILD and IPD by band, IACC, and the angle they point to."""

from soundstage_metrics.cues.angle import angular_error_deg, azimuth_deg
from soundstage_metrics.cues.bands import iacc_error, ild_error_db, ipd_error_deg
from soundstage_metrics.cues.itd import itd_error_us, itd_robust_us
from soundstage_metrics.cues.scores import Cues

__all__ = [
    "Cues",
    "angular_error_deg",
    "azimuth_deg",
    "iacc_error",
    "ild_error_db",
    "ipd_error_deg",
    "itd_error_us",
    "itd_robust_us",
]
