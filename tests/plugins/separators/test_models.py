"""Demucs, Open-Unmix and Spleeter give through the harness what a direct call of their authors' packages gives.

The checkpoints are random, of the published architectures and in the published files.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import checkpoints
import soundstage
from layouts import asked, write_papers_data
from soundstage.audio import fit_length, resample
from soundstage.catalogue.registry import Registry
from soundstage.contracts import CellName
from soundstage.errors import NotInstalled, SoundstageError
from soundstage.pipeline.separate import separate
from soundstage.scene import Scene
from tables import rows_of

pytestmark = pytest.mark.heavy

FOUR = ("vocals", "drums", "bass", "other")
CELL = CellName("a test", "a song", "", "original", 0)
LENGTHS_S = (1.0, 7.3, 31.0)

if importlib.util.find_spec("torch") is None:
    pytest.skip("torch is not installed: pip install 'soundstage[demucs,openunmix]'", allow_module_level=True)


@pytest.fixture(scope="session")
def places(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


def scene(seconds: float, rate: int = 44100, seed: int = 0) -> Scene:
    """Music-like stereo: decaying harmonics, an offset between the channels, and noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    references = {}
    for number, source in enumerate(FOUR):
        tone = sum(np.sin(2 * np.pi * 110 * (number + 1) * k * time) / k for k in range(1, 6))
        tone = tone * np.exp(-((time * 2) % 1) * 3) + 0.1 * rng.standard_normal(len(time))
        references[source] = 0.1 * np.stack([tone, 0.6 * np.roll(tone, 7)])
    return Scene(rate, sum(references.values()), references)


def built(variant: str):
    """A separator as a grid gets it, loaded."""
    choice = Registry.load().choose("separators", variant)
    separator = choice.build()
    separator.load("cpu")
    return separator


def largest_difference(estimates, direct) -> float:
    assert set(direct) >= set(estimates.images)
    assert set(estimates.images) == set(FOUR)
    return max(float(np.abs(image - direct[source]).max()) for source, image in estimates.images.items())


def level_apart(estimates) -> bool:
    """Whether every two sources differ, so that a wrong order could not go unseen."""
    images = list(estimates.images.values())
    return all(np.abs(a - b).max() > 1e-4 for i, a in enumerate(images) for b in images[:i])


# Demucs


@pytest.fixture(scope="session")
def htdemucs(places) -> Path:
    checkpoints.htdemucs(places / "htdemucs")
    return places / "htdemucs"


def demucs_directly(folder: Path, name: str, mixture, shifts: int = 0) -> dict:
    """The package's own Separator, as its command line uses it."""
    import shutil

    import torch
    from demucs.api import Separator

    from soundstage_separators.demucs import _package_recipes

    with_recipe = folder / "direct"
    if not with_recipe.exists():
        with_recipe.mkdir()
        for path in folder.glob("*.th"):
            (with_recipe / path.name).symlink_to(path)
        shutil.copy(_package_recipes() / f"{name}.yaml", with_recipe)
    torch.set_num_threads(1)
    separator = Separator(name, repo=with_recipe, shifts=shifts, device="cpu")
    _, found = separator.separate_tensor(torch.from_numpy(mixture.astype(np.float32)))
    return {source: image.numpy() for source, image in found.items()}


@pytest.mark.parametrize("seconds", LENGTHS_S)
def test_htdemucs_equals_its_package(htdemucs, seconds):
    made = scene(seconds)
    estimates = separate(built(f"htdemucs[repo={htdemucs}]"), "htdemucs", made, CELL)
    direct = demucs_directly(htdemucs, "htdemucs", made.mixture)
    assert list(direct) == ["drums", "bass", "other", "vocals"]
    assert largest_difference(estimates, direct) <= 1e-6
    assert level_apart(estimates)
    assert "resampled" not in estimates.details
    assert estimates.details["device"] == "cpu"


def test_htdemucs_at_48_khz_is_resampled_and_says_so(htdemucs):
    made = scene(7.3, 48000)
    estimates = separate(built(f"htdemucs[repo={htdemucs}]"), "htdemucs", made, CELL)
    direct = demucs_directly(htdemucs, "htdemucs", resample(made.mixture, 48000, 44100))
    length = made.mixture.shape[1]
    back = {source: fit_length(resample(image.astype(float), 44100, 48000), length) for source, image in direct.items()}
    assert largest_difference(estimates, back) <= 1e-6
    assert estimates.details["resampled"]["from"] == 48000
    assert estimates.details["resampled"]["to"] == 44100


