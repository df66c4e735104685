"""Anyone's own songs: what a folder may hold, and what it may not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

import soundstage
from soundstage.errors import SoundstageError
from soundstage_datasets.folder import Folder


def write(file, *, value=0.25, channels=2, length=200, rate=48000):
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, np.full((length, channels), value), rate, subtype="PCM_16")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "songs"
    write(root / "Ça va, [#1] 100%" / "lead vocal.flac", value=0.5)
    write(root / "Ça va, [#1] 100%" / "gitarre ♯.WAV", channels=1)
    write(root / "Ça va, [#1] 100%" / "mixture.wav", value=0.75)
    write(root / "another" / "bass.wav", rate=22050)
    (root / "another" / ".DS_Store").touch()
    (root / "another" / "._bass.wav").write_bytes(b"resource fork")
    (root / "another" / "notes.txt").write_text("text")
    (root / ".hidden").mkdir()
    return root


def refused(folder, song):
    with pytest.raises(SoundstageError) as caught:
        Folder(folder).load(song)
    message = str(caught.value)
    assert f"track '{song}'" in message
    assert "\n" not in message
    return message


def test_each_sub_folder_is_a_song(root):
    assert Folder(root).track_ids() == ["another", "Ça va, [#1] 100%"]


def test_stems_have_any_name_and_one_or_two_channels(root):
    track = Folder(root).load("Ça va, [#1] 100%")
    assert {name: stem.shape for name, stem in track.stems.items()} == {
        "lead vocal": (2, 200),
        "gitarre ♯": (1, 200),
    }
    assert track.rate == 48000
    np.testing.assert_array_equal(track.mixture, np.full((2, 200), 0.75))


def test_hidden_and_other_files_are_passed_over(root):
    track = Folder(root).load("another")
    assert list(track.stems) == ["bass"]
    assert track.mixture is None
    assert [file.name for file in Folder(root).files("another")] == ["bass.wav"]


def test_files_include_the_mixture(root):
    names = [file.name for file in Folder(root).files("Ça va, [#1] 100%")]
    assert names == ["gitarre ♯.WAV", "lead vocal.flac", "mixture.wav"]


def test_the_mixture_may_be_called_otherwise(root):
    write(root / "another" / "mix.wav", rate=22050)
    track = Folder(root, mixture="mix").load("another")
    assert list(track.stems) == ["bass"]
    assert track.mixture is not None


def test_a_root_with_audio_files_is_one_song(root):
    dataset = Folder(root / "another")
    assert dataset.track_ids() == ["another"]
    assert list(dataset.load("another").stems) == ["bass"]


def test_a_relative_root_is_named_after_its_folder(root, monkeypatch):
    monkeypatch.chdir(root / "another")
    assert Folder(Path(".")).track_ids() == ["another"]


def test_audio_beside_song_folders_is_ambiguous(root):
    write(root / "preview.wav")
    with pytest.raises(SoundstageError, match=r"preview\.wav.*beside song folders.*move"):
        Folder(root).track_ids()


def test_a_missing_root_is_named(tmp_path):
    with pytest.raises(SoundstageError, match="nowhere is not a folder; give the folder of your songs"):
        Folder(tmp_path / "nowhere").track_ids()


def test_an_empty_root_says_what_to_put_there(tmp_path):
    with pytest.raises(SoundstageError, match="give each song a sub-folder"):
        Folder(tmp_path).track_ids()


@pytest.mark.parametrize("name", ["empty", "@eaDir", "#recycle", "__MACOSX", "$RECYCLE.BIN", "lost+found"])
def test_a_folder_without_audio_or_left_behind_by_a_device_is_no_song(root, name):
    (root / name).mkdir()
    if name != "empty":
        write(root / name / "bass.wav")
    assert Folder(root).track_ids() == ["another", "Ça va, [#1] 100%"]
    with pytest.raises(SoundstageError, match="unknown track"):
        Folder(root).load(name)
    assert f"the folder '{name}' is no song" in "\n".join(one.text for one in Folder(root).check() if not one.wrong)


@pytest.mark.parametrize("below", ["stems", "wav/24 bit"])
def test_a_song_whose_stems_lie_deeper_is_told_where(root, below):
    write(root / "deep" / below / "bass.wav")
    assert "deep" in Folder(root).track_ids()
    assert f"no audio file in {root / 'deep'} itself, but in {root / 'deep' / below}" in refused(root, "deep")


def test_a_root_above_the_right_one_names_the_right_one(root):
    with pytest.raises(SoundstageError, match=f"give {root} for a root of songs"):
        Folder(root.parent).track_ids()


def test_a_mixture_alone_is_no_song(root):
    write(root / "only" / "mixture.flac")
    assert "no audio file but the mixture mixture.flac" in refused(root, "only")


def test_a_stem_in_two_formats_is_refused(root):
    write(root / "another" / "bass.flac", rate=22050)
    assert "stem 'bass' is there twice" in refused(root, "another")


def test_unequal_rates_are_refused(root):
    write(root / "another" / "drums.wav", rate=44100)
    message = refused(root, "another")
    assert "drums.wav: 44100 Hz where bass.wav has 22050 Hz; bring all stems to one rate" in message


def test_unequal_lengths_are_refused(root):
    write(root / "another" / "drums.wav", rate=22050, length=201)
    assert "drums.wav: 201 samples where bass.wav has 200" in refused(root, "another")


def test_a_stem_of_five_channels_is_refused(root):
    write(root / "another" / "drums.wav", rate=22050, channels=5)
    assert "drums.wav: 5 channels where 1 or 2 were expected; mix it down" in refused(root, "another")


def test_nan_and_corrupt_files_are_refused(root):
    soundfile.write(root / "another" / "bass.wav", np.array([[0.0], [np.inf]]), 8000, subtype="FLOAT")
    assert "bass.wav: 1 samples are NaN or infinite" in refused(root, "another")
    (root / "another" / "bass.wav").write_bytes(b"not audio")
    assert "bass.wav: not a readable audio file" in refused(root, "another")


def test_an_unknown_track_is_named_with_the_nearest(root):
    with pytest.raises(SoundstageError, match=r"'anoter'.*did you mean 'another'"):
        Folder(root).load("anoter")


@pytest.fixture
def band(tmp_path):
    """A song whose stems hold one value each: their sums say what was summed."""
    stems = {"lead": 1, "backing low": 2, "backing high": 4, "drums": 8, "click": 16, "mixture": 15}
    for name, value in stems.items():
        write(tmp_path / "band" / "song" / f"{name}.wav", value=value / 64)
    return tmp_path / "band"


def made(folder, **sources):
    track = Folder(folder, sources={name: tuple(stems) for name, stems in sources.items()}).load("song")
    return {name: round(float(stem[0, 0]) * 64) for name, stem in track.stems.items()}


@pytest.mark.parametrize(
    ("sources", "sums"),
    [
        ({"vocals": ["lead", "backing*"], "accompaniment": ["*"]}, {"vocals": 7, "accompaniment": 24}),
        (
            {"vocals": ["lead.wav", "back*"], "accompaniment": ["*"], "leave_out": ["click"]},
            {"vocals": 7, "accompaniment": 8},
        ),
        ({"drums": ["drums"], "leave_out": ["*"]}, {"drums": 8}),
        (
            {"voices": ["lead", "*ing *"], "drums": ["drums"], "leave_out": ["click", "guide"]},
            {"voices": 7, "drums": 8},
        ),
        ({"low": ["backing low", "backing l*"], "rest": ["*"]}, {"low": 2, "rest": 29}),
    ],
)
def test_sources_are_sums_of_the_stems_that_are_mapped_to_them(band, sources, sums):
    assert made(band, **sources) == sums
    assert Folder(band, sources={k: tuple(v) for k, v in sources.items()}).load("song").mixture is not None


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({"a": ["lead"], "b": ["lead", "*"]}, "stem 'lead.wav' is in both 'a' and 'b'; take it out of one"),
        (
            {"a": ["lead"], "b": ["backing*", "drums"]},
            "stem 'click.wav' is in no source; add it to one, or to leave_out",
        ),
        ({"a": ["leed"], "b": ["*"]}, "no stem 'leed', which source 'a' is made of"),
        ({"a": ["choir*"], "b": ["*"]}, r"no stem for source 'a' \(choir\*\); add one"),
        ({"a": ["*"], "b": ["lead", "backing*", "drums", "click"]}, "no stem for source 'a'"),
    ],
)
def test_a_stem_mapped_twice_or_never_and_a_missing_one_are_sentences_about_the_song(band, sources, words):
    dataset = Folder(band, sources={name: tuple(stems) for name, stems in sources.items()})
    for method in ("load", "files", "extent"):
        with pytest.raises(SoundstageError, match=f"track 'song': {words}"):
            getattr(dataset, method)("song")


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({}, "sources names no source"),
        ({"leave_out": ("click",)}, "sources names no source"),
        ({"a": ()}, "'a' names no stem"),
        ({"a": ("*",), "b": ("*",)}, "stands in two lists"),
    ],
)
def test_a_mapping_that_no_song_could_follow_is_refused_at_once(band, sources, words):
    with pytest.raises(SoundstageError, match=words):
        Folder(band, sources=sources)


def test_files_of_a_mapped_song_are_those_that_it_is_made_of(band):
    dataset = Folder(band, sources={"vocals": ("lead", "backing*"), "leave_out": ("*",)})
    assert [file.stem for file in dataset.files("song")] == ["backing high", "backing low", "lead", "mixture"]


def test_the_mapping_is_written_in_a_registry_entry(band, tmp_path):
    (tmp_path / "mine.toml").write_text(
        "[datasets.mine]\nplugin = 'folder'\n"
        "params = { root = 'band', sources = { vocals = ['lead', 'backing*'], accompaniment = ['*'] } }\n"
        "[grids.duo]\ndatasets = ['mine']\nspatializers = ['original']\nseparators = ['reference']\nmetrics = ['sdr']\n"
    )
    assert soundstage.run(tmp_path / "mine.toml", tmp_path / "out").troubled == 0
    assert set(soundstage.load(tmp_path / "out")["source"]) == {"vocals", "accompaniment"}


def noise(seed, length=4000):
    return np.random.default_rng(seed).integers(-6000, 6000, (length, 2)) / 32768


def write_song(folder, suffix=".wav", **more):
    """Three stems of noise, and what else is asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    stems = {"vocals": noise(1), "drums": noise(2), "bass": noise(3), **more}
    for name, samples in stems.items():
        soundfile.write(folder / f"{name}{suffix}", samples, 44100)
    return stems


