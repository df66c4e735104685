"""Where sources sit: drawn, or read from a file."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from soundstage.draw import Draw
from soundstage.errors import SoundstageError
from soundstage.scene import Motion
from soundstage_datasets.placements import FRONTAL_AZIMUTHS, Around, Fixed, Frontal, Moving, Panorama

SOURCES = ("vocals", "drums", "bass", "other")


def draw(seed=0, track="song"):
    return Draw(seed, "sketches", track, "frontal")


def fixed(tmp_path, content, name="positions.json", **parameters):
    file = tmp_path / name
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return Fixed(file, **parameters)


def test_the_frontal_azimuths_are_those_of_binaural_musdb():
    assert sorted(FRONTAL_AZIMUTHS) == [*range(0, 100, 10), *range(270, 360, 10)]


def test_frontal_draws_without_replacement():
    for seed in range(50):
        azimuths = Frontal().place("song", SOURCES, draw(seed)).azimuths
        assert set(azimuths) == set(SOURCES)
        assert len(set(azimuths.values())) == 4
        assert set(azimuths.values()) <= set(FRONTAL_AZIMUTHS)


def test_frontal_uses_every_azimuth_about_equally_often():
    counts = Counter(Frontal().place("song", ["a", "b"], draw(seed)).azimuths["b"] for seed in range(1900))
    assert len(counts) == 19
    assert 60 < min(counts.values()) <= max(counts.values()) < 145


def test_the_order_of_the_sources_does_not_matter():
    for rule in (Frontal(), Panorama(), Around(elevation_to=40.0)):
        assert rule.place("song", SOURCES, draw()) == rule.place("song", SOURCES[::-1], draw())


def test_seed_and_track_move_the_sources():
    places = {str(Frontal().place("x", SOURCES, draw(seed, track)).azimuths) for seed in (0, 1) for track in "ab"}
    assert len(places) == 4


def test_frontal_halves_azimuths_into_panning_angles():
    placement = Frontal().place("song", [str(number) for number in range(19)], draw())
    angles = sorted(placement.panning_angle(source) for source in placement.azimuths)
    assert angles == [float(angle) for angle in range(-45, 50, 5)]


def test_frontal_refuses_more_sources_than_azimuths():
    with pytest.raises(SoundstageError, match="track 'song' has 20 sources"):
        Frontal().place("song", [str(number) for number in range(20)], draw())


def test_panorama_is_uniform_over_the_stereo_base():
    placements = [Panorama().place("song", SOURCES, draw(seed)) for seed in range(500)]
    angles = [placement.panning_angle("bass") for placement in placements]
    assert -45 <= min(angles) < -43
    assert 43 < max(angles) < 45
    assert abs(sum(angles) / len(angles)) < 4
    assert placements[0].azimuths["bass"] == angles[0]
    assert placements[0].panning == "same"


def test_panorama_moves_no_source_when_another_joins():
    few, many = (Panorama().place("song", names, draw()) for names in (SOURCES[:2], SOURCES))
    assert few.azimuths["drums"] == many.azimuths["drums"]


def test_one_table_places_all_tracks(tmp_path):
    rule = fixed(tmp_path, {"vocals": 0, "drums": 300, "bass": {"azimuth": -20, "elevation": 15.5}, "spare": 1})
    for track in ("one", "two"):
        placement = rule.place(track, ("vocals", "drums", "bass"), draw())
        assert placement.azimuths == {"vocals": 0.0, "drums": 300.0, "bass": -20.0}
        assert placement.elevations == {"bass": 15.5}
        assert placement.panning_angle("drums") == -30.0


def test_tables_place_their_tracks(tmp_path):
    rule = fixed(tmp_path, {"one": {"vocals": 10}, "two": {"vocals": 20}}, panning="same")
    assert rule.place("two", ["vocals"], draw()).azimuths == {"vocals": 20.0}
    assert rule.place("one", ["vocals"], draw()).panning_angle("vocals") == 10.0


@pytest.mark.parametrize(("name", "text"), [("p.json", '{"bass": 30}'), ("p.toml", "bass = 30\n")])
def test_a_byte_order_mark_is_no_part_of_it_and_what_never_ends_is_a_sentence(tmp_path, name, text):
    assert fixed(tmp_path, "\ufeff" + text, name).place("song", ["bass"], draw()).azimuths == {"bass": 30}
    deep = ("" if name == "p.json" else "bass = ") + "[" * 100_000
    with pytest.raises(SoundstageError, match="not readable as"):
        fixed(tmp_path, deep, name).place("song", ["bass"], draw())


def test_toml_works_too(tmp_path):
    rule = fixed(tmp_path, '["Mu - Too Bright"]\nvocals = 80\nbass = {azimuth = 1.5, elevation = -30}', "p.toml")
    placement = rule.place("Mu - Too Bright", ["vocals", "bass"], draw())
    assert placement.azimuths == {"vocals": 80.0, "bass": 1.5}
    assert placement.elevation("bass") == -30.0


def test_the_published_grouping_by_split_works(tmp_path):
    rule = fixed(tmp_path, {"test": {"one": {"vocals": 10}}, "train": {"two": {"vocals": {"azimuth": 20}}}})
    assert rule.place("one", ["vocals"], draw()).azimuths == {"vocals": 10.0}
    assert rule.place("two", ["vocals"], draw()).azimuths == {"vocals": 20.0}


def test_the_published_metadata_itself_works(shared):
    rule = Fixed(shared / "published" / "binaural_musdb_metadata.json")
    placement = rule.place("Moosmusic - Big Dummy Shake", SOURCES, draw())
    assert placement.azimuths == {"vocals": 300.0, "bass": 10.0, "drums": 80.0, "other": 70.0}


def test_the_file_is_what_the_placement_depends_on(tmp_path):
    rule = fixed(tmp_path, {"vocals": 0})
    assert rule.files() == [tmp_path / "positions.json"]


def test_an_unknown_track_is_named_with_the_nearest(tmp_path):
    rule = fixed(tmp_path, {"Low Tide": {"vocals": 0}})
    with pytest.raises(SoundstageError, match=r"positions\.json: track 'Low tide'.*did you mean 'Low Tide'"):
        rule.place("Low tide", ["vocals"], draw())


def test_an_unknown_source_is_named_with_its_track(tmp_path):
    rule = fixed(tmp_path, {"vocals": 0})
    with pytest.raises(SoundstageError, match=r"positions\.json: track 'song', source 'piano' has no position"):
        rule.place("song", ["vocals", "piano"], draw())


@pytest.mark.parametrize(
    "position",
    [
        "left",
        True,
        None,
        [1],
        361,
        10**400,
        -(10**23),
        {"azimuth": 0, "elevation": 10**310},
        {"azimuth": 0, "elevation": 91},
        {"azimuth": "0"},
        {"azimuth": 0, "height": 1},
    ],
)
def test_a_wrong_position_is_refused(tmp_path, position):
    with pytest.raises(SoundstageError, match=r"positions\.json: track 'song', source 'vocals'"):
        fixed(tmp_path, {"vocals": position, "bass": 0}).place("song", ["vocals"], draw())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"vocals": 0, "vocals": 10}', "'vocals' stands twice"),
        ("{", "not readable as JSON"),
        ("{}", "holds no positions"),
        ("[1, 2]", "holds no positions"),
        ('{"vocals": NaN, "bass": 1}', "is not a number of degrees"),
        ('{"vocals": 0, "one": {"vocals": 1}}', "'vocals' is neither a track"),
        ('{"test": {"one": {}}}', "'test' is neither a track"),
        ('{"test": {"one": {"vocals": 1}}, "train": {"one": {"vocals": 2}}}', "track 'one' is placed twice"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, content, complaint):
    with pytest.raises(SoundstageError, match=r"positions\.json") as caught:
        fixed(tmp_path, content).place("song", ["vocals"], draw())
    assert complaint in str(caught.value)


def test_a_missing_or_foreign_file_is_refused(tmp_path):
    with pytest.raises(SoundstageError, match=r"gone\.json: cannot be read"):
        Fixed(tmp_path / "gone.json").place("song", ["vocals"], draw())
    with pytest.raises(SoundstageError, match=r"\.json or \.toml"):
        fixed(tmp_path, "vocals: 0", "p.yaml").place("song", ["vocals"], draw())
    with pytest.raises(SoundstageError, match="not readable as TOML"):
        fixed(tmp_path, "vocals 0", "p.toml").place("song", ["vocals"], draw())
    with pytest.raises(SoundstageError, match="'half' or 'same'"):
        Fixed(tmp_path / "p.json", panning="quarter")


def test_panorama_can_tell_wrong_angles_without_moving_a_source():
    true, noisy = Panorama().place("song", SOURCES, draw()), Panorama(noise=8.0).place("song", SOURCES, draw())
    assert noisy.azimuths == true.azimuths
    assert true.as_told().azimuths == true.azimuths
    errors = [
        Panorama(noise=8.0).place("song", SOURCES, draw(seed)).as_told().azimuths[source]
        - Panorama().place("song", SOURCES, draw(seed)).azimuths[source]
        for seed in range(200)
        for source in SOURCES
    ]
    assert -8 <= min(errors) < -7.8
    assert 7.8 < max(errors) <= 8
    assert abs(sum(errors) / len(errors)) < 0.5
    with pytest.raises(SoundstageError, match="must be from 0 to 90"):
        Panorama(noise=-1)


def test_panorama_tells_no_angle_beyond_the_stereo_base():
    noisy = [Panorama(noise=8.0).place("song", SOURCES, draw(seed)) for seed in range(500)]
    told = [placement.as_told().azimuths[source] for placement in noisy for source in SOURCES]
    true = [placement.azimuths[source] for placement in noisy for source in SOURCES]
    assert (min(told), max(told)) == (-45.0, 45.0)
    clipped = [angle for angle, said in zip(true, told, strict=True) if abs(said) == 45.0]
    assert 0.02 < len(clipped) / len(told) < 0.07  # 8² of 90 × 16 square degrees: 0.044
    assert min(map(abs, clipped)) > 45 - 8
    drawn = {Panorama(noise=90.0).place("song", SOURCES, draw(seed)).as_told().azimuths["bass"] for seed in range(50)}
    assert max(map(abs, drawn)) == 45.0


def drawn(rule, count=300, sources=SOURCES):
    """(draws, sources, 2): azimuths and elevations."""
    found = [rule.place("song", sources, draw(seed)) for seed in range(count)]
    return np.array([[(place.azimuths[name], place.elevation(name)) for name in sources] for place in found])


def test_around_places_sources_all_round_at_the_height_of_the_ears():
    places = drawn(Around())
    assert not places[..., 1].any()
    quarters, _ = np.histogram(places[..., 0], bins=4, range=(0, 360))
    assert quarters.sum() == 1200
    assert quarters.min() > 240
    assert Around().place("song", SOURCES, draw()).elevations == {}


def test_around_keeps_to_its_part_and_to_equal_areas():
    places = drawn(Around(azimuth_from=100.0, azimuth_to=200.0, elevation_from=-30.0, elevation_to=60.0, apart=0.0))
    assert 100 <= places[..., 0].min() < 102
    assert 198 < places[..., 0].max() < 200
    assert -30 <= places[..., 1].min() < -28
    assert 58 < places[..., 1].max() < 60
    heights = np.sin(np.radians(places[..., 1]))
    assert heights.mean() == pytest.approx((np.sin(np.radians(-30)) + np.sin(np.radians(60))) / 2, abs=0.03)


@pytest.mark.parametrize(
    ("hemisphere", "axis", "sign"),
    [("front", 0, 1), ("rear", 0, -1), ("left", 1, 1), ("right", 1, -1), ("upper", 2, 1), ("lower", 2, -1)],
)
def test_a_hemisphere_is_half_of_all_directions(hemisphere, axis, sign):
    whole = {"elevation_from": -90.0, "elevation_to": 90.0}
    azimuth, elevation = np.radians(drawn(Around(hemisphere=hemisphere, **whole), 100)).T
    ways = np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)
    assert (sign * ways[axis]).min() > -1e-12
    assert np.abs([np.mean(way) for index, way in enumerate(ways) if index != axis]).max() < 0.08


def test_around_keeps_sources_apart_as_the_listener_sees_them():
    places = np.radians(drawn(Around(elevation_from=-90.0, elevation_to=90.0, apart=70.0), 100))
    ways = np.stack(
        [
            np.cos(places[..., 1]) * np.cos(places[..., 0]),
            np.cos(places[..., 1]) * np.sin(places[..., 0]),
            np.sin(places[..., 1]),
        ],
        axis=-1,
    )
    between = np.degrees(np.arccos(np.clip(ways @ ways.transpose(0, 2, 1), -1, 1)))
    assert between[:, ~np.eye(4, dtype=bool)].min() > 70 - 1e-6
    with pytest.raises(SoundstageError, match="no place for 'other', 130 degrees from 2 other sources, in 1000 draws"):
        Around(apart=130.0).place("song", SOURCES, draw())


def test_around_moves_no_source_when_a_later_one_joins():
    few, many = (Around(elevation_to=30.0).place("song", names, draw()) for names in (("bass", "drums"), SOURCES))
    assert {name: many.azimuths[name] for name in few.azimuths} == few.azimuths
    assert few.azimuths["drums"] == Around(elevation_to=30.0).place("song", ("bass", "drums"), draw()).azimuths["drums"]


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"azimuth_from": 10.0, "azimuth_to": 0.0}, "azimuths from 10 to 0 degrees"),
        ({"azimuth_from": -350.0, "azimuth_to": 20.0}, "no more than a turn apart"),
        ({"elevation_to": 91.0}, "elevations from 0 to 91 degrees"),
        ({"elevation_from": float("nan")}, "elevations from nan"),
        ({"hemisphere": "north"}, "hemisphere 'north' is unknown; take one of all, front"),
        ({"apart": -1.0}, "apart=-1 must be from 0 to 180"),
    ],
)
def test_parts_that_are_none_are_refused(parameters, complaint):
    with pytest.raises(SoundstageError, match=complaint):
        Around(**parameters)


def test_moving_goes_to_and_fro_from_where_it_is_drawn():
    placement = Moving(seconds=4.0).place("song", SOURCES, draw())
    assert set(placement.motions) == set(SOURCES)
    starts = {source: way.azimuths[0] for source, way in placement.motions.items()}
    assert placement.azimuths == starts
    assert len(set(starts.values())) == 4
    times = np.arange(0.0, 30.0, 0.01)
    for way in placement.motions.values():
        azimuths = way.azimuth(times)
        assert (azimuths.min(), azimuths.max()) == pytest.approx((-60.0, 60.0), abs=0.4)
        np.testing.assert_allclose(way.azimuth(times + 8.0), azimuths, atol=1e-9)
        assert np.abs(np.diff(azimuths)).max() == pytest.approx(0.3)
    assert Moving(seconds=4.0).place("song", SOURCES[::-1], draw()) == placement
    assert Moving(seconds=4.0).place("song", SOURCES[:2], draw()).motions["drums"] == placement.motions["drums"]
    assert len({Moving().place("song", SOURCES, draw(seed)).azimuths["bass"] for seed in range(20)}) == 20


def test_moving_goes_round_in_one_sense_or_once():
    way = Moving(start=0.0, end=360.0, path="round").place("song", ["bass"], draw()).motions["bass"]
    azimuths = way.azimuth(np.arange(0.0, 9.999, 0.01))
    assert np.all(np.diff(azimuths) > 0.0)
    assert way.azimuths[-1] - way.azimuths[0] == pytest.approx(360.0)
    once = Moving(start=-30.0, end=200.0, seconds=5.0, path="once").place("song", SOURCES, draw())
    assert set(once.motions.values()) == {Motion((0.0, 5.0), (-30.0, 200.0))}
    assert once.azimuths == dict.fromkeys(SOURCES, -30.0)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"path": "there"}, "path 'there' is unknown"),
        ({"panning": "quarter"}, "panning 'quarter' is unknown"),
        ({"seconds": 0.0}, "seconds=0 must be from 0.1 to 86400"),
        ({"start": float("nan")}, "from nan to 60 degrees"),
        ({"path": "round"}, "from -60 to 60 degrees does not close"),
    ],
)
def test_ways_that_are_none_are_refused(parameters, complaint):
    with pytest.raises(SoundstageError, match=complaint):
        Moving(**parameters)


def test_a_file_may_say_the_way_of_a_source(tmp_path):
    rule = fixed(
        tmp_path, {"vocals": {"azimuth": [[0, -60], [2.5, 60]], "elevation": 10}, "bass": [[0, 0], [1, 5]], "drums": 7}
    )
    placement = rule.place("song", ["vocals", "bass", "drums"], draw())
    assert placement.motions == {"vocals": Motion((0.0, 2.5), (-60.0, 60.0)), "bass": Motion((0.0, 1.0), (0.0, 5.0))}
    assert placement.azimuths == {"vocals": -60.0, "bass": 0.0, "drums": 7.0}
    assert placement.elevations == {"vocals": 10.0}


@pytest.mark.parametrize(
    ("way", "complaint"),
    [
        ([[0, 1], [2]], r"\[2\] is no \[seconds, azimuth\]"),
        ([[0, 1], ["a", 2]], "is no"),
        ([[1, 1], [2, 2]], "the times of a motion begin at 0 and ascend"),
        ([[0, 1]], "two or more times"),
    ],
)
def test_a_wrong_way_is_refused(tmp_path, way, complaint):
    with pytest.raises(SoundstageError, match=complaint) as caught:
        fixed(tmp_path, {"vocals": {"azimuth": way}, "bass": 0}).place("song", ["vocals"], draw())
    assert "positions.json: track 'song', source 'vocals'" in str(caught.value)