@pytest.mark.parametrize(
    ("name", "signatures", "hybrid"),
    [
        ("htdemucs_ft", ("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d"), False),
        ("hdemucs_mmi", ("75fc33f5",), True),
        ("mdx_extra", ("e51eebcc", "a1d90b5c", "5d2d6c55", "cfa93e08"), True),
    ],
)
def test_bags_of_models_equal_their_package(places, name, signatures, hybrid):
    folder = places / name
    for seed, signature in enumerate(signatures):
        if hybrid:
            checkpoints.hdemucs(folder, signature, seed=seed)
        else:
            checkpoints.htdemucs(folder, signature=signature, small=True, seed=seed)
    made = scene(12.0)
    separator = built(f"{name}[repo={folder}]")
    estimates = separate(separator, name, made, CELL)
    assert largest_difference(estimates, demucs_directly(folder, name, made.mixture)) <= 1e-6
    assert level_apart(estimates)
    assert {path.name.partition("-")[0] for path in separator.files()} == set(signatures)


@pytest.fixture(scope="session")
def small(places) -> Path:
    checkpoints.htdemucs(places / "small", small=True)
    return places / "small"


def test_shifts_are_drawn_from_the_seed_alone(small):
    import random

    made = scene(3.0)
    state = random.getstate()
    first, again = (separate(built(f"htdemucs[repo={small},shifts=2]"), "a", made, CELL).images for _ in range(2))
    assert random.getstate() == state
    other = separate(built(f"htdemucs[repo={small},shifts=2,seed=1]"), "a", made, CELL).images
    none = separate(built(f"htdemucs[repo={small}]"), "a", made, CELL).images
    np.testing.assert_array_equal(first["vocals"], again["vocals"])
    assert np.abs(first["vocals"] - other["vocals"]).max() > 1e-7
    assert np.abs(first["vocals"] - none["vocals"]).max() > 1e-7


def test_without_normalisation_the_model_gets_the_mixture_as_it_is(small):
    import torch
    from demucs.apply import apply_model

    made = scene(3.0)
    separator = built(f"htdemucs[repo={small},normalize=none]")
    plain = separate(separator, "a", made, CELL).images
    with torch.no_grad():
        direct = apply_model(separator._model, torch.from_numpy(made.mixture.astype(np.float32))[None], shifts=0)[0]
    for source, image in zip(separator.sources, direct, strict=True):
        assert np.abs(plain[source] - image.numpy()).max() <= 1e-6
    normalised = separate(built(f"htdemucs[repo={small}]"), "a", made, CELL).images
    assert np.abs(plain["vocals"] - normalised["vocals"]).max() > 1e-6


def test_half_precision_changes_the_numbers_only_when_asked_for(small):
    made = scene(2.0)
    full = separate(built(f"htdemucs[repo={small}]"), "a", made, CELL)
    half = separate(built(f"htdemucs[repo={small},half=true]"), "a", made, CELL)
    difference = np.abs(full.images["vocals"] - half.images["vocals"]).max()
    assert 0 < difference < 0.1
    assert full.details["half"] is False
    assert half.details["half"] is True


def test_a_segment_longer_than_the_model_takes_is_refused(small):
    with pytest.raises(SoundstageError, match=r"trained on 7\.8 s and takes no longer"):
        built(f"htdemucs[repo={small},segment=20]")


def test_a_checkpoint_is_unpickled_as_weights_alone(places):
    import torch

    folder = places / "evil"
    folder.mkdir()
    torch.save({"klass": Evil(), "args": (), "kwargs": {}, "state": {}}, folder / "955717e8.th")
    with pytest.raises(SoundstageError, match="it holds more than weights, which is not unpickled"):
        built(f"htdemucs[repo={folder}]")
    assert not Path("/tmp/soundstage-was-here").exists()


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/soundstage-was-here"),))


