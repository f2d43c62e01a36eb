"""What happened, as values: the engine emits each once, and metrics, spans and logs all read the same one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from providers.canonical import Failure, Reason, Stage
from router.core.eligibility import ExclusionCause
from router.core.job import Attempt, Job
from router.core.ledger import LedgerEntry
from router.core.ranking import DecisionReason
from router.core.resolution import Resolution
from router.core.trail import Trail


class Operation(StrEnum):
    """What an exchange is for."""

    SUBMIT = "submit"
    POLL = "poll"
    DOWNLOAD = "download"


class ExchangeResult(StrEnum):
    """How an exchange ended: `ok` said something of the job, `error` did not; `no_answer` may have been acted upon."""

    OK = "ok"
    ERROR = "error"
    NOT_SENT = "not_sent"
    NO_ANSWER = "no_answer"


class BreakerState(StrEnum):
    """What a breaker does with jobs: `closed` admits, `open` ejects, `half_open` lets one probe through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerKind(StrEnum):
    """Which of a provider's breakers: by submits, by polls and downloads, or by how accepted jobs end."""

    SUBMIT = "submit"
    POLL = "poll"
    GENERATE = "generate"


class LookupResult(StrEnum):
    """What looking for a lost submit came to; only `found` and `absent` say what became of it.

    `unclear`: several listed jobs could be it; `failed`: its provider's list could not be read; `not_listed`: the list
    does not have it, which proves nothing.
    """

    FOUND = "found"
    ABSENT = "absent"
    UNCLEAR = "unclear"
    FAILED = "failed"
    NOT_LISTED = "not_listed"


class WebhookResult(StrEnum):
    """What a webhook came to; only `hinted` brought a poll, and none of them anything else.

    `early`: nobody knows the job, yet; `no_end`: it goes on, or none is named; `unproven`: neither its address nor its
    signature is right, or it is too old; `unreadable`: too large, too slow, or broken off; `throttled`: too many came.
    """

    HINTED = "hinted"
    EARLY = "early"
    NO_END = "no_end"
    DUPLICATE = "duplicate"
    UNPROVEN = "unproven"
    UNREADABLE = "unreadable"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True)
class JobAccepted:
    """A job is durable and its caller has an id."""

    job: Job


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """An attempt and its pending entry are durable; its submit leaves now. `at` is wall seconds.

    It was routed among so many `candidates`, with `share` as its chance to be first and for `reason`; a delivered
    video was expected to cost `expected_microusd`. `excluded` counts the other offerings by why.
    """

    job: Job
    attempt: Attempt
    share: float
    at: float
    candidates: int = 1
    excluded: Mapping[ExclusionCause, int] = field(default_factory=dict)
    reason: DecisionReason = DecisionReason.BEST
    expected_microusd: float = 0.0


@dataclass(frozen=True, slots=True)
class ExchangeEnded:
    """One exchange with an upstream. `lag_s` is how much later than planned a poll left."""

    provider: str
    operation: Operation
    result: ExchangeResult
    duration_s: float
    status: int | None = None
    lag_s: float | None = None


@dataclass(frozen=True, slots=True)
class PollFailed:
    """A poll said nothing of its job, and why; the job goes on and is asked about again."""

    provider: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class UnknownStatusSeen:
    """An upstream used a status word that no table lists; the job is taken to be running."""

    provider: str
    word: str


@dataclass(frozen=True, slots=True)
class UnknownErrorSeen:
    """An upstream complained in words that no table lists; `failure` is what the HTTP status alone came to.

    `prompt` is the job's, so that a log can take it out of the words, which may quote it.
    """

    provider: str
    failure: Failure
    prompt: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CostDoubted:
    """A poll told a cost that is not believed; the quote is what gets posted."""

    provider: str
    told_microusd: int
    quote_microusd: int


@dataclass(frozen=True, slots=True)
class LookupEnded:
    """A submit whose answer was lost was looked for with its provider, while its job waited.

    Emitted a second time of one that is found, or ruled out, after its job went on or ended without it.
    """

    provider: str
    attempt_id: str
    result: LookupResult


@dataclass(frozen=True, slots=True)
class AttemptResolved:
    """An operator said what became of an attempt whose money was open, and it is durable; `attempt` is as it is now.

    What was booked with it is told by an `AttemptEnded` of its own.
    """

    job: Job
    attempt: Attempt
    resolution: Resolution


