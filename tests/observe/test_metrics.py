from dataclasses import replace
from random import Random

import pytest

from providers.canonical import Failure, Reason, Size, Stage
from router.core.catalog import Catalog
from router.core.clock import Clock
from router.core.events import (
    AttemptEnded,
    BreakerKind,
    BreakerMoved,
    BreakerState,
    ConfigReloaded,
    CostDoubted,
    ExchangeEnded,
    ExchangeResult,
    JobAccepted,
    JobEnded,
    Operation,
    ProviderOut,
    UnknownErrorSeen,
    UnknownStatusSeen,
    WebhookResult,
    WebhookTaken,
)
from router.core.health import ProviderHealth
from router.core.job import AttemptState, JobState
from router.core.ledger import voided
from router.core.reporting import DurationClass, ReportingSettings, overhead_s
from router.observe.families import FAMILIES, PREFIX, MetricKind
from router.observe.metrics import Metrics
from tests.observe import scenes
from tests.observe.exposed import changes, metrics_of, samples, value


def test_an_accepted_job_is_counted_and_in_flight_with_nobody():
    job = scenes.job_of()
    assert changes(metrics_of(), [JobAccepted(job)]) == {
        "jobs_accepted_total{model=sora-2}": 1,
        "jobs_in_flight{provider=none}": 1,
        "oldest_job_accepted_timestamp_seconds": scenes.NOW,
    }


def test_a_started_attempt_moves_its_job_to_the_provider():
    metrics, job = metrics_of(), scenes.job_of()
    metrics.listeners.hear(JobAccepted(job))
    _, start = scenes.started(job, scenes.attempt_of(job, "p1"))
    assert changes(metrics, [start]) == {
        "jobs_in_flight{provider=none}": -1,
        "jobs_in_flight{provider=p1}": 1,
        "route_decisions_total{provider=p1,reason=best}": 1,
    }


def test_a_delivery_is_counted_timed_and_paid_once():
    assert changes(metrics_of(), scenes.delivery("p0", cost_microusd=750_001)) == {
        "jobs_accepted_total{model=sora-2}": 1,
        "jobs_finished_total{model=sora-2,outcome=succeeded,provider=p0,reason=none,stage=none}": 1,
        "job_duration_seconds_count{duration_class=short,provider=p0}": 1,
        "job_duration_seconds_sum{duration_class=short,provider=p0}": 61,
        "jobs_on_time_total{duration_class=short,on_time=true}": 1,
        "job_overhead_seconds_count": 1,
        "job_overhead_seconds_sum": 1,
        "attempts_total{model=sora-2,outcome=succeeded,provider=p0,reason=none,stage=none}": 1,
        "stage_duration_seconds_count{provider=p0,stage=submit}": 1,
        "stage_duration_seconds_sum{provider=p0,stage=submit}": 0.5,
        "stage_duration_seconds_count{provider=p0,stage=queue}": 1,
        "stage_duration_seconds_sum{provider=p0,stage=queue}": 9.5,
        "stage_duration_seconds_count{provider=p0,stage=generate}": 1,
        "stage_duration_seconds_sum{provider=p0,stage=generate}": 49,
        "stage_duration_seconds_count{provider=p0,stage=download}": 1,
        "stage_duration_seconds_sum{provider=p0,stage=download}": 1,
        "cost_usd_total{kind=delivered,model=sora-2,provider=p0}": 0.750001,
        "caller_cost_usd_total{caller=studio}": 0.750001,
        "baseline_cost_usd_total{model=sora-2,provider=p0}": 0.8,
        "baseline_missing_total{model=sora-2}": 1,
        "delivered_quote_usd_total{model=sora-2,provider=p0}": 0.8,
        "expected_cost_usd_total{model=sora-2,provider=p0}": 0.88,
        "route_decisions_total{provider=p0,reason=best}": 1,
        "routed_cost_usd_total{reason=best}": 0.750001,
        "video_seconds_total{model=sora-2,provider=p0}": 8,
    }


