"""What is heard is what was scored: clips of a grid's scenes, and what keeps one from being made."""

from __future__ import annotations

import base64
import io
import json
import re
import tracemalloc

import numpy as np
import pytest
import soundfile

import soundstage
from soundstage.contracts import CellName
from soundstage.errors import SoundstageError
from soundstage.rendering.clip_files import ClipFiles
from soundstage.rendering.clips import write_clips
from soundstage.rendering.cue_traces import trace
from soundstage.results.examples import Curve, Example
from soundstage.results.store import Store
from soundstage.running.workbench import Workbench

GRID = {
    "name": "room",
    "datasets": ["toy[seconds=2.5]"],
    "placements": ["line"],
    "spatializers": ["gains"],
    "separators": ["truth", "nothing", "noisy"],
    "metrics": ["error"],
}


@pytest.fixture
def out(tmp_path, toys):
    soundstage.run(GRID, tmp_path / "out")
    return tmp_path / "out"


def scenes(out):
    rows = {
        tuple(row[name] for name in ("dataset", "track", "placement", "spatializer", "seed")): 0 for row in cells(out)
    }
    return [CellName(*key) for key in rows]


def cells(out):
    return Store(out).plan().cells.to_pylist()


def decoded(folder, made, file):
    """The clip's samples at their true level, as a page gets them."""
    found = re.fullmatch(r'soundstage\.clip\("(\w+)", "([\w+/=]+)"\);\n', (folder / f"{file}.js").read_text())
    assert found
    assert found[1] == file
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(found[2])), always_2d=True)
    assert rate == made["rate"]
    return samples.T * made["scale"][file]


def test_a_clip_is_what_was_scored_to_sixteen_bits(out, tmp_path):
    (example, _) = [Example(scene) for scene in scenes(out)]
    heard = write_clips(out, tmp_path / "clips", [example], seconds=1.0)
    assert heard.notes == ()
    (made,) = heard.listening
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert (made["rate"], made["seconds"], made["sources"]) == (8000, 1.0, ["bass", "drums", "vocals"])
    clips = made["clips"]
    references = {source: decoded(tmp_path / "clips", made, file) for source, file in clips["references"].items()}
    mixture = decoded(tmp_path / "clips", made, clips["mixture"])
    assert mixture.shape == (2, 8000)
    np.testing.assert_allclose(sum(references.values()), mixture, atol=4 * 2**-15)
    noise = 0.1 * np.random.default_rng(7).standard_normal((2, 20000))
    start = round(made["start_s"] * 8000)
    noisy = decoded(tmp_path / "clips", made, clips["estimates"]["noisy"]["bass"])
    np.testing.assert_allclose(noisy - references["bass"], noise[:, start : start + 8000], atol=4 * 2**-15)


def test_what_is_equal_is_written_once_and_nothing_is_named_after_data(out, tmp_path):
    (made,) = write_clips(out, tmp_path / "clips", [Example(scenes(out)[0])], seconds=1.0).listening
    clips = made["clips"]
    assert clips["estimates"]["truth"] == clips["references"]
    assert set(clips["estimates"]["nothing"].values()) == {clips["mixture"]}
    files = {file.stem for file in (tmp_path / "clips").iterdir()}
    assert files == set(made["scale"])
    assert all(re.fullmatch("[0-9a-f]{20}", file) for file in files)


def test_kept_estimates_are_played_and_nothing_is_separated_again(tmp_path, toys):
    log = tmp_path / "log"
    grid = {**GRID, "separators": [f"noisy[log={log}]"]}
    soundstage.run(grid, tmp_path / "out", keep=["estimates"])
    before = log.read_text()
    write_clips(tmp_path / "out", tmp_path / "a", [Example(scenes(tmp_path / "out")[0])])
    assert log.read_text() == before
    soundstage.run({**grid, "name": "bare"}, tmp_path / "bare")
    before = log.read_text()
    kept = write_clips(tmp_path / "bare", tmp_path / "b", [Example(scenes(tmp_path / "bare")[0])])
    assert log.read_text() == before + "load\nseparate\n"
    assert len(kept.listening) == 1


