"""Published rows stand beside one's own: matched by declaration, never ranked, with Δ and what differs."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from rich.console import Console

import soundstage
from boards import board_of, numbers
from soundstage.cli import cli
from soundstage.contracts import Score
from soundstage.errors import SoundstageError
from soundstage.report.plain import format_csv, format_json, format_markdown
from soundstage.report.terminal import print_board
from soundstage.results.records import CellRecord, Stage, StoredPlan, score_rows
from soundstage.results.store import Store

TOML = """
title    = "Toys"
citation = "Toy 2025, Journal of Toys"

[protocol]
data        = "toy songs"
datasets    = ["songs"]
tracks      = 2
aggregation = "binaural-mss"

[measures.SSR]
same = "spauq_published.SSR"
near = ["spauq.SSR"]
unit = "dB"

[measures.SDR]
same = "bsseval.SDR"
unit = "dB"
note = "whose SDR is not said"

[renderings.Binaural]
summary      = "through a head"
sources      = ["bass", "vocals"]
spatializers = ["hrir"]
params       = { level = "published", hrtf = "file" }

[renderings.Stereo]
sources      = ["bass", "vocals"]
spatializers = ["original"]
near         = ["panning"]

[models.One]
separators = ["one_v1"]

[[tables]]
where   = "Table 1"
columns = ["rendering", "model", "source", "SSR", "SDR"]
rows    = [
  ["Binaural", "One", "", 10.0, 5.0],
  ["Binaural", "Two", "", 12.0, nan],
  ["Binaural", "One", "bass", 9.0, 4.0],
  ["Stereo", "One", "", 20.0, 6.0],
]
"""


@pytest.fixture
def toml(tmp_path):
    """A publication of one's own."""
    file = tmp_path / "toys2025.toml"
    file.write_text(TOML, encoding="utf-8")
    return str(file)


def results(
    path,
    values,
    metric="spauq_published",
    spatializers=("hrir",),
    settings=None,
    dataset="songs",
    name="SSR",
    placements=("",),
    placed=None,
    **facts,
):
    """A results folder. values: separator → (track, source) → value; the same for every spatializer and placement."""
    store = Store(path).prepare()
    cells = []
    for spatializer, placement in itertools.product(spatializers, placements):
        for separator, scores in values.items():
            for track in dict.fromkeys(track for track, _ in scores):
                cell = f"{len(cells):064x}"
                rows = [Score(source, name, value) for (song, source), value in scores.items() if song == track]
                store.commit(
                    CellRecord(cell, Stage("ok"), {cell: Stage("ok")}), score_rows((cell, "dB", row) for row in rows)
                )
                labels = {"dataset": dataset, "track": track, "placement": placement, "spatializer": spatializer}
                cells.append({"cell": cell, **labels, "seed": 0, "separator": separator, f"score:{metric}": cell})
    roles = {"mixture": "floor"}
    facts = {
        "id": "hand-00000000",
        "name": "hand",
        "revision": 1,
        "hash": "0" * 64,
        "separators": {
            name: {"role": roles.get(name, "separator"), "blind": True, "named": True, "needs": []} for name in values
        },
        "metrics": {metric: {name: {"unit": "dB", "higher_is_better": True, "headline": True, "label": ""}}},
        "settings": {"spatializers": settings or {}, "placements": placed or {}},
        **facts,
    }
    store.save_plan(StoredPlan(pa.Table.from_pylist(cells), facts))
    return path


def scores(bass, vocals, tracks=("a", "b")):
    return {(track, source): value for track in tracks for source, value in (("bass", bass), ("vocals", vocals))}


OWN = {"one_v1": scores(10.0, 12.0), "other": scores(1.0, 1.0), "mixture": scores(0.0, 0.0)}


def as_published(**parameters):
    """The settings of `hrir` as the toy publication rendered."""
    return {"hrir": {"plugin": "hrir", "parameters": {"level": "published", "hrtf": "file"} | parameters}}


def board(tmp_path, toml, values=OWN, by=None, protocol="binaural-mss", over="", **options):
    folder = results(tmp_path / "out", values, **options)
    return board_of(folder, by=by, protocol=protocol, published=toml, over=over)


def changed(toml, *pairs):
    """The publication with texts replaced."""
    file = Path(toml)
    text = file.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    return toml


def rendered(found):
    """What stands beside each table."""
    return [[row.condition for row in section.published] for section in found.sections]


