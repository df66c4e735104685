"""What an entry declares that a model's stems make: sums on scenes that lack them, and the rest of the mixture."""

from __future__ import annotations

import numpy as np
import pytest

import soundstage
from soundstage import toml
from soundstage.catalogue.registry import Registry
from soundstage.contracts import CellName
from soundstage.errors import SoundstageError
from soundstage.pipeline.separate import separate
from soundstage.planning.cells import make_plan
from soundstage.planning.grid import read_grid
from soundstage.planning.lock import lock_text, parts, plan_again
from soundstage.planning.stored import stored
from soundstage.results.store import Store
from soundstage.running.runner import run_plan
from soundstage.scene import Scene
from soundstage.sources import AS_NAMED, Combined

TWO = ("vocals", "accompaniment")
FOUR = ("vocals", "drums", "bass", "other")
FIVE = (*FOUR, "piano")
SIX = ("vocals", "drums", "bass", "guitar", "piano", "other")
SUMS = Combined({"other": ("other", "guitar", "piano")})
REST = Combined(rest="accompaniment")
CELL = CellName("songs", "song", "", "original", 0)
RATE = 8000


class Shares:
    """Gives each of its stems a share of the mixture: 1/2 the first, 1/4 the second, and so on."""

    def __init__(self, sources, rate=None):
        self.sources, self.rate = sources, rate

    def separate(self, mixture, rate):
        return {stem: mixture * 0.5 ** (index + 1) for index, stem in enumerate(self.sources)}


def scene_of(sources):
    rng = np.random.default_rng(1)
    references = {source: 0.1 * rng.standard_normal((2, 400)) for source in sources}
    return Scene(RATE, sum(references.values()), references)


def shares(scene, own, combined, **about):
    """Source → the share of the mixture that its estimate is, and what the record says of it."""
    found = separate(Shares(own, **about), "model", scene, CELL, combined)
    gains = {
        source: float((image * scene.mixture).sum() / (scene.mixture**2).sum())
        for source, image in found.images.items()
    }
    for source, image in found.images.items():
        np.testing.assert_allclose(image, gains[source] * scene.mixture, atol=1e-12)
    return {source: round(gain * 64) for source, gain in gains.items()}, found.details.get("derived", {})


# Shares in 64ths: vocals 32, drums 16, bass 8, guitar 4, piano 2, other 1.
@pytest.mark.parametrize(
    ("scene", "own", "combined", "expected", "derived"),
    [
        (FOUR, SIX, AS_NAMED, {"vocals": 32, "drums": 16, "bass": 8, "other": 1}, {}),
        (FOUR, SIX, SUMS, {"vocals": 32, "drums": 16, "bass": 8, "other": 7}, {"other": ["other", "guitar", "piano"]}),
        (FIVE, SIX, SUMS, {"vocals": 32, "drums": 16, "bass": 8, "other": 5, "piano": 2},
         {"other": ["other", "guitar"]}),
        (SIX, SIX, SUMS, {"vocals": 32, "drums": 16, "bass": 8, "guitar": 4, "piano": 2, "other": 1}, {}),
        (TWO, SIX, SUMS, {"vocals": 32, "accompaniment": 31}, {"accompaniment": list(SIX[1:])}),
        (("vocals", "drums"), SIX, SUMS, {"vocals": 32, "drums": 16}, {}),
        (("vocals", "guitar", "piano"), SIX, SUMS, {"vocals": 32, "guitar": 4, "piano": 2}, {}),
        (("Vocals", "Other"), SIX, SUMS, {"Vocals": 32, "Other": 7}, {"Other": ["Other", "guitar", "piano"]}),
        (FOUR, ("vocals", "guitar", "piano"), Combined({"other": ("guitar", "piano")}), {"vocals": 32, "other": 24},
         {"other": ["guitar", "piano"]}),
        (FOUR, ("vocals",), AS_NAMED, {"vocals": 32}, {}),
        (FOUR, ("vocals",), REST, {"vocals": 32, "accompaniment": 32}, {"accompaniment": ["mixture", "-vocals"]}),
        (TWO, ("vocals",), REST, {"vocals": 32, "accompaniment": 32}, {"accompaniment": ["mixture", "-vocals"]}),
        (TWO, ("vocals",), AS_NAMED, {"vocals": 32}, {}),
        (("vocals",), ("vocals",), REST, {"vocals": 32}, {}),
        (FOUR, ("vocals", "drums", "bass"), Combined(rest="other"), {"vocals": 32, "drums": 16, "bass": 8, "other": 8},
         {"other": ["mixture", "-vocals", "-drums", "-bass"]}),
        (TWO, ("vocals", "drums"), Combined(rest="other"), {"vocals": 32, "accompaniment": 16},
         {"accompaniment": ["drums"]}),
    ],
)  # fmt: skip
def test_a_scene_takes_from_a_model_what_it_has_by_name_and_what_its_entry_declares(
    scene, own, combined, expected, derived
):
    assert shares(scene_of(scene), own, combined) == (expected, derived)


