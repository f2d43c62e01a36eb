"""The shape of what a scenario has beside a configuration: what is true of its world, and what is asked for."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from router.config.provider_schema import PriceSection
from router.config.scalars import Durations, FrameSize, ModelName, wrong
from router.config.section import Section
from router.core.reporting import DurationClass
from router.simulation.traffic import Spacing, Traffic
from router.simulation.world import Fault, Spread, Truth

_TRUTH = Truth()
_TRAFFIC = Traffic(())

Share = Annotated[float, Field(ge=0, le=1)]
Minutes = Annotated[float, Field(ge=0, le=100_000)]
_FAULTS = Literal[
    "unreachable",
    "rate_limited",
    "overloaded",
    "ambiguous",
    "auth",
    "balance",
    "internal",
    "late",
    "stalled",
    "stuck",
    "no_video",
    "withheld",
]


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise wrong('must be a moment such as "2026-11-02T08:00:00"') from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _weighing(faults: dict[str, float]) -> dict[str, float]:
    if not sum(faults.values()):
        raise wrong("needs a fault that weighs more than 0, such as `{internal: 1}`")
    return faults


class SpreadSection(Section):
    """How long videos of one duration class take, as a lognormal distribution by two of its quantiles."""

    p50_s: float = Field(gt=0, le=86_400, description="Half of them take no longer, in seconds.")
    p90_s: float = Field(gt=0, le=86_400, description="Nine in ten take no longer, in seconds.")

    @model_validator(mode="after")
    def _ascends(self) -> "SpreadSection":
        if self.p90_s <= self.p50_s:
            raise wrong(f"p90_s must be more than p50_s ({self.p50_s:g})")
        return self


class DurationsSection(Section):
    """How long videos take, by duration class."""

    short: SpreadSection | None = Field(None, description="Up to 12 s of video.")
    long: SpreadSection | None = Field(None, description="More than 12 s of video.")
    hd: SpreadSection | None = Field(None, description="Any length with a side of more than 1280 pixels.")

    def build(self) -> dict[DurationClass, Spread]:
        """Return those that are given."""
        given = ((DurationClass(name), value) for name, value in self if value is not None)
        return {kind: Spread(each.p50_s, each.p90_s) for kind, each in given}


class TruthSection(Section):
    """What is true of a provider or an offering; what is left out is as said of its provider, else the default."""

    success: Share | None = Field(None, description="Share of attempts that deliver; default: all.")
    faults: Annotated[dict[_FAULTS, Annotated[float, Field(ge=0)]], AfterValidator(_weighing)] | None = Field(
        None, description="How the others fail, each with its weight, such as `{internal: 3, unreachable: 1}`."
    )
    failed_billed: Share | None = Field(
        None,
        description="Share of failures after the acceptance that are billed, which the provider tells each time; "
        "default: as `charge_rule` says.",
    )
    bought: Share | None = Field(
        None, description=f"Share of ambiguous submits that were taken on and are billed; default: {_TRUTH.bought}."
    )
    answer_s: float | None = Field(
        None, gt=0, le=600, description=f"Seconds until a submit is answered; default: {_TRUTH.answer_s}."
    )
    retry_after_s: float | None = Field(
        None, gt=0, le=86_400, description=f"What 429 and 503 ask for; default: {_TRUTH.retry_after_s:g}."
    )
    capacity: int | None = Field(
        None, ge=0, le=1_000_000, description="Jobs that the provider works on at once; beyond, it answers 429."
    )
    slower: float | None = Field(None, gt=0, le=1000, description="By what all durations are multiplied; default: 1.")
    durations: DurationsSection | None = Field(None, description="How long videos take.")

    def truths(self) -> dict[str, Any]:
        """Return what is given, under the names of `router.simulation.world.Change`."""
        names = ("success", "failed_billed", "bought", "answer_s", "retry_after_s", "capacity", "slower")
        found = {name: getattr(self, name) for name in names}
        faults = None if self.faults is None else {Fault(name): weight for name, weight in self.faults.items()}
        return {**found, "faults": faults, "durations": None if self.durations is None else self.durations.build()}


class EventSection(TruthSection):
    """What becomes true at a moment, for good or for a while, once or again and again."""

    from_min: Minutes = Field(description="Minutes from the start until it begins.")
    for_min: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        None, description="How long it holds; default: for good."
    )
    every_min: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        None, description="It begins again so many minutes after it began; needs `for_min`."
    )
    until_min: Minutes | None = Field(None, description="When it has ended for good.")
    of: str | None = Field(None, description="A provider, or an offering PROVIDER/NAME; default: everybody.")
    price: PriceSection | None = Field(
        None, description="A new price of the offering `of`, by a reload of the configuration; it stays."
    )
    drained: bool | None = Field(
        None, description="Whether the provider `of` is drained, by a reload of the configuration; it stays."
    )

    @model_validator(mode="after")
    def _fits(self) -> "EventSection":
        if self.every_min is not None and (self.for_min is None or self.for_min >= self.every_min):
            raise wrong(f"every_min needs a for_min of less than {self.every_min:g} beside it")
        if (self.price, self.drained) != (None, None) and (self.for_min, self.until_min) != (None, None):
            raise wrong("a reload stays until the next one: remove for_min and until_min, and write the next event")
        return self


class WorldSection(Section):
    """What reality is, which no router is told."""

    start: Annotated[datetime, PlainValidator(_moment)] | None = Field(
        None, description='Moment of the first request, UTC, such as "2026-11-02T08:00:00".'
    )
    refused: Share = Field(0.0, description="Share of jobs whose prompt every provider's review refuses.")
    truth: Annotated[dict[str, TruthSection], Field(max_length=1000)] = Field(
        default={}, description="By provider or offering PROVIDER/NAME, of which the latter comes first."
    )
    timeline: Annotated[list[EventSection], Field(max_length=1000)] = Field(
        default=[], description="What changes, and when; of two events at once, the later one in the list counts."
    )


class WishSection(Section):
    """One kind of video that is asked for."""

    model: ModelName = Field(description="Model, or a name of `model_groups`.")
    size: FrameSize = Field(description="Size, WIDTHxHEIGHT.")
    seconds: Durations = Field(description="Durations, of which each is asked for as often.")
    share: float = Field(1.0, gt=0, le=1_000_000, description="How often, against the others.")


class TrafficSection(Section):
    """What is asked for, and how often."""

    jobs: int = Field(_TRAFFIC.jobs, ge=1, le=1_000_000, description="How many requests.")
    per_minute: float = Field(_TRAFFIC.per_minute, gt=0, le=100_000, description="How many in a minute on average.")
    arrivals: Literal["poisson", "even"] = Field(
        _TRAFFIC.spacing.value, description="poisson: at random; even: one after the other in equal steps."
    )
    mix: Annotated[list[WishSection], Field(min_length=1, max_length=200)] = Field(description="For what.")

    @property
    def spacing(self) -> Spacing:
        """How they follow each other."""
        return Spacing(self.arrivals)


class ScenarioSections(Section):
    """The sections that a scenario has beside those of a configuration."""

    world: WorldSection = Field(default_factory=WorldSection, description="What reality is.")
    traffic: TrafficSection = Field(description="What is asked for.")
