"""Where the sources of a SOFA file are for the listener's head, and which receiver is the left ear (AES69)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from soundstage.errors import SoundstageError
from soundstage_spatializers.hrirs.set import unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage_spatializers.hrirs.sofa_file import SofaFile

FRONT: Final = np.array([1.0, 0.0, 0.0])
UP: Final = np.array([0.0, 0.0, 1.0])

EMITTER_DEG: Final = 0.5
"""An emitter as near to its source as this, as seen by the listener, is where the source is."""

NOUNS: Final = {"Listener": "head", "Source": "source"}

MIDDLE_M: Final = 1e-6
"""Receivers as near to the median plane as this lie in it."""

ANGLES: Final = {
    **dict.fromkeys(("degree", "degrees", "deg", "°"), 1.0),
    **dict.fromkeys(("radian", "radians", "rad"), 180.0 / np.pi),
}
LENGTHS: Final = {
    **dict.fromkeys(("metre", "metres", "meter", "meters", "m"), 1.0),
    **dict.fromkeys(("centimetre", "centimetres", "centimeter", "centimeters", "cm"), 0.01),
    **dict.fromkeys(("millimetre", "millimetres", "millimeter", "millimeters", "mm"), 0.001),
}


@dataclass(frozen=True, slots=True)
class _Points:
    """Points as vectors, (n, 3), in metres, and as azimuth and elevation in degrees where they were given so."""

    vectors: NDArray[np.float64]
    angles: NDArray[np.float64] | None = None

    @property
    def headings(self) -> NDArray[np.float64]:
        """Vectors that point their way; of points in angles the distance does not count, and may be 0."""
        return self.vectors if self.angles is None else unit_vectors(self.angles)


def apparent_directions(file: SofaFile, count: int) -> NDArray[np.float64]:
    """Azimuth and elevation in degrees, (count, 2), at which the head hears the source of each measurement.

    The source's position less the listener's, in the frame of the listener's view and up: where the loudspeaker stands
    still and the head turns left, the source goes to the right. Raises SoundstageError, naming file and field, where
    one of them says nothing that can be taken.
    """
    source = _points(file, "SourcePosition", (count, 3), "spherical")
    listener = _listener(file, count)
    view, up = _frame(file, count)
    offsets = source.vectors - listener
    _check_emitter(file, count, np.linalg.norm(offsets, axis=1))
    moved = np.any(listener != 0.0) or not np.allclose(view, FRONT, atol=1e-9) or not np.allclose(up, UP, atol=1e-9)
    if source.angles is not None and not moved:
        return np.array(np.broadcast_to(source.angles, (count, 2)))
    offsets = np.broadcast_to(offsets, (count, 3))
    _check_distances(file, "SourcePosition", offsets)
    return _heard_at(offsets, view, up) if moved else _angles(offsets)


def emitter_directions(file: SofaFile, count: int, emitters: int) -> NDArray[np.float64]:
    """As `apparent_directions`, of every emitter: (count · emitters, 2), the emitters of a measurement together.

    An emitter's position is relative to the source's, in the frame of the source's view and up where there is one.
    """
    source = _points(file, "SourcePosition", (count, 3), "spherical").vectors
    placed = _of_each(file, "EmitterPosition", count)
    if placed.shape[1] != emitters:
        raise SoundstageError(
            f"{file.path}: EmitterPosition places {placed.shape[1]} emitters where Data.IR has {emitters}; replace the"
            " file"
        )
    if "SourceView" in file:
        placed = np.einsum("mji,mej->mei", _axes(*_frame(file, count, "Source")), placed)
    offsets = source[:, np.newaxis] + placed - _listener(file, count)[:, np.newaxis]
    offsets = np.broadcast_to(offsets, (count, emitters, 3)).reshape(-1, 3)
    _check_distances(file, "EmitterPosition", offsets)
    view, up = (np.repeat(np.broadcast_to(axis, (count, 3)), emitters, axis=0) for axis in _frame(file, count))
    return _heard_at(offsets, view, up)


def head_turns(file: SofaFile, count: int) -> NDArray[np.float64]:
    """By how many degrees, to a millionth, the head is turned from the front in each measurement, (count,)."""
    view, _ = _frame(file, count)
    return np.broadcast_to(np.round(np.degrees(np.arccos(np.clip(view @ FRONT, -1.0, 1.0))), 6), (count,))


def _listener(file: SofaFile, count: int) -> NDArray[np.float64]:
    known = "ListenerPosition" in file
    return _points(file, "ListenerPosition", (count, 3), "cartesian").vectors if known else np.zeros((1, 3))


def _check_distances(file: SofaFile, name: str, offsets: NDArray[np.float64]) -> None:
    if np.any(np.hypot(np.hypot(*offsets.T[:2]), offsets[:, 2]) == 0.0):
        raise SoundstageError(f"{file.path}: a {name} lies at the centre of the head; replace the file")


def _axes(view: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([view, np.cross(up, view), up], axis=-2)


def _heard_at(offsets: NDArray[np.float64], view: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64]:
    # Rounding noise of the rotation would make 180° of −180°, and neighbours of equals.
    found = np.round(_angles(np.einsum("mij,mj->mi", _axes(view, up), offsets)), 9)
    return np.stack([found[:, 0] % 360.0, found[:, 1]], axis=1)


def right_ear_first(file: SofaFile, count: int) -> NDArray[np.bool_]:
    """For each measurement whether receiver 0 is the right ear: y runs to the left in the head's coordinates.

    Where both receivers lie in the median plane, or the file has none, receiver 0 is the left ear. Raises
    SoundstageError, naming the field, where both are on one side.
    """
    if "ReceiverPosition" not in file:
        return np.zeros(count, dtype=bool)
    positions = _of_each(file, "ReceiverPosition", count)
    if positions.shape[1] != 2:
        raise SoundstageError(
            f"{file.path}: ReceiverPosition places {positions.shape[1]} receivers where Data.IR has 2; replace the file"
        )
    first, second = positions[:, 0, 1], positions[:, 1, 1]
    middle = (np.abs(first) <= MIDDLE_M) & (np.abs(second) <= MIDDLE_M)
    apart = (np.abs(first) > MIDDLE_M) & (np.abs(second) > MIDDLE_M) & (np.sign(first) != np.sign(second))
    if not np.all(middle | apart):
        bad = int(np.flatnonzero(~(middle | apart))[0])
        raise SoundstageError(
            f"{file.path}: ReceiverPosition has its receivers at y = {first[bad]:g} and {second[bad]:g} m where one ear"
            " was expected on either side of the head (left is positive); correct the field"
        )
    return np.broadcast_to(apart & (first < 0.0), (count,))


def _frame(file: SofaFile, count: int, whose: str = "Listener") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The view and up of the listener, or of the source, as orthogonal unit vectors, each (count or 1, 3)."""
    name = f"{whose}View"
    view = _points(file, name, (count, 3), "cartesian").headings if name in file else FRONT[np.newaxis]
    view, up = _unit(file, name, view), _unit(file, f"{whose}Up", _up(file, count, whose))
    up = up - np.sum(up * view, axis=1, keepdims=True) * view
    length = np.linalg.norm(up, axis=1, keepdims=True)
    if np.any(length < 1e-3):
        raise SoundstageError(
            f"{file.path}: {whose}Up points along {name}, so nobody knows which way the {NOUNS[whose]} is turned;"
            " correct one of them"
        )
    view, up = np.broadcast_arrays(view, up / length)
    return view, up