def test_published_rows_stand_beside_and_change_no_rank_value_or_mark(tmp_path, toml):
    plain = board_of(results(tmp_path / "out", OWN), protocol="binaural-mss")
    found = board(tmp_path, toml)
    assert [section.rows for section in found.sections] == [section.rows for section in plain.sections]
    assert [(row.model, numbers(row)) for row in found.sections[0].published] == [("One", (10.0,)), ("Two", (12.0,))]
    assert not plain.sections[0].published


def test_the_difference_is_own_minus_published_for_the_declared_names_alone(tmp_path, toml):
    first, second = board(tmp_path, toml).sections[0].published
    assert [(one.separator, numbers(one)) for one in first.differences] == [("one_v1", (1.0,))]
    assert second.differences == ()


def test_a_variant_counts_as_its_entry_and_the_models_own_name_always(tmp_path, toml):
    values = {"One": scores(10.0, 10.0), "one_v1[shifts=2]": scores(11.0, 11.0), "one": scores(0.0, 0.0)}
    (first, _) = board(tmp_path, toml, values).sections[0].published
    assert {one.separator: numbers(one) for one in first.differences} == {
        "One": (0.0,),
        "one_v1[shifts=2]": (1.0,),
        "one": (-10.0,),
    }


def test_a_table_of_one_source_gets_that_sources_lines(tmp_path, toml):
    found = board(tmp_path, toml, by=["source"])
    bass, vocals = found.sections
    assert [(row.model, row.source, numbers(row)) for row in bass.published] == [("One", "bass", (9.0,))]
    assert numbers(bass.published[0].differences[0]) == (1.0,)
    assert vocals.published == ()
    assert any("has no values for source vocals" in note for note in found.notes)


def test_each_rendering_gets_its_own_lines(tmp_path, toml):
    found = board(tmp_path, toml, spatializers=("hrir", "original"))
    assert [[row.condition for row in section.published] for section in found.sections] == [
        ["Binaural"] * 2,
        ["Stereo"],
    ]
    pooled = board(tmp_path, toml, by=[], spatializers=("hrir", "original"))
    assert pooled.sections[0].published == ()
    assert any("has no rendering like hrir, original" in note and "--by spatializer" in note for note in pooled.notes)


def test_a_spatializer_is_known_by_its_plugin_too(tmp_path, toml):
    settings = {"ku100": {"plugin": "hrir", "parameters": {"level": "published", "hrtf": "file"}}}
    found = board(tmp_path, toml, spatializers=("ku100",), settings=settings)
    assert len(found.sections[0].published) == 2
    assert not any("published with" in note for note in found.notes)


def test_another_level_is_noted_with_both_settings(tmp_path, toml):
    found = board(tmp_path, toml, settings=as_published(level="consistent", hrtf=None))
    assert (
        "Binaural (through a head): published with level = published, hrtf = file; hrir here has level = consistent,"
        " hrtf = none"
    ) in found.notes


def test_a_rendering_that_only_comes_near_is_noted(tmp_path, toml):
    found = board(tmp_path, toml, spatializers=("panning",))
    assert found.sections[0].published[0].condition == "Stereo"
    assert "Stereo: panning comes near that rendering but is another" in found.notes


def test_another_definition_is_compared_and_noted(tmp_path, toml):
    found = board(tmp_path, toml, metric="spauq")
    assert numbers(found.sections[0].published[0].differences[0]) == (1.0,)
    assert (
        "SSR: published as spauq_published, measured here as spauq, another definition (docs/metrics.md)" in found.notes
    )
    assert not any("another definition" in note for note in board(tmp_path / "same", toml).notes)
    variant = board(tmp_path / "variant", toml, metric="spauq_published[window=2]")
    assert any("as spauq_published[window=2], with other parameters" in note for note in variant.notes)


def test_another_aggregation_is_noted_with_the_remedy(tmp_path, toml):
    found = board(tmp_path, toml, protocol="demucs")
    assert any(
        "averages as protocol binaural-mss" in note and "--protocol binaural-mss" in note for note in found.notes
    )
    # The default protocol averages like the paper's.
    alike = board(tmp_path / "alike", toml, protocol="soundstage", settings=as_published())
    assert not any("averages as protocol" in note for note in alike.notes)


def test_other_songs_and_another_number_of_them_are_noted(tmp_path, toml):
    assert not any("published on toy" in note for note in board(tmp_path, toml).notes)
    elsewhere = board(tmp_path / "elsewhere", toml, dataset="sketches")
    assert "published on toy songs, 2 tracks; here sketches, 2 tracks" in elsewhere.notes
    fewer = board(tmp_path / "fewer", toml, {"one_v1": scores(1.0, 1.0, ("a",))})
    assert "published on toy songs, 2 tracks; here songs, 1 track" in fewer.notes


