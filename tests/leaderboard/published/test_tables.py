"""Published results are facts with a place: read whole, checked by sentence, and shipped."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, metadata

import pytest
from click.testing import CliRunner

from soundstage.cli import cli
from soundstage.errors import SoundstageError, UnknownName
from soundstage.leaderboard.protocols import PROTOCOLS
from soundstage.leaderboard.published.tables import find_publication, publications, read_publication

STEMS = ("drums", "bass", "other", "vocals")

SMALL = """
title    = "SSR of two toys"
citation = "Toy 2025"

[protocol]
data        = "toy songs"
tracks      = 2
aggregation = "binaural-mss"

[measures.SSR]
same = "spauq_published.SSR"
near = ["spauq.SSR"]
unit = "dB"

[renderings.Binaural]
sources      = ["bass", "vocals"]
spatializers = ["hrir"]
params       = { level = "published" }

[models.One]
separators = ["one_v1"]

[[tables]]
where   = "Table 1"
columns = ["rendering", "model", "source", "SSR"]
rows    = [["Binaural", "One", "", 1.5], ["Binaural", "One", "bass", nan], ["Binaural", "Two", "bass", -2]]
"""


def changed(old, new):
    assert old in SMALL
    return SMALL.replace(old, new)


def test_a_publication_is_read_with_its_place_and_without_its_holes():
    found = read_publication(SMALL, "toy.toml")
    assert (found.name, found.aggregation, found.tracks) == ("toy", "binaural-mss", 2)
    assert [(line.model, line.source, dict(line.values), line.where) for line in found.lines] == [
        ("One", "", {"SSR": 1.5}, "Table 1"),
        ("One", "bass", {}, "Table 1"),
        ("Two", "bass", {"SSR": -2.0}, "Table 1"),
    ]
    assert found.measures["SSR"].same == ("spauq_published", "SSR")
    assert found.model("One").goes_by("ONE_v1")
    assert found.model("Two").goes_by("two")
    assert not found.model("Two").goes_by("one")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title", "titel", ("toy.toml: title: is missing", 'write title = "…"')),
        ("citation", "url = 1\ncitation", ("toy.toml: url: is 1", 'write url = "…"')),
        ("tracks ", "track ", ("toy.toml: protocol.track: is no key here; did you mean 'tracks'?",)),
        ("= 2\n", "= -2\n", ("protocol.tracks: is -2",)),
        ("= 2\n", '= "two"\n', ("protocol.tracks: is 'two'; write tracks = a whole number",)),
        ('"binaural-mss"', '"binaural"', ("protocol.aggregation: 'binaural' is no protocol", "'binaural-mss'")),
        ('"spauq_published.SSR"', '"SSR"', ("measures.SSR.same: 'SSR' is no measure; write metric.measure",)),
        (
            '"spauq_published.SSR"',
            '"spauq_published[window=0.5]"',
            ("measures.SSR.same:", "is no measure; write metric"),
        ),
        ('"spauq_published.SSR"', '"spauq[.SSR"', ("measures.SSR.same: 'spauq[.SSR' is no measure",)),
        ("= 2\n", "= 2\nexcerpt = 1\n", ("protocol.excerpt: is 1; write excerpt = true or false",)),
        ("= 2\n", "= true\n", ("protocol.tracks: is True; write tracks = a whole number",)),
        ("params  ", "placement_params = 1\nparams  ", ("renderings.Binaural.placement_params: is 1; write",)),
        ("params  ", 'placements = "a"\nparams  ', ("renderings.Binaural.placements: is 'a'; write placements",)),
        ('["spauq.SSR"]', "[1]", ("measures.SSR.near: holds 1",)),
        ('unit = "dB"', 'units = "dB"', ("measures.SSR.unit: is missing",)),
        ('["hrir"]', '"hrir"', ("renderings.Binaural.spatializers: is 'hrir'",)),
        ("[models.One]", "[models.Onne]", ("models.\"Onne\": no table has such a model; did you mean 'One'?",)),
        ('"model", "source", "SSR"]', '"model", "source", "SSD"]', ("tables[0].columns: 'SSD' is no measure",)),
        ('"rendering", "model", ', '"model", ', ('tables[0].columns: lacks "rendering"',)),
        ('"Binaural", "One", "", 1.5', '"Binaura", "One", "", 1.5', ("rows[0]", "did you mean 'Binaural'?")),
        ('"Two", "bass"', '"Two", "bas"', ("tables[0].rows[2]", "did you mean 'bass'?")),
        ("-2]", '"-2"]', ("tables[0].rows[2]: its SSR is '-2'; write a number",)),
        (", -2]", "]", ("tables[0].rows[2]: must be a list of 4 entries, one a column",)),
        ('"Two", "bass", -2', '"One", "", 3', ("SSR is 3 here and 1.5 in “Table 1”; keep one",)),
        ("[[tables]]", "[tables]", ("tables: is",)),
        ("[protocol]", "[protocol", ("not valid TOML", "line")),
    ],
)
def test_what_is_wrong_is_a_sentence_with_the_file_the_key_and_the_fix(old, new, words):
    with pytest.raises(SoundstageError) as refused:
        read_publication(changed(old, new), "toy.toml")
    assert str(refused.value).startswith("toy.toml: ")
    for word in words:
        assert word in str(refused.value)


def test_a_measure_may_be_that_of_a_variant_with_dots_in_its_values():
    text = changed('"spauq_published.SSR"', '"spauq_published[window=0.5].SSR"')
    assert read_publication(text, "toy.toml").measures["SSR"].same == ("spauq_published[window=0.5]", "SSR")


def test_a_separator_is_no_two_models():
    text = changed("[models.One]", '[models.Two]\nseparators = ["One_V1"]\n\n[models.One]')
    with pytest.raises(SoundstageError, match="'one_v1' is Two already"):
        read_publication(text, "toy.toml")


def test_tables_that_repeat_a_value_are_joined():
    again = (
        '\n[[tables]]\nwhere = "Table 2"\ncolumns = ["rendering", "model", "SSR"]\nrows = [["Binaural", "One", 1.5]]\n'
    )
    assert read_publication(SMALL + again, "toy.toml").lines[0].where == "Table 1; Table 2"


def test_everything_shipped_can_be_read_and_names_protocols_there_are():
    shipped = publications()
    assert list(shipped) == ["dprnn-poster", "htdemucs", "namballa2025", "open-unmix", "spain-net"]
    for one in shipped.values():
        assert one.lines
        assert one.citation
        assert all(line.where for line in one.lines)
        assert one.aggregation in {"", *PROTOCOLS}
        assert {line.condition for line in one.lines} == set(one.conditions)
        for line in one.lines:
            for name, value in line.values.items():
                assert round(value, one.measures[name].decimals) == value


def test_every_shipped_number_is_shown_as_it_is_written_in_its_file(root):
    for name, one in publications().items():
        text = (root / "published" / f"{name}.toml").read_text(encoding="utf-8")
        rows = [line for line in text.splitlines() if line.startswith("  [")]
        written = [re.findall(r"(?<=, )(?:-?[0-9.e]+|nan)(?=[],])", row) for row in rows]
        (first, *_) = [line for line in one.lines if line.values]
        assert [value.text for value in first.values.values()] == [number for number in written[0] if number != "nan"]
        shown = sorted(value.text for line in one.lines for value in line.values.values())
        in_file = [number for row in written for number in row if number != "nan"]
        assert set(shown) == set(in_file)
        assert len(shown) <= len(in_file)


@pytest.mark.parametrize(
    ("written", "text", "decimals"),
    [
        ("14.385", "14.385", 3),
        ("9.7", "9.7", 1),
        ("-0.50", "-0.50", 2),
        ("1e3", "1e3", 0),
        ("1.5e-3", "1.5e-3", 4),
        ("-2", "-2", 0),
        ("1_000.25", "1000.25", 2),
    ],
)
def test_a_number_is_kept_as_it_is_written(written, text, decimals):
    found = read_publication(changed("1.5]", f"{written}]"), "toy.toml").lines[0].values["SSR"]
    assert (found, found.text, found.decimals) == (float(written), text, decimals)


def test_a_number_with_more_decimals_than_its_measure_is_refused_and_one_with_fewer_is_not():
    declared = changed('unit = "dB"', 'unit = "dB"\ndecimals = 1')
    assert read_publication(declared, "toy.toml").measures["SSR"].decimals == 1
    with pytest.raises(SoundstageError, match=r"rows\[0\]: its SSR is 1\.55, which has more decimals than the 1 of"):
        read_publication(declared.replace("1.5]", "1.55]"), "toy.toml")


@pytest.mark.parametrize("infinite", ["inf", "-inf", "1e999"])
def test_no_published_number_is_infinite(infinite):
    with pytest.raises(SoundstageError, match=r"its SSR is .* write a number that is finite, or nan"):
        read_publication(changed("1.5]", f"{infinite}]"), "toy.toml")


def test_values_over_all_sources_are_the_mean_of_the_sources_as_spain_net_prints_them():
    # One printed mean is off by a tenth: ISR of D1-CAT with noisy training angles, 3.5 for 2.8, 1.6, 6.0 and 4.1.
    one = find_publication("spain-net")
    off = []
    for whole in (line for line in one.lines if not line.source and line.where.startswith(("Table 1", "Table 2"))):
        parts = [
            line for line in one.lines if line.source and (line.condition, line.model) == (whole.condition, whole.model)
        ]
        for name in whole.values if parts else ():
            if abs(sum(part.values[name] for part in parts) / 4 - whole.values[name]) > 0.1001:
                off.append((whole.model, name, whole.values[name]))
    assert off == [("4S-D1-CAT, noisy training angles", "ISR", 3.5)]


def test_ht_demucs_values_over_all_sources_are_the_mean_of_its_rows_but_for_the_sparse_model():
    one = find_publication("htdemucs")
    assert (one.aggregation, one.places) == ("museval", ("Table 1",))
    values = {(line.model, line.source): line.values["SDR"] for line in one.lines}
    assert len(values) == 4 * 5
    off = {
        model: (values[model, ""], round(sum(values[model, source] for source in STEMS) / 4, 2))
        for model in dict.fromkeys(model for model, _ in values)
        if abs(values[model, ""] - sum(values[model, source] for source in STEMS) / 4) > 0.0051
    }
    assert off == {"Sparse HT Demucs (fine tuned)": (9.20, 9.27)}
    here = {separator: model.name for model in one.models.values() for separator in model.separators}
    assert here == {
        "hdemucs_mmi": "Hybrid Demucs",
        "htdemucs": "HT Demucs",
        "htdemucs_ft": "HT Demucs (fine tuned)",
    }


def held(publication):
    """Every value: (rendering, model, source, measure) → number."""
    return {
        (line.condition, line.model, line.source, name): value
        for line in find_publication(publication).lines
        for name, value in line.values.items()
    }


ANGLES = ("exact test angles", "noisy test angles")
TASKS = {
    "4S": ("guitar", "strings", "piano", "bass", ""),
    "4S2G": ("guitar1", "guitar2", "piano", "bass", ""),
}
CONDITIONED = ("{}-D0", "{}-D1-CAT, exact training angles", "{}-D1-CAT, noisy training angles", "{}-DF-ADD")


def numbers(line):
    return [float(text) for text in re.findall(r"-?\d+\.\d", line)]


def printed_by_spain_net(text):
    """The values of tables 1, 2 and 3 of the paper's text."""
    found = {}
    for number, (task, sources) in enumerate(TASKS.items(), start=1):
        lines = text.partition(f"Table {number}: ")[2].splitlines()[2:13]
        columns = [(model.format(task), source) for model in CONDITIONED for source in sources]
        mixture, *scores = (numbers(line) for line in lines[2:])
        names = ["SDRi", "ISR", "SAR", "SIR"]
        assert [len(line) for line in (mixture, *scores)] == [len(columns)] * 9
        assert mixture == mixture[:5] * 4
        for part, angles in enumerate(ANGLES):
            rendering = f"{task}, {angles}"
            found |= {(rendering, "mixture", source, "SDR"): mixture[at] for at, source in enumerate(sources)}
            for name, line in zip(names, scores[4 * part : 4 * part + 4], strict=True):
                for (model, source), value in zip(columns, line, strict=True):
                    found[rendering, model, source, name] = value
    mixture, mean = map(numbers, text.partition("Table 3: ")[2].splitlines()[3:5])
    assert mixture == [-12.2] * 5
    for model, value in zip(("D0", "DF-AdaIN", "D16-CAT", "D32-CAT", "D64-CAT"), mean, strict=True):
        found[f"4S, {ANGLES[0]}", f"4S-{model}", "", "SDRi"] = value
    return found


