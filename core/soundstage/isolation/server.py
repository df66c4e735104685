"""Runs inside a script's environment: loads it, separates or scores what it is sent, says nothing else.

It is started as `python -I server.py SCRIPT`, needs the standard library and numpy alone, and no part of Soundstage. A
message is an 8-byte little-endian length, that many bytes of JSON, and the bytes of the arrays that its "arrays" lists.
"""

from __future__ import annotations

import ctypes
import importlib.util
import inspect
import io
import json
import os
import signal
import struct
import sys
import threading
import time
import traceback
import types
from typing import Any


def main() -> None:
    """Serve a script to one parent."""
    model = None
    scorers: Any = {}

    def answer(request: Any, arrays: Any, numpy: Any) -> Any:
        nonlocal model
        if request["do"] == "load":
            model = load(sys.argv[1], request)
            return described(model, request["dependencies"], request.get("kind", "separator")), []
        if request["do"] == "prepare":
            return prepared(model, request, arrays, scorers), []
        if request["do"] == "score":
            return scored(model, request, arrays, scorers), []
        return separated(model, request, arrays, numpy)

    serve(answer, failure)


def serve(answer: Any, failed: Any) -> None:
    """Answer one parent until it closes the pipe or dies.

    answer: makes a reply and its arrays of a request, its arrays and numpy. failed: a reply of what that raised.
    """
    incoming = os.fdopen(os.dup(0), "rb", buffering=1 << 16)
    outgoing = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)  # whatever anybody prints goes where the parent keeps the last words
    sys.stdout = io.TextIOWrapper(os.fdopen(os.dup(1), "wb", 0), write_through=True, errors="replace")
    if hasattr(os, "register_at_fork"):  # a child that outlives us must not keep our parent waiting at our pipes

        def let_go() -> None:
            os.close(incoming.fileno())
            os.close(outgoing.fileno())

        os.register_at_fork(after_in_child=let_go)
    die_with_parent()
    try:
        import numpy
    except ImportError as error:
        send(outgoing, {"error": "numpy cannot be imported in the script's environment (%s)" % error, "trace": ""}, [])
        return
    while True:
        request, arrays = receive(incoming, numpy)
        if request is None:
            os._exit(0)
        try:
            reply, images = answer(request, arrays, numpy)
        except BaseException as error:
            reply, images = failed(error), []
        send(outgoing, reply, images)


