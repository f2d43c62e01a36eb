"""Polls answered out of a provider's list: what that saves, and that no list, however wrong, decides anything."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import pytest

from providers.adapter import HttpResponse
from providers.canonical import Failure, ListPolling, Reason, Running, Stage, Succeeded
from router.core.clock import Clock
from router.core.events import BreakerKind, BreakerState
from router.core.job import AttemptState
from router.engine.attempt_run import poll_once
from router.engine.exchange import NoAnswer
from tests.engine.listing_world import POLLING, RemoteJob, World, answered
from tests.virtual_time import in_virtual_time

JOBS, IN_FLIGHT = 200, 200
SINGLY = replace(POLLING, listed=ListPolling.OFF)
CONFIRMED = replace(POLLING, listed=ListPolling.CONFIRMED)
Spoil = Callable[[World], None]


def takes_s(rng: Random) -> float:
    return rng.uniform(60.0, 180.0)


def ran(polling: Any = POLLING, spoil: Spoil = lambda world: None, **how: Any) -> World:
    """Follow some hundred jobs to their ends."""

    async def main(clock: Clock) -> World:
        world = await World.of(clock, polling)
        spoil(world)
        await world.run(JOBS, IN_FLIGHT, takes_s, fails=0.1, **how)
        return world

    return in_virtual_time(main)


@cache
def singly() -> World:
    """The same without a list."""
    return ran(SINGLY)


def together(act: Callable[[World, list[RemoteJob]], Coroutine[Any, Any, Any]], jobs: int = 20, **changes: Any) -> Any:
    """Have so many jobs, all of them fifty seconds old, whose polls are due at this moment."""

    async def main(clock: Clock) -> Any:
        world = await World.of(clock, replace(POLLING, **changes))
        made = [RemoteJob(f"video_{number}", clock.wall(), 100.0) for number in range(jobs)]
        for job in made:
            world.upstream.make(job)
        await asyncio.sleep(50.0)
        return await act(world, made)

    return in_virtual_time(main)


async def polled(world: World, jobs: list[RemoteJob], **changes: Any) -> list[Any]:
    """Poll these jobs at once."""
    attempts = [replace(world.attempt(job), accepted_at=job.made_at, **changes) for job in jobs]
    return await asyncio.gather(*(poll_once(world.parts, attempt, 0.0) for attempt in attempts))


def ended_as_they_did(world: World) -> bool:
    """Whether every job came to the end that its upstream gave it, each of them after it."""
    told = {name: isinstance(reading, Failure) for name, reading in world.readings.items()}
    return told == {job.id: job.fails for job in world.upstream.jobs.values() if job.ours} and min(world.lags_s) >= 0.0


def test_many_in_flight_cost_a_fraction_of_the_exchanges() -> None:
    listed = ran()
    assert ended_as_they_did(singly())
    assert ended_as_they_did(listed)
    assert listed.exchanges_per_job < 0.7 * singly().exchanges_per_job
    assert listed.lag_s(95) < singly().lag_s(95) + 4.0


def test_a_list_that_is_not_trusted_never_ends_a_job() -> None:
    world = ran(CONFIRMED)
    assert ended_as_they_did(world)
    assert min(world.upstream.singles[name] for name in world.readings) >= 1
    assert world.exchanges_per_job < singly().exchanges_per_job


def test_a_failure_is_asked_for_alone_whatever_the_list_is_good_for() -> None:
    world = ran()
    failed = [name for name, reading in world.readings.items() if isinstance(reading, Failure)]
    assert failed
    assert all(world.upstream.singles[name] for name in failed)


def late(world: World) -> None:
    world.upstream.late_s = 25.0


def forgetful(world: World) -> None:
    world.upstream.page = lambda entries, _: page_of([each for each in entries if hash_of(each) % 3])


def disorderly(world: World) -> None:
    world.upstream.page = lambda entries, _: page_of(sorted(entries, key=hash_of))


def endless(world: World) -> None:
    world.upstream.page = lambda entries, _: page_of(entries, more=True)


def breathless(world: World) -> None:
    world.upstream.page = lambda entries, _: page_of(entries, more=False)


def contradictory(world: World) -> None:
    world.upstream.page = lambda entries, _: page_of([twin for each in entries for twin in (each, done(each))][:100])


def wordless(world: World) -> None:
    world.upstream.page = lambda entries, _: page_of([{"id": each["id"]} for each in entries])


def breaking(world: World) -> None:
    world.upstream.page = lambda *_: answered(500, {"error": {"message": "sorry"}})


def silent(world: World) -> None:
    world.upstream.page = lambda *_: NoAnswer("timed out")


def crowded(world: World) -> None:
    world.upstream.page = lambda *_: answered(429, {"error": {"message": "slow down"}}, **{"retry-after": "20"})


def lying(world: World) -> None:
    """Every failed job is listed as completed, and the others as failed."""
    world.upstream.page = lambda entries, _: page_of([failed(each) for each in entries])


def page_of(entries: list[dict[str, Any]], *, more: bool = True) -> HttpResponse:
    return answered(200, {"data": entries, "has_more": more})


def hash_of(entry: dict[str, Any]) -> int:
    return int(entry["id"].rpartition("_")[2], 16) * 2_654_435_761 % 1_000


def done(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "status": "completed", "progress": 100}


def failed(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "status": "failed", "error": {"code": "server_error", "message": "no"}}


@pytest.mark.parametrize(
    "spoil",
    [
        late,
        forgetful,
        disorderly,
        endless,
        breathless,
        contradictory,
        wordless,
        breaking,
        silent,
        crowded,
        lying,
    ],
)
def test_no_list_however_wrong_changes_how_a_job_ends(spoil: Spoil) -> None:
    world = ran(POLLING, spoil)
    assert ended_as_they_did(world)
    # As much as polls take where progress cannot be believed; what a late list tells of it contradicts single polls.
    assert world.exchanges_per_job < 20


def test_a_list_in_which_every_job_is_said_to_be_done_costs_confirmations_and_no_more() -> None:
    world = ran(CONFIRMED, lambda world: setattr(world.upstream, "page", lambda each, _: page_of([*map(done, each)])))
    assert ended_as_they_did(world)


def test_jobs_of_other_people_in_the_same_account_are_passed_over() -> None:
    world = ran(strangers=1.0)
    assert ended_as_they_did(world)
    assert not any(name.startswith("video_other") for name in world.upstream.singles)
    assert world.exchanges_per_job < singly().exchanges_per_job


def test_polls_that_are_due_together_are_one_exchange() -> None:
    async def act(world: World, jobs: list[RemoteJob]) -> None:
        readings = await polled(world, jobs)
        assert all(isinstance(reading, Running) and reading.progress == 50 for reading in readings)
        # The first few came before anybody knew that more were to come.
        assert world.upstream.asked == {"list": 1, "single": 3}

    together(act)


def test_too_few_to_be_worth_a_page_are_asked_about_alone() -> None:
    async def act(world: World, jobs: list[RemoteJob]) -> None:
        await polled(world, jobs)
        assert world.upstream.asked == {"single": 3}

    together(act, jobs=3)


def test_only_what_runs_is_looked_for_in_a_list() -> None:
    async def act(world: World, jobs: list[RemoteJob]) -> None:
        await polled(world, jobs, state=AttemptState.SUCCEEDED)
        assert world.upstream.asked == {"single": 20}

    together(act)


def test_a_late_attempt_is_never_booked_by_a_list() -> None:
    async def act(world: World, jobs: list[RemoteJob]) -> None:
        await asyncio.sleep(60.0)
        readings = await polled(world, jobs, state=AttemptState.LATE)
        assert all(isinstance(reading, Succeeded) for reading in readings)
        assert world.upstream.asked["single"] == 20

    together(act)


def test_a_failed_list_is_one_failed_poll_and_not_one_for_each_job() -> None:
    async def act(world: World, jobs: list[RemoteJob]) -> None:
        breaking(world)
        readings = await polled(world, jobs)
        assert all(isinstance(reading, Running) for reading in readings)
        assert world.failed_polls == [Reason.OVERLOADED]
        assert world.parts.health["alpha"].breakers()[BreakerKind.POLL] is BreakerState.CLOSED
        await polled(world, jobs)
        assert world.upstream.asked["list"] == 1

    together(act)


def test_who_waited_for_a_list_obeys_its_retry_after() -> None:
    async def act(world: World, jobs: list[RemoteJob]) -> None:
        crowded(world)
        readings = await polled(world, jobs)
        told = [each for each in readings if isinstance(each, Failure)]
        assert {(each.stage, each.reason, each.retry_after_s) for each in told} == {
            (Stage.POLL, Reason.RATE_LIMITED, 20.0)
        }
        assert (len(told), world.upstream.asked["single"]) == (17, 3)
        assert len(world.failed_polls) == 1

    together(act)


def test_a_list_that_shows_an_ended_job_as_running_is_left_alone() -> None:
    async def act(world: World, jobs: list[RemoteJob]) -> None:
        world.upstream.late_s = 600.0
        await asyncio.sleep(60.0)
        first = await polled(world, jobs)
        assert sum(isinstance(reading, Succeeded) for reading in first) == 3
        await asyncio.sleep(10.0)
        await polled(world, jobs)
        lists = world.upstream.asked["list"]
        assert all(isinstance(reading, Succeeded) for reading in await polled(world, jobs))
        assert world.upstream.asked["list"] == lists

    together(act)


def test_what_does_not_move_is_asked_about_alone_before_it_is_given_up() -> None:
    async def act(world: World, jobs: list[RemoteJob]) -> None:
        await polled(world, jobs)
        world.upstream.page = lambda entries, _: page_of([{**each, "progress": 7} for each in entries])
        for _ in range(3):
            await polled(world, jobs)
            await asyncio.sleep(10.0)
        before = world.upstream.asked["single"]
        await polled(world, jobs)
        assert world.upstream.asked["single"] - before == len(jobs)

    together(act, stall_s=60.0)


def test_an_answer_that_is_too_long_is_asked_for_in_smaller_pieces() -> None:
    async def act(world: World, jobs: list[RemoteJob]) -> None:
        world.upstream.page = lambda entries, _: page_of([{**each, "prompt": "é" * 6_000} for each in entries])
        for _ in range(3):
            await polled(world, jobs)
            await asyncio.sleep(10.0)
        assert world.upstream.limits[0] == 100
        assert min(world.upstream.limits) < 100
        assert not world.failed_polls

    together(act, jobs=90)


def test_a_job_that_is_listed_as_ended_is_asked_about_at_once() -> None:
    async def act(world: World, jobs: list[RemoteJob]) -> None:
        world.upstream.make(RemoteJob("video_short", jobs[0].made_at, 10.0))
        woken = world.hinted["video_short"] = asyncio.Event()
        await polled(world, jobs)
        assert woken.is_set()
        (reading,) = await polled(world, [world.upstream.jobs["video_short"]])
        assert isinstance(reading, Succeeded)
        assert world.upstream.singles["video_short"] == 0

    together(act)


def test_a_sweep_for_nobody_ends() -> None:
    async def act(world: World, jobs: list[RemoteJob]) -> None:
        waiting = asyncio.create_task(polled(world, jobs))
        await asyncio.sleep(0.2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(60.0)
        assert world.upstream.asked["list"] == 0

    together(act)
