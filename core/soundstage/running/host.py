"""Runs in the process of an isolated separator: builds it, separates what it is sent, says nothing else."""

from __future__ import annotations

import base64
import pickle
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from soundstage.contracts import LoadsWeights, Separator
from soundstage.errors import NotInstalled, OutOfMemory, SoundstageError, storable, text_of
from soundstage.isolation import server
from soundstage.pipeline.blame import is_out_of_memory
from soundstage.pipeline.declared import declared
from soundstage.pipeline.facts import plain_facts


def main() -> None:
    """Serve one parent until it closes the pipe or dies."""
    separator: Separator | None = None

    def answer(request: dict[str, Any], arrays: dict[str, Any], numpy: Any) -> tuple[dict[str, Any], list[Any]]:
        nonlocal separator
        if request["do"] == "load":
            separator = loaded(request)
            return described(separator), []
        assert separator is not None
        return separated(separator, request, arrays, numpy)

    server.serve(answer, failure)


def loaded(request: Mapping[str, Any]) -> Separator:
    """The separator, built and loaded."""
    separator: Separator = _unpickled(request["choice"]).build()
    if isinstance(separator, LoadsWeights):
        separator.load(request["device"])
    return separator


def described(separator: Separator) -> dict[str, Any]:
    """What it declares once it is loaded, but for its needs: those were settled before."""
    about = declared(separator)
    sources = None if about.sources is None else list(about.sources)
    flags = {"named": about.named, "may_lack": about.may_lack, "from_files": about.from_files}
    return {"sources": sources, "rate": about.rate, **flags}


def separated(
    separator: Separator, request: Mapping[str, Any], arrays: dict[str, Any], numpy: Any
) -> tuple[dict[str, Any], list[Any]]:
    """The reply to a request to separate, and its arrays."""
    needed = _unpickled(request["needed"])
    if request["references"]:
        needed["references"] = {
            name.removeprefix("ref:"): array for name, array in arrays.items() if name.startswith("ref:")
        }
    found: Any = separator.separate(arrays["mixture"], request["rate"], **needed)
    keys: list[str] | None = None
    if isinstance(found, Mapping):
        keys, values = [str(key) for key in found], list(found.values())
    elif isinstance(found, Sequence) or getattr(found, "ndim", 0) == 3:
        values = list(found)
    else:
        return {"rubbish": type(found).__name__}, []
    details = plain_facts(getattr(separator, "details", None), "details")
    return {"keys": keys, "details": details}, server.sendable(values, keys, numpy)


def failure(error: BaseException) -> dict[str, Any]:
    """What the parent is told of an exception: what it would have seen of it in its own process."""
    text = text_of(error)
    said = text if isinstance(error, SoundstageError) else f"{type(error).__name__}: {text}"
    return {
        "error": storable(said),
        "memory": isinstance(error, OutOfMemory) or is_out_of_memory(error),
        "missing": isinstance(error, NotInstalled),
        "trace": traceback.format_exc()[-8000:],
    }


def _unpickled(text: str) -> Any:
    return pickle.loads(base64.b64decode(text))