def test_over_other_sources_there_is_no_difference_and_the_reason_is_said(tmp_path, toml):
    values = {"one_v1": {("a", "bass"): 1.0, ("b", "drums"): 2.0}}
    found = board(tmp_path, toml, values)
    assert [row.differences for row in found.sections[0].published] == [(), ()]
    assert "Binaural: published over bass, vocals, this table is over bass, drums; so there is no Δ" in found.notes


TOLD = """
[renderings.Told]
sources          = ["bass", "vocals"]
spatializers     = ["hrir"]
placements       = ["panorama"]
placement_params = { noise = 0.0 }

[renderings.Mistold]
sources          = ["bass", "vocals"]
spatializers     = ["hrir"]
placements       = ["panorama"]
placement_params = { noise = 8.0 }

[renderings.Stereo]
"""


@pytest.fixture
def told(toml):
    """A publication that tells exact angles from wrong ones."""
    return changed(
        toml,
        ('spatializers = ["hrir"]', 'spatializers = ["ambisonic"]'),
        ("[renderings.Stereo]", TOLD),
        ('"Binaural", "One", ""', '"Told", "One", ""'),
        ('"Binaural", "Two", ""', '"Mistold", "Two", ""'),
    )


def placed(**noise):
    """The settings of placements; noise: of those that have it."""
    return {"panorama": {"plugin": "panorama", "parameters": {"noise": 0.0}}} | {
        label: {"plugin": "panorama", "parameters": {"noise": value}} for label, value in noise.items()
    }


def test_exact_and_wrong_angles_are_told_apart_in_tables_of_their_own(tmp_path, told):
    found = board(tmp_path, told, placements=("panorama", "wrong"), placed=placed(wrong=8.0))
    assert [section.group for section in found.sections] == [{"placement": "panorama"}, {"placement": "wrong"}]
    assert rendered(found) == [["Told"], ["Mistold"]]
    assert not any("is not set beside" in note for note in found.notes)


def test_where_placements_are_pooled_no_rendering_of_one_of_them_stands_beside(tmp_path, told):
    options = {"placements": ("panorama", "wrong"), "placed": placed(wrong=8.0)}
    for number, by in enumerate((["spatializer"], [])):
        found = board(tmp_path / str(number), told, by=by, **options)
        assert len(found.sections) == 1
        assert rendered(found) == [[]]
        reason = "Told: published with noise = 0.0, wrong here has noise = 8.0; so it is not set beside"
        assert f"{reason}; --by placement keeps placements apart" in found.notes
        assert any(note.startswith("Mistold: published with noise = 8.0, panorama here has") for note in found.notes)


def test_a_placement_as_no_rendering_has_it_gets_the_reasons(tmp_path, told):
    found = board(tmp_path, told, placements=("panorama", "wrong"), placed=placed(wrong=4.0))
    assert rendered(found) == [["Told"], []]
    for rendering, noise in (("Told", 0.0), ("Mistold", 8.0)):
        reason = f"{rendering}: published with noise = {noise}, wrong here has noise = 4.0; so it is not set beside"
        assert reason in found.notes


def test_placements_whose_parameters_are_not_known_count_as_the_renderings(tmp_path, told):
    for number, placements in enumerate((("panorama[noise=4]",), ("",))):
        found = board(tmp_path / str(number), told, placements=placements)
        assert rendered(found) == [["Told", "Mistold"]]
        assert not any("published with placement" in note for note in found.notes)


def test_another_placement_is_noted_and_tells_nothing_wrong(tmp_path, told):
    settings = {"frontal": {"plugin": "frontal", "parameters": {}}}
    found = board(tmp_path, told, placements=("frontal",), placed=settings)
    assert rendered(found) == [["Told"]]
    assert "Told: published with placement panorama; here frontal" in found.notes
    alike = board(tmp_path / "alike", told, placements=("mine",), placed={"mine": {**placed()["panorama"]}})
    assert not any("published with placement" in note for note in alike.notes)


OF_THREE = (
    ("[renderings.Stereo]", TOLD),
    ('sources      = ["bass", "vocals"]\nspatializers = ["hrir"]', 'sources = ["bass"]\nspatializers = ["hrir"]'),
    ('"Binaural", "Two", ""', '"Told", "Two", ""'),
)


