"""Whether the bytes an upstream calls a video are one, whole, judged by their outer structure while they stream by."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from router.engine.exchange import ContentError, ContentStream

VIDEO_BYTES_MAX: Final = 1 << 30
SIGNATURE_BYTES: Final = 12
"""How many first bytes it takes to tell a video from what is none."""
# A first chunk may be long; what is no video is told by its beginning.
_TOLD_BY_BYTES: Final = 1 << 10
_BOX_HEADER_BYTES_MAX: Final = 16
_BOXES_MAX: Final = 10_000

# First bytes of what upstreams send instead of a video, ISO/IEC 14496-12 brands that are no video among them.
_NOT_VIDEO: Final = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a RIFF file (WebP, AVI or WAV)"),
    (b"#EXTM3U", "an HLS playlist"),
    (b"\x1f\x8b", "gzip data"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF document"),
)
_PAGES: Final = frozenset({"a JSON document", "an HTML page", "an XML document", "text"})
_STILL_BRANDS: Final = frozenset({b"avif", b"heic", b"heix", b"mif1", b"msf1"})
_AUDIO_BRANDS: Final = frozenset({b"M4A ", b"M4B "})


@dataclass(frozen=True, slots=True)
class Verified:
    """A video that arrived whole."""

    content_type: str
    content_bytes: int


@dataclass(frozen=True, slots=True)
class _Box:
    """One box or element; a `body_bytes` of None means that it goes on to the end of what it is in."""

    kind: bytes
    header_bytes: int
    body_bytes: int | None


@dataclass(frozen=True, slots=True)
class _Container:
    """`required` are the boxes without which there is no video, none of them empty, and what each must hold."""

    content_type: str
    read_box: Callable[[bytes], _Box | None]
    required: Mapping[bytes, tuple[bytes, ...]]

    def paths(self) -> set[tuple[bytes, ...]]:
        """Every required box, each behind the one it is in."""
        inner = {(kind, child) for kind, children in self.required.items() for child in children}
        return {(kind,) for kind in self.required} | inner


class VideoCheck:
    """Walks an MP4, MOV or WebM chunk by chunk; both methods raise ContentError. Holds a box header at most."""

    def __init__(self, bytes_max: int = VIDEO_BYTES_MAX) -> None:
        self.content_bytes = 0
        self._bytes_max = bytes_max
        self._container: _Container | None = None
        self._head = b""
        self._path: tuple[bytes, ...] = ()
        self._left: int | None = 0
        self._outer: bytes | None = None
        self._outer_left: int | None = 0
        self._boxes = 0
        self._missing: set[tuple[bytes, ...]] = set()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; raises as soon as they cannot be a video's, or are too many."""
        self.content_bytes += len(chunk)
        if self.content_bytes > self._bytes_max:
            raise ContentError(f"the video is longer than {self._bytes_max} bytes")
        if self._container is None:
            chunk, self._head = self._head + chunk, b""
            if len(chunk) < SIGNATURE_BYTES:
                self._head = chunk
                return
            self._container = _recognise(chunk)
            self._missing = self._container.paths()
        self._walk(self._container, chunk)

    def finish(self) -> Verified:
        """Take the end of the stream; raises when something is missing before it."""
        if not self.content_bytes:
            raise ContentError("the answer is empty")
        if self._container is None:
            raise ContentError(f"not a video but {_kind_of(self._head)}")
        if self._left or self._outer_left or self._head.strip(b"\0"):
            raise ContentError(f"the video is truncated after {self.content_bytes} bytes")
        if self._missing:
            # What a missing box should have held goes without saying.
            first = [path for path in self._missing if path[:-1] not in self._missing]
            names = " and ".join(sorted("/".join(map(_name_of, path)) for path in first))
            raise ContentError(f"the video is truncated: no {names} after {self.content_bytes} bytes")
        return Verified(self._container.content_type, self.content_bytes)

    def _walk(self, container: _Container, chunk: bytes) -> None:
        position = 0
        while position < len(chunk):
            if self._left != 0:
                position += self._skip(len(chunk) - position)
                continue
            if self._outer is not None and not self._seeks_inside(self._outer):
                self._leave(self._outer)
                continue
            wanted = _BOX_HEADER_BYTES_MAX
            if self._outer is not None and self._outer_left is not None:
                wanted = min(wanted, self._outer_left)
            head = self._head + chunk[position : position + wanted - len(self._head)]
            box = container.read_box(head)
            if box is not None:
                position += box.header_bytes - len(self._head)
                self._head = b""
                self._enter(box)
            elif self._outer is not None and len(head) == self._outer_left:
                # Too little for another header is padding.
                self._outer_left -= len(self._head)
                self._head = b""
                self._leave(self._outer)
            else:
                self._head = head
                return

    def _skip(self, available: int) -> int:
        """Pass over bytes of a body, and return how many."""
        self._missing.discard(self._path)
        if self._left is None:
            return available
        step = min(self._left, available)
        self._left -= step
        return step

    def _seeks_inside(self, kind: bytes) -> bool:
        return self._outer_left != 0 and any(path[0] == kind and len(path) > 1 for path in self._missing)

    def _enter(self, box: _Box) -> None:
        self._boxes += 1
        if self._boxes > _BOXES_MAX:
            raise ContentError(f"not a video: more than {_BOXES_MAX} boxes")
        body_bytes = box.body_bytes
        if self._outer is not None:
            self._path = (self._outer, box.kind)
            if self._outer_left is not None:
                body_bytes = self._outer_left - box.header_bytes if body_bytes is None else body_bytes
                self._outer_left -= box.header_bytes + body_bytes
                if self._outer_left < 0:
                    raise ContentError("not a whole video: a box is longer than the one it is in")
            self._left = body_bytes
            return
        self._outer, self._outer_left = box.kind, body_bytes
        if self._seeks_inside(box.kind):
            self._missing.discard((box.kind,))
        else:
            self._leave(box.kind)

    def _leave(self, outer: bytes) -> None:
        """Pass over what is left of the outer box."""
        self._path, self._left = (outer,), self._outer_left
        self._outer, self._outer_left = None, 0


