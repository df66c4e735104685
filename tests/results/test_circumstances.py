"""Beside each score stands where its source sat, how near the next one was, and what separating it took."""

import math

import pytest

import soundstage
from soundstage.results.circumstances import angles, apart


@pytest.mark.parametrize(
    ("one", "other", "degrees"),
    [
        ((0.0, 0.0), (90.0, 0.0), 90.0),
        ((350.0, 0.0), (10.0, 0.0), 20.0),
        ((-170.0, 0.0), (170.0, 0.0), 20.0),
        ((0.0, 90.0), (123.0, 0.0), 90.0),
        ((30.0, 90.0), (200.0, 90.0), 0.0),
        ((0.0, 0.0), (180.0, 0.0), 180.0),
        ((0.0, 0.0), (1e-4, 0.0), 1e-4),
    ],
)
def test_directions_are_as_far_apart_as_the_listener_sees_them(one, other, degrees):
    assert apart(one, other) == pytest.approx(degrees, rel=1e-6, abs=1e-9)


def test_the_sum_of_others_has_no_place_and_is_nobodys_neighbour():
    found = angles({"azimuths": {"vocals": 340.0, "accompaniment": -20.0, "bass": 30.0}})
    assert found["vocals"] == pytest.approx((-20.0, -20.0, 0.0, 50.0))


def test_a_single_source_has_no_neighbour():
    assert math.isnan(angles({"azimuths": {"vocals": 10.0}})["vocals"][3])


def test_what_is_not_placed_has_no_angles():
    assert angles({"azimuths": None}) == {}


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folder")
    places = folder / "places.json"
    places.write_text('{"vocals": 40, "bass": 330, "drums": 0, "other": -35}', encoding="utf-8")
    grid = {
        "datasets": ["sketches"],
        "placements": [f"fixed[file='{places}']"],
        "spatializers": ["panning", "original"],
        "separators": ["mixture", "irm"],
        "metrics": ["sdr"],
    }
    soundstage.run(grid, folder / "results", limit=4)
    return soundstage.load(folder / "results").query("status == 'ok'")


def test_load_has_angles_of_each_source_where_it_is_placed(frame):
    placed = frame[frame["spatializer"] == "panning"].set_index("source")
    assert set(placed.loc["vocals", "azimuth"]) == {40.0}
    assert placed.loc["bass", "nearest_deg"].unique() == pytest.approx([5.0])
    assert placed.loc["drums", "nearest_deg"].unique() == pytest.approx([30.0])
    assert (placed["azimuth"] == placed["azimuth_told"]).all()
    assert frame.loc[frame["spatializer"] == "original", "azimuth"].isna().all()


def test_load_has_what_it_took(frame):
    assert frame["duration_s"].between(1.0, 60.0).all()
    assert (frame["gain"] > 0.0).all()
    assert frame["real_time_factor"].between(0.0, 50.0, inclusive="neither").all()
    assert frame["peak_memory_mb"].gt(20.0).all() or frame["peak_memory_mb"].isna().all()
    assert frame["peak_gpu_memory_mb"].isna().all()
