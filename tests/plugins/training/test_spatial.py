"""The losses that keep the image: closed forms, silence, and where following their gradients leads."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest

from lazily import Lazily

pytestmark = pytest.mark.heavy

if importlib.util.find_spec("torch") is None:
    pytest.skip("torch is not installed: pip install 'soundstage[train]'", allow_module_level=True)

torch = Lazily("torch")
spatial = Lazily("soundstage_training.spatial")

RATE = 44100
MS_A_SAMPLE = 1000 / RATE


def noise(seconds=1.0, seed=0, slope=0.5):
    """Noise whose magnitude falls with frequency, as music's does; (samples,)."""
    torch.manual_seed(seed)
    spectrum = torch.fft.rfft(torch.randn(int(seconds * RATE)))
    found = torch.fft.irfft(spectrum / torch.arange(1, len(spectrum) + 1) ** slope)
    return 0.1 * found / found.std()


def delayed(signal, samples):
    """The signal later by any number of samples, which may be a tensor that has a gradient."""
    size = 2 * signal.shape[-1]
    spectrum = torch.fft.rfft(signal, n=size)
    turns = torch.arange(spectrum.shape[-1]) / size * samples
    return torch.fft.irfft(spectrum * torch.exp(-2j * math.pi * turns), n=size)[..., : signal.shape[-1]]


def pair(signal, itd=0.0, ild=0.0):
    """Both channels, (1, 1, 2, samples): the right one later by `itd` samples, the left one louder by `ild` dB."""
    return torch.stack([10 ** (ild / 20) * signal, delayed(signal, torch.as_tensor(float(itd)))])[None, None]


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_equal_signals_cost_nothing(slope):
    same = pair(noise(slope=slope), 11.0, 4.0)
    assert float(spatial.itd_loss(same, same, RATE)) == 0.0
    assert float(spatial.ild_loss(same, same, RATE)) == 0.0


@pytest.mark.parametrize("base", [-25.0, 0.0, 7.0])
@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_a_planted_delay_costs_itself_and_more_the_longer_it_is(slope, base):
    signal = noise(slope=slope)
    reference = pair(signal, base)
    errors = [0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 30.0]
    costs = [float(spatial.itd_loss(reference, pair(signal, base + error), RATE)) / MS_A_SAMPLE for error in errors]
    assert costs == sorted(costs)
    np.testing.assert_allclose(costs, errors, atol=0.03)
    other_way = float(spatial.itd_loss(reference, pair(signal, base - 3.0), RATE)) / MS_A_SAMPLE
    assert other_way == pytest.approx(3.0, abs=0.03)


@pytest.mark.parametrize("base", [-9.0, 0.0, 6.0])
@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_a_planted_gain_of_one_channel_costs_itself_and_more_the_larger_it_is(slope, base):
    signal = noise(slope=slope)
    reference = pair(signal, 0.0, base)
    errors = [0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0]
    costs = [float(spatial.ild_loss(reference, pair(signal, 0.0, base + error), RATE)) for error in errors]
    assert costs == sorted(costs)
    np.testing.assert_allclose(costs, errors, rtol=0.02)


def test_each_cue_leaves_the_other_alone():
    signal = noise()
    reference = pair(signal, 5.0, 3.0)
    assert float(spatial.itd_loss(reference, pair(signal, 5.0, 9.0), RATE)) / MS_A_SAMPLE < 0.02
    assert float(spatial.ild_loss(reference, pair(signal, 6.0, 3.0), RATE)) < 0.4


def test_the_level_of_an_estimate_alone_costs_next_to_nothing():
    reference = pair(noise(), 8.0, 5.0)
    assert float(spatial.itd_loss(reference, 0.5 * reference, RATE)) / MS_A_SAMPLE < 0.02
    assert float(spatial.ild_loss(reference, 0.5 * reference, RATE)) < 0.05


