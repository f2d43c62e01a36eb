"""Who is served: owners of keys, or this machine alone."""

import hashlib

import pytest
from aiohttp.test_utils import make_mocked_request

from router.core.limits import Caller
from router.http.callers import CallerDirectory
from router.http.errors import ApiError
from tests.http.doors import MemoryEngine, an_open_door

BACKEND = Caller("backend", hashlib.sha256(b"vr_backend").hexdigest())
BATCH = Caller("batch", hashlib.sha256(b"vr_batch").hexdigest())


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic dnI6", "vr_backend", "Bearer vr_backen", "Bearer \xff\xfe"]
)
async def test_without_a_known_key_nothing_is_answered_not_even_what_exists(header: str | None) -> None:
    async with an_open_door(callers=(BACKEND,)) as opened:
        headers = {} if header is None else {"Authorization": header}
        for path in ("/v1/videos", "/v1/models", "/nowhere"):
            async with opened.session.get(opened.url + path, headers=headers) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"
                assert (await response.json())["error"]["code"] == "invalid_api_key"


async def test_callers_see_their_own_jobs_only() -> None:
    engine = MemoryEngine()
    mine, theirs = engine.completed("backend"), engine.completed("batch")
    async with an_open_door(engine, callers=(BACKEND, BATCH)) as opened:
        headers = {"Authorization": "bearer vr_backend"}
        async with opened.session.get(f"{opened.url}/v1/videos", headers=headers) as response:
            assert [video["id"] for video in (await response.json())["data"]] == [mine.id]
        for suffix in ("", "/content"):
            url = f"{opened.url}/v1/videos/{theirs.id}{suffix}"
            async with opened.session.get(url, headers=headers) as response:
                assert response.status == 404


async def test_a_page_of_another_origin_cannot_spend_money_through_an_open_router() -> None:
    async with an_open_door() as opened:
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
            async with opened.session.post(
                f"{opened.url}/v1/videos", json={"prompt": "x"}, headers=headers
            ) as response:
                assert response.status == 403
                assert (await response.json())["error"]["code"] == "loopback_only"
        async with opened.session.get(f"{opened.url}/v1/models", headers={"Origin": opened.url}) as response:
            assert response.status == 200


@pytest.mark.parametrize(
    ("peer", "served"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.5", False),
        ("::ffff:10.0.0.5", False),
        ("", False),
    ],
)
def test_an_open_router_serves_this_machine_only(peer: str, served: bool) -> None:
    request = make_mocked_request("GET", "/v1/videos", headers={"Host": "localhost:8080"}).clone(remote=peer)
    if served:
        assert CallerDirectory(()).caller_of(request) == "anonymous"
    else:
        with pytest.raises(ApiError):
            CallerDirectory(()).caller_of(request)


def test_keys_and_their_hashes_are_not_printed() -> None:
    assert BACKEND.key_sha256 not in repr(BACKEND)
