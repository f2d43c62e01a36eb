"""The `/v2/videos/generations` relay dialect: durations as strings, statuses in capitals, progress in per cent."""

from collections.abc import Mapping
from dataclasses import replace

from providers.adapter import HttpRequest, HttpResponse
from providers.canonical import Accepted, Failure, ImageUrl, Running, Size, Succeeded, Variant, VideoRequest
from providers.places import paths
from providers.reading import read_created, read_job
from providers.segments import path_segment
from providers.webhooks import ended_job

ID_PATHS = paths("task_id id data.task_id data.id output.task_id")

# Pixels have no words here: each size is an aspect ratio and whether it is the high resolution.
SIZE_WORDS = {
    Size(720, 1280): ("9:16", False),
    Size(1280, 720): ("16:9", False),
    Size(1024, 1792): ("9:16", True),
    Size(1792, 1024): ("16:9", True),
}
SECONDS_WITHOUT_HD = 25


def unsupported(video: VideoRequest, model: str) -> str | None:  # noqa: ARG001 - the protocol's signature
    """Why this dialect cannot say `video`, or None."""
    if video.size not in SIZE_WORDS:
        return f"this dialect cannot say size {video.size}; it can say {', '.join(map(str, SIZE_WORDS))}"
    _, hd = SIZE_WORDS[video.size]
    if hd and video.seconds == SECONDS_WITHOUT_HD:  # the upstream would take `hd` and deliver 720p
        return f"this dialect ignores the high resolution at {video.seconds} s; ask for 720p or for fewer seconds"
    return None


def submit_request(video: VideoRequest, model: str) -> HttpRequest:
    """Build the create."""
    aspect_ratio, hd = SIZE_WORDS[video.size]
    document = {
        "model": model,
        "prompt": video.prompt,
        "aspect_ratio": aspect_ratio,
        "duration": str(video.seconds),
        "hd": hd,
    }
    if video.images:
        document["images"] = [image.url if isinstance(image, ImageUrl) else image.data_url() for image in video.images]
    if video.watermark is not None:
        document["watermark"] = video.watermark
    return HttpRequest("POST", "/v2/videos/generations", json=document)


def read_submit(response: HttpResponse) -> Accepted | Failure:
    """Read a create's answer."""
    return read_created(response, ID_PATHS)


def poll_request(remote_id: str) -> HttpRequest:
    """Ask for the task."""
    return HttpRequest("GET", f"/v2/videos/generations/{path_segment(remote_id)}")


def read_poll(response: HttpResponse) -> Running | Succeeded | Failure:
    """Read a task; on SUCCESS its link may sit in `data.output`, `data.outputs` or even `fail_reason`."""
    return read_job(response)


def content_request(remote_id: str, done: Succeeded, variant: Variant = "video") -> HttpRequest | None:  # noqa: ARG001
    """Fetch the link the task named; there are no thumbnails."""
    return HttpRequest("GET", done.url) if variant == "video" and done.url is not None else None


def hooked(request: HttpRequest, url: str) -> HttpRequest:
    """Name the address that is told of every change of the task."""
    return replace(request, json={**(request.json or {}), "notify_hook": url})


def read_webhook(headers: Mapping[str, str], body: bytes) -> str | None:  # noqa: ARG001 - the protocol's signature
    """Read a task as a poll shows it."""
    return ended_job(body, ID_PATHS)
