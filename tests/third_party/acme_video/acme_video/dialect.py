"""`POST /jobs`, `GET /jobs/{id}`: lengths as numbers, frames as width and height, phases of its own."""

from dataclasses import replace
from urllib.parse import quote

import orjson

from providers.adapter import HttpRequest, HttpResponse
from providers.canonical import (
    Accepted,
    Failure,
    ImageUrl,
    Reason,
    Running,
    Succeeded,
    Variant,
    VideoRequest,
)
from providers.reading import read_created, read_job
from providers.rules import RULES, rule

# What this studio calls a refusal, and what is nobody's fault; whatever else it complains of is in the shared rows.
OWN_RULES = (rule(Reason.REFUSED, codes="house_rules"), rule(Reason.OTHER, codes="studio_closed"), *RULES)
PHASES = {"drawing": "in_progress", "ready": "completed", "broken": "failed", "withdrawn": "cancelled"}
PICTURES_MAX = 3


def unsupported(video: VideoRequest, model: str) -> str | None:
    """Why this dialect cannot say `video`, or None."""
    if len(video.images) > PICTURES_MAX:
        return f"this dialect takes at most {PICTURES_MAX} pictures, not {len(video.images)}"
    if video.watermark is False:
        return "this dialect cannot promise a video without watermark; leave `watermark` out or set it to true"
    return None


def submit_request(video: VideoRequest, model: str) -> HttpRequest:
    """Build the create."""
    document = {
        "engine": model,
        "text": video.prompt,
        "length_s": video.seconds,
        "frame": {"w": video.size.width, "h": video.size.height},
        "pictures": [image.url if isinstance(image, ImageUrl) else image.data_url() for image in video.images],
    }
    return HttpRequest("POST", "/jobs", json=document)


def read_submit(response: HttpResponse) -> Accepted | Failure:
    """Read a create's answer."""
    return read_created(respelled(response), rules=OWN_RULES)


def poll_request(remote_id: str) -> HttpRequest:
    """Ask for the job."""
    return HttpRequest("GET", f"/jobs/{quote(remote_id, safe='')}")


def read_poll(response: HttpResponse) -> Running | Succeeded | Failure:
    """Read a job."""
    return read_job(respelled(response), rules=OWN_RULES)


def content_request(remote_id: str, done: Succeeded, variant: Variant = "video") -> HttpRequest | None:
    """Fetch the file the job named; there are no thumbnails."""
    return HttpRequest("GET", done.url) if variant == "video" and done.url is not None else None


def respelled(response: HttpResponse) -> HttpResponse:
    """Write an answer in the names that the shared readers know; what is no object raises, and is read for us."""
    told = response.document()
    problem = told.get("problem") or {}
    document = {
        "id": told.get("job"),
        "status": PHASES.get(told.get("phase"), told.get("phase")),
        "progress": told.get("percent"),
        "url": told.get("file"),
        "error": {"code": problem.get("kind"), "message": problem.get("text")},
    }
    return replace(response, body=orjson.dumps(document))
