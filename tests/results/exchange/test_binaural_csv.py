"""The binaural paper's CSVs become claims, and give back the medians that the paper prints, to the last digit."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from hashlib import sha256

import pytest
from click.testing import CliRunner

import soundstage
from boards import board_of, counts, numbers
from soundstage.cli import cli
from soundstage.errors import SoundstageError
from soundstage.leaderboard.published.tables import find_publication
from soundstage.results.exchange.binaural_csv import SOURCES
from soundstage.results.exchange.claims import Labels
from soundstage.results.exchange.importing import import_claims
from soundstage.results.store import Store

MATRIX = '"[[  7.  27.]\n [-21.  -2.]]","[[{gain} 0.1]\n [0.1 {gain}]]"'
COLUMNS = {"SSR": "SSR", "SRR": "SRR", "diff_ITD": "ITD_difference", "diff_ILD": "ILD_difference"}


def spauq(folder, values, name="spauq_2025-03-24_umxhq_binaural.csv"):
    """A CSV of the paper's first kind. values: (title, source) → (SSR, SRR)."""
    lines = ["title,source,SSR,SRR,cost,shift,scale"]
    lines += [
        f'"{title}",{source},{ssr},{srr},1.5,{MATRIX.format(gain=1)}' for (title, source), (ssr, srr) in values.items()
    ]
    return written(folder, name, lines)


def interaural(folder, values, name="interaural_2025-06-26_umxhq_binaural.csv"):
    """A CSV of the paper's second kind. values: (title, source) → (diff_ITD, diff_ILD)."""
    lines = ["title,source,diff_ITD,diff_ILD"]
    lines += [f'"{title}",{source},{itd},{ild}' for (title, source), (itd, ild) in values.items()]
    return written(folder, name, lines)


def written(folder, name, lines):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


# Three songs, two sources; medians by hand: over all six 3.5 and 35, of bass 2 and 20, of vocals 5 and 50.
SONGS = [("Zeno - Signs", "bass"), ("Zeno - Signs", "vocals"), ("PR, Oh No", "bass"), ("PR, Oh No", "vocals")]
SONGS += [("Mu", "bass"), ("Mu", "vocals")]
FIRST = dict(zip(SONGS, [(1, 10), (4, 40), (2, 20), (5, 50), (3, 30), (6, 60)], strict=True))
SECOND = dict(zip(SONGS, [(0.0, 0.1), (22.5, 0.4), (0.0, 0.2), (45.0, 0.5), (90.0, 0.3), (90.0, 0.6)], strict=True))


def medians(board):
    """Group → separator → measure → value."""
    return {
        tuple(section.group.values()): {
            row.separator: {column.name: value.value for column, value in row.values.items()} for row in section.rows
        }
        for section in board.sections
    }


