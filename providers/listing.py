"""A list of jobs, read as tolerantly as one job. What cannot be read is a Failure, never an empty list."""

import orjson

from providers.adapter import HttpResponse, Json, PolledJob, PolledPage
from providers.canonical import Failure, ListedJob, ListedPage, Size
from providers.classification import failed_poll
from providers.complaints import complaint
from providers.fields import (
    RemoteStatus,
    as_id,
    as_text,
    as_whole_seconds,
    created_at,
    known_status,
    status_word,
)
from providers.places import Paths, first, paths
from providers.plausibility import JOBS_OF_A_PAGE
from providers.rules import RULES, Rule

JOBS_PATHS = paths("data data.data data.items items videos")
LISTED_ID_PATHS = paths("id video_id task_id")
MODEL_PATHS = paths("model model_name")
SECONDS_PATHS = paths("seconds duration duration_s")
SIZE_PATHS = paths("size")
PROMPT_PATHS = paths("prompt input.prompt")
ENDED = frozenset({RemoteStatus.COMPLETED, RemoteStatus.FAILED, RemoteStatus.CANCELLED})


def read_list(
    response: HttpResponse, reference_paths: Paths = (), rules: tuple[Rule, ...] = RULES
) -> ListedPage | Failure:
    """Read a page that is ordered from new to old and asked on with the id of its last job."""
    document = response.document()
    entries = first(document, JOBS_PATHS, _as_list)
    if not response.ok or entries is None or complaint(document):
        return failed_poll(response, document, rules)
    seen = entries[:JOBS_OF_A_PAGE]
    jobs = tuple(job for entry in seen if (job := _listed(entry, reference_paths)) is not None)
    whole = len(jobs) == len(seen)
    last = jobs[-1].remote_id if jobs else first(document, paths("last_id"), as_id)
    if _goes_on(document, entries):
        return failed_poll(response, document, rules) if last is None else ListedPage(jobs, last, whole)
    return failed_poll(response, document, rules) if entries and not jobs else ListedPage(jobs, whole=whole)


def read_polled(response: HttpResponse, rules: tuple[Rule, ...] = RULES) -> PolledPage | Failure:
    """Read a page whose entries are what a poll of each would be answered; one that cannot be named is passed over."""
    document = response.document()
    entries = first(document, JOBS_PATHS, _as_list)
    if not response.ok or entries is None or complaint(document):
        return failed_poll(response, document, rules)
    jobs = tuple(job for entry in entries[:JOBS_OF_A_PAGE] if (job := _polled(entry)) is not None)
    if entries and not jobs:
        return failed_poll(response, document, rules)
    return PolledPage(jobs, jobs[-1].remote_id if jobs and _goes_on(document, entries) else None)


def _polled(entry: object) -> PolledJob | None:
    if not isinstance(entry, dict) or (remote_id := first(entry, LISTED_ID_PATHS, as_id)) is None:
        return None
    word = status_word(entry)
    ended = word is not None and known_status(word) in ENDED
    return PolledJob(remote_id, HttpResponse(200, {}, orjson.dumps(entry)), created_at(entry), ended)


def _goes_on(document: Json, entries: list[object]) -> bool:
    """Whether there is more; one that does not say so is asked until it has nothing left to show."""
    has_more = document.get("has_more")
    return has_more is True or len(entries) > JOBS_OF_A_PAGE or (has_more is not False and bool(entries))


def _as_list(value: object) -> list[object] | None:
    return value if isinstance(value, list) else None


def _listed(entry: object, reference_paths: Paths) -> ListedJob | None:
    if not isinstance(entry, dict) or (remote_id := first(entry, LISTED_ID_PATHS, as_id)) is None:
        return None
    return ListedJob(
        remote_id,
        created_at(entry),
        first(entry, MODEL_PATHS, as_text),
        first(entry, SECONDS_PATHS, as_whole_seconds),
        first(entry, SIZE_PATHS, _as_size),
        first(entry, PROMPT_PATHS, as_text),
        first(entry, reference_paths, as_id),
    )


def _as_size(value: object) -> Size | None:
    if not isinstance(value, str):
        return None
    try:
        return Size.parse(value.strip().lower().replace("*", "x"))
    except ValueError:
        return None
