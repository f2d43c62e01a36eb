"""multipart/form-data (RFC 7578) of a body that is already in memory: the parts, and what their headers say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Final

PARTS_MAX: Final = 24
HEADER_BYTES_MAX: Final = 8192

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}"
_VALUE: Final = rb'(?:"((?:[^"\\]|\\.)*)"|([^\s";]*))'
_HEADER: Final = re.compile(rb"\r\n(" + _TOKEN + rb"):[ \t]*([^\r\n]*)")
_HEADERS: Final = re.compile(rb"(?:\r\n" + _TOKEN + rb":[^\r\n]*)*")
_PARAMETER: Final = re.compile(rb"[ \t]*;[ \t]*(" + _TOKEN + rb")=" + _VALUE)
_DISPOSITION: Final = re.compile(
    rb"form-data((?:[ \t]*;[ \t]*" + _TOKEN + rb"=" + _VALUE + rb")*)[ \t;]*", re.IGNORECASE
)
_ESCAPED: Final = re.compile(rb"\\(.)")
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_AS_IT_IS: Final = (b"binary", b"8bit", b"7bit")


class MultipartError(ValueError):
    """The body is no form data; the message says where and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field; `is_file` when it was sent with a file name, which nobody else learns."""

    name: str
    is_file: bool
    data: bytes = field(repr=False)


def boundary_of(content_type: str) -> bytes:
    """Read the boundary out of a Content-Type header; raises MultipartError."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary("")
    if not _BOUNDARY.fullmatch(boundary):
        raise MultipartError("its Content-Type names no valid boundary")
    return boundary.encode("ascii")


def split_parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    """Yield the parts in their order; raises MultipartError on the first thing that is broken."""
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary, PARTS_MAX + 2)
    if len(sections) > PARTS_MAX + 2:
        raise MultipartError(f"it has more than {PARTS_MAX} parts")
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise MultipartError("it does not end with its boundary and two hyphens")
    for section in sections[1:-1]:
        yield _part(section)


def _part(section: bytes) -> Part:
    padding, _, rest = section.partition(b"\r\n")
    head, blank_line, data = (b"\r\n" + rest).partition(b"\r\n\r\n")
    if padding.strip(b" \t") or not blank_line or len(head) > HEADER_BYTES_MAX or not _HEADERS.fullmatch(head):
        raise MultipartError("the headers of one of its parts are broken")
    headers = {name.lower(): value.strip() for name, value in _HEADER.findall(head)}
    encoding = headers.get(b"content-transfer-encoding", b"binary").lower()
    if b"content-encoding" in headers or encoding not in _AS_IT_IS:
        raise MultipartError("one of its parts is encoded; parts must be sent as they are")
    parameters = _parameters(headers.get(b"content-disposition", b""))
    try:
        name = parameters[b"name"].decode()
    except (KeyError, UnicodeDecodeError):
        raise MultipartError("one of its parts is no form-data with a name") from None
    return Part(name, b"filename" in parameters or b"filename*" in parameters, data)


def _parameters(disposition: bytes) -> dict[bytes, bytes]:
    match = _DISPOSITION.fullmatch(disposition)
    found = [] if match is None else _PARAMETER.findall(match[1])
    return {name.lower(): _ESCAPED.sub(rb"\1", quoted) or bare for name, quoted, bare in found}
