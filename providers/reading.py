"""Total reading: whatever an upstream answers becomes a value, and only a 2xx can ever be good news.

`read_submit`, `read_poll`, `read_lookup` and `read_polls` are what the engine calls; `read_created` and `read_job` are
what adapters share.
"""

from typing import assert_never

from providers.adapter import Adapter, HttpResponse, Json, PolledPage
from providers.canonical import Accepted, Failure, ListedPage, Reason, Running, Succeeded
from providers.capabilities import ListedPolls, Lookup
from providers.classification import (
    cancelled_job,
    failed_job,
    failed_poll,
    matching_rule,
    refused_submit,
    withheld_video,
)
from providers.complaints import complaint
from providers.fields import (
    FAIL_REASON_PATHS,
    ID_PATHS,
    REQUEST_ID_PATHS,
    UNFINISHED_VIDEO_WORD,
    RemoteStatus,
    as_id,
    as_url,
    cost_microusd,
    expires_at,
    is_bare_error,
    is_envelope_of_a_running_job,
    is_job,
    job_object,
    known_status,
    progress_percent,
    result_url,
    status_word,
)
from providers.flags import is_withheld
from providers.links import link_expires_at
from providers.places import Paths, first
from providers.plausibility import (
    sane_accepted,
    sane_job_end,
    sane_page,
    sane_polled_page,
    sane_refusal,
    sane_running,
    sane_succeeded,
    sane_unlisted,
)
from providers.rules import RULES, Rule

# Where a job that is called completed says that it is not; its messages and details may be anybody's words.
ERROR_FIELDS = frozenset(
    {
        *("error", "errors", "error_code", "error_message", "error_msg", "errorCode", "errorMessage", "error_type"),
        *("code", "failure", "failureCode", "failure_code", "failure_reason", "fail_reason", "bizCode", "base_resp"),
        *("detail", "data"),
    }
)


def read_submit(adapter: Adapter, response: HttpResponse) -> Accepted | Failure:
    """Read a create's answer; never raises.

    What `adapter` cannot read is `ambiguous` unless the status alone proves a refusal (429, or 503 with Retry-After).
    """
    try:
        reading = _sane_submit(adapter.read_submit(response), response)
    except Exception:  # noqa: BLE001 - an adapter may be a stranger's; a bug in it must not lose a paid job
        reading = None
    return reading or refused_submit(response, None)


def _sane_submit(reading: object, response: HttpResponse) -> Accepted | Failure | None:
    match reading:
        case Failure():
            return sane_refusal(reading)
        case Accepted() if response.ok:
            return sane_accepted(reading)
        case _:
            return None


def read_poll(adapter: Adapter, response: HttpResponse) -> Running | Succeeded | Failure:
    """Read a poll's answer; never raises. What `adapter` cannot read is a Failure of stage `poll`."""
    try:
        reading = _sane_poll(adapter.read_poll(response), response)
    except Exception:  # noqa: BLE001 - as in read_submit
        reading = None
    return reading or failed_poll(response, None)


def _sane_poll(reading: object, response: HttpResponse) -> Running | Succeeded | Failure | None:
    match reading:
        case Failure():
            return sane_job_end(reading)
        case Running() if response.ok:
            return sane_running(reading)
        case Succeeded() if response.ok:
            return sane_succeeded(reading)
        case _:
            return None


def read_lookup(adapter: Lookup, response: HttpResponse) -> ListedPage | Failure:
    """Read a list's answer; never raises. What `adapter` cannot read is a Failure of stage `poll`."""
    try:
        reading = _sane_lookup(adapter.read_lookup(response), response)
    except Exception:  # noqa: BLE001 - as in read_submit
        reading = None
    return reading or failed_poll(response, None)


def _sane_lookup(reading: object, response: HttpResponse) -> ListedPage | Failure | None:
    match reading:
        case Failure():
            return sane_unlisted(reading)
        case ListedPage() if response.ok:
            return sane_page(reading)
        case _:
            return None


