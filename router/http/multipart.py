"""multipart/form-data (RFC 7578) of a body that is already in memory, read by the `multipart` library."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from multipart import MultipartError as BrokenError
from multipart import MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

PARTS_MAX: Final = 24


class MultipartError(ValueError):
    """The body is no form data; the message says where and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field; `is_file` when it was sent with a file name, which nobody else learns."""

    name: str
    is_file: bool
    data: bytes = field(repr=False)


def split_parts(body: bytes | bytearray, content_type: str) -> Iterator[Part]:
    """Yield the parts in their order; raises MultipartError on the first thing that is broken."""
    _, options = parse_options_header(content_type)
    if not 0 < len(options.get("boundary", "")) <= 70:
        raise MultipartError("its Content-Type names no valid boundary")
    try:
        with PushMultipartParser(options["boundary"], max_segment_count=PARTS_MAX) as parser:
            segment, chunks = None, list[bytes]()
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    segment, chunks = event, []
                    if segment.header("Content-Encoding") is not None:
                        raise MultipartError("one of its parts is encoded; parts must be sent as they are")
                elif event:
                    chunks.append(bytes(event))
                elif segment is not None:
                    yield Part(segment.name, segment.filename is not None, b"".join(chunks))
    except ParserLimitReached:
        raise MultipartError(f"it has more than {PARTS_MAX} parts, or a part with too many headers") from None
    except (BrokenError, UnicodeError):
        raise MultipartError("its parts, their headers or its end are broken") from None
