"""A folder of stems against another, without a grid."""

from __future__ import annotations

import csv
import json
import math
import re
import unicodedata

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import soundstage
from soundstage.cli import cli
from soundstage.errors import SoundstageError

RATE = 8000
STEMS = ("bass", "vocals")


def write(folder, stems):
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in stems.items():
        soundfile.write(folder / f"{name}.wav", samples.T, RATE, subtype="DOUBLE")
    return folder


def references(seed=0, seconds=2.5):
    rng = np.random.default_rng(seed)
    return {name: 0.1 * rng.standard_normal((2, int(seconds * RATE))) for name in STEMS}


def estimates(stems, level):
    """Stems with an error at a level below them: uSDR is −20·log10(level) up to its δ."""
    return {name: samples * (1 + level) for name, samples in stems.items()}


@pytest.fixture
def song(tmp_path):
    """One song's references and estimates, right in their folders."""
    stems = references()
    return write(tmp_path / "reference", stems), write(tmp_path / "estimate", estimates(stems, 0.1))


@pytest.fixture
def songs(tmp_path):
    """Two songs, a sub-folder each, with mixtures among the references."""
    for number, song in enumerate(("one", "two")):
        stems = references(number)
        write(tmp_path / "references" / song, {**stems, "mixture": sum(stems.values())})
        write(tmp_path / "estimates" / song, estimates(stems, (0.1, 0.01)[number]))
    return tmp_path / "references", tmp_path / "estimates"


def invoke(song, *arguments):
    reference, estimate = song
    both = ["--reference", str(reference), "--estimate", str(estimate)]
    return CliRunner().invoke(cli, ["score", *both, *map(str, arguments)])


def values(frame, name="SDR"):
    whole = frame[(frame["name"] == name) & frame["frame"].isna()]
    return {(row.track, row.source): row.value for row in whole.itertuples()}


def test_one_song_is_scored_stem_by_stem(song):
    found = values(soundstage.score(*song, metrics=["sdr"]))
    assert found == pytest.approx({("reference", "bass"): 20.0, ("reference", "vocals"): 20.0}, abs=1e-4)


def test_a_sub_folder_a_song_is_scored_song_by_song_and_mixtures_are_no_stems(songs):
    found = values(soundstage.score(*songs, metrics=["sdr"]))
    wanted = {("one", "bass"): 20.0, ("one", "vocals"): 20.0, ("two", "bass"): 40.0, ("two", "vocals"): 40.0}
    assert found == pytest.approx(wanted, abs=1e-2)


def test_the_default_metrics_are_those_that_are_installed(song):
    from soundstage.catalogue.registry import Registry

    frame = soundstage.score(*song)
    assert {"sdr", "si_sdr", "spauq"} <= set(frame["metric"])
    assert ("bsseval" in set(frame["metric"])) == ("bsseval" in Registry.load().names("metrics"))
    assert frame["frame"].notna().any()
    assert set(frame["status"]) == {"ok"}


def test_the_scores_are_those_of_a_grid(tmp_path, song):
    reference, estimate = song
    grid = tmp_path / "grid.toml"
    grid.write_text(
        f"""
        [datasets.mine]
        plugin = "folder"
        params = {{ root = "{reference}" }}
        [separators.model]
        plugin = "estimates"
        params = {{ root = "{estimate}", layout = "{{source}}" }}
        [grids.g]
        datasets = ["mine"]
        spatializers = ["original"]
        separators = ["model"]
        metrics = ["sdr", "spauq"]
        """
    )
    soundstage.run(grid, tmp_path / "out")
    frame = soundstage.load(tmp_path / "out")
    columns = ["metric", "source", "name", "value", "frame"]
    scored = soundstage.score(*song, metrics=["sdr", "spauq"])
    assert frame[columns].to_csv() == scored[columns].to_csv()