def read_polls(adapter: ListedPolls, response: HttpResponse) -> PolledPage | Failure:
    """Read a list's answer; never raises. What `adapter` cannot read is a Failure of stage `poll`.

    What each job's own answer says is for `read_poll`.
    """
    try:
        reading = _sane_polls(adapter.read_polls(response), response)
    except Exception:  # noqa: BLE001 - as in read_submit
        reading = None
    return reading or failed_poll(response, None)


def _sane_polls(reading: object, response: HttpResponse) -> PolledPage | Failure | None:
    match reading:
        case Failure():
            return sane_unlisted(reading)
        case PolledPage() if response.ok:
            return sane_polled_page(reading)
        case _:
            return None


def read_created(
    response: HttpResponse, id_paths: Paths = ID_PATHS, rules: tuple[Rule, ...] = RULES
) -> Accepted | Failure:
    """Read a create's answer: a 2xx with an id is accepted, also beside a complaint, because its poll will tell."""
    document = response.document()
    if response.ok:
        remote_id = first(document, id_paths, as_id)
        if remote_id is None and not complaint(document) and document.get("success") is not False:
            remote_id = first(document, REQUEST_ID_PATHS, as_id)
        if remote_id is not None:
            return Accepted(remote_id)
    return refused_submit(response, document, rules)


def read_job(response: HttpResponse, *, rules: tuple[Rule, ...] = RULES) -> Running | Succeeded | Failure:
    """Read a job; one that is done without a link has succeeded all the same, and is asked for its link again."""
    document = response.document()
    job = job_object(document)
    word = status_word(job)
    status = known_status(word) if word else None
    if word is None or not (response.ok or _failed_in_its_own_body(job, status)):
        return failed_poll(response, document, rules)
    match status:
        case RemoteStatus.QUEUED | RemoteStatus.IN_PROGRESS | None:
            return _running(job, word, status)
        case RemoteStatus.COMPLETED if (url := result_url(job) or first(job, FAIL_REASON_PATHS, as_url)) is not None:
            return _succeeded(job, url)
        case RemoteStatus.COMPLETED if is_envelope_of_a_running_job(document):
            return Running(queued=False, progress=progress_percent(document))
        case _ if not _speaks_of_the_job(job, status, rules):
            return failed_poll(response, document, rules)
        case RemoteStatus.COMPLETED:
            # Some call a job completed that its review ended; but what echoes a prompt or says it passed is no refusal.
            errors = {name: value for name, value in job.items() if value and name in ERROR_FIELDS}
            withheld = is_withheld(job) or _refused(errors, rules)
            return withheld_video(response, job) if withheld else _succeeded(job, None)
        case RemoteStatus.FAILED:
            return failed_job(response, job, progress_percent(job), rules)
        case RemoteStatus.CANCELLED:
            return cancelled_job(response, job)
        case _:
            assert_never(status)


def _speaks_of_the_job(job: Json, status: RemoteStatus, rules: tuple[Rule, ...]) -> bool:
    """Whether an answer is about the job: it names one, or it says of what failed that a review refused it."""
    if status is RemoteStatus.FAILED and (not is_job(job) or is_bare_error(job)):
        return _refused(job, rules)
    return is_job(job)


def _failed_in_its_own_body(job: Json, status: RemoteStatus | None) -> bool:
    """Whether an HTTP error is a failed job's regular answer, as vLLM-Omni gives it."""
    is_video = job.get("object") == "video" and first(job, ID_PATHS, as_id) is not None
    return status is RemoteStatus.FAILED and is_video


def _running(job: Json, word: str, status: RemoteStatus | None) -> Running:
    progress = progress_percent(job)
    if status is RemoteStatus.QUEUED:
        return Running(queued=not progress, progress=progress)
    url = result_url(job)
    if url is not None and UNFINISHED_VIDEO_WORD.fullmatch(word):
        url = None
    return Running(queued=False, progress=progress, unknown_word=word if status is None else None, url=url)


def _succeeded(job: Json, url: str | None) -> Succeeded:
    told = expires_at(job)
    dies_at = link_expires_at(url) if told is None and url is not None else told
    return Succeeded(url, cost_microusd(job), dies_at)


def _refused(job: Json, rules: tuple[Rule, ...]) -> bool:
    row = matching_rule(complaint(job), rules)
    return row is not None and row.reason is Reason.REFUSED
