"""Soundstage's built-in metrics, one module each; the functions in them work on plain arrays, without a grid.

from soundstage_metrics.sdr import sdr, si_sdr
from soundstage_metrics.spauq import spauq
from soundstage_metrics.interaural import delta_ild_db, delta_itd_us, ild_db, itd_us
from soundstage_metrics.cues import itd_robust_us
"""