def invoke(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_twins_become_one_cell_a_track_and_give_the_medians_worked_out_by_hand(tmp_path):
    files = [spauq(tmp_path, FIRST), interaural(tmp_path, SECOND)]
    claims = import_claims(files, tmp_path / "out")
    assert len(claims) == 3
    overall = medians(board_of(tmp_path / "out", protocol="binaural-mss"))[()]["umxhq"]
    assert overall == {"SSR": 3.5, "SRR": 35.0, "ITD_difference": 33.75, "ILD_difference": pytest.approx(0.35)}
    by_source = medians(board_of(tmp_path / "out", by=["source"], protocol="binaural-mss"))
    assert by_source[("bass",)]["umxhq"] == {"SSR": 2, "SRR": 20, "ITD_difference": 0.0, "ILD_difference": 0.2}
    assert by_source[("vocals",)]["umxhq"] == {"SSR": 5, "SRR": 50, "ITD_difference": 45.0, "ILD_difference": 0.5}


def test_models_and_renderings_of_one_import_make_one_grid_and_a_table_each(tmp_path):
    for model in ("umxhq", "htdemucs_ft"):
        for rendering in ("binaural", "stereo"):
            spauq(tmp_path / "in", FIRST, f"spauq_2025-03-24_{model}_{rendering}.csv")
    done = invoke("import", tmp_path / "in", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "12 tracks of htdemucs_ft, umxhq imported as claims" in done.output
    board = board_of(tmp_path / "out")
    assert [section.group for section in board.sections] == [{"spatializer": "binaural"}, {"spatializer": "stereo"}]
    for section in board.sections:
        assert {(row.separator, row.coverage.done, row.coverage.planned, row.rank) for row in section.rows} == {
            ("htdemucs_ft", 3, 3, 1),
            ("umxhq", 3, 3, 1),
        }
        assert counts(section) == ((6, 6), (6, 6))
    assert any(note.startswith("claimed, not measured here: the scores of htdemucs_ft, umxhq") for note in board.notes)


def test_of_a_folder_the_papers_files_are_taken_and_other_tables_left(tmp_path):
    spauq(tmp_path / "in", FIRST)
    written(tmp_path / "in", "median_metrics_overall.csv", ["dataset,model,SSR", "Binaural,Demucs,1"])
    written(tmp_path / "in", "binaural_musdb_metadata.json", ["{}"])
    assert len(import_claims([tmp_path / "in"], tmp_path / "out")) == 3


def test_hidden_copies_of_the_papers_files_are_skipped_and_said(tmp_path):
    spauq(tmp_path / "in", FIRST)
    hidden = spauq(tmp_path / "in" / ".ipynb_checkpoints", FIRST)
    options = ("--separator", "binscnet", "--spatializer", "hrir")
    done = invoke("import", tmp_path / "in", "--out", tmp_path / "out", *options)
    assert done.exit_code == 0, done.exception
    assert done.output.splitlines()[0] == f"skipped {hidden}: the folder .ipynb_checkpoints is hidden"


def test_in_a_folder_a_file_that_nobody_says_what_it_is_of_is_skipped_and_said(tmp_path):
    spauq(tmp_path / "in", FIRST)
    unnamed = spauq(tmp_path / "in" / "later", FIRST, "spauq_2025-08-18_binscnet.csv")
    done = invoke("import", tmp_path / "in", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == (
        f"skipped {unnamed}: its name is not KIND_DATE_MODEL_binaural.csv or …_stereo.csv; import it by itself with"
        " --separator and --spatializer"
    )
    assert "3 tracks of umxhq imported as claims" in done.output
    done = invoke("import", tmp_path / "in", "--out", tmp_path / "b", "--separator", "binscnet")
    assert done.output.splitlines()[0].endswith("import it by itself with --spatializer")
    for paths in ([unnamed], [tmp_path / "in", unnamed]):
        refused = invoke("import", *paths, "--out", tmp_path / "c")
        assert "say with --separator and --spatializer what it is of" in str(refused.exception)
    refused = invoke("import", unnamed.parent, "--out", tmp_path / "c")
    assert "no name in it says what its CSVs are of; import each by itself" in str(refused.exception)
    assert not (tmp_path / "c").exists()
    options = ("--separator", "binscnet", "--spatializer", "hrir")
    assert invoke("import", unnamed.parent, "--out", tmp_path / "d", *options).exit_code == 0


def test_options_say_what_the_name_does_not_and_overrule_it(tmp_path):
    file = spauq(tmp_path, FIRST, "spauq_2025-08-18_binscnet.csv")
    refused = invoke("import", file, "--out", tmp_path / "out")
    assert "say with --separator and --spatializer what it is of" in str(refused.exception)
    assert not (tmp_path / "out").exists()
    options = ("--separator", "binscnet", "--spatializer", "hrir", "--dataset", "musdb18hq")
    assert invoke("import", file, "--out", tmp_path / "out", *options).exit_code == 0
    named = spauq(tmp_path, FIRST)
    assert invoke("import", named, "--out", tmp_path / "named", "--separator", "Mine").exit_code == 0
    frame = soundstage.load(tmp_path / "out")
    assert set(frame["dataset"]) == {"musdb18hq"}
    assert set(frame["spatializer"]) == {"hrir"}
    assert set(frame["separator"]) == {"binscnet"}
    frame = soundstage.load(tmp_path / "named")
    assert {*frame["separator"], *frame["spatializer"]} == {"Mine", "binaural"}


def test_a_later_twin_comes_into_the_cells_that_are_there(tmp_path):
    import_claims([interaural(tmp_path, SECOND)], tmp_path / "out")
    import_claims([spauq(tmp_path, FIRST)], tmp_path / "out")
    import_claims([spauq(tmp_path, FIRST)], tmp_path / "out")
    board = board_of(tmp_path / "out")
    (row,) = board.sections[0].rows
    assert (row.coverage.done, row.coverage.planned) == (3, 3)
    assert {column.name: value.value for column, value in row.values.items()}["SSR"] == 3.5
    frame = soundstage.load(tmp_path / "out")
    assert len(frame) == 6 * 4
    assert frame["cell"].nunique() == 3


def test_a_conflict_with_earlier_claims_is_shown_and_nothing_overwritten(tmp_path):
    import_claims([spauq(tmp_path, FIRST)], tmp_path / "out")
    changed = spauq(tmp_path / "other", {**FIRST, ("Mu", "bass"): (99, 99)})
    with pytest.raises(SoundstageError, match="holds other scores of track 'Zeno - Signs' of 'umxhq', binaural"):
        import_claims([changed], tmp_path / "out")
    assert 99 not in set(soundstage.load(tmp_path / "out")["value"])
    with pytest.raises(SoundstageError, match="are both track 'Zeno - Signs' of 'umxhq', binaural"):
        import_claims([tmp_path / "spauq_2025-03-24_umxhq_binaural.csv", changed], tmp_path / "both")


def test_provenance_says_claimed_and_has_each_files_hash(tmp_path):
    files = [spauq(tmp_path, FIRST), interaural(tmp_path, SECOND)]
    claims = import_claims(files, tmp_path / "out")
    hashes = {file.name: sha256(file.read_bytes()).hexdigest() for file in files}
    details = Store(tmp_path / "out").record(claims[0].cell).separation.details
    assert details["provenance"] == "claimed"
    assert {one["file"]: one["sha256"] for one in details["files"].values()} == hashes
    (record,) = (tmp_path / "out" / "runs").glob("*.json")
    named = json.loads(record.read_text())["files"]
    assert {one["file"]: one["sha256"] for one in named} == hashes
    assert named[0]["tracks"] == ["Zeno - Signs", "PR, Oh No", "Mu"]


@pytest.mark.parametrize("infinite", ["inf", "-inf", "Infinity", "+INF", "1e999"])
def test_an_empty_field_nan_or_an_infinity_is_a_score_without_a_value_and_medians_pass_it_over(tmp_path, infinite):
    values = {**FIRST, ("Mu", "bass"): ("", "nan"), ("Mu", "vocals"): (infinite, 60)}
    file = spauq(tmp_path, values)
    told = invoke("import", file, "--out", tmp_path / "out")
    assert told.output.splitlines()[0] == f"{file}: 1 value not finite, kept as a score without a value"
    board = board_of(tmp_path / "out", protocol="binaural-mss")
    assert medians(board)[()]["umxhq"] == {"SSR": 3.0, "SRR": 40.0}
    assert any("1 of 6 scores have no value, mostly: claimed; no value in the file" in note for note in board.notes)
    frame = soundstage.load(tmp_path / "out")
    notes = set(frame.loc[frame["value"].isna(), "note"])
    assert notes == {
        "claimed; no value in the file",
        f"claimed; the file says {infinite}, which is no finite value",
    }
    assert not set(frame["value"].abs()) & {math.inf}


HEADER = "title,source,diff_ITD,diff_ILD"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "line 1: no column 'title' among none"),
        (["title,source,cost"], "line 1: no column with scores among title, source, cost"),
        (["title,source,SSR,cost,shift,scale"], "line 1: no column 'SRR' among"),
        (["source,diff_ITD,diff_ILD"], "line 1: no column 'title' among"),
        ([HEADER], "has a header and no lines"),
        ([HEADER, "a,bass,1,2", "a,vocal,1,2"], "line 3: unknown source 'vocal'; did you mean 'vocals'?"),
        ([HEADER, "a,bass,1,loud"], "line 2: diff_ILD is 'loud', not a number"),
        ([HEADER, "a,bass,1,1_0"], "line 2: diff_ILD is '1_0', not a number"),
        ([HEADER, "a,bass,True,1"], "line 2: diff_ITD is 'True', not a number"),
        ([HEADER, "a,bass,1,٣"], "line 2: diff_ILD is '٣', not a number"),
        ([HEADER, "a,bass,1,2", "", "b,bass,1,2", "a,bass,1,2"], "line 5: track 'a', bass stands in line 2 already"),
        ([HEADER, "a,bass,1"], "line 2: has 3 fields where the header has 4"),
        ([HEADER, 'a,"bass,1,2'], "line 2: not valid CSV"),
        (
            ["title,source,SSR,SRR,scale", 'a,bass,1,2,"[[1.\n 2.]]"', "b,bass,x,2,0"],
            "line 4: SSR is 'x', not a number",
        ),
    ],
)
def test_a_malformed_file_is_one_sentence_with_the_line_and_imports_nothing(tmp_path, lines, words):
    file = written(tmp_path, "interaural_2025-06-26_umxhq_stereo.csv", lines)
    with pytest.raises(SoundstageError) as refused:
        import_claims([spauq(tmp_path, FIRST), file], tmp_path / "out")
    assert str(refused.value).startswith(str(file))
    assert words in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_text_or_not_there_is_a_sentence(tmp_path):
    file = tmp_path / "spauq_a_b_stereo.csv"
    with pytest.raises(SoundstageError, match="cannot be read"):
        import_claims([file], tmp_path / "out")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SoundstageError, match="not UTF-8 text"):
        import_claims([file], tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SoundstageError, match=r"holds no \.json file of museval's and no spauq_"):
        import_claims([tmp_path / "empty"], tmp_path / "out")


