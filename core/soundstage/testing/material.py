"""What the kit tries plugins on: songs, places, ears whose cues are known, and a separator that does nothing.

They are plugins as any others, so that the harness's own functions make the scenes, here and in workers.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from soundstage.errors import UnknownName
from soundstage.pipeline.scenes import place, spatialize
from soundstage.pipeline.tracks import load_track
from soundstage.scene import HrirTable, Placement, Scene, Track

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.contracts import Need
    from soundstage.draw import Draw
    from soundstage.scene import Motion

SOURCES = ("vocals", "drums", "bass", "other")
TRACKS = ("first", "second")
RATE = 44100
LOOP_S = 4
"""Seconds after which a song begins again."""

DELAY_S, LEVEL_DB = 660e-6, 8.0
"""By how much the ear away from a source at 90 degrees hears it later and quieter."""


class Songs:
    """Two songs of so many seconds, or samples where they are given: tones and noise with rests, another signal for
    each source and song. alone: the one source that sounds, ending: the one that ends half way; all do, and none,
    where these are empty. channels: of each stem; the second has a little noise of its own.
    """

    revision = 1

    def __init__(
        self,
        sources: tuple[str, ...] = SOURCES,
        seconds: float = 1.0,
        samples: int = 0,
        rate: int = RATE,
        channels: int = 1,
        alone: str = "",
        ending: str = "",
        gain: float = 1.0,
    ) -> None:
        self._sources, self._rate, self._channels = sources, rate, channels
        self._sounding = [one for one in sources if alone in ("", one)]
        self._ending = ending
        self._samples = samples or max(1, round(seconds * rate))
        self._gain = gain

    def track_ids(self) -> Sequence[str]:
        """The two songs."""
        return TRACKS

    def source_names(self, track_id: str) -> Sequence[str]:
        """The sources that were asked for."""
        return self._sources

    def load(self, track_id: str) -> Track:
        """The song, computed now: about −20 dB of full scale a source. Raises UnknownName for any other id."""
        if track_id not in TRACKS:
            raise UnknownName("track of the kit:", track_id, TRACKS)
        stems = {}
        for index, source in enumerate(self._sources):
            voices = [self._voice(track_id, source, index, channel) for channel in range(self._channels)]
            stems[source] = (self._gain if source in self._sounding else 0.0) * np.stack(voices)
            if source == self._ending:
                stems[source][:, self._samples // 2 :] = 0.0
        return Track(track_id, self._rate, stems)

    def _voice(self, track: str, source: str, index: int, channel: int) -> Samples:
        """(samples,): harmonics and noise under an envelope with a rest in each second."""
        rng = np.random.default_rng(zlib.crc32(f"{track} {source}".encode()))
        count = min(self._samples, LOOP_S * self._rate)
        seconds = np.arange(LOOP_S * self._rate if count < self._samples else count) / self._rate
        pitch = 90.0 * 1.37 ** (index % 6) * (1.0 + 0.06 * rng.random())
        found = np.zeros(len(seconds))
        for harmonic in range(1, 13):
            if harmonic * pitch < 0.45 * self._rate:
                found += np.sin(2 * np.pi * (harmonic * pitch * seconds + rng.random())) / harmonic
        found += 0.5 * np.resize(rng.standard_normal(LOOP_S * self._rate), len(seconds))
        if channel:
            found += 0.05 * np.resize(rng.standard_normal(LOOP_S * self._rate), len(seconds))
        phase = (seconds + 0.17 * index) % 1.0
        envelope = np.clip(np.minimum(phase, 0.75 - phase) / 0.02, 0.0, 1.0)
        return np.resize(0.12 * found * envelope, self._samples)


class Fan:
    """The sources side by side, from 50 degrees on the left to 40 on the right; one alone at 40 on the left."""

    revision = 1

    def place(self, track_id: str, sources: Sequence[str], draw: Draw) -> Placement:
        """Nothing is drawn."""
        if len(sources) == 1:
            return Placement({sources[0]: 40.0})
        angles = np.linspace(50.0, -40.0, len(sources)) + (0.0 if track_id == TRACKS[0] else 5.0)
        return Placement({source: float(angle) for source, angle in zip(sources, angles, strict=True)})


class Ears:
    """What lies to a side is later and quieter at the other ear, by the sine of its azimuth; as long as the stems."""

    revision = 1

    def render(self, track: Track, placement: Placement | None) -> Scene:
        """The scene; its mixture is the sum of the references."""
        assert placement is not None
        references = {
            source: _heard_along(stem, placement.motions[source], track.rate)
            if source in placement.motions
            else _heard(stem, placement.azimuths[source], track.rate)
            for source, stem in track.stems.items()
        }
        mixture = np.sum(list(references.values()), axis=0)
        details = {"moves": [*placement.motions]} if placement.motions else {}
        return Scene(track.rate, mixture, references, placement, details=details, hrirs=_directions(track.rate))


def _heard(stem: Samples, azimuth: float, rate: int) -> Samples:
    """The image (2, samples) of a stem (1 or 2, samples), of which an ear each hears a channel."""
    sine = math.sin(math.radians(azimuth))
    late = round(abs(sine) * DELAY_S * rate)
    near, other = (stem[0], stem[-1]) if sine >= 0 else (stem[-1], stem[0])
    far = 10.0 ** (-LEVEL_DB * abs(sine) / 20.0) * np.concatenate([np.zeros(late), other])[: len(other)]
    return np.stack([near, far] if sine >= 0 else [far, near])


def _heard_along(stem: Samples, way: Motion, rate: int) -> Samples:
    """The same of a source that moves: each ear reads the stem as late as the source lies to the other side."""
    at = np.arange(stem.shape[1], dtype=np.float64)
    sine = np.sin(np.radians(way.azimuth(at / rate)))
    ears = []
    for channel, turned in ((stem[0], sine), (stem[-1], -sine)):
        away = np.maximum(0.0, -turned)
        ears.append(10.0 ** (-LEVEL_DB * away / 20.0) * np.interp(at - away * DELAY_S * rate, at, channel, left=0.0))
    return np.stack(ears)


def _directions(rate: int) -> HrirTable:
    """What the ears make of an impulse, every 5 degrees all round."""
    azimuths = np.arange(-175.0, 180.1, 5.0)
    impulse = np.zeros((1, round(DELAY_S * rate) + 2))
    impulse[:, 0] = 1.0
    responses = np.stack([_heard(impulse, float(azimuth), rate) for azimuth in azimuths])
    return HrirTable(azimuths, np.zeros(len(azimuths)), responses)


class Echo:
    """The mixture for every source."""

    revision = 1
    needs: tuple[Need, ...] = ("sources",)

    def separate(self, mixture: Samples, rate: int, *, sources: Sequence[str]) -> Mapping[str, Samples]:
        """Copies of the mixture (2, samples)."""
        return {source: mixture.copy() for source in sources}


def scene_of(songs: Songs, track: str = TRACKS[0]) -> Scene:
    """A scene of the kit, by the harness's own steps."""
    loaded = load_track(songs, "of the kit", track)
    return spatialize(Ears(), "of the kit", loaded, place(Fan(), "of the kit", "kit", loaded, 0))


def mirrored(scene: Scene) -> Scene:
    """The scene with left and right exchanged."""
    turned = None
    if scene.placement is not None:
        turned = Placement({source: -azimuth for source, azimuth in scene.placement.azimuths.items()})
    hrirs = scene.hrirs
    if hrirs is not None:
        azimuths = np.where(hrirs.azimuths == 180.0, 180.0, -hrirs.azimuths)
        order = np.argsort(azimuths)
        hrirs = HrirTable(azimuths[order], hrirs.elevations[order], hrirs.responses[order][:, ::-1])
    return replace(
        scene,
        mixture=scene.mixture[::-1].copy(),
        references={source: image[::-1].copy() for source, image in scene.references.items()},
        placement=turned,
        hrirs=hrirs,
    )
