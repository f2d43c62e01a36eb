from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Stage
from router.core.budget import Booking, Budgets, BudgetScope
from router.core.clock import Clock
from router.core.events import AttemptEnded, Event, JobAccepted
from router.core.health import HealthSnapshot, ProviderHealth
from router.core.job import AttemptState
from router.core.order import Readiness
from router.core.overview import SCHEMA, DailyBudget, Live, Overview, ProviderOverview, Uncertain
from router.core.ranking import DecisionReason
from router.core.resolution import Billed, Found, NotFound
from router.observe.board import FAILURES_MAX, Board
from router.observe.sliding import WINDOW_S, SlidingDurations, SlidingSums
from tests.observe import scenes

CANARY = "canary-4711"


@dataclass
class Wall:
    """A clock that a test moves."""

    passed_s: float = 0.0
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(wall=lambda: scenes.NOW + self.passed_s, monotonic=lambda: self.passed_s)


def health_of(providers: int = 2) -> Mapping[str, HealthSnapshot]:
    catalog, clock = scenes.catalog_of(providers), Wall().clock
    every = {name: ProviderHealth(each, clock, Random(1), lambda _: None) for name, each in catalog.providers.items()}
    return {name: each.snapshot() for name, each in every.items()}


def shown(events: Iterable[Event], wall: Wall | None = None, board: Board | None = None) -> Overview:
    wall = wall or Wall(passed_s=100.0)
    board = board or Board(wall.clock)
    for event in events:
        board.listeners.hear(event)
    return board.overview(Readiness(ready=True, health=health_of()))


def provider(overview: Overview, name: str) -> ProviderOverview:
    return next(each for each in overview.providers if each.provider == name)


def test_a_router_that_did_nothing_shows_its_providers_in_the_order_of_the_configuration():
    overview = shown([])
    assert (overview.schema, overview.ready, overview.draining) == (SCHEMA, True, False)
    assert [each.provider for each in overview.providers] == ["p0", "p1"]
    assert overview.jobs.queued == overview.jobs.between_attempts == Live(0, None)
    assert set(overview.outcomes.values()) == {0}
    window = overview.providers[0].window
    assert (window.attempts, window.delivered_share, window.p50_s, window.microusd_per_delivered_second) == (
        *(0, None),
        *(None, None),
    )


def test_a_delivered_second_costs_everything_that_was_posted_waste_included():
    overview = shown([*scenes.delivery(cost_microusd=700_000), *scenes.billed_refusal(), *scenes.rescue()])
    window = provider(overview, "p0").window
    assert (window.attempts, window.delivered, window.delivered_share) == (3, 1, 0.3333)
    assert (window.posted_microusd, window.wasted_microusd) == (1_500_000, 800_000)
    assert window.microusd_per_delivered_second == 1_500_000 // 8
    assert window.failures == {"output_review.refused": 1, "submit.overloaded": 1}
    assert (window.p50_s, window.p90_s) == (61.0, 61.0)
    assert (overview.outcomes["succeeded"], overview.outcomes["rejected"]) == (2, 1)


def test_a_live_job_is_queued_then_with_a_provider_then_between_attempts():
    accepted, start, end, again, *_ = scenes.rescue()
    wall = Wall(passed_s=30.0)
    board = Board(wall.clock)
    waiting = Live(1, 30.0)
    assert shown([accepted], wall, board).jobs.queued == waiting
    assert shown([start], wall, board).jobs.in_progress == {"p0": waiting}
    jobs = shown([end], wall, board).jobs
    assert (jobs.between_attempts, jobs.in_progress, jobs.queued.count) == (waiting, {}, 0)
    assert shown([again], wall, board).jobs.in_progress == {"p1": waiting}


def test_uncertain_money_stays_in_sight_until_it_is_known():
    *before, known = scenes.late_duplicate()
    wall = Wall(passed_s=301.0)
    board = Board(wall.clock)
    overview = shown(before, wall, board)
    assert provider(overview, "p0").uncertain == overview.uncertain == Uncertain(800_000, 1, 300.0)
    assert overview.outcomes["succeeded"] == 1
    overview = shown([known], wall, board)
    assert overview.uncertain == Uncertain(0, 0, None)
    window = provider(overview, "p0").window
    # It left its job once; what it cost is waste.
    assert (window.attempts, window.delivered, window.wasted_microusd) == (1, 0, 800_000)
    assert [each.provider for each in overview.last_failures] == ["p0"]


def test_daily_budgets_are_those_of_this_moment():
    wall = Wall()
    budgets = Budgets(wall.clock, {(BudgetScope.PROVIDER, "p0"): 5_000_000})
    budgets.hold(Booking("a-1", "p0", "studio", scenes.NOW, 800_000))
    overview = Board(wall.clock).overview(Readiness(ready=True, budgets=budgets.each()))
    assert overview.budgets == (DailyBudget("provider", "p0", 5_000_000, 800_000),)


def test_a_restart_takes_over_live_jobs_and_open_money_and_begins_an_empty_window():
    running = [event.job for event in scenes.waiting() if hasattr(event, "job")][-1]
    running = replace(running, attempts=(replace(running.attempts[0], state=AttemptState.RUNNING),))
    lost = scenes.lost_answer()[-1]
    late = next(event for event in scenes.late_duplicate() if isinstance(event, AttemptEnded))
    board = Board(Wall(passed_s=11.0).clock)
    board.resume([running, lost.job, late.job])  # type: ignore[union-attr]
    overview = shown([], board=board)
    assert overview.jobs.in_progress == {"p0": Live(1, 11.0)}
    assert overview.jobs.between_attempts.count == 1
    assert (overview.uncertain.attempts, overview.uncertain.amount_microusd) == (2, 1_600_000)
    assert sum(overview.outcomes.values()) == 0


