"""The main job on real songs and real HRIRs: every number must make sense physically."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import soundstage
from boards import board_of
from tables import rows_of

pytestmark = pytest.mark.heavy

ORACLES = ("irm", "ibm", "mwf")
BLIND = ("adress", "duet")


@pytest.fixture(scope="module")
def results(shared, tmp_path_factory):
    """Two real songs, three renderings, all separators and metrics of the demo; run by two workers."""
    out = tmp_path_factory.mktemp("real")
    grid = {
        "name": "real",
        "datasets": ["musdb18hq"],
        "placements": ["frontal"],
        "spatializers": ["original", f"hrir[hrtf={shared / 'real' / 'sadie-ku100' / '44K_16bit'}]", "panning"],
        "separators": ["reference", "mixture", *ORACLES, *BLIND],
        "metrics": ["sdr", "si_sdr", "spauq", "spauq_published", "interaural"],
    }
    summary = soundstage.run(grid, out, data={"musdb18hq": shared / "real" / "musdb18hq-layout"}, workers=2)
    assert summary.troubled == 0
    return out


@pytest.fixture(scope="module")
def whole(results):
    """Whole-track rows, with short spatializer names."""
    frame = soundstage.load(results)
    assert set(frame["status"]) == {"ok"}
    frame["spatializer"] = frame["spatializer"].str.partition("[")[0]
    return frame[frame["frame"].isna()]


def values(whole, separator, name, metric=None, ranked=True):
    rows = whole[(whole["separator"] == separator) & (whole["name"] == name)]
    rows = rows if metric is None else rows[rows["metric"] == metric]
    rows = rows[rows["ranked"]] if ranked else rows
    return rows[rows["value"].notna()]


def test_the_reference_is_at_the_ceiling_of_every_metric(whole):
    for metric in ("spauq", "spauq_published"):
        for name in ("SSR", "SRR"):
            np.testing.assert_allclose(values(whole, "reference", name, metric)["value"], 80.0, atol=1e-3)
    rejection = values(whole, "reference", "rejection").set_index(["track", "spatializer", "source"])["value"]
    for other in (*ORACLES, *BLIND, "mixture"):
        rows = values(whole, other, "rejection").set_index(["track", "spatializer", "source"])["value"]
        assert (rows <= rejection.loc[rows.index] + 1e-9).all()
    assert (values(whole, "reference", "ITD_difference")["value"] == 0).all()
    assert (values(whole, "reference", "ILD_difference")["value"] == 0).all()
    for name in ("SDR", "SI-SDR"):
        best = values(whole, "reference", name).set_index(["track", "spatializer", "source"])["value"]
        for other in (*ORACLES, *BLIND, "mixture"):
            rows = values(whole, other, name).set_index(["track", "spatializer", "source"])["value"]
            assert (rows < best.loc[rows.index]).all()


def test_the_mixture_improves_on_nothing(whole):
    for name in ("SDRi", "SI-SDRi"):
        assert (values(whole, "mixture", name)["value"] == 0).all()


def test_on_panned_scenes_references_beat_oracles_beat_blind_methods_beat_the_mixture(whole):
    panned = whole[whole["spatializer"] == "panning"]
    median = {name: values(panned, name, "SI-SDR")["value"].median() for name in whole["separator"].unique()}
    assert median["reference"] > max(median[name] for name in ORACLES)
    assert min(median[name] for name in ORACLES) > max(median[name] for name in BLIND)
    assert min(median[name] for name in BLIND) > median["mixture"]


def test_a_silent_vocal_gives_reasons_and_spoils_no_other_source(whole):
    silent = whole[(whole["track"] == "Sodium") & (whole["source"] == "vocals")]
    assert silent["value"].isna().all()
    assert (silent["note"] != "").all()
    others = whole[(whole["track"] == "Sodium") & (whole["source"] != "vocals")]
    scored = others[others["name"].isin(["SDR", "SI-SDR", "SDRi", "SI-SDRi"])]
    assert scored["value"].notna().all()


def test_panned_scenes_are_flagged_where_the_published_definition_is_noise(whole):
    flagged = whole[(whole["metric"] == "spauq_published") & whole["value"].notna() & ~whole["ranked"]]
    noisy = flagged[~flagged["note"].str.contains("the reference is silent")]
    assert set(noisy["spatializer"]) == {"panning"}
    assert noisy["note"].str.contains("set by 16-bit noise|rounding noise").all()
    assert len(noisy) > 0


def test_published_rows_of_sources_that_are_mostly_silent_are_not_ranked_and_by_the_definition_they_are(whole):
    scored = whole[whole["name"].isin(["SSR", "SRR"]) & whole["value"].notna()]
    for track, source in (("Lithium", "other"), ("Sodium", "bass")):
        mostly_silent = scored[(scored["track"] == track) & (scored["source"] == source)]
        assert not mostly_silent.loc[mostly_silent["metric"] == "spauq_published", "ranked"].any()
        assert mostly_silent.loc[mostly_silent["metric"] == "spauq", "ranked"].all()


def test_the_leaderboard_covers_every_cell(results):
    board = board_of(results)
    assert len(board.sections) == 3
    for section in board.sections:
        assert all(row.coverage.done == row.coverage.planned == 2 for row in section.rows)
        assert section.rows[0].separator == "reference"
        assert section.rows[-1].separator == "mixture"


def test_placements_and_errors_of_direction_are_recorded(results):
    from soundstage.results.store import Store

    store = Store(results)
    cells = [cell for cell in store.plan().cells.to_pylist() if cell["spatializer"].startswith("hrir")]
    for cell in cells:
        scene = store.record(cell["cell"]).scene
        azimuths = list(scene["azimuths"].values())
        assert len(set(azimuths)) == len(azimuths) == 4
        assert scene["gain"] == 1.0


def test_published_estimates_rank_as_their_authors_say(shared, tmp_path):
    root = shared / "real" / "spain-net-task1"
    models = ("bs", "d1", "d1_n", "df")
    text = [f'[datasets.slakh]\nplugin = "folder"\nparams = {{ root = "{root / "gt"}" }}\n']
    text += [
        f'[separators.{name}]\nplugin = "estimates"\nparams = {{ root = "{root / name}", layout = "{{source}}" }}\n'
        for name in models
    ]
    text.append(
        '[grids.spain]\ndatasets = ["slakh"]\nspatializers = ["original"]\n'
        f'separators = ["reference", "mixture", {", ".join(map(repr, models))}]\nmetrics = ["sdr", "si_sdr"]\n'
    )
    (tmp_path / "spain.toml").write_text("".join(text))
    assert soundstage.run(tmp_path / "spain.toml", tmp_path / "out").troubled == 0
    frame = soundstage.load(tmp_path / "out")
    mean = frame[frame["name"] == "SDR"].groupby("separator")["value"].mean()
    assert mean["bs"] > mean["mixture"]
    assert mean["d1"] > mean["bs"]
    assert mean["df"] > mean["bs"]


def test_two_folders_and_two_workers_give_identical_numbers(shared, tmp_path):
    grid = {
        "datasets": ["musdb18hq"],
        "spatializers": ["hrir", "panning"],
        "separators": ["mwf", "duet"],
        "metrics": ["si_sdr", "spauq", "interaural"],
    }
    data = {"musdb18hq": shared / "real" / "musdb18hq-layout"}
    frames = []
    for name, workers in (("one", 1), ("two", 2)):
        soundstage.run(grid, tmp_path / name, data=data, workers=workers)
        frame = rows_of(tmp_path / name)
        frames.append(frame.sort_values(["cell", "metric", "source", "name", "frame"]).reset_index(drop=True))
    pd.testing.assert_frame_equal(frames[0], frames[1], check_exact=True)
