"""What is remembered between decisions: attempts in flight, outcomes, trials' money and failovers' turns."""

from dataclasses import replace
from random import Random

import pytest

from providers.canonical import Reason, Stage
from router.core.budget import UNLIMITED
from router.core.catalog import Catalog, ChargeRule
from router.core.decision_record import record_of
from router.core.eligibility import ProviderStanding
from router.core.exploration import ExplorationBudget
from router.core.job import WITHDRAWN, Attempt, AttemptState
from router.core.policy import JobLimits
from router.core.preferences import RoutingPreferences
from router.core.reporting import DurationClass
from router.core.retry_budget import RetryBudget
from router.core.routing import Decision, Situation, decide
from router.core.routing_memory import JobSoFar, RoutingMemory
from router.core.routing_settings import ExplorationSettings, RetryBudgetSettings, RoutingSettings
from tests.builders import (
    EPOCH,
    PORTRAIT,
    ManualTime,
    a_catalog,
    a_price,
    a_provider,
    a_video,
    an_attempt,
    an_offering,
)

SHORT = DurationClass.SHORT
DAY_S = 86_400.0


class Scene:
    def __init__(self) -> None:
        self.time = ManualTime()
        offerings = (an_offering("alpha", price=a_price(100_000)), an_offering("beta", price=a_price(120_000)))
        self.catalog = Catalog.of((a_provider("alpha"), a_provider("beta")), offerings)
        self.settings = RoutingSettings()
        self.memory = RoutingMemory(self.time.clock, self.settings, self.catalog)

    def attempt(self, number: int = 1, **changes: object) -> Attempt:
        return an_attempt(number, **{"submitted_at": self.time.clock.wall(), **changes})

    def ended(self, attempt: Attempt, state: AttemptState = AttemptState.SUCCEEDED, **changes: object) -> Attempt:
        return replace(attempt, state=state, ended_at=self.time.clock.wall(), **changes)  # type: ignore[arg-type]

    def outcomes(self, name: str = "alpha") -> float:
        return self.memory.records.evidence(f"{name}/clip", name, SHORT).outcomes

    def in_flight(self) -> int:
        return self.memory.records.load("alpha/clip", SHORT).in_flight

    def decide(self, **changes: object) -> Decision:
        standings = {"alpha": ProviderStanding(), "beta": ProviderStanding()}
        situation = Situation(standings, self.memory.records, EPOCH, settings=self.settings)
        return decide(a_video(), self.catalog, replace(situation, **changes), Random(1))  # type: ignore[arg-type]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_an_attempt_is_in_flight_from_its_submit_to_its_end_and_counts_once(scene: Scene) -> None:
    attempt = scene.attempt()
    scene.memory.began(attempt, PORTRAIT)
    scene.memory.began(attempt, PORTRAIT)
    assert scene.in_flight() == 1
    scene.time.advance(90.0)
    for _ in range(2):
        scene.memory.ended(scene.ended(attempt), PORTRAIT)
    assert (scene.in_flight(), scene.outcomes()) == (0, 1.0)


def test_an_attempt_that_was_withdrawn_teaches_nothing(scene: Scene) -> None:
    attempt, unsent = scene.attempt(), {"stage": Stage.SUBMIT, "reason": Reason.UNREACHABLE, "code": WITHDRAWN}
    scene.memory.began(attempt, PORTRAIT)
    scene.memory.ended(scene.ended(attempt, AttemptState.FAILED, **unsent), PORTRAIT)
    assert (scene.in_flight(), scene.outcomes()) == (0, 0.0)


def test_one_that_was_taken_up_again_is_as_old_as_its_submit(scene: Scene) -> None:
    scene.memory.began(scene.attempt(submitted_at=scene.time.clock.wall() - 300.0), PORTRAIT)
    assert scene.memory.records.load("alpha/clip", SHORT).age_s == 300.0


