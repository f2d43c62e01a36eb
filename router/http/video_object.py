"""A job as OpenAI's Video object, and a failure as words for the one who has to do something about it."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from providers.canonical import Failure, Reason, Stage
from router.core.job import Job, JobState
from router.core.order import JobPage

Json: TypeAlias = dict[str, Any]

_UPSTREAM_WORDS_MAX: Final = 300
_LINK: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_REVIEWS: Final = frozenset({Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW, Stage.OUTPUT_REVIEW})

_REFUSED: Final[Mapping[Stage, str]] = MappingProxyType(
    {
        Stage.IMAGE_REVIEW: "An input image was refused by a review; change or remove the image.",
        Stage.PROMPT_REVIEW: "The prompt was refused by a review; change the prompt.",
        Stage.OUTPUT_REVIEW: "The finished video was refused by a review; change the prompt, or try it once more.",
    }
)
_EXPLANATIONS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.REFUSED: "The request was refused; change the prompt or the images.",
        Reason.INVALID: "Every offering that was tried called the request invalid; change its parameters.",
        Reason.UNSUPPORTED: "No offering that was tried supports this combination of parameters; change them.",
        Reason.AUTH: "The video could not be bought at the moment; the operator has to act. Try again later.",
        Reason.BALANCE: "The video could not be bought at the moment; the operator has to act. Try again later.",
        Reason.RATE_LIMITED: "Too much is asked of the providers at the moment. Try again later.",
        Reason.OVERLOADED: "The providers are overloaded. Try again later.",
        Reason.UNREACHABLE: "The providers cannot be reached. Try again later.",
        Reason.AMBIGUOUS: (
            "The video may have been bought, but the answer was lost. It was not bought a second time; "
            "ask the operator before you order it again."
        ),
        Reason.UNREADABLE: "The provider's answers could not be read. Try again later, or tell the operator.",
        Reason.INTERNAL: "The generation failed. The request may be tried again as it is.",
        Reason.STALLED: "The generation stopped making progress. The request may be tried again as it is.",
        Reason.EXPIRED: "The video was not finished before its deadline. The request may be tried again as it is.",
        Reason.CANCELLED: "The generation was cancelled upstream. The request may be tried again as it is.",
        Reason.BUDGET: "The job's spending limit is used up. Ask for a cheaper video, or ask the operator.",
        Reason.NO_CANDIDATE: "No offering is left that can take the job. Try again later, or change the request.",
        Reason.OTHER: "The generation failed for a reason that is not known. The request may be tried again as it is.",
    }
)

_NOT_FETCHED: Final = (
    "A video was made and paid for, but could not be fetched. Ask the operator before you order it again."
)


def video_object(job: Job) -> Json:
    """Render a job with OpenAI's fields exactly, and the caller's `metadata`."""
    delivered = job.delivered
    completed = job.state is JobState.COMPLETED
    return {
        "id": job.id,
        "object": "video",
        "model": job.video.model,
        "status": job.state.value,
        "progress": _progress(job),
        "created_at": int(job.created_at),
        "completed_at": int(job.ended_at) if completed and job.ended_at is not None else None,
        "expires_at": int(delivered.content_expires_at) if delivered and delivered.content_expires_at else None,
        "seconds": str(delivered.seconds if delivered else job.video.seconds),
        "size": str(job.video.size),
        "prompt": job.video.prompt,
        "quality": "standard",
        "remixed_from_video_id": None,
        "error": error_object(job.failure) if job.failure is not None and job.state is JobState.FAILED else None,
        "metadata": dict(job.metadata),
    }


def video_list(page: JobPage) -> Json:
    """Render a page of jobs."""
    return {
        "object": "list",
        "data": [video_object(job) for job in page.jobs],
        "first_id": page.jobs[0].id if page.jobs else None,
        "last_id": page.jobs[-1].id if page.jobs else None,
        "has_more": page.has_more,
    }


def model_list(models: Iterable[str]) -> Json:
    """Render the models for sale."""
    return {"object": "list", "data": [model_object(model) for model in models]}


def model_object(model: str) -> Json:
    """Render one model. When it came to be is not known, and 0 says so."""
    return {"id": model, "object": "model", "created": 0, "owned_by": "video-router"}


def error_object(failure: Failure) -> Json:
    """Render why a job failed: a code to search for, and what the caller should change."""
    return {"code": _code(failure), "message": _message(failure)}


def _progress(job: Job) -> int:
    return 100 if job.state is JobState.COMPLETED else max(0, min(job.progress, 99))


def _code(failure: Failure) -> str:
    if failure.reason is Reason.REFUSED and failure.stage in _REVIEWS:
        return "moderation_blocked"
    if failure.reason is Reason.AMBIGUOUS and failure.stage is Stage.SUBMIT:
        return "submit_unknown"
    return f"{failure.stage}.{failure.reason}"


def _message(failure: Failure) -> str:
    if failure.stage is Stage.DOWNLOAD:
        return _NOT_FETCHED
    if failure.reason is not Reason.REFUSED:
        return _EXPLANATIONS[failure.reason]
    explanation = _REFUSED.get(failure.stage, _EXPLANATIONS[Reason.REFUSED])
    words = _printable(failure.message)
    return f"{explanation} The review said: {words}" if words else explanation


def _printable(message: str) -> str:
    """Keep an upstream's own words short, on one line, and free of links, which may be signed."""
    text = _LINK.sub("[link]", message[: 4 * _UPSTREAM_WORDS_MAX])
    return "".join(char if char.isprintable() else " " for char in text).strip()[:_UPSTREAM_WORDS_MAX]