def test_a_checkpoint_whose_name_promises_another_content_is_refused(small, tmp_path):
    (tmp_path / "955717e8-00000000.th").write_bytes(next(small.glob("*.th")).read_bytes())
    with pytest.raises(SoundstageError, match="SHA-256 does not begin with 00000000"):
        built(f"htdemucs[repo={tmp_path}]")


def test_what_is_missing_is_named(tmp_path):
    separator = Registry.load().choose("separators", f"htdemucs_ft[repo={tmp_path}]").build()
    with pytest.raises(NotInstalled, match=r"htdemucs_ft needs the checkpoint f7e0c4bc-….th in"):
        separator.files()
    separator = Registry.load().choose("separators", f"demucs[repo={tmp_path},model=htdemuks]").build()
    with pytest.raises(SoundstageError, match=r"neither a checkpoint in .* nor a bag; known bags: .*htdemucs_ft"):
        separator.files()
    separator = Registry.load().choose("separators", f"umxhq[folder={tmp_path}]").build()
    with pytest.raises(NotInstalled, match=r"umxhq needs vocals-….pth"):
        separator.files()


def test_a_device_that_is_not_there_is_refused(small):
    import torch

    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    separator = Registry.load().choose("separators", f"htdemucs[repo={small}]").build()
    with pytest.raises(SoundstageError, match=r"device 'cuda:1' is not there: .*use --device cpu"):
        separator.load("cuda:1")


# Open-Unmix


@pytest.fixture(scope="session")
def umx(places) -> Path:
    return checkpoints.openunmix(places / "umx")


def unmix_directly(folder: Path, mixture) -> dict:
    import torch

    from soundstage_separators.openunmix import _importable_torchaudio

    with _importable_torchaudio():
        from openunmix.utils import load_separator
    torch.set_num_threads(1)
    separator = load_separator(str(folder), targets=list(FOUR), niter=1, residual=False, device="cpu")
    separator.freeze()
    found = separator(torch.from_numpy(mixture.astype(np.float32))[None])
    return {source: image[0].numpy() for source, image in separator.to_dict(found).items()}


@pytest.mark.parametrize("seconds", LENGTHS_S)
def test_openunmix_equals_its_package(umx, seconds):
    made = scene(seconds)
    separator = built(f"umxhq[folder={umx}]")
    estimates = separate(separator, "umxhq", made, CELL)
    assert list(separator.sources) == list(FOUR)
    assert largest_difference(estimates, unmix_directly(umx, made.mixture)) <= 1e-6
    assert level_apart(estimates)


def test_openunmix_at_48_khz_is_resampled_by_us_and_says_so(umx):
    made = scene(7.3, 48000)
    estimates = separate(built(f"umxhq[folder={umx}]"), "umxhq", made, CELL)
    direct = unmix_directly(umx, resample(made.mixture, 48000, 44100))
    length = made.mixture.shape[1]
    back = {source: fit_length(resample(image.astype(float), 44100, 48000), length) for source, image in direct.items()}
    assert largest_difference(estimates, back) <= 1e-6
    assert estimates.details["resampled"]["from"] == 48000


@pytest.mark.parametrize(("name", "hidden"), [("umxhq", 512), ("umx", 512), ("umxl", 1024)])
def test_published_weights_without_descriptions_build_the_published_networks(places, name, hidden):
    folder = checkpoints.openunmix(places / f"published-{name}", own=False, hidden=hidden)
    described = checkpoints.openunmix(places / f"described-{name}", hidden=hidden)  # the same seeds
    made = scene(3.0)
    estimates = separate(built(f"{name}[folder={folder}]"), name, made, CELL)
    assert largest_difference(estimates, unmix_directly(described, made.mixture)) <= 1e-6


def test_weights_of_another_width_are_refused(places):
    folder = checkpoints.openunmix(places / "narrow", own=False, hidden=256)
    with pytest.raises(SoundstageError, match=r"not a checkpoint of umxhq: .*size mismatch"):
        built(f"umxhq[folder={folder}]")


def test_half_a_checkpoint_is_refused(places, umx):
    import shutil

    import torch

    folder = places / "half"
    shutil.copytree(umx, folder)
    state = torch.load(folder / "bass.pth", weights_only=True)
    torch.save({key: value for key, value in state.items() if not key.startswith("fc2")}, folder / "bass.pth")
    with pytest.raises(SoundstageError, match=r"bass\.pth: not a whole checkpoint, it lacks fc2\.weight"):
        built(f"umxhq[folder={folder}]")


