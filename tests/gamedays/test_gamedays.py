"""What the router does on days on which something goes wrong, each a scenario beside this file."""

from pathlib import Path

import pytest

from providers.canonical import Reason, Stage
from router.core.ranking import DecisionReason
from tests.gamedays.day import DAYS, played

# Everywhere but where nobody takes anything somebody is well.
SOMEBODY_WELL = tuple(name for name in DAYS if name != "all_down")


def test_every_day_is_told_of_here() -> None:
    assert len(DAYS) == 12
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'played("{name}")' in text for name in DAYS)


@pytest.mark.parametrize("name", SOMEBODY_WELL)
def test_while_somebody_is_well_jobs_are_delivered_at_little_more_than_the_least_cost(name: str) -> None:
    day = played(name)
    assert day.delivered_share >= 0.995
    assert day.regret <= 0.05
    assert all(job.accepted for job in day.run.jobs)


@pytest.mark.parametrize("name", DAYS)
def test_whoever_is_ejected_gets_at_most_one_probe_a_window(name: str) -> None:
    assert all(probes <= 1 for probes in played(name).probes_per_window())


def test_hard_outage_is_left_after_five_submits_and_forgotten_in_ten_minutes() -> None:
    day = played("hard_outage")
    assert day.submits_until_left("cheap", 45, 60) <= 5
    assert day.left_after_s("cheap", 45, 60) <= 2
    assert 2 <= len(day.probes_per_window()) <= 8
    assert day.share("cheap", 0, 45) > 0.95
    assert day.back_after_min("cheap", 60) <= 10


def test_a_storm_of_quick_refusals_attracts_no_traffic() -> None:
    day = played("fast_429_storm")
    storm = day.attempts("cheap", 45, 75)
    assert {each.failure.reason for each in storm if each.failure} == {Reason.RATE_LIMITED}
    assert len(storm) <= 0.1 * len(day.attempts("middle", 45, 75))
    assert len(day.attempts("cheap", 55, 75)) <= 5
    assert day.back_after_min("cheap", 75) <= 10


def test_in_a_brownout_that_costs_nothing_the_cheapest_stays_the_cheapest_and_others_step_in() -> None:
    day = played("brownout")
    failed = [each for each in day.attempts("cheap", 45, 105) if not each.delivered]
    assert 0.2 < len(failed) / len(day.attempts("cheap", 45, 105)) < 0.4
    assert day.share("cheap", 45, 105) > 0.5
    assert day.back_after_min("cheap", 105) <= 10


def test_failures_at_95_percent_are_acted_upon_within_minutes_of_the_first_that_is_known() -> None:
    day = played("late_failures")
    assert day.left_after_s("cheap", 45, 85) <= 300
    assert day.share("cheap", 55, 85) < 0.1
    assert day.back_after_min("cheap", 85) <= 20


def test_whoever_takes_three_times_as_long_loses_jobs_where_waiting_has_a_price_and_gets_them_back() -> None:
    day = played("three_times_slower")
    assert day.share("cheap", 0, 45) > 0.9
    assert day.share("cheap", 75, 105) < 0.5
    # What is expected to take long is asked about seldom at first, so that it is seen late to be fast again.
    assert day.back_after_min("cheap", 105) <= 40


def test_when_all_are_down_whoever_comes_is_told_when_to_come_again() -> None:
    day = played("all_down")
    turned_away = [job for job in day.run.jobs if not job.accepted]
    assert turned_away
    for job in turned_away:
        assert job.retry_after_s is not None
        assert 0 < job.retry_after_s <= 600
    # Those that were taken in wait for somebody, or end with the reason.
    failed = [job for job in day.run.jobs if job.accepted and not job.delivered]
    assert {job.failure.reason for job in failed if job.failure} <= {Reason.OVERLOADED, Reason.EXPIRED}
    assert sum(len(day.attempts(name, 50, 57)) for name in ("cheap", "middle", "dear")) <= 12
    assert day.back_after_min("cheap", 57) <= 10


def test_a_new_price_counts_from_the_reload_on_and_frozen_ones_stay() -> None:
    day = played("price_flip")
    assert day.share("cheap", 0, 45) > 0.95
    assert day.share("cheap", 46, 105) < 0.05
    assert day.back_after_min("cheap", 105) <= 1
    for each in day.attempts("cheap"):
        assert each.paid_microusd in (0, each.quote_microusd)


def test_whoever_calls_done_what_is_not_there_is_left_once_it_is_found_out() -> None:
    day = played("lying_status")
    lies = [each for each in day.attempts("cheap", 45, 75) if each.failure]
    assert {(each.failure.stage, each.failure.reason) for each in lies if each.failure} == {
        (Stage.DOWNLOAD, Reason.UNREADABLE),
        (Stage.GENERATE, Reason.STALLED),
    }
    assert day.left_after_s("cheap", 45, 75) <= 2
    assert day.share("cheap", 57, 75) < 0.1
    assert day.back_after_min("cheap", 75) <= 30


def test_an_offering_that_ends_at_midnight_gets_nothing_from_then_on() -> None:
    day = played("sunset")
    assert day.share("cheap", 0, 90) > 0.95
    assert day.attempts("cheap", 90) == []
    assert all(each.delivered or each.failure for each in day.attempts("cheap"))


def test_whoever_flaps_is_left_each_time_and_used_in_between() -> None:
    day = played("flapping")
    for begin in range(30, 90, 10):
        assert day.submits_until_left("cheap", begin, begin + 3) <= 5
    assert day.share("cheap", 33, 90) > 0.3
    assert day.back_after_min("cheap", 90) <= 10


def test_what_a_provider_can_work_on_is_used_as_it_grows() -> None:
    day = played("capacity_ramp")
    first, second, third = (day.share("cheap", *span) for span in ((10, 60), (70, 120), (135, 180)))
    assert first < second < third
    limited = [
        each for each in day.attempts("cheap", 10) if each.failure and each.failure.reason is Reason.RATE_LIMITED
    ]
    assert len(limited) <= 0.1 * len(day.run.jobs)


def test_of_cheap_and_flaky_ones_only_he_is_used_whose_delivered_video_is_cheaper() -> None:
    day = played("cheap_but_flaky")
    jobs = len(day.run.jobs)
    assert day.share("cheap", 60, 1e9) < 0.05
    assert day.share("middle", 60, 1e9) > 0.4
    trials = [each for each in day.attempts("cheap", 60) if each.why is DecisionReason.TRIAL]
    assert len(trials) < 0.05 * jobs


def test_a_day_is_the_same_each_time() -> None:
    assert played.__wrapped__("flapping").run == played("flapping").run
