"""What follows from a failure: one exhaustive table of the next step, the breaker and the money."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never

from providers.canonical import Failure, Reason, Stage

Pair: TypeAlias = tuple[Stage, Reason]


class NextStep(StrEnum):
    """What the job does now."""

    STOP = "stop"
    FAILOVER = "failover"
    FAILOVER_ONCE = "failover_once"
    KEEP_POLLING = "keep_polling"
    ASK_OPERATOR = "ask_operator"


class BreakerEffect(StrEnum):
    """What the failure says of the provider's health."""

    NEUTRAL = "neutral"
    COUNTS = "counts"
    COOLS_DOWN = "cools_down"
    OPENS = "opens"


class MoneyEffect(StrEnum):
    """What becomes of the attempt's pending entry; `contract` asks the provider's charge rule."""

    VOID = "void"
    CONTRACT = "contract"
    STAYS_PENDING = "stays_pending"
    POST = "post"


class OnAmbiguous(StrEnum):
    """The operator's word for a submit that may have been bought: keep it and end the job, or try elsewhere."""

    HOLD = "hold"
    FAILOVER = "failover"


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """The consequences of one kind of failure."""

    next_step: NextStep
    breaker: BreakerEffect
    money: MoneyEffect


_VOID_AND_FAIL_OVER: Final = PolicyRow(NextStep.FAILOVER, BreakerEffect.NEUTRAL, MoneyEffect.VOID)
_OUT_AND_FAIL_OVER: Final = PolicyRow(NextStep.FAILOVER, BreakerEffect.OPENS, MoneyEffect.VOID)
_COUNT_AND_FAIL_OVER: Final = PolicyRow(NextStep.FAILOVER, BreakerEffect.COUNTS, MoneyEffect.VOID)
_FAILED_JOB: Final = PolicyRow(NextStep.FAILOVER, BreakerEffect.COUNTS, MoneyEffect.CONTRACT)
_BLAMELESS_JOB: Final = PolicyRow(NextStep.FAILOVER, BreakerEffect.NEUTRAL, MoneyEffect.CONTRACT)
_ABANDON: Final = PolicyRow(NextStep.FAILOVER, BreakerEffect.COUNTS, MoneyEffect.STAYS_PENDING)
_ASK_AGAIN: Final = PolicyRow(NextStep.KEEP_POLLING, BreakerEffect.COUNTS, MoneyEffect.STAYS_PENDING)
_STOP: Final = PolicyRow(NextStep.STOP, BreakerEffect.NEUTRAL, MoneyEffect.VOID)

BY_REASON: Final[Mapping[Reason, PolicyRow]] = MappingProxyType(
    {
        Reason.REFUSED: PolicyRow(NextStep.STOP, BreakerEffect.NEUTRAL, MoneyEffect.CONTRACT),
        Reason.INVALID: _VOID_AND_FAIL_OVER,
        Reason.UNSUPPORTED: _VOID_AND_FAIL_OVER,
        Reason.AUTH: _OUT_AND_FAIL_OVER,
        Reason.BALANCE: _OUT_AND_FAIL_OVER,
        Reason.RATE_LIMITED: PolicyRow(NextStep.FAILOVER, BreakerEffect.COOLS_DOWN, MoneyEffect.VOID),
        Reason.OVERLOADED: _COUNT_AND_FAIL_OVER,
        Reason.UNREACHABLE: _COUNT_AND_FAIL_OVER,
        Reason.AMBIGUOUS: PolicyRow(NextStep.ASK_OPERATOR, BreakerEffect.COUNTS, MoneyEffect.STAYS_PENDING),
        Reason.UNREADABLE: _ASK_AGAIN,
        Reason.INTERNAL: _FAILED_JOB,
        Reason.STALLED: _ABANDON,
        Reason.EXPIRED: _ABANDON,
        Reason.CANCELLED: _BLAMELESS_JOB,
        Reason.BUDGET: _STOP,
        Reason.NO_CANDIDATE: _STOP,
        Reason.OTHER: _BLAMELESS_JOB,
    }
)

