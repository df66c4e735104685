"""Soundstage as its users have it: a wheel, built from the sdist, in an environment far from the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "COVERAGE_PROCESS_START")
"""What this process may have that no user's has."""


def surroundings(**more: str) -> dict[str, str]:
    """A user's environment variables. Where pip looks for wheels uv looks too; no interpreter is fetched."""
    links = {"UV_FIND_LINKS": ",".join(os.environ.get("PIP_FIND_LINKS", "").split())}
    own = {name: value for name, value in os.environ.items() if name not in OURS}
    return {"UV_PYTHON_DOWNLOADS": "never", **links, **own, **more}


def said(*command: object, folder: Path, **more: str) -> str:
    """What a command prints, standard error after standard output. Raises AssertionError with it where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=folder, env=surroundings(**more), capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def sdist(root: Path, folder: Path) -> Path:
    """The source distribution of the checkout."""
    said(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, folder=root)
    return next(folder.glob("*.tar.gz"))


def wheel(source: Path, folder: Path) -> Path:
    """The wheel, built from a source distribution."""
    with tarfile.open(source) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    said(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=unpacked)
    return next(folder.glob("*.whl"))


def interpreter(version: str) -> Path | None:
    """An interpreter of that version that is here already: on the path, uv's own, or pyenv's. None where none is."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    folders = [os.environ.get("PATH", ""), *map(str, sorted(pyenv.glob(f"{version}.*/bin")))]
    command = [find_uv_bin(), "python", "find", "--no-project", version]
    found = subprocess.run(
        command, env=surroundings(PATH=os.pathsep.join(folders)), capture_output=True, text=True, check=False
    )
    return Path(found.stdout.strip()) if found.returncode == 0 else None


@dataclass(frozen=True)
class Environment:
    """A virtual environment; cache: what Soundstage keeps, beside it."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, python: Path | str, *requirements: object) -> Environment:
        """A new one with these requirements."""
        folder.mkdir(parents=True)
        said(find_uv_bin(), "venv", "--quiet", "--no-project", "--python", python, folder / "venv", folder=folder)
        made = cls(folder)
        made.install(*requirements)
        return made

    def install(self, *requirements: object) -> str:
        """What uv says of installing these."""
        command = [find_uv_bin(), "pip", "install", "--python", self.program("python")]
        return said(*command, *requirements, folder=self.folder)

    def program(self, name: str) -> Path:
        """Where a program of it lies."""
        return self.folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / name

    def said(self, program: str, *arguments: object, folder: Path | None = None) -> str:
        """What a program of it prints, run in `folder`, else beside the environment."""
        own = {"SOUNDSTAGE_CACHE": str(self.folder / "cache"), "OMP_NUM_THREADS": "1"}
        return said(self.program(program), *arguments, folder=folder or self.folder, **own)
