"""What the error of an estimate is made of: its own source's image, each other source, and artefacts."""

from soundstage_metrics.energies.decomposition import ErrorEnergies, error_energies
from soundstage_metrics.energies.scores import Energies

__all__ = ["Energies", "ErrorEnergies", "error_energies"]
