import struct
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.engine.exchange import ContentError, ContentStream
from router.engine.verification import Verified, VideoCheck, verify


def box(kind: bytes, body: bytes = b"", large: bool = False) -> bytes:
    if large:
        return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body
    return struct.pack(">I4s", 8 + len(body), kind) + body


def element(kind: bytes, body: bytes, unknown_size: bool = False) -> bytes:
    size = b"\x01" + b"\xff" * 7 if unknown_size else (len(body) | 1 << 56).to_bytes(8)
    return kind + size + body


FTYP = box(b"ftyp", b"isom\0\0\0\0isomiso2")
MVHD, TRAK = box(b"mvhd", b"h" * 100), box(b"trak", b"t" * 160)
MOOV = box(b"moov", MVHD + TRAK + box(b"udta", b"u"))
MP4 = FTYP + MOOV + box(b"free") + box(b"mdat", b"d" * 5000)
FRAGMENT = box(b"moof", b"f" * 90) + box(b"mdat", b"d" * 900)
EBML = element(b"\x1a\x45\xdf\xa3", b"webm header")
SEGMENT, INFO = b"\x18\x53\x80\x67", element(b"\x15\x49\xa9\x66", b"i" * 40)
TRACKS, CLUSTER = element(b"\x16\x54\xae\x6b", b"t" * 60), element(b"\x1f\x43\xb6\x75", b"c" * 3000)
ENDLESS_CLUSTER = element(b"\x1f\x43\xb6\x75", b"c" * 3000, unknown_size=True)
WEBM = EBML + element(SEGMENT, INFO + TRACKS + CLUSTER + CLUSTER)


def check(data: bytes, chunk_bytes: int = 64, bytes_max: int = 1 << 20) -> Verified:
    video = VideoCheck(bytes_max)
    for start in range(0, len(data), chunk_bytes):
        video.feed(data[start : start + chunk_bytes])
    return video.finish()


async def stream_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (MP4, "video/mp4"),
        (FTYP + box(b"mdat", b"d" * 99, large=True) + MOOV, "video/mp4"),
        (FTYP + MOOV + b"\0\0\0\0mdat" + b"d" * 999, "video/mp4"),
        (FTYP + MOOV + FRAGMENT + FRAGMENT, "video/mp4"),
        (FTYP + box(b"mdat", b"d") + b"\0\0\0\0moov" + MVHD + TRAK, "video/mp4"),
        (FTYP + box(b"moov", TRAK + MVHD, large=True) + box(b"mdat", b"d"), "video/mp4"),
        # What follows in a moov or a Segment once it has all it needs is nobody's business, padding least of all.
        (FTYP + box(b"moov", MVHD + TRAK + b"\0\0\0\1") + box(b"mdat", b"d"), "video/mp4"),
        (MP4 + bytes(5), "video/mp4"),
        (box(b"ftyp", b"qt  \0\0\0\0qt  ") + MP4[len(FTYP) :], "video/quicktime"),
        (WEBM, "video/webm"),
        (EBML + element(SEGMENT, TRACKS + CLUSTER + bytes(40)), "video/webm"),
        (EBML + element(SEGMENT, INFO + TRACKS + CLUSTER + CLUSTER, unknown_size=True), "video/webm"),
        (EBML + element(SEGMENT, TRACKS + ENDLESS_CLUSTER, unknown_size=True), "video/webm"),
        (EBML + element(SEGMENT, TRACKS + ENDLESS_CLUSTER), "video/webm"),
    ],
)
def test_a_whole_video_is_verified_with_its_type_and_length(data, content_type):
    assert check(data) == Verified(content_type, len(data))


@pytest.mark.parametrize("video", [MP4, WEBM])
@given(cuts=st.sets(st.integers(1, 3000), max_size=40))
def test_the_verdict_does_not_depend_on_how_the_bytes_are_cut(video, cuts):
    whole = VideoCheck()
    for start, end in pairwise([0, *sorted(cuts), len(video)]):
        whole.feed(video[start:end])
    assert whole.finish().content_bytes == len(video)


