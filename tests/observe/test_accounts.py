"""Whatever upstreams do, and however the router is stopped or configured anew: what is shown is what was written."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.canonical import Succeeded
from router.core.catalog import ChargeRule
from router.core.clock import Clock
from router.core.policy import JobLimits
from tests.engine.fates import FATES, INTERRUPTIONS, LIMITS, NAMES
from tests.engine.scripted import Fate, Scene, a_scene
from tests.observe.accounts import Durable, Listeners, check_counters, check_gauges
from tests.virtual_time import in_virtual_time

_costs = st.sampled_from([None, 0, 70_001, 130_000, 9_000_000_000])
_told = st.builds(
    lambda cost, fates: [replace(each, end=Succeeded(cost_microusd=cost)) for each in fates], _costs, FATES
)
_some = st.lists(st.sampled_from([False, False, True]), max_size=12)


def break_now_and_then(scene: Scene, breaks: Iterator[bool]) -> None:
    """Let exchanges end in a defect of the router."""
    send = scene.transport.send

    async def breaking(*values: Any, **named: Any) -> Any:
        outcome = await send(*values, **named)
        if next(breaks, False):
            raise RuntimeError("a defect")
        return outcome

    scene.transport.send = breaking  # type: ignore[method-assign]


async def interrupt(scene: Scene, listeners: Listeners, how: str | frozenset[str], gone: frozenset[str]) -> None:
    if isinstance(how, frozenset):
        scene.use(*how, renewed=len(how) == 1, in_flight_max=1 + len(how))
        listeners.use()
        return
    await (scene.crash() if how == "crash" else scene.engine.stop(7.0))
    await listeners.restart(*gone)
    await asyncio.sleep(0.001)


@settings(max_examples=25, deadline=None)
@given(
    fates=st.fixed_dictionaries(dict.fromkeys(NAMES, FATES | _told)),
    limits=LIMITS,
    jobs=st.integers(1, 4),
    interruptions=INTERRUPTIONS,
    gone=st.frozensets(st.sampled_from(NAMES), max_size=2),
    refusals=_some,
    breaks=_some,
)
def test_what_is_shown_is_what_was_written(
    fates: dict[str, list[Fate]],
    limits: JobLimits,
    jobs: int,
    interruptions: list[tuple[float, str | frozenset[str]]],
    gone: frozenset[str],
    refusals: list[bool],
    breaks: list[bool],
) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, fates, limits, NAMES, charge_rule=ChargeRule(failed_billed=jobs > 2)) as scene:
            await scene.engine.stop(0.0)
            durable, listeners = Durable(iter(refusals)), Listeners(scene)
            durable.watch(scene)
            break_now_and_then(scene, iter(breaks))
            await listeners.restart()
            for _ in range(jobs):
                await scene.accept()
            for after_s, how in interruptions:
                await asyncio.sleep(after_s)
                await interrupt(scene, listeners, how, gone)
                await check_gauges(scene, listeners)
            await asyncio.sleep(limits.deadline_s + 12_000.0)
            await check_gauges(scene, listeners)
            check_counters(durable, listeners, by_provider=not gone)

    in_virtual_time(main)
