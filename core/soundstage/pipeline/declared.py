"""What a separator declares about itself, read in one place and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from soundstage.contracts import NEEDS, Degradation, Need, Role, Separator
from soundstage.errors import SoundstageError, suggestion
from soundstage.heard import fault_of_stated

BLIND_NEEDS = frozenset({"sources", "source_count"})
"""What a blind separator may ask for. Who is told which cell it is may look anything up: nobody knows what it saw."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A separator's optional attributes, with their defaults; see `soundstage.contracts.Separator`."""

    needs: tuple[Need, ...] = ()
    sources: tuple[str, ...] | None = None
    rate: int | None = None
    role: Role = "separator"
    named: bool = True
    may_lack: bool = False
    trained_on: tuple[str, ...] | None = None
    degradation: Degradation | None = None
    from_files: bool = False

    @property
    def is_blind(self) -> bool:
        """Whether it saw the mixture alone."""
        return self.role == "separator" and set(self.needs) <= BLIND_NEEDS


def declared(separator: Separator) -> Declared:
    """What the separator declares now; loading may have changed its sources and rate.

    Raises SoundstageError that names the attribute where it is not what it may be.
    """
    needs = tuple(_texts(separator, "needs") or ())
    for need in needs:
        if need not in NEEDS:
            raise SoundstageError(f"declares an unknown need '{need}'; the needs are {', '.join(NEEDS)}")
    role = getattr(separator, "role", "separator")
    if role not in get_args(Role):
        raise SoundstageError(f"declares the role {role!r}{suggestion(str(role), get_args(Role))}")
    if role == "separator" and {"references", "renderer"} & set(needs):
        role = "oracle"
    rate = getattr(separator, "rate", None)
    is_rate = isinstance(rate, (int, float)) and not isinstance(rate, bool) and rate > 0 and rate == int(rate)
    if rate is not None and not is_rate:
        raise SoundstageError(f"declares the rate {rate!r}; give whole Hz, or None for any")
    sources = _texts(separator, "sources")
    named = bool(getattr(separator, "named", True))
    may_lack = getattr(separator, "may_lack", False) is True
    trained_on = _texts(separator, "trained_on")
    if trouble := fault_of_stated(trained_on or ()):
        raise SoundstageError(f"declares trained_on, which {trouble}")
    degradation = getattr(separator, "degradation", None)
    if degradation is not None and not isinstance(degradation, Degradation):
        raise SoundstageError(f"declares the degradation {degradation!r}; give a soundstage.Degradation, or None")
    whole = None if rate is None else int(rate)
    from_files = getattr(separator, "from_files", False) is True
    stated = Declared(needs, sources, whole, role, named, may_lack, trained_on, degradation)  # type: ignore[arg-type]
    return replace(stated, from_files=from_files)


def _texts(separator: Separator, name: str) -> tuple[str, ...] | None:
    value = getattr(separator, name, None)
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(one, str) for one in value):
        raise SoundstageError(f'declares {name} = {value!r}; give a tuple of names, as in {name} = ("vocals",)')
    return tuple(value)
