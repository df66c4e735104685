"""A checkpoint is kept whole or not at all, read without unpickling, and says what is wrong with it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lazily import Lazily
from soundstage.errors import NotInstalled, SoundstageError
from soundstage_training import checkpoint
from soundstage_training.models import build

pytestmark = pytest.mark.heavy

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("safetensors") is None:
    pytest.skip("torch or safetensors is not installed: pip install 'soundstage[train]'", allow_module_level=True)

torch = Lazily("torch")
safetensors = Lazily("safetensors.torch")

SMALL: dict[str, Any] = {
    "xumx": {"sources": ["a", "b"], "n_fft": 256, "hop": 64, "hidden": 8, "layers": 1},
    "spainnet": {"sources": ["a", "b"], "n_fft": 256, "hop": 64, "hidden": 8, "layers": 1, "variant": "D16-CAT"},
    "munet": {"n_fft": 128, "hop": 64, "depth": 2, "width": 4, "classification": 0.1},
    "dprnn": {"n_fft": 128, "hop": 64, "features": 4, "hidden": 4, "blocks": 1},
}
FACTS = {"training": {"preset": "small", "steps": 7}, "data": {"fingerprint": "abc"}}


def small(name, seed=0):
    torch.manual_seed(seed)
    model = build(name, SMALL[name])
    for _ in range(2):  # running means of normalisation move
        model.losses(torch.randn(2, 2, 900), torch.randn(2, 2, 2, 900), torch.zeros(2, 2))
    return model.eval()


def kept(folder, name="munet", seed=0):
    model = small(name, seed)
    checkpoint.save(folder, model, FACTS)
    return model


def changed(folder, **changes):
    """The description with other values, or without those that are None; the weights' hash stays as it is."""
    path = folder / checkpoint.DESCRIPTION
    about = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in about.items() if value is not None}))


def rehashed(folder):
    changed(folder, sha256=hashlib.sha256((folder / checkpoint.WEIGHTS).read_bytes()).hexdigest())


@pytest.mark.parametrize("name", SMALL)
def test_what_is_loaded_separates_as_what_was_saved_to_the_last_bit(name, tmp_path):
    model = kept(tmp_path / "here" / "ckpt", name)
    again, about = checkpoint.load(tmp_path / "here" / "ckpt")
    assert type(again) is type(model)
    mixture, angles = torch.randn(1, 2, 5000), torch.tensor([[10.0, -20.0]])
    with torch.no_grad():
        assert torch.equal(again(mixture, angles), model(mixture, angles))
    assert not again.training
    assert {key: about[key] for key in FACTS} == FACTS
    assert about["model"] == name
    assert about["config"] == model.config
    assert about["sources"] == list(model.sources)
    assert about["rate"] == 44100
    assert (
        about["sha256"] == hashlib.sha256((tmp_path / "here" / "ckpt" / "model.safetensors").read_bytes()).hexdigest()
    )
    assert about["soundstage"]
    assert sorted(file.name for file in (tmp_path / "here" / "ckpt").iterdir()) == ["model.json", "model.safetensors"]


def test_the_same_model_is_kept_as_the_same_bytes_wherever_it_lies(tmp_path):
    for place in ("one", "two"):
        kept(tmp_path / place)
    assert {file.read_bytes() for file in tmp_path.glob("*/model.safetensors")} == {
        (tmp_path / "one" / "model.safetensors").read_bytes()
    }
    assert (tmp_path / "one" / "model.json").read_bytes() == (tmp_path / "two" / "model.json").read_bytes()
    assert str(tmp_path) not in (tmp_path / "one" / "model.json").read_text()


