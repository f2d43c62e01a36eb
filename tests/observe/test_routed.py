"""Why jobs went where they went, what that was expected to cost, and what it came to."""

from dataclasses import replace
from random import Random

import pytest

from router.core.clock import Clock
from router.core.events import AttemptEnded, FailoverDelayed
from router.core.evidence import Outcome
from router.core.health import ProviderHealth
from router.core.ranking import DecisionReason
from router.core.reporting import DurationClass, ReportingSettings
from router.core.routing_settings import ExplorationSettings, RoutingSettings
from router.observe import routed
from router.observe.metrics import Metrics
from tests.observe import scenes
from tests.observe.exposed import changes, metrics_of, value


def test_decisions_are_counted_by_provider_and_reason():
    metrics = metrics_of()
    for reason in DecisionReason:
        for event in scenes.tried(reason, "p1"):
            metrics.listeners.hear(event)
    for reason in DecisionReason:
        assert value(metrics, "route_decisions_total", provider="p1", reason=reason) == 1


def test_money_is_counted_by_why_it_was_spent_and_adds_up_to_all_of_it():
    metrics = metrics_of()
    for event in (*scenes.a_day(), *scenes.tried(DecisionReason.TRIAL)):
        metrics.listeners.hear(event)
    assert value(metrics, "routed_cost_usd_total", reason="trial") == pytest.approx(0.8)
    assert value(metrics, "routed_cost_usd_total") == pytest.approx(value(metrics, "cost_usd_total"))


def test_money_of_an_attempt_from_before_the_start_has_another_reason():
    metrics = metrics_of()
    *_, known = scenes.late_duplicate()
    assert changes(metrics, [known])["routed_cost_usd_total{reason=other}"] == 0.8


def test_what_is_kept_in_mind_of_attempts_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(routed, "_REASONS_MAX", 3)
    metrics = metrics_of()
    for _ in range(9):
        for event in scenes.waiting():
            metrics.listeners.hear(event)
    assert len(metrics._routed._reasons) == 3


def test_a_delivered_video_is_held_against_what_it_was_expected_to_cost_with_its_jobs_failures():
    metrics = metrics_of()
    for event in scenes.rescue():
        metrics.listeners.hear(event)
    assert value(metrics, "expected_cost_usd_total", provider="p1", model="sora-2") == 0.88
    assert value(metrics, "expected_cost_usd_total") == 0.88
    assert not metrics._routed._expected_microusd


def test_after_a_restart_a_delivered_video_was_expected_to_cost_its_quote():
    metrics = metrics_of()
    found = changes(metrics, scenes.delivery("p0")[2:])
    assert found["expected_cost_usd_total{model=sora-2,provider=p0}"] == 0.8


def test_a_failover_that_waits_is_counted_for_whom_it_leaves():
    job = scenes.job_of()
    waits = FailoverDelayed(job, scenes.attempt_of(job, "p1"), 2.0)
    assert changes(metrics_of(), [waits]) == {"failovers_delayed_total{from_provider=p1}": 1}


def test_a_drained_provider_is_shown_while_it_is():
    catalog = scenes.catalog_of()
    clock = Clock(wall=lambda: scenes.NOW, monotonic=lambda: 0.0)
    metrics = Metrics(catalog)
    health = {
        name: ProviderHealth(each, clock, Random(1), metrics.listeners.hear) for name, each in catalog.providers.items()
    }
    metrics.watch(health)
    health["p1"].drain(on=True)
    assert (value(metrics, "provider_drained"), value(metrics, "provider_drained", provider="p1")) == (1, 1)
    health["p1"].drain(on=False)
    assert value(metrics, "provider_drained") == 0


def test_the_days_exploration_is_shown_beside_its_limit():
    catalog, metrics = scenes.catalog_of(), metrics_of()
    memory = scenes.memory_of(catalog, RoutingSettings(exploration=ExplorationSettings(microusd_per_day=2_000_000)))
    metrics.watch_routing(memory)
    memory.exploration.take(250_000)
    assert value(metrics, "exploration_budget_usd") == 2.0
    assert value(metrics, "exploration_budget_used_usd") == 0.25


def outcome(delivered: bool) -> Outcome:
    return Outcome("p0/sora-2", "p0", DurationClass.SHORT, 60.0, delivered, billed=not delivered)


def test_what_routing_believes_of_an_offering_is_shown_before_and_after_it_learns():
    catalog, metrics = scenes.catalog_of(), metrics_of()
    memory = scenes.memory_of(catalog)
    metrics.watch_routing(memory)
    what = {"model": "sora-2", "duration_class": "short"}
    assert value(metrics, "expected_cost_usd_per_second", provider="p1", **what) == pytest.approx(0.11)
    before = value(metrics, "success_bound_ratio", provider="p0", **what)
    assert 0.8 < before < 0.95
    for number in range(40):
        memory.records.add(outcome(delivered=number % 2 == 0))
    bound = value(metrics, "success_bound_ratio", provider="p0", **what)
    assert 0.4 < bound < 0.5
    # A failed one is paid for, so that a delivered one costs two and more.
    expected = value(metrics, "expected_cost_usd_per_second", provider="p0", **what)
    known = memory.records.evidence("p0/sora-2", "p0", DurationClass.SHORT)
    assert bound == known.success_low
    assert expected == pytest.approx(0.1 * (1 + (1 - bound) / bound * known.billed_share))


def test_looking_at_it_changes_nothing():
    memory = scenes.memory_of(scenes.catalog_of())
    metrics = metrics_of()
    metrics.watch_routing(memory)
    metrics.exposition()
    assert not memory.records._records


def test_what_is_not_sold_any_more_is_expected_to_cost_nothing():
    metrics, memory = metrics_of(), scenes.memory_of(scenes.catalog_of())
    metrics.watch_routing(memory)
    metrics.use(scenes.catalog_of(1), ReportingSettings())
    metrics.watch_routing(memory)
    assert value(metrics, "expected_cost_usd_per_second", provider="p1") == 0
    assert value(metrics, "success_bound_ratio", provider="p0", model="sora-2") > 0


def test_a_late_attempt_that_is_delivered_after_all_is_held_against_its_own_expectation():
    metrics, job = metrics_of(), scenes.job_of()
    attempt = scenes.attempt_of(job)
    job, start = scenes.started(job, attempt, DecisionReason.PROBE)
    metrics.listeners.hear(replace(start, expected_microusd=900_000.4))
    job, end = scenes.succeeded(job, attempt)
    assert isinstance(end, AttemptEnded)
    found = changes(metrics, [end, scenes.JobEnded(job)])
    assert found["expected_cost_usd_total{model=sora-2,provider=p0}"] == 0.9
    assert found["routed_cost_usd_total{reason=probe}"] == 0.8