def test_a_start_learns_from_what_the_store_knows_as_if_it_had_seen_it(scene: Scene) -> None:
    scene.time.advance(7200.0)
    now = scene.time.clock.wall()
    old, new = scene.attempt(1, submitted_at=now - 3700.0), scene.attempt(2, submitted_at=now - 60.0)
    ended = (replace(old, state=AttemptState.SUCCEEDED, ended_at=now - 3600.0), scene.ended(new))
    scene.memory.restore((attempt, PORTRAIT) for attempt in ended)
    assert scene.outcomes() == pytest.approx(1.5)


def test_a_reload_keeps_what_is_known_of_offerings_that_are_still_sold(scene: Scene) -> None:
    for number, name in enumerate(("alpha", "beta")):
        attempt = scene.attempt(number, offering_id=f"{name}/clip", provider=name)
        scene.memory.began(attempt, PORTRAIT)
        scene.memory.ended(scene.ended(attempt), PORTRAIT)
    scene.memory.use(scene.settings, a_catalog(an_offering("alpha", price=a_price(1))))
    scene.memory.use(scene.settings, scene.catalog)
    assert (scene.outcomes("alpha"), scene.outcomes("beta")) == (1.0, 0.0)


def test_another_account_begins_with_nothing_known(scene: Scene) -> None:
    attempt = scene.attempt()
    scene.memory.began(attempt, PORTRAIT)
    scene.memory.ended(scene.ended(attempt), PORTRAIT)
    scene.memory.renewed("alpha")
    assert scene.outcomes() == 0.0


def test_a_recovery_is_noticed_once(scene: Scene) -> None:
    for number in range(10):
        attempt = scene.attempt(number)
        scene.memory.began(attempt, PORTRAIT)
        scene.memory.ended(scene.ended(attempt), PORTRAIT)
    for _ in range(3):
        standings = {"alpha": ProviderStanding(recoveries=1), "beta": ProviderStanding()}
        scene.memory.situation(standings, scene.settings, JobLimits(), RoutingPreferences(), UNLIMITED)
    assert scene.outcomes() == pytest.approx(1.0)


def test_a_contract_that_bills_failures_is_known_before_the_first_failure(scene: Scene) -> None:
    providers = (a_provider("alpha", charge_rule=ChargeRule(failed_billed=True)), a_provider("beta"))
    scene.memory.use(scene.settings, Catalog.of(providers, scene.catalog.offerings))
    assert scene.memory.records.evidence("alpha/clip", "alpha", SHORT).billed_share == 1.0
    assert scene.memory.records.evidence("beta/clip", "beta", SHORT).billed_share == 0.0


def test_only_a_trial_that_goes_where_it_was_meant_to_takes_of_the_exploration_budget(scene: Scene) -> None:
    trial = replace(scene.decide(), premium_microusd=30_000)
    scene.memory.chosen(trial, trial.candidates[1], first=True)
    assert scene.memory.exploration.used_microusd == 0
    scene.memory.chosen(trial, trial.candidates[0], first=True)
    assert scene.memory.exploration.used_microusd == 30_000


def test_the_exploration_budget_is_new_every_utc_day() -> None:
    time = ManualTime()
    budget = ExplorationBudget(time.clock, 100)
    budget.take(70)
    assert budget.left_microusd() == 30
    budget.use(50)
    assert budget.left_microusd() == 0
    time.advance(DAY_S)
    assert budget.left_microusd() == 50


def turns_s(budget: RetryBudget, *jobs: str) -> list[float]:
    return [budget.turn_s(job) for job in jobs]


def test_failovers_stand_in_line_when_too_many_follow_each_other_and_none_is_lost() -> None:
    time = ManualTime()
    budget = RetryBudget(time.clock, RetryBudgetSettings(share=0.2, per_s=0.5))
    assert turns_s(budget, *"abcde") == [0.0] * 5
    assert turns_s(budget, *"fgh") == [2.0, 4.0, 6.0]
    time.advance(2.0)
    assert turns_s(budget, *"fgh") == [0.0, 2.0, 4.0]
    budget.leave("g")
    assert turns_s(budget, "h") == [2.0]
    for _ in range(5):
        budget.submitted()
    assert turns_s(budget, "h") == [0.0]


