"""One key, one job: whatever way the same request is spelt, and never for another request."""

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import FormData

from providers.canonical import ImageFile, ImageUrl
from router.core.failover import failover_on
from router.core.policy import OnAmbiguous
from router.core.routing import DurationPolicy, RoutingPreferences
from router.http.errors import ApiError
from router.http.idempotency import fingerprint, read_key
from tests.builders import LANDSCAPE, a_video
from tests.http.doors import PNG, Opened, an_open_door

# What these requests were known by before `max_spend_usd` and the like could be asked for.
PLAIN = "2bad83414fe5afd6a184fe3661b3831736de47900fdb273f85c24165a70973a3"
ROUTED = "4de49b6421ca7bf632c640a476bd87898935be24336c1fafc9c192fe72e0ed9b"


async def create(opened: Opened, key: str, **request: Any) -> tuple[int, str | None, dict[str, Any]]:
    headers = {"Idempotency-Key": key}
    async with opened.session.post(f"{opened.url}/v1/videos", headers=headers, **request) as response:
        return response.status, response.headers.get("Idempotent-Replayed"), await response.json()


async def test_the_same_request_again_is_the_same_job_and_says_so() -> None:
    async with an_open_door() as opened:
        _, fresh, first = await create(opened, "k-1", json={"prompt": "x", "seconds": "8"})
        form = FormData({"prompt": "x", "seconds": "8"}, default_to_multipart=True)
        _, replayed, second = await create(opened, '"k-1"', data=form)
        assert (fresh, replayed, first["id"]) == (None, "true", second["id"])
        assert len(opened.engine.orders) == 1


async def test_the_same_key_for_another_request_is_refused() -> None:
    async with an_open_door() as opened:
        await create(opened, "k-1", json={"prompt": "x"})
        status, _, answer = await create(opened, "k-1", json={"prompt": "y"})
        assert (status, answer["error"]["code"]) == (422, "idempotency_key_reused")
        assert len(opened.engine.orders) == 1


async def test_a_request_that_was_turned_down_does_not_use_up_its_key() -> None:
    async with an_open_door() as opened:
        assert (await create(opened, "k-1", json={"prompt": "x", "seconds": 99}))[0] == 400
        assert (await create(opened, "k-1", json={"prompt": "x", "seconds": 8}))[0] == 200


@pytest.mark.parametrize(
    ("text", "key"), [("a", "a"), ('"a b"', "a b"), (r'"a\"b\\"', 'a"b\\'), ("~" * 255, "~" * 255)]
)
def test_keys_are_read_bare_and_quoted(text: str, key: str) -> None:
    assert read_key(text) == key


@pytest.mark.parametrize("text", ["", '""', "a b", "a" * 256, '"a', 'a"b\x7f', "schlüssel", '"a"b"', "\t"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        read_key(text)
    assert refused.value.code == "invalid_idempotency_key"


def test_a_key_that_was_given_before_jobs_had_limits_of_their_own_still_fits() -> None:
    video = a_video(prompt="a paper boat", model="sora-2", seconds=10, images=(ImageUrl("https://example.com/a.png"),))
    assert fingerprint(video, RoutingPreferences(), {}) == PLAIN
    said = RoutingPreferences(("b", "a"), ("c",), 250_000, DurationPolicy.AT_LEAST)
    assert fingerprint(video, said, {"shot": "12"}) == ROUTED


def test_every_field_of_a_request_is_in_its_fingerprint() -> None:
    video, none = a_video(images=(ImageUrl("https://example.com/a.png"),)), RoutingPreferences()
    videos = [
        video,
        replace(video, prompt="another"),
        replace(video, model="other"),
        replace(video, seconds=5),
        replace(video, size=LANDSCAPE),
        replace(video, watermark=True),
        replace(video, watermark=False),
        replace(video, images=()),
        replace(video, images=(ImageFile(PNG, "image/png"),)),
        replace(video, images=(ImageFile(PNG + b"x", "image/png"),)),
    ]
    preferences = [
        RoutingPreferences(only=("a",)),
        RoutingPreferences(ignore=("a",)),
        RoutingPreferences(price_microusd_max=1),
        RoutingPreferences(duration_policy=DurationPolicy.AT_LEAST),
        RoutingPreferences(spend_microusd_max=1),
        RoutingPreferences(spend_microusd_max=0),
        RoutingPreferences(attempts_max=1),
        RoutingPreferences(deadline_s=1.0),
        RoutingPreferences(on_ambiguous=OnAmbiguous.HOLD),
        RoutingPreferences(on_ambiguous=OnAmbiguous.FAILOVER),
        RoutingPreferences(duplicate_microusd_max=1),
        RoutingPreferences(failover_on=failover_on({"output_review": "never"})),
        RoutingPreferences(failover_on=failover_on({"output_review": "once"})),
    ]
    prints = [fingerprint(each, none, {}) for each in videos]
    prints += [fingerprint(video, each, {}) for each in preferences]
    prints += [fingerprint(video, none, {"a": "b"})]
    assert len(set(prints)) == len(prints)
