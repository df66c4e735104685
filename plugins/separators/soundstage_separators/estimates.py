"""Estimates that were computed elsewhere: stems read from a folder."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import numpy as np

from soundstage.audio import FORMATS, SUFFIXES, read_audio, read_header
from soundstage.audio_files import (
    ACCOMPANIMENTS,
    audio_folders,
    fold,
    listing,
    names_source,
    song_places,
    stem_name,
    without_lossy_twins,
)
from soundstage.errors import SoundstageError, suggestion
from soundstage.regular import check_regular

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.audio_files import StemName
    from soundstage.contracts import CellName, Need

FIELDS = ("track", "source", "dataset", "placement", "spatializer", "seed")
"""What a layout may speak of."""

LONGEST_NAME = 255
"""Letters that a file's name has at most."""

BY_TRACK, ONE_SONG = "{track}/{source}", "{source}"
"""The layouts in which files are found too that are called as separation tools call them."""

COMPARED, CLEAR = 2**20, 0.1
"""Samples from the beginning that are compared to say how an estimate lies in time; the correlation that tells it."""

ANY_SOURCE = "\0"
"""Stands for a source's name until it is known; no file name can hold it."""


class Estimates:
    """Reads the estimate of every source from root/layout: an audio file, two channels, at the mixture's rate.

    layout: a path below root without suffix, in which {track}, {source}, {dataset}, {placement}, {spatializer} and
    {seed} stand for the cell's names. Where no file is called exactly so, one that differs in case or in how its
    accents are encoded is meant. In the layouts {track}/{source} and {source} an estimate may also be called as
    separation tools call it: TRACK_(Vocals)_MODEL, there or, with the track's own name, in root itself; the
    accompaniment `instrumental`, `no_vocals` or `karaoke`; and a song's folder may lie deeper, as in
    root/htdemucs/TRACK. Two files that may be one source's are an error.

    A grid in which a name varies that the layout does not have is refused: two scenes would be given one estimate.
    partial: whether sources without an estimate are left out and the others scored, the accompaniment among them where
    there are only vocals and that; else they are an error. at: `best-gain` multiplies each estimate by one number, for
    both channels, that brings it nearest its reference by least squares; as it sees the references, it is an oracle and
    has no rank. One channel will do where the mixture's two are equal.
    """

    revision = 1
    needs: tuple[Need, ...] = ("sources", "cell")
    from_files = True
    left_out_at_default = ("partial", "at")

    def __init__(
        self,
        root: Path,
        layout: str = BY_TRACK,
        partial: bool = False,
        at: Literal["as-is", "best-gain"] = "as-is",
    ) -> None:
        """root: the folder. layout, partial, at: see above. Raises SoundstageError where the layout is no such path."""
        self.may_lack = partial
        if at == "best-gain":
            self.needs, self.from_files = ("sources", "cell", "references"), False
        self.details: dict[str, object] = {}
        self._root = Path(root).expanduser()
        self._layout = layout
        try:
            parts = [(field, form or "") for _, field, form, _ in string.Formatter().parse(layout) if field is not None]
        except ValueError as error:
            raise SoundstageError(f"layout={layout}: {error}; write for example '{{track}}/{{source}}'") from None
        fields = [field for field, _ in parts]
        for field, form in parts:
            if "{" in form or any(int(number) > LONGEST_NAME for number in re.findall(r"\d+", form)):
                raise SoundstageError(
                    f"layout={layout}: '{{{field}:{form}}}' is wider than any file's name, which has at most"
                    f" {LONGEST_NAME} letters; write for example '{{{field}:>8}}'"
                )
            if field not in FIELDS:
                raise SoundstageError(f"layout={layout}: unknown field '{{{field}}}'{suggestion(field, FIELDS)}")
        if layout.lower().endswith(SUFFIXES):
            raise SoundstageError(f"layout={layout}: leave the suffix out; {FORMATS} are all looked for")
        if "source" not in fields:
            raise SoundstageError(f"layout={layout}: without '{{source}}' every source would be the same file; add it")
        self.distinguishes = frozenset(fields) - {"source"}

    def files(self, cell: CellName | None) -> Sequence[Path]:
        """Every audio file that the layout allows for the cell, whatever its source; none for no cell in particular."""
        if cell is None:
            return []
        self._check_root()
        matches = self._matches(self._place(cell), self._parts(cell, ANY_SOURCE), {})
        return sorted(without_lossy_twins(list(dict.fromkeys([*matches, *self._called_by_tools(cell)]))))

    def separate(
        self,
        mixture: Samples,
        rate: int,
        *,
        sources: Sequence[str],
        cell: CellName,
        references: Mapping[str, Samples] | None = None,
    ) -> dict[str, Samples]:
        """The estimates (2, samples) of the sources; given references, each at its best gain.

        Raises SoundstageError, naming the file, where one is missing or differs from the mixture in rate, length or
        channels; nothing is resampled, cut or padded.
        """
        self._check_root()
        places = {source: self._find(cell, source) for source in sources}
        found = {source: path for source, path in places.items() if path is not None}
        missing = [source for source in sources if source not in found]
        if self.may_lack and set(found) == {"vocals"} and len(missing) > 1 and ACCOMPANIMENTS[0] not in sources:
            rest = self._find(cell, ACCOMPANIMENTS[0])
            if rest is not None:
                found[ACCOMPANIMENTS[0]] = rest
        if missing and (not self.may_lack or not found):
            raise SoundstageError(self._what_is_missing(cell, missing, everything=not found))
        lossy = {path.name: coding for path in found.values() if (coding := read_header(path).lossy)}
        said = ", ".join(f"{file} ({coding})" for file, coding in lossy.items())
        notices = [f"lossily coded estimates: {said}"] if lossy else []
        notices += [f"no estimate of {', '.join(missing)}, so of that there are no scores"] if missing else []
        self.details = {**({"lossy": lossy} if lossy else {}), **({"notices": notices} if notices else {})}
        images = {source: _read(path, mixture, rate) for source, path in found.items()}
        if references is None:
            return images
        gains = {source: _best_gain(image, _reference(source, references)) for source, image in images.items()}
        self.details["best_gain"] = gains
        return {source: gains[source] * image for source, image in images.items()}

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

    def _place(self, cell: CellName) -> Path:
        """The folder that the layout starts from: root, or the one below it that alone holds a folder of the song."""
        if self._layout != BY_TRACK or _below([self._root], self._parts(cell, ANY_SOURCE)[:-1]):
            return self._root
        places = song_places(self._root, cell.track)
        if len(places) > 1:
            raise SoundstageError(
                f"track '{cell.track}': {places[0]} and {places[1]} are both there; set root to the folder above the"
                " one that is meant"
            )
        return places[0].parent if places else self._root

    def _find(self, cell: CellName, source: str) -> Path | None:
        paths = without_lossy_twins(list(dict.fromkeys(self._candidates(cell, source))))
        if len(paths) > 1:
            raise SoundstageError(
                f"{paths[0]} and {paths[1]} are both there, and either may be the estimate of {source}; keep the one"
                " that is meant"
            )
        if paths and not paths[0].is_file():
            raise SoundstageError(f"{paths[0]}: is no file that can be read; put the file itself there")
        return paths[0] if paths else None

    def _candidates(self, cell: CellName, source: str) -> Iterator[Path]:
        """The files that may be the source's: as the layout says, and as separation tools call them."""
        by_tools = self._layout in (BY_TRACK, ONE_SONG)
        for spelling in ACCOMPANIMENTS if by_tools and source in ACCOMPANIMENTS else (source,):
            *folders, name = self._parts(cell, spelling)
            places = _below([self._place(cell)], folders)
            yield from (path for place in places for path in _audio_called(place, name))
        for file in self._called_by_tools(cell):
            said = stem_name(file.name[: -len(file.suffix)])
            if said is not None and names_source(said.stem, source):
                yield file

    def _called_by_tools(self, cell: CellName) -> list[Path]:
        """The cell's files that are called TRACK_(Stem)_MODEL; of some that say the track's own name, those alone."""
        if self._layout not in (BY_TRACK, ONE_SONG):
            return []
        inside = _tool_named(_below([self._place(cell)], self._parts(cell, ANY_SOURCE)[:-1]))
        flat = _tool_named([self._root]) if self._layout == BY_TRACK else {}
        own = [file for file, said in {**flat, **inside}.items() if said.is_of(cell.track)]
        return own if any(file in inside for file in own) else [*own, *inside]

    def _what_is_missing(self, cell: CellName, sources: Sequence[str], *, everything: bool) -> str:
        if not everything:
            lines = ", ".join(f"'{source}' ({self._expected(cell, source)})" for source in sources)
            return f"track '{cell.track}': no estimate of {lines}; add it, or leave the source out of the grid"
        expected = self._expected(cell, sources[0])
        message = f"track '{cell.track}': no estimates, not even {expected} with an audio file's suffix"
        here = listing(expected.parent) if expected.parent.is_dir() else None
        if here is not None and here.unread:
            return f"{message}; {here.unread[0].name} is not read: convert it to WAV or FLAC"
        if here is not None and here.audio:
            names = ", ".join(file.name for file in here.audio[:5])
            return f"{message}; there are {names}: call each of them after its source"
        if listing(self._root).audio:
            return f"{message}; {self._root} itself holds audio files: is layout={{source}} meant?"
        below = next((folder for folder in audio_folders(self._root) if fold(folder.name) == fold(cell.track)), None)
        if below is not None:
            return f"{message}; there is audio in {below}: is root={below.parent} meant?"
        return f"{message}; check root={self._root} and layout={self._layout}"

    def _matches(self, folder: Path, parts: Sequence[str], known: dict[str, str]) -> Iterator[Path]:
        """The audio files below `folder` along the parts, with any source but one and the same in all of them."""
        part, rest = parts[0].replace(ANY_SOURCE, known.get("source", ANY_SOURCE)), parts[1:]
        if rest and ANY_SOURCE not in part:
            for below in _called(folder, part):
                yield from self._matches(below, rest, known)
            return
        suffix = "" if rest else f"(?:{'|'.join(map(re.escape, SUFFIXES))})"
        first, *others = map(re.escape, fold(part).split(ANY_SOURCE))
        pattern = first + "".join(
            ("(?P<source>.+)" if not i else "(?P=source)") + other for i, other in enumerate(others)
        )
        for path in folder.iterdir() if folder.is_dir() else ():
            match = re.fullmatch(pattern + suffix, fold(path.name), re.DOTALL)
            if match and rest:
                yield from self._matches(path, rest, {**known, **match.groupdict()})
            elif match and not path.is_dir():
                check_regular(path)
                yield path


