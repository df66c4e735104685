"""Taking in what others measured: files and folders of any known format become the claims of one results folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from soundstage.errors import SoundstageError
from soundstage.results.exchange.binaural_csv import UNNAMED, is_paper_csv, lacking_options, read_paper_csv
from soundstage.results.exchange.catalogue import is_catalogue, read_catalogue
from soundstage.results.exchange.caveats import caveats
from soundstage.results.exchange.claims import Claim, Labels, keep_claims, read_bytes
from soundstage.results.exchange.museval import TWO_SOURCES, is_museval, read_museval
from soundstage.results.exchange.toolkit import COLUMNS, is_toolkit_table, read_toolkit_table
from soundstage.results.exchange.values import NOT_FINITE

Tell = Callable[[str], None]


MARKDOWN = (".md", ".markdown")
FOREIGN = ("__MACOSX", "@eaDir", "#recycle", "lost+found", "$RECYCLE.BIN", "System Volume Information")
"""Folders that systems leave among people's files."""


def import_claims(
    paths: Sequence[Path], out: Path | str, labels: Labels | None = None, told: Tell = lambda sentence: None
) -> list[Claim]:
    """Keep the claims of museval's JSON, the binaural paper's CSV, a separator catalogue's score table and the training
    toolkit's table in the folder `out`, and return them.

    paths: files, or folders that hold them at any depth. labels: what the claims are of, where their files do not say
    it or are not to be believed: museval's separator is the folder that a file lies in, `test` and `train` passed over;
    the paper's separator and rendering are in the file's name. Claims that `out` holds already are joined. told: of
    each file of a folder that is skipped, of each that has infinite values, which become scores without one, and of
    what keeps the claims from being compared as they stand, in a sentence. Raises SoundstageError, and keeps nothing,
    where a file is malformed, where one that was named itself is of nobody knows what, or where two files hold the same
    score.
    """
    labels = labels or Labels()
    claims: list[Claim] = []
    for file in found_files(paths, labels, told):
        found, sentences = _read(file, labels)
        for sentence in filter(None, (_infinite(file, found), *sentences)):
            told(sentence)
        claims += found
    two_sourced = [claim.labels.track for claim in claims for one in claim.notices if TWO_SOURCES in one]
    if two_sourced:
        told(f"two protocols: vocals of {len(two_sourced)} of {len(claims)} files are {TWO_SOURCES}")
    for sentence in caveats(claims):
        told(sentence)
    return keep_claims(claims, out)


def _read(file: Path, labels: Labels) -> tuple[list[Claim], list[str]]:
    """The claims of a file, and sentences about them."""
    if file.suffix.lower() == ".csv":
        return read_paper_csv(file, labels), []
    content = read_bytes(file)
    if file.suffix.lower() in MARKDOWN:
        if not is_toolkit_table(content):
            raise SoundstageError(f"{file}: no table of models with the columns {', '.join(COLUMNS)}; give that file")
        return read_toolkit_table(file, labels)
    if is_catalogue(content):
        return read_catalogue(file, labels)
    return [read_museval(file, labels)], []


def _infinite(file: Path, claims: Sequence[Claim]) -> str:
    """What is said of a file's values that are not finite; empty where all are."""
    every = [score for claim in claims for of_metric in claim.scores.values() for score in of_metric.scores]
    frames = {score.name for score in every if score.frame is not None}
    own = [score for score in every if score.frame is not None or score.name not in frames]
    count = len([score for score in own if math.isnan(score.value) and score.note.endswith(NOT_FINITE)])
    if not count:
        return ""
    what = "1 value not finite, kept as a score" if count == 1 else f"{count} values not finite, kept as scores"
    return f"{file}: {what} without a value"


def found_files(paths: Sequence[Path], labels: Labels, told: Tell) -> list[Path]:
    """The files, each once. Of a folder: the paper's CSVs where it has some, and else museval's JSON, by name.

    Hidden files and folders, what systems leave behind, and JSON that is not shaped as museval's are skipped, as are
    CSVs of which neither their names nor the labels say what they are of; `told` hears of each. Raises SoundstageError
    where a folder has none left.
    """
    found: dict[Path, None] = {}
    for path in paths:
        files = _of_folder(path, labels, told) if path.is_dir() else [path]
        found |= {file.absolute(): None for file in files}
    return list(found)


def _of_folder(folder: Path, labels: Labels, told: Tell) -> list[Path]:
    every = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in (".csv", ".json") and file.is_file()]
    tables = [file for file in every if is_paper_csv(file)]
    # SSR and SRR first: the first metric is what a leaderboard ranks by.
    tables.sort(key=lambda file: (not file.name.startswith("spauq_"), file))
    files, is_unnamed = [], False
    boards = [file for file in sorted(folder.rglob("*")) if _is_board(file)]
    for file in tables or [*(file for file in every if file.suffix.lower() == ".json"), *boards]:
        if why := _foreign(file.relative_to(folder)):
            told(f"skipped {file}: {why}")
        elif tables and (lacking := lacking_options(file, labels)):
            is_unnamed = True
            told(f"skipped {file}: {UNNAMED}; import it by itself with {' and '.join(lacking)}")
        elif not tables and file.suffix.lower() not in MARKDOWN and not is_museval(file) and not _is_catalogue(file):
            told(f"skipped {file}: no file of museval's, which has a list of 'targets' with 'frames'")
        else:
            files.append(file)
    if not files and is_unnamed:
        raise SoundstageError(f"{folder}: no name in it says what its CSVs are of; import each by itself")
    if not files:
        raise SoundstageError(
            f"{folder} holds no .json file of museval's and no spauq_….csv or interaural_….csv; give museval's files,"
            " the binaural paper's, or folders of them"
        )
    return files


def _is_board(file: Path) -> bool:
    return file.suffix.lower() in MARKDOWN and file.is_file() and is_toolkit_table(read_bytes(file))


def _is_catalogue(file: Path) -> bool:
    return is_catalogue(read_bytes(file))


def _foreign(inside: Path) -> str:
    """Why a file of a folder is nobody's results; empty where it may be. inside: its path in that folder."""
    for part in inside.parts:
        if part.startswith("."):
            return "it is hidden" if part == inside.name else f"the folder {part} is hidden"
        if part in FOREIGN:
            return f"the folder {part} is the system's own"
    return ""
