"""Stems from a folder."""

from __future__ import annotations

import os
import re
import unicodedata

import numpy as np
import pytest
import soundfile

from soundstage.audio import write_audio
from soundstage.contracts import CellName
from soundstage.errors import SoundstageError
from soundstage_separators.estimates import Estimates

RATE = 44100
MIXTURE = np.array([[0.0] * 100, [0.5] * 100])


def cell(track="song", **names):
    return CellName(**{"dataset": "d", "track": track, "placement": "p", "spatializer": "s", "seed": 7, **names})


def put(path, samples=None, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(len(path.name)).uniform(-0.5, 0.5, (2, 100)) if samples is None else samples
    if path.suffix == ".flac":
        soundfile.write(path, samples.T, rate)
    else:
        write_audio(path, samples, rate)
    return samples


def read(estimates, sources=("vocals",), name=None):
    return estimates.separate(MIXTURE, RATE, sources=list(sources), cell=name or cell())


def test_stems_are_read_as_they_are(tmp_path):
    vocals, bass = put(tmp_path / "song/vocals.wav"), put(tmp_path / "song/bass.wav")
    estimates = read(Estimates(tmp_path), ["bass", "vocals"])
    np.testing.assert_array_equal(estimates["vocals"], vocals)
    np.testing.assert_array_equal(estimates["bass"], bass)


def test_flac_is_read_too(tmp_path):
    put(tmp_path / "song/vocals.flac")
    assert read(Estimates(tmp_path))["vocals"].shape == (2, 100)


def test_a_layout_may_use_every_name_of_the_cell(tmp_path):
    put(tmp_path / "d/s-p/007/song (vocals).wav")
    estimates = Estimates(tmp_path, "{dataset}/{spatializer}-{placement}/{seed:03d}/{track} ({source})")
    assert "vocals" in read(estimates)
    assert [path.name for path in estimates.files(cell())] == ["song (vocals).wav"]


@pytest.mark.parametrize("track", ["it's [a] *song*?", "No. 5", "{braces}", "Beyoncé — Ünder", "train/song", "a..b"])
def test_any_track_name_works(tmp_path, track):
    put(tmp_path / track / "vocals.wav")
    put(tmp_path / "it's a xsongx" / "vocals.wav")
    estimates = Estimates(tmp_path)
    assert "vocals" in read(estimates, name=cell(track))
    assert estimates.files(cell(track)) == [tmp_path / track / "vocals.wav"]


@pytest.mark.parametrize("track", ["../secret", "/etc", "a/../../b"])
def test_no_track_name_leads_out_of_the_root(tmp_path, track):
    with pytest.raises(SoundstageError, match="outside of"):
        read(Estimates(tmp_path), name=cell(track))


def test_files_are_those_of_the_track_whatever_the_source(tmp_path):
    for name in ("song/vocals.wav", "song/bass.flac", "song/notes.txt", "song/deeper/x.wav", "other/vocals.wav"):
        put(tmp_path / name) if not name.endswith("txt") else (tmp_path / name).write_text("")
    files = Estimates(tmp_path).files(cell())
    assert [str(path.relative_to(tmp_path)) for path in files] == ["song/bass.flac", "song/vocals.wav"]


def test_files_are_found_where_the_source_is_a_folder_or_named_twice(tmp_path):
    put(tmp_path / "vocals/song-vocals.wav")
    put(tmp_path / "bass/song-vocals.wav")
    put(tmp_path / "bass/other-bass.wav")
    assert Estimates(tmp_path, "{source}/{track}-{source}").files(cell()) == [tmp_path / "vocals/song-vocals.wav"]


def test_no_cell_and_a_track_without_a_folder_have_no_files(tmp_path):
    assert not Estimates(tmp_path).files(None)
    assert not Estimates(tmp_path).files(cell())


def test_a_missing_root_is_named(tmp_path):
    estimates = Estimates(tmp_path / "nowhere")
    for ask in (lambda: read(estimates), lambda: estimates.files(cell())):
        with pytest.raises(SoundstageError, match=r"nowhere: no such folder of estimates"):
            ask()


def test_a_missing_track_names_the_file_expected(tmp_path):
    with pytest.raises(SoundstageError, match=re.escape(f"{tmp_path}/song/vocals with an audio file's suffix")):
        read(Estimates(tmp_path))


def test_a_missing_source_is_named(tmp_path):
    put(tmp_path / "song/vocals.wav")
    with pytest.raises(SoundstageError, match=r"track 'song': no estimate of 'bass' \(.*song/bass\)"):
        read(Estimates(tmp_path), ["vocals", "bass"])


def test_stems_that_lie_in_the_root_itself_get_a_hint(tmp_path):
    put(tmp_path / "vocals.wav")
    with pytest.raises(SoundstageError, match=r"is layout=\{source\} meant\?"):
        read(Estimates(tmp_path))
    assert "vocals" in read(Estimates(tmp_path, "{source}"))


def test_a_stem_that_is_there_twice_is_refused(tmp_path):
    put(tmp_path / "song/vocals.wav")
    put(tmp_path / "song/vocals.flac")
    with pytest.raises(SoundstageError, match="are both there"):
        read(Estimates(tmp_path))


@pytest.mark.parametrize(
    ("samples", "rate", "complaint"),
    [
        (np.zeros((2, 100)), 48000, "is at 48000 Hz where the mixture is at 44100 Hz"),
        (np.zeros((2, 99)), RATE, "has 99 samples where the mixture has 100"),
        (np.zeros((1, 100)), RATE, "has 1 channel where 2 were expected.*a mono estimate has no spatial image"),
        (np.zeros((3, 100)), RATE, "has 3 channels where 2 were expected"),
        (np.full((2, 100), np.nan), RATE, "NaN or infinite"),
    ],
)
def test_a_stem_unlike_the_mixture_is_refused_by_name(tmp_path, samples, rate, complaint):
    put(tmp_path / "song/vocals.wav", samples, rate)
    with pytest.raises(SoundstageError, match=rf"song/vocals\.wav: .*{complaint}"):
        read(Estimates(tmp_path))


@pytest.mark.parametrize(
    ("layout", "complaint"),
    [
        ("{trak}/{source}", "did you mean 'track'"),
        ("{track}", "every source would be the same file"),
        ("{track/{source}", "layout="),
        ("{track.x}/{source}", "unknown field"),
        ("{track}/{source}.wav", "leave the suffix out"),
        ("{track}/{source:>100000000}", "wider than any file's name, .* at most 255 letters"),
        ("{track:9999999999999}/{source}", "wider than any file's name"),
        ("{seed:0256}/{source}", "wider than any file's name"),
        ("{track}/{source:>{seed}}", "wider than any file's name"),
    ],
)
def test_a_layout_that_cannot_be_is_refused_at_once(tmp_path, layout, complaint):
    with pytest.raises(SoundstageError, match=complaint):
        Estimates(tmp_path, layout)


@pytest.mark.parametrize("name", ["Song/Vocals.WAV", "SONG/vocals.wav", "song/VOCALS.flac"])
def test_case_makes_no_difference_where_nothing_is_called_exactly_so(tmp_path, name):
    put(tmp_path / name) if not name.endswith("flac") else put((tmp_path / name).with_suffix(".flac"))
    estimates = Estimates(tmp_path)
    assert set(read(estimates)) == {"vocals"}
    assert estimates.files(cell()) == [tmp_path / name]


def test_the_one_that_is_called_exactly_so_is_meant(tmp_path):
    exact = put(tmp_path / "song/vocals.wav")
    put(tmp_path / "song/Vocals.wav", np.zeros((2, 100)))
    np.testing.assert_array_equal(read(Estimates(tmp_path))["vocals"], exact)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_encoding_of_accents_makes_no_difference(tmp_path, form):
    name = "Für Élise"
    put(tmp_path / unicodedata.normalize(form, name) / "vocals.wav")
    for other in ("NFC", "NFD"):
        assert set(read(Estimates(tmp_path), name=cell(unicodedata.normalize(other, name)))) == {"vocals"}


def test_lossy_estimates_are_read_and_said(tmp_path):
    (tmp_path / "song").mkdir()
    soundfile.write(tmp_path / "song" / "vocals.ogg", np.zeros((100, 2)), RATE)
    estimates = Estimates(tmp_path)
    assert set(read(estimates)) == {"vocals"}
    assert estimates.details["lossy"] == {"vocals.ogg": "Vorbis"}
    assert estimates.details["notices"] == ["lossily coded estimates: vocals.ogg (Vorbis)"]
    put(tmp_path / "song/vocals.wav")
    assert [file.name for file in estimates.files(cell())] == ["vocals.wav"]
    read(estimates)
    assert estimates.details == {}


def test_partial_estimates_are_those_that_are_there_and_never_none(tmp_path):
    put(tmp_path / "song/vocals.wav")
    estimates = Estimates(tmp_path, partial=True)
    assert set(read(estimates, ["vocals", "bass", "drums"])) == {"vocals"}
    assert estimates.details["notices"] == ["no estimate of bass, drums, so of that there are no scores"]
    with pytest.raises(SoundstageError, match="no estimates, not even"):
        read(estimates, ["bass", "drums"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("song/song-voc.wav", r"there are song-voc\.wav: call each of them after its source"),
        ("song/vocals.m4a", r"vocals\.m4a is not read: convert it"),
    ],
)
def test_what_is_missing_says_what_is_there_instead(tmp_path, name, words):
    put(tmp_path / name) if name.endswith("wav") else (tmp_path / "song").mkdir()
    if name.endswith("m4a"):
        (tmp_path / name).write_bytes(b"?")
    with pytest.raises(SoundstageError, match=words):
        read(Estimates(tmp_path))


TOOLS = {
    "vocals": ["song/VOCALS.WAV", "song/1_song_(Vocals).wav", "song/mixture_(Vocals)_MDX23C.flac"],
    "accompaniment": ["song/no_vocals.wav", "song_(Instrumental)_m_ep_317_sdr_12.9.wav", "htdemucs/song/Karaoke.wav"],
    "other": ["SONG_(Other)_BS-Roformer.wav", "song/song_(Live)_(Other)_m.wav", "out/htdemucs/song/other.flac"],
    "acoustic guitar": ["song/song_(Acoustic_Guitar)_m.wav", "song/acoustic_guitar_(Acoustic Guitar).wav"],
}


@pytest.mark.parametrize(("source", "name"), [(source, name) for source, names in TOOLS.items() for name in names])
def test_names_of_the_common_tools_need_no_hand_work(tmp_path, source, name):
    samples = put(tmp_path / name)
    put(tmp_path / "another_(Vocals)_m.wav")  # of another song
    estimates = Estimates(tmp_path)
    found = read(estimates, [source])
    np.testing.assert_allclose(found[source], samples, atol=2**-15)
    assert estimates.files(cell()) == [tmp_path / name]


@pytest.mark.parametrize(
    "names",
    [
        ("song/vocals.wav", "song/song_(Vocals)_m.wav"),
        ("song_(Vocals)_one.wav", "song_(Vocals)_two.wav"),
        ("song_(Vocals)_one.wav", "song/vocals.flac"),
        ("htdemucs/song/vocals.wav", "htdemucs_ft/song/vocals.wav"),
    ],
)
def test_two_files_that_may_be_one_sources_are_never_chosen_from(tmp_path, names):
    for name in names:
        put(tmp_path / name)
    with pytest.raises(SoundstageError, match="are both there") as caught:
        read(Estimates(tmp_path))
    assert all(re.sub(r"/vocals.wav", "", name) in str(caught.value) for name in names[:1])


def test_two_accompaniments_are_not_chosen_from_either(tmp_path):
    for name in ("vocals", "instrumental", "karaoke"):
        put(tmp_path / "song" / f"{name}.wav")
    with pytest.raises(
        SoundstageError, match=r"instrumental\.wav and .*karaoke\.wav are both there, and either may be"
    ):
        read(Estimates(tmp_path, partial=True), ["vocals", "drums", "bass"])


def test_a_layout_of_ones_own_is_taken_at_its_word(tmp_path):
    put(tmp_path / "song_(Vocals)_m.wav")
    with pytest.raises(SoundstageError, match="no estimates"):
        read(Estimates(tmp_path, "{track}-{source}"))
    assert "vocals" in read(Estimates(tmp_path, "{source}"))


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_estimates_that_are_no_files_are_refused_and_not_waited_for(tmp_path, kind):
    file = tmp_path / "song" / "vocals.wav"
    file.parent.mkdir()
    os.mkfifo(file) if kind == "pipe" else file.symlink_to("/dev/zero")
    for ask in (lambda: read(Estimates(tmp_path)), lambda: Estimates(tmp_path).files(cell())):
        with pytest.raises(SoundstageError, match=rf"vocals\.wav: is (a {kind} and|no file)"):
            ask()


def test_a_mono_estimate_will_do_where_the_mixture_is_mono(tmp_path):
    samples = put(tmp_path / "song/vocals.wav", np.full((1, 100), 0.25))
    found = Estimates(tmp_path).separate(np.zeros((2, 100)), RATE, sources=["vocals"], cell=cell())
    np.testing.assert_array_equal(found["vocals"], samples.repeat(2, axis=0))


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (
            lambda x: x[:, :-7],
            "has 993 samples where the mixture has 1000 and begins with it, so what differs is at the end",
        ),
        (lambda x: x[:, 40:], "has 960 samples where the mixture has 1000 and comes 40 samples early against it"),
        (lambda x: np.pad(x, ((0, 0), (25, 0))), "has 1025 samples .* and comes 25 samples late against it"),
        (lambda x: np.zeros((2, 3)), "has 3 samples where the mixture has 1000; estimates are neither cut nor padded"),
    ],
)
def test_another_length_is_refused_with_where_the_samples_lie(tmp_path, cut, words):
    mixture = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 1000))
    put(tmp_path / "song/vocals.wav", cut(0.5 * mixture))
    with pytest.raises(SoundstageError, match=words):
        Estimates(tmp_path).separate(mixture, RATE, sources=["vocals"], cell=cell())


def test_real_estimates_of_a_published_model_are_read(shared):
    root = shared / "real" / "spain-net-task1"
    mixture, rate = soundfile.read(root / "gt" / "mixture.flac", always_2d=True)
    sources = ["bass", "guitar", "piano", "strings"]
    estimates = Estimates(root / "d1", "{source}").separate(mixture.T, rate, sources=sources, cell=cell())
    assert {estimate.shape for estimate in estimates.values()} == {mixture.T.shape}
    assert len(Estimates(root).files(cell("d1"))) == 4
