"""Weights are fetched whole or not at all, taken up where they stopped, and are part of the address."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import re
import tarfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner

import soundstage
from soundstage.cache import weights_folder
from soundstage.catalogue import download
from soundstage.catalogue.registry import Registry
from soundstage.catalogue.weights import WeightFile, Weights, read_weights
from soundstage.cli import cli
from soundstage.errors import SoundstageError
from soundstage.toml import Table

DATA = bytes(range(256)) * 4096  # 1 MiB
DIGEST = hashlib.sha256(DATA).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves DATA with ranges, goes wrong as told, and remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.fault = ""
        self.tag = '"one"'
        self.data = DATA
        self.length = ""
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = cast(Server, self.server)
        wanted = self.headers.get("Range", "")
        server.asked.append(wanted)
        if server.fault == "absent":
            self.send_error(404)
            return
        if server.fault == "busy" and len(server.asked) < 3:
            self.send_error(503)
            return
        if server.fault == "not satisfiable" and wanted:
            self.send_error(416)
            return
        if server.fault.startswith(("ftp:", "file:")):
            self.send_response(302)
            self.send_header("Location", server.fault)
            self.end_headers()
            return
        start = (
            int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.headers["If-Range"] == server.tag else 0
        )
        body = server.data[start:]
        self.send_response(206 if start else 200)
        if server.fault == "another part" and start:
            self.send_header("Content-Range", f"bytes 7-{len(server.data)}/{len(server.data)}")
        if server.fault not in ("no length", "endless"):
            self.send_header("Content-Length", server.length or str(len(body)))
        self.send_header("ETag", server.tag)
        self.end_headers()
        if server.fault == "breaks" and len(server.asked) == 1:
            body = body[: len(body) // 2]
            self.close_connection = True
        with contextlib.suppress(ConnectionError):
            while server.fault in ("endless", "drips"):
                self.wfile.write(b"x" * (1 if server.fault == "drips" else 10000))
                server.ended.wait(0.02 if server.fault == "drips" else 0)
                if server.ended.is_set():
                    return
            self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.ended.set()
        running.shutdown()
        thread.join()


def weights_of(server: Server, **facts) -> Weights:
    return Weights("repo", (WeightFile(f"{server.url}/model.th", "model.th", **facts),))


def test_a_file_is_fetched_verified_and_not_fetched_again(server, tmp_path):
    weights = weights_of(server, sha256=DIGEST, size=len(DATA))
    seen = []
    assert download.fetch(weights, tmp_path, lambda *report: seen.append(report)) == [tmp_path / "model.th"]
    assert (tmp_path / "model.th").read_bytes() == DATA
    assert seen[0] == ("model.th", 0, len(DATA))
    assert seen[-1] == ("model.th", len(DATA), len(DATA))
    assert download.fetch(weights, tmp_path) == []
    assert len(server.asked) == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"model.th", ".lock"}


def test_a_connection_that_breaks_is_taken_up_where_it_stopped(server, tmp_path):
    server.fault = "breaks"
    download.fetch(weights_of(server, sha256=DIGEST[:8]), tmp_path)
    assert (tmp_path / "model.th").read_bytes() == DATA
    assert server.asked[0] == ""
    assert server.asked[1] == f"bytes={len(DATA) // 2}-"


def test_a_later_call_takes_up_what_an_earlier_one_left(server, tmp_path, monkeypatch):
    server.fault = "breaks"
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with pytest.raises(SoundstageError, match=r"ended early.*takes it up where it stopped"):
        download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert not (tmp_path / "model.th").exists()
    assert weights_of(server).missing(tmp_path)  # a half file never counts as whole
    download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert (tmp_path / "model.th").read_bytes() == DATA
    assert server.asked[1] == f"bytes={len(DATA) // 2}-"


def test_a_file_that_changed_in_between_is_fetched_from_the_start(server, tmp_path, monkeypatch):
    server.fault = "breaks"
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with pytest.raises(SoundstageError):
        download.fetch(weights_of(server), tmp_path)
    server.tag, server.data = '"two"', DATA[::-1]
    download.fetch(weights_of(server), tmp_path)
    assert (tmp_path / "model.th").read_bytes() == DATA[::-1]


def test_a_server_that_is_busy_is_asked_again(server, tmp_path):
    server.fault = "busy"
    download.fetch(weights_of(server), tmp_path)
    assert len(server.asked) == 3


def test_what_is_not_there_says_so_and_where_the_file_would_go(server, tmp_path):
    server.fault = "absent"
    with pytest.raises(SoundstageError, match=r"HTTP 404.*download it elsewhere and put it at .*model\.th$"):
        download.fetch(weights_of(server), tmp_path)
    assert len(server.asked) == 1


@pytest.mark.parametrize("facts", [{"sha256": "0" * 64}, {"sha256": "0" * 8}, {"size": 7}])
def test_another_file_than_the_published_one_is_not_kept(server, tmp_path, facts):
    with pytest.raises(SoundstageError, match="not the file that was published"):
        download.fetch(weights_of(server, **facts), tmp_path)
    assert not list(tmp_path.glob("model*"))


def test_without_a_network_the_sentence_names_file_and_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    weights = Weights("repo", (WeightFile("http://127.0.0.1:9/model.th", "model.th"),))
    with pytest.raises(SoundstageError, match=f"put it at {tmp_path / 'model.th'}"):
        download.fetch(weights, tmp_path)


def test_what_nobody_says_the_length_or_the_hash_of_is_not_fetched(server, tmp_path):
    server.fault = "no length"
    with pytest.raises(SoundstageError, match="half of it could pass for all; give its size or sha256"):
        download.fetch(weights_of(server), tmp_path)
    download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert (tmp_path / "model.th").read_bytes() == DATA


def interrupted(server, tmp_path, monkeypatch):
    """A download of which half is there."""
    server.fault = "breaks"
    with monkeypatch.context() as once:
        once.setattr(download, "ATTEMPTS", 1)
        with pytest.raises(SoundstageError):
            download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    server.fault = ""
    return tmp_path / "model.th.part"


@pytest.mark.parametrize("fault", ["not satisfiable", "another part"])
def test_a_server_that_cannot_go_on_from_what_is_there_is_asked_for_all_of_it(server, tmp_path, monkeypatch, fault):
    interrupted(server, tmp_path, monkeypatch)
    server.fault = fault
    download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert (tmp_path / "model.th").read_bytes() == DATA
    assert server.asked[-1] == ""


@pytest.mark.parametrize(
    "facts", ["[" * 9999, "3", "{}", '{"version": 3, "total": "x"}', '{"version": "a\\nb", "total": 1}', "\udcff"]
)
def test_what_was_kept_of_a_download_and_is_damaged_costs_only_time(server, tmp_path, monkeypatch, facts):
    partial = interrupted(server, tmp_path, monkeypatch)
    partial.with_name("model.th.part.json").write_text(facts, errors="surrogateescape")
    download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert (tmp_path / "model.th").read_bytes() == DATA


@pytest.mark.parametrize("length", ["abc", "-5", "1e6", "٣"])
def test_a_length_that_is_none_counts_as_unsaid(server, tmp_path, length):
    server.length = length.encode("utf-8").decode("latin-1")
    download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert (tmp_path / "model.th").read_bytes() == DATA
    with pytest.raises(SoundstageError, match="half of it could pass for all"):
        download.fetch(weights_of(server), tmp_path / "other")


def test_what_never_ends_is_refused_at_a_size(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", 100_000)
    server.fault = "endless"
    with pytest.raises(SoundstageError, match="may be 100000; give its size in the registry"):
        download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    with pytest.raises(SoundstageError, match="or more where 50000 were expected"):
        download.fetch(weights_of(server, size=50_000), tmp_path / "declared")
    server.fault = ""
    with pytest.raises(SoundstageError, match="would be 1048576 bytes or more"):
        download.fetch(weights_of(server, sha256=DIGEST), tmp_path / "said")
    assert download.fetch(weights_of(server, sha256=DIGEST, size=len(DATA)), tmp_path / "right")


def test_what_drips_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "WINDOW_S", 0.3)
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    server.fault = "drips"
    with pytest.raises(SoundstageError, match="less than 1000 bytes a second came"):
        download.fetch(weights_of(server, sha256=DIGEST), tmp_path)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "file:///etc/hostname", "data:,x"])
def test_only_http_is_opened_and_followed(server, tmp_path, url):
    with pytest.raises(SoundstageError, match="cannot be downloaded"):
        download.fetch(Weights("repo", (WeightFile(url, "model.th", sha256=DIGEST),)), tmp_path)
    server.fault = url if not url.startswith("data") else "ftp://x/y"
    with pytest.raises(SoundstageError, match="cannot be downloaded"):
        download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert not list(tmp_path.glob("model*"))


def archive() -> bytes:
    """A tar archive of two files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in ("checkpoint", "deep/model.data"):
            facts = tarfile.TarInfo(name)
            facts.size = 3
            tar.addfile(facts, io.BytesIO(b"abc"))
    return packed.getvalue()