def test_signals_count_alike_however_loud_and_a_silent_reference_not_at_all():
    signal = noise()
    near, far = pair(signal, 2.0), pair(signal, 10.0)
    reference = pair(signal, 0.0)
    both = spatial.itd_loss(torch.cat([reference, 0.01 * reference]), torch.cat([near, 0.01 * far]), RATE)
    assert float(both) / MS_A_SAMPLE == pytest.approx(6.0, abs=0.05)
    silent = spatial.itd_loss(torch.cat([reference, 0 * reference]), torch.cat([near, far]), RATE)
    assert float(silent) / MS_A_SAMPLE == pytest.approx(2.0, abs=0.03)


SILENT_LEFT = [[0.0], [1.0]]


@pytest.mark.parametrize("length", [1, 2, 5, 4410, 9001])
@pytest.mark.parametrize("loss", ["itd_loss", "ild_loss"])
def test_gradients_are_finite_on_silence_on_one_silent_channel_and_at_any_length(loss, length):
    torch.manual_seed(1)
    sound, other = torch.randn(2, 3, 2, length), torch.randn(2, 3, 2, length)
    silence, left = torch.zeros(2, 3, 2, length), torch.tensor(SILENT_LEFT)
    for reference in (sound, silence, left * sound, 1e-12 * sound, 1e4 * sound):
        for estimate in (other, silence, left * other, reference, 1e-15 * other, 1e5 * other):
            given = estimate.clone().requires_grad_()
            cost = getattr(spatial, loss)(reference, given, RATE)
            cost.backward()
            assert math.isfinite(float(cost.detach()))
            assert bool(given.grad.isfinite().all())


def test_following_the_gradient_takes_a_planted_delay_back():
    signal = noise(0.5)
    reference = pair(signal, -6.0)
    delay = torch.tensor(14.0, requires_grad=True)
    optimizer = torch.optim.Adam([delay], lr=0.5)
    for step in range(120):
        optimizer.param_groups[0]["lr"] = 0.5 if step < 80 else 0.02
        optimizer.zero_grad()
        spatial.itd_loss(reference, torch.stack([signal, delayed(signal, delay)])[None, None], RATE).backward()
        optimizer.step()
    assert float(delay.detach()) == pytest.approx(-6.0, abs=0.1)


def test_following_the_gradient_takes_a_planted_gain_back():
    signal = noise(0.5)
    reference = pair(signal, 0.0, -8.0)
    gain_db = torch.tensor(7.0, requires_grad=True)
    optimizer = torch.optim.Adam([gain_db], lr=0.5)
    for step in range(100):
        optimizer.param_groups[0]["lr"] = 0.5 if step < 60 else 0.02
        optimizer.zero_grad()
        spatial.ild_loss(reference, torch.stack([10 ** (gain_db / 20) * signal, signal])[None, None], RATE).backward()
        optimizer.step()
    assert float(gain_db.detach()) == pytest.approx(-8.0, abs=0.1)


def test_samples_themselves_follow_the_gradient_to_the_references_image():
    """Not a delay or a gain but every sample is free; the estimate's cues end at the reference's."""
    signal = noise(0.2)
    reference = pair(signal, 12.0, 6.0)
    estimate = pair(signal, 0.0, 0.0).clone().requires_grad_()
    before = [float(loss(reference, estimate.detach(), RATE)) for loss in (spatial.itd_loss, spatial.ild_loss)]
    optimizer = torch.optim.Adam([estimate], lr=5e-3)
    for _ in range(250):
        optimizer.zero_grad()
        both = spatial.itd_loss(reference, estimate, RATE) + 0.05 * spatial.ild_loss(reference, estimate, RATE)
        both.backward()
        optimizer.step()
    after = [float(loss(reference, estimate.detach(), RATE)) for loss in (spatial.itd_loss, spatial.ild_loss)]
    assert after[0] < 0.3 * before[0]
    assert after[1] < 0.25 * before[1]


def test_other_rates_and_leading_axes_give_the_same():
    signal = noise()
    reference, estimate = pair(signal, 0.0), pair(signal, 4.0)
    one = float(spatial.itd_loss(reference, estimate, RATE))
    assert float(spatial.itd_loss(reference[0, 0], estimate[0, 0], RATE)) == pytest.approx(one, rel=1e-5)
    assert float(spatial.itd_loss(reference, estimate, RATE // 2)) == pytest.approx(2 * one, rel=0.02)