@pytest.mark.parametrize(
    "name", ["Mixture", "MIXTURE", "mix", "Mix", "full mix", "Full-Mix", "mixdown", "mezcla", "混音"]
)
def test_a_mixture_is_known_by_its_name_in_any_case_and_by_what_tools_call_it(tmp_path, name):
    write_song(tmp_path / "song", **{name: noise(1) + noise(2) + noise(3)})
    track = Folder(tmp_path).load("song")
    assert set(track.stems) == {"vocals", "drums", "bass"}
    assert track.mixture is not None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("master", "a whole song's"),
        ("Original", "a whole song's"),
        ("song", "a whole song's"),
        ("input", "a whole song's"),
        ("accompaniment", "a sum's"),
        ("Instrumental", "a sum's"),
        ("no_vocals", "a sum's"),
        ("minus drums", "a sum's"),
        ("vocals (1)", "a copy's of 'vocals'"),
        ("Vocals - Copy", "a copy's of 'vocals'"),
        ("drums_copy", "a copy's of 'drums'"),
        ("Copy of bass", "a copy's of 'bass'"),
        ("drums - Kopie (2)", "a copy's of 'drums'"),
    ],
)
def test_what_by_its_name_is_no_source_is_refused_with_the_remedy(tmp_path, name, words):
    write_song(tmp_path / "band", **{name: noise(7)})
    message = refused(tmp_path, "band")
    assert f"{name}.wav is no source by its name" in message
    assert words in message
    assert "rename it" in message


