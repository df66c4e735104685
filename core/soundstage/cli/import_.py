"""`soundstage import`: what others measured, as claims."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.cli.folders import folder


@click.command("import")
@click.argument("files", metavar="FILE_OR_FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="FOLDER", callback=folder, required=True, help="Results folder; claims in it are joined."
)
@click.option(
    "--separator", default="", metavar="NAME", help="Whose scores these are.  [default: the folder a file lies in]"
)
def command(files: tuple[Path, ...], out: Path | str, separator: str) -> None:
    """Keep museval's JSON files, or folders of them (METHOD/test/TRACK.json), as results whose provenance is "claimed".

    Nothing is measured: the run's record names the files and their hashes, and leaderboards say that these are claims.
    """
    from soundstage.museval_json import import_museval

    claims = import_museval(files, out, separator)
    names = ", ".join(dict.fromkeys(claim.separator for claim in claims))
    click.echo(
        f"{len(claims)} tracks of {names} imported as claims\nsee them with: soundstage leaderboard {out}", err=True
    )
