"""What the built-in measures claim: the families of probes that several of them follow or ignore.

`soundstage audiometry` holds them to it; docs/audiometry.md says what the probes are.
"""

from __future__ import annotations

EVERYTHING = ("image", "level", "time", "polarity", "sources", "artefacts", "tone", "room")
"""Any difference from the reference."""

SCALED = ("image", "time", "sources", "artefacts", "tone", "room")
"""All that one factor does not take out."""

SCALE = ("level", "polarity")

SPATIAL = ("image",)
"""What the spatial part of a decomposition is about."""

NOT_SPATIAL = ("level", "time", "sources", "artefacts", "tone", "room")

RESIDUAL = ("sources", "artefacts", "tone", "room")
"""What its other part is about."""

NOT_RESIDUAL = ("image", "level", "time", "polarity")

FILTERED = ("image", "level", "time", "polarity", "tone")
"""What BSS Eval's short filters take for a distortion of the image."""

NOT_CUES = ("level", "time", "polarity", "tone", "artefacts", "bleed_here")
"""What changes no interaural cue; what comes from where the source is has its cues."""

ADDED = ("sources", "residual", "reverb")
"""What puts something into an estimate."""

TAKEN = ("musical", "dropouts", "lowpass")
"""What takes something out of it."""

PLACES = ("rotate", "itd", "swap", "mono")
"""What a source is heard elsewhere by."""

DIFFUSE = ("residual", "reverb")
"""What makes an image wide."""

SHORT_FILTERS = ("image", "level", "polarity", "tone")
"""What half a millisecond of filters makes of a source."""

NO_SOURCE = ("image", "level", "polarity", "artefacts", "tone")
"""What puts nothing of another source into an estimate."""