def test_two_files_that_the_package_could_take_for_one_target_are_refused(places, umx):
    import shutil

    folder = places / "twice"
    shutil.copytree(umx, folder)
    shutil.copy(folder / "drums.pth", folder / "vocals_best.pth")
    with pytest.raises(SoundstageError, match=r"vocals\.pth and vocals_best\.pth are both of vocals"):
        Registry.load().choose("separators", f"umxhq[folder={folder}]").build().files()


def test_torch_is_left_as_the_caller_had_it(umx, small):
    import torch

    torch.set_num_threads(2)
    torch.backends.cudnn.benchmark = True
    mixture = scene(24.0).mixture
    for variant in (f"umxhq[folder={umx}]", f"htdemucs[repo={small}]"):
        with_two = built(variant).separate(mixture, 44100)
        torch.set_num_threads(1)
        with_one = built(variant).separate(mixture, 44100)
        torch.set_num_threads(2)
        for source in FOUR:  # nor does how many threads the caller has move a digit
            np.testing.assert_array_equal(with_two[source], with_one[source])
    assert torch.get_num_threads() == 2
    assert torch.backends.cudnn.benchmark
    assert torch.is_grad_enabled()
    torch.backends.cudnn.benchmark = False


def test_a_track_shorter_than_the_stft_is_separated_too(umx):
    made = scene(0.02)
    estimates = separate(built(f"umxhq[folder={umx}]"), "umxhq", made, CELL)
    assert estimates.images["bass"].shape == made.mixture.shape


def test_chunks_bound_the_memory_and_change_only_what_context_changes(umx):
    made = scene(20.0)
    whole = separate(built(f"umxhq[folder={umx}]"), "umxhq", made, CELL)
    chunked = separate(built(f"umxhq[folder={umx},chunk=6]"), "umxhq", made, CELL)
    assert whole.details["chunks"] == 1
    assert chunked.details["chunks"] == 4
    for source in FOUR:
        error = np.sum((whole.images[source] - chunked.images[source]) ** 2) / np.sum(whole.images[source] ** 2)
        assert 0 < error < 0.05
    np.testing.assert_array_equal(
        separate(built(f"umxhq[folder={umx},chunk=30]"), "umxhq", made, CELL).images["bass"],
        whole.images["bass"],
    )


def test_the_residual_is_a_source(umx):
    made = scene(2.0)
    separator = built(f"umxhq[folder={umx},residual=true]")
    found = separator.separate(made.mixture, 44100)
    assert list(found) == [*FOUR, "residual"]


# Spleeter


@pytest.fixture(scope="session")
def spleeter_python() -> Path:
    """The interpreter of Spleeter's own environment, which outlasts the tests: it takes gigabytes."""
    import os

    from soundstage.isolation import environment
    from soundstage.isolation.script import read_script

    script = read_script(Registry.load().catalogue.get("separators", "spleeter").script)
    before = os.environ.get("SOUNDSTAGE_CACHE")
    os.environ["SOUNDSTAGE_CACHE"] = str(Path.home() / ".cache" / "soundstage")
    try:
        return environment.make(script)
    finally:
        os.environ.pop("SOUNDSTAGE_CACHE")
        if before is not None:
            os.environ["SOUNDSTAGE_CACHE"] = before


@pytest.fixture(scope="session")
def spleeter(places, spleeter_python) -> Path:
    for model in ("4stems", "2stems", "5stems"):
        checkpoints.spleeter(places / "spleeter", spleeter_python, model)
    return places / "spleeter"


DIRECT = """
import json, sys, numpy as np
from spleeter.separator import Separator
model, *files = sys.argv[1:]
separator = Separator("spleeter:" + model, multiprocess=False)
order = separator._params["instrument_list"]
for file in files:
    found = separator.separate(np.load(file).T)
    np.save(file + ".out.npy", np.stack([found[source].T for source in order]))
print(json.dumps(order))
"""


