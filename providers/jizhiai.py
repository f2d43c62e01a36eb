"""The "unified video" relay dialect: `POST /v1/video/create`, `GET /v1/video/query?id=`."""

from providers.adapter import HttpRequest, HttpResponse
from providers.canonical import Accepted, Failure, Image, ImageUrl, Running, Size, Succeeded, Variant, VideoRequest
from providers.reading import read_created, read_job

# `size` is a class, not pixels: small is 720p, large what sora-2-pro calls high resolution.
SIZE_WORDS = {
    Size(720, 1280): "small",
    Size(1280, 720): "small",
    Size(1024, 1792): "large",
    Size(1792, 1024): "large",
}


def unsupported(video: VideoRequest, model: str) -> str | None:  # noqa: ARG001 - the protocol's signature
    """Why this dialect cannot say `video`, or None."""
    if video.size not in SIZE_WORDS:
        return f"this dialect cannot say size {video.size}; it can say {', '.join(map(str, SIZE_WORDS))}"
    return None


def submit_request(video: VideoRequest, model: str) -> HttpRequest:
    """Build the create; `images` and `size` always go along, because relays demand them even when they are idle.

    On this wire `watermark: true` only *allows* one and false forbids it, which is what the canonical field means.
    """
    document = {
        "model": model,
        "prompt": video.prompt,
        "images": [image_text(image) for image in video.images],
        "orientation": video.size.orientation,
        "size": SIZE_WORDS[video.size],
        "duration": video.seconds,
    }
    if video.watermark is not None:
        document["watermark"] = video.watermark
    return HttpRequest("POST", "/v1/video/create", json=document, headers={"Accept": "application/json"})


def image_text(image: Image) -> str:
    """The link, or the bytes as a `data:` URL."""
    return image.url if isinstance(image, ImageUrl) else image.data_url()


def read_submit(response: HttpResponse) -> Accepted | Failure:
    """Read a create's answer; the id may carry a prefix such as `sora-2:` and is kept whole."""
    return read_created(response)


def poll_request(remote_id: str) -> HttpRequest:
    """Ask for the job."""
    return HttpRequest("GET", "/v1/video/query", query={"id": remote_id}, headers={"Accept": "application/json"})


def read_poll(response: HttpResponse) -> Running | Succeeded | Failure:
    """Read a job; the id it echoes may lack the create's prefix and is ignored."""
    return read_job(response)


def content_request(remote_id: str, done: Succeeded, variant: Variant = "video") -> HttpRequest | None:  # noqa: ARG001
    """Fetch the link the job named; there are no thumbnails."""
    return HttpRequest("GET", done.url) if variant == "video" and done.url is not None else None