def test_museval_and_the_papers_files_make_one_grid(tmp_path):
    frame = {"metrics": dict.fromkeys(("SDR", "ISR", "SIR", "SAR"), 7.0)}
    text = json.dumps({"targets": [{"name": "bass", "frames": [frame]}]})
    museval = written(tmp_path / "umxhq" / "test", "Mu.json", [text])
    import_claims([spauq(tmp_path, FIRST), museval], tmp_path / "out", Labels(spatializer="binaural"))
    assert soundstage.load(tmp_path / "out")["cell"].nunique() == 3
    found = medians(board_of(tmp_path / "out"))[()]["umxhq"]
    assert (found["SSR"], found["SDR"]) == (3.5, 7.0)


def printed(shared, table):
    with (shared / "published" / f"median_metrics_{table}.csv").open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


@pytest.mark.parametrize("protocol", ["binaural-mss", "soundstage"])
def test_the_published_tracks_give_the_published_medians_to_the_last_digit(tmp_path, shared, protocol):
    models = {"Demucs": "htdemucs_ft", "OpenUnmix": "umxhq"}
    import_claims([shared / "published"], tmp_path)
    overall = medians(board_of(tmp_path, by=["spatializer"], protocol=protocol))
    by_source = medians(board_of(tmp_path, by=["spatializer", "source"], protocol=protocol))
    compared = 0
    for table in ("overall", "by_source"):
        for line in printed(shared, table):
            if line["model"] not in models:
                continue
            rendering = line["dataset"].lower()
            found = by_source[rendering, line["source"]] if table == "by_source" else overall[(rendering,)]
            for column, name in COLUMNS.items():
                value = found[models[line["model"]]][name]
                assert str(round(value, 2)) == line[column], (line, column, value)
                compared += 1
    assert compared == 2 * 2 * (1 + len(SOURCES)) * 4


