"""What follows from a failure: one exhaustive table of the next step, the breaker and the money."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, assert_never

from providers.canonical import Failure, Reason, Stage


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


@dataclass(frozen=True, slots=True)
class JobLimits:
    """What one job may use up. `duplicate_microusd_max` bounds what failing over after an ambiguous submit may risk.

    With less than `attempt_s_min` left before its deadline a job does not try again: the video would come too late.
    """

    attempts_max: int = 3
    spend_microusd_max: int = 20_000_000
    deadline_s: float = 3600.0
    on_ambiguous: OnAmbiguous = OnAmbiguous.HOLD
    duplicate_microusd_max: int = 0
    attempt_s_min: float = 120.0

    def may_begin_for_s(self, left_s: float, attempts: int) -> float:
        """Seconds in which one more attempt may begin, `left_s` before the deadline; a first one may until the end."""
        return left_s - self.attempt_s_min if attempts else left_s


_VOID_AND_FAIL_OVER = PolicyRow(NextStep.FAILOVER, BreakerEffect.NEUTRAL, MoneyEffect.VOID)
_OUT_AND_FAIL_OVER = PolicyRow(NextStep.FAILOVER, BreakerEffect.OPENS, MoneyEffect.VOID)
_COUNT_AND_FAIL_OVER = PolicyRow(NextStep.FAILOVER, BreakerEffect.COUNTS, MoneyEffect.VOID)
_ABANDON = PolicyRow(NextStep.FAILOVER, BreakerEffect.COUNTS, MoneyEffect.STAYS_PENDING)

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
        Reason.UNREADABLE: PolicyRow(NextStep.KEEP_POLLING, BreakerEffect.COUNTS, MoneyEffect.STAYS_PENDING),
        Reason.INTERNAL: PolicyRow(NextStep.FAILOVER, BreakerEffect.COUNTS, MoneyEffect.CONTRACT),
        Reason.STALLED: _ABANDON,
        Reason.EXPIRED: _ABANDON,
        Reason.CANCELLED: PolicyRow(NextStep.FAILOVER, BreakerEffect.NEUTRAL, MoneyEffect.CONTRACT),
        Reason.BUDGET: PolicyRow(NextStep.STOP, BreakerEffect.NEUTRAL, MoneyEffect.VOID),
        Reason.NO_CANDIDATE: PolicyRow(NextStep.STOP, BreakerEffect.NEUTRAL, MoneyEffect.VOID),
        Reason.OTHER: PolicyRow(NextStep.FAILOVER, BreakerEffect.NEUTRAL, MoneyEffect.CONTRACT),
    }
)

_REVIEWED_OUTPUT = PolicyRow(NextStep.FAILOVER_ONCE, BreakerEffect.NEUTRAL, MoneyEffect.CONTRACT)
# The provider calls the job done and will bill it, whether or not its link gives a video.
_PAID_AND_LOST = PolicyRow(NextStep.FAILOVER, BreakerEffect.COUNTS, MoneyEffect.POST)
# Nothing left this machine: the video is there and paid for, and another one could not be fetched either.
_PAID_AND_OUT_OF_OUR_REACH = PolicyRow(NextStep.STOP, BreakerEffect.NEUTRAL, MoneyEffect.POST)


def consequences(failure: Failure) -> PolicyRow:
    """Look up the row of a failure: its stage first where the stage changes what follows, else its reason."""
    match failure.stage:
        case Stage.OUTPUT_REVIEW if failure.reason is Reason.REFUSED:
            return _REVIEWED_OUTPUT
        case Stage.DOWNLOAD if failure.reason is Reason.UNREACHABLE:
            return _PAID_AND_OUT_OF_OUR_REACH
        case Stage.DOWNLOAD if failure.reason is not Reason.EXPIRED:
            return _PAID_AND_LOST
        case Stage.POLL if failure.reason not in (Reason.STALLED, Reason.EXPIRED):
            return BY_REASON[Reason.UNREADABLE]
        case _:
            return BY_REASON[failure.reason]


def goes_on(failure: Failure, *, reviewed_before: bool, uncertain_microusd: int, limits: JobLimits) -> bool:
    """Whether the job may try another offering after this failure.

    `reviewed_before`: an earlier attempt's output was refused already. `uncertain_microusd`: what the job's attempts
    may have bought without anybody knowing, this one included.
    """
    match consequences(failure).next_step:
        case NextStep.STOP:
            return False
        case NextStep.FAILOVER | NextStep.KEEP_POLLING:
            return True
        case NextStep.FAILOVER_ONCE:
            return not reviewed_before
        case NextStep.ASK_OPERATOR:
            failover = limits.on_ambiguous is OnAmbiguous.FAILOVER
            return failover and uncertain_microusd <= limits.duplicate_microusd_max
        case step:
            assert_never(step)