def test_nothing_is_left_on_disk(song, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    soundstage.score(*song, metrics=["sdr"])
    assert not list((tmp_path / "tmp").iterdir())


def test_the_table_has_a_line_a_track_and_source_and_medians(songs):
    told = invoke(songs, "--metric", "sdr")
    assert told.exit_code == 0, told.output
    lines = [line.split() for line in told.stdout.splitlines() if line.strip()]
    assert ["one", "bass", "20.00"] in lines
    assert ["vocals", "40.00"] in lines
    assert ["median", "bass", "30.00"] in lines
    assert ["median", "all", "30.00"] in lines


@pytest.mark.slow
def test_csv_json_and_parquet_hold_the_same_scores_at_full_precision(tmp_path, song):
    import pandas as pd

    frame = soundstage.score(*song, metrics=["sdr", "spauq"])
    for name in ("scores.csv", "scores.json", "scores.parquet"):
        told = invoke(song, "--metric", "sdr", "--metric", "spauq", "--out", tmp_path / "out" / name, "--quiet")
        assert (told.exit_code, told.output) == (0, "")
    parquet = pd.read_parquet(tmp_path / "out" / "scores.parquet")
    pd.testing.assert_frame_equal(parquet, frame.reset_index(drop=True), check_dtype=False)
    lines = list(csv.DictReader((tmp_path / "out" / "scores.csv").read_text(encoding="utf-8").splitlines()))
    values = [None if math.isnan(value) else value for value in frame["value"]]
    assert None in values
    assert [float(line["value"]) if line["value"] else None for line in lines] == values
    parsed = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert [row["value"] for row in parsed] == values
    assert [row["frame"] for row in parsed] == [None if line["frame"] == "" else int(line["frame"]) for line in lines]


@pytest.fixture
def rescaled(tmp_path):
    """Two songs of which a writer scaled the vocals of the first to a peak of 0.9, in 16 bits."""
    for number, song in enumerate(("one", "two")):
        stems = references(number)
        write(tmp_path / "r" / song, stems)
        write(tmp_path / "e" / song, stems)
    vocals = 0.9 * references(0)["vocals"] / np.max(np.abs(references(0)["vocals"]))
    soundfile.write(tmp_path / "e" / "one" / "vocals.wav", vocals.T, RATE, subtype="PCM_16")
    return tmp_path / "r", tmp_path / "e"


PEAK = "peaks at exactly 0.9, to which audio-separator scales mixtures and stems that are louder"


def test_what_the_writer_did_stands_beside_the_numbers_in_every_form(rescaled):
    frame = soundstage.score(*rescaled, metrics=["sdr"])
    of_stem = {(row.track, row.source): row.written for row in frame.itertuples()}
    said = set(of_stem["one", "vocals"].split("; "))
    assert {PEAK, "16 bits", "another gain than bass"} < said
    assert any(phrase.startswith("a gain of 2.") for phrase in said)
    assert of_stem["two", "vocals"] == of_stem["two", "bass"] == ""
    table = invoke(rescaled, "--metric", "sdr", "--quiet").stdout
    assert f"as the files were written: {PEAK}: one vocals" in table
    assert "as the files were written: 16 bits: one vocals" in table
    for form, read in (("json", json.loads), ("csv", lambda text: list(csv.DictReader(text.splitlines())))):
        rows = read(invoke(rescaled, "--metric", "sdr", "--format", form, "--quiet").stdout)
        assert {row["written"] for row in rows if (row["track"], row["source"]) == ("one", "vocals")} == {
            of_stem["one", "vocals"]
        }


def test_the_numbers_are_those_of_the_files_as_they_are(rescaled):
    vocals = soundfile.read(rescaled[1] / "one" / "vocals.wav", always_2d=True)[0].T
    true = references(0)["vocals"]
    wanted = 10 * math.log10(np.sum(true**2) / np.sum((true - vocals) ** 2))
    assert values(soundstage.score(*rescaled, metrics=["sdr"]))["one", "vocals"] == pytest.approx(wanted, abs=0.01)


@pytest.mark.slow
def test_the_leaderboard_and_its_forms_say_it_too(tmp_path, rescaled):
    separators = {"mine": {"plugin": "estimates", "params": {"root": str(rescaled[1])}}}
    datasets = {"songs": {"plugin": "folder", "params": {"root": str(rescaled[0])}}}
    registry = tmp_path / "own.toml"
    registry.write_text(
        "".join(
            f'[{kind}.{name}]\nplugin = "{about["plugin"]}"\nparams = {{ root = "{about["params"]["root"]}" }}\n'
            for kind, entries in (("separators", separators), ("datasets", datasets))
            for name, about in entries.items()
        )
    )
    grid = {"datasets": ["songs"], "spatializers": ["original"], "separators": ["mine", "mixture"], "metrics": ["sdr"]}
    soundstage.run(grid, tmp_path / "out", registry=[registry], workers=1)
    for form in ("table", "markdown", "json"):
        said = CliRunner().invoke(cli, ["leaderboard", str(tmp_path / "out"), "--format", form]).output
        assert f"mine: stems peak at exactly {PEAK.removeprefix('peaks at exactly ')}" in " ".join(said.split())
    frame = soundstage.load(tmp_path / "out")
    assert set(frame.loc[frame["separator"] == "mixture", "written"]) == {""}
    assert frame.loc[(frame["track"] == "one") & (frame["source"] == "vocals"), "written"].str.contains("0.9").any()
    out = tmp_path / "isolated"
    soundstage.run(grid, out, registry=[registry], workers=2, isolate=True)
    assert list(soundstage.load(out)["written"]) == list(frame["written"])


def test_a_value_that_is_missing_is_null_in_json_and_said_in_the_table(tmp_path):
    stems = references()
    stems["bass"] = 0 * stems["bass"]
    song = (write(tmp_path / "r", stems), write(tmp_path / "e", references()))
    parsed = json.loads(invoke(song, "--metric", "sdr", "--format", "json", "--quiet").stdout)
    assert {row["value"] for row in parsed if row["source"] == "bass"} == {None}
    table = invoke(song, "--metric", "sdr", "--quiet").stdout
    assert "SDR, SDRi (sdr): 2 left out of the medians: the reference is silent" in table


def test_a_flagged_value_stands_in_brackets_and_no_median_uses_it(song, toys):
    table = invoke(song, "--metric", "misscoring[how=doubtful]", "--quiet").stdout
    assert "(1.00)" in table
    assert ["median", "all", "–"] in [line.split() for line in table.splitlines()]


@pytest.mark.parametrize("lacking", ["vocals", "bass"])
def test_what_both_have_is_scored_and_what_is_lacking_is_said(song, lacking):
    (song[1] / f"{lacking}.wav").unlink()
    (there,) = set(STEMS) - {lacking}
    frame = soundstage.score(*song, metrics=["sdr"])
    assert values(frame[frame["status"] == "ok"]) == pytest.approx({("reference", there): 20.0}, abs=1e-4)
    assert set(frame[frame["source"] == lacking]["status"]) == {"skipped"}
    told = invoke(song, "--metric", "sdr")
    assert told.exit_code == 0
    assert f"no estimate of {lacking}" in told.stderr


@pytest.mark.parametrize("name", ["accompaniment", "no_vocals", "Instrumental"])
def test_two_stems_against_four_are_scored_as_vocals_and_the_sum_of_the_others(tmp_path, name):
    four = {one: references(seed)["bass"] for seed, one in enumerate(("vocals", "drums", "bass", "other"))}
    rest = four["drums"] + four["bass"] + four["other"]
    write(tmp_path / "e", estimates({"vocals": four["vocals"], name: rest}, 0.1))
    frame = soundstage.score(write(tmp_path / "r", four), tmp_path / "e", metrics=["sdr"])
    assert values(frame[frame["status"] == "ok"]) == pytest.approx(
        {("r", "vocals"): 20.0, ("r", "accompaniment"): 20.0}, abs=1e-4
    )
    assert set(frame[frame["status"] == "skipped"]["source"]) == {"drums", "bass", "other"}


def test_an_estimate_without_a_reference_is_said_by_its_file(song):
    write(song[1], {"choir": references(7)["bass"], "strings": references(8)["bass"]})
    told = invoke(song, "--metric", "sdr")
    assert told.exit_code == 0
    assert "no reference is called as choir.wav, strings.wav" in told.stderr


def test_vocals_alone_are_scored(tmp_path):
    vocals = {"vocals": references()["vocals"]}
    pair = write(tmp_path / "r", vocals), write(tmp_path / "e", estimates(vocals, 0.1))
    assert values(soundstage.score(*pair, metrics=["sdr"])) == pytest.approx({("r", "vocals"): 20.0}, abs=1e-4)


@pytest.mark.parametrize("reach", ["Vocals.wav", "VOCALS.WAV", "vocals.flac", "Vocals.AIFF"])
def test_case_and_kind_of_file_make_no_difference(song, reach):
    samples, rate = soundfile.read(song[1] / "vocals.wav")
    (song[1] / "vocals.wav").unlink()
    soundfile.write(song[1] / reach, samples, rate, subtype="PCM_24", format=reach.rpartition(".")[2].upper())
    found = values(soundstage.score(*song, metrics=["sdr"]))
    assert found == pytest.approx({("reference", "bass"): 20.0, ("reference", "vocals"): 20.0}, abs=1e-2)


@pytest.mark.parametrize(("there", "here"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_whose_accents_are_encoded_otherwise_are_the_same(tmp_path, there, here):
    stems = references()
    for folder, form, level in (("r", there, 0.0), ("e", here, 0.1)):
        song = unicodedata.normalize(form, "Für Élise")
        write(tmp_path / folder / song, {unicodedata.normalize(form, "flûte"): stems["bass"] * (1 + level)})
    assert list(values(soundstage.score(tmp_path / "r", tmp_path / "e", metrics=["sdr"])).values()) == pytest.approx(
        [20.0], abs=1e-4
    )


def test_two_estimates_that_only_case_tells_apart_are_refused(song):
    for name in ("Vocals", "VOCALS"):
        (song[1] / f"{name}.wav").write_bytes((song[1] / "vocals.wav").read_bytes())
    (song[1] / "vocals.wav").unlink()
    with pytest.raises(SoundstageError, match=r"VOCALS\.wav and .*Vocals\.wav are both there"):
        soundstage.score(*song, metrics=["sdr"])


@pytest.mark.parametrize("where", ["separated/htdemucs/reference", "out/umxhq/reference", "reference"])
def test_the_folder_that_a_separator_leaves_behind_is_found_and_said(tmp_path, song, where):
    place = tmp_path / "left" / where
    place.parent.mkdir(parents=True)
    song[1].rename(place)
    told = invoke((song[0], tmp_path / "left"), "--metric", "sdr")
    assert f"the estimates are those in {place}" in told.stderr.replace("\n", "")
    assert values(soundstage.score(song[0], tmp_path / "left", metrics=["sdr"])) == values(
        soundstage.score(song[0], place, metrics=["sdr"])
    )


@pytest.mark.parametrize("where", ["separated/htdemucs", "2stems"])
def test_the_root_of_many_songs_is_found_too(tmp_path, songs, where):
    place = tmp_path / "left" / where
    place.parent.mkdir(parents=True)
    songs[1].rename(place)
    assert len(values(soundstage.score(songs[0], tmp_path / "left", metrics=["sdr"]))) == 4
    with pytest.raises(SoundstageError, match=f"give --reference {songs[0] / 'one'}"):
        soundstage.score(songs[0], place / "one", metrics=["sdr"])


def test_of_two_models_nobody_chooses_one(tmp_path, songs):
    for model in ("htdemucs", "htdemucs_ft"):
        write(tmp_path / "left" / model / "one", references())
    with pytest.raises(SoundstageError, match=r"give --estimate .*/left/htdemucs or --estimate .*/left/htdemucs_ft$"):
        soundstage.score(songs[0], tmp_path / "left", metrics=["sdr"])


def test_stems_that_lie_flat_under_their_songs_names_are_scored(tmp_path, songs):
    for song in ("one", "two"):
        for name in STEMS:
            target = tmp_path / "flat" / f"{song}_({name.capitalize()})_model_bs_roformer_ep_317_sdr_12.9755.wav"
            target.parent.mkdir(exist_ok=True)
            (songs[1] / song / f"{name}.wav").rename(target)
    frame = soundstage.score(songs[0], tmp_path / "flat", metrics=["sdr"])
    wanted = {("one", "bass"): 20.0, ("one", "vocals"): 20.0, ("two", "bass"): 40.0, ("two", "vocals"): 40.0}
    assert values(frame) == pytest.approx(wanted, abs=1e-2)


def test_mono_is_scored_by_what_one_channel_has_and_the_rest_says_why_not(tmp_path):
    stems = {name: samples[:1] for name, samples in references().items()}
    mono = write(tmp_path / "r", stems), write(tmp_path / "e", estimates(stems, 0.1))
    doubled = {name: samples.repeat(2, axis=0) for name, samples in stems.items()}
    stereo = write(tmp_path / "R" / "r", doubled), write(tmp_path / "E" / "r", estimates(doubled, 0.1))
    metrics = ["sdr", "si_sdr", "bsseval", "spauq", "interaural"]
    one, two = soundstage.score(*mono, metrics=metrics), soundstage.score(*stereo, metrics=metrics)
    ratios = ["sdr", "si_sdr", "bsseval"]
    columns = ["metric", "source", "name", "value", "frame"]
    assert one[one["metric"].isin(ratios)][columns].to_csv() == two[two["metric"].isin(ratios)][columns].to_csv()
    between = one[one["metric"].isin(["spauq", "interaural"])]
    assert len(between)
    assert between["value"].isna().all()
    assert set(between["note"]) == {"the song is mono: with one channel there is nothing between channels to measure"}


def test_a_mono_estimate_of_a_stereo_song_has_no_image_and_is_refused(song):
    write(song[1], {"vocals": references()["vocals"][:1]})
    with pytest.raises(SoundstageError, match="a mono estimate has no spatial image"):
        soundstage.score(*song, metrics=["sdr"])


@pytest.mark.parametrize(
    "name", ["mix", "Mixture", "Full Mix", "MIXDOWN", "mezcla", "no_vocals", "vocals (1)", "sum of all"]
)
def test_a_reference_that_is_no_source_never_doubles_the_mixture(tmp_path, name):
    stems = {**references(), "drums": references(5)["bass"]}
    extra = {"no_vocals": ("bass", "drums"), "vocals (1)": ("vocals",)}.get(name, tuple(stems))
    pair = write(tmp_path / "r", stems), write(tmp_path / "e", estimates(stems, 0.1))
    expected = soundstage.score(*pair, metrics=["sdr"])
    write(tmp_path / "r", {name: sum(stems[one] for one in extra)})
    if name in ("no_vocals", "vocals (1)", "sum of all"):
        with pytest.raises(SoundstageError, match=re.escape(name)):
            soundstage.score(*pair, metrics=["sdr"])
    else:
        found = soundstage.score(*pair, metrics=["sdr"])
        assert found["source"].tolist() == expected["source"].tolist()
        np.testing.assert_allclose(found["value"], expected["value"], atol=1e-6)


def test_a_song_that_cannot_be_scored_costs_the_others_nothing(songs):
    for stem in STEMS:
        (songs[1] / "two" / f"{stem}.wav").unlink()
    frame = soundstage.score(*songs, metrics=["sdr"])
    assert set(values(frame)) == {("one", "bass"), ("one", "vocals")}
    (trouble,) = frame[frame["status"] == "failed"].itertuples()
    assert trouble.track == "two"
    assert "no estimates, not even" in trouble.note
    told = invoke(songs, "--metric", "sdr", "--quiet")
    assert told.exit_code == 0
    assert "two: not scored: " in told.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--metric", "sdrr"), "unknown metric 'sdrr'; did you mean 'sdr'"),
        (("--format", "parquet"), "--format parquet needs --out"),
        (("--format", "museval"), "--format museval needs --out"),
        (("--metric", "sdr", "--format", "museval", "--out", "x"), "run the grid with metric 'bsseval'"),
    ],
)
def test_misuse_gets_a_sentence_with_the_remedy(song, arguments, words):
    refused = invoke(song, *arguments)
    assert isinstance(refused.exception, SoundstageError), refused.output
    assert words in str(refused.exception)


def test_a_folder_that_is_not_there_or_empty_is_named(tmp_path, song):
    (tmp_path / "empty").mkdir()
    for pair, words in (
        ((tmp_path / "no", song[1]), "no such folder of references"),
        ((song[0], tmp_path / "no"), "no such folder of estimates"),
        ((tmp_path / "empty", song[1]), "holds no songs"),
        ((song[0], tmp_path / "empty"), "no estimates"),
    ):
        with pytest.raises(SoundstageError, match=words):
            soundstage.score(*pair, metrics=["sdr"])


@pytest.mark.parametrize(("lengths", "samples"), [("shortest", -100), ("longest", None)])
def test_references_of_unequal_length_are_scored_as_the_user_chooses(tmp_path, lengths, samples):
    stems = references()
    long = write(tmp_path / "reference", stems | {"vocals": stems["vocals"][:, :-100]})
    full = stems | {"vocals": np.pad(stems["vocals"][:, :-100], ((0, 0), (0, 100)))}
    meant = {name: image[:, :samples] for name, image in full.items()}
    made = write(tmp_path / "estimate", estimates(meant, 0.1))
    with pytest.raises(SoundstageError, match='choose with lengths = "shortest" or "longest"'):
        soundstage.score(long, made, metrics=["sdr"])
    found = soundstage.score(long, made, metrics=["sdr"], lengths=lengths)
    exact = soundstage.score(write(tmp_path / "meant", meant), made, metrics=["sdr"])
    assert list(found["value"]) == list(exact["value"])
    shown = CliRunner().invoke(
        cli, ["score", "--reference", str(long), "--estimate", str(made), "--metric", "sdr", "--lengths", lengths]
    )
    assert shown.exit_code == 0, shown.output


@pytest.mark.slow
def test_museval_files_are_written_where_musevals_reader_looks(tmp_path, songs):
    from soundstage.catalogue.registry import Registry

    if "bsseval" not in Registry.load().names("metrics"):
        pytest.skip("the metric bsseval is not installed")
    told = invoke(songs, "--metric", "bsseval", "--format", "museval", "--out", tmp_path / "mine", "--quiet")
    assert told.exit_code == 0, told.output
    assert sorted(file.name for file in (tmp_path / "mine" / "test").iterdir()) == ["one.json", "two.json"]
    targets = json.loads((tmp_path / "mine" / "test" / "one.json").read_text())["targets"]
    assert [len(target["frames"]) for target in targets] == [2, 2]


def test_real_songs_are_scored_against_themselves(shared, tmp_path):
    test = shared / "real" / "musdb18hq-layout" / "test"
    songs = sorted(folder for folder in test.iterdir() if folder.is_dir())
    found = values(soundstage.score(songs[0], songs[0], metrics=["sdr"]))
    assert {source for _, source in found} == {"bass", "drums", "other", "vocals"}
    assert min(found.values()) > 60


def test_at_best_gain_both_stand_side_by_side_and_the_first_stays_as_it_is(songs):
    plain = soundstage.score(*songs, metrics=["sdr"])
    both = soundstage.score(*songs, metrics=["sdr"], at="best-gain")
    as_is = both[both["at"] == "as-is"]
    assert values(as_is) == values(plain)
    assert set(as_is["gain"]) == {1.0}
    best = both[both["at"] == "best-gain"]
    assert min(values(best).values()) > 95  # the error was a gain and nothing else
    gains = {(row.track, row.source): row.gain for row in best.itertuples()}
    assert gains == pytest.approx({("one", "bass"): 1 / 1.1, ("one", "vocals"): 1 / 1.1,
                                   ("two", "bass"): 1 / 1.01, ("two", "vocals"): 1 / 1.01})  # fmt: skip
    table = invoke(songs, "--metric", "sdr", "--at", "best-gain", "--quiet").stdout
    lines = [line.split() for line in table.splitlines()]
    assert ["one", "bass", "as-is", "20.00"] in [line[:4] for line in lines]
    assert ["best-gain", "×", "0.909"] in [line[:3] for line in lines]
    assert ["median", "all", "as-is", "30.00"] in [line[:4] for line in lines]
    assert any(line[:3] == ["median", "all", "best-gain"] for line in lines)


def test_the_best_gain_is_one_number_for_both_channels_and_of_silence_one(tmp_path):
    stems = references()
    true = stems["vocals"]
    wrong = true * [[0.5], [0.25]] + 0.1 * references(5)["bass"]
    pair = write(tmp_path / "r", stems), write(tmp_path / "e", {"vocals": wrong, "bass": 0 * true})
    best = soundstage.score(*pair, metrics=["sdr"], at="best-gain")
    gain = float(np.vdot(true, wrong) / np.vdot(wrong, wrong))
    wanted = 10 * math.log10(np.sum(true**2) / np.sum((true - gain * wrong) ** 2))
    of_best = best[best["at"] == "best-gain"]
    assert values(of_best)["r", "vocals"] == pytest.approx(wanted, abs=1e-4)
    assert set(of_best.loc[of_best["source"] == "bass", "gain"]) == {1.0}


def test_two_stems_against_four_have_a_best_gain_too(tmp_path):
    four = {one: references(seed)["bass"] for seed, one in enumerate(("vocals", "drums", "bass", "other"))}
    rest = four["drums"] + four["bass"] + four["other"]
    write(tmp_path / "e", {"vocals": 2 * four["vocals"], "no_vocals": 0.5 * rest})
    frame = soundstage.score(write(tmp_path / "r", four), tmp_path / "e", metrics=["sdr"], at="best-gain")
    gains = {(row.source, row.at): row.gain for row in frame[frame["status"] == "ok"].itertuples()}
    assert gains["vocals", "best-gain"] == pytest.approx(0.5)
    assert gains["accompaniment", "best-gain"] == pytest.approx(2.0)


def test_what_sees_the_references_has_no_rank(tmp_path, song):
    registry = tmp_path / "own.toml"
    registry.write_text(
        f'[separators.mine]\nplugin = "estimates"\nparams = {{ root = "{song[1]}", layout = "{{source}}" }}\n'
        f'[datasets.songs]\nplugin = "folder"\nparams = {{ root = "{song[0]}" }}\n'
    )
    grid = {"datasets": ["songs"], "spatializers": ["original"], "metrics": ["sdr"]}
    soundstage.run(
        {**grid, "separators": ["mine", "mine[at=best-gain]"]}, tmp_path / "out", registry=[registry], workers=1
    )
    board = json.loads(CliRunner().invoke(cli, ["leaderboard", str(tmp_path / "out"), "--format", "json"]).stdout)
    ranks = {row["separator"]: (row["role"], row["rank"]) for row in board["sections"][0]["rows"]}
    assert ranks == {"mine": ("separator", 1), "mine[at=best-gain]": ("oracle", None)}


@pytest.mark.parametrize(
    ("more", "words"),
    [(["--format", "museval", "--out", "x"], "leave --at out"), (["--metric", "nosuch"], "nosuch")],
)
def test_best_gain_where_it_cannot_be_is_a_sentence(song, more, words):
    told = invoke(song, "--at", "best-gain", *more)
    assert told.exit_code != 0
    assert words in str(told.exception) + told.output
