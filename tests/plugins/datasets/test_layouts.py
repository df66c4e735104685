"""Data as it is: stems of unequal length, and songs whose stems lie in folders, as MoisesDB and MedleyDB unpack."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

import soundstage
from layouts import noise
from soundstage import toml
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError
from soundstage.pipeline.dataset_check import check_dataset
from soundstage.planning.cells import make_scenes
from soundstage.planning.grid import read_grid
from soundstage.results.store import Store
from soundstage_datasets.folder import Folder

RATE = 44100
LENGTHS = {"vocals": 900, "drums": 1000, "bass": 950, "mixture": 1000}


def write(file, samples):
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, samples.T, RATE, subtype="PCM_16")
    return samples


@pytest.fixture
def unequal(tmp_path):
    """One song whose stems differ in length. Returns the root and name → samples."""
    found = {
        name: write(tmp_path / "songs" / "song" / f"{name}.wav", noise(number, (2, length)))
        for number, (name, length) in enumerate(LENGTHS.items())
    }
    return tmp_path / "songs", found


# lengths


def test_strict_is_an_error_that_names_the_choice(unequal):
    root, _ = unequal
    for dataset in (Folder(root), Folder(root, lengths="strict")):
        for ask in (dataset.load, dataset.extent):
            with pytest.raises(SoundstageError, match='choose with lengths = "shortest" or "longest"'):
                ask("song")


def test_the_shortest_cuts_all_to_the_shortest(unequal):
    root, written = unequal
    dataset = Folder(root, lengths="shortest")
    track = dataset.load("song")
    assert dataset.extent("song") == (RATE, 900)
    for name, stem in {**track.stems, "mixture": track.mixture}.items():
        np.testing.assert_array_equal(stem, written[name][:, :900])
    assert track.fitted == {"drums.wav": 1000, "bass.wav": 950, "mixture.wav": 1000}


def test_the_longest_goes_on_in_silence(unequal):
    root, written = unequal
    dataset = Folder(root, lengths="longest")
    track = dataset.load("song")
    assert dataset.extent("song") == (RATE, 1000)
    for name, stem in {**track.stems, "mixture": track.mixture}.items():
        np.testing.assert_array_equal(stem[:, : LENGTHS[name]], written[name])
        assert not stem[:, LENGTHS[name] :].any()
        assert stem.shape == (2, 1000)
    assert track.fitted == {"vocals.wav": 900, "bass.wav": 950}


@pytest.mark.parametrize("lengths", ["shortest", "longest"])
@pytest.mark.parametrize("part", [(0, 100), (880, 900), (0, 900), (100, 101)])
def test_a_part_is_the_same_as_of_the_whole(unequal, lengths, part):
    dataset = Folder(unequal[0], lengths=lengths)
    whole, found = dataset.load("song"), dataset.load_part("song", *part)
    for name in whole.stems:
        np.testing.assert_array_equal(found.stems[name], whole.stems[name][:, slice(*part)])
    np.testing.assert_array_equal(found.mixture, whole.mixture[:, slice(*part)])
    assert found.fitted == whole.fitted


def test_a_part_beyond_the_end_of_some_files_is_silent_there(unequal):
    dataset = Folder(unequal[0], lengths="longest")
    found = dataset.load_part("song", 890, 1000)
    assert found.stems["vocals"][:, :10].any()
    assert not found.stems["vocals"][:, 10:].any()
    found = dataset.load_part("song", 960, 1000)
    assert not found.stems["vocals"].any()
    assert not found.stems["bass"].any()
    assert found.stems["drums"].any()
    with pytest.raises(SoundstageError, match="no samples 0 to 1001"):
        dataset.load_part("song", 0, 1001)


def test_equal_lengths_are_left_alone_and_nothing_is_recorded(tmp_path):
    for number, name in enumerate(("vocals", "drums")):
        write(tmp_path / "song" / f"{name}.wav", noise(number, (2, 500)))
    tracks = [Folder(tmp_path, lengths=lengths).load("song") for lengths in ("strict", "shortest", "longest")]
    for track in tracks:
        assert track.fitted == {}
        for name, stem in track.stems.items():
            np.testing.assert_array_equal(stem, tracks[0].stems[name])


def test_an_unknown_choice_is_refused(tmp_path):
    with pytest.raises(SoundstageError, match="no lengths 'longer'"):
        Folder(tmp_path, lengths="longer")
    with pytest.raises(SoundstageError, match="no layout 'folder'"):
        Folder(tmp_path, layout="folder")


@pytest.mark.parametrize("lengths", ["shortest", "longest"])
def test_check_says_what_becomes_of_the_files_and_finds_nothing_wrong(unequal, lengths):
    dataset = Folder(unequal[0], lengths=lengths)
    found = [finding for finding in check_dataset(dataset, "folder") if finding.file is not None]
    assert not any(finding.wrong for finding in found)
    said = {finding.file.name: finding.text for finding in found}
    if lengths == "shortest":
        assert said["drums.wav"] == "1000 samples where the song has 900: cut"
        assert "vocals.wav" not in said
    else:
        assert said["vocals.wav"] == "900 samples where the song has 1000: silent beyond its end"
        assert "drums.wav" not in said
    strict = [finding for finding in check_dataset(Folder(unequal[0]), "folder") if finding.wrong]
    assert strict


def test_a_run_records_it_and_its_board_says_it(toys, unequal):
    root, _ = unequal
    (root / "song" / "mixture.wav").unlink()
    grid = {
        "datasets": [f"folder[root={root},lengths=longest]"],
        "spatializers": ["original"],
        "separators": ["truth"],
        "metrics": ["error"],
    }
    out = root.parent / "out"
    soundstage.run(grid, out)
    (record,) = Store(out).records().values()
    assert record.scene["details"]["fitted"] == {"vocals.wav": 900, "bass.wav": 950}
    assert record.notices == [
        "made of files of unequal length, cut or silent beyond their end: bass.wav (950 samples), vocals.wav (900"
        " samples)"
    ]
    assert record.scene["samples"] == 1000


def test_addresses_know_of_the_choice_and_of_the_default_they_do_not(unequal):
    def address(options):
        grid = {"datasets": [f"folder[root={unequal[0]}{options}]"], "spatializers": ["original"]}
        grid |= {"separators": ["mixture"], "metrics": ["sdr"]}
        return make_scenes(read_grid("lengths", grid, None), Registry.load())[0].address

    assert address("") == address(",lengths=strict") == address(",layout=files")
    assert len({address(""), address(",lengths=shortest"), address(",lengths=longest")}) == 3


# MoisesDB


@pytest.fixture
def moisesdb(tmp_path):
    """Two songs in the layout in which MoisesDB unpacks. Returns the root and (stem, file) → samples of the first."""
    root = tmp_path / "moisesdb" / "moisesdb_v0.1"
    written = {}
    for song in ("0bd3b2a4", "fb270b1e"):
        stems = []
        files = {"vocals": [800, 900], "drums": [1000], "bass": [1000], "guitar": [700], "other_keys": [1000, 600]}
        for at, (stem, lengths) in enumerate(files.items()):
            tracks = []
            for number, length in enumerate(lengths):
                name = f"{song}-{at}{number}"
                written[song, stem, number] = write(
                    root / song / stem / f"{name}.wav", noise([at, number], (2, length))
                )
                tracks.append({"id": name, "trackType": "x", "extension": "wav", "has_bleed": False})
            stems.append({"id": stem, "stemName": stem, "tracks": tracks})
        facts = {"artist": "A", "song": "B", "genre": "pop", "stems": stems}
        (root / song / "data.json").write_text(json.dumps(facts))
    return root, {(stem, number): samples for (song, stem, number), samples in written.items() if song == "0bd3b2a4"}


def padded(samples, length=1000):
    return np.pad(samples, ((0, 0), (0, length - samples.shape[1])))


def test_moisesdb_is_an_entry_over_the_mapping_of_folders(moisesdb):
    root, written = moisesdb
    registry = Registry.load()
    registry.set_roots({"moisesdb": root})
    dataset = registry.choose("datasets", "moisesdb").build()
    assert dataset.track_ids() == ["0bd3b2a4", "fb270b1e"]
    track = dataset.load("0bd3b2a4")
    assert list(track.stems) == ["bass", "drums", "other", "vocals"] == list(dataset.source_names("0bd3b2a4"))
    np.testing.assert_array_equal(track.stems["vocals"], padded(written["vocals", 0]) + padded(written["vocals", 1]))
    others = padded(written["guitar", 0]) + written["other_keys", 0] + padded(written["other_keys", 1])
    np.testing.assert_allclose(track.stems["other"], others, atol=1e-12)
    assert track.mixture is None
    assert len(track.fitted) == 4
    assert dataset.extent("0bd3b2a4") == (RATE, 1000)
    assert {file.suffix for file in dataset.files("0bd3b2a4")} == {".wav"}
    part = dataset.load_part("0bd3b2a4", 850, 950)
    np.testing.assert_array_equal(part.stems["vocals"], track.stems["vocals"][:, 850:950])


def test_without_a_mapping_each_folder_is_a_source(moisesdb):
    root, written = moisesdb
    track = Folder(root, layout="folders", lengths="shortest").load("0bd3b2a4")
    assert list(track.stems) == ["bass", "drums", "guitar", "other_keys", "vocals"]
    np.testing.assert_array_equal(track.stems["guitar"], written["guitar", 0][:, :600])


def test_six_stems_are_another_mapping(moisesdb):
    sources = {"vocals": ("vocals",), "drums": ("drums",), "bass": ("bass",), "guitar": ("guitar",), "other": ("*",)}
    track = Folder(moisesdb[0], layout="folders", lengths="longest", sources=sources).load("fb270b1e")
    assert list(track.stems) == ["bass", "drums", "guitar", "other", "vocals"]


def test_folders_are_strict_about_lengths_by_default_too(moisesdb):
    with pytest.raises(SoundstageError, match='choose with lengths = "shortest" or "longest"'):
        Folder(moisesdb[0], layout="folders").load("0bd3b2a4")


def test_check_goes_through_moisesdb(moisesdb):
    root, _ = moisesdb
    (root / "0bd3b2a4" / "guitar" / "solo.m4a").write_bytes(b"?")
    write(root / "fb270b1e" / "loose.wav", noise(9, (2, 100)))
    registry = Registry.load()
    registry.set_roots({"moisesdb": root})
    dataset = registry.choose("datasets", "moisesdb").build()
    found = list(check_dataset(dataset, "moisesdb"))
    wrong = [finding for finding in found if finding.wrong]
    assert {(finding.track, finding.file.name) for finding in wrong if finding.file} == {("0bd3b2a4", "solo.m4a")}
    assert any("not read" in one.text and one.track == "fb270b1e" for one in found if not one.wrong)


def test_a_song_without_a_stem_that_a_source_needs_says_so(moisesdb):
    root, _ = moisesdb
    for file in (root / "fb270b1e" / "bass").iterdir():
        file.unlink()
    sources = {"vocals": ("vocals",), "bass": ("bass",), "other": ("*",)}
    with pytest.raises(SoundstageError, match="no stem 'bass'"):
        Folder(root, layout="folders", lengths="longest", sources=sources).load("fb270b1e")


def test_a_root_that_is_a_song_or_holds_the_root_is_no_folder_of_songs(moisesdb):
    root, _ = moisesdb
    for wrong in (root / "0bd3b2a4", root.parent):
        dataset = Folder(wrong, layout="folders", lengths="longest")
        with pytest.raises(SoundstageError, match="holds no stems"):
            dataset.load(dataset.track_ids()[0])


# MedleyDB


@pytest.fixture
def medleydb(tmp_path):
    """One song in the layout of MedleyDB. Returns the root and file name → samples."""
    name = "AClassicEducation_NightOwl"
    song = tmp_path / "Audio" / name
    instruments = ["electric bass", "drum set", "male singer", "clean electric guitar", "clean electric guitar"]
    written, lines = {}, ["album: Hang On", "artist: A Classic Education", "has_bleed: 'no'", "stems:"]
    for number, instrument in enumerate(instruments, start=1):
        file = f"{name}_STEM_{number:02d}.wav"
        written[file] = write(song / f"{name}_STEMS" / file, noise(number, (2, 1000 - (number == 3) * 40)))
        raw = f"{name}_RAW_{number:02d}_01.wav"
        write(song / f"{name}_RAW" / raw, noise(number, (1, 1000)))
        lines += [f"  S{number:02d}:", "    component: ''", f"    filename: {file}", f"    instrument: {instrument}"]
        lines += ["    raw:", "      R01:", f"        filename: {raw}", f"        instrument: {instrument}"]
    write(song / f"{name}_MIX.wav", noise(99, (2, 1000)))
    (song / f"{name}_METADATA.yaml").write_text("\n".join(lines) + "\n")
    return tmp_path / "Audio", written


def test_medleydb_is_an_entry_whose_sources_are_its_instruments(medleydb):
    root, written = medleydb
    registry = Registry.load()
    registry.set_roots({"medleydb": root})
    dataset = registry.choose("datasets", "medleydb").build()
    (track_id,) = dataset.track_ids()
    track = dataset.load(track_id)
    assert list(track.stems) == ["clean electric guitar", "drum set", "electric bass", "male singer"]
    files = list(written.values())
    np.testing.assert_array_equal(track.stems["clean electric guitar"], files[3] + files[4])
    np.testing.assert_array_equal(track.stems["male singer"], padded(files[2]))
    assert track.mixture is None
    assert track.fitted == {"AClassicEducation_NightOwl_STEM_03.wav": 960}
    named = {file.name for file in dataset.files(track_id)}
    assert named == {*written, "AClassicEducation_NightOwl_METADATA.yaml"}
    assert not any(finding.wrong for finding in check_dataset(dataset, "medleydb"))


def test_the_documented_mapping_makes_four_sources_of_it(root, medleydb):
    text = (root / "docs" / "data.md").read_text(encoding="utf-8")
    entry = text[text.index("[datasets.medleydb_4]") :].partition("```")[0]
    registry = Registry.load()
    registry.extend(toml.parse(entry, "data.md"), "data.md", None)
    registry.set_roots({"medleydb_4": medleydb[0]})
    dataset = registry.choose("datasets", "medleydb_4").build()
    track = dataset.load(dataset.track_ids()[0])
    files = list(medleydb[1].values())
    assert list(track.stems) == ["bass", "drums", "other", "vocals"]
    np.testing.assert_array_equal(track.stems["bass"], files[0])
    np.testing.assert_array_equal(track.stems["other"], files[3] + files[4])
    np.testing.assert_array_equal(track.stems["vocals"], padded(files[2]))


def test_medleydb_without_its_metadata_says_where_that_is(medleydb):
    root, _ = medleydb
    (file,) = root.rglob("*_METADATA.yaml")
    file.unlink()
    dataset = Folder(root, layout="medleydb", lengths="longest")
    with pytest.raises(SoundstageError, match=r"in the folder Metadata of https://github\.com/marl/medleydb"):
        dataset.load("AClassicEducation_NightOwl")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("stems:", "stem:", "names no stems"),
        ("    instrument: drum set", "    nothing: drum set", "has no filename or instrument"),
        ("album: Hang On", "album: [", "take it anew"),
        ("AClassicEducation_NightOwl_STEM_02.wav", "other.wav", "does not say what AClassicEducation_NightOwl_STEM_02"),
        ("STEM_05.wav\n", "STEM_05.wav\n    more: 1\n", ""),
    ],
)
def test_metadata_that_does_not_fit_is_named(medleydb, old, new, words):
    root, _ = medleydb
    (file,) = root.rglob("*_METADATA.yaml")
    file.write_text(file.read_text().replace(old, new, 1))
    dataset = Folder(root, layout="medleydb", lengths="longest")
    if not words:
        assert len(dataset.load("AClassicEducation_NightOwl").stems) == 4
        return
    with pytest.raises(SoundstageError, match=words):
        dataset.load("AClassicEducation_NightOwl")


def test_a_stem_that_the_metadata_names_and_that_is_not_there_is_named(medleydb):
    root, _ = medleydb
    next(root.rglob("*_STEM_04.wav")).unlink()
    with pytest.raises(SoundstageError, match=r"NightOwl_STEM_04\.wav is missing"):
        Folder(root, layout="medleydb", lengths="longest").load("AClassicEducation_NightOwl")
