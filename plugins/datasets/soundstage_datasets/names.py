"""What names of files say: which is a song's mixture, which a sum of sources, which a copy of another file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from soundstage.audio_files import fold
from soundstage.errors import SoundstageError, storable

MIXTURES = frozenset(
    {
        *("mixture", "mix", "mixdown", "mixdowns", "mixed", "fullmix", "stereomix", "2mix", "mixtrack", "finalmix"),
        *("mischung", "gesamtmix", "mezcla", "mezclas", "mixage", "missaggio", "mistura", "mixagem", "miks", "mixado"),
        *("микс", "сведение", "ミックス", "混音", "믹스"),
    }
)
"""Names of files that are a song's own mixture; see `plain` for how they are compared."""

WHOLES = frozenset(
    {
        *("master", "mastered", "full", "original", "originalmix", "song", "fullsong", "fulltrack", "input", "preview"),
        *("allstems", "stereomaster", "mixmaster", "gesamt"),
        *("canción", "cancion", "chanson", "morceau", "canzone", "música", "musica", "lied", "песня", "原曲", "曲"),
    }
)
"""Names of files that hold a whole song as often as not: mixed, mastered, or as a separator was given it."""

PARTS = frozenset(
    {
        *("accompaniment", "instrumental", "instrumentals", "karaoke", "backingtrack", "minusone"),
        *("begleitung", "acompañamiento", "acompanhamento"),
        *("accompagnement", "accompagnamento", "минус", "минусовка", "аккомпанемент", "伴奏", "カラオケ", "반주"),
    }
)
"""Names of files that hold everything but one source: a source beside that one alone, and beside others their sum. So
do `no_vocals`, `minus drums` and their like. Names that may be a source's too, such as `backing`, are not
there: whether those are sums is heard."""

_WITHOUT = re.compile("(?:no|minus|non|without)(?:vocals?|voices?|drums?|bass|others?|guitars?|piano|melody)")

_COPY = re.compile(
    r"(?P<of>.+?)(?:\s*\(\d+\)|\s*[-_ ]\s*(?:copy|kopie|copia|copie|cópia|копия|副本|コピー)(?:\s*\(?\d+\)?)?)"
    r"|(?:copy|kopie|copia|copie|копия)\s+(?:of|von|de|di)\s+(?P<from>.+)"
)


def plain(name: str) -> str:
    """The name without case, spaces, dots, hyphens and underscores: `Full Mix`, `full-mix` and `FULL_MIX` are alike."""
    return re.sub(r"[\s._\-]+", "", fold(name))


def is_part(name: str) -> bool:
    """Whether a file of that name holds everything but one source."""
    return plain(name) in PARTS or _WITHOUT.fullmatch(plain(name)) is not None


def mixture_of(track_id: str, stems: Sequence[Path], mixture: str, free: Sequence[Path]) -> Path | None:
    """The song's own mixture among its files: the one called `mixture`, in any case; else the one out of MIXTURES.

    free: those that nobody has mapped to a source by name. A file that is alone is a stem, unless it is called
    `mixture`. Raises SoundstageError where several are called so.
    """
    for group in (
        [file for file in stems if file.stem == mixture],
        [file for file in free if fold(file.stem) == fold(mixture)],
        [file for file in free if plain(file.stem) in MIXTURES] if len(stems) > 1 else [],
    ):
        if len(group) > 1:
            raise SoundstageError(
                f"track '{track_id}': {' and '.join(file.name for file in group)} are each called a mixture; take all"
                f" but one away"
            )
        if group:
            return group[0]
    return None


def check_names(track_id: str, stems: Sequence[Path], mixture: Path | None) -> None:
    """Raise SoundstageError for a stem that by its name is no source.

    stems: those that nobody has mapped to a source by name.
    """
    names = [file.stem for file in stems]
    for file in stems:
        why = _no_source(track_id, file.stem, names, mixture)
        if why:
            raise SoundstageError(f"track '{track_id}': {file} is no source by its name, {why}")


def _no_source(track_id: str, name: str, names: Collection[str], mixture: Path | None) -> str:
    """Why a stem of that name among these is none, and what to do; empty where nothing speaks against it."""
    alone = len(names) == 1
    remedy = "take it away, or rename it where it is one"
    if plain(name) in MIXTURES and not alone:
        which = f" and {mixture.name} is there already" if mixture is not None else ""
        return f"which is a mixture's{which}; {remedy}"
    if (plain(name) in WHOLES or plain(name) == plain(track_id)) and len(names) > 1:
        return f"which is a whole song's; {remedy}, and call it mixture where it is the song's own"
    if is_part(name) and len(names) > 2:
        return f"which is a sum's, and its sources are there; {remedy}"
    found = _COPY.fullmatch(fold(name))
    if found and (found["of"] or found["from"]) in map(fold, names):
        return f"which is a copy's of '{found['of'] or found['from']}'; {remedy}"
    return ""


def by_name(track_id: str, files: Sequence[Path]) -> Mapping[str, Path]:
    """A song's files by name without suffix.

    Raises SoundstageError for two names that are equal but for case, accents' encoding or suffix, and for one that is
    no text.
    """
    found: dict[str, Path] = {}
    for file in files:
        if storable(file.stem) != file.stem:
            raise SoundstageError(
                f"track '{track_id}': the name of {storable(file.name)} is not text that every file can hold; rename it"
            )
        other = found.setdefault(fold(file.stem), file)
        if other != file:
            raise SoundstageError(
                f"track '{track_id}': stem '{file.stem}' is there twice in {file.parent}, as {other.name} and"
                f" {file.name}; remove one"
            )
    return {file.stem: file for file in files}
