"""The built-in metrics say what each measure is about, and the newest of them are held to it here."""

from __future__ import annotations

import numpy as np
import pytest

import soundstage
from soundstage.catalogue.registry import Registry

KINDS = ("none", "rotate", "gain", "bleed", "bleed_here", "residual", "musical", "dropouts")
DRUMS = "interference_from_drums"


def built_in():
    """Every metric of the grid `audiometry`."""
    registry = Registry.load([])
    names = registry.grids["audiometry"].table["metrics"]
    return {name: registry.choose("metrics", name).plugin.load()() for name in names}


def test_every_measure_of_the_grid_claims_to_follow_or_to_ignore_something():
    for name, metric in built_in().items():
        for measure, about in metric.measures.items():
            assert about.follows or about.ignores, (name, measure)
            assert not set(about.follows) & set(about.ignores), (name, measure)


def test_every_metric_that_needs_no_other_environment_is_in_the_grid():
    registry = Registry.load([])
    names = {name for name in registry.names("metrics") if name != "spauq_original"}
    assert names == set(registry.grids["audiometry"].table["metrics"])


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    grid = dict(Registry.load([]).grids["audiometry"].table)
    probes = [name for name in grid["separators"] if any(f"kind={kind}," in f"{name[:-1]}," for kind in KINDS)]
    grid |= {"name": "audiometry", "separators": ["reference", "mixture", *probes], "placements": ["panorama"]}
    found = soundstage.metric_cards(["energies", "leakage"], tmp_path_factory.mktemp("results"), grid=grid)
    assert not found.failed
    return {card.name: card for card in found.cards}


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("image_error", ("rotate", "gain")),
        ("interference", ("bleed", "bleed_here")),
        (DRUMS, ("bleed", "bleed_here")),
        ("artefacts", ("residual", "musical", "dropouts")),
        ("leakage", ("bleed", "bleed_here", "residual")),
    ],
)
def test_each_part_follows_what_it_is_made_of_from_the_mildest_step_on(cards, name, kinds):
    card = cards[name]
    for kind in kinds:
        curve = card.curve(kind)
        assert curve.smallest == curve.steps[0], kind
        assert curve.monotony > 0.95, kind


@pytest.mark.heavy
def test_the_others_stay_far_below_the_part_that_an_error_is(cards):
    parts = ("image_error", "interference", "artefacts")
    for kind, its, margin in (
        ("gain", "image_error", 50),
        ("bleed", "interference", 40),
        ("residual", "artefacts", 25),
    ):
        value = {name: cards[name].curve(kind).value[-1] for name in parts}
        assert max(value[name] for name in parts if name != its) < value[its] - margin, (kind, value)


@pytest.mark.heavy
def test_bleed_leaks_and_a_rotation_does_not(cards):
    card = cards["leakage"]
    assert card.without == 0.0
    assert np.diff(card.curve("bleed").value) == pytest.approx([10.0] * 4, abs=0.1)
    assert max(card.curve("rotate").lost) == 0.0
    assert card.floors == {"mixture": pytest.approx(0.0, abs=0.01)}
