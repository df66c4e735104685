"""A song of a data set to write: its scene, its folder, what became of it, and who renders and writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soundstage.errors import SoundstageError, text_of
from soundstage.planning.plan import SceneSpec
from soundstage.rendering.folder import PARTIALS, Format, clipped_samples, write_song
from soundstage.running.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Song:
    """A scene and where it is written."""

    scene: SceneSpec
    """What is rendered."""

    folder: Path
    """Relative to the data set's own folder."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    """What its metadata says besides what the scene says of itself."""


@dataclass(frozen=True, slots=True)
class SongOutcome:
    """What became of a song."""

    song: Song
    clipped: Mapping[str, int] = field(default_factory=dict)
    """File → samples clipped."""

    error: str = ""
    """A sentence, where it could not be rendered."""


OnStart = Callable[[Song, int], None]


class Writer:
    """Renders songs one after another and writes each; keeps the track that its scenes share."""

    def __init__(self, out: Path, form: Format) -> None:
        self._out, self._form = out, form
        self._bench = Workbench()

    def write(self, song: Song) -> SongOutcome:
        """Render and write one song. What goes wrong with it is its outcome; only an interrupt gets out."""
        problem = song.scene.problem
        if problem:
            return SongOutcome(song, error=problem.error)
        where = f"track '{song.scene.track_name}'"
        try:
            with self._bench.one_thread():
                scene = self._bench.scene(song.scene)
                facts = {**song.facts, **scene.facts()}
                metadata = write_song(self._out / song.folder, self._out / PARTIALS, scene, self._form, facts)
        except MemoryError:
            return SongOutcome(song, error=f"{where}: out of memory; use fewer workers")
        except OSError as error:
            return SongOutcome(song, error=f"{where}: {self._out / song.folder} cannot be written ({error.strerror})")
        except SoundstageError as error:
            text = str(error)
            return SongOutcome(song, error=text if where in text else f"{where}: {text}")
        except Exception as error:
            return SongOutcome(song, error=f"{where}: {type(error).__name__}: {text_of(error)}")
        return SongOutcome(song, clipped_samples(metadata))
