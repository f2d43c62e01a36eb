"""The shape of `routing`: what offerings are compared by, and what may be spent on finding out who is better."""

from typing import Literal

from pydantic import Field

from router.config.scalars import Usd
from router.config.section import Section
from router.core.money import usd
from router.core.preferences import DurationPolicy
from router.core.routing_settings import (
    ExplorationSettings,
    PanicPolicy,
    RetryBudgetSettings,
    RoutingPolicy,
    RoutingSettings,
)

_ROUTING = RoutingSettings()
_EXPLORATION = ExplorationSettings()
_RETRIES = RetryBudgetSettings()


class ExplorationSection(Section):
    """How much may be spent on trying out who looks cheaper than thought."""

    share: float = Field(
        _EXPLORATION.share,
        ge=0,
        le=0.5,
        description="Most of the jobs that an offering which may be better gets, as many as that is likely; "
        "0 tries nobody out.",
    )
    outcomes_min: int = Field(
        _EXPLORATION.outcomes_min, ge=1, le=1000, description="With so many outcomes an offering is known."
    )
    usd_per_day: Usd = Field(
        _EXPLORATION.microusd_per_day,
        description="Most that trials may be expected to cost more than the best in one UTC day.",
        json_schema_extra={"default": usd(_EXPLORATION.microusd_per_day)},
    )

    def build(self) -> ExplorationSettings:
        """Return the settings as routing reads them."""
        return ExplorationSettings(self.share, self.outcomes_min, self.usd_per_day)


class RetryBudgetSection(Section):
    """How many failovers may follow each other; one beyond that waits for its turn."""

    share: float = Field(_RETRIES.share, ge=0, le=10, description="Failovers for each job that is submitted.")
    per_s: float = Field(_RETRIES.per_s, gt=0, le=10_000, description="Failovers a second besides.")

    def build(self) -> RetryBudgetSettings:
        """Return the settings as the engine reads them."""
        return RetryBudgetSettings(self.share, self.per_s)


class RoutingSection(Section):
    """How the next offering is chosen among those that may take a job."""

    policy: Literal["expected_cost", "weighted", "priority", "fastest"] = Field(
        _ROUTING.policy.value,
        description="expected_cost asks whoever delivers a video for the least; weighted shares jobs out by `weight`; "
        "priority asks the lowest `priority` first, and among those as expected_cost does; fastest asks whoever "
        "delivers soonest.",
    )
    usd_per_minute_of_waiting: Usd = Field(
        _ROUTING.microusd_per_minute,
        description='What a minute is worth until the video is there, such as "0.02"; "0" counts money alone.',
        json_schema_extra={"default": usd(_ROUTING.microusd_per_minute)},
    )
    undelivered_usd: Usd = Field(
        _ROUTING.undelivered_microusd,
        description="What a job costs you that ends without a video; the more, the less a cheap offering may fail.",
        json_schema_extra={"default": usd(_ROUTING.undelivered_microusd)},
    )
    half_life_s: float = Field(
        _ROUTING.half_life_s,
        ge=1,
        le=604_800,
        description="Seconds after which an outcome counts half in what is believed of its offering.",
    )
    exploration: ExplorationSection = Field(
        default_factory=ExplorationSection, description="How much may be spent on trying offerings out."
    )
    retry_budget: RetryBudgetSection = Field(
        default_factory=RetryBudgetSection, description="How many failovers may follow each other."
    )
    panic: Literal["probe", "never"] = Field(
        _ROUTING.panic.value,
        description="While everybody who could take a job is ejected: probe lets it be the trial of one whose "
        "ejection is over; never turns it away.",
    )
    duration_policy: Literal["exact", "at_least", "nearest"] = Field(
        _ROUTING.duration_policy.value,
        description="exact sells the seconds asked for; at_least also the next longer ones, nearest the closest ones, "
        "at their price.",
    )

    def build(self) -> RoutingSettings:
        """Return the settings as routing reads them."""
        return RoutingSettings(
            policy=RoutingPolicy(self.policy),
            microusd_per_minute=self.usd_per_minute_of_waiting,
            undelivered_microusd=self.undelivered_usd,
            half_life_s=self.half_life_s,
            exploration=self.exploration.build(),
            retry_budget=self.retry_budget.build(),
            panic=PanicPolicy(self.panic),
            duration_policy=DurationPolicy(self.duration_policy),
        )