def test_where_a_rendering_has_the_tables_sources_those_of_other_mixtures_stand_not_beside(tmp_path, toml):
    toml = changed(toml, *OF_THREE)
    assert rendered(board(tmp_path, toml)) == [["Told"]]
    found = board(tmp_path / "three", toml, {"one_v1": {("a", source): 1.0 for source in ("bass", "vocals", "drums")}})
    assert rendered(found) == [["Binaural", "Told"]]
    assert [row.differences for row in found.sections[0].published] == [(), ()]
    assert sum("so there is no Δ" in note for note in found.notes) == 2


def test_a_source_out_of_another_mixture_keeps_its_difference_and_is_noted(tmp_path, toml):
    values = {"one_v1": {("a", source): 10.0 for source in ("bass", "drums")}}
    bass, drums = board(tmp_path, toml, values, by=["source"]).sections
    assert [numbers(one) for row in bass.published for one in row.differences] == [(1.0,)]
    assert not drums.published
    notes = board(tmp_path / "again", toml, values, by=["source"]).notes
    assert "Binaural: bass was published out of mixtures of bass, vocals; here it is out of bass, drums" in notes
    assert not any("out of mixtures" in note for note in board(tmp_path / "same", toml, by=["source"]).notes)


def test_an_accompaniment_beside_its_parts_makes_no_other_mixture(tmp_path, toml):
    values = {"one_v1": {("a", source): 10.0 for source in ("bass", "vocals", "accompaniment")}}
    found = board(tmp_path, toml, values, by=["source"])
    assert not any("out of mixtures" in note for note in found.notes)
    assert "so there is no Δ" in "".join(board(tmp_path / "all", toml, values).notes)


IMPROVEMENTS = """
[measures.SDRi]
near = ["bsseval.SDRi", "si_sdr.SI-SDRi"]
unit = "dB"

[renderings.Binaural]
"""


@pytest.mark.parametrize(("metric", "name"), [("bsseval[references=int16]", "SDR"), ("si_sdr", "SI-SDR")])
def test_over_the_mixture_stand_published_improvements_alone(tmp_path, toml, metric, name):
    absolute = board(tmp_path, toml, metric=metric, name=name, over="mixture")
    assert rendered(absolute) == [[]]
    assert any(f"toys2025 has SSR, SDR, and nothing that stands beside {name}i" in note for note in absolute.notes)
    toml = changed(toml, ("[renderings.Binaural]", IMPROVEMENTS), ('"SSR", "SDR"]', '"SSR", "SDRi"]'))
    values = {"one_v1": scores(8.0, 8.0), "mixture": scores(2.0, 2.0)}
    found = board(tmp_path / "improved", toml, values, metric=metric, name=name, over="mixture")
    ((row,),) = (section.published for section in found.sections)
    assert (row.model, numbers(row), [numbers(one) for one in row.differences]) == ("One", (5.0,), [(1.0,)])
    plain = board(tmp_path / "plain", toml, values, metric=metric, name=name)
    assert rendered(plain) == [[]]


def test_over_another_separator_nothing_published_stands_and_the_reason_is_said(tmp_path, toml):
    found = board(tmp_path, toml, over="other")
    assert rendered(found) == [[]]
    assert "toys2025 has no improvements over other; leave out --over, or take --over mixture" in found.notes
    assert any(note.startswith("published: ") for note in found.notes)


def test_what_was_published_of_a_variant_is_the_same_in_that_variant_alone(tmp_path, toml):
    toml = changed(toml, ('"bsseval.SDR"', '"bsseval[references=int16,window=0.5].SDR"'))
    exact = board(tmp_path, toml, metric="bsseval[references=int16,window=0.5]", name="SDR")
    assert numbers(exact.sections[0].published[0]) == (5.0,)
    assert not any("other parameters" in note for note in exact.notes)
    found = board(tmp_path / "other", toml, metric="bsseval", name="SDR")
    assert numbers(found.sections[0].published[0]) == (5.0,)
    assert (
        "SDR: published as bsseval[references=int16,window=0.5], measured here as bsseval, with other parameters"
        in found.notes
    )


