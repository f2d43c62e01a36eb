"""Polls find ends as soon, for as few, as pacing is for: simulated, so that these are counts and no timings."""

from functools import cache
from pathlib import Path
from random import Random

import pytest

from tests.bench import pacing_report as report
from tests.bench.pacing import MODELS, Figures, Jobs, Model, Progress, every, optimal
from tests.bench.pacing_picture import draw

JOBS = 4_000
EACH_MODEL = pytest.mark.parametrize("model", MODELS, ids=str)


@cache
def learned(model: Model) -> tuple[Figures, Jobs]:
    """What 200 jobs come to from a cold start, and what is known after them."""
    jobs = Jobs(model, Random(7))
    return Figures.of(jobs.polled(200)), jobs


@EACH_MODEL
def test_what_200_jobs_taught_is_close_to_the_optimum(model: Model) -> None:
    _, jobs = learned(model)
    assert jobs.known(JOBS).product <= 1.3 * model.optimum


@EACH_MODEL
def test_who_knows_nothing_polls_no_worse_than_every_five_seconds(model: Model) -> None:
    assert Jobs(model, Random(7)).known(JOBS).product <= every(5.0, model, JOBS, Random(7)).product


@EACH_MODEL
def test_the_optimum_is_what_it_is_said_to_be(model: Model) -> None:
    assert 0.8 * model.optimum <= optimal(model, JOBS, Random(7)).product <= 1.05 * model.optimum


@EACH_MODEL
def test_what_is_learned_of_ends_that_polls_saw_does_not_run_away(model: Model) -> None:
    jobs = Jobs(model, Random(5))
    jobs.polled(3_000)
    assert jobs.known(JOBS).product <= 1.3 * model.optimum
    median_s = jobs.durations.median_s()
    assert median_s is not None
    assert median_s == pytest.approx((model.p5_s * model.p95_s) ** 0.5, rel=0.12)


@EACH_MODEL
def test_true_progress_needs_few_polls(model: Model) -> None:
    jobs = Jobs(model, Random(7), Progress.TRUE)
    jobs.polled(100)
    figures = Figures.of(jobs.polled(400))
    assert figures.polls <= 8.0
    assert figures.lag_p95_s <= 3.0


@EACH_MODEL
@pytest.mark.parametrize("lie", report.LYING)
def test_progress_that_lies_costs_no_more_than_none(model: Model, lie: Progress) -> None:
    jobs = Jobs(model, Random(7), lie)
    jobs.polled(200)
    assert Figures.of(jobs.polled(300)).product <= 1.5 * model.optimum


@EACH_MODEL
def test_webhooks_leave_few_polls(model: Model) -> None:
    jobs = Jobs(model, Random(7), hint_s=(0.1, 0.8))
    jobs.polled(200)
    figures = Figures.of(jobs.polled(400))
    assert figures.polls <= 3.0
    assert figures.lag_s <= 1.0


@EACH_MODEL
def test_when_webhooks_stop_coming_polls_find_the_ends_again(model: Model) -> None:
    jobs = Jobs(model, Random(7), hint_s=(0.1, 0.8))
    jobs.polled(100)
    jobs.lost = 1.0
    jobs.polled(20)
    assert Figures.of(jobs.polled(300)).product <= 1.3 * model.optimum


def test_all_ways_are_reported_and_drawn(tmp_path: Path) -> None:
    found = report.paced(less=100, models=MODELS[:1])
    assert report.complaints(found) == []
    assert [goal.what for goal in report.goals(found)]
    assert all(report.OPTIMUM in paced.silent and report.LIST in paced.told for paced in found)
    draw(found, tmp_path / "pacing.png")
    assert (tmp_path / "pacing.png").stat().st_size > 10_000
