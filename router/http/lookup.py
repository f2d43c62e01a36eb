"""Finding the caller's own job by the id in a path."""

import re
from typing import Final

from aiohttp import web

from router.core.job import Job
from router.http.door import VISIT
from router.http.errors import video_not_found

_VIDEO_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_video_id(text: str) -> bool:
    """Whether this can be a job's id at all; whatever cannot is never looked up."""
    return _VIDEO_ID.fullmatch(text) is not None


def video_id(request: web.Request) -> str:
    """Return the id in the path; raises ApiError 404."""
    text = request.match_info["video_id"]
    if not is_video_id(text):
        raise video_not_found(text)
    return text


async def own_job(request: web.Request, *, deleted: bool = False) -> Job:
    """Return the caller's own job, one that he `deleted` only where asked for; raises ApiError 404."""
    asked, visit = video_id(request), request[VISIT]
    job = await visit.door.engine.job(visit.caller, asked, deleted=deleted)
    if job is None:
        raise video_not_found(asked)
    visit.span.about(asked)
    return job
