"""What a start reads of a day: every attempt whose money is open, and the sums of the others."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from router.core.budget import DAY_S, Booking, day_start
from router.core.intent import open_bookings
from router.core.job import Job
from router.engine.store import Store, statements
from router.engine.store.file import connect
from tests.builders import EPOCH
from tests.store.lives import adjusted, delivered, given_up, lost, refused, running, started, the_job


async def accepted(store: Store, number: int, caller: str = "studio") -> Job:
    return await store.add_job(the_job(number, caller=caller))


async def bookings(store: Store, since: float = EPOCH) -> list[Booking]:
    return [*await store.bookings(since), *open_bookings(await store.open_jobs(), since)]


async def test_a_days_money_is_found_whatever_became_of_it(store: Store) -> None:
    for number, cost in ((1, None), (2, 7), (3, 250_001)):
        await delivered(store, *await running(store, await accepted(store, number)), cost)
    await delivered(store, *await running(store, await accepted(store, 4, "batch")))
    await delivered(store, *await running(store, await accepted(store, 5), provider="beta"))
    await refused(store, *await running(store, await accepted(store, 6)))
    await lost(store, *await started(store, await accepted(store, 7)))
    await given_up(store, *await running(store, await accepted(store, 8)))
    await running(store, await accepted(store, 9), quote_microusd=60)
    await delivered(store, *await running(store, await accepted(store, 10), submitted_at=EPOCH - 0.001))
    await adjusted(store, "video_1-1", 100_020)
    await adjusted(store, "video_5-1", 0)
    await adjusted(store, "video_6-1", 3)
    await adjusted(store, "video_6-1", 1)
    found = await bookings(store)
    assert {replace(each, at=EPOCH) for each in found} == {
        Booking(None, "alpha", "studio", EPOCH, 350_029),
        Booking(None, "alpha", "batch", EPOCH, 100_000),
        Booking(None, "beta", "studio", EPOCH, 0),
        Booking("video_7-1", "alpha", "studio", EPOCH, 100_000),
        Booking("video_8-1", "alpha", "studio", EPOCH, 100_000),
        Booking("video_9-1", "alpha", "studio", EPOCH, 60),
    }
    assert len(found) == 6


async def test_an_attempt_counts_on_the_day_of_its_submit(store: Store) -> None:
    await started(store, await accepted(store, 1), submitted_at=EPOCH + 5.5)
    (found,) = await bookings(store)
    assert found.at == EPOCH + 5.5
    assert await bookings(store, EPOCH + 6) == []


async def test_open_money_of_a_job_that_ended_without_it_is_found(store: Store, path: Path) -> None:
    job, _ = await started(store, await accepted(store, 1))
    with closing(sqlite3.connect(path)) as connection, connection:
        ended = "UPDATE jobs SET state = 'failed', ended_at = ?, failure_stage = 'route', failure_reason = 'other'"
        connection.execute(ended, (EPOCH + 9,))
    assert await store.open_jobs() == []
    assert [(each.attempt_id, each.microusd) for each in await bookings(store)] == [(f"{job.id}-1", 100_000)]


async def test_what_was_submitted_before_the_clock_was_set_back_is_a_sum_of_its_own(store: Store) -> None:
    midnight = day_start(EPOCH) + DAY_S
    for number, at in enumerate((EPOCH, midnight - 0.001, midnight, midnight + 5), 1):
        await delivered(store, *await running(store, await accepted(store, number), submitted_at=at))
    assert sorted(await store.bookings(EPOCH), key=lambda each: each.at) == [
        Booking(None, "alpha", "studio", EPOCH, 200_000),
        Booking(None, "alpha", "studio", midnight, 200_000),
    ]


def test_a_day_is_read_through_an_index(path: Path) -> None:
    with closing(connect(path, 1.0)) as connection:
        plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {statements.BOOKINGS}", {"since": EPOCH})]
    read = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
    assert len(read) == 5
    assert all(step.startswith("SEARCH") and " INDEX " in step for step in read)
    assert "SEARCH attempts USING INDEX ix_attempts_submitted_at (submitted_at>?)" in read
