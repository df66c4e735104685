"""What a verb prints is letters: no name in it commands the terminal, takes colours, loses a part or cuts a value."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import unicodedata

import numpy as np
import pytest
import soundfile

from boards import results
from soundstage.cli import _status
from soundstage.contracts import Score
from soundstage.report.text import printable
from soundstage.results.store import Store

ESCAPE = "\x1b]0;o\x07[b]:ok:"
TURNED = "\u202egnp[/b].x"
LONG = "long " * 40 + "end"
CONTROL = "c1\x9b31m\x7f\u2028"
"""What JSON does not escape and some terminals obey."""
NAMES = (ESCAPE, TURNED, LONG)
FILE_NAMES = (ESCAPE, TURNED.replace("/", ""), LONG)
"""Names that files can have."""

PUBLICATION = """title = "T\\u001b[2J[b]"
citation = "C"
[protocol]
data = "d\\u202e"
aggregation = ""
[measures.SDR]
same = "toy.SDR"
unit = "dB"
[renderings.R]
sources = ["bass"]
spatializers = ["s"]
[models."{name}"]
separators = ["plain"]
[[tables]]
where = "table 1"
columns = ["rendering", "source", "model", "SDR"]
rows = [["R", "bass", "{name}", 7.77]]
"""


def quoted(text):
    return json.dumps(text, ensure_ascii=True)[1:-1]


def scored(path, separators=NAMES, track="song", source="bass", value=12.34, **options):
    rows = {(separator, track): [Score(source, "SDR", value)] for separator in separators}
    return results(path, rows, **options)


def songs(path, names=FILE_NAMES, factor=1.0):
    rng = np.random.default_rng(0)
    for name in names:
        (path / name).mkdir(parents=True)
        for stem in ("vocals", "drums"):
            soundfile.write(path / name / f"{stem}.wav", factor * 0.1 * rng.standard_normal((4410, 2)), 44100, "FLOAT")
    return path


def grid(path, root):
    text = f"""[datasets.mine]
