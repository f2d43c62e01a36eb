"""What an adapter is asked: requests of every shape, ids of every spelling, and answers that say nothing."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from providers.canonical import Image, ImageFile, ImageUrl, Size, VideoRequest

_SIZES = """
    720x1280 1280x720 1024x1792 1792x1024 1080x1920 1920x1080 720x720 1024x1024 480x832 832x480 2160x3840 3840x2160
    721x1280
"""
SIZES = tuple(Size.parse(text) for text in _SIZES.split())
SECONDS = tuple(range(1, 61))
PROMPTS = (
    "a paper boat on a river",
    "  kept as it is, spaces and all  ",
    'two lines\nand "quotes", \\ back-slashes, <tags>, {braces}, 100 % & more; --seconds 5',
    "一只纸船在雨中 🚣 ñ",
    "a very long prompt, " * 150,
)
LINK = ImageUrl("https://pictures.example.test/first.png?size=1&sig=a%2Fb")
OTHER_LINK = ImageUrl("https://pictures.example.test/second.jpg")
FILE = ImageFile(b"\x89PNG\r\n\x1a\nfirst picture\x00\xff", "image/png", "first.png")
OTHER_FILE = ImageFile(b"\xff\xd8\xff second picture", "image/jpeg", "second.jpg")
IMAGES: tuple[tuple[Image, ...], ...] = (
    (),
    (LINK,),
    (FILE,),
    (OTHER_LINK,),
    (OTHER_FILE,),
    (LINK, OTHER_LINK),
    (OTHER_LINK, LINK),
    (FILE, OTHER_FILE),
    (LINK, OTHER_FILE, FILE),
    (LINK, OTHER_LINK, FILE, OTHER_FILE),
)
PLAIN = VideoRequest(PROMPTS[0], "sora-2", 10, SIZES[0])

IDS = (
    "video_68ad1f40",
    "sora-2:task_01k8",
    "veo3:1756693796-YQVHH4A3Lg",
    "a/b/../c",
    "../../admin",
    "a?b=c&d=e",
    "a#b",
    "50%25+1",
    "a=b;c",
    'back\\slash"quote',
    "任务é1",
    "x" * 1_024,
)

SUCCESSES = (200, 201, 202, 204, 206, 299)
REDIRECTS = (301, 302, 304, 307, 308)
ERRORS = (400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 418, 422, 425, 429, 431, 451, 499)
BREAKDOWNS = (500, 501, 502, 503, 504, 507, 520, 522, 524, 529, 599)
NOT_SUCCESSES = (100, 101, *REDIRECTS, *ERRORS, *BREAKDOWNS)
STATUSES = (*SUCCESSES, *NOT_SUCCESSES)
# One of each kind that is read in its own way.
KINDS_OF_STATUS = (100, 200, 202, 204, 302, 400, 401, 402, 404, 408, 429, 451, 500, 502, 503)

WORDLESS_BODIES = (
    b"",
    b" ",
    b"{}",
    b"[]",
    b"null",
    b"<html><body>502 Bad Gateway</body></html>",
    b"<!doctype html><title>nginx: rate limit, no balance, content policy</title>",
    b'{"error":{"message":"half an ans',
)
HOSTILE_BODIES = (
    *WORDLESS_BODIES,
    b"\x00\xff\xfe",
    b"true",
    b"0",
    b'"completed"',
    b'[{"id":"video_1","status":"completed"}]',
    b'{"id":null,"status":null}',
    b'{"id":{},"task_id":[],"status":{},"data":"x","error":7}',
    b'{"id":"","status":"completed"}',
    b'{"id":"..","status":"completed","url":"javascript:alert(1)"}',
    b'{"id":"a b","status":"SUCCESS","fail_reason":"ftp://host/v.mp4"}',
    b'{"status":"success"}',
    b'{"status":"completed","url":"http://"}',
    b'{"status":"completed","url":"http://[::1"}',
    b'{"status":"completed","video_url":["https://host/v.mp4"]}',
    b'{"status":200,"data":[1,2,3],"detail":[[[[]]]]}',
    b'{"status":true,"progress":true,"id":false}',
    b'{"progress":1e308,"status":"weird"}',
    b'{"error":"{\\"error\\":\\"{\\\\\\"error\\\\\\":1}\\"}"}',
    b'{"data":{"data":{"data":{"data":{}}}}}',
    b'{"id":"video_1"',
    b"<!doctype html><title>video_123 completed https://host/v.mp4</title>",
    b"data: {\"id\":\"video_1\"}\n\n",
    b"[" * 5_000,
    b'{"a":' * 5_000,
    b'{"id":"' + b"x" * 100_000 + b'"}',
)  # fmt: skip


def videos(seed: int) -> Iterator[VideoRequest]:
    """Every length with every size, every way to send images, and a few hundred requests at random."""
    for size in SIZES:
        for seconds in SECONDS:
            yield replace(PLAIN, size=size, seconds=seconds)
    for images in IMAGES:
        yield replace(PLAIN, images=images)
    random = Random(seed)  # noqa: S311 - chance that can be repeated
    for _ in range(300):
        yield VideoRequest(
            random.choice(PROMPTS),
            PLAIN.model,
            random.choice(SECONDS),
            random.choice(SIZES[:4] if random.random() < 0.7 else SIZES),
            random.choice(IMAGES),
            random.choice((None, True, False)),
        )


def siblings(video: VideoRequest) -> Iterator[tuple[str, VideoRequest]]:
    """The videos that differ from one in a single field, with its name."""
    yield "prompt", replace(video, prompt=video.prompt + "!")
    yield "seconds", replace(video, seconds=video.seconds + 1)
    yield "seconds", replace(video, seconds=video.seconds + 5)
    for size in SIZES:
        if size != video.size:
            yield "size", replace(video, size=size)
    for images in IMAGES:
        if images != video.images:
            yield "images", replace(video, images=images)
    if video.watermark is False:
        yield "watermark", replace(video, watermark=True)
        yield "watermark", replace(video, watermark=None)
