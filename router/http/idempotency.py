"""The Idempotency-Key header, bare or as the IETF draft's quoted string, and the fingerprint of what was asked."""

import hashlib
import math
import re
from collections.abc import Mapping
from email.utils import formatdate
from typing import Final

import orjson

from providers.canonical import Image, ImageFile, ImageUrl, VideoRequest
from router.core.idempotency import IdempotencyKey, kept_until
from router.core.job import Job
from router.core.order import Acceptance
from router.core.preferences import RoutingPreferences
from router.http.errors import invalid

HEADER: Final = "Idempotency-Key"
EXPIRES_HEADER: Final = "Idempotency-Key-Expires"
REPLAYED_HEADER: Final = "Idempotent-Replayed"
_BARE: Final = re.compile(r"[\x21-\x7e]{1,255}")
_QUOTED: Final = re.compile(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255}"')
_ESCAPE: Final = re.compile(r'\\(["\\])')


def headers_of(acceptance: Acceptance) -> dict[str, str]:
    """Say until when a create's key stands for its job at least, and whether an earlier create made it."""
    replayed = {REPLAYED_HEADER: "true"} if acceptance.replayed else {}
    return {EXPIRES_HEADER: expires(acceptance.job), **replayed}


def expires(job: Job) -> str:
    """Write the earliest moment at which a job's key may be forgotten as HTTP writes dates, rounded down."""
    return formatdate(math.floor(kept_until(job)), usegmt=True)


def read_key(text: str) -> str:
    """Return the key without its quotes; raise ApiError 400 when it is none."""
    text = text.strip()
    if text.startswith('"') and _QUOTED.fullmatch(text):
        return _ESCAPE.sub(r"\1", text[1:-1])
    if not text.startswith('"') and _BARE.fullmatch(text):
        return text
    message = f"{HEADER} must be 1 to 255 visible ASCII characters, such as a UUID, bare or in double quotes"
    raise invalid(message, HEADER, "invalid_idempotency_key")


def idempotency_key(
    caller: str, text: str, video: VideoRequest, preferences: RoutingPreferences, metadata: Mapping[str, str]
) -> IdempotencyKey:
    """Bind the key to its caller and to the request; raises ApiError 400 when it is none."""
    return IdempotencyKey(caller, read_key(text), fingerprint(video, preferences, metadata))


def fingerprint(video: VideoRequest, preferences: RoutingPreferences, metadata: Mapping[str, str]) -> str:
    """SHA-256 of the request as understood, so that JSON and multipart spellings of one request are the same."""
    canonical = {
        "prompt": video.prompt,
        "model": video.model,
        "seconds": video.seconds,
        "size": str(video.size),
        "images": [_image(image) for image in video.images],
        "watermark": video.watermark,
        "only": sorted(preferences.only),
        "ignore": sorted(preferences.ignore),
        "price_microusd_max": preferences.price_microusd_max,
        "duration_policy": preferences.duration_policy,
        "metadata": dict(metadata),
        **_own_wishes(preferences),
    }
    return hashlib.sha256(orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _own_wishes(preferences: RoutingPreferences) -> dict[str, object]:
    """Only those that are set: a key that was given before there were any of them stands for its request still."""
    wishes = {
        "spend_microusd_max": preferences.spend_microusd_max,
        "attempts_max": preferences.attempts_max,
        "deadline_s": preferences.deadline_s,
        "on_ambiguous": preferences.on_ambiguous,
        "duplicate_microusd_max": preferences.duplicate_microusd_max,
        "failover_on": preferences.failover_on and preferences.failover_on.spelled(),
        "order": preferences.order or None,
        "sort": preferences.sort,
        "allow_fallbacks": None if preferences.allow_fallbacks else False,
        "models": preferences.models or None,
    }
    return {name: value for name, value in wishes.items() if value is not None}


def _image(image: Image) -> dict[str, str]:
    match image:
        case ImageUrl(url):
            return {"url": url}
        case ImageFile(data):
            return {"sha256": hashlib.sha256(data).hexdigest()}
