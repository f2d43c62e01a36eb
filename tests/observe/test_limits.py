"""However much happens, and whatever it says: bounded series, closed labels, and money that adds up."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Stage
from router.core.events import (
    AttemptEnded,
    FailedOver,
    FailoverDelayed,
    JobAccepted,
    ProviderOut,
    UnknownStatusSeen,
)
from router.core.job import AttemptState
from router.core.ledger import CostKind, EntryKind, LedgerEntry, exposure, pending, posted, voided
from router.core.ranking import DecisionReason
from router.core.reporting import ReportingSettings
from router.observe.catalogue import closed_values, page, unit
from router.observe.families import FAMILIES, PREFIX, MetricKind
from tests.observe import scenes
from tests.observe.exposed import metrics_of, samples, value


def test_no_flood_makes_more_than_3000_series():
    metrics, catalog = metrics_of(providers=10), scenes.catalog_of(10, ending=True)
    metrics.use(catalog, ReportingSettings(), [f"caller-{number}" for number in range(50)], 100, 3600.0)
    metrics.watch_routing(scenes.memory_of(catalog))
    names = [*metrics._names.providers, "stranger"]
    jobs = [
        replace(scenes.job_of(), video=replace(scenes.job_of().video, model=model)) for model in (*scenes.MODELS, "?")
    ]
    for job in jobs:
        for provider in names:
            attempt = scenes.attempt_of(job, provider)
            for reason in DecisionReason:
                metrics.listeners.hear(scenes.started(job, attempt, reason)[1])
            metrics.listeners.hear(FailoverDelayed(job, attempt, 1.0))
            with_attempt = job.with_attempt(attempt)
            for stage in Stage:
                metrics.listeners.hear(FailedOver(job, replace(attempt, stage=stage), replace(attempt, provider="p3")))
                for why in Reason:
                    for state in AttemptState:
                        another = replace(attempt, id=f"{provider}-{stage}-{why}-{state}")
                        metrics.listeners.hear(scenes.ended(job, another, state, None, stage, why)[1])
                    metrics.listeners.hear(scenes.failed(with_attempt, Failure(stage, why))[1])
            for event in (*scenes.exchanges(provider), *scenes.health(provider)):
                metrics.listeners.hear(event)
            entry = LedgerEntry(attempt.id, job.id, provider, EntryKind.POSTED, 1, 0.0, CostKind.DUPLICATE)
            metrics.listeners.hear(AttemptEnded(job, attempt, (entry,)))
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
        metrics.listeners.hear(event)
    for event in scenes.exchanges(provider):
        metrics.listeners.hear(event)
    metrics.observe_request("/v1/videos", method, status, 0.1)
    metrics.observer_failed(word)
    known = {
        "provider": {"p0", "p1", "other", "none"},
        "from_provider": {"p0", "p1"},
        "model": {*scenes.MODELS, "other"},
        "route": {"/v1/videos"},
        "size": {"1280x720"},
        "seconds": {"4", "8", "12"},
        "caller": {"studio", "other"},
        "offering": {f"p0/{sold}" for sold in scenes.MODELS},
    }
    by_name = {name.removeprefix(f"{PREFIX}_"): family for family in FAMILIES for name in family.sample_names}
    for name, values in samples(metrics):
        for label, found in values:
            if label not in ("le", "version", "family"):
                closed = closed_values(by_name[name], label)
                assert found in (known[label] if closed is None else closed), (name, label, found)


def test_the_page_of_metrics_is_that_of_the_catalogue():
    committed = Path(__file__).parents[2] / "router" / "observe" / "METRICS.md"
    assert committed.read_text(encoding="utf-8") == page()


def test_a_metric_is_named_after_its_unit():
    times = [family for family in FAMILIES if family.kind is MetricKind.HISTOGRAM]
    assert {unit(family) for family in times} == {"seconds", "0 to 1"}
    assert all(("usd" in family.name) == unit(family).startswith("USD") for family in FAMILIES)


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
        metrics.listeners.hear(AttemptEnded(job, replace(attempt, state=AttemptState.FAILED), (entry,)))
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
            metrics.listeners.hear(AttemptEnded(job, replace(attempt, state=left), ()))
        if closing is not None:
            entries.append(closing)
            metrics.listeners.hear(AttemptEnded(job, replace(attempt, state=AttemptState.FAILED), (closing,)))
    owed = exposure(entries)
    assert round(value(metrics, "uncertain_usd") * 1e6) == owed.open_microusd
    assert round(value(metrics, "cost_usd_total") * 1e6) == owed.posted_microusd


def test_at_most_twenty_callers_have_a_series_of_their_own_and_no_money_is_lost():
    metrics, names = metrics_of(), [f"caller-{number}" for number in range(50)]
    metrics.use(scenes.catalog_of(2), ReportingSettings(), names)
    for name in names:
        job = replace(scenes.job_of(), caller=name)
        _, end = scenes.succeeded(job, scenes.attempt_of(job))
        metrics.listeners.hear(end)
    assert value(metrics, "caller_cost_usd_total") == pytest.approx(50 * 0.8)
    assert value(metrics, "caller_cost_usd_total", caller="other") == pytest.approx(30 * 0.8)


def test_a_family_that_was_never_expected_to_overflow_counts_on_under_other():
    metrics = metrics_of()
    for number in range(200):
        metrics._to.unknown_status.at(f"p{number}").inc()
    assert value(metrics, "unknown_status_total") == 200
    assert value(metrics, "unknown_status_total", provider="other") == 197


def bought(caller: str) -> AttemptEnded:
    job = replace(scenes.job_of(), caller=caller)
    return scenes.succeeded(job, scenes.attempt_of(job))[1]


def test_a_caller_that_a_reload_adds_has_a_series_of_its_own_whatever_was_folded_before():
    metrics = metrics_of()
    metrics.listeners.hear(bought("removed long ago"))
    metrics.use(scenes.catalog_of(2), ReportingSettings(), ["studio", "film"])
    metrics.listeners.hear(bought("film"))
    found = {name: value(metrics, "caller_cost_usd_total", caller=name) for name in ("studio", "film", "other")}
    assert found == {"studio": 0.0, "film": 0.8, "other": 0.8}


class Broken(scenes.Budget):
    """A budget that cannot say what is used."""

    def __getattribute__(self, name: str) -> object:
        if name == "used_microusd":
            raise RuntimeError("not now")
        return super().__getattribute__(name)


def test_what_breaks_at_a_scrape_is_one_figure_and_counted():
    metrics = metrics_of()
    metrics.watch_budgets([Broken("provider", "p0", 1, 1), scenes.Budget("provider", "p1", 2_000_000, 1_000_000)])
    scraped = metrics.exposition()[0].decode()
    assert 'video_router_daily_budget_used_usd{name="p0",scope="provider"} NaN' in scraped
    assert 'video_router_daily_budget_used_usd{name="p1",scope="provider"} 1.0' in scraped
    assert value(metrics, "observer_errors_total", sink="metrics") == 1


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=abc", "\x00", ";;,=", "a/b;q=x"])
def test_whoever_asks_in_an_odd_way_gets_text(accept: str):
    body, content_type = metrics_of().exposition(accept)
    assert content_type.startswith("text/plain")
    assert b"video_router_build_info" in body
