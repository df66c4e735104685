"""How a grid is to be run is checked where it is said, whoever says it."""

from __future__ import annotations

import dataclasses

import pytest
from click.testing import CliRunner

import soundstage
from soundstage.cli import cli
from soundstage.errors import BadOption, SoundstageError
from soundstage.running.options import RunOptions

WRONG = {
    "workers": (0, 1.5, True),
    "scorers": (-1, 1.5, True),
    "keep": (["mixtures"], "estimate"),
    "retry": (["tiemout"],),
    "device": ("gpu", "cpu,", "cuda:x"),
    "timeout_s": (0, -1.0, float("nan")),
    "memory_limit": (0, -5, 1.5),
    "executor": ("threads",),
    "limit": (-1, 2.5),
    "only": ({"models": ["irm"]},),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_cannot_be_is_refused_by_the_parameters_name(name, value):
    with pytest.raises(BadOption, match=rf"^{name} "):
        RunOptions(**{name: value})


def test_what_does_not_go_together_is_refused():
    with pytest.raises(BadOption, match="executor inline has one worker"):
        RunOptions(executor="inline", timeout_s=5)
    with pytest.raises(BadOption, match="scheduler is a Dask cluster's"):
        RunOptions(executor="processes", scheduler="tcp://somewhere:8786")
    for executor in ("inline", "dask"):
        with pytest.raises(BadOption, match="scorers are processes of this machine"):
            RunOptions(executor=executor, scorers=2)


def test_the_executor_is_what_workers_and_limits_ask_for():
    assert RunOptions().runs_in == "inline"
    assert RunOptions(scorers=1).runs_in == "processes"
    assert RunOptions(workers=2).runs_in == RunOptions(memory_limit=10**9).runs_in == "processes"
    assert RunOptions(scheduler="tcp://somewhere:8786").runs_in == "dask"


def test_options_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunOptions().workers = 2


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--workers", "0"], "--workers must be a whole number from 1, not 0"),
        (["--retry", "tiemout"], "--retry cannot be 'tiemout'; did you mean 'timeout'?"),
        (["--timeout", "0"], "--timeout must be more than 0 seconds"),
        (["--device", "gpu"], "--device cannot be 'gpu'"),
        (["--only", "models=irm"], "--only cannot be of 'models'"),
        (["--executor", "inline", "--workers", "2"], "--executor inline has one worker"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_the_command_line_names_its_flags_in_dry_runs_too(flags, said, more, tmp_path):
    done = CliRunner().invoke(cli, ["run", "demo", "--out", str(tmp_path), *flags, *more])
    assert isinstance(done.exception, SoundstageError)
    assert said in str(done.exception)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", ["1.2.3GB", "6", ".", "6 pounds", "GB", "-1GB", "1e3MB"])
def test_a_size_that_is_none_is_a_sentence(size):
    done = CliRunner().invoke(cli, ["run", "demo", "--memory-limit", size])
    assert done.exit_code == 2
    assert "is not a size with its unit; write it as in 800MB or 6GB" in done.output


def test_python_is_told_of_its_parameters(tmp_path):
    with pytest.raises(SoundstageError, match=r"^workers must be"):
        soundstage.run("demo", tmp_path, workers=0)
