"""Which separators suit: what is asked for is kept to, ties are said, and who is left out is told why."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from click.testing import CliRunner

import soundstage
from soundstage.cli import cli
from soundstage.contracts import Score
from soundstage.errors import SoundstageError
from soundstage.results.records import CellRecord, Stage, StoredPlan, score_rows
from soundstage.results.store import Store

MEASURE = {"unit": "dB", "higher_is_better": True, "headline": True, "label": ""}

SEPARATORS = {
    # name: (SDR of vocals, seconds for 10 s of audio, what it tells of its device, on which machine)
    "good": (9.0, 30.0, "cpu", "old"),
    "quick": (7.0, 2.0, "cpu", "old"),
    "twin": (7.05, 4.0, None, "old"),
    "gpu": (9.5, 1.0, "cuda:0", "new"),
    "mute": (8.0, 1.0, None, "new"),
    "drums": (None, 1.0, "cpu", "old"),
    "heard": (12.0, 1.0, "cpu", "old"),
    "floor": (0.0, 1.0, "cpu", "old"),
}


def folder(path, songs=8, took=None):
    """took: of a separator, in place of the above, its seconds and device song by song; None for not measured."""
    store, cells, number = Store(path).prepare(), [], 0
    for song in range(songs):
        for name, (value, seconds, device, run) in SEPARATORS.items():
            number += 1
            cell, score = f"{number:064x}", f"{number + 10**6:064x}"
            rows = [Score("drums", "SDR", 1.0 + song)]
            if value is not None:
                rows.append(Score("vocals", "SDR", value + song + (0.1 if song % 2 and name == "quick" else 0.0)))
            seconds, device = took[name][song] if took and name in took else (seconds, device)
            details = {"separated_s": seconds, "peak_mb": 500.0 + song} if seconds is not None else {}
            details |= {"device": device} if device else {}
            stage = Stage("ok", details=details)
            record = CellRecord(cell, stage, {score: Stage("ok")}, {"samples": 10, "rate": 1}, run)
            store.commit(record, score_rows((score, "dB", row) for row in rows))
            labels = {"dataset": "d", "track": f"song {song}", "placement": "", "spatializer": "s", "seed": 0}
            cells.append({"cell": cell, **labels, "separator": name, "score:toy": score})
    about = {"role": "separator", "blind": True, "named": True, "needs": [], "trained_on": []}
    facts = {
        "id": "hand-00000000",
        "name": "hand",
        "revision": 1,
        "hash": "0" * 64,
        "separators": {
            name: about
            | ({"role": "floor"} if name == "floor" else {})
            | ({"trained_on": ["songs"]} if name == "heard" else {})
            for name in SEPARATORS
        },
        "metrics": {"toy": {"SDR": MEASURE}},
        "settings": {"datasets": {"d": {"plugin": "x", "parameters": {}, "songs": "songs"}}},
    }
    store.save_plan(StoredPlan(pa.Table.from_pylist(cells), facts))
    machine = {"processor": "Old <CPU>", "cpus": 2, "gpus": [], "workers": 1}
    store.save_run("old", machine)
    store.save_run("new", machine | {"processor": "New CPU", "gpus": ["A GPU"], "workers": 4})
    return path


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("which") / "out")


def names(found):
    return [pick.separator for table in found.tables for pick in table.picks]


def why(found):
    return {one.separator: one.why for one in (*found.left_out, *(x for table in found.tables for x in table.left_out))}


def test_what_is_asked_for_is_kept_to(results):
    opened = soundstage.open(results)
    found = opened.which(source="vocals", device="cpu", below_real_time=True)
    assert set(names(found)) == {"quick", "twin"}
    said = why(found)
    assert said["good"] == "takes 3 times as long as the audio lasts"
    assert said["gpu"] == "ran on cuda:0 and not on cpu"
    assert said["mute"] == "does not tell on which device it ran, on a machine that may have a GPU"
    assert said["drums"] == "has no score of SDR that the others have too"
    assert "was trained on these songs" in said["heard"]
    assert said["floor"] == "is a floor"
    assert set(said) | set(names(found)) == set(SEPARATORS)
    assert names(opened.which(source="vocals", max_cost=0.2, device="cpu")) == ["quick"]
    assert names(opened.which(source="vocals", device="cuda")) == ["gpu"]
    assert names(opened.which(source="vocals"))[:2] == ["gpu", "good"]


def test_costs_are_those_of_the_device_with_the_machine_named(results):
    found = soundstage.open(results).which(source="vocals", below_real_time=True)
    took = {pick.separator: pick.took[0] for pick in found.tables[0].picks}
    assert took["quick"].real_time_factor == pytest.approx(0.2)
    assert took["quick"].device == "cpu"
    assert took["gpu"].machines == ("A GPU, 4 workers at once",)
    assert "not all timed on one machine" in " ".join(found.notes)
    assert "Old <CPU>, 2 cores" in " ".join(found.notes)


def test_a_cost_is_the_median_over_the_cells_of_one_device(tmp_path):
    seconds = [1.0, 2.0, 3.0, 4.0, 50.0, 60.0]
    took = {
        "quick": [*((one, "cpu") for one in seconds), (0.5, "cuda:0"), (0.7, "cuda:0")],
        "good": [(None, "cpu")] * 8,
        "twin": [(None, "cpu"), *[(4.0, "cpu")] * 7],
    }
    opened = soundstage.open(folder(tmp_path / "out", took=took))
    found = {pick.separator: pick for pick in opened.which(source="vocals").tables[0].picks}
    cpu, cuda = found["quick"].took
    assert (cpu.device, cpu.cells, cuda.device, cuda.cells) == ("cpu", 6, "cuda:0", 2)
    assert cpu.real_time_factor == pytest.approx(0.35)  # the mean is 2
    assert cpu.slowest == pytest.approx(6.0)
    assert cuda.real_time_factor == pytest.approx(0.06)
    assert cuda.slowest == pytest.approx(0.07)
    assert (cpu.peak_mb, cuda.peak_mb) == (505.0, 507.0)
    assert found["twin"].took[0].cells == 8
    assert found["twin"].took[0].real_time_factor == pytest.approx(0.4)
    on_cpu = opened.which(source="vocals", max_cost=0.36, device="cpu")
    assert names(on_cpu) == ["quick"]
    assert [one.device for one in on_cpu.tables[0].picks[0].took] == ["cpu"]
    assert why(on_cpu)["twin"] == "its real-time factor is 0.4"
    assert why(on_cpu)["good"] == "what separating takes was not measured"
    assert "quick" not in names(opened.which(source="vocals", max_cost=0.3, device="cpu"))
    assert "quick" in names(opened.which(source="vocals", max_cost=0.3))


def test_values_intervals_and_ranks_are_the_leaderboards(results):
    opened = soundstage.open(results)
    (table,) = (one for one in opened.board(by=["source"]).sections if one.group["source"] == "vocals")
    rows = {row.separator: row for row in table.rows}
    picks = opened.which(source="vocals").tables[0].picks
    medians = {"gpu": 13.0, "good": 12.5, "mute": 11.5}  # of songs 0 to 7
    assert {pick.separator: pick.value.value for pick in picks[:3]} == pytest.approx(medians)
    for pick in picks:
        row = rows[pick.separator]
        (value,) = row.values.values()
        low, high = pick.value.interval
        assert low < pick.value.value < high
        assert (pick.value.value, pick.value.interval) == (value.value, value.interval)
        assert (pick.rank, pick.ranks, pick.group) == (row.rank, row.standing.ranks, row.group)


def test_ties_are_said_and_so_are_too_few_songs(results, tmp_path):
    found = soundstage.open(results).which(source="vocals", device="cpu", below_real_time=True)
    first, second = found.tables[0].picks
    assert (first.tied, second.tied) == (None, True)
    assert "cannot be told from it on 8 songs: any of these will do" in repr(found)
    apart = soundstage.open(results).which(source="vocals", device="cpu")
    assert [pick.tied for pick in apart.tables[0].picks][:2] == [None, False]
    few = soundstage.open(folder(tmp_path / "few", songs=3)).which(source="vocals")
    assert all(pick.tied is None for pick in few.tables[0].picks)
    assert "3 songs are too few to say" in repr(few)


def test_who_is_left_out_takes_no_scores_from_the_others(results):
    """`drums` has no vocals: with all sources it narrows the table to drums, unless it is left out by its cost."""
    opened = soundstage.open(results)
    assert opened.which().tables[0].picks[0].value.value == opened.which(source="drums").tables[0].picks[0].value.value
    without = opened.which(device="cuda")
    assert without.tables[0].picks[0].value.value > opened.which().tables[0].picks[0].value.value


def test_licences_are_the_registrys(results, tmp_path):
    words = {"good": "MIT", "quick": "Apache-2.0; some files GPL", "twin": "not stated"}
    text = "".join(f'[separators.{name}]\nplugin = "mixture"\nlicence = "{said}"\n' for name, said in words.items())
    (tmp_path / "mine.toml").write_text(text)
    found = soundstage.open(results).which(licences=["mit", "apache-2.0"], registry=[tmp_path / "mine.toml"])
    assert set(names(found)) == {"good", "quick"}
    assert why(found)["twin"] == "its licence is not stated in the registry here"
    found = soundstage.open(results).which(licences=["GPL"], registry=[tmp_path / "mine.toml"])
    assert found.is_empty
    assert why(found)["good"] == "its licence is MIT"


def test_top_counts_the_rest(results):
    found = soundstage.open(results).which(source="vocals", top=1)
    assert names(found) == ["gpu"]
    assert found.tables[0].more == 4
    assert "4 more separators below it" in repr(found)
    found = soundstage.open(results).which(source="vocals", device="cpu", top=1)
    assert (found.tables[0].more, found.tables[0].tied_more) == (2, 0)
    assert "good is first by SDR, and told apart from all others on 8 songs." in repr(found)
    assert "2 more separators below it." in repr(found)


def test_top_hides_no_tie(results):
    """`twin` and `quick` are tied: who sees the first of them alone is told so."""
    found = soundstage.open(results).which(source="vocals", device="cpu", below_real_time=True, top=1)
    (first,) = names(found)
    assert (found.tables[0].more, found.tables[0].tied_more) == (1, 1)
    assert f"{first} is first by SDR." in repr(found)
    assert "1 more separator below it, 1 of which cannot be told from the first." in repr(found)


def test_the_verb_prints_table_markdown_and_json(results):
    def said(*words, status=0):
        found = CliRunner().invoke(cli, ["which", str(results), *words])
        assert found.exit_code == status, found.output
        return found.output

    words = ("--source", "vocals", "--device", "cpu", "--below-real-time")
    assert "Which for vocals, on cpu, below real time?  hand" in said(*words)
    assert "left out: gpu: ran on cuda:0 and not on cpu" in said(*words)
    assert "Old \\<CPU>" in said(*words, "--format", "markdown")
    told = json.loads(said(*words, "--format", "json"))
    assert [pick["separator"] for pick in told["tables"][0]["picks"]] == ["quick", "twin"]
    assert told["asked"]["below_real_time"] is True
    assert "None has what is asked for" in said("--device", "mps", status=1)


def test_names_that_are_not_there_are_sentences(results):
    opened = soundstage.open(results)
    with pytest.raises(SoundstageError, match=r"no source 'vocal'; did you mean 'vocals'"):
        opened.which(source="vocal")
    with pytest.raises(SoundstageError, match="no metric or measure 'nothing'"):
        opened.which(metric="nothing")


def test_a_notebook_shows_it_without_harm(results):
    page = soundstage.open(results).which(source="vocals")._repr_html_()
    assert "Old &lt;CPU&gt;" in page
    assert "<CPU>" not in page
