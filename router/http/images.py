"""Input images: what their bytes really are, and which links may be handed to an upstream."""

import binascii
from typing import Final

from providers.canonical import Image, ImageFile, ImageUrl
from router.engine.guard import check_public_url
from router.http.data_urls import DataUrl
from router.http.errors import ApiError, invalid, too_large

# A multiple of four characters, which are three bytes.
_STEP_CHARS: Final = 262_144
_HEADER_BYTES_MAX: Final = 256
_EXTENSIONS: Final = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def image_file(data: bytes, param: str, bytes_max: int) -> ImageFile:
    """Make an input image of bytes; its media type and name come from the bytes, never from the caller."""
    if len(data) > bytes_max:
        raise too_large(param, bytes_max)
    media_type = _media_type(data)
    if media_type is None:
        raise _no_image(f"{param} is no image that is accepted; send PNG, JPEG or WebP", param)
    return ImageFile(data, media_type, f"input.{_EXTENSIONS[media_type]}")


def image_of(text: str | DataUrl, param: str, bytes_max: int) -> Image:
    """Read a data URL into an ImageFile, or check that an https URL may be handed on; raises ApiError."""
    if isinstance(text, DataUrl):
        header, comma, _ = bytes(text.text[:_HEADER_BYTES_MAX]).decode("latin-1").partition(",")
        return image_file(_decoded(header + comma, text.text[len(header) + 1 :], param, bytes_max), param, bytes_max)
    if text[:5].lower() == "data:":
        header, comma, payload = text.partition(",")
        return image_file(_decoded(header + comma, payload, param, bytes_max), param, bytes_max)
    if (reason := check_public_url(text)) is not None:
        message = f"{param} cannot be used. {reason} Send a public https URL, a data URL, or the image as a file part."
        raise invalid(message, param, "invalid_image_url")
    return ImageUrl(text)


def _decoded(header: str, payload: str | memoryview, param: str, bytes_max: int) -> bytes:
    if not header.lower().endswith(";base64,"):
        raise _no_image(f"{param} must be a data URL of the form data:image/png;base64,...", param)
    if len(payload) > bytes_max * 4 // 3 + 4:
        raise too_large(param, bytes_max)
    try:
        return _unbase64(payload)
    except (binascii.Error, ValueError):
        raise _no_image(f"{param} is a data URL whose base64 is broken", param) from None


def _unbase64(payload: str | memoryview) -> bytes:
    """Decode step by step, for a step lets no other thread go on; raises ValueError."""
    steps = [
        binascii.a2b_base64(payload[start : start + _STEP_CHARS], strict_mode=True)
        for start in range(0, len(payload), _STEP_CHARS)
    ]
    if any(len(step) != _STEP_CHARS // 4 * 3 for step in steps[:-1]):
        raise binascii.Error("padding before the end")
    return b"".join(steps)


def _media_type(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _no_image(message: str, param: str) -> ApiError:
    return invalid(message, param, "invalid_image")