def _up(file: SofaFile, count: int, whose: str) -> NDArray[np.float64]:
    """ListenerUp (SourceUp) as vectors; in the coordinates of the view where it names none of its own.

    (0, 0, 1) without a type is the convention's default and points up, also where the view is given in angles.
    """
    name, view = f"{whose}Up", f"{whose}View"
    if name not in file:
        return UP[np.newaxis]
    field = file.field(name)
    plain = not field.type and field.values.shape[-1:] == (3,) and bool(np.all(field.values == UP))
    if plain or field.type or view not in file:
        return _points(file, name, (count, 3), "cartesian").headings
    like = file.field(view)
    return _points(file, name, (count, 3), like.type or "cartesian", field.units or like.units).headings


def _check_emitter(file: SofaFile, count: int, distances: NDArray[np.float64]) -> None:
    """Raise SoundstageError where what sounds is not where SourcePosition says."""
    if "EmitterPosition" not in file:
        return
    positions = _of_each(file, "EmitterPosition", count)
    off = np.linalg.norm(positions, axis=2).max(axis=1)
    if positions.shape[1] != 1 or np.any(off > np.sin(np.radians(EMITTER_DEG)) * distances):
        raise SoundstageError(
            f"{file.path}: EmitterPosition places {positions.shape[1]} emitters up to {off.max():g} m from the source"
            " where one at the source itself was expected; write the places of what sounds into SourcePosition"
        )


