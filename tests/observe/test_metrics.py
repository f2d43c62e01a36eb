from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Stage
from router.core.clock import Clock
from router.core.events import (
    AttemptEnded,
    BreakerKind,
    BreakerMoved,
    BreakerState,
    CostDoubted,
    Event,
    ExchangeEnded,
    ExchangeResult,
    FailedOver,
    JobAccepted,
    JobEnded,
    Operation,
    ProviderOut,
    UnknownErrorSeen,
    UnknownStatusSeen,
)
from router.core.health import ProviderHealth
from router.core.job import AttemptState, JobState
from router.core.ledger import CostKind, EntryKind, LedgerEntry, exposure, pending, posted, voided
from router.observe import labels
from router.observe.families import FAMILIES, PREFIX, MetricKind
from router.observe.metrics import Metrics
from tests.observe import scenes

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

ENUMS = {
    "stage": labels.STAGES | {"other"},
    "reason": labels.REASONS | {"other"},
    "kind": frozenset(labels.COST_KINDS) | {"other"},
    "operation": frozenset(Operation),
    "result": frozenset(ExchangeResult),
    "breaker": frozenset(BreakerKind),
    "state": frozenset(BreakerState),
    "duration_class": frozenset(labels.DurationClass),
    "outcome": frozenset(labels.JobOutcome) | frozenset(labels.ATTEMPT_OUTCOMES) | {"other"},
    "method": labels.METHODS | {"other"},
    "code": labels.CODES | {"other"},
    "sink": frozenset(labels.SINKS) | {"other"},
}


def samples(metrics: Metrics) -> Samples:
    return {
        (sample.name.removeprefix(f"{PREFIX}_"), frozenset(sample.labels.items())): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name.startswith(PREFIX)
    }


def changes(metrics: Metrics, events: Iterable[Event]) -> dict[str, float]:
    """What events change, as `name{label=value,...}`; buckets are left out."""
    before = samples(metrics)
    for event in events:
        metrics.observe(event)
    after = samples(metrics)
    found = {}
    for (name, values), value in after.items():
        if value != before.get((name, values), 0.0) and not name.endswith("_bucket"):
            written = ",".join(f"{label}={value}" for label, value in sorted(values))
            found[f"{name}{{{written}}}" if written else name] = round(value - before.get((name, values), 0.0), 9)
    return found


def value(metrics: Metrics, name: str, **wanted: str) -> float:
    return sum(
        value
        for (found, values), value in samples(metrics).items()
        if found == name and wanted.items() <= dict(values).items()
    )


def metrics_of(providers: int = 2) -> Metrics:
    return Metrics(scenes.catalog_of(providers))


def test_an_accepted_job_is_counted_and_in_flight_with_nobody():
    job = scenes.job_of()
    assert changes(metrics_of(), [JobAccepted(job)]) == {
        "jobs_accepted_total{model=sora-2}": 1,
        "jobs_in_flight{provider=none}": 1,
        "oldest_job_accepted_timestamp_seconds": scenes.NOW,
    }


def test_a_started_attempt_moves_its_job_to_the_provider():
    metrics, job = metrics_of(), scenes.job_of()
    metrics.observe(JobAccepted(job))
    _, start = scenes.started(job, scenes.attempt_of(job, "p1"))
    assert changes(metrics, [start]) == {"jobs_in_flight{provider=none}": -1, "jobs_in_flight{provider=p1}": 1}


def test_a_delivery_is_counted_timed_and_paid_once():
    assert changes(metrics_of(), scenes.delivery("p0", cost_microusd=750_001)) == {
        "jobs_accepted_total{model=sora-2}": 1,
        "jobs_finished_total{model=sora-2,outcome=succeeded,provider=p0,reason=none,stage=none}": 1,
        "job_duration_seconds_count{duration_class=short,outcome=succeeded,provider=p0}": 1,
        "job_duration_seconds_sum{duration_class=short,outcome=succeeded,provider=p0}": 61,
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
        "delivered_quote_usd_total{model=sora-2,provider=p0}": 0.8,
        "video_seconds_total{model=sora-2,provider=p0}": 8,
    }


