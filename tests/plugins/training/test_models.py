"""The architectures against tables written from the works: parameters, shapes, gradients, masks, codes of angles."""

from __future__ import annotations

import importlib.util
import json
import math
from typing import Any

import numpy as np
import pytest

from lazily import Lazily
from soundstage.errors import SoundstageError
from soundstage_training.models import MODELS, build

pytestmark = pytest.mark.heavy

if importlib.util.find_spec("torch") is None:
    pytest.skip("torch is not installed: pip install 'soundstage[train]'", allow_module_level=True)

torch = Lazily("torch")
losses = Lazily("soundstage_training.losses")
spainnet = Lazily("soundstage_training.models.spainnet")
stft = Lazily("soundstage_training.models.stft")

VARIANTS = ("D1-CAT", "D16-CAT", "D32-CAT", "D64-CAT", "DF-CAT", "DF-ADD", "DF-AdaIN")

SMALL_XUMX = {"sources": ["a", "b", "c"], "n_fft": 256, "hop": 64, "hidden": 12, "layers": 2}
SMALL: dict[str, Any] = {
    "xumx": ("xumx", SMALL_XUMX),
    **{variant: ("spainnet", {**SMALL_XUMX, "variant": variant}) for variant in VARIANTS},
    "munet": ("munet", {"n_fft": 128, "hop": 64, "depth": 3, "width": 4, "widest": 8}),
    "munet, no gate": ("munet", {"n_fft": 128, "hop": 64, "depth": 2, "width": 4, "kernel": 3, "sigmoid": False}),
    "munet, branch": ("munet", {"n_fft": 128, "hop": 64, "depth": 2, "width": 4, "classification": 0.3}),
    "munet, mono": ("munet", {"n_fft": 128, "hop": 64, "depth": 2, "width": 4, "channels": "mono"}),
    "dprnn": ("dprnn", {"n_fft": 128, "hop": 64, "features": 6, "hidden": 5, "blocks": 2}),
}


def small(title):
    torch.manual_seed(0)
    name, config = SMALL[title]
    return build(name, config)


def example(model, samples=3000, batch=2, seed=1):
    """A mixture, its references and the angles of its sources, for a model."""
    torch.manual_seed(seed)
    references = torch.randn(batch, len(model.sources), 2, samples)
    angles = torch.linspace(-30.0, 40.0, len(model.sources)).expand(batch, -1)
    return references.sum(1), references, angles if model.told_azimuths else None


# What the works say


def lstm(inputs, hidden):
    """Parameters of one direction of one layer: four gates, two biases."""
    return 4 * hidden * (inputs + hidden + 2)


def stream(extra=0):
    """Parameters of one source's network of X-UMX: 1487 bins of 4096/44.1 kHz reach 16 kHz, both channels' are seen."""
    normalised, encoder = 2 * 1487, (2 * 1487 + extra) * 512 + 2 * 512
    recurrent = 3 * 2 * lstm(512, 256)
    decoder = (512 + 512) * 512 + 2 * 512 + 512 * (2 * 2049) + 2 * (2 * 2049)
    return normalised + encoder + recurrent + decoder + 2 * 2049


X_UMX_PARAMETERS = 35_573_392
"""Of four sources; its paper's table says 35.6 M."""


def parameters_of(model):
    return sum(one.numel() for one in model.parameters())


def test_xumx_has_the_parameters_of_its_paper():
    assert 4 * stream() == X_UMX_PARAMETERS
    assert parameters_of(build("xumx", {})) == X_UMX_PARAMETERS


@pytest.mark.parametrize(
    ("variant", "extra"),
    [
        ("D1-CAT", 1),
        ("D16-CAT", 16),
        ("D32-CAT", 32),
        ("D64-CAT", 64),
        ("DF-CAT", 2048),
        ("DF-ADD", 0),
        ("DF-AdaIN", 0),
    ],
)
def test_spainnets_first_layers_take_what_the_angle_adds_and_nothing_else_changes(variant, extra):
    model = build("spainnet", {"variant": variant})
    assert parameters_of(model) == 4 * stream(extra)
    for one in model.streams:
        assert one.encoder[0].weight.shape == (512, 2 * 1487 + extra)
    assert build("spainnet", {}).config["variant"] == "D1-CAT"


