"""After a storm of faults, three accounts of what happened are one: metrics, ledger, and the providers' own books."""

import asyncio
import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

from prometheus_client.parser import text_string_to_metric_families

from providers.canonical import Reason
from router.core.job import AttemptState
from router.core.report import ReportRow
from tests.process import PATIENT, Served, a_served

JOBS = 60
PROMPT, METADATA, QUERY, CALLER_KEY = "plum-canary", "fig-canary", "quince-canary", "vr-medlar-canary"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000"
    "000049454e44ae426082"
)
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
STORM: dict[str, list[dict[str, Any]]] = {
    "jizhiai": [
        {"fault": "cut_after_accept", "share": 0.1},
        {"fault": "cut_before_accept", "share": 0.05},
        {"fault": "http_503", "share": 0.05, "retry_after_s": 0},
        {"fault": "http_500", "share": 0.05, "accepted": True},
        {"fault": "never_finishing", "times": 8},
        {"fault": "fail_at_95", "share": 0.15},
        {"fault": "link_404", "share": 0.05},
        {"fault": "poll_garbage", "share": 0.1},
    ],
    "shenma": [
        {"fault": "late_answer", "share": 0.1, "delay_s": 3},
        {"fault": "error_in_200", "share": 0.1},
        {"fault": "prompt_review", "share": 0.1, "at": "job"},
        {"fault": "output_review", "share": 0.15},
        {"fault": "link_not_video", "share": 0.1},
        {"fault": "stuck_progress", "share": 0.05},
        {"fault": "poll_429", "share": 0.05, "retry_after_s": 0},
    ],
    "openai": [
        {"fault": "image_review", "share": 0.3},
        {"fault": "html_502", "share": 0.1, "accepted": True},
        {"fault": "fail_at_95", "share": 0.1},
        {"fault": "slow_download", "share": 0.1, "delay_s": 0.2},
        {"fault": "poll_500", "share": 0.1},
    ],
}
POLICY = {"on_ambiguous": "failover", "max_duplicate_usd": "0.30", "max_spend_usd": "1.50", "job_deadline_s": 30}
SECTIONS: dict[str, Any] = {
    "policy": POLICY,
    # All three get a good part of the jobs.
    "routing": {"price_exponent": 0.2},
    "callers": [{"name": "studio", "key_sha256": hashlib.sha256(CALLER_KEY.encode()).hexdigest()}],
}
Series: TypeAlias = tuple[dict[str, str], float]


async def test_metrics_ledger_and_books_agree_and_logs_keep_secrets(tmp_path: Path) -> None:
    async with a_served(
        tmp_path,
        *STORM,
        providers=PATIENT,
        headers={"Authorization": f"Bearer {CALLER_KEY}"},
        **SECTIONS,
    ) as served:
        for name, faults in STORM.items():
            await served.sandboxes[name].set_faults(faults)
        await served.start()
        videos = await asyncio.gather(*(made(served, number) for number in range(JOBS)))
        await turned_down(served)
        seen = await scraped(served)
        rows = served.rows()
        assert len(rows) > JOBS
        check_attempts(seen, rows)
        check_money(seen, rows)
        check_jobs(seen, videos)
        check_exchanges(seen, served, rows)
        check_books(served, videos, rows)
        assert await served.stop() == 0
        await served.start()
        # What is uncertain stays in sight.
        check_uncertain(await scraped(served), served.rows())
        await served.stop()
        check_logs(served)


async def made(served: Served, number: int) -> dict[str, Any]:
    changes: dict[str, Any] = {"metadata": {"note": METADATA}, "size": "1280x720" if number % 2 else "720x1280"}
    if number % 3 == 1:
        changes["images"] = [f"https://pictures.example.com/{number}.png?token={QUERY}"]
    if number % 3 == 2:
        changes["images"] = [DATA_URL]
    await asyncio.sleep(number / 100)
    video = await served.create(f"{PROMPT} {number}", **changes)
    return await served.ended(video["id"], 40.0)


async def turned_down(served: Served) -> None:
    """Requests that are wrong, or go nowhere, say nothing of what is in them either."""
    for body in ({"prompt": PROMPT, "size": "1x1"}, {"prompt": PROMPT, METADATA: 1}, {"prompt": [PROMPT]}):
        async with served.http.post(f"{served.url}/v1/videos?token={QUERY}", json=body) as response:
            assert response.status == 400
    async with served.http.get(f"{served.url}/v1/nothing?token={QUERY}") as response:
        assert response.status == 404


async def scraped(served: Served) -> Callable[[str], list[Series]]:
    """Read /metrics and return a way to look a family's series up."""
    async with served.http.get(f"{served.admin_url}/metrics") as response:
        families = list(text_string_to_metric_families(await response.text()))
    samples = [sample for family in families for sample in family.samples]

    def series(name: str) -> list[Series]:
        return [(each.labels, each.value) for each in samples if each.name == f"video_router_{name}" and each.value]

    return series


def counted(series: Iterable[Series], *labels: str) -> Counter[tuple[str, ...]]:
    """Add a family's values up by some of its labels."""
    sums: Counter[tuple[str, ...]] = Counter()
    for named, value in series:
        assert value == int(value)
        sums[tuple(named[label] for label in labels)] += int(value)
    return sums


