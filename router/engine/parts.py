"""Everything a running job needs, constructed once by the composition root."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random

from providers.canonical import VideoRequest
from router.core.catalog import Catalog, Provider
from router.core.clock import Clock
from router.core.events import Emit
from router.core.health import ProviderHealth
from router.core.policy import JobLimits
from router.core.routing import Decision, RoutingPreferences, RoutingSettings, Situation, decide
from router.engine.alarm import Alarm
from router.engine.exchange import Transport
from router.engine.store import Store, StoreUnavailableError

_REWRITE_AFTER_S_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Parts:
    """The catalogue and its providers' health, the two ways out (store, transport), time, chance and who listens."""

    catalog: Catalog
    health: Mapping[str, ProviderHealth]
    store: Store
    transport: Transport
    clock: Clock
    rng: Random
    emit: Emit
    limits: JobLimits
    routing: RoutingSettings

    def now(self) -> float:
        """Wall seconds."""
        return self.clock.wall()

    def provider(self, name: str) -> Provider:
        """Return a provider of the configuration; LookupError when it was removed."""
        return self.catalog.providers[name]

    def decide(
        self,
        video: VideoRequest,
        preferences: RoutingPreferences,
        tried: frozenset[str] = frozenset(),
        spend_left_microusd: int | None = None,
    ) -> Decision:
        """Route with the health of this moment."""
        standings = {name: health.standing() for name, health in self.health.items()}
        left = self.limits.spend_microusd_max if spend_left_microusd is None else spend_left_microusd
        situation = Situation(standings, self.now(), preferences, self.routing, tried, left)
        return decide(video, self.catalog, situation, self.rng)


async def written(write: Callable[[], Awaitable[None]]) -> None:
    """Write until it is durable: while the disk is full or locked, waiting is all that loses nothing."""
    delay_s = 0.1
    while True:
        try:
            return await write()
        except StoreUnavailableError:
            await Alarm().sleep(delay_s)
            delay_s = min(2 * delay_s, _REWRITE_AFTER_S_MAX)