def test_xumxs_layers_have_the_papers_shapes():
    one = build("xumx", {}).streams[0]
    shapes = {name: tuple(tensor.shape) for name, tensor in one.named_parameters()}
    assert shapes["input_mean"] == shapes["input_scale"] == (1487,)
    assert shapes["encoder.0.weight"] == (512, 2974)
    assert shapes["lstm.weight_ih_l0"] == (4 * 256, 512)
    assert shapes["lstm.weight_hh_l2_reverse"] == (4 * 256, 256)
    assert shapes["decoder.0.weight"] == (512, 1024)
    assert shapes["decoder.3.weight"] == (4098, 512)
    assert shapes["output_mean"] == shapes["output_scale"] == (2049,)
    assert one.lstm.dropout == 0.4
    without_bias = [one.encoder[0], one.decoder[0], one.decoder[3]]
    assert all(layer.bias is None for layer in without_bias)


@pytest.mark.parametrize(("depth", "kernel"), [(2, 3), (4, 5), (6, 7), (8, 9), (8, 5), (10, 11)])
def test_the_unet_has_as_many_blocks_of_that_kernel_as_the_report_tries(depth, kernel):
    model = build("munet", {"depth": depth, "kernel": kernel, "width": 2, "widest": 16}).eval()
    sizes = [min(2 * 2**level, 16) for level in range(depth)]
    block = kernel * kernel
    down = sum(a * b * block + b + 2 * b for a, b in zip([1, *sizes], sizes, strict=False))
    middle = sizes[-1] ** 2 * block + sizes[-1] + 2 * sizes[-1]
    outs = [*sizes[:-1][::-1], 2]
    up = sum(2 * a * b * block + b + 2 * b for a, b in zip(sizes[::-1], outs, strict=True))
    assert len(model.down) == len(model.up) == depth
    assert parameters_of(model) == down + middle + up + (2 * 2 + 2)
    assert model.stft.bins == 513
    assert model.masks(torch.rand(1, 513, 7)).shape == (1, 2, 513, 7)


def test_the_unets_planes_halve_on_the_way_down_and_come_back():
    """6 s at 44.1 kHz and a hop of 512: 513 bins, 518 frames; eight blocks as in the report's own network."""
    model = build("munet", {"width": 1, "widest": 2}).eval()
    with torch.no_grad():
        planes = [tuple(one.shape[-2:]) for one in model.encoded(torch.rand(1, 513, 518))]
    assert planes[:4] == [(513, 518), (257, 259), (129, 130), (65, 65)]
    assert planes[8] == planes[9] == (3, 3)


def test_the_dprnn_has_six_blocks_of_two_paths():
    model = build("dprnn", {})
    path = 2 * lstm(64, 128) + 2 * 128 * 64 + 64 + 2 * 64
    assert len(model.blocks) == 6
    assert parameters_of(model) == 2 * 4 + 4 * 64 + 64 + 6 * 2 * path + 1 + 64 * 4 + 4


# What every model does


@pytest.mark.parametrize("title", SMALL)
def test_gradients_reach_every_parameter(title):
    model = small(title)
    loss, images = model.losses(*example(model))
    assert loss.shape == ()
    assert images.shape == (2, len(model.sources), 2, 3000)
    loss.backward()
    for name, one in model.named_parameters():
        assert one.grad is not None, name
        assert bool(one.grad.isfinite().all()), name
        assert bool((one.grad != 0).any()), name


@pytest.mark.parametrize("title", SMALL)
def test_estimates_can_carry_another_loss_to_every_parameter(title):
    """Those that the spatial losses are added on hang together with the weights."""
    model = small(title)
    _, images = model.losses(*example(model))
    images.square().mean().backward()
    reached = {name for name, one in model.named_parameters() if one.grad is not None and bool((one.grad != 0).any())}
    assert {name for name, _ in model.named_parameters()} - reached <= {"classifier.weight", "classifier.bias"}