plugin = "folder"
params = {{ root = "{root}" }}
[grids.g]
summary = "{quoted(TURNED)}"
datasets = ["mine"]
spatializers = ["original"]
separators = ["mixture"]
metrics = ["sdr"]
"""
    path.write_text(text, encoding="utf-8")
    return path


def grid_of_odd_songs(tmp):
    root = songs(tmp / "data")
    for name in FILE_NAMES:
        (root / name / "drums.wav").write_bytes(b"no audio")
    songs(root, names=["sound"])
    return grid(tmp / "g.toml", root)


def registry(tmp):
    entries = "".join(
        f'[separators.s{number}]\nplugin = "mixture"\nsummary = "{quoted(name)}"\ncitation = "{quoted(name)}"\n'
        for number, name in enumerate(NAMES)
    )
    (tmp / "r.toml").write_text(entries, encoding="utf-8")
    return tmp / "r.toml"


def score(tmp):
    names = [*FILE_NAMES, "[b]song:ok:"]
    reference, estimate = songs(tmp / "r", names), songs(tmp / "e", names, factor=0.9)
    line = ["score", "--reference", reference, "--estimate", estimate, "--metric", "sdr"]
    return [line], {"20.00": 2 * 2 + 3, "[b]song:ok:": 1}


def leaderboard(tmp):
    return [["leaderboard", scored(tmp / "o")]], {"12.34": 3}


def leaderboard_by_source(tmp):
    rows = {("model", "song"): [Score(name, "SDR", 12.34) for name in NAMES]}
    return [["leaderboard", results(tmp / "o", rows), "--by", "source"]], {"12.34": 3}


def leaderboard_beside_published(tmp):
    lines = []
    for number, name in enumerate(NAMES):
        (tmp / f"p{number}.toml").write_text(PUBLICATION.replace("{name}", quoted(name)), encoding="utf-8")
        lines.append(
            [
                "leaderboard",
                scored(tmp / f"o{number}", ["plain"]),
                "--by",
                "source",
                "--published",
                tmp / f"p{number}.toml",
            ]
        )
    return lines, {"12.34": 3, "7.77": 3, "+4.57": 3}


def compare(tmp):
    rows = {
        (separator, track): [Score("bass", "SDR", value + 3.0 * number)]
        for separator, value in ((ESCAPE, 1.0), (TURNED, 2.5), (LONG, 9.75))
        for number, track in enumerate(NAMES)
    }
    out = results(tmp / "o", rows)
    return [["compare", out, ESCAPE, TURNED], ["compare", out, LONG, TURNED]], {}


def compared_for_programs(tmp):
    (first, second), _ = compare(tmp)
    return [[*first, "--format", "csv"], [*second, "--format", "json"]], {}


def leaderboard_for_programs(tmp):
    (tmp / "p.toml").write_text(PUBLICATION.replace("{name}", quoted(CONTROL)), encoding="utf-8")
    out, plain = scored(tmp / "o", [*NAMES, CONTROL]), scored(tmp / "plain", ["plain"])
    lines = [["leaderboard", out, "--format", form] for form in ("csv", "json", "markdown", "latex")]
    beside = ["leaderboard", plain, "--by", "source", "--published", tmp / "p.toml", "--format"]
    return lines + [[*beside, form] for form in ("csv", "json", "markdown", "latex")], {}


def scored_for_programs(tmp):
    names = [*FILE_NAMES, CONTROL]
    reference, estimate = songs(tmp / "r", names), songs(tmp / "e", names, factor=0.9)
    line = ["score", "--reference", reference, "--estimate", estimate, "--metric", "sdr", "--format"]
    return [[*line, "csv"], [*line, "json"]], {}


def paper(tmp):
    (compared, _), _ = compare(tmp)
    out = compared[1]
    lines = []
    for name in FILE_NAMES:
        (tmp / f"{name}.tex").write_text(
            f"\\begin{{document}}\nThe SDR of {ESCAPE} {TURNED} is 77.77 dB.\n\\end{{document}}\n", encoding="utf-8"
        )
        lines += [["paper", out, "--out", tmp / name], ["paper", out, "--check", tmp / f"{name}.tex"]]
    return lines, {}


def figures(tmp):
    pytest.importorskip("matplotlib")
    (compared, _), _ = compare(tmp)
    lines = [["figures", compared[1], "--out", tmp / name, "--format", "svg"] for name in FILE_NAMES]
    return lines, {}


def report(tmp):
    pytest.importorskip("plotly")
    out = scored(tmp / "o")
    lines = [["report", out, "--out", tmp / name, "--clips", "none"] for name in FILE_NAMES[:2]]
    for name in NAMES[:2]:
        lines += [["report", out, "--out", tmp / "x", option, name] for option in ("--song", "--grid", "--rank-by")]
    return lines, {"long": 0}


def listed(tmp):
    return [["list", "--registry", registry(tmp)], ["list", registry(tmp)]], {}


def show(tmp):
    return [["show", f"s{number}", "--registry", registry(tmp)] for number in range(3)], {}


def fetch(tmp):
    known = registry(tmp)
    return [["fetch", name, "--registry", known] for name in ("s0", *NAMES)], {}


def status(tmp):
    return [["status", scored(tmp / str(number), name=name)] for number, name in enumerate(NAMES)], {}


def status_errors(tmp):
    run = ["run", grid_of_odd_songs(tmp), "--out", tmp / "o", "--quiet"]
    return [run, ["status", tmp / "o", "--errors"]], {}


def check(tmp):
    return [["check", grid_of_odd_songs(tmp)]], {}


def imported(tmp):
    frame = {"time": 0.0, "duration": 1.0, "metrics": dict.fromkeys(("SDR", "ISR", "SIR", "SAR"), 12.34)}
    for name in FILE_NAMES:
        (tmp / name / "test").mkdir(parents=True)
        (tmp / name / "test" / "song.json").write_text(json.dumps({"targets": [{"name": "bass", "frames": [frame]}]}))
    lines = [["import", *(tmp / name for name in FILE_NAMES), "--out", tmp / "o"], ["leaderboard", tmp / "o"]]
    return lines, {"12.34": 12}


def merge(tmp):
    first, second = scored(tmp / "a", NAMES, "song"), scored(tmp / "b", NAMES, "song", value=1.0)
    return [["merge", tmp / name, first, second, "--prefer", "first"] for name in FILE_NAMES], {}


def verify(tmp):
    lines = []
    for number, name in enumerate(NAMES):
        out = scored(tmp / str(number), name=name)
        Store(out).save_run("r", {"cells_there": 5, "grid": {"name": name, "revision": 1, "hash": "0" * 64}})
        lines.append(["verify", out, "--recompute", "0"])
    return lines, {}


def provenance(tmp):
    return [["provenance", scored(tmp / str(number), name=name)] for number, name in enumerate(NAMES)], {}


def export(tmp):
    measures = ("SDR", "ISR", "SIR", "SAR")
    rows = {("model", "song"): [Score("bass", name, 1.0, frame) for name in measures for frame in (None, 0)]}
    out = results(tmp / "o", rows, measures)
    return [["export", out, "--out", tmp / name] for name in FILE_NAMES], {}


def dry_run(tmp):
    return [["run", grid_of_odd_songs(tmp), "--out", tmp / "o", "--dry-run"]], {"long": 0}


def run(tmp):
    return [["run", grid_of_odd_songs(tmp), "--out", tmp / FILE_NAMES[0], "--traceback"]], {}


def render(tmp):
    return [["render", grid_of_odd_songs(tmp), "--out", tmp / FILE_NAMES[0]]], {}


VERBS = [
    *(score, leaderboard, leaderboard_by_source, leaderboard_beside_published, compare, listed, show, fetch, status),
    *(paper, figures, report),
    *(status_errors, check, imported, merge, verify, provenance, export, dry_run, run, render),
]


FOR_PROGRAMS = [compared_for_programs, leaderboard_for_programs, scored_for_programs]


class Screen(io.StringIO):
    """What is printed, by a stream that says it is a terminal or that it is none."""

    def __init__(self, is_terminal):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


def printed(monkeypatch, lines, columns):
    """All that these command lines print, without the colours that Soundstage itself gives. columns: 0 is a pipe."""
    screen = Screen(bool(columns))
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", str(columns))
    for line in lines:
        monkeypatch.setattr(sys, "argv", ["soundstage", *map(str, line)])
        _status()
    return re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())


@pytest.mark.parametrize(
    ("verb", "columns"),
    [*((verb, columns) for verb in VERBS for columns in (40, 80, 120, 0)), *((verb, 80) for verb in FOR_PROGRAMS)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_no_verb_obeys_a_name_or_loses_a_letter_or_a_value(tmp_path, monkeypatch, verb, columns):
    lines, values = verb(tmp_path)
    text = printed(monkeypatch, lines, columns)
    obeyed = [letter for letter in text if unicodedata.category(letter) in ("Cc", "Cs") and letter != "\n"]
    assert not obeyed + [letter for letter in text if letter in "\u202e\u2028"], text
    assert not values or "…" not in text, text
    for name in (ESCAPE, TURNED):
        spelt = printable(name)
        assert spelt in text or spelt.replace("/", "") in text, text
    for value, times in {"long": 40, **values}.items():
        assert text.count(value) >= times, text


def test_the_live_view_of_a_run_shows_letters_too():
    from rich.console import Console

    from soundstage.cli.progress import Display

    display, page = Display(), io.StringIO()
    display.show(ESCAPE, 1)
    Console(file=page, width=120).print(display._workers)
    assert printable(ESCAPE) in page.getvalue()


def test_programs_are_given_names_as_they_are(tmp_path, monkeypatch):
    out = scored(tmp_path, [CONTROL, ESCAPE])
    for form in ("csv", "json"):
        screen = Screen(is_terminal=False)
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setattr(sys, "argv", ["soundstage", "leaderboard", str(out), "--format", form])
        assert _status() == 0
        text = screen.getvalue()
        found = json.loads(text)["sections"][0]["rows"] if form == "json" else list(csv.DictReader(io.StringIO(text)))
        assert {row["separator"] for row in found} == {CONTROL, ESCAPE}