def test_a_failure_names_stage_and_reason_and_costs_nothing_when_voided():
    job = scenes.job_of()
    attempt = scenes.attempt_of(job)
    job, start = scenes.started(job, attempt)
    metrics = metrics_of()
    metrics.listeners.hear(start)
    entry = voided(attempt, scenes.NOW)
    job, end = scenes.ended(job, attempt, AttemptState.FAILED, entry, Stage.SUBMIT, Reason.OVERLOADED)
    assert changes(metrics, [replace(end, stage_seconds={})]) == {
        "attempts_total{model=sora-2,outcome=failed,provider=p0,reason=overloaded,stage=submit}": 1,
        "failed_attempt_duration_seconds_count{provider=p0,stage=submit}": 1,
        "failed_attempt_duration_seconds_sum{provider=p0,stage=submit}": 60,
        "jobs_in_flight{provider=p0}": -1,
        "jobs_in_flight{provider=none}": 1,
    }


def test_a_failover_names_both_sides_and_the_stage_left():
    metrics = metrics_of()
    found = changes(metrics, scenes.rescue(Stage.GENERATE, Reason.INTERNAL))
    assert found["failovers_total{from_provider=p0,stage=generate,to_provider=p1}"] == 1
    assert found["jobs_finished_total{model=sora-2,outcome=succeeded,provider=p1,reason=none,stage=none}"] == 1
    assert value(metrics, "jobs_in_flight") == 0


def test_a_lost_answer_is_ambiguous_and_its_money_stays_uncertain():
    found = changes(metrics_of(), scenes.lost_answer())
    assert found["ambiguous_submits_total{provider=p1,resolution=held}"] == 1
    assert found["oldest_uncertain_timestamp_seconds{provider=p1}"] == scenes.NOW + 1
    assert found["uncertain_usd{provider=p1}"] == 0.8
    assert found["jobs_finished_total{model=sora-2,outcome=unknown,provider=p1,reason=ambiguous,stage=submit}"] == 1
    assert not [name for name in found if name.startswith("cost_usd_total")]


def test_a_late_attempt_is_counted_once_and_its_money_moves_from_uncertain_to_duplicate():
    metrics = metrics_of()
    *events, known = scenes.late_duplicate()
    found = changes(metrics, events)
    assert found["attempts_total{model=sora-2,outcome=late,provider=p0,reason=stalled,stage=generate}"] == 1
    assert found["uncertain_usd{provider=p0}"] == 0.8
    assert changes(metrics, [known]) == {
        "uncertain_usd{provider=p0}": -0.8,
        "oldest_uncertain_timestamp_seconds{provider=p0}": -scenes.NOW - 1,
        "uncertain_settled_total{provider=p0,resolution=duplicate}": 1,
        "cost_usd_total{kind=duplicate,model=sora-2,provider=p0}": 0.8,
        "routed_cost_usd_total{reason=best}": 0.8,
        "caller_cost_usd_total{caller=studio}": 0.8,
    }


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (Reason.REFUSED, "rejected"),
        (Reason.INVALID, "rejected"),
        (Reason.CANCELLED, "cancelled"),
        (Reason.EXPIRED, "expired"),
        (Reason.AMBIGUOUS, "unknown"),
        (Reason.INTERNAL, "failed"),
        (Reason.NO_CANDIDATE, "failed"),
    ],
)
def test_a_job_that_failed_says_who_has_to_act(reason: Reason, outcome: str):
    job = scenes.job_of()
    metrics = metrics_of()
    metrics.listeners.hear(JobAccepted(job))
    _, over = scenes.failed(job, Failure(Stage.ROUTE, reason))
    missed = (
        {} if outcome in ("rejected", "cancelled") else {"jobs_on_time_total{duration_class=short,on_time=false}": 1}
    )
    assert changes(metrics, [over]) == missed | {
        f"jobs_finished_total{{model=sora-2,outcome={outcome},provider=none,reason={reason},stage=route}}": 1,
        "jobs_in_flight{provider=none}": -1,
        "oldest_job_accepted_timestamp_seconds": -scenes.NOW,
    }


