"""Polling is patient: a poll that fails says nothing of the video, and only the configured times end an attempt."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Running, Stage
from router.core.catalog import Catalog, Polling
from router.core.clock import Clock
from router.core.events import UnknownErrorSeen
from router.core.job import AttemptState, JobState
from router.core.pacing import RETRY_AFTER_S_MAX
from router.core.policy import JobLimits
from router.engine.exchange import NoAnswer, NotSent
from router.engine.watch import Watch
from tests.builders import an_offering
from tests.engine.scripted import Fate, Scene, a_scene, scripted_provider
from tests.virtual_time import in_virtual_time

POLL_REASONS = (Reason.AUTH, Reason.BALANCE, Reason.RATE_LIMITED, Reason.OVERLOADED, Reason.INVALID, Reason.UNREADABLE)
POLL_FAILURES = st.builds(
    Failure,
    st.just(Stage.POLL),
    st.sampled_from(POLL_REASONS),
    st.just("anything"),
    retry_after_s=st.none() | st.floats(0.0, 3600.0),
    recognised=st.booleans(),
)
FAULTS = POLL_FAILURES | st.builds(NotSent, st.just("refused")) | st.builds(NoAnswer, st.just("reset"))
PATIENT = Polling(deadline_s=20_000.0)
LONG = JobLimits(deadline_s=20_000.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(FAULTS, max_size=20))
def test_no_poll_that_fails_ends_a_job_and_no_retry_after_is_undercut(faults: list[Any]) -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(poll_faults=tuple(faults))
        async with a_scene(clock, {"alpha": [fate]}, LONG, polling=PATIENT) as scene:
            job = await scene.ended((await scene.accept()).id, 20_000.0)
            assert job.state is JobState.COMPLETED
            assert scene.posts() == {"alpha": 1}
            (alpha,) = scene.transport.taken.values()
            for fault, asked_at, again_at in zip(faults, alpha.polled_at, alpha.polled_at[1:], strict=False):
                told_s = fault.retry_after_s if isinstance(fault, Failure) else None
                # Sums of floats: a microsecond is not too early.
                assert again_at - asked_at >= min(told_s or 0.0, RETRY_AFTER_S_MAX) - 1e-6

    in_virtual_time(main)


@pytest.mark.parametrize("reason", POLL_REASONS)
def test_polls_that_never_succeed_end_the_attempt_at_its_deadline_and_not_before(reason: Reason) -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(poll_faults=(Failure(Stage.POLL, reason),) * 10_000)
        async with a_scene(clock, {"alpha": [fate]}) as scene:
            job = await scene.made()
            assert (job.attempts[0].stage, job.attempts[0].reason) == (Stage.POLL, Reason.EXPIRED)
            assert job.attempts[0].state is AttemptState.LATE
            ended_at = job.attempts[0].ended_at
            assert ended_at is not None
            assert 1800.0 <= ended_at - job.attempts[0].submitted_at < 1880.0

    in_virtual_time(main)


def sold_with(scene: Scene, **patience: float) -> Catalog:
    """The scene's catalogue, its cheapest offering with a patience of its own."""
    first, *others = scene.catalog.offerings
    return replace(scene.catalog, offerings=(replace(first, **patience), *others))  # type: ignore[arg-type]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    ("patience", "reason", "after_s"),
    [
        ({"stall_s": 60.0}, Reason.STALLED, 60.0),
        ({"stall_s": 1200.0}, Reason.STALLED, 1200.0),
        ({"deadline_s": 300.0}, Reason.EXPIRED, 300.0),
        ({}, Reason.STALLED, 600.0),
    ],
)
def test_a_model_may_have_a_patience_of_its_own(
    patience: dict[str, float], reason: Reason, after_s: float, restart: bool
) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(stuck=True, ends_after_s=None)]}) as scene:
            await scene.crash()
            scene.catalog = sold_with(scene, **patience)
            await scene.start()
            job = await scene.accept()
            if restart:
                await asyncio.sleep(5.0)
                await scene.crash()
                await scene.start()
            job = await scene.ended(job.id)
            left = job.attempts[0]
            assert (left.reason, left.ended_at is not None) == (reason, True)
            assert after_s <= (left.ended_at or 0.0) - left.submitted_at < after_s + 70.0

    in_virtual_time(main)


def test_a_model_that_is_not_sold_any_more_goes_by_its_provider() -> None:
    patient = an_offering("alpha", stall_s=1.0, deadline_s=2.0)
    provider = scripted_provider("alpha", polling=Polling(stall_s=7.0, deadline_s=8.0, first_after_s=3.0))
    catalog = Catalog.of((provider,), (patient,))
    assert catalog.polling("alpha", patient.id) == replace(provider.polling, stall_s=1.0, deadline_s=2.0)
    assert catalog.polling("alpha", "alpha/gone") == provider.polling
    with pytest.raises(LookupError):
        catalog.polling("gone", patient.id)


def test_time_in_which_nobody_answered_is_no_stall() -> None:
    watch = Watch(Polling(stall_s=600.0), 0.0, 0.0)
    still = Running(queued=False, progress=50)
    for now in (0.0, 300.0):
        watch.saw(still, now)
    watch.saw(Failure(Stage.POLL, Reason.OVERLOADED), 310.0)
    watch.saw(still, 1300.0)
    assert watch.overdue(1300.0, job_is_overdue=False) is None
    watch.saw(still, 1599.0)
    assert watch.overdue(1599.0, job_is_overdue=False) is None
    watch.saw(still, 1600.0)
    assert watch.overdue(1600.0, job_is_overdue=False) is Reason.STALLED


def test_a_job_that_leaves_the_queue_has_moved_although_it_tells_no_progress() -> None:
    watch = Watch(Polling(stall_s=600.0), 0.0, 0.0)
    watch.saw(Running(queued=True), 0.0)
    watch.saw(Running(queued=False), 599.0)
    assert watch.overdue(1000.0, job_is_overdue=False) is None


@pytest.mark.parametrize("submit", [True, False])
def test_words_that_no_table_lists_are_told_of_with_the_prompt_that_they_may_quote(*, submit: bool) -> None:
    async def main(clock: Clock) -> None:
        strange = Failure(Stage.SUBMIT if submit else Stage.POLL, Reason.INVALID, "wibble", recognised=False)
        fate = Fate(submit=strange) if submit else Fate(poll_faults=(strange,))
        async with a_scene(clock, {"alpha": [fate]}) as scene:
            job = await scene.made()
            seen = [each for each in scene.events if isinstance(each, UnknownErrorSeen)]
            assert [(each.provider, each.failure, each.prompt) for each in seen] == [
                ("alpha", strange, job.video.prompt)
            ]

    in_virtual_time(main)