@pytest.mark.parametrize("title", SMALL)
@pytest.mark.parametrize("samples", [1, 2, 63, 64, 65, 700])
def test_any_length_is_separated_and_silence_stays_silent(title, samples):
    model = small(title).eval()
    mixture, _, angles = example(model, samples)
    with torch.no_grad():
        found, silent = model(mixture, angles), model(0 * mixture, angles)
    assert found.shape == (2, len(model.sources), 2, samples)
    assert bool(found.isfinite().all())
    assert not bool(silent.any())


@pytest.mark.parametrize("title", SMALL)
def test_the_config_is_json_and_builds_the_same_architecture(title):
    model = small(title)
    config = json.loads(json.dumps(model.config))
    again = type(model)(**config)
    assert again.config == model.config
    assert {name: one.shape for name, one in again.state_dict().items()} == {
        name: one.shape for name, one in model.state_dict().items()
    }
    assert (again.sources, again.rate) == (model.sources, model.rate)
    assert all(isinstance(source, str) for source in model.sources)


@pytest.mark.parametrize("title", SMALL)
def test_examples_of_a_batch_do_not_hear_one_another_once_trained(title):
    model = small(title).eval()
    mixture, _, angles = example(model, 900, batch=3)
    with torch.no_grad():
        together = model(mixture, angles)
        alone = torch.cat([model(mixture[k : k + 1], None if angles is None else angles[k : k + 1]) for k in range(3)])
    np.testing.assert_allclose(together, alone, atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_what_a_model_cannot_be_is_a_sentence(name):
    with pytest.raises(SoundstageError, match=r"sources=.*name one or more, each once|has two masks"):
        build(name, {"sources": ["a", "a"]})
    with pytest.raises(SoundstageError, match="overlap by less than half"):
        build(name, {"n_fft": 512, "hop": 512})
    with pytest.raises(SoundstageError, match=rf"model '{name}' cannot be built with these parameters"):
        build(name, {"colour": "red"})


def test_the_report_window_cannot_be_inverted_and_is_refused():
    with pytest.raises(SoundstageError, match=r"hop=512 and window=512: .*cannot be had back"):
        build("munet", {"n_fft": 1024, "hop": 512, "window": 512})


def test_an_unknown_model_gets_the_nearest_suggested():
    with pytest.raises(SoundstageError, match="there is no model 'xumz'; did you mean 'xumx'"):
        build("xumz", {})


# Masks


@pytest.mark.parametrize("title", SMALL)
def test_masks_are_where_their_work_puts_them(title):
    model = small(title)
    mixture, _, angles = example(model)
    spectrum = model.stft(mixture)
    if title.startswith("munet"):
        masks = model.masks(10 * spectrum.mean(1).abs())
        assert masks.shape == (2, 2, *spectrum.shape[-2:])
        bounded = bool(((masks > 0) & (masks < 1)).all())
        assert bounded == model.sigmoid
    elif title == "dprnn":
        masks = model.masks(spectrum)
        assert masks.shape == (2, 2, *spectrum.shape[1:])
        assert bool((masks > 0).all())
        np.testing.assert_allclose(masks.sum(1).detach(), np.ones(masks.sum(1).shape), atol=1e-6)
    else:
        masks = model.masks(spectrum.abs(), angles)
        assert masks.shape == (2, 3, *spectrum.shape[1:])
        assert bool((masks >= 0).all())


def test_the_dprnns_estimates_sum_to_the_mixture():
    model = small("dprnn")
    mixture, _, _ = example(model)
    np.testing.assert_allclose(model(mixture).sum(1).detach(), mixture, atol=1e-5)


def test_masks_of_one_give_the_mixture_back_and_mono_ones_its_mean():
    """So images are masks times the mixture and nothing else: each channel by default, its mean as the report did."""
    for channels in ("both", "mono"):
        model = build("munet", {"n_fft": 128, "hop": 64, "depth": 2, "width": 4, "channels": channels})
        with torch.no_grad():
            model.head.weight.zero_()
            model.head.bias.fill_(50.0)  # the gate is open
        mixture, _, _ = example(model)
        wanted = mixture if channels == "both" else mixture.mean(1, keepdim=True).expand(-1, 2, -1)
        np.testing.assert_allclose(model(mixture)[:, 0].detach(), wanted, atol=1e-5)


def test_the_unet_keeps_the_mixtures_image_in_both_and_none_in_mono():
    model = small("munet").eval()
    mixture, _, _ = example(model)
    panned = torch.stack([mixture[:, 0], 0.25 * mixture[:, 0]], 1)
    with torch.no_grad():
        both = model(panned)
        model.channels = "mono"
        mono = model(panned)
    np.testing.assert_allclose(both[:, :, 1], 0.25 * both[:, :, 0], atol=1e-6)
    np.testing.assert_array_equal(mono[:, :, 0], mono[:, :, 1])


# The code of an angle


def by_hand(angle, size):
    """Eqs 1 and 2, entry by entry."""
    found = []
    for index in range(size // 2):
        slower = angle / 45 ** (2 * index / size)
        faster = angle / 45 ** ((size - 2 * index) / size)
        phase = slower if angle >= 0 else faster
        found += [math.sin(phase), math.cos(phase)]
    return found


@pytest.mark.parametrize("size", [2, 16, 32, 64, 2048])
@pytest.mark.parametrize("angle", [0.0, 1.0, 8.5, 30.0, 45.0, -1.0, -8.5, -30.0, -45.0])
def test_the_code_is_equations_1_and_2(angle, size):
    found = spainnet.positional_code(torch.tensor([angle]), size)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found[0], by_hand(angle, size), atol=1e-6)


def test_the_code_of_the_middle_is_sines_of_0_and_cosines_of_1():
    found = spainnet.positional_code(torch.tensor([0.0]), 8)
    np.testing.assert_array_equal(found[0], [0, 1, 0, 1, 0, 1, 0, 1])


def test_the_ripples_of_an_angle_lie_on_its_own_side_of_the_code():
    left, right = (spainnet.positional_code(torch.tensor([angle]), 64)[0].numpy() for angle in (40.0, -40.0))
    ripples = [np.abs(np.diff(code[1::2])) for code in (left, right)]
    assert ripples[0][:8].sum() > 5 * ripples[0][-8:].sum()
    assert ripples[1][-8:].sum() > 5 * ripples[1][:8].sum()
    # Mirrored pair by pair, but for the first, and of another sign where a sine is odd: P(2i) = −N(D − 2i).
    np.testing.assert_allclose(left[2::2], -right[2::2][::-1], atol=1e-5)
    np.testing.assert_allclose(left[3::2], right[3::2][::-1], atol=1e-5)


def test_a_code_of_an_odd_length_ends_with_a_sine():
    np.testing.assert_allclose(spainnet.positional_code(torch.tensor([20.0]), 5)[0], [*by_sines(20.0, 5)], atol=1e-6)


def by_sines(angle, size):
    for index in range(size):
        phase = angle / 45 ** (2 * (index // 2) / size)
        yield math.sin(phase) if index % 2 == 0 else math.cos(phase)


def test_adain_gives_every_frame_the_codes_mean_and_deviation():
    torch.manual_seed(3)
    frames, code = 5 + 3 * torch.randn(2, 7, 300), spainnet.positional_code(torch.tensor([33.0, -12.0]), 2048)
    found = spainnet.adaptive_instance_norm(frames, code)
    for k in range(2):
        np.testing.assert_allclose(found[k].mean(-1), np.full(7, float(code[k].mean())), atol=1e-5)
        np.testing.assert_allclose(
            found[k].std(-1, unbiased=False), np.full(7, float(code[k].std(unbiased=False))), atol=1e-5
        )
    # What is left of the spectrum is its shape.
    correlation = np.corrcoef(found[0, 3].numpy(), frames[0, 3].numpy())[0, 1]
    assert correlation == pytest.approx(1.0, abs=1e-5)
    silent = spainnet.adaptive_instance_norm(torch.zeros(2, 1, 300), code)
    np.testing.assert_allclose(silent[:, 0, 0], code.mean(-1), atol=1e-6)


@pytest.mark.parametrize(("variant", "joined"), [("D1-CAT", 1), ("D16-CAT", 16), ("DF-CAT", 2048)])
def test_what_is_concatenated_is_the_angle_or_its_code(variant, joined):
    model = build("spainnet", {**SMALL_XUMX, "variant": variant})
    frames = torch.rand(2, 5, 2 * model.inside)
    angles = torch.tensor([[10.0, -20.0, 30.0], [0.0, 5.0, -5.0]])
    found = model.conditioned(frames, angles, 1)
    assert found.shape == (2, 5, 2 * model.inside + joined)
    np.testing.assert_array_equal(found[..., : 2 * model.inside], frames)
    wanted = [[-20.0], [5.0]] if joined == 1 else [by_hand(-20.0, joined), by_hand(5.0, joined)]
    for frame in range(5):
        np.testing.assert_allclose(found[:, frame, 2 * model.inside :], wanted, atol=1e-6)


def test_what_is_added_is_a_code_as_long_as_both_channels():
    model = build("spainnet", {**SMALL_XUMX, "variant": "DF-ADD"})
    frames = torch.rand(1, 4, 2 * model.inside)
    found = model.conditioned(frames, torch.tensor([[1.0, 2.0, -44.0]]), 2) - frames
    np.testing.assert_allclose(found[0, 0], by_hand(-44.0, 2 * model.inside), atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_hears_its_own_sources_angle_and_needs_it(variant):
    model = small(variant).eval()
    mixture, _, angles = example(model)
    turned = angles.clone()
    turned[:, 0] += 11.0
    with torch.no_grad():
        assert float((model(mixture, angles) - model(mixture, turned)).abs().max()) > 1e-6
    with pytest.raises(SoundstageError, match="has to be told where a, b, c sit"):
        model(mixture)


# Losses


def test_the_weighted_sdr_is_minus_one_of_a_perfect_estimate_and_never_less():
    torch.manual_seed(0)
    references = torch.randn(3, 2, 2, 500)
    mixture = references.sum(1, keepdim=True)
    assert float(losses.weighted_sdr(references, references, mixture)) == pytest.approx(-1.0, abs=1e-5)
    for scale in (0.1, 7.0):  # cosines do not mind a gain of the estimate, but the rest of the mixture does
        assert -1.0 < float(losses.weighted_sdr(scale * references, references, mixture)) < -0.3
    assert float(losses.weighted_sdr(-references, references, mixture)) > -0.5


def test_the_weighted_sdr_is_its_papers_equation():
    rng = np.random.default_rng(2)
    s, e, x = (rng.standard_normal(400) for _ in range(3))

    def cosine(a, b):
        return a @ b / np.sqrt((a @ a) * (b @ b))

    share = s @ s / (s @ s + (x - s) @ (x - s))
    wanted = -share * cosine(s, e) - (1 - share) * cosine(x - s, x - e)
    given = (torch.from_numpy(one[None]) for one in (e, s, x))
    assert float(losses.weighted_sdr(*given)) == pytest.approx(wanted, abs=1e-9)


def test_xumxs_loss_is_ten_times_one_plus_the_weighted_sdr_beside_the_spectral_error():
    model = small("xumx").eval()
    mixture, references, _ = example(model)
    loss, images = model.losses(mixture, references)
    spectrum = model.stft(mixture)
    magnitudes = model.masks(spectrum.abs()) * spectrum.abs()[:, None]
    spectral = float((magnitudes - model.stft(references).abs()).square().mean().detach())
    in_time = float(losses.weighted_sdr(images, references, mixture[:, None]).detach())
    assert float(loss.detach()) == pytest.approx(spectral + 10 * (1 + in_time), rel=1e-6)


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9])
def test_the_reports_loss_is_l1_of_masked_magnitudes_with_the_vocals_weighted(weight):
    model = build("munet", {"n_fft": 128, "hop": 64, "depth": 2, "width": 4, "vocal_weight": weight}).eval()
    mixture, references, _ = example(model)
    magnitude = model.stft(mixture.mean(1)).abs()
    found = model.masks(magnitude) * magnitude[:, None]
    wanted = model.stft(references.mean(2)).abs()
    each = (found - wanted).abs().mean((0, 2, 3)).detach().numpy()
    loss, _ = model.losses(mixture, references)
    assert float(loss.detach()) == pytest.approx(weight * each[0] + (1 - weight) * each[1], rel=1e-5)


def test_the_branch_adds_its_cross_entropy_and_learns_to_tell_sources_apart():
    model = small("munet, branch")
    mixture, references, _ = example(model)
    references[:, 1] *= 0.05
    plain = build("munet", {**SMALL["munet, branch"][1], "classification": 0.0})
    plain.load_state_dict(model.state_dict(), strict=False)
    found, without = (float(one.eval().losses(mixture, references)[0].detach()) for one in (model, plain))
    entropy = float(model.classification_loss(model.stft(references.mean(2)).abs()).detach())
    assert found == pytest.approx(without + 0.3 * entropy, rel=1e-5)
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        model.classification_loss(model.stft(references.mean(2)).abs()).backward()
        optimizer.step()
    scores = model.scores(model.stft(references.mean(2)).abs().flatten(0, 1))
    assert scores.argmax(1).tolist() == [0, 1, 0, 1]


def test_the_phase_aware_loss_is_the_magnitudes_error_and_the_phases_weighted():
    torch.manual_seed(5)
    found, wanted = (torch.randn(2, 3, 40, dtype=torch.complex128) for _ in range(2))
    magnitudes = (found.abs() - wanted.abs()).square().mean()
    phases = (2 * found.abs() * wanted.abs() * (1 - torch.cos(found.angle() - wanted.angle()))).mean()
    for weight in (0.0, 0.4, 1.0, 3.0):
        assert float(losses.phase_aware(found, wanted, weight)) == pytest.approx(float(magnitudes + weight * phases))
    assert float(losses.phase_aware(found, wanted)) == pytest.approx(float((found - wanted).abs().square().mean()))


def test_for_real_masks_it_is_the_phase_sensitive_approximation_and_a_constant():
    """Erdogan et al. (2015): (m|X| − |S| cos of the difference in phase)²; what is left does not know the mask."""
    torch.manual_seed(6)
    mixture, wanted = (torch.randn(500, dtype=torch.complex128) for _ in range(2))
    apart = mixture.angle() - wanted.angle()
    left = []
    for mask in torch.rand(3, 500, dtype=torch.float64):
        approximation = (mask * mixture.abs() - wanted.abs() * torch.cos(apart)).square().mean()
        left.append(float(losses.phase_aware(mask * mixture, wanted) - approximation))
    np.testing.assert_allclose(left, left[0], atol=1e-12)


# What is around


@pytest.mark.parametrize(("n_fft", "hop"), [(1024, 512), (4096, 1024), (2048, 512), (257, 100)])
@pytest.mark.parametrize("samples", [1, 100, 511, 512, 513, 20000])
def test_a_signal_comes_back_from_its_spectrum(n_fft, hop, samples):
    torch.manual_seed(0)
    transform, signal = stft.Stft(n_fft, hop), torch.randn(2, 2, samples)
    spectrum = transform(signal)
    assert spectrum.shape[:3] == (2, 2, n_fft // 2 + 1)
    np.testing.assert_allclose(transform.inverse(spectrum, samples), signal, atol=1e-5)


def test_the_transform_is_the_definition():
    signal = torch.randn(512)
    transform = stft.Stft(64, 16)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    padded = np.pad(signal.numpy(), 32, mode="reflect")
    frames = np.stack([np.fft.rfft(window * padded[k : k + 64]) for k in range(0, 512 + 1, 16)], 1)
    np.testing.assert_allclose(transform(signal), frames, atol=1e-4)


def test_xumxs_input_is_scaled_to_mean_0_and_deviation_1_by_what_it_measures():
    model = small("xumx")
    torch.manual_seed(2)
    mixtures = [torch.randn(2, 4000) * level for level in (0.1, 1.0, 3.0)]
    model.measure(iter(mixtures))
    heard = torch.cat([model.stft(one).abs().mean(0)[: model.inside] for one in mixtures], -1)
    for one in model.streams:
        scaled = (heard.T + one.input_mean) * one.input_scale
        np.testing.assert_allclose(scaled.mean(0).detach(), np.zeros(model.inside), atol=1e-4)
        np.testing.assert_allclose(scaled.std(0, unbiased=False).detach(), np.ones(model.inside), atol=1e-4)
    before = model.streams[0].input_scale.clone()
    model.measure([torch.zeros(2, 1000)])  # silence says nothing
    np.testing.assert_array_equal(model.streams[0].input_scale.detach(), before.detach())
