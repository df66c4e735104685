"""`--isolate`: the same numbers from a process that never had the references, and no secrets."""

from __future__ import annotations

import numpy
import pandas
import pytest
from click.testing import CliRunner

import checkpoints
import soundstage
from soundstage.audio import write_audio
from soundstage.catalogue.registry import Registry
from soundstage.cli import cli
from soundstage.errors import Crashed, NotInstalled, SoundstageError
from soundstage.results.store import Store
from soundstage.running.isolated import IsolatedSeparator
from soundstage.running.listener import Silence
from tables import rows_of

pytestmark = pytest.mark.slow

GRID = {
    "name": "isolated",
    "datasets": ["toy[tracks=2]"],
    "placements": ["line"],
    "spatializers": ["gains"],
    "separators": ["nothing"],
    "metrics": ["error"],
}
HARMLESS = ["truth", "nothing", "noisy", "noisy[rate=4000]", "shuffled", "partial", "duo", "peeking", "irm"]
FAULTS = ["raises", "shape", "mono", "missing", "extra", "nan", "list", "memory", "torch memory", "sys.exit"]
FAULTS += ["interrupts", "own exit", "closes", "edits"]


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


class Told(Silence):
    """Remembers what was noticed."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def noticed(self, sentence: str) -> None:
        self.notices.append(sentence)


def tidy(path):
    frame = rows_of(path).drop(columns="error")  # tracebacks, whose sentences are notes
    return frame.sort_values([*frame.columns[:10], "frame"], kind="stable").reset_index(drop=True)


def details(out):
    return [record.separation.details for record in Store(out).records().values()]


@pytest.mark.heavy
def test_every_separator_gives_the_same_numbers_and_the_same_faults_and_the_records_say_where(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model.th").write_bytes(b"12345\x7f")
    labels = [*HARMLESS, f"weighty[folder={tmp_path / 'weights'}]", "unruly_model[says=numpy]"]
    labels += [f"misbehaving[how={how}]" for how in FAULTS]
    labels += [f"unruly_model[says={says}]" for says in ("nan", "keys", "surrogate")]
    grid, told = {**GRID, "datasets": ["toy[tracks=1]"], "separators": labels}, Told()
    soundstage.run(grid, tmp_path / "inline")
    soundstage.run(grid, tmp_path / "isolated", isolate=True, listener=told)
    expected = tidy(tmp_path / "inline")
    assert {"ok", "failed", "oom"} <= set(expected["status"])
    pandas.testing.assert_frame_equal(tidy(tmp_path / "isolated"), expected, check_exact=True)
    ok = [record for record in Store(tmp_path / "isolated").records().values() if record.separation.is_ok]
    assert all(record.separation.details["isolated"] is True for record in ok)
    assert not any("isolated" in one for one in details(tmp_path / "inline"))
    (run,) = Store(tmp_path / "isolated").runs().values()
    assert run["isolated"]["nothing"] == ["mixture", "sources"]
    assert run["isolated"]["truth"] == ["mixture", "references", "gain"]
    (notice,) = told.notices
    assert notice.startswith("truth, noisy, noisy[rate=4000], shuffled, irm: given copies of the references")


def test_a_thief_that_finds_the_references_in_our_process_finds_none_in_its_own(tmp_path):
    thieves = [f"thief[looks={looks}]" for looks in ("objects", "frames", "asks")]
    grid = {**GRID, "separators": [*thieves, "nothing", "truth"]}
    soundstage.run(grid, tmp_path / "inline")
    soundstage.run(grid, tmp_path / "isolated", isolate=True)
    open_, closed = (
        soundstage.load(tmp_path / name).groupby("separator", observed=True)["value"].median()
        for name in ("inline", "isolated")
    )
    assert open_["truth"] == closed["truth"] < closed["nothing"] == open_["nothing"]
    for thief in thieves:
        assert open_[thief] == open_["truth"]
        assert closed[thief] == closed["nothing"]


def test_a_thief_that_watches_from_its_making_on_sees_no_scene(tmp_path):
    diaries = [tmp_path / name for name in ("inline.txt", "isolated.txt")]
    for diary, isolate in zip(diaries, (False, True), strict=True):
        grid = {**GRID, "separators": [f"thief[looks=from the start,diary={diary}]"]}
        soundstage.run(grid, tmp_path / diary.stem, isolate=isolate)
        (tmp_path / f"{diary.name}.end").touch()
    assert "a scene in process" in diaries[0].read_text()
    assert not diaries[1].exists()


def test_no_secret_of_the_environment_is_in_its_process(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "hunter2")
    soundstage.run({**GRID, "separators": ["thief"]}, tmp_path / "open")
    soundstage.run({**GRID, "separators": ["thief"]}, tmp_path / "isolated", isolate=True)
    assert {tuple(one["secrets"]) for one in details(tmp_path / "open")} == {("MY_SECRET",)}
    assert {tuple(one["secrets"]) for one in details(tmp_path / "isolated")} == {()}


def test_one_whose_process_dies_costs_its_cell_and_is_started_again():
    choice = Registry.load().choose("separators", "misbehaving[how=exit,track=b]")
    one = IsolatedSeparator(choice, ("sources", "cell"))
    from soundstage.contracts import CellName

    def asked(track):
        return one.separate(
            numpy.ones((2, 8)), 8000, sources=("bass", "drums"), cell=CellName("toy", track, "line", "flat", 0)
        )

    one.load("cpu")
    with pytest.raises(Crashed, match=r"its process died \(exit code 3\).*farewell"):
        asked("b")
    assert sorted(asked("a")) == ["bass", "drums"]


def test_what_is_not_installed_is_so_there_too(monkeypatch):
    choice = Registry.load().choose("separators", "nothing")
    monkeypatch.setattr("soundstage.running.isolated.START", RAISES)
    with pytest.raises(NotInstalled, match="it needs the weights"):
        IsolatedSeparator(choice, ()).load("cpu")


RAISES = """
import json, sys; sys.path[:] = json.loads(sys.argv.pop(1))
from soundstage.errors import NotInstalled
from soundstage.running import host
def loaded(request):
    raise NotInstalled("it needs the weights")
