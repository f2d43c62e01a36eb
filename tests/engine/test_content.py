"""Videos on their way to callers, over real sockets: only a video arrives, and a dead link is replaced once."""

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import web

from providers.adapter import HttpResponse
from providers.canonical import Failure, Reason, Running, Stage, Succeeded
from router.core.job import JobState
from router.engine.exchange import ContentError, ContentExpiredError, ContentStream
from router.engine.serving import REFRESH_EVERY_S
from tests.engine.wire import (
    KEY,
    OPENAI,
    VIDEO,
    Answer,
    LinkAdapter,
    a_video_file,
    ending_early,
    json,
    plain,
    reset,
    silent,
    wired,
)

PAGE = plain(200, b"<!doctype html><html>this link has expired</html>", Content_Type="text/html")
ENVELOPE = json(200, {"error": {"message": "expired"}})
DEAD: dict[str, Answer] = {
    **{f"http {status}": json(status, {"error": "gone"}) for status in (400, 401, 403, 404, 410)},
    "a page": PAGE,
    "a page that claims to be a video": plain(200, b"<html>expired</html>", Content_Type="video/mp4"),
    "a document": ENVELOPE,
    "an empty answer": plain(200, b"", Content_Type="video/mp4"),
    "a picture": plain(200, b"\x89PNG\r\n\x1a\n" + bytes(64), Content_Type="video/mp4"),
}


