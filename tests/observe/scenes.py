"""Catalogues, jobs and whole lives of jobs as events, for tests that look at what is recorded of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from providers import openai
from providers.canonical import Failure, Reason, Size, Stage, VideoRequest
from router.core.catalog import Catalog, Offering, Price, PriceTier, PriceUnit, Provider
from router.core.clock import Clock
from router.core.events import (
    AttemptEnded,
    AttemptResolved,
    AttemptStarted,
    BreakerKind,
    BreakerMoved,
    BreakerState,
    ConfigReloaded,
    CostDoubted,
    Event,
    ExchangeEnded,
    ExchangeResult,
    FailedOver,
    FailoverDelayed,
    JobAccepted,
    JobEnded,
    LedgerAdjusted,
    LookupEnded,
    LookupResult,
    LoopLagged,
    Operation,
    ProviderDrained,
    ProviderOut,
    UnknownStatusSeen,
    WriteEnded,
)
from router.core.job import Attempt, AttemptState, Job, JobState
from router.core.ledger import CostKind, LedgerEntry, adjustment, pending, posted, voided
from router.core.ranking import DecisionReason
from router.core.resolution import Billed, Found, NotFound, Resolution
from router.core.routing_memory import RoutingMemory
from router.core.routing_settings import RoutingSettings
from router.core.trail import Trail

PORTRAIT, LANDSCAPE = Size(720, 1280), Size(1280, 720)
MODELS = ("sora-2", "sora-2-pro")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT_SPAN = "b7ad6b7169203331"
TRACE_PARENT = f"00-{TRACE}-{PARENT_SPAN}-01"
NOW = 1_795_000_000.0

_NUMBERS = count()


def catalog_of(providers: int = 2, *, ending: bool = False) -> Catalog:
    """Providers p0, p1, ... that sell both models; the first, or every one, does so for another 30 days."""
    names = [f"p{number}" for number in range(providers)]
    offerings = tuple(
        Offering(
            id=f"{name}/{model}",
            provider=name,
            model=model,
            upstream_model=f"{model}-upstream",
            sizes=(PORTRAIT, LANDSCAPE),
            seconds=(4, 8, 12),
            price=Price(PriceUnit.PER_SECOND, (PriceTier(100_000 + 10_000 * number),)),
            available_until=NOW + 30 * 86_400 if number == 0 or ending else None,
        )
        for number, name in enumerate(names)
        for model in MODELS
    )
    return Catalog.of(tuple(Provider(name, "openai", openai) for name in names), offerings)


def memory_of(catalog: Catalog, settings: RoutingSettings | None = None) -> RoutingMemory:
    """A routing memory of one moment."""
    clock = Clock(wall=lambda: NOW, monotonic=lambda: 1_000.0)
    return RoutingMemory(clock, settings or RoutingSettings(), catalog)


def job_of(model: str = "sora-2", seconds: int = 8, size: Size = PORTRAIT, prompt: str = "a boat") -> Job:
    return Job(
        id=f"video_{next(_NUMBERS)}",
        caller="studio",
        video=VideoRequest(prompt, model, seconds, size),
        created_at=NOW,
        deadline_at=NOW + 3600,
        trace_parent=TRACE_PARENT,
    )


def attempt_of(job: Job, provider: str = "p0", quote_microusd: int = 800_000) -> Attempt:
    number = len(job.attempts) + 1
    return Attempt(
        id=f"{job.id}-{number}",
        job_id=job.id,
        number=number,
        offering_id=f"{provider}/{job.video.model}",
        provider=provider,
        upstream_model=f"{job.video.model}-upstream",
        seconds=job.video.seconds,
        quote_microusd=quote_microusd,
        submitted_at=NOW + 1,
    )


def started(job: Job, attempt: Attempt, reason: DecisionReason = DecisionReason.BEST) -> tuple[Job, AttemptStarted]:
    """Begin an attempt; a delivered video is expected to cost a tenth more than its quote."""
    job = job.moved(JobState.IN_PROGRESS).with_attempt(attempt)
    expected_microusd = 1.1 * attempt.quote_microusd
    return job, AttemptStarted(
        job, attempt, 0.75, attempt.submitted_at, reason=reason, expected_microusd=expected_microusd
    )


def ended(
    job: Job,
    attempt: Attempt,
    state: AttemptState,
    entry: LedgerEntry | None = None,
    stage: Stage | None = None,
    reason: Reason | None = None,
) -> tuple[Job, AttemptEnded]:
    """End an attempt 60 s after its submit."""
    after = replace(attempt, state=state, ended_at=attempt.submitted_at + 60, stage=stage, reason=reason)
    job = job.with_attempt(after)
    seconds = {Stage.SUBMIT: 0.5, Stage.QUEUE: 9.5, Stage.GENERATE: 49.0, Stage.DOWNLOAD: 1.0}
    return job, AttemptEnded(job, after, () if entry is None else (entry,), seconds, trail=Trail())


def succeeded(job: Job, attempt: Attempt, cost_microusd: int | None = None) -> tuple[Job, AttemptEnded]:
    entry = posted(attempt, CostKind.DELIVERED, NOW + 61, cost_microusd)
    read = replace(attempt, content_type="video/mp4")
    return ended(replace(job, state=JobState.COMPLETED, ended_at=NOW + 61), read, AttemptState.SUCCEEDED, entry)


def failed(job: Job, failure: Failure) -> tuple[Job, JobEnded]:
    job = job.moved(JobState.FAILED, ended_at=NOW + 61, failure=failure)
    return job, JobEnded(job)


def delivery(
    provider: str = "p0", model: str = "sora-2", size: Size = PORTRAIT, cost_microusd: int = 800_000
) -> list[Event]:
    """A job that one attempt delivers."""
    job = job_of(model, size=size)
    attempt = attempt_of(job, provider)
    accepted = JobAccepted(job)
    job, start = started(job, attempt)
    job, end = succeeded(job, attempt, cost_microusd)
    return [accepted, start, end, JobEnded(job)]


def rescue(stage: Stage = Stage.SUBMIT, reason: Reason = Reason.OVERLOADED) -> list[Event]:
    """A job that p0 fails for nothing and p1 delivers."""
    job = job_of()
    accepted, first = JobAccepted(job), attempt_of(job, "p0")
    job, first_start = started(job, first)
    job, first_end = ended(job, first, AttemptState.FAILED, voided(first, NOW + 61), stage, reason)
    second = attempt_of(job, "p1")
    job, second_start = started(job, second)
    over = FailedOver(job, job.attempts[0], second)
    job, second_end = succeeded(job, second)
    return [accepted, first_start, first_end, second_start, over, second_end, JobEnded(job)]


def held_back() -> list[Event]:
    """The same, where the failover has to wait for its turn."""
    accepted, start, end, *rest = rescue()
    assert isinstance(end, AttemptEnded)
    return [accepted, start, end, FailoverDelayed(end.job, end.attempt, 0.4), *rest]


def tried(reason: DecisionReason, provider: str = "p0") -> list[Event]:
    """A job whose provider is not asked because it is the best, and that fails, billed."""
    job = job_of()
    accepted, attempt = JobAccepted(job), attempt_of(job, provider)
    job, start = started(job, attempt, reason)
    entry = posted(attempt, CostKind.FAILED_BILLED, NOW + 61)
    job, end = ended(job, attempt, AttemptState.FAILED, entry, Stage.GENERATE, Reason.INTERNAL)
    return [accepted, start, end, failed(job, Failure(Stage.GENERATE, Reason.INTERNAL))[1]]


def billed_refusal() -> list[Event]:
    """A job that is refused in output review, and billed all the same."""
    job = job_of()
    accepted, attempt = JobAccepted(job), attempt_of(job, "p0")
    job, start = started(job, attempt)
    entry = posted(attempt, CostKind.FAILED_BILLED, NOW + 61)
    job, end = ended(job, attempt, AttemptState.FAILED, entry, Stage.OUTPUT_REVIEW, Reason.REFUSED)
    job, over = failed(job, Failure(Stage.OUTPUT_REVIEW, Reason.REFUSED))
    return [accepted, start, end, over]


def lost_answer() -> list[Event]:
    """A job whose submit may have been bought."""
    job = job_of()
    accepted, attempt = JobAccepted(job), attempt_of(job, "p1")
    job, start = started(job, attempt)
    job, end = ended(job, attempt, AttemptState.UNKNOWN, None, Stage.SUBMIT, Reason.AMBIGUOUS)
    job, over = failed(job, Failure(Stage.SUBMIT, Reason.AMBIGUOUS))
    return [accepted, start, end, over]


def lost_and_found() -> list[Event]:
    """A job whose submit's answer was lost, that p0 lists, and delivers."""
    job = job_of()
    accepted, attempt = JobAccepted(job), attempt_of(job, "p0")
    job, start = started(job, attempt)
    found = LookupEnded("p0", attempt.id, LookupResult.FOUND)
    job, end = succeeded(job, attempt)
    return [accepted, start, found, end, JobEnded(job)]