def _reference(source: str, references: Mapping[str, Samples]) -> Samples:
    """The source's reference; of an accompaniment that has none, the sum of all but the vocals."""
    if source in references:
        return references[source]
    rest = [reference for name, reference in references.items() if fold(name) != "vocals"]
    return sum(rest[1:], rest[0].copy())


def _best_gain(image: Samples, reference: Samples) -> float:
    """By which the image comes nearest the reference: <s,ŝ>/<ŝ,ŝ>; 1 for silence."""
    energy = float(np.vdot(image, image))
    return float(np.vdot(reference, image)) / energy if energy > 0.0 else 1.0


def _below(places: Sequence[Path], folders: Sequence[str]) -> list[Path]:
    """The folders that the names lead to from these, whatever their case."""
    for folder in folders:
        places = [below for place in places for below in _called(place, folder) if below.is_dir()]
    return list(places)


def _called(folder: Path, name: str) -> list[Path]:
    """What in the folder is called exactly so; else whatever differs in case or accents' encoding alone."""
    if (folder / name).exists():
        return [folder / name]
    return sorted(path for path in folder.iterdir() if fold(path.name) == fold(name)) if folder.is_dir() else []


def _tool_named(folders: Sequence[Path]) -> dict[Path, StemName]:
    """The audio files in these folders that are called as separation tools call them, and what their names say."""
    files = (file for folder in folders if folder.is_dir() for file in listing(folder).audio)
    said = {file: stem_name(file.name[: -len(file.suffix)]) for file in files}
    return {file: one for file, one in said.items() if one is not None}


