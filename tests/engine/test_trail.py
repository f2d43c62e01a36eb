"""What an attempt tells of its way when it has ended, for its span."""

import asyncio

from providers.canonical import Failure, Reason, Stage
from router.core.clock import Clock
from router.core.events import AttemptEnded
from router.core.job import JobState
from router.core.trail import Said, Trail
from router.engine.exchange import NoAnswer
from tests.engine.scripted import Fate, ListingAdapter, Scene, a_scene
from tests.virtual_time import in_virtual_time

SILENT = Failure(Stage.POLL, Reason.UNREADABLE)


def endings(scene: Scene) -> list[AttemptEnded]:
    return [event for event in scene.events if isinstance(event, AttemptEnded)]


def trail_of(event: AttemptEnded) -> Trail:
    assert event.trail is not None
    return event.trail


def test_a_delivered_attempt_tells_its_submit_its_polls_and_its_download() -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(poll_faults=(SILENT, SILENT), ends_after_s=200.0, broken_fetches=1)
        async with a_scene(clock, {"alpha": [fate]}) as scene:
            await scene.made()
            (event,) = endings(scene)
            trail, attempt = trail_of(event), event.attempt
            assert (trail.resumed, trail.answered_at) == (False, attempt.accepted_at)
            assert (trail.notes[0].said, trail.notes[0].reason, trail.notes[0].polls) == (
                *(Said.SILENT, Reason.UNREADABLE),
                2,
            )
            assert trail.notes[-1].said is Said.SUCCEEDED
            assert (sum(note.polls for note in trail.notes), trail.polls_failed) == (trail.polls, 2)
            assert event.progress == max(note.progress or 0 for note in trail.notes)
            failed, whole = trail.downloads
            assert (failed.reason, failed.cause, whole.reason) == (Reason.UNREADABLE, "http status 404", None)
            assert attempt.ended_at is not None
            assert attempt.submitted_at < failed.began_at < failed.ended_at < whole.began_at < whole.ended_at
            assert whole.ended_at <= attempt.ended_at

    in_virtual_time(main)


def test_a_refused_submit_tells_when_it_was_answered() -> None:
    async def main(clock: Clock) -> None:
        refused = Failure(Stage.SUBMIT, Reason.OVERLOADED, "later")
        async with a_scene(clock, {"alpha": [Fate(submit=refused)]}) as scene:
            await scene.made()
            first, second = endings(scene)
            answered_at = trail_of(first).answered_at
            assert answered_at is not None
            assert answered_at - first.attempt.submitted_at >= 0.5
            assert (trail_of(first).polls, first.progress) == (0, None)
            assert trail_of(second).polls > 0

    in_virtual_time(main)


def test_an_attempt_taken_up_after_a_crash_says_so_and_one_cut_off_at_its_submit_too() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            running = await scene.accept()
            await asyncio.sleep(20.0)
            cut_off = await scene.accept()
            await asyncio.sleep(0.1)
            await scene.crash()
            await scene.start()
            for job in (running, cut_off):
                await scene.ended(job.id)
            by_job = {event.job.id: trail_of(event) for event in endings(scene)}
            assert by_job[running.id].resumed
            assert by_job[cut_off.id] == Trail(resumed=True)

    in_virtual_time(main)


def test_an_attempt_whose_money_becomes_known_late_has_told_its_way_before() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(stuck=True, ends_after_s=900.0)]}) as scene:
            await scene.made()
            await asyncio.sleep(600.0)
            late, _, known = endings(scene)
            assert (late.attempt.id, late.progress) == (known.attempt.id, 50)
            assert [(note.said, note.progress) for note in trail_of(late).notes] == [(Said.RUNNING, 50)]
            assert (known.trail, known.progress) == (None, None)

    in_virtual_time(main)


def test_a_late_video_that_its_job_adopts_has_told_its_way_before_too() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(stuck=True, ends_after_s=900.0)], "beta": [Fate(ends_after_s=1500.0)]}
        async with a_scene(clock, fates) as scene:
            job = await scene.made()
            assert job.delivered is not None
            assert job.delivered.provider == "alpha"
            told = [(event.attempt.provider, event.trail is None) for event in endings(scene)]
            assert told == [("alpha", False), ("beta", False), ("alpha", True)]

    in_virtual_time(main)


def test_a_lost_submit_that_is_found_tells_when() -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(submit=NoAnswer("reset"), taken=True)
        async with a_scene(clock, {"alpha": [fate]}, adapter=ListingAdapter()) as scene:
            job = await scene.made()
            (event,) = endings(scene)
            trail = trail_of(event)
            assert job.state is JobState.COMPLETED
            assert trail.answered_at is not None
            assert trail.found_at == event.attempt.accepted_at
            assert trail.found_at is not None
            assert trail.found_at > trail.answered_at

    in_virtual_time(main)
