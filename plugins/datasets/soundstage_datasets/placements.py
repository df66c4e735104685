"""Where the sources of a track sit: drawn at random, or read from a file."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from soundstage.errors import SoundstageError, suggestion
from soundstage.scene import Motion, Placement

if TYPE_CHECKING:
    from soundstage.draw import Draw

FRONTAL_AZIMUTHS: Final = tuple(float(azimuth % 360) for azimuth in range(-90, 100, 10))
"""The 19 azimuths of Binaural-MUSDB in degrees, 270 (right) through 0 (front) to 90 (left)."""

Vector = tuple[float, float, float]

Hemisphere = Literal["all", "front", "rear", "left", "right", "upper", "lower"]
HEMISPHERES: Final[Mapping[str, tuple[int, int]]] = {
    "all": (0, 0),
    "front": (0, 1),
    "rear": (0, -1),
    "left": (1, 1),
    "right": (1, -1),
    "upper": (2, 1),
    "lower": (2, -1),
}
"""Axis (front, left, up) and the side of it."""

ATTEMPTS: Final = 1000

WIDEST: Final = 45.0
"""Degrees: the panning angle at which a source is in one channel alone."""


class Frontal:
    """Each source at its own azimuth out of 19 in the frontal half-plane, drawn without replacement.

    As Binaural-MUSDB was placed (Namballa, Roginska and Fuentes, ISMIR 2025). The order of the sources does not matter.
    """

    revision = 1

    def place(self, track_id: str, sources: Sequence[str], draw: Draw) -> Placement:
        """A placement of every source. Raises SoundstageError where there are more than 19."""
        if len(sources) > len(FRONTAL_AZIMUTHS):
            raise SoundstageError(
                f"track '{track_id}' has {len(sources)} sources and placement 'frontal' has {len(FRONTAL_AZIMUTHS)}"
                " azimuths; merge stems, or use placement 'fixed'"
            )
        # zip stops at the last source: what is left of the shuffled azimuths stays free.
        return Placement(dict(zip(sorted(sources), draw.shuffled(FRONTAL_AZIMUTHS), strict=False)), panning="half")


class Panorama:
    """Each source at a panning angle uniform over ±45 degrees, as SpaIn-Net is trained (Petermann and Kim, 2022).

    noise: separators that are told the angles are told them wrong, by up to so many degrees, uniformly; 8 in the paper.
    Nobody is told an angle beyond ±45 degrees: the authors' evaluation script clips them. The scenes, and what any
    other separator gets, stay the same. mirrored: on the right what is drawn on the left, and the other way round.
    """

    revision = 2
    left_out_at_default = ("mirrored",)

    def __init__(self, noise: float = 0.0, mirrored: bool = False) -> None:
        if not 0.0 <= noise <= 90.0:
            raise SoundstageError(f"placement 'panorama': noise={noise:g} must be from 0 to 90 degrees")
        self.noise = noise
        self._side = -1.0 if mirrored else 1.0

    def place(self, track_id: str, sources: Sequence[str], draw: Draw) -> Placement:
        """A placement of every source, azimuth and panning angle being the same."""
        true = {source: self._side * draw.uniform(source, -WIDEST, WIDEST) for source in sorted(sources)}
        told = {}
        if self.noise:
            for source, angle in true.items():
                wrong = angle + self._side * draw.uniform(f"error of {source}", -self.noise, self.noise)
                told[source] = min(max(wrong, -WIDEST), WIDEST)
        return Placement(true, panning="same", told=told)


class Around:
    """Each source in a direction of its own, drawn uniformly over a part of the sphere around the listener.

    azimuth_from, azimuth_to, elevation_from, elevation_to: the part, in degrees; all round at the height of the ears
    unless given. hemisphere: half of that part alone. apart: the least angle between two sources, as the listener sees
    it. A source drawn is not moved by those that come after it in the alphabet.
    """

    revision = 1

    def __init__(
        self,
        azimuth_from: float = -180.0,
        azimuth_to: float = 180.0,
        elevation_from: float = 0.0,
        elevation_to: float = 0.0,
        hemisphere: Hemisphere = "all",
        apart: float = 10.0,
    ) -> None:
        if hemisphere not in HEMISPHERES:
            raise SoundstageError(
                f"placement 'around': hemisphere '{hemisphere}' is unknown; take one of {', '.join(HEMISPHERES)}"
            )
        if not (-360.0 <= azimuth_from <= azimuth_to <= 360.0 and azimuth_to - azimuth_from <= 360.0):
            raise SoundstageError(
                f"placement 'around': azimuths from {azimuth_from:g} to {azimuth_to:g} degrees; give two within ±360,"
                " the lower one first, no more than a turn apart"
            )
        if not -90.0 <= elevation_from <= elevation_to <= 90.0:
            raise SoundstageError(
                f"placement 'around': elevations from {elevation_from:g} to {elevation_to:g} degrees; give two within"
                " ±90, the lower one first"
            )
        if not 0.0 <= apart <= 180.0:
            raise SoundstageError(f"placement 'around': apart={apart:g} must be from 0 to 180 degrees")
        self._azimuths = azimuth_from, azimuth_to
        self._heights = math.sin(math.radians(elevation_from)), math.sin(math.radians(elevation_to))
        self._hemisphere = hemisphere
        self._apart = apart

    def place(self, track_id: str, sources: Sequence[str], draw: Draw) -> Placement:
        """A placement of every source. Raises SoundstageError where they do not go into the part so far apart."""
        ways: dict[str, Vector] = {}
        azimuths, elevations = {}, {}
        for source in sorted(sources):
            for attempt in range(ATTEMPTS):
                azimuth = draw.uniform(f"azimuth {attempt} of {source}", *self._azimuths)
                # Equal areas lie between equal steps of the height.
                elevation = math.degrees(math.asin(draw.uniform(f"height {attempt} of {source}", *self._heights)))
                way = _way(azimuth, elevation)
                if self._is_inside(way) and all(_apart(way, other) >= self._apart for other in ways.values()):
                    break
            else:
                raise SoundstageError(
                    f"track '{track_id}': placement 'around' found no place for '{source}', {self._apart:g} degrees"
                    f" from {len(ways)} other sources, in {ATTEMPTS} draws; widen the part, or lessen apart"
                )
            ways[source] = way
            azimuths[source] = azimuth % 360.0
            if elevation:
                elevations[source] = elevation
        return Placement(azimuths, elevations, panning="half")

    def _is_inside(self, way: Vector) -> bool:
        axis, sign = HEMISPHERES[self._hemisphere]
        return way[axis] * sign >= 0.0


def _way(azimuth: float, elevation: float) -> Vector:
    """To the front, to the left, up."""
    turn, height = math.radians(azimuth), math.radians(elevation)
    return math.cos(height) * math.cos(turn), math.cos(height) * math.sin(turn), math.sin(height)


def _apart(one: Vector, other: Vector) -> float:
    return math.degrees(2.0 * math.asin(min(1.0, math.dist(one, other) / 2.0)))


class Moving:
    """Each source on its way from one azimuth to another, starting at a point of the way that is drawn for it.

    start, end: in degrees, not wrapped: 170 and 190 go by way of the back. seconds: from one to the other. path:
    `there-and-back` comes back the same way; `round` goes on in the same sense, so that start and end are turns apart;
    `once` starts at the start, for every source, and stays at the end. panning: how an azimuth becomes a panning angle,
    see Placement.
    """

    revision = 1

    def __init__(
        self,
        start: float = -60.0,
        end: float = 60.0,
        seconds: float = 10.0,
        path: Literal["there-and-back", "round", "once"] = "there-and-back",
        panning: Literal["half", "same"] = "half",
    ) -> None:
        if path not in ("there-and-back", "round", "once"):
            raise SoundstageError(
                f"placement 'moving': path '{path}' is unknown; take 'there-and-back', 'round' or 'once'"
            )
        if panning not in ("half", "same"):
            raise SoundstageError(f"placement 'moving': panning '{panning}' is unknown; take 'half' or 'same'")
        if not (abs(start) <= 3600.0 and abs(end) <= 3600.0):
            raise SoundstageError(f"placement 'moving': from {start:g} to {end:g} degrees; stay within ±3600")
        if not 0.1 <= seconds <= 86400.0:
            raise SoundstageError(f"placement 'moving': seconds={seconds:g} must be from 0.1 to 86400")
        if path == "round" and (start == end or (end - start) % 360.0):
            raise SoundstageError(
                f"placement 'moving': a way round from {start:g} to {end:g} degrees does not close; let them be 360"
                " apart"
            )
        self._start, self._end, self._seconds = start, end, seconds
        self._path, self._panning = path, panning

    def place(self, track_id: str, sources: Sequence[str], draw: Draw) -> Placement:
        """The ways of every source."""
        ways = {}
        for source in sorted(sources):
            if self._path == "once":
                ways[source] = Motion((0.0, self._seconds), (self._start, self._end))
            else:
                corners = [(0.0, self._start), (self._seconds, self._end)]
                corners += [(2.0 * self._seconds, self._start)] if self._path == "there-and-back" else []
                ways[source] = _from_within(corners, draw.unit(f"start of {source}"))
        azimuths = {source: way.azimuths[0] for source, way in ways.items()}
        return Placement(azimuths, panning=self._panning, motions=ways)


def _from_within(corners: Sequence[tuple[float, float]], share: float) -> Motion:
    """The way of these corners (seconds, azimuth), which closes, begun after a share of it and gone on for ever."""
    (_, first), (period, last) = corners[0], corners[-1]
    begun = share * period
    here = float(Motion(*_columns(corners)).azimuth(begun))
    later = [(time - begun, azimuth) for time, azimuth in corners if time > begun]
    # Round the end, azimuths go on from where they are; a way there and back ends where it began.
    again = [(time + period - begun, azimuth + last - first) for time, azimuth in corners[1:] if time < begun]
    return Motion(*_columns([(0.0, here), *later, *again, (period, here + last - first)]), repeats=True)


def _columns(corners: Sequence[tuple[float, float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(time for time, _ in corners), tuple(azimuth for _, azimuth in corners)


class Fixed:
    """Positions read from a JSON or TOML file: {source: position} for all tracks, or {track: {source: position}}.

    Tracks may be grouped by split, as in Binaural-MUSDB's metadata: {"test": {track: {source: position}}, …}. A
    position is an azimuth in degrees, counter-clockwise, or {"azimuth": …, "elevation": …}. The azimuth of a source
    that moves is a list of [seconds, azimuth], not wrapped; after the last it stays. panning: how an azimuth becomes a
    panning angle, see Placement.
    """

    revision = 1

    def __init__(self, file: Path, panning: Literal["half", "same"] = "half") -> None:
        if panning not in ("half", "same"):
            raise SoundstageError(f"placement 'fixed': panning '{panning}' is unknown; take 'half' or 'same'")
        self.file = Path(file).expanduser()
        self.panning: Literal["half", "same"] = panning
        self._tracks: dict[str | None, Mapping[str, Any]] | None = None

    def files(self) -> Sequence[Path]:
        """The file that the positions come from."""
        return [self.file]

    def place(self, track_id: str, sources: Sequence[str], draw: Draw) -> Placement:
        """The file's placement of the sources; those it places beyond them are passed over.

        Raises SoundstageError naming the file and the track or source that it does not place, or what it cannot read.
        """
        if self._tracks is None:
            self._tracks = _tracks(self.file, _parsed(self.file))
        positions = self._tracks.get(track_id, self._tracks.get(None))
        if positions is None:
            near = suggestion(track_id, [name for name in self._tracks if name is not None])
            raise SoundstageError(f"{self.file}: track '{track_id}' has no positions{near}; add the track to the file")
        azimuths, elevations, motions = {}, {}, {}
        for source in sorted(sources):
            if source not in positions:
                near = suggestion(source, positions)
                raise SoundstageError(
                    f"{self.file}: track '{track_id}', source '{source}' has no position{near}; add it"
                )
            where = f"{self.file}: track '{track_id}', source '{source}'"
            azimuth, elevation = _position(positions[source], where)
            if isinstance(azimuth, Motion):
                motions[source] = azimuth
            azimuths[source] = azimuth.azimuths[0] if isinstance(azimuth, Motion) else azimuth
            if elevation:
                elevations[source] = elevation
        return Placement(azimuths, elevations, self.panning, motions=motions)


def _parsed(file: Path) -> dict[str, Any]:
    kind = file.suffix.lower()
    if kind not in (".json", ".toml"):
        raise SoundstageError(f"{file}: positions are read from .json or .toml files; convert or rename it")
    try:
        text = file.read_text(encoding="utf-8-sig")
        found = json.loads(text, object_pairs_hook=_without_repeats) if kind == ".json" else tomllib.loads(text)
    except OSError as error:
        raise SoundstageError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    except (ValueError, RecursionError) as error:
        raise SoundstageError(f"{file}: not readable as {kind[1:].upper()} ({error}); correct it") from None
    if not isinstance(found, dict) or not found:
        raise SoundstageError(f"{file}: holds no positions; write source = azimuth, or a table of these for each track")
    return found


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The JSON object, or ValueError where a key stands twice: the first of the two would be lost without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"'{next(name for name in names if names.count(name) > 1)}' stands twice")
    return found


def _tracks(file: Path, content: Mapping[str, Any]) -> dict[str | None, Mapping[str, Any]]:
    """Track id → {source: position}; the one key None where the file's positions are for all tracks."""
    if all(_is_position(value) for value in content.values()):
        return {None: content}
    tracks: dict[str | None, Mapping[str, Any]] = {}
    for name, value in content.items():
        if _is_table_of_positions(value):
            found = {name: value}
        elif isinstance(value, dict) and all(_is_table_of_positions(inner) for inner in value.values()):
            found = value
        else:
            raise SoundstageError(
                f"{file}: '{name}' is neither a track with positions nor a group of such tracks; write each position as"
                " an azimuth in degrees or as {azimuth, elevation}, and do not mix sources with tracks"
            )
        for track, positions in found.items():
            if track in tracks:
                raise SoundstageError(f"{file}: track '{track}' is placed twice; remove one")
            tracks[track] = positions
    return tracks