def test_the_clip_is_around_the_worst_second_of_whom_it_is_about(out, tmp_path):
    scene = scenes(out)[0]
    curves = (
        Curve("noisy", "bass", "X", "dB", False, (1.0, 2.0, float("nan"))),
        Curve("noisy", "drums", "X", "dB", False, (9.0, 3.0, 1.0)),
        Curve("nothing", "bass", "X", "dB", False, (50.0, 50.0, 50.0)),
        Curve("gone", "bass", "X", "dB", False, (70.0, 50.0, 50.0)),
    )
    (made,) = write_clips(out, tmp_path / "c", [Example(scene, ("why",), ("noisy",), curves)], seconds=1.0).listening
    assert made["start_s"] == 0.0
    assert made["measure"] == {"label": "X", "unit": "dB", "higher_is_better": False}
    worst = [one for one in made["worst"] if one["separator"] == "noisy"]
    assert [(one["source"], one["at_s"], one["value"]) for one in worst] == [("drums", 0.0, 9.0), ("bass", 0.0, 1.0)]
    assert {one["separator"] for one in made["curves"]} == {"noisy", "nothing"}
    better = tuple(Curve(c.separator, c.source, "X", "dB", True, c.values) for c in curves)
    (made,) = write_clips(out, tmp_path / "c", [Example(scene, (), ("noisy",), better[1:2])], seconds=1.0).listening
    assert made["start_s"] == 1.5
    assert [(one["source"], one["at_s"]) for one in made["worst"]] == [("drums", 0.5), ("drums", 0.0)]


def test_without_frames_the_loudest_part_is_taken(out, tmp_path, monkeypatch):
    own = Workbench.scene

    def loud_at_the_end(self, spec):
        scene = own(self, spec)
        scene.mixture.flags.writeable = True
        scene.mixture[:, 12000:] *= 3
        return scene

    monkeypatch.setattr(Workbench, "scene", loud_at_the_end)
    example = Example(scenes(out)[0])
    (made,) = write_clips(out, tmp_path / "c", [example], seconds=0.5, separators=["truth"]).listening
    assert made["start_s"] >= 1.4
    assert made["separators"] == []


def test_a_clip_is_no_longer_than_its_song(out, tmp_path):
    (made,) = write_clips(out, tmp_path / "c", [Example(scenes(out)[0])], seconds=60.0).listening
    assert (made["start_s"], made["seconds"]) == (0.0, 2.5)


def test_opus_comes_with_residuals_of_its_own_and_nothing_clips(out, tmp_path):
    (made,) = write_clips(out, tmp_path / "c", [Example(scenes(out)[0])], seconds=1.0, form="opus").listening
    assert made["rate"] == 48000
    file = made["clips"]["residuals"]["noisy"]["bass"]
    residual = decoded(tmp_path / "c", made, file)
    assert np.std(residual) == pytest.approx(0.1, rel=0.1)
    silent = decoded(tmp_path / "c", made, made["clips"]["residuals"]["truth"]["bass"])
    assert np.max(np.abs(silent)) < 1e-3
    assert np.max(np.abs(residual)) / made["scale"][file] < 1.0


def test_a_separator_that_cannot_run_costs_its_clips_and_is_said(out, tmp_path, monkeypatch):
    import soundstage_toys

    def broken(self, mixture, rate, *, references):
        raise RuntimeError("no luck today")

    monkeypatch.setattr(soundstage_toys.Noisy, "separate", broken)
    heard = write_clips(out, tmp_path / "c", [Example(scene) for scene in scenes(out)])
    assert [made["separators"] for made in heard.listening] == [["truth", "nothing"]] * 2
    assert [note.partition(":")[0] for note in heard.notes] == ["noisy", "noisy"]
    assert all("no luck today" in note for note in heard.notes)


def test_what_is_no_longer_what_was_run_is_not_passed_off_as_it(out, tmp_path, monkeypatch):
    import soundstage_toys

    monkeypatch.setattr(soundstage_toys.Noisy, "revision", 2)
    heard = write_clips(out, tmp_path / "c", [Example(scenes(out)[0])])
    assert heard.listening[0]["separators"] == ["truth", "nothing"]
    (note,) = heard.notes
    assert "separators noisy: revision was 1, is 2" in note


def test_a_scene_that_is_gone_costs_its_clips_and_is_said(out, tmp_path, monkeypatch):
    import soundstage_toys

    monkeypatch.setattr(soundstage_toys.Toy, "load", lambda self, track: 1 / 0)
    heard = write_clips(out, tmp_path / "c", [Example(scenes(out)[0])])
    assert heard.listening == ()
    assert "cannot be rendered" in heard.notes[0]


def test_nothing_that_a_folder_brings_runs_without_consent(tmp_path, toys):
    weights = tmp_path / "out" / "weights"
    weights.mkdir(parents=True)
    (weights / "model.th").write_bytes(bytes([200] * 8))
    soundstage.run({**GRID, "separators": ["truth", f"weighty[folder={weights}]"]}, tmp_path / "out")
    example = Example(scenes(tmp_path / "out")[0])
    heard = write_clips(tmp_path / "out", tmp_path / "a", [example])
    assert heard.listening[0]["separators"] == ["truth"]
    assert "--trust" in heard.notes[0]
    heard = write_clips(tmp_path / "out", tmp_path / "b", [example], trust=True)
    assert len(heard.listening[0]["separators"]) == 2


