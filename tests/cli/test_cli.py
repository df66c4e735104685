"""What a person types, and the sentence they get."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from commandline import soundstage

pytestmark = pytest.mark.slow

RATE = 44100


def song(folder, stems=("bass", "drums", "other", "vocals"), seconds=1.0, rate=RATE, channels=2, seed=0):
    """A folder of noisy stems."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for stem in stems:
        soundfile.write(folder / f"{stem}.wav", 0.1 * rng.standard_normal((int(seconds * rate), channels)), rate)
    return folder


@pytest.fixture
def musdb(tmp_path):
    """A tiny MUSDB18-HQ of one song."""
    root = tmp_path / "musdb"
    song(root / "test" / "Noise - One", ("bass", "drums", "other", "vocals", "mixture"))
    return root


GRID = """
[grids.quick]
datasets     = ["{dataset}"]
spatializers = ["original"]
separators   = ["reference", "mixture"]
metrics      = ["sdr"]
"""


def quick(tmp_path, dataset="folder"):
    file = tmp_path / "quick.toml"
    file.write_text(GRID.format(dataset=dataset))
    return file


def fails(result, *words):
    """The run failed with one sentence on stderr that holds the words, and no traceback."""
    assert result.returncode != 0, result.stdout + result.stderr
    assert "Traceback" not in result.stderr, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


@pytest.mark.heavy
def test_run_and_leaderboard_on_songs_of_ones_own(tmp_path, musdb):
    out = tmp_path / "out"
    result = soundstage("run", quick(tmp_path, "musdb18hq"), "--data", f"musdb18hq={musdb}", "--out", out)
    assert result.returncode == 0, result.stderr
    assert "2 cells, 0 done before, 2 to run" in result.stderr
    again = soundstage("run", quick(tmp_path, "musdb18hq"), "--data", f"musdb18hq={musdb}", "--out", out)
    assert "2 cells, 2 done before, 0 to run" in again.stderr
    table = soundstage("leaderboard", out)
    assert table.returncode == 0, table.stderr
    assert "quick · revision 1" in table.stdout
    assert "reference (ceiling)" in table.stdout
    board = json.loads(soundstage("leaderboard", out, "--format", "json", "--by", "source").stdout)
    assert {section["group"]["source"] for section in board["sections"]} == {"bass", "drums", "other", "vocals"}
    for form in ("markdown", "csv"):
        assert "reference" in soundstage("leaderboard", out, "--format", form).stdout


def test_the_default_folder_is_results_and_the_grids_name(tmp_path):
    song(tmp_path / "songs" / "one")
    result = soundstage("run", quick(tmp_path), "--data", "folder=songs", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "results" / "quick" / "grids").is_dir()


def test_list_says_what_there_is_and_what_it_lacks():
    result = soundstage("list")
    assert result.returncode == 0
    for name in ("sketches", "frontal", "hrir", "adress", "spauq_published", "demo"):
        assert name in result.stdout
    assert "needs --data musdb18hq=PATH" in result.stdout
    assert "needs estimates[root=…]" in result.stdout
    only = soundstage("list", "metrics").stdout
    assert "interaural" in only
    assert "adress" not in only


@pytest.mark.heavy
def test_list_show_and_check_take_a_toml_of_ones_own(tmp_path):
    song(tmp_path / "songs" / "one")
    file = quick(tmp_path, "mine")
    file.write_text(
        file.read_text() + '[datasets.mine]\nplugin = "folder"\nparams = { root = "songs" }\nsummary = "My songs"\n'
    )
    listed = soundstage("list", file).stdout
    assert "mine  My songs" in listed
    assert "quick" in listed
    assert "sketches" not in listed
    assert "quick" not in soundstage("list", "datasets", file).stdout
    shown = soundstage("show", file).stdout
    assert "quick  (grid)" in shown
    assert "mine  (dataset)" in shown
    assert "mine  (dataset)" not in soundstage("show", f"{file}:quick").stdout
    for word in (file, f"{file}:quick"):
        checked = soundstage("check", word)
        assert checked.returncode == 0, checked.stderr
        assert "mine: nothing is wrong" in checked.stdout
    assert "mine: nothing is wrong" in soundstage("check", "mine", "--registry", file).stdout
    for verb in ("list", "show", "check"):
        fails(soundstage(verb, tmp_path / "none.toml"), "none.toml: no such file")
    for verb in ("show", "check"):
        fails(soundstage(verb, f"{file}:quik"), "did you mean 'quick'?")
    fails(soundstage("list", "metric"), "did you mean 'metrics'?")


