"""The bytes of a finished video: whole, in part, by their headers alone, and never a part taken for the whole."""

import asyncio

import pytest
from aiohttp import ClientPayloadError

from providers.canonical import Failure, Reason, Stage
from router.core.job import JobState
from router.engine.exchange import ContentError, ContentExpiredError
from tests.http.doors import VIDEO, Bytes, MemoryEngine, an_open_door


def a_finished(**source: object) -> tuple[MemoryEngine, str]:
    engine = MemoryEngine(source=Bytes(**source))  # type: ignore[arg-type]
    return engine, f"/v1/videos/{engine.completed().id}/content"


async def test_headers_are_our_own_and_none_of_the_upstreams() -> None:
    engine, path = a_finished()
    async with an_open_door(engine) as opened, opened.session.get(opened.url + path) as response:
        assert await response.read() == VIDEO
        assert response.headers["Content-Type"] == "video/mp4"
        assert response.headers["Content-Disposition"] == 'attachment; filename="video_0000.mp4"'
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Accept-Ranges"] == "bytes"
        assert response.headers["x-request-id"].startswith("req_")
        assert "x-upstream" not in response.headers


async def test_a_script_is_never_served_under_its_own_type() -> None:
    engine, path = a_finished(headers={"content-type": "image/svg+xml"})
    async with an_open_door(engine) as opened, opened.session.get(opened.url + path) as response:
        assert response.headers["Content-Type"] == "video/mp4"


async def test_a_range_is_passed_on_and_its_part_comes_back() -> None:
    engine, path = a_finished()
    async with an_open_door(engine) as opened:
        headers = {"Range": "bytes=100-199", "If-Range": '"v1"'}
        async with opened.session.get(opened.url + path, headers=headers) as response:
            assert response.status == 206
            assert response.headers["Content-Range"] == f"bytes 100-199/{len(VIDEO)}"
            assert await response.read() == VIDEO[100:200]
        assert engine.source is not None
        assert engine.source.asked == {"range": "bytes=100-199", "if-range": '"v1"'}


@pytest.mark.parametrize("text", ["bytes=0-1,5-9", "lines=1-2", "bytes=-", "bytes=a-b"])
async def test_a_range_that_is_none_is_ignored(text: str) -> None:
    engine, path = a_finished()
    async with (
        an_open_door(engine) as opened,
        opened.session.get(opened.url + path, headers={"Range": text}) as response,
    ):
        assert response.status == 200
        assert await response.read() == VIDEO


async def test_a_range_behind_the_end_is_not_satisfiable() -> None:
    engine, path = a_finished()
    async with (
        an_open_door(engine) as opened,
        opened.session.get(opened.url + path, headers={"Range": "bytes=9999999-"}) as response,
    ):
        assert response.status == 416
        assert response.headers["Content-Range"] == f"bytes */{len(VIDEO)}"
        assert (await response.json())["error"]["code"] == "range_not_satisfiable"


async def test_head_is_answered_without_asking_the_upstream() -> None:
    engine, path = a_finished()
    async with an_open_door(engine) as opened, opened.session.head(opened.url + path) as response:
        assert (response.status, response.headers["Content-Length"]) == (200, str(len(VIDEO)))
        assert response.headers["Content-Type"] == "video/mp4"
        assert engine.source is not None
        assert not engine.source.closed


async def test_a_connection_is_kept_after_head_and_after_a_download() -> None:
    engine, path = a_finished()
    async with an_open_door(engine) as opened:
        for ask in (opened.session.head, opened.session.get, opened.session.head):
            async with ask(opened.url + path) as response:
                assert response.status == 200
                await response.read()


@pytest.mark.parametrize("length_known", [True, False])
async def test_a_stream_that_breaks_midway_is_seen_as_incomplete(length_known: bool) -> None:
    engine, path = a_finished(cut_after=3, endless=not length_known)
    async with an_open_door(engine) as opened:
        async with opened.session.get(opened.url + path) as response:
            assert response.status == 200
            with pytest.raises(ClientPayloadError):
                await response.read()
        assert engine.source is not None
        assert engine.source.closed