def test_parts_of_tracks_are_noted_unless_both_are_of_parts(tmp_path, toml):
    def noted(found):
        return [note for note in found.notes if "parts of" in note]

    excerpt = {"seconds": 30.0, "where": "chunks"}
    assert noted(board(tmp_path / "a", toml, excerpt=excerpt)) == [
        "toys2025 says nothing of parts of tracks; here 30 s of each track (where = chunks) are scored"
    ]
    assert not noted(board(tmp_path / "b", toml, excerpt=None))
    toml = changed(toml, ("tracks      = 2", "tracks      = 2\nexcerpt = true"))
    assert not noted(board(tmp_path / "c", toml, excerpt=excerpt))
    assert not noted(board(tmp_path / "d", toml))
    assert noted(board(tmp_path / "e", toml, excerpt=None)) == [
        "toys2025 scored parts of its tracks; here they are whole"
    ]


def test_a_head_that_may_be_another_is_noted_and_its_parameters_are_compared(tmp_path, toml):
    toml = changed(toml, ('spatializers = ["hrir"]', 'spatializers = ["ku100"]\nnear = ["hrir"]'))
    found = board(tmp_path, toml, settings=as_published(level="consistent"))
    assert "Binaural (through a head): hrir comes near that rendering but may be another" in found.notes
    assert any("published with level = published; hrir here has level = consistent" in note for note in found.notes)
    assert found.sections[0].published[0].differences
    settings = {"ku100": as_published()["hrir"]}
    exact = board(tmp_path / "exact", toml, spatializers=("ku100",), settings=settings)
    assert rendered(exact) == [["Binaural", "Binaural"]]
    assert not any("comes near" in note or "published with" in note for note in exact.notes)


def test_values_by_source_alone_are_said_to_be_there(tmp_path, toml):
    toml = changed(toml, ('"Stereo", "One", ""', '"Stereo", "One", "bass"'))
    found = board(tmp_path, toml, spatializers=("original",))
    assert "toys2025 has no values for all sources together here; --by source shows them" in found.notes
    shown = board(tmp_path / "shown", toml, by=["source"], spatializers=("original",))
    assert rendered(shown) == [["Stereo"], []]
    assert "toys2025 has no values for source vocals here" in shown.notes


def test_no_list_in_a_note_is_empty(tmp_path, toml):
    toml = changed(toml, ('spatializers = ["original"]\nnear         = ["panning"]', "spatializers = []"))
    other = board(tmp_path / "other", toml, spatializers=("ambisonic",))
    assert any("(Binaural: hrir; Stereo: nothing)" in note for note in other.notes)
    not_run = results(tmp_path / "empty", OWN)
    shutil.rmtree(not_run / "cells")
    empty = board_of(not_run, published=toml)
    assert "Binaural: published over bass, vocals, this table has no scores; so there is no Δ" in empty.notes
    for found in (other, empty):
        assert not any(" ;" in note or " over ;" in note or "like  (" in note for note in found.notes)


def test_what_cannot_stand_beside_is_said(tmp_path, toml):
    found = board(tmp_path, toml, metric="error", name="error")
    assert any("toys2025 has SSR, SDR, and nothing that stands beside error" in note for note in found.notes)
    other = board(tmp_path / "other", toml, spatializers=("ambisonic",))
    assert any(
        "has no rendering like ambisonic (Binaural: hrir; Stereo: original, panning)" in note for note in other.notes
    )


def test_a_measures_own_note_is_said_where_it_is_shown(tmp_path, toml):
    found = board(tmp_path, toml, metric="bsseval", name="SDR")
    assert "SDR: whose SDR is not said" in found.notes
    assert not any("whose SDR" in note for note in board(tmp_path / "ssr", toml).notes)


def test_markdown_csv_json_and_the_terminal_show_them_as_published(tmp_path, toml):
    found = board(tmp_path, toml)
    text = format_markdown(found)
    assert "|  | One | published (toys2025) | 10.0 | not stated |  |" in text
    assert "|  | Δ one_v1 − One | difference | +1.0 |  |  |" in text
    assert "Toy 2025, Journal of Toys" in text
    lines = list(csv.DictReader(io.StringIO(format_csv(found))))
    own = [line for line in lines if line["role"] != "published"]
    assert {line["publication"] for line in own} == {""}
    theirs = [line for line in lines if line["role"] == "published"]
    assert [
        (line["separator"], line["rank"], line["value"], line["beside"], line["difference"]) for line in theirs
    ] == [
        ("One", "", "10.0", "one_v1", "1.0"),
        ("Two", "", "12.0", "", ""),
    ]
    assert {(line["publication"], line["rendering"]) for line in theirs} == {("toys2025", "Binaural")}
    parsed = json.loads(format_json(found))
    assert parsed["publication"] == "toys2025"
    assert parsed["sections"][0]["published"][0]["differences"] == [
        {"separator": "one_v1", "values": {"spauq_published": {"SSR": {"value": 1.0, "decimals": 1}}}}
    ]
    out = io.StringIO()
    print_board(found, Console(file=out, width=100, force_terminal=False))
    assert "One (toys2025)" in out.getvalue()
    assert "Δ one_v1 − One" in out.getvalue()


