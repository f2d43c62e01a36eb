"""A failed job as words for the one who has to do something about it, and as what became of each attempt."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from providers.canonical import Failure, Reason, Stage
from router.core.budget import CALLER_BUDGET_USED, PROVIDER_BUDGETS_USED
from router.core.job import Attempt, Job
from router.http.naming import Naming
from router.observe.scrubbing import scrubbed

_UPSTREAM_WORDS_MAX: Final = 300
# Links and names take up less room once they are taken out.
_UPSTREAM_WORDS_READ_MAX: Final = 2 * _UPSTREAM_WORDS_MAX
_REVIEWS: Final = frozenset({Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW, Stage.OUTPUT_REVIEW})
_MAY_BE_CHARGED: Final = (
    "It may still be finished and charged; `attempts` says so once it is known. Order it again if you cannot wait."
)
_AFTER_A_CANCEL: Final = (
    "What was under way may still be charged; `attempts` says so once it is known. Order it again under another"
    " Idempotency-Key if you want it after all."
)
_ONE_BEFORE_IS_OPEN: Final = (
    "An attempt before that may still be charged: look at `attempts`, and ask the operator, before you order it again."
)
_NOT_FETCHED: Final = (
    "A video was made and paid for, but could not be fetched. Ask the operator before you order it again."
)
_NOT_TOLD: Final = f"The provider could not tell how the video is doing, so it was given up. {_MAY_BE_CHARGED}"
_OPERATOR: Final = (
    "The router's own account with a provider was turned down, and nothing is wrong with the request. The operator has"
    " to act. Try again later."
)

_PROVIDERS_OWN: Final = (
    "The provider could not get the video made, for reasons of its own account. "
    "The request may be tried again as it is."
)

_BY_STAGE: Final[Mapping[tuple[Stage, Reason], str]] = MappingProxyType(
    {
        (Stage.IMAGE_REVIEW, Reason.REFUSED): ("An input image was refused by a review; change or remove the image."),
        (Stage.PROMPT_REVIEW, Reason.REFUSED): "The prompt was refused by a review; change the prompt.",
        (Stage.OUTPUT_REVIEW, Reason.REFUSED): (
            "The finished video was refused by a review; change the prompt, or try it once more."
        ),
        (Stage.ROUTE, Reason.EXPIRED): "No provider became free before the job's deadline. Try again later.",
        (Stage.ROUTE, Reason.INTERNAL): "The router could not go on with the job. Send the request again.",
        (Stage.ROUTE, Reason.CANCELLED): (
            f"It was deleted before it had ended, so nothing more is bought for it. {_AFTER_A_CANCEL}"
        ),
        (
            Stage.QUEUE,
            Reason.STALLED,
        ): f"The video was never begun with, so it was given up. {_MAY_BE_CHARGED}",
        (Stage.GENERATE, Reason.INVALID): (
            "The provider accepted the request and then called it invalid; change its images or parameters."
        ),
        # Told by a job, these are about the account that the provider itself has with somebody else.
        (Stage.GENERATE, Reason.AUTH): _PROVIDERS_OWN,
        (Stage.GENERATE, Reason.BALANCE): _PROVIDERS_OWN,
        (Stage.DOWNLOAD, Reason.EXPIRED): (
            "A video was made, but could not be fetched in time. Ask the operator before you order it again."
        ),
    }
)
_BY_REASON: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.REFUSED: "The request was refused; change the prompt or the images.",
        Reason.INVALID: "The provider called the request invalid; change its parameters.",
        Reason.UNSUPPORTED: (
            "The provider does not support this combination of model, size, seconds and images; change one of them."
        ),
        Reason.AUTH: _OPERATOR,
        Reason.BALANCE: _OPERATOR,
        Reason.RATE_LIMITED: "Too much is asked of the provider at the moment. Try again later.",
        Reason.OVERLOADED: "The provider is overloaded. Try again later.",
        Reason.UNREACHABLE: "The provider could not be reached. Try again later.",
        Reason.AMBIGUOUS: (
            "The video may have been bought, but the answer of its provider was lost, so it is not bought again. The"
            " operator can find out what became of it; ask before you order it again. `attempts` says what it cost once"
            " it is known."
        ),
        Reason.UNREADABLE: "The provider's answers could not be read. Try again later, or tell the operator.",
        Reason.INTERNAL: "The generation failed. The request may be tried again as it is.",
        Reason.STALLED: f"The video stopped making progress, so it was given up. {_MAY_BE_CHARGED}",
        Reason.EXPIRED: f"The video was not finished in time, so it was given up. {_MAY_BE_CHARGED}",
        Reason.CANCELLED: "The generation was cancelled upstream. The request may be tried again as it is.",
        Reason.BUDGET: (
            "What is left of the job's spending limit buys no offering that could take it. Ask for a shorter or smaller"
            " video, or ask the operator."
        ),
        Reason.NO_CANDIDATE: "No offering is left that can take the job. Try again later, or change the request.",
        Reason.OTHER: "The generation failed for a reason that is not known. The request may be tried again as it is.",
    }
)
# A day's budgets begin anew, a job's spending limit does not.
_BY_CODE: Final[Mapping[str, str]] = MappingProxyType(
    {
        CALLER_BUDGET_USED: (
            "What is left of your daily budget buys no offering that could take the job. Order it again after 00:00"
            " UTC, ask for a shorter or smaller video, or ask the operator for a larger `callers[].daily_budget_usd`."
        ),
        PROVIDER_BUDGETS_USED: (
            "The operator's daily budget with every provider that could take the job is used up. Order it again after"
            " 00:00 UTC, or ask the operator."
        ),
    }
)

_WHO_SAYS_WHAT_IS_WRONG: Final[Mapping[Reason, str]] = MappingProxyType(
    {Reason.REFUSED: "The review", Reason.INVALID: "The provider"}
)


def error_object(job: Job, naming: Naming) -> dict[str, Any] | None:
    """Render why a job failed: what the caller should change, and what became of each attempt. None if it has not."""
    failure = job.failure
    if failure is None:
        return None
    return {
        "code": _code(failure),
        "message": failure_message(failure, naming, one_before_is_open=_one_before_is_open(job, failure)),
        "stage": failure.stage.value,
        "reason": failure.reason.value,
        "attempts": [
            _attempt(attempt, provider)
            for attempt, provider in zip(job.attempts, naming.attempts(job.attempts), strict=True)
        ],
    }


def failure_message(failure: Failure, naming: Naming, *, one_before_is_open: bool = False) -> str:
    """Say what happened and what to change, with the upstream's own words where they say what was wrong."""
    explanation = _explanation(failure)
    if one_before_is_open:
        explanation = f"{explanation} {_ONE_BEFORE_IS_OPEN}"
    who = _WHO_SAYS_WHAT_IS_WRONG.get(failure.reason)
    if who is None or failure.stage in (Stage.POLL, Stage.DOWNLOAD):
        return explanation
    words = _printable(failure.message, naming)
    return f"{explanation} {who} said: {words}" if words else explanation