def test_every_value_of_spain_net_is_the_one_that_the_paper_prints(shared):
    text = (shared / "seeds" / "4-spain-net.txt").read_text(encoding="utf-8")
    printed = printed_by_spain_net(text)
    assert len(printed) == 2 * 2 * (5 + 4 * 5 * 4) + 4
    assert held("spain-net") == printed


def test_every_value_of_the_poster_is_the_one_that_it_prints(shared):
    text = (shared / "seeds" / "3-dprnn-poster.txt").read_text(encoding="utf-8")
    lines = text.partition("Target\tModel\tSDR\tSIR\tISR\tSAR\n")[2].splitlines()[:4]
    models = {"<i>Open-Unmix</i>": "Open-Unmix", "<i>DPRNN-ass</i>": "DPRNN"}
    printed = {}
    for target, model, *values in (line.split("\t") for line in lines):
        for name, value in zip(("SDR", "SIR", "ISR", "SAR"), values, strict=True):
            printed["Stereo", models[model], target.lower(), name] = float(value)
    assert len(printed) == 16
    assert held("dprnn-poster") == printed


def test_every_value_of_open_unmix_is_the_one_in_its_packages_readme():
    try:
        readme = str(metadata("openunmix").json["description"])
    except PackageNotFoundError:
        pytest.skip("the package openunmix is not installed here")
    lines = readme.partition("#### Scores (Median of frames, Median of tracks)")[2].partition("\n## ")[0].splitlines()
    cells = [[cell.strip(" `_") for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    models, *sources = cells[2:]
    printed = {
        ("Stereo", model, source, "SDR"): float(value)
        for source, *values in sources
        for model, value in zip(models[1:], values, strict=True)
    }
    assert len(printed) == 12
    assert held("open-unmix") == printed


@pytest.mark.parametrize(("table", "labels"), [("overall", 2), ("by_source", 3)])
def test_namballas_medians_are_those_of_the_papers_tables(shared, table, labels):
    one = find_publication("namballa2025")
    lines_held = {(line.condition, line.model, line.source): line.values for line in one.lines}
    with (shared / "published" / f"median_metrics_{table}.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    for line in lines:
        key = (line["dataset"], line["model"], line.get("source", ""))
        assert lines_held.pop(key) == {name: float(line[name]) for name in ("SSR", "SRR", "diff_ITD", "diff_ILD")}
    assert not [key for key in lines_held if len([text for text in key if text]) == labels]


def test_a_misspelt_publication_gets_the_nearest_one_suggested(tmp_path):
    with pytest.raises(UnknownName, match="unknown publication 'namballa25'; did you mean 'namballa2025'"):
        find_publication("namballa25")
    with pytest.raises(SoundstageError, match=r"none\.toml: no such file; give a publication's name or a TOML file"):
        find_publication(str(tmp_path / "none.toml"))
    (tmp_path / "toy.toml").write_text(SMALL, encoding="utf-8")
    assert find_publication(str(tmp_path / "toy.toml")).title == "SSR of two toys"


def test_they_are_listed_and_shown():
    listed = CliRunner().invoke(cli, ["list", "published"])
    assert "namballa2025  SSR, SRR, ΔITD and ΔILD" in listed.output
    assert "published" in CliRunner().invoke(cli, ["list"]).output
    shown = CliRunner().invoke(cli, ["show", "namballa2025"]).output
    for words in (
        "arXiv.2507.00155",
        "protocol:    binaural-mss",
        "Demucs = htdemucs_ft here",
        "median_metrics_overall.csv",
    ):
        assert words in shown
    assert "  from:        Table 1; Table 2; Table 3\n" in CliRunner().invoke(cli, ["show", "spain-net"]).output
    refused = CliRunner().invoke(cli, ["show", "namballa2024"])
    assert "did you mean 'namballa2025'?" in str(refused.exception)


def test_listing_them_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from soundstage.cli import cli\n"
        "cli(['list', 'published'], standalone_mode=False)\n"
        "assert not {'pandas', 'pyarrow', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_shipped_line_has_a_value_and_every_measure_and_model_is_of_use():
    for one in publications().values():
        for line in one.lines:
            assert line.values, (one.name, line)
        assert {name for line in one.lines for name in line.values} == set(one.measures)
        assert set(one.models) <= {line.model for line in one.lines}
