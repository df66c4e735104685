"""Fixtures that every test may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # pytest has a process a core; more threads would wait for one another

ROOT = Path(__file__).resolve().parents[1]
TOYS = ROOT / "tests" / "support" / "toys"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("SOUNDSTAGE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """What the original implementations say of signals that anybody can build again."""
    return ROOT / "tests" / "golden"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real songs, HRIRs and published tables: what $SOUNDSTAGE_SHARED names, else `shared` beside the repository."""
    folder = Path(os.environ.get("SOUNDSTAGE_SHARED") or ROOT.parent / "shared")
    if not (folder / "real").is_dir():
        pytest.skip(f"no real songs at {folder}; name their folder in $SOUNDSTAGE_SHARED")
    return folder


@pytest.fixture
def lasting_environments() -> None:
    """The environments of separator scripts, which take gigabytes, are the user's own and outlast the test."""
    from soundstage.cache import cache_folder

    lasting = Path.home() / ".cache" / "soundstage" / "environments"
    lasting.mkdir(parents=True, exist_ok=True)
    (cache_folder() / "environments").symlink_to(lasting)


@pytest.fixture
def toys(monkeypatch) -> Iterator[Path]:
    """The toy plugins, installed for this test here and in the processes it starts."""
    monkeypatch.syspath_prepend(str(TOYS))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TOYS), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    yield TOYS
    for name in ("soundstage_toys", "soundstage_unruly"):
        sys.modules.pop(name, None)


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """The samples that each read of an audio file has decoded, in order."""
    import soundfile

    counts: list[int] = []
    read = soundfile.SoundFile.read

    def counting(self, *arguments, **options):
        found = read(self, *arguments, **options)
        counts.append(len(found))
        return found

    monkeypatch.setattr(soundfile.SoundFile, "read", counting)
    return counts