@pytest.mark.parametrize(
    "names", [("vocals", "accompaniment"), ("lead", "backing", "band"), ("mix",), ("guitar (1)", "guitar (2)")]
)
def test_names_that_may_be_sources_are_left_alone(tmp_path, names):
    for number, name in enumerate(names):
        (tmp_path / "song").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "song" / f"{name}.wav", noise(number), 44100)
    assert set(Folder(tmp_path).load("song").stems) == set(names)


def test_who_maps_stems_by_name_knows_what_they_are(tmp_path):
    write_song(tmp_path / "band", master=noise(7), mix=noise(8))
    by_name = Folder(tmp_path, sources={"a": ("master", "vocals"), "b": ("mix",), "leave_out": ("drums", "bass")})
    track = by_name.load("band")
    assert (set(track.stems), track.mixture) == ({"a", "b"}, None)
    rest_left_out = Folder(tmp_path, sources={"a": ("vocals",), "leave_out": ("*",)})
    assert rest_left_out.load("band").mixture is None
    with pytest.raises(SoundstageError, match=r"master\.wav is no source by its name"):
        Folder(tmp_path, sources={"a": ("vocals",), "b": ("*",)}).load("band")


@pytest.mark.parametrize(
    ("name", "of"),
    [("choir", ("vocals",)), ("everything", ("vocals", "drums", "bass")), ("rhythm", ("drums", "bass"))],
)
@pytest.mark.parametrize("read", ["load", "load_part"])
def test_a_stem_that_equals_another_or_a_sum_of_others_is_refused_by_its_file(tmp_path, name, of, read):
    write_song(tmp_path / "song", **{name: sum(noise(1 + ("vocals", "drums", "bass").index(one)) for one in of)})
    dataset = Folder(tmp_path)
    with pytest.raises(SoundstageError, match="track 'song': ") as caught:
        dataset.load("song") if read == "load" else dataset.load_part("song", 500, 1500)
    assert f"'{name}'" in str(caught.value)
    assert "take" in str(caught.value)


