"""What a plugin says is kept as JSON and Arrow can hold it, or is a fault of its own cell: the run goes on."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

import soundstage
from boards import board_of
from soundstage.errors import LONGEST_TEXT
from soundstage.pipeline.fingerprint import fingerprint
from soundstage.results.store import Store
from soundstage.running.listener import Silence
from soundstage.scene import Scene

GRID = {
    "name": "unruly",
    "datasets": ["toy"],
    "spatializers": ["flat"],
    "separators": ["truth"],
    "metrics": ["error"],
}


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def run(out, **grid):
    soundstage.run({**GRID, **grid}, out)
    rows = soundstage.load(out)
    assert set(rows.loc[(rows["separator"] == "truth") & (rows["metric"] == "error"), "status"]) == {"ok"}
    return rows


def test_numbers_of_numpy_are_numbers(tmp_path):
    run(tmp_path, separators=["truth", "unruly_model[says=numpy]"], spatializers=["unruly_flat[says=numpy]"])
    records = Store(tmp_path).records().values()
    told = [record.separation.details for record in records if "shape" in record.separation.details]
    assert [(one["gain"], one["shape"], one["loud"]) for one in told] == [(0.5, [1, 2], True)] * 2
    assert all(record.scene["details"] == {"gain": 0.5, "at": [0, 1]} for record in records)


@pytest.mark.parametrize("says", ["none", "surrogate"])
def test_nothing_and_odd_texts_are_kept(tmp_path, says):
    rows = run(tmp_path, separators=["truth", f"unruly_model[says={says}]"])
    assert set(rows["status"]) == {"ok"}


@pytest.mark.parametrize("says", ["nan", "circular", "keys", "text", "object"])
def test_what_json_cannot_hold_is_the_separators_own_fault(tmp_path, says):
    label = f"unruly_model[says={says}]"
    rows = run(tmp_path, separators=[label, "truth"])
    failed = rows[(rows["separator"] == label) & (rows["metric"] == "")]
    assert set(failed["status"]) == {"failed"}
    assert all(f"separator '{label}', track 'song" in note and "details" in note for note in failed["note"])


def test_what_a_spatializer_says_is_its_scenes_fault(tmp_path):
    summary = soundstage.run({**GRID, "spatializers": ["flat", "unruly_flat[says=nan]"]}, tmp_path)
    assert (summary.planned, summary.troubled) == (4, 2)
    rows = soundstage.load(tmp_path)[lambda rows: rows["metric"] == ""]
    assert all("spatializer 'unruly_flat[says=nan]'" in note for note in rows["note"])


@pytest.mark.parametrize("returns", ["note", "frame", "huge frame", "value", "ranked", "source", "huge", "array"])
def test_scores_that_are_none_are_the_metrics_own_fault(tmp_path, returns):
    label = f"unruly_metric[returns={returns}]"
    rows = run(tmp_path, metrics=["error", label])
    bad = rows[rows["metric"] == label]
    assert set(bad["status"]) == {"failed"}
    assert all(f"metric '{label}', track 'song" in note for note in bad["note"])


@pytest.mark.parametrize("returns", ["surrogate", "numpy"])
def test_scores_that_can_be_kept_are(tmp_path, returns):
    rows = run(tmp_path, metrics=["error", f"unruly_metric[returns={returns}]"])
    assert set(rows["status"]) == {"ok"}


@pytest.mark.parametrize(("fault", "said"), [("surrogate", r"caf\udce9.wav"), ("escape", r"\x1b]0;owned\x07\x00")])
def test_an_error_of_any_text_is_kept_and_printable(tmp_path, fault, said):
    rows = run(tmp_path, separators=[f"unruly_model[fault={fault}]", "truth"])
    assert any(said in note for note in rows["note"])
    assert soundstage.run({**GRID, "separators": ["truth"]}, tmp_path).ran == 0


def test_a_message_of_any_length_is_kept_in_part(tmp_path):
    rows = run(tmp_path, separators=["unruly_model[fault=long]", "truth"])
    assert max(map(len, rows["error"])) < 2 * LONGEST_TEXT


def test_who_writes_into_the_scene_costs_its_own_cell_and_no_number_of_others(tmp_path):
    alone = run(tmp_path / "alone", separators=["truth", "noisy"])
    rows = run(tmp_path / "beside", separators=["truth", "meddler", "noisy"])
    bad = rows[(rows["separator"] == "meddler") & (rows["metric"] == "")]
    assert len(bad) == 2
    assert all("the scene's own samples were written into" in note for note in bad["note"])
    others = rows[rows["separator"] != "meddler"]
    assert others["value"].tolist() == alone["value"].tolist()


def test_who_writes_into_the_scene_and_raises_is_not_covered_for_by_the_next(tmp_path):
    alone = run(tmp_path / "alone", separators=["truth", "noisy"])
    rows = run(tmp_path / "beside", separators=["truth", "meddler[then=raises]", "noisy"])
    bad = rows[(rows["separator"] == "meddler[then=raises]") & (rows["metric"] == "")]
    assert len(bad) == 2
    assert all("caught in the act" in note for note in bad["note"])
    others = rows[rows["separator"] != "meddler[then=raises]"]
    assert others["value"].tolist() == alone["value"].tolist()


def test_a_fingerprint_changes_with_every_sample_and_their_order():
    rng = np.random.default_rng(0)
    mixture, reference = rng.standard_normal((2, 2, 70_001))
    scene = Scene(8000, mixture, {"bass": reference})
    before = fingerprint(scene)
    assert before == fingerprint(Scene(8000, mixture.copy(), {"bass": np.asfortranarray(reference)}))
    for at in ((0, 0), (1, 70_000), (0, 65_536)):
        changed = reference.copy()
        changed[at] = np.nextafter(changed[at], 1)
        assert fingerprint(Scene(8000, mixture, {"bass": changed})) != before
    for other in (reference[:, ::-1].copy(), -reference, reference[::-1].copy()):
        assert fingerprint(Scene(8000, mixture, {"bass": other})) != before


def test_what_a_spatializer_notices_is_told_in_the_run_and_in_the_fine_print(tmp_path):
    told = []

    class Ears(Silence):
        def noticed(self, sentence):
            told.append(sentence)

    grid = {**GRID, "spatializers": ["unruly_flat[says=notices]"], "separators": ["truth", "noisy"]}
    soundstage.run(grid, tmp_path, listener=Ears())
    assert told == [f"track 'song {n}': bass of song {n} is heard from the wrong side" for n in range(2)]
    for packed in (False, True):
        if packed:
            Store(tmp_path).compact()
        notes = board_of(tmp_path).notes
        assert "unruly_flat[says=notices]: bass of song 1 is heard from the wrong side" in notes


@pytest.mark.parametrize("options", [{}, pytest.param({"isolate": True}, marks=pytest.mark.slow)])
def test_an_exception_that_cannot_say_what_it_is_is_its_separators_own(tmp_path, options):
    label = "unruly_model[fault=mute]"
    soundstage.run({**GRID, "separators": [label, "truth"]}, tmp_path, **options)
    rows = soundstage.load(tmp_path)
    failed = rows[(rows["separator"] == label) & (rows["metric"] == "")]
    assert set(failed["status"]) == {"failed"}
    assert all(f"separator '{label}', track 'song" in note and "Mute: (what it says" in note for note in failed["note"])
    assert set(rows.loc[rows["separator"] == "truth", "status"]) == {"ok"}


def test_what_one_separator_alone_tells_is_said_to_be_its_own(tmp_path):
    rng = np.random.default_rng(0)
    for song, stems in (("ref/x", ("vocals", "drums")), ("est/x", ("vocals",))):
        (tmp_path / song).mkdir(parents=True)
        for stem in stems:
            soundfile.write(tmp_path / song / f"{stem}.wav", 0.1 * rng.standard_normal((4410, 2)), 44100)
    grid = {
        "name": "told",
        "datasets": [f"folder[root={tmp_path / 'ref'}]"],
        "spatializers": ["original"],
        "separators": ["mixture", f"estimates[root={tmp_path / 'est'},partial=true]"],
        "metrics": ["sdr"],
    }
    soundstage.run(grid, tmp_path / "out")
    notes = board_of(tmp_path / "out").notes
    assert [note for note in notes if "no estimate of drums" in note and note.startswith("estimates[")]
    assert not [note for note in notes if note.startswith("original")]
