"""BSS Eval: museval's numbers, its NaN, and honesty where it has none."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import scipy.linalg
from scipy import fft
from scipy.linalg import toeplitz
from scipy.signal import fftconvolve, resample
from threadpoolctl import threadpool_limits

from soundstage.scene import Placement, Scene, Track
from soundstage_metrics.bit_depth import bit_depth
from soundstage_metrics.bsseval import BssEval, bss_eval, correlation, filters, framewise, track
from soundstage_metrics.bsseval.gram import factored
from soundstage_spatializers.hrir import Hrir

NAMES = ("SDR", "ISR", "SIR", "SAR")
RATE = 8000


def noise(sources=3, seconds=3.2, channels=2, seed=0, rate=RATE):
    rng = np.random.default_rng(seed)
    return 0.1 * rng.standard_normal((sources, channels, int(seconds * rate)))


def leaky(references, seed=1, leak=0.1):
    rng = np.random.default_rng(seed)
    mixed = np.eye(len(references)) + leak * rng.uniform(-1, 1, (len(references),) * 2)
    return np.einsum("ij,jcn->icn", mixed, references) + 0.003 * rng.standard_normal(references.shape)


def close(found, expected, atol):
    """Equal NaN pattern, and equal within atol elsewhere."""
    for name, one, other in zip(NAMES, found, expected, strict=True):
        np.testing.assert_allclose(one, np.asarray(other, float), rtol=0, atol=atol, equal_nan=True, err_msg=name)


def by_definition(references, estimates, frames, taps=512):
    """The same by dense least squares: filters of the whole track, each frame from zero state. (frames, 4, sources)."""
    sources, _, samples = references.shape

    def delayed(signals, length):
        out = np.zeros((length + taps - 1, len(signals) * taps))
        for column, signal in enumerate(signals):
            for delay in range(taps):
                out[delay : delay + length, column * taps + delay] = signal
        return out

    def solved(basis, targets):
        return scipy.linalg.lstsq(delayed(basis, samples), targets, lapack_driver="gelsy")[0]

    def padded(signals):
        return np.pad(signals, ((0, 0), (0, taps - 1))).T

    on_all = solved(references.reshape(-1, samples), padded(estimates.reshape(-1, samples)))
    on_own = [solved(references[source], padded(estimates[source])) for source in range(sources)]
    found = np.empty((len(frames), 4, sources))
    for index, (start, stop) in enumerate(frames):
        cut, length = references[..., start:stop], stop - start
        p_all = delayed(cut.reshape(-1, length), length) @ on_all
        for source in range(sources):
            s, e = padded(cut[source]), padded(estimates[source, :, start:stop])
            p_own = delayed(cut[source], length) @ on_own[source]
            p = p_all[:, 2 * source : 2 * source + 2]
            parts = ((s, e - s), (s, p_own - s), (p_own, p - p_own), (p, e - p))
            found[index, :, source] = [10 * np.log10(np.sum(a**2) / np.sum(b**2)) for a, b in parts]
    return found


@pytest.mark.heavy
def test_it_is_the_least_squares_that_the_papers_define():
    references = noise(2, 0.45)
    estimates = leaky(references)
    first, second, whole = by_definition(references, estimates, [(0, 1600), (1600, 3200), (0, 3600)])
    found = np.stack(bss_eval(references, estimates, RATE, window=0.2, hop=0.2))
    np.testing.assert_allclose(found, np.stack([first, second], axis=-1), atol=1e-6)
    found = np.stack(bss_eval(references, estimates, RATE, "v3", window=None, hop=None))
    np.testing.assert_allclose(found[..., 0], whole, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.heavy)])
def test_the_golden_values_of_museval(golden_folder, monkeypatch, seed):
    monkeypatch.syspath_prepend(str(golden_folder))
    import signals

    expected = json.loads((golden_folder / "expected.json").read_text())["four_sources"][str(seed)]
    references, estimates = signals.four_sources(seed)
    found = bss_eval(references, estimates, 44100)
    close(found, [expected["bsseval_v4_frames"][name] for name in NAMES], 1e-3)
    np.testing.assert_allclose(found[0], np.array(expected["bsseval_v4_frames"]["SDR"], float), atol=1e-9, rtol=0)
    whole = bss_eval(references, estimates, 44100, "v3", window=None, hop=None)
    close([one[:, 0] for one in whole], [expected["bsseval_v3_images"][name] for name in NAMES], 1e-3)


def museval():
    """museval's metrics, where it and the ffmpeg that it wants are installed."""
    try:
        import museval
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"museval cannot be imported: {error}")
    return museval