def test_an_exchange_is_counted_and_timed_and_a_poll_tells_its_lag():
    event = ExchangeEnded("p0", Operation.POLL, ExchangeResult.NO_ANSWER, 20.0, None, lag_s=0.5)
    assert changes(metrics_of(), [event]) == {
        "exchanges_total{operation=poll,provider=p0,result=no_answer}": 1,
        "exchange_duration_seconds_count{operation=poll,provider=p0}": 1,
        "exchange_duration_seconds_sum{operation=poll,provider=p0}": 20,
        "poll_lag_seconds_count": 1,
        "poll_lag_seconds_sum": 0.5,
    }


def test_a_breaker_is_in_exactly_one_state():
    metrics = metrics_of()
    moved = BreakerMoved("p0", BreakerKind.POLL, BreakerState.CLOSED, BreakerState.OPEN)
    assert changes(metrics, [moved]) == {
        "breaker_state{breaker=poll,provider=p0,state=closed}": -1,
        "breaker_state{breaker=poll,provider=p0,state=open}": 1,
        "breaker_transitions_total{breaker=poll,provider=p0,state=open}": 1,
    }
    assert value(metrics, "breaker_state", provider="p0") == len(BreakerKind)


def test_a_provider_out_an_unknown_status_and_a_doubted_cost_are_counted():
    events = [ProviderOut("p1", "auth", 900.0), UnknownStatusSeen("p0", "thinking"), CostDoubted("p1", 9_999, 1)]
    assert changes(metrics_of(), events) == {
        "provider_out_total{provider=p1,reason=auth}": 1,
        "doubted_costs_total{provider=p1}": 1,
        "unknown_status_total{provider=p0}": 1,
    }


def test_unknown_errors_are_counted_where_they_occur_and_elsewhere_as_other():
    def seen(stage: Stage, provider: str = "p0") -> UnknownErrorSeen:
        return UnknownErrorSeen(provider, Failure(stage, Reason.OTHER, recognised=False), "a boat")

    stages = (Stage.GENERATE, Stage.GENERATE, Stage.SUBMIT, Stage.PROMPT_REVIEW)
    assert changes(metrics_of(), [*map(seen, stages), seen(Stage.POLL, "stranger")]) == {
        "unknown_errors_total{provider=p0,stage=generate}": 2,
        "unknown_errors_total{provider=p0,stage=submit}": 1,
        "unknown_errors_total{provider=p0,stage=other}": 1,
        "unknown_errors_total{provider=other,stage=poll}": 1,
    }


def test_a_provider_is_out_until_its_outage_is_over():
    now_s = [0.0]
    catalog = scenes.catalog_of(2)
    clock = Clock(wall=lambda: scenes.NOW, monotonic=lambda: now_s[0])
    metrics = Metrics(catalog)
    health = {
        name: ProviderHealth(each, clock, Random(1), metrics.listeners.hear) for name, each in catalog.providers.items()
    }
    metrics.watch(health)
    permits = health["p1"].try_start()
    assert permits is not None
    permits.submitted(Failure(Stage.SUBMIT, Reason.BALANCE))
    assert value(metrics, "provider_outage") == value(metrics, "provider_outage", provider="p1", reason="balance") == 1
    now_s[0] = catalog.providers["p1"].breaker.outage_s + 1
    assert value(metrics, "provider_outage") == 0
    assert value(metrics, "provider_out_total", provider="p1", reason="balance") == 1


def test_a_request_is_counted_by_route_method_and_code():
    metrics = metrics_of()
    metrics.observe_request("/v1/videos/{id}", "GET", 200, 0.003)
    metrics.observe_request("/v1/videos/{id}", "BREW", 99_999, 0.003)
    assert value(metrics, "http_requests_total", route="/v1/videos/{id}", method="GET", code="200") == 1
    assert value(metrics, "http_requests_total", route="/v1/videos/{id}", method="other", code="other") == 1
    assert value(metrics, "http_request_duration_seconds_count", route="/v1/videos/{id}") == 2


