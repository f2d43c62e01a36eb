"""What a job, an attempt and an entry look like as rows, and back."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Any, Final, TypeAlias

import orjson

from providers.canonical import Failure, Image, ImageFile, ImageUrl, Reason, Size, Stage, VideoRequest
from router.core.decision_record import DecisionRecord
from router.core.idempotency import IdempotencyKey
from router.core.job import Attempt, AttemptState, Job, JobState
from router.core.ledger import CostKind, EntryKind, LedgerEntry
from router.core.lookup import LostSubmit
from router.core.preferences import NO_PREFERENCES
from router.core.spelled_preferences import read_preferences, spelled
from router.engine.store.decision_document import document_of

Row: TypeAlias = dict[str, object]
"""Named parameters of a statement."""

Fetched: TypeAlias = Sequence[Any]
"""A row as the driver gives it, in the order of the statement's columns."""

JOB_COLUMNS: Final = 18
"""How many columns of a row are its job's."""

# What most jobs say, or say alike, is one object for all of them: a hundred thousand may be loaded at once.
_NO_METADATA: Final[Mapping[str, str]] = {}
_JOB_STATES: Final[Mapping[str, JobState]] = {state.value: state for state in JobState}
_ATTEMPT_STATES: Final[Mapping[str, AttemptState]] = {state.value: state for state in AttemptState}
_read_size: Final = lru_cache(maxsize=256)(Size.parse)
_read_quote: Final = lru_cache(maxsize=1024)(int)


def job_row(job: Job) -> Row:
    """All columns of a new job; the bytes of its images are rows of their own."""
    video = job.video
    return {
        "id": job.id,
        "caller": job.caller,
        "model": video.model,
        "seconds": video.seconds,
        "size": str(video.size),
        "request": _json({"prompt": video.prompt, "watermark": video.watermark, "images": _images(video.images)}),
        "preferences": _json(spelled(job.preferences)),
        "metadata": _json(dict(job.metadata)),
        "trace_parent": job.trace_parent,
        "created_at": job.created_at,
        "deadline_at": job.deadline_at,
        "deleted_at": None,
        **job_changes(job),
    }


def job_changes(job: Job) -> Row:
    """The columns of a job that may change."""
    failure = job.failure
    return {
        "state": job.state.value,
        "ended_at": job.ended_at,
        "failure_stage": failure.stage.value if failure else None,
        "failure_reason": failure.reason.value if failure else None,
        "failure_code": failure.code if failure else None,
        "failure_message": failure.message if failure else None,
    }


def image_rows(job: Job) -> list[Row]:
    """The bytes that a job came with, by their place among its images."""
    return [
        {"job_id": job.id, "position": position, "data": image.data}
        for position, image in enumerate(job.video.images)
        if isinstance(image, ImageFile)
    ]


def key_row(key: IdempotencyKey, job: Job) -> Row:
    """A key and the job that it stands for."""
    return {
        "caller": key.caller,
        "key": key.key,
        "fingerprint": key.fingerprint,
        "job_id": job.id,
        "created_at": job.created_at,
    }


def attempt_row(attempt: Attempt) -> Row:
    """All columns of an attempt."""
    return {
        "id": attempt.id,
        "job_id": attempt.job_id,
        "number": attempt.number,
        "offering_id": attempt.offering_id,
        "provider": attempt.provider,
        "upstream_model": attempt.upstream_model,
        "seconds": attempt.seconds,
        "quote_microusd": attempt.quote_microusd,
        "submitted_at": attempt.submitted_at,
        **attempt_changes(attempt),
    }


def attempt_changes(attempt: Attempt) -> Row:
    """The columns of an attempt that may change."""
    return {
        "state": attempt.state.value,
        "remote_id": attempt.remote_id,
        "accepted_at": attempt.accepted_at,
        "ended_at": attempt.ended_at,
        "stage": attempt.stage.value if attempt.stage else None,
        "reason": attempt.reason.value if attempt.reason else None,
        "code": attempt.code,
        "content_url": attempt.content_url,
        "content_type": attempt.content_type,
        "content_bytes": attempt.content_bytes,
        "content_expires_at": attempt.content_expires_at,
    }


