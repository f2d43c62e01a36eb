"""Whatever upstreams do, and whenever the router is killed or configured anew: no money goes where it may not."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from router.core.catalog import ChargeRule
from router.core.clock import Clock
from router.core.job import AttemptState
from router.core.ledger import CostKind
from router.core.policy import JobLimits
from tests.engine.fates import FATES, INTERRUPTIONS, LIMITS, NAMES
from tests.engine.scripted import Fate, Scene, a_scene
from tests.virtual_time import in_virtual_time


@settings(max_examples=120, deadline=None)
@given(
    fates=st.fixed_dictionaries(dict.fromkeys(NAMES, FATES)),
    limits=LIMITS,
    jobs=st.integers(1, 4),
    interruptions=INTERRUPTIONS,
    failed_billed=st.booleans(),
)
def test_no_money_goes_where_it_may_not(
    fates: dict[str, list[Fate]],
    limits: JobLimits,
    jobs: int,
    interruptions: list[tuple[float, str | frozenset[str]]],
    failed_billed: bool,
) -> None:
    rule = ChargeRule(refused_billed=failed_billed, failed_billed=failed_billed)

    async def main(clock: Clock) -> None:
        async with a_scene(clock, fates, limits, NAMES, charge_rule=rule) as scene:
            for _ in range(jobs):
                await scene.accept()
            for after_s, how in interruptions:
                await asyncio.sleep(after_s)
                if isinstance(how, frozenset):
                    scene.use(*how, renewed=len(how) == 1, in_flight_max=1 + len(how))
                    continue
                await (scene.crash() if how == "crash" else scene.engine.stop(7.0))
                await scene.start()
            await check_ends(scene)
            await check_money(scene, rule)

    in_virtual_time(main)


async def check_ends(scene: Scene) -> None:
    """Every job is over by its deadline and some grace; later, every money that can be known is known."""
    grace_s = 400.0
    for number in range(1, scene.accepted + 1):
        job = await scene.ended(f"video_{number}", scene.limits.deadline_s + grace_s)
        assert len(job.asked) <= scene.limits.attempts_max
    await asyncio.sleep(10_000.0)
    assert all(health.snapshot().in_flight == 0 for health in scene.health.values())
    assert not scene.engine._runs


async def check_money(scene: Scene, rule: ChargeRule) -> None:
    """Submits, attempts and entries are as many, no limit was passed, and upstreams bill what the ledger says."""
    attempts = 0
    for number in range(1, scene.accepted + 1):
        job = await scene.store.job(f"video_{number}")
        assert job is not None
        entries = await scene.store.entries(job.id)
        attempts += len(job.attempts)
        assert [each.attempt_id for each in entries if each.kind == "pending"] == [each.id for each in job.attempts]
        closed = {each.attempt_id for each in entries if each.kind != "pending"}
        known = {each.id for each in job.attempts if each.state in (AttemptState.SUCCEEDED, AttemptState.FAILED)}
        assert closed == known
        assert [each.cost_kind for each in entries].count(CostKind.DELIVERED) == (job.delivered is not None)
    # A kill between the intent and the POST leaves an attempt that was never sent; nothing else does.
    unknown = attempts - len(scene.transport.posts)
    assert unknown >= 0
    for name, (posted, still_open) in (await scene.books()).items():
        net = scene.transport.net_microusd(name, rule)
        assert posted <= net <= posted + still_open, f"{name}: posted {posted}, open {still_open}, billed {net}"