@pytest.mark.parametrize("dead", DEAD)
async def test_a_dead_link_is_replaced_by_a_fresh_one_that_is_kept(dead: str) -> None:
    async with wired() as router:
        router.upstream.files["old"] = router.upstream.files["new"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        router.upstream.files["old"] = DEAD[dead]
        router.upstream.names(router.upstream.link("new"), expires_at=4_000_000_000.0)
        assert await router.download(job.id) == (200, VIDEO)
        assert len(router.upstream.polled_at) == 1
        for known in (await router.job(job.id), await router.store.job(job.id)):
            assert known is not None
            assert known.delivered is not None
            assert known.delivered.content_url == router.upstream.link("new")
            assert known.delivered.content_expires_at == 4_000_000_000.0
        assert await router.download(job.id) == (200, VIDEO)
        assert [name for name, _ in router.upstream.fetched][1:] == ["old", "new", "new"]


async def test_callers_cannot_make_the_router_poll_without_bound() -> None:
    async with wired() as router:
        router.upstream.files["old"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        router.upstream.files["old"] = DEAD["http 403"]
        router.upstream.names(router.upstream.link("old"))
        for polls in (1, 2):
            downloads = [router.download(job.id) for _ in range(10)]
            ended = await asyncio.gather(*downloads, return_exceptions=True)
            assert all(isinstance(each, ContentError) for each in ended)
            assert len(router.upstream.polled_at) == polls
            router.skip(REFRESH_EVERY_S)


async def test_an_upstream_that_forgot_an_old_video_is_not_taken_for_ailing() -> None:
    async with wired() as router:
        router.upstream.files["old"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        router.upstream.files["old"] = DEAD["http 404"]
        router.upstream.polls = [json(404, {"error": {"message": "task not exist"}})]
        for _ in range(10):
            with pytest.raises(ContentError):
                await router.download(job.id)
            router.skip(REFRESH_EVERY_S)
        assert len(router.upstream.polled_at) > 10
        assert router.engine._parts.health["alpha"].poll_slowdown() == 1.0


async def test_callers_at_once_share_one_fresh_link() -> None:
    async with wired() as router:
        router.upstream.files["old"] = router.upstream.files["new"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        router.upstream.files["old"] = DEAD["a page"]
        router.upstream.names(router.upstream.link("new"))
        ended = await asyncio.gather(*(router.download(job.id) for _ in range(10)))
        assert ended == [(200, VIDEO)] * 10
        assert len(router.upstream.polled_at) == 1


@pytest.mark.parametrize(("told_s", "expected"), [(-60.0, ContentExpiredError), (3600.0, ContentError)])
async def test_a_link_without_a_successor_is_called_expired_when_its_time_is_over(
    told_s: float, expected: type[ContentError]
) -> None:
    async with wired() as router:
        router.upstream.files["old"] = a_video_file
        router.upstream.names(router.upstream.link("old"), expires_at=router.engine._parts.now() + told_s)
        job = await router.made()
        router.upstream.files["old"] = DEAD["http 404"]
        with pytest.raises(ContentError) as failed:
            await router.download(job.id)
        assert type(failed.value) is expected


TROUBLES: dict[str, Answer] = {
    "a rate limit": json(429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}),
    "an outage": json(503, {"error": {"message": "overloaded"}}),
    "a refused key": json(401, {"error": {"message": "invalid api key", "code": "invalid_api_key"}}),
    "a reset": reset,
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_video_whose_upstream_cannot_be_asked_is_not_called_expired(trouble: str) -> None:
    async with wired() as router:
        router.upstream.files["old"] = router.upstream.files["new"] = a_video_file
        router.upstream.names(router.upstream.link("old"), expires_at=router.engine._parts.now() - 60.0)
        job = await router.made()
        router.upstream.files["old"] = DEAD["http 403"]
        router.upstream.polls = [TROUBLES[trouble]]
        for _ in range(2):
            with pytest.raises(ContentError) as failed:
                await router.download(job.id)
            assert type(failed.value) is ContentError
        router.upstream.names(router.upstream.link("new"))
        router.skip(10 * REFRESH_EVERY_S)
        assert await router.download(job.id) == (200, VIDEO)


async def test_a_fresh_link_whose_host_is_in_trouble_is_not_called_expired() -> None:
    async with wired() as router:
        router.upstream.files["old"] = router.upstream.files["new"] = a_video_file
        router.upstream.names(router.upstream.link("old"), expires_at=router.engine._parts.now() - 60.0)
        job = await router.made()
        router.upstream.files["old"], router.upstream.files["new"] = DEAD["http 403"], json(503, {})
        router.upstream.names(router.upstream.link("new"))
        for _ in range(2):
            with pytest.raises(ContentError) as failed:
                await router.download(job.id)
            assert type(failed.value) is ContentError


class LaggingAdapter(LinkAdapter):
    """A relay whose status stays unfinished beside the link of a video that is there."""

    def read_poll(self, response: HttpResponse) -> Running | Succeeded | Failure:
        return Running(queued=False, progress=100, url=response.document().get("url"))


async def test_a_video_taken_from_beside_an_unfinished_status_gets_its_fresh_link_from_there() -> None:
    async with wired(LaggingAdapter()) as router:
        router.upstream.files["old"] = router.upstream.files["new"] = a_video_file
        router.upstream.names(router.upstream.link("old?Expires=4000000000"))
        job = await router.made()
        assert job.delivered is not None
        assert job.delivered.content_expires_at == 4_000_000_000.0
        router.upstream.files["old"] = DEAD["http 403"]
        router.upstream.names(router.upstream.link("new?Expires=4000000001"))
        assert await router.download(job.id) == (200, VIDEO)
        delivered = (await router.job(job.id)).delivered
        assert delivered is not None
        assert delivered.content_expires_at == 4_000_000_001.0


async def test_callers_do_not_queue_behind_a_fresh_link_that_is_slow() -> None:
    async with wired() as router:
        router.upstream.files["old"] = router.upstream.files["new"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        router.upstream.files["old"] = DEAD["http 403"]
        router.upstream.names(router.upstream.link("new"))
        assert await router.download(job.id) == (200, VIDEO)
        at_once, most = [0], [0]

        async def slow(request: web.Request) -> web.StreamResponse:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
            await asyncio.sleep(0.05)
            at_once[0] -= 1
            return await a_video_file(request)

        router.upstream.files["new"] = slow
        # These asked before the fresh link was known.
        openings = [router.engine.content(job, "video", {}) for _ in range(8)]
        await asyncio.gather(*(_entered(each) for each in openings))
        assert most[0] > 1


async def _entered(opening: AbstractAsyncContextManager[ContentStream] | None) -> None:
    assert opening is not None
    async with opening:
        pass


async def test_a_fresh_link_that_gives_no_video_either_is_not_kept() -> None:
    async with wired() as router:
        router.upstream.files["old"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        router.upstream.files["old"] = router.upstream.files["new"] = PAGE
        router.upstream.names(router.upstream.link("new"))
        with pytest.raises(ContentError):
            await router.download(job.id)
        assert (await router.job(job.id)).delivered == job.delivered


@pytest.mark.parametrize("trouble", [reset, silent, json(503, {})])
async def test_a_host_in_trouble_is_no_dead_link(trouble: Answer) -> None:
    async with wired() as router:
        router.upstream.files["old"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        router.upstream.files["old"] = trouble
        router.upstream.names(router.upstream.link("new"))
        with pytest.raises(ContentError):
            await router.download(job.id)
        assert router.upstream.polled_at == []


@pytest.mark.parametrize("content_length", [None, len(VIDEO) - 1000, len(VIDEO)])
async def test_a_truncated_video_never_ends_as_a_whole_one(content_length: int | None) -> None:
    async with wired() as router:
        router.upstream.files["old"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        router.upstream.files["old"] = ending_early(content_length)
        opening = router.engine.content(job, "video", {})
        assert opening is not None
        received: list[bytes] = []
        async with opening as stream:
            with pytest.raises(ContentError):
                await _read_into(received, stream)
        # Never as many as were announced, nor as many as there are where none were.
        assert sum(map(len, received)) < (content_length or len(VIDEO) - 1000)


async def _read_into(received: list[bytes], stream: ContentStream) -> None:
    async for chunk in stream.chunks:
        received += [chunk]


async def test_parts_are_passed_on() -> None:
    async with wired() as router:
        router.upstream.files["old"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        for asked, part in {"0-": VIDEO, "0-1": VIDEO[:2], "5-5": VIDEO[5:6], "1000-": VIDEO[1000:]}.items():
            assert await router.download(job.id, Range=f"bytes={asked}") == (206, part)
        assert len(router.upstream.polled_at) == 1


def part(start: int, body: bytes, total: int, content_type: str = "video/mp4") -> Answer:
    said = f"bytes {start}-{start + len(body) - 1}/{total}"
    return plain(206, body, Content_Range=said, Content_Type=content_type)


@pytest.mark.parametrize(
    "answer",
    [
        part(0, b"<html>expired, and long enough</html>", len(VIDEO)),
        part(1000, VIDEO[1000:1100], len(VIDEO) + 1),
        part(1000, b"<html>", len(VIDEO), "text/html"),
        plain(206, VIDEO[1000:1100], Content_Type="video/mp4"),
        plain(200, b"<html>expired</html>", Content_Type="video/mp4"),
        json(200, {"error": "expired"}),
    ],
)
async def test_what_cannot_be_a_part_of_the_video_reaches_nobody(answer: Answer) -> None:
    async with wired() as router:
        router.upstream.files["old"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        router.upstream.files["old"] = answer
        with pytest.raises(ContentError):
            await router.download(job.id, Range="bytes=1000-1099")


async def test_a_part_that_nobody_asked_for_is_not_taken_for_the_whole() -> None:
    async with wired() as router:
        router.upstream.files["old"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        router.upstream.files["old"] = part(0, VIDEO[:1000], len(VIDEO))
        with pytest.raises(ContentError):
            await router.download(job.id)


async def test_a_part_that_is_shorter_than_it_says_breaks_off() -> None:
    async with wired() as router:
        router.upstream.files["old"] = a_video_file
        router.upstream.names(router.upstream.link("old"))
        job = await router.made()
        said = f"bytes 1000-1999/{len(VIDEO)}"
        router.upstream.files["old"] = plain(206, VIDEO[1000:1100], Content_Range=said)
        with pytest.raises(ContentError, match="truncated"):
            await router.download(job.id, Range="bytes=1000-1999")


# Content endpoints that name a link


CLOUD = "Video has been uploaded to cloud storage. Please use the cloud URL: {}"


@pytest.mark.parametrize("words", ["url", "video_url", CLOUD])
async def test_a_document_in_place_of_the_bytes_is_followed_once_without_the_key(words: str) -> None:
    async with wired(OPENAI) as router:
        link = router.upstream.link("new?sig=1")
        cloud = json(400, {"detail": CLOUD.format(link)})
        router.upstream.files = {
            "content": cloud if words == CLOUD else json(200, {words: link}),
            "new": a_video_file,
        }
        router.upstream.names(None)
        job = await router.made()
        assert job.state is JobState.COMPLETED
        assert await router.download(job.id) == (200, VIDEO)
        assert await router.download(job.id, Range="bytes=0-99") == (206, VIDEO[:100])
        keys = {name: headers.get("Authorization") for name, headers in router.upstream.fetched}
        assert keys == {"content": f"Bearer {KEY}", "new": None}


@pytest.mark.parametrize(
    "document",
    [
        {"status": "completed"},
        {"url": "/files/new"},
        {"url": "file:///etc/passwd"},
        {"padding": "x" * 70_000, "url": "LINK"},
        {"url": "OTHER"},
    ],
)
async def test_a_document_that_leads_to_no_video_is_none(document: dict[str, str]) -> None:
    async with wired(OPENAI) as router:
        links = {"LINK": router.upstream.link("new"), "OTHER": router.upstream.link("other")}
        document = {name: links.get(value, value) for name, value in document.items()}
        router.upstream.files = {
            "content": json(200, document),
            "new": a_video_file,
            "other": json(200, {"url": links["LINK"]}),
        }
        router.upstream.names(None)
        job = await router.made()
        assert job.failure is not None
        assert (job.failure.stage, job.failure.reason) == (Stage.DOWNLOAD, Reason.UNREADABLE)
        assert "a JSON document" in job.failure.message
        assert "new" not in [name for name, _ in router.upstream.fetched]


async def test_a_document_cannot_send_the_router_inside() -> None:
    async with wired(OPENAI, exempt=False) as router:
        router.upstream.files = {
            "content": json(200, {"url": router.upstream.link("new")}),
            "new": a_video_file,
        }
        router.upstream.names(None)
        job = await router.made()
        assert job.failure is not None
        assert (job.failure.stage, job.failure.reason) == (Stage.DOWNLOAD, Reason.UNREACHABLE)
        assert "new" not in [name for name, _ in router.upstream.fetched]


# Polls that fail


async def test_no_answer_of_a_poll_ends_a_job() -> None:
    async with wired(OPENAI) as router:
        router.upstream.names(None)
        (done,) = router.upstream.polls
        bad = [
            json(status, {"error": {"message": "no", "code": "x"}}) for status in (400, 401, 402, 403, 404, 429, 500)
        ]
        pages = [plain(status, b"<html>bad gateway</html>", Content_Type="text/html") for status in (200, 502, 504)]
        odd = [plain(200, b'{"id": "job_1", "stat'), plain(200, b""), json(200, []), plain(302, b"", Location="/x")]
        router.upstream.polls = [*bad, *pages, *odd, reset, silent, done]
        router.upstream.files["content"] = a_video_file
        job = await router.made()
        assert job.state is JobState.COMPLETED
        assert len(job.attempts) == 1
        assert len(router.upstream.polled_at) >= len(router.upstream.polls)


async def test_a_poll_told_to_wait_waits() -> None:
    async with wired(OPENAI) as router:
        router.upstream.names(None)
        (done,) = router.upstream.polls
        busy = json(429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, Retry_After_Ms="300")
        router.upstream.polls = [busy, busy, done]
        router.upstream.files["content"] = a_video_file
        job = await router.made()
        assert job.state is JobState.COMPLETED
        first, second, third = router.upstream.polled_at[:3]
        assert min(second - first, third - second) >= 0.3
