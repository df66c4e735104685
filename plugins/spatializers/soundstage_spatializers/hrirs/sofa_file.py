"""The variables of a SOFA file, read by a process that can be killed."""

from __future__ import annotations

import io
import json
import stat
import struct
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIME_LIMIT_S: Final = 60.0
"""For reading one file; flipped bytes can send HDF5 into a loop that no signal handler ends."""

READER: Final = Path(__file__).with_name("read_hdf5.py")

NAMES: Final = (
    "Data.IR",
    "Data.SamplingRate",
    "Data.Delay",
    "SourcePosition",
    "SourceView",
    "SourceUp",
    "EmitterPosition",
    "ListenerPosition",
    "ListenerView",
    "ListenerUp",
    "ReceiverPosition",
)

NETCDF_FILL: Final = 9.969209968386869e36
"""What netCDF puts where a float was never written, with or without an attribute that says so."""


@dataclass(frozen=True, slots=True)
class Field:
    """A variable of a SOFA file: numbers, float64 and read-only, and its attributes, lower-case, empty where absent."""

    values: NDArray[np.float64]
    type: str
    units: str


@dataclass(frozen=True, slots=True)
class SofaFile:
    """What a SOFA file holds of what HRIRs need."""

    path: Path
    convention: str
    data_type: str
    fields: Mapping[str, Field | str]
    """Name → the variable, or what is wrong with it."""

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def field(self, name: str) -> Field:
        """The variable. Raises SoundstageError, naming file and variable, where it is absent or has no use."""
        if name not in self.fields:
            raise SoundstageError(f"{self.path}: holds no {name}; use a complete SOFA file")
        found = self.fields[name]
        if isinstance(found, str):
            raise SoundstageError(f"{self.path}: {name} {found}")
        return found


def read_sofa_file(path: Path) -> SofaFile:
    """What the file holds; the last files read are remembered as long as they do not change.

    Raises SoundstageError, naming the file, where it cannot be read, or not within TIME_LIMIT_S seconds.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise SoundstageError(f"{path}: not a readable SOFA file ({error.strerror}); check the path") from None
    if not stat.S_ISREG(facts.st_mode):
        raise SoundstageError(f"{path}: not a regular file; name a SOFA file")
    seen = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
    found = _outcome(path, seen, TIME_LIMIT_S)
    if isinstance(found, str):
        raise SoundstageError(f"{path}: {found}")
    return found


@lru_cache(maxsize=2)
def _outcome(path: Path, seen: tuple[int, ...], seconds: float) -> SofaFile | str:
    """The file, or the sentence that says why not: what hangs is not waited for at every song."""
    del seen  # it is here for the cache
    command = [sys.executable, "-P", str(READER), str(path.absolute()), str(seconds), *NAMES]
    pipe = subprocess.PIPE
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"reading it took longer than {seconds:g} s, so the file is damaged; download it again"
    except OSError as error:
        return f"the Python that reads SOFA files did not start ({error})"
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        said = ": ".join([how, *words])
        return f"not a readable SOFA file (its reader ended with {said}); download it again"
    return _decoded(path, io.BytesIO(done.stdout))


def _decoded(path: Path, stream: io.BytesIO) -> SofaFile | str:
    (size,) = struct.unpack("<Q", stream.read(8))
    header = json.loads(stream.read(size))
    if "error" in header:
        return f"not a readable SOFA file ({' '.join(header['error'].split())}); download it again"
    arrays = {name: np.lib.format.read_array(stream, allow_pickle=False) for name in header["order"]}
    fields = {name: _field(about, arrays.get(name)) for name, about in header["fields"].items()}
    about = header["attributes"]
    return SofaFile(path, about["SOFAConventions"], about["DataType"], fields)


def _field(about: Mapping[str, object], values: NDArray[np.float64] | None) -> Field | str:
    if values is None:
        return f"{about['error']}; replace the file"
    fills = about["fill"]
    assert isinstance(fills, list)
    # A fill value of 0 cannot be told from a zero that was written, and reads as one.
    for fill in (*(fill for fill in fills if fill != 0.0), NETCDF_FILL):
        missing = np.count_nonzero(values == fill)
        if missing:
            return f"holds its fill value {fill:g} in {missing} places, which were never written; replace the file"
    if not np.all(np.isfinite(values)):
        return "holds NaN or infinite values; replace the file"
    values.flags.writeable = False
    return Field(values, str(about["Type"]).lower(), str(about["Units"]).lower())
