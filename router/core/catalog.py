"""Who sells what, at which price: providers, offerings and quotes."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from providers.adapter import Adapter
from providers.canonical import Failure, ImageKind, ListPolling, Reason, Size, Stage
from router.core.hook import Hook
from router.core.lookup import LookupSettings
from router.core.policy import FailoverOn, OnAmbiguous


class PriceUnit(StrEnum):
    """What a price is multiplied by."""

    PER_SECOND = "per_second"
    PER_CLIP = "per_clip"


@dataclass(frozen=True, slots=True)
class PriceTier:
    """An amount a unit for some sizes and durations; an empty set means all of them. `listed` is as configured."""

    amount_microusd: int
    sizes: frozenset[Size] = frozenset()
    seconds: frozenset[int] = frozenset()
    listed: str = ""

    def covers(self, size: Size, seconds: int) -> bool:
        """Whether this tier prices such a video."""
        return (not self.sizes or size in self.sizes) and (not self.seconds or seconds in self.seconds)


@dataclass(frozen=True, slots=True)
class Price:
    """Tiers of one unit. The configuration sees to it that every sold combination is covered by exactly one."""

    unit: PriceUnit
    tiers: tuple[PriceTier, ...]

    def quote_microusd(self, size: Size, seconds: int) -> int:
        """What such a video costs; LookupError when no tier covers it, for no price is ever assumed."""
        for tier in self.tiers:
            if tier.covers(size, seconds):
                return tier.amount_microusd * (seconds if self.unit is PriceUnit.PER_SECOND else 1)
        raise LookupError(f"no price for {seconds} s at {size}")


@dataclass(frozen=True, slots=True)
class Offering:
    """One thing one provider sells. `available_until` is seconds since the epoch; no job starts at or after it.

    `weight` is its share under the policy `weighted`, and among equals; `priority` its rank under `priority`, 1 first.

    `stall_s` and `deadline_s` take the place of the provider's own, for a model that needs more patience, or less.
    """

    id: str
    provider: str
    model: str
    upstream_model: str
    sizes: tuple[Size, ...]
    seconds: tuple[int, ...]
    price: Price
    image_inputs: frozenset[ImageKind] = frozenset()
    images_max: int = 0
    weight: float = 1.0
    priority: int = 1
    available_until: float | None = None
    stall_s: float | None = None
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits of one exchange, in seconds. `download_idle_s` is the longest silence while bytes are read.

    `submit_keepalive_s` is how long a connection may have been idle that a submit still takes; 0 is never.
    """

    connect_s: float = 5.0
    submit_s: float = 60.0
    poll_s: float = 20.0
    download_idle_s: float = 30.0
    submit_keepalive_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Polling:
    """When a running attempt is asked about, and when it is given up.

    What is learned decides when polls are sent; `first_after_s`, `interval_s_min` and `interval_s_max` are its bounds,
    and `polls_per_s_max` that of all requests that ask the provider how far its jobs are.

    `stall_s` without any change of progress, or `deadline_s` since the submit, ends the attempt for its job; it is then
    polled every `late_interval_s` for `late_s_max` more, because its money is not known yet. `download_s_max` is how
    long a finished video may take to become fetchable. A link beside an unfinished status is tried once it has been
    there for `link_settles_s`. `listed` says what the provider's list may answer in the place of polls.
    """

    first_after_s: float = 20.0
    interval_s_min: float = 2.0
    interval_s_max: float = 360.0
    polls_per_s_max: float = 50.0
    stall_s: float = 600.0
    deadline_s: float = 1800.0
    late_interval_s: float = 60.0
    late_s_max: float = 86_400.0
    download_s_max: float = 300.0
    link_settles_s: float = 60.0
    listed: ListPolling = ListPolling.OFF


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """A sliding window that ejects at `failure_share` once it holds `volume_min` outcomes.

    The first ejection lasts `reset_s`, later ones up to `reset_s_max`; `outage_s` is how long a provider stays out
    when its key or its balance is refused.
    """

    window_s: float = 60.0
    volume_min: int = 5
    failure_share: float = 0.5
    reset_s: float = 30.0
    reset_s_max: float = 600.0
    outage_s: float = 900.0


