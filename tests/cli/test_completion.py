"""Shells complete verbs, options, names and results folders; fast, and without a word where something is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from soundstage.cli import VERBS, cli, completing
from soundstage.cli.list import SECTIONS
from soundstage.leaderboard.choice import GROUPS
from soundstage.results.records import STATUSES

HEAVY = {"numpy", "pandas", "pyarrow", "scipy", "torch", "rich", "matplotlib"}


def offered(*words):
    """What is offered for the last of the words."""
    *args, incomplete = words
    return [item.value for item in ShellComplete(cli, {}, "soundstage", "X").get_completions(list(args), incomplete)]


def asked(folder, shell, words, word, **variables):
    """What a shell's script would get."""
    own = {**os.environ, "_SOUNDSTAGE_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(word)}
    command = [sys.executable, "-m", "soundstage"]
    return subprocess.run(command, cwd=folder, env=own | variables, capture_output=True, text=True, check=False)


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("results/demo", "results/study", "other", "one study", "$(touch owned)"):
        (tmp_path / name / ("grids" if name != "other" else "nothing")).mkdir(parents=True)
    (tmp_path / "study.toml").write_text('[grids.mine]\n[separators.own]\nplugin = "mixture"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_verbs_and_options():
    assert set(VERBS) <= set(offered(""))
    assert "train" in offered("tr")  # a plugin's
    assert offered("lea") == ["leaderboard"]
    assert offered("leaderboard", "--prot") == ["--protocol"]
    assert offered("run", "demo", "--executor", "") == ["inline", "processes", "dask"]


def test_names_of_the_registry():
    assert {"demo", "songs"} <= set(offered("run", ""))
    assert offered("run", "dem") == ["demo"]
    assert "bsseval" in offered("leaderboard", "x", "--metric", "bss")
    assert offered("leaderboard", "x", "--protocol", "mus") == ["museval"]
    assert "namballa2025" in offered("leaderboard", "x", "--published", "")
    assert {"musdb18hq", "htdemucs", "demo", "namballa2025"} <= set(offered("show", ""))
    assert "mixture" in offered("compare", "x", "mi")
    assert [*SECTIONS, "training"] == offered("list", "")
    assert {"musdb18hq", "htdemucs", "spauq", "hrir", "frontal"} <= set(offered("check", ""))


def test_a_registry_of_ones_own(home):
    assert "own" in offered("fetch", "--registry", "study.toml", "o")
    assert offered("fetch", "--registry", "nowhere.toml", "--qu") == []


def test_words_with_commas_between():
    assert offered("leaderboard", "x", "--by", "source,s") == ["source,spatializer", "source,seed"]
    assert offered("run", "demo", "--retry", "oom,tim") == ["oom,timeout"]


def test_what_is_said_without_importing_is_what_is_known():
    assert (*GROUPS, "none") == completing.GROUPS
    assert set(completing.TROUBLES) == set(STATUSES) - {"ok"}


def test_results_folders_and_toml_files(home):
    assert offered("status", "") == ["$(touch owned)", "one study", "results/demo", "results/study"]
    assert offered("status", "results/s") == ["results/study"]
    assert offered("merge", "results/demo", "res") == ["results/demo", "results/study"]
    assert offered("run", "stu") == ["study.toml"]
    (other,) = ShellComplete(cli, {}, "soundstage", "X").get_completions(["status"], "oth")
    assert (other.type, other.value) == ("dir", "oth")


def test_bash_is_given_words_that_do_nothing(home):
    said = asked(home, "bash", "soundstage status ", 2).stdout
    assert "plain,one\\\\ study\n" in said  # its script reads one of the two away
    assert "one study" in asked(home, "zsh", "soundstage status ", 2).stdout


@pytest.mark.parametrize(
    "words",
    ["soundstage 'unclosed ", "soundstage nothing ", "soundstage run --data x ", "soundstage list --registry no "],
)
def test_whatever_is_wrong_is_no_word(tmp_path, words):
    found = asked(tmp_path, "bash", words, 3)
    assert "Traceback" not in found.stdout + found.stderr
    assert not found.stderr


def test_nonsense_from_a_shell_is_no_word(tmp_path):
    for variables in ({"COMP_CWORD": "x"}, {"_SOUNDSTAGE_COMPLETE": "junk"}, {"_SOUNDSTAGE_COMPLETE": "bash_junk"}):
        found = asked(tmp_path, "bash", "soundstage ", 1, **variables)
        assert (found.returncode, found.stdout, found.stderr) == (1, "", "")


@pytest.mark.slow
def test_nothing_heavy_is_imported(home):
    """The time that a press of a key takes is that of its imports."""
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: print(sorted({HEAVY!r} & set(sys.modules)), file=sys.__stderr__))\n"
        "from soundstage.cli import main\nmain()"
    )
    for words in ("", "status ", "leaderboard x --by ", "show "):
        count = len(words.split()) + 1
        own = {"COMP_WORDS": f"soundstage {words}", "COMP_CWORD": str(count), "_SOUNDSTAGE_COMPLETE": "zsh_complete"}
        own = {**os.environ, **own}
        found = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, check=True)
        assert found.stdout
        assert found.stderr.strip() == "[]", words


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell):
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert f"_SOUNDSTAGE_COMPLETE={shell}_complete" in result.output
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=result.output, text=True, check=True)


def test_another_shell_is_a_sentence():
    result = CliRunner().invoke(cli, ["completion", "tcsh"])
    assert result.exit_code == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in result.output


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_completes(home):
    """The script in bash itself: what a person who presses Tab gets, and what Enter then does."""
    (home / "bin").mkdir()
    (home / "back\\slash" / "grids").mkdir(parents=True)
    (home / "bin" / "soundstage").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m soundstage "$@"\n')
    (home / "bin" / "soundstage").chmod(0o755)
    script = """
        eval "$(soundstage completion bash)"
        ask() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _soundstage_completion soundstage 2>&1; echo "${COMPREPLY[@]}"
        }
        complete -p soundstage
        ask soundstage leaderb
        ask soundstage run dem
        ask soundstage status results/
        ask soundstage status '$'
        eval "echo ${COMPREPLY[@]}"
        ask soundstage status back
        eval "ls -d ${COMPREPLY[@]}"
    """
    own = {**os.environ, "PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
    found = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=home, env=own, capture_output=True, text=True, check=False
    )
    bound, *answers = found.stdout.splitlines()
    assert "_soundstage_completion soundstage" in bound
    assert answers == [
        "leaderboard",
        "demo",
        "results/demo results/study",
        "\\$\\(touch\\ owned\\)",
        "$(touch owned)",
        "back\\\\slash",
        "back\\slash",
    ]
    assert not (home / "owned").exists()
