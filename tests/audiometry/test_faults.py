"""Every fault of metrics that is known is found again by rules that were not told of it."""

from __future__ import annotations

import pytest

import soundstage
from soundstage.catalogue.registry import Registry

pytestmark = pytest.mark.heavy

KINDS = ("none", "rotate", "swap", "mono", "gain", "invert", "bleed", "residual")
METRICS = ["spauq", "spauq_published", "bsseval", "interaural", "community"]


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    grid = dict(Registry.load([]).grids["audiometry"].table)
    probes = [name for name in grid["separators"] if any(f"kind={kind}," in f"{name[:-1]}," for kind in KINDS)]
    grid |= {"name": "audiometry", "separators": ["reference", "mixture", *probes], "placements": ["panorama"]}
    found = soundstage.metric_cards(METRICS, tmp_path_factory.mktemp("results"), grid=grid)
    assert not found.failed
    return {(card.metric, card.name): card for card in found.cards}


def found(card, rule, kind=""):
    return [one for one in card.findings if one.rule == rule and (not kind or kind in one.kinds)]


@pytest.mark.parametrize("kind", ["swap", "mono"])
def test_spauq_as_published_scores_a_swap_and_a_mono_downmix_as_perfect_and_the_definition_does_not(cards, kind):
    assert [one.sources for one in found(cards["spauq_published", "SSR"], "blind", kind)] == [()]
    assert cards["spauq_published", "SSR"].curve(kind).value == (80.0,)
    assert not found(cards["spauq", "SSR"], "blind")


@pytest.mark.parametrize("metric", ["spauq", "spauq_published"])
def test_gain_counts_in_ssr_as_in_its_closed_form(cards, metric):
    card = cards[metric, "SSR"]
    assert found(card, "moves", "gain")
    assert card.curve("gain").value == pytest.approx((38.7, 24.5, 18.3, 7.7, 0.0), abs=0.1)  # −20·log10|g − 1|


def test_gcc_phat_on_a_bass_is_carried_away_by_next_to_nothing(cards):
    card = cards["interaural", "ITD_difference"]
    assert "bass" in found(card, "slight", "bleed")[0].sources
    assert "bass" in found(card, "moves", "residual")[0].sources
    assert card.curve("bleed", "bass").lost[0] > 10 * card.curve("rotate", "bass").lost[0]  # −40 dB of bleed, 1°
    assert card.curve("bleed", "vocals").lost[0] == 0.0


@pytest.mark.parametrize("name", ["ISR", "SIR", "SAR"])
def test_bss_evals_filters_are_undetermined_on_scenes_without_noise(cards, name):
    (one,) = found(cards["bsseval", name], "empty")
    assert "100%" in one.text
    assert "singular references" in one.text
    assert cards["bsseval", "SDR"].without == 0.0


@pytest.mark.parametrize("name", ["bleedless", "fullness", "l1_freq"])
def test_the_communitys_metrics_score_inverted_polarity_as_perfect(cards, name):
    assert [one.sources for one in found(cards["community", name], "blind", "invert")] == [()]
    assert cards["community", name].curve("invert").value[0] == pytest.approx(100.0, abs=1e-6)
