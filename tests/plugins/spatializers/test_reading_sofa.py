"""A SOFA file is read where reading can be ended, and only files are read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from heads import responses, write_folder, write_sofa
from soundstage.errors import SoundstageError
from soundstage_spatializers.hrirs import sofa_file
from soundstage_spatializers.hrirs.sofa_file import read_sofa_file
from soundstage_spatializers.hrirs.wav_folder import hrir_files, read_hrirs

AROUND = [0.0, 90.0, 270.0]
POSITIONS = [[azimuth, 0.0, 1.4] for azimuth in AROUND]


@pytest.fixture
def file(tmp_path):
    return write_sofa(tmp_path / "a.sofa", responses(AROUND), SourcePosition=POSITIONS)


def test_a_file_that_takes_too_long_is_given_up_and_not_waited_for_again(file, monkeypatch):
    monkeypatch.setattr(sofa_file, "TIME_LIMIT_S", 0.01)
    with pytest.raises(SoundstageError, match=r"a\.sofa: reading it took longer than 0\.01 s"):
        read_sofa_file(file)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("read again"))
    with pytest.raises(SoundstageError, match="took longer"):
        read_sofa_file(file)


@pytest.mark.heavy
def test_a_file_with_one_flipped_bit_that_hangs_hdf5_is_given_up(monkeypatch):
    """HDF5 2.0 never returns from opening it; another release may find the damage."""
    monkeypatch.setattr(sofa_file, "TIME_LIMIT_S", 5.0)
    with pytest.raises(SoundstageError, match=r"one_flipped_bit\.sofa: (reading it took longer|not a readable SOFA)"):
        read_sofa_file(Path(__file__).with_name("one_flipped_bit.sofa"))


def test_a_reader_that_never_returns_is_ended(file, tmp_path, monkeypatch):
    stuck = tmp_path / "stuck.py"
    pid = tmp_path / "pid"
    stuck.write_text(
        "import os, pathlib, signal, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n"
        "while True: pass\n"
    )
    monkeypatch.setattr(sofa_file, "READER", stuck)
    monkeypatch.setattr(sofa_file, "TIME_LIMIT_S", 3.0)
    started = time.monotonic()
    with pytest.raises(SoundstageError, match="took longer than 3 s"):
        read_sofa_file(file)
    assert time.monotonic() - started < 30
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_reader_that_dies_is_a_sentence(file, tmp_path, monkeypatch):
    dying = tmp_path / "dying.py"
    dying.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setattr(sofa_file, "READER", dying)
    with pytest.raises(SoundstageError, match=r"its reader ended with signal 11\); download it again"):
        read_sofa_file(file)


def test_flipped_bytes_end_in_numbers_or_in_one_sentence(tmp_path):
    with h5py.File(tmp_path / "a.sofa", "w") as sofa:
        sofa.attrs["SOFAConventions"], sofa.attrs["DataType"] = "SimpleFreeFieldHRIR", "FIR"
        sofa.create_dataset("Data.IR", data=responses(AROUND), chunks=(1, 2, 64), compression="gzip")
        sofa["Data.SamplingRate"], sofa["SourcePosition"] = [44100.0], np.array(POSITIONS)
    whole = (tmp_path / "a.sofa").read_bytes()
    rng = np.random.default_rng(8)
    sentences = []
    for place in rng.integers(0, len(whole), 12):
        damaged = bytearray(whole)
        damaged[place : place + 40] = rng.bytes(len(damaged[place : place + 40]))
        (tmp_path / "b.sofa").write_bytes(damaged)
        try:
            read_hrirs(tmp_path / "b.sofa")
        except SoundstageError as error:
            sentences.append(str(error))
    assert sentences
    assert all(sentence.startswith(str(tmp_path / "b.sofa")) for sentence in sentences)
    assert not any("\n" in sentence for sentence in sentences)


def test_a_variable_that_claims_more_than_it_can_hold_is_refused(tmp_path):
    write_sofa(tmp_path / "a.sofa", responses(AROUND))
    with h5py.File(tmp_path / "a.sofa", "a") as sofa:
        sofa.create_dataset("SourcePosition", (1 << 40, 3), dtype=float, chunks=(64, 3))
    with pytest.raises(SoundstageError, match=r"SourcePosition claims 3298534883328 values"):
        read_hrirs(tmp_path / "a.sofa")


def test_what_changed_is_read_again_and_what_did_not_is_not(file, monkeypatch):
    before = read_sofa_file(file)
    assert read_sofa_file(file) is before
    write_sofa(file, responses(AROUND) / 2, SourcePosition=POSITIONS)
    assert np.array_equal(read_sofa_file(file).field("Data.IR").values, before.field("Data.IR").values / 2)


def test_a_module_beside_the_user_is_not_taken_for_the_standard_librarys(file, tmp_path, monkeypatch):
    (tmp_path / "types.py").write_text("raise SystemExit('shadowed')")
    (tmp_path / "numpy.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    assert read_hrirs(file).responses.shape == (3, 2, 256)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "device", "link to nothing", "folder"])
def test_only_regular_files_are_read(tmp_path, kind):
    folder = write_folder(tmp_path / "set", AROUND)
    for name in ("set/azi_45_ele_0.wav", "a.sofa"):
        odd = tmp_path / name
        if kind == "pipe":
            os.mkfifo(odd)
        elif kind == "link to a pipe":
            os.mkfifo(tmp_path / f"{odd.stem}.pipe")
            odd.symlink_to(tmp_path / f"{odd.stem}.pipe")
        elif kind == "device":
            odd.symlink_to("/dev/zero")
        elif kind == "link to nothing":
            odd.symlink_to(tmp_path / "gone")
        else:
            odd.mkdir()
    for ask in (hrir_files, read_hrirs):
        with pytest.raises(SoundstageError, match=r"azi_45_ele_0\.wav: no regular file"):
            ask(folder)
        with pytest.raises(SoundstageError, match=r"a\.sofa: (neither a folder|no such HRIR|no HRIRs in this folder)"):
            ask(tmp_path / "a.sofa")


def test_a_link_to_a_file_is_that_file(tmp_path):
    folder = write_folder(tmp_path / "set", AROUND)
    kept = (folder / "azi_90_ele_0.wav").rename(tmp_path / "left.wav")
    (folder / "azi_90_ele_0.wav").symlink_to(kept)
    assert read_hrirs(folder).directions[:, 0].tolist() == AROUND
