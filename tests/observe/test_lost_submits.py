from dataclasses import replace

import pytest

from router.core.events import AttemptResolved, JobEnded, LookupEnded, LookupResult
from router.core.resolution import Billed, Found, NotFound, Resolution
from tests.observe import scenes
from tests.observe.exposed import changes, metrics_of
from tests.observe.test_logs import written


def test_a_lost_submit_that_is_looked_up_is_counted_by_what_that_told():
    found = changes(metrics_of(), [*scenes.lost_and_found(), *scenes.lost_and_absent()])
    told = {name: count for name, count in found.items() if name.startswith("ambiguous_submits_total")}
    assert told == {
        "ambiguous_submits_total{provider=p0,resolution=found}": 1,
        "ambiguous_submits_total{provider=p0,resolution=absent}": 1,
    }


@pytest.mark.parametrize("result", [LookupResult.UNCLEAR, LookupResult.FAILED, LookupResult.NOT_LISTED])
def test_a_lookup_that_told_nothing_leaves_the_count_to_what_its_job_did(result: LookupResult):
    accepted, start, *rest = scenes.lost_answer()
    lookup = LookupEnded("p1", "video_0-1", result)
    assert changes(metrics_of(), [accepted, start, lookup, *rest]) == changes(metrics_of(), scenes.lost_answer())


def test_a_lost_submit_is_counted_once_though_it_is_found_after_its_job_ended():
    metrics, events = metrics_of(), scenes.lost_answer()
    changes(metrics, events)
    last = events[-1]
    assert isinstance(last, JobEnded)
    assert changes(metrics, [LookupEnded("p1", last.job.attempts[0].id, LookupResult.FOUND)]) == {}


@pytest.mark.parametrize(
    ("resolution", "settled", "cost_usd"),
    [(NotFound(), "voided", 0.0), (Billed(120_000), "failed_billed", 0.12), (Billed(), "failed_billed", 0.8)],
)
def test_money_that_an_operator_accounts_for_is_uncertain_no_more(
    resolution: Resolution, settled: str, cost_usd: float
):
    metrics, events = metrics_of(), scenes.resolved(resolution)
    lost = len(scenes.lost_answer())
    changes(metrics, events[:lost])
    cost = {
        "cost_usd_total{kind=failed_billed,model=sora-2,provider=p1}": cost_usd,
        "caller_cost_usd_total{caller=studio}": cost_usd,
        "routed_cost_usd_total{reason=best}": cost_usd,
    }
    assert changes(metrics, events[lost:]) == {
        "uncertain_usd{provider=p1}": -0.8,
        "oldest_uncertain_timestamp_seconds{provider=p1}": -scenes.NOW - 1,
        f"uncertain_settled_total{{provider=p1,resolution={settled}}}": 1,
        **(cost if cost_usd else {}),
    }


def test_money_that_an_operator_found_stays_uncertain_until_a_poll_tells():
    metrics, events = metrics_of(), scenes.resolved(Found("task_42"))
    lost = len(scenes.lost_answer())
    changes(metrics, events[:lost])
    assert changes(metrics, events[lost:]) == {}


@pytest.mark.parametrize(
    ("resolution", "word", "state"),
    [(Found("task_42"), "found", "late"), (NotFound(), "not_found", "failed"), (Billed(), "billed", "failed")],
)
def test_what_an_operator_said_is_logged_without_the_remote_id(resolution: Resolution, word: str, state: str):
    lines = written(scenes.resolved(resolution))
    said = next(line for line in lines if line["event"] == "attempt_resolved")
    assert (said["level"], said["resolution"], said["state"], said["provider"]) == ("info", word, state, "p1")
    assert said["trace"] == scenes.TRACE
    assert "task_42" not in str(lines)


def test_a_found_submit_reads_as_a_story():
    story = [(line["event"], line["level"], line.get("result")) for line in written(scenes.lost_and_found())]
    assert story[2] == ("lookup_ended", "info", "found")
    assert [event for event, _, _ in story] == [
        *("job_accepted", "routed", "lookup_ended", "attempt_ended", "money_settled", "job_ended")
    ]


def test_a_late_end_after_an_operator_found_it_is_money_only():
    events = scenes.resolved(Found("task_42"))
    last = events[-1]
    assert isinstance(last, AttemptResolved)
    known = replace(last.attempt, reason=None)
    _, end = scenes.succeeded(last.job, known)
    lines = written([*events, end])
    assert [line["event"] for line in lines].count("attempt_ended") == 1
    assert lines[-1]["event"] == "money_settled"
    assert lines[-1]["late"] is True