def test_settings_of_the_two_budgets_are_taken_over(scene: Scene) -> None:
    changed = RoutingSettings(
        exploration=ExplorationSettings(microusd_per_day=5), retry_budget=RetryBudgetSettings(share=0.0, per_s=0.1)
    )
    scene.memory.use(changed, scene.catalog)
    assert scene.memory.exploration.left_microusd() == 5
    assert turns_s(scene.memory.retries, "a", "b") == [0.0, 10.0]


def test_a_record_says_at_which_price_the_decision_would_be_another(scene: Scene) -> None:
    decision = scene.decide()
    best, next_best = record_of(decision, a_video(), EPOCH).candidates
    assert (best.offering, best.flips_at_microusd) == ("alpha/clip", 120_000)
    assert (next_best.offering, next_best.flips_at_microusd) == ("beta/clip", 100_000)


@pytest.mark.parametrize(("amount", "first"), [(119_000, "alpha/clip"), (121_000, "beta/clip")])
def test_a_price_beyond_the_flip_does_flip_it(scene: Scene, amount: int, first: str) -> None:
    scene.catalog = a_catalog(an_offering("alpha", price=a_price(amount)), an_offering("beta", price=a_price(120_000)))
    decided = scene.decide().first
    assert decided is not None
    assert decided.offering.id == first


@pytest.mark.parametrize(
    ("operators", "callers", "tried", "ventures"),
    [(3, None, 0, True), (3, None, 2, False), (3, 1, 0, False), (1, None, 0, True), (2, 2, 1, False)],
)
def test_something_is_tried_out_only_when_there_is_an_attempt_to_go_on_with_or_never_will_be(
    scene: Scene, operators: int, callers: int | None, tried: int, *, ventures: bool
) -> None:
    limits, wishes = JobLimits(attempts_max=operators), RoutingPreferences(attempts_max=callers)
    so_far = JobSoFar(tried=frozenset(f"alpha/{number}" for number in range(tried)))
    standings = {"alpha": ProviderStanding()}
    situation = scene.memory.situation(standings, scene.settings, limits, wishes, UNLIMITED, so_far)
    assert situation.ventures is ventures


def test_what_was_meant_for_somebody_and_never_left_leaves_nothing_behind(scene: Scene) -> None:
    trial, attempt = replace(scene.decide(), premium_microusd=30_000), scene.attempt()
    for begins in (False, True):
        scene.memory.chosen(trial, trial.candidates[0], first=True)
        scene.memory.meant(attempt.id, trial, trial.candidates[0])
        assert scene.in_flight() == 1
        if begins:
            scene.memory.began(attempt, PORTRAIT)
        scene.memory.dropped(attempt.id)
        assert (scene.in_flight(), scene.memory.exploration.used_microusd) == ((1, 30_000) if begins else (0, 0))


def test_jobs_that_wait_for_a_failover_are_called_in_the_order_in_which_they_came() -> None:
    time = ManualTime()
    budget = RetryBudget(time.clock, RetryBudgetSettings(share=0.0, per_s=0.1))
    waits = [budget.turn_s(f"video_{number}") for number in range(5)]
    assert waits == pytest.approx([0.0, 10.0, 20.0, 30.0, 40.0])
    budget.leave("video_1")
    time.advance(10.0)
    assert budget.turn_s("video_3") == pytest.approx(10.0)
    assert (budget.turn_s("video_2"), budget.turn_s("video_2"), budget.turn_s("video_0")) == (0.0, 0.0, 0.0)
    budget.leave("video_2")
    assert budget.turn_s("video_2") == pytest.approx(30.0)
