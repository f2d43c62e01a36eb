"""A job on virtual time goes by the engine's rules, and its world by what was drawn for it."""

from typing import Any

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import ChargeRule
from router.core.policy import JobLimits, OnAmbiguous
from router.simulation.oracle import Clairvoyant, Informed
from router.simulation.place import Setup
from router.simulation.result import Arrival, JobResult, Run
from router.simulation.routers import ListOrder, LowestQuote, OurRouter, RoundRobin, Router
from router.simulation.runner import Reload, simulate
from router.simulation.world import Change, Fault, SyntheticWorld
from tests.builders import a_catalog, a_price, a_provider, a_video, an_offering

CATALOG = a_catalog(an_offering("alpha", price=a_price(100_000)), an_offering("beta", price=a_price(150_000)))


def asked(*changes: Change, jobs: int = 1, every_s: float = 10.0, **given: Any) -> Run:
    router: Router = given.pop("router", None) or OurRouter()
    setup = given.pop("setup", None) or Setup(CATALOG)
    arrivals = [Arrival(number * every_s, f"job-{number}", a_video()) for number in range(jobs)]
    return simulate(router, SyntheticWorld(changes), arrivals, setup, **given)


def failing(fault: Fault, of: str = "alpha", **more: Any) -> Change:
    return Change(of, success=0.0, faults={fault: 1.0}, **more)


def only(run: Run) -> JobResult:
    (job,) = run.jobs
    return job


def test_a_job_goes_to_the_cheapest_and_is_seen_when_a_poll_is_due() -> None:
    job = only(asked())
    assert [(each.provider, each.delivered) for each in job.attempts] == [("alpha", True)]
    assert job.paid_microusd == 100_000
    assert job.ended_s > 20.0


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.RATE_LIMITED, Fault.OVERLOADED, Fault.INTERNAL, Fault.LATE])
def test_after_a_failure_the_job_goes_on_and_pays_nothing_for_it(fault: Fault) -> None:
    job = only(asked(failing(fault)))
    assert [each.provider for each in job.attempts] == ["alpha", "beta"]
    assert (job.delivered, job.paid_microusd) == (True, 150_000)


def test_a_failure_is_paid_as_the_contract_says_or_as_the_provider_tells() -> None:
    billing = a_provider("alpha", charge_rule=ChargeRule(failed_billed=True))
    setup = Setup(a_catalog(*CATALOG.offerings, alpha=billing))
    assert only(asked(failing(Fault.INTERNAL), setup=setup)).paid_microusd == 250_000
    assert only(asked(failing(Fault.INTERNAL, failed_billed=0.0), setup=setup)).paid_microusd == 150_000


def test_after_an_ambiguous_submit_nothing_is_bought_again_unless_the_operator_says_so() -> None:
    lost = failing(Fault.AMBIGUOUS, bought=1.0)
    held = only(asked(lost))
    assert (held.delivered, held.paid_microusd, len(held.attempts)) == (False, 100_000, 1)
    twice = JobLimits(on_ambiguous=OnAmbiguous.FAILOVER, duplicate_microusd_max=1_000_000)
    assert only(asked(lost, setup=Setup(CATALOG, limits=twice))).paid_microusd == 250_000


def test_what_stalls_is_given_up_and_bought_elsewhere() -> None:
    job = only(asked(failing(Fault.STUCK)))
    first, second = job.attempts
    assert first.failure is not None
    assert first.failure.reason is Reason.STALLED
    assert (second.provider, job.paid_microusd) == ("beta", 250_000)


def test_a_prompt_that_is_refused_is_refused_by_everybody_and_shown_to_one() -> None:
    world = SyntheticWorld(refused=1.0)
    job = only(simulate(OurRouter(), world, [Arrival(0.0, "job-0", a_video())], Setup(CATALOG)))
    assert job.failure is not None
    assert (len(job.attempts), job.failure.stage, job.paid_microusd) == (1, Stage.PROMPT_REVIEW, 0)