def stems(server: Server, contents: bytes) -> Weights:
    digest = hashlib.sha256(contents).hexdigest()
    file = WeightFile(f"{server.url}/4stems.tar.gz", "4stems.tar.gz", sha256=digest, unpack="4stems")
    return Weights("folder", (file,))


def test_an_archive_becomes_its_folder_when_all_of_it_is_there(server, tmp_path):
    server.data = archive()
    weights = stems(server, server.data)
    assert "as 4stems.tar.gz, and have the same command verify and unpack it" in weights.missing_message_offline(
        "s", tmp_path
    )
    assert download.fetch(weights, tmp_path) == [tmp_path / "4stems"]
    assert (tmp_path / "4stems" / "deep" / "model.data").read_bytes() == b"abc"
    assert not weights.missing(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir() if path.name != ".lock")
    assert left == ["4stems", "4stems.sha256"]


def test_an_archive_put_there_by_hand_is_verified_and_unpacked_without_a_network(server, tmp_path):
    weights = stems(server, archive())
    (tmp_path / "4stems.tar.gz").write_bytes(archive())
    assert download.fetch(weights, tmp_path) == [tmp_path / "4stems"]
    assert server.asked == []
    assert not weights.missing(tmp_path)


def test_a_folder_that_no_verified_archive_became_does_not_count(server, tmp_path):
    server.data = archive()
    weights = stems(server, server.data)
    (tmp_path / "4stems").mkdir()
    (tmp_path / "4stems" / "checkpoint").write_text("of another model")
    assert weights.missing(tmp_path)
    download.fetch(weights, tmp_path)
    assert (tmp_path / "4stems" / "checkpoint").read_text() == "abc"


