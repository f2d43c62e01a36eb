import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread

import pytest

from grafana.rules import rule_files
from providers.canonical import Failure, Reason, Size, Stage
from router.core.catalog import Catalog
from router.core.clock import Clock
from router.core.events import (
    AttemptEnded,
    BreakerKind,
    BreakerMoved,
    BreakerState,
    Event,
    PollFailed,
    UnknownErrorSeen,
)
from router.core.health import ProviderHealth
from router.core.job import AttemptState
from router.core.ranking import DecisionReason
from router.core.reporting import ReportingSettings
from router.observe.metrics import Metrics
from tests.grafana.queries import PanelQuery, all_queries, panel_queries, panels
from tests.observe import scenes
from tests.prometheus import Prometheus, numbers, prometheus

# Long enough to hold all that happened, however slow the machine is.
LONG = {"rate_interval": "10m", "whole_range": "10m"}
# An hour of a rule's window is a minute; the alert is about the provider that is out from the start.
RULES_SCALE, ALERT = 60.0, "ProviderBalanceUsedUp"
_TRIED = (DecisionReason.TRIAL, DecisionReason.PROBE, DecisionReason.PANIC)
# Nobody sells it, the baseline provider neither.
WIDE = Size(1792, 1024)
ROUTES = (("/v1/videos", "POST"), ("/v1/videos", "GET"), ("/v1/videos/{video_id}", "GET"))


@contextmanager
def served(metrics: Metrics) -> Iterator[str]:
    """Serve metrics as the admin listener does; yields host:port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, content_type = metrics.exposition(self.headers.get("Accept", ""))
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def a_catalog() -> Catalog:
    """Two providers, of which the first stops selling one model some day."""
    catalog = scenes.catalog_of()
    offerings = [replace(each, available_until=time.time() + 86_400 * 20) for each in catalog.offerings[:1]]
    return Catalog.of(tuple(catalog.providers.values()), (*offerings, *catalog.offerings[1:]))


def a_router() -> Metrics:
    """The metrics of a router as it is started, with a provider that is out."""
    catalog = a_catalog()
    metrics = Metrics(catalog)
    metrics.use(catalog, ReportingSettings(baseline="p1"), ["studio"], 100, 3600.0)
    metrics.watch_budgets(scenes.budgets())
    clock = Clock(wall=time.time, monotonic=time.monotonic)
    health = {
        name: ProviderHealth(each, clock, Random(1), metrics.listeners.hear) for name, each in catalog.providers.items()
    }
    metrics.watch(health)
    metrics.watch_routing(scenes.memory_of(catalog))
    permits = health["p1"].try_start()
    assert permits is not None
    permits.submitted(Failure(Stage.SUBMIT, Reason.BALANCE))
    return metrics


def the_cliff(provider: str) -> list[Event]:
    """Attempts that fail with some of their work done, the last of them with nearly all of it."""
    found: list[Event] = []
    for progress in (10, 60, 92, 97):
        job = scenes.job_of(size=WIDE)
        job, start = scenes.started(job, scenes.attempt_of(job, provider))
        attempt = job.attempts[0]
        job, end = scenes.ended(job, attempt, AttemptState.FAILED, None, Stage.OUTPUT_REVIEW, Reason.REFUSED)
        assert isinstance(end, AttemptEnded)
        over = scenes.failed(job, Failure(Stage.OUTPUT_REVIEW, Reason.REFUSED))[1]
        found += [start, replace(end, progress=progress), over]
    return found


def trouble(provider: str) -> list[Event]:
    """What an ordinary day lacks."""
    unread = Failure(Stage.GENERATE, Reason.OTHER, recognised=False)
    return [
        *the_cliff(provider),
        *scenes.delivery(provider, size=WIDE),
        UnknownErrorSeen(provider, unread, "a boat"),
        PollFailed(provider, Reason.UNREACHABLE),
        BreakerMoved(provider, BreakerKind.POLL, BreakerState.OPEN, BreakerState.CLOSED),
        *scenes.lost_and_bought_again(),
    ]


def live(metrics: Metrics) -> None:
    """Live through something of everything."""
    tries = [event for reason in _TRIED for event in scenes.tried(reason)]
    for event in (*scenes.a_day(), *trouble("p0"), *trouble("p1"), *tries):
        metrics.listeners.hear(event)
    metrics.listeners.hear(scenes.waiting()[0])
    for route, method in ROUTES:
        for status in (200, 404, 503):
            metrics.observe_request(route, method, status, 0.02, scenes.TRACE_PARENT)
    metrics.observer_failed("logs")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that saw a router idle, then two days' worth of everything, each in a scrape of its own."""
    metrics, folder = a_router(), tmp_path_factory.mktemp("prometheus")
    accepted = "sum(video_router_jobs_accepted_total)"
    with served(metrics) as target, prometheus(folder, [target], rules=rule_files(RULES_SCALE)) as running:
        running.wait_for(accepted)
        for _ in range(2):
            before = running.query(accepted)[0].last
            live(metrics)
            running.wait_for(accepted, lambda found, before=before: found[0].last > before)  # type: ignore[misc]
        running.wait_for(f'ALERTS{{alertstate="firing", alertname="{ALERT}"}}')
        yield running


