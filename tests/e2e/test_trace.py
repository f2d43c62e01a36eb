"""One trace for each video, as two collectors get it from a router that is killed and started again in between."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from router.core.job import AttemptState
from tests.observe.collector import Collector, a_collector, plain
from tests.process import UNHURRIED, Served, a_served
from tests.system import library

TRACE, CALLERS_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
OTHER_TRACE = "7b2b9c1d0e5f4a6b8c9d0e1f2a3b4c5d"
UNSAMPLED = "cafe651916cd43dd8448eb211c80319c"
PROMPT = "canary-4711 over the harbour"


@asynccontextmanager
async def a_traced_router(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *dialects: str
) -> AsyncIterator[tuple[Served, Collector]]:
    """A router that sends its spans to a collector in this process, almost at once."""
    async with a_collector() as collector:
        variables = {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "20",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        async with a_served(folder, *dialects, providers=UNHURRIED, time_scale=60.0) as served:
            yield served, collector


async def created(served: Served, trace: str, flags: str = "01") -> str:
    body = {"prompt": PROMPT, "model": "sora-2", "seconds": "10", "size": "720x1280"}
    headers = {"traceparent": f"00-{trace}-{CALLERS_SPAN}-{flags}"}
    async with served.http.post(f"{served.url}/v1/videos", json=body, headers=headers) as response:
        assert response.status == 200
        return str((await response.json())["id"])


async def downloaded(served: Served, video_id: str, trace: str, flags: str = "01") -> bytes:
    headers = {"traceparent": f"00-{trace}-{CALLERS_SPAN}-{flags}"}
    async with served.http.get(f"{served.url}/v1/videos/{video_id}/content", headers=headers) as response:
        return await response.read()


async def arrived(collector: Collector, name: str, count: int = 1) -> list[Span]:
    """Wait until so many spans of a name have come in."""
    async with asyncio.timeout(20):
        while len(found := collector.spans(name)) < count:
            await asyncio.sleep(0.02)
    return found


async def running(served: Served, provider: str, count: int) -> None:
    async with asyncio.timeout(20):
        while [(row.provider, row.state) for row in served.rows()].count((provider, AttemptState.RUNNING)) < count:
            await asyncio.sleep(0.02)


async def a_video_in_two_lives(served: Served, collector: Collector) -> tuple[str, bytes]:
    """One that fails over, outlives a kill, and is fetched by somebody with a trace of his own."""
    await served.sandboxes["jizhiai"].set_faults([{"fault": "http_503", "retry_after_s": 0}])
    # No poll says anything before the kill, so that no video is ready before it.
    await served.sandboxes["shenma"].set_faults([{"fault": "poll_500"}])
    await served.start()
    video_id = await created(served, TRACE)
    unseen = await created(served, UNSAMPLED, flags="00")
    await running(served, "shenma", 2)
    await arrived(collector, "POST /v1/videos")
    await arrived(collector, "video_generation")
    await served.kill()
    await served.sandboxes["shenma"].clear_faults()
    await served.start()
    for each in (video_id, unseen):
        assert (await served.ended(each))["status"] == "completed"
    content = await downloaded(served, video_id, OTHER_TRACE)
    await downloaded(served, unseen, UNSAMPLED, flags="00")
    await arrived(collector, "content")
    assert await served.stop() == 0
    return video_id, content


async def test_one_trace_leads_from_the_request_to_the_download_through_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_traced_router(tmp_path, monkeypatch, "jizhiai", "shenma") as (served, collector):
        video_id, content = await a_video_in_two_lives(served, collector)
        (post,), (refused, delivered) = collector.spans("POST"), collector.spans("video_generation")
        (refusal, submit), (download,) = collector.spans("submit"), collector.spans("download")
        (sent,), (get,) = collector.spans("content"), collector.spans("GET")

        of_the_video = (post, refused, delivered, refusal, submit, download, sent)
        assert {span.trace_id.hex() for span in of_the_video} == {TRACE}
        # Nothing of the unsampled video, and nothing of the many looks at how far both are.
        assert len(of_the_video) + 1 == len(collector.spans())
        assert post.parent_span_id.hex() == CALLERS_SPAN
        assert {span.parent_span_id for span in (refused, delivered, sent)} == {post.span_id}
        assert (refusal.parent_span_id, submit.parent_span_id) == (refused.span_id, delivered.span_id)
        assert download.parent_span_id == delivered.span_id
        assert [link.span_id for link in delivered.links] == [refused.span_id]
        assert (get.trace_id.hex(), [link.span_id for link in sent.links]) == (OTHER_TRACE, [get.span_id])
        for span in (post, get, refused, delivered, submit, download, sent):
            assert plain(span.attributes)["video_router.job"] == video_id
        assert plain(sent.attributes)["video_router.content_bytes"] == len(content)
        check_attempts(served, refused, delivered)
        check_times(served, delivered, submit, download)
        await check_second_collector(collector)
        check_secrets(served, collector)


def check_attempts(served: Served, refused: Span, delivered: Span) -> None:
    first, second = plain(refused.attributes), plain(delivered.attributes)
    assert refused.status.code == Status.STATUS_CODE_ERROR
    assert (first["gen_ai.provider.name"], first["error.type"]) == ("jizhiai", "submit.overloaded")
    assert (first["video_router.polls"], "video_router.resumed" in first) == (0, False)
    row = next(row for row in served.rows() if row.job_id == second["video_router.job"] and row.posted_microusd)
    assert (second["gen_ai.provider.name"], second["gen_ai.usage.cost.amount"]) == (
        *("shenma", row.posted_microusd / 1_000_000),
    )
    assert (second["video_router.state"], second["video_router.resumed"]) == ("succeeded", True)
    told = [(event.name, plain(event.attributes)) for event in delivered.events]
    assert sum(each["video_router.polls"] for _, each in told) == second["video_router.polls"]
    assert told[-1] == ("poll", {"video_router.polls": 1, "video_router.status": "succeeded"})
    moments = [event.time_unix_nano for event in delivered.events]
    assert moments == sorted(moments)


def check_times(served: Served, delivered: Span, submit: Span, download: Span) -> None:
    """True times, those of the submit from the life before."""
    (row,) = [row for row in served.rows() if row.job_id == plain(delivered.attributes)["video_router.job"]][1:]
    assert abs(delivered.start_time_unix_nano / 1e9 - row.submitted_at) < 1e-3
    assert submit.start_time_unix_nano == delivered.start_time_unix_nano
    assert submit.end_time_unix_nano < download.start_time_unix_nano
    assert download.end_time_unix_nano <= delivered.end_time_unix_nano
    assert all(submit.end_time_unix_nano <= event.time_unix_nano for event in delivered.events)


async def check_second_collector(collector: Collector) -> None:
    """Another implementation of the protocol accepts what was sent, and reads the same spans from it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    oteltap = library("oteltap")
    settings = oteltap.OtelTapHttpProtobufReceiverSettings(http_port=port)
    async with oteltap.OtelTapHttpProtobufReceiver(settings) as receiver:
        expected = {span.span_id: span for span in collector.spans()}
        waiting = [asyncio.create_task(receiver.await_trace(_has(span_id), 10)) for span_id in expected]
        await asyncio.sleep(0)
        async with ClientSession() as http:
            for body in collector.bodies:
                headers = {"Content-Type": "application/x-protobuf"}
                async with http.post(f"http://127.0.0.1:{port}/v1/traces", data=body, headers=headers) as response:
                    assert response.status == 200
        received = {span.span_id: span for span in await asyncio.gather(*waiting)}
    assert received == expected


def _has(span_id: bytes) -> Callable[[Span], bool]:
    return lambda span: span.span_id == span_id


def check_secrets(served: Served, collector: Collector) -> None:
    """Neither words nor keys nor what an upstream calls a job, nor where it is."""
    sent = b"".join(collector.bodies)
    assert b"jizhiai" in sent
    for sandbox in served.sandboxes.values():
        assert sandbox.key.encode() not in sent
        assert sandbox.base_url.removeprefix("http://").encode() not in sent
        assert not [entry.id for entry in sandbox.books().accepted if entry.id.encode() in sent]
    assert b"http://" not in sent
    assert b"canary" not in sent


async def test_a_collector_that_does_not_answer_slows_no_video_and_no_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        async with a_served(tmp_path, "jizhiai") as served:
            await served.start()
            video: dict[str, Any] = await served.create(PROMPT)
            assert (await served.ended(video["id"]))["status"] == "completed"
            # `stop` waits for 20 s; the exporter, which began to send before, would wait for 60.
            assert await served.stop() == 0