def test_nothing_is_unpickled_on_the_way(tmp_path):
    """In a process in which torch.load and every unpickler raise, a checkpoint from elsewhere loads and separates."""
    kept(tmp_path / "ckpt")
    moved = tmp_path / "another machine"
    (tmp_path / "ckpt").rename(moved)
    code = (
        "import pickle, sys, torch\n"
        "def refuse(*arguments, **options): raise AssertionError('unpickled')\n"
        "torch.load = torch.serialization.load = pickle.load = pickle.loads = refuse\n"
        "pickle.Unpickler = pickle._Unpickler = refuse\n"
        "from pathlib import Path\n"
        "from soundstage_training.checkpoint import load\n"
        "model, about = load(Path(sys.argv[1]))\n"
        "print(about['model'], tuple(model(torch.zeros(1, 2, 100)).shape))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(moved)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "munet (1, 2, 2, 100)", done.stderr
    source = Path(checkpoint.__file__).read_text(encoding="utf-8")
    assert "torch.load" not in source
    assert "pickle" not in source.replace("unpickled", "")


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/soundstage-checkpoint-was-here"),))


def test_a_pickle_in_place_of_the_weights_is_refused_and_not_run(tmp_path):
    kept(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(pickle.dumps(Evil()))
    rehashed(tmp_path)
    with pytest.raises(SoundstageError, match=r"model\.safetensors: not a file of safetensors .*copy the checkpoint"):
        checkpoint.load(tmp_path)
    assert not Path("/tmp/soundstage-checkpoint-was-here").exists()


def test_weights_that_are_not_the_described_ones_are_refused(tmp_path):
    kept(tmp_path)
    whole = (tmp_path / "model.safetensors").read_bytes()
    for wrong in (whole[:-1], whole[:-4] + b"\0\0\0\1", b""):
        (tmp_path / "model.safetensors").write_bytes(wrong)
        with pytest.raises(SoundstageError, match=r"model\.safetensors: not the weights that model\.json .*copy both"):
            checkpoint.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("head.bias"), r"it lacks head\.bias; the weights are of another configuration"),
        (lambda state: [state.pop(key) for key in list(state)[:3]], "it lacks .* and 2 more; "),
        (lambda state: state.update(more=state["head.bias"].clone()), "it holds too much, more; "),
        (
            lambda state: state.update({"head.bias": state["head.bias"].repeat(2)}),
            r"head\.bias is float32 of shape \(4,\) where the model has float32 of shape \(2,\)",
        ),
        (
            lambda state: state.update({"head.bias": state["head.bias"].double()}),
            r"head\.bias is float64 of shape \(2,\) where the model has float32",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(change, sentence, tmp_path):
    kept(tmp_path)
    state = dict(safetensors.load_file(tmp_path / "model.safetensors"))
    change(state)
    safetensors.save_file(state, str(tmp_path / "model.safetensors"))
    rehashed(tmp_path)
    with pytest.raises(SoundstageError, match=rf"model\.safetensors: .*{sentence}"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": 2}, "of format 2, and this Soundstage knows up to 1; update Soundstage"),
        ({"format": None}, "not the description of a checkpoint, it has no format"),
        ({"model": "munez"}, "of a model 'munez', which this Soundstage does not have; did you mean 'munet'.*update"),
        ({"model": 3}, "its 'model' is missing or of another kind"),
        ({"config": None}, "its 'config' is missing or of another kind"),
        ({"config": {"colour": "red"}}, "model 'munet' cannot be built with these parameters .*colour"),
        ({"config": {"kernel": 4}}, "kernel=4: must be odd"),
        ({"config": {"kernel": "wide"}}, "model 'munet' cannot be built"),
        ({"sources": ["b", "a"]}, "its sources and rate are not those of its config"),
        ({"rate": 8000}, "its sources and rate are not those of its config"),
        ({"rate": "44100"}, "its 'rate' is missing or of another kind"),
        ({"config": {"rate": 0}}, "rate=0: must be 1 or more"),
        ({"config": {"n_fft": -4}}, "n_fft=-4 and window=-4: a window of 1 to n_fft samples"),
        ({"config": {"width": 10**9, "widest": 10**10}}, "model 'munet' cannot be built"),
        ({"sha256": None}, "its 'sha256' is missing"),
    ],
)
def test_a_description_that_cannot_be_is_a_sentence(changes, sentence, tmp_path):
    kept(tmp_path)
    changed(tmp_path, **changes)
    with pytest.raises(SoundstageError, match=rf"model\.json: {sentence}"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\udcff", "[" * 100_000, '{"format": "1"}'])
def test_a_description_that_is_no_json_is_a_sentence(text, tmp_path):
    kept(tmp_path)
    (tmp_path / "model.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SoundstageError, match=r"model\.json: not (readable as JSON|the description of a checkpoint)"):
        checkpoint.load(tmp_path)


def test_what_is_not_there_says_what_writes_it(tmp_path):
    with pytest.raises(NotInstalled, match=r"model\.json is not there; .*`soundstage train … --out "):
        checkpoint.load(tmp_path / "nowhere")
    kept(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(NotInstalled, match=r"model\.safetensors is not there"):
        checkpoint.describe(tmp_path)


def test_facts_cannot_take_the_place_of_what_is_kept_of_the_model(tmp_path):
    with pytest.raises(SoundstageError, match="facts cannot be called config, rate"):
        checkpoint.save(tmp_path, small("munet"), {"rate": 1, "config": {}, "mine": 2})
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SoundstageError, match="the checkpoint cannot be written"):
        checkpoint.save(tmp_path / "file", small("munet"), {})


class Killed(BaseException):
    """A process dies here."""


def scores(folder):
    model, about = checkpoint.load(folder)
    with torch.no_grad():
        return model(torch.ones(1, 2, 500)), about


@pytest.mark.parametrize("survived", range(5))
def test_wherever_a_save_is_killed_the_old_model_or_the_new_is_there_whole(survived, tmp_path, monkeypatch):
    """The first `survived` steps of the second save are done, the next one never is."""
    kept(tmp_path, seed=1)
    old = scores(tmp_path)[0]
    steps: list[str] = []

    def step(name, original):
        def stepped(*arguments, **options):
            if len(steps) == survived:
                raise Killed(name)
            steps.append(name)
            return original(*arguments, **options)

        return stepped

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", step("fsync", lambda descriptor: None))
        patch.setattr(Path, "replace", step("replace", Path.replace))
        if survived < 4:
            with pytest.raises(Killed):
                kept(tmp_path, seed=2)
        else:
            kept(tmp_path, seed=2)
    found, about = scores(tmp_path)
    kept(tmp_path / "reference", seed=2)
    new = scores(tmp_path / "reference")[0]
    assert not torch.equal(old, new)
    assert torch.equal(found, new if survived >= 3 else old)
    assert about["sha256"] == hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    kept(tmp_path, seed=2)  # and the next one is none the worse for it
    assert torch.equal(scores(tmp_path)[0], new)