def test_an_archive_of_more_than_weights_can_be_leaves_nothing(server, tmp_path, monkeypatch):
    server.data = archive()
    monkeypatch.setattr(download, "LARGEST", 5)
    weights = stems(server, server.data)
    weights = Weights("folder", (replace(weights.files[0], size=len(server.data)),))
    with pytest.raises(SoundstageError, match="what is in it is larger than 5 bytes"):
        download.fetch(weights, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == []


def test_an_archive_cut_short_leaves_nothing(server, tmp_path):
    for damaged in (archive()[:60], archive()[:40] + b"rubbish" * 9):
        server.data = damaged
        with pytest.raises(SoundstageError, match="not a readable tar archive"):
            download.fetch(stems(server, damaged), tmp_path)
        assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == []


def test_a_damaged_archive_leaves_nothing(server, tmp_path):
    weights = Weights("folder", (WeightFile(f"{server.url}/4stems.tar.gz", "4stems.tar.gz", unpack="4stems"),))
    with pytest.raises(SoundstageError, match="not a readable tar archive"):
        download.fetch(weights, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == []


FILE = {"url": "https://host/x"}


def files(**facts):
    """A `weights` table of one file."""
    return {"parameter": "repo", "files": [{**FILE, **facts}]}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"files": [FILE]}, 'weights.parameter: is missing; write parameter = "…"'),
        ({"parameter": "repo", "files": []}, "weights.files: must be one or more tables"),
        ({"parameter": "repo", "files": [{}]}, 'weights.files[0].url: is missing; write url = "…"'),
        (files(sha="1"), "files[0].sha: is no key here; did you mean 'sha256'"),
        (files(sha256="12"), "files[0].sha256: is '12'; write 8 to 64 hexadecimal characters"),
        (files(size="1"), "files[0].size: is '1'; write size = a whole number"),
        (files(size=0), "files[0].size: is 0; write a whole number of at least 1"),
        (files(url="file:///etc/passwd"), "files[0].url: is 'file:///etc/passwd'; write one that begins with https://"),
        (files(url="http:///x"), "files[0].url: is 'http:///x'; write one"),
        (files(url="https://h/"), "files[0].name: '' cannot be the name of a file or folder"),
        (files(url="https://h/..%2Fx"), "files[0].name: '../x' cannot be"),
        (files(name="../x"), "files[0].name: '../x' cannot be the name of a file or folder: it holds '/'"),
        (files(name="x.part"), "a download's own"),
        *[
            (files(unpack=name), f"files[0].unpack: '{name}' cannot be the name of a file or folder")
            for name in ("..", ".", "...", "a/..", "C:", "NUL", ".lock", " x", "x.sha256")
        ],
        (files(unpack="a\0b"), "holds the character NUL"),
        (files(mirrors=["https://other/x"]), "files[0].mirrors: are of no use without a sha256, which alone tells"),
        (files(mirrors=["ftp://other/x"], sha256="12345678"), "files[0].mirrors: is 'ftp://other/x'; write one that"),
        (files(parameter="repo"), "files: two paths are to be the parameter 'repo'"),
        ({"parameter": "repo", "files": [FILE, {**FILE, "name": "X"}]}, "files: two of them are to be called 'X'"),
    ],
)
def test_a_weights_table_that_makes_no_sense_is_refused(table, words):
    with pytest.raises(SoundstageError, match=re.escape(words)):
        read_weights(Table(table, "r.toml", "separators.mine.weights"))