def load(path: str, request: Any) -> Any:
    """What the script's load() returns."""
    spec = importlib.util.spec_from_file_location("separator_script", path)
    if spec is None or spec.loader is None:
        raise ImportError("%s is not a Python file" % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["separator_script"] = module
    spec.loader.exec_module(module)
    from pathlib import Path

    values = dict(request["params"])
    for name in request["paths"]:
        if values.get(name) is not None:
            values[name] = Path(values[name])
    if "device" in inspect.signature(module.load).parameters:
        values["device"] = request["device"]
    return module.load(**values)


def described(model: Any, dependencies: Any, kind: str = "separator") -> Any:
    """What is known of a model or a metric once it is loaded. kind: which of the two it is to be."""
    wanted = "prepare(scene)" if kind == "metric" else "separate(mixture, rate)"
    if not callable(getattr(model, wanted.partition("(")[0], None)):
        raise TypeError("load() returned %s, which has no %s" % (type(model).__name__, wanted))
    sources, rate = getattr(model, "sources", None), getattr(model, "rate", None)
    return {
        "sources": None if sources is None else [str(source) for source in sources],
        "rate": None if rate is None else int(rate),
        "details": told(model),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "versions": versions(dependencies),
    }


def versions(dependencies: Any) -> Any:
    """Distribution → version of everything that is installed here, the direct dependencies first."""
    import re
    from importlib.metadata import distributions

    found: Any = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(name.lower(), distribution.version)  # what comes later on the path is not imported
    canonical = {re.sub("[-_.]+", "-", name): name for name in found}
    direct = list(dict.fromkeys(canonical[name] for name in dependencies if name in canonical))
    return {name: found[name] for name in direct + sorted(set(found) - set(direct))}


def separated(model: Any, request: Any, arrays: Any, numpy: Any) -> Any:
    """The reply to a request to separate, and its arrays."""
    if model is None:
        raise RuntimeError("the script was asked to separate before it was loaded")
    needed = dict(request["needed"])
    for name in list(needed):
        if isinstance(needed[name], dict) and name in ("placement", "cell"):
            needed[name] = types.SimpleNamespace(**needed[name])
    references = {name[4:]: array for name, array in arrays.items() if name.startswith("ref:")}
    if "references" in request["wanted"]:
        needed["references"] = references
    found = model.separate(arrays["mixture"], request["rate"], **needed)
    if isinstance(found, dict):
        keys, values = [str(key) for key in found], list(found.values())
    elif isinstance(found, (list, tuple)) or getattr(found, "ndim", 0) == 3:
        keys, values = None, list(found)
    else:
        return {"rubbish": type(found).__name__}, []
    return {"keys": keys, "details": told(model)}, sendable(values, keys, numpy)


def told(model: Any) -> Any:
    """What it tells of its work, as JSON holds it."""
    return json.loads(json.dumps(dict(getattr(model, "details", None) or {}), default=str))


KEPT_SCENES = 4
"""Scenes that stay prepared: of one scene there may be several selections of sources."""

FIELDS = ("source", "name", "value", "frame", "note", "ranked")
"""Of a row of scores, in their order."""


def prepared(metric: Any, request: Any, arrays: Any, scorers: Any) -> Any:
    """The reply to a request to prepare a scene, once that is done."""
    about = dict(request["about"])
    if about["placement"] is not None:
        about["placement"] = types.SimpleNamespace(**about["placement"])
    references = {name[4:]: array for name, array in arrays.items() if name.startswith("ref:")}
    scorer = metric.prepare(types.SimpleNamespace(mixture=arrays["mixture"], references=references, **about))
    if not callable(scorer):
        raise TypeError("prepare() returned %s, not a scorer that takes the estimates" % type(scorer).__name__)
    while len(scorers) >= KEPT_SCENES:
        del scorers[next(iter(scorers))]
    scorers[request["scene"]] = scorer
    return {}


def scored(metric: Any, request: Any, arrays: Any, scorers: Any) -> Any:
    """The reply to a request to score estimates of a scene: its rows; or that the scene is to be prepared again."""
    if request["scene"] not in scorers:
        return {"forgotten": True}
    estimates = {name[4:]: array for name, array in arrays.items() if name.startswith("est:")}
    rows = [plain_row(row) for row in scorers[request["scene"]](estimates)]
    return {"rows": rows, "details": told(metric)}


def plain_row(row: Any) -> Any:
    """A row of scores as JSON holds it: a mapping, a sequence in the order of FIELDS, or an object with those."""
    if isinstance(row, dict):
        given = dict(row)
    elif isinstance(row, (tuple, list)):
        if len(row) > len(FIELDS):
            raise TypeError("the scorer returned a row of %d values; a row is %s" % (len(row), ", ".join(FIELDS)))
        given = dict(zip(FIELDS, row))  # noqa: B905  (older Pythons have no strict)
    else:
        given = {name: getattr(row, name) for name in FIELDS if hasattr(row, name)}
    return {name: value.item() if hasattr(value, "item") else value for name, value in given.items()}


def sendable(values: Any, keys: Any, numpy: Any) -> Any:
    """The values as arrays that can be sent. keys: what they are called, None where they have no names."""
    images = []
    for position, value in enumerate(values):
        array = numpy.asarray(value)
        if array.dtype.kind not in "fiu":
            name = keys[position] if keys else position
            raise TypeError("separate() returned %r of type %s, not an array of real numbers" % (name, array.dtype))
        if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
            array = array.astype(numpy.float32 if array.dtype.itemsize < 4 else numpy.float64)
        images.append(numpy.ascontiguousarray(array))
    return images


def failure(error: BaseException) -> Any:
    """What the parent is told of an exception."""
    try:
        said = str(error)
    except Exception:
        said = "(what it says cannot be had: its text raises)"
    memory = isinstance(error, MemoryError) or type(error).__name__ in ("OutOfMemoryError", "ResourceExhaustedError")
    return {
        "error": "%s: %s" % (type(error).__name__, said[:2000]),
        "memory": memory,
        "trace": traceback.format_exc()[-8000:],
    }


def send(stream: Any, header: Any, arrays: Any) -> None:
    """Write a message."""
    header["arrays"] = [{"dtype": array.dtype.str, "shape": list(array.shape)} for array in arrays]
    text = json.dumps(header).encode("utf-8")
    stream.write(struct.pack("<Q", len(text)))
    stream.write(text)
    for array in arrays:
        stream.write(array.data)
    stream.flush()


def receive(stream: Any, numpy: Any) -> Any:
    """A message and its arrays by name; (None, {}) where the parent has gone."""
    size = stream.read(8)
    if len(size) < 8:
        return None, {}
    header = json.loads(stream.read(struct.unpack("<Q", size)[0]).decode("utf-8"))
    arrays = {}
    for about in header["arrays"]:
        dtype = numpy.dtype(about["dtype"])
        count = 1
        for length in about["shape"]:
            count *= length
        data = stream.read(count * dtype.itemsize)
        arrays[about["name"]] = numpy.frombuffer(data, dtype).reshape(about["shape"]).copy()
    return header, arrays


def die_with_parent() -> None:
    """Ends this process when its parent ends, however that happens and whatever this one is doing."""
    parent = os.getppid()
    try:
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, Linux
    except (AttributeError, OSError, TypeError):
        pass

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
