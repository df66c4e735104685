"""Whole grids with sources that move, that sit behind and above, in rooms and on several heads, from run to compare."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

import soundstage
from boards import board_of
from rooms import room_pairs, write_room_folder
from soundstage.cli import cli
from soundstage.report.plain import format_csv, format_json, format_markdown
from soundstage.running.verify import verify

pytestmark = pytest.mark.heavy

KEMAR = Path("/usr/share/libmysofa/MIT_KEMAR_normal_pinna.sofa")
SEPARATORS = ("reference", "mixture", "irm")
METRICS = ("sdr", "cues", "localization", "energies")
MOVING, AROUND = "moving[seconds=2]", "around[elevation_from=-30,elevation_to=60]"
AWAY = "refuse_beyond_deg=90"


def spatializers(shared: Path, room: Path) -> list[str]:
    ku100 = shared / "real" / "sadie-ku100" / "44K_16bit"
    heads = ["hrir", f"hrir[hrtf={ku100},{AWAY}]", f"hrir[hrtf={ku100},interpolation=linear,{AWAY}]"]
    heads += [f"hrir[hrtf={KEMAR}]"] if KEMAR.is_file() else []
    return [*heads, f"brir[brirs={room},{AWAY}]"]


@pytest.fixture(scope="module")
def results(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    room = tmp_path_factory.mktemp("rooms") / "room"
    azimuths = [30.0 * step for step in range(12)]
    write_room_folder(room, dict(zip(azimuths, room_pairs(azimuths), strict=True)))
    out = tmp_path_factory.mktemp("far")
    grid = {
        "name": "far",
        "datasets": ["sketches"],
        "tracks": ["low-tide"],
        "excerpt": {"seconds": 2, "where": "loudest"},
        "placements": [MOVING, AROUND],
        "spatializers": spatializers(shared, room),
        "separators": list(SEPARATORS),
        "metrics": list(METRICS),
    }
    done = soundstage.run(grid, out)
    assert done.troubled == 0
    return out


def test_every_cell_is_there_and_a_perfect_estimate_is_perfect_everywhere(results: Path) -> None:
    board = board_of(results)
    assert len(board.sections) % 2 == 0
    for section in board.sections:
        rows = {row.separator: row for row in section.rows}
        assert set(rows) == set(SEPARATORS)
        assert all(row.coverage.done == row.coverage.planned for row in rows.values())
        found = {column.label: value.value for column, value in rows["reference"].values.items()}
        assert found["Δheard"] == pytest.approx(0.0, abs=1e-6)
        assert found["beyond MAA"] == pytest.approx(0.0, abs=1e-6)
        assert found["SDR"] > 60.0
        worse = {column.label: value.value for column, value in rows["mixture"].values.items()}
        assert worse["Δheard"] > 2.0, section.group


def test_cues_over_the_track_are_those_of_sources_that_keep_their_place(results: Path) -> None:
    for section in board_of(results).sections:
        reference = next(row for row in section.rows if row.separator == "reference")
        angle = next(value.value for column, value in reference.values.items() if column.label == "Δangle")
        assert math.isnan(angle) == (section.group["placement"] == MOVING), section.group


def test_what_cannot_be_rendered_where_it_is_placed_is_told(results: Path) -> None:
    notes = " ".join(board_of(results).notes)
    assert "the nearest direction that the HRIR set has" in notes
    assert "the source moves, so it has no one place" in notes


def test_every_form_of_the_table_has_every_rendering(results: Path, shared: Path) -> None:
    board = board_of(results)
    lines = list(csv.DictReader(io.StringIO(format_csv(board))))
    assert {line["placement"] for line in lines} == {MOVING, AROUND}
    assert len({line["spatializer"] for line in lines}) == len(board.sections) // 2
    ku100 = shared / "real" / "sadie-ku100" / "44K_16bit"
    heads = {"hrir", f"hrir[hrtf={ku100},{AWAY}]"} | ({f"hrir[hrtf={KEMAR}]"} if KEMAR.is_file() else set())
    of_heads = [line for line in lines if line["heads"]]
    assert {line["spatializer"] for line in of_heads} == heads
    assert all(float(line["head_spread"]) >= 0.0 for line in of_heads if line["measure"] == "SDR")
    facts = json.loads(format_json(board))
    assert len(facts["sections"]) == len(board.sections)
    assert format_markdown(board).count("| reference |") >= len(board.sections)


def test_reports_verify_and_compare_take_them(results: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    page = tmp_path / "page"
    done = runner.invoke(cli, ["report", str(results), "--out", str(page)])
    assert done.exit_code == 0, done.output
    assert (page / "index.html").is_file()
    assert verify(results, recompute=2).wrong == ()
    compared = runner.invoke(cli, ["compare", str(results), "irm", "mixture"])
    assert compared.exit_code == 0, compared.output
    assert "Δheard" in compared.output