def test_prices_are_shown_as_quoted():
    metrics = metrics_of()
    assert value(metrics, "price_usd_per_second", provider="p1", model="sora-2", size="1280x720", seconds="8") == 0.11


def test_a_lost_submit_whose_job_goes_on_after_a_restart_is_resolved_there():
    events, metrics = scenes.lost_and_bought_again(), metrics_of()
    between = next(event.job for event in events if isinstance(event, AttemptEnded))
    metrics.resume([between])
    found = changes(metrics, events[3:])
    assert found["ambiguous_submits_total{provider=p0,resolution=failed_over}"] == 1


def test_uncertain_money_has_its_providers_name_as_soon_as_a_reload_names_it():
    metrics = metrics_of(1)
    lost = next(event.job for event in scenes.lost_answer() if isinstance(event, JobEnded))
    metrics.resume([lost])
    assert value(metrics, "uncertain_usd", provider="other") == 0.8
    metrics.use(scenes.catalog_of(2), ReportingSettings(), ["studio"])
    assert value(metrics, "uncertain_usd", provider="p1") == value(metrics, "uncertain_usd") == 0.8
    assert value(metrics, "oldest_uncertain_timestamp_seconds", provider="other") == 0
    assert value(metrics, "oldest_uncertain_timestamp_seconds", provider="p1") == scenes.NOW + 1


def test_a_restart_takes_over_what_is_in_flight_and_what_is_uncertain():
    metrics, queued, running = metrics_of(), scenes.job_of(), scenes.job_of()
    attempt = replace(scenes.attempt_of(running, "p1"), state=AttemptState.RUNNING)
    running = replace(running, state=JobState.IN_PROGRESS).with_attempt(attempt)
    lost = next(event.job for event in scenes.lost_answer() if isinstance(event, JobEnded))
    late = next(event.job for event in scenes.late_duplicate(known=False) if isinstance(event, JobEnded))
    metrics.resume([queued, running, lost, late])
    assert value(metrics, "jobs_in_flight", provider="none") == 1
    assert value(metrics, "jobs_in_flight", provider="p1") == 1
    assert value(metrics, "uncertain_usd") == 1.6
    entry = voided(late.attempts[0], scenes.NOW)
    failed = AttemptEnded(late, replace(late.attempts[0], state=AttemptState.FAILED), (entry,))
    assert changes(metrics, [failed]) == {
        "uncertain_usd{provider=p0}": -0.8,
        "oldest_uncertain_timestamp_seconds{provider=p0}": -scenes.NOW - 1,
        "uncertain_settled_total{provider=p0,resolution=voided}": 1,
    }


def test_every_family_exists_before_anything_happens():
    text = metrics_of().exposition()[0].decode()
    assert {family.full_name for family in FAMILIES} <= {
        line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")
    }
    found = samples(metrics_of())
    lazy = {
        *("failovers_total", "http_requests_total", "http_request_duration_seconds", "config_info"),
        *("failed_attempt_duration_seconds", "offering_end_timestamp_seconds"),
        *("daily_budget_usd", "daily_budget_used_usd"),
        *("expected_cost_usd_per_second", "success_bound_ratio"),
    }
    for family in FAMILIES:
        if family.name not in lazy:
            suffix = "_count" if family.kind in (MetricKind.HISTOGRAM, MetricKind.SUMMARY) else ""
            assert any(name == family.name + suffix for name, _ in found), family.name


def test_what_a_query_may_use_is_what_is_exposed():
    metrics = metrics_of()
    for event in scenes.a_day():
        metrics.listeners.hear(event)
    metrics.watch_budgets(scenes.budgets())
    metrics.watch_routing(scenes.memory_of(scenes.catalog_of()))
    metrics.observe_request("/v1/models", "GET", 200, 0.01)
    allowed = {name: set(family.labels) | {"le"} for family in FAMILIES for name in family.sample_names}
    exposed = {(f"{PREFIX}_{name}", frozenset(label for label, _ in values)) for name, values in samples(metrics)}
    assert {name for name, _ in exposed} == set(allowed)
    assert all(found <= allowed[name] for name, found in exposed)


