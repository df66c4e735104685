"""The commands of docs/security.md make a Dask cluster that only who has the certificates can talk to."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.heavy

if importlib.util.find_spec("distributed") is None or shutil.which("openssl") is None:
    pytest.skip("needs Dask and openssl", allow_module_level=True)

PAGE = Path(__file__).parents[3] / "docs" / "security.md"
STUDY = """
[grids.study]
datasets = ["sketches"]
spatializers = ["panning"]
separators = ["mixture"]
metrics = ["sdr"]
"""


def told(port: int) -> list[str]:
    """The commands of the page's section on clusters, for a scheduler at that port of this machine."""
    section = PAGE.read_text(encoding="utf-8").partition("## On a cluster")[2]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.replace("HOST:8786", f"127.0.0.1:{port}").replace("rsa:4096", "rsa:2048") for line in lines]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def started(line: str, folder: Path, *more: str) -> Iterator[None]:
    """A command of the page at work, and all that it has started ended after."""
    command = [sys.executable, "-m", *shlex.split(line), *more]
    with open(folder / "dask.log", "ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.kill()


def ran(line: str, folder: Path, **without: str | None) -> subprocess.CompletedProcess[str]:
    """What a `soundstage` command of the page, with variables before it, comes to; without: other values of those."""
    words = shlex.split(line)
    variables = dict(word.split("=", 1) for word in words[: words.index("soundstage")]) | without
    environment = os.environ | {name: value for name, value in variables.items() if value is not None}
    command = [sys.executable, "-m", *words[words.index("soundstage") :]]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def test_the_pages_commands_run_a_grid_over_tls_and_nobody_without_certificates(tmp_path):
    port = free_port()
    certificate, copied, scheduler, worker, run = told(port)
    subprocess.run(shlex.split(certificate), cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(shlex.split(copied), cwd=tmp_path, check=True)
    (tmp_path / "study.toml").write_text(STUDY)
    with started(scheduler, tmp_path, "--host", "127.0.0.1", "--port", str(port)), started(worker, tmp_path):
        deadline = time.monotonic() + 60
        while b"Registered to" not in (tmp_path / "dask.log").read_bytes() and time.monotonic() < deadline:
            time.sleep(0.2)
        done = ran(run, tmp_path)
        assert done.returncode == 0, done.stderr
        assert "3 cells run" in done.stderr
        nothing = dict.fromkeys(
            [f"DASK_DISTRIBUTED__COMM__TLS__{part}" for part in ("CA_FILE", "CLIENT__CERT", "CLIENT__KEY")]
        )
        unknown = ran(f"{run} --out other", tmp_path, **nothing)
        missing = ran(f"{run} --out other", tmp_path, DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT="nowhere.pem")
        plain = ran(f"{run.replace('tls://', 'tcp://')} --out other", tmp_path)
        for refused in (unknown, missing, plain):
            assert refused.returncode == 1
            assert "Traceback" not in refused.stderr
        assert "asks for certificates, and they are not set" in unknown.stderr
        assert "one of them cannot be used: No such file" in missing.stderr
        assert "no Dask scheduler answers" in plain.stderr
        forged = certificate.replace("key.pem", "forged-key.pem").replace("cert.pem", "forged.pem")
        subprocess.run(shlex.split(forged), cwd=tmp_path, check=True, capture_output=True)
        stranger = ran(
            f"{run} --out other",
            tmp_path,
            DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT="forged.pem",
            DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY="forged-key.pem",
        )
        assert stranger.returncode == 1
        assert "Traceback" not in stranger.stderr