def spleeter_directly(folder: Path, python: Path, model: str, mixtures, tmp_path: Path) -> list[dict]:
    files = []
    for number, mixture in enumerate(mixtures):
        files.append(str(tmp_path / f"{number}.npy"))
        np.save(files[-1], mixture.astype(np.float32))
    done = subprocess.run(
        [str(python), "-c", DIRECT, model, *files],
        capture_output=True,
        text=True,
        check=False,
        env={"MODEL_PATH": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    order = json.loads(done.stdout.splitlines()[-1])
    return [dict(zip(order, np.load(f"{file}.out.npy"), strict=True)) for file in files]


def test_spleeter_equals_its_package(spleeter, spleeter_python, lasting_environments, tmp_path):
    scenes = [*(scene(seconds) for seconds in LENGTHS_S), scene(7.3, 48000)]
    separator = built(f"spleeter_4stems[folder={spleeter}]")
    estimates = [separate(separator, "spleeter", made, CELL) for made in scenes]
    mixtures = [resample(made.mixture, made.rate, 44100) for made in scenes]
    directs = spleeter_directly(spleeter, spleeter_python, "4stems", mixtures, tmp_path)
    assert list(separator.sources) == list(directs[0])
    for made, found, direct in zip(scenes, estimates, directs, strict=True):
        length = made.mixture.shape[1]
        back = {
            source: fit_length(resample(image.astype(float), 44100, made.rate), length)
            for source, image in direct.items()
        }
        assert largest_difference(found, back) <= 1e-5
        assert level_apart(found)
        assert ("resampled" in found.details) is (made.rate != 44100)
    assert estimates[0].details["environment"]["spleeter"] == "2.4.2"
    assert estimates[0].details["environment"]["numpy"].startswith("1.")


@pytest.mark.parametrize(
    ("model", "sources"),
    [("2stems", ["vocals", "accompaniment"]), ("5stems", ["vocals", "piano", "drums", "bass", "other"])],
)
def test_spleeters_other_models_equal_their_package(
    spleeter, spleeter_python, lasting_environments, tmp_path, model, sources
):
    mixture = scene(3.0).mixture
    separator = built(f"spleeter_{model}[folder={spleeter},device=cpu]")
    found = separator.separate(mixture, 44100)
    (direct,) = spleeter_directly(spleeter, spleeter_python, model, [mixture], tmp_path)
    assert list(found) == list(direct) == sources == list(separator.sources)
    assert max(np.abs(found[source] - direct[source]).max() for source in sources) <= 1e-5


def test_two_stems_are_scored_as_vocals_and_accompaniment(spleeter, lasting_environments, tmp_path):
    made = scene(2.0)
    estimates = separate(built(f"spleeter_2stems[folder={spleeter}]"), "spleeter", made, CELL)
    assert list(estimates.images) == ["vocals", "accompaniment"]


def test_after_an_error_spleeter_separates_the_next_track(spleeter, lasting_environments):
    separator = built(f"spleeter_2stems[folder={spleeter}]")
    mixture = scene(1.0).mixture
    before = separator.separate(mixture, 44100)["vocals"]
    with pytest.raises(SoundstageError, match="Cannot feed value of shape"):
        separator.separate(np.zeros((3, 44100)), 44100)
    np.testing.assert_array_equal(separator.separate(mixture, 44100)["vocals"], before)


def test_spleeters_address_holds_the_model_that_is_used_and_no_other(spleeter):
    files = {
        model: Registry.load().choose("separators", f"spleeter_{model}[folder={spleeter}]").build().files(None)
        for model in ("2stems", "4stems")
    }
    for model, found in files.items():
        assert {path.parent for path in found} == {spleeter / model}
        assert "checkpoint" in {path.name for path in found}


def test_a_folder_without_the_checkpoint_is_named(lasting_environments, spleeter_python, tmp_path):
    with pytest.raises(SoundstageError, match=r"4stems/checkpoint is not there"):
        built(f"spleeter_4stems[folder={tmp_path}]")


# All three, on real songs


def test_the_full_path_on_real_songs_is_the_same_twice(
    shared, places, htdemucs, spleeter, lasting_environments, tmp_path
):
    """One command, the models in the published sizes; a leaderboard at the end."""
    umx = checkpoints.openunmix(places / "published-umxhq", own=False)
    grid = tmp_path / "models.toml"
    grid.write_text(
        f"""
[grids.models]
datasets     = ["musdb18hq"]
spatializers = ["original", "hrir"]
separators   = ["reference", "mixture", "htdemucs[repo={htdemucs}]", "umxhq[folder={umx}]",
                "spleeter_4stems[folder={spleeter}]"]
metrics      = ["sdr"]
"""
    )
    data = f"musdb18hq={shared / 'real' / 'musdb18hq-layout'}"
    frames = []
    for out in (tmp_path / "first", tmp_path / "second"):
        ran = soundstage_command("run", str(grid), "--data", data, "--workers", "2", "--out", str(out))
        assert "20 cells run" in ran.stderr
        assert "trouble" not in ran.stderr
        frame = rows_of(out)
        order = ["cell", "metric", "source", "name", "frame"]
        frames.append(frame.sort_values(order).reset_index(drop=True))
    import pandas

    pandas.testing.assert_frame_equal(frames[0], frames[1], check_exact=True)
    board = soundstage_command("leaderboard", str(tmp_path / "first")).stdout
    for name in ("htdemucs", "umxhq", "spleeter_4stems"):
        assert name in board


def soundstage_command(*arguments: str) -> subprocess.CompletedProcess:
    code = "from soundstage.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def entries(places, small, spleeter) -> Path:
    """A registry whose published models have random weights."""
    bag = places / "fine-tuned"
    for seed, signature in enumerate(("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d")):
        checkpoints.htdemucs(bag, signature=signature, small=True, seed=seed)
    umx = checkpoints.openunmix(places / "narrow-own", hidden=64)
    models = {
        "htdemucs": ("demucs", "htdemucs", "repo", small),
        "htdemucs_ft": ("demucs", "htdemucs_ft", "repo", bag),
        "umxhq": ("openunmix", "umxhq", "folder", umx),
        "spleeter_2stems": ("spleeter", "2stems", "folder", spleeter),
        "spleeter_4stems": ("spleeter", "4stems", "folder", spleeter),
    }
    file = places / "registry.toml"
    file.write_text(
        "\n".join(
            f'[separators.{name}]\nplugin = "{plugin}"\nparams = {{ model = "{model}", {key} = "{folder}" }}'
            for name, (plugin, model, key, folder) in models.items()
        )
    )
    return file


def untrained(folder: Path) -> Path:
    """A checkpoint of a small model with random weights; the folder's name is the model's."""
    pytest.importorskip("safetensors", reason="safetensors is not installed: pip install 'soundstage[train]'")
    from soundstage_training import checkpoint
    from soundstage_training.models import build

    small = {"munet": {"depth": 2, "width": 4}, "dprnn": {"features": 4, "hidden": 4, "blocks": 1}}
    checkpoint.save(folder, build(folder.name, {**small[folder.name], "n_fft": 512, "hop": 256}), {"training": {}})
    return folder


@pytest.mark.parametrize("grid", ["binaural-musdb", "stereo-musdb", "dprnn-poster", "multichannel-unet"])
def test_a_papers_grid_runs_with_the_papers_models(grid, entries, lasting_environments, tmp_path):
    table = Registry.load().grids[grid][0]
    given = asked(table, write_papers_data(tmp_path))
    given |= {name: untrained(tmp_path / name) for name in ("dprnn", "munet") if name in table["separators"]}
    summary = soundstage.run(grid, tmp_path / "out", data=given, registry=[entries], workers=2)
    assert summary.troubled == 0
    frame = soundstage.load(tmp_path / "out")
    scored = frame[frame["frame"].isna() & (frame["status"] == "ok")]
    for separator in table["separators"]:
        of_it = scored[scored["separator"] == separator]
        assert set(of_it["metric"].astype(str)) == set(table["metrics"])
        assert np.isfinite(of_it["value"].to_numpy()).any()


def test_a_model_is_loaded_once_for_many_tracks(small, tmp_path, monkeypatch):
    from soundstage_separators import demucs

    loads = []
    original = demucs._load
    monkeypatch.setattr(demucs, "_load", lambda path: loads.append(path) or original(path))
    grid = {
        "datasets": ["sketches"],
        "spatializers": ["original", "panning"],
        "separators": [f"htdemucs[repo={small}]"],
        "metrics": ["sdr"],
    }
    assert soundstage.run(grid, tmp_path, workers=1).ran == 6
    assert len(loads) == 1
