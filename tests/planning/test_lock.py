"""A lock file makes the same plan again, or says why not."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
import soundfile

import soundstage
from soundstage.cache import weights_folder
from soundstage.errors import SoundstageError
from soundstage.planning.lock import lock_text
from soundstage.planning.request import plan_of
from soundstage.planning.stored import stored
from soundstage.results.store import Store
from soundstage.running.verify import verify


@pytest.fixture
def locked(tmp_path, toys):
    """A grid with everything that is awkward: data roots, relative paths, variants of an entry; and its lock file."""
    song = tmp_path / "songs" / "one song"
    song.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for stem in ("bass", "vocals"):
        soundfile.write(song / f"{stem}.wav", rng.standard_normal((8000, 2)) / 10, 8000)
    (tmp_path / "grid.toml").write_text(
        """
        [separators.mine]
        plugin = "estimates"
        params = { root = "songs", layout = "{spatializer}-{placement}-{seed}/{track}/{source}" }
        [separators."loud noise"]
        plugin = "noisy"
        params = { level = 0.5 }
        [grids.awkward]
        revision = 4
        citation = 'A "quoted" \\ one'
        datasets = ["folder"]
        spatializers = ["original", "gains"]
        separators = ["mine", "loud noise", "loud noise[level=0.25]",
            "estimates[root=songs, layout={spatializer}-{placement}-{seed}/{track}/{source}]"]
        metrics = ["error"]
        placements = ["line"]
        seeds = [0, 3]
        """
    )
    data = {"folder": tmp_path / "songs"}
    soundstage.run(tmp_path / "grid.toml", tmp_path / "out", data=data, limit=2)
    text = lock_text(Store(tmp_path / "out").plan().facts, {"numpy": "1.0"})
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "elsewhere" / "lock.toml"
    file.write_text(text)
    return file


def test_a_lock_file_makes_the_same_plan_by_itself(locked, tmp_path):
    made = plan_of(tmp_path / "grid.toml", data={"folder": tmp_path / "songs"})
    again = plan_of(locked)
    assert again.hash == made.hash
    assert [cell.address for cell in again.cells] == [cell.address for cell in made.cells]
    assert again.grid.citation == made.grid.citation
    table = tomllib.loads(locked.read_text())
    assert table["grids"]["awkward"]["made_with"] == {"numpy": "1.0"}
    assert set(table["separators"]) == {"mine", "loud noise", "estimates"}


def test_running_a_lock_file_fills_the_same_cells(locked, tmp_path):
    soundstage.run(tmp_path / "grid.toml", tmp_path / "out", data={"folder": tmp_path / "songs"})
    assert soundstage.run(locked, tmp_path / "out").ran == 0


def test_data_elsewhere_is_given_as_ever(locked, tmp_path):
    (tmp_path / "songs").rename(tmp_path / "moved")
    with pytest.raises(SoundstageError, match="songs"):
        plan_of(locked)
    text = locked.read_text().replace(str(tmp_path / "songs"), str(tmp_path / "moved"))
    locked.write_text(text.replace(f'base = "{tmp_path}"', f'base = "{tmp_path / "moved" / ".."}"'))
    (tmp_path / "songs").symlink_to(tmp_path / "moved")
    assert plan_of(locked, data={"folder": tmp_path / "moved"}).hash


def test_what_is_not_as_it_was_is_named(locked, tmp_path, monkeypatch):
    import soundstage_toys

    monkeypatch.setattr(soundstage_toys.Gains, "revision", 7)
    with pytest.raises(SoundstageError) as caught:
        plan_of(locked)
    assert "grid 'awkward' is not what was locked" in str(caught.value)
    assert "spatializers gains: revision was 1, is 7" in str(caught.value)
    assert "remove `hash`" in str(caught.value)


def test_another_file_or_parameter_is_named(locked, tmp_path):
    file = tmp_path / "songs" / "one song" / "bass.wav"
    soundfile.write(file, np.zeros((8000, 2)), 8000)
    locked.write_text(locked.read_text().replace("level = 0.5\n", "level = 0.75\n", 1))
    with pytest.raises(SoundstageError) as caught:
        plan_of(locked)
    assert "datasets folder: file bass.wav has other contents" in str(caught.value)
    assert "separators loud noise: parameter level was 0.5, is 0.75" in str(caught.value)


def test_without_its_hash_a_lock_file_is_a_grid(locked, tmp_path):
    kept = [line for line in locked.read_text().splitlines() if not line.startswith("hash = ")]
    locked.write_text("\n".join(kept).replace("level = 0.5\n", "level = 0.75\n", 1))
    assert plan_of(locked).hash


def test_drawn_tracks_and_excerpts_are_part_of_a_lock_file(tmp_path, toys):
    grid = {
        "name": "parts",
        "datasets": ["toy[tracks=9,seconds=3]"],
        "spatializers": ["flat"],
        "separators": ["nothing", "truth"],
        "metrics": ["error"],
        "tracks": {"random": 3, "seed": 5},
        "excerpt": {"seconds": 1.0, "where": "random", "seed": 2},
    }
    assert soundstage.run(grid, tmp_path / "out").ran == 6
    lock = tmp_path / "lock.toml"
    lock.write_text(lock_text(Store(tmp_path / "out").plan().facts, {}))
    assert soundstage.run(lock, tmp_path / "out").ran == 0
    assert verify(tmp_path / "out", recompute=2).wrong == ()
    named = {**grid, "name": "named", "tracks": ["song 1", "song 4"], "excerpt": {"seconds": 1, "where": "chunks"}}
    soundstage.run(named, tmp_path / "named")
    lock.write_text(lock_text(Store(tmp_path / "named").plan().facts, {}))
    assert plan_of(lock).hash == Store(tmp_path / "named").plan().facts["hash"]


def test_scripts_weights_and_declared_data_are_part_of_a_lock_file(tmp_path, toys):
    (tmp_path / "model.py").write_text(
        '# /// script\n# requires-python = ">=3.11"\n# dependencies = ["numpy"]\n# ///\ndef load(size: int = 1): ...\n'
    )
    registry = tmp_path / "registry.toml"
    registry.write_text(
        """
        [separators.mine]
        script = "model.py"
        params = { size = 3 }
        [separators.heavy]
        plugin = "weighty"
        weights = { parameter = "folder", files = [{ url = "http://127.0.0.1:9/model.th", sha256 = "01234567" }] }
        [separators.told]
        plugin = "weighty"
        data = "folder"
        """
    )
    told = tmp_path / "told"
    told.mkdir()
    (told / "model.th").write_bytes(b"weights")
    grid = {
        "datasets": ["toy"],
        "spatializers": ["flat"],
        "separators": ["mine", "mine[size=4]", f"heavy[folder={told}]", "heavy", "told"],
        "metrics": ["error"],
    }
    plan = plan_of(grid, data={"told": told}, registry=[registry])
    lock = tmp_path / "lock.toml"
    lock.write_text(lock_text(stored(plan).facts, {}))
    assert plan_of(lock).hash == plan.hash
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "model.th").write_bytes(b"weights")
    assert plan_of(lock, data={"told": tmp_path / "moved"}).hash == plan.hash
    assert str(weights_folder("heavy")) not in lock.read_text()


def test_whatever_a_text_holds_reads_back_as_it_was(tmp_path, toys):
    odd = "a \"quoted\" \\ line\nand 'another' # no comment, \x7f, \u2028, é\t]"
    grid = {"datasets": ["toy"], "spatializers": ["flat"], "separators": ["truth"], "metrics": ["error"]}
    plan = plan_of({**grid, "summary": odd, "citation": "# " + odd, "name": "odd name, [x] 'é'".replace("[x]", "")})
    lock = tmp_path / "lock.toml"
    lock.write_text(lock_text(stored(plan).facts, {"a.b c": "1 # 2"}), encoding="utf-8")
    again = plan_of(lock)
    assert (again.grid.summary, again.grid.citation, again.hash) == (odd, "# " + odd, plan.hash)
    assert again.grid.locked["made_with"] == {"a.b c": "1 # 2"}
