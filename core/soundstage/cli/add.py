"""`soundstage add`: a model's files become an entry of a registry of yours."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.cli import completing
from soundstage.cli.options import device
from soundstage.cli.saying import say


@click.command("add")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option("--name", required=True, help="What grids are to call it.")
@click.option(
    "--registry",
    type=click.Path(path_type=Path),
    default=Path("registry.toml"),
    show_default=True,
    help="The TOML that gets the entry; made where it is not there.",
)
@click.option(
    "--separator",
    shell_complete=completing.of_kind("separators"),
    default="",
    help="The plugin that takes the files, or a variant of it.  [default: by endings]",
)
@device("Where it is tried: auto, cpu, cuda, cuda:N or mps.")
def command(files: tuple[Path, ...], name: str, registry: Path, separator: str, device: str) -> None:
    """Make a separator of a model's files: MODEL.ckpt CONFIG.yaml.

    Finds the architecture, hashes the files, loads the weights and nothing else of them, separates ten seconds whose
    sources are known, and writes the entry. Files that are not one model's are refused; what cannot be told of them is
    said, and kept in the entry as `unverified`.
    """
    from soundstage.catalogue.registry import Registry
    from soundstage.running.adding import add

    known = Registry.load([registry] if registry.exists() else [])
    added = add(files, name, registry, known, separator, device)
    for sentence in added.seen:
        say(f"  {sentence}")
    if added.unverified:
        say(f"unverified: {added.unverified}", fg="yellow")
    say(f"{registry}: '{name}' is in it; soundstage run GRID --registry {registry} knows it")
