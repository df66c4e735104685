"""A metric script is a metric like any other, and what goes wrong in it is said by name."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import soundstage
from soundstage.catalogue.registry import Registry
from soundstage.contracts import Measure, Score
from soundstage.errors import ConsentMissing, Crashed, NotInstalled, SoundstageError
from soundstage.isolation import environment
from soundstage.isolation.metric import metric_class
from soundstage.scene import Placement, Scene

HEAD = """# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy"]
# ///
"""
MEASURES = 'measures = {"error": {"unit": "dB", "higher_is_better": False, "decimals": 1}}\n'
BODY = '''"""An error in dB."""
import os
import numpy as np
class Metric:
    details = {"made": "here"}
    def __init__(self, floor):
        self.floor = floor
    def prepare(self, scene):
        with open(os.environ["TMPDIR"] + "/prepared", "a") as file:
            file.write(f"{sorted(scene.references)} {scene.rate} {scene.gain} {scene.placement is None}\\n")
        def score(estimates):
            for source, estimate in estimates.items():
                error = np.mean((estimate - scene.references[source]) ** 2) + self.floor
                yield source, "error", 10 * np.log10(error)
                more = {"frame": np.int64(0), "note": "n", "ranked": False}
                yield {"source": source, "name": "error", "value": 1.5, **more}
        return score
def load(floor: float = 1e-9):
    return Metric(floor)
'''


@pytest.fixture(autouse=True)
def _here(monkeypatch, tmp_path):
    """This interpreter stands for the environments of scripts: making those takes a network."""
    monkeypatch.setattr(environment, "make", lambda script: Path(sys.executable))
    monkeypatch.setattr(environment, "interpreter", lambda script: Path(sys.executable))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def script(tmp_path, body=BODY, measures=MEASURES):
    path = tmp_path / "metric.py"
    path.write_text(HEAD + measures + body)
    return path


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    references = {name: rng.standard_normal((2, 500)) for name in ("bass", "vocals")}
    placement = Placement({"bass": 30.0, "vocals": 350.0})
    return Scene(8000, sum(references.values()), references, placement, 0.5)


def test_its_rows_are_those_of_the_same_metric_here(tmp_path, scene):
    estimates = {name: one + 0.1 for name, one in scene.references.items()}
    scorer = metric_class(script(tmp_path))(floor=1e-6).prepare(scene)
    expected = []
    for name, one in estimates.items():
        value = 10 * np.log10(np.mean((one - scene.references[name]) ** 2) + 1e-6)
        expected += [Score(name, "error", float(value)), Score(name, "error", 1.5, 0, "n", False)]
    assert scorer(estimates) == expected
    assert scorer.details["made"] == "here"
    assert scorer.details["environment"]["numpy"] == np.__version__


def test_a_scene_goes_over_once_however_many_are_scored_on_it(tmp_path, scene):
    scorer = metric_class(script(tmp_path))().prepare(scene)
    for level in (0.1, 0.2, 0.3):
        assert len(scorer({"bass": level * scene.references["bass"]})) == 2
    assert (tmp_path / "prepared").read_text() == "['bass', 'vocals'] 8000 0.5 False\n"


def test_scenes_of_long_ago_are_prepared_again_and_never_mixed_up(tmp_path, scene):
    metric = metric_class(script(tmp_path))()
    scenes = [Scene(8000, scene.mixture, {"bass": level * scene.references["bass"]}) for level in range(6)]
    scorers = [metric.prepare(one) for one in scenes]
    found = [scorer(one.references)[0].value for scorer, one in zip(scorers, scenes, strict=True)]
    assert found == pytest.approx([-90.0] * 6)


def test_one_that_died_is_started_and_prepared_again(tmp_path, scene):
    body = BODY.replace(
        "def score(estimates):", "def score(estimates):\n            if 'die' in estimates: os._exit(3)"
    )
    scorer = metric_class(script(tmp_path, body))().prepare(scene)
    with pytest.raises(Crashed, match="the script's process died"):
        scorer({"die": scene.mixture})
    assert scorer(scene.references)[0].value == pytest.approx(-90.0)


def test_what_it_measures_is_known_without_running_it(tmp_path):
    found = metric_class(script(tmp_path, 'raise RuntimeError("never run here")\ndef load(): ...\n'))
    assert found.measures == {"error": Measure("dB", higher_is_better=False, decimals=1)}
    assert vars(found)["revision"].startswith("script ")


@pytest.mark.parametrize(
    ("measures", "words"),
    [
        ("", "declares no measures; write measures = "),
        ("measures = {}\n", "declares no measures"),
        ('measures = {"x": {"unit": "dB"}}\n', "its measure 'x' is none .*higher_is_better"),
        ('measures = {"x": "dB"}\n', "its measure 'x' is none"),
        ('measures = {"x": {"unit": "dB", "higher_is_better": True, "decimals": 99}}\n', "decimals"),
        ("measures = dict(x=1)\n", "measures must be a literal"),
    ],
)
def test_measures_that_are_none_are_named_with_their_file(tmp_path, measures, words):
    with pytest.raises(SoundstageError, match=words) as caught:
        metric_class(script(tmp_path, measures=measures))
    assert "metric.py" in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (("return Metric(floor)", "return 3"), r"load\(\) returned int, which has no prepare\(scene\)"),
        (("        return score", "        return 3"), r"prepare\(\) returned int, not a scorer"),
        (("    def prepare(self, scene):", "    def prepare(self, scene):\n        1 / 0"), "ZeroDivisionError"),
        (("yield source", "yield 1, 2, 3, 4, 5, 6, source"), "a row of 9 values; a row is source, name"),
        (('"note": "n"', '"nota": "n"'), "returned a row of source, name, value, frame, nota, ranked"),
        (("import numpy as np", "import nosuchmodule"), "nosuchmodule"),
    ],
)
def test_what_goes_wrong_in_it_is_said(tmp_path, scene, fault, words):
    metric = metric_class(script(tmp_path, BODY.replace(*fault)))()
    with pytest.raises(SoundstageError, match=words):
        metric.prepare(scene)(scene.references)


GRID = {
    "datasets": ["sketches"],
    "tracks": {"random": 1, "seed": 0},
    "spatializers": ["original"],
    "separators": ["mixture"],
}


def registry_of(tmp_path, path):
    own = tmp_path / "own.toml"
    own.write_text(f'[metrics.mine]\nscript = "{path}"\nsummary = "Mine"\n')
    return own


@pytest.mark.slow
def test_a_grid_scores_with_it_and_the_records_say_in_which_environment(tmp_path):
    own = registry_of(tmp_path, script(tmp_path))
    grid = {**GRID, "metrics": ["sdr", "mine", "mine[floor=1e-3]"]}
    summary = soundstage.run(grid, tmp_path / "out", registry=[own], workers=1)
    assert summary.now == ()
    frame = soundstage.load(tmp_path / "out")
    assert set(frame["metric"]) == {"sdr", "mine", "mine[floor=1e-3]"}
    assert set(frame["status"]) == {"ok"}
    assert soundstage.run(grid, tmp_path / "out", registry=[own], workers=1).ran == 0
    script(tmp_path, BODY + "# another text, other numbers perhaps\n")
    assert soundstage.run(grid, tmp_path / "out", registry=[own], workers=1).ran > 0

    from click.testing import CliRunner

    from soundstage.cli import cli

    lock = tmp_path / "run.lock.toml"
    told = CliRunner().invoke(cli, ["provenance", str(tmp_path / "out"), "--lock", str(lock)])
    assert told.exit_code == 0, told.output
    assert f'numpy = "{np.__version__}"' in lock.read_text()
    with pytest.raises(ConsentMissing, match=r"metric 'mine.*' of the lock file is the script"):
        soundstage.run(lock, tmp_path / "again")
    assert soundstage.run(lock, tmp_path / "again", registry=[own]).now == ()


@pytest.mark.slow
def test_one_that_cannot_be_had_costs_its_own_scores_alone(tmp_path, monkeypatch):
    def nowhere(script):
        raise NotInstalled("the environment could not be made")

    monkeypatch.setattr(environment, "interpreter", lambda script: None)
    monkeypatch.setattr(environment, "make", nowhere)
    own = registry_of(tmp_path, script(tmp_path))
    soundstage.run({**GRID, "metrics": ["sdr", "mine"]}, tmp_path / "out", registry=[own])
    frame = soundstage.load(tmp_path / "out")
    assert set(frame.loc[frame["metric"] == "sdr", "status"]) == {"ok"}
    assert set(frame.loc[frame["metric"] == "mine", "status"]) == {"not-installed"}
    assert frame.loc[frame["metric"] == "mine", "note"].str.startswith("metric 'mine': the environment could not").all()


def test_lists_and_shows_know_it_without_running_it(tmp_path):
    from click.testing import CliRunner

    from soundstage.cli import cli

    own = registry_of(tmp_path, script(tmp_path))
    listed = CliRunner().invoke(cli, ["list", "metrics", "--registry", str(own)]).output
    assert "mine" in listed
    assert "spauq_original" in listed
    shown = CliRunner().invoke(cli, ["show", "mine", "--registry", str(own)]).output
    assert "error in dB, lower is better" in shown
    assert "floor" in shown


def test_the_original_spauq_is_registered_and_declares_its_package_without_holding_it(root):
    plugin = Registry.load().plugin(Registry.load().entry("metrics", "spauq_original"))
    found = plugin.load()
    assert set(found.measures) == {"SSR", "SRR"}
    assert found.script.dependencies == ("numpy", "scipy", "spauq")
    assert "git+https://github.com/karnwatcharasupat/spauq" in found.script.metadata


def test_the_documentation_shows_the_example_as_it_is(root):
    text = (root / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert (root / "examples" / "metric-script" / "levels.py").read_text(encoding="utf-8") in text
