"""What a caller orders and may be answered: the vocabulary between the front door and the engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.canonical import VideoRequest
from router.core.budget import Budget
from router.core.health import HealthSnapshot
from router.core.idempotency import IdempotencyKey
from router.core.job import Job
from router.core.preferences import NO_PREFERENCES, RoutingPreferences
from router.core.routing import Decision


@dataclass(frozen=True, slots=True)
class Order:
    """A valid request of an authenticated caller; `trace_parent` is the W3C traceparent of the exchange it came in."""

    caller: str
    video: VideoRequest
    preferences: RoutingPreferences = NO_PREFERENCES
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    key: IdempotencyKey | None = None
    trace_parent: str | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A durable job; `replayed` when an earlier order with the same idempotency key made it."""

    job: Job
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some of a caller's jobs in the order asked for; `has_more` when others follow the last one."""

    jobs: tuple[Job, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether jobs are taken now, and a JSON-ready explanation for the one who operates the router.

    `health` is that of each provider, in the order of the configuration; `budgets` are those of this day.
    """

    ready: bool
    detail: Mapping[str, object] = field(default_factory=dict)
    draining: bool = False
    health: Mapping[str, HealthSnapshot] = field(default_factory=dict)
    budgets: tuple[Budget, ...] = ()


class NoCandidateError(Exception):
    """Nobody can take the order; `decision` says why, offering by offering."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"none of {len(decision.exclusions)} offerings can take the job")
        self.decision = decision


class UnavailableError(Exception):
    """The router takes no jobs at this moment; nothing was stored, unless it is an UnconfirmedError."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnconfirmedError(UnavailableError):
    """The write of an order failed, yet may be durable: it may be bought, and a second create may buy it twice."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """A job that its caller sees no more. `cancelled`: it had not ended, and its attempt is given up.

    `may_be_charged`: what it has bought, or may have bought, is not known yet and is settled later.
    """

    job: Job
    cancelled: bool
    may_be_charged: bool