@pytest.mark.parametrize("query", all_queries(), ids=str)
def test_a_query_gives_numbers_once_something_happened(server: Prometheus, query: PanelQuery):
    now = time.time()
    found = server.query_range(query.filled(**LONG), now - 300, now, 2.0)
    assert found
    assert numbers(found)
    assert len(numbers(found)) == sum(len(vector.values) for vector in found), "not all of them are numbers"


def at_once(server: Prometheus, dashboard: str, title: str, ref_id: str = "A") -> dict[tuple[str, ...], float]:
    """What a panel shows, by the values of its labels in the order of their names."""
    (query,) = [
        each for each in panel_queries() if (each.dashboard, each.panel, each.ref_id) == (dashboard, title, ref_id)
    ]
    found = server.query(query.filled(**LONG))
    return {tuple(value for _, value in sorted(vector.labels.items())): vector.last for vector in found}


def test_the_table_of_providers_tells_what_happened(server: Prometheus):
    table = "Providers side by side"
    success = at_once(server, "providers", table, "B")
    # A day is 3 of 14 attempts for p0 and 9 of 14 for p1; of failures, the first of each kind makes its series only.
    # Two days are 6 of 20 and 18 of 23, extrapolated.
    assert success.keys() == {("p0",), ("p1",)}
    assert 0.2 < success["p0",] < 0.5 < success["p1",] < 0.9
    assert 60 < at_once(server, "providers", table, "C")["p0",] <= 90


def test_the_heat_table_shows_where_attempts_fail(server: Prometheus):
    shares = at_once(server, "failures", "Failed attempts by stage and provider")
    assert shares["p0", "output_review"] > shares["p0", "submit"] > 0
    assert ("p1", "download") not in shares


def test_half_of_the_failures_were_over_the_cliff(server: Prometheus):
    assert at_once(server, "failures", "Failures over the cliff")["p0",] == pytest.approx(0.5, abs=0.05)


def test_breakers_show_as_open(server: Prometheus):
    for dashboard in ("overview", "providers", "failures"):
        states = at_once(server, dashboard, "Breakers")
        assert states["submit", "p0"] == 2
        assert states["poll", "p0"] == 0


def test_a_refused_balance_shows_as_an_outage(server: Prometheus):
    outages = at_once(server, "overview", "Outages: key or balance refused")
    assert outages["p1", "balance"] == 1
    assert outages["p0", "balance"] == 0


def test_alerts_that_fire_are_listed_with_their_severity(server: Prometheus):
    found = server.query(next(each for each in panel_queries() if each.panel == "Alerts that fire").filled())
    rows = {(vector.labels["alertname"], vector.labels.get("provider")): vector.labels["severity"] for vector in found}
    assert rows[ALERT, "p1"] == "ticket"
    assert set(rows.values()) <= {"page", "ticket"}


def test_savings_are_the_baseline_less_all_spending(server: Prometheus):
    saved = at_once(server, "cost", "Saved in this range")[()]
    baseline = server.query("sum(increase(video_router_baseline_cost_usd_total[10m]))")[0].last
    spent = server.query("sum(increase(video_router_cost_usd_total[10m]))")[0].last
    assert saved == pytest.approx(baseline - spent, abs=0.2)


def test_budgets_are_in_order_of_what_is_used(server: Prometheus):
    used = at_once(server, "cost", "Daily budgets")
    assert used == {("p0", "provider"): 0.82, ("studio", "caller"): pytest.approx(5e-8)}


def test_a_slow_job_leads_to_its_trace(server: Prometheus):
    now = time.time()
    asked = [
        target["expr"]
        for panel in panels()
        for target in panel["targets"]
        if target.get("exemplar") and target["range"]
    ]
    assert asked
    for expression in asked:
        query = PanelQuery("", "", "", expression).filled(**LONG)
        found = server.exemplars(query, now - 300, now)
        assert {labels["trace_id"] for labels in found} == {scenes.TRACE}, expression
