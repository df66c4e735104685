"""Where a SOFA file's sources are for the head that hears them, as AES69 defines it."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from heads import responses, write_sofa
from soundstage.errors import SoundstageError
from soundstage_spatializers.hrirs.set import unit_vectors
from soundstage_spatializers.hrirs.wav_folder import read_hrirs

AROUND = np.array([0.0, 30.0, 90.0, 180.0, 270.0, 330.0])
FRONT = np.zeros_like(AROUND)
SPHERICAL = np.stack([AROUND, FRONT, FRONT + 1.4], axis=1)
DATA = responses(AROUND)
EARS = np.array([[0.0, 0.09, 0.0], [0.0, -0.09, 0.0]])


def directions(tmp_path, attributes=(), data=DATA, **variables):
    return read_hrirs(write_sofa(tmp_path / "a.sofa", data, attributes=attributes, **variables))


def turned(*columns):
    """A head that turns by AROUND while the loudspeaker stands in front: it is heard at minus that."""
    return np.stack(np.broadcast_arrays(*columns), axis=1)


VIEWS = {
    "cartesian": (turned(np.cos(np.radians(AROUND)), np.sin(np.radians(AROUND)), 0.0), "cartesian", "metre"),
    "degrees": (turned(AROUND, 0.0, 1.0), "spherical", "degree, degree, metre"),
    "radians": (turned(np.radians(AROUND), 0.0, 1.0), "spherical", "radian, radian, metre"),
    "without a length": (turned(AROUND, 0.0, 0.0), "spherical", "degree,degree,meter"),
    "of any length": (7 * turned(np.cos(np.radians(AROUND)), np.sin(np.radians(AROUND)), 0.0), "cartesian", ""),
}


@pytest.mark.parametrize("how", VIEWS)
def test_a_head_that_turns_hears_the_loudspeaker_on_the_other_side(tmp_path, how):
    view, kind, units = VIEWS[how]
    attributes = [("ListenerView", "Type", kind), ("ListenerView", "Units", units)]
    for up in ({}, {"ListenerUp": [[0.0, 0.0, 1.0]]}):
        found = directions(tmp_path, attributes, SourcePosition=[[0.0, 0.0, 3.0]], ListenerView=view, **up)
        np.testing.assert_allclose(found.directions, np.stack([-AROUND % 360.0, FRONT], axis=1), atol=1e-9)
        assert found.directions[1].tolist() == [330.0, 0.0]


def test_up_that_is_given_in_angles_is_read_so(tmp_path):
    attributes = [("ListenerView", "Type", "spherical"), ("ListenerView", "Units", "degree, degree, metre")]
    lying = {"ListenerView": [[0.0, 0.0, 1.0]], "ListenerUp": [[90.0, 0.0, 1.0]]}
    found = directions(tmp_path, attributes, SourcePosition=SPHERICAL, **lying).directions
    # Lying on the right side, the crown points to the room's left: what stands there is above.
    np.testing.assert_allclose(found[2], [0.0, 90.0], atol=1e-9)
    np.testing.assert_allclose(found[1], [0.0, 30.0], atol=1e-9)


def test_a_head_that_looks_up_has_the_zenith_in_front_and_the_front_below(tmp_path):
    looking_up = {"ListenerView": [[0.0, 0.0, 1.0]], "ListenerUp": [[-1.0, 0.0, 0.0]]}
    found = directions(tmp_path, SourcePosition=SPHERICAL, **looking_up).directions
    np.testing.assert_allclose(found[0], [0.0, -90.0], atol=1e-9)
    np.testing.assert_allclose(found[2], [90.0, 0.0], atol=1e-9)


def test_what_counts_is_the_source_as_seen_from_where_the_listener_is(tmp_path):
    moved = {"ListenerPosition": [[1.0, 0.0, 1.0]]}
    sources = [(3, 0, 1), (1, 2, 1), (0, 0, 1), (1, -1, 1), (2, 0, 2), (1, 0, 0)]
    found = directions(tmp_path, [("SourcePosition", "Type", "cartesian")], SourcePosition=np.array(sources), **moved)
    expected = [(0, 0), (90, 0), (180, 0), (270, 0), (0, 45), (0, -90)]
    np.testing.assert_allclose(found.directions, expected, atol=1e-9)
    # In angles: 2 m in front of the origin is 1 m in front of the listener, and behind one who is 3 m in front.
    for x, azimuth in ((1.0, 0.0), (3.0, 180.0)):
        found = directions(tmp_path, SourcePosition=[[0.0, 0.0, 2.0]], ListenerPosition=[[x, 0.0, 0.0]])
        np.testing.assert_allclose(found.directions, np.tile([azimuth, 0.0], (6, 1)), atol=1e-9)


def test_any_head_anywhere_hears_what_it_was_built_to_hear(tmp_path):
    rng = np.random.default_rng(6)
    count = 40
    heard = np.stack([rng.uniform(0, 360, count), rng.uniform(-80, 80, count)], axis=1)
    axes = np.linalg.qr(rng.normal(size=(count, 3, 3)))[0]
    axes[:, 1] *= np.linalg.det(axes)[:, np.newaxis]  # rows x, y, z of a right-handed head
    places = rng.normal(size=(count, 3))
    distances = rng.uniform(0.5, 3.0, (count, 1))
    sources = places + distances * np.einsum("mij,mi->mj", axes, unit_vectors(heard))
    tilted = axes[:, 2] + 0.4 * axes[:, 0]  # not quite at right angles to the view
    found = directions(
        tmp_path,
        [("SourcePosition", "Type", "Cartesian"), ("SourcePosition", "Units", "Metre")],
        data=responses(np.zeros(count)),
        SourcePosition=sources,
        ListenerPosition=places,
        ListenerView=axes[:, 0],
        ListenerUp=tilted,
    ).directions
    np.testing.assert_allclose(unit_vectors(found), unit_vectors(heard), atol=1e-9)


def test_sofar_files_of_a_turning_head_are_read_as_they_were_meant(tmp_path):
    sofar = pytest.importorskip("sofar")
    made = sofar.Sofa("SimpleFreeFieldHRIR")
    made.Data_IR, made.Data_SamplingRate, made.Data_Delay = responses([-40.0, 75.0]), 44100, np.zeros((1, 2))
    made.SourcePosition = np.array([[10.0, 0.0, 1.5]])
    made.ListenerView = np.array([[50.0, 0.0, 1.0], [-65.0, 0.0, 1.0]])
    made.ListenerView_Type, made.ListenerView_Units = "spherical", "degree, degree, metre"
    made.ReceiverPosition = EARS[::-1]
    sofar.write_sofa(str(tmp_path / "a.sofa"), made)
    found = read_hrirs(tmp_path / "a.sofa")
    np.testing.assert_allclose(found.directions, [[320.0, 0.0], [75.0, 0.0]], atol=1e-9)
    np.testing.assert_array_equal(found.responses, made.Data_IR[:, ::-1])


def spherical(angles):
    return np.array([[angle, 0.0, 0.09] for angle in angles])


@pytest.mark.parametrize(
    ("receivers", "attributes"),
    [
        (EARS[::-1], ()),
        (EARS[::-1][..., np.newaxis], ()),
        (100 * EARS[::-1], [("ReceiverPosition", "Units", "centimetre")]),
        (np.repeat(EARS[::-1][..., np.newaxis], 6, axis=2), ()),
        (spherical((270, 90)), [("ReceiverPosition", "Type", "spherical")]),
        (
            spherical((-np.pi / 2, np.pi / 2)),
            [("ReceiverPosition", "Type", "spherical"), ("ReceiverPosition", "Units", "radian, radian, metre")],
        ),
    ],
)
@pytest.mark.parametrize("delay", [np.array([[3.0, 0.0]]), np.stack([FRONT, np.arange(6.0)], axis=1)])
def test_receivers_that_begin_with_the_right_ear_are_exchanged_with_their_delays(
    tmp_path, receivers, attributes, delay
):
    plain = directions(tmp_path, data=DATA, SourcePosition=SPHERICAL, Data_Delay=delay, ReceiverPosition=EARS)
    other = directions(
        tmp_path,
        attributes,
        data=DATA[:, ::-1],
        SourcePosition=SPHERICAL,
        Data_Delay=delay[:, ::-1],
        ReceiverPosition=receivers,
    )
    np.testing.assert_array_equal(other.responses, plain.responses)
    np.testing.assert_array_equal(other.directions, plain.directions)


def test_receivers_may_change_from_measurement_to_measurement(tmp_path):
    right = np.array([True, False, False, True, False, True])
    data = np.where(right[:, np.newaxis, np.newaxis], DATA[:, ::-1], DATA)
    positions = np.stack([EARS[::-1] if first else EARS for first in right], axis=2)
    found = directions(tmp_path, data=data, SourcePosition=SPHERICAL, ReceiverPosition=positions)
    np.testing.assert_array_equal(found.responses, DATA)


def test_receivers_that_lie_in_the_middle_leave_the_left_ear_first(tmp_path):
    found = directions(tmp_path, SourcePosition=SPHERICAL, ReceiverPosition=np.zeros((2, 3)))
    np.testing.assert_array_equal(found.responses, DATA)


@pytest.mark.parametrize(
    ("units", "scale"),
    [
        ("degree, degree, metre", 1.0),
        ("degree,degree,meter", 1.0),
        ("Degrees; Degrees; Metres", 1.0),
        ("degree", 1.0),
        ("radian, radian, metre", np.pi / 180),
        ("rad rad m", np.pi / 180),
        ("radian, radian, centimetre", np.pi / 180),
    ],
)
def test_angles_come_in_the_units_that_they_name(tmp_path, units, scale):
    attributes = [("SourcePosition", "Type", "spherical"), ("SourcePosition", "Units", units)]
    raised = np.stack([AROUND, np.full(6, 15.0)], axis=1)
    found = directions(tmp_path, attributes, SourcePosition=np.column_stack([raised * scale, FRONT + 1]))
    np.testing.assert_allclose(found.directions, raised, atol=1e-12)


def test_lengths_in_other_units_are_those_lengths(tmp_path):
    attributes = [("SourcePosition", "Units", "degree, degree, centimetre"), ("ListenerPosition", "Units", "mm")]
    sources = {"SourcePosition": [[90.0, 0.0, 100.0]], "ListenerPosition": [[-1000.0, 0.0, 0.0]]}
    found = directions(tmp_path, attributes, **sources)
    np.testing.assert_allclose(found.directions[0], [45.0, 0.0], atol=1e-9)


def test_an_emitter_that_is_its_source_changes_nothing(tmp_path):
    for emitter in (np.zeros((1, 3)), np.zeros((1, 3, 1)), np.full((1, 3, 6), 1e-4)):
        found = directions(tmp_path, SourcePosition=SPHERICAL, EmitterPosition=emitter)
        np.testing.assert_array_equal(found.directions[:, 0], AROUND)


FILLED = SPHERICAL.copy()
FILLED[2, 0] = -999.0
UNWRITTEN = DATA.copy()
UNWRITTEN[3, 1, 5:] = 9.969209968386869e36


@pytest.mark.parametrize(
    ("field", "variables", "attributes", "complaint"),
    [
        ("SourcePosition", {"SourcePosition": FILLED}, [("SourcePosition", "_FillValue", [-999.0])], "fill value -999"),
        ("Data.IR", {"data": UNWRITTEN}, (), "fill value 9.969"),
        ("Data.Delay", {"Data_Delay": [[np.nan, 0.0]]}, (), "NaN or infinite"),
        ("ListenerPosition", {"ListenerPosition": [[np.inf, 0, 0]]}, (), "NaN or infinite"),
        ("ListenerView", {"ListenerView": [[0.0, 0.0, 0.0]]}, (), "no length"),
        ("ListenerUp", {"ListenerUp": [[2.0, 0.0, 0.0]]}, (), "points along ListenerView"),
        ("ListenerView", {"ListenerView": np.ones((2, 3))}, (), r"shape \(2, 3\)"),
        ("ListenerUp", {"ListenerUp": np.ones((6, 2))}, (), r"shape \(6, 2\)"),
        ("ReceiverPosition", {"ReceiverPosition": EARS[:1]}, (), "1 receivers where Data.IR has 2"),
        ("ReceiverPosition", {"ReceiverPosition": np.abs(EARS)}, (), "one ear was expected on either side"),
        ("ReceiverPosition", {"ReceiverPosition": EARS * [[1], [0]]}, (), "one ear was expected on either side"),
        ("ReceiverPosition", {"ReceiverPosition": np.zeros((2, 3, 5))}, (), r"shape \(2, 3, 5\)"),
        ("EmitterPosition", {"EmitterPosition": [[0.5, 0.0, 0.0]]}, (), "1 emitters up to 0.5 m"),
        ("EmitterPosition", {"EmitterPosition": np.zeros((2, 3))}, (), "2 emitters"),
        ("SourcePosition:Units", {}, [("SourcePosition", "Units", "metre")], "correct"),
        ("SourcePosition:Units", {}, [("SourcePosition", "Units", "degree, degree, degree")], "correct"),
        ("SourcePosition:Units", {}, [("SourcePosition", "Units", "gon, gon, metre")], "correct"),
        (
            "ListenerPosition:Units",
            {"ListenerPosition": [[0.0, 0.0, 0.0]]},
            [("ListenerPosition", "Units", "degree, degree, metre")],
            "is cartesian and its Units",
        ),
        ("Data.SamplingRate:Units", {}, [("Data.SamplingRate", "Units", "kilohertz")], "hertz was expected"),
        ("Data.SamplingRate", {"rate": 48}, (), "at least 1000 Hz"),
        ("Data.Delay:Units", {"Data_Delay": [[0, 1]]}, [("Data.Delay", "Units", "second")], "samples were expected"),
        (
            "SourcePosition",
            {"SourcePosition": [[1.0, 0.0, 0.0]], "ListenerPosition": [[1.0, 0.0, 0.0]]},
            [("SourcePosition", "Type", "cartesian")],
            "centre of the head",
        ),
    ],
)
def test_what_says_nothing_usable_is_refused_naming_file_and_field(tmp_path, field, variables, attributes, complaint):
    variables = {"SourcePosition": SPHERICAL, "data": DATA, **variables}
    file = write_sofa(tmp_path / "a.sofa", variables.pop("data"), attributes=attributes, **variables)
    with pytest.raises(SoundstageError, match=complaint) as caught:
        read_hrirs(file)
    assert field in str(caught.value)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def test_a_variable_that_lies_in_another_file_is_not_followed(tmp_path):
    write_sofa(tmp_path / "b.sofa", DATA, SourcePosition=SPHERICAL)
    write_sofa(tmp_path / "a.sofa", DATA)
    with h5py.File(tmp_path / "a.sofa", "a") as sofa:
        sofa["SourcePosition"] = h5py.ExternalLink("b.sofa", "SourcePosition")
    with pytest.raises(SoundstageError, match=r"a\.sofa: SourcePosition lies in another file"):
        read_hrirs(tmp_path / "a.sofa")
    raw = tmp_path / "c.sofa"
    write_sofa(raw, DATA)
    with h5py.File(raw, "a") as sofa:
        sofa.create_dataset("SourcePosition", (6, 3), dtype=float, external=[("/dev/zero", 0, h5py.h5f.UNLIMITED)])
    with pytest.raises(SoundstageError, match=r"c\.sofa: SourcePosition lies in another file"):
        read_hrirs(raw)