def real_stems(shared, song):
    import soundfile

    folder = shared / "real" / "musdb18hq-layout" / "test" / song
    stems = [soundfile.read(folder / f"{name}.wav")[0].T for name in ("vocals", "drums", "bass", "other")]
    return np.stack([stem for stem in stems if stem.any()])


@pytest.mark.heavy
@pytest.mark.parametrize(("song", "version"), [("Lithium", "v4"), ("Sodium", "v4"), ("Sodium", "v3")])
@pytest.mark.filterwarnings("ignore")
def test_museval_says_the_same_of_real_songs(shared, song, version):
    peer = museval()
    references = real_stems(shared, song)
    if version == "v3":  # museval factors every source of every frame anew
        references = references[..., : 3 * 44100]
    estimates = leaky(references)
    expected = peer.metrics.bss_eval(
        references.transpose(0, 2, 1),
        estimates.transpose(0, 2, 1),
        window=44100,
        hop=44100,
        compute_permutation=False,
        framewise_filters=version == "v3",
        bsseval_sources_version=False,
    )[:4]
    close(bss_eval(references, estimates, 44100, version), expected, 1e-3)


def test_sdr_is_a_plain_ratio_that_no_filter_moves():
    references = noise()
    estimates = leaky(references)
    sdr = bss_eval(references, estimates, RATE)[0]
    s, e = references[:, :, :RATE], estimates[:, :, :RATE]
    np.testing.assert_allclose(sdr[:, 0], 10 * np.log10(np.sum(s**2, (1, 2)) / np.sum((e - s) ** 2, (1, 2))), atol=1e-9)


@pytest.mark.heavy
def test_frames_are_whole_windows_and_the_tail_is_dropped():
    assert bss_eval(noise(2, 3.99), noise(2, 3.99, seed=5), RATE)[0].shape == (2, 3)
    assert bss_eval(noise(2, 0.9), noise(2, 0.9, seed=5), RATE)[0].shape == (2, 0)
    assert bss_eval(noise(2, 3.0), noise(2, 3.0, seed=5), RATE, hop=0.5)[0].shape == (2, 5)


def test_a_frame_with_any_silence_is_nan_for_all_sources():
    references = noise()
    estimates = leaky(references)
    references[0, :, RATE : 2 * RATE] = 0
    estimates[2, 1, 2 * RATE : 3 * RATE] = -estimates[2, 0, 2 * RATE : 3 * RATE]
    for one in bss_eval(references, estimates, RATE):
        assert np.isfinite(one[:, 0]).all()
        assert np.isnan(one[:, 1:]).all()


def test_a_frame_that_begins_in_silence_sounds():
    references = noise(2)
    references[0, :, RATE : RATE + track.SOON + 1] = 0.0
    assert np.isfinite(bss_eval(references, leaky(references), RATE)[0]).all()
    references[0, :, RATE : 2 * RATE] = 0.0
    assert np.isnan(bss_eval(references, leaky(references), RATE)[0][:, 1]).all()


def test_a_source_that_is_silent_throughout_is_nan_and_the_others_are_scored_without_it():
    references = noise()
    references[1] = 0
    estimates = leaky(references)
    found = bss_eval(references, estimates, RATE)
    alone = bss_eval(references[[0, 2]], estimates[[0, 2]], RATE)
    for one, other in zip(found, alone, strict=True):
        assert np.isnan(one[1]).all()
        np.testing.assert_array_equal(one[[0, 2]], other)


def test_equal_channels_are_no_singularity():
    references = noise()
    references[0, 1] = references[0, 0]
    references[1, 1] = 0
    found = bss_eval(references, leaky(references), RATE)
    assert all(np.isfinite(one).all() for one in found)