# A job's words on keys, money and load are about its provider's own upstream, or quote a prompt: they fill the
# generation window, but one job's words alone take nobody out. Once accepted, the contract decides the money.
_OF_JOBS: Final[Mapping[Reason, PolicyRow]] = MappingProxyType(
    {
        Reason.INVALID: _BLAMELESS_JOB,
        Reason.UNSUPPORTED: _BLAMELESS_JOB,
        Reason.AUTH: _FAILED_JOB,
        Reason.BALANCE: _FAILED_JOB,
        Reason.RATE_LIMITED: _FAILED_JOB,
        Reason.OVERLOADED: _FAILED_JOB,
        Reason.UNREACHABLE: _FAILED_JOB,
    }
)
_REVIEWED_OUTPUT: Final = PolicyRow(NextStep.FAILOVER_ONCE, BreakerEffect.NEUTRAL, MoneyEffect.CONTRACT)
# The provider calls the job done and will bill it, whether or not its link gives a video.
_PAID_AND_LOST: Final = PolicyRow(NextStep.FAILOVER, BreakerEffect.COUNTS, MoneyEffect.POST)
# Nothing left this machine: the video is there and paid for, and another one could not be fetched either.
_PAID_AND_OUT_OF_OUR_REACH: Final = PolicyRow(NextStep.STOP, BreakerEffect.NEUTRAL, MoneyEffect.POST)


def consequences(failure: Failure) -> PolicyRow:
    """Look up the row of a failure: its stage first where the stage changes what follows, else its reason."""
    return row_of(failure.stage, failure.reason)


def row_of(stage: Stage, reason: Reason) -> PolicyRow:
    """Return what follows from a reason at a stage; there is an answer for every pair, also one that cannot happen."""
    by_reason = BY_REASON[reason]
    match stage:
        case Stage.ROUTE:
            return _STOP
        case Stage.SUBMIT:
            return by_reason
        case Stage.OUTPUT_REVIEW if reason is Reason.REFUSED:
            return _REVIEWED_OUTPUT
        case Stage.IMAGE_REVIEW | Stage.PROMPT_REVIEW | Stage.OUTPUT_REVIEW | Stage.QUEUE | Stage.GENERATE:
            return _OF_JOBS.get(reason, by_reason)
        case Stage.POLL:
            return by_reason if by_reason is _ABANDON else _ASK_AGAIN
        case Stage.DOWNLOAD if reason is Reason.UNREACHABLE:
            return _PAID_AND_OUT_OF_OUR_REACH
        case Stage.DOWNLOAD:
            return _ABANDON if reason is Reason.EXPIRED else _PAID_AND_LOST
        case _:
            assert_never(stage)


POSSIBLE: Final[Mapping[Stage, tuple[Reason, ...]]] = MappingProxyType(
    {
        Stage.ROUTE: (Reason.NO_CANDIDATE, Reason.BUDGET, Reason.EXPIRED, Reason.INTERNAL),
        Stage.SUBMIT: (
            Reason.INVALID,
            Reason.UNSUPPORTED,
            Reason.AUTH,
            Reason.BALANCE,
            Reason.RATE_LIMITED,
            Reason.OVERLOADED,
            Reason.UNREACHABLE,
            Reason.AMBIGUOUS,
        ),
        Stage.IMAGE_REVIEW: (Reason.REFUSED,),
        Stage.PROMPT_REVIEW: (Reason.REFUSED,),
        Stage.QUEUE: (Reason.STALLED, Reason.EXPIRED),
        Stage.GENERATE: (
            Reason.INVALID,
            Reason.AUTH,
            Reason.BALANCE,
            Reason.RATE_LIMITED,
            Reason.OVERLOADED,
            Reason.INTERNAL,
            Reason.STALLED,
            Reason.EXPIRED,
            Reason.CANCELLED,
            Reason.OTHER,
        ),
        Stage.OUTPUT_REVIEW: (Reason.REFUSED,),
        Stage.POLL: (
            Reason.AUTH,
            Reason.BALANCE,
            Reason.RATE_LIMITED,
            Reason.OVERLOADED,
            Reason.UNREACHABLE,
            Reason.INVALID,
            Reason.UNREADABLE,
            Reason.EXPIRED,
        ),
        Stage.DOWNLOAD: (Reason.UNREADABLE, Reason.UNREACHABLE, Reason.EXPIRED),
    }
)
"""What can happen where. A dialect installed from elsewhere may still say another pair; `row_of` knows it."""


