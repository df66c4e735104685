"""A new plugin's files, made of templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from soundstage.catalogue.registry import Registry
from soundstage.contracts import Kind
from soundstage.errors import SoundstageError
from soundstage.scaffold.names import check_distribution, check_name, class_of, distribution_of, package_of

SCRIPTS: tuple[Kind, ...] = ("separators", "metrics")
"""The kinds that can be one file with requirements of its own."""

ENDING = ".template"
"""Of a template's name, so that no tool takes it for what it makes."""

SUMMARIES: Mapping[Kind, str] = {
    "datasets": "A folder a song, a WAV file a source",
    "placements": "All sources side by side, as a fan",
    "spatializers": "Panning by the sine of the azimuth, 4.5 dB lower in the middle",
    "separators": "What sits in the middle for the vocals, the rest for the others",
    "metrics": "How far the level difference between the channels is off",
}
"""What the class of a template does, for `soundstage list`."""


def write_distribution(kind: Kind, name: str, folder: Path | None, known: Registry) -> Path:
    """Write a distribution with one plugin of that kind, and give its folder: `folder`, or one named after it, here.

    Raises SoundstageError, and writes nothing, where the name is none or taken, or the folder is there.
    """
    check_name(kind, name, known)
    check_distribution(distribution_of(name))
    return _write(["distribution", kind[:-1]], kind, name, folder or Path(distribution_of(name)))


def write_script(kind: Kind, name: str, folder: Path | None, known: Registry) -> Path:
    """Write a script with its registry and a grid, and give their folder: `folder`, or one of that name, here.

    Raises SoundstageError as `write_distribution` does, and for a kind that cannot be a script.
    """
    if kind not in SCRIPTS:
        which = " and ".join(SCRIPTS)
        raise SoundstageError(f"a {kind[:-1]} cannot be a script, {which} can; leave out --script")
    check_name(kind, name, known)
    return _write([f"{kind[:-1]}-script"], kind, name, folder or Path(name))


def checking(kind: Kind, name: str) -> str:
    """The command that checks the new plugin, typed in its folder."""
    return f"soundstage check {name}" + (f" --data {name}=songs" if kind == "datasets" else "")


def _write(templates: list[str], kind: Kind, name: str, folder: Path) -> Path:
    if folder.exists():
        raise SoundstageError(f"{folder} is there already, and nothing in it was touched; name another with --out")
    words = {
        "kind": kind[:-1],
        "plugin": name,
        "distribution": distribution_of(name),
        "package": package_of(name),
        "class_name": class_of(name, kind[:-1]),
        "summary": SUMMARIES[kind],
        "check": checking(kind, name),
        "required": '\n        required=("root",),' if kind == "datasets" else "",
        "files": "\n- `songs/` holds two songs that were made up; yours go anywhere." if kind == "datasets" else "",
    }
    source = resources.files("soundstage.scaffold") / "templates"
    for template in templates:
        for path, file in _files(source / template):
            own = path.replace("PACKAGE", words["package"]).replace("PLUGIN", name).replace("dot-", ".")
            target = folder / own.removesuffix(ENDING)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = Template(file.read_text(encoding="utf-8")).substitute(words)
            target.write_text(text, encoding="utf-8", newline="\n")
    if kind == "datasets":
        from soundstage.scaffold.songs import write_songs

        write_songs(folder / "songs")
    return folder


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    """Every template below a folder, with its path from there."""
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if one.is_dir():
            yield from _files(one, f"{prefix}{one.name}/")
        elif one.name.endswith(ENDING):
            yield prefix + one.name, one
