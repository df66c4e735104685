"""Every plugin that comes with Soundstage passes the checks that others are asked to pass."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest
import soundfile

import checkpoints
from heads import write_folder
from layouts import write_musdb_song, write_slakh_track
from lazily import Lazily
from rooms import room_pair, write_room_folder
from soundstage.catalogue.plugins import discover
from soundstage.testing.kit import Conformance
from soundstage.testing.material import SOURCES, TRACKS, Songs

torch = Lazily("torch")

AZIMUTHS = range(-180, 180, 5)

QUICK = [
    ("placements", "frontal"),
    ("placements", "panorama"),
    ("placements", "moving"),
    ("separators", "mixture"),
    ("spatializers", "panning"),
    ("spatializers", "original"),
]

SLOW = [
    ("datasets", "sketches"),
    ("datasets", "folder[root='{folder}/songs']"),
    ("datasets", "musdb18hq[root='{folder}/musdb']"),
    ("datasets", "slakh2100[root='{folder}/slakh']"),
    ("placements", "frontal"),
    ("placements", "panorama[mirrored=true]"),
    ("placements", "around"),
    ("placements", "moving"),
    ("placements", "fixed[file='{folder}/places.json']"),
    ("spatializers", "hrir"),
    ("spatializers", "hrir[level=published]"),
    ("spatializers", "hrir[hrtf='{folder}/head',interpolation=linear]"),
    ("spatializers", "brir[brirs='{folder}/room']"),
    ("spatializers", "panning"),
    ("spatializers", "original"),
    ("separators", "mixture"),
    ("separators", "reference"),
    ("separators", "irm"),
    ("separators", "ibm"),
    ("separators", "mwf"),
    ("separators", "adress"),
    ("separators", "duet"),
    ("separators", "estimates[root='{folder}/estimates']"),
    *(
        ("separators", f"probe[kind={kind}]")
        for kind in (
            "none",
            "rotate,step=20",
            "itd,step=100",
            "bleed_here,step=-20",
            "musical,step=20",
            "opus,step=0.5",
        )
    ),
    *(
        ("metrics", name)
        for name in (
            *("sdr", "si_sdr", "spauq", "spauq_published", "bsseval", "interaural", "cues", "community"),
            *("localization", "energies", "leakage"),
        )
    ),
]

MODELS = ["demucs", "openunmix", "mss", "xumx", "spainnet", "munet", "dprnn"]
"""Checked on random weights."""

ELSEWHERE = {"spauq_original", "spleeter", "audio_separator"}
"""Scripts, whose environments take gigabytes; tests/isolation runs them."""

NO_WORKER = ("probe", "estimates")
"""Probes are one class, which other tests run in workers."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the plugins read that read files."""
    root = tmp_path_factory.mktemp("built_ins")
    write_musdb_song(root / "musdb" / "test" / "Noise - One")
    write_slakh_track(root / "slakh" / "test" / "Track01876", "GSBP")
    (root / "places.json").write_text(json.dumps({"vocals": 10, "drums": -40, "bass": 0, "other": 70}))
    write_folder(root / "head", AZIMUTHS)
    write_room_folder(root / "room", {azimuth: room_pair(azimuth) for azimuth in AZIMUTHS})
    for track in TRACKS:
        song = Songs().load(track)
        for name, scale in (("songs", 1.0), ("estimates", 0.5)):
            (root / name / track).mkdir(parents=True)
            for source in SOURCES:
                soundfile.write(
                    root / name / track / f"{source}.wav", (scale * song.stems[source]).T.repeat(2, 1), 44100
                )
    return root


def check(kind, variant, leave_out=()):
    conformance = Conformance(kind, variant)
    conformance.report([name for name in conformance.checks if name not in leave_out]).assert_ok()


@pytest.mark.parametrize(("kind", "variant"), QUICK)
def test_a_quick_built_in_passes(kind, variant):
    check(kind, variant, ["worker", "lengths", "nothing kept"])


@pytest.mark.heavy
@pytest.mark.parametrize(("kind", "variant"), SLOW)
def test_a_built_in_passes(kind, variant, folder):
    leave_out = ["worker"] if variant.startswith(NO_WORKER) else []
    check(kind, variant.format(folder=folder.as_posix()), leave_out)


def model(name, folder):
    """The variant of a small model of random weights, written here."""
    match name:
        case "demucs":
            checkpoints.htdemucs(folder, small=True)
            return f"htdemucs[repo='{folder}']"
        case "openunmix":
            checkpoints.openunmix(folder, hidden=32)
            return f"openunmix[folder='{folder}']"
        case "mss":
            checkpoint, config = checkpoints.mss(
                folder, "bs_roformer"
            )  # others add what their random biases make of nothing
            return f"mss[checkpoint='{checkpoint}',config='{config}']"
    from soundstage_training import checkpoint as trained
    from soundstage_training.models import build

    sizes: dict[str, dict[str, Any]] = {
        "xumx": {"sources": SOURCES, "n_fft": 256, "hop": 64, "hidden": 8, "layers": 1},
        "spainnet": {"sources": SOURCES, "n_fft": 256, "hop": 64, "hidden": 8, "layers": 1},
        "munet": {"n_fft": 128, "hop": 64, "depth": 2, "width": 4},
        "dprnn": {"n_fft": 128, "hop": 64, "features": 4, "hidden": 4, "blocks": 1},
    }
    torch.manual_seed(0)
    network = build(name, {**sizes[name], "rate": 8000})
    trained.save(folder / name, network, {"training": {"steps": 3}, "trained_on": ["sketches"]})
    return f"{name}[checkpoint='{folder / name}']"


@pytest.mark.heavy
@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_random_weights_passes(name, tmp_path):
    needs = {"demucs": "demucs", "openunmix": "openunmix", "mss": "pymss_core"}.get(name, "safetensors")
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec(needs) is None:
        pytest.skip(f"torch or {needs} is not installed")
    # Weights that have learnt nothing keep no image.
    check("separators", model(name, tmp_path), ["image"])


def test_no_built_in_is_forgotten():
    checked = {variant.partition("[")[0] for _, variant in (*QUICK, *SLOW)} | {*MODELS, *ELSEWHERE}
    there = {
        plugin.name
        for held in discover().plugins.values()
        for plugin in held.values()
        if plugin.distribution == "soundstage"
    }
    assert there - checked == set()
