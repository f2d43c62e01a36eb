"""A form as one body of multipart/form-data (RFC 7578), so that a submit leaves in one write."""

import secrets
from collections.abc import Iterable, Iterator
from typing import Final

from providers.adapter import FormPart

# Backslashes as in RFC 2616's quoted-string; line ends as in the WHATWG's form encoding, which ends no header there.
_QUOTED: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\r": "%0D", "\n": "%0A", "\0": "%00"})


def encoded_form(parts: Iterable[FormPart]) -> tuple[str, bytes]:
    """Return the Content-Type and the body; text is UTF-8, as the standard takes it to be."""
    boundary = secrets.token_hex(16)
    pieces = [piece for part in parts for piece in _pieces(part, boundary)]
    return f"multipart/form-data; boundary={boundary}", b"".join((*pieces, f"--{boundary}--\r\n".encode()))


def _pieces(part: FormPart, boundary: str) -> Iterator[bytes]:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name.translate(_QUOTED)}"'
    media_type = part.media_type
    if part.file_name is not None:
        head += f'; filename="{part.file_name.translate(_QUOTED)}"'
        media_type = media_type or "application/octet-stream"
    if media_type is not None:
        head += f"\r\nContent-Type: {media_type.translate(_QUOTED)}"
    yield f"{head}\r\n\r\n".encode()
    yield part.value.encode() if isinstance(part.value, str) else part.value
    yield b"\r\n"