def _one_before_is_open(job: Job, failure: Failure) -> bool:
    """Whether words about the last failure would hide an attempt of which nobody knows the cost."""
    if _code(failure) in ("submit_unknown", "cancelled"):
        return False
    before = job.attempts if failure.stage is Stage.ROUTE else job.attempts[:-1]
    return any(attempt.billed is None for attempt in before)


def _attempt(attempt: Attempt, provider: str) -> dict[str, Any]:
    return {
        "provider": provider,
        "stage": attempt.stage.value if attempt.stage else None,
        "reason": attempt.reason.value if attempt.reason else None,
        "charged": attempt.billed,
    }


def _code(failure: Failure) -> str:
    """Use OpenAI's code only where it says the same to the same person: our empty account is not a caller's quota."""
    if failure.reason is Reason.REFUSED and failure.stage in _REVIEWS:
        return "moderation_blocked"
    if failure.reason is Reason.AMBIGUOUS and failure.stage is Stage.SUBMIT:
        return "submit_unknown"
    if failure.reason is Reason.CANCELLED and failure.stage is Stage.ROUTE:
        return "cancelled"
    return f"{failure.stage}.{failure.reason}"


def _explanation(failure: Failure) -> str:
    if failure.reason is Reason.BUDGET and (budget := _BY_CODE.get(failure.code or "")) is not None:
        return budget
    if (known := _BY_STAGE.get((failure.stage, failure.reason))) is not None:
        return known
    match failure.stage:
        case Stage.DOWNLOAD:
            return _NOT_FETCHED
        case Stage.POLL:
            return _NOT_TOLD
        case _:
            return _BY_REASON[failure.reason]


def _printable(message: str, naming: Naming) -> str:
    """Keep an upstream's own words short, on one line, free of hidden names, of links, and of keys, which are ours."""
    words = message[:_UPSTREAM_WORDS_READ_MAX]
    if len(words) < len(message):
        # What was cut in two would not be known for what it is.
        words = words.rpartition(" ")[0] or words
    line = "".join(char if char.isprintable() else " " for char in words)
    return naming.words(scrubbed(line, _UPSTREAM_WORDS_READ_MAX)).strip()[:_UPSTREAM_WORDS_MAX]
