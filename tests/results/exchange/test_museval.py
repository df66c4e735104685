"""museval's files: written as museval writes them, read as claims."""

from __future__ import annotations

import json
import math
import os
from hashlib import sha256

import pyarrow as pa
import pytest
from click.testing import CliRunner

import soundstage
from boards import board_of, numbers, results
from soundstage.cli import cli
from soundstage.contracts import Score
from soundstage.errors import SoundstageError
from soundstage.report.plain import format_markdown
from soundstage.results.exchange.claims import Labels
from soundstage.results.exchange.importing import import_claims
from soundstage.results.exchange.museval import MEASURES, TrackFile, museval_files, read_museval, write_museval
from soundstage.results.loading import load_results
from soundstage.results.records import CellRecord, Stage, StoredPlan, score_rows
from soundstage.results.store import Store

NAN = float("nan")

BY_MUSEVAL = """{
  "targets": [
    {
      "name": "vocals",
      "frames": [
        {"time": 0.0, "duration": 1.0, "metrics": {"SDR": 4.12345, "SIR": 10.00000, "SAR": 5.00000, "ISR": 9.50000}},
        {"time": 1.0, "duration": 1.0, "metrics": {"SDR": NaN, "SIR": NaN, "SAR": NaN, "ISR": NaN}},
        {"time": 2.0, "duration": 1.0, "metrics": {"SDR": -1.00000, "SIR": NaN, "SAR": 6.00000, "ISR": 8.50000}}
      ]
    },
    {
      "name": "bass",
      "frames": [{"time": 0.0, "duration": 1.0, "metrics": {"SDR": NaN, "SIR": NaN, "SAR": NaN, "ISR": NaN}}]
    }
  ],
  "museval_version": "0.4.1"
}"""