def lost_and_absent() -> list[Event]:
    """A job whose submit's answer was lost, that p0 never took on, and that p1 delivers."""
    accepted, start, end, *rest = rescue(Stage.SUBMIT, Reason.AMBIGUOUS)
    assert isinstance(end, AttemptEnded)
    return [accepted, start, LookupEnded("p0", end.attempt.id, LookupResult.ABSENT), end, *rest]


def resolved(resolution: Resolution) -> list[Event]:
    """A job whose submit may have been bought, and what an operator says of it; of one found nothing is known yet."""
    events = lost_answer()
    last = events[-1]
    assert isinstance(last, JobEnded)
    job, attempt = last.job, last.job.attempts[0]
    if isinstance(resolution, Found):
        known = attempt.moved(AttemptState.LATE, remote_id=resolution.remote_id)
        return [*events, AttemptResolved(job.with_attempt(known), known, resolution)]
    known = attempt.moved(AttemptState.FAILED, billed=isinstance(resolution, Billed))
    entry = voided(attempt, NOW + 900)
    if isinstance(resolution, Billed):
        entry = posted(attempt, CostKind.FAILED_BILLED, NOW + 900, resolution.microusd)
    job = job.with_attempt(known)
    return [*events, AttemptEnded(job, known, (entry,)), AttemptResolved(job, known, resolution)]


