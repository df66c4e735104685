"""`soundstage new`: a plugin to begin with, which works before a line of it is changed."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from soundstage.cli.saying import say
from soundstage.contracts import KINDS


@click.command("new")
@click.argument("kind", type=click.Choice([kind[:-1] for kind in KINDS]))
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The folder to write, which must not be there.  [default: soundstage-plugin-NAME, for a script NAME]",
)
@click.option(
    "--script", is_flag=True, help="One file with requirements of its own (PEP 723), run apart: separators and metrics."
)
def command(kind: str, name: str, out: Path | None, script: bool) -> None:
    """Begin a plugin: a separator, metric, spatializer, dataset or placement called NAME.

    Writes a distribution: one short class that does something, its entry point, tests on Soundstage's own checks, a
    grid that runs, settings for mypy and ruff, a CI file. Put your model in the place of the class.
    """
    from soundstage.catalogue.registry import Registry
    from soundstage.scaffold.write import checking, write_distribution, write_script

    (wanted,) = (one for one in KINDS if one[:-1] == kind)
    known = Registry.load()
    write = write_script if script else write_distribution
    folder = write(wanted, name, out, known)
    say(f"{folder} holds the {kind} '{name}', which works as it is. Next:")
    enter = f"cd {shlex.quote(str(folder))}"
    if script:
        commands = [
            f"{enter} && soundstage check {name} --registry registry.toml",
            "soundstage run registry.toml",
            "soundstage leaderboard results/registry",
        ]
    else:
        commands = [
            f"{enter} && pip install -e '.[dev]'",
            f"pytest && {checking(wanted, name)}",
            "soundstage run grid.toml && soundstage leaderboard results/grid",
        ]
    for line in commands:
        say(f"  {line}")
