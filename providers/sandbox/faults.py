"""The faults an upstream can be told to have, and the rules that say when."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails

RULES_LIMIT = 100


class Fault(StrEnum):
    """Everything that can go wrong on purpose."""

    REFUSE_CONNECT = "refuse_connect"
    RESET_BEFORE_BODY = "reset_before_body"
    CUT_BEFORE_ACCEPT = "cut_before_accept"
    CUT_AFTER_ACCEPT = "cut_after_accept"
    RESET_AFTER_ACCEPT = "reset_after_accept"
    LATE_ANSWER = "late_answer"
    SLOW_HEADERS = "slow_headers"
    SLOW_ANSWER = "slow_answer"
    HALF_ANSWER = "half_answer"
    TRUNCATED_ANSWER = "truncated_answer"
    RATE_LIMITED = "rate_limited"
    HTTP_500 = "http_500"
    HTTP_502 = "http_502"
    HTTP_503 = "http_503"
    HTML_502 = "html_502"
    HTML_504 = "html_504"
    ERROR_IN_200 = "error_in_200"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    BAD_KEY = "bad_key"
    ANSWER = "answer"
    IMAGE_REVIEW = "image_review"
    PROMPT_REVIEW = "prompt_review"
    OUTPUT_REVIEW = "output_review"
    FAIL_AT_95 = "fail_at_95"
    FAIL_WITH = "fail_with"
    CANCELLED = "cancelled"
    NEVER_STARTING = "never_starting"
    STUCK_PROGRESS = "stuck_progress"
    NEVER_FINISHING = "never_finishing"
    LINK_LATE = "link_late"
    LINK_404 = "link_404"
    LINK_500 = "link_500"
    NO_LINK = "no_link"
    LINK_TRUNCATED = "link_truncated"
    LINK_RESET = "link_reset"
    LINK_NOT_VIDEO = "link_not_video"
    SLOW_DOWNLOAD = "slow_download"
    POLL_500 = "poll_500"
    POLL_429 = "poll_429"
    POLL_HTML = "poll_html"
    POLL_GARBAGE = "poll_garbage"
    POLL_CUT = "poll_cut"
    POLL_RESET = "poll_reset"
    LIST_500 = "list_500"
    LIST_GARBAGE = "list_garbage"
    LIST_CUT = "list_cut"
    LIST_LATE = "list_late"
    LIST_MISSING = "list_missing"
    LIST_DISORDERED = "list_disordered"
    LIST_ENDLESS = "list_endless"
    HOOK_NEVER = "hook_never"
    HOOK_LATE = "hook_late"
    HOOK_DUPLICATE = "hook_duplicate"
    HOOK_OUT_OF_ORDER = "hook_out_of_order"
    HOOK_FORGED = "hook_forged"
    HOOK_STORM = "hook_storm"


REVIEWS = frozenset({Fault.IMAGE_REVIEW, Fault.PROMPT_REVIEW})
CREATE_FAULTS = frozenset(
    {
        Fault.CUT_BEFORE_ACCEPT,
        Fault.CUT_AFTER_ACCEPT,
        Fault.RESET_AFTER_ACCEPT,
        Fault.LATE_ANSWER,
        Fault.SLOW_HEADERS,
        Fault.SLOW_ANSWER,
        Fault.HALF_ANSWER,
        Fault.TRUNCATED_ANSWER,
        Fault.RATE_LIMITED,
        Fault.HTTP_500,
        Fault.HTTP_502,
        Fault.HTTP_503,
        Fault.HTML_502,
        Fault.HTML_504,
        Fault.ERROR_IN_200,
        Fault.INSUFFICIENT_BALANCE,
        Fault.BAD_KEY,
    }
)
FATE_FAULTS = frozenset(
    {
        Fault.OUTPUT_REVIEW,
        Fault.FAIL_AT_95,
        Fault.FAIL_WITH,
        Fault.CANCELLED,
        Fault.STUCK_PROGRESS,
        Fault.NEVER_STARTING,
        Fault.NEVER_FINISHING,
    }
)
LINK_FAULTS = frozenset(
    {
        Fault.LINK_LATE,
        Fault.LINK_404,
        Fault.LINK_500,
        Fault.NO_LINK,
        Fault.LINK_TRUNCATED,
        Fault.LINK_RESET,
        Fault.LINK_NOT_VIDEO,
        Fault.SLOW_DOWNLOAD,
    }
)
POLL_FAULTS = frozenset(
    {Fault.POLL_500, Fault.POLL_429, Fault.POLL_HTML, Fault.POLL_GARBAGE, Fault.POLL_CUT, Fault.POLL_RESET}
)
LIST_FAULTS = frozenset(
    {
        *(Fault.LIST_500, Fault.LIST_GARBAGE, Fault.LIST_CUT),
        *(Fault.LIST_LATE, Fault.LIST_MISSING, Fault.LIST_DISORDERED, Fault.LIST_ENDLESS),
    }
)
HOOK_FAULTS = frozenset(
    {
        Fault.HOOK_NEVER,
        Fault.HOOK_LATE,
        Fault.HOOK_DUPLICATE,
        Fault.HOOK_OUT_OF_ORDER,
        Fault.HOOK_FORGED,
        Fault.HOOK_STORM,
    }
)

PLACES: Mapping[Fault, tuple[str, ...]] = {
    Fault.IMAGE_REVIEW: ("create", "job"),
    Fault.PROMPT_REVIEW: ("create", "job"),
    Fault.ANSWER: ("create", "poll"),
}

# Which faults read a parameter; given to any other it is an error, not a silent nothing.
READERS: Mapping[str, frozenset[Fault]] = {
    "share": frozenset(Fault) - {Fault.REFUSE_CONNECT},
    "times": frozenset(Fault) - {Fault.REFUSE_CONNECT},
    "match": frozenset(Fault) - LIST_FAULTS - {Fault.REFUSE_CONNECT, Fault.RESET_BEFORE_BODY},
    "delay_s": frozenset(
        {
            *(Fault.LATE_ANSWER, Fault.SLOW_HEADERS, Fault.SLOW_ANSWER, Fault.LINK_LATE, Fault.SLOW_DOWNLOAD),
            *(Fault.HOOK_LATE, Fault.LIST_LATE),
        }
    ),
    "retry_after_s": frozenset({Fault.RATE_LIMITED, Fault.HTTP_503, Fault.POLL_429, Fault.ANSWER}),
    "at": REVIEWS | {Fault.ANSWER},
    "status": frozenset({Fault.STUCK_PROGRESS}),
    "fetches": LINK_FAULTS - {Fault.NO_LINK},
    "accepted": frozenset(
        {
            *(Fault.HTTP_500, Fault.HTTP_502, Fault.HTTP_503, Fault.HTML_502, Fault.HTML_504),
            *(Fault.ERROR_IN_200, Fault.ANSWER),
        }
    ),
    "http_status": frozenset({Fault.ANSWER}),
    "body": frozenset({Fault.ANSWER}),
    "words": frozenset({Fault.FAIL_WITH}),
    "code": frozenset({Fault.FAIL_WITH}),
    "progress": frozenset({Fault.FAIL_WITH}),
}


class FaultError(ValueError):
    """Rules that cannot be used; its text names each place, what is wrong, and the accepted values."""


class Match(BaseModel):
    """Which jobs a rule is about; a condition not given holds for all."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    prompt_contains: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    model: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    def holds(self, prompt: str, model: str) -> bool:
        """Whether a job with this prompt and upstream model is meant."""
        return (self.prompt_contains is None or self.prompt_contains in prompt) and self.model in (None, model)