def test_a_reload_keeps_what_was_counted_and_shows_what_is_sold_now():
    metrics = metrics_of(2)
    for event in scenes.delivery("p1"):
        metrics.listeners.hear(event)
    metrics.use(scenes.catalog_of(3), ReportingSettings(), ["studio", "archive"], 50, 600.0)
    assert value(metrics, "attempts_total", provider="p1") == value(metrics, "caller_cost_usd_total") / 0.8 == 1
    assert value(metrics, "price_usd_per_second", provider="p2", model="sora-2", seconds="4") == 0.12
    assert value(metrics, "jobs_in_flight_limit") == 50
    found = changes(metrics, scenes.delivery("p2"))
    assert found["video_seconds_total{model=sora-2,provider=p2}"] == 8
    metrics.use(scenes.catalog_of(1), ReportingSettings(), ["studio"], 50, 600.0)
    assert value(metrics, "price_usd_per_second", provider="p2") == 0
    assert value(metrics, "attempts_total", provider="p2") == 1
    assert value(metrics, "breaker_state", provider="p0") == len(BreakerKind)


def test_many_reloads_make_no_more_series_than_their_catalogues_have():
    metrics = metrics_of(10)
    once = metrics.series_max
    for _ in range(20):
        for event in scenes.a_day():
            metrics.listeners.hear(event)
        metrics.use(scenes.catalog_of(10), ReportingSettings(), ["studio"], 50, 600.0)
    assert metrics.series_max == once


def test_names_that_change_with_every_reload_make_no_more_series_and_the_latest_stay_in_sight():
    metrics = metrics_of(2)
    for number in range(100):
        catalog = scenes.catalog_of(2)
        renamed = tuple(replace(each, model=f"model-{number}") for each in catalog.offerings)
        callers = [f"team-{number}-{each}" for each in range(20)]
        metrics.use(Catalog.of(tuple(catalog.providers.values()), renamed), ReportingSettings(), callers, 50, 600.0)
        if number == 70:
            once = (metrics.series_max, sum(1 for _ in samples(metrics)))
    assert (metrics.series_max, sum(1 for _ in samples(metrics))) == once
    seen = {dict(labels).get("caller") for name, labels in samples(metrics) if "caller_cost" in name}
    assert {"team-99-0", "team-98-0"} <= seen
    assert "team-90-0" not in seen


def test_a_reload_that_is_refused_leaves_the_digest_in_force():
    metrics = metrics_of()
    events = [ConfigReloaded(True, "aa", 5.0), ConfigReloaded(True, "bb", 6.0), ConfigReloaded(False, "cc", 7.0)]
    assert changes(metrics, events) == {
        "config_reloads_total{result=success}": 2,
        "config_reloads_total{result=failure}": 1,
        "config_last_reload_success_timestamp_seconds": 6.0,
        "config_info{digest=bb}": 1,
    }


def test_webhooks_are_counted_by_what_they_were_good_for():
    hinted, forged = WebhookTaken("p0", WebhookResult.HINTED), WebhookTaken("p1", WebhookResult.UNPROVEN, "forged")
    assert changes(metrics_of(), [hinted, forged, forged]) == {
        "webhooks_total{result=hinted}": 1,
        "webhooks_total{result=unproven}": 2,
    }


def test_savings_are_counted_from_the_baselines_price_list():
    metrics = metrics_of()
    metrics.use(scenes.catalog_of(2), ReportingSettings(baseline="p1"), ["studio"])
    found = changes(metrics, scenes.delivery("p0", cost_microusd=750_000))
    assert found["baseline_cost_usd_total{model=sora-2,provider=p0}"] == 0.88
    assert "baseline_missing_total{model=sora-2}" not in found