def of_track(*values, source="vocals", shift=0.0):
    """Four measures of one source, one value a frame."""
    for offset, name in enumerate(MEASURES):
        known = sorted(value for value in values if not math.isnan(value))
        yield Score(source, name, known[len(known) // 2] + offset + shift, note="")
        for index, value in enumerate(values):
            yield Score(source, name, value + offset + shift, index, note="silent" if math.isnan(value) else "")


@pytest.fixture
def measured(tmp_path):
    """A results folder with two separators, two tracks, two sources and NaN frames."""
    scores = {
        (separator, track): [
            *of_track(1 / 3, NAN, 2.0, source="bass", shift=shift),
            *of_track(0.1, 7.0, 5.0, source="vocals", shift=shift + number),
        ]
        for shift, separator in ((0.0, "UMX"), (2.0, "Demucs"))
        for number, track in enumerate(("Zeno - Signs", "AM Contra"))
    }
    return results(tmp_path / "measured", scores, MEASURES)


def given(folder, text=BY_MUSEVAL, name="PR - Oh No"):
    """A file where museval would have put it."""
    file = folder / "test" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def import_museval(paths, out, separator=""):
    return import_claims(paths, out, Labels(separator))


def scores_of(path):
    frame = soundstage.load(path).sort_values(["separator", "track", "source", "name", "frame"])
    return frame[["separator", "track", "source", "name", "frame", "value"]].reset_index(drop=True)


def invoke(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_export_and_import_give_identical_values(tmp_path, measured):
    assert invoke("export", measured, "--format", "museval", "--out", tmp_path / "json").exit_code == 0
    assert invoke("import", tmp_path / "json", "--out", tmp_path / "claims").exit_code == 0
    before, after = scores_of(measured), scores_of(tmp_path / "claims")
    assert len(before) == 2 * 2 * 2 * 4 * 4
    frames = before["frame"].notna()
    assert before[frames].equals(after[frames])


def test_an_imports_whole_track_value_is_the_median_over_its_frames(tmp_path):
    import_museval([given(tmp_path / "UMX")], tmp_path / "claims")
    frame = soundstage.load(tmp_path / "claims")
    whole = frame[frame["frame"].isna() & (frame["source"] == "vocals")].set_index("name")["value"]
    assert whole.to_dict() == {"SDR": (4.12345 - 1) / 2, "ISR": 9.0, "SIR": 10.0, "SAR": 5.5}
    silent = frame[frame["frame"].isna() & (frame["source"] == "bass")]
    assert silent["value"].isna().all()
    assert silent["note"].str.contains("no value in any frame").all()


def test_files_are_laid_out_as_museval_lays_them_out(tmp_path, measured):
    files = list(museval_files(load_results(measured), separator="UMX"))
    written = write_museval(files, tmp_path / "json")
    assert [path.relative_to(tmp_path / "json").as_posix() for path in written] == [
        "UMX/test/Zeno - Signs.json",
        "UMX/test/AM Contra.json",
    ]
    text = written[0].read_text(encoding="utf-8")
    targets = json.loads(text)["targets"]
    assert [target["name"] for target in targets] == ["bass", "vocals"]
    assert targets[0]["frames"][0] == {
        "time": 0.0,
        "duration": 1.0,
        "metrics": {name: 1 / 3 + offset for offset, name in enumerate(MEASURES)},
    }
    assert [frame["time"] for frame in targets[0]["frames"]] == [0.0, 1.0, 2.0]
    assert '"SDR": NaN' in text


def test_what_pandas_makes_of_a_file_is_what_musevals_reader_makes_of_it(tmp_path, measured):
    # museval 0.4.1's json2df: json_normalize(targets, ["frames"], ["name"]), then melt over the metrics' columns.
    import pandas as pd

    (file,) = [file for file in museval_files(load_results(measured), separator="UMX") if file.track == "AM Contra"]
    table = pd.json_normalize(json.loads(file.text)["targets"], ["frames"], ["name"])
    assert {"time", "name", *(f"metrics.{name}" for name in MEASURES)} <= set(table.columns)
    assert table.groupby("name")["metrics.SDR"].median().to_dict() == pytest.approx({"bass": 7 / 6, "vocals": 6.0})


def test_a_flagged_frame_is_written_as_nan_because_museval_has_no_flags(tmp_path):
    rows = [
        Score("bass", name, 1.0, frame, note="singular" if frame else "", ranked=not frame)
        for name in MEASURES
        for frame in (None, 0, 1)
    ]
    folder = results(tmp_path, {("model", "a"): rows}, MEASURES)
    (file,) = museval_files(load_results(folder))
    assert [frame["metrics"]["SDR"] for frame in json.loads(file.text)["targets"][0]["frames"]] == [
        1.0,
        pytest.approx(NAN, nan_ok=True),
    ]


def test_names_that_no_file_can_have_are_encoded(tmp_path):
    scores = {("estimates[root=/a/b]", "..AC/DC"): list(of_track(1.0, source="bass"))}
    (file,) = museval_files(load_results(results(tmp_path, scores, MEASURES)))
    assert file.path.parts == ("estimates[root=%2Fa%2Fb]", "test", "%2E.AC%2FDC.json")


def test_names_that_differ_only_in_what_is_encoded_become_files_of_their_own_and_come_back(tmp_path):
    names = ["a/b", "a%2Fb", "a%252Fb", ".a", "%2Ea", "100%"]
    rows = {(name, name): [Score("vocals", measure, 1.0, frame=0) for measure in MEASURES] for name in names}
    folder = results(tmp_path / "measured", rows, MEASURES)
    assert invoke("export", folder, "--out", tmp_path / "json").exit_code == 0
    files = [path for path in (tmp_path / "json").rglob("*") if path.is_file()]
    assert len(files) == len(names)
    assert invoke("import", tmp_path / "json", "--out", tmp_path / "claims").exit_code == 0
    found = soundstage.load(tmp_path / "claims")
    assert set(zip(found["separator"], found["track"], strict=True)) == {(name, name) for name in names}
    for file in files:  # what it says of its name is gone, and its name is all there is
        content = json.loads(file.read_text())
        del content["soundstage"]["separator"], content["soundstage"]["track"]
        file.write_text(json.dumps(content))
    assert invoke("import", tmp_path / "json", "--out", tmp_path / "nameless").exit_code == 0
    assert set(soundstage.load(tmp_path / "nameless")["track"]) == set(names)


@pytest.mark.parametrize("name", ["t" * 252, "é" * 130, "音" * 90, "/" * 100])
def test_names_that_are_too_long_for_a_file_are_shortened_and_come_back_whole(tmp_path, name):
    rows = list(of_track(1.0, 2.0, 4.0, source="bass"))
    folder = results(tmp_path / "measured", {(name, name): rows, (name, f"{name}2"): rows, ("z", "z"): rows}, MEASURES)
    assert invoke("export", folder, "--out", tmp_path / "json").exit_code == 0
    assert len(list((tmp_path / "json").glob("*/test/*.json"))) == 3
    assert invoke("import", tmp_path / "json", "--out", tmp_path / "claims").exit_code == 0
    found = soundstage.load(tmp_path / "claims")
    assert {*zip(found["separator"], found["track"], strict=True)} == {(name, name), (name, f"{name}2"), ("z", "z")}


def test_a_name_that_fits_stays_as_it_is(tmp_path):
    scores = {("model", "t" * 250): list(of_track(1.0, source="bass"))}
    (file,) = museval_files(load_results(results(tmp_path, scores, MEASURES)))
    assert file.path.name == f"{'t' * 250}.json"


def test_claims_of_several_models_make_a_leaderboard_that_says_they_are_claims(tmp_path, measured):
    write_museval(list(museval_files(load_results(measured))), tmp_path / "json")
    import_museval([tmp_path / "json" / "UMX", tmp_path / "json" / "Demucs"], tmp_path / "claims")
    board = board_of(tmp_path / "claims", protocol="museval")
    assert [(row.separator, row.role, row.rank) for row in board.sections[0].rows] == [
        ("Demucs", "separator", 1),
        ("UMX", "separator", 2),
    ]
    assert not any(row.is_blind or any(value.best for value in row.values.values()) for row in board.sections[0].rows)
    assert "claimed, not measured here: the scores of UMX, Demucs were imported from files" in format_markdown(board)
    ours = board_of(measured, protocol="museval").sections[0]
    assert [numbers(row) for row in board.sections[0].rows] == [numbers(row) for row in ours.rows]


def test_the_run_record_says_claimed_and_names_the_files_hashes(tmp_path):
    file = given(tmp_path / "UMX")
    import_museval([tmp_path / "UMX"], tmp_path / "claims")
    (record,) = (tmp_path / "claims" / "runs").glob("*.json")
    facts = json.loads(record.read_text())
    assert facts["provenance"] == "claimed"
    (named,) = facts["files"]
    assert named["sha256"] == sha256(file.read_bytes()).hexdigest()
    assert (named["file"], named["separator"], named["museval_version"]) == ("PR - Oh No.json", "UMX", "0.4.1")


def test_addresses_follow_the_files_contents_and_not_where_they_lie(tmp_path):
    one = read_museval(given(tmp_path / "here"), Labels("UMX"))
    same = read_museval(given(tmp_path / "there"), Labels("UMX"))
    other = read_museval(given(tmp_path / "other", BY_MUSEVAL.replace("4.12345", "4.12346")), Labels("UMX"))
    assert one.cell == same.cell
    assert one.score_addresses == same.score_addresses
    assert len({one.cell, other.cell, read_museval(given(tmp_path / "here"), Labels("Demucs")).cell}) == 3


def test_a_later_import_joins_the_earlier_claims(tmp_path):
    import_museval([given(tmp_path / "UMX")], tmp_path / "claims")
    import_museval([given(tmp_path / "Demucs")], tmp_path / "claims")
    import_museval([given(tmp_path / "UMX")], tmp_path / "claims")
    board = board_of(tmp_path / "claims")
    assert {(row.separator, row.coverage.done, row.coverage.planned) for row in board.sections[0].rows} == {
        ("UMX", 1, 1),
        ("Demucs", 1, 1),
    }


def test_a_conflict_with_earlier_claims_is_shown_and_nothing_overwritten(tmp_path):
    import_museval([given(tmp_path / "UMX")], tmp_path / "claims")
    changed = given(tmp_path / "UMX", BY_MUSEVAL.replace("4.12345", "9.00000"))
    with pytest.raises(SoundstageError, match="holds other scores of track 'PR - Oh No' of 'UMX'"):
        import_museval([changed], tmp_path / "claims")
    frame = soundstage.load(tmp_path / "claims")
    assert 4.12345 in set(frame["value"])
    assert len(list((tmp_path / "claims" / "runs").glob("*.json"))) == 1


def test_a_separators_name_can_be_given_and_two_files_of_one_track_are_refused(tmp_path):
    files = [given(tmp_path / "run1"), given(tmp_path / "run2")]
    assert import_museval(files[:1], tmp_path / "claims", "Mine")[0].labels.separator == "Mine"
    with pytest.raises(SoundstageError, match="are both track 'PR - Oh No' of 'Mine'"):
        import_museval(files, tmp_path / "more", "Mine")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("\xff", "not valid JSON"),
        ("[]", "no list of 'targets'"),
        ('{"targets": []}', "no list of 'targets'"),
        ('{"targets": [1]}', "needs a 'name' and a list of 'frames'"),
        ('{"targets": [{"name": "bass", "frames": {}}]}', "needs a 'name' and a list of 'frames'"),
        ('{"targets": [{"name": "bass", "frames": [3]}]}', "target 'bass', frame 0 has no 'metrics'"),
        ('{"targets": [{"name": "bass", "frames": [{"metrics": {"SDR": 1}}]}]}', "frame 0 has no number for ISR"),
        ('{"targets": [{"name": "bass", "frames": [{"metrics": {"SDR": "x"}}]}]}', "frame 0: SDR is 'x', not a number"),
        ('{"targets": [{"name": "b", "frames": []}, {"name": "b", "frames": []}]}', "'b' stands twice"),
    ],
)
def test_a_malformed_file_is_one_sentence_and_imports_nothing(tmp_path, text, words):
    given(tmp_path / "UMX")
    bad = tmp_path / "UMX" / "test" / "bad.json"
    bad.write_bytes(text.encode("latin-1"))
    with pytest.raises(SoundstageError) as refused:
        import_museval([tmp_path / "UMX", bad], tmp_path / "claims")
    assert words in str(refused.value)
    assert str(refused.value).startswith(f"{bad}: ")
    assert not (tmp_path / "claims").exists()


def test_of_a_folder_what_is_not_musevals_is_skipped_and_said(tmp_path):
    file = given(tmp_path / "UMX")
    for name, text in (
        (".ipynb_checkpoints/PR - Oh No-checkpoint.json", BY_MUSEVAL),
        ("test/._PR - Oh No.json", "\0\5\26\7"),
        ("test/__MACOSX/a.json", BY_MUSEVAL),
        ("settings.json", '{"theme": "dark", "targets": ["vocals", "bass"]}'),
        ("vocals.json", '{"args": {"targets": {"frames": 3}}}'),
        ("list.json", "[1, 2]"),
        ("broken.json", "{"),
    ):
        other = tmp_path / "UMX" / name
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_text(text, encoding="utf-8")
    (tmp_path / "UMX" / "folder.json").mkdir()
    os.mkfifo(tmp_path / "UMX" / "pipe.json")
    told = invoke("import", tmp_path, "--out", tmp_path / "claims")
    assert told.exit_code == 0, told.output
    said = {line.split(": ")[0].rpartition("/")[2]: line.split(": ")[1] for line in told.output.splitlines()[:-2]}
    other = "no file of museval's, which has a list of 'targets' with 'frames'"
    assert said == {
        "PR - Oh No-checkpoint.json": "the folder .ipynb_checkpoints is hidden",
        "._PR - Oh No.json": "it is hidden",
        "a.json": "the folder __MACOSX is the system's own",
        **dict.fromkeys(("settings.json", "vocals.json", "list.json", "broken.json"), other),
    }
    assert "1 track of UMX imported" in told.output
    assert set(soundstage.load(tmp_path / "claims")["separator"]) == {"UMX"}
    file.unlink()
    with pytest.raises(SoundstageError, match=r"holds no \.json file of museval's"):
        import_museval([tmp_path], tmp_path / "more")
    with pytest.raises(SoundstageError, match="is no regular file"):
        import_museval([tmp_path / "UMX" / "pipe.json"], tmp_path / "more")


def test_a_museval_file_that_was_cut_off_is_never_skipped(tmp_path):
    given(tmp_path / "UMX")
    given(tmp_path / "UMX", BY_MUSEVAL[:300], "cut")
    with pytest.raises(SoundstageError, match=r"cut\.json: not valid JSON"):
        import_museval([tmp_path / "UMX"], tmp_path / "claims")


def of_vocals(file):
    """Frame → the SDR of the vocals; None for the whole track."""
    scores = read_museval(file, Labels("UMX")).scores["bsseval"].scores
    return {one.frame: one for one in scores if (one.source, one.name) == ("vocals", "SDR")}


@pytest.mark.parametrize("written", ["Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400])
def test_infinite_values_are_scores_without_one_and_the_note_says_what_the_file_says(tmp_path, written):
    file = given(tmp_path / "UMX", BY_MUSEVAL.replace("4.12345", written))
    reason = f"the file says {written if len(written) <= 24 else written[:23] + '…'}, which is no finite value"
    found = of_vocals(file)
    assert math.isnan(found[0].value)
    assert found[0].note == reason
    assert (found[None].value, found[None].note) == (-1.0, f"claimed; 1 of 3 frames left out: {reason}")
    told = invoke("import", file, "--out", tmp_path / "claims")
    assert told.output.splitlines()[0] == f"{file.absolute()}: 1 value not finite, kept as a score without a value"
    assert math.inf not in set(soundstage.load(tmp_path / "claims")["value"].abs())


def test_names_that_no_file_can_hold_are_spelt_out(tmp_path):
    folder = tmp_path / os.fsdecode(b"mod\xe9le")
    text = BY_MUSEVAL.replace('"vocals"', '"voc\\ud800als"').replace(
        '"targets"', '"museval_version": "\\udfff", "targets"'
    )
    given(folder, text, name=os.fsdecode(b"Caf\xe9"))
    told = invoke("import", folder, "--out", tmp_path / "out")
    assert told.exit_code == 0, told.exception
    found = soundstage.load(tmp_path / "out")
    assert set(found["track"]) == {"Caf\\udce9"}
    assert set(found["separator"]) == {"mod\\udce9le"}
    assert "voc\\ud800als" in set(found["source"])


def test_null_and_nan_have_no_value_and_a_source_of_infinities_none_either(tmp_path):
    text = BY_MUSEVAL.replace("-1.00000", "null").replace("4.12345", "Infinity")
    found = of_vocals(given(tmp_path / "UMX", text))
    assert all(math.isnan(one.value) for one in found.values())
    assert found[1].note == found[2].note == "no value in the file"
    assert found[None].note == (
        "claimed; the file has no finite value in any frame: the file says Infinity, which is no finite value"
    )


@pytest.mark.parametrize("written", ['"Infinity"', '"7.5"', '""', "true", "[1.0]", "{}"])
def test_what_is_no_number_is_refused_with_its_place(tmp_path, written):
    file = given(tmp_path / "UMX", BY_MUSEVAL.replace("4.12345", written))
    with pytest.raises(SoundstageError, match=r"target 'vocals', frame 0: SDR is .*, not a number"):
        read_museval(file, Labels("UMX"))


def scenes(path):
    """A results folder with frames of a metric `toy` under several renderings, of which one places nothing."""
    store, cells = Store(path).prepare(), []
    for separator in ("flat/model", "irm"):
        for spatializer, placement, seed in (("original", "", 0), ("hrir", "line", 0), ("hrir", "line", 1)):
            number = len(cells)
            cell, score = f"{number:064x}", f"{number + 1000:064x}"
            rows = list(of_track(1.0, 2.0, shift=float(number)))
            store.commit(
                CellRecord(cell, Stage("ok"), {score: Stage("ok")}), score_rows((score, "dB", row) for row in rows)
            )
            labels = {"dataset": "songs", "track": "A/B", "placement": placement, "spatializer": spatializer}
            cells.append({"cell": cell, **labels, "seed": seed, "separator": separator, "score:toy": score})
    about = {"blind": True, "named": True, "needs": []}
    measure = {"unit": "dB", "higher_is_better": True, "headline": True, "label": ""}
    facts = {
        "id": "hand-00000000",
        "name": "hand",
        "revision": 1,
        "hash": "0" * 64,
        "separators": {"flat/model": {"role": "floor", **about}, "irm": {"role": "separator", **about}},
        "metrics": {"toy": dict.fromkeys(MEASURES, measure)},
    }
    store.save_plan(StoredPlan(pa.Table.from_pylist(cells), facts))
    return path


def test_an_export_of_several_scenes_is_imported_as_what_it_was(tmp_path):
    folder = scenes(tmp_path / "measured")
    assert invoke("export", folder, "--out", tmp_path / "json").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "json").iterdir()) == [
        "placement line, spatializer hrir, seed 0",
        "placement line, spatializer hrir, seed 1",
        "spatializer original, seed 0",
    ]
    for _ in range(2):
        told = invoke("import", tmp_path / "json", "--out", tmp_path / "claims")
        assert told.exit_code == 0, told.exception
    labels = ["dataset", "track", "placement", "spatializer", "seed", "separator", "source", "name", "frame"]
    before, after = (
        frame[frame["frame"].notna()].sort_values(labels)[[*labels, "value"]].reset_index(drop=True)
        for frame in (soundstage.load(folder), soundstage.load(tmp_path / "claims"))
    )
    assert before.to_csv() == after.to_csv()
    ours, theirs = board_of(folder, metrics=["SDR"]), board_of(tmp_path / "claims", metrics=["SDR"])
    groups = [sorted(tuple(section.group.items()) for section in board.sections) for board in (ours, theirs)]
    assert groups[0] == groups[1]
    assert {row.separator: (row.role, row.rank) for row in theirs.sections[0].rows} == {
        "flat/model": ("floor", None),
        "irm": ("separator", 1),
    }


def test_what_an_export_says_of_itself_gives_way_to_options_and_to_another_folders_name(tmp_path):
    folder = scenes(tmp_path / "measured")
    invoke("export", folder, "--out", tmp_path / "json", "--separator", "irm")
    (tmp_path / "json" / "spatializer original, seed 0" / "irm").rename(tmp_path / "mine")
    assert import_museval([tmp_path / "mine"], tmp_path / "a")[0].labels.separator == "mine"
    options = ("--separator", "X", "--spatializer", "s", "--dataset", "d")
    assert invoke("import", tmp_path / "mine", "--out", tmp_path / "b", *options).exit_code == 0
    frame = soundstage.load(tmp_path / "b")
    assert {*frame["separator"], *frame["spatializer"], *frame["dataset"]} == {"X", "s", "d"}


def test_an_export_whose_words_on_itself_are_nonsense_is_read_as_any_file(tmp_path):
    nonsense = '"soundstage": {"seed": "x", "role": ["floor"], "spatializer": 3, "track": null, "placement": {}}'
    file = given(tmp_path / "UMX", BY_MUSEVAL.replace('"museval_version": "0.4.1"', nonsense))
    claim = read_museval(file, Labels())
    assert claim.labels == Labels("UMX", "PR - Oh No")
    assert claim.role is None


def test_oracles_and_floors_have_no_rank_among_claims(tmp_path):
    for name in ("UMX", "IRM1", "ibm[window=2]", "Mixture", "reference", "mixturenet"):
        given(tmp_path / "in" / name)
    import_museval([tmp_path / "in"], tmp_path / "claims")
    board = board_of(tmp_path / "claims")
    assert {row.separator: row.role for row in board.sections[0].rows} == {
        "UMX": "separator",
        "mixturenet": "separator",
        "IRM1": "oracle",
        "ibm[window=2]": "oracle",
        "Mixture": "floor",
        "reference": "ceiling",
    }
    assert {row.separator for row in board.sections[0].rows if row.rank} == {"UMX", "mixturenet"}
    assert any(note.endswith("out of the ranks, as oracles and floors of such names are") for note in board.notes)


def test_misuse_gets_a_sentence_with_the_remedy(tmp_path, measured):
    (tmp_path / "empty").mkdir()
    bare = results(tmp_path / "bare", {("model", "a"): [Score("bass", "SDR", 1.0)]})
    short = results(tmp_path / "short", {("model", "a"): [Score("bass", name, 1.0) for name in MEASURES]}, MEASURES)
    for arguments, words in (
        (("import", tmp_path / "empty"), "holds no .json file"),
        (("import", tmp_path / "no.json"), "cannot be read"),
        (("export", measured, "--separator", "UMY"), "no separator 'UMY'; did you mean 'UMX'"),
        (("export", measured, "--metric", "sdr"), "no metric 'sdr'"),
        (("export", bare), "run the grid with metric 'bsseval'"),
        (("export", short), "holds no frame scores"),
        (("export", tmp_path / "empty"), "holds no results"),
    ):
        result = invoke(*arguments, "--out", tmp_path / "out")
        assert isinstance(result.exception, SoundstageError), (arguments, result.output, result.exception)
        assert words in str(result.exception)


def test_each_rendering_gets_a_folder_of_its_own():
    assert TrackFile("", "UMX", "song", "").path.as_posix() == "UMX/test/song.json"
    assert TrackFile("spatializer hrir", "UMX", "song", "").path.as_posix() == "spatializer hrir/UMX/test/song.json"


def sisec(folder, method, track, targets):
    """A file of SiSEC 2018: submissions/METHOD/test/TRACK.json."""
    frame = {"time": 0.0, "duration": 1.0}
    about = [
        {"name": name, "frames": [{**frame, "metrics": dict.fromkeys(("SDR", "ISR", "SIR", "SAR"), value)}]}
        for name, value in targets.items()
    ]
    file = folder / "submissions" / method / "test" / f"{track}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"targets": about}))


def test_vocals_beside_an_accompaniment_and_stems_are_labelled_as_of_two_sources(tmp_path):
    four = {"vocals": 4.5, "drums": 5.0, "bass": 3.0, "other": 2.0}
    for track in ("PR - Happy Daze", "PR - Oh No"):
        sisec(tmp_path, "TAK1", track, {**four, "accompaniment": 10.5})
        sisec(tmp_path, "HEL1", track, four)
        sisec(tmp_path, "JOY1", track, {"vocals": 4.0, "accompaniment": 10.0})
    told = CliRunner().invoke(cli, ["import", str(tmp_path / "submissions"), "--out", str(tmp_path / "out")])
    assert told.exit_code == 0, told.output
    assert "two protocols: vocals of 2 of 6 files are scored against the accompaniment alone" in told.output
    frame = soundstage.load(tmp_path / "out")
    marked = frame[frame["note"].str.contains("two sources")]
    assert set(zip(marked["separator"], marked["source"], strict=True)) == {("TAK1", "vocals")}
    assert set(marked["frame"].isna()) == {True, False}
    for form in ("table", "markdown", "json"):
        board = CliRunner().invoke(cli, ["leaderboard", str(tmp_path / "out"), "--format", form]).output
        assert "TAK1: vocals: scored against the accompaniment alone" in " ".join(board.split())
    assert "HEL1: vocals" not in board


def test_what_was_exported_here_is_taken_at_its_word(tmp_path):
    four = {"vocals": 4.5, "drums": 5.0, "accompaniment": 9.0}
    sisec(tmp_path, "own", "song", four)
    file = tmp_path / "submissions" / "own" / "test" / "song.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "soundstage": {"separator": "own"}}))
    told = CliRunner().invoke(cli, ["import", str(file), "--out", str(tmp_path / "out")])
    assert "two protocols" not in told.output