def _audio_called(folder: Path, name: str) -> list[Path]:
    """The audio files in the folder of that name and any suffix, with the same leniency."""
    files = listing(folder).audio if folder.is_dir() else []
    # Suffixes are appended, not replaced: names such as "No. 5" hold dots.
    exact = [file for file in files if file.name[: -len(file.suffix)] == name]
    alike = [file for file in files if fold(file.name[: -len(file.suffix)]) == fold(name)]
    return without_lossy_twins(exact or alike)


def _read(path: Path, mixture: Samples, rate: int) -> Samples:
    samples, own_rate = read_audio(path)
    if own_rate != rate:
        raise SoundstageError(f"{path}: is at {own_rate} Hz where the mixture is at {rate} Hz; resample the estimates")
    channels, length = samples.shape
    if channels == 1 and (mixture[0] == mixture[1]).all():
        samples, channels = samples.repeat(2, axis=0), 2
    if channels != 2:
        what = "a mono estimate has no spatial image; " if channels == 1 else ""
        raise SoundstageError(
            f"{path}: has {channels} channel{'s' if channels > 1 else ''} where 2 were expected, the left and right of "
            f"the source's image; {what}write the model's stereo output"
        )
    if length != mixture.shape[-1]:
        raise SoundstageError(
            f"{path}: has {length} samples where the mixture has {mixture.shape[-1]}{_begins(samples, mixture)};"
            f" estimates are neither cut nor padded, so write them at the mixture's full length"
        )
    return samples


def _begins(samples: Samples, mixture: Samples) -> str:
    """Where the mixture agrees best with the beginning of an estimate, as a phrase; empty where nowhere clearly."""
    estimate, goal = samples[:, :COMPARED], mixture[:, :COMPARED]
    size = 1 << (estimate.shape[1] + goal.shape[1] - 1).bit_length()
    spectrum = np.sum(np.fft.rfft(estimate, size) * np.conj(np.fft.rfft(goal, size)), axis=0)
    agreement = np.abs(np.fft.irfft(spectrum, size))
    best = int(np.argmax(agreement))
    level = float(np.sqrt(np.sum(estimate**2) * np.sum(goal**2)))
    if level == 0.0 or agreement[best] < CLEAR * level:
        return ""
    late = best if best < estimate.shape[1] else best - size
    if late == 0:
        return " and begins with it, so what differs is at the end"
    return f" and comes {abs(late)} samples {'late' if late > 0 else 'early'} against it"
