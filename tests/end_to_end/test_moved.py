"""Everything that a grid has a path to is moved; its lock file and results find it where `--data` says."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import heads
import soundstage
from soundstage.audio import write_audio
from soundstage.cache import cache_folder
from soundstage.cli import cli
from soundstage.errors import SoundstageError
from soundstage.isolation import environment
from soundstage.isolation.script import read_script

pytestmark = pytest.mark.slow

SCRIPT = """
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy"]
# ///
from pathlib import Path

sources = ("bass", "vocals")


class Halves:
    def __init__(self, gain):
        self.gain = gain

    def separate(self, mixture, rate):
        return {source: mixture * self.gain for source in sources}


def load(gain: Path):
    return Halves(float(Path(gain).read_text()))
"""

STUDY = """
[spatializers.head]
plugin = "hrir"
params = { hrtf = "head" }

[separators.mine]
script = "model.py"
params = { gain = "weights/gain.txt" }

[separators.theirs]
plugin = "estimates"
params = { root = "stems", layout = "{track}/{source}" }

[grids.study]
datasets = ["folder[root=songs]"]
placements = ["frontal"]
spatializers = ["head"]
separators = ["mixture", "mine", "theirs", "estimates[root=stems]"]
metrics = ["sdr"]
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of the study, run once; its scripts run in this environment, as if it were theirs."""
    monkeypatch.setattr(environment, "make", own_environment)
    monkeypatch.setattr(environment, "interpreter", lambda script: Path(sys.executable))
    home = tmp_path / "home"
    home.mkdir()
    heads.write_folder(home / "head", range(0, 360, 15))
    for folder, length in (("songs", 22050), ("stems", 22305)):  # what a head leaves ringing is in them
        for number, stem in enumerate(("bass", "vocals")):
            (home / folder / "one").mkdir(parents=True, exist_ok=True)
            samples = np.random.default_rng(number).normal(0, 0.1, (2, length))
            write_audio(home / folder / "one" / f"{stem}.wav", samples, 44100)
    (home / "weights").mkdir()
    (home / "weights" / "gain.txt").write_text("0.5")
    (home / "model.py").write_text(SCRIPT)
    (home / "study.toml").write_text(STUDY)
    soundstage.run(home / "study.toml", tmp_path / "out")
    rows = soundstage.load(tmp_path / "out")
    assert set(rows["status"]) == {"ok"}, list(rows["note"].unique())
    return home


def own_environment(script):
    return Path(sys.executable)


def invoke(*words: object):
    return CliRunner().invoke(cli, [str(word) for word in words])


def told(result) -> str:
    return result.output + (str(result.exception) if result.exception else "")


@pytest.fixture
def moved(home, tmp_path) -> list[str]:
    """The lock file is written, everything has another place and name; how `--data` says that."""
    assert invoke("provenance", tmp_path / "out", "--lock", tmp_path / "lock.toml").exit_code == 0
    new = tmp_path / "new" / "place"
    new.mkdir(parents=True)
    places = {
        "folder[root=songs]": ("songs", "music"),
        "head": ("head", "ku"),
        "mine": ("model.py", "separator.py"),
        "mine:gain": ("weights", "w"),
        "theirs": ("stems", "estimates"),
    }
    for was, now in places.values():
        shutil.move(home / was, new / now)
    shutil.rmtree(home)
    paths = {key: new / now for key, (_, now) in places.items()}
    paths["mine:gain"] /= "gain.txt"
    paths["estimates[root=stems]"] = paths["theirs"]
    return [word for key, path in paths.items() for word in ("--data", f"{key}={path}")]


def test_a_lock_file_runs_where_everything_has_been_moved(moved, tmp_path):
    again = invoke("run", tmp_path / "lock.toml", *moved, "--out", tmp_path / "out", "--trust")
    assert again.exit_code == 0, told(again)
    assert "4 cells, 4 done before, 0 to run" in again.output
    anew = invoke("run", tmp_path / "lock.toml", *moved, "--out", tmp_path / "anew", "--trust")
    assert anew.exit_code == 0, told(anew)
    columns = ["separator", "source", "name", "value"]
    before, after = (
        soundstage.load(tmp_path / name)[columns].sort_values(columns[:3]).values.tolist() for name in ("out", "anew")
    )
    assert before == after


def test_what_was_run_where_it_is_now_needs_no_data_to_be_verified_and_locked_again(moved, tmp_path):
    assert invoke("run", tmp_path / "lock.toml", *moved, "--out", tmp_path / "out", "--trust").exit_code == 0
    checked = invoke("verify", tmp_path / "out", "--recompute", "4", "--trust")
    assert checked.exit_code == 0, told(checked)
    assert "4 computed again" in checked.output
    assert invoke("provenance", tmp_path / "out", "--lock", tmp_path / "again.toml").exit_code == 0
    done = invoke("run", tmp_path / "again.toml", "--out", tmp_path / "out", "--trust")
    assert "4 done before, 0 to run" in done.output, told(done)


def test_verify_and_render_take_the_same_words(moved, tmp_path):
    checked = invoke("verify", tmp_path / "out", *moved, "--recompute", "4", "--trust")
    assert checked.exit_code == 0, told(checked)
    assert "4 computed again" in checked.output
    rendered = invoke("render", tmp_path / "lock.toml", *moved, "--out", tmp_path / "scenes")
    assert rendered.exit_code == 0, told(rendered)
    assert list((tmp_path / "scenes").rglob("mixture.wav"))


def test_a_lock_file_can_be_written_for_the_new_places(moved, tmp_path):
    locked = invoke("provenance", tmp_path / "out", "--lock", tmp_path / "new.toml", *moved)
    assert locked.exit_code == 0, told(locked)
    done = invoke("run", tmp_path / "new.toml", "--out", tmp_path / "out", "--trust")
    assert "4 done before, 0 to run" in done.output, told(done)


def test_what_is_not_there_is_named_with_the_words_that_say_where_it_is(moved, tmp_path):
    words: list[str] = []
    for key in ("mine", "folder[root=songs]"):  # without these nothing can be planned
        said = told(invoke("run", tmp_path / "lock.toml", *words, "--out", tmp_path / "out", "--trust"))
        assert "Traceback" not in said
        assert f"--data '{key}=PATH'" in said or f"--data {key}=PATH" in said
        at = next(index for index, word in enumerate(moved) if word.startswith(f"{key}="))
        words += ["--data", moved[at]]
    said = told(invoke("run", tmp_path / "lock.toml", *words, "--out", tmp_path / "out", "--trust"))
    for key in ("head", "mine:gain", "theirs", "estimates[root=stems]"):
        assert f"--data '{key}=PATH'" in said


def test_a_script_beside_the_lock_file_is_found_and_its_environment_is_what_it_was(home, tmp_path, monkeypatch):
    assert invoke("provenance", tmp_path / "out", "--lock", tmp_path / "lock.toml").exit_code == 0
    locked = tomllib.loads((tmp_path / "lock.toml").read_text())
    held = locked["separators"]["mine"]["environment"]
    assert held["numpy"] == np.__version__
    shutil.move(home / "model.py", tmp_path / "model.py")
    seen = []

    def made(script):
        seen.append(script)
        return Path(sys.executable)

    monkeypatch.setattr(environment, "make", made)
    done = invoke("run", tmp_path / "lock.toml", "--out", tmp_path / "anew", "--trust")
    assert done.exit_code == 0, told(done)
    assert {script.path for script in seen} == {tmp_path / "model.py"}
    assert all(f"numpy=={np.__version__}" in script.pins for script in seen)
    again = tomllib.loads(lock_of(tmp_path / "anew", tmp_path))
    assert again["separators"]["mine"]["environment"] == held


def lock_of(out: Path, tmp_path: Path) -> str:
    assert invoke("provenance", out, "--lock", tmp_path / "other.toml").exit_code == 0
    return (tmp_path / "other.toml").read_text()


def test_a_lock_file_is_not_consent(moved, tmp_path):
    said = told(invoke("run", tmp_path / "lock.toml", *moved, "--out", tmp_path / "out"))
    assert "is the script" in said
    assert "--trust" in said


def test_a_key_that_means_several_paths_or_none_is_refused_with_the_keys_that_mean_one(home, tmp_path):
    songs = [f"folder[root={home / 'songs'}]"]

    def refused(key, **grid):
        table = tomllib.loads(STUDY)["grids"]["study"] | {"datasets": songs} | grid
        with pytest.raises(SoundstageError) as error:
            soundstage.run(table, tmp_path / "x", data={key: home / "stems"}, registry=[home / "study.toml"])
        return str(error.value)

    two = [f"estimates[root={home / 'stems'}]", f"estimates[root={home / 'songs'}]"]
    assert "one path in place of two" in refused("estimates", separators=two)
    assert f"--data 'estimates[root={home / 'songs'}]=PATH'" in refused("estimates", separators=two)
    words = {"estimates": home / "stems", two[1]: home / "stems"}
    table = tomllib.loads(STUDY)["grids"]["study"] | {"datasets": songs, "separators": two}
    assert soundstage.run(table, tmp_path / "y", data=words, registry=[home / "study.toml"]).usable == 2
    without = refused("hrir", spatializers=["hrir"], separators=["mixture"])
    assert "spatializer 'hrir' stands in the grid without any path" in without
    assert "has no path 'layuot'" in refused("theirs:layuot")
    assert "unknown dataset 'theri'" in refused("theri")
    assert "is not a variant" in refused("[x]")


def test_a_lock_is_written_before_anything_is_printed(home, tmp_path, monkeypatch):
    def closed(*arguments, **options):
        raise BrokenPipeError

    monkeypatch.setattr("soundstage.cli.provenance.click.echo", closed)
    invoke("provenance", tmp_path / "out", "--lock", tmp_path / "lock.toml")
    assert tomllib.loads((tmp_path / "lock.toml").read_text())["grids"]


@pytest.mark.heavy
def test_an_environment_is_made_with_the_versions_that_a_lock_file_has(tmp_path):
    (tmp_path / "model.py").write_text(SCRIPT)
    python = environment.make(read_script(tmp_path / "model.py", ["numpy==2.0.2"]))
    import subprocess

    command = [str(python), "-c", "import numpy; print(numpy.__version__)"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "2.0.2"
    (made,) = (cache_folder() / "environments").iterdir()
    assert json.loads((made / "environment.json").read_text())["python"] == str(python)
