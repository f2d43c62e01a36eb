"""After a storm of faults, all accounts of it are one: metrics, ledger, books, and what people get to see."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import promql_parser
import pytest

from grafana.rules.files import groups
from grafana.rules.rule import Alert, Record
from providers.canonical import Reason, Stage
from router.core.budget import day_start
from router.core.job import AttemptState
from router.observe.families import FAMILIES, Family
from tests.e2e import accounts
from tests.e2e.accounts import Counts, Ledger, counted, ledger_of, microusd
from tests.e2e.load import CANARIES, prompt_of, trace_id
from tests.e2e.storm import CALM, ON_TIME_S, RULES_SCALE, Plan, Storm, a_storm, series_in
from tests.grafana.queries import DASHBOARDS, PanelQuery, all_queries, panels_of
from tests.prometheus import JOB, numbers, require

JOBS = 2000
# What openai, the baseline, sells.
BASELINE = {("sora-2", seconds): 100_000 * seconds for seconds in (4, 8, 10, 12)}


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    require("prometheus")
    with a_storm(tmp_path_factory.mktemp("storm"), Plan(JOBS)) as storm:
        yield storm


@pytest.fixture(scope="module")
def ledger(storm: Storm) -> Ledger:
    return ledger_of(storm.served.database, storm.account.rows)


def seen(storm: Storm, name: str, *labels: str) -> Counts:
    return counted(series_in(storm.account.samples, name), *labels)


def seen_microusd(storm: Storm, name: str, *labels: str) -> Counts:
    return microusd(series_in(storm.account.samples, name), *labels)


def test_the_storm_reached_enough_jobs_and_every_kind_of_end(storm: Storm, ledger: Ledger) -> None:
    assert len(storm.load.accepted) >= JOBS
    assert {ledger.left(row)[0] for row in storm.account.rows} == {"succeeded", "failed", "unknown", "late"}
    assert {row.state for row in storm.account.rows} > {AttemptState.UNKNOWN, AttemptState.LATE}
    assert {job.outcome for job in ledger.jobs.values()} >= {"succeeded", "failed", "rejected", "unknown"}
    assert {kind for _, _, kind in accounts.cost(ledger)} == {"delivered", "failed_billed", "duplicate"}


def test_every_attempt_is_counted_once_where_the_ledger_has_it(storm: Storm, ledger: Ledger) -> None:
    labels = ("provider", "model", "outcome", "stage", "reason")
    assert seen(storm, "attempts_total", *labels) == accounts.attempts(ledger)
    failed = seen(storm, "failed_attempt_duration_seconds_count", "provider", "stage")
    assert failed == accounts.failed_attempts(ledger)
    assert seen(storm, "failovers_total", "from_provider", "to_provider", "stage") == accounts.failovers(ledger)
    submits = [each for each in series_in(storm.account.samples, "exchanges_total") if each[0]["operation"] == "submit"]
    assert counted(submits, "provider") == Counter((row.provider,) for row in storm.account.rows)


def test_doubt_is_counted_with_what_became_of_it(storm: Storm, ledger: Ledger) -> None:
    assert seen(storm, "ambiguous_submits_total", "provider", "resolution") == accounts.ambiguous(ledger)
    assert seen(storm, "uncertain_settled_total", "provider", "resolution") == accounts.uncertain_settled(ledger)
    assert {resolution for _, resolution in accounts.ambiguous(ledger)} == {"held", "failed_over"}
    assert {resolution for _, resolution in accounts.uncertain_settled(ledger)} >= {"adopted", "duplicate"}


def test_money_is_the_ledgers_to_the_micro_usd(storm: Storm, ledger: Ledger) -> None:
    pair = ("provider", "model")
    assert seen_microusd(storm, "cost_usd_total", *pair, "kind") == accounts.cost(ledger)
    assert seen_microusd(storm, "caller_cost_usd_total", "caller") == accounts.caller_cost(ledger)
    quotes = accounts.of_delivered(ledger, "quote_microusd")
    assert seen_microusd(storm, "delivered_quote_usd_total", *pair) == quotes
    assert seen(storm, "video_seconds_total", *pair) == accounts.of_delivered(ledger, "seconds")
    baseline, missing = accounts.baseline(ledger, BASELINE)
    assert seen_microusd(storm, "baseline_cost_usd_total", *pair) == baseline
    assert seen(storm, "baseline_missing_total", "model") == missing
    assert missing


def test_routing_tells_what_it_decided_and_what_came_of_it(storm: Storm, ledger: Ledger) -> None:
    routed = {line["attempt"]: line for line in logged(storm) if line["event"] == "routed"}
    decisions = Counter((line["provider"], line["reason"]) for line in routed.values())
    assert seen(storm, "route_decisions_total", "provider", "reason") == decisions
    assert {reason for _, reason in decisions} >= {"best", "weighted", "trial", "probe"}
    spent: Counts = Counter()
    for row in ledger.rows:
        spent[(routed[row.attempt_id]["reason"],)] += row.posted_microusd
    assert seen_microusd(storm, "routed_cost_usd_total", "reason") == +spent
    expected: Counts = Counter()
    for row in ledger.delivered():
        expected[row.provider, row.model] += routed[row.attempt_id]["expected_microusd"]
    assert seen_microusd(storm, "expected_cost_usd_total", "provider", "model") == expected


def test_a_drained_provider_got_nothing_until_it_was_resumed(storm: Storm) -> None:
    drained, resumed = [line for line in logged(storm) if line["event"] == "provider_drained"]
    assert (drained["drained"], resumed["drained"]) == (True, False)
    since, until = (datetime.fromisoformat(line["time"]).timestamp() for line in (drained, resumed))
    # Whoever had its permit before is on its way for another moment.
    submitted = Counter(row.provider for row in storm.account.rows if since + 0.5 < row.submitted_at < until)
    assert submitted["openai"] == 0
    assert submitted["jizhiai"] + submitted["shenma"] > 10


def test_what_is_uncertain_stays_in_sight_after_a_restart(storm: Storm, ledger: Ledger) -> None:
    still_open = accounts.still_uncertain(ledger)
    assert seen_microusd(storm, "uncertain_usd", "provider") == still_open
    assert still_open
    after = ledger_of(storm.served.database, storm.resumed.rows)
    assert microusd(series_in(storm.resumed.samples, "uncertain_usd"), "provider") == accounts.still_uncertain(after)
    oldest = {
        each["provider"]: at for each, at in series_in(storm.account.samples, "oldest_uncertain_timestamp_seconds")
    }
    submitted: dict[str, float] = {}
    for row in storm.account.rows:
        if row.open_microusd:
            submitted[row.provider] = min(row.submitted_at, submitted.get(row.provider, row.submitted_at))
    assert oldest == pytest.approx(submitted, abs=0.001)


def test_budgets_are_used_as_the_ledger_says(storm: Storm, ledger: Ledger) -> None:
    used = accounts.used_today(ledger, day_start(storm.account.at))
    limits = seen_microusd(storm, "daily_budget_usd", "scope", "name")
    assert seen_microusd(storm, "daily_budget_used_usd", "scope", "name") == {key: used[key] for key in limits}
    # The reload raised one of them.
    assert limits["provider", "openai"] == 6_000_000_000
    assert used["caller", "intern"] > 0.9 * limits["caller", "intern"]


def test_jobs_are_counted_as_they_ended_and_in_time_or_not(storm: Storm, ledger: Ledger) -> None:
    accepted = seen(storm, "jobs_accepted_total", "model")
    assert accepted == Counter((job.model,) for job in ledger.jobs.values())
    assert set(ledger.jobs) == set(storm.load.accepted.values())
    labels = ("model", "provider", "outcome", "stage", "reason")
    assert seen(storm, "jobs_finished_total", *labels) == accounts.finished(ledger)
    assert seen(storm, "jobs_on_time_total", "duration_class", "on_time") == accounts.on_time(ledger, ON_TIME_S)
    durations = seen(storm, "job_duration_seconds_count", "provider", "duration_class")
    assert durations == accounts.delivered_jobs(ledger)
    took_s = sum(value for _, value in series_in(storm.account.samples, "job_duration_seconds_sum"))
    done = [job for job in ledger.jobs.values() if job.outcome == "succeeded"]
    assert took_s == pytest.approx(sum(job.ended_at - job.created_at for job in done))
    assert series_in(storm.account.samples, "jobs_in_flight") == []


def test_the_overview_tells_the_same(storm: Storm, ledger: Ledger) -> None:
    overview = storm.account.overview
    outcomes = {outcome: count for outcome, count in overview["outcomes"].items() if count}
    assert outcomes == Counter(job.outcome for job in ledger.jobs.values())
    used = accounts.used_today(ledger, day_start(storm.account.at))
    assert {(each["scope"], each["name"]): each["used_microusd"] for each in overview["budgets"]} == {
        key: used[key] for key in seen_microusd(storm, "daily_budget_usd", "scope", "name")
    }
    for told in overview["providers"]:
        rows = [row for row in ledger.rows if row.provider == told["provider"]]
        left = [ledger.left(row) for row in rows]
        window, delivered = told["window"], [row for row in rows if row.cost_kind == "delivered"]
        judged = [each for each in left if each != ("late", "none", "none")]
        assert (window["attempts"], window["delivered"]) == (len(judged), len(delivered))
        assert window["failures"] == Counter(f"{stage}.{reason}" for _, stage, reason in left if stage != "none")
        assert window["delivered_seconds"] == sum(row.seconds for row in delivered)
        posted, paid = sum(row.posted_microusd for row in rows), sum(row.posted_microusd for row in delivered)
        assert (window["posted_microusd"], window["wasted_microusd"]) == (posted, posted - paid)
        still_open = [row.open_microusd for row in rows if row.open_microusd]
        assert told["uncertain"]["amount_microusd"] == sum(still_open)
        assert told["uncertain"]["attempts"] == len(still_open)


def test_callers_were_told_what_was_counted(storm: Storm, ledger: Ledger) -> None:
    told = Counter(video["status"] for video in storm.load.videos.values())
    assert told == Counter(job.state for job in ledger.jobs.values())
    codes = Counter(video["error"]["code"] for video in storm.load.videos.values() if video["status"] == "failed")
    finished = seen(storm, "jobs_finished_total", "outcome")
    assert finished[("unknown",)] == codes["submit_unknown"]
    assert finished[("rejected",)] == codes["moderation_blocked"]
    creates = [each for each in series_in(storm.account.samples, "http_requests_total") if each[0]["method"] == "POST"]
    assert counted(creates, "code") == {(str(status),): count for status, count in storm.load.answers.items()}


def test_the_providers_books_are_the_ledger_entry_by_entry(storm: Storm) -> None:
    """Posted is what is billed, voided is what is not, and the rest is open."""
    left = {(row.provider, row.job_id): row for row in storm.account.rows}
    job_ids = {
        hashlib.sha256(prompt_of(number).encode()).hexdigest(): each for number, each in storm.load.accepted.items()
    }
    # A loaded machine may not find the time to send one.
    sent = [row for row in storm.account.rows if (row.stage, row.reason) != (Stage.SUBMIT, Reason.UNREACHABLE)]
    for name, sandbox in storm.served.sandboxes.items():
        books = sandbox.books()
        assert books.requests["create"] == sum(row.provider == name for row in sent)
        for entry in books.accepted:
            row = left.pop((name, job_ids[entry.prompt_sha256]))
            if row.open_microusd:
                assert entry.net_microusd in (0, row.open_microusd)
            else:
                assert (entry.net_microusd, entry.answer_lost) == (row.posted_microusd, False)
    # Whatever is in nobody's books was never paid.
    assert sum(row.posted_microusd for row in left.values()) == 0


def test_the_router_counted_its_own_troubles(storm: Storm) -> None:
    assert seen(storm, "config_reloads_total", "result") == {("success",): 2, ("failure",): 1}
    assert [each["digest"] for each, _ in series_in(storm.account.samples, "config_info")] == [storm.digest()]
    assert seen(storm, "provider_out_total", "provider", "reason").keys() == {
        ("shenma", "auth"),
        ("jizhiai", "balance"),
    }
    assert seen(storm, "store_failures_total").total() > 0
    assert series_in(storm.account.samples, "label_sets_folded_total") == []
    assert series_in(storm.account.samples, "observer_errors_total") == []


def logged(storm: Storm) -> list[dict[str, Any]]:
    # What a start warns of stands before them, in words.
    lines = storm.served.logs[0].read_text().splitlines()
    return [json.loads(line) for line in lines if not line.startswith("warning: ")]


def test_logs_tell_the_same_money(storm: Storm) -> None:
    told: Counts = Counter()
    for line in logged(storm):
        if line["event"] == "money_settled" and line["kind"] != "voided":
            told[line["provider"], line["kind"]] += line["amount_microusd"]
    posted: Counts = Counter()
    for row in storm.last_rows:
        if row.cost_kind is not None:
            posted[row.provider, str(row.cost_kind)] += row.posted_microusd
    assert told == posted


def test_logs_tell_every_job_and_attempt_and_no_secret(storm: Storm) -> None:
    secrets = [*CANARIES, "sig=", "data:image", "Bearer", "?token"]
    secrets += [sandbox.key for sandbox in storm.served.sandboxes.values()]
    for log in storm.served.logs:
        text = log.read_text()
        for secret in secrets:
            assert secret not in text
    events = Counter(line["event"] for line in logged(storm))
    assert events["job_accepted"] == events["job_ended"] == len(storm.load.accepted)
    assert events["routed"] == events["attempt_ended"] == len(storm.account.rows)
    assert events["cost_doubted"] == seen(storm, "doubted_costs_total").total() > 0


# What a table or a single figure shows is what there is at the end.
INSTANT = [
    PanelQuery(path.stem, panel["title"], target["refId"], target["expr"])
    for path in DASHBOARDS
    for panel in panels_of(path)
    for target in panel["targets"]
    if target.get("instant")
]
EXEMPLARY = ("job_duration_seconds_bucket", "failed_attempt_duration_seconds_bucket", "attempts_total")


@pytest.mark.parametrize("name", EXEMPLARY)
def test_an_example_is_the_trace_of_a_job(storm: Storm, name: str) -> None:
    found = storm.server.exemplars(f'video_router_{name}{{job="{JOB}"}}', storm.started_at, storm.ended_at)
    traces = {each["trace_id"] for each in found}
    assert traces
    assert traces <= {trace_id(number) for number in storm.load.accepted}


# What this program itself gets wrong, and what only an operator does.
NEVER_SEEN = {"observer_errors_total", "label_sets_folded_total", "adjusted_usd"}
NEVER_SHOWN = {"Corrected"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_metric_was_more_than_zero(storm: Storm, family: Family) -> None:
    (name, *_) = sorted(family.sample_names)
    found = storm.server.query_range(f'max({name}{{job="{JOB}"}})', storm.started_at, storm.ended_at)
    assert (max(numbers(found)) > 0) == (family.name not in NEVER_SEEN)


@pytest.mark.parametrize("query", all_queries(), ids=str)
def test_a_dashboard_shows_the_storm(storm: Storm, query: PanelQuery) -> None:
    length_s = int(storm.ended_at - storm.started_at)
    expression = query.filled(rate_interval="10s", whole_range=f"{length_s}s")
    if query in INSTANT:
        found = storm.server.query(expression, storm.ended_at)
    else:
        found = storm.server.query_range(expression, storm.started_at, storm.ended_at)
    assert bool(numbers(found)) == (query.panel not in NEVER_SHOWN)


RULES = [rule for file in groups(RULES_SCALE).values() for group in file for rule in group.rules]
RECORDS = [rule for rule in RULES if isinstance(rule, Record)]
ALERTS = [rule for rule in RULES if isinstance(rule, Alert)]


def test_prometheus_evaluates_every_rule_without_an_error(storm: Storm) -> None:
    told = storm.server.rules()
    assert len(told) == len(RULES)
    assert {(rule["name"], rule.get("lastError")) for rule in told if rule["health"] != "ok"} == set()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_a_recording_rule_recorded_the_storm(storm: Storm, record: Record) -> None:
    assert numbers(storm.server.query_range(f'{record.name}{{job="{JOB}"}}', storm.started_at, storm.ended_at))


def operands(node: Any) -> Iterator[Any]:
    """Yield what an expression is made of: selectors, and calls with what is inside of them."""
    if type(node).__name__ in ("VectorSelector", "Call"):
        yield node
        return
    for child in (getattr(node, name, None) for name in ("lhs", "rhs", "expr")):
        if child is not None:
            yield from operands(child)


# A 5xx other than 503 has no series until the router has a bug.
UNHEARD_OF = {"CreatesFail"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name} {alert.labels.get('window', '')}".strip())
def test_an_alert_was_active_or_compares_numbers(storm: Storm, alert: Alert) -> None:
    """One that this storm does not set off has at least numbers on every side of its comparisons."""
    if storm.watch.of(alert.name, severity=str(alert.severity), **alert.labels):
        return
    parts = [part.prettify() for part in operands(promql_parser.parse(alert.expression))]
    found = [numbers(storm.server.query_range(part, storm.started_at, storm.ended_at)) for part in parts]
    assert all(found) == (alert.name not in UNHEARD_OF), dict(zip(parts, found, strict=True))


FIRED = {
    "ProviderKeyRefused": (["firing", "inactive"], {"provider": "shenma"}, r"shenma refuses our key\. .+"),
    "ConfigReloadFailed": (["pending", "firing", "inactive"], {}, r"127.0.0.1:\d+ refused its new configuration; .+"),
    "ProviderBalanceUsedUp": (["firing"], {"provider": "jizhiai"}, r"jizhiai says that our balance is used up\. .+"),
    "DeliveredShareLow": (
        ["pending", "firing"],
        {"severity": "page", "window": "1h"},
        r"[\d.]+% of the jobs of video-router ended without a video in 1h; 1% may\.",
    ),
    "StoreFails": (["pending", "firing"], {}, r"127.0.0.1:\d+ cannot write to its store: about [\d.]+ writes failed\."),
    "UncertainMoneyOld": (["pending", "firing"], {}, r"[\d.]+ USD at \w+ .*uncertain.+"),
    "BudgetNearlyUsed": (
        ["pending", "firing"],
        {"scope": "caller", "name": "intern"},
        r"[\d.]+% of today's budget of the caller intern is used\.",
    ),
    "RouterDown": (["pending", "firing"], {}, r"No router of video-router answers\."),
}


@pytest.mark.parametrize("name", FIRED)
def test_a_fault_set_its_alert_off(storm: Storm, name: str) -> None:
    states, labels, summary = FIRED[name]
    found = storm.watch.of(name, **{"job": JOB, **labels})
    assert any(in_order(states, each.states) for each in found), [each.states for each in found]
    for alert in found:
        assert re.fullmatch(summary, alert.annotations["summary"]), alert.annotations["summary"]
        assert alert.annotations["runbook"] == f"grafana/README.md#{name.lower()}"
        for text in alert.annotations.values():
            assert "{{" not in text
            assert "<no value>" not in text


def in_order(wanted: list[str], states: list[str]) -> bool:
    left = iter(states)
    return all(state in left for state in wanted)


def test_nothing_pages_while_all_is_well(storm: Storm) -> None:
    """A router of the same configuration, before the same providers in good health, for as long."""
    assert {video["status"] for video in storm.calm_load.videos.values()} == {"completed"}
    assert [
        each.name for each in storm.watch.all if (each.labels.get("job"), each.labels["severity"]) == (CALM, "page")
    ] == []
