"""Checks of what an adapter reads: recorded answers as recorded, and out of anything else no good news."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from providers.adapter import HttpResponse
from providers.canonical import Accepted, Failure, ListedPage, Reason, Running, Stage, Succeeded
from providers.certification.calling import Case, Raised, called, read_directly, response_text, said, shortened
from providers.certification.exchange import OUTCOMES, Exchange, Kind, Reading, read
from providers.certification.mutation import link_places, mutated
from providers.certification.samples import (
    HOSTILE_BODIES,
    IDS,
    KINDS_OF_STATUS,
    NOT_SUCCESSES,
    STATUSES,
    WORDLESS_BODIES,
)
from providers.certification.subject import Subject, Violation
from providers.fields import COST_MICROUSD, ID_CHARS, RETRY_AFTER_S, as_id, as_url

# What reading a create and reading a job must each be able to tell, and a recording must show.
REASONS_RECORDED: Final = ("auth", "balance", "rate_limited", "overloaded", "invalid", "refused", "ambiguous")
STAGES_RECORDED: Final = ("submit", "image_review", "prompt_review", "generate", "output_review", "poll")

DOCUMENTED_ERRORS: Final = (LookupError, TypeError, ValueError, AttributeError)
MESSAGE_CHARS: Final = 4_000
CODE_CHARS: Final = 256
HOW_TO_RECORD: Final = "record such an answer as a JSON file; providers/README.md shows one"

_REVIEWS: Final = MappingProxyType(
    dict.fromkeys((Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW, Stage.OUTPUT_REVIEW), (Reason.REFUSED,))
)
_NO_JOB: Final = (Reason.AUTH, Reason.BALANCE, Reason.RATE_LIMITED, Reason.OVERLOADED, Reason.INVALID)
# Which stages and reasons an answer can tell; all others are the router's own findings.
TOLD: Final[Mapping[Kind, Mapping[Stage, tuple[Reason, ...]]]] = MappingProxyType(
    {
        "submit": MappingProxyType({Stage.SUBMIT: (*_NO_JOB, Reason.UNSUPPORTED, Reason.AMBIGUOUS), **_REVIEWS}),
        "poll": MappingProxyType(
            {
                Stage.POLL: (*_NO_JOB, Reason.UNREADABLE),
                Stage.GENERATE: (*_NO_JOB, Reason.INTERNAL, Reason.CANCELLED, Reason.OTHER),
                **_REVIEWS,
            }
        ),
        "list": MappingProxyType({Stage.POLL: (*_NO_JOB, Reason.UNREADABLE)}),
    }
)


def exchanges_read_as_recorded(subject: Subject) -> Iterator[Case]:
    """Every recorded answer reads as its file expects."""
    for exchange in subject.exchanges:
        wrong = exchange.differences(exchange.read_by(subject.adapter))
        yield _wrong(exchange, "; ".join(wrong), "change the adapter, or the file if it expects wrongly")


def exchanges_cover_every_outcome(subject: Subject) -> Iterator[Case]:
    """There are recorded answers of every outcome, reason and stage that decides about money."""
    if not subject.exchanges:
        yield Violation(
            "the recorded answers", "there are none", HOW_TO_RECORD + "; keep them in `exchanges/` beside the module"
        )
        return
    outcomes = {(item.kind, item.outcome) for item in subject.exchanges}
    for kind in subject.kinds:
        for outcome in OUTCOMES[kind]:
            yield _uncovered(f"a {kind} that reads as {outcome.__name__}", (kind, outcome) in outcomes)
    reasons = {item.values.get("reason") for item in subject.exchanges if item.kind == "submit"}
    for reason in REASONS_RECORDED:
        yield _uncovered(f"a submit that fails with reason {reason}", reason in reasons)
    stages = {item.values.get("stage") for item in subject.exchanges}
    for stage in STAGES_RECORDED:
        yield _uncovered(f"a failure of stage {stage}", stage in stages)


def _uncovered(what: str, recorded: bool) -> Case:
    return None if recorded else Violation(f"a recorded answer: {what}", "there is none", HOW_TO_RECORD)


def only_2xx_is_good_news(subject: Subject) -> Iterator[Case]:
    """The same good answer under any other status is not good news."""
    for exchange in subject.exchanges:
        if exchange.outcome is Failure:
            continue
        for status in NOT_SUCCESSES:
            response = HttpResponse(status, exchange.response.headers, exchange.response.body)
            reading = read_directly(subject.adapter, exchange.kind, response)
            if isinstance(reading, Accepted | Running | Succeeded | ListedPage):
                yield _misread(exchange.kind, response, reading, "look at `response.ok` before anything else")
            else:
                yield None


def an_error_status_ends_no_job(subject: Subject) -> Iterator[Case]:
    """A poll with an error status, around a job that lives, is a failed poll and says nothing of the video."""
    for exchange in subject.exchanges:
        if exchange.kind != "poll" or exchange.outcome is Failure:
            continue
        for status in NOT_SUCCESSES:
            response = HttpResponse(status, exchange.response.headers, exchange.response.body)
            reading = read(subject.adapter, "poll", response)
            if isinstance(reading, Failure) and reading.stage is not Stage.POLL:
                yield _misread("poll", response, reading, "answer stage poll; every other stage ends the job")
            else:
                yield None


def nonsense_is_no_news(subject: Subject) -> Iterator[Case]:
    """Of HTML, half JSON, odd types and impossible ids nothing is good news, and nothing ends a job."""
    for status in KINDS_OF_STATUS:
        for body in HOSTILE_BODIES:
            response = HttpResponse(status, {}, body)
            submitted, polled = read(subject.adapter, "submit", response), read(subject.adapter, "poll", response)
            yield (
                None
                if isinstance(submitted, Failure)
                else _misread("submit", response, submitted, "take only ids that providers.fields.as_id takes")
            )
            harmless = isinstance(polled, Running) or (isinstance(polled, Failure) and polled.stage is Stage.POLL)
            change = "a job's end needs a job and its status; else answer stage poll"
            yield None if harmless else _misread("poll", response, polled, change)
            if "list" in subject.kinds:
                listed = read(subject.adapter, "list", response)
                change = "a page is read where there is a list of jobs; else answer stage poll"
                yield None if isinstance(listed, Failure) else _misread("list", response, listed, change)


def a_wordless_submit_is_ambiguous(subject: Subject) -> Iterator[Case]:
    """Without an error in JSON no create is refused, whatever its status, except by 429 and by 503 with Retry-After."""
    for status in STATUSES:
        for body in WORDLESS_BODIES:
            for headers in ({}, {"retry-after": "30"}):
                response = HttpResponse(status, headers, body)
                reading = read(subject.adapter, "submit", response)
                allowed = {Reason.RATE_LIMITED} if status == 429 else {Reason.AMBIGUOUS}
                if status == 503 and headers:
                    allowed.add(Reason.OVERLOADED)
                held = isinstance(reading, Failure) and reading.reason in allowed
                change = f"answer {' or '.join(sorted(allowed))}: any other reason says that no job was made"
                yield None if held else _misread("submit", response, reading, change)


def no_failure_becomes_a_success(subject: Subject) -> Iterator[Case]:
    """However a recorded failure or running job is disturbed, it does not become an accepted or finished one."""
    links = link_places(subject.exchanges)
    for item in mutated(tuple(subject.unfinished), subject.bodies, subject.seed, links):
        kind = item.exchange.kind
        reading = read(subject.adapter, kind, item.response)
        if isinstance(reading, Accepted | Succeeded | ListedPage):
            asked = f"{item.exchange.name}, disturbed ({item.how}): a {kind} answered {response_text(item.response)}"
            yield Violation(asked, _reading_text(reading), "read success only where the answer says it")
        else:
            yield None


def readers_raise_only_as_documented(subject: Subject) -> Iterator[Case]:
    """Reading nonsense raises nothing but LookupError, TypeError, ValueError or AttributeError."""
    for kind, response in _answers(subject):
        reading = read_directly(subject.adapter, kind, response)
        if isinstance(reading, Raised) and not isinstance(reading.error, DOCUMENTED_ERRORS):
            yield _misread(kind, response, reading, "let nothing else out; it hides a mistake")
        else:
            yield None


def _answers(subject: Subject) -> Iterator[tuple[Kind, HttpResponse]]:
    for item in subject.exchanges:
        yield item.kind, item.response
    for body in HOSTILE_BODIES:
        for status in (200, 400, 500):
            for kind in subject.kinds:
                yield kind, HttpResponse(status, {}, body)
    for disturbed in mutated(subject.exchanges, subject.bodies, subject.seed + 1):
        yield disturbed.exchange.kind, disturbed.response


def values_stay_within_limits(subject: Subject) -> Iterator[Case]:
    """Ids, links, progress, costs and waits are usable; stages and reasons are such as an answer can tell."""
    for kind, response in _answers(subject):
        reading = read_directly(subject.adapter, kind, response)
        problem = None if isinstance(reading, Raised) else _out_of_limits(kind, reading)
        yield None if problem is None else _misread(kind, response, reading, problem)


def _out_of_limits(kind: Kind, reading: Any) -> str | None:
    match reading if isinstance(reading, OUTCOMES[kind]) else None:
        case Accepted(remote_id):
            return None if as_id(remote_id) == remote_id else f"an id is 1-{ID_CHARS} printable characters, no spaces"
        case Running(progress=progress, url=url):
            whole = progress is None or (_is_whole(progress) and 0 <= progress <= 100)
            return None if whole and _is_link(url) else "progress is a whole number of 0-100; a link is http or https"
        case Succeeded(url=url, cost_microusd=cost):
            return (
                None
                if _is_link(url) and _is_cost(cost)
                else "a link is http or https with a host; a cost is whole micro-USD"
            )
        case ListedPage(jobs, cursor):
            ids = [job.remote_id for job in jobs] + ([] if cursor is None else [cursor])
            held = all(as_id(each) == each for each in ids)
            return None if held else f"ids and cursor are 1-{ID_CHARS} printable characters, no spaces"
        case Failure():
            return _failure_out_of_limits(kind, reading)
        case _:
            return f"return {' or '.join(outcome.__name__ for outcome in OUTCOMES[kind])}"


def _failure_out_of_limits(kind: Kind, failure: Any) -> str | None:
    told = TOLD[kind]
    if failure.reason not in told.get(failure.stage, ()):
        reasons = ", ".join(told.get(failure.stage, ()))
        return (
            f"of a {kind} accepted: {', '.join(told)}"
            if not reasons
            else f"of stage {failure.stage} accepted: {reasons}"
        )
    if not isinstance(failure.message, str) or len(failure.message) > MESSAGE_CHARS:
        return f"a message is a text of at most {MESSAGE_CHARS} characters"
    if failure.code is not None and not (isinstance(failure.code, str) and len(failure.code) <= CODE_CHARS):
        return f"a code is a text of at most {CODE_CHARS} characters, or None"
    if failure.retry_after_s is not None and not 0 <= failure.retry_after_s <= RETRY_AFTER_S:
        return f"retry_after_s is 0-{RETRY_AFTER_S:g} seconds, or None"
    return None if _is_cost(failure.cost_microusd) else "a cost is whole micro-USD, not negative"


def _is_link(url: object) -> bool:
    return url is None or as_url(url) == url


def _is_cost(cost: Any) -> bool:
    return cost is None or (_is_whole(cost) and 0 <= cost <= COST_MICROUSD)


def _is_whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


def same_input_same_output(subject: Subject) -> Iterator[Case]:
    """Asked twice, in another order, everything is answered alike: nothing is remembered, timed or drawn."""
    requests = [(video, request) for video, request in said(subject)][-300:]
    again = [called(subject.adapter.submit_request, video, subject.model) for video, _ in reversed(requests)]
    for (_, first), second in zip(requests, reversed(again), strict=True):
        yield None if first == second else _unlike("submit_request", first, second)
    for remote_id in IDS:
        first_poll, second_poll = (called(subject.adapter.poll_request, remote_id) for _ in range(2))
        same = isinstance(first_poll, Raised) or first_poll == second_poll
        yield None if same else _unlike("poll_request", first_poll, second_poll)
    readings = [read_directly(subject.adapter, item.kind, item.response) for item in subject.exchanges]
    reread = [read_directly(subject.adapter, item.kind, item.response) for item in reversed(subject.exchanges)]
    for reading, later in zip(readings, reversed(reread), strict=True):
        same = isinstance(reading, Raised) or reading == later
        yield None if same else _unlike("a reading function", reading, later)


def _unlike(asked: str, first: object, second: object) -> Violation:
    got = f"{shortened(repr(first), 60)}, then {shortened(repr(second), 60)}"
    return Violation(
        f"{asked}, the same twice", got, "keep no state, and use no clock and no chance; the engine has both"
    )


def _wrong(exchange: Exchange, got: str, change: str) -> Case:
    asked = f"{exchange.name}: a {exchange.kind} answered {response_text(exchange.response)}"
    return Violation(asked, got, change) if got else None


def _misread(kind: Kind, response: HttpResponse, reading: Any, change: str) -> Violation:
    return Violation(f"a {kind} answered {response_text(response)}", _reading_text(reading), change)


def _reading_text(reading: Reading | Raised | Any) -> str:
    match reading:
        case Failure():
            return f"Failure of stage {reading.stage}, reason {reading.reason}"
        case Accepted() | Running() | Succeeded() | ListedPage() | Raised():
            return shortened(str(reading))
        case _:
            return f"a {type(reading).__name__}"
