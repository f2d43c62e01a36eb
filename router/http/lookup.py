"""Finding the caller's own job by the id in a path."""

import re
from typing import Final

from router.core.job import Job
from router.http.door import Visit
from router.http.errors import video_not_found

_VIDEO_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_video_id(text: str) -> bool:
    """Whether this can be a job's id at all; whatever cannot is never looked up."""
    return _VIDEO_ID.fullmatch(text) is not None


async def own_job(visit: Visit, video_id: str, *, deleted: bool = False) -> Job:
    """Return the caller's own job, one that he `deleted` only where asked for; raises ApiError 404."""
    if not is_video_id(video_id):
        raise video_not_found(video_id)
    job = await visit.door.engine.job(visit.caller, video_id, deleted=deleted)
    if job is None:
        raise video_not_found(video_id)
    visit.span.about(video_id)
    return job