@pytest.mark.parametrize(
    ("written", "declared", "difference"),
    [
        ("14.385", "", "-4.38"),
        ("14.385", "decimals = 3", "-4.38"),
        ("9.7", "", "+0.3"),
        ("9.7", "decimals = 2", "+0.30"),
        ("1e3", "", "-990"),
        ("-0.50", "", "+10.50"),
    ],
)
def test_published_numbers_are_shown_as_printed_and_differences_with_the_decimals_of_the_coarser_side(
    tmp_path, toml, written, declared, difference
):
    toml = changed(
        toml,
        ('"Binaural", "One", "", 10.0', f'"Binaural", "One", "", {written}'),
        ('near = ["spauq.SSR"]', f'near = ["spauq.SSR"]\n{declared}'),
    )
    text = format_markdown(board(tmp_path, toml, {"one_v1": scores(10.0, 10.0)}))
    assert f"| One | published (toys2025) | {written} |" in text
    assert f"| Δ one_v1 − One | difference | {difference} |" in text


def test_without_a_publication_the_csv_has_no_such_columns(tmp_path):
    found = board_of(results(tmp_path / "out", OWN))
    assert "publication" not in format_csv(found).splitlines()[0]


def test_a_difference_of_nothing_has_no_sign_and_a_hole_has_no_number(tmp_path, toml):
    values = {"one_v1": scores(10.0, 10.0), "two": scores(math.nan, math.nan)}
    found = board(tmp_path, toml, {name: values[name] for name in ("one_v1",)})
    assert "| Δ one_v1 − One | difference | 0.0 |" in format_markdown(found)
    assert not board(tmp_path / "hole", toml, values).sections[0].published[1].differences


def test_the_command_line_takes_a_name_or_a_file_and_suggests(tmp_path, toml):
    folder = str(results(tmp_path / "out", OWN))
    told = CliRunner().invoke(cli, ["leaderboard", folder, "--published", toml, "--format", "markdown"])
    assert told.exit_code == 0, told.output
    assert "published (toys2025)" in told.output
    refused = CliRunner().invoke(cli, ["leaderboard", folder, "--published", "nambala2025"])
    assert isinstance(refused.exception, SoundstageError)
    assert "did you mean 'namballa2025'?" in str(refused.exception)


@pytest.mark.slow
@pytest.mark.heavy
def test_a_grid_that_was_run_knows_the_settings_that_are_compared(tmp_path):
    grid = {
        "datasets": ["sketches"],
        "placements": ["frontal"],
        "spatializers": ["hrir", "original"],
        "separators": ["mixture"],
        "metrics": ["interaural"],
    }
    soundstage.run(grid, tmp_path)
    found = board_of(tmp_path, published="namballa2025")
    assert [section.published[0].condition for section in found.sections] == ["Binaural", "Stereo"]
    assert any("hrir here has level = consistent, hrtf = none" in note for note in found.notes)
    assert any("hrir comes near that rendering but may be another" in note for note in found.notes)
    assert any("published with placement metadata; here frontal" in note for note in found.notes)
    assert any("here sketches, 3 tracks" in note for note in found.notes)


@pytest.mark.slow
@pytest.mark.heavy
def test_a_grid_that_was_run_knows_its_placements_and_its_excerpts(tmp_path):
    grid = {
        "datasets": ["sketches"],
        "placements": ["panorama", "panorama[noise=8]"],
        "spatializers": ["panning"],
        "separators": ["mixture"],
        "metrics": ["sdr"],
        "excerpt": {"seconds": 1, "where": "start"},
    }
    soundstage.run(grid, tmp_path / "parts")
    facts = Store(tmp_path / "parts").plan().facts
    assert facts["excerpt"] == {"seconds": 1.0, "where": "start"}
    noise = {label: one["parameters"]["noise"] for label, one in facts["settings"]["placements"].items()}
    assert noise == {"panorama": 0.0, "panorama[noise=8]": 8.0}
    del grid["excerpt"]
    soundstage.run(grid, tmp_path / "whole")
    assert Store(tmp_path / "whole").plan().facts["excerpt"] is None