@dataclass(frozen=True, slots=True)
class LedgerAdjusted:
    """An operator corrected what an attempt cost, and it is durable; `entry` is the difference."""

    job: Job
    attempt: Attempt
    entry: LedgerEntry


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An attempt left its job: `attempt.state` says how, `entries` what was booked with it in the same transaction.

    Emitted again when a late attempt's money becomes known. `stage_seconds` are the times spent per stage reached.
    `cause` is what this side saw of its end, in the router's own words: an HTTP status, a cut connection, no video.
    `progress` is the last percentage that its provider told, 0 to 100. `trail` is None when it had ended before.
    """

    job: Job
    attempt: Attempt
    entries: tuple[LedgerEntry, ...]
    stage_seconds: Mapping[Stage, float] = field(default_factory=dict)
    cause: str | None = None
    progress: int | None = None
    trail: Trail | None = None


@dataclass(frozen=True, slots=True)
class FailedOver:
    """A job goes on to another offering after `left` failed."""

    job: Job
    left: Attempt
    to: Attempt


@dataclass(frozen=True, slots=True)
class FailoverDelayed:
    """A failover found the retry budget empty and waits for its turn; emitted once, when it begins to."""

    job: Job
    left: Attempt
    wait_s: float


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A job is over for its caller."""

    job: Job


@dataclass(frozen=True, slots=True)
class BreakerMoved:
    """A provider's breaker changed its state."""

    provider: str
    kind: BreakerKind
    old: BreakerState
    new: BreakerState


@dataclass(frozen=True, slots=True)
class ProviderOut:
    """A provider was taken out at once because its key or its balance was refused; a human has to act."""

    provider: str
    reason: str
    for_s: float


@dataclass(frozen=True, slots=True)
class ProviderDrained:
    """An operator lets a running router's provider finish what it has and gives it nothing more, or takes that back."""

    provider: str
    drained: bool


@dataclass(frozen=True, slots=True)
class WebhookTaken:
    """A webhook came to a provider's address; `cause` says, in the router's own words, why it was not believed."""

    provider: str
    result: WebhookResult
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class WriteEnded:
    """A write to the store is durable, or failed; `duration_s` counts from when it was asked for.

    `cause` of a failure is in the database's own words: a full disk, a locked file.
    """

    duration_s: float
    ok: bool
    cause: str | None = None


class MirrorOperation(StrEnum):
    """What was done with the mirror of finished videos; `failed`: its disk or its folder refused."""

    HIT = "hit"
    MISS = "miss"
    KEPT = "kept"
    FAILED = "failed"
    EVICTED = "evicted"
    FOUND = "found"


@dataclass(frozen=True, slots=True)
class MirrorUsed:
    """Something was done with `count` videos of the mirror, which holds so much after it; a start `found` them there.

    `cause` of a failure is in the router's own words, or the operating system's: a full disk, a missing folder.
    """

    operation: MirrorOperation
    held_bytes: int
    files: int
    cause: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class LoopLagged:
    """The event loop came back to a timer so much later than planned; emitted a few times a second."""

    lag_s: float


@dataclass(frozen=True, slots=True)
class ConfigReloaded:
    """A configuration was taken over, or refused with the last good one staying in force. `at` is wall seconds.

    `digest` is the start of the SHA-256 of the file that was read. `changes`, `problems` and `warnings` name what
    differs, what is wrong and what to look at, for people, without any secret; a start is a reload without changes.
    """

    ok: bool
    digest: str
    at: float
    changes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


Event: TypeAlias = (
    JobAccepted
    | AttemptStarted
    | ExchangeEnded
    | PollFailed
    | UnknownStatusSeen
    | UnknownErrorSeen
    | CostDoubted
    | LookupEnded
    | AttemptEnded
    | AttemptResolved
    | LedgerAdjusted
    | FailedOver
    | FailoverDelayed
    | JobEnded
    | BreakerMoved
    | ProviderOut
    | ProviderDrained
    | WebhookTaken
    | WriteEnded
    | MirrorUsed
    | LoopLagged
    | ConfigReloaded
)
Emit: TypeAlias = Callable[[Event], None]
