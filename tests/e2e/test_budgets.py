"""Daily budgets before real upstreams: another provider is asked, a caller is told to wait, nothing is forgotten."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, InternalServerError, RateLimitError

from router.core.budget import DAY_S, BudgetScope, day_start
from router.core.clock import Clock
from router.core.job import AttemptState
from tests.process import Served, a_served
from tests.rig import Rig, a_rig, assert_books_agree

FIRST, NEXT = "jizhiai", "shenma"
REQUEST = {"model": "sora-2", "seconds": "10", "size": "720x1280"}


def a_caller(name: str, **keys: str) -> dict[str, str]:
    return {"name": name, "key_sha256": hashlib.sha256(f"vr_{name}".encode()).hexdigest(), **keys}


def budgets(**usd: str) -> Mapping[str, Mapping[str, Any]]:
    return {name: {"daily_budget_usd": each} for name, each in usd.items()}


@dataclass
class Today:
    """A wall clock that begins at noon UTC, so that no day ends in a test that does not say so."""

    ahead_s: float = 0.0

    def wall(self) -> float:
        return time.time() + self.ahead_s

    @property
    def left_s(self) -> float:
        return day_start(self.wall()) + DAY_S - self.wall()


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> Today:
    today = Today(day_start(time.time()) + DAY_S / 2 - time.time())
    monkeypatch.setattr("router.app.CLOCK", Clock(today.wall, time.monotonic))
    return today


@asynccontextmanager
async def a_rig_of(caller: str, folder: Path, *dialects: str, **sections: Any) -> AsyncIterator[Rig]:
    async with a_rig(folder, *dialects, **sections) as rig:
        yield as_caller(rig, caller)


def as_caller(rig: Rig, name: str) -> Rig:
    return replace(rig, client=rig.client.with_options(api_key=f"vr_{name}"))


def used(rig: Rig, scope: BudgetScope = BudgetScope.PROVIDER) -> dict[str, int]:
    each = rig.router.engine._parts.budgets.each()
    return {budget.name: budget.used_microusd for budget in each if budget.scope is scope}


async def makers(rig: Rig, videos: int) -> list[str]:
    """Order videos one after the other, of FIRST while it has a budget, and say whose each of them is."""
    for _ in range(videos):
        video = await rig.made(extra_body={"routing": {"order": [FIRST]}})
        assert video.status == "completed", video.error
    return [row.provider for row in rig.rows()]


def told_to_wait_s(error: APIStatusError, today: Today) -> None:
    assert abs(int(error.response.headers["Retry-After"]) - today.left_s) < 60


@pytest.mark.usefixtures("today")
async def test_a_provider_whose_day_is_spent_is_passed_over(tmp_path: Path) -> None:
    async with a_rig(tmp_path, FIRST, NEXT, providers=budgets(jizhiai="0.359999")) as rig:
        assert await makers(rig, 3) == [FIRST, FIRST, NEXT], rig.log.getvalue()
        assert used(rig) == {FIRST: 240_000}
        quote = await rig.client.post("/videos/quote", body={"prompt": "a boat", **REQUEST}, cast_to=object)
        assert isinstance(quote, dict)
        assert [each["provider"] for each in quote["candidates"]] == [NEXT]
        (excluded,) = quote["excluded"]
        assert (excluded["provider"], excluded["cause"]) == (FIRST, "provider_budget")
        assert "daily_budget_usd until 00:00 UTC" in excluded["message"]
        assert_books_agree(rig)


async def test_when_every_providers_day_is_spent_callers_come_back_tomorrow(tmp_path: Path, today: Today) -> None:
    async with a_rig(tmp_path, FIRST, NEXT, providers=budgets(jizhiai="0.12", shenma="0.149999")) as rig:
        assert await makers(rig, 1) == [FIRST]
        with pytest.raises(InternalServerError) as caught:
            await rig.made()
        assert (caught.value.status_code, caught.value.code) == (503, "no_provider_available")
        assert f"{NEXT}/sora-2: costs more than what is left of its provider's daily_budget_usd" in str(caught.value)
        told_to_wait_s(caught.value, today)
        today.ahead_s += today.left_s
        assert await makers(rig, 1) == [FIRST, FIRST]
        assert used(rig) == {FIRST: 120_000, NEXT: 0}
        assert_books_agree(rig)


async def test_a_caller_whose_day_is_spent_is_refused_and_others_are_not(tmp_path: Path, today: Today) -> None:
    callers = [a_caller("studio", daily_budget_usd="0.30"), a_caller("batch")]
    async with a_rig_of("studio", tmp_path, FIRST, callers=callers) as rig:
        await makers(rig, 2)
        with pytest.raises(RateLimitError) as caught:
            await rig.made()
        assert (caught.value.status_code, caught.value.code) == (429, "daily_budget_exceeded")
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert "callers[].daily_budget_usd" in str(caught.value)
        assert "0.06 USD left of your daily_budget_usd" in str(caught.value)
        told_to_wait_s(caught.value, today)
        assert len((await rig.client.videos.list()).data) == len(rig.rows()) == 2
        assert (await as_caller(rig, "batch").made()).status == "completed"
        assert used(rig, BudgetScope.CALLER) == {"studio": 240_000}
        today.ahead_s += today.left_s
        assert (await rig.made()).status == "completed"
        assert used(rig, BudgetScope.CALLER) == {"studio": 120_000}
        assert_books_agree(rig)


@pytest.mark.usefixtures("today")
async def test_a_failover_beyond_the_callers_day_ends_the_job(tmp_path: Path) -> None:
    callers = [a_caller("studio", daily_budget_usd="0.149999")]
    async with a_rig_of("studio", tmp_path, FIRST, NEXT, callers=callers) as rig:
        await rig.sandboxes[FIRST].set_faults([{"fault": "fail_at_95"}])
        video = await rig.made()
        assert (video.status, video.error.code) == ("failed", "route.budget")
        assert "your daily budget" in video.error.message
        assert [row.provider for row in rig.rows()] == [FIRST]
        assert used(rig, BudgetScope.CALLER) == {"studio": 0}
        assert_books_agree(rig)


@pytest.mark.usefixtures("today")
async def test_what_costs_nothing_is_given_back_and_what_may_have_cost_is_kept(tmp_path: Path) -> None:
    async with a_rig(tmp_path, FIRST, NEXT, providers=budgets(jizhiai="0.24")) as rig:
        await rig.sandboxes[FIRST].set_faults([{"fault": "fail_at_95"}])
        await makers(rig, 1)
        assert used(rig) == {FIRST: 0}
        await rig.sandboxes[FIRST].set_faults([{"fault": "cut_after_accept"}])
        assert (await rig.made()).error.code == "submit_unknown"
        assert used(rig) == {FIRST: 120_000}
        await rig.sandboxes[FIRST].set_faults([])
        assert (await makers(rig, 2))[-2:] == [FIRST, NEXT]
        assert used(rig) == {FIRST: 240_000}
        assert_books_agree(rig)


async def test_a_restart_forgets_nothing_of_the_day(tmp_path: Path, today: Today) -> None:
    async with a_rig(tmp_path, FIRST, NEXT, providers=budgets(jizhiai="0.24")) as rig:
        await makers(rig, 1)
    # Set only now, the caller's budget counts what was spent before.
    callers = [a_caller("anonymous", daily_budget_usd="0.40")]
    sections: dict[str, Any] = {"providers": budgets(jizhiai="0.24"), "callers": callers}
    async with a_rig_of("anonymous", tmp_path, FIRST, NEXT, **sections) as rig:
        assert (used(rig), used(rig, BudgetScope.CALLER)) == ({FIRST: 120_000}, {"anonymous": 120_000})
        assert await makers(rig, 2) == [FIRST, FIRST, NEXT]
        with pytest.raises(RateLimitError):
            await rig.made()
        today.ahead_s += today.left_s
    async with a_rig_of("anonymous", tmp_path, FIRST, NEXT, **sections) as rig:
        assert (used(rig), used(rig, BudgetScope.CALLER)) == ({FIRST: 0}, {"anonymous": 0})


async def refused(served: Served) -> tuple[int, str]:
    async with served.http.post(f"{served.url}/v1/videos", json={"prompt": "one more", **REQUEST}) as response:
        return response.status, (await response.json())["error"]["code"]


async def test_a_kill_in_the_middle_of_a_submit_does_not_make_it_free(tmp_path: Path) -> None:
    if (left_s := day_start(time.time()) + DAY_S - time.time()) < 60:
        await asyncio.sleep(left_s)
    callers, headers = [a_caller("studio", daily_budget_usd="0.359999")], {"Authorization": "Bearer vr_studio"}
    async with a_served(tmp_path, FIRST, headers=headers, callers=callers) as served:
        await served.start()
        await served.ended((await served.create("a paper boat"))["id"])
        await served.sandboxes[FIRST].set_faults([{"fault": "late_answer", "delay_s": 30}])
        cut_off = (await served.create("a lighthouse"))["id"]
        await served.accepted(2)
        assert await refused(served) == (429, "daily_budget_exceeded")
        await served.kill()
        await served.start()
        assert (await served.ended(cut_off))["error"]["code"] == "submit_unknown"
        assert await refused(served) == (429, "daily_budget_exceeded")
        assert [row.state for row in served.rows()] == [AttemptState.SUCCEEDED, AttemptState.UNKNOWN]
        assert served.creates() == 2
