"""What an operator found out about an attempt whose money is open."""

from dataclasses import dataclass
from typing import TypeAlias

from router.core.refusal import RefusedOrderError


@dataclass(frozen=True, slots=True)
class Found:
    """The provider has it under this id: it is asked about until its money is known."""

    remote_id: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider never took it on, or never billed it: its money is voided."""


@dataclass(frozen=True, slots=True)
class Billed:
    """The provider billed it, for no video that anybody got; None is as much as was quoted."""

    microusd: int | None = None


Resolution: TypeAlias = Found | NotFound | Billed


class ResolutionError(RefusedOrderError):
    """An attempt cannot be resolved so."""