def test_list_prints_whole_lines_and_breaks_them_between_words_in_a_terminal(monkeypatch):
    from soundstage.cli.list import _lines

    rows = [("name", "word " * 40, "needs --data musdb18hq=PATH"), ("a", "short", "")]
    assert len(list(_lines(rows))) == 2
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "70")
    lines = list(_lines(rows))
    assert len(lines) > 4
    assert all(len(line) <= 90 for line in lines)  # with the colours of the last
    assert " ".join(" ".join(lines).split()).count("word") == 40


def test_show_prints_parameters_citation_and_licence():
    shown = soundstage("show", "hrir").stdout
    assert "hrtf: path or none = None" in shown
    assert "level: 'consistent' or 'published' = 'consistent'" in shown
    assert "measures:    SSR in dB, higher is better" in soundstage("show", "spauq").stdout
    assert "citation:" in soundstage("show", "musdb18hq").stdout
    assert "licence:" in soundstage("show", "musdb18hq").stdout
    assert "sketches" in soundstage("show", "demo").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "dmeo"), ("unknown grid 'dmeo'", "did you mean 'demo'")),
        (("rn", "demo"), ("no command 'rn'", "did you mean 'run'")),
        (("run", "songs"), ("dataset 'musdb18hq'", "--data musdb18hq=PATH")),
        (("run", "nothing.toml"), ("nothing.toml: no such file",)),
        (("run", "demo", "--data", "sketches"), ("is not NAME=PATH",)),
        (("run", "demo", "--data", "skteches=x"), ("unknown dataset 'skteches'", "did you mean 'sketches'")),
        (("show", "adres"), ("unknown name 'adres'", "did you mean 'adress'")),
        (("leaderboard", "."), ("holds no results", "soundstage run GRID")),
    ],
)
def test_misuse_gets_a_sentence_with_the_remedy(tmp_path, arguments, words):
    fails(soundstage(*arguments, cwd=tmp_path), *words)


def test_a_missing_data_root_says_where_it_was_looked_for(tmp_path):
    fails(
        soundstage("run", quick(tmp_path, "musdb18hq"), "--data", f"musdb18hq={tmp_path / 'no'}"), str(tmp_path / "no")
    )
    fails(soundstage("run", quick(tmp_path), "--data", f"folder={tmp_path / 'no'}"), str(tmp_path / "no"))


def test_an_empty_folder_is_a_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    fails(soundstage("run", quick(tmp_path), "--data", f"folder={tmp_path / 'empty'}"), "empty")


def test_malformed_toml_names_the_file_and_the_line(tmp_path):
    (tmp_path / "bad.toml").write_text("[grids.x\ndatasets = []\n")
    fails(soundstage("run", "bad.toml", cwd=tmp_path), "bad.toml", "not valid TOML", "line 1")


def test_an_unknown_parameter_or_separator_in_a_grid_is_named(tmp_path):
    for old, new, words in (
        ('"mixture"', '"mixtur"', ("unknown separator 'mixtur'", "did you mean 'mixture'")),
        ('"mixture"', '"irm[alhpa=2]"', ("separator 'irm' has no parameter 'alhpa'", "did you mean 'alpha'")),
        ('"mixture"', '"irm[alpha=two]"', ("'alpha' cannot be 'two'",)),
    ):
        file = tmp_path / "grid.toml"
        file.write_text(GRID.format(dataset="sketches").replace(old, new))
        fails(soundstage("run", file, cwd=tmp_path), *words)


