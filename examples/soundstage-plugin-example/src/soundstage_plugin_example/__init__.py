"""What this distribution registers. Nothing heavy is imported here."""

import soundstage


@soundstage.hookimpl
def register_separators(register):
    register("midside", "soundstage_plugin_example.midside:MidSide", summary="Vocals are what both channels share")


@soundstage.hookimpl
def register_metrics(register):
    register("width", "soundstage_plugin_example.width:Width", summary="How far the stereo width is off")
