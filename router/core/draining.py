"""Draining: an operator lets a provider finish what it has, and gives it nothing more until he takes that back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from router.core.health import ProviderHealth
from router.core.refusal import RefusedOrderError


class DrainError(RefusedOrderError):
    """A provider cannot be drained, or be given jobs again, so."""


@dataclass(frozen=True, slots=True)
class Draining:
    """Whether a provider is drained now, and how many attempts are still in flight there."""

    provider: str
    drained: bool
    in_flight: int


def drain(health: Mapping[str, ProviderHealth], sellers: Collection[str], name: str, drained: bool) -> Draining:
    """Drain a provider that sells something, or let it have jobs again; raises DrainError."""
    found = health.get(name) if name in sellers else None
    if found is None:
        message = f"there is no provider {name[:64]!r}; the providers are: {', '.join(sorted(sellers)) or 'none'}"
        raise DrainError(message, "provider_not_found")
    if not drained and found.provider.drained:
        message = (
            f"{name} is drained by the configuration; take `drained: true` out of `providers.{name}` there and reload"
        )
        raise DrainError(message, "drained_by_config")
    found.drain(on=drained)
    return Draining(name, found.drained, found.snapshot().in_flight)
