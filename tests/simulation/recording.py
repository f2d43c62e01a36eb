"""What a router would have recorded of a simulated run: a journal whose truth is known."""

from providers.canonical import Reason
from router.core.history import RecordedAttempt, RecordedJob
from router.core.job import AttemptState, JobState
from router.simulation.result import AttemptResult, JobResult, Run


def recorded(run: Run, start_at: float) -> list[RecordedJob]:
    """Write down the jobs that were accepted."""
    return [_job(each, start_at) for each in run.jobs if each.accepted]


def _job(job: JobResult, start_at: float) -> RecordedJob:
    arrival, failure = job.arrival, job.failure
    return RecordedJob(
        id=arrival.job_id,
        caller=arrival.caller,
        model=arrival.video.model,
        size=arrival.video.size,
        seconds=arrival.video.seconds,
        created_at=start_at + arrival.at_s,
        state=JobState.COMPLETED if job.delivered else JobState.FAILED,
        images=tuple(image.kind for image in arrival.video.images),
        preferences=arrival.preferences,
        ended_at=start_at + job.ended_s,
        stage=None if failure is None else failure.stage,
        reason=None if failure is None else failure.reason,
        attempts=tuple(_attempt(each, arrival.video.seconds, start_at) for each in job.attempts),
    )


def _attempt(each: AttemptResult, seconds: int, start_at: float) -> RecordedAttempt:
    failure = each.failure
    lost = failure is not None and failure.reason is Reason.AMBIGUOUS
    state = AttemptState.SUCCEEDED if each.delivered else AttemptState.UNKNOWN if lost else AttemptState.FAILED
    accepted = failure is None or failure.stage != "submit"
    return RecordedAttempt(
        number=each.number,
        offering_id=each.offering_id,
        provider=each.provider,
        seconds=seconds,
        quote_microusd=each.quote_microusd,
        submitted_at=start_at + each.at_s,
        state=state,
        accepted_at=start_at + each.at_s + 0.5 if accepted else None,
        ended_at=start_at + each.ended_s,
        stage=None if failure is None else failure.stage,
        reason=None if failure is None else failure.reason,
        posted_microusd=0 if lost else each.paid_microusd,
        open_microusd=each.quote_microusd if lost else 0,
    )