def panned(seconds=3.2):
    mono = noise(3, seconds, channels=1)
    gains = np.array([[0.9, 0.3], [0.5, 0.8], [0.2, 0.95]])[:, :, None]
    return gains * mono


@pytest.mark.slow
@pytest.mark.heavy
def test_panned_mono_without_noise_gives_sdr_alone_and_16_bit_references_give_all():
    references = panned()
    estimates = leaky(references)
    sdr, *others = bss_eval(references, estimates, RATE)
    assert np.isfinite(sdr).all()
    assert all(np.isnan(one).all() for one in others)
    rounded = np.round(references * 32768) / 32768
    first = bss_eval(rounded, estimates, RATE)
    again = bss_eval(rounded, estimates * (1 + 1e-12), RATE)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_nearly_silent_source_is_no_singularity():
    references = noise()
    references[1] = 0
    references[1, 0, 100], references[1, 1, 9000] = 1 / 32768, -1 / 32768
    found = bss_eval(references, leaky(references), RATE)
    assert np.isfinite(found[2][[0, 2], 0]).all()


@pytest.mark.heavy
@pytest.mark.slow
def test_a_permutation_of_the_sources_permutes_the_scores():
    references = noise()
    estimates = leaky(references)
    order = [2, 0, 1]
    for one, other in zip(
        bss_eval(references, estimates, RATE), bss_eval(references[order], estimates[order], RATE), strict=True
    ):
        np.testing.assert_allclose(one[order], other, atol=1e-6)


@pytest.mark.slow
@pytest.mark.heavy
def test_a_common_scale_or_polarity_changes_nothing():
    references = noise()
    estimates = leaky(references)
    first = bss_eval(references, estimates, RATE)
    for factor in (-1.0, 0.25):
        close(bss_eval(factor * references, factor * estimates, RATE), first, 1e-6)


def test_a_filtered_source_has_no_interference():
    references = noise()
    estimates = np.stack([np.stack([np.convolve(c, [0.5, 0, 0.3])[: c.size] for c in s]) for s in references])
    _, isr, sir, sar = bss_eval(references, estimates, RATE)
    assert (isr < 10).all()
    assert (sir > 30).all()
    assert (sar > 30).all()


@pytest.mark.heavy
@pytest.mark.slow
def test_long_frames_are_the_same_in_blocks(monkeypatch):
    references = noise(2, 2.5)
    estimates = leaky(references)
    first = bss_eval(references, estimates, RATE, window=None, hop=None)
    monkeypatch.setattr(filters, "LONG_BLOCK", 4096)
    close(bss_eval(references, estimates, RATE, window=None, hop=None), first, 1e-9)


@pytest.mark.slow
@pytest.mark.heavy
def test_estimates_are_cut_or_padded_to_the_references():
    references = noise()
    estimates = leaky(references)
    first = bss_eval(references, estimates, RATE)
    longer = np.concatenate([estimates, estimates], axis=2)
    close(bss_eval(references, longer, RATE), first, 0)
    shorter = bss_eval(references, estimates[..., : 2 * RATE], RATE)
    assert np.isnan(shorter[0][:, 2]).all()


