"""A list read as so many polls: each entry as a poll of that job alone, and nothing out of what is no list."""

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from providers import jizhiai, openai, shenma
from providers.adapter import HttpResponse, PolledJob, PolledPage
from providers.canonical import Failure, ListPolling, Running, Stage, Succeeded
from providers.capabilities import list_polling_of, listed_polls_of
from providers.reading import read_poll, read_polls

VIDEO = {"object": "video", "model": "sora-2", "created_at": 1_790_000_000}
ENTRIES = [
    {**VIDEO, "id": "a", "status": "queued", "progress": 0},
    {**VIDEO, "id": "b", "status": "in_progress", "progress": 41},
    {**VIDEO, "id": "c", "status": "completed", "progress": 100},
    {**VIDEO, "id": "d", "status": "failed", "error": {"code": "moderation_blocked", "message": "blocked"}},
    {**VIDEO, "id": "e", "status": "cancelled"},
    {**VIDEO, "id": "f", "status": "dreaming on"},
]


def page_of(document: Any, status: int = 200, adapter: Any = openai) -> PolledPage | Failure:
    return read_polls(adapter, HttpResponse(status, {}, orjson.dumps(document)))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["status"])
def test_an_entry_reads_as_a_poll_of_its_job(entry: dict[str, Any]) -> None:
    page = page_of({"data": [entry], "has_more": False})
    assert isinstance(page, PolledPage)
    (job,) = page.jobs
    alone = read_poll(openai, HttpResponse(200, {}, orjson.dumps(entry)))
    assert read_poll(openai, job.answer) == alone
    assert (job.remote_id, job.created_at) == (entry["id"], 1_790_000_000.0)
    assert job.ended is not isinstance(alone, Running)


def test_an_entry_without_a_status_says_nothing_of_its_job() -> None:
    page = page_of({"data": [{"id": "a"}, {"model": "sora-2"}, 7], "has_more": False})
    assert isinstance(page, PolledPage)
    (job,) = page.jobs
    reading = read_poll(openai, job.answer)
    assert isinstance(reading, Failure)
    assert reading.stage is Stage.POLL


def test_of_two_entries_with_one_id_neither_is_believed() -> None:
    page = page_of({"data": [ENTRIES[0], ENTRIES[2], {**ENTRIES[0], "status": "completed"}], "has_more": True})
    assert isinstance(page, PolledPage)
    assert [job.remote_id for job in page.jobs] == ["c"]
    assert page.cursor == "a"


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({}, 200),
        ({"data": None}, 200),
        ({"data": [7, {"no": "id"}]}, 200),
        ({"data": [], "error": {"message": "try again"}}, 200),
        ([ENTRIES[0]], 200),
        ({"data": ENTRIES}, 500),
        ({"data": ENTRIES}, 404),
        ({"data": ENTRIES}, 302),
    ],
)
def test_what_is_no_list_is_a_failed_poll_of_nobody(document: Any, status: int) -> None:
    reading = page_of(document, status)
    assert isinstance(reading, Failure)
    assert reading.stage is Stage.POLL


@pytest.mark.parametrize(
    "told",
    [
        None,
        Succeeded(),
        PolledPage(None),  # type: ignore[arg-type]
        PolledPage((), "two words"),
        PolledPage(({"id": "a"},)),  # type: ignore[arg-type]
        PolledPage((PolledJob("a", "{}"),)),  # type: ignore[arg-type]
        PolledPage((PolledJob("two words", HttpResponse(200, {}, b"{}")),)),
        Failure(Stage.GENERATE, openai.Reason.INTERNAL),
    ],
)
def test_what_a_strangers_adapter_cannot_mean_is_a_failed_poll(told: object) -> None:
    adapter = SimpleNamespace(polls_request=openai.polls_request, read_polls=lambda response: told)
    reading = page_of({}, adapter=adapter)
    assert isinstance(reading, Failure)
    assert reading.stage is Stage.POLL


def test_only_as_many_as_a_page_may_hold_are_looked_at() -> None:
    jobs = tuple(PolledJob(f"job_{n}", HttpResponse(200, {}, b"{}"), -5.0) for n in range(1_000))
    adapter = SimpleNamespace(polls_request=openai.polls_request, read_polls=lambda response: PolledPage(jobs))
    page = page_of({}, adapter=adapter)
    assert isinstance(page, PolledPage)
    assert (len(page.jobs), page.cursor, page.jobs[0].created_at) == (100, "job_99", None)


def test_a_list_is_asked_for_by_the_piece() -> None:
    first, second = openai.polls_request(None, 100), openai.polls_request("a/b?c", 25)
    assert (first.method, first.path, first.query) == ("GET", "/v1/videos", {"limit": "100", "order": "desc"})
    assert second.query == {"limit": "25", "order": "desc", "after": "a/b?c"}


def test_only_known_servers_use_it_unasked() -> None:
    known = {name: list_polling_of(profile.adapter) for name, profile in openai.PROFILES.items()}
    trusted = {name for name, value in known.items() if value is ListPolling.TRUSTED}
    assert trusted == {"sglang", "vllm-omni", "video-router"}
    assert list_polling_of(openai) is ListPolling.OFF
    assert listed_polls_of(openai) is openai
    assert listed_polls_of(jizhiai) is listed_polls_of(shenma) is listed_polls_of(openai.NEW_API) is None
    assert list_polling_of(SimpleNamespace(list_polling=ListPolling.TRUSTED)) is ListPolling.OFF