def test_of_others_scores_there_is_nothing_to_hear(out, tmp_path):
    from soundstage.results.records import StoredPlan

    store = Store(out)
    plan = store.plan()
    store.save_plan(StoredPlan(plan.cells, {key: value for key, value in plan.facts.items() if key != "recipe"}))
    heard = write_clips(out, tmp_path / "c", [Example(scenes(out)[0])])
    assert heard.listening == ()
    assert "as others' scores are" in heard.notes[0]


def test_a_model_of_two_sources_is_heard_beside_the_sum_of_the_others(tmp_path, toys):
    soundstage.run({**GRID, "separators": ["truth", "duo"]}, tmp_path / "out")
    (made,) = write_clips(
        tmp_path / "out", tmp_path / "c", [Example(scenes(tmp_path / "out")[0])], seconds=1.0
    ).listening
    assert made["sources"] == ["bass", "drums", "vocals", "accompaniment"]
    clips = made["clips"]
    assert set(clips["estimates"]["duo"]) == {"vocals", "accompaniment"}
    one = {source: decoded(tmp_path / "c", made, file) for source, file in clips["references"].items()}
    np.testing.assert_allclose(one["accompaniment"], one["bass"] + one["drums"], atol=4 * 2**-15)


def test_of_many_models_whole_songs_are_not_held_at_once(tmp_path, toys):
    def peak(count):
        out = tmp_path / str(count)
        separators = [f"noisy[level=0.{number + 1}]" for number in range(count)]
        soundstage.run({**GRID, "datasets": ["toy[seconds=30,tracks=1]"], "separators": separators}, out)
        example = Example(scenes(out)[0])
        write_clips(out, tmp_path / "warm", [example], seconds=1.0)
        tracemalloc.start()
        heard = write_clips(out, tmp_path / "c", [example], seconds=1.0)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(heard.listening[0]["separators"]) == count
        return most

    assert peak(8) < 1.5 * peak(2)


def test_clips_come_in_two_kinds(tmp_path):
    with pytest.raises(SoundstageError, match="flac or opus"):
        ClipFiles(tmp_path, "mp3")


def test_a_silent_clip_is_silent(tmp_path):
    files = ClipFiles(tmp_path)
    file = files.write(np.zeros((2, 100)), 8000)
    assert files.scale[file] == 1.0
    assert not decoded(tmp_path, {"rate": 8000, "scale": files.scale}, file).any()


def test_frames_last_a_second_or_are_spread_evenly():
    def step(count, seconds):
        return Curve("m", "s", "X", "", True, (0.0,) * count).step_s(seconds)

    assert (step(10, 10.4), step(11, 10.4), step(21, 10.5)) == (1.0, 1.0, 0.5)


@pytest.mark.parametrize("samples", [-22, -3, 0, 7, 40])
def test_a_trace_has_the_delay_and_level_that_were_put_in(samples):
    rate = 44100
    noise = 0.1 * np.random.default_rng(0).standard_normal(rate + 200)
    left, right = noise[100 : 100 + rate], 0.5 * noise[100 + samples : 100 + samples + rate]
    found = trace(np.stack([left, right]), rate)
    assert len(found["itd_us"]) == 10
    # The right ear hears what comes `samples` later in the noise: it leads.
    np.testing.assert_allclose(found["itd_us"], samples / rate * 1e6, atol=6.0)
    np.testing.assert_allclose(found["ild_db"], 20 * np.log10(2), atol=0.5)


def test_a_trace_says_nothing_where_it_is_quiet_or_the_ears_do_not_agree():
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal(8000)
    same = np.stack([noise, noise])
    same[:, :4000] *= 1e-4
    found = trace(same, 8000)
    assert found["ild_db"][:5] == found["itd_us"][:5] == [None] * 5
    assert found["itd_us"][5:] == [0.0] * 5
    apart = trace(0.1 * rng.standard_normal((2, 8000)), 8000)
    assert apart["itd_us"] == [None] * 10
    assert None not in apart["ild_db"]
    silent = trace(np.zeros((2, 8000)), 8000)
    assert silent["itd_us"] == silent["ild_db"] == [None] * 10
    one = trace(np.stack([noise, 0 * noise]), 8000)
    assert one["ild_db"] == [60.0] * 10
    assert one["itd_us"] == [None] * 10
    assert trace(np.zeros((2, 10)), 8000)["itd_us"] == []
