"""Metric scripts in environments of their own, as a user runs them."""

from __future__ import annotations

import numpy as np
import pytest

import soundstage
from soundstage.errors import NotInstalled
from soundstage.isolation import environment
from soundstage.isolation.metric import metric_class
from soundstage.scene import Scene
from soundstage_metrics.spauq import SpauqPublished

pytestmark = pytest.mark.heavy


def test_the_example_gives_with_a_numpy_of_its_own_what_its_formula_gives_here(root, tmp_path, lasting_environments):
    example = root / "examples" / "metric-script"
    grid = {
        "datasets": ["sketches"],
        "spatializers": ["original"],
        "separators": ["mixture", "reference"],
        "metrics": ["sdr", "levels"],
    }
    for ran in (6, 0):
        summary = soundstage.run(grid, tmp_path / "out", registry=[example / "registry.toml"], workers=2, isolate=True)
        assert (summary.ran, summary.now) == (ran, ())
    frame = soundstage.load(tmp_path / "out")
    own = frame[frame["metric"] == "levels"]
    assert set(own.loc[own["separator"] == "reference", "value"]) == {0.0}

    from soundstage.results.store import Store

    record = Store(tmp_path / "out").record(own["cell"].iloc[0])
    (versions,) = [one.details["environment"] for one in record.scores.values() if "environment" in one.details]
    assert versions["numpy"].startswith("1.26.")
    assert versions["numpy"] != np.__version__


def signals():
    rng = np.random.default_rng(3)
    reference = 0.1 * np.array([[1.0, 0.4], [0.1, 0.7]]) @ rng.standard_normal((2, 3 * 44100))
    return reference, reference + 0.02 * rng.standard_normal(reference.shape)


def test_the_same_metric_gives_in_a_script_what_it_gives_in_process(tmp_path, lasting_environments):
    reference, estimate = signals()
    scene = Scene(44100, reference, {"vocals": reference})
    path = tmp_path / "mean.py"
    path.write_text(
        '# /// script\n# requires-python = ">=3.11,<3.13"\n# dependencies = ["numpy==1.26.4"]\n# ///\n'
        'measures = {"SDR": {"unit": "dB", "higher_is_better": True}}\n'
        "import numpy as np\n"
        "def sdr(s, e):\n    return 10 * np.log10(np.sum(s**2) / np.sum((s - e) ** 2))\n"
        "class M:\n    def prepare(self, scene):\n"
        "        return lambda found: [(n, 'SDR', sdr(scene.references[n], e)) for n, e in found.items()]\n"
        "def load():\n    return M()\n"
    )
    (row,) = metric_class(path)().prepare(scene)({"vocals": estimate})
    here = 10 * np.log10(np.sum(reference**2) / np.sum((reference - estimate) ** 2))
    assert row.value == pytest.approx(float(here), rel=1e-13)


def test_the_published_definition_is_the_original_packages(lasting_environments):
    """Runs wherever the package's Git repository can be reached, or has been: else it says so and skips."""
    from soundstage.catalogue.registry import Registry

    known = Registry.load()
    original = known.plugin(known.entry("metrics", "spauq_original")).load()
    try:
        environment.make(original.script)
    except NotInstalled as error:
        pytest.skip(f"the original spauq package cannot be had here: {error}")
    reference, estimate = signals()
    scene = Scene(44100, reference, {"vocals": reference})
    theirs = {row.name: row.value for row in original().prepare(scene)({"vocals": estimate})}
    ours = {row.name: row.value for row in SpauqPublished().prepare(scene)({"vocals": estimate}) if row.frame is None}
    assert theirs == pytest.approx({name: ours[name] for name in theirs}, abs=1e-6)