def test_a_video_that_nobody_sells_is_turned_away_at_the_door() -> None:
    arrival = Arrival(0.0, "job-0", a_video(model="unknown"))
    job = only(simulate(OurRouter(), SyntheticWorld(), [arrival], Setup(CATALOG)))
    assert (job.accepted, job.delivered, job.retry_after_s) == (False, False, None)


def test_while_all_are_down_jobs_are_turned_away_until_a_probe_is_due() -> None:
    run = asked(failing(Fault.UNREACHABLE, "alpha"), failing(Fault.UNREACHABLE, "beta"), jobs=60, every_s=1.0)
    away = [job for job in run.jobs if not job.accepted]
    assert away
    assert all(job.retry_after_s for job in away)


def test_a_provider_that_is_down_is_left_and_found_again() -> None:
    run = asked(failing(Fault.UNREACHABLE, lasts_s=600.0), jobs=300, every_s=5.0)
    firsts = [job.attempts[0] for job in run.jobs if job.attempts]
    during = [each for each in firsts if 60.0 < each.at_s < 600.0]
    assert sum(each.provider == "alpha" for each in during) < 20
    assert all(each.provider == "alpha" for each in firsts[-50:])
    assert {move.event.provider for move in run.moves} == {"alpha"}


def test_beyond_its_capacity_a_provider_answers_with_a_rate_limit() -> None:
    run = asked(Change("alpha", capacity=2), jobs=20, every_s=1.0)
    limited = Failure(Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=30.0)
    failures = [each.failure for job in run.jobs for each in job.attempts if each.failure]
    assert failures
    assert set(failures) == {limited}
    assert all(job.delivered for job in run.jobs)


def test_a_reload_puts_other_prices_in_force_at_its_moment() -> None:
    dearer = Setup(a_catalog(an_offering("alpha", price=a_price(300_000)), CATALOG.offerings[1]))
    run = asked(jobs=40, every_s=10.0, reloads=[Reload(200.0, dearer)])
    assert [job.attempts[0].provider for job in run.jobs[:20]] == ["alpha"] * 20
    assert run.jobs[-1].attempts[0].provider == "beta"


@pytest.mark.parametrize(
    "router", [OurRouter(), ListOrder(), Informed(SyntheticWorld()), Clairvoyant(SyntheticWorld())]
)
def test_nobody_asks_a_provider_that_is_drained_by_a_reload(router: Router) -> None:
    drained = Setup(a_catalog(*CATALOG.offerings, alpha=a_provider("alpha", drained=True)))
    run = asked(jobs=4, every_s=30.0, router=router, reloads=(Reload(45.0, drained),))
    assert [job.attempts[0].provider for job in run.jobs] == ["alpha", "alpha", "beta", "beta"]


def test_a_change_holds_for_its_time_and_comes_again() -> None:
    flapping = Change("alpha", from_s=100.0, lasts_s=30.0, every_s=100.0, until_s=250.0, success=0.0)
    offering = CATALOG.offerings[0]
    holding = [at_s for at_s in range(0, 400, 10) if flapping.holds(offering, float(at_s))]
    assert holding == [100, 110, 120, 200, 210, 220]
    assert not flapping.holds(CATALOG.offerings[1], 100.0)


def test_whoever_routes_meets_the_same_fates() -> None:
    flaky = Change(success=0.6, failed_billed=0.5)
    runs = [asked(flaky, jobs=50, router=router) for router in (OurRouter(), ListOrder(), LowestQuote(), RoundRobin())]
    met: dict[tuple[str, str], bool] = {}
    for run in runs:
        for job in run.jobs:
            for each in job.attempts:
                assert met.setdefault((job.arrival.job_id, each.offering_id), each.delivered) is each.delivered


def test_round_robin_takes_turns() -> None:
    run = asked(jobs=10, router=RoundRobin())
    assert [job.attempts[0].provider for job in run.jobs].count("alpha") == 5
