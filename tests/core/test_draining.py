"""A provider that an operator drains, and gives jobs again."""

from collections.abc import Callable
from random import Random

import pytest

from router.core.catalog import Provider
from router.core.draining import DrainError, Draining, drain
from router.core.events import Event, ProviderDrained
from router.core.health import ProviderHealth
from tests.builders import ManualTime, a_provider


def wards(*providers: Provider, emit: Callable[[Event], None]) -> dict[str, ProviderHealth]:
    clock = ManualTime().clock
    return {provider.name: ProviderHealth(provider, clock, Random(3), emit) for provider in providers}


def test_a_drained_provider_finishes_what_it_has_and_starts_nothing_more() -> None:
    events: list[Event] = []
    health = wards(a_provider("alpha"), emit=events.append)
    permits = health["alpha"].try_start()
    assert permits is not None
    assert drain(health, ["alpha"], "alpha", True) == Draining("alpha", True, 1)
    assert health["alpha"].try_start() is None
    assert health["alpha"].standing().drained
    assert health["alpha"].snapshot().drained
    permits.ended()
    assert drain(health, ["alpha"], "alpha", True) == Draining("alpha", True, 0)
    assert drain(health, ["alpha"], "alpha", False) == Draining("alpha", False, 0)
    assert health["alpha"].try_start() is not None
    assert events == [ProviderDrained("alpha", True), ProviderDrained("alpha", False)]


def test_it_stays_drained_while_the_configuration_changes() -> None:
    health = wards(a_provider("alpha"), emit=[].append)
    drain(health, ["alpha"], "alpha", True)
    health["alpha"].use(a_provider("alpha", in_flight_max=7), renewed=True)
    assert health["alpha"].drained


def test_what_the_configuration_drains_only_the_configuration_gives_jobs_again() -> None:
    health = wards(a_provider("alpha", drained=True), emit=[].append)
    with pytest.raises(DrainError, match=r"take `drained: true` out of `providers\.alpha`") as refused:
        drain(health, ["alpha"], "alpha", False)
    assert refused.value.code == "drained_by_config"
    assert drain(health, ["alpha"], "alpha", True).drained


@pytest.mark.parametrize("name", ["gamma", "", "x" * 10_000])
def test_only_who_sells_something_can_be_drained(name: str) -> None:
    """A provider that was removed from the configuration is kept for what it has under way."""
    health = wards(a_provider("alpha"), a_provider("beta"), a_provider("gamma"), emit=[].append)
    with pytest.raises(DrainError, match=r"the providers are: alpha, beta$") as refused:
        drain(health, ["beta", "alpha"], name, True)
    assert (refused.value.code, len(str(refused.value)) < 200) == ("provider_not_found", True)
