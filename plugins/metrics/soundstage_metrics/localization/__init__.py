"""From where each source is heard: an azimuth a frame, by level and phase between the ears, of the scene's head."""

from soundstage_metrics.localization.acuity import minimum_audible_angle_deg
from soundstage_metrics.localization.place import Heard
from soundstage_metrics.localization.scores import Localization, heard_azimuths

__all__ = ["Heard", "Localization", "heard_azimuths", "minimum_audible_angle_deg"]
