"""HRIR sets: WAV folders, SOFA files, the nearest direction, resampling, delays."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile

from soundstage.audio import resample
from soundstage.errors import SoundstageError
from soundstage_spatializers.hrirs.consistency import Verdict, judged
from soundstage_spatializers.hrirs.set import HrirSet, resampling_room
from soundstage_spatializers.hrirs.sofa import HALF_KERNEL
from soundstage_spatializers.hrirs.wav_folder import hrir_files, read_hrirs

MIT_KEMAR = [
    Path(folder) / "MIT_KEMAR_normal_pinna.sofa"
    for folder in ("/usr/share/libmysofa", "/usr/local/share/libmysofa", "/opt/homebrew/share/libmysofa")
]


def write_pair(folder, name, pair, rate=48000):
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / name, np.atleast_2d(pair).T, rate, subtype="DOUBLE")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "48K"
    write_pair(folder, "azi_0,0_ele_0,0.wav", np.eye(2, 8))
    write_pair(folder, "azi_30,0_ele_0,0.wav", 2 * np.eye(2, 8))
    write_pair(folder, "azi_30,0_ele_-17,5.wav", 3 * np.eye(2, 8))
    write_pair(folder, "azi_350.5_ele_0.wav", 4 * np.eye(2, 8))
    (folder / "readme.txt").write_text("text")
    return folder


def write_sofa(file, *, positions=((0, 0, 1.4), (90, 0, 1.4), (180, -45, 1.4)), delay=((0, 0),), **changed):
    """A SimpleFreeFieldHRIR file as h5py writes it; `changed` replaces or (None) leaves out a part."""
    responses = np.random.default_rng(1).normal(size=(len(positions), 2, 16))
    parts = {
        "Data.IR": responses,
        "Data.SamplingRate": [44100.0],
        "SourcePosition": np.array(positions, dtype=float),
        "Data.Delay": np.array(delay, dtype=float),
        "convention": "SimpleFreeFieldHRIR",
        "datatype": "FIR",
        "type": "spherical",
        **changed,
    }
    with h5py.File(file, "w") as sofa:
        sofa.attrs["SOFAConventions"], sofa.attrs["DataType"] = parts.pop("convention"), parts.pop("datatype")
        kind = parts.pop("type")
        for name, value in parts.items():
            if value is not None:
                sofa[name] = value
        if parts["SourcePosition"] is not None and kind:
            sofa["SourcePosition"].attrs["Type"] = np.bytes_(kind)
    return responses


def test_a_folder_gives_directions_from_its_file_names(folder):
    found = read_hrirs(folder)
    assert (found.kind, found.rate, found.latency) == ("WAV folder", 48000, 0)
    assert found.directions.tolist() == [[30, -17.5], [0, 0], [30, 0], [350.5, 0]]
    np.testing.assert_array_equal(found.responses[0], 3 * np.eye(2, 8))


def test_the_files_are_those_with_a_direction(folder):
    assert [file.name for file in hrir_files(folder)] == [
        "azi_30,0_ele_-17,5.wav",
        "azi_0,0_ele_0,0.wav",
        "azi_30,0_ele_0,0.wav",
        "azi_350.5_ele_0.wav",
    ]


def test_the_nearest_direction_comes_with_its_error(folder):
    near = read_hrirs(folder).nearest(25, 0)
    assert (near.azimuth, near.elevation, near.error_deg) == (30.0, 0.0, 5.0)
    near = read_hrirs(folder).nearest(-8.5, 0)
    assert (near.azimuth, near.error_deg) == (350.5, 1.0)
    exact = read_hrirs(folder).nearest(30, -17.5)
    assert (exact.elevation, exact.error_deg) == (-17.5, 0.0)


def test_distance_is_along_great_circles():
    ring = HrirSet("made", 48000, np.array([[0.0, 80.0], [90.0, 60.0]]), np.zeros((2, 2, 4)))
    # At 80° of elevation, 90° of azimuth are only 14° of arc.
    near = ring.nearest(90, 80)
    assert near.index == 0
    assert near.error_deg == pytest.approx(14.1065, abs=1e-3)
    assert ring.nearest(180, -60).error_deg == pytest.approx(np.degrees(np.arccos(-0.75)), abs=1e-4)
    assert ring.nearest(123, 90).error_deg == pytest.approx(10.0, abs=1e-4)


def test_of_equally_near_directions_the_first_is_taken():
    ring = HrirSet("made", 48000, np.array([[10.0, 0.0], [350.0, 0.0], [20.0, 0.0]]), np.zeros((3, 2, 4)))
    assert ring.nearest(0, 0).index == 0
    assert ring.nearest(15, 0).index == 0


def test_resampling_keeps_the_frequency_response():
    taps = np.arange(256)
    pulse = np.exp(-(((taps - 60) / 6.0) ** 2))
    made = HrirSet("made", 48000, np.zeros((1, 2)), np.stack([pulse, 0.5 * pulse])[np.newaxis], latency=48)
    pair = made.pair(0, 44100)
    room = resampling_room(48000, 44100) * 147 // 160
    assert made.latency_at(44100) == 44 + room
    assert made.latency_at(48000) == 48
    frequencies = np.linspace(0, 8000, 50)
    for ear in (0, 1):
        before = np.exp(-2j * np.pi * np.outer(frequencies, np.arange(256)) / 48000) @ made.responses[0, ear]
        times = (np.arange(pair.shape[1]) - room) / 44100
        after = np.exp(-2j * np.pi * np.outer(frequencies, times)) @ pair[ear]
        np.testing.assert_allclose(after, before, atol=1e-3)
    np.testing.assert_array_equal(made.pair(0, 48000), made.responses[0])


@pytest.mark.parametrize(
    ("rate", "target"), [(48000, 44100), (44100, 48000), (96000, 44100), (44100, 96000), (48000, 16000), (44100, 22050)]
)
def test_resampling_loses_neither_what_rings_before_nor_what_rings_after(rate, target):
    """Against the same with a second of zeros on both sides; a response that begins and ends at full level."""
    pair = np.random.default_rng(9).normal(size=(2, 200))
    made = HrirSet("made", rate, np.zeros((1, 2)), pair[np.newaxis])
    found = made.pair(0, target)
    exact = resample(np.pad(pair, ((0, 0), (rate, rate))), rate, target) * (rate / target)
    start = target - made.latency_at(target)
    error = exact.copy()
    error[:, start : start + found.shape[1]] -= found
    assert 10 * np.log10(np.sum(error**2) / np.sum(exact**2)) < -90


@pytest.mark.parametrize(("rate", "target"), [(48000, 44100), (44100, 48000), (96000, 44100), (44100, 44056)])
def test_the_room_that_resampling_takes_is_whole_samples_at_both_rates(rate, target):
    room = resampling_room(rate, target)
    assert room * target % rate == 0 or room * target / rate == pytest.approx(round(room * target / rate), abs=1e-3)
    assert room >= 160 * max(1, rate / target)
    assert room < 160 * max(1, rate / target) + 4096


def test_resampling_delays_every_direction_and_ear_alike():
    data = np.zeros((3, 2, 300))
    for index, (left, right) in enumerate([(0, 40), (100, 299), (150, 150)]):
        data[index, 0, left] = data[index, 1, right] = 1.0
    made = HrirSet("made", 48000, np.zeros((3, 2)), data)
    for index, ears in enumerate([(0, 40), (100, 299), (150, 150)]):
        peaks = np.abs(made.pair(index, 44100)).argmax(axis=1) - made.latency_at(44100)
        np.testing.assert_allclose(peaks, np.array(ears) * 44100 / 48000, atol=0.5)


def test_a_missing_path_is_refused(tmp_path):
    with pytest.raises(SoundstageError, match=r"nowhere: no such HRIR folder or SOFA file"):
        read_hrirs(tmp_path / "nowhere")


def test_a_folder_without_hrirs_names_the_sub_folders_that_hold_some(folder):
    with pytest.raises(SoundstageError, match="name one of its sub-folders: 48K"):
        read_hrirs(folder.parent)
    (folder / "sub").mkdir()
    with pytest.raises(SoundstageError, match=r"azi_30,0_ele_0,0\.wav"):
        read_hrirs(folder / "sub")


def test_another_kind_of_file_is_refused(folder):
    with pytest.raises(SoundstageError, match=r"neither a folder nor a \.sofa file"):
        read_hrirs(folder / "azi_0,0_ele_0,0.wav")


@pytest.mark.parametrize(
    ("name", "pair", "rate", "complaint"),
    [
        ("azi_40,0_ele_0,0.wav", np.ones((1, 8)), 48000, "1 channels where an HRIR has two"),
        ("azi_40,0_ele_0,0.wav", np.ones((2, 9)), 48000, "9 samples at 48000 Hz"),
        ("azi_40,0_ele_0,0.wav", np.ones((2, 8)), 44100, "8 samples at 44100 Hz"),
        ("azi_40,0_ele_0,0.wav", np.full((2, 8), np.nan), 48000, "NaN or infinite"),
        ("azi_40,0_ele_91,0.wav", np.ones((2, 8)), 48000, "out of range"),
    ],
)
def test_a_wrong_hrir_is_refused_by_name(folder, name, pair, rate, complaint):
    write_pair(folder, name, pair, rate)
    with pytest.raises(SoundstageError, match=complaint) as caught:
        read_hrirs(folder)
    assert name in str(caught.value)


def test_ku100_hears_the_left_source_first_in_the_left_ear(shared):
    for name in ("44K_16bit", "48K_24bit"):
        found = read_hrirs(shared / "real" / "sadie-ku100" / name)
        left, right = found.pair(found.nearest(90, 0).index, found.rate)
        correlation = np.correlate(right, left, mode="full")
        lead_ms = (correlation.argmax() - (len(left) - 1)) / found.rate * 1e3
        assert 0.7 <= lead_ms <= 0.9
        assert 12 < 10 * np.log10(np.sum(left**2) / np.sum(right**2)) < 18


def test_a_sofa_file_gives_what_is_in_it(tmp_path):
    responses = write_sofa(tmp_path / "a.sofa")
    found = read_hrirs(tmp_path / "a.sofa")
    assert (found.kind, found.rate, found.latency) == ("SOFA", 44100, 0)
    assert found.directions.tolist() == [[0, 0], [90, 0], [180, -45]]
    np.testing.assert_array_equal(found.responses, responses)
    assert hrir_files(tmp_path / "a.sofa") == [tmp_path / "a.sofa"]


def test_cartesian_positions_become_angles(tmp_path):
    write_sofa(
        tmp_path / "a.sofa", positions=((2, 0, 0), (0, 1, 0), (0, -1, 0), (-1, 0, 1), (0, 0, 1)), type="cartesian"
    )
    directions = read_hrirs(tmp_path / "a.sofa").directions
    np.testing.assert_allclose(directions[:, 0], [0, 90, 270, 180, 0], atol=1e-9)
    np.testing.assert_allclose(directions[:, 1], [0, 0, 0, 45, 90], atol=1e-9)


@pytest.mark.parametrize("delay", [((2, 5),), ((2, 5), (0, 1), (7, 0))])
def test_whole_delays_are_exact(tmp_path, delay):
    responses = write_sofa(tmp_path / "a.sofa", delay=delay)
    found = read_hrirs(tmp_path / "a.sofa")
    assert found.latency == 0
    for direction, ear in np.ndindex(3, 2):
        shift = delay[direction % len(delay)][ear]
        expected = np.zeros(found.responses.shape[2])
        expected[shift : shift + 16] = responses[direction, ear]
        np.testing.assert_array_equal(found.responses[direction, ear], expected)


def test_fractional_delays_are_phase_shifts_behind_a_recorded_latency(tmp_path):
    delay = np.array([[2.25, 5.5], [0.0, 1.0], [7.9, 0.01]])
    responses = write_sofa(tmp_path / "a.sofa", delay=delay)
    found = read_hrirs(tmp_path / "a.sofa")
    assert found.latency == HALF_KERNEL
    omega = np.linspace(0, 0.9 * np.pi, 100)
    for direction, ear in np.ndindex(3, 2):
        before = np.exp(-1j * np.outer(omega, np.arange(16))) @ responses[direction, ear]
        after = np.exp(-1j * np.outer(omega, np.arange(found.responses.shape[2]))) @ found.responses[direction, ear]
        shift = np.exp(-1j * omega * (HALF_KERNEL + delay[direction, ear]))
        assert np.max(np.abs(after - shift * before)) < 2e-4 * np.max(np.abs(before))


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"convention": "SingleRoomDRIR"}, "holds SingleRoomDRIR"),
        ({"convention": "SimpleFreeFieldHRTF", "datatype": "TF"}, "with data type TF"),
        ({"Data.IR": None}, r"holds no Data\.IR"),
        ({"Data.IR": np.zeros((3, 1, 16))}, r"Data\.IR has shape \(3, 1, 16\)"),
        ({"Data.IR": np.full((3, 2, 16), np.nan)}, r"Data\.IR holds NaN"),
        ({"Data.SamplingRate": None}, r"holds no Data\.SamplingRate"),
        ({"Data.SamplingRate": [44100.0, 48000.0, 44100.0]}, r"Data\.SamplingRate is"),
        ({"Data.SamplingRate": [44100.5]}, "one whole rate"),
        ({"SourcePosition": None}, "holds no SourcePosition"),
        ({"SourcePosition": np.zeros((2, 3))}, r"SourcePosition has shape \(2, 3\)"),
        ({"SourcePosition": np.full((3, 3), 91.0)}, "beyond ±90"),
        ({"SourcePosition": np.zeros((3, 3)), "type": "cartesian"}, "centre of the head"),
        ({"type": "spherical harmonics"}, "spherical or cartesian"),
        ({"Data.Delay": np.zeros((2, 2))}, r"Data\.Delay has shape"),
        ({"Data.Delay": np.array([[-1.0, 0.0]])}, r"Data\.Delay goes from -1"),
        ({"Data.SamplingRate": np.array(b"fast")}, "does not hold numbers"),
    ],
)
def test_a_wrong_sofa_file_is_refused_by_name(tmp_path, changed, complaint):
    write_sofa(tmp_path / "a.sofa", **changed)
    with pytest.raises(SoundstageError, match=complaint) as caught:
        read_hrirs(tmp_path / "a.sofa")
    assert "a.sofa" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_hdf5_is_refused(tmp_path):
    (tmp_path / "a.sofa").write_bytes(b"nothing")
    with pytest.raises(SoundstageError, match=r"a\.sofa: not a readable SOFA file"):
        read_hrirs(tmp_path / "a.sofa")


def test_a_file_without_delays_has_none(tmp_path):
    responses = write_sofa(tmp_path / "a.sofa", **{"Data.Delay": None})
    np.testing.assert_array_equal(read_hrirs(tmp_path / "a.sofa").responses, responses)


def test_sofar_writes_what_is_read_here(tmp_path):
    sofar = pytest.importorskip("sofar")
    made = sofar.Sofa("SimpleFreeFieldHRIR")
    made.Data_IR = np.random.default_rng(2).normal(size=(2, 2, 32))
    made.Data_SamplingRate = 48000
    made.Data_Delay = np.array([[3.0, 4.0]])
    made.SourcePosition = np.array([[45.0, 0.0, 1.2], [315.0, 30.0, 1.2]])
    sofar.write_sofa(str(tmp_path / "made.sofa"), made)
    found = read_hrirs(tmp_path / "made.sofa")
    theirs = sofar.read_sofa(str(tmp_path / "made.sofa"), verbose=False)
    assert found.rate == theirs.Data_SamplingRate == 48000
    np.testing.assert_array_equal(found.directions, theirs.SourcePosition[:, :2])
    np.testing.assert_array_equal(found.responses[:, 0, 3:35], theirs.Data_IR[:, 0])
    np.testing.assert_array_equal(found.responses[:, 1, 4:36], theirs.Data_IR[:, 1])


def test_mit_kemar_is_read_and_has_its_left_ear_first():
    file = next((path for path in MIT_KEMAR if path.is_file()), None)
    if file is None:
        pytest.skip("no MIT_KEMAR_normal_pinna.sofa here; Debian's libmysofa1 installs it")
    found = read_hrirs(file)
    assert found.rate == 44100
    assert found.responses.shape == (710, 2, 512)
    left, right = found.pair(found.nearest(90, 0).index, 44100)
    assert np.sum(left**2) > 10 * np.sum(right**2)
    with h5py.File(file, "r") as sofa:  # its listener is at the origin and looks ahead, so that is all there is to it
        np.testing.assert_array_equal(found.responses, sofa["Data.IR"])
        np.testing.assert_array_equal(found.directions, sofa["SourcePosition"][:, :2])
    assert judged(found) == Verdict(190)