async def verify(
    stream: ContentStream, bytes_max: int = VIDEO_BYTES_MAX, take: Callable[[bytes], Awaitable[None]] | None = None
) -> Verified:
    """Read an answer to its end; raise ContentError unless it is a whole video. `take` gets its bytes as they pass."""
    if stream.status != 200:
        raise ContentError(f"http status {stream.status}")
    check = VideoCheck(bytes_max)
    async for chunk in stream.chunks:
        check.feed(chunk)
        if take is not None:
            await take(chunk)
    return check.finish()


def require_signature(head: bytes) -> None:
    """Raise ContentError unless these are the first bytes of a video."""
    if not head:
        raise ContentError("the answer is empty")
    _recognise(head)


def is_page(head: bytes) -> bool:
    """Whether these are the first bytes of a document that is neither video nor picture."""
    return _kind_of(head) in _PAGES


def _recognise(head: bytes) -> _Container:
    brand = head[8:12]
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _WEBM
    if head[4:8] != b"ftyp" or brand in _STILL_BRANDS | _AUDIO_BRANDS:
        raise ContentError(f"not a video but {_kind_of(head)}")
    return _MOV if brand == b"qt  " else _MP4


def _kind_of(head: bytes) -> str:
    head = head[:_TOLD_BY_BYTES]
    for signature, kind in _NOT_VIDEO:
        if head.startswith(signature):
            return kind
    if head[4:8] == b"ftyp":
        return "an audio file" if head[8:12] in _AUDIO_BRANDS else "a still image"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"{", b"[")):
        return "a JSON document"
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<body")):
        return "an HTML page"
    if text.startswith(b"<"):
        return "an XML document"
    printable = all(byte >= 0x20 or byte in b"\t\r\n" for byte in head)
    return "text" if printable else "bytes of an unknown kind"


def _read_mp4_box(head: bytes) -> _Box | None:
    """ISO/IEC 14496-12, 4.2: size, type, and a 64-bit size when the short one is 1; 0 means to the end."""
    if len(head) < 8:
        return None
    size, header_bytes = int.from_bytes(head[:4]), 8
    if size == 0:
        return _Box(head[4:8], header_bytes, None)
    if size == 1:
        if len(head) < 16:
            return None
        size, header_bytes = int.from_bytes(head[8:16]), 16
    if size < header_bytes:
        raise ContentError("not a whole video: a box is shorter than its header")
    return _Box(head[4:8], header_bytes, size - header_bytes)


def _read_ebml_element(head: bytes) -> _Box | None:
    """RFC 8794, sections 4 to 6: an id of 1-4 bytes, a size of 1-8; all ones means unknown, so to the end."""
    id_bytes = 9 - head[0].bit_length()
    if id_bytes > 4:
        raise ContentError("not a whole video: an element id is malformed")
    if len(head) <= id_bytes:
        return None
    size_bytes = 9 - head[id_bytes].bit_length()
    if size_bytes > 8:
        raise ContentError("not a whole video: an element size is malformed")
    header_bytes = id_bytes + size_bytes
    if len(head) < header_bytes:
        return None
    mask = (1 << 7 * size_bytes) - 1
    size = int.from_bytes(head[id_bytes:header_bytes]) & mask
    return _Box(head[:id_bytes], header_bytes, None if size == mask else size)


def _name_of(kind: bytes) -> str:
    return _WEBM_NAMES.get(kind) or kind.decode("latin-1")


# ISO/IEC 14496-12, table 1. A fragmented file has these, too: its moov comes first, and its samples in many an mdat.
_MP4_REQUIRED: Final = {b"moov": (b"mvhd", b"trak"), b"mdat": ()}
# RFC 9559, section 5.1.
_WEBM_NAMES: Final = {b"\x18\x53\x80\x67": "Segment", b"\x16\x54\xae\x6b": "Tracks", b"\x1f\x43\xb6\x75": "Cluster"}
_WEBM_REQUIRED: Final = {b"\x18\x53\x80\x67": (b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75")}
_MP4: Final = _Container("video/mp4", _read_mp4_box, _MP4_REQUIRED)
_MOV: Final = _Container("video/quicktime", _read_mp4_box, _MP4_REQUIRED)
_WEBM: Final = _Container("video/webm", _read_ebml_element, _WEBM_REQUIRED)
