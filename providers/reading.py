"""Total reading: whatever an upstream answers becomes a value, and only a 2xx can ever be good news.

`read_submit` and `read_poll` are what the engine calls. `read_created` and `read_job` are what adapters share.
"""

from typing import assert_never

from providers.adapter import Adapter, HttpResponse, Json
from providers.canonical import Accepted, Failure, Reason, Running, Succeeded
from providers.classification import (
    cancelled_job,
    failed_job,
    failed_poll,
    matching_rule,
    refused_submit,
)
from providers.fields import (
    FAIL_REASON_PATHS,
    ID_PATHS,
    REQUEST_ID_PATHS,
    URL_PATHS,
    Paths,
    RemoteStatus,
    as_id,
    as_url,
    complaint,
    cost_microusd,
    first,
    is_bare_error,
    is_job,
    job_object,
    known_status,
    progress_percent,
    status_word,
)
from providers.rules import RULES, Rule


def read_submit(adapter: Adapter, response: HttpResponse) -> Accepted | Failure:
    """Read a create's answer; never raises.

    What `adapter` cannot read is `ambiguous` unless the status alone proves a refusal (429, or 503 with Retry-After).
    """
    try:
        reading = adapter.read_submit(response)
    except Exception:  # noqa: BLE001 - an adapter may be a stranger's; a bug in it must not lose a paid job
        return refused_submit(response, None)
    match reading:
        case Failure():
            return reading
        case Accepted() if response.ok:
            return reading
        case _:
            return refused_submit(response, None)


def read_poll(adapter: Adapter, response: HttpResponse) -> Running | Succeeded | Failure:
    """Read a poll's answer; never raises. What `adapter` cannot read is a Failure of stage `poll`."""
    try:
        reading = adapter.read_poll(response)
    except Exception:  # noqa: BLE001 - as in read_submit
        return failed_poll(response, None)
    match reading:
        case Failure():
            return reading
        case Running() | Succeeded() if response.ok:
            return reading
        case _:
            return failed_poll(response, None)


def read_created(
    response: HttpResponse, id_paths: Paths = ID_PATHS, rules: tuple[Rule, ...] = RULES
) -> Accepted | Failure:
    """Read a create's answer: a 2xx with an id is accepted, also beside a complaint, because its poll will tell."""
    document = response.document()
    if response.ok:
        remote_id = first(document, id_paths, as_id)
        if remote_id is None and not complaint(document):
            remote_id = first(document, REQUEST_ID_PATHS, as_id)
        if remote_id is not None:
            return Accepted(remote_id)
    return refused_submit(response, document, rules)


def read_job(
    response: HttpResponse, *, content_endpoint: bool, rules: tuple[Rule, ...] = RULES
) -> Running | Succeeded | Failure:
    """Read a job; without a `content_endpoint` a finished job is kept running until its link appears."""
    document = response.document()
    job = job_object(document)
    word = status_word(job)
    status = known_status(word) if word else None
    if word is None or not (response.ok or _failed_in_its_own_body(job, status)):
        return failed_poll(response, document, rules)
    progress = progress_percent(job)
    match status:
        case RemoteStatus.QUEUED:
            return Running(queued=not progress, progress=progress)
        case RemoteStatus.IN_PROGRESS | None:
            unknown_word = word if status is None else None
            return Running(queued=False, progress=progress, unknown_word=unknown_word, url=_result_url(job))
        case RemoteStatus.COMPLETED if (url := _result_url(job)) is not None:
            return Succeeded(url, cost_microusd(job))
        case _ if not is_job(job) or (is_bare_error(job) and not _refused(job, rules)):
            return failed_poll(response, document, rules)
        case RemoteStatus.COMPLETED:
            return _completed_without_url(response, job, content_endpoint, rules)
        case RemoteStatus.FAILED:
            return failed_job(response, job, progress, rules)
        case RemoteStatus.CANCELLED:
            return cancelled_job(response, job)
        case _:
            assert_never(status)


def _failed_in_its_own_body(job: Json, status: RemoteStatus | None) -> bool:
    """Whether an HTTP error is a failed job's regular answer, as vLLM-Omni gives it."""
    return status is RemoteStatus.FAILED and job.get("object") == "video"


def _result_url(job: Json) -> str | None:
    return first(job, URL_PATHS, as_url) or first(job, FAIL_REASON_PATHS, as_url)


def _completed_without_url(
    response: HttpResponse, job: Json, content_endpoint: bool, rules: tuple[Rule, ...]
) -> Running | Succeeded | Failure:
    if _refused(job, rules):  # some call a job completed that the output review ended
        return failed_job(response, job, 100, rules)
    return Succeeded(None, cost_microusd(job)) if content_endpoint else Running(queued=False, progress=100)


def _refused(job: Json, rules: tuple[Rule, ...]) -> bool:
    row = matching_rule(complaint(job), rules)
    return row is not None and row.reason is Reason.REFUSED
