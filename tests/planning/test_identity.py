"""Same address, same numbers: what is in an address and what stays out."""

from __future__ import annotations

import hashlib
import importlib
import os
import sqlite3
import sys
import time
import weakref
from contextlib import closing
from pathlib import Path

import pytest

import soundstage
from soundstage.cache import FileHashes
from soundstage.catalogue.plugins import Plugin
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError
from soundstage.planning import sources
from soundstage.planning.cells import make_plan
from soundstage.planning.grid import read_grid
from soundstage.planning.identity import identity, revision
from soundstage.planning.sources import root, unannounced
from soundstage.results.address import address
from soundstage.running.listener import Silence

TOY = {
    "datasets": ["toy"],
    "placements": ["line"],
    "spatializers": ["flat", "gains"],
    "separators": ["truth", "noisy"],
    "metrics": ["error"],
}


def plan(registry=None, **change):
    return make_plan(read_grid("toy", {**TOY, **change}, None), registry or Registry.load())


def addresses(found):
    return {(cell.title, cell.scene.seed): cell.address for cell in found.cells}


def test_an_address_does_not_depend_on_the_order_of_keys():
    assert address("x", {"a": 1, "b": [2]}) == address("x", {"b": [2], "a": 1})
    assert address("x", {"a": 1}) != address("y", {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        address("x", {"a": float("nan")})


def test_planning_twice_gives_the_same_addresses(toys):
    assert plan().hash == plan().hash


def test_adding_a_separator_or_metric_moves_no_other_cell(toys):
    before, after = plan(), plan(separators=["truth", "noisy", "nothing"], metrics=["error", "misscoring"])
    assert addresses(before).items() <= addresses(after).items()
    assert before.hash != after.hash
    old = {cell.scores["error"] for cell in before.cells}
    assert old <= {cell.scores["error"] for cell in after.cells}


def test_an_explicit_default_is_the_same_result_and_another_value_is_not(toys):
    plain, explicit, other = (
        set(addresses(plan(separators=[text])).values()) for text in ("noisy", "noisy[level=0.1]", "noisy[level=0.2]")
    )
    assert plain == explicit
    assert not plain & other


def test_two_names_of_one_plugin_share_results(toys):
    registry = Registry.load()
    registry.extend({"separators": {"alias": {"plugin": "noisy"}}}, "test", None)
    mine = plan(registry, separators=["alias"])
    assert set(addresses(mine).values()) == set(addresses(plan(separators=["noisy"])).values())


def test_a_spatializer_without_placement_makes_one_cell_for_all_seeds(toys):
    found = plan(seeds=[0, 1, 2])
    flat = [cell for cell in found.cells if cell.scene.spatializer.label == "flat"]
    gains = [cell for cell in found.cells if cell.scene.spatializer.label == "gains"]
    assert len(flat) == 2 * 2
    assert len(gains) == 2 * 2 * 3
    assert len({cell.address for cell in gains}) == len(gains)


def test_the_grids_revision_is_in_the_hash_but_in_no_cell(toys):
    first, second = plan(revision=1), plan(revision=2)
    assert first.hash != second.hash
    assert addresses(first) == addresses(second)


def test_a_declared_revision_counts_and_without_one_the_source_does(tmp_path, monkeypatch, toys):
    import soundstage_toys

    before = plan().hash
    monkeypatch.setattr(soundstage_toys.Noisy, "revision", 2)
    assert plan().hash != before
    monkeypatch.delattr(soundstage_toys.Noisy, "revision")
    assert revision(soundstage_toys.Noisy).startswith("source ")


PACKAGE = {
    "__init__.py": "",
    "model.py": "from agile.helper import number\nclass Model:\n    def separate(self, mixture, rate): ...\n",
    "helper.py": "number = 1\n",
    "deep/__init__.py": "",
    "deep/table.py": "rows = [1]\n",
}


@pytest.fixture
def agile(tmp_path, monkeypatch):
    """A package of several modules, and what imports its class afresh."""
    for name, text in PACKAGE.items():
        (tmp_path / "agile" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "agile" / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it is told from sources by size and second alone

    def model():
        for name in [name for name in sys.modules if name.partition(".")[0] == "agile"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return importlib.import_module("agile.model").Model

    yield model
    for name in [name for name in sys.modules if name.partition(".")[0] == "agile"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("helper.py", True),
        ("deep/table.py", True),
        ("new.py", True),
        ("fast.abi3.so", True),
        ("notes.txt", False),
        ("__pycache__/x.pyc", False),
    ],
)
def test_without_a_revision_every_module_of_the_package_counts(tmp_path, agile, file, counts):
    before = revision(agile())
    assert revision(agile()) == before
    path = tmp_path / "agile" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("number = 2\n")
    assert (revision(agile()) != before) == counts


def test_a_class_stays_what_it_was_when_it_was_imported(tmp_path, agile):
    model = agile()
    before = revision(model)
    (tmp_path / "agile" / "helper.py").write_text("number = 2\n")
    assert revision(model) == before


def test_a_namespace_is_no_package(tmp_path, monkeypatch):
    for part in ("mine", "yours"):
        (tmp_path / "shared_space" / part).mkdir(parents=True)
        (tmp_path / "shared_space" / part / "__init__.py").write_text("class Model: ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert root(importlib.import_module("shared_space.mine").Model) == tmp_path / "shared_space" / "mine"


def test_a_revision_from_another_package_does_not_speak_for_the_class(agile, toys):
    import soundstage_toys

    inherited = type("Mine", (soundstage_toys.Noisy,), {"__module__": agile().__module__})
    assert revision(inherited).startswith("1, source ")
    within = type("Mine", (soundstage_toys.Noisy,), {"__module__": "soundstage_toys"})
    assert revision(within) == "1"


def test_other_sources_under_one_revision_are_said_once(tmp_path, agile):
    def run():
        agile()
        registry = Registry.load()
        registry.catalogue.add(Plugin("separators", "quick", "agile.model:Model", "agile", "1.0", ""))
        return unannounced([registry.choose("separators", "quick")])

    file = tmp_path / "agile" / "model.py"
    file.write_text(PACKAGE["model.py"].replace("def", "revision = 1\n    def"))
    assert run() == []
    (tmp_path / "agile" / "helper.py").write_text("number = 2\n")
    (sentence,) = run()
    assert "the revision of quick is" in sentence
    assert str(tmp_path / "agile") in sentence
    assert run() == []
    (tmp_path / "agile" / "helper.py").write_text("number = 3\n")
    file.write_text(file.read_text().replace("revision = 1", "revision = 2"))
    assert run() == []


def test_a_run_says_that_sources_changed_and_a_silent_one_leaves_it_to_the_next(tmp_path, toys, monkeypatch):
    class Listening(Silence):
        def __init__(self):
            self.sentences = []

        def noticed(self, sentence):
            self.sentences.append(sentence)

    def run(listener=None):
        soundstage.run(TOY, tmp_path / "out", listener=listener, limit=0)
        return getattr(listener, "sentences", None)

    assert run(Listening()) == []
    monkeypatch.setattr(sources, "_KNOWN", weakref.WeakKeyDictionary())
    monkeypatch.setattr(sources, "_hash", lambda place: "another")
    run()
    (sentence,) = run(Listening())
    assert "soundstage_toys.py are not those of the last run" in sentence
    assert "error, flat, gains, line, noisy, toy, truth" in sentence
    assert run(Listening()) == []


def test_a_default_may_be_without_end(toys):
    class Endless:
        revision = 1

        def __init__(self, most: float = float("inf"), pair: tuple[float, ...] = (1.0, float("nan"))) -> None: ...

    found = identity(Registry.load().choose("separators", "noisy"), Endless, {})
    assert found["parameters"] == {"most": "inf", "pair": [1.0, "nan"]}
    assert address("x", found)


def test_the_version_of_a_wrapped_package_counts(toys):
    import dataclasses

    import soundstage_toys

    choice = Registry.load().choose("separators", "noisy")
    wrapping = dataclasses.replace(choice, plugin=dataclasses.replace(choice.plugin, wraps=("numpy",)))
    assert identity(wrapping, soundstage_toys.Noisy, {})["wraps"]["numpy"][0].isdigit()
    assert identity(wrapping, soundstage_toys.Noisy, {}) != identity(choice, soundstage_toys.Noisy, {})


def test_contents_of_files_count_and_where_they_lie_does_not(tmp_path):
    hashes = FileHashes(tmp_path / "cache.sqlite")
    for folder in ("here", "there/deeper"):
        (tmp_path / folder / "song").mkdir(parents=True)
        (tmp_path / folder / "song" / "bass.wav").write_bytes(b"bass")
        (tmp_path / folder / "song" / "drums.wav").write_bytes(b"drums")
    here, there = (sorted((tmp_path / folder / "song").iterdir()) for folder in ("here", "there/deeper"))
    assert hashes.of(here) == hashes.of(there)
    assert set(hashes.of(here)) == {"bass.wav", "drums.wav"}
    there[0].write_bytes(b"BASS!")
    assert hashes.of(here) != hashes.of(there)


LATER = 10.0
"""Seconds after which a file counts as settled, so that tests need not wait."""


@pytest.fixture
def later(tmp_path):
    """Hashes as they would be taken a while from now, with one cache."""
    return lambda: FileHashes(tmp_path / "cache.sqlite", now=lambda: time.time() + LATER)


def test_a_hash_is_remembered_while_the_file_is_the_same(tmp_path, later, monkeypatch):
    file = tmp_path / "a.wav"
    file.write_bytes(b"abc")
    first = later()
    digest = first.one(file)
    first.save()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("hashed again"))
    assert later().one(file) == digest
    assert later().one(Path("a.wav")) == digest


def replaced(file):
    other = file.with_name("other")
    other.write_bytes(b"xyz")
    other.replace(file)


def rewritten(file):
    with file.open("r+b") as stream:
        stream.write(b"xyz")


def linked(file):
    other = file.with_name("other")
    other.write_bytes(b"xyz")
    file.unlink()
    file.symlink_to(other)


@pytest.mark.parametrize("change", [replaced, rewritten, linked])
@pytest.mark.parametrize("saved", [True, False])
def test_other_contents_of_equal_size_and_time_have_another_hash(tmp_path, later, change, saved):
    file = tmp_path / "a.wav"
    file.write_bytes(b"abc")
    os.utime(file, (315532800, 315532800))
    hashes = later()
    before = hashes.one(file)
    if saved:
        hashes.save()
        hashes = later()
    change(file)
    os.utime(file, (315532800, 315532800))
    assert (file.stat().st_size, file.stat().st_mtime) == (3, 315532800)
    assert hashes.one(file) != before


@pytest.mark.parametrize("modified", [None, 315532800, 4102444800])
def test_what_changed_a_moment_ago_is_not_remembered(tmp_path, modified):
    file = tmp_path / "a.wav"
    file.write_bytes(b"abc")
    if modified:
        os.utime(file, (modified, modified))  # archives set the time as they like; the change time is of now
    hashes = FileHashes(tmp_path / "cache.sqlite")
    hashes.one(file)
    hashes.save()
    assert not hashes._known
    assert not FileHashes(tmp_path / "cache.sqlite")._known


def test_a_file_that_changes_while_it_is_read_is_not_remembered(tmp_path, later, monkeypatch):
    file = tmp_path / "a.wav"
    file.write_bytes(b"abc")
    digest = hashlib.file_digest

    def slowly(stream, name):
        found = digest(stream, name)
        file.write_bytes(b"more")
        return found

    monkeypatch.setattr("hashlib.file_digest", slowly)
    hashes = later()
    hashes.one(file)
    assert not hashes._known


def test_what_an_older_cache_knew_is_not_believed(tmp_path, later):
    file = tmp_path / "a.wav"
    file.write_bytes(b"abc")
    facts = file.stat()
    with closing(sqlite3.connect(tmp_path / "cache.sqlite")) as connection, connection:
        connection.execute(
            "CREATE TABLE hashes (path TEXT, size INTEGER, mtime INTEGER, sha256 TEXT, PRIMARY KEY (path, size, mtime))"
        )
        connection.execute(
            "INSERT INTO hashes VALUES (?, ?, ?, ?)", (str(file), facts.st_size, facts.st_mtime_ns, "0" * 64)
        )
    assert later().one(file) == hashlib.sha256(b"abc").hexdigest()


def test_only_regular_files_are_read(tmp_path, later):
    os.mkfifo(tmp_path / "a.wav")
    (tmp_path / "b.wav").symlink_to("/dev/zero")
    (tmp_path / "c.wav").mkdir()
    for name in "abc":
        with pytest.raises(SoundstageError, match=rf"{name}\.wav: not a regular file"):
            later().one(tmp_path / f"{name}.wav")
    with pytest.raises(SoundstageError, match="cannot be read"):
        later().one(tmp_path / ("x" * 300))


def test_a_cache_that_is_rubbish_only_costs_time(tmp_path):
    (tmp_path / "cache.sqlite").write_bytes(b"rubbish" * 100)
    (tmp_path / "a.wav").write_bytes(b"abc")
    hashes = FileHashes(tmp_path / "cache.sqlite")
    assert len(hashes.one(tmp_path / "a.wav")) == 64
    hashes.save()