def test_the_rest_is_the_mixture_of_the_scene_even_where_the_model_has_another_rate():
    scene = scene_of(TWO)
    found = separate(Shares(("vocals",), rate=4000), "model", scene, CELL, REST).images
    np.testing.assert_allclose(found["vocals"] + found["accompaniment"], scene.mixture, atol=1e-15)


def test_what_was_combined_is_said_in_a_sentence():
    scene = scene_of(FOUR)
    told = separate(Shares(SIX), "model", scene, CELL, SUMS).details["notices"]
    assert told == ["its other is the sum of its other and guitar and piano, as its entry declares"]
    told = separate(Shares(("vocals",)), "model", scene, CELL, REST).details["notices"]
    assert told == ["its accompaniment is the mixture without its vocals"]
    hyphened = scene_of(("lead-vocals", "rest"))
    told = separate(Shares(("lead-vocals",)), "model", hyphened, CELL, Combined(rest="rest")).details["notices"]
    assert told == ["its rest is the mixture without its lead-vocals"]
    assert "notices" not in separate(Shares(SIX), "model", scene_of(SIX), CELL, SUMS).details


@pytest.mark.parametrize(
    ("own", "combined", "words"),
    [
        (("vocals", "other"), SUMS, "sums other + guitar + piano as other, and it has no guitar, piano"),
        (("vocals", "drums"), REST, "is the mixture without the vocals alone, and it separates vocals, drums"),
        (("vocals", "other"), Combined(rest="other"), "calls the rest other, which it separates itself"),
    ],
)
def test_an_entry_that_does_not_fit_its_model_is_an_error(own, combined, words):
    with pytest.raises(SoundstageError, match=words.replace("+", r"\+")):
        separate(Shares(own), "model", scene_of(FOUR), CELL, combined)


def test_what_declares_no_stems_cannot_be_combined():
    class Whatever:
        needs = ("sources",)

        def separate(self, mixture, rate, *, sources):
            return dict.fromkeys(sources, mixture)

    with pytest.raises(SoundstageError, match="it does not declare which it has"):
        separate(Whatever(), "model", scene_of(FOUR), CELL, SUMS)


# addresses


def songs(folder, sources):
    import soundfile

    rng = np.random.default_rng(3)
    song = folder / "song"
    song.mkdir(parents=True)
    for source in sources:
        soundfile.write(song / f"{source}.wav", 0.1 * rng.standard_normal((800, 2)), RATE)
    return folder


ENTRIES = {
    "separators": {
        "plain": {"plugin": "shares"},
        "summing": {"plugin": "shares", "sums": {"other": ["other", "guitar", "piano"]}},
        "vocal": {"plugin": "shares", "params": {"stems": ["vocals"]}, "rest": "accompaniment"},
        "vocals_alone": {"plugin": "shares", "params": {"stems": ["vocals"]}},
    }
}


def plan_over(root, separators):
    registry = Registry.load()
    registry.extend(ENTRIES, "test", None)
    grid = {
        "datasets": [f"folder[root={root}]"],
        "spatializers": ["flat"],
        "separators": separators,
        "metrics": ["error"],
    }
    return make_plan(read_grid("combined", grid, None), registry)


@pytest.mark.parametrize(("sources", "same"), [(FOUR, False), (FIVE, False), (SIX, True), (TWO, True)])
def test_the_address_changes_where_the_numbers_do_and_only_there(toys, tmp_path, sources, same):
    plan = plan_over(songs(tmp_path, sources), ["plain", "summing"])
    plain, summing = plan.cells
    assert (plain.address == summing.address) is same
    assert (plain.scores == summing.scores) is same


@pytest.mark.parametrize(
    ("sources", "same"), [(FOUR, False), (TWO, False), (("drums", "bass"), True), (("vocals",), True)]
)
def test_the_address_knows_of_a_rest_where_it_is_scored(toys, tmp_path, sources, same):
    plan = plan_over(songs(tmp_path, sources), ["vocals_alone", "vocal"])
    without, with_rest = plan.cells
    assert (without.address == with_rest.address) is same


