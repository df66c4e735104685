"""One hash, several addresses: the first that has the file gives it, and what has another file is passed over."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
import time
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner

from soundstage.cache import weights_folder
from soundstage.catalogue import download
from soundstage.catalogue.registry import Registry
from soundstage.catalogue.weights import WeightFile, Weights, read_weights
from soundstage.cli import cli
from soundstage.errors import SoundstageError
from soundstage.toml import Table

DATA = bytes(range(256)) * 400
DIGEST = hashlib.sha256(DATA).hexdigest()
CONFIG = b"audio:\n  chunk_size: 4096\n"


class Host(http.server.ThreadingHTTPServer):
    """Serves what it holds by path, and remembers what was asked of it."""

    def __init__(self, **held: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.held = {f"/{name.replace('__', '.')}": body for name, body in held.items()}
        self.asked: list[str] = []
        self.breaks = False

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        host = cast(Host, self.server)
        host.asked.append(self.path)
        body = host.held.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{len(host.held)}"')
        self.end_headers()
        if host.breaks:
            body = body[: len(body) // 2]
            self.close_connection = True
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def host(monkeypatch):
    """Makes hosts that hold what they are given."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with contextlib.ExitStack() as running:

        def serve(**held: bytes) -> Host:
            one = running.enter_context(Host(**held))
            thread = threading.Thread(target=one.serve_forever, daemon=True)
            thread.start()
            running.callback(thread.join)
            running.callback(one.shutdown)
            return one

        yield serve


DEAD = "http://127.0.0.1:9/m.ckpt"


def mirrored(*urls: str, **facts) -> Weights:
    return Weights("repo", (WeightFile(urls[0], "m.ckpt", sha256=DIGEST, mirrors=urls[1:], **facts),))


def test_the_second_address_is_asked_where_the_first_is_dead(host, tmp_path):
    one = host(m__ckpt=DATA)
    assert download.fetch(mirrored(DEAD, one.url("m.ckpt")), tmp_path) == [tmp_path / "m.ckpt"]
    assert (tmp_path / "m.ckpt").read_bytes() == DATA


def test_the_second_address_is_asked_where_the_first_lacks_the_file_or_has_another(host, tmp_path):
    for wrong in (host(), host(m__ckpt=b"<html>sign in</html>"), host(m__ckpt=DATA[:-1] + b"x")):
        right = host(m__ckpt=DATA)
        folder = tmp_path / str(wrong.server_address[1])
        download.fetch(mirrored(wrong.url("m.ckpt"), right.url("m.ckpt"), size=len(DATA)), folder)
        assert (folder / "m.ckpt").read_bytes() == DATA
        assert wrong.asked
        assert {path.name for path in folder.iterdir()} <= {"m.ckpt", ".lock"}


def test_the_first_address_is_asked_alone_where_it_has_the_file(host, tmp_path):
    one, other = host(m__ckpt=DATA), host(m__ckpt=DATA)
    download.fetch(mirrored(one.url("m.ckpt"), other.url("m.ckpt")), tmp_path)
    assert (len(one.asked), other.asked) == (1, [])


def test_what_one_address_broke_off_another_finishes(host, tmp_path):
    breaking, whole = host(m__ckpt=DATA), host(m__ckpt=DATA)
    breaking.breaks = True
    download.fetch(mirrored(breaking.url("m.ckpt"), whole.url("m.ckpt")), tmp_path)
    assert (tmp_path / "m.ckpt").read_bytes() == DATA
    assert len(breaking.asked) == download.ATTEMPTS


def test_each_address_and_its_trouble_is_said_where_none_has_the_file(host, tmp_path):
    wrong = host(m__ckpt=b"x" * len(DATA))
    with pytest.raises(SoundstageError) as caught:
        download.fetch(mirrored(DEAD, wrong.url("m.ckpt")), tmp_path)
    said = str(caught.value)
    assert said.startswith(f"m.ckpt: none of its 2 addresses has it: {DEAD} cannot be downloaded (")
    assert f"{wrong.url('m.ckpt')} is not the file that was published: its SHA-256 begins with" in said
    assert {path.name for path in tmp_path.iterdir()} <= {".lock"}