def test_no_name_out_of_a_registry_makes_fetch_touch_what_lies_beside(tmp_path, server):
    kept = weights_folder("other")
    kept.mkdir(parents=True)
    (kept / "model.th").write_bytes(b"weights")
    file = tmp_path / "mine.toml"
    for name, unpack in (("mine", ".."), ("mine", "."), ("..", "x"), ("../other", "x")):
        files = f'[{{ url = "{server.url}/x.tar", unpack = "{unpack}" }}]'
        weights = f'weights = {{ parameter = "folder", files = {files} }}'
        file.write_text(f'[separators."{name}"]\nplugin = "spleeter"\n{weights}\n')
        done = CliRunner().invoke(cli, ["fetch", name, "--registry", str(file)])
        assert isinstance(done.exception, SoundstageError)
        assert (kept / "model.th").read_bytes() == b"weights"
    assert server.asked == []


@pytest.fixture
def mine(server, tmp_path, toys) -> Path:
    """A registry with a separator whose weights the server has."""
    path = tmp_path / "mine.toml"
    files = f'[{{ url = "{server.url}/model.th", sha256 = "{DIGEST}" }}]'
    path.write_text(f'[separators.mine]\nplugin = "weighty"\nweights = {{ parameter = "folder", files = {files} }}\n')
    return path


GRID = {"datasets": ["toy"], "spatializers": ["flat"], "separators": ["mine"], "metrics": ["error"]}


def test_a_run_without_weights_says_which_command_gets_them_and_goes_on_once_they_are_there(mine, server, tmp_path):
    summary = soundstage.run({**GRID, "separators": ["mine", "nothing"]}, tmp_path / "out", registry=[mine])
    assert summary.troubled == 2
    frame = soundstage.load(tmp_path / "out")
    lacking = frame[frame["separator"] == "mine"]
    assert set(lacking["status"]) == {"not-installed", "skipped"}
    assert "soundstage fetch mine" in lacking["note"].iloc[0]
    assert "model.th" in lacking["note"].iloc[0]

    done = CliRunner().invoke(cli, ["fetch", "mine", "--registry", str(mine)])
    assert done.exit_code == 0, done.output
    assert str(weights_folder("mine")) in done.output
    soundstage.run({**GRID, "separators": ["mine", "nothing"]}, tmp_path / "out", registry=[mine])
    frame = soundstage.load(tmp_path / "out")
    assert set(frame["status"]) == {"ok"}