def test_the_window_forgets_after_an_hour():
    wall = Wall(passed_s=100.0)
    board = Board(wall.clock)
    shown([*scenes.delivery(), *scenes.billed_refusal()], wall, board)
    wall.passed_s += WINDOW_S - 120
    assert provider(shown([], wall, board), "p0").window.attempts == 2
    wall.passed_s += 120
    window = provider(shown([], wall, board), "p0").window
    assert (window.attempts, window.posted_microusd, window.p50_s, window.failures) == (0, 0, None, {})


def test_the_last_failures_are_few_and_the_newest_comes_first():
    events = [event for _ in range(FAILURES_MAX) for event in scenes.rescue()]
    _, unroutable = scenes.failed(scenes.job_of(), Failure(Stage.ROUTE, Reason.NO_CANDIDATE))
    failures = shown([*events, unroutable]).last_failures
    assert len(failures) == FAILURES_MAX
    assert (failures[0].stage, failures[0].reason, failures[0].attempt) == ("route", "no_candidate", None)
    assert (failures[1].provider, failures[1].stage, failures[1].attempt) == ("p0", "submit", 1)
    assert failures[1].time == "2026-11-18T11:07:41.000Z"


@pytest.mark.parametrize("code", [f"bad {CANARY}", f"sk-{CANARY}", CANARY, "x" * 65])
def test_what_a_failure_shows_is_no_secret_and_nothing_of_the_prompt(code: str):
    job = replace(scenes.job_of(prompt=f"a {CANARY} in the sea"), metadata={"note": CANARY})
    attempt = replace(scenes.attempt_of(job), remote_id=CANARY, content_url=f"https://x/?sig={CANARY}", code=code)
    _, end = scenes.ended(job, attempt, AttemptState.FAILED, None, Stage.SUBMIT, Reason.REFUSED)
    overview = shown([replace(end, cause=f"GET https://u:{CANARY}@x/v?sig={CANARY} got HTTP 502")])
    assert len(overview.last_failures) == 1
    assert overview.last_failures[0].cause == "GET https://x/v?[scrubbed] got HTTP 502"
    assert CANARY not in orjson.dumps(overview).decode()


def test_a_cancelled_job_is_an_outcome_and_no_failure():
    job = scenes.job_of()
    _, over = scenes.failed(job, Failure(Stage.ROUTE, Reason.CANCELLED))
    overview = shown([JobAccepted(job), over])
    assert overview.outcomes["cancelled"] == 1
    assert overview.last_failures == ()


def test_an_attempt_that_was_left_behind_is_uncertain_and_tells_nothing_of_its_provider():
    job, start = scenes.started(scenes.job_of(), scenes.attempt_of(scenes.job_of()))
    _, end = scenes.ended(job, start.attempt, AttemptState.LATE)
    (first, _) = shown([JobAccepted(job), start, end]).providers
    assert (first.window.attempts, first.window.delivered_share, first.uncertain.attempts) == (0, None, 1)


def test_money_that_an_operator_accounts_for_is_uncertain_no_more():
    for resolution, left in ((Found("task_42"), 1), (NotFound(), 0), (Billed(120_000), 0)):
        overview = shown(scenes.resolved(resolution))
        assert (overview.uncertain.attempts, overview.uncertain.amount_microusd) == (left, left * 800_000)
        assert sum(each.window.attempts for each in overview.providers) == 1


def test_decisions_are_counted_by_provider_and_reason_when_the_attempt_begins():
    events = [*scenes.tried(DecisionReason.TRIAL), *scenes.waiting("p1"), *scenes.waiting("p1")]
    first, second = shown(events).providers
    assert (first.window.decisions, second.window.decisions) == ({"trial": 1}, {"best": 2})


def test_a_day_fits_into_json_and_adds_up():
    overview = orjson.loads(orjson.dumps(shown(scenes.a_day())))
    windows = [each["window"] for each in overview["providers"]]
    assert sum(each["attempts"] for each in windows) == 21
    assert overview["uncertain"]["attempts"] == sum(each["uncertain"]["attempts"] for each in overview["providers"])
    assert overview["outcomes"]["unknown"] == 4


@given(st.lists(st.tuples(st.floats(0, 900), st.sampled_from("ab"), st.integers(0, 9)), max_size=60))
def test_sliding_sums_are_those_of_the_last_hour_give_or_take_a_minute(steps: list[tuple[float, str, int]]):
    wall = Wall()
    sums, added = SlidingSums[str](wall.clock), []
    for passed_s, key, amount in steps:
        wall.passed_s += passed_s
        sums.add(key, amount)
        added.append((wall.passed_s, key, amount))
        for each in "ab":
            surely = sum(n for at, k, n in added if k == each and wall.passed_s - at < WINDOW_S - 60)
            perhaps = sum(n for at, k, n in added if k == each and wall.passed_s - at <= WINDOW_S)
            assert surely <= sums.sums().get(each, 0) <= perhaps


def test_a_flood_makes_nothing_grow():
    wall = Wall()
    sums, durations = SlidingSums[str](wall.clock), SlidingDurations(wall.clock)
    for number in range(20_000):
        wall.passed_s += 1.0
        sums.add("a")
        durations.add(float(number))
    assert sums.sums()["a"] <= WINDOW_S
    assert len(sums._slices) == 60
    assert len(durations._durations) == 1_000
    p50_s, p90_s = durations.quantiles(0.5, 0.9)
    assert (p50_s, p90_s) == (19_500.0, 19_900.0)
