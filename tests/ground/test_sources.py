"""Sources are mapped by name; the accompaniment is what is left without the vocals; nothing is ever scored as zero."""

from __future__ import annotations

import math

import numpy as np
import pytest

import soundstage
from soundstage import sources
from soundstage.scene import Scene

FOUR = ("vocals", "drums", "bass", "other")
TWO = ("vocals", "accompaniment")


@pytest.mark.parametrize(
    ("scene", "declared", "expected"),
    [
        (FOUR, None, FOUR),
        (FOUR, FOUR, FOUR),
        (FOUR, ("other", "vocals", "piano"), ("vocals", "other")),
        (FOUR, TWO, TWO),
        (TWO, FOUR, TWO),
        (TWO, TWO, TWO),
        (FOUR, ("vocals", "accompaniment", "drums"), ("vocals", "drums")),
        (("guitar", "bass"), TWO, ()),
        (("drums", "bass"), FOUR, ("drums", "bass")),
        (("vocals",), TWO, ("vocals",)),
    ],
)
def test_a_model_is_asked_for_what_it_has(scene, declared, expected):
    assert sources.wanted(scene, declared) == expected


def test_the_accompaniment_of_estimates_is_their_sum_without_the_vocals():
    rng = np.random.default_rng(0)
    images = {source: rng.standard_normal((2, 50)) for source in FOUR}
    found, derived = sources.complete(images, TWO)
    np.testing.assert_array_equal(found["accompaniment"], images["drums"] + images["bass"] + images["other"])
    assert derived == {"accompaniment": ["drums", "bass", "other"]}
    assert list(found) == list(TWO)


def test_the_accompaniment_of_a_scene_is_the_sum_of_its_other_references():
    rng = np.random.default_rng(0)
    references = {source: rng.standard_normal((2, 50)) for source in FOUR}
    scene = Scene(8000, sum(references.values()), references)
    scored = sources.scored(scene, TWO)
    assert list(scored.references) == list(TWO)
    np.testing.assert_array_equal(scored.references["vocals"], references["vocals"])
    np.testing.assert_allclose(sum(scored.references.values()), scene.mixture, atol=1e-12)
    assert sources.scored(scene, FOUR) is scene


def test_in_a_run_two_outputs_are_scored_on_two_and_the_rest_is_skipped(toys, tmp_path):
    grid = {
        "datasets": ["toy"],
        "spatializers": ["flat"],
        "separators": ["duo", "partial", "nothing"],
        "metrics": ["error"],
    }
    soundstage.run(grid, tmp_path)
    frame = soundstage.load(tmp_path)
    duo = frame[(frame["separator"] == "duo") & (frame["name"] == "error") & frame["frame"].isna()]
    assert set(duo[duo["value"].notna()]["source"]) == set(TWO)
    skipped = duo[duo["value"].isna()]
    assert set(skipped["source"]) == {"bass", "drums"}
    assert set(skipped["note"]) == {"skipped: duo separates no bass", "skipped: duo separates no drums"}
    assert set(skipped["status"]) == {"skipped"}
    assert not skipped["ranked"].any()
    # The toy returns the mixture in parts, a quarter and three: its error is in closed form.
    from soundstage_toys import Toy

    stems = Toy().load("song 0").stems
    mixture, rest = sum(stems.values()), stems["bass"] + stems["drums"]
    expected = 10 * math.log10(np.mean((0.75 * mixture - rest) ** 2) + 1e-12)
    row = duo[(duo["track"] == "song 0") & (duo["source"] == "accompaniment")]
    assert row["value"].iloc[0] == pytest.approx(expected, abs=1e-9)


def test_metrics_prepare_once_for_each_set_of_references(toys, tmp_path):
    log = tmp_path / "log"
    grid = {
        "datasets": ["toy[tracks=1]"],
        "spatializers": ["flat"],
        "separators": ["duo", "nothing", "duo[]", "truth"],
        "metrics": [f"error[log={log}]"],
    }
    soundstage.run(grid, tmp_path / "out")
    assert log.read_text().split() == ["prepare"] * 2


def test_kept_estimates_of_two_outputs_are_scored_alike(toys, tmp_path):
    grid = {"datasets": ["toy"], "spatializers": ["flat"], "separators": ["duo"], "metrics": ["error"]}
    soundstage.run(grid, tmp_path, keep=["estimates"])
    soundstage.run({**grid, "metrics": ["error", "other_error"]}, tmp_path, keep=["estimates"])
    frame = soundstage.load(tmp_path)
    first, second = (frame[frame["metric"] == metric]["value"].to_numpy() for metric in ("error", "other_error"))
    np.testing.assert_allclose(first, second, atol=1e-9)
