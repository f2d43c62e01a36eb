import asyncio

import pytest

from router.engine.time_limit import TimeLimit


async def test_what_takes_too_long_is_stopped():
    with pytest.raises(TimeoutError), TimeLimit(0.01):
        await asyncio.sleep(30)


async def test_what_is_over_in_time_is_never_stopped():
    with TimeLimit(0.01):
        pass
    await asyncio.sleep(0.03)


async def test_what_fails_meanwhile_fails_of_that():
    with pytest.raises(ValueError, match="so it is"), TimeLimit(0.01):
        raise ValueError("so it is")


async def test_who_is_cancelled_meanwhile_is_cancelled():
    async def wait() -> None:
        with TimeLimit(30):
            await asyncio.sleep(30)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_is_cancelled_when_the_time_is_over_as_well_is_cancelled():
    async def wait() -> None:
        with TimeLimit(0.01):
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                task.cancel()
                raise

    task = asyncio.create_task(wait())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_shorter_of_two_limits_stops_what_is_in_it_and_nothing_else():
    with TimeLimit(30):
        with pytest.raises(TimeoutError), TimeLimit(0.01):
            await asyncio.sleep(30)
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), TimeLimit(0.01), TimeLimit(30):
        await asyncio.sleep(30)
