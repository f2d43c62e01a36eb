"""What a webhook is read for: which job to poll now. A lie in it costs one poll, or one poll that comes later."""

from collections.abc import Mapping

from providers.adapter import HttpResponse, Json
from providers.capabilities import Webhook
from providers.fields import ID_PATHS, RemoteStatus, as_id, as_text, job_object, known_status, result_url, status_word
from providers.places import Paths, first, paths

_UNFINISHED = frozenset({RemoteStatus.QUEUED, RemoteStatus.IN_PROGRESS})
_EVENT_TYPE_PATHS = paths("type")
_EVENT_JOB_PATHS = paths("data.id")


def read_webhook(adapter: Webhook, headers: Mapping[str, str], body: bytes) -> str | None:
    """Read a webhook; never raises. What `adapter` cannot read names no job."""
    try:
        return as_id(adapter.read_webhook(headers, body))
    except Exception:  # noqa: BLE001 - an adapter may be a stranger's; a bug in it must not be felt by anybody else
        return None


def ended_job(body: bytes, id_paths: Paths = ID_PATHS) -> str | None:
    """Return the job of a body that is what a poll is answered, None while it goes on and has no video."""
    document = _document(body)
    job = job_object(document)
    word = status_word(job)
    unfinished = word is not None and known_status(word) in _UNFINISHED
    return None if unfinished and result_url(job) is None else first(document, id_paths, as_id)


def job_of_event(headers: Mapping[str, str], body: bytes) -> str | None:  # noqa: ARG001 - the protocol's signature
    """Return the job of `{"type": "video.completed", "data": {"id": "video_..."}}`, None of other objects' events."""
    document = _document(body)
    kind = first(document, _EVENT_TYPE_PATHS, as_text) or ""
    return first(document, _EVENT_JOB_PATHS, as_id) if kind.startswith("video.") else None


def _document(body: bytes) -> Json:
    return HttpResponse(200, {}, body).document()
