"""`soundstage train`: what is killed goes on bit for bit, and what it makes is a separator."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from soundstage.cli import cli
from soundstage.errors import SoundstageError
from trainings import TINY, curve, train

pytestmark = pytest.mark.heavy

pytest.importorskip("accelerate", reason="training comes with the extra train")

STEPS = ("--steps", "14")


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A training that nobody disturbed."""
    folder = tmp_path_factory.mktemp("straight")
    train(folder, "tiny", "--out", "ck", *STEPS)
    return folder / "ck"


def same(first, second):
    """Hold that two trainings came to the same in every bit: curve, best model, last weights and what Adam keeps."""
    assert curve(first) == curve(second)
    for name in ("model.safetensors", "model.json", "state/step-00000014/tensors.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    states = [json.loads((out / "state/step-00000014/state.json").read_text()) for out in (first, second)]
    assert states[0] == states[1]


def typed(folder, *words):
    """What the command line makes of `soundstage train` and these words, in this process."""
    registry = folder / "tiny.toml"
    registry.write_text(TINY)
    defaults = ["--registry", str(registry), "--device", "cpu", "--out", str(folder / "ck")]
    return CliRunner().invoke(cli, ["train", *defaults, *words])


KILLED_AT = """
import os, signal
from soundstage_training.verb import {module} as module
own, left = module.{name}, [{call}]
def deadly(*arguments, **options):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return own(*arguments, **options)
module.{name} = deadly
"""


def test_a_training_that_is_killed_again_and_again_goes_on_bit_for_bit(straight, tmp_path):
    """It is killed while a state is written, between its files, while the best model is, and in the midst of a step."""
    moments = [
        ("state", "_synced", 3),  # the first state: its tensors are written, its facts are not yet on the disk
        ("state", "_synced", 8),  # a later one, all but renamed
        ("loop", "_seed", 3),  # at the beginning of a step
        ("state", "optimizer_parts", 1),  # the curve and the best model are there, the state is not
    ]
    for module, name, call in moments:
        found = train(
            tmp_path,
            "tiny",
            "--out",
            "ck",
            *STEPS,
            code=KILLED_AT.format(module=module, name=name, call=call),
            check=False,
        )
        assert found.returncode == -signal.SIGKILL, (name, found.stderr)
    train(tmp_path, "tiny", "--out", "ck", *STEPS)
    same(straight, tmp_path / "ck")
    assert sorted(path.name for path in (tmp_path / "ck" / "state").iterdir()) == ["step-00000014"]


def test_ctrl_c_is_kept_and_the_same_command_goes_on_to_the_same_end_with_other_workers(straight, tmp_path):
    code = KILLED_AT.format(module="loop", name="_seed", call=6).replace("SIGKILL", "SIGINT")
    found = train(tmp_path, "tiny", "--out", "ck", *STEPS, code=code, check=False)
    assert found.returncode == 130
    assert "Interrupted after step 6, which is kept; the same command goes on." in found.stderr
    assert [line["step"] for line in curve(tmp_path / "ck") if "loss" in line] == [1, 2, 3, 4, 5, 6]
    train(tmp_path, "tiny", "--out", "ck", *STEPS, "--workers", "2")
    same(straight, tmp_path / "ck")


def test_a_training_that_goes_on_otherwise_than_it_began_is_refused_and_told_what_differs(straight):
    found = train(straight.parent, "tiny", "--out", "ck", *STEPS, "--batch", "8", "--seed", "5", check=False)
    assert found.returncode == 1
    assert "begun otherwise: batch was 4 and is 8 now; seed was 0 and is 5 now. Give what" in found.stderr
    found = train(straight.parent, "tiny", "--out", "ck", *STEPS, "--learning-rate", "0.01", check=False)
    assert "learning-rate was 0.001 and is 0.01 now" in found.stderr


def test_devices_and_parts_change_no_example_and_hardly_a_digit(tmp_path):
    """`even` has neither batch normalisation nor dropout, of which each device and part has its own."""
    train(tmp_path, "even", "--out", "one", "--steps", "5")
    train(tmp_path, "even", "--out", "two", "--steps", "5", processes=2)
    train(tmp_path, "even", "--out", "parts", "--steps", "5", "--accumulate", "2", "--workers", "1")
    wanted = [line["loss"] for line in curve(tmp_path / "one") if "loss" in line]
    assert len(wanted) == 5
    for name in ("two", "parts"):
        found = [line["loss"] for line in curve(tmp_path / name) if "loss" in line]
        assert found == pytest.approx(wanted, rel=1e-4), name
    spread = json.loads((tmp_path / "two" / "training.json").read_text())
    assert spread["training"]["settings"]["accumulate"] == 1


def test_training_learns(straight):
    losses = [line["loss"] for line in curve(straight) if "loss" in line]
    assert sum(losses[-3:]) < sum(losses[:3])


def test_a_checkpoint_says_what_it_was_trained_on_and_how(straight):
    about = json.loads((straight / "model.json").read_text())
    assert about["model"] == "xumx"
    assert about["training"]["settings"]["seconds"] == 0.5
    assert (
        about["training"]["step"] == max(line["step"] for line in curve(straight) if line.get("best"))
        or about["training"]["step"] == 14
    )
    assert about["data"]["trained_on"]["songs"] == 2
    assert len(about["data"]["trained_on"]["sha256"]) == 64
    assert about["data"]["trained_on"] != about["data"]["validated_on"]
    assert about["trained_on"] == ["sketches"]


def test_its_logs_are_what_tensorboard_reads(straight):
    code = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n"
        "found = EventAccumulator(sys.argv[1]); found.Reload()\n"
        "print(*[event.step for event in found.Scalars('train/loss')], *found.Tags()['scalars'])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(straight / "logs")], capture_output=True, text=True, check=True
    ).stdout.split()
    assert said[:14] == [str(step) for step in range(1, 15)]
    assert {"train/own", "train/learning_rate", "validation/sdr/SDR"} <= set(said)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["tiny", "--device", "cuda"], "", "--device cuda: torch "),
        (["tiny", "--precision", "fp16"], "", "--precision fp16 needs a CUDA GPU; take bf16 or fp32"),
        (["tinny"], "", "unknown model or training preset 'tinny'; did you mean 'tiny'?"),
        (["xumx[hiden=3]"], "", "model 'xumx' has no parameter 'hiden'; did you mean 'hidden'?"),
        (["tiny", "--seconds", "20"], "", "is as long as an example, 20 s; the longest is dataset 'sketches'"),
        (["tiny", "--accumulate", "3"], "", "a batch of 4 cannot go through the model in 3 equal parts"),
        (["tiny", "--loss", "itt=1"], "", "there is no loss 'itt'; did you mean 'itd'?"),
        (["tiny", "--watch", "bsseval"], "", "watch is 'bsseval', which is none of the metrics sdr"),
        (
            ["spainnet", "--spatializer", "original"],
            "",
            "model 'spainnet' is told where the sources sit, and spatializer",
        ),
        (
            ["tiny", *STEPS],
            "import torch\nfrom soundstage_training.models.xumx import Xumx\nown = Xumx.losses\ncount = [0]\n"
            "def losses(*arguments):\n    count[0] += 1\n    loss, images = own(*arguments)\n"
            "    return loss * (float('nan') if count[0] == 6 else 1.0), images\nXumx.losses = losses",
            "the loss at step 6 is nan, so there is nothing to learn from; the state after step 4 is kept.",
        ),
        (
            ["tiny", *STEPS],
            "import errno\nfrom soundstage_training.verb import state\n"
            "def full(path):\n    raise OSError(errno.ENOSPC, 'No space left on device')\nstate._synced = full",
            "the training cannot be kept (the disk is full); what was kept before is whole: make room",
        ),
        (
            ["tiny", *STEPS],
            "import torch\nfrom soundstage_training.models.xumx import Xumx\n"
            "def losses(*arguments):\n    raise torch.OutOfMemoryError('CUDA out of memory')\nXumx.losses = losses",
            "step 1: 4 examples of 0.5 s at a time do not fit the memory of cpu; take fewer at a time with"
            " --accumulate 2, which changes no example, or a smaller --batch",
        ),
    ],
)
def test_what_goes_wrong_is_one_sentence(tmp_path, words, code, sentence):
    if code:
        found = train(tmp_path, *words, "--out", "ck", code=code, check=False)
        assert found.returncode == 1
        assert sentence in found.stderr
        assert "Traceback" not in found.stderr
    else:
        refused = typed(tmp_path, *words).exception
        assert isinstance(refused, SoundstageError)
        assert sentence in str(refused)


