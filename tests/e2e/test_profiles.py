"""Each profile before a small server that answers as its source does, and is as strict about what it takes."""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, TypeAlias

import openai
import pytest
import yaml
from aiohttp import BodyPartReader, web
from openai.types import Video

from providers.canonical import Size
from providers.sandbox.clips import video as clip
from router.app import Place, Running, observer_for, running
from router.config.loading import load
from router.core.job import AttemptState
from router.core.report import ReportRow
from router.engine.store.reading import read_report

KEY = "sk-canary-of-a-speaker"
LINK = "https://pictures.example.test/cat.png?sig=1"
MP4 = clip(Size(720, 1280), 4)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000"
    "000049454e44ae426082"
)
Form: TypeAlias = dict[str, tuple[str | None, bytes]]


@dataclass(frozen=True, slots=True)
class Heard:
    """One request: `path` as it stood on the wire, form parts as (file name, bytes)."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    form: Form
    document: dict[str, Any] | None


Answer: TypeAlias = tuple[int, dict[str, Any] | bytes]


@dataclass(slots=True)
class Server:
    """An upstream that is told how to answer, and remembers what it heard."""

    answers: Callable[[Heard], Answer]
    heard: list[Heard] = field(default_factory=list)
    host: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        form: Form = {}
        document = None
        if request.content_type == "multipart/form-data":
            async for part in await request.multipart():
                assert isinstance(part, BodyPartReader)
                form[part.name or ""] = (part.filename, bytes(await part.read()))
        elif request.content_type == "application/json" and request.can_read_body:
            document = await request.json()
        heard = Heard(request.method, request.raw_path, dict(request.query), request.headers.copy(), form, document)
        self.heard.append(heard)
        status, body = self.answers(heard)
        if isinstance(body, bytes):
            return web.Response(status=status, body=body, content_type="video/mp4")
        return web.json_response(body, status=status)

    @property
    def create(self) -> Heard:
        """The one create."""
        (create,) = (heard for heard in self.heard if heard.method == "POST")
        return create


@dataclass(slots=True)
class Rig:
    """The router before one server, and the official SDK pointed at it."""

    router: Running
    client: openai.AsyncOpenAI
    database: Path

    async def made(self, **request: Any) -> Video:
        """Create a video and wait for its end; a link can only be said in JSON, which the SDK sends when asked to."""
        body = {"prompt": "a paper boat", "model": "sora-2", "seconds": "4", "size": "720x1280", **request}
        video = await self.client.post("/videos", body=body, cast_to=Video)
        return await self.ended(video)

    async def ended(self, video: Video) -> Video:
        return await self.client.videos.poll(video.id, poll_interval_ms=20)

    def row(self) -> ReportRow:
        """The one attempt as it is in the books."""
        (row,) = read_report(self.database, None)
        return row


@asynccontextmanager
async def before(
    folder: Path,
    profile: str,
    answers: Callable[[Heard], Answer],
    base_path: str = "",
    inputs: tuple[str, ...] = ("url",),
) -> AsyncIterator[tuple[Rig, Server]]:
    """Start a server and a router that sells nothing else."""
    server = Server(answers)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.host = f"127.0.0.1:{runner.addresses[0][1]}"
        path = folder / "router.yaml"
        path.write_text(
            yaml.safe_dump(document(folder, profile, f"http://{server.host}{base_path}", server.host, inputs))
        )
        settings = load(path, {})
        place = Place("127.0.0.1", 0, "127.0.0.1", 0, folder / "router.db")
        async with (
            running(settings, place, observer_for(settings.catalog, StringIO())) as router,
            openai.AsyncOpenAI(base_url=f"{router.url}/v1", api_key="unused", max_retries=0) as client,
        ):
            yield Rig(router, client, place.database), server
    finally:
        await runner.cleanup()


def document(folder: Path, profile: str, base_url: str, host: str, inputs: tuple[str, ...]) -> dict[str, Any]:
    (folder / "speaker.key").write_text(KEY)
    offering = {"model": "sora-2", "sizes": ["720x1280"], "seconds": [4], "image_inputs": [*inputs], "images_max": 1}
    polling = {"first_after_s": 0.02, "interval_s_min": 0.02, "interval_s_max": 0.1, "deadline_s": 10}
    return {
        "server": {"poll_after_ms": 20},
        "policy": {"min_attempt_s": 0.1},
        "providers": {
            "speaker": {
                "dialect": "openai",
                "profile": profile,
                "base_url": base_url,
                "api_key": {"file": "speaker.key"},
                "asset_hosts": [host],
                "polling": polling,
                "offerings": [{**offering, "price": {"per_second": "0.10"}}],
            }
        },
    }


def a_job(remote_id: str, status: str, **more: Any) -> dict[str, Any]:
    return {"id": remote_id, "object": "video", "model": "sora-2", "status": status, "progress": 0, **more}


async def test_azure_gets_its_key_in_api_key_and_its_version_with_every_request(tmp_path: Path) -> None:
    def azure(heard: Heard) -> Answer:
        if heard.headers.get("api-key") != KEY or "Authorization" in heard.headers:
            return 401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key"}}
        if heard.query.get("api-version") != "preview":
            return 404, {"error": {"code": "404", "message": "Resource not found"}}
        match heard.method, heard.path.partition("?")[0]:
            case "POST", "/openai/v1/videos":
                return 200, a_job("video_1", "queued")
            case "GET", "/openai/v1/videos/video_1":
                return 200, a_job("video_1", "completed", expires_at=int(time.time()) + 86_400)
            case "GET", "/openai/v1/videos/video_1/content":
                return 200, MP4
            case _:
                return 404, {"detail": "Not Found"}

    async with before(tmp_path, "azure", azure, "/openai/v1", ("file",)) as (rig, server):
        created = await rig.client.videos.create(
            prompt="a paper boat", model="sora-2", seconds="4", size="720x1280", input_reference=("cat.png", PNG)
        )
        video = await rig.ended(created)
        assert video.status == "completed", video.error
        assert (await rig.client.videos.download_content(video.id)).content == MP4
        assert server.create.form["input_reference"] == ("input.png", PNG)
        assert {heard.query["api-version"] for heard in server.heard} == {"preview"}


@pytest.mark.parametrize("profile", ["azure", "litellm"])
async def test_a_link_is_answered_with_what_to_send_instead_where_only_bytes_are_taken(
    profile: str, tmp_path: Path
) -> None:
    async with before(tmp_path, profile, lambda _: (500, {}), inputs=("file",)) as (rig, server):
        with pytest.raises(openai.BadRequestError):
            await rig.made(input_reference={"image_url": LINK})
        assert server.heard == []


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (422, "height and width have to be divisible by 32", "invalid"),
        (500, "EngineCore encountered an issue", "internal"),
    ],
)
async def test_vllm_omni_gets_a_link_in_its_form_and_ends_a_job_with_an_http_error(
    status: int, message: str, reason: str, tmp_path: Path
) -> None:
    def vllm_omni(heard: Heard) -> Answer:
        if heard.method == "GET":
            return status, a_job("video_gen_1", "failed", error={"code": status, "message": message})
        if "prompt" not in heard.form:
            return 422, {"detail": [{"loc": ["body", "prompt"], "msg": "Field required"}]}
        return 200, a_job("video_gen_1", "queued")

    async with before(tmp_path, "vllm-omni", vllm_omni) as (rig, server):
        video = await rig.made(input_reference={"image_url": LINK})
        assert video.status == "failed"
        assert (rig.row().stage, rig.row().reason) == ("generate", reason)
        name, text = server.create.form["image_reference"]
        assert (name, json.loads(text)) == (None, {"image_url": LINK})
        assert "input_reference" not in server.create.form


def sglang(heard: Heard) -> Answer:
    """Take forms, and no word but an index as a variant."""
    if heard.method == "POST":
        return (200, a_job("job-1", "queued")) if "prompt" in heard.form else (400, {"detail": "prompt is required"})
    if heard.path.startswith("/v1/videos/job-1/content"):
        known = heard.query.get("variant", "0") == "0"
        return (200, MP4) if known else (404, {"detail": f"Video variant {heard.query['variant']} not found"})
    return 200, a_job("job-1", "completed", file_path="/outputs/job-1.mp4")


async def test_sglang_gets_a_link_as_reference_url_and_is_never_asked_for_a_variant(tmp_path: Path) -> None:
    async with before(tmp_path, "sglang", sglang) as (rig, server):
        video = await rig.made(input_reference={"image_url": LINK})
        assert video.status == "completed", video.error
        assert server.create.form["reference_url"] == (None, LINK.encode())
        assert (await rig.client.videos.download_content(video.id, variant="video")).content == MP4
        asked = len(server.heard)
        with pytest.raises(openai.NotFoundError, match="thumbnail"):
            await rig.client.videos.download_content(video.id, variant="thumbnail")
        assert len(server.heard) == asked
        assert not any("variant" in heard.query for heard in server.heard)


async def test_a_video_that_somebody_deleted_at_sglang_ends_its_job(tmp_path: Path) -> None:
    def deleting(heard: Heard) -> Answer:
        return (200, a_job("job-1", "deleted")) if heard.method == "GET" else sglang(heard)

    async with before(tmp_path, "sglang", deleting) as (rig, _):
        assert (await rig.made()).status == "failed"
        assert (rig.row().stage, rig.row().reason) == ("generate", "internal")


async def test_an_id_of_litellm_is_asked_for_with_its_padding_encoded(tmp_path: Path) -> None:
    remote_id = "video_bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOm9wZW5haQ=="
    place = f"/v1/videos/{remote_id.replace('=', '%3D')}"

    def litellm(heard: Heard) -> Answer:
        if heard.method == "POST":
            return 200, a_job(remote_id, "queued")
        return (200, MP4) if heard.path.endswith("/content") else (200, a_job(remote_id, "completed"))

    async with before(tmp_path, "litellm", litellm, inputs=("file",)) as (rig, server):
        video = await rig.made()
        assert video.status == "completed", video.error
        assert {heard.path for heard in server.heard if heard.method == "GET"} == {place, f"{place}/content"}


async def test_a_used_up_budget_at_litellm_is_an_empty_account_and_costs_nothing(tmp_path: Path) -> None:
    error = {"message": "Budget has been exceeded! Current cost: 12.0", "type": "budget_exceeded", "code": "422"}
    async with before(tmp_path, "litellm", lambda _: (422, {"error": error}), inputs=("file",)) as (rig, _):
        assert (await rig.made()).status == "failed"
        row = rig.row()
        assert (row.stage, row.reason, row.state, row.voided) == ("submit", "balance", AttemptState.FAILED, True)


async def test_new_api_gets_a_link_as_a_text_and_its_result_link_gets_no_key(tmp_path: Path) -> None:
    def new_api(heard: Heard) -> Answer:
        if heard.document is not None and not isinstance(heard.document["input_reference"], str):
            return 400, {"code": "invalid_json", "message": "cannot unmarshal object", "data": None}
        if heard.method == "POST":
            return 200, a_job("task_1", "queued", task_id="task_1")
        if heard.path.startswith("/results/"):
            return 200, MP4
        url = f"http://{heard.headers['Host']}/results/v.mp4?sig=1"
        return 200, a_job("task_1", "SUCCESS", task_id="task_1", metadata={"url": url})

    async with before(tmp_path, "new-api", new_api) as (rig, server):
        video = await rig.made(input_reference={"image_url": LINK})
        assert video.status == "completed", video.error
        assert server.create.document is not None
        assert server.create.document["input_reference"] == LINK
        fetched = [heard for heard in server.heard if heard.path.startswith("/results/")]
        assert fetched
        assert not any(KEY in value for heard in fetched for value in heard.headers.values())
