"""Whatever TOML, JSON, options and folders hold: every verb ends, with 0 or with a sentence and another status."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import soundstage
from forging import JUNK, MORE_JUNK, altered, damaged, ended, toml_text, wreck
from soundstage.cli import VERBS, cli

ODD = (*JUNK, *MORE_JUNK)
STEMS = ("vocals", "drums")
NUMBER = itertools.count()


def bounded(examples):
    """So many examples, the same at every run."""
    kinds = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=kinds)


chance = st.integers(0, 2**32 - 1).map(random.Random)


class House:
    """A folder of everything that a verb may be given, and places of its own for what it writes."""

    def __init__(self, path: Path) -> None:
        self.path = path / "deep" / "below"
        rng = np.random.default_rng(0)
        for song in ("songs/one", "songs/two", "estimates/one", "estimates/two"):
            (self.path / song).mkdir(parents=True)
            for stem in STEMS:
                samples = 0.1 * rng.standard_normal((800, 2))
                soundfile.write(self.path / song / f"{stem}.wav", samples, 8000, "PCM_16")
        self.table = {
            "datasets": {"mine": {"plugin": "folder", "params": {"root": "songs", "mixture": "mixture"}}},
            "placements": {"p": {"plugin": "fixed", "params": {"file": "places.json"}}},
            "separators": {
                "theirs": {
                    "plugin": "estimates",
                    "params": {"root": "estimates", "layout": "{track}/{source}", "partial": True},
                    "summary": "what they made",
                    "citation": "they",
                },
            },
            "grids": {
                "g": {
                    "revision": 1,
                    "summary": "a grid",
                    "seeds": [0],
                    "tracks": ["one", "two"],
                    "excerpt": {"seconds": 0.1, "where": "start"},
                    "datasets": ["mine"],
                    "placements": ["p"],
                    "spatializers": ["panning"],
                    "separators": ["mixture", "theirs", "irm[alpha=2]"],
                    "metrics": ["sdr"],
                }
            },
        }
        self.places = {"one": {"vocals": 30, "drums": -20}, "two": {"vocals": {"azimuth": 0}, "drums": 10.5}}
        metrics = {"SDR": 1.5, "ISR": 2.0, "SIR": -3.0, "SAR": 1.0}
        self.museval = {"targets": [{"name": "vocals", "frames": [{"time": 0, "duration": 1, "metrics": metrics}]}]}
        self.publication = {
            "title": "t",
            "citation": "c",
            "protocol": {"data": "d", "aggregation": ""},
            "measures": {"SDR": {"same": "sdr.SDR", "unit": "dB"}},
            "renderings": {"R": {"sources": list(STEMS), "spatializers": ["panning"]}},
            "models": {"M": {"separators": ["mixture"]}},
            "tables": [{"where": "1", "columns": ["rendering", "model", "SDR"], "rows": [["R", "M", 1.5]]}],
        }
        self.write("grid.toml", toml_text(self.table))
        self.write("places.json", json.dumps(self.places))
        self.write("model/test/one.json", json.dumps(self.museval))
        self.write("paper.toml", toml_text(self.publication))
        self.results = self.path / "results"
        soundstage.run(self.path / "grid.toml", self.results, keep=["estimates"])
        soundstage.render(self.path / "grid.toml", self.path / "rendered")

    def write(self, name: str, contents: str | bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents if isinstance(contents, bytes) else contents.encode("utf-8", "surrogatepass"))
        return file

    def new(self) -> Path:
        """A path where nothing is yet."""
        return self.path / "new" / str(next(NUMBER)) / "it"

    def clear(self) -> None:
        """Remove what was made there."""
        shutil.rmtree(self.path / "new", ignore_errors=True)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return House(tmp_path_factory.mktemp("house"))


@pytest.fixture(autouse=True)
def _there(house, monkeypatch):
    """Whoever writes to a relative path does so in here."""
    monkeypatch.chdir(house.path)
    yield
    house.clear()


def of_a_grid(house: House, file: Path) -> list[list[object]]:
    return [
        ["run", file, "--out", house.new(), "--dry-run"],
        ["run", file, "--out", house.new()],
        ["render", file, "--out", house.new()],
        ["list", file],
        ["show", file],
        ["check", file],
        ["fetch", "theirs", "--registry", file],
        ["score", "--reference", "songs", "--estimate", "estimates", "--registry", file, "--quiet"],
        ["verify", "results", "--registry", file, "--recompute", "1"],
    ]


def of_results(house: House, folder: Path) -> list[list[object]]:
    return [
        ["leaderboard", folder],
        ["leaderboard", folder, "--by", "source", "--format", "json", "--published", "paper.toml"],
        ["status", folder, "--errors"],
        ["provenance", folder, "--lock", house.new().with_suffix(".toml")],
        ["verify", folder, "--recompute", "1", "--seed", "0"],
        ["merge", house.new(), folder],
        ["export", folder, "--out", house.new()],
        ["run", "grid.toml", "--out", folder, "--keep", "estimates"],
        ["leaderboard", folder],
    ]


def of_a_data_set(folder: Path, house: House) -> list[list[object]]:
    return [
        ["check", f"folder[root={folder}]", "--decode"],
        ["score", "--reference", folder, "--estimate", folder, "--metric", "sdr", "--quiet"],
        ["run", "grid.toml", "--out", house.new(), "--data", f"mine={folder}", "--quiet"],
        ["render", "grid.toml", "--out", house.new(), "--data", f"mine={folder}", "--quiet"],
    ]


def check_toml(house: House, rng: random.Random) -> None:
    contents: str | bytes = damaged((house.path / "grid.toml").read_bytes(), rng)
    if rng.random() < 0.8:
        table = house.table
        for _ in range(rng.randint(1, 2)):
            table = altered(table, rng, ODD)
        contents = toml_text(table) if isinstance(table, dict) else f"x = {table}"
    file = house.write("odd.toml", contents)
    ended(rng.choice(of_a_grid(house, file)))


def check_json(house: House, rng: random.Random) -> None:
    what = rng.choice(["places", "museval", "publication", "metadata"])
    if what == "publication":
        table = altered(house.publication, rng, ODD)
        paper = (toml_text(table) if isinstance(table, dict) else "x").encode()
        paper = damaged(paper, rng) if rng.random() < 0.2 else paper
        ended(["leaderboard", "results", "--published", house.write("odd-paper.toml", paper)])
        return
    if what == "metadata":
        folder = house.new()
        shutil.copytree(house.path / "rendered", folder)
        file = rng.choice(sorted(folder.rglob("metadata.json")))
        of = json.loads(file.read_text(encoding="utf-8"))
    else:
        of = {"places": house.places, "museval": house.museval}[what]
    contents = json.dumps(altered(of, rng, ODD)).encode()
    contents = damaged(contents, rng) if rng.random() < 0.3 else contents
    if what == "metadata":
        file.write_bytes(contents)
        ended(["render", "grid.toml", "--out", folder])
    elif what == "places":
        house.write("odd-places.json", contents)
        table = {**house.table, "placements": {"p": {"plugin": "fixed", "params": {"file": "odd-places.json"}}}}
        ended(["run", house.write("odd-placed.toml", toml_text(table)), "--out", house.new()])
    else:
        out = house.new()
        ended(["import", house.write("odd/test/one.json", contents), "model", "--out", out])
        ended(["leaderboard", out])


WORDS = [
    *(word for word in map(str, ODD) if not set("\0/\ud800") & set(word)),
    *("results", "grid.toml", "grid.toml:g", "songs", "estimates", "model", "paper.toml", "rendered", "mine", "theirs"),
    *("mixture", "sdr", "SDR", "panning", "g", "irm", "vocals", "one", "ok,failed", "mine=songs", "sdr.SDR"),
    *("separators=mixture", "tracks=one,two", "tracks='", 'tracks="one', "seeds=0,seeds=1", "1GB", "0", "3", "-1"),
]
words = st.one_of(st.sampled_from(WORDS), st.text(st.characters(exclude_characters="\0/~", exclude_categories=["Cs"])))
LEFT_OUT = {"scheduler", "executor", "workers", "scorers", "timeout", "memory_limit", "wait", "help"}
"""Options that start processes or wait for others."""
ALWAYS = {"audiometry": {"grid"}}
"""Options without which a verb measures for minutes, by verb."""


@st.composite
def command_lines(draw) -> list[str]:
    """A verb, what it must have, and some of its options, each with a value that fits or with any."""
    verb = draw(st.sampled_from(sorted(VERBS)))
    command = cli.get_command(click.Context(cli), verb)
    line = [verb]
    for parameter in command.params:
        needed = parameter.required or parameter.name in ALWAYS.get(verb, ())
        if parameter.name in LEFT_OUT or not (needed or draw(st.integers(0, 3)) == 0):
            continue
        if isinstance(parameter, click.Argument):
            line += draw(st.lists(words, min_size=1, max_size=2 if parameter.nargs == -1 else 1))
        elif parameter.is_flag:
            line.append(parameter.opts[0])
        else:
            choices = getattr(parameter.type, "choices", ())
            line += [parameter.opts[0], draw(st.one_of(words, st.sampled_from(choices)) if choices else words)]
    return [*line, "--dry-run"] if verb == "run" and draw(st.booleans()) else line


def check_damaged_folder(house: House, rng: random.Random) -> None:
    house.clear()
    folder = house.new()
    if rng.random() < 0.6:
        shutil.copytree(house.results, folder)
        lines = of_results(house, folder)
    else:
        shutil.copytree(house.path / rng.choice(["songs", "rendered/test"]), folder)
        lines = of_a_data_set(folder, house)
    for _ in range(rng.randint(1, 3)):
        wreck(folder, rng)
    for line in lines if rng.random() < 0.5 else [rng.choice(lines)]:
        ended(line)


@pytest.mark.slow
@given(chance)
@bounded(15)
def test_any_toml_is_taken_or_refused_with_a_sentence(house, rng):
    check_toml(house, rng)


@pytest.mark.slow
@given(chance)
@bounded(15)
def test_any_json_is_taken_or_refused_with_a_sentence(house, rng):
    check_json(house, rng)


@pytest.mark.slow
@given(command_lines())
@bounded(25)
def test_any_command_line_is_taken_or_refused_with_a_sentence(house, line):
    ended(line)


@pytest.mark.slow
@given(chance)
@bounded(8)
def test_any_damaged_folder_is_taken_or_refused_with_a_sentence(house, rng):
    check_damaged_folder(house, rng)


@pytest.mark.parametrize("letters", [255, 300, 5000])
@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"list"}))
def test_a_path_that_no_system_has_is_a_sentence_in_every_verb(house, verb, letters):
    command = cli.get_command(click.Context(cli), verb)
    line = [verb]
    for parameter in command.params:
        if parameter.required or parameter.name in ("out", "lock", "grid"):
            line += [*([] if isinstance(parameter, click.Argument) else parameter.opts[:1]), "x" * letters]
    assert ended(line)[0]


@pytest.mark.heavy
@given(chance)
@bounded(600)
def test_hundreds_of_toml_files_are_taken_or_refused_with_a_sentence(house, rng):
    check_toml(house, rng)


@pytest.mark.heavy
@given(chance)
@bounded(1000)
def test_a_thousand_json_files_are_taken_or_refused_with_a_sentence(house, rng):
    check_json(house, rng)


@pytest.mark.heavy
@given(command_lines())
@bounded(2000)
def test_thousands_of_command_lines_are_taken_or_refused_with_a_sentence(house, line):
    ended(line)


@pytest.mark.heavy
@given(chance)
@bounded(150)
def test_hundreds_of_damaged_folders_are_taken_or_refused_with_a_sentence(house, rng):
    check_damaged_folder(house, rng)
