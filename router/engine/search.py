"""Looking for a submit whose answer was lost in its provider's own list of jobs."""

from dataclasses import replace
from typing import Final

from providers.adapter import HttpResponse
from providers.canonical import Failure, ListedJob, ListedPage, Reason, Stage, VideoRequest
from providers.capabilities import Lookup, lookup_of, reference_of
from providers.reading import read_lookup
from router.core.catalog import Provider
from router.core.events import LookupEnded, LookupResult, Operation
from router.core.job import Attempt
from router.core.lookup import (
    CLOCK_SKEW_S,
    LookupMode,
    Match,
    Matched,
    Sought,
    Unclear,
    Unmatched,
    has_same_prompt,
    is_past,
    is_same_video,
    match,
    rivals_of,
)
from router.core.policy import NextStep, consequences
from router.engine.attempt_run import AttemptRun
from router.engine.fetch import written_by_adapter
from router.engine.parts import Parts
from router.engine.store import RemoteIdTakenError, StoreUnavailableError

_PAGES_MAX: Final = 20
_FIRST_LOOK_AFTER_S: Final = 1.0
_NEXT_LOOK_AFTER_S_MAX: Final = 10.0


def can_be_found(parts: Parts, attempt: Attempt) -> bool:
    """Whether its provider lists jobs, and the operator lets that list be searched."""
    provider = parts.catalog.providers.get(attempt.provider)
    return provider is not None and provider.lookup.mode is not LookupMode.OFF and _finder(provider) is not None


def may_be_found(parts: Parts, attempt: Attempt, failure: Failure) -> bool:
    """Whether a submit that failed so may have been taken on, and would be listed then."""
    return consequences(failure).next_step is NextStep.ASK_OPERATOR and can_be_found(parts, attempt)


async def look_for(parts: Parts, run: AttemptRun, video: VideoRequest, lost: Failure) -> Failure | None:
    """Look for a submit whose answer was lost; return what it failed of, or None when it is found and runs."""
    if not may_be_found(parts, run.attempt, lost):
        return lost
    left_s = max(0.0, run.job_deadline_at - parts.now())
    match await search(parts, run, video, left_s):
        case Matched():
            return None
        case Unmatched():
            return Failure(Stage.SUBMIT, Reason.UNREACHABLE, "its provider does not list it, which proves absence")
        case Unclear():
            return lost


async def search(parts: Parts, run: AttemptRun, video: VideoRequest, within_s: float) -> Match:
    """Look again and again for as long as a job may take to be listed, or until the run's alarm rings.

    Matched says that it has its job; Unmatched that it was never taken on, which only a provider's own terms can prove;
    Unclear that nobody knows.
    """
    attempt, alarm = run.attempt, run.alarm
    settings = parts.provider(attempt.provider).lookup
    settle_s, delay_s = min(settings.settle_s, within_s), _FIRST_LOOK_AFTER_S
    began_at = parts.clock.monotonic()
    result = LookupResult.FAILED
    while not alarm.rung:
        left_s = began_at + settle_s - parts.clock.monotonic()
        await alarm.sleep(max(0.0, min(delay_s, left_s)))
        found = await look(parts, attempt, video)
        if isinstance(found, Matched) and await _claimed(run, found.remote_id):
            parts.emit(LookupEnded(attempt.provider, attempt.id, LookupResult.FOUND))
            return found
        result = _result_of(found)
        if left_s <= delay_s:
            break
        delay_s = min(2 * delay_s, _NEXT_LOOK_AFTER_S_MAX)
    waited_s = parts.clock.monotonic() - began_at
    absent = result is LookupResult.NOT_LISTED and settings.proves_absence and waited_s >= settings.settle_s
    parts.emit(LookupEnded(attempt.provider, attempt.id, LookupResult.ABSENT if absent else result))
    return Unmatched() if absent else Unclear()


async def _claimed(run: AttemptRun, remote_id: str) -> bool:
    """Whether it gets the job that was found: one like it may be looked for at the same time, and be faster."""
    try:
        await run.found(remote_id)
    except RemoteIdTakenError:
        return False
    return True


def listed_by(provider: Provider, attempt: Attempt) -> float:
    """Return by when the list has a submit that was taken on, in wall seconds."""
    return attempt.submitted_at + provider.timeouts.submit_s + provider.lookup.settle_s


async def look(parts: Parts, attempt: Attempt, video: VideoRequest) -> Matched | Unmatched | Unclear | None:
    """Read the provider's list once, as far back as the submit; None when it, or our own store, cannot be read."""
    provider = parts.provider(attempt.provider)
    until = listed_by(provider, attempt)
    sought = Sought(
        reference=attempt.id,
        video=replace(video, seconds=attempt.seconds),
        upstream_model=attempt.upstream_model,
        sent_at=attempt.submitted_at,
        until=until,
        referenced=reference_of(provider.adapter) is not None,
    )
    under_way = set(parts.submits)
    listed = await _listed(parts, provider, sought)
    if listed is None:
        return None
    jobs, complete = listed
    try:
        # In this order: what is answered meanwhile leaves the first before it comes into the second.
        others = await parts.store.lost_submits(attempt, until + CLOCK_SKEW_S)
        claimed = await parts.store.claimed(provider.name, [job.remote_id for job in jobs])
    except StoreUnavailableError:
        return None
    rivals = rivals_of(sought, others, jobs, claimed)
    alike = {name: each for name, each in rivals.items() if has_same_prompt(sought, each)}
    # The answer of a submit under way may be about to name the very job that is listed.
    if any(each in under_way or each in parts.submits for each in alike):
        return Unclear()
    mistakable = not all(is_same_video(sought, each) for each in alike.values())
    found = match(replace(sought, mistakable=mistakable), jobs, claimed, len(rivals), provider.lookup.mode)
    return Unclear() if isinstance(found, Unmatched) and not complete else found


async def _listed(parts: Parts, provider: Provider, sought: Sought) -> tuple[list[ListedJob], bool] | None:
    """Return the jobs listed since the submit, and whether these are all."""
    finder, cursor = _finder(provider), None
    jobs: list[ListedJob] = []
    whole = True
    for _ in range(_PAGES_MAX):
        page = await _page(parts, provider, finder, cursor) if finder is not None else None
        if page is None:
            return None
        jobs.extend(page.jobs)
        whole = whole and page.whole
        if page.cursor is None or is_past(page, sought):
            return jobs, whole
        cursor = page.cursor
    return jobs, False


async def _page(parts: Parts, provider: Provider, finder: Lookup, cursor: str | None) -> ListedPage | None:
    request = written_by_adapter(lambda: finder.lookup_request(cursor))
    if request is None:
        return None
    answer = await parts.transport.send(provider.name, Operation.POLL, request)
    reading = read_lookup(finder, answer) if isinstance(answer, HttpResponse) else None
    return None if isinstance(reading, Failure) else reading


def _finder(provider: Provider) -> Lookup | None:
    return lookup_of(provider.adapter)


def _result_of(found: Match | None) -> LookupResult:
    match found:
        case Unmatched():
            return LookupResult.NOT_LISTED
        case Matched() | Unclear():
            return LookupResult.UNCLEAR
        case None:
            return LookupResult.FAILED