def test_set_beside_the_paper_the_published_tracks_differ_by_less_than_half_the_last_digit(tmp_path, shared):
    import_claims([shared / "published"], tmp_path)
    board = board_of(tmp_path, protocol="binaural-mss", published="namballa2025")
    compared = [one for section in board.sections for row in section.published for one in row.differences]
    assert [one.separator for one in compared] == ["htdemucs_ft", "umxhq"] * 2
    assert max(abs(value) for one in compared for value in numbers(one)) <= 0.005
    assert not any("averages as protocol" in note or "published on" in note for note in board.notes[2:])
    assert not any("comes near" in note or "published with" in note or "parts of" in note for note in board.notes)
    assert len(find_publication("namballa2025").lines) == 11 + 44


def test_a_claim_to_be_like_a_rendering_stands_beside_it_without_a_note_on_which_it_is(tmp_path):
    import_claims([spauq(tmp_path, FIRST)], tmp_path / "out", Labels(spatializer="hrir"))
    board = board_of(tmp_path / "out", protocol="binaural-mss", published="namballa2025")
    assert {row.condition for row in board.sections[0].published} == {"Binaural"}
    assert not any("comes near" in note or "published with" in note for note in board.notes)


@pytest.mark.slow
def test_the_published_scales_are_summarised_by_a_script(tmp_path, root):
    gains = {"binaural": 1.2, "stereo": 0.8}
    files = []
    for rendering, level in gains.items():
        lines = ["title,source,SSR,SRR,cost,shift,scale"]
        for song in range(10):
            for number, source in enumerate(SOURCES):
                gain = level + 0.01 * song + 0.001 * number
                srr = 0 if song == 9 else 10
                lines.append(
                    f'song {song},{source},1,{srr},1,"[[0. -3.]\n [ 3. 0.]]","[[{gain - 0.1} 0.1]\n [0. {gain}]]"'
                )
        files.append(written(tmp_path, f"spauq_2025-03-24_umxhq_{rendering}.csv", lines))
    script = [sys.executable, root / "benchmarks" / "published_scales.py"]
    told = subprocess.run([*script, *files], capture_output=True, text=True, check=True, encoding="utf-8").stdout
    assert "| umxhq | binaural | 40 | 1.25 (1.22 to 1.27) | 36 | 1.24 (1.22 to 1.26) | 100% | 0% |" in told
    assert "| umxhq | stereo | all | 6 | 1.00 to 1.00 | 1.00 |" in told
    assert "| umxhq | 1.47" in told
    bad = written(
        tmp_path, "spauq_2025-03-24_bad_stereo.csv", ["title,source,SSR,SRR,shift,scale", "a,bass,1,1,0,[1 2]"]
    )
    refused = subprocess.run([*script, bad], capture_output=True, text=True, check=False, encoding="utf-8")
    assert refused.returncode == 1
    assert "line 2: '[1 2]' is not a 2 × 2 matrix" in refused.stderr