@pytest.mark.parametrize(
    ("references", "estimates", "options", "sentence"),
    [
        (np.ones((2, 100)), np.ones((2, 100)), {}, "shape"),
        (np.ones((2, 2, 100)), np.ones((3, 2, 100)), {}, "shape"),
        (np.full((1, 2, 100), np.nan), np.ones((1, 2, 100)), {}, "NaN or infinite"),
        (np.ones((1, 2, 100)), np.full((1, 2, 100), np.inf), {}, "NaN or infinite"),
        (np.ones((1, 2, 100)), np.ones((1, 2, 100)), {"version": "v5"}, "'v4' or 'v3'"),
        (np.ones((1, 2, 100)), np.ones((1, 2, 100)), {"hop": 0.0}, "must be positive"),
    ],
)
def test_misuse_is_a_value_error(references, estimates, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        bss_eval(references, estimates, RATE, **options)


@pytest.mark.heavy
def test_any_real_dtype_and_layout_is_taken():
    integers = np.round(noise() * 32768).astype(np.int16)
    estimates = np.round(leaky(noise()) * 32768).astype(np.int16)
    first = bss_eval(integers.astype(float), estimates.astype(float), RATE)
    frozen = np.asfortranarray(integers)
    frozen.flags.writeable = False
    close(bss_eval(frozen, estimates.astype(np.float32), RATE), first, 1e-9)


def scene(references):
    named = dict(zip(("vocals", "drums", "bass"), references, strict=True))
    return Scene(RATE, references.sum(axis=0), named)


def whole(rows):
    return {(row.source, row.name): row for row in rows if row.frame is None}


@pytest.mark.slow
@pytest.mark.heavy
def test_the_plugin_gives_frames_and_medians():
    references = noise()
    estimates = leaky(references)
    rows = list(BssEval().prepare(scene(references))(dict(zip(("vocals", "drums", "bass"), estimates, strict=True))))
    found = bss_eval(references, estimates, RATE)
    assert len(rows) == 3 * 4 * (3 + 1)
    for at, source in enumerate(("vocals", "drums", "bass")):
        for name, one in zip(NAMES, found, strict=True):
            assert whole(rows)[source, name].value == np.median(one[at])
    v3 = whole(
        BssEval(version="v3").prepare(scene(references))(
            {"vocals": estimates[0], "drums": estimates[1], "bass": estimates[2]}
        )
    )
    np.testing.assert_allclose(v3["bass", "SIR"].value, np.median(bss_eval(references, estimates, RATE, "v3")[2][2]))


def test_the_reference_sits_at_the_bound():
    references = noise()
    rows = whole(BssEval().prepare(scene(references))(scene(references).references))
    assert {row.value for row in rows.values()} == {100.0}


@pytest.mark.heavy
def test_every_source_of_the_scene_interferes_whether_or_not_it_is_estimated():
    references = noise()
    estimates = leaky(references)
    scorer = BssEval().prepare(scene(references))
    complete = whole(scorer(dict(zip(("vocals", "drums", "bass"), estimates, strict=True))))
    partial = whole(scorer({"drums": estimates[1]}))
    assert {source for source, _ in partial} == {"drums"}
    for name in NAMES:
        np.testing.assert_allclose(partial["drums", name].value, complete["drums", name].value, atol=1e-6)


@pytest.mark.slow
@pytest.mark.heavy
def test_singular_scenes_say_why_and_what_to_do():
    references = panned()
    rows = whole(BssEval().prepare(scene(references))(scene(leaky(references)).references))
    assert np.isfinite(rows["vocals", "SDR"].value)
    assert np.isnan(rows["vocals", "SIR"].value)
    note = rows["vocals", "SIR"].note
    assert "bsseval[references=int16]" in note
    assert "vocals, drums and bass are one signal in both channels, panned or filtered" in note
    assert "nothing above" not in note
    rounded = whole(BssEval(references="int16").prepare(scene(references))(scene(leaky(references)).references))
    assert np.isfinite(rounded["vocals", "SIR"].value)


def rounded(signals, bits):
    return np.round(signals * 2 ** (bits - 1)) / 2 ** (bits - 1)


def set_by_bit_depth(rows):
    """The rows that are out of the ranks, each checked to say why; nothing else is."""
    for row in rows.values():
        assert row.ranked == (not row.note.startswith("set by the bit depth: 16-bit noise moves it by more than"))
        assert row.ranked or math.isfinite(row.value)
    return {(source, name) for (source, name), row in rows.items() if not row.ranked}


@pytest.mark.parametrize("bits", [16, 20])
@pytest.mark.heavy
def test_what_the_bit_depth_of_panned_scenes_sets_is_out_of_the_ranks_and_sdr_is_not(bits):
    references = rounded(panned(2.2), bits)
    rows = whole(BssEval().prepare(scene(references))(scene(leaky(references)).references))
    flagged = set_by_bit_depth(rows)
    assert {name for _, name in flagged} <= {"ISR", "SIR", "SAR"}
    assert {("vocals", "ISR"), ("bass", "ISR")} <= flagged
    assert "one signal in both channels" in rows["bass", "ISR"].note
    frames = list(BssEval().prepare(scene(references))({"drums": leaky(references)[1]}))
    assert all(row.ranked for row in frames if row.frame is not None)


@pytest.mark.heavy
def test_an_empty_band_is_called_one_and_no_panned_mono():
    low = np.stack([resample(source, 2 * source.shape[1], axis=1) for source in noise(3, 2.2, rate=RATE // 2)])
    for references, what in ((rounded(low, 16), "set by the bit depth"), (low, "singular references")):
        rows = whole(BssEval().prepare(scene(references))(scene(leaky(references)).references))
        note = rows["drums", "SIR"].note
        assert note.startswith(what)
        assert "has nothing above 2.0 kHz" in note
        assert "panned" not in note


@pytest.mark.heavy
def test_references_with_noise_of_their_own_are_ranked_at_any_depth():
    for bits in (12, 16, 24):
        references = rounded(noise(3, 2.2), bits)
        rows = whole(BssEval().prepare(scene(references))(scene(leaky(references)).references))
        assert not set_by_bit_depth(rows)
    v3 = BssEval(version="v3").prepare(scene(rounded(panned(2.2), 16)))
    assert set_by_bit_depth(whole(v3(scene(leaky(panned(2.2))).references)))


@pytest.mark.heavy
def test_the_mixture_and_the_references_are_what_they_are_whatever_the_noise():
    references = rounded(panned(2.2), 16)
    whole_scene = scene(references)
    scorer = BssEval(references="int16").prepare(whole_scene)
    assert {(row.value, row.ranked, row.note) for row in whole(scorer(whole_scene.references)).values()} == {
        (100.0, True, "")
    }
    rows = whole(scorer(dict.fromkeys(whole_scene.references, whole_scene.mixture)))
    assert all(rows[source, "SAR"].value == 100.0 for source in whole_scene.references)


@pytest.mark.heavy
def test_int16_rounds_estimates_as_it_rounds_references():
    references = panned(2.2)
    unrounded = scene(references)
    rows = whole(BssEval(references="int16").prepare(unrounded)(unrounded.references))
    assert {row.value for row in rows.values()} == {100.0}
    loud = {name: 40 * reference for name, reference in unrounded.references.items()}
    clipped = whole(BssEval(references="int16").prepare(Scene(RATE, 40 * unrounded.mixture, loud))(loud))
    assert {row.value for row in clipped.values()} == {100.0}


def test_two_steps_see_what_noise_on_the_diagonal_does():
    rng = np.random.default_rng(0)
    tall = rng.standard_normal((40, 200))
    gram = tall.T @ tall + 1e-6 * np.diag(rng.uniform(0.5, 2.0, 200))
    right = gram @ rng.standard_normal((200, 3))
    factor = factored(gram[:, :, None], 1)
    plain = factor.solve(right)
    wanted = np.linalg.solve(gram + 1e-6 * np.eye(200), right)
    found = factor.solve_with_noise(plain, 1e-6)
    assert np.linalg.norm(wanted - plain) > 0.3 * np.linalg.norm(wanted)
    assert np.linalg.norm(wanted - found) < 0.05 * np.linalg.norm(wanted)
    np.testing.assert_array_equal(factor.solve_with_noise(np.zeros((200, 3)), 1e-6), 0)


@pytest.mark.heavy
def test_what_the_bit_depth_sets_of_real_drums_in_a_ku100_is_in_no_rank(shared):
    stems = real_stems(shared, "Lithium")[..., : 10 * 44100]
    names = ("vocals", "drums", "bass", "other")
    track = Track("song", 44100, dict(zip(names, stems, strict=True)))
    azimuths = {"vocals": 30.0, "drums": 310.0, "bass": 10.0, "other": 270.0}
    rendered = Hrir(shared / "real" / "sadie-ku100" / "44K_16bit").render(track, Placement(azimuths))
    images = np.stack([rendered.references[name] for name in names])
    drums = []
    for bits in (16, 18, 20, 22, 24):
        references = dict(zip(names, rounded(images, bits), strict=True))
        scorer = BssEval().prepare(Scene(44100, sum(references.values()), references))
        rows = whole(scorer({"drums": leaky(images)[1]}))
        assert not rows["drums", "SIR"].ranked or math.isnan(rows["drums", "SIR"].value)
        assert "one signal in both channels" in rows["drums", "SIR"].note
        assert rows["drums", "SDR"].ranked
        drums.append(rows["drums", "SIR"].value)
    assert math.isfinite(drums[0])
    assert math.isnan(drums[-1])


def test_an_estimate_that_is_silent_throughout_takes_no_other_source_with_it():
    references = noise()
    references[0, :, RATE : 2 * RATE] = 0
    estimates = leaky(references)
    estimates[2] = 0
    scorer = BssEval().prepare(scene(references))
    rows = list(scorer(scene(estimates).references))
    alone = whole(scorer({"vocals": estimates[0], "drums": estimates[1]}))
    found = whole(rows)
    for source in ("vocals", "drums"):
        for name in NAMES:
            assert found[source, name].value == pytest.approx(alone[source, name].value, abs=1e-9)
            assert found[source, name].ranked
            assert "another estimate is silent in every frame, where museval has no value" in found[source, name].note
    for name in NAMES:
        assert math.isnan(found["bass", name].value)
        assert found["bass", name].note == "the estimate is silent in every frame"
    values = {row.frame: row.value for row in rows if row.source == "drums" and row.name == "SIR"}
    assert [math.isnan(values[frame]) for frame in range(3)] == [False, True, False]


@pytest.mark.heavy
def test_an_estimate_that_sounds_in_one_frame_binds_the_others_to_it_as_in_museval():
    references = noise()
    estimates = leaky(references)
    estimates[2, :, RATE:] = 0
    rows = list(BssEval().prepare(scene(references))(scene(estimates).references))
    assert {row.frame for row in rows if row.frame is not None and not math.isnan(row.value)} == {0}
    assert all(row.note == "" for row in whole(rows).values())


def test_silent_sources_and_short_scenes_are_nan_with_a_reason():
    references = noise()
    references[0] = 0
    rows = whole(BssEval().prepare(scene(references))(scene(leaky(references)).references))
    assert rows["vocals", "SDR"].note == "the reference is silent"
    assert np.isfinite(rows["bass", "SIR"].value)
    short = whole(BssEval().prepare(scene(noise(seconds=0.5)))(scene(noise(seconds=0.5)).references))
    assert "shorter than one frame" in short["bass", "SDR"].note


def test_the_factor_is_made_once_a_scene(monkeypatch):
    made = []
    monkeypatch.setattr(filters, "factored", lambda lags, taps: made.append(lags.shape) or factored(lags, taps))
    references = noise()
    scorer = BssEval().prepare(scene(references))
    assert len(made) == 1 + 3
    for seed in range(3):
        list(scorer(scene(leaky(references, seed)).references))
    assert len(made) == 1 + 3


@pytest.mark.heavy
@pytest.mark.slow
def test_of_the_references_alone_nothing_is_found_anew_for_each_separator(monkeypatch):
    references = noise(2)
    judged = {"_sounding": [], "_energies": []}
    for name, asked in judged.items():
        real = getattr(track, name)
        monkeypatch.setattr(track, name, lambda *given, asked=asked, real=real: asked.append(given) or real(*given))
    scorer = BssEval().prepare(Scene(RATE, references.sum(axis=0), dict(zip("ab", references, strict=True))))
    before = {name: len(asked) for name, asked in judged.items()}
    list(scorer(dict(zip("ab", leaky(references), strict=True))))
    assert {name: len(asked) - before[name] for name, asked in judged.items()} == {"_sounding": 1, "_energies": 2}


def test_cost_grows_linearly_with_duration(monkeypatch):
    blocks = []
    real = framewise._Work.within
    monkeypatch.setattr(framewise._Work, "within", lambda *arguments: blocks.append(1) or real(*arguments))
    counts = []
    for seconds in (20, 40, 80):
        blocks.clear()
        references = noise(2, seconds)
        bss_eval(references, leaky(references), RATE)
        counts.append(sum(blocks))
    assert counts[1] == pytest.approx(2 * counts[0], rel=0.06)
    assert counts[2] == pytest.approx(4 * counts[0], rel=0.06)


def by_convolution(references, estimates, width, taps=512):
    """The same from a Gram matrix written out and filtered signals: (4, sources, frames)."""
    sources, _, samples = references.shape
    signals = references.reshape(-1, samples)

    def lags(x, y):
        return fftconvolve(x[::-1], y)[samples - taps : samples + taps - 1]

    def solved(among, targets):
        later = [[lags(signals[a], signals[b])[taps - 1 :] for b in among] for a in among]
        rows = [[toeplitz(x, later[b][a]) for b, x in enumerate(row)] for a, row in enumerate(later)]
        gram = np.block(rows) + np.finfo(float).eps * np.eye(len(among) * taps)
        right = [np.concatenate([lags(signals[a], target)[taps - 1 :] for a in among]) for target in targets]
        return np.linalg.solve(gram, np.stack(right, axis=1)).T.reshape(len(targets), len(among), taps)

    found = np.empty((4, sources, samples // width))
    every = solved(range(len(signals)), estimates.reshape(-1, samples)).reshape(sources, 2, -1, taps)
    for source in range(sources):
        own = range(2 * source, 2 * source + 2)
        made = list(zip(every[source], solved(own, estimates[source]), strict=True))
        for frame in range(found.shape[2]):
            cut = slice(frame * width, (frame + 1) * width)
            parts = np.zeros((4, 2))
            for channel, (on_all, on_own) in enumerate(made):
                s, e = (np.pad(x[source, channel, cut], (0, taps - 1)) for x in (references, estimates))
                p = sum(fftconvolve(x[cut], h) for x, h in zip(signals, on_all, strict=True))
                q = sum(fftconvolve(signals[x][cut], h) for x, h in zip(own, on_own, strict=True))
                pairs = ((s, e - s), (s, q - s), (q, p - q), (p, e - p))
                parts += [[one @ one, other @ other] for one, other in pairs]
            found[:, source, frame] = 10 * np.log10(parts[:, 0] / parts[:, 1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("is_near", [False, True])
def test_energies_from_correlations_are_those_of_filtered_signals(monkeypatch, is_near):
    references = noise(2, 2.3)
    references[1, :, :RATE] *= 1e-3
    references[0, 1] = references[0, 0] + 0.3 * references[0, 1]
    # Of an estimate as near as this the correlations' forms leave but a rest: it is filtered.
    estimates = references + 1e-4 * noise(2, 2.3, seed=5) if is_near else leaky(references)
    asked = []
    real = filters.frame_energies
    monkeypatch.setattr(filters, "frame_energies", lambda *given: asked.append(given[-1]) or real(*given))
    found = bss_eval(references, estimates, RATE)
    np.testing.assert_allclose(np.stack(found), by_convolution(references, estimates, RATE), rtol=0, atol=1e-9)
    assert bool(asked) == is_near


@pytest.mark.heavy
@pytest.mark.parametrize(("nearness", "is_near"), [(1.0, False), (0.003, True)])
def test_on_real_stems_energies_from_correlations_are_those_of_filtered_signals(shared, monkeypatch, nearness, is_near):
    """Of estimates so near that the forms would be off by 3e-7 dB, every frame is filtered."""
    soundfile = pytest.importorskip("soundfile")
    folder = shared / "real/spain-net-task1"

    def read(kind):
        names = ("strings", "bass", "piano", "guitar")
        return np.stack([soundfile.read(folder / kind / f"{name}.flac", stop=441_000)[0].T for name in names])

    references = read("gt")
    estimates = references + nearness * (read("bs") - references)
    filtered = []
    real = filters.frame_energies
    monkeypatch.setattr(filters, "frame_energies", lambda *given: filtered.append(len(given[-1])) or real(*given))
    found = bss_eval(references, estimates, 44100)
    asked = sum(filtered)
    monkeypatch.setattr(filters.Projector, "tolerance", 0.0)
    close(found, bss_eval(references, estimates, 44100), 1e-8)
    every = sum(filtered) - asked
    assert asked == every if is_near else asked < every / 2


def test_frames_that_overlap_are_filtered_and_those_side_by_side_say_the_same():
    references = noise(2, 2.2)
    estimates = leaky(references)
    beside, over = (np.stack(bss_eval(references, estimates, RATE, window=1.0, hop=hop)) for hop in (1.0, 0.5))
    np.testing.assert_allclose(beside, over[..., ::2], rtol=0, atol=1e-9)


@pytest.mark.parametrize("samples", [2 * RATE, 2 * RATE + 300, 3 * RATE - 5])
def test_frames_correlate_as_if_nothing_were_outside_them_and_the_whole_as_what_it_is(samples):
    left, right = list(noise(2, 3)[:, 0, :samples]), list(noise(3, 3, seed=7)[:, 0, :samples])
    taps, frames = 512, [(0, RATE), (RATE, 2 * RATE)]
    found = framewise.frame_lags(left, right, frames, taps)
    for a, b in np.ndindex(2, 3):
        for frame, (start, stop) in zip(found.inside[:, :, a, b], frames, strict=True):
            expected = np.correlate(right[b][start:stop], left[a][start:stop], "full")[RATE - 1 :][:taps]
            np.testing.assert_allclose(frame, expected, rtol=0, atol=1e-11)
        expected = np.correlate(right[b], left[a], "full")[samples - 1 :][:taps]
        np.testing.assert_allclose(found.whole[a, b], expected, rtol=0, atol=1e-11)


def test_frames_cut_in_threads_are_the_same_to_the_last_bit():
    signals = list(noise(2, 20.3)[:, 0])
    frames = [(start, start + RATE) for start in range(0, 20 * RATE, RATE)]
    one = framewise.frame_lags(signals, signals, frames, 512)
    with fft.set_workers(2):
        two = framewise.frame_lags(signals, signals, frames, 512)
    assert np.array_equal(one.inside, two.inside)
    assert np.array_equal(one.whole, two.whole)
    known = correlation.correlations(signals, signals, 512)[..., 511:]
    np.testing.assert_allclose(one.whole, known, rtol=0, atol=1e-12 * known.max())


@pytest.mark.parametrize("threads", [1, 2])
def test_energies_are_the_same_to_the_last_bit_whoever_has_the_threads(threads):
    signals, others = (list(noise(2, 3, seed=seed, rate=44100).reshape(4, -1)) for seed in (0, 1))
    frames = [(0, 44100), (44100, 88200)]
    expected = [
        [sum(((one - other)[start:stop] ** 2).sum() for one, other in pairs) for start, stop in frames]
        for pairs in (list(zip(signals, others, strict=True))[at : at + 2] for at in (0, 2))
    ]
    with threadpool_limits(1):
        alone = track._energies(signals, 2, frames, others)
    with threadpool_limits(threads), fft.set_workers(threads):
        together = track._energies(signals, 2, frames, others)
    np.testing.assert_allclose(alone, expected, rtol=1e-12)
    assert np.array_equal(alone, together)


@pytest.mark.parametrize("depths", [(12, 14), (14, 12), (20, 12), (None, 12), (12, None)])
def test_the_depth_of_a_track_is_that_of_all_its_references_and_16_at_most(depths):
    references = [one if bits is None else rounded(one, bits) for one, bits in zip(noise(2), depths, strict=True)]
    signals = [channel for reference in references for channel in reference]
    assert track.Track(signals, 2, [(0, RATE)], "v3").bits == min(16, bit_depth(signals))


def test_of_two_frames_equally_near_to_the_median_rounding_does_not_choose():
    rows = np.array([[3.0, 1.0, 2.0, 4.0]])
    for index in (0, 2):
        for nudge in (-1e-12, 1e-12):
            shaken = rows.copy()
            shaken[0, index] += nudge
            assert track._middle(shaken).tolist() == [0]


def test_correlations_are_what_numpy_says():
    left, right = noise(2, 2.1, channels=1)[:, 0], noise(3, 2.1, channels=1, seed=4)[:, 0]
    found = correlation.correlations(list(left), list(right), 20)
    for a, x in enumerate(left):
        for b, y in enumerate(right):
            padded = np.pad(y, 19)
            expected = [x @ padded[start : start + x.size] for start in range(39)]
            np.testing.assert_allclose(found[a, b], expected, atol=1e-9)