class FaultRule(BaseModel):
    """One fault and when it strikes: a `share` of the exchanges it is about, or the first `times` of them.

    Create and job faults are drawn once per create and stay with that job; poll faults are drawn at every poll.
    `delay_s` is in real seconds, never scaled. `fetches` ends a link's fault after so many fetches. `accepted`
    takes and bills the job before the error is answered. `body` is sent as JSON, or as it is when it is a text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    fault: Fault
    share: Annotated[float, Field(ge=0, le=1)] | None = None
    times: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    delay_s: Annotated[float, Field(ge=0, le=3600)] | None = None
    retry_after_s: Annotated[int, Field(ge=0, le=86_400)] | None = None
    at: Literal["create", "job", "poll"] | None = None
    status: Literal["in_progress", "completed"] | None = None
    fetches: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    accepted: bool | None = None
    http_status: Annotated[int, Field(ge=200, le=599)] | None = None
    body: dict[str, Any] | Annotated[str, Field(max_length=100_000)] | None = None
    words: Annotated[str, Field(max_length=2000)] | None = None
    code: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    progress: Annotated[int, Field(ge=0, le=99)] | None = None
    match: Match | None = None

    @model_validator(mode="after")
    def _only_what_is_read(self) -> Self:
        for name, readers in READERS.items():
            if getattr(self, name) is not None and self.fault not in readers:
                accepted = ", ".join(sorted(readers))
                raise ValueError(f"{name} says nothing about {self.fault}; it is read by: {accepted}")
        if self.at is not None and self.at not in PLACES[self.fault]:
            raise ValueError(f"{self.fault} happens at: {', '.join(PLACES[self.fault])}")
        if self.share is not None and self.times is not None:
            raise ValueError("give share (of all exchanges) or times (the first so many), not both")
        return self

    @property
    def at_create(self) -> bool:
        """Whether the create itself is spoiled, rather than the job's later life."""
        return self.fault in CREATE_FAULTS or (self.fault in PLACES and self.at in (None, "create"))

    @property
    def at_poll(self) -> bool:
        """Whether a poll is spoiled, and nothing of the job."""
        return self.fault in POLL_FAULTS or self.at == "poll"

    @property
    def about_fate(self) -> bool:
        """Whether an accepted job's way to its end is changed."""
        return self.fault in FATE_FAULTS or (self.fault in REVIEWS and self.at == "job")

    def holds(self, prompt: str, model: str, images: int) -> bool:
        """Whether this rule is about such a job; an image review needs an image."""
        if self.fault is Fault.IMAGE_REVIEW and not images:
            return False
        return self.match is None or self.match.holds(prompt, model)


_RULES = TypeAdapter(Annotated[tuple[FaultRule, ...], Field(max_length=RULES_LIMIT)])


def parse_rules(rules: Iterable[FaultRule | Mapping[str, Any]]) -> tuple[FaultRule, ...]:
    """Check rules from any source; raise FaultError with every mistake at once."""
    try:
        return _RULES.validate_python(tuple(rules))
    except ValidationError as error:
        lines = [_line(item["loc"], _message(item)) for item in error.errors(include_url=False)]
        raise FaultError("; ".join(lines)) from None


def _message(item: ErrorDetails) -> str:
    if item["type"] != "extra_forbidden":
        return item["msg"]
    model = Match if "match" in item["loc"] else FaultRule
    return f"there is no such parameter; accepted: {', '.join(model.model_fields)}"


def _line(path: tuple[int | str, ...], message: str) -> str:
    where = "faults" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"{where}: {message.removeprefix('Value error, ')}"