host.loaded = loaded
host.main()
"""


def test_a_run_in_one_process_is_refused_for_it_would_be_no_border(tmp_path):
    with pytest.raises(SoundstageError, match="isolate does not go with the executor inline"):
        soundstage.run(GRID, tmp_path, isolate=True, executor="inline")


def test_the_command_line_isolates_and_tells_of_it_in_provenance(tmp_path):
    for song in ("one", "two"):
        for number, stem in enumerate(("bass", "drums")):
            (tmp_path / "songs" / song).mkdir(parents=True, exist_ok=True)
            noise = numpy.random.default_rng(number).normal(0, 0.1, (2, 8000))
            write_audio(tmp_path / "songs" / song / f"{stem}.wav", noise, 8000)
    study = tmp_path / "study.toml"
    study.write_text(
        '[grids.study]\ndatasets = ["folder"]\nspatializers = ["original"]\n'
        'separators = ["mixture", "irm"]\nmetrics = ["sdr"]\n'
    )
    out = tmp_path / "out"
    options = ["--data", f"folder={tmp_path / 'songs'}", "--out", str(out)]
    done = CliRunner().invoke(cli, ["run", str(study), *options, "--isolate"])
    assert done.exit_code == 0, done.output
    assert "irm: given copies of the references" in done.output
    told = CliRunner().invoke(cli, ["provenance", str(out)])
    assert "  mixture in a process of its own, given mixture" in told.output


@pytest.mark.heavy
def test_it_works_on_dask_too(tmp_path):
    pytest.importorskip("distributed")
    grid = {**GRID, "separators": ["nothing", "truth", "thief"]}
    soundstage.run(grid, tmp_path / "inline", only={"separators": ["nothing", "truth"]})
    soundstage.run(grid, tmp_path / "dask", isolate=True, executor="dask", workers=2)
    values = soundstage.load(tmp_path / "dask").groupby("separator", observed=True)["value"].median()
    assert values["thief"] == values["nothing"] > values["truth"]
    expected = tidy(tmp_path / "inline")
    found = tidy(tmp_path / "dask")
    found = found[found["separator"] != "thief"].reset_index(drop=True)
    assert list(found["value"]) == list(expected["value"])


@pytest.mark.heavy
def test_a_network_gives_the_same_digits(tmp_path):
    pytest.importorskip("torch")
    folder = checkpoints.openunmix(tmp_path / "umx", hidden=64)
    label = f"umxhq[folder={folder}]"
    grid = {**GRID, "datasets": ["sketches"], "spatializers": ["panning"], "separators": [label], "metrics": ["sdr"]}
    soundstage.run(grid, tmp_path / "inline", limit=1)
    soundstage.run(grid, tmp_path / "isolated", isolate=True, limit=1)
    found, expected = tidy(tmp_path / "isolated"), tidy(tmp_path / "inline")
    assert set(expected["status"]) == {"ok"}
    pandas.testing.assert_frame_equal(found, expected, check_exact=True)


def test_a_renderer_crosses_to_no_other_process():
    choice = Registry.load([]).choose("separators", "probe[kind=rotate,step=5]")
    with pytest.raises(SoundstageError, match=r"needs a renderer, .* run it without --isolate"):
        IsolatedSeparator(choice, ["renderer"]).separate(numpy.zeros((2, 10)), 8000, renderer=object())
