"""Cards: a stranger's metric with three planted faults shows all three; mirror images are where sources sit so."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import soundstage
from soundstage.audiometry.build import make_cards
from soundstage.audiometry.mirrors import mirrored_scenes
from soundstage.cli import cli
from soundstage.errors import SoundstageError
from soundstage.report.cards import figures, plain, text
from soundstage.report.cards.page import write_page

pytestmark = pytest.mark.slow

PROBES = [
    *(f"probe[kind=widen,step={step}]" for step in (25, 50, 100, 200)),
    *(f"probe[kind=narrow,step={step}]" for step in (25, 50, 75, 90)),
    *(f"probe[kind=gain,step={step}]" for step in (1, 3, 6)),
    *("probe[kind=none]", "probe[kind=swap]", "probe[kind=invert]"),
    *("probe[kind=ild,step=4]", "probe[kind=ild,step=4,mirrored=true]"),
]
GRID = {
    "name": "strangers",
    "datasets": ["toy[tracks=3]"],
    "placements": ["panorama", "panorama[mirrored=true]"],
    "spatializers": ["panning"],
    "separators": ["reference", "mixture", *PROBES],
    "metrics": ["skewed", "sdr"],
}
MEASURED = []
TOML = "[grids.strangers]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in GRID.items() if key != "name")


@pytest.fixture
def measured(toys, tmp_path):
    """The cards of GRID, measured once for all tests here."""
    if not MEASURED:
        MEASURED.append(soundstage.metric_cards(out=tmp_path / "results", grid=GRID))
    return MEASURED[0]


def card_of(found, name):
    return next(card for card in found.cards if card.name == name)


def finding(card, rule):
    return next(one for one in card.findings if one.rule == rule)


def test_a_metric_with_three_planted_faults_gets_a_card_that_shows_all_three(measured):
    card = card_of(measured, "width_error")
    assert "gain" in finding(card, "moves").kinds
    assert finding(card, "moves").text == "claims to ignore, and moves from 0.00 dB with: gain 6 dB (to 6.00 dB)"
    assert finding(card, "blind").kinds[0] == "swap"
    assert finding(card, "blind").sources == ()
    assert "33%" in finding(card, "empty").text
    assert "drums are not heard" in finding(card, "empty").text
    assert card.without == pytest.approx(1 / 3)


def test_what_the_metric_does_well_is_no_finding(measured):
    card = card_of(measured, "width_error")
    assert {one.rule for one in card.findings} == {"moves", "blind", "empty"}
    assert card.responsive == pytest.approx(1.0)
    assert card.curve("widen").smallest == 25.0
    assert card.curve("widen").lost == pytest.approx(
        [20 * math.log10(1 + step / 100) for step in (25, 50, 100, 200)], abs=1e-3
    )
    assert card.curve("gain").lost == pytest.approx([1.0, 3.0, 6.0], abs=1e-3)
    assert card.selective == pytest.approx(1 - 6.0 / card.span, abs=1e-2)
    assert card.mirrored == pytest.approx(1.0)
    assert card.cost.further > 0


def test_an_honest_metric_that_claims_everything_has_no_fault_here(measured):
    card = card_of(measured, "SDR")
    assert not card.findings
    assert card.curve("gain").value[0] == pytest.approx(-20 * math.log10(10 ** (1 / 20) - 1), abs=0.1)
    assert card.curve("swap").smallest == 0.0


def test_other_metrics_and_spatializers_take_the_place_of_the_grids(toys, tmp_path):
    found = soundstage.metric_cards(["skewed"], tmp_path / "results", grid=GRID, spatializers=["gains"])
    assert {card.metric for card in found.cards} == {"skewed"}
    assert make_cards(tmp_path / "results").cards == found.cards or found.scenes == 6


def test_a_grid_without_probes_is_a_sentence(toys, tmp_path):
    with pytest.raises(SoundstageError, match="grid 'strangers' has no probe among its separators"):
        soundstage.metric_cards(out=tmp_path, grid={**GRID, "separators": ["reference", "mixture"]})


def test_a_probe_that_comes_to_nothing_is_said(toys, tmp_path):
    grid = {**GRID, "spatializers": ["flat"], "separators": [*GRID["separators"], "probe[kind=rotate,step=5]"]}
    found = soundstage.metric_cards(out=tmp_path, grid=grid)
    assert any("rotate" in sentence and "were not placed" in sentence for sentence in found.failed)
    assert not any(math.isnan(card.curve("swap").lost[0]) for card in found.cards)


def test_scenes_are_mirrored_where_every_source_is_as_far_to_the_other_side():
    one, other, third = (("d", "song", placement, "hrir", "0") for placement in ("a", "b", "c"))
    azimuths = {one: {"x": 30.0, "y": 0.0}, other: {"x": 330.0, "y": 0.0}, third: {"x": 30.0, "y": 10.0}}
    assert mirrored_scenes(azimuths) == {one: other, other: one}


def test_the_verb_prints_cards_and_writes_a_page(toys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(TOML, encoding="utf-8")
    page = tmp_path / "page"
    words = ["audiometry", "skewed", "--grid", "mine.toml", "--out", "results", "--page", str(page)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert "✗ scores as perfect: swap" in done.output
    assert "moves from 0.00 dB with: gain 6 dB (to 6.00 dB)" in done.output
    html = (page / "index.html").read_text(encoding="utf-8")
    assert "<svg" in html
    assert "scores as perfect: swap" in html
    again = CliRunner().invoke(cli, [*words[:-2], "--format", "json", "--quiet"])
    facts = json.loads(again.stdout)
    assert facts["cards"][0]["findings"][0]["rule"] == "empty"


def test_markdown_names_every_measure_and_every_finding(measured, tmp_path):
    page = plain.format_markdown(measured)
    for card in measured.cards:
        assert f"{card.metric} {card.label}" in page
        assert all(f"\n    - {one.text}" in page for one in card.findings)
    assert write_page(measured, tmp_path / "page").is_file()


def labels_of(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_figures_spell_measures_out_and_keep_what_nothing_moves_apart_from_what_has_no_value(measured):
    moved = card_of(measured, "SDR")
    still = replace(moved, label="interference_from_other", span=0.0)
    empty = replace(moved, curves=tuple(replace(one, lost=(math.nan,) * len(one.lost)) for one in moved.curves))
    figure = figures.audiogram(replace(measured, cards=(moved, still, empty)))
    assert labels_of(figure) == ["sdr SDR", "sdr interference_from_other", "sdr SDR"]
    shares = np.ma.filled(figure.axes[0].get_images()[0].get_array(), -1.0)
    assert shares[0].max() == pytest.approx(1.0, abs=0.2)
    assert set(shares[1]) == {0.0}
    assert set(shares[2]) == {-1.0}
    drawn = figures.response_figure(moved)
    assert drawn is not None
    assert drawn.get_supylabel() == "sdr SDR (dB ↑)"


def test_what_is_told_is_a_sentence_where_nothing_is(measured):
    card = card_of(measured, "SDR")
    told = text.told_sentence(card)
    assert told.startswith("tells from none: ")
    deaf = replace(card, curves=tuple(replace(one, smallest=None) for one in card.curves))
    assert text.told_sentence(deaf).startswith("does not tell from none: ")
