"""What one seed's operator has configured, who calls, and how both change while the router runs or is down."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from providers.canonical import Size, Stage
from providers.registry import dialect, profiles
from router.core.catalog import Catalog, ChargeRule, Offering, Polling, Price, PriceTier, PriceUnit, Provider, Timeouts
from router.core.hook import Hook
from router.core.limits import Caller
from router.core.lookup import LookupMode, LookupSettings
from router.core.policy import JobLimits, OnAmbiguous
from router.core.routing_settings import (
    ExplorationSettings,
    PanicPolicy,
    RetryBudgetSettings,
    RoutingPolicy,
    RoutingSettings,
)
from router.core.secret import Secret
from tests.simulator.accounts import Account, Habits, PriceStep
from tests.simulator.world import World

MODEL = "clip"
SECONDS = (10, 15)
SIZES = (Size(720, 1280), Size(1280, 720))
UPSTREAM_MODELS = ("sora-2", "sora-2-pro")
DIALECTS = ("openai", "openai", "jizhiai", "shenma")
PROFILES = (None, "video-router", "vllm-omni", "sglang", "new-api")
TIMEOUTS = Timeouts(submit_s=30.0, poll_s=20.0)
DOWNLOAD_S_MAX = 240.0
# Whatever a gossip says, it is believed to be a provider that says it.
_HOOK = Hook(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))


class Shop:
    """Providers, offerings, prices, limits and callers of one seed."""

    def __init__(self, world: World) -> None:
        self.world = world
        rng = self._rng = world.chance()
        self.limits = _limits(rng)
        self.routing = RoutingSettings(
            rng.choice(tuple(RoutingPolicy)),
            microusd_per_minute=rng.choice((0, 0, 20_000)),
            exploration=ExplorationSettings(share=rng.choice((0.0, 0.1, 0.5))),
            retry_budget=RetryBudgetSettings(per_s=rng.choice((0.02, 10.0, 10.0))),
            panic=rng.choice((PanicPolicy.PROBE, PanicPolicy.PROBE, PanicPolicy.NEVER)),
        )
        self.version = 0
        self.accounts: dict[str, Account] = {}
        self._providers: dict[str, Provider] = {}
        self._models: dict[str, tuple[str, ...]] = {}
        self._present: dict[str, bool] = {}
        self._removed_at: dict[str, float] = {}
        self._gone: list[tuple[str, float, float]] = []
        for number in range(rng.choice((1, 2, 3, 3, 4))):
            self._add(f"{rng.choice(DIALECTS)}-{number}")
        self.callers = tuple(
            Caller(f"caller-{number}", "", rng.choice((None, None, 600_000, 1_500_000))) for number in range(3)
        )

    def _add(self, name: str) -> None:
        rng = self._rng
        rule = ChargeRule(
            refused_billed=rng.random() < 0.3,
            failed_billed=rng.random() < 0.3,
            stages={Stage.OUTPUT_REVIEW: True} if rng.random() < 0.1 else {},
        )
        spoken = name.partition("-")[0]
        profile = rng.choice(PROFILES) if spoken == "openai" else None
        lookup = LookupSettings(
            mode=rng.choice((LookupMode.OFF, *(LookupMode.IDENTIFIED,) * 3, LookupMode.EXCLUSIVE)),
            settle_s=rng.choice((10.0, 30.0, 90.0)),
            proves_absence=rng.random() < 0.5,
        )
        if lookup.proves_absence:
            # Then that is what its account does: whatever it takes on is listed by then.
            lookup = replace(lookup, settle_s=90.0)
        self.accounts[name] = Account(self.world, name, spoken, _habits(rng, profile, lookup), rule, _prices(rng))
        self._providers[name] = Provider(
            name,
            spoken,
            dialect(spoken) if profile is None else profiles(dialect(spoken))[profile].adapter,
            profile,
            in_flight_max=rng.choice((2, 10, 100)),
            timeouts=TIMEOUTS,
            polling=Polling(
                stall_s=rng.choice((120.0, 600.0)),
                deadline_s=rng.choice((600.0, 1800.0)),
                late_s_max=rng.choice((1200.0, 7200.0)),
                download_s_max=DOWNLOAD_S_MAX,
            ),
            charge_rule=rule,
            daily_budget_microusd=rng.choice((None, None, None, 500_000, 2_000_000)),
            on_ambiguous=rng.choice((None, None, None, *OnAmbiguous)),
            lookup=lookup,
            hook=_HOOK,
        )
        self._models[name] = UPSTREAM_MODELS if rng.random() < 0.3 else UPSTREAM_MODELS[:1]
        self._present[name] = True

    def catalog(self) -> Catalog:
        """What the file says now."""
        names = [name for name, present in self._present.items() if present]
        offerings = [self._offering(name, model) for name in names for model in self._models[name]]
        return Catalog.of(tuple(self._providers[name] for name in names), tuple(offerings))

    def provider(self, name: str) -> Provider:
        return self._providers[name]

    def is_present(self, name: str) -> bool:
        return self._present[name]

    def change(self, rng: Random) -> str:
        """Change one thing in the file, at this very moment also for the provider; return what."""
        self.version += 1
        name = rng.choice(tuple(self.accounts))
        if rng.random() < 0.6:
            prices = _prices(rng)
            self.accounts[name].prices.append(PriceStep(self.world.now(), prices))
            return f"new prices of {name}"
        if self._present[name] and sum(self._present.values()) == 1:
            return "nothing"
        self._present[name] = not self._present[name]
        if self._present[name]:
            self._came_back(name)
            return f"{name} is back"
        self._removed_at[name] = self.world.now()
        return f"{name} is removed"

    def all_present(self) -> None:
        """Bring back what was removed, so that all money can become known."""
        self.version += 1
        for name in [name for name, present in self._present.items() if not present]:
            self._present[name] = True
            self._came_back(name)

    def was_removed(self, name: str, since: float, until: float) -> bool:
        """Whether the file did not name a provider at any time between two wall moments."""
        return any(each == name and begin < until and end > since for each, begin, end in self._gone)

    def _came_back(self, name: str) -> None:
        self._gone.append((name, self._removed_at[name], self.world.now()))

    def _offering(self, name: str, model: str) -> Offering:
        prices = self.accounts[name].prices[-1].microusd
        tiers = tuple(PriceTier(prices[model, seconds], seconds=frozenset({seconds})) for seconds in SECONDS)
        return Offering(f"{name}/{model}", name, MODEL, model, SIZES, SECONDS, Price(PriceUnit.PER_CLIP, tiers))


def _habits(rng: Random, profile: str | None, lookup: LookupSettings) -> Habits:
    return Habits(
        late_s_max=60.0,
        list_lag_s=25.0 if lookup.proves_absence else rng.choice((0.0, 20.0, 4000.0)),
        repeats_prompts=profile in ("video-router", "vllm-omni") or rng.random() < 0.3,
        keeps_metadata=profile == "video-router",
        forgets_cancelled=rng.random() < 0.3,
    )


def _prices(rng: Random) -> Mapping[tuple[str, int], int]:
    base = rng.randint(50_000, 200_000)
    factors = {("sora-2", 10): 100, ("sora-2", 15): 150, ("sora-2-pro", 10): 300, ("sora-2-pro", 15): 450}
    return {key: base * factor // 100 for key, factor in factors.items()}


def _limits(rng: Random) -> JobLimits:
    return replace(
        JobLimits(),
        attempts_max=rng.choice((1, 2, 3, 3, 3, 4, 4)),
        spend_microusd_max=rng.choice((300_000, 500_000, 1_000_000, 20_000_000)),
        deadline_s=rng.choice((600.0, 1800.0, 3600.0)),
        on_ambiguous=rng.choice((OnAmbiguous.HOLD, *(OnAmbiguous.FAILOVER,) * 3)),
        duplicate_microusd_max=rng.choice((0, 100_000, 200_000, 2_000_000)),
        attempt_s_min=rng.choice((1.0, 1.0, 120.0)),
    )