def test_other_weights_are_another_result(mine, server, tmp_path):
    CliRunner().invoke(cli, ["fetch", "mine", "--registry", str(mine)])
    assert soundstage.run(GRID, tmp_path / "out", registry=[mine]).ran == 2
    assert soundstage.run(GRID, tmp_path / "out", registry=[mine]).ran == 0
    own = tmp_path / "own"
    own.mkdir()
    (own / "model.th").write_bytes(b"other weights")
    other = {**GRID, "separators": [f"mine[folder={own}]"]}
    assert soundstage.run(other, tmp_path / "out", registry=[mine]).ran == 2
    (own / "model.th").write_bytes(DATA)  # the same contents in another place are the same result
    assert soundstage.run(other, tmp_path / "out", registry=[mine]).ran == 0


def test_weights_that_are_not_the_published_ones_are_not_used(mine, tmp_path):
    folder = weights_folder("mine")
    folder.mkdir(parents=True)
    (folder / "model.th").write_bytes(b"damaged")
    soundstage.run({**GRID, "separators": ["mine", "nothing"]}, tmp_path / "out", registry=[mine])
    frame = soundstage.load(tmp_path / "out")
    note = frame[(frame["separator"] == "mine") & (frame["status"] == "failed")]["note"].iloc[0]
    assert "not the file that was published" in note


def test_every_shipped_separator_with_weights_says_what_is_missing_and_how_to_get_it():
    known = Registry.load()
    weighty = [name for name in known.names("separators") if known.entry("separators", name).weights]
    expected = {"htdemucs", "htdemucs_ft", "hdemucs_mmi", "mdx_extra", "umx", "umxhq", "umxl"}
    toolkits = {name for name in weighty if known.entry("separators", name).plugin == "mss"}
    assert set(weighty) == expected | {"spleeter_2stems", "spleeter_4stems", "spleeter_5stems"} | toolkits
    assert {"bs_roformer", "mel_band_roformer", "bs_roformer_musdb18hq", "scnet", "scnet_large", "scnet_xl"} <= toolkits
    assert {"mdx23c", "bs_roformer_6stems", "bi_scnet", "bi_scnet_spatial"} <= toolkits
    lacking = set()
    for name in weighty:
        entry = known.entry("separators", name)
        if entry.plugin != "mss" or not known.plugin(entry).unusable():
            assert f"soundstage fetch {name}" in known.unusable(entry)
        assert entry.weights.licence
        for file in entry.weights.files:
            assert all(url.startswith("https://") for url in file.urls)
            assert len(file.sha256) in (0, 8, 64)
            assert file.sha256 or not file.mirrors
            lacking |= set() if file.sha256 else {name}
    # Nobody states these; whoever finds one enters it.
    assert lacking == {"scnet_large", "scnet_xl", "mdx23c", "mdx23c_musdb18hq", "bi_scnet", "bi_scnet_spatial"}
    listed = CliRunner().invoke(cli, ["list", "separators"]).output
    assert "soundstage fetch htdemucs_ft" in listed
    assert "needs its weights, 4stems.tar.gz: soundstage fetch spleeter_4stems" in listed
    assert "[usable]" in next(line for line in listed.splitlines() if line.strip().startswith("mixture "))


def test_fetching_what_needs_nothing_says_so_and_a_wrong_name_is_suggested():
    assert "nothing to fetch" in CliRunner().invoke(cli, ["fetch", "mixture"]).output
    done = CliRunner().invoke(cli, ["fetch", "htdemuks"])
    assert isinstance(done.exception, SoundstageError)
    assert "did you mean 'htdemucs'" in str(done.exception)


@pytest.mark.parametrize("length", ["+5", "0x10", "5, 5", "1_0", "9" * 40, "1.0", "∞"])
def test_other_lengths_that_are_none_count_as_unsaid_too(server, tmp_path, length):
    server.length = length.encode("utf-8").decode("latin-1")
    with pytest.raises(SoundstageError, match=r"half of it could pass for all|would be 9+ bytes or more"):
        download.fetch(weights_of(server), tmp_path)
    assert not (tmp_path / "model.th").exists()


