"""What the time left before a job's deadline is still good for: no purchase too late, no wait for nothing."""

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.clock import Clock
from router.core.evidence import outcome_of
from router.core.job import JobState
from router.core.policy import JobLimits
from router.core.reporting import DurationClass
from tests.engine.scripted import Fate, a_scene
from tests.virtual_time import in_virtual_time

BROKEN = Failure(Stage.GENERATE, Reason.INTERNAL, "something broke")
NO_MONEY = Failure(Stage.SUBMIT, Reason.BALANCE, "the account is empty")


@pytest.mark.parametrize(("attempt_s_min", "posts"), [(120.0, {"alpha": 1}), (50.0, {"alpha": 1, "beta": 1})])
def test_another_attempt_is_begun_only_while_there_is_time_for_it(attempt_s_min: float, posts: dict[str, int]) -> None:
    async def main(clock: Clock) -> None:
        limits = JobLimits(deadline_s=1100.0, attempt_s_min=attempt_s_min)
        async with a_scene(clock, {"alpha": [Fate(ends_after_s=1000.0, end=BROKEN)]}, limits) as scene:
            job = await scene.made()
            assert scene.posts() == posts
            assert (job.state is JobState.COMPLETED) is ("beta" in posts)
            if job.failure is not None:
                assert job.failure.reason is Reason.INTERNAL

    in_virtual_time(main)


def test_a_first_attempt_is_begun_however_short_the_time_is() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, limits=JobLimits(deadline_s=90.0, attempt_s_min=120.0)) as scene:
            assert (await scene.made()).state is JobState.COMPLETED

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("deadline_s", "over_after_s", "state"), [(600.0, 100.0, JobState.FAILED), (3600.0, 1100.0, JobState.COMPLETED)]
)
def test_a_job_waits_for_a_barred_provider_only_when_its_time_can_come(
    deadline_s: float, over_after_s: float, state: JobState
) -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(submit=NO_MONEY)], "beta": [Fate(), Fate(end=BROKEN)]}
        async with a_scene(clock, fates, JobLimits(deadline_s=deadline_s)) as scene:
            await scene.made()
            job = await scene.made()
            assert job.ended_at is not None
            assert job.ended_at - job.created_at < over_after_s
            assert job.state is state

    in_virtual_time(main)


@pytest.mark.parametrize(("deadline_s", "ejected"), [(30.0, False), (300.0, True)])
def test_a_callers_haste_takes_nobody_out_but_one_that_had_its_time_counts(deadline_s: float, ejected: bool) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(ends_after_s=None)] * 12}, providers=("alpha",)) as scene:
            jobs = [await scene.accept(deadline_s=deadline_s) for _ in range(12)]
            ended = [await scene.ended(job.id) for job in jobs]
            assert {job.failure and job.failure.reason for job in ended} == {Reason.EXPIRED}
            assert (scene.health["alpha"].standing().barred is not None) is ejected
            evidence = scene.engine._parts.memory.records.evidence("alpha/clip", "alpha", DurationClass.SHORT)
            assert (evidence.outcomes > 0.0) is ejected
            # Neither does the next start learn anything else.
            since = clock.wall() - 1000.0
            learned = [outcome_of(*each) for each in await scene.store.ended_attempts(since, 100)]
            assert [each is not None for each in learned] == [ejected] * 12

    in_virtual_time(main)
