"""What a SOFA file holds, written to standard output: a program of its own, for damaged files can hang HDF5.

Run as `python read_hdf5.py FILE SECONDS NAME…`; it imports nothing of Soundstage. Its output is the length of a header
in 8 bytes, the header in JSON, and the arrays that the header names in `order`, each in numpy's own format.
"""

from __future__ import annotations

import json
import signal
import struct
import sys
from typing import Any

import h5py
import numpy as np

MAX_BYTES = 1 << 32
"""Of one variable: a damaged header can claim any size."""


def main(file_name: str, seconds: str, *names: str) -> None:
    """Write what the file holds under the names, or the error that kept it from being read."""
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends it also where nobody is left to kill it
        signal.alarm(int(float(seconds)) + 5)
    arrays: dict[str, Any] = {}
    header: dict[str, Any] = {}
    try:
        with h5py.File(file_name, "r") as file:
            header["attributes"] = {name: _text(file.attrs.get(name)) for name in ("SOFAConventions", "DataType")}
            header["fields"] = {}
            for name in names:
                if name in file:
                    about, values = _variable(file, name)
                    header["fields"][name] = about
                    if values is not None:
                        arrays[name] = values
    except Exception as error:
        header, arrays = {"error": f"{type(error).__name__}: {error}"}, {}
    header["order"] = list(arrays)
    text = json.dumps(header).encode()
    sys.stdout.buffer.write(struct.pack("<Q", len(text)) + text)
    for values in arrays.values():
        np.lib.format.write_array(sys.stdout.buffer, values, allow_pickle=False)
    sys.stdout.buffer.flush()


def _variable(file: Any, name: str) -> tuple[dict[str, Any], Any]:
    if isinstance(file.get(name, getlink=True), h5py.ExternalLink):
        return {"error": "lies in another file"}, None
    variable = file[name]
    if not isinstance(variable, h5py.Dataset):
        return {"error": "is not a variable"}, None
    if variable.external or variable.is_virtual:
        return {"error": "lies in another file"}, None
    about = {key: _text(variable.attrs.get(key)) for key in ("Type", "Units")}
    if variable.dtype.kind not in "fiu" or variable.shape is None:
        return {**about, "error": "does not hold numbers"}, None
    if variable.size * 8 > MAX_BYTES:
        return {**about, "error": f"claims {variable.size} values"}, None
    fill = np.asarray(variable.attrs.get("_FillValue", ())).ravel()
    values = np.asarray(variable[()], dtype=np.float64)
    return {**about, "fill": [float(item) for item in fill if fill.dtype.kind in "fiu"]}, values


def _text(value: Any) -> str:
    """An HDF5 string attribute, however it was written; empty where there is none."""
    if value is None:
        return ""
    item = np.asarray(value).ravel()
    first = item[0] if len(item) else ""
    return (first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)).strip()


if __name__ == "__main__":
    main(*sys.argv[1:])