def _is_position(value: Any) -> bool:
    """Whether the value stands where a position does; `_position` says what is wrong with it."""
    return not isinstance(value, dict) or "azimuth" in value


def _is_table_of_positions(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and "azimuth" not in value and all(map(_is_position, value.values()))


def _position(value: Any, where: str) -> tuple[float | Motion, float]:
    """Azimuth, or the way of a source that moves, and elevation in degrees."""
    given = value if isinstance(value, dict) else {"azimuth": value}
    unknown = set(given) - {"azimuth", "elevation"}
    if unknown:
        raise SoundstageError(
            f"{where}: unknown '{sorted(unknown)[0]}' in the position; give azimuth and elevation only"
        )
    azimuth, elevation = given["azimuth"], given.get("elevation", 0.0)
    way = _way_of(azimuth, where) if isinstance(azimuth, list) and azimuth and isinstance(azimuth[0], list) else None
    for name, angle, limit in (("azimuth", 0.0 if way else azimuth, 360), ("elevation", elevation, 90)):
        if not _is_number(angle, limit):
            raise SoundstageError(f"{where}: {name} {angle!r:.40} is not a number of degrees in ±{limit}; correct it")
    return way or float(azimuth), float(elevation)


def _way_of(corners: list[Any], where: str) -> Motion:
    for corner in corners:
        if not isinstance(corner, list) or len(corner) != 2 or not all(_is_number(item, 86400) for item in corner):
            raise SoundstageError(f"{where}: {corner!r:.40} is no [seconds, azimuth] of a way; correct it")
    try:
        return Motion(*_columns([(float(time), float(azimuth)) for time, azimuth in corners]))
    except ValueError as error:
        raise SoundstageError(f"{where}: {error}; correct its way") from None


def _is_number(value: Any, limit: int) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= limit  # NaN is not either
