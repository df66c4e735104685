"""The short-time Fourier transform that all models share: periodic Hann windows, centred frames, any length."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from soundstage.errors import SoundstageError


class Stft(nn.Module):
    """Spectra of signals, and signals of spectra. It has nothing to learn and nothing that is saved."""

    window: Tensor

    def __init__(self, n_fft: int, hop: int, window: int | None = None) -> None:
        """n_fft, hop, window: in samples; the window is as long as the transform unless said otherwise.

        Raises SoundstageError where a signal could not be had back from its spectrum.
        """
        super().__init__()
        length = n_fft if window is None else window
        if n_fft < 4 or not 1 <= length <= n_fft:
            raise SoundstageError(f"n_fft={n_fft} and window={length}: a window of 1 to n_fft samples was expected")
        if not 1 <= hop <= length // 2:
            raise SoundstageError(
                f"hop={hop} and window={length}: windows that overlap by less than half leave samples in none of them,"
                f" and the signal cannot be had back; take a hop of {length // 2} or less"
            )
        self.n_fft, self.hop = n_fft, hop
        self.bins = n_fft // 2 + 1
        self.register_buffer("window", torch.hann_window(length), persistent=False)

    def forward(self, signals: Tensor) -> Tensor:
        """Spectra (…, bins, frames), complex, of signals (…, samples).

        Silence is put behind a signal until it is a whole number of hops, so that no sample lies at the very end of all
        windows that hold it, and long enough to be reflected at its ends.
        """
        signals = signals.float()
        signals = nn.functional.pad(signals, (0, self._whole(signals.shape[-1]) - signals.shape[-1]))
        flat = signals.reshape(-1, signals.shape[-1])
        spectra = torch.stft(
            flat, self.n_fft, self.hop, self.window.numel(), self.window, pad_mode="reflect", return_complex=True
        )
        return spectra.reshape(*signals.shape[:-1], *spectra.shape[-2:])

    def inverse(self, spectra: Tensor, samples: int) -> Tensor:
        """Signals (…, samples) of spectra (…, bins, frames)."""
        flat = spectra.reshape(-1, *spectra.shape[-2:])
        whole = self._whole(samples)
        signals = torch.istft(flat, self.n_fft, self.hop, self.window.numel(), self.window, length=whole)
        return signals.reshape(*spectra.shape[:-2], whole)[..., :samples]

    def _whole(self, samples: int) -> int:
        """Samples of the signal that is transformed in place of one of so many."""
        return -(-max(samples, self.n_fft // 2 + 1) // self.hop) * self.hop