@pytest.mark.parametrize("length", [len(DATA) - 1, 1, 0])
def test_a_length_that_is_too_small_makes_no_whole_file_of_a_part(server, tmp_path, length):
    server.length = str(length)
    with pytest.raises(SoundstageError, match="not the file that was published"):
        download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert not list(tmp_path.glob("model*"))


@pytest.mark.parametrize("where", ["head", "chunk"])
def test_what_drips_before_its_contents_is_given_up_too(server, tmp_path, monkeypatch, where):
    monkeypatch.setattr(download, "WINDOW_S", 0.3)
    monkeypatch.setattr(download, "ATTEMPTS", 2)

    def dripping(self):
        begin = b"HTTP/1.1 200 OK\r\n"
        self.wfile.write(begin + (b"X: " if where == "head" else b"Transfer-Encoding: chunked\r\n\r\n1;"))
        with contextlib.suppress(ConnectionError):
            while not server.ended.wait(0.02):
                self.wfile.write(b"x")
        self.close_connection = True

    monkeypatch.setattr(Handler, "do_GET", dripping)
    threading.Timer(10.0, server.ended.set).start()
    with pytest.raises(SoundstageError, match="less than 1000 bytes a second came"):
        download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert not server.ended.is_set()


def test_a_server_that_can_satisfy_nothing_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(Handler, "do_GET", lambda self: self.send_error(416))
    with pytest.raises(SoundstageError, match="HTTP 416"):
        download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert not list(tmp_path.glob("model*"))


def test_what_is_here_and_longer_than_all_of_it_is_fetched_anew(server, tmp_path, monkeypatch):
    partial = interrupted(server, tmp_path, monkeypatch)
    partial.write_bytes(DATA + b"and more")
    server.fault = "not satisfiable"
    download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert (tmp_path / "model.th").read_bytes() == DATA


@pytest.mark.parametrize(
    "to", ["ftp://127.0.0.1/x", "file:///etc/hostname", "FILE:/etc/hostname", "gopher://x/", "//[x"]
)
def test_no_redirection_leads_to_another_scheme_or_nowhere(server, tmp_path, monkeypatch, to):
    def redirecting(self):
        self.send_response(307)
        self.send_header("Location", to)
        self.end_headers()

    monkeypatch.setattr(Handler, "do_GET", redirecting)
    with pytest.raises(SoundstageError, match="cannot be downloaded"):
        download.fetch(weights_of(server, sha256=DIGEST), tmp_path)
    assert not list(tmp_path.glob("model*"))


def packed(name: str, **facts) -> bytes:
    """A tar archive of one member that has such a name, or leads to such a place."""
    archived = io.BytesIO()
    with tarfile.open(fileobj=archived, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        for key, value in facts.items():
            setattr(member, key, value)
        tar.addfile(member)
        if "linkname" in facts:
            through = tarfile.TarInfo(f"{name}/written" if facts["type"] == tarfile.SYMTYPE else name)
            through.size = 3
            tar.addfile(through, io.BytesIO(b"abc"))
    return archived.getvalue()


@pytest.mark.parametrize(
    "contents",
    [
        packed("../victim"),
        packed("a/../../victim"),
        packed("link", type=tarfile.SYMTYPE, linkname=".."),
        packed("link", type=tarfile.SYMTYPE, linkname="/tmp"),
        packed("link", type=tarfile.LNKTYPE, linkname="../victim"),
        packed("device", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
    ],
    ids=["up", "up and down", "a link up", "a link to the root", "a hard link", "a device"],
)
def test_no_archive_writes_beside_its_folder(server, tmp_path, contents):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "victim").write_text("mine")
    server.data = contents
    with pytest.raises(SoundstageError, match="not a readable tar archive"):
        download.fetch(stems(server, contents), folder)
    assert {path.name for path in folder.iterdir()} - {".lock"} == {"victim"}
    assert (folder / "victim").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"weights"}
