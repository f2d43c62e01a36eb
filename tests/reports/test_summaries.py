"""Attempts added up: by provider, by job, and as JSON."""

from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

import orjson
from rich.console import Console

from providers.canonical import Reason, Stage
from router.core.job import AttemptState, JobState
from router.core.ledger import CostKind
from router.core.report import ReportRow
from router.reports.callers import CallerSummary, caller_summaries
from router.reports.document import report_document
from router.reports.jobs import job_summaries
from router.reports.providers import summaries
from router.reports.tables import failure_table, job_table, provider_table
from tests.builders import EPOCH, PORTRAIT

DELIVERED = ReportRow(
    job_id="video_1",
    caller="studio",
    job_state=JobState.COMPLETED,
    job_created_at=EPOCH,
    job_ended_at=EPOCH + 90,
    model="clip",
    model_made="clip",
    size=PORTRAIT,
    job_seconds=10,
    attempt_id="a1",
    number=1,
    offering_id="alpha/clip",
    provider="alpha",
    upstream_model="clip",
    seconds=10,
    state=AttemptState.SUCCEEDED,
    submitted_at=EPOCH + 1,
    accepted_at=EPOCH + 2,
    ended_at=EPOCH + 81,
    stage=None,
    reason=None,
    code=None,
    quote_microusd=120_000,
    open_microusd=0,
    posted_microusd=120_000,
    cost_kind=CostKind.DELIVERED,
    voided=False,
)
FAILED = replace(
    DELIVERED,
    state=AttemptState.FAILED,
    stage=Stage.SUBMIT,
    reason=Reason.UNREACHABLE,
    posted_microusd=0,
    cost_kind=None,
    voided=True,
)
LOST = replace(FAILED, state=AttemptState.UNKNOWN, reason=Reason.AMBIGUOUS, open_microusd=120_000, voided=False)
BILLED = replace(FAILED, stage=Stage.GENERATE, posted_microusd=60_000, cost_kind=CostKind.FAILED_BILLED, voided=False)
RUNNING = replace(
    DELIVERED,
    job_state=JobState.IN_PROGRESS,
    job_ended_at=None,
    state=AttemptState.RUNNING,
    ended_at=None,
    open_microusd=120_000,
    posted_microusd=0,
    cost_kind=None,
)


def by_beta(row: ReportRow, number: int = 2, seconds: int = 12) -> ReportRow:
    return replace(row, provider="beta", offering_id="beta/clip", number=number, seconds=seconds)


def another(row: ReportRow, job: str) -> ReportRow:
    return replace(row, job_id=job)


def test_a_job_tells_its_attempts_in_order_and_adds_their_money() -> None:
    (job,) = job_summaries([by_beta(DELIVERED), LOST])
    assert [(step.offering, step.state, step.reason) for step in job.route] == [
        ("alpha/clip", AttemptState.UNKNOWN, Reason.AMBIGUOUS),
        ("beta/clip", AttemptState.SUCCEEDED, None),
    ]
    assert (job.seconds, job.route[1].seconds, job.size) == (10, 12, "720x1280")
    assert (job.posted_microusd, job.wasted_microusd, job.uncertain_microusd) == (120_000, 0, 120_000)
    assert job.duration_s == 90


def test_what_a_failure_was_billed_is_wasted() -> None:
    (job,) = job_summaries([BILLED, by_beta(DELIVERED)])
    assert (job.posted_microusd, job.wasted_microusd) == (180_000, 60_000)


def test_the_reservation_of_a_running_attempt_is_not_called_uncertain() -> None:
    (job,) = job_summaries([RUNNING])
    (alpha,) = summaries([RUNNING])
    assert (job.duration_s, job.uncertain_microusd, alpha.uncertain_microusd) == (None, 0, 0)


def test_jobs_stay_apart_and_in_their_order() -> None:
    rows = [another(FAILED, "video_2"), another(by_beta(DELIVERED), "video_2"), another(DELIVERED, "video_1")]
    assert [(job.id, len(job.route)) for job in job_summaries(rows)] == [("video_2", 2), ("video_1", 1)]


