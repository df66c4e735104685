"""Writes the report's folder: one page, its scripts, its data. Nothing in it needs a server or a network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from soundstage.errors import NotInstalled, SoundstageError

MARK = "soundstage-report.json"
"""The file by which a folder is known to hold a report, which a new one may replace."""


TEMPLATE = "index.html"


def prepare(out: Path) -> None:
    """Make the folder, empty but for an earlier report's clips. Raises SoundstageError where it holds anything else."""
    plotly_script()
    if out.exists() and not out.is_dir():
        raise SoundstageError(f"{out} is a file; name a folder for the report with --out")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise SoundstageError(
            f"{out} holds files that are no report's; name an empty folder, or one that does not exist, with --out"
        )
    for name in ("assets", "data", "clips"):
        place = out / name
        if place.is_symlink():
            raise SoundstageError(f"{place} is a link, and a report is written into no link; remove it")
        if place.is_dir():
            shutil.rmtree(place)
        place.mkdir(parents=True)
    (out / MARK).write_text(json.dumps({"made by": "soundstage report"}) + "\n", encoding="utf-8")


def plotly_script() -> Path:
    """The plots' library, as its wheel ships it. Raises NotInstalled."""
    found = find_spec("plotly")
    if found is None or not found.submodule_search_locations:
        raise NotInstalled("a report needs plotly, which is not installed: pip install 'soundstage[report]'")
    return Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js"


def write_page(out: Path, payload: Mapping[str, Any], listening: Any = ()) -> Path:
    """Put the page and its data into a prepared folder. payload: what `data.payload` gives; listening: what the
    listening room shows. Returns the page's file.
    """
    for asset in files(__package__).joinpath("assets").iterdir():
        if asset.name != TEMPLATE:
            (out / "assets" / asset.name).write_bytes(asset.read_bytes())
    shutil.copyfile(plotly_script(), out / "assets" / "plotly.min.js")
    everything = {**payload, "listening": list(listening)}
    (out / "data" / "report.js").write_text(f"window.soundstage = {_script(everything)};\n", encoding="ascii")
    template = files(__package__).joinpath("assets", TEMPLATE).read_text(encoding="utf-8")
    page = out / "index.html"
    for name in ("title", "summary"):
        template = template.replace(f"{{{name}}}", escape(str(payload[name])))
    page.write_text(template, encoding="utf-8")
    return page


def _script(value: Any) -> str:
    """The value as JavaScript, in ASCII, so that no encoding and no line separator can break it."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
