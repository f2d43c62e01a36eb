"""The OpenAI Videos API (`/v1/videos`), as its own SDK sends it and as relays, vLLM-Omni and SGLang answer it."""

from urllib.parse import quote

from providers.adapter import FormPart, HttpRequest, HttpResponse
from providers.canonical import Accepted, Failure, ImageFile, ImageUrl, Running, Succeeded, Variant, VideoRequest
from providers.reading import read_created, read_job


def unsupported(video: VideoRequest, model: str) -> str | None:  # noqa: ARG001 - the protocol's signature
    """Why this dialect cannot say `video`, or None.

    It has no word for watermarks. True means that one may be there, so any answer fits; False asks for a promise.
    """
    if len(video.images) > 1:
        return f"this dialect takes one input image, not {len(video.images)}; send one"
    if video.watermark is False:
        return "this dialect cannot promise a video without watermark; leave `watermark` out or set it to true"
    return None


def submit_request(video: VideoRequest, model: str) -> HttpRequest:
    """Build the create: multipart, as every server takes it; JSON only for an image the upstream shall fetch."""
    fields = {"prompt": video.prompt, "model": model, "seconds": str(video.seconds), "size": str(video.size)}
    files: tuple[FormPart, ...] = ()
    match video.images:
        case (ImageUrl(url), *_):
            return HttpRequest("POST", "/v1/videos", json={**fields, "input_reference": {"image_url": url}})
        case (ImageFile() as image, *_):
            files = (FormPart("input_reference", image.data, image.file_name, image.media_type),)
    texts = tuple(FormPart(name, value) for name, value in fields.items())
    return HttpRequest("POST", "/v1/videos", form=texts + files)


def read_submit(response: HttpResponse) -> Accepted | Failure:
    """Read a create's answer."""
    return read_created(response)


def poll_request(remote_id: str) -> HttpRequest:
    """Ask for the Video object."""
    return HttpRequest("GET", f"/v1/videos/{quote(remote_id, safe='')}")


def read_poll(response: HttpResponse) -> Running | Succeeded | Failure:
    """Read a Video object; `completed` needs no link, because the content endpoint has the bytes."""
    return read_job(response, content_endpoint=True)


def content_request(remote_id: str, done: Succeeded, variant: Variant = "video") -> HttpRequest:
    """Fetch the link the job named, else the content endpoint.

    The variant is left out for the video itself: SGLang answers 404 to `variant=video`.
    """
    if variant == "video" and done.url is not None:
        return HttpRequest("GET", done.url)
    query = {} if variant == "video" else {"variant": variant}
    return HttpRequest("GET", f"/v1/videos/{quote(remote_id, safe='')}/content", query=query)
