"""The script behind docs/level.md: what it measures follows the closed form, and what it prints is what it measured."""

from __future__ import annotations

import importlib.util
import math

import pytest

from layouts import write_musdb_song, write_papers_data


@pytest.fixture(scope="module")
def level(root):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("level", root / "benchmarks" / "level.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def data(tmp_path):
    """Two seconds of noise, and a head."""
    head = write_papers_data(tmp_path / "papers")["ku100"]
    write_musdb_song(tmp_path / "songs" / "test" / "Noise", seconds=2.0)
    return tmp_path / "songs", head, 1


def cells(text):
    """The rows of a Markdown table, by their first cell."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return {line[0]: line[1:] for line in lines[2:]}


@pytest.mark.slow
def test_perfection_scores_the_closed_form_at_the_published_level(level, data, tmp_path):
    frame, gains = level.scored(*data, tmp_path / "results")
    ((song, gain),) = gains.items()
    assert song == ("Noise", 0)
    (row,) = cells(level.scene_table(frame, gains)).values()
    seed, printed, closed, reference, consistent, *oracles = row
    assert (seed, printed) == ("0", f"{gain:.4f}")
    assert closed == reference == f"{level.cap(gain):.2f}"
    assert consistent == "80.00"
    assert len(oracles) == 4
    medians = cells(level.median_table(frame))
    assert list(medians) == list(level.SEPARATORS)
    assert medians["reference"] == [reference, "80.00", reference, "80.00", *["80.00"] * 4]
    assert all(math.isfinite(float(one)) for row in medians.values() for one in row)
    order = cells(level.order_table(frame))
    assert list(order) == [f"{metric}, {at}" for metric in level.METRICS for at in level.LEVELS]
    for where, (scores, irm_above_mwf, *above_reference) in order.items():
        assert scores == order["spauq, published"][0]
        assert 0 <= int(irm_above_mwf) <= int(scores)
        assert where.endswith("published") or above_reference == ["0", "0"]


@pytest.mark.slow
def test_altered_perfection_scores_as_each_definition_has_it(level, data, tmp_path):
    found = cells(level.alteration_table(level.altered(*data, tmp_path / "scenes")))
    assert found["none"] == ["80.00"] * 4
    for gain in ("gain 0.7", "gain 1.3"):
        assert found[gain] == ["10.46", "80.00"] * 2
    assert found["channels swapped"][1] == found["channels swapped"][2] == "80.00"
    assert found["mono downmix"][2] == "80.00"
    assert found["delay of 15 samples"][1] == "80.00"
    assert float(found["delay of 15 samples"][3]) < 10


def test_the_gains_that_give_a_value_give_it(level):
    found = cells(level.gain_table())
    assert found["9.7 dB"] == ["0.673", "1.327"]
    for text, gains in found.items():
        for gain in gains:
            assert level.cap(float(gain)) == pytest.approx(float(text.removesuffix(" dB")), abs=0.1)
    assert level.cap(1.0) == 80.0