def test_a_delivered_second_costs_what_was_wasted_too() -> None:
    (alpha,) = summaries([DELIVERED, another(BILLED, "video_2")])
    assert alpha.microusd_per_delivered_second == 18_000
    assert (alpha.delivered_share, alpha.p50_s) == (0.5, 80)


def test_jobs_and_providers_add_up_to_the_same_money() -> None:
    rows = [LOST, by_beta(DELIVERED), another(BILLED, "video_2"), another(RUNNING, "video_3")]
    jobs, providers = job_summaries(rows), summaries(rows)
    spent = sum(each.delivered_microusd + each.wasted_microusd for each in providers)
    assert sum(job.posted_microusd for job in jobs) == spent
    assert sum(job.uncertain_microusd for job in jobs) == sum(each.uncertain_microusd for each in providers)


def test_the_json_form_says_everything_the_tables_say() -> None:
    rows = [FAILED, by_beta(DELIVERED)]
    document = orjson.loads(
        report_document(summaries(rows), summaries(rows, by_model=True), caller_summaries(rows), job_summaries(rows))
    )
    alpha, beta = document["providers"]
    assert (alpha["provider"], alpha["failures"]) == ("alpha", {"submit.unreachable": 1})
    assert (alpha["microusd_per_delivered_second"], beta["microusd_per_delivered_second"]) == (None, 10_000)
    (job,) = document["jobs"]
    assert (job["id"], job["state"], job["duration_s"]) == ("video_1", "completed", 90)
    assert (job["caller"], job["created_at"], job["route"][0]["submitted_at"]) == ("studio", EPOCH, EPOCH + 1)
    assert [(step["stage"], step["posted_microusd"]) for step in job["route"]] == [("submit", 0), (None, 120_000)]
    assert [step["id"] for step in job["route"]] == [row.attempt_id for row in rows]


def test_a_job_is_listed_with_the_moment_at_which_it_was_accepted() -> None:
    console = Console(width=120, file=StringIO())
    with console.capture() as capture:
        console.print(job_table(job_summaries([DELIVERED])))
    assert f"{datetime.fromtimestamp(EPOCH, UTC):%m-%d %H:%M}" in capture.get()


def test_tables_of_eighty_columns_cut_nothing_off() -> None:
    rows = [FAILED, by_beta(DELIVERED), another(LOST, "video_0123456789abcdef")]
    console = Console(width=80, file=StringIO())
    with console.capture() as capture:
        for table in (job_table(job_summaries(rows)), provider_table(summaries(rows)), failure_table(summaries(rows))):
            console.print(table)
    printed = capture.get()
    for words in ("alpha/clip", "submit.unreachable", "720x1280", "1 of 1", "0.0100", "90.0 s", "video_01234"):
        assert words in printed
    assert "…" not in printed


def test_what_is_delivered_is_counted_among_the_attempts_that_its_share_is_of() -> None:
    console = Console(width=120, file=StringIO())
    overtaken = replace(RUNNING, state=AttemptState.LATE)
    with console.capture() as capture:
        console.print(provider_table(summaries([DELIVERED, another(FAILED, "b"), another(overtaken, "c")])))
    assert "1 of 2 (50%)" in capture.get()


def test_callers_are_added_up_to_the_last_micro_usd_and_who_spent_most_comes_first():
    spent = [replace(BILLED, caller="shop"), replace(DELIVERED, caller="shop", attempt_id="a2", number=2)]
    found = caller_summaries([LOST, DELIVERED, *spent])
    assert found == [
        CallerSummary("shop", 1, 1, 10, 180_000, 60_000, 0),
        CallerSummary("studio", 1, 1, 10, 120_000, 0, 120_000),
    ]


def test_a_second_of_one_model_is_not_compared_with_one_of_another():
    dear = replace(DELIVERED, model_made="film", posted_microusd=900_000)
    twice = replace(BILLED, cost_kind=CostKind.DUPLICATE)
    clip, film = summaries([DELIVERED, BILLED, twice, LOST, dear], by_model=True)
    assert (clip.model, clip.failed_billed_microusd, clip.duplicate_microusd) == ("clip", 60_000, 60_000)
    assert (clip.wasted_microusd, clip.uncertain_since) == (120_000, LOST.submitted_at)
    assert (film.model, film.microusd_per_delivered_second, film.uncertain_since) == ("film", 90_000, None)
