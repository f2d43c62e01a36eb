"""What a start needs of the attempts that ended lately: the latest, in the order in which they ended."""

from contextlib import closing
from pathlib import Path

from providers.canonical import Size
from router.core.job import AttemptState
from router.engine.store import Store, statements
from router.engine.store.file import connect
from tests.builders import EPOCH, LANDSCAPE, a_video
from tests.store.lives import adjusted, delivered, given_up, lost, refused, running, started, the_job

ALL = 100


async def ended(store: Store, since: float = 0.0, limit: int = ALL) -> list[str]:
    return [attempt.id for attempt, _ in await store.ended_attempts(since, limit)]


async def test_attempts_come_in_the_order_in_which_they_ended_with_what_was_billed(store: Store) -> None:
    await delivered(store, *await running(store, await store.add_job(the_job(1))))
    await given_up(store, *await running(store, await store.add_job(the_job(2))))
    await refused(store, *await started(store, await store.add_job(the_job(3, video=a_video(size=LANDSCAPE)))))
    await started(store, await store.add_job(the_job(4)))
    await running(store, await store.add_job(the_job(5)))
    found = await store.ended_attempts(0.0, ALL)
    assert [each.ended_at for each, _ in found] == sorted(each.ended_at or 0.0 for each, _ in found)
    assert {each.id: (each.state, each.billed, size) for each, size in found} == {
        "video_1-1": (AttemptState.SUCCEEDED, True, Size(720, 1280)),
        "video_2-1": (AttemptState.LATE, None, Size(720, 1280)),
        "video_3-1": (AttemptState.FAILED, False, Size(1280, 720)),
    }
    for attempt, _ in found:
        job = await store.any_job(attempt.job_id)
        assert job is not None
        assert attempt in job.attempts


async def test_a_correction_counts(store: Store) -> None:
    await refused(store, *await started(store, await store.add_job(the_job())))
    await adjusted(store, "video_1-1", 5)
    ((attempt, _),) = await store.ended_attempts(0.0, ALL)
    assert attempt.billed is True


async def test_of_too_many_the_latest_are_taken(store: Store) -> None:
    for number in range(5):
        _, attempt = await running(store, await store.add_job(the_job(number)))
        after = attempt.moved(AttemptState.LATE, ended_at=EPOCH + 10 - number)
        await store.settle(attempt, after, None, None, None)
    assert await ended(store) == [f"video_{number}-1" for number in (4, 3, 2, 1, 0)]
    assert await ended(store, limit=2) == ["video_1-1", "video_0-1"]
    assert await ended(store, since=EPOCH + 8) == ["video_2-1", "video_1-1", "video_0-1"]
    assert await ended(store, since=EPOCH + 10.5) == []


async def test_a_lost_submit_is_one_that_ended(store: Store) -> None:
    await lost(store, *await started(store, await store.add_job(the_job())))
    assert len(await ended(store)) == 1


def test_the_latest_are_read_through_an_index(path: Path) -> None:
    asked = {"since": EPOCH, "limit": ALL}
    with closing(connect(path, 1.0)) as connection:
        found = connection.execute(f"EXPLAIN QUERY PLAN {statements.ENDED_ATTEMPTS}", asked)
        plan = [step[3] for step in found]
    read = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
    assert all(step.startswith("SEARCH") and " INDEX " in step for step in read)
    assert "SEARCH attempts USING INDEX ix_attempts_ended_at (ended_at>?)" in read
    assert not any("TEMP B-TREE" in step for step in plan)
