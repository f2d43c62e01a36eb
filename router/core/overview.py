"""What an operator sees at a glance: the router's state now and its last hour, as one document for screen and program.

Money is integer micro-USD, times are in UTC as in the logs, and all else with a unit is in seconds. Nothing here is
the caller's but ids.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

SCHEMA: Final = 1
"""The document's version; it grows when a reader of the old one would be misled."""


@dataclass(frozen=True, slots=True)
class Live:
    """Jobs whose callers wait; `oldest_s` is the longest that one of them has waited."""

    count: int
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class LiveJobs:
    """Live jobs by what they wait for: a first attempt, a provider at work (by its name), or a next attempt."""

    queued: Live
    in_progress: Mapping[str, Live]
    between_attempts: Live


@dataclass(frozen=True, slots=True)
class Uncertain:
    """Money of unknown and late attempts; `oldest_s` is how long ago the oldest of them was submitted."""

    amount_microusd: int
    attempts: int
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class Breakers:
    """The state of each breaker of a provider."""

    submit: str
    poll: str
    generate: str


@dataclass(frozen=True, slots=True)
class Trading:
    """What a provider did in the window, counted when attempts left their jobs and when money became known.

    `p50_s` and `p90_s` are of delivered jobs, from acceptance to the video. The cost of a delivered second is
    everything that was posted, waste included, over the seconds that callers got. `failures` are by `stage.reason`,
    `decisions` are the attempts that began by why routing chose their offering.
    """

    attempts: int
    delivered: int
    delivered_share: float | None
    p50_s: float | None
    p90_s: float | None
    delivered_seconds: int
    posted_microusd: int
    wasted_microusd: int
    microusd_per_delivered_second: int | None
    failures: Mapping[str, int]
    decisions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProviderOverview:
    """A provider now and in the window. `barred` says in words why it takes no jobs, None when it does.

    `cooling_s` and `out_s` are how long a rate limit and a refused account (`out_reason`) still keep jobs away;
    `drained`: it finishes what it has, and an operator gives it nothing more.
    """

    provider: str
    breakers: Breakers
    in_flight: int
    in_flight_limit: int
    barred: str | None
    cooling_s: float
    out_s: float
    out_reason: str | None
    window: Trading
    uncertain: Uncertain
    drained: bool = False


@dataclass(frozen=True, slots=True)
class DailyBudget:
    """What a provider or a caller (its `scope`) may cost in this UTC day, and what it has cost or still may."""

    scope: str
    name: str
    limit_microusd: int
    used_microusd: int


@dataclass(frozen=True, slots=True)
class RecentFailure:
    """Why an attempt failed or a job could not be routed, which then has no `attempt` (its number), nor what follows.

    `code` is the upstream's, where it is one harmless word; `cause` is what the router saw, in its own words.
    """

    time: str
    job: str
    stage: str
    reason: str
    attempt: int | None = None
    provider: str | None = None
    offering: str | None = None
    state: str | None = None
    code: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole document. `outcomes` are the jobs that ended in the window; providers are in the order of the config.

    `uncertain` is over all providers, also those that are no longer configured; the newest failure comes first.
    """

    schema: int
    version: str
    time: str
    uptime_s: float
    ready: bool
    draining: bool
    window_s: float
    jobs: LiveJobs
    outcomes: Mapping[str, int]
    uncertain: Uncertain
    providers: tuple[ProviderOverview, ...]
    budgets: tuple[DailyBudget, ...]
    last_failures: tuple[RecentFailure, ...]