def microusd(series: Iterable[Series], *labels: str) -> Counter[tuple[str, ...]]:
    return counted(((named, round(value * 1e6)) for named, value in series), *labels)


def check_attempts(seen: Callable[[str], list[Series]], rows: list[ReportRow]) -> None:
    told = Counter((row.provider, outcome(row), str(row.stage or "none"), str(row.reason or "none")) for row in rows)
    assert counted(seen("attempts_total"), "provider", "outcome", "stage", "reason") == told
    assert counted(seen("failovers_total")).total() == sum(row.number > 1 for row in rows)
    unknown = Counter((row.provider,) for row in rows if row.state is AttemptState.UNKNOWN)
    assert counted(seen("ambiguous_submits_total"), "provider") == unknown
    # The storm reached every kind of end.
    assert {row.state for row in rows} == {
        *(AttemptState.SUCCEEDED, AttemptState.FAILED),
        *(AttemptState.UNKNOWN, AttemptState.LATE),
    }


def outcome(row: ReportRow) -> str:
    """How an attempt left its job, which is what is counted; a late one may have ended since."""
    return "late" if row.reason in (Reason.STALLED, Reason.EXPIRED) else str(row.state)


def check_money(seen: Callable[[str], list[Series]], rows: list[ReportRow]) -> None:
    posted: Counter[tuple[str, ...]] = Counter()
    quoted: Counter[tuple[str, ...]] = Counter()
    seconds: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        if row.cost_kind is not None:
            posted[row.provider, str(row.cost_kind)] += row.posted_microusd
        if row.cost_kind == "delivered":
            quoted[(row.provider,)] += row.quote_microusd
            seconds[(row.provider,)] += row.seconds
    assert microusd(seen("cost_usd_total"), "provider", "kind") == posted
    assert microusd(seen("delivered_quote_usd_total"), "provider") == quoted
    assert counted(seen("video_seconds_total"), "provider") == seconds
    check_uncertain(seen, rows)


def check_uncertain(seen: Callable[[str], list[Series]], rows: list[ReportRow]) -> None:
    still_open: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        if row.open_microusd:
            still_open[(row.provider,)] += row.open_microusd
    assert microusd(seen("uncertain_usd"), "provider") == still_open
    assert still_open


def check_jobs(seen: Callable[[str], list[Series]], videos: list[dict[str, Any]]) -> None:
    finished = counted(seen("jobs_finished_total"), "outcome")
    assert counted(seen("jobs_accepted_total")).total() == finished.total() == len(videos) == JOBS
    assert finished[("succeeded",)] == sum(video["status"] == "completed" for video in videos)
    codes = Counter(video["error"]["code"] for video in videos if video["status"] == "failed")
    assert finished[("unknown",)] == codes["submit_unknown"]
    assert finished[("rejected",)] == codes["moderation_blocked"]
    assert seen("jobs_in_flight") == []
    created = counted([each for each in seen("http_requests_total") if each[0]["method"] == "POST"], "code")
    assert created == {("200",): JOBS, ("400",): 3}


def check_exchanges(seen: Callable[[str], list[Series]], served: Served, rows: list[ReportRow]) -> None:
    submits = counted([each for each in seen("exchanges_total") if each[0]["operation"] == "submit"], "provider")
    assert submits == Counter((row.provider,) for row in rows)
    books = {name: sandbox.books() for name, sandbox in served.sandboxes.items()}
    assert submits == {(name,): each.requests["create"] for name, each in books.items()}


def check_books(served: Served, videos: list[dict[str, Any]], rows: list[ReportRow]) -> None:
    """Entry by entry, to the micro-USD: posted is what is billed, voided is what is not, the rest is open."""
    attempts = {(row.provider, row.job_id): row for row in rows}
    job_ids = {
        hashlib.sha256(f"{PROMPT} {number}".encode()).hexdigest(): each["id"] for number, each in enumerate(videos)
    }
    for name, sandbox in served.sandboxes.items():
        for entry in sandbox.books().accepted:
            row = attempts.pop((name, job_ids[entry.prompt_sha256]))
            if row.open_microusd:
                assert entry.net_microusd in (0, row.open_microusd)
            else:
                assert (entry.net_microusd, entry.answer_lost) == (row.posted_microusd, False)
    # Whatever is in nobody's books was never paid.
    assert sum(row.posted_microusd for row in attempts.values()) == 0


def check_logs(served: Served) -> None:
    secrets = [PROMPT, METADATA, QUERY, CALLER_KEY, "sig=", DATA_URL[-40:], "data:image", "Bearer", "?token"]
    secrets += [sandbox.key for sandbox in served.sandboxes.values()]
    for log in served.logs:
        text = log.read_text()
        for line in text.splitlines():
            assert json.loads(line)["event"]
        for secret in secrets:
            assert secret not in text
    events = Counter(json.loads(line)["event"] for line in served.logs[0].read_text().splitlines())
    assert events["job_accepted"] == events["job_ended"] == JOBS
    rows = served.rows()
    assert events["routed"] == events["attempt_ended"] == len(rows)
    settled = sum(row.voided or row.cost_kind is not None for row in rows)
    assert sum(text.count('"event":"money_settled"') for text in map(Path.read_text, served.logs)) == settled
