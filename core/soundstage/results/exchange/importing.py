"""Taking in what others measured: files and folders of any known format become the claims of one results folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from soundstage.errors import SoundstageError
from soundstage.results.exchange.binaural_csv import UNNAMED, is_paper_csv, lacking_options, read_paper_csv
from soundstage.results.exchange.claims import Claim, Labels, keep_claims
from soundstage.results.exchange.museval import read_museval

Tell = Callable[[str], None]


def import_claims(
    paths: Sequence[Path], out: Path | str, labels: Labels | None = None, skipped: Tell = lambda sentence: None
) -> list[Claim]:
    """Keep the claims of museval's JSON and of the binaural paper's CSV in the folder `out`, and return them.

    paths: files, or folders that hold them at any depth. labels: what the claims are of, where their files do not say
    it or are not to be believed: museval's separator is the folder that a file lies in, `test` and `train` passed over;
    the paper's separator and rendering are in the file's name. Claims that `out` holds already are joined. skipped:
    told, in a sentence, of each file of a folder that nobody says what it is of. Raises SoundstageError, and keeps
    nothing, where a file is malformed, where one that was named itself is of nobody knows what, or where two files hold
    the same score.
    """
    labels = labels or Labels()
    claims: list[Claim] = []
    for file in found_files(paths, labels, skipped):
        if file.suffix.lower() == ".csv":
            claims += read_paper_csv(file, labels)
        else:
            claims.append(read_museval(file, labels))
    return keep_claims(claims, out)


def found_files(paths: Sequence[Path], labels: Labels, skipped: Tell) -> list[Path]:
    """The files, each once. Of a folder: the paper's CSVs where it has some, and else museval's JSON, by name.

    What of a folder's CSVs neither their names nor the labels say what they are of is told to `skipped`. Raises
    SoundstageError where a folder has none left.
    """
    found: dict[Path, None] = {}
    for path in paths:
        files = [path]
        if path.is_dir():
            tables = [file for file in path.rglob("*.csv") if is_paper_csv(file)]
            # SSR and SRR first: the first metric is what a leaderboard ranks by.
            tables.sort(key=lambda file: (not file.name.startswith("spauq_"), file))
            files = [file for file in tables if not lacking_options(file, labels)]
            for file in tables:
                if lacking := lacking_options(file, labels):
                    skipped(f"skipped {file}: {UNNAMED}; import it by itself with {' and '.join(lacking)}")
            if not tables:
                files = sorted(path.rglob("*.json"))
            elif not files:
                raise SoundstageError(f"{path}: no name in it says what its CSVs are of; import each by itself")
        if not files:
            raise SoundstageError(
                f"{path} holds no .json file and no spauq_….csv or interaural_….csv; give museval's files, the binaural"
                " paper's, or folders of them"
            )
        found |= {file.absolute(): None for file in files}
    return list(found)
