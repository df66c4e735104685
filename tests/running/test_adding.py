"""Files become an entry where they are one model's; what cannot be told of them is said, and never taken for right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import addable
from soundstage.catalogue.plugins import Plugin
from soundstage.catalogue.registry import Registry
from soundstage.cli import cli
from soundstage.errors import NotInstalled, SoundstageError
from soundstage.running import adding
from soundstage.running.adding import add

FOUR = ["drums", "bass", "other", "vocals"]


@pytest.fixture
def known(monkeypatch) -> Registry:
    """The shipped registry, with a separator of `.toy` files."""
    scene = addable.trial()
    monkeypatch.setattr(adding, "_scene", lambda known: scene)
    registry = Registry.load()
    registry.catalogue.add(
        Plugin("separators", "toy", "addable:Toy", "tests", "1", "A toy", required=("model",), takes=(".toy",))
    )
    return registry


def toy(folder: Path, **table) -> Path:
    file = folder / "model.toy"
    file.write_text(json.dumps({"outputs": FOUR, "hop": 256, **table}))
    return file


def added(known, folder, **table):
    return add([toy(folder, **table)], "mine", folder / "registry.toml", known)


def test_a_model_that_separates_becomes_an_entry_that_grids_know(known, tmp_path):
    found = added(known, tmp_path, rivals=[128, 512])
    assert found.unverified == ""
    said = " ".join(found.seen)
    assert "output 'vocals' is" in said
    assert "nearer to that source than the mixture is" in said
    assert "it separates worse with a hop of 128 (" in said
    again = Registry.load([tmp_path / "registry.toml"]).entries["separators"]["mine"]
    assert again.plugin == "toy"
    assert again.params == {"model": str(tmp_path / "model.toy")}
    assert again.licence == "not stated"
    assert len(again.sha256["model"]) == 64
    assert "unverified" not in (tmp_path / "registry.toml").read_text()


def test_what_the_registry_file_holds_stays_letter_by_letter(known, tmp_path):
    file = tmp_path / "registry.toml"
    before = "# mine\n[separators.old]\nplugin = 'mixture'   # kept\n"
    file.write_text(before)
    added(known, tmp_path)
    assert file.read_text().startswith(before + "\n[separators.mine]\n")
    assert set(Registry.load([file]).entries["separators"]) >= {"old", "mine"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            {"holds": ["vocals", "bass", "other", "drums"]},
            "in another order than the files say: 'drums' holds the vocals, 'vocals' holds the drums",
        ),
        ({"outputs": ["vocals"], "holds": ["accompaniment"]}, "in another order .*'vocals' holds the accompaniment"),
        ({"right": 512, "rivals": [128, 512]}, "with a hop of 512 it separates better than as the files say, by"),
        ({"holds": ["drums", "bass", "other", "nothing"]}, "its output 'vocals' is silent"),
        ({"gain": 1000.0}, "dB louder than the mixture"),
        ({"holds": ["drums", "bass", "other", "nan"]}, "not finite|NaN|nan"),
    ],
)
def test_what_comes_out_wrong_is_refused_and_not_written(known, tmp_path, table, said):
    with pytest.raises(SoundstageError, match=said):
        added(known, tmp_path, **table)
    assert not (tmp_path / "registry.toml").exists()


def test_a_network_that_separates_nothing_is_added_as_unverified(known, tmp_path):
    found = added(known, tmp_path, holds=["noise"] * 4, rivals=[128])
    assert "it separates nothing of the trial, as random weights would" in found.unverified
    assert "it cannot be told whether a hop of 128 is right" in found.unverified
    entry = Registry.load([tmp_path / "registry.toml"]).entries["separators"]["mine"]
    assert entry.unverified == found.unverified
    known.extend({"separators": {"mine": dict(found.table)}}, "again", None)
    assert f"unverified: {found.unverified}" in known.notice(known.entry("separators", "mine"))


def test_one_output_of_which_nothing_is_told_is_named_and_so_are_a_rival_as_good_and_a_doubt(known, tmp_path):
    holds = ["drums", "bass", "other", "noise"]
    found = added(known, tmp_path, holds=holds, rivals=[255, 1024], doubts=["its a is 1 and its b 2"])
    assert found.unverified.split("; ") == [
        "its a is 1 and its b 2",
        "it cannot be told whether 'vocals' is what it is called",
        "it separates as well with a hop of 255",
    ]


def test_outputs_that_no_source_of_the_trial_is_called_after_are_not_checked_and_that_is_said(known, tmp_path):
    found = added(known, tmp_path, outputs=["kick", "snare"], holds=["drums", "drums"])
    assert "none of its outputs is called after a source of the trial" in found.unverified


def test_a_file_that_is_another_one_now_is_not_taken_for_the_one_that_was_added(known, tmp_path, monkeypatch):
    found = added(known, tmp_path)
    from soundstage.cache import FileHashes
    from soundstage.planning.built import build

    assert build(known.choose("separators", "mine"), FileHashes()).problem is None
    toy(tmp_path, hop=512)
    problem = build(known.choose("separators", "mine"), FileHashes()).problem
    assert problem is not None
    assert (
        f"is not the file that was added as 'mine': its SHA-256 is not {found.table['sha256']['model']}"
        in problem.error
    )
    other = build(known.choose("separators", f"mine[model={tmp_path / 'model.toy'}]"), FileHashes())
    assert other.problem is None  # who names a file means that one


def test_names_that_are_taken_and_files_that_nobody_takes_are_refused(known, tmp_path):
    file = toy(tmp_path)
    for name, said in (
        ("mwf", "'mwf' is a separator already; give the new one another name"),
        ("a/b", "cannot be called 'a/b': it holds '/'"),
    ):
        with pytest.raises(SoundstageError, match=said):
            add([file], name, tmp_path / "r.toml", known)
    with pytest.raises(SoundstageError, match=r"no such file; give the model's files"):
        add([tmp_path / "none.toy"], "mine", tmp_path / "r.toml", known)
    (tmp_path / "a.xyz").write_text("")
    with pytest.raises(SoundstageError, match=r"no separator takes a\.xyz: .*toy takes \.toy"):
        add([tmp_path / "a.xyz"], "mine", tmp_path / "r.toml", known)
    with pytest.raises(SoundstageError, match=r"separator 'mwf' makes no entries of files; those that do: .*toy"):
        add([file], "mine", tmp_path / "r.toml", known, separator="mwf")
    with pytest.raises(SoundstageError, match="separator 'toy': a toy is one file"):
        add([file, file], "mine", tmp_path / "r.toml", known)
    known.catalogue.add(Plugin("separators", "toy2", "addable:Toy", "tests", "1", "A toy", takes=(".toy",)))
    with pytest.raises(SoundstageError, match="several separators take these files: toy, toy2; say which"):
        add([file], "mine", tmp_path / "r.toml", known)
    known.catalogue.plugins["separators"]["toy"] = Plugin(
        "separators", "toy", "addable:Toy", "tests", "1", "A toy", requires=("no_such_module",), takes=(".toy",)
    )
    with pytest.raises(NotInstalled, match="separator 'toy' needs no_such_module"):
        add([file], "mine", tmp_path / "r.toml", known, separator="toy")


def test_the_verb_says_what_it_saw_and_the_command_that_uses_the_entry(known, tmp_path, monkeypatch):
    monkeypatch.setattr(Registry, "load", classmethod(lambda cls, files=(): known))
    registry = tmp_path / "sub" / "mine.toml"
    file = toy(tmp_path, doubts=["odd"])
    done = CliRunner().invoke(cli, ["add", str(file), "--name", "mine", "--registry", str(registry)])
    assert done.exit_code == 0, done.output
    assert "output 'drums' is" in done.output
    assert "unverified: odd" in done.output
    assert f"soundstage run GRID --registry {registry} knows it" in done.output