def test_patience_ends_a_training_and_the_best_checkpoint_stays(tmp_path, monkeypatch):
    from soundstage_training.verb.validation import Validation

    scores = iter([1.0, 3.0, 2.0, float("nan"), 2.5])
    monkeypatch.setattr(Validation, "of", lambda self, model, device: {"sdr/SDR": next(scores)})
    ended = typed(tmp_path, "tiny", "--steps", "40", "--validate-every", "2", "--patience", "3")
    assert "stopped after step 10: 3 validations without improvement; best sdr/SDR 3.00 at step 4" in ended.output
    about = json.loads((tmp_path / "ck" / "model.json").read_text())
    assert about["training"]["step"] == 4
    assert about["training"]["validation"] == {"sdr/SDR": 3.0}
    again = typed(tmp_path, "tiny", "--steps", "40", "--validate-every", "2", "--patience", "3")
    assert "stopped after step 10: 3 validations without improvement" in again.output


def test_minutes_end_a_training_that_the_same_command_takes_up(tmp_path):
    ended = typed(tmp_path, "tiny", "--steps", "3", "--minutes", "0.00001")
    assert "1e-05 minutes are over after step 1; the same command goes on" in ended.output
    assert (tmp_path / "ck" / "model.safetensors").exists()
    assert "all 3 steps are done" in typed(tmp_path, "tiny", "--steps", "3").output
    held = curve(tmp_path / "ck")
    assert [line["step"] for line in held if "validation" in line] == [1, 3]
    assert "all 3 steps are done" in typed(tmp_path, "tiny", "--steps", "3").output
    assert curve(tmp_path / "ck") == held  # once more changes nothing
