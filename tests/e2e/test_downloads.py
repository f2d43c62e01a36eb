"""A caller's download through the front door: the whole video, or an error in OpenAI's envelope, nothing between."""

import pytest
from aiohttp import ClientPayloadError

from tests.engine.wire import VIDEO, Answer, Wired, a_video_file, ending_early, json, plain, wired
from tests.http.doors import Opened, an_open_door

PAGE = plain(200, b"<html>this link has expired</html>", Content_Type="video/mp4")


async def finished(router: Wired, **told: object) -> str:
    """Make a video, and return its path."""
    router.upstream.files["old"] = a_video_file
    router.upstream.names(router.upstream.link("old"), **told)
    return f"/v1/videos/{(await router.made()).id}"


async def error_of(opened: Opened, path: str, **headers: str) -> tuple[int, str]:
    async with opened.session.get(opened.url + path, headers=headers) as response:
        assert response.content_type == "application/json"
        return response.status, (await response.json())["error"]["code"]


async def test_a_video_arrives_whole_and_says_until_when_it_is_kept() -> None:
    async with wired() as router:
        path = await finished(router, expires_at=4_000_000_000.0)
        async with an_open_door(router.engine) as opened:
            async with opened.session.get(f"{opened.url}{path}/content") as response:
                assert (response.status, response.content_type) == (200, "video/mp4")
                assert await response.read() == VIDEO
            async with opened.session.get(opened.url + path) as response:
                assert (await response.json())["expires_at"] == 4_000_000_000


@pytest.mark.parametrize("dead", [PAGE, json(200, {"error": "expired"}), json(404, {}), json(500, {})])
@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=0-"}, {"Range": "bytes=1000-1099"}])
async def test_neither_page_nor_document_reaches_a_caller_as_a_video(dead: Answer, asked: dict[str, str]) -> None:
    async with wired() as router:
        path = await finished(router)
        router.upstream.files["old"] = dead
        async with an_open_door(router.engine) as opened:
            assert await error_of(opened, f"{path}/content", **asked) == (502, "content_unavailable")


async def test_an_expired_video_says_so() -> None:
    async with wired() as router:
        path = await finished(router, expires_at=1_000_000_000.0)
        router.upstream.files["old"] = json(403, {})
        async with an_open_door(router.engine) as opened:
            assert await error_of(opened, f"{path}/content") == (410, "content_expired")


@pytest.mark.parametrize("content_length", [None, len(VIDEO) - 1000, len(VIDEO)])
async def test_a_truncated_video_is_seen_as_incomplete(content_length: int | None) -> None:
    async with wired() as router:
        path = await finished(router)
        router.upstream.files["old"] = ending_early(content_length)
        async with (
            an_open_door(router.engine) as opened,
            opened.session.get(f"{opened.url}{path}/content") as response,
        ):
            assert response.status == 200
            with pytest.raises(ClientPayloadError):
                await response.read()
