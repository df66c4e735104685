"""What metrics say of a source that moves: frame by frame, or that it has no one place."""

from __future__ import annotations

import math

import numpy as np
import pytest

from soundstage.results.circumstances import angles
from soundstage.scene import Motion, Placement, Track
from soundstage_metrics.cues.scores import Cues
from soundstage_metrics.interaural import Interaural
from soundstage_metrics.localization.scores import Localization
from soundstage_spatializers.hrir import Hrir

WAY = Motion((0.0, 4.0), (-60.0, 60.0))
NOWHERE = "the source moves, so it has no one place over the track; localization compares frame by frame"


@pytest.fixture(scope="module")
def scenes():
    """Noise on its way from right to left beside a second source at rest, and all of it at rest in front."""
    noise = np.random.default_rng(3).normal(size=(2, 1, 4 * 16000)) / 10
    track = Track("song", 16000, {"bass": noise[0], "keys": noise[1]})
    moving = Placement({"bass": -60.0, "keys": 20.0}, motions={"bass": WAY})
    return Hrir().render(track, moving), Hrir().render(track, Placement({"bass": 0.0, "keys": 20.0}))


def rows(metric, scene, estimates):
    return {(row.source, row.name): row for row in metric.prepare(scene)(estimates) if row.frame is None}


def test_localization_hears_it_frame_by_frame(scenes):
    moving, still = scenes
    perfect = rows(Localization(), moving, moving.references)
    assert perfect["bass", "localization_error"].value == 0.0
    frozen = rows(Localization(), moving, {**moving.references, "bass": still.references["bass"]})
    assert frozen["bass", "localization_error"].value == pytest.approx(30.0, abs=4.0)  # half of what it moves away
    assert frozen["keys", "localization_error"].value == 0.0
    assert math.isnan(frozen["bass", "placement_error"].value)
    assert "this one moves" in frozen["bass", "placement_error"].note
    assert frozen["keys", "placement_error"].value < 3.0


@pytest.mark.parametrize(
    ("metric", "lost"), [(Cues(), {"ITD_error", "angular_error"}), (Interaural(), {"ITD_difference"})]
)
def test_what_is_of_whole_tracks_has_no_value_and_says_why(scenes, metric, lost):
    moving, still = scenes
    found = rows(metric, moving, {**moving.references, "bass": still.references["bass"]})
    for (source, name), row in found.items():
        assert (row.note == NOWHERE) == (source == "bass" and name in lost), (source, name)
        assert math.isnan(row.value) == (source == "bass" and name in lost), (source, name)


def test_in_tables_it_has_no_azimuth_and_nobody_has_a_nearest(scenes):
    moving, still = scenes
    found = angles(moving.facts())
    assert np.isnan(found["bass"]).tolist() == [True, True, False, True]
    assert found["keys"][:3] == (20.0, 20.0, 0.0)
    assert math.isnan(found["keys"][3])
    assert angles(still.facts())["keys"] == pytest.approx((20.0, 20.0, 0.0, 20.0))