def test_a_video_is_on_time_by_the_bound_of_its_class():
    metrics = metrics_of()
    bounds = {DurationClass.SHORT: 60.0, DurationClass.LONG: 61.0, DurationClass.HD: 61.0}
    metrics.use(scenes.catalog_of(2), ReportingSettings(on_time_s=bounds), ["studio"])
    found = changes(metrics, [*scenes.delivery("p0"), *scenes.delivery("p1", size=Size(1920, 1080))])
    assert found["jobs_on_time_total{duration_class=short,on_time=false}"] == 1
    assert found["jobs_on_time_total{duration_class=hd,on_time=true}"] == 1


def test_an_attempt_that_nears_its_end_and_fails_shows_how_far_it_was():
    metrics = metrics_of()
    _, _, end, _ = scenes.billed_refusal()
    assert isinstance(end, AttemptEnded)
    metrics.listeners.hear(replace(end, progress=95))
    assert value(metrics, "failed_attempt_progress_ratio_bucket", provider="p0", le="0.95") == 1
    assert value(metrics, "failed_attempt_progress_ratio_bucket", provider="p0", le="0.9") == 0
    assert value(metrics, "failed_attempt_duration_seconds_count", provider="p0", stage="output_review") == 1


def test_a_lost_submit_that_was_bought_elsewhere_is_told_from_one_that_was_held():
    metrics = metrics_of()
    found = changes(metrics, [*scenes.lost_and_bought_again(), *scenes.lost_answer()])
    assert found["ambiguous_submits_total{provider=p0,resolution=failed_over}"] == 1
    assert found["ambiguous_submits_total{provider=p1,resolution=held}"] == 1


def test_time_between_attempts_is_overhead_and_overlaps_count_once():
    job = replace(scenes.job_of(), created_at=0.0, ended_at=100.0)
    attempts = [
        replace(scenes.attempt_of(job), id=f"a{number}", submitted_at=begin, ended_at=end)
        for number, (begin, end) in enumerate([(1.0, 30.0), (20.0, 50.0), (53.0, None)])
    ]
    assert overhead_s(replace(job, attempts=tuple(attempts))) == 4.0


def test_a_trace_that_is_kept_is_named_beside_the_samples_it_explains():
    metrics = metrics_of()
    for event in scenes.delivery():
        metrics.listeners.hear(event)
    text = metrics.exposition("application/openmetrics-text; version=1.0.0")[0].decode()
    named = [line for line in text.splitlines() if f'# {{trace_id="{scenes.TRACE}"}}' in line]
    assert [line.partition("{")[0] for line in named] == [
        "video_router_job_duration_seconds_bucket",
        "video_router_attempts_total",
    ]
    assert scenes.TRACE not in metrics.exposition()[0].decode()


def test_a_video_of_a_group_is_counted_as_the_model_that_was_made():
    metrics, catalog = metrics_of(), replace(scenes.catalog_of(), groups={"standard": ("sora-2", "sora-2-pro")})
    metrics.use(catalog, ReportingSettings(baseline="p1"), ["studio"])
    job = scenes.job_of("standard")
    attempt = replace(scenes.attempt_of(job, "p0"), offering_id="p0/sora-2-pro")
    accepted, (job, start) = JobAccepted(job), scenes.started(job, attempt)
    job, end = scenes.succeeded(job, attempt)
    found = changes(metrics, [accepted, start, end, JobEnded(job)])
    assert {name.split("{")[0]: name for name in found if "model=" in name} == {
        "jobs_accepted_total": "jobs_accepted_total{model=standard}",
        "jobs_finished_total": (
            "jobs_finished_total{model=sora-2-pro,outcome=succeeded,provider=p0,reason=none,stage=none}"
        ),
        "attempts_total": "attempts_total{model=sora-2-pro,outcome=succeeded,provider=p0,reason=none,stage=none}",
        **{
            name: f"{name}{{model=sora-2-pro,provider=p0}}"
            for name in (
                "baseline_cost_usd_total",
                "delivered_quote_usd_total",
                "expected_cost_usd_total",
                "video_seconds_total",
            )
        },
        "cost_usd_total": "cost_usd_total{kind=delivered,model=sora-2-pro,provider=p0}",
    }