def damage(folder, how):
    """Spoil the bass of a song."""
    file = folder / "bass.wav"
    noise = np.random.default_rng(1).standard_normal((RATE, 2)) * 0.1
    if how == "corrupt":
        file.write_bytes(b"RIFF" + bytes(100))
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "five channels":
        soundfile.write(file, np.zeros((RATE, 5)), RATE)
    elif how == "unequal":
        soundfile.write(file, noise[:-100], RATE)
    elif how == "rate":
        soundfile.write(file, noise, 22050)
    elif how == "nan":
        noise[5, 0] = np.nan
        soundfile.write(file, noise, RATE, subtype="FLOAT")


@pytest.mark.parametrize("how", ["corrupt", "empty", "five channels", "unequal", "rate", "nan"])
@pytest.mark.parametrize("dataset", ["folder", pytest.param("musdb18hq", marks=pytest.mark.heavy)])
def test_a_bad_stem_is_a_sentence_with_the_track_and_costs_nothing_else(tmp_path, dataset, how):
    root = tmp_path / "songs"
    inside = root / "test" if dataset == "musdb18hq" else root
    stems = ("bass", "drums", "other", "vocals", "mixture")
    damage(song(inside / "bad song", stems), how)
    out = tmp_path / "out"
    run = ("run", quick(tmp_path, dataset), "--data", f"{dataset}={root}", "--out", out)
    fails(soundstage(*run), "bad song", "bass", dataset)
    song(inside / "good song", stems, seed=3)
    result = soundstage(*run)
    assert result.returncode == 0, result.stderr
    assert "track 'bad song'" in result.stderr
    board = json.loads(soundstage("leaderboard", out, "--format", "json").stdout)
    assert [(row["separator"], *row["coverage"].values()) for row in board["sections"][0]["rows"]] == [
        ("reference", 1, 2),
        ("mixture", 1, 2),
    ]


def test_the_wrong_rate_for_musdb_is_named(tmp_path):
    song(tmp_path / "m" / "test" / "slow", ("bass", "drums", "other", "vocals", "mixture"), rate=48000)
    fails(
        soundstage("run", quick(tmp_path, "musdb18hq"), "--data", f"musdb18hq={tmp_path / 'm'}"),
        "slow",
        "48000",
        "44100",
    )


@pytest.mark.parametrize("how", ["shape", "missing", "nan", "raises"])
def test_a_misbehaving_separator_is_named_and_the_status_is_not_zero_where_nothing_worked(tmp_path, toys, how):
    grid = tmp_path / "g.toml"
    grid.write_text(GRID.format(dataset="toy").replace('["reference", "mixture"]', f'["misbehaving[how={how}]"]'))
    result = soundstage("run", grid, "--out", tmp_path / "out")
    fails(result, "separator 'misbehaving", "track 'song 0'", "no cell of grid 'quick' gave a score")


def test_a_run_that_finds_earlier_failures_says_them_again(tmp_path, toys):
    grid = tmp_path / "g.toml"
    grid.write_text(GRID.format(dataset="toy").replace('["reference", "mixture"]', '["reference", "misbehaving"]'))
    assert soundstage("run", grid, "--out", tmp_path / "out").returncode == 0
    again = soundstage("run", grid, "--out", tmp_path / "out")
    assert again.returncode == 0
    assert "no such layer" in again.stderr
    assert "--retry failed" in again.stderr


def test_quiet_prints_nothing(tmp_path):
    song(tmp_path / "songs" / "one")
    result = soundstage(
        "run", quick(tmp_path), "--data", f"folder={tmp_path / 'songs'}", "--quiet", "--out", tmp_path / "o"
    )
    assert (result.stdout, result.stderr) == ("", "")


