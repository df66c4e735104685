"""Trained models as separators: what the harness gets is what the model says, for songs of any length and rate."""

from __future__ import annotations

import importlib.util
import shutil
from typing import Any

import numpy as np
import pytest

import soundstage
from lazily import Lazily
from soundstage.audio import fit_length, resample
from soundstage.catalogue.registry import Registry
from soundstage.contracts import CellName
from soundstage.errors import NotInstalled, SoundstageError
from soundstage.pipeline.separate import separate
from soundstage.planning.request import plan_of
from soundstage.scene import Placement, Scene
from soundstage_datasets.sketches import Sketches
from soundstage_training import checkpoint, separators
from soundstage_training.models import build
from soundstage_training.separators import swapped

pytestmark = pytest.mark.heavy

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("safetensors") is None:
    pytest.skip("torch or safetensors is not installed: pip install 'soundstage[train]'", allow_module_level=True)

torch = Lazily("torch")

RATE = 8000
CELL = CellName("a test", "a song", "", "panning", 0)
FOUR = ("vocals", "drums", "bass", "other")
SMALL: dict[str, Any] = {
    "xumx": {"sources": FOUR, "n_fft": 256, "hop": 64, "hidden": 8, "layers": 1},
    "spainnet": {"sources": FOUR, "n_fft": 256, "hop": 64, "hidden": 8, "layers": 1},
    "munet": {"n_fft": 128, "hop": 64, "depth": 2, "width": 4},
    "dprnn": {"n_fft": 128, "hop": 64, "features": 4, "hidden": 4, "blocks": 1},
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Model → a checkpoint of a small one."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for seed, (name, config) in enumerate(SMALL.items()):
        torch.manual_seed(seed)
        model = build(name, {**config, "rate": RATE})
        checkpoint.save(folder / name, model, {"training": {"steps": 3}, "trained_on": ["sketches"]})
    return folder


def scene(seconds, rate=RATE, sources=FOUR, azimuths=(60.0, -80.0, 10.0, 0.0), panning="half", told=None):
    rng = np.random.default_rng(0)
    references = {source: 0.1 * rng.standard_normal((2, round(seconds * rate))) for source in sources}
    placement = Placement(dict(zip(sources, azimuths, strict=False)), panning=panning, told=told or {})
    return Scene(rate, sum(references.values()), references, placement)


def built(variant):
    separator = Registry.load().choose("separators", variant).build()
    separator.load("cpu")
    return separator


def directly(folder, name, mixture, angles=None):
    """Source → samples, of one call of the model itself."""
    model, _ = checkpoint.load(folder / name)
    told = None if angles is None else torch.tensor([angles])
    with torch.no_grad():
        found = model(torch.from_numpy(mixture.astype(np.float32))[None], told)[0].numpy()
    return dict(zip(model.sources, found, strict=True))


def largest_difference(images, wanted):
    assert set(images) <= set(wanted)
    return max(float(np.abs(image - wanted[source]).max()) for source, image in images.items())


ANGLES = [30.0, -40.0, 5.0, 0.0]
"""Half the azimuths."""


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("seconds", [1 / RATE, 0.01, 2.3])
def test_a_separator_gives_what_its_model_does(kept, name, seconds):
    made = scene(seconds)
    separator = built(f"{name}[checkpoint={kept / name}]")
    estimates = separate(separator, name, made, CELL)
    wanted = directly(kept, name, made.mixture, ANGLES if name == "spainnet" else None)
    assert largest_difference(estimates.images, wanted) <= 1e-6
    assert separator.rate == RATE
    assert estimates.details["chunks"] == 1
    assert estimates.details["training"] == {"steps": 3}
    assert estimates.details["device"] == "cpu"
    assert estimates.details["threads"] == 1


@pytest.mark.parametrize("name", SMALL)
def test_other_rates_are_resampled_there_and_back(kept, name):
    made = scene(0.7, 12000)
    estimates = separate(built(f"{name}[checkpoint={kept / name}]"), name, made, CELL)
    direct = directly(kept, name, resample(made.mixture, 12000, RATE), ANGLES if name == "spainnet" else None)
    length = made.mixture.shape[1]
    back = {source: fit_length(resample(image.astype(float), RATE, 12000), length) for source, image in direct.items()}
    assert largest_difference(estimates.images, back) <= 1e-6
    assert estimates.details["resampled"]["to"] == RATE


@pytest.mark.parametrize("name", SMALL)
def test_silence_stays_silent(kept, name):
    made = scene(0.5)
    silent = Scene(RATE, 0 * made.mixture, {key: 0 * one for key, one in made.references.items()}, made.placement)
    for image in separate(built(f"{name}[checkpoint={kept / name}]"), name, silent, CELL).images.values():
        assert not image.any()


@pytest.mark.parametrize("name", SMALL)
def test_long_songs_are_separated_in_equal_parts_each_with_context(kept, name):
    """Part by part it is what the model says of the part and three seconds around it, whatever a song's length."""
    made = scene(13.0)
    separator = built(f"{name}[checkpoint={kept / name},chunk=2]")
    heard = []
    model = separator._model
    forward = model.forward

    def listening(mixture, azimuths=None):
        heard.append(mixture.shape[-1])
        return forward(mixture, azimuths)

    model.forward = listening
    estimates = separate(separator, name, made, CELL)
    assert estimates.details["chunks"] == len(heard) == 7
    granule = model.granule
    assert granule == (256 if name == "munet" else 64)
    assert max(heard) <= 8 * RATE + 3 * granule
    step = -(-13 * RATE // (7 * granule)) * granule
    start, stop, context = 3 * step, 4 * step, -(-3 * RATE // granule) * granule
    angles = ANGLES if name == "spainnet" else None
    part = directly(kept, name, made.mixture[:, start - context : stop + context], angles)
    for source, image in estimates.images.items():
        wanted = part[source][:, context : context + step]
        assert float(np.abs(image[:, start:stop] - wanted).max()) <= 1e-6
    again = separate(separator, name, made, CELL)
    assert all(np.array_equal(again.images[source], image) for source, image in estimates.images.items())


def test_the_dprnn_takes_shorter_parts_unless_told_otherwise(kept):
    assert built(f"dprnn[checkpoint={kept / 'dprnn'}]")._chunk == 6.0
    assert built(f"dprnn[checkpoint={kept / 'dprnn'},chunk=none]")._chunk is None
    assert built(f"xumx[checkpoint={kept / 'xumx'}]")._chunk == 30.0


def test_parts_of_a_network_that_sees_no_further_than_the_context_are_the_whole(kept):
    """The small U-Net's view ends within the context, and parts start where its planes' halvings do."""
    made = scene(10.0)
    whole, parts = (
        separate(built(f"munet[checkpoint={kept / 'munet'},chunk={chunk}]"), "munet", made, CELL).images["vocals"]
        for chunk in ("none", "4")
    )
    assert np.abs(whole - parts).max() <= 1e-5


def test_the_unets_masks_act_on_both_channels_or_on_their_mean(kept):
    made = scene(1.0, sources=("vocals", "accompaniment"))
    both = separate(built(f"munet[checkpoint={kept / 'munet'}]"), "munet", made, CELL).images["vocals"]
    mono = separate(built(f"munet[checkpoint={kept / 'munet'},channels=mono]"), "munet", made, CELL).images["vocals"]
    np.testing.assert_array_equal(mono[0], mono[1])
    np.testing.assert_allclose(both.mean(0), mono[0], atol=1e-6)  # masks are linear
    assert np.abs(both[0] - both[1]).max() > 1e-3


@pytest.mark.parametrize(
    ("variant", "panning", "told", "wanted"),
    [
        ("", "half", {}, [30.0, -40.0, 5.0, 0.0]),
        ("", "half", {"drums": 20.0}, [30.0, 10.0, 5.0, 0.0]),
        ("", "same", {}, [60.0, -80.0, 10.0, 0.0]),
        (",angles=swapped", "half", {}, [-40.0, 30.0, 0.0, 5.0]),
        (",angles=swapped", "half", {"drums": 20.0}, [10.0, 30.0, 0.0, 5.0]),
        (",angles=same", "half", {}, [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_spainnet_is_told_what_the_placement_tells_swapped_or_the_same_for_all(kept, variant, panning, told, wanted):
    made = scene(0.5, panning=panning, told=told)
    separator = built(f"spainnet[checkpoint={kept / 'spainnet'}{variant}]")
    estimates = separate(separator, "spainnet", made, CELL)
    assert largest_difference(estimates.images, directly(kept, "spainnet", made.mixture, wanted)) <= 1e-6


@pytest.mark.parametrize(("count", "order"), [(2, [1, 0]), (3, [1, 2, 0]), (4, [1, 0, 3, 2]), (5, [1, 0, 3, 4, 2])])
def test_nobody_keeps_its_own_angle_when_they_are_swapped(count, order):
    assert swapped(count) == order
    assert sorted(swapped(count)) == list(range(count))
    assert all(index != other for index, other in enumerate(swapped(count)))


def test_one_source_alone_has_no_angle_to_swap_with():
    with pytest.raises(SoundstageError, match="the model has one source"):
        swapped(1)


def test_a_scene_that_lacks_a_source_it_must_be_told_of_says_so(kept):
    separator = built(f"spainnet[checkpoint={kept / 'spainnet'}]")
    sentence = "it has to be told where vocals, drums, bass, other sit, and the scene has no 'bass' but vocals, drums"
    with pytest.raises(SoundstageError, match=sentence):
        separate(separator, "spainnet", scene(0.1, sources=("vocals", "drums")), CELL)
    made = scene(0.1)
    with pytest.raises(SoundstageError, match="this scene places none; use a spatializer that does"):
        separate(separator, "spainnet", Scene(RATE, made.mixture, made.references), CELL)


def test_sources_are_told_apart_by_name_whatever_their_case(kept):
    names = tuple(source.title() for source in FOUR)
    made = scene(0.2, sources=names)
    estimates = separate(built(f"spainnet[checkpoint={kept / 'spainnet'}]"), "spainnet", made, CELL)
    wanted = directly(kept, "spainnet", made.mixture, ANGLES)
    for source in FOUR:
        np.testing.assert_allclose(estimates.images[source.title()], wanted[source], atol=1e-6)


def test_another_models_checkpoint_is_refused_with_the_name_to_write(kept):
    separator = Registry.load().choose("separators", f"xumx[checkpoint={kept / 'munet'}]").build()
    with pytest.raises(SoundstageError, match=r"munet is a checkpoint of munet, not of xumx; write munet\[checkpoint="):
        separator.files()
    with pytest.raises(SoundstageError, match="not of xumx"):
        separator.load("cpu")


def test_a_checkpoint_that_is_not_there_is_not_installed(tmp_path):
    separator = Registry.load().choose("separators", f"dprnn[checkpoint={tmp_path / 'gone'}]").build()
    for asked in (separator.files, lambda: separator.load("cpu")):
        with pytest.raises(NotInstalled, match=r"gone.model\.json is not there; .*soundstage train"):
            asked()


def test_a_part_of_less_than_a_second_is_refused(kept):
    with pytest.raises(SoundstageError, match=r"chunk=0\.5: must be 1 second or more, or none"):
        built(f"xumx[checkpoint={kept / 'xumx'},chunk=0.5]")


def test_half_precision_changes_the_numbers_only_when_asked_for(kept):
    made = scene(0.5)
    full, half = (
        separate(built(f"munet[checkpoint={kept / 'munet'}{more}]"), "munet", made, CELL).images["vocals"]
        for more in ("", ",half=true")
    )
    assert 0 < np.abs(full - half).max() < 0.05


GRID = {
    "name": "trained",
    "datasets": ["sketches"],
    "placements": ["panorama"],
    "spatializers": ["panning"],
    "metrics": ["sdr"],
    "excerpt": {"seconds": 1},
    "tracks": {"random": 1, "seed": 0},
}


def addresses(*variants, **grid):
    plan = plan_of({**GRID, "separators": list(variants), **grid})
    assert not [cell.problem for cell in plan.cells if cell.problem]
    return [cell.address for cell in plan.cells]


def test_an_address_knows_the_contents_of_the_checkpoint_and_not_its_path(kept, tmp_path):
    shutil.copytree(kept / "xumx", tmp_path / "moved")
    here, moved = (addresses(f"xumx[checkpoint={folder}]") for folder in (kept / "xumx", tmp_path / "moved"))
    assert here == moved
    torch.manual_seed(9)
    checkpoint.save(tmp_path / "moved", build("xumx", {**SMALL["xumx"], "rate": RATE}), {"training": {"steps": 3}})
    assert addresses(f"xumx[checkpoint={tmp_path / 'moved'}]") != here


def test_an_address_knows_what_angles_are_told_and_not_on_which_device(kept):
    variant = f"spainnet[checkpoint={kept / 'spainnet'}%s]"
    told, swapped_, same = addresses(*(variant % more for more in ("", ",angles=swapped", ",angles=same")))
    assert len({told, swapped_, same}) == 3
    assert addresses(variant % ",device=cpu") == [told]


def test_a_grid_runs_with_a_checkpoint_and_goes_on_without_one(kept, tmp_path):
    """`--data spainnet=CKPT` is enough for the entry and its variants; what has none costs its own cells."""
    sources = tuple(Sketches().load(Sketches().track_ids()[0]).stems)
    torch.manual_seed(0)
    model = build("spainnet", {**SMALL["spainnet"], "sources": sources, "rate": RATE})
    checkpoint.save(tmp_path / "ckpt", model, {"trained_on": ["sketches"]})
    grid = {**GRID, "separators": ["mixture", "spainnet", "spainnet[angles=same]", "xumx"]}
    soundstage.run(grid, tmp_path / "out", data={"spainnet": tmp_path / "ckpt"})
    frame = soundstage.load(tmp_path / "out")
    by_separator = frame.groupby("separator", observed=True)["status"].agg(set).to_dict()
    assert by_separator["spainnet"] == by_separator["spainnet[angles=same]"] == by_separator["mixture"] == {"ok"}
    assert by_separator["xumx"] == {"not-installed", "skipped"}  # the separation, and what would be scored
    values = frame[(frame["name"] == "SDR") & frame["frame"].isna() & (frame["metric"] == "sdr")].pivot(
        index="source", columns="separator", values="value"
    )
    assert np.isfinite(values[["spainnet", "spainnet[angles=same]", "mixture"]].to_numpy()).all()
    assert (values["spainnet"] != values["spainnet[angles=same]"]).all()


@pytest.mark.parametrize("name", SMALL)
def test_what_a_model_learnt_from_is_what_its_checkpoint_says(kept, tmp_path, name):
    separator = Registry.load().choose("separators", f"{name}[checkpoint={kept / name}]").build()
    assert separator.trained_on == ("sketches",)
    nothing = Registry.load().choose("separators", f"{name}[checkpoint={tmp_path}]").build()
    assert nothing.trained_on is None


def test_the_classes_meet_the_contract_before_anything_is_loaded():
    for attribute in ("Xumx", "SpainNet", "Munet", "Dprnn"):
        plugin = getattr(separators, attribute)
        assert plugin.revision == 1
        assert plugin.sources is None