def test_stems_that_are_alike_for_a_while_are_sources_all_the_same(tmp_path):
    double = noise(1)
    double[2000:] = noise(8)[2000:]
    write_song(tmp_path / "song", double=double)
    assert set(Folder(tmp_path).load_part("song", 0, 1500).stems) == {"vocals", "drums", "bass", "double"}


@pytest.mark.parametrize("suffix", [".aiff", ".ogg", ".mp3", ".opus", ".W64", ".flac"])
def test_every_kind_of_audio_is_a_stem(tmp_path, suffix):
    write_song(tmp_path / "song")
    for name in ("vocals", "drums", "bass"):  # Opus knows no 44.1 kHz
        soundfile.write(tmp_path / "song" / f"{name}.wav", noise(len(name)), 48000)
    form, subtype = ("OGG", "OPUS") if suffix == ".opus" else (suffix[1:].upper(), None)
    soundfile.write(tmp_path / "song" / f"other{suffix}", noise(1), 48000, format=form, subtype=subtype)
    track = Folder(tmp_path).load("song")
    assert set(track.stems) == {"vocals", "drums", "bass", "other"}
    assert set(track.lossy) == ({f"other{suffix}"} if suffix in (".ogg", ".mp3", ".opus") else set())


@pytest.mark.parametrize("name", ["vocals.m4a", "lead.AAC", "synth.wma", "song.stem.mp4", "choir.ape"])
def test_audio_that_is_not_read_is_named_and_never_left_out_in_silence(tmp_path, name):
    write_song(tmp_path / "song")
    (tmp_path / "song" / name).write_bytes(b"?")
    assert f"{name} is not read; convert it to WAV or FLAC, or move it" in refused(tmp_path, "song")


def test_a_lossy_twin_of_a_stem_is_passed_over_and_check_says_so(tmp_path):
    write_song(tmp_path / "song")
    write_song(tmp_path / "song", ".mp3")
    assert Folder(tmp_path).load("song").lossy == {}
    said = [one.file.name for one in Folder(tmp_path).check() if one.file]
    assert said == ["bass.mp3", "drums.mp3", "vocals.mp3"]


@pytest.mark.parametrize("twin", ["Vocals.wav", "VOCALS.FLAC", "vocals.aiff"])
def test_names_that_only_case_or_suffix_tells_apart_are_refused(tmp_path, twin):
    write_song(tmp_path / "song")
    soundfile.write(tmp_path / "song" / twin, noise(9), 44100)
    assert "is there twice" in refused(tmp_path, "song")


def test_a_stem_whose_name_is_no_text_is_the_trouble_of_its_song(tmp_path):
    for song in ("good", "odd"):
        write_song(tmp_path / song)
    os.rename(tmp_path / "odd" / "bass.wav", os.fsencode(tmp_path / "odd") + b"/b\xe4ss.wav")
    assert Folder(tmp_path).load("good")
    assert "is not text that every file can hold; rename it" in refused(tmp_path, "odd")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_refused_by_every_method(tmp_path, kind):
    write_song(tmp_path / "song")
    file = tmp_path / "song" / "other.wav"
    os.mkfifo(file) if kind == "pipe" else file.symlink_to("/dev/zero")
    for method in ("files", "extent", "load"):
        with pytest.raises(SoundstageError, match=rf"other\.wav: is a {kind} and not a file"):
            getattr(Folder(tmp_path), method)("song")


def test_real_stems_load(shared):
    track = Folder(shared / "real" / "multitrack-funk").load("multitrack-funk")
    assert sorted(track.stems) == ["bass", "clavinet", "drums", "guitar", "horns"]
    assert track.mixture is None
    assert {stem.shape for stem in track.stems.values()} == {(2, 882000)}
