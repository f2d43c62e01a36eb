"""Around the requests: ids, envelopes, metrics, spans, the dry run, the listing's limits, and the admin listener."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from router.core.clock import Clock
from router.core.eligibility import ExclusionCause, ProviderStanding
from router.core.order import UnavailableError
from router.http.reload import PROBLEMS_LISTED_MAX, Reloaded
from router.http.server import admin_app
from router.observe.board import Board
from tests.http.doors import MemoryEngine, Opened, a_door, an_open_door


async def ask(opened: Opened, method: str, path: str, **request: Any) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    async with opened.session.request(method, opened.url + path, **request) as response:
        return response.status, response.headers, await response.json()


@pytest.mark.parametrize(("sent", "echoed"), [("abc-DEF_1", True), ("a" * 65, False), ("a b", False), ("é", False)])
async def test_a_request_id_is_echoed_only_when_it_is_harmless(sent: str, echoed: bool) -> None:
    async with an_open_door() as opened:
        _, headers, _ = await ask(opened, "GET", "/v1/models", headers={"X-Request-Id": sent})
        assert (headers["x-request-id"] == sent) is echoed
        assert headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("GET", "/v2/videos", 404, "unmatched"),
        ("PUT", "/v1/videos", 405, "unmatched"),
        ("POST", "/v1/videos/video_1", 405, "unmatched"),
        ("PUT", "/v1/models/sora-2", 405, "unmatched"),
        ("GET", "/v1/models/", 404, "unmatched"),
        ("GET", "/v1/models/sora-9", 404, "/v1/models/{model}"),
        ("GET", "/v1/videos/quote1", 404, "/v1/videos/{video_id}"),
        ("GET", "/v1/videos/a%20b", 404, "/v1/videos/{video_id}"),
        ("GET", "/v1/videos/%00", 404, "/v1/videos/{video_id}"),
        ("GET", "/v1/videos/" + "a" * 65, 404, "/v1/videos/{video_id}"),
        ("DELETE", "/v1/videos/%2e%2e%2f", 404, "/v1/videos/{video_id}"),
    ],
)
async def test_unknown_paths_methods_and_ids_get_the_envelope(method: str, path: str, status: int, route: str) -> None:
    async with an_open_door() as opened:
        async with opened.session.request(method, opened.url + path) as response:
            assert response.status == status
            assert sorted((await response.json())["error"]) == ["code", "message", "param", "type"]
            assert response.headers["Server"] == "video-router"
            if status == 405:
                assert "GET" in response.headers["Allow"]
        assert [(seen[0], seen[2]) for seen in opened.seen] == [(route, status)]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_a_quote_is_posted_and_is_no_video(method: str) -> None:
    async with an_open_door() as opened:
        status, headers, answer = await ask(opened, method, "/v1/videos/quote")
        assert (status, headers["Allow"], answer["error"]["code"]) == (405, "POST", "method_not_allowed")
        assert answer["error"]["message"] == f"{method} is not served at this path; it takes POST"


async def test_methods_that_callers_invent_become_one_label() -> None:
    async with an_open_door() as opened:
        for method in ("BREW", "PROPFIND"):
            async with opened.session.request(method, f"{opened.url}/v1/videos"):
                pass
        assert {seen[1] for seen in opened.seen} == {"other"}


async def test_the_span_is_named_by_its_template_and_its_parent_stored_with_the_job() -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with an_open_door(trace_parent=parent) as opened:
        async with opened.session.post(f"{opened.url}/v1/videos", json={"prompt": "x"}) as response:
            video = await response.json()
        (span,) = opened.spans
        assert (span.name, span.status, span.job_id) == ("POST /v1/videos", 200, video["id"])
        assert opened.engine.orders[0].trace_parent == parent


async def test_the_poll_hint_is_given_while_a_job_lives_and_not_after() -> None:
    engine = MemoryEngine()
    live, ended = engine.add(), engine.completed()
    async with an_open_door(engine, poll_after_ms=4321) as opened:
        _, headers, _ = await ask(opened, "GET", f"/v1/videos/{live.id}")
        assert headers["openai-poll-after-ms"] == "4321"
        _, headers, video = await ask(opened, "GET", f"/v1/videos/{ended.id}")
        assert "openai-poll-after-ms" not in headers
        assert sorted(video) == sorted(
            [
                "id",
                "object",
                "model",
                "status",
                "progress",
                "created_at",
                "completed_at",
                "expires_at",
                "seconds",
                "size",
                "prompt",
                "quality",
                "remixed_from_video_id",
                "error",
                "metadata",
                "delivered",
            ]
        )


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "order=up", "after=video_none", "after=%00"])
async def test_a_listing_names_the_parameter_that_is_wrong(query: str) -> None:
    async with an_open_door() as opened:
        status, _, answer = await ask(opened, "GET", f"/v1/videos?{query}")
        assert (status, answer["error"]["param"]) == (400, query.partition("=")[0])


async def test_an_empty_listing_has_no_ids() -> None:
    async with an_open_door() as opened:
        _, _, answer = await ask(opened, "GET", "/v1/videos")
        assert answer == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


async def test_a_quote_prices_candidates_explains_exclusions_and_orders_nothing() -> None:
    async with an_open_door() as opened:
        async with opened.session.post(f"{opened.url}/v1/videos/quote", json={"prompt": "x", "seconds": 8}) as response:
            answer = await response.json()
        assert answer["object"] == "video.quote"
        told = {
            "offering": "relay-b/sora-2",
            "provider": "relay-b",
            "price_usd": "0.10",
            "quote_microusd": 100_000,
            "share": 1.0,
            "seconds": "8",
            "on_ambiguous": "hold",
        }
        (candidate,) = answer["candidates"]
        assert candidate | told == candidate
        assert [(each["offering"], each["cause"]) for each in answer["excluded"]] == [("relay-a/sora-2", "seconds")]
        assert answer["order"] == ["relay-b/sora-2"]
        assert not opened.engine.orders


@pytest.mark.parametrize(("wait_s", "told"), [(None, None), (0.0, 1), (3.2000001, 4), (30.0, 30)])
async def test_a_quote_rounds_a_wait_up_to_whole_seconds(wait_s: float | None, told: int | None) -> None:
    out = ProviderStanding(barred="is ejected after 5 failures", retry_after_s=wait_s)
    async with an_open_door(MemoryEngine(standings={"relay-b": out})) as opened:
        _, _, answer = await ask(opened, "POST", "/v1/videos/quote", json={"prompt": "x", "seconds": 8})
        waits = {each["offering"]: each["retry_after_s"] for each in answer["excluded"]}
        assert repr(waits["relay-b/sora-2"]) == repr(told)


async def test_a_router_that_takes_no_jobs_says_when_to_come_back() -> None:
    async with an_open_door(MemoryEngine(refusal=UnavailableError("shutting down", 4.2))) as opened:
        status, headers, answer = await ask(opened, "POST", "/v1/videos", json={"prompt": "x"})
        assert (status, headers["Retry-After"]) == (503, "5")
        assert answer["error"]["code"] == "router_unavailable"


async def test_a_router_that_cannot_reach_its_jobs_does_not_call_them_lost() -> None:
    async with an_open_door(MemoryEngine(refusal=UnavailableError("the store is locked", 5.0))) as opened:
        for path in (f"/v1/videos/video_{'0' * 32}", f"/v1/videos/video_{'0' * 32}/content"):
            status, headers, answer = await ask(opened, "GET", path)
            assert (status, headers["Retry-After"], answer["error"]["code"]) == (503, "5", "router_unavailable")


async def test_a_full_provider_is_a_reason_to_wait_even_when_others_never_fit() -> None:
    full = ProviderStanding(barred="has no room", barred_cause=ExclusionCause.FULL)
    async with an_open_door(MemoryEngine(standings={"relay-b": full})) as opened:
        status, headers, _ = await ask(opened, "POST", "/v1/videos", json={"prompt": "x"})
        assert (status, headers["Retry-After"]) == (503, "10")


@asynccontextmanager
async def an_admin_door(engine: MemoryEngine, answer: Reloaded | None = None) -> AsyncIterator[str]:
    def exposition(accept: str) -> tuple[bytes, str]:
        return f"accept={accept}".encode(), "text/plain; version=0.0.4; charset=utf-8"

    async def reload() -> Reloaded:
        return answer or Reloaded("router.yaml", "0123456789ab")

    board = Board(Clock(wall=lambda: 0.0, monotonic=lambda: 0.0))
    runner = web.AppRunner(admin_app(a_door(engine), exposition, reload, board.overview), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_the_admin_listener_tells_health_readiness_and_metrics() -> None:
    engine = MemoryEngine()
    async with an_open_door(engine) as opened, an_admin_door(engine) as url:
        async with opened.session.get(f"{url}/healthz") as response:
            assert response.status == 200
        async with opened.session.get(f"{url}/readyz") as response:
            assert (response.status, await response.json()) == (200, {"ready": True, "live_jobs": 0})
        async with opened.session.get(f"{url}/metrics", headers={"Accept": "text/plain"}) as response:
            assert await response.read() == b"accept=text/plain"
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        engine.refusal = UnavailableError("draining", 1.0)
        async with opened.session.get(f"{url}/readyz") as response:
            assert response.status == 503
        async with opened.session.get(f"{opened.url}/metrics") as response:
            assert response.status == 404


async def test_the_admin_listener_gives_an_overview_that_names_its_schema() -> None:
    async with an_open_door() as opened, an_admin_door(opened.engine) as url:
        async with opened.session.get(f"{url}/admin/overview") as response:
            overview = await response.json()
            assert (response.status, overview["schema"], overview["ready"]) == (200, 1, True)
        opened.engine.refusal = UnavailableError("draining", 1.0)
        async with opened.session.get(f"{url}/admin/overview") as response:
            assert (response.status, (await response.json())["ready"]) == (200, False)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/videos", 404, "not_found"),
        ("PUT", "/readyz", 405, "method_not_allowed"),
    ],
)
async def test_the_admin_listener_turns_down_in_json_too(method: str, path: str, status: int, code: str) -> None:
    async with an_open_door() as opened, an_admin_door(opened.engine) as url:
        async with opened.session.request(method, url + path) as response:
            error = (await response.json())["error"]
            assert (response.status, response.headers["Server"], error["code"]) == (status, "video-router", code)
            assert ("GET" in response.headers["Allow"]) if status == 405 else ("/healthz" in error["message"])
        async with opened.session.get(f"{url}/healthz") as response:
            assert response.headers["Server"] == "video-router"
            assert "x-request-id" not in response.headers


async def test_a_reload_answers_with_what_changed_and_what_to_look_at() -> None:
    answer = Reloaded("router.yaml", "0123456789ab", ("providers.relay-b: added",), ("router.yaml:3: is free",))
    async with (
        an_open_door() as opened,
        an_admin_door(opened.engine, answer) as url,
        opened.session.post(f"{url}/admin/reload") as response,
    ):
        assert (response.status, await response.json()) == (
            200,
            {
                "object": "config.reload",
                "file": "router.yaml",
                "digest": "0123456789ab",
                "changes": ["providers.relay-b: added"],
                "warnings": ["router.yaml:3: is free"],
            },
        )


async def test_a_refused_reload_names_what_to_change_and_is_not_repeated_by_the_sdk() -> None:
    problems = tuple(f"router.yaml:{line}: providers.a: is wrong" for line in range(PROBLEMS_LISTED_MAX + 2))
    answer = Reloaded("router.yaml", "0123456789ab", problems=problems, param="providers.a")
    async with (
        an_open_door() as opened,
        an_admin_door(opened.engine, answer) as url,
        opened.session.post(f"{url}/admin/reload") as response,
    ):
        error = (await response.json())["error"]
        assert (response.status, response.headers["x-should-retry"]) == (422, "false")
        assert (error["type"], error["code"], error["param"]) == (
            *("invalid_request_error", "config_invalid"),
            "providers.a",
        )
        assert problems[0] in error["message"]
        assert error["message"].endswith("and 2 more; `video-router check` lists them all")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "http://rebound.example:9091"])
async def test_a_web_page_cannot_make_the_router_read_its_file(origin: str) -> None:
    async with an_open_door() as opened, an_admin_door(opened.engine) as url:
        for headers in ({"Origin": origin}, {"Origin": origin, "Host": "rebound.example:9091"}):
            async with opened.session.post(f"{url}/admin/reload", headers=headers) as response:
                assert (response.status, (await response.json())["error"]["code"]) == (403, "origin_refused")