def test_a_dry_run_says_what_would_be_run_and_makes_no_folder(tmp_path):
    result = soundstage("run", "demo", "--dry-run", "--only", "separators=irm", "--limit", "2", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "63 cells, 0 done before, 2 to run, 61 left for later" in result.stdout
    assert "separator irm: 2 × never timed here" in result.stdout
    assert not list(tmp_path.iterdir())


@pytest.fixture
def filled(tmp_path, toys):
    """A results folder of two cells of three, made with a limit."""
    grid = tmp_path / "g.toml"
    grid.write_text(GRID.format(dataset="toy[tracks=1]").replace('"mixture"', '"mixture", "noisy"'))
    assert soundstage("run", grid, "--out", tmp_path / "out", "--limit", "2").returncode == 0
    return tmp_path / "out"


def test_status_says_what_is_done_and_left_and_who_writes(filled):
    assert "1 revision" not in soundstage("status", filled).stdout
    assert "2 done, 0 with trouble, 1 left\nnobody writes there now" in soundstage("status", filled).stdout
    import platform
    import time

    facts = {
        "total": 3,
        "done": 1,
        "failed": 0,
        "audio_s": 60.0,
        "began": time.time() - 10,
        "working": {"0": ["a song · flat · noisy", time.time() - 4]},
    }
    holder = {"host": platform.node(), "pid": os.getpid(), "since": "2026-01-01T00:00:00", "token": "t"}
    (filled / "running.json").write_text(json.dumps({**holder, "beat": time.time(), "facts": facts}))
    told = soundstage("status", filled).stdout
    assert f"written by process {os.getpid()} on {platform.node()} since 2026-01-01" in told
    assert "this run: 1 done, 0 with trouble, 2 left, for 10 s" in told
    assert "s of audio a second; about 20 s left" in told
    assert "worker 0: a song · flat · noisy, for 4 s" in told
    (filled / "running.json").write_text(json.dumps({**holder, "pid": 2**22 + 1, "beat": 0, "facts": facts}))
    assert "ended without a word" in soundstage("status", filled).stdout


def test_verify_exits_with_1_where_something_is_wrong(filled):
    good = soundstage("verify", filled, "--recompute", "2")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "2 cells, 1 grid, 1 run, 0 kept estimates; 2 computed again (--seed " in good.stdout
    assert good.stdout.endswith("): all as recorded\n")
    file = next((filled / "cells").rglob("*.parquet"))
    file.write_bytes(b"PAR1")
    bad = soundstage("verify", filled)
    assert bad.returncode == 1
    assert file.name in bad.stdout
    assert "1 not as recorded" in bad.stdout


@pytest.mark.heavy
def test_provenance_is_printed_and_locked_and_a_lock_file_runs(filled, tmp_path):
    lock = tmp_path / "lock.toml"
    told = soundstage("provenance", filled, "--lock", lock)
    assert told.returncode == 0, told.stderr
    for words in ("quick · revision 1", "seeds 0", "separators noisy", "numpy ", "host "):
        assert words in told.stdout
    full = told.stdout.splitlines()[0].rpartition(" ")[2]
    assert len(full) == 64
    assert soundstage("provenance", filled, "--grid", full).stdout.splitlines()[0] == told.stdout.splitlines()[0]
    again = soundstage("run", lock, "--out", filled)
    assert "3 cells, 2 done before, 1 to run" in again.stderr, again.stderr


@pytest.mark.heavy
def test_merge_brings_folders_together(filled, tmp_path):
    result = soundstage("merge", tmp_path / "all", filled)
    assert result.returncode == 0, result.stderr
    assert "2 cells in" in result.stderr
    assert "reference" in soundstage("leaderboard", tmp_path / "all").stdout
    fails(soundstage("merge", tmp_path / "all", tmp_path / "nothing"), "holds no results")


@pytest.mark.parametrize("arguments", [("--help",), ("list",)])
def test_starting_loads_nothing_heavy(arguments):
    code = (
        "import sys\n"
        "from soundstage.cli import cli\n"
        f"try:\n    cli({list(arguments)!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'pyarrow', 'scipy.signal', 'torch', 'tensorflow', 'matplotlib', 'fsspec', 'rich'}\n"
        "heavy |= {'psutil', 'multiprocessing'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    own = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # it imports a lot
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=own)
    assert result.stderr.strip() == "[]"


def test_check_says_what_is_there_and_exits_with_1_where_something_is_wrong(tmp_path, musdb):
    song(tmp_path / "songs" / "one")
    good = soundstage("check", "folder", "--data", f"folder={tmp_path / 'songs'}", "--decode")
    assert good.returncode == 0, good.stderr
    assert good.stdout.startswith("  1 track\nfolder: nothing is wrong\nok       builds\n")
    assert good.stdout.splitlines()[-1] == "dataset 'folder': 10 of 10 checks passed"
    bad = soundstage("check", "musdb18hq[stems=2]", "--data", f"musdb18hq={musdb}")
    assert bad.returncode == 1
    assert "Traceback" not in bad.stderr
    assert "  0 of the 100 songs of the folder train are there\n" in bad.stdout
    assert "wrong 1 of the 50 songs of the folder test are there; unpack MUSDB18-HQ again" in bad.stdout
    assert "musdb18hq[stems=2]: 1 thing is wrong" in bad.stdout
    (musdb / "test" / "Noise - One" / "bass.wav").write_bytes(b"junk")
    bad = soundstage("check", "musdb18hq", "--data", f"musdb18hq={musdb}")
    assert "wrong track 'Noise - One'," in bad.stdout
    assert "bass.wav: not a readable audio file" in bad.stdout


def test_check_without_data_says_what_to_download_and_where_to_put_it():
    fails(
        soundstage("check", "musdb18hq"), "--data musdb18hq=PATH: download musdb18hq.zip", "zenodo.org/records/3338373"
    )
    fails(soundstage("check", "slakh2100_4s2g"), "--data slakh2100_4s2g=PATH: download slakh2100_flac_redux.tar.gz")
    fails(soundstage("check", "musdb18"), "unknown dataset 'musdb18'", "did you mean 'musdb18hq'")


@pytest.fixture
def troubled(tmp_path, toys):
    """A grid in which one separator raises and another is not installed."""
    grid = tmp_path / "t.toml"
    grid.write_text(
        GRID.format(dataset="toy[tracks=2]").replace('"mixture"', '"mixture", "misbehaving[how=raises]", "absent"')
    )
    return grid


def test_a_dry_run_says_what_cannot_be_run(tmp_path, troubled):
    said = soundstage("run", troubled, "--out", tmp_path / "out", "--dry-run").stdout
    assert "cannot be run, 2 cells: separator 'absent' needs not_a_module" in said
    assert not (tmp_path / "out").exists()


def test_the_last_lines_of_a_run_say_what_failed_and_how_to_see_why(tmp_path, troubled):
    out = tmp_path / "out"
    result = soundstage("run", troubled, "--out", out)
    assert result.returncode == 0
    assert "4 of 8 with trouble" in result.stderr
    assert f"see why with: soundstage status {out} --errors" in result.stderr
    why = soundstage("status", out, "--errors").stdout
    assert "failed in 1 cell, first: song 0" in why
    assert "not-installed in 2 cells, first: song 0" in why
    assert "ValueError: no such layer" in why
    assert "soundstage_toys.py" in why  # where in the code


def test_strict_runs_fail_where_anything_is_not_ok(tmp_path, troubled):
    fails(soundstage("run", troubled, "--out", tmp_path / "out", "--strict"), "4 of 8 cells are not ok")
    fine = quick(tmp_path, "toy[tracks=1]")
    assert soundstage("run", fine, "--out", tmp_path / "fine", "--strict").returncode == 0


def test_a_traceback_is_printed_where_it_is_asked_for(tmp_path, troubled):
    result = soundstage("run", troubled, "--out", tmp_path / "out", "--traceback")
    assert "Traceback (most recent call last)" in result.stderr
    assert 'raise ValueError("no such layer")' in result.stderr
