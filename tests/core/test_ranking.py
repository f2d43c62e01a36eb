"""In which order candidates are tried: by what a delivered video costs, by shares, ranks or time, and by trials."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from router.core.catalog import Catalog
from router.core.eligibility import ExclusionCause, ProviderStanding
from router.core.evidence import Outcome, TrackRecords
from router.core.preferences import RoutingPreferences, Sort
from router.core.ranking import Basis, DecisionReason
from router.core.reporting import DurationClass
from router.core.routing import Candidate, Decision, Situation, decide
from router.core.routing_settings import (
    ExplorationSettings,
    PanicPolicy,
    RoutingPolicy,
    RoutingSettings,
)
from router.core.turns import Turns
from tests.builders import EPOCH, ManualTime, a_catalog, a_price, a_provider, a_video, an_offering

NAMES = ("alpha", "beta", "gamma")
WELL = {name: ProviderStanding() for name in NAMES}
WEIGHTED = RoutingSettings(policy=RoutingPolicy.WEIGHTED)
EXPLORES = 2_000_000


class Past:
    """What was seen of the offerings `NAME/clip`."""

    def __init__(self, **billed_by_contract: bool) -> None:
        self.time = ManualTime()
        self.records = TrackRecords(self.time.clock, 3600.0)
        self.records.use(3600.0, billed_by_contract, [f"{name}/clip" for name in NAMES])

    def saw(
        self, name: str, *, delivered: int = 0, failed: int = 0, billed: bool = False, after_s: float = 100.0
    ) -> "Past":
        for outcome in [True] * delivered + [False] * failed:
            seen = Outcome(f"{name}/clip", name, DurationClass.SHORT, after_s, outcome, billed=not outcome and billed)
            self.records.add(seen)
        return self


def situation(past: Past | None = None, **changes: object) -> Situation:
    plain = Situation(WELL, (past or Past()).records, EPOCH, trials_microusd=0)
    return replace(plain, **changes)  # type: ignore[arg-type]


def priced(*amounts: int) -> Catalog:
    return a_catalog(*(an_offering(name, price=a_price(at)) for name, at in zip(NAMES, amounts, strict=False)))


def decided(catalog: Catalog, given: Situation, seed: int = 1) -> Decision:
    return decide(a_video(), catalog, given, Random(seed))


def order(decision: Decision) -> list[str]:
    return [each.offering.provider for each in decision.candidates]


def shares(decision: Decision) -> dict[str, float]:
    return {each.offering.provider: each.share for each in decision.candidates}


def first(decision: Decision) -> Candidate:
    assert decision.first is not None
    return decision.first


def test_of_those_that_deliver_alike_the_cheapest_is_first_and_the_next_cheapest_follows() -> None:
    decision = decided(priced(150_000, 100_000, 120_000), situation())
    assert order(decision) == ["beta", "gamma", "alpha"]
    assert (shares(decision)["beta"], decision.reason) == (1.0, DecisionReason.BEST)


def test_failures_that_are_billed_make_a_cheap_offering_dearer_than_a_solid_one() -> None:
    past = Past().saw("alpha", delivered=60, failed=40, billed=True).saw("beta", delivered=100)
    decision = decided(priced(100_000, 130_000), situation(past))
    assert order(decision) == ["beta", "alpha"]
    flaky = decision.candidates[1]
    # 40 of 100 fail and are paid for: 1 / 0.6 quotes for a video.
    assert flaky.score.paid_attempts == pytest.approx(1 / 0.6, rel=0.08)
    assert flaky.score.cost_microusd == pytest.approx(flaky.quote_microusd * flaky.score.paid_attempts)


def test_failures_that_cost_nothing_leave_the_cheap_offering_first() -> None:
    past = Past().saw("alpha", delivered=70, failed=30).saw("beta", delivered=100)
    assert order(decided(priced(100_000, 130_000), situation(past))) == ["alpha", "beta"]


def test_before_the_first_failure_the_contract_says_what_failures_cost() -> None:
    by_contract = decided(priced(100_000, 100_000), situation(Past(alpha=True)))
    assert order(by_contract) == ["beta", "alpha"]
    dear, free = by_contract.candidates[1], by_contract.candidates[0]
    assert dear.score.paid_attempts > free.score.paid_attempts == 1.0


def test_with_one_attempt_left_a_solid_offering_is_worth_more() -> None:
    past = Past().saw("alpha", delivered=70, failed=30).saw("beta", delivered=100)
    assert order(decided(priced(100_000, 130_000), situation(past, attempts_left=1))) == ["beta", "alpha"]


def test_a_price_of_waiting_pays_for_the_faster_one() -> None:
    past = Past().saw("alpha", delivered=50, after_s=600.0).saw("beta", delivered=50, after_s=60.0)
    catalog = priced(100_000, 130_000)
    assert order(decided(catalog, situation(past))) == ["alpha", "beta"]
    patient = RoutingSettings(microusd_per_minute=10_000)
    assert order(decided(catalog, situation(past, settings=patient))) == ["beta", "alpha"]


def test_what_runs_longer_than_usual_counts_before_it_ends() -> None:
    past = Past().saw("alpha", delivered=50).saw("beta", delivered=50)
    settings = RoutingSettings(microusd_per_minute=20_000)
    for _ in range(10):
        past.records.entered("alpha/clip", DurationClass.SHORT, past.time.clock.monotonic())
    catalog = priced(100_000, 130_000)
    assert order(decided(catalog, situation(past, settings=settings))) == ["alpha", "beta"]
    past.time.advance(300.0)
    assert order(decided(catalog, situation(past, settings=settings))) == ["beta", "alpha"]


def test_equals_share_by_weight() -> None:
    catalog = a_catalog(an_offering("alpha", weight=3.0), an_offering("beta"), an_offering("gamma", weight=0.0))
    decision = decided(catalog, situation())
    assert {name: round(share, 6) for name, share in shares(decision).items()} == {
        "alpha": 0.75,
        "beta": 0.25,
        "gamma": 0.0,
    }


def test_fastest_goes_by_the_time_to_a_video_and_not_by_its_price() -> None:
    past = Past().saw("alpha", delivered=20, after_s=200.0).saw("beta", delivered=20, after_s=50.0)
    decision = decided(priced(1, 900_000), situation(past, settings=RoutingSettings(policy=RoutingPolicy.FASTEST)))
    assert (order(decision), decision.basis) == (["beta", "alpha"], Basis.TIME)


def test_priority_comes_before_cost_and_cost_decides_within_one_rank() -> None:
    catalog = a_catalog(
        an_offering("alpha", price=a_price(1), priority=2),
        an_offering("beta", price=a_price(300), priority=1),
        an_offering("gamma", price=a_price(200), priority=1),
    )
    by_rank = situation(settings=RoutingSettings(policy=RoutingPolicy.PRIORITY))
    assert order(decided(catalog, by_rank)) == ["gamma", "beta", "alpha"]
    assert order(decided(catalog, situation())) == ["alpha", "gamma", "beta"]


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (5.0, 3.0, 2.0), (97.0, 2.0, 1.0), (0.1, 0.7, 0.2)])
def test_fixed_shares_are_exact_from_the_first_jobs_on(weights: tuple[float, ...]) -> None:
    catalog = a_catalog(*(an_offering(name, weight=weight) for name, weight in zip(NAMES, weights, strict=True)))
    turns, taken, rng = Turns(), Counter[str](), Random(3)
    for jobs in range(1, 10_001):
        decision = decide(a_video(), catalog, situation(settings=WEIGHTED, turns=turns.owed), rng)
        assert decision.reason is DecisionReason.WEIGHTED
        turns.took(decision, first(decision))
        taken[first(decision).offering.provider] += 1
        for name, weight in zip(NAMES, weights, strict=True):
            assert abs(taken[name] - jobs * weight / sum(weights)) <= 1.5
    for name, weight in zip(NAMES, weights, strict=True):
        assert taken[name] / 10_000 == pytest.approx(weight / sum(weights), abs=0.01)


def test_an_offering_that_was_away_does_not_take_everything_when_it_is_back() -> None:
    catalog, turns = priced(1, 1), Turns()
    away = {"alpha": ProviderStanding(barred="is ejected for another 7 s"), "beta": ProviderStanding()}
    for _ in range(50):
        decision = decided(catalog, situation(settings=WEIGHTED, standings=away, turns=turns.owed))
        turns.took(decision, first(decision))
    taken = Counter[str]()
    for _ in range(10):
        decision = decided(catalog, situation(settings=WEIGHTED, turns=turns.owed))
        turns.took(decision, first(decision))
        taken[first(decision).offering.provider] += 1
    assert taken == {"alpha": 5, "beta": 5}


def test_a_cheaper_offering_that_nobody_knows_gets_a_trial_share_until_it_is_known() -> None:
    past = Past().saw("beta", delivered=20)
    decision = decided(priced(100_000, 130_000), situation(past, trials_microusd=EXPLORES))
    assert shares(decision) == pytest.approx({"alpha": 0.2, "beta": 0.8})
    past.saw("alpha", delivered=6)
    assert shares(decided(priced(100_000, 130_000), situation(past, trials_microusd=EXPLORES)))["alpha"] == 1.0


def test_when_the_one_that_is_known_becomes_far_dearer_an_unknown_one_gets_as_many_jobs_as_prove_it() -> None:
    past = Past().saw("alpha", delivered=50)
    assert first(decided(priced(300_000, 120_000), situation(past))).offering.provider == "beta"
    # Less far, it would take a trial; and one that may fail is not for a job that nobody could go on with.
    assert first(decided(priced(300_000, 120_000), situation(past, ventures=False))).offering.provider == "alpha"
    assert shares(decided(priced(140_000, 120_000), situation(past)))["alpha"] == pytest.approx(0.8)
    for _ in range(RoutingSettings().exploration.outcomes_min):
        past.records.entered("beta/clip", DurationClass.SHORT, past.time.clock.monotonic())
    assert shares(decided(priced(300_000, 120_000), situation(past)))["alpha"] == pytest.approx(0.8)


def test_where_nobody_is_known_the_cheapest_has_all() -> None:
    assert shares(decided(priced(100_000, 130_000), situation(trials_microusd=EXPLORES)))["alpha"] == 1.0


def test_the_more_is_known_of_a_dearer_offering_the_less_it_is_tried() -> None:
    def trial_share(outcomes: int) -> float:
        past = Past(alpha=True).saw("beta", delivered=300)
        past.saw("alpha", delivered=outcomes - outcomes // 4, failed=outcomes // 4, billed=True)
        return shares(decided(priced(100_000, 125_000), situation(past, trials_microusd=EXPLORES)))["alpha"]

    assert trial_share(8) > trial_share(48) > 0.0
    assert trial_share(200) == 0.0


def test_trials_end_with_their_budget() -> None:
    past = Past(alpha=True).saw("beta", delivered=300).saw("alpha", delivered=6, failed=2, billed=True)
    catalog = priced(100_000, 131_000)
    tried = decided(catalog, situation(past, trials_microusd=EXPLORES, settings=_always_exploring()))
    assert tried.reason is DecisionReason.TRIAL
    assert 0 < tried.premium_microusd < 100_000
    spent = situation(past, trials_microusd=tried.premium_microusd - 1, settings=_always_exploring())
    assert decided(catalog, spent).reason is DecisionReason.BEST


def _always_exploring() -> RoutingSettings:
    return RoutingSettings(exploration=ExplorationSettings(share=1.0, outcomes_min=8))


@pytest.mark.parametrize(
    "changes",
    [
        {"ventures": False},
        {"preferences": RoutingPreferences(allow_fallbacks=False)},
        {"preferences": RoutingPreferences(order=("beta",))},
    ],
)
def test_nothing_is_tried_out_with_a_job_that_nobody_could_go_on_with(changes: dict[str, object]) -> None:
    past = Past().saw("beta", delivered=20)
    standings = {**WELL, "gamma": ProviderStanding(probing=True)}
    given = situation(past, trials_microusd=EXPLORES, standings=standings, **changes)
    assert order(decided(priced(100_000, 130_000, 1), given))[0] == "beta"


def test_a_cheap_provider_whose_ejection_is_over_gets_the_next_job_as_its_probe() -> None:
    past = Past().saw("alpha", failed=30).saw("beta", delivered=30)
    standings = {**WELL, "alpha": ProviderStanding(probing=True)}
    decision = decided(priced(100_000, 130_000), situation(past, standings=standings))
    assert (order(decision), decision.reason) == (["alpha", "beta"], DecisionReason.PROBE)


def test_one_that_a_caller_asks_for_by_name_is_probed_with_his_job() -> None:
    standings = {**WELL, "beta": ProviderStanding(probing=True)}
    for falls_back in (True, False):
        wishes = RoutingPreferences(order=("beta", "alpha"), allow_fallbacks=falls_back)
        decision = decided(priced(100_000, 130_000), situation(standings=standings, preferences=wishes))
        assert (order(decision), decision.reason) == (["beta", "alpha"], DecisionReason.PROBE)


@pytest.mark.parametrize("changes", [{"ventures": False}, {"preferences": RoutingPreferences(allow_fallbacks=False)}])
@pytest.mark.parametrize(("due_s", "expected"), [(599.0, "beta"), (600.0, "alpha")])
def test_one_that_nobody_could_probe_for_very_long_is_probed_with_any_job(
    changes: dict[str, object], due_s: float, expected: str
) -> None:
    standings = {**WELL, "alpha": ProviderStanding(probing=True, probe_due_s=due_s)}
    assert order(decided(priced(100_000, 130_000), situation(standings=standings, **changes)))[0] == expected


def test_a_dear_provider_is_not_probed_while_a_cheaper_one_is_well() -> None:
    standings = {**WELL, "beta": ProviderStanding(probing=True)}
    decision = decided(priced(100_000, 130_000), situation(standings=standings))
    assert (order(decision), decision.reason) == (["alpha", "beta"], DecisionReason.BEST)


def test_when_everybody_is_on_probation_the_best_of_them_is_the_probe() -> None:
    standings = {"alpha": ProviderStanding(probing=True), "beta": ProviderStanding(probing=True)}
    decision = decided(priced(130_000, 100_000), situation(standings=standings))
    assert (order(decision)[0], decision.reason, shares(decision)["beta"]) == ("beta", DecisionReason.PANIC, 1.0)


def test_without_panic_nobody_is_a_probe_until_one_was_left_alone_for_very_long() -> None:
    settings = RoutingSettings(panic=PanicPolicy.NEVER)

    def given(due_s: float) -> Situation:
        return situation(standings={"alpha": ProviderStanding(probing=True, probe_due_s=due_s)}, settings=settings)

    turned_away = decided(priced(1), given(10.0))
    assert turned_away.candidates == ()
    (exclusion,) = turned_away.exclusions
    assert (exclusion.cause, exclusion.retry_after_s) == (ExclusionCause.EJECTED, 590.0)
    assert "routing.panic: never" in exclusion.message
    assert order(decided(priced(1), given(600.0))) == ["alpha"]


def test_a_callers_order_comes_first_and_the_others_follow_by_cost() -> None:
    wishes = RoutingPreferences(order=("gamma", "alpha/clip"))
    decision = decided(priced(200, 100, 300), situation(preferences=wishes))
    assert (order(decision), decision.reason) == (["gamma", "alpha", "beta"], DecisionReason.ORDERED)
    strict = replace(wishes, allow_fallbacks=False)
    assert order(decided(priced(200, 100, 300), situation(preferences=strict))) == ["gamma", "alpha"]


@pytest.mark.parametrize(("sort", "expected"), [(Sort.PRICE, "alpha"), (Sort.LATENCY, "beta"), (None, "beta")])
def test_a_caller_sorts_by_price_or_time_whatever_the_policy_is(sort: Sort | None, expected: str) -> None:
    past = Past().saw("alpha", delivered=20, failed=20, billed=True, after_s=300.0).saw("beta", delivered=20)
    given = situation(past, preferences=RoutingPreferences(sort=sort))
    assert order(decided(priced(100_000, 110_000), given))[0] == expected


def test_fallback_models_are_taken_only_when_nobody_makes_the_one_asked_for() -> None:
    catalog = a_catalog(an_offering("alpha", price=a_price(9_000)), an_offering("beta", model="film", price=a_price(1)))
    wishes = RoutingPreferences(models=("film",))
    assert order(decided(catalog, situation(preferences=wishes))) == ["alpha", "beta"]
    out = {**WELL, "alpha": ProviderStanding(barred="is ejected for another 7 s")}
    decision = decided(catalog, situation(preferences=wishes, standings=out))
    assert (order(decision), first(decision).video.model) == (["beta"], "film")


def test_the_models_of_a_group_compete_by_cost() -> None:
    offerings = (an_offering("alpha", price=a_price(9_000)), an_offering("beta", model="film", price=a_price(1)))
    catalog = Catalog.of(tuple(map(a_provider, NAMES)), offerings, {"standard": ("clip", "film")})
    decision = decide(a_video(model="standard"), catalog, situation(), Random(1))
    assert [each.video.model for each in decision.candidates] == ["film", "clip"]


def test_whoever_usually_takes_longer_than_the_job_has_comes_last() -> None:
    past = Past().saw("alpha", delivered=10, after_s=500.0).saw("beta", delivered=10, after_s=50.0)
    decision = decided(priced(100, 200), situation(past, left_s=300.0))
    assert [(each.offering.provider, each.late) for each in decision.candidates] == [("beta", False), ("alpha", True)]