def acceptance(attempt: Attempt) -> Row:
    """The columns of an attempt that change when it begins to run."""
    return {"state": attempt.state.value, "remote_id": attempt.remote_id, "accepted_at": attempt.accepted_at}


def entry_row(entry: LedgerEntry) -> Row:
    """All columns of a ledger entry."""
    return {
        "attempt_id": entry.attempt_id,
        "job_id": entry.job_id,
        "provider": entry.provider,
        "kind": entry.kind.value,
        "amount_microusd": entry.amount_microusd,
        "at": entry.at,
        "cost_kind": entry.cost_kind.value if entry.cost_kind else None,
        "note": entry.note,
    }


def decision_row(attempt: Attempt, decision: DecisionRecord) -> Row:
    """Why an attempt went where it went."""
    return {"attempt_id": attempt.id, "decided_at": decision.at, "document": document_of(decision)}


def read_job(row: Fetched, attempts: tuple[Attempt, ...]) -> Job:
    """Build a job without the bytes of its images."""
    (id_, caller, state, model, seconds, size, request, preferences, metadata, *rest) = row
    trace_parent, created_at, deadline_at, ended_at, stage, reason, code, message, deleted_at = rest
    return Job(
        id_,
        intern(caller),
        _read_video(model, seconds, size, request),
        created_at,
        deadline_at,
        _JOB_STATES[state],
        NO_PREFERENCES if preferences == "{}" else read_preferences(orjson.loads(preferences)),
        _NO_METADATA if metadata == "{}" else orjson.loads(metadata),
        trace_parent,
        attempts,
        100 if state == JobState.COMPLETED else 0,
        ended_at,
        Failure(Stage(stage), Reason(reason), message, code) if stage else None,
        deleted_at,
    )


def read_lost_submit(row: Fetched) -> tuple[str, LostSubmit]:
    """Build an attempt's id and what it asked for."""
    id_, upstream_model, model, seconds, size, request = row
    return id_, LostSubmit(_read_video(model, seconds, size, request), upstream_model)


def has_image_files(job: Job) -> bool:
    """Whether any of its images came as bytes."""
    return any(isinstance(image, ImageFile) for image in job.video.images)


def read_attempt(row: Fetched, job_id: str | None = None) -> Attempt:
    """Build an attempt; the last of its columns says whether it was billed. A `job_id` that is at hand is shared."""
    id_, its_job_id, number, offering_id, provider, upstream_model, seconds, quote_microusd, submitted_at, *moving = row
    state, remote_id, accepted_at, ended_at, stage, reason, code, *content = moving
    content_url, content_type, content_bytes, content_expires_at, billed = content
    return Attempt(
        id_,
        job_id or its_job_id,
        number,
        intern(offering_id),
        intern(provider),
        intern(upstream_model),
        seconds,
        _read_quote(quote_microusd),
        submitted_at,
        _ATTEMPT_STATES[state],
        remote_id,
        accepted_at,
        ended_at,
        Stage(stage) if stage else None,
        Reason(reason) if reason else None,
        code,
        content_url,
        content_type,
        content_bytes,
        content_expires_at,
        None if billed is None else bool(billed),
    )


def read_entry(row: Fetched) -> LedgerEntry:
    """Build a ledger entry; the last column is its place among all."""
    attempt_id, job_id, provider, kind, amount_microusd, at, cost_kind, note, _ = row
    bought = CostKind(cost_kind) if cost_kind else None
    return LedgerEntry(attempt_id, job_id, provider, EntryKind(kind), amount_microusd, at, bought, note)


def _read_video(model: str, seconds: int, size: str, request: str) -> VideoRequest:
    asked = orjson.loads(request)
    images = tuple(map(_read_image, asked["images"])) if asked["images"] else ()
    return VideoRequest(asked["prompt"], intern(model), seconds, _read_size(size), images, asked["watermark"])


def _json(document: Mapping[str, object]) -> str:
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode()


def _images(images: Sequence[Image]) -> list[dict[str, str]]:
    return [
        {"url": image.url}
        if isinstance(image, ImageUrl)
        else {"file_name": image.file_name, "media_type": image.media_type}
        for image in images
    ]


def _read_image(image: Mapping[str, str]) -> Image:
    if "url" in image:
        return ImageUrl(image["url"])
    return ImageFile(b"", image["media_type"], image["file_name"])
