"""One key, one job: whatever way the same request is spelt, and never for another request."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any

import pytest
from aiohttp import FormData

from providers.canonical import ImageFile, ImageUrl
from router.core.failover import failover_on
from router.core.idempotency import KEPT_S
from router.core.limits import Caller
from router.core.order import Acceptance
from router.core.policy import OnAmbiguous
from router.core.preferences import DurationPolicy, RoutingPreferences, Sort
from router.http.errors import ApiError
from router.http.idempotency import fingerprint, headers_of, read_key
from tests.builders import EPOCH, LANDSCAPE, a_job, a_video
from tests.http.doors import PNG, Opened, an_open_door

NONE: Mapping[str, str] = MappingProxyType({})
# What these requests were known by before `max_spend_usd` and the like could be asked for.
PLAIN = "2bad83414fe5afd6a184fe3661b3831736de47900fdb273f85c24165a70973a3"
ROUTED = "4de49b6421ca7bf632c640a476bd87898935be24336c1fafc9c192fe72e0ed9b"


async def create(
    opened: Opened, key: str, headers: Mapping[str, str] = NONE, **request: Any
) -> tuple[int, str | None, dict[str, Any]]:
    headers = {**headers, "Idempotency-Key": key}
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


async def test_every_answer_to_a_create_with_a_key_says_until_when_it_stands_for_its_job() -> None:
    async with an_open_door() as opened:
        told = []
        for key, prompt in (("k-1", "x"), ("k-1", "x"), ("k-1", "another"), ("k-2", "x"), (None, "x")):
            headers = {} if key is None else {"Idempotency-Key": key}
            url = f"{opened.url}/v1/videos"
            async with opened.session.post(url, headers=headers, json={"prompt": prompt}) as response:
                told.append(response.headers.get("Idempotency-Key-Expires"))
        # An hour for the job and a day for the key, in the one form of dates that HTTP has.
        assert told == [*["Wed, 15 Nov 2023 23:13:20 GMT"] * 4, None]
        assert parsedate_to_datetime(str(told[0])).timestamp() == EPOCH + 3600.0 + KEPT_S


async def test_the_moment_is_told_a_second_too_early_rather_than_too_late() -> None:
    made = Acceptance(a_job(deadline_at=EPOCH + 0.999), replayed=True)
    told = headers_of(made)
    assert parsedate_to_datetime(told["Idempotency-Key-Expires"]).timestamp() == EPOCH + KEPT_S
    assert told["Idempotent-Replayed"] == "true"


async def test_two_callers_may_use_one_key() -> None:
    callers = tuple(Caller(name, hashlib.sha256(name.encode()).hexdigest()) for name in ("alice", "bob"))
    async with an_open_door(callers=callers) as opened:
        answers = []
        for name, prompt in (("alice", "x"), ("bob", "y"), ("bob", "y")):
            headers = {"Authorization": f"Bearer {name}"}
            answers.append(await create(opened, "k-1", json={"prompt": prompt}, headers=headers))
        assert [status for status, _, _ in answers] == [200, 200, 200]
        alices, bobs, bobs_again = (answer["id"] for _, _, answer in answers)
        assert alices != bobs == bobs_again


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
        RoutingPreferences(duration_policy=DurationPolicy.NEAREST),
        RoutingPreferences(order=("a",)),
        RoutingPreferences(order=("a", "b")),
        RoutingPreferences(order=("b", "a")),
        RoutingPreferences(sort=Sort.PRICE),
        RoutingPreferences(sort=Sort.EXPECTED_COST),
        RoutingPreferences(allow_fallbacks=False),
        RoutingPreferences(models=("a",)),
        RoutingPreferences(models=("a", "b")),
        RoutingPreferences(models=("b", "a")),
    ]
    prints = [fingerprint(each, none, {}) for each in videos]
    prints += [fingerprint(video, each, {}) for each in preferences]
    prints += [fingerprint(video, none, {"a": "b"})]
    assert len(set(prints)) == len(prints)
