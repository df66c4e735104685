"""Estimates that are looked up are looked up for one scene each; and what is kept can be found again."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

import soundstage
from soundstage.errors import SoundstageError
from soundstage.planning.request import plan_of

GRID = {
    "name": "looked up",
    "datasets": ["toy"],
    "placements": ["line"],
    "spatializers": ["flat"],
    "separators": ["estimates"],
    "metrics": ["error"],
}


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def grid(tmp_path, layout, **axes):
    (tmp_path / "root").mkdir(exist_ok=True)
    return {**GRID, "separators": [f"estimates[root={tmp_path / 'root'},layout='{layout}']"], **axes}


@pytest.mark.parametrize(
    ("layout", "axes", "field"),
    [
        ("{track}/{source}", {"spatializers": ["flat", "gains"]}, "spatializer"),
        ("{track}/{source}", {"spatializers": ["gains"], "seeds": [0, 1]}, "seed"),
        ("{track}/{seed}/{source}", {"spatializers": ["gains"], "placements": ["line", "frontal"]}, "placement"),
        ("{spatializer}/{source}", {}, "track"),
        ("{track}/{source}", {"datasets": ["toy", "toy[seconds=2]"]}, "dataset"),
    ],
)
def test_a_layout_that_lacks_what_varies_is_refused_by_its_name(tmp_path, layout, axes, field):
    with pytest.raises(SoundstageError, match=f"it would give the same estimates for {field} '") as caught:
        plan_of(grid(tmp_path, layout, **axes))
    assert f"{{{field}}} in its layout" in str(caught.value)


@pytest.mark.parametrize(
    ("layout", "axes"),
    [
        ("{track}/{source}", {}),
        ("{track}/{spatializer}/{source}", {"spatializers": ["flat", "gains"]}),
        ("{spatializer}-{placement}-{seed}/{track}/{source}", {"spatializers": ["flat", "gains"], "seeds": [0, 1]}),
    ],
)
def test_a_layout_that_has_what_varies_is_taken(tmp_path, layout, axes):
    assert plan_of(grid(tmp_path, layout, **axes)).cells


class Told:
    """Remembers what a run notices."""

    def __init__(self):
        from soundstage.running.listener import Silence

        self.sentences, self._silence = [], Silence()

    def noticed(self, sentence):
        self.sentences.append(sentence)

    def __getattr__(self, name):
        return getattr(self._silence, name)


def test_keeping_what_is_done_already_says_that_and_how_to_have_it(tmp_path):
    plain = {**GRID, "separators": ["truth"]}
    ran = soundstage.run(plain, tmp_path).ran
    told = Told()
    soundstage.run(plain, tmp_path, keep=["estimates"], listener=told)
    (sentence,) = told.sentences
    assert sentence.startswith(f"{ran} of the cells are done and their estimates were not kept")
    assert soundstage.run(plain, tmp_path, keep=["estimates"], retry=["ok"]).ran == ran
    assert len(list((tmp_path / "estimates").iterdir())) == ran
    told = Told()
    soundstage.run(plain, tmp_path, keep=["estimates"], listener=told)
    assert told.sentences == []


def test_kept_estimates_say_what_their_cell_is_called(tmp_path):
    soundstage.run({**GRID, "separators": ["truth"]}, tmp_path, keep=["estimates"])
    cells = [json.loads(file.read_text())["cell"] for file in (tmp_path / "estimates").rglob("estimates.json")]
    assert {(cell["track"], cell["spatializer"], cell["separator"]) for cell in cells} == {
        ("song 0", "flat", "truth"),
        ("song 1", "flat", "truth"),
    }


def test_a_chunked_song_of_a_length_that_cannot_be_is_its_own_trouble(tmp_path):
    for song in ("good", "bad"):
        (tmp_path / "songs" / song).mkdir(parents=True)
        for number, stem in enumerate(("a", "b")):
            samples = np.random.default_rng(number).uniform(-0.5, 0.5, (16000, 2))
            soundfile.write(tmp_path / "songs" / song / f"{stem}.flac", samples, 8000)
    for stem in ("a", "b"):
        file = tmp_path / "songs" / "bad" / f"{stem}.flac"
        contents = bytearray(file.read_bytes())
        contents[18:26] = (int.from_bytes(contents[18:26], "big") >> 36 << 36 | 2**34).to_bytes(8, "big")
        file.write_bytes(contents)
    excerpted = {
        **GRID,
        "datasets": [f"folder[root={tmp_path / 'songs'}]"],
        "separators": ["truth"],
        "excerpt": {"seconds": 1, "where": "chunks"},
    }
    plan = plan_of(excerpted)
    assert [cell.scene.track_name for cell in plan.cells] == [
        f"{song} [{start}-{start + 1} s]" for song in ("bad", "good") for start in (0, 1)
    ]
    assert soundstage.run(excerpted, tmp_path / "out").troubled == 0
    tiny = {**excerpted, "excerpt": {"seconds": 1e-6, "where": "chunks"}}
    assert plan_of({**tiny, "excerpt": {"seconds": 1e-3, "where": "chunks"}}).cells
