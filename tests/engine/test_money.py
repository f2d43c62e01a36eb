"""Whatever upstreams do, and whenever the router is killed or configured anew: no money goes where it may not."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import ChargeRule
from router.core.clock import Clock
from router.core.job import AttemptState
from router.core.ledger import CostKind
from router.core.policy import JobLimits, OnAmbiguous
from router.engine.exchange import NoAnswer, NotSent
from tests.engine.scripted import PRICES, Fate, Scene, a_scene
from tests.virtual_time import in_virtual_time

NAMES = tuple(PRICES)

_refusals = st.sampled_from(
    [
        NotSent("refused"),
        NoAnswer("reset"),
        Failure(Stage.SUBMIT, Reason.OVERLOADED),
        Failure(Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=5.0),
        Failure(Stage.SUBMIT, Reason.BALANCE),
        Failure(Stage.SUBMIT, Reason.AMBIGUOUS),
        Failure(Stage.SUBMIT, Reason.UNREADABLE),
        Failure(Stage.PROMPT_REVIEW, Reason.REFUSED),
        Failure(Stage.SUBMIT, Reason.INVALID),
    ]
)
_ends = st.sampled_from(
    [
        Failure(Stage.GENERATE, Reason.INTERNAL),
        Failure(Stage.OUTPUT_REVIEW, Reason.REFUSED),
        Failure(Stage.GENERATE, Reason.CANCELLED),
        Failure(Stage.POLL, Reason.UNREADABLE),
    ]
)
_moments = st.sampled_from([5.0, 60.0, 300.0, 900.0, 2500.0, None])
_answers = st.sampled_from([0.0, 0.5, 30.0])
_refused = st.builds(Fate, submit=_refusals, answer_after_s=_answers)
_failed = st.builds(Fate, end=_ends, ends_after_s=_moments, stuck=st.booleans(), answer_after_s=_answers)
_made = st.builds(
    Fate,
    ends_after_s=_moments,
    stuck=st.booleans(),
    broken_fetches=st.sampled_from([0, 0, 2, 1000]),
    link=st.sampled_from([None, None, "https://cdn.example/preview"]),
    answer_after_s=_answers,
)
# An upstream that answers in such a way may have taken the job on, or not.
_lost = st.builds(
    Fate,
    submit=st.sampled_from([NoAnswer("reset"), Failure(Stage.SUBMIT, Reason.AMBIGUOUS)]),
    taken=st.booleans(),
    ends_after_s=_moments,
)
_unfetched = st.builds(
    Fate,
    ends_after_s=_moments,
    broken_fetches=st.just(1000),
    ours=st.booleans(),
    taken_back=st.sampled_from([None, Failure(Stage.GENERATE, Reason.INTERNAL)]),
)
_fates = st.lists(_refused | _failed | _made | _lost | _unfetched, max_size=5)
_limits = st.builds(
    JobLimits,
    attempts_max=st.integers(1, 4),
    spend_microusd_max=st.sampled_from([100_000, 249_999, 250_000, 450_000, 20_000_000]),
    deadline_s=st.sampled_from([30.0, 700.0, 3600.0]),
    on_ambiguous=st.sampled_from(OnAmbiguous),
    duplicate_microusd_max=st.sampled_from([0, 100_000, 1_000_000]),
    attempt_s_min=st.sampled_from([1.0, 120.0]),
)
_reloads = st.frozensets(st.sampled_from(NAMES))
_interruptions = st.lists(
    st.tuples(st.sampled_from([0.0, 0.3, 5.0, 70.0, 650.0]), st.sampled_from(["crash", "stop"]) | _reloads), max_size=4
)


@settings(max_examples=120, deadline=None)
@given(
    fates=st.fixed_dictionaries(dict.fromkeys(NAMES, _fates)),
    limits=_limits,
    jobs=st.integers(1, 4),
    interruptions=_interruptions,
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
        assert len(job.attempts) <= scene.limits.attempts_max
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