@pytest.mark.parametrize("video", [MP4, WEBM])
@given(cut=st.integers(12, 3000), chunk_bytes=st.integers(50, 9000))
def test_every_video_that_lacks_its_end_is_truncated(video, cut, chunk_bytes):
    with pytest.raises(ContentError, match="truncated"):
        check(video[:cut], chunk_bytes)


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_pass_or_raise_a_content_error(noise):
    for data in (noise, FTYP + noise, EBML + noise):
        try:
            check(data, 7)
        except ContentError:
            continue


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (FTYP + box(b"mdat", b"d" * 100), "moov"),
        (FTYP + box(b"moov") + box(b"mdat"), "mdat and moov"),
        (FTYP + box(b"moov", b"\0\0\0\1") + box(b"mdat", b"<html>expired</html>"), "moov/mvhd and moov/trak"),
        (FTYP + box(b"moov", MVHD) + box(b"mdat", b"d"), "moov/trak"),
        (FTYP + box(b"moov", MVHD + box(b"trak") + b"\0\0\0\1") + box(b"mdat", b"d"), "moov/trak"),
        (FTYP + MOOV, "mdat"),
        (FTYP + MOOV + box(b"mdat"), "mdat"),
        (FTYP + MOOV + b"\0\0\0\0mdat", "mdat"),
        (EBML + bytes([0xEC, 0x80]), "Segment"),
        (EBML + SEGMENT + b"\x80", "Segment"),
        (EBML + SEGMENT + b"\xff", "Segment/Cluster and Segment/Tracks"),
        (EBML + element(SEGMENT, INFO + TRACKS), "Segment/Cluster"),
        (EBML + element(SEGMENT, INFO + TRACKS, unknown_size=True), "Segment/Cluster"),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 7, 10_000])
def test_a_video_that_lacks_something_or_has_it_empty_is_truncated_and_names_it(data, missing, chunk_bytes):
    with pytest.raises(ContentError, match=f"truncated: no {missing} after {len(data)} bytes"):
        check(data, chunk_bytes)


def test_a_box_longer_than_the_one_it_is_in_is_not_a_whole_video():
    with pytest.raises(ContentError, match="longer than the one it is in"):
        check(FTYP + box(b"moov", MVHD + struct.pack(">I4s", 999, b"trak") + b"t" * 100) + box(b"mdat", b"d"))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"error": {"message": "expired"}}', "a JSON document"),
        (b"[]", "a JSON document"),
        (b"\xef\xbb\xbf  <!DOCTYPE html><title>404</title>", "an HTML page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document"),
        (b"Internal Server Error", "text"),
        (b"no", "text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "a JPEG image"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "an HLS playlist"),
        (box(b"ftyp", b"avif\0\0\0\0"), "a still image"),
        (box(b"ftyp", b"M4A \0\0\0\0"), "an audio file"),
        (bytes(64), "bytes of an unknown kind"),
    ],
)
def test_what_is_not_a_video_is_named(data, kind):
    with pytest.raises(ContentError, match=f"not a video but {kind}"):
        check(data)


def test_a_page_is_recognised_within_its_first_bytes():
    with pytest.raises(ContentError, match="an HTML page"):
        VideoCheck().feed(b"<!doctype html>")


@pytest.mark.parametrize("broken", [b"\0\0\0\x07free", struct.pack(">I4sQ", 1, b"free", 15)])
def test_a_box_shorter_than_its_own_header_is_not_a_whole_video(broken):
    with pytest.raises(ContentError, match="shorter than its header"):
        check(FTYP + broken)


def test_a_video_over_the_cap_is_cut():
    with pytest.raises(ContentError, match="longer than 1000 bytes"):
        check(MP4, bytes_max=1000)


def test_endless_tiny_boxes_are_cut():
    with pytest.raises(ContentError, match="more than 10000 boxes"):
        check(FTYP + box(b"free") * 10_001, 1 << 16)


async def test_a_streamed_video_is_verified():
    assert await verify(ContentStream(200, {}, stream_of(MP4[:9], MP4[9:]))) == Verified("video/mp4", len(MP4))


async def test_an_empty_answer_is_not_a_video():
    with pytest.raises(ContentError, match="empty"):
        await verify(ContentStream(200, {}, stream_of()))


@pytest.mark.parametrize("status", [206, 302, 404, 500])
async def test_any_other_status_is_named_without_reading_on(status):
    with pytest.raises(ContentError, match=f"http status {status}"):
        await verify(ContentStream(status, {}, stream_of(MP4)))