# A checkpoint and the YAML beside it


def registry(folder: Path, one: Host, config: str = "") -> Path:
    """A registry with an entry of two files, each for a parameter of its own."""
    file = folder / "mine.toml"
    file.write_text(
        f"""
[separators.mine]
plugin = "mss"
[separators.mine.weights]
licence = "not stated"
[[separators.mine.weights.files]]
url       = "{DEAD}"
mirrors   = ["{one.url("m.ckpt")}"]
sha256    = "{DIGEST}"
size      = {len(DATA)}
parameter = "checkpoint"
[[separators.mine.weights.files]]
url       = "{one.url("c.yaml")}"
parameter = "config"
{config}
"""
    )
    return file


def test_the_yaml_is_fetched_and_verified_beside_the_checkpoint(host, tmp_path):
    one = host(m__ckpt=DATA, c__yaml=CONFIG)
    file = registry(tmp_path, one, f'sha256 = "{hashlib.sha256(CONFIG).hexdigest()}"')
    done = CliRunner().invoke(cli, ["fetch", "mine", "--registry", str(file)])
    assert done.exit_code == 0, done.output
    assert "states none" not in done.output
    folder = weights_folder("mine")
    assert (folder / "m.ckpt").read_bytes() == DATA
    assert (folder / "c.yaml").read_bytes() == CONFIG
    choice = Registry.load([file]).choose("separators", "mine")
    assert choice.params == {"checkpoint": folder / "m.ckpt", "config": folder / "c.yaml"}

    wrong = registry(tmp_path, host(m__ckpt=DATA, c__yaml=b"another hop"), f'sha256 = "{DIGEST}"')
    (folder / "c.yaml").unlink()
    done = CliRunner().invoke(cli, ["fetch", "mine", "--registry", str(wrong)])
    assert done.exit_code == 1
    assert "c.yaml is not the file that was published" in done.output
    assert not (folder / "c.yaml").exists()


def test_a_hash_that_nobody_states_is_said_with_the_one_that_came(host, tmp_path):
    file = registry(tmp_path, host(m__ckpt=DATA, c__yaml=CONFIG))
    done = CliRunner().invoke(cli, ["fetch", "mine", "--registry", str(file)])
    assert f"c.yaml has SHA-256 {hashlib.sha256(CONFIG).hexdigest()}, and its publisher states none" in done.output
    assert "m.ckpt has SHA-256" not in done.output


def test_one_path_of_ones_own_goes_with_the_other_of_the_entry(host, tmp_path):
    file = registry(tmp_path, host())
    known, folder = Registry.load([file]), weights_folder("mine")
    own = known.choose("separators", f"mine[config={tmp_path / 'own.yaml'}]")
    assert own.params == {"checkpoint": folder / "m.ckpt", "config": tmp_path / "own.yaml"}
    assert own.weights is not None
    assert [file.name for file in own.weights.files] == ["m.ckpt"]
    assert own.trained_on is None
    both = known.choose("separators", f"mine[config={tmp_path / 'own.yaml'},checkpoint={tmp_path / 'own.ckpt'}]")
    assert both.weights is None
    assert "needs its weights, m.ckpt, c.yaml: soundstage fetch mine" in known.unusable(
        known.entry("separators", "mine")
    )


def test_weights_are_read_again_as_they_are_written(host, tmp_path):
    known = Registry.load([registry(tmp_path, host())])
    weights = known.entry("separators", "mine").weights
    assert weights is not None
    assert read_weights(Table(weights.written, "lock.toml", "weights")) == weights
    assert weights.parameters == ("checkpoint", "config")


def test_each_file_is_named_with_its_address_where_they_come_from_several(host, tmp_path):
    weights = Registry.load([registry(tmp_path, host())]).entry("separators", "mine").weights
    assert weights is not None
    said = weights.missing_message_offline("mine", tmp_path)
    assert f"put {DEAD} as m.ckpt and http://127.0.0.1:" in said
    assert f"c.yaml as c.yaml into {tmp_path}" in said