async def test_what_was_sent_is_told_in_the_trace_of_the_job() -> None:
    engine, path = a_finished()
    job = engine.completed(trace_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    async with an_open_door(engine) as opened:
        async with opened.session.get(f"{opened.url}/v1/videos/{job.id}/content") as response:
            await response.read()
        async with opened.session.get(opened.url + path, headers={"Range": "bytes=999999999-"}) as response:
            assert response.status == 416
    whole, part = opened.spans
    (sent,), (unsatisfied,) = whole.contents, part.contents
    assert whole.job_id == job.id
    assert (sent.trace_parent, sent.name) == (job.trace_parent, "video")
    assert (sent.status, sent.content_bytes, sent.error) == (200, len(VIDEO), None)
    assert (unsatisfied.status, unsatisfied.content_bytes) == (416, None)


async def test_a_stream_that_breaks_says_so_in_its_span() -> None:
    engine, path = a_finished(cut_after=1)
    async with an_open_door(engine) as opened:
        with pytest.raises(ClientPayloadError):
            async with opened.session.get(opened.url + path) as response:
                await response.read()
    (cut,) = opened.spans[0].contents
    assert (cut.status, cut.content_bytes, type(cut.error)) == (200, 65_536, ContentError)


async def test_a_caller_who_hangs_up_ends_the_upstream_read() -> None:
    engine, path = a_finished(endless=True)
    async with an_open_door(engine) as opened:
        async with opened.session.get(opened.url + path) as response:
            await response.content.readexactly(100_000)
            response.close()
        assert engine.source is not None
        async with asyncio.timeout(5):
            while not engine.source.closed:
                await asyncio.sleep(0.01)


async def test_a_caller_who_reads_nothing_holds_the_upstream_back() -> None:
    engine, path = a_finished(endless=True)
    async with an_open_door(engine) as opened, opened.session.get(opened.url + path) as response:
        assert engine.source is not None
        read, before = -1, -2
        async with asyncio.timeout(10):
            while read != before:
                before = engine.source.chunks_read
                await asyncio.sleep(0.2)
                read = engine.source.chunks_read
        assert read * 65_536 < 64 * 1024 * 1024
        response.close()


@pytest.mark.parametrize(("state", "code"), [(JobState.QUEUED, "video_not_ready"), (JobState.FAILED, "video_failed")])
async def test_a_video_that_is_not_there_says_why(state: JobState, code: str) -> None:
    engine = MemoryEngine()
    job = engine.add(
        state=state, failure=Failure(Stage.PROMPT_REVIEW, Reason.REFUSED) if code == "video_failed" else None
    )
    async with (
        an_open_door(engine) as opened,
        opened.session.get(f"{opened.url}/v1/videos/{job.id}/content") as response,
    ):
        assert response.status == 400
        assert (await response.json())["error"]["code"] == code


async def test_a_video_that_its_upstream_does_not_keep_any_more_has_expired() -> None:
    engine, path = a_finished(refusal=ContentExpiredError("over"))
    async with an_open_door(engine) as opened, opened.session.get(opened.url + path) as response:
        assert (response.status, response.headers["x-should-retry"]) == (410, "false")
        assert (await response.json())["error"]["code"] == "content_expired"


@pytest.mark.parametrize("variant", ["thumbnail", "poster"])
async def test_a_variant_that_cannot_be_had_is_refused(variant: str) -> None:
    engine, path = a_finished()
    async with (
        an_open_door(engine) as opened,
        opened.session.get(opened.url + path, params={"variant": variant}) as response,
    ):
        assert response.status == (404 if variant == "thumbnail" else 400)
        assert (await response.json())["error"]["param"] == "variant"


@pytest.mark.parametrize(
    "source",
    [
        None,
        Bytes(status=403),
        Bytes(status=206),
    ],
)
async def test_a_link_that_gives_no_video_is_a_bad_gateway(source: Bytes | None) -> None:
    engine = MemoryEngine(source=source)
    path = f"/v1/videos/{engine.completed().id}/content"
    async with an_open_door(engine) as opened, opened.session.get(opened.url + path) as response:
        assert response.status == 502
        assert (await response.json())["error"]["code"] == "content_unavailable"