def test_a_failure_names_stage_and_reason_and_costs_nothing_when_voided():
    job = scenes.job_of()
    attempt = scenes.attempt_of(job)
    job, start = scenes.started(job, attempt)
    metrics = metrics_of()
    metrics.observe(start)
    entry = voided(attempt, scenes.NOW)
    job, end = scenes.ended(job, attempt, AttemptState.FAILED, entry, Stage.SUBMIT, Reason.OVERLOADED)
    assert changes(metrics, [replace(end, stage_seconds={})]) == {
        "attempts_total{model=sora-2,outcome=failed,provider=p0,reason=overloaded,stage=submit}": 1,
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
    assert found["ambiguous_submits_total{provider=p1}"] == 1
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
        "cost_usd_total{kind=duplicate,model=sora-2,provider=p0}": 0.8,
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
    metrics.observe(JobAccepted(job))
    _, over = scenes.failed(job, Failure(Stage.ROUTE, reason))
    assert changes(metrics, [over]) == {
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
        "poll_lag_seconds_count{provider=p0}": 1,
        "poll_lag_seconds_sum{provider=p0}": 0.5,
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
    health = {name: ProviderHealth(each, clock, Random(1), metrics.observe) for name, each in catalog.providers.items()}
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
    assert value(metrics, "price_usd", provider="p1", model="sora-2", size="720x1280", seconds="8") == 0.88


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
    assert changes(metrics, [failed]) == {"uncertain_usd{provider=p0}": -0.8}


def test_every_family_exists_before_anything_happens():
    text = metrics_of().exposition()[0].decode()
    assert {family.full_name for family in FAMILIES} <= {
        line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")
    }
    found = samples(metrics_of())
    lazy = {"failovers_total", "http_requests_total", "http_request_duration_seconds"}
    for family in FAMILIES:
        if family.name not in lazy:
            suffix = "_count" if family.kind is MetricKind.HISTOGRAM else ""
            assert any(name == family.name + suffix for name, _ in found), family.name


def test_what_a_query_may_use_is_what_is_exposed():
    metrics = metrics_of()
    for event in scenes.a_day():
        metrics.observe(event)
    metrics.observe_request("/v1/models", "GET", 200, 0.01)
    allowed = {name: set(family.labels) | {"le"} for family in FAMILIES for name in family.sample_names}
    exposed = {(f"{PREFIX}_{name}", frozenset(label for label, _ in values)) for name, values in samples(metrics)}
    assert {name for name, _ in exposed} == set(allowed)
    assert all(found <= allowed[name] for name, found in exposed)


def test_no_flood_makes_more_than_3000_series():
    metrics = metrics_of(providers=10)
    names = [*metrics._names.providers, "stranger"]
    jobs = [
        replace(scenes.job_of(), video=replace(scenes.job_of().video, model=model)) for model in (*scenes.MODELS, "?")
    ]
    for job in jobs:
        for provider in names:
            attempt = scenes.attempt_of(job, provider)
            with_attempt = job.with_attempt(attempt)
            for stage in Stage:
                metrics.observe(FailedOver(job, replace(attempt, stage=stage), replace(attempt, provider="p3")))
                for reason in Reason:
                    for state in AttemptState:
                        another = replace(attempt, id=f"{provider}-{stage}-{reason}-{state}")
                        metrics.observe(scenes.ended(job, another, state, None, stage, reason)[1])
                    metrics.observe(scenes.failed(with_attempt, Failure(stage, reason))[1])
            for event in (*scenes.exchanges(provider), *scenes.health(provider)):
                metrics.observe(event)
            entry = LedgerEntry(attempt.id, job.id, provider, EntryKind.POSTED, 1, 0.0, CostKind.DUPLICATE)
            metrics.observe(AttemptEnded(job, attempt, (entry,)))
    for number in range(100):
        metrics.observe_request(f"/{number}", "GET", 200 + number, 0.1)
    series = sum(not line.startswith("#") for line in metrics.exposition()[0].decode().splitlines())
    assert series <= metrics.series_max <= 3_000
    assert value(metrics, "label_sets_folded_total", family="attempts_total") > 0
    ends = len(names) * len(jobs) * len(Stage) * len(Reason)
    assert value(metrics, "jobs_finished_total") == ends
    assert value(metrics, "attempts_total", provider="p7", outcome="failed") == ends / len(names)


JUNK = st.text(max_size=30)


@settings(max_examples=60, deadline=None)
@given(provider=JUNK, model=JUNK, reason=JUNK, word=JUNK, route=JUNK, method=JUNK, status=st.integers())
def test_junk_never_becomes_a_label(
    provider: str, model: str, reason: str, word: str, route: str, method: str, status: int
):
    metrics = metrics_of()
    job = scenes.job_of(model)
    attempt = scenes.attempt_of(job, provider)
    job, start = scenes.started(job, attempt)
    _, end = scenes.succeeded(job, attempt)
    for event in (JobAccepted(job), start, end, ProviderOut(provider, reason, 1.0), UnknownStatusSeen(provider, word)):
        metrics.observe(event)
    for event in scenes.exchanges(provider):
        metrics.observe(event)
    metrics.observe_request("/v1/videos", method, status, 0.1)
    metrics.observer_failed(word)
    known = {
        **ENUMS,
        "provider": {"p0", "p1", "other", "none"},
        "model": {*scenes.MODELS, "other"},
        "route": {"/v1/videos"},
        "size": {"720x1280", "1280x720"},
        "seconds": {"4", "8", "12"},
    }
    for _, values in samples(metrics):
        for label, found in values:
            assert label in ("le", "version", "family") or found in known[label], (label, found)


KINDS = st.sampled_from([kind for kind in CostKind if kind is not CostKind.UNCERTAIN])
AMOUNTS = st.integers(0, 1_000_000_000_000)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(AMOUNTS, KINDS, st.sampled_from(["p0", "p1"])), max_size=40))
def test_cost_counters_agree_with_the_ledger_to_the_micro_usd(bookings: list[tuple[int, CostKind, str]]):
    metrics, sums = metrics_of(), dict.fromkeys([(p, k) for p in ("p0", "p1") for k in CostKind], 0)
    for amount, kind, provider in bookings:
        job = scenes.job_of()
        attempt = scenes.attempt_of(job, provider, quote_microusd=amount)
        entry = posted(attempt, kind, scenes.NOW, amount)
        metrics.observe(AttemptEnded(job, replace(attempt, state=AttemptState.FAILED), (entry,)))
        sums[provider, kind] += amount
    for (provider, kind), microusd in sums.items():
        assert round(value(metrics, "cost_usd_total", provider=provider, kind=kind) * 1e6) == microusd


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(AMOUNTS, st.sampled_from(["unknown", "late", "late_posted", "late_voided", "voided"])), max_size=30
    )
)
def test_uncertain_money_is_what_the_ledger_has_open(lives: list[tuple[int, str]]):
    metrics, entries = metrics_of(), []
    for quote, life in lives:
        job = scenes.job_of()
        attempt = scenes.attempt_of(job, "p0", quote)
        entries.append(pending(attempt, scenes.NOW))
        closing = None
        if life.endswith("posted"):
            closing = posted(attempt, CostKind.DUPLICATE, scenes.NOW)
        if life.endswith("voided"):
            closing = voided(attempt, scenes.NOW)
        left = AttemptState.UNKNOWN if life == "unknown" else AttemptState.LATE
        if life != "voided":
            metrics.observe(AttemptEnded(job, replace(attempt, state=left), ()))
        if closing is not None:
            entries.append(closing)
            metrics.observe(AttemptEnded(job, replace(attempt, state=AttemptState.FAILED), (closing,)))
    owed = exposure(entries)
    assert round(value(metrics, "uncertain_usd") * 1e6) == owed.open_microusd
    assert round(value(metrics, "cost_usd_total") * 1e6) == owed.posted_microusd
