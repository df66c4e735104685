"""What a model must be so that it can be trained, kept and used as a separator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor


class Model(Protocol):
    """A `torch.nn.Module` with these besides.

    config: every argument of its constructor, JSON values; `type(model)(**model.config)` is the same architecture.
    sources: what it separates, in the order of its estimates. rate: of its signals, in Hz. told_azimuths: whether it
    must be told where the sources sit. granule: samples; a signal that starts a whole number of them later is heard
    alike, but for its ends.
    """

    name: ClassVar[str]
    config: Mapping[str, Any]
    sources: tuple[str, ...]
    rate: int
    told_azimuths: bool
    granule: int

    def forward(self, mixture: Tensor, azimuths: Tensor | None = None) -> Tensor:
        """The images (batch, sources, 2, samples) in mixtures (batch, 2, samples), of any length from one sample.

        azimuths: (batch, sources) in degrees, positive to the left, of a panorama that ends at ±45: what
        `Placement.panning_angle` gives. None where the model is not told them.
        """

    def losses(self, mixture: Tensor, references: Tensor, azimuths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The work's own training loss, a scalar, and the images (batch, sources, 2, samples) that it was found with.

        references: (batch, sources, 2, samples), in the order of `sources`.
        """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What it has as a module."""


@runtime_checkable
class MeasuresInput(Protocol):
    """A model that wants to see the training data's mixtures once before it is trained, to scale what it is given."""

    def measure(self, mixtures: Iterable[Tensor]) -> None:
        """Take the scale from mixtures, each (2, samples)."""
