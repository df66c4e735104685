"""The Python environment that a script asks for: made by uv, kept in its cache, shared by equal metadata."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tomllib
from pathlib import Path

from soundstage.cache import cache_folder
from soundstage.errors import NotInstalled
from soundstage.isolation.script import Script

PATIENCE = {"UV_HTTP_TIMEOUT": "180", "UV_HTTP_RETRIES": "6"}
"""How uv meets a slow registry, where the user has not said otherwise: environments may hold gigabytes."""

LINES = 6
"""Of what uv says when it fails."""


def interpreter(script: Script) -> Path | None:
    """The interpreter of the script's environment, where that has been made; starts no process."""
    try:
        known = Path(json.loads((_folder(script) / "environment.json").read_text(encoding="utf-8"))["python"])
    except (OSError, ValueError, KeyError):
        return None
    return known if known.exists() else None


def make(script: Script) -> Path:
    """The interpreter of the script's environment, made now where it is not there.

    Scripts with the same metadata share one environment. Raises NotInstalled with what uv says where it cannot be made.
    """
    from filelock import FileLock

    folder = _folder(script)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        known = interpreter(script)
        if known is not None:
            return known
        stand_in = folder / "script.py"
        lines = "".join(f"# {line}".rstrip() + "\n" for line in _pinned(script).splitlines())
        stand_in.write_text(f"# /// script\n{lines}# ///\n", encoding="utf-8")
        _uv(script, "sync", "--quiet", "--script", str(stand_in))
        python = _uv(script, "python", "find", "--script", str(stand_in)).strip()
        partial = folder / "environment.json.part"
        partial.write_text(json.dumps({"python": python}), encoding="utf-8")
        partial.replace(folder / "environment.json")
        return Path(python)


def _folder(script: Script) -> Path:
    return cache_folder() / "environments" / hashlib.sha256(_pinned(script).encode()).hexdigest()[:16]


def _pinned(script: Script) -> str:
    """The script's metadata, with its pins as constraints, which uv takes for what is installed, and no more."""
    if not script.pins:
        return script.metadata
    import tomli_w

    table = tomllib.loads(script.metadata)
    uv = table.setdefault("tool", {}).setdefault("uv", {})
    uv["constraint-dependencies"] = [*uv.get("constraint-dependencies", []), *script.pins]
    return tomli_w.dumps(table)


def _uv(script: Script, *arguments: str) -> str:
    """What uv prints."""
    try:
        from uv import find_uv_bin

        program = find_uv_bin()
    except (ImportError, FileNotFoundError):
        raise NotInstalled("scripts need uv, which makes their environments: pip install uv") from None
    unwanted = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT")
    links = os.environ.get("PIP_FIND_LINKS", "").split()  # where pip looks for wheels uv looks too
    surroundings = PATIENCE | ({"UV_FIND_LINKS": ",".join(links)} if links else {})
    surroundings |= {name: value for name, value in os.environ.items() if name not in unwanted}
    done = subprocess.run([program, *arguments], capture_output=True, text=True, env=surroundings, check=False)
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise NotInstalled(
            f"the environment of {script.path.name} could not be made by uv: {' / '.join(said[:LINES])};"
            " check its requires-python and dependencies, and that the package registry can be reached"
            + (
                "; it is pinned to what it was: without `environment` in the lock file it is made of what is new"
                if script.pins
                else ""
            )
        )
    return done.stdout
