"""Examples are mixed by the benchmark's own placements and spatializers, each a pure function of its number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from layouts import write_musdb_song
from soundstage.audio import resample
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError
from soundstage.heard import heard
from soundstage_spatializers.panning import panning_gains
from soundstage_training.verb.mixing import SILENT, Mixer, Staging
from soundstage_training.verb.settings import Settings
from soundstage_training.verb.songs import Library, sources_of, split, usable

SETTINGS = Settings("xumx", seconds=0.5, seed=3)


@pytest.fixture(scope="module")
def registry():
    return Registry.load()


@pytest.fixture(scope="module")
def library(registry):
    return Library.of(registry, ["sketches"])


def mixer(registry, library, settings=SETTINGS, sources=None):
    """A mixer of the sketches."""
    return Mixer(
        library, library.songs, sources_of(sources or {}, library.songs), Staging.of(registry, settings), settings
    )


@pytest.mark.heavy
def test_an_example_is_a_pure_function_of_seed_step_and_number(registry, library):
    first, second = mixer(registry, library), mixer(registry, Library.of(registry, ["sketches"], kept_bytes=0))
    wanted = [first.example(step, k) for step in (1, 2) for k in (0, 1)]
    again = [second.example(step, k) for step in (2, 1) for k in (1, 0)][::-1]  # in another order, and nothing kept
    for one, other in zip(wanted, again, strict=True):
        for name in ("mixture", "references", "azimuths"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert not any(np.array_equal(wanted[0].mixture, one.mixture) for one in wanted[1:])
    other_seed = mixer(registry, library, replace(SETTINGS, seed=4)).example(1, 0)
    assert not np.array_equal(wanted[0].mixture, other_seed.mixture)


def test_the_images_are_the_stems_panned_to_the_angles_that_the_model_is_told(registry, library):
    found = mixer(registry, library).example(5, 1)
    assert found.mixture.shape == (2, 22050)
    assert found.references.shape == (4, 2, 22050)
    assert np.allclose(found.mixture, found.references.sum(0), atol=1e-6)
    assert (np.abs(found.azimuths) <= 45).all()
    assert len(set(found.azimuths)) == 4
    for image, angle in zip(found.references, found.azimuths, strict=True):
        left, right = panning_gains(float(angle))
        assert np.allclose(right * image[0], left * image[1], atol=1e-6)
        assert np.abs(image).max() > 0


def test_the_angles_that_are_told_may_be_wrong_and_the_scene_is_the_same(registry, library):
    exact = mixer(registry, library).example(1, 0)
    noisy = mixer(registry, library, replace(SETTINGS, placement="panorama[noise=8]")).example(1, 0)
    assert np.array_equal(exact.mixture, noisy.mixture)
    wrong = np.abs(exact.azimuths - noisy.azimuths)
    assert (wrong <= 8).all()
    assert (wrong > 0).all()


def test_each_source_is_of_a_song_of_its_own_only_where_sources_are_shuffled(registry, library, monkeypatch):
    drawn = {}
    part = library.part

    def noted(song, names, start, stop):
        drawn[names] = song.id, start  # of several tries the last
        return part(song, names, start, stop)

    monkeypatch.setattr(library, "part", noted)
    together = mixer(registry, library, replace(SETTINGS, shuffle=False))
    apart = mixer(registry, library)
    for k in range(6):
        together.example(1, k)
        assert len(set(drawn.values())) == 1
        apart.example(1, k)
        assert len(set(drawn.values())) == 4
        assert len({song for song, _ in drawn.values()}) > 1


def test_gains_lie_within_their_range_and_are_each_sources_own(registry, library):
    plain = mixer(registry, library).example(2, 0).references
    gained = mixer(registry, library, replace(SETTINGS, gain_db=(-6.0, 6.0))).example(2, 0).references
    gains = 20 * np.log10(np.linalg.norm(gained, axis=(1, 2)) / np.linalg.norm(plain, axis=(1, 2)))
    assert (np.abs(gains) <= 6.001).all()
    assert np.ptp(gains) > 0.1


def test_songs_of_another_rate_are_resampled_excerpt_by_excerpt(registry, library):
    made = mixer(registry, library, replace(SETTINGS, rate=8000))
    assert made.example(1, 0).mixture.shape == (2, 4000)
    full = mixer(registry, library).example(1, 0)
    assert np.allclose(made.example(1, 0).mixture, resample(full.mixture.astype(float), 44100, 8000), atol=2e-6)


def test_binaural_examples_are_rendered_by_the_benchmarks_head(registry, library):
    settings = replace(SETTINGS, placement="frontal", spatializer="hrir")
    found = mixer(registry, library, settings).example(1, 0)
    assert np.allclose(found.mixture, found.references.sum(0), atol=1e-6)
    energy = (found.references**2).sum(-1)
    louder_left = energy[:, 0] > energy[:, 1]
    aside = np.abs(found.azimuths) > 5
    assert (louder_left == (found.azimuths > 0))[aside].all()
    assert (np.abs(found.azimuths) <= 45).all()  # frontal azimuths, as panning angles


def test_two_sources_may_be_made_of_the_same_stems_and_are_never_the_same_excerpt(registry, library):
    sources = {"one": ("other",), "two": ("other",)}
    made = mixer(registry, library, sources=sources)
    for k in range(20):
        mono = [image.sum(0) for image in made.scene(1, k).references.values()]
        alike = abs(np.vdot(*mono)) / np.sqrt(np.vdot(mono[0], mono[0]) * np.vdot(mono[1], mono[1]))
        assert alike < 0.9


def test_a_source_may_be_the_sum_of_stems(registry, library):
    sources = {"vocals": ("vocals",), "accompaniment": ("drums", "bass", "other")}
    whole = library.part(library.songs[0], sources["accompaniment"], 0, 4410)
    track = library.track(library.songs[0])
    assert np.allclose(whole, sum(track.stems[name][:, :4410] for name in sources["accompaniment"]), atol=1e-6)
    assert mixer(registry, library, sources=sources).example(1, 0).references.shape[0] == 2


def test_excerpts_sound_wherever_the_song_does(registry, library):
    made = mixer(registry, library)
    quiet = [np.abs(image).max() <= SILENT for k in range(30) for image in made.example(7, k).references]
    assert np.mean(quiet) < 0.05


def test_a_spatializer_without_placement_tells_no_angles(registry, library):
    found = mixer(registry, library, replace(SETTINGS, spatializer="original")).example(1, 0)
    assert np.isnan(found.azimuths).all()


def test_held_out_songs_are_not_trained_on_and_are_the_same_each_time(library):
    to_train, to_validate = split(library.songs, 1, seed=0)
    assert len(to_train) == 2
    assert not set(to_train) & set(to_validate)
    assert split(library.songs[::-1], 1, seed=0)[1] == to_validate
    with pytest.raises(SoundstageError, match="3 songs and 3 held out, so that none is left to train on; add songs"):
        split(library.songs, 3, seed=0)


def test_what_a_model_learns_from_is_stated_in_the_words_by_which_leaderboards_know_songs(registry, library, tmp_path):
    """Splits of a data set are told apart by its plugin's name; a folder of one's own has none that others know."""
    write_musdb_song(tmp_path / "train" / "One", seconds=0.1)
    write_musdb_song(tmp_path / "test" / "Two", seconds=0.1)
    registry = Registry.load()
    registry.set_roots({"musdb18hq": tmp_path, "folder": tmp_path / "test"})
    assert library.stated() == ["sketches"]
    assert Library.of(registry, ["musdb18hq[split=train]", "sketches"]).stated() == ["musdb18hq:train", "sketches"]
    assert Library.of(registry, ["musdb18hq"]).stated() == ["musdb18hq:test"]
    own = Library.of(registry, ["folder", "musdb18hq[split=train]"]).stated()
    assert own == ["more", "musdb18hq:train"]
    assert heard(own, ["musdb18hq:train"]) == "yes"
    assert heard(own, ["musdb18hq:test"]) == "no"
    assert heard(own, ["slakh2100_4s:test", "slakh2100:test"]) == "not stated"


def test_what_cannot_be_drawn_is_a_sentence_with_the_remedy(library):
    songs = library.songs
    with pytest.raises(SoundstageError, match=r"no song has tuba \(tuba\)"):
        sources_of({"tuba": ("tuba",)}, songs)
    with pytest.raises(
        SoundstageError, match=r"is as long as an example, 20 s; the longest is .* give --seconds 8\.\d"
    ):
        usable(songs, {"drums": ("drums",)}, replace(SETTINGS, seconds=20.0))
    poorer = [replace(songs[0], stems=("vocals",)), *songs[1:]]
    assert len(usable(poorer, {"drums": ("drums",)}, SETTINGS)["drums"]) == 2
    with pytest.raises(
        SoundstageError, match=r"lacks drums .* and sources are not shuffled across songs; take the song"
    ):
        usable(poorer, {"drums": ("drums",)}, replace(SETTINGS, shuffle=False))