@dataclass(frozen=True, slots=True)
class ChargeRule:
    """Whether the contract bills an accepted job that was refused by a review, or that failed.

    `stages` overrides both for jobs that end at a stage.
    """

    refused_billed: bool = False
    failed_billed: bool = False
    stages: Mapping[Stage, bool] = field(default_factory=dict)

    def bills(self, failure: Failure) -> bool:
        """Whether a job that was accepted and ended so is paid for."""
        by_reason = self.refused_billed if failure.reason is Reason.REFUSED else self.failed_billed
        return self.stages.get(failure.stage, by_reason)


@dataclass(frozen=True, slots=True)
class Provider:
    """A configured upstream account, without its address and key, which only the transport knows.

    A finished video is asked for through `adapter.content_request`; links on `asset_hosts` (host or host:port) may be
    fetched although they are private or unencrypted. `alias` is what callers see instead of its name.
    `daily_budget_microusd` is the most that a UTC day's attempts may cost; None sets no limit. One that is `drained`
    finishes what it has, and gets no more jobs. `hook` proves its webhooks; None takes none.
    """

    name: str
    dialect: str
    adapter: Adapter = field(repr=False)
    profile: str | None = None
    in_flight_max: int = 100
    timeouts: Timeouts = Timeouts()
    polling: Polling = Polling()
    breaker: BreakerSettings = BreakerSettings()
    charge_rule: ChargeRule = ChargeRule()
    failover_on: FailoverOn = field(default_factory=FailoverOn)
    on_ambiguous: OnAmbiguous | None = None
    lookup: LookupSettings = field(default_factory=LookupSettings)
    asset_hosts: frozenset[str] = frozenset()
    alias: str | None = None
    daily_budget_microusd: int | None = None
    drained: bool = False
    hook: Hook | None = field(default=None, repr=False)

    @property
    def calls(self) -> bool:
        """Whether it may say of a job that it has ended without being asked for that one."""
        return self.hook is not None or self.polling.listed is not ListPolling.OFF


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that is for sale, in the order of the configuration; `groups` are names for several models.

    `sellers` are the providers that sell something; the others are only kept for what they were once given to do.
    `worked_out` holds what follows from all this alone, for whoever asks again.
    """

    providers: Mapping[str, Provider]
    offerings: tuple[Offering, ...]
    models: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sellers: frozenset[str] = field(init=False, repr=False, compare=False)
    by_id: Mapping[str, Offering] = field(init=False, repr=False, compare=False)
    worked_out: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sellers", frozenset(each.provider for each in self.offerings))
        object.__setattr__(self, "by_id", MappingProxyType({each.id: each for each in self.offerings}))

    @classmethod
    def of(
        cls,
        providers: tuple[Provider, ...],
        offerings: tuple[Offering, ...],
        groups: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> "Catalog":
        """Index the parts; model names keep the order of their first offering."""
        by_name = MappingProxyType({provider.name: provider for provider in providers})
        return cls(by_name, offerings, tuple(dict.fromkeys(offering.model for offering in offerings)), groups)

    @property
    def names(self) -> tuple[str, ...]:
        """What callers may ask for: models, and groups of them."""
        return (*self.models, *self.groups)

    def ranks(self, names: tuple[str, ...]) -> Mapping[str, int]:
        """Return by model the place of the first of these names that means it: a model's own, or its group's."""
        ranks: dict[str, int] = {}
        for rank, name in enumerate(names):
            for model in self.groups.get(name, (name,)):
                ranks.setdefault(model, rank)
        return ranks

    def keeping(self, former: "Catalog") -> "Catalog":
        """Return this catalogue with those providers of a former one that it does not name, selling nothing."""
        gone = tuple(provider for name, provider in former.providers.items() if name not in self.providers)
        return Catalog.of((*self.providers.values(), *gone), self.offerings, self.groups)

    def polling(self, provider: str, offering_id: str) -> Polling:
        """When what this offering makes is asked about; one that is not sold any more goes by its provider.

        LookupError when the provider was removed, too. It is one for all jobs there.
        """
        known = self.worked_out.get(("polling", provider, offering_id))
        return known or self._polling(provider, offering_id)

    def _polling(self, provider: str, offering_id: str) -> Polling:
        polling = self.providers[provider].polling
        if (offering := self.by_id.get(offering_id)) is None:
            return polling
        stall_s = polling.stall_s if offering.stall_s is None else offering.stall_s
        deadline_s = polling.deadline_s if offering.deadline_s is None else offering.deadline_s
        own = self.worked_out["polling", provider, offering_id] = replace(
            polling, stall_s=stall_s, deadline_s=deadline_s
        )
        return own
