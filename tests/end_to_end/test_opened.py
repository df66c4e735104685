"""`soundstage.open` and `soundstage.plan`: one entry to a results folder, and what a run would do."""

from __future__ import annotations

import pandas as pd
import pytest

import soundstage
from soundstage.errors import SoundstageError
from studies import study

GRID = {
    "name": "planned",
    "datasets": ["toy[tracks=2]"],
    "spatializers": ["flat"],
    "separators": ["truth", "noisy"],
    "metrics": ["error"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return study(tmp_path_factory.mktemp("study") / "out", songs=5)


def test_rows_are_those_of_load(folder):
    pd.testing.assert_frame_equal(soundstage.open(folder).rows(), soundstage.load(folder))


def test_a_plan_says_what_would_run_and_a_folder_how_far_it_is(toys, tmp_path):
    planned = soundstage.plan(GRID)
    assert len(planned.cells) == 4
    text = repr(planned)
    assert text.startswith(f"planned · revision 1 · {planned.hash[:8]}: 4 cells, 2 scenes of 2 tracks")
    assert "separators: truth, noisy" in text
    assert planned._repr_html_().startswith("<pre>planned")
    assert not (tmp_path / "out").exists()
    soundstage.run(GRID, tmp_path / "out", only={"separators": ("truth",)})
    opened = soundstage.open(tmp_path / "out")
    status = opened.status()
    assert (status.planned, status.done, status.troubled, status.left) == (4, 2, 0, 2)
    assert status.separators["noisy"].done == 0
    assert "noisy: 0 of 2 done" in repr(opened)
    soundstage.run(GRID, tmp_path / "out")
    assert opened.status().is_whole
    assert opened.grids() == [planned.id]
    assert "versions" not in opened.provenance()
    assert f"planned · revision 1 · {planned.hash}" in opened.provenance()
    assert "other grids" not in repr(opened)
    soundstage.run({**GRID, "name": "again"}, tmp_path / "out")
    assert f"other grids here: {planned.id}" in repr(opened)


def test_what_cannot_run_is_in_the_plan():
    grid = {"datasets": ["musdb18hq"], "spatializers": ["original"], "separators": ["mixture"], "metrics": ["sdr"]}
    with pytest.raises(SoundstageError, match="musdb18hq"):
        soundstage.plan(grid)
    with pytest.raises(SoundstageError, match="did you mean"):
        soundstage.plan("demoo")


def test_errors_are_sentences(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(SoundstageError, match=str(path)):
            soundstage.open(path)
    with pytest.raises(SoundstageError, match=r"no grid 'studdy'.*study"):
        soundstage.open(folder, "studdy")
    opened = soundstage.open(folder)
    with pytest.raises(SoundstageError, match=r"no separator 'alfa'.*alpha"):
        opened.compare("alfa", "beta")
    with pytest.raises(SoundstageError, match="no metric or measure"):
        opened.board(metrics=["nothing"])
    with pytest.raises(SoundstageError, match="protocol"):
        opened.board(protocol="nothing")


def test_figures_come_back_and_nothing_is_written(folder, tmp_path, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    from matplotlib import _pylab_helpers
    from matplotlib.figure import Figure

    monkeypatch.chdir(tmp_path)
    before = dict(matplotlib.rcParams)
    found = soundstage.open(folder).figures(by=[], metrics=["sdr"])
    assert {"boxes", "quality-against-cost", "critical-differences"} <= set(found)
    assert all(isinstance(figure, Figure) for figure in found.values())
    assert not _pylab_helpers.Gcf.figs, "a figure of a window"
    assert dict(matplotlib.rcParams) == before
    assert not list(tmp_path.iterdir())
    found["boxes"].savefig(tmp_path / "boxes.png")
    assert (tmp_path / "boxes.png").stat().st_size > 1000


@pytest.mark.heavy
def test_figures_have_the_names_that_files_have(folder, tmp_path):
    pytest.importorskip("matplotlib")
    from soundstage.report.figures.write import write_figures

    files = write_figures(folder, tmp_path / "figures", "png", metrics=["sdr"])
    assert [file.stem for file in files] == list(soundstage.open(folder).figures(metrics=["sdr"]))