def lost_and_bought_again() -> list[Event]:
    """A job whose submit to p0 may have been bought, and that p1 delivers."""
    job = job_of()
    accepted, first = JobAccepted(job), attempt_of(job, "p0")
    job, first_start = started(job, first)
    job, first_end = ended(job, first, AttemptState.UNKNOWN, None, Stage.SUBMIT, Reason.AMBIGUOUS)
    second = attempt_of(job, "p1")
    job, second_start = started(job, second)
    over = FailedOver(job, job.attempts[0], second)
    job, second_end = succeeded(job, second)
    return [accepted, first_start, first_end, second_start, over, second_end, JobEnded(job)]


def corrected(provider: str = "p0", to_microusd: int = 250_000) -> list[Event]:
    """An operator books what the invoice says of a delivered video."""
    events = delivery(provider, MODELS[0])
    end = next(event for event in events if isinstance(event, AttemptEnded))
    entries = (pending(end.attempt, NOW), *end.entries)
    entry = adjustment(end.attempt, entries, to_microusd, "invoice 7", NOW + 900)
    return [*events, LedgerAdjusted(end.job, end.attempt, entry)]


def late_duplicate(known: bool = True) -> list[Event]:
    """A job that p0 stalls and p1 delivers; later, if `known`, p0 has made the video too."""
    job = job_of()
    accepted, first = JobAccepted(job), attempt_of(job, "p0")
    job, first_start = started(job, first)
    job, first_end = ended(job, first, AttemptState.LATE, None, Stage.GENERATE, Reason.STALLED)
    second = attempt_of(job, "p1")
    job, second_start = started(job, second)
    over = FailedOver(job, job.attempts[0], second)
    job, second_end = succeeded(job, second)
    events: list[Event] = [accepted, first_start, first_end, second_start, over, second_end, JobEnded(job)]
    if known:
        entry = posted(first, CostKind.DUPLICATE, NOW + 500)
        events.append(AttemptEnded(job, replace(job.attempts[0], state=AttemptState.SUCCEEDED), (entry,)))
    return events


def exchanges(provider: str = "p0") -> list[Event]:
    return [
        ExchangeEnded(provider, Operation.SUBMIT, ExchangeResult.OK, 0.8, 200),
        ExchangeEnded(provider, Operation.SUBMIT, ExchangeResult.NOT_SENT, 0.1),
        ExchangeEnded(provider, Operation.POLL, ExchangeResult.OK, 0.2, 200, lag_s=0.004),
        ExchangeEnded(provider, Operation.POLL, ExchangeResult.ERROR, 0.3, 502, lag_s=0.2),
        ExchangeEnded(provider, Operation.DOWNLOAD, ExchangeResult.OK, 4.0, 200),
        ExchangeEnded(provider, Operation.DOWNLOAD, ExchangeResult.NO_ANSWER, 30.0),
    ]


def health(provider: str = "p0") -> list[Event]:
    return [
        BreakerMoved(provider, BreakerKind.SUBMIT, BreakerState.CLOSED, BreakerState.OPEN),
        ProviderOut(provider, "balance", 900.0),
        ProviderDrained(provider, drained=True),
        UnknownStatusSeen(provider, "PONDERING"),
        CostDoubted(provider, 9_999_000_000, 800_000),
    ]


@dataclass
class Budget:
    """A daily budget, as metrics ask for it."""

    scope: str
    name: str
    limit_microusd: int
    used_microusd: int


def budgets() -> list[Budget]:
    return [Budget("provider", "p0", 50_000_000, 41_000_000), Budget("caller", "studio", 20_000_000, 1)]


def own_state() -> list[Event]:
    """What the router says of itself."""
    return [
        ConfigReloaded(True, "0123456789ab", NOW),
        ConfigReloaded(False, "ba9876543210", NOW + 60, problems=("providers: one is needed",)),
        *(WriteEnded(0.004, ok=True), WriteEnded(5.0, ok=False, cause="database is locked")),
        *(LoopLagged(0.0004), LoopLagged(0.03)),
    ]


def waiting(provider: str = "p0") -> list[Event]:
    """A job that stays in flight."""
    job = job_of()
    return [JobAccepted(job), started(job, attempt_of(job, provider))[1]]


def a_day() -> Iterator[Event]:
    """Something of everything, for both providers and models."""
    for provider in ("p0", "p1"):
        for model in MODELS:
            yield from delivery(provider, model)
        yield from exchanges(provider)
        yield from health(provider)
        yield from waiting(provider)
    yield from own_state()
    yield from held_back()
    yield from rescue(Stage.OUTPUT_REVIEW, Reason.REFUSED)
    yield from billed_refusal()
    yield from lost_answer()
    yield from lost_and_found()
    yield from lost_and_absent()
    for resolution in (Found("task_42"), NotFound(), Billed(120_000)):
        yield from resolved(resolution)
    yield from corrected()
    yield from late_duplicate()
    yield from late_duplicate(known=False)
