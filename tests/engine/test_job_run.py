"""A job from its first attempt to its end, across restarts and shutdowns: nothing is bought twice, nothing is lost."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.clock import Clock
from router.core.events import FailedOver, PollFailed
from router.core.job import AttemptState, JobState
from router.core.order import UnavailableError
from router.core.policy import Failover, FailoverOn, JobLimits
from router.engine.exchange import NoAnswer, NotSent
from tests.engine.scripted import Fate, Scene, ScriptedAdapter, a_scene, scripted_provider
from tests.virtual_time import in_virtual_time

BUSY = Failure(Stage.SUBMIT, Reason.OVERLOADED, "too much to do")
BROKEN = Failure(Stage.GENERATE, Reason.INTERNAL, "something broke")
NEVER = Fate(ends_after_s=None)
FULL = Fate(submit=Failure(Stage.SUBMIT, Reason.INVALID))
Step = Callable[[Scene], Coroutine[Any, Any, None]]


async def until(scene: Scene, job_id: str, state: AttemptState) -> None:
    while not (attempts := (await scene.job(job_id)).attempts) or attempts[-1].state is not state:
        await asyncio.sleep(0.01)


async def restart(scene: Scene) -> None:
    await scene.crash()
    await scene.start()


async def stop_and_start(scene: Scene) -> None:
    await scene.engine.stop(7.0)
    await scene.start()


def test_a_running_job_is_finished_after_a_crash() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            job = await scene.accept()
            await until(scene, job.id, AttemptState.RUNNING)
            await restart(scene)
            assert (await scene.ended(job.id)).state is JobState.COMPLETED
            assert scene.posts() == {"alpha": 1}
            assert await scene.money(job.id) == ["alpha pending", "alpha delivered"]

    in_virtual_time(main)


def test_a_submit_that_a_crash_cut_off_is_held_and_never_sent_again() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            job = await scene.accept()
            await until(scene, job.id, AttemptState.SUBMITTING)
            await restart(scene)
            ended = await scene.ended(job.id)
            assert ended.failure is not None
            assert (ended.failure.stage, ended.failure.reason) == (Stage.SUBMIT, Reason.AMBIGUOUS)
            assert [attempt.state for attempt in ended.attempts] == [AttemptState.UNKNOWN]
            assert scene.posts() == {"alpha": 1}
            assert await scene.money(job.id) == ["alpha pending"]

    in_virtual_time(main)


@pytest.mark.parametrize("step", [restart, stop_and_start])
def test_a_job_whose_attempt_failed_goes_on_after_a_restart(step: Step) -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(submit=BUSY)], "beta": [Fate(ends_after_s=300.0)]}
        async with a_scene(clock, fates) as scene:
            job = await scene.accept()
            while len((await scene.job(job.id)).attempts) < 2:
                await asyncio.sleep(0.01)
            await until(scene, job.id, AttemptState.RUNNING)
            await step(scene)
            await asyncio.sleep(1.0)
            # Only what is under way is in flight: the failed attempt holds no place any more.
            assert [scene.health[name].snapshot().in_flight for name in ("alpha", "beta")] == [0, 1]
            assert (await scene.ended(job.id)).state is JobState.COMPLETED
            assert [scene.health[name].snapshot().in_flight for name in ("alpha", "beta")] == [0, 0]

    in_virtual_time(main)


def test_a_shutdown_waits_for_the_answer_of_a_submit() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(answer_after_s=5.0)]}) as scene:
            job = await scene.accept()
            await until(scene, job.id, AttemptState.SUBMITTING)
            await scene.engine.stop(7.0)
            stored = await scene.store.job(job.id)
            assert stored is not None
            assert [attempt.state for attempt in stored.attempts] == [AttemptState.RUNNING]
            await scene.start()
            assert (await scene.ended(job.id)).state is JobState.COMPLETED
            assert scene.posts() == {"alpha": 1}

    in_virtual_time(main)


def test_a_refusal_that_comes_during_a_shutdown_is_settled_and_nothing_else_is_begun() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(submit=BUSY, answer_after_s=5.0)]}) as scene:
            job = await scene.accept()
            await until(scene, job.id, AttemptState.SUBMITTING)
            await scene.engine.stop(7.0)
            stored = await scene.store.job(job.id)
            assert stored is not None
            assert [attempt.state for attempt in stored.attempts] == [AttemptState.FAILED]
            assert (stored.state, scene.posts()) == (JobState.IN_PROGRESS, {"alpha": 1})
            await scene.start()
            assert (await scene.ended(job.id)).state is JobState.COMPLETED
            assert await scene.money(job.id) == ["alpha pending", "alpha voided", "beta pending", "beta delivered"]

    in_virtual_time(main)


def test_an_endless_submit_does_not_hold_up_a_shutdown_and_is_held_afterwards() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(answer_after_s=1e6)]}) as scene:
            job = await scene.accept()
            await until(scene, job.id, AttemptState.SUBMITTING)
            before = clock.monotonic()
            await scene.engine.stop(7.0)
            assert clock.monotonic() - before <= 7.1
            await scene.start()
            assert (await scene.ended(job.id)).failure is not None
            assert (await scene.money(job.id), scene.posts()) == (["alpha pending"], {"alpha": 1})

    in_virtual_time(main)


def test_a_stopped_engine_takes_no_job() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            await scene.engine.stop(7.0)
            with pytest.raises(UnavailableError):
                await scene.accept()
            assert not (await scene.engine.readiness()).ready

    in_virtual_time(main)


def test_an_attempt_of_a_provider_that_was_removed_stays_uncertain_and_the_job_goes_on() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            job = await scene.accept()
            await until(scene, job.id, AttemptState.RUNNING)
            await scene.crash()
            await scene.start("alpha")
            ended = await scene.ended(job.id)
            assert [attempt.state for attempt in ended.attempts] == [AttemptState.LATE, AttemptState.SUCCEEDED]
            assert await scene.money(job.id) == ["alpha pending", "beta pending", "beta delivered"]
            await scene.crash()
            await scene.start()
            await asyncio.sleep(120.0)
            assert (await scene.money(job.id))[-1] == "alpha duplicate"

    in_virtual_time(main)


def test_what_the_operator_said_of_all_providers_holds_for_one_that_was_removed() -> None:
    never = FailoverOn({(Stage.POLL, Reason.EXPIRED): Failover.NEVER})

    async def main(clock: Clock) -> None:
        async with a_scene(clock, limits=JobLimits(failover_on=never)) as scene:
            job = await scene.accept()
            await until(scene, job.id, AttemptState.RUNNING)
            await scene.crash()
            await scene.start("alpha")
            ended = await scene.ended(job.id)
            assert (ended.state, scene.posts()) == (JobState.FAILED, {"alpha": 1})
            assert await scene.money(job.id) == ["alpha pending"]

    in_virtual_time(main)


def test_a_job_that_nobody_has_room_for_ends_at_its_deadline() -> None:
    async def main(clock: Clock) -> None:
        limits = JobLimits(deadline_s=300.0)
        async with a_scene(clock, {"alpha": [FULL], "beta": [NEVER]}, limits, in_flight_max=1) as scene:
            waiting = await scene.accept()
            await scene.accept()
            ended = await scene.ended(waiting.id, 310.0)
            assert ended.ended_at is not None
            assert ended.ended_at >= waiting.created_at + 100.0
            assert await scene.money(waiting.id) == ["alpha pending", "alpha voided"]

    in_virtual_time(main)


def test_a_job_waits_for_a_place_and_takes_it() -> None:
    async def main(clock: Clock) -> None:
        fates = {name: [FULL] for name in ("alpha", "beta")}
        async with a_scene(clock, fates, providers=("alpha", "beta", "gamma"), in_flight_max=1) as scene:
            jobs = [await scene.accept() for _ in range(3)]
            assert [(await scene.ended(job.id)).state for job in jobs] == [JobState.COMPLETED] * 3
            # Two were refused, and waited for the places of others.
            assert sum(scene.posts().values()) == 5
            assert len([event for event in scene.events if isinstance(event, FailedOver)]) == 2

    in_virtual_time(main)


def test_a_job_ends_at_its_deadline_although_the_provider_asks_for_patience() -> None:
    async def main(clock: Clock) -> None:
        limits = JobLimits(deadline_s=100.0)
        patience = Failure(Stage.POLL, Reason.RATE_LIMITED, "later", retry_after_s=300.0)
        async with a_scene(clock, {"alpha": [Fate(ends_after_s=0.0, end=patience)]}, limits) as scene:
            job = await scene.made()
            assert job.ended_at is not None
            assert job.ended_at - job.created_at < 105.0
            assert await scene.money(job.id) == ["alpha pending"]

    in_virtual_time(main)


def test_nothing_is_bought_that_cannot_be_there_before_the_deadline() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(
            clock, {"alpha": [Fate(ends_after_s=85.0, end=BROKEN)]}, JobLimits(deadline_s=100.0)
        ) as scene:
            job = await scene.made()
            assert job.failure is not None
            assert (job.failure.reason, scene.posts()) == (Reason.INTERNAL, {"alpha": 1})

    in_virtual_time(main)


@pytest.mark.parametrize("sent", [NotSent("refused"), NoAnswer("reset")])
def test_only_what_was_provably_not_sent_is_sent_elsewhere(sent: NotSent | NoAnswer) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(submit=sent, taken=isinstance(sent, NoAnswer))]}) as scene:
            job = await scene.made()
            assert (job.state is JobState.COMPLETED) is isinstance(sent, NotSent)
            assert scene.posts() == ({"alpha": 1, "beta": 1} if isinstance(sent, NotSent) else {"alpha": 1})

    in_virtual_time(main)


@pytest.mark.parametrize("reason", [Reason.UNREADABLE, Reason.STALLED, Reason.EXPIRED, Reason.AMBIGUOUS])
def test_whatever_a_dialect_calls_an_answer_that_proves_nothing_it_is_ambiguous(reason: Reason) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(submit=Failure(Stage.SUBMIT, reason), taken=True)]}) as scene:
            job = await scene.made()
            assert job.failure is not None
            assert job.failure.reason is Reason.AMBIGUOUS
            assert (scene.posts(), await scene.money(job.id)) == ({"alpha": 1}, ["alpha pending"])

    in_virtual_time(main)


def test_a_video_that_trickles_for_ever_is_paid_and_given_up() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(trickles=True)]}) as scene:
            job = await scene.made()
            assert [attempt.stage for attempt in job.attempts] == [Stage.DOWNLOAD, None]
            assert await scene.money(job.id) == [
                *("alpha pending", "alpha failed_billed"),
                *("beta pending", "beta delivered"),
            ]
            assert clock.monotonic() < 900

    in_virtual_time(main)


def test_a_stuck_job_whose_link_gives_no_video_is_not_taken_for_paid() -> None:
    async def main(clock: Clock) -> None:
        link = Fate(stuck=True, ends_after_s=1200.0, end=BROKEN, link="https://cdn.example/preview", broken_fetches=99)
        async with a_scene(clock, {"alpha": [link]}) as scene:
            job = await scene.made()
            assert [attempt.state for attempt in job.attempts] == [AttemptState.LATE, AttemptState.SUCCEEDED]
            assert job.attempts[0].reason is Reason.STALLED
            await asyncio.sleep(900.0)
            assert (await scene.money(job.id))[-1] == "alpha voided"

    in_virtual_time(main)


class _Breaking(ScriptedAdapter):
    """A stranger's dialect that breaks while it writes one kind of request."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __getattribute__(self, name: str) -> Any:
        if name.endswith("_request") and name == object.__getattribute__(self, "_what"):
            raise RuntimeError("a bug")
        return object.__getattribute__(self, name)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("submit_request", ["alpha voided", "beta delivered"]),
        ("poll_request", ["beta delivered"]),
        ("content_request", ["alpha failed_billed", "beta delivered"]),
    ],
)
def test_a_dialect_that_breaks_ends_its_attempt_and_not_the_job(what: str, expected: list[str]) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            await scene.crash()
            await scene.start(alpha=scripted_provider("alpha", adapter=_Breaking(what)))
            job = await scene.made()
            assert job.state is JobState.COMPLETED
            assert [each for each in await scene.money(job.id) if not each.endswith("pending")] == expected
            assert (PollFailed("alpha", Reason.UNREADABLE) in scene.events) is (what == "poll_request")

    in_virtual_time(main)
