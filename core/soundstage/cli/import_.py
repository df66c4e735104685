"""`soundstage import`: what others measured, as claims."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.cli.options import folder
from soundstage.cli.saying import say


@click.command("import")
@click.argument("files", metavar="FILE_OR_FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="FOLDER", callback=folder, required=True, help="Results folder; claims in it are joined."
)
@click.option(
    "--separator",
    default="",
    metavar="NAME",
    help="Whose scores these are.  [default: as the file's name says; of museval's files the folder they lie in]",
)
@click.option(
    "--spatializer",
    default="",
    metavar="NAME",
    help="How the scenes were rendered.  [default: as the file's name says]",
)
@click.option("--dataset", default="", metavar="NAME", help="What the songs are of, such as musdb18hq.")
def command(files: tuple[Path, ...], out: Path | str, separator: str, spatializer: str, dataset: str) -> None:
    """Keep what others measured as results whose provenance is "claimed".

    Takes museval's JSON (METHOD/test/TRACK.json, as SiSEC 2018's submissions lie), the score table of a separator
    catalogue (models-scores.json), the training toolkit's table of models (pretrained_models.md) and the CSVs of the
    binaural separation paper (spauq_DATE_MODEL_binaural.csv and its twin interaural_…, which become one cell a track).
    Nothing is measured: the run's record names the files and their hashes, and leaderboards say that these are claims.
    What keeps them from being compared as they stand is said: unequal songs, training songs, two protocols. A CSV whose
    name does not say what it is of needs the options. In a folder such a file is skipped, as are hidden files and JSON
    that is not museval's, and it is said. Infinite values become scores without a value.
    """
    from soundstage.results.exchange.claims import CLAIMED, Labels
    from soundstage.results.exchange.importing import import_claims

    labels = Labels(separator, dataset=dataset or CLAIMED, spatializer=spatializer)
    claims = import_claims(files, out, labels, told=lambda sentence: say(sentence, err=True))
    names = ", ".join(dict.fromkeys(claim.labels.separator for claim in claims))
    tracks = f"{len(claims)} track{'s' * (len(claims) != 1)}"
    say(f"{tracks} of {names} imported as claims", err=True)
    say(f"see them with: soundstage leaderboard {out}", err=True)