def _of_each(file: SofaFile, name: str, count: int) -> NDArray[np.float64]:
    """Positions of several receivers or emitters, (how many, 3), with or without measurements: (count or 1, n, 3)."""
    shape = file.field(name).values.shape
    if len(shape) not in (2, 3) or shape[1] != 3 or (len(shape) == 3 and shape[2] not in (1, count)):
        raise SoundstageError(
            f"{file.path}: {name} has shape {shape} where (n, 3), (n, 3, 1) or (n, 3, {count}) was expected;"
            " replace the file"
        )
    items = file.field(name).values.reshape(shape[0], 3, -1).transpose(2, 0, 1)
    found = _converted(file, name, items.reshape(-1, 3), "cartesian", "")
    return found.vectors.reshape(items.shape)


def _points(file: SofaFile, name: str, shape: tuple[int, int], kind: str, units: str = "") -> _Points:
    values = np.atleast_2d(file.field(name).values)
    if values.shape not in (shape, (1, 3)):
        raise SoundstageError(f"{file.path}: {name} has shape {values.shape} where {shape} or (1, 3) was expected")
    return _converted(file, name, values, kind, units)


def _converted(file: SofaFile, name: str, values: NDArray[np.float64], kind: str, units: str) -> _Points:
    """Values in the coordinates that the field names; kind, units: what it is in where it names none."""
    field = file.field(name)
    kind, units = field.type or kind, field.units or units
    if kind not in ("cartesian", "spherical"):
        raise SoundstageError(
            f"{file.path}: {name}:Type is '{kind}' where spherical or cartesian was expected; correct it"
        )
    values = values * _scales(file, name, kind, units)
    if kind == "cartesian":
        return _Points(values)
    if np.any(np.abs(values[:, 1]) > 90.0):
        raise SoundstageError(
            f"{file.path}: {name} has elevations beyond ±90 degrees; correct {name}:Units if they are in another unit,"
            " else replace the file"
        )
    return _Points(unit_vectors(values[:, :2]) * values[:, 2:], values[:, :2])


def _scales(file: SofaFile, name: str, kind: str, units: str) -> NDArray[np.float64]:
    """What brings the three components to degrees and metres."""
    words = [word for word in re.split(r"[,;\s]+", units) if word]
    if kind == "cartesian":
        words = words or ["metre"]
        words = words * 3 if len(words) == 1 else words
        known: tuple[dict[str, float], ...] = (LENGTHS, LENGTHS, LENGTHS)
        expected = "metre"
    else:
        words = words or ["degree", "degree", "metre"]
        words = words * 2 if len(words) == 1 else words
        words = [*words, "metre"] if len(words) == 2 else words
        known, expected = (ANGLES, ANGLES, LENGTHS), "degree, degree, metre"
    if len(words) != 3 or any(word not in allowed for word, allowed in zip(words, known, strict=True)):
        raise SoundstageError(
            f"{file.path}: {name} is {kind} and its Units are '{units}' where '{expected}' was expected (or radian,"
            f" centimetre, millimetre); correct {name}:Type or {name}:Units"
        )
    return np.array([allowed[word] for word, allowed in zip(words, known, strict=True)])


def _unit(file: SofaFile, name: str, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    if np.any(length == 0.0):
        raise SoundstageError(f"{file.path}: {name} is a vector of no length; correct it")
    return np.asarray(vectors / length)


def _angles(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z = vectors.T
    return np.stack([np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))], axis=1)
