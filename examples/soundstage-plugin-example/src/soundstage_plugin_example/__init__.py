"""What this distribution registers. Nothing heavy is imported here."""

import soundstage
from soundstage.hooks import Register


@soundstage.hookimpl
def register_separators(register: Register) -> None:
    """Name the separator."""
    register(
        "example",
        "soundstage_plugin_example.separator:ExampleSeparator",
        summary="What sits in the middle for the vocals, the rest for the others",
    )