def test_where_sources_are_not_known_before_loading_what_is_declared_is_in_the_address(toys):
    registry = Registry.load()
    registry.extend(ENTRIES, "test", None)
    grid = {
        "datasets": ["toy[tracks=1]"],
        "spatializers": ["flat"],
        "separators": ["plain", "summing"],
        "metrics": ["error"],
    }
    plain, summing = make_plan(read_grid("combined", grid, None), registry).cells
    assert plain.address != summing.address
    assert summing.made_by["sums"] == {"other": ["other", "guitar", "piano"]}


def test_a_run_scores_the_sum_and_its_record_says_so(toys, tmp_path):
    plan = plan_over(songs(tmp_path / "songs", FOUR), ["plain", "summing", "vocal"])
    run_plan(plan, tmp_path / "out")
    frame = soundstage.load(tmp_path / "out")
    values = frame[frame["value"].notna() & (frame["name"] == "error") & frame["frame"].isna()].set_index(
        ["separator", "source"]
    )["value"]
    assert values["summing", "drums"] == values["plain", "drums"]
    assert values["summing", "other"] != values["plain", "other"]
    assert {source for separator, source in values.index if separator == "vocal"} == {*TWO}
    store = Store(tmp_path / "out")
    details = {cell.separator.label: store.cell(cell.address)[0].separation.details for cell in plan.cells}
    assert details["summing"]["derived"] == {"other": ["other", "guitar", "piano"]}
    assert details["summing"]["made_by"]["sums"] == {"other": ["other", "guitar", "piano"]}
    assert details["vocal"]["derived"] == {"accompaniment": ["mixture", "-vocals"]}
    assert "derived" not in details["plain"]


def test_a_locked_grid_knows_what_was_combined(toys, tmp_path):
    plan = plan_over(songs(tmp_path / "songs", FOUR), ["summing", "vocal"])
    facts = stored(plan).facts
    assert parts(plan)["separators summing"]["sums"] == {"other": ["other", "guitar", "piano"]}
    again = plan_again("combined", facts["recipe"], {}, Registry.load())
    assert again.hash == plan.hash
    lock = toml.parse(lock_text(facts, {}), "lock")
    assert lock["separators"]["summing"]["sums"] == {"other": ["other", "guitar", "piano"]}
    assert lock["separators"]["vocal"]["rest"] == "accompaniment"


def test_spleeter_of_five_stems_gives_its_piano_to_the_others():
    entry = Registry.load().entry("separators", "spleeter_5stems")
    assert entry.combined == Combined({"other": ("other", "piano")})


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"sums": {"other": "piano"}}, 'write other = \\["…", "…"\\]'),
        ({"sums": {"other": []}}, "is empty"),
        ({"sums": ["other"]}, "sums"),
        ({"rest": ["accompaniment"]}, "rest"),
        ({"sums": {"other": ["guitar"]}, "rest": "other"}, "one of them"),
    ],
)
def test_a_sum_that_is_none_is_refused_with_its_form(facts, words):
    with pytest.raises(SoundstageError, match=words):
        Registry.load().extend({"separators": {"mine": {"plugin": "irm", **facts}}}, "mine.toml", None)


def test_only_separators_combine():
    with pytest.raises(SoundstageError, match="no key here"):
        Registry.load().extend({"metrics": {"mine": {"plugin": "sdr", "rest": "accompaniment"}}}, "mine.toml", None)


def test_datasets_that_know_their_sources_say_those_that_they_load(tmp_path):
    registry = Registry.load()
    for label in (f"folder[root={songs(tmp_path / 'songs', FIVE)}]", "sketches"):
        dataset = registry.choose("datasets", label).build()
        track = dataset.track_ids()[0]
        assert tuple(dataset.source_names(track)) == tuple(dataset.load(track).stems)


@pytest.mark.slow
def test_stems_of_a_separator_in_a_process_of_its_own_are_combined_alike(toys, tmp_path):
    registry = tmp_path / "registry.toml"
    registry.write_text(
        '[separators.summing]\nplugin = "shares"\nsums = { other = ["other", "guitar", "piano"] }\n', encoding="utf-8"
    )
    grid = {
        "datasets": [f"folder[root={songs(tmp_path / 'songs', FOUR)}]"],
        "spatializers": ["flat"],
        "separators": ["summing"],
        "metrics": ["error"],
    }
    values = []
    for isolate in (False, True):
        out = tmp_path / f"out {isolate}"
        soundstage.run(grid, out, registry=[registry], isolate=isolate)
        values.append(soundstage.load(out)["value"].to_list())
    assert values[0] == values[1]
