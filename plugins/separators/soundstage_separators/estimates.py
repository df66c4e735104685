"""Estimates that were computed elsewhere: stems read from a folder."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from soundstage.audio import SUFFIXES, read_audio
from soundstage.errors import SoundstageError, suggestion

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.contracts import CellName, Need

FIELDS = ("track", "source", "dataset", "placement", "spatializer", "seed")
"""What a layout may speak of."""

ANY_SOURCE = "\0"
"""Stands for a source's name until it is known; no file name can hold it."""


class Estimates:
    """Reads the estimate of every source from root/layout: a .wav or .flac file, two channels, at the mixture's rate.

    layout: a path below root without suffix, in which {track}, {source}, {dataset}, {placement}, {spatializer} and
    {seed} stand for the cell's names.
    """

    revision = 1
    needs: tuple[Need, ...] = ("sources", "cell")

    def __init__(self, root: Path, layout: str = "{track}/{source}") -> None:
        """root: the folder. layout: see above. Raises SoundstageError where the layout is no such path."""
        self._root = Path(root).expanduser()
        self._layout = layout
        try:
            fields = [field for _, field, _, _ in string.Formatter().parse(layout) if field is not None]
        except ValueError as error:
            raise SoundstageError(f"layout={layout}: {error}; write for example '{{track}}/{{source}}'") from None
        for field in fields:
            if field not in FIELDS:
                raise SoundstageError(f"layout={layout}: unknown field '{{{field}}}'{suggestion(field, FIELDS)}")
        if layout.endswith(SUFFIXES):
            raise SoundstageError(
                f"layout={layout}: leave the suffix out; {' and '.join(SUFFIXES)} are both looked for"
            )
        if "source" not in fields:
            raise SoundstageError(f"layout={layout}: without '{{source}}' every source would be the same file; add it")

    def files(self, cell: CellName | None) -> Sequence[Path]:
        """Every audio file that the layout allows for the cell, whatever its source; none for no cell in particular."""
        if cell is None:
            return []
        self._check_root()
        return sorted(self._matches(self._root, self._parts(cell, ANY_SOURCE), {}))

    def separate(self, mixture: Samples, rate: int, *, sources: Sequence[str], cell: CellName) -> dict[str, Samples]:
        """The estimates (2, samples) of the sources.

        Raises SoundstageError, naming the file, where one is missing or differs from the mixture in rate, length or
        channels; nothing is resampled, cut or padded.
        """
        self._check_root()
        found = {source: self._find(cell, source) for source in sources}
        missing = [source for source, path in found.items() if path is None]
        if missing:
            raise SoundstageError(self._what_is_missing(cell, missing, everything=len(missing) == len(found)))
        return {source: _read(path, mixture, rate) for source, path in found.items() if path is not None}

    def _check_root(self) -> None:
        if not self._root.is_dir():
            raise SoundstageError(f"{self._root}: no such folder of estimates; set root to the folder that holds them")

    def _parts(self, cell: CellName, source: str) -> tuple[str, ...]:
        """The path below root, formatted, by folder; the last without suffix."""
        path = PurePosixPath(self._format(cell, source))
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise SoundstageError(
                f"layout={self._layout}: for track '{cell.track}' it leads to '{path}', outside of {self._root}; "
                f"layouts stay below root"
            )
        return path.parts

    def _format(self, cell: CellName, source: str) -> str:
        try:
            return self._layout.format(
                track=cell.track,
                source=source,
                dataset=cell.dataset,
                placement=cell.placement,
                spatializer=cell.spatializer,
                seed=cell.seed,
            )
        except ValueError as error:
            raise SoundstageError(f"layout={self._layout}: {error}; write for example '{{track}}/{{source}}'") from None

    def _expected(self, cell: CellName, source: str) -> Path:
        return self._root.joinpath(*self._parts(cell, source))

    def _find(self, cell: CellName, source: str) -> Path | None:
        # Suffixes are appended, not replaced: names such as "No. 5" hold dots.
        expected = self._expected(cell, source)
        paths = [path for suffix in SUFFIXES if (path := expected.with_name(expected.name + suffix)).is_file()]
        if len(paths) > 1:
            raise SoundstageError(f"{paths[0]} and {paths[1]} are both there; keep the one that is meant")
        return paths[0] if paths else None

    def _what_is_missing(self, cell: CellName, sources: Sequence[str], *, everything: bool) -> str:
        suffixes = " or ".join(SUFFIXES)
        if not everything:
            lines = ", ".join(f"'{source}' ({self._expected(cell, source)})" for source in sources)
            return (
                f"track '{cell.track}': no estimate of {lines}, {suffixes}; add it, or leave the source out of the grid"
            )
        message = f"track '{cell.track}': no estimates, not even {self._expected(cell, sources[0])}, {suffixes}"
        if any(path.suffix in SUFFIXES for path in self._root.iterdir() if path.is_file()):
            return f"{message}; {self._root} itself holds audio files: is layout={{source}} meant?"
        return f"{message}; check root={self._root} and layout={self._layout}"

    def _matches(self, folder: Path, parts: Sequence[str], known: dict[str, str]) -> Iterator[Path]:
        """The audio files below `folder` along the parts, with any source but one and the same in all of them."""
        part, rest = parts[0].replace(ANY_SOURCE, known.get("source", ANY_SOURCE)), parts[1:]
        if rest and ANY_SOURCE not in part:
            yield from self._matches(folder / part, rest, known)
            return
        suffix = "" if rest else f"(?:{'|'.join(map(re.escape, SUFFIXES))})"
        first, *others = map(re.escape, part.split(ANY_SOURCE))
        pattern = first + "".join(
            ("(?P<source>.+)" if not i else "(?P=source)") + other for i, other in enumerate(others)
        )
        for path in folder.iterdir() if folder.is_dir() else ():
            match = re.fullmatch(pattern + suffix, path.name, re.DOTALL)
            if match and rest:
                yield from self._matches(path, rest, {**known, **match.groupdict()})
            elif match and path.is_file():
                yield path


def _read(path: Path, mixture: Samples, rate: int) -> Samples:
    samples, own_rate = read_audio(path)
    if own_rate != rate:
        raise SoundstageError(f"{path}: is at {own_rate} Hz where the mixture is at {rate} Hz; resample the estimates")
    channels, length = samples.shape
    if channels != 2:
        what = "a mono estimate has no spatial image; " if channels == 1 else ""
        raise SoundstageError(
            f"{path}: has {channels} channel{'s' if channels > 1 else ''} where 2 were expected, the left and right of "
            f"the source's image; {what}write the model's stereo output"
        )
    if length != mixture.shape[-1]:
        raise SoundstageError(
            f"{path}: has {length} samples where the mixture has {mixture.shape[-1]}; estimates are neither cut nor "
            f"padded, so write them at the mixture's full length"
        )
    return samples
