"""`soundstage score`: one folder of stems against another."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli import completing
from soundstage.cli.options import more_registry, safe_csv
from soundstage.cli.saying import say_document
from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from soundstage.results.loading import Results

FORMATS = ("table", "csv", "json", "parquet", "museval")


@click.command("score")
@click.option("--reference", type=click.Path(path_type=Path), required=True, help="Folder of the true stems.")
@click.option("--estimate", type=click.Path(path_type=Path), required=True, help="Folder of the stems to score.")
@click.option(
    "--metric",
    "metrics",
    shell_complete=completing.of_kind("metrics"),
    multiple=True,
    metavar="NAME",
    help="Score with this metric. Repeatable.  [default: sdr, si_sdr, spauq and bsseval, where installed]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=None,
    help="What to write.  [default: by the suffix of --out, else table]",
)
@click.option(
    "--at",
    type=click.Choice(("as-is", "best-gain")),
    default="as-is",
    show_default=True,
    help="best-gain: score each stem also after the one gain that brings it nearest its reference, beside.",
)
@click.option(
    "--lengths",
    type=click.Choice(("strict", "shortest", "longest")),
    default="strict",
    show_default=True,
    help="References that differ in length: refuse them, cut them, or add silence. Estimates have to be as long.",
)
@safe_csv
@click.option("--out", type=click.Path(path_type=Path), default=None, help="File to write; a folder for museval.")
@more_registry
@click.option("--quiet", is_flag=True, help="No progress.")
def command(
    reference: Path,
    estimate: Path,
    metrics: tuple[str, ...],
    form: str | None,
    at: str,
    lengths: str,
    safe_csv: bool,
    out: Path | None,
    registry: tuple[Path, ...],
    quiet: bool,
) -> None:
    """Score a folder of stems against a folder of references, without a grid.

    Both hold one song's stems (vocals.wav, …), or both a sub-folder a song. A reference called mixture is the song's
    own mixture; without one it is the sum of the references.
    """
    from soundstage.cli.progress import Progress
    from soundstage.running.two_folders import score_folders

    form = form or _format_of(out)
    if out is None and form in ("parquet", "museval"):
        raise SoundstageError(f"--format {form} needs --out")
    if form == "museval" and at != "as-is":
        raise SoundstageError("museval's files hold one set of scores; leave --at out, or choose another --format")
    if quiet:
        results = score_folders(reference, estimate, metrics, registry, at=at, lengths=lengths)
    else:
        with Progress() as progress:
            results = score_folders(reference, estimate, metrics, registry, progress, at, lengths)
    try:
        _write(results, form, out, safe_csv)
    except OSError as error:
        if out is None:
            raise
        raise SoundstageError(f"{out}: cannot be written ({error.strerror}); choose another --out") from None


def _format_of(out: Path | None) -> str:
    suffix = out.suffix.removeprefix(".").lower() if out else ""
    return suffix if suffix in ("csv", "json", "parquet") else "table"


def _write(results: Results, form: str, out: Path | None, safe_csv: bool) -> None:
    if form == "museval":
        from soundstage.results.exchange.museval import museval_files, write_museval

        assert out is not None
        files = list(museval_files(results))
        if not files:
            raise SoundstageError("no song is long enough for a frame, so there is nothing to write for museval")
        write_museval(files, out, flat=True)
        return
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
    if form == "parquet":
        results.scores.to_parquet(out, index=False)
        return
    from soundstage.report.scores import scores_csv, scores_json, scores_table

    if form == "csv":
        text = scores_csv(results, safe_csv)
    elif form == "json":
        text = scores_json(results)
    else:
        watched = out is None and sys.stdout.isatty()
        text = scores_table(results, shutil.get_terminal_size().columns if watched else 0)
    if out is None:
        say_document(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")