class Failover(StrEnum):
    """What may be decided of a failure, from the strictest on: `once` is once per job and kind of failure."""

    NEVER = "never"
    ONCE = "once"
    ALWAYS = "always"

    @property
    def next_step(self) -> NextStep:
        """The step of the table that it stands for."""
        match self:
            case Failover.NEVER:
                return NextStep.STOP
            case Failover.ONCE:
                return NextStep.FAILOVER_ONCE
            case Failover.ALWAYS:
                return NextStep.FAILOVER
            case _:
                assert_never(self)


_STRICTEST_FIRST: Final = (
    NextStep.STOP,
    NextStep.ASK_OPERATOR,
    NextStep.FAILOVER_ONCE,
    NextStep.FAILOVER,
    NextStep.KEEP_POLLING,
)


def pairs(stage: Stage | None = None) -> Iterator[Pair]:
    """Every pair that can happen, or those of one stage."""
    for each in Stage if stage is None else (stage,):
        yield from ((each, reason) for reason in POSSIBLE[each])


def is_overridable(pair: Pair) -> bool:
    """Whether an operator may choose its next step: not if money is ambiguous, a poll is repeated, or nothing ran."""
    fixed = (NextStep.ASK_OPERATOR, NextStep.KEEP_POLLING)
    return pair[0] is not Stage.ROUTE and row_of(*pair).next_step not in fixed


@dataclass(frozen=True, slots=True)
class FailoverOn:
    """The operator's own words on next steps, by stage and reason; what is not in it is as the table says."""

    steps: Mapping[Pair, Failover] = field(default_factory=dict)

    def next_step(self, failure: Failure) -> NextStep:
        """Return what the job does after a failure."""
        own = self.steps.get((failure.stage, failure.reason))
        return consequences(failure).next_step if own is None else own.next_step

    def spelled(self) -> dict[str, str]:
        """Return the words under `stage.reason`, as `read` takes them."""
        return {f"{stage}.{reason}": step.value for (stage, reason), step in self.steps.items()}

    @classmethod
    def read(cls, spelled: Mapping[str, str]) -> "FailoverOn":
        """Build it from what `spelled` returned."""
        found = ((*name.split("."), step) for name, step in spelled.items())
        return cls({(Stage(stage), Reason(reason)): Failover(step) for stage, reason, step in found})

    def stricter(self, failure: Failure, step: NextStep) -> NextStep:
        """Return `step`, or what these words say where that leads to fewer submits."""
        own = self.steps.get((failure.stage, failure.reason))
        return step if own is None else min(step, own.next_step, key=_STRICTEST_FIRST.index)


@dataclass(frozen=True, slots=True)
class JobLimits:
    """What one job may use up. `duplicate_microusd_max` bounds what failing over after an ambiguous submit may risk.

    With less than `attempt_s_min` left before its deadline a job does not try again: the video would come too late.
    `failover_on` is for attempts whose provider was removed; each provider's own has it below its own words.
    """

    attempts_max: int = 3
    spend_microusd_max: int = 20_000_000
    deadline_s: float = 3600.0
    on_ambiguous: OnAmbiguous = OnAmbiguous.HOLD
    duplicate_microusd_max: int = 0
    attempt_s_min: float = 120.0
    failover_on: FailoverOn = field(default_factory=FailoverOn)

    def may_begin_for_s(self, left_s: float, attempts: int) -> float:
        """Seconds in which one more attempt may begin, `left_s` before the deadline; a first one may until the end."""
        return left_s - self.attempt_s_min if attempts else left_s


def goes_on(
    failure: Failure,
    *,
    failed_before: Collection[Pair],
    uncertain_microusd: int,
    limits: JobLimits,
    step: NextStep,
) -> bool:
    """Whether the job may try another offering after this failure, whose next step is `step`.

    `failed_before`: how its earlier attempts ended. `uncertain_microusd`: what the job's attempts may have bought
    without anybody knowing, this one included.
    """
    match step:
        case NextStep.STOP:
            return False
        case NextStep.FAILOVER | NextStep.KEEP_POLLING:
            return True
        case NextStep.FAILOVER_ONCE:
            return (failure.stage, failure.reason) not in failed_before
        case NextStep.ASK_OPERATOR:
            failover = limits.on_ambiguous is OnAmbiguous.FAILOVER
            return failover and uncertain_microusd <= limits.duplicate_microusd_max
        case step:
            assert_never(step)
