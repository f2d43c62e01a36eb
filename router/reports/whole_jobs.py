"""One job whole: what was asked, who was tried and why, what it cost. Never its prompt, its images or its links."""

from collections.abc import Iterator
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from providers.canonical import Image, ImageUrl
from router.core.job import Attempt, Job
from router.core.money import usd
from router.core.spelled_preferences import spelled
from router.core.whole_job import WholeJob
from router.reports.decisions import reason_of
from router.reports.tables import moment, new_table

_NONE: Final = "-"
_WRITTEN: Final = {
    "price_microusd_max": "max_price_usd",
    "spend_microusd_max": "max_spend_usd",
    "duplicate_microusd_max": "max_duplicate_usd",
    "attempts_max": "max_attempts",
}
"""What its caller wrote where the router has another name."""


def job_lines(whole: WholeJob) -> Iterator[str]:
    """Say what was asked for and how it ended."""
    job, video = whole.job, whole.job.video
    images = f", input images: {len(video.images)}" if video.images else ""
    yield f"{job.id}: {_state(job)}, of {job.caller}"
    yield f"asked: {video.model} {video.seconds} s {video.size}, a prompt of {len(video.prompt)} characters{images}"
    if said := spelled(job.preferences):
        yield "routing: " + "; ".join(_wish(name, value) for name, value in said.items())
    yield f"accepted {moment(job.created_at)} UTC, to end by {moment(job.deadline_at)}{_ended(job)}"
    if job.trace_parent is not None:
        yield f"trace {job.trace_parent}"


def attempt_table(whole: WholeJob) -> Table:
    """One line an attempt, in the order in which they were made."""
    table = new_table(
        "Attempts", ("attempt", "offering", "outcome", "chosen\nas"), ("quote", "submitted\n(UTC)", "took")
    )
    table.columns[1].no_wrap = True
    table.add_column("remote id", overflow="fold")
    for each in whole.job.attempts:
        decision = whole.decisions.get(each.id)
        table.add_row(
            str(each.number),
            Text(each.offering_id),
            _outcome(each),
            _NONE if decision is None else reason_of(decision).value,
            usd(each.quote_microusd),
            moment(each.submitted_at)[11:],
            _NONE if each.ended_at is None else f"{each.ended_at - each.submitted_at:.1f} s",
            Text(each.remote_id or _NONE),
        )
    return table


def job_document(whole: WholeJob) -> dict[str, Any]:
    """Render all but the decisions, money in micro-USD and times in wall seconds."""
    job, video = whole.job, whole.job.video
    return {
        "id": job.id,
        "caller": job.caller,
        "state": job.state.value,
        "stage": job.failure.stage.value if job.failure else None,
        "reason": job.failure.reason.value if job.failure else None,
        "created_at": job.created_at,
        "deadline_at": job.deadline_at,
        "ended_at": job.ended_at,
        "deleted_at": job.deleted_at,
        "trace_parent": job.trace_parent,
        "request": {
            "model": video.model,
            "seconds": video.seconds,
            "size": str(video.size),
            "watermark": video.watermark,
            "images": [_kind(image) for image in video.images],
            "prompt_length": len(video.prompt),
        },
        "preferences": spelled(job.preferences),
        "attempts": [_attempt(each) for each in job.attempts],
        "entries": [each._asdict() for each in whole.entries],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "number": attempt.number,
        "offering": attempt.offering_id,
        "provider": attempt.provider,
        "upstream_model": attempt.upstream_model,
        "seconds": attempt.seconds,
        "state": attempt.state.value,
        "stage": attempt.stage.value if attempt.stage else None,
        "reason": attempt.reason.value if attempt.reason else None,
        "quote_microusd": attempt.quote_microusd,
        "billed": attempt.billed,
        "remote_id": attempt.remote_id,
        "submitted_at": attempt.submitted_at,
        "accepted_at": attempt.accepted_at,
        "ended_at": attempt.ended_at,
        "content_bytes": attempt.content_bytes,
    }


def _kind(image: Image) -> str:
    return "url" if isinstance(image, ImageUrl) else "file"


def _state(job: Job) -> str:
    failure = job.failure
    return job.state.value if failure is None else f"{job.state.value} at {failure.stage}.{failure.reason}"


def _ended(job: Job) -> str:
    ended = (
        "" if job.ended_at is None else f"; ended {moment(job.ended_at)}, {job.ended_at - job.created_at:.1f} s later"
    )
    return ended + ("" if job.deleted_at is None else f"; deleted {moment(job.deleted_at)}")


def _outcome(attempt: Attempt) -> str:
    return attempt.state.value if attempt.stage is None else f"{attempt.state}: {attempt.stage}.{attempt.reason}"


def _wish(name: str, value: object) -> str:
    """Say a preference as its caller would write it."""
    written = _WRITTEN.get(name, name)
    match value:
        case list():
            said = ", ".join(map(str, value))
        case dict():
            said = ", ".join(f"{failure}={step}" for failure, step in value.items())
        case bool():
            said = str(value).lower()
        case int() if written.endswith("_usd"):
            said = usd(value)
        case _:
            said = str(value)
    return f"{written} {said}"
