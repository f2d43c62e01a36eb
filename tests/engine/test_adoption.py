"""A late video becomes the job's at once or not at all, and is looked for before another one is bought."""

import asyncio
import sqlite3
from pathlib import Path

from router.core.clock import Clock
from router.core.events import AttemptEnded, Event
from router.core.job import AttemptState, JobState
from tests.engine.scripted import Fate, a_scene, scripted_provider
from tests.virtual_time import in_virtual_time

STALLS = Fate(stuck=True, ends_after_s=900.0)


class _Reading(list[Event]):
    """Reads the job's state from the file each time it hears that an attempt has become late."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.states: list[str] = []
        self._path = path

    def append(self, event: Event) -> None:
        super().append(event)
        if isinstance(event, AttemptEnded) and event.attempt.state is AttemptState.LATE:
            connection = sqlite3.connect(self._path)
            self.states.extend(state for (state,) in connection.execute("SELECT state FROM jobs"))
            connection.close()


def test_the_attempt_that_a_late_video_overtakes_is_given_up_only_with_the_job_completed(tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        path = tmp_path / "router.db"
        fates = {"alpha": [STALLS], "beta": [Fate(ends_after_s=1500.0)]}
        async with a_scene(clock, fates, path=path) as scene:
            await scene.crash()
            scene.events = told = _Reading(path)
            await scene.start()
            assert (await scene.made()).state is JobState.COMPLETED
            assert told.states == ["in_progress", "completed"]

    in_virtual_time(main)


def test_a_late_video_that_was_done_during_a_restart_saves_buying_another() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [STALLS], "beta": [Fate(ends_after_s=5000.0)]}
        async with a_scene(clock, fates, in_flight_max=1) as scene:
            job = await scene.accept()
            # Keeps the only other place, so that the first one waits beside its late attempt.
            await scene.accept()
            await asyncio.sleep(650.0)
            waiting = await scene.job(job.id)
            assert [attempt.state for attempt in waiting.attempts] == [AttemptState.LATE]
            await scene.crash()
            await asyncio.sleep(300.0)
            await scene.start(beta=scripted_provider("beta", in_flight_max=2))
            ended = await scene.ended(job.id)
            assert ended.delivered is not None
            assert ended.delivered.provider == "alpha"
            assert scene.posts() == {"alpha": 1, "beta": 1}
            assert await scene.money(job.id) == ["alpha pending", "alpha delivered"]

    in_virtual_time(main)


def test_a_late_attempt_that_is_not_done_after_a_restart_does_not_keep_the_job_from_going_on() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(stuck=True, ends_after_s=None)]}
        async with a_scene(clock, fates, in_flight_max=1) as scene:
            job = await scene.accept()
            await scene.accept()
            await asyncio.sleep(620.0)
            await scene.crash()
            await scene.start()
            ended = await scene.ended(job.id)
            assert ended.delivered is not None
            assert ended.delivered.provider == "beta"

    in_virtual_time(main)
