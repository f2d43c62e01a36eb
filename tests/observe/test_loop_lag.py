import asyncio

from router.core.clock import Clock
from router.core.events import Event, LoopLagged
from router.observe.loop_lag import watch_loop


async def test_what_holds_the_loop_up_is_seen_as_lag():
    loop = asyncio.get_running_loop()
    late_s = [0.0]
    told: list[Event] = []
    watching = asyncio.create_task(watch_loop(Clock(loop.time, lambda: loop.time() + late_s[0]), told.append))
    while not told:
        await asyncio.sleep(0.01)
    late_s[0] = 5.0
    calm = len(told)
    while len(told) == calm:
        await asyncio.sleep(0.01)
    watching.cancel()
    lags = [event.lag_s for event in told if isinstance(event, LoopLagged)]
    assert lags[calm] >= 4.9
    assert all(lag_s < 4.9 for lag_s in lags[:calm])
