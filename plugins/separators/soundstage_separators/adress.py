"""ADRess: azimuth discrimination and resynthesis of sources that are panned by level.

Barry, Lawlor & Coyle, "Sound source separation: azimuth discrimination and resynthesis", Proc. DAFx 2004, Naples. There
a listener moves a slider to each source; here peaks of the azimugram, the energy at every azimuth over all time, say
where the sources are.

The azimuth axis runs from −β (hard right) over 0 (centre) to +β (hard left): a source at i > 0 is louder on the left by
1 / g, with g = 1 − i/β the gain at which left·g cancels it in the right channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d

from soundstage.errors import SoundstageError
from soundstage_separators.stft import Stft

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage.audio import Samples
    from soundstage.contracts import Need
    from soundstage_separators.stft import Spectrum

SMOOTHING = 0.02
"""Standard deviation of the kernel that smooths the azimugram, on an axis whose half has length 1."""

APART = 0.04
"""The least distance of two sources on that axis; 5° of constant-power panning are 0.08 at the sides, 0.16 in front."""


@dataclass(frozen=True, slots=True, eq=False)
class Nulls:
    """Where on the azimuth axis each bin of a block vanishes, and how deep the null is; all arrays (frames, bins).

    dominant: the louder channel. position: −β … β. magnitude: of the source there, in the louder channel.
    in_phase: whether the channels agree in sign, as they do where one panned source is alone.
    """

    dominant: Spectrum
    position: NDArray[np.int64]
    magnitude: NDArray[np.float64]
    in_phase: NDArray[np.bool_]


class Adress:
    """Finds level-panned sources blindly by the azimuth at which they cancel, and returns them panned back to it.

    Always as many images as asked for; where fewer positions are found (silence, mono, a lone source), the rest are
    silent.
    """

    revision = 1
    named = False
    keeps_image = False  # it pans by level alone: where a source led in time, that is lost
    trained_on: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ("source_count",)

    def __init__(self, *, window: int = 4096, hop: int = 1024, resolution: int = 100, reach: float = 2.0) -> None:
        """window, hop: of the STFT, in samples. resolution: β, the azimuths on each side.

        reach: how far from its source a bin may lie, half the width H of the paper's azimuth subspace, on an axis of
        length 2; the default leaves every bin to the nearest source. Raises SoundstageError where a value makes no
        sense.
        """
        if isinstance(resolution, bool) or not isinstance(resolution, int) or resolution < 2:
            raise SoundstageError(f"resolution={resolution!r}: a whole number of azimuths, at least 2, was expected")
        if not 0 < reach <= 2:
            raise SoundstageError(f"reach={reach!r}: a number above 0 and up to 2, the whole axis, was expected")
        self._stft = Stft(window, hop)
        self._resolution, self._reach = resolution, reach * resolution

    def separate(self, mixture: Samples, rate: int, *, source_count: int) -> list[Samples]:
        """Images (2, samples) of the sources, the strongest position first."""
        stft, beta, length = self._stft, self._resolution, mixture.shape[-1]
        azimugram = np.zeros(2 * beta + 1)
        for frames in stft.blocks(length):
            found = nulls(stft.analyse(mixture, frames), beta)
            # Out of phase, no gain cancels anything: such a bin says nothing about where a source is.
            votes = found.magnitude * found.in_phase
            azimugram += np.bincount((found.position + beta).ravel(), votes.ravel(), minlength=2 * beta + 1)
        positions = peak_positions(azimugram, source_count) - beta
        canvases = [stft.canvas((2,), length) for _ in positions]
        for frames in stft.blocks(length) if len(positions) else ():
            found = nulls(stft.analyse(mixture, frames), beta)
            loudness = np.abs(found.dominant)
            # The magnitude of the null with the phase of the mixture.
            source = found.magnitude * found.dominant / np.where(loudness > 0, loudness, 1.0)
            nearest = nearest_position(positions, beta)[found.position + beta]
            for index, (canvas, position) in enumerate(zip(canvases, positions, strict=True)):
                inside = (nearest == index) & (np.abs(found.position - position) <= self._reach)
                alone = source * inside
                quiet = alone * (1 - abs(position) / beta)
                stft.paint(canvas, np.stack([alone, quiet] if position >= 0 else [quiet, alone]), frames)
        images = [stft.crop(canvas, length) for canvas in canvases]
        return images + [np.zeros((2, length)) for _ in range(source_count - len(images))]


def nulls(spectrum: Spectrum, beta: int) -> Nulls:
    """The null of every bin of a spectrum (2, frames, bins) on the frequency–azimuth plane |quiet − g·loud|, g = i/β.

    Squared, the plane is a parabola in g. So its minimum over the grid is at the grid point nearest to the vertex, its
    maximum at one end, and the plane itself (β + 1 numbers for each bin) need not be computed. A bin counts in one
    plane only, that of its louder channel: in the other it would have a false null at the centre.
    """
    left_is_louder = np.abs(spectrum[0]) >= np.abs(spectrum[1])
    loud = np.where(left_is_louder, spectrum[0], spectrum[1])
    quiet = np.where(left_is_louder, spectrum[1], spectrum[0])
    loud_power = loud.real**2 + loud.imag**2
    quiet_power = quiet.real**2 + quiet.imag**2
    cross = loud.real * quiet.real + loud.imag * quiet.imag
    vertex = np.divide(cross, loud_power, out=np.zeros_like(cross), where=loud_power > 0)
    index = np.rint(np.clip(vertex, 0, 1) * beta).astype(np.int64)
    g = index / beta
    lowest = np.sqrt(np.maximum(quiet_power - 2 * g * cross + g**2 * loud_power, 0))
    highest = np.sqrt(np.maximum(quiet_power, quiet_power - 2 * cross + loud_power))
    # A lone source of gain g has the plane |g − g'|·|loud|, whose maximum is max(g, 1 − g)·|loud|. Divided by that it
    # keeps its level wherever it is; by max − min alone, a source at g = 0.5 would lose 6 dB against one at the centre.
    magnitude = (highest - lowest) / np.maximum(g, 1 - g)
    position = np.where(left_is_louder, beta - index, index - beta)
    return Nulls(loud, position, magnitude, cross >= 0)


def peak_positions(azimugram: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Indices of up to `count` peaks of an azimugram of 2β + 1 azimuths, the highest first.

    Where it has fewer local maxima, the highest azimuths that are APART from those are added, and none where the
    azimugram is empty.
    """
    beta = (len(azimugram) - 1) // 2
    smooth = gaussian_filter1d(azimugram, SMOOTHING * beta, mode="constant")
    walled = np.concatenate([[-1.0], smooth, [-1.0]])
    is_peak = (smooth > walled[:-2]) & (smooth >= walled[2:])
    chosen: list[int] = []
    # Local maxima first, then the rest; each by height.
    for index in np.lexsort((-smooth, ~is_peak)):
        if len(chosen) == count:
            break
        if smooth[index] > 0 and all(abs(index - other) >= APART * beta for other in chosen):
            chosen.append(int(index))
    return np.array(chosen, dtype=np.int64)


def nearest_position(positions: NDArray[np.int64], beta: int) -> NDArray[np.int64]:
    """For each azimuth −β … β the index of the nearest of the positions."""
    nearest: NDArray[np.int64] = np.argmin(np.abs(np.arange(-beta, beta + 1)[:, None] - positions), axis=1)
    return nearest
