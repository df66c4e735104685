"""One plugin for each fault that the kit must find; each would run, and its numbers be wrong."""

from __future__ import annotations

import gc
import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from soundstage import Measure, Placement, Scene, Score, Track
from soundstage.testing.material import SOURCES, Ears, Songs

# separators


class Half:
    """A blind separator without a fault: half the mixture for each of its sources."""

    revision = 1
    sources = ("vocals", "other")

    def separate(self, mixture, rate):
        return dict.fromkeys(self.sources, 0.5 * mixture)


class ShortOfTheEnd(Half):
    """Works in frames of 512 samples and drops what is left."""

    def separate(self, mixture, rate):
        whole = mixture[:, : mixture.shape[1] // 512 * 512]
        return super().separate(whole, rate)


class FrameByFrame(Half):
    """Takes it that there is a frame."""

    def separate(self, mixture, rate):
        frames = np.lib.stride_tricks.sliding_window_view(mixture, 64, axis=1)
        assert frames.shape[-1] == 64
        return super().separate(mixture, rate)


class FourAlways:
    """Makes the four sources of its training, and does not declare them."""

    revision = 1

    def separate(self, mixture, rate):
        return dict.fromkeys(SOURCES, 0.25 * mixture)


class Normalising(Half):
    """Divides by the peak and forgets to multiply."""

    def separate(self, mixture, rate):
        return super().separate(mixture / max(np.abs(mixture).max(), 1e-9), rate)


class Humming(Half):
    """Divides by a level that is zero in silence, then adds a floor."""

    def separate(self, mixture, rate):
        return {source: image + 0.02 for source, image in super().separate(mixture, rate).items()}


class Clipping(Half):
    """Writes ±1 and no more, as a file would."""

    def separate(self, mixture, rate):
        return {source: np.clip(image, -1.0, 1.0) for source, image in super().separate(mixture, rate).items()}


class Dropout(Half):
    """Leaves dropout on."""

    def separate(self, mixture, rate):
        kept = np.random.default_rng().random(mixture.shape) > 0.1
        return super().separate(mixture * kept, rate)


class Remembering(Half):
    """Keeps a running level from one track to the next."""

    def __init__(self):
        self.level = None

    def separate(self, mixture, rate):
        now = np.sqrt(np.mean(mixture**2)) + 1e-12
        self.level = now if self.level is None else 0.9 * self.level + 0.1 * now
        return super().separate(mixture * (now / self.level), rate)


class OneBuffer(Half):
    """Returns the array that it fills again for the next track."""

    def __init__(self):
        self.buffer = np.zeros((2, 0))

    def separate(self, mixture, rate):
        if self.buffer.shape != mixture.shape:
            self.buffer = np.zeros(mixture.shape)
        self.buffer[:] = 0.5 * mixture
        return dict.fromkeys(self.sources, self.buffer)


class InPlace(Half):
    """Scales the mixture it was handed."""

    def separate(self, mixture, rate):
        mixture *= 0.5
        return {source: mixture.copy() for source in self.sources}


class Peeking(Half):
    """Calls itself blind and looks for the references wherever they may be."""

    def separate(self, mixture, rate):
        for scene in [found for found in gc.get_objects() if type(found) is Scene]:
            if scene.mixture.shape == mixture.shape and np.array_equal(scene.mixture, mixture):
                references = dict(scene.references)
        return {source: references[source].copy() for source in self.sources}


class OneChannel(Half):
    """Works on the mean of the channels and says nothing of it."""

    def separate(self, mixture, rate):
        return super().separate(np.stack([mixture.mean(axis=0)] * 2), rate)


class Hoarding(Half):
    """Keeps every mixture."""

    def __init__(self):
        self.seen = []

    def separate(self, mixture, rate):
        self.seen.append(mixture.copy())
        return super().separate(mixture, rate)


# metrics


class Error:
    """A metric without a fault: the level of the error against the reference."""

    revision = 1
    measures = {"error": Measure("dB", higher_is_better=False)}

    def prepare(self, scene):
        references = dict(scene.references)

        def scores(estimates):
            for source, estimate in estimates.items():
                yield self.score(source, references[source], estimate)

        return scores

    def score(self, source, reference, estimate):
        power = float(np.sum(reference**2))
        if not power:
            return Score(source, "error", np.nan, note="the reference is silent")
        ratio = float(np.sum((estimate - reference) ** 2)) / power
        return Score(source, "error", 10 * np.log10(min(max(ratio, 1e-10), 1e10)))


class UpsideDown(Error):
    """Declares that more error is better."""

    measures = {"error": Measure("dB", higher_is_better=True)}


class Constant(Error):
    """Says the same of everything."""

    def score(self, source, reference, estimate):
        return Score(source, "error", 0.0)


class ByPlace(Error):
    """Takes the sources of estimates and scene to be in one order."""

    def prepare(self, scene):
        references = list(scene.references.values())

        def scores(estimates):
            for place, (source, estimate) in enumerate(estimates.items()):
                yield self.score(source, references[place], estimate)

        return scores


class LeftEar(Error):
    """Looks at the left channel alone."""

    def score(self, source, reference, estimate):
        return super().score(source, reference[:1], estimate[:1])


class NotANumber(Error):
    """Divides by the reference's level."""

    def score(self, source, reference, estimate):
        with np.errstate(all="ignore"):
            ratio = np.sum((estimate - reference) ** 2) / np.sum(reference**2)
            return Score(source, "error", float(10 * np.log10(np.clip(ratio, 1e-10, 1e10))))


class Averaging(Error):
    """Its scorer keeps what it has scored."""

    def prepare(self, scene):
        score, seen = super().prepare(scene), []

        def scores(estimates):
            for row in score(estimates):
                seen.append(row.value)
                yield Score(row.source, row.name, float(np.mean(seen)), note=row.note)

        return scores


class Centering(Error):
    """Takes the mean out of the arrays it was handed."""

    def score(self, source, reference, estimate):
        estimate -= estimate.mean()
        return super().score(source, reference, estimate)


class FalseClaim(Error):
    """Claims to follow the image and looks at the samples in no order."""

    measures = {"error": Measure("dB", higher_is_better=False, follows=("swap",))}

    def score(self, source, reference, estimate):
        return super().score(source, np.sort(reference.ravel()), np.sort(estimate.ravel()))


# spatializers


class OtherHand(Ears):
    """Takes azimuths clockwise."""

    def render(self, track, placement):
        turned = Placement({source: -azimuth for source, azimuth in placement.azimuths.items()})
        scene = super().render(track, turned)
        return Scene(scene.rate, scene.mixture, scene.references, placement)


class Nowhere(Ears):
    """Leaves every source in the middle."""

    def render(self, track, placement):
        scene = super().render(track, Placement(dict.fromkeys(placement.azimuths, 0.0)))
        return Scene(scene.rate, scene.mixture, scene.references, placement)


class HalfATable(Ears):
    """Looks azimuths up in a table that ends early."""

    def render(self, track, placement):
        table = {tens: 10 * tens for tens in range(-4, 7)}
        assert all(table[int(azimuth // 10)] <= azimuth for azimuth in placement.azimuths.values())
        return super().render(track, placement)


class SparseTable(Ears):
    """Has two directions in its table, one of them on the wrong side, and takes any other for the front."""

    def render(self, track, placement):
        table = {-20.0: 20.0, 60.0: 60.0}
        put = {source: table.get(azimuth, 0.0) for source, azimuth in placement.azimuths.items()}
        scene = super().render(track, Placement(put, motions=placement.motions))
        return replace(scene, placement=placement)


class DeafSpot(SparseTable):
    """The same, and at one azimuth nothing is heard, where there are no cues."""

    def render(self, track, placement):
        scene = super().render(track, placement)
        heard = {source: image * (placement.azimuths[source] != -60.0) for source, image in scene.references.items()}
        return replace(scene, mixture=np.sum(list(heard.values()), axis=0), references=heard)


class Stumbling(Ears):
    """Takes a way for a number."""

    def render(self, track, placement):
        for way in placement.motions.values():
            float(way)
        return super().render(track, placement)


class OwnMemory:
    """Hands stereo stems on."""

    uses_placement = False
    revision = 1

    def render(self, track, placement):
        images = {source: stem if len(stem) == 2 else stem.repeat(2, axis=0) for source, stem in track.stems.items()}
        return Scene(track.rate, np.sum(list(images.values()), axis=0), images)


class StereoNever(Ears):
    """Takes every stem for a mono one."""

    def render(self, track, placement):
        stems = {source: stem.reshape(1, track.stems["vocals"].shape[1]) for source, stem in track.stems.items()}
        return super().render(Track(track.id, track.rate, stems), placement)


class LouderMixture(Ears):
    """Normalises the mixture and does not say by how much."""

    def render(self, track, placement):
        scene = super().render(track, placement)
        peak = np.abs(scene.mixture).max() or 1.0
        return Scene(scene.rate, scene.mixture / peak, scene.references, placement)


class EachToItself(Ears):
    """Brings every image to one level."""

    def render(self, track, placement):
        scene = super().render(track, placement)
        references = {
            source: image * 0.1 / max(np.sqrt(np.mean(image**2)), 1e-9) for source, image in scene.references.items()
        }
        return Scene(scene.rate, np.sum(list(references.values()), axis=0), references, placement)


class NoisyRoom(Ears):
    """Adds a noise that is another one each time."""

    def render(self, track, placement):
        scene = super().render(track, placement)
        noise = 1e-3 * np.random.default_rng().standard_normal(scene.mixture.shape)
        references = {source: image + noise for source, image in scene.references.items()}
        return Scene(scene.rate, np.sum(list(references.values()), axis=0), references, placement)


# datasets


class Twice(Songs):
    """Lists a song of two folders under one id."""

    def track_ids(self):
        return ("first", "first", "second")


class Eager(Songs):
    """Reads all audio to list it."""

    def __init__(self):
        super().__init__(seconds=3.0)
        self.tracks = {name: super(Eager, self).load(name) for name in super().track_ids()}


class Unequal(Songs):
    """Leaves the stems as long as their files are."""

    def load(self, track_id):
        track = super().load(track_id)
        return Track(track.id, track.rate, {**track.stems, "vocals": track.stems["vocals"][:, :-100]})


class Nothing(Songs):
    """Returns nothing of a song that it does not have."""

    def load(self, track_id):
        return super().load(track_id) if track_id in self.track_ids() else None


class ByKey(Songs):
    """Looks songs up in a dict."""

    def load(self, track_id):
        return super().load({name: name for name in self.track_ids()}[track_id])


class WrongRate(Songs):
    """Says 48 kHz of files at 44.1."""

    folder = Path()

    def files(self, track_id):
        return [self.folder / f"{source}.wav" for source in SOURCES]

    def load(self, track_id):
        track = super().load(track_id)
        return Track(track.id, 48000, track.stems)


# placements


class Forgetful:
    """Places only what it has heard of."""

    revision = 1

    def place(self, track_id, sources, draw):
        return Placement({source: 10.0 for source in sources if source != "other"})


class OwnDice:
    """Throws dice of its own."""

    revision = 1

    def place(self, track_id, sources, draw):
        return Placement({source: random.uniform(-90, 90) for source in sources})


class OneSeed:
    """Uses the seed and nothing else of the draw."""

    revision = 1

    def place(self, track_id, sources, draw):
        dice = random.Random(draw.seed)
        return Placement({source: dice.uniform(-90, 90) for source in sources})
