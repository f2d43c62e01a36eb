"""Recorded jobs through another configuration: close to what such a configuration would have come to."""

from dataclasses import replace
from functools import cache
from random import Random

import orjson
import pytest

from providers.canonical import Reason, Stage
from router.core.catalog import Catalog
from router.core.history import RecordedJob
from router.core.job import AttemptState, JobState
from router.core.preferences import RoutingPreferences
from router.simulation.place import Setup
from router.simulation.recorded_world import Grounds
from router.simulation.replay import EmptyJournalError, Replay, replay
from router.simulation.replay_tables import caveats, replay_document, replay_tables
from router.simulation.result import Arrival, Run
from router.simulation.routers import OurRouter
from router.simulation.runner import START_AT, simulate
from router.simulation.world import Change, Fault, SyntheticWorld
from tests.builders import a_price, a_provider, a_video, an_offering
from tests.simulation.recording import recorded
from tests.simulation.test_journal import a_recorded_attempt, a_recorded_job

PRICES = {"alpha": 100_000, "beta": 150_000, "gamma": 200_000}
# The cheapest one fails now and then, and altogether for half an hour.
WORLD = SyntheticWorld(
    (
        Change("alpha", success=0.90),
        Change("beta", success=0.97),
        Change("gamma", success=0.99),
        Change("alpha", from_s=4000, lasts_s=1800, success=0.0, faults={Fault.OVERLOADED: 1.0}),
    ),
    seed=3,
    refused=0.03,
)


def selling(**prices: int) -> Setup:
    offerings = tuple(an_offering(name, price=a_price(price)) for name, price in prices.items())
    return Setup(Catalog.of(tuple(map(a_provider, prices)), offerings))


def requests(count: int = 500) -> list[Arrival]:
    rng, at_s, found = Random(1), 0.0, list[Arrival]()
    for number in range(count):
        at_s += rng.expovariate(1 / 16)
        found.append(Arrival(at_s, f"video_{number}", a_video(seconds=rng.choice((5, 10, 15)))))
    return found


@cache
def run_of(*prices: tuple[str, int]) -> Run:
    return simulate(OurRouter(), WORLD, requests(), selling(**dict(prices)))


@cache
def replayed(*prices: tuple[str, int]) -> Replay:
    return replay(journal(), selling(**dict(prices)))


def as_it_was() -> Replay:
    return replayed(*PRICES.items())


def with_a_stranger() -> Replay:
    return replayed(*PRICES.items(), ("delta", 80_000))


@cache
def journal() -> list[RecordedJob]:
    return recorded(run_of(*PRICES.items()), START_AT)


def test_the_configuration_that_made_a_journal_comes_to_what_happened() -> None:
    found = as_it_was()
    assert found.replayed.delivered == found.happened.delivered
    assert found.replayed.refused == found.happened.refused > 0
    assert found.replayed.paid_microusd == pytest.approx(found.happened.paid_microusd, rel=0.02)
    assert found.replayed.p50_s == pytest.approx(found.happened.p50_s, rel=0.03)
    assert found.replayed.p90_s == pytest.approx(found.happened.p90_s, rel=0.03)
    assert found.resting_on(Grounds.RECORDED).attempts > 0.9 * found.resting_on(*Grounds).attempts
    assert found.resting_on(Grounds.ASSUMED).attempts == 0


@pytest.mark.parametrize(
    "prices",
    [{**PRICES, "alpha": 180_000}, {"beta": 150_000, "gamma": 200_000}, {**PRICES, "beta": 90_000}],
    ids=["dearer", "gone", "cheaper"],
)
def test_another_configuration_comes_to_what_it_would_have_come_to(prices: dict[str, int]) -> None:
    found, truth = replayed(*prices.items()), run_of(*prices.items())
    paid, delivered = sum(job.paid_microusd for job in truth.jobs), sum(job.delivered for job in truth.jobs)
    assert found.replayed.paid_microusd == pytest.approx(paid, rel=0.03)
    assert abs(found.replayed.delivered - delivered) <= 0.005 * len(truth.jobs)
    assert found.resting_on(Grounds.AROUND).attempts > 0


def test_the_oracle_delivers_as_many_for_no_more() -> None:
    found = as_it_was()
    assert found.oracle.delivered >= found.replayed.delivered
    assert found.oracle.microusd_per_second is not None
    assert found.replayed.microusd_per_second is not None
    assert found.oracle.microusd_per_second <= found.replayed.microusd_per_second


