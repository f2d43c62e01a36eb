"""A job as OpenAI's Video object."""

from typing import Any, Final, TypeAlias

from router.core.job import Job, JobState
from router.core.order import Deletion, JobPage
from router.http.failures import error_object
from router.http.naming import Naming

Json: TypeAlias = dict[str, Any]


def video_object(job: Job, naming: Naming) -> Json:
    """Render a job with OpenAI's fields exactly, the caller's `metadata`, and more about a failure.

    It says what was asked; `delivered` is what was made, which may be another model of a group, or longer.
    """
    state = job.state
    if state is JobState.COMPLETED:
        return _rendered(job, 100) | _of_delivered(job, naming)
    document = _rendered(job, max(0, min(job.progress, 99)))
    if state is JobState.FAILED:
        document["error"] = error_object(job, naming)
    return document


def _rendered(job: Job, progress: int) -> Json:
    """Render what every job has."""
    video = job.video
    return {
        "id": job.id,
        "object": "video",
        "model": video.model,
        "status": job.state,
        "progress": progress,
        "created_at": int(job.created_at),
        "completed_at": None,
        "expires_at": None,
        "seconds": str(video.seconds),
        "size": str(video.size),
        "prompt": video.prompt,
        "quality": "standard",
        "remixed_from_video_id": None,
        "error": None,
        "metadata": dict(job.metadata),
        "delivered": None,
    }


def _of_delivered(job: Job, naming: Naming) -> Json:
    """Render what a completed job has besides."""
    delivered = job.delivered
    expires_at = delivered.content_expires_at if delivered else None
    return {
        "completed_at": None if job.ended_at is None else int(job.ended_at),
        "expires_at": int(expires_at) if expires_at else None,
        "delivered": {"model": naming.model_made(job), "seconds": str(delivered.seconds)} if delivered else None,
    }


def video_list(page: JobPage, naming: Naming) -> Json:
    """Render a page of jobs."""
    return {
        "object": "list",
        "data": [video_object(job, naming) for job in page.jobs],
        "first_id": page.jobs[0].id if page.jobs else None,
        "last_id": page.jobs[-1].id if page.jobs else None,
        "has_more": page.has_more,
    }


_NOTHING_SENT: Final = "Nothing was sent to a provider yet, and nothing is charged."
_NOTHING_CHARGED: Final = "Nothing is charged: what was tried before had failed, and cost nothing."
_CHARGED_BEFORE: Final = "Nothing more is charged; an attempt that had failed before was."
_MAY_BE_CHARGED: Final = (
    "It had been sent to a provider, which is asked to stop it where it can be. It may still be finished and charged;"
    " GET it with ?include=deleted later, and `error.attempts` says so."
)


def deletion_object(deletion: Deletion) -> Json:
    """Render a deletion, and of a job that had not ended whether what it has begun may still cost money."""
    document: Json = {"id": deletion.job.id, "object": "video.deleted", "deleted": True}
    if not deletion.cancelled:
        return document
    return {
        **document,
        "cancelled": True,
        "may_be_charged": deletion.may_be_charged,
        "message": _on_money(deletion),
    }


def _on_money(deletion: Deletion) -> str:
    """Say what a cancelled job costs, as far as anybody knows."""
    attempts = deletion.job.attempts
    if deletion.may_be_charged:
        return _MAY_BE_CHARGED
    if any(attempt.billed for attempt in attempts):
        return _CHARGED_BEFORE
    return _NOTHING_CHARGED if attempts else _NOTHING_SENT


def model_list(naming: Naming) -> Json:
    """Render what may be asked for."""
    return {"object": "list", "data": [model_object(model, naming) for model in naming.models]}


def model_object(model: str, naming: Naming) -> Json:
    """Render a model, or a group with its models. When it came to be is not known, and 0 says so."""
    document: Json = {"id": model, "object": "model", "created": 0, "owned_by": "video-router"}
    members = naming.members(model) if naming.shown else None
    return document if members is None else {**document, "models": list(members)}
