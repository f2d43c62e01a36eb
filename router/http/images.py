"""Input images: what their bytes really are, and which links may be handed to an upstream."""

import base64
import binascii
from typing import Final

from providers.canonical import Image, ImageFile, ImageUrl
from router.engine.guard import check_public_url
from router.http.errors import ApiError, invalid, too_large

_EXTENSIONS: Final = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def image_file(data: bytes, param: str, bytes_max: int) -> ImageFile:
    """Make an input image of bytes; its media type and name come from the bytes, never from the caller."""
    if len(data) > bytes_max:
        raise too_large(param, bytes_max)
    media_type = _media_type(data)
    if media_type is None:
        raise _no_image(f"{param} is no image that is accepted; send PNG, JPEG or WebP", param)
    return ImageFile(data, media_type, f"input.{_EXTENSIONS[media_type]}")


def image_of(text: str, param: str, bytes_max: int) -> Image:
    """Read a data URL into an ImageFile, or check that an https URL may be handed on; raises ApiError."""
    if text[:5].lower() == "data:":
        return image_file(_decoded(text, param, bytes_max), param, bytes_max)
    if (reason := check_public_url(text)) is not None:
        message = f"{param} cannot be used. {reason} Send a public https URL, a data URL, or the image as a file part."
        raise invalid(message, param, "invalid_image_url")
    return ImageUrl(text)


def _decoded(text: str, param: str, bytes_max: int) -> bytes:
    header, comma, payload = text.partition(",")
    if not comma or not header.lower().endswith(";base64"):
        raise _no_image(f"{param} must be a data URL of the form data:image/png;base64,...", param)
    if len(payload) > bytes_max * 4 // 3 + 4:
        raise too_large(param, bytes_max)
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise _no_image(f"{param} is a data URL whose base64 is broken", param) from None


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