def test_who_was_never_seen_is_said_to_be_assumed() -> None:
    found = with_a_stranger()
    assumed = found.resting_on(Grounds.ASSUMED)
    assert assumed.attempts > 0.5 * found.replayed.attempts
    assert found.grounds["delta/clip"][Grounds.ASSUMED] == assumed
    (words,) = [line for line in caveats(found) if "ASSUMED" in line]
    assert "delta/clip" in words
    assert f"{assumed.paid_microusd / found.replayed.paid_microusd:.1%} of the money" in words


def test_what_nobody_sells_any_more_is_turned_away_with_the_reason() -> None:
    setup = selling(beta=150_000)
    short = replace(setup.catalog.offerings[0], seconds=(5, 10))
    setup = replace(setup, catalog=Catalog.of(tuple(setup.catalog.providers.values()), (short,)))
    found = replay(journal(), setup)
    long = sum(job.seconds == 15 for job in journal())
    assert found.turned_away == {"clip 15 s 720x1280: nobody sells that length": long}
    assert found.replayed.turned_away == long
    assert found.lost >= long - found.happened.refused


def test_a_callers_wishes_hold_in_the_replay_too() -> None:
    jobs = [replace(job, preferences=RoutingPreferences(only=("gamma",))) for job in journal()[:50]]
    found = replay(jobs, selling(**PRICES))
    assert set(found.replayed.providers) == {"gamma"}
    gone = replay(jobs, selling(alpha=100_000))
    assert {words.partition(": ")[2] for words in gone.turned_away} == {"its caller allows nobody who sells that"}


def test_jobs_under_way_and_cancelled_ones_are_left_out() -> None:
    cancelled = a_recorded_job(2, state=JobState.FAILED, stage=Stage.ROUTE, reason=Reason.CANCELLED, attempts=())
    queued = a_recorded_job(3, state=JobState.QUEUED, ended_at=None, attempts=())
    found = replay([a_recorded_job(1), cancelled, queued], selling(**PRICES))
    assert (found.replayed.jobs, found.under_way, found.cancelled) == (1, 1, 1)
    with pytest.raises(EmptyJournalError, match="no job that has ended"):
        replay([cancelled, queued], selling(**PRICES))


def test_a_video_that_came_too_late_is_waste_and_not_what_was_delivered() -> None:
    late = a_recorded_attempt(1, stage=Stage.GENERATE, reason=Reason.STALLED, ended_at=a_recorded_job().ended_at)
    late = replace(late, ended_at=(late.ended_at or 0) + 4000)
    made = a_recorded_attempt(2, offering_id="beta/clip", provider="beta", posted_microusd=150_000)
    job = a_recorded_job(1, attempts=(late, replace(made, ended_at=a_recorded_job(1).ended_at)))
    found = replay([job], selling(**PRICES)).happened
    assert (found.paid_microusd, found.wasted_microusd) == (250_000, 100_000)
    assert [share.delivered for share in found.providers.values()] == [0, 1]


def test_open_money_is_told_beside_what_was_paid() -> None:
    lost = a_recorded_attempt(
        state=AttemptState.UNKNOWN,
        accepted_at=None,
        stage=Stage.SUBMIT,
        reason=Reason.AMBIGUOUS,
        posted_microusd=0,
        open_microusd=100_000,
    )
    failed = {"state": JobState.FAILED, "stage": Stage.SUBMIT, "reason": Reason.AMBIGUOUS, "attempts": (lost,)}
    found = replay([a_recorded_job(1, **failed)], selling(alpha=100_000))
    assert (found.happened.open_microusd, found.replayed.open_microusd) == (100_000, 100_000)
    assert (found.happened.paid_microusd, found.replayed.paid_microusd) == (0, 0)


def test_a_replay_is_told_to_people_and_to_programs() -> None:
    found = with_a_stranger()
    assert [str(table.title).split(" (")[0] for table in replay_tables(found)] == [
        "What the same jobs come to",
        "Spend by provider",
        "What the replay rests on",
    ]
    document = orjson.loads(replay_document(found))
    assert document["replayed"]["paid_microusd"] == found.replayed.paid_microusd
    assert document["replayed"]["providers"]["delta"]["attempts"] == found.replayed.providers["delta"].attempts
    assert set(document["grounds"]["delta/clip"]) <= {"assumed", "refused"}
    assert document["caveats"] == caveats(found)


def test_a_replay_comes_out_the_same_each_time() -> None:
    first, second = (replay(journal()[:100], selling(**PRICES), seed=4) for _ in range(2))
    assert first == second
