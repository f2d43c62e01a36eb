from io import StringIO
from typing import Any

import orjson
import pytest
from rich.console import Console
from rich.table import Table

from providers.canonical import Reason, Size, Stage
from router.core.job import AttemptState, JobState
from router.core.open_money import OpenAttempt
from router.reports.open_money import OpenSum, age, open_money_document, open_money_table, open_sums, why

NOW = 1_795_000_000.0
JOB = "video_0123456789abcdef0123456789abcdef"


def an_open_attempt(**changes: Any) -> OpenAttempt:
    plain: dict[str, Any] = {
        "id": f"{JOB}-1",
        "job_id": JOB,
        "state": AttemptState.UNKNOWN,
        "provider": "relay-a",
        "offering_id": "relay-a/sora-2",
        "upstream_model": "sora2-landscape",
        "seconds": 10,
        "size": Size(1280, 720),
        "quote_microusd": 120_000,
        "submitted_at": NOW - 7_300,
        "remote_id": None,
        "stage": Stage.SUBMIT,
        "reason": Reason.AMBIGUOUS,
        "code": None,
        "job_state": JobState.FAILED,
        "job_failure": Reason.AMBIGUOUS,
    }
    return OpenAttempt(**{**plain, **changes})


def drawn(table: Table) -> str:
    stream = StringIO()
    Console(file=stream, width=120, _environ={}).print(table)  # type: ignore[arg-type]
    return stream.getvalue()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "the submit's answer was lost"),
        ({"state": AttemptState.LATE}, "the submit's answer was lost, and it was found since"),
        (
            {"state": AttemptState.LATE, "stage": Stage.GENERATE, "reason": Reason.STALLED},
            "given up at generate.stalled",
        ),
        (
            {"state": AttemptState.LATE, "stage": None, "reason": None, "job_failure": Reason.CANCELLED},
            "its job was cancelled",
        ),
        (
            {"state": AttemptState.LATE, "stage": None, "job_state": JobState.COMPLETED, "job_failure": None},
            "its job has the video of another attempt",
        ),
        ({"state": AttemptState.LATE, "stage": None, "reason": None}, "its job ended without it"),
        ({"state": AttemptState.SUBMITTING, "stage": None}, "being submitted"),
        ({"state": AttemptState.RUNNING, "stage": None}, "under way"),
    ],
)
def test_why_money_is_open_is_said_in_words(changes: dict[str, Any], words: str) -> None:
    assert why(an_open_attempt(**changes)) == words


def test_what_an_operator_looks_for_is_all_there() -> None:
    text = drawn(open_money_table([an_open_attempt(state=AttemptState.LATE, remote_id="task_42")], NOW))
    for word in (
        f"{JOB}-1",
        "late",
        "relay-a",
        "sora2-landscape 10 s 1280x720",
        "0.12",
        "remote id task_42",
        "2 h ago",
    ):
        assert word in text
    assert "2026-11-18 09:05:00" in text


def test_where_most_is_open_comes_first() -> None:
    attempts = [an_open_attempt(), an_open_attempt(provider="b", quote_microusd=250_000), an_open_attempt()]
    assert open_sums(attempts) == [
        OpenSum("b", 1, 250_000, NOW - 7_300),
        OpenSum("relay-a", 2, 240_000, NOW - 7_300),
    ]


def test_the_document_has_every_field_and_the_sums() -> None:
    document = orjson.loads(open_money_document([an_open_attempt(remote_id="task_42")], NOW))
    assert document == {
        "attempts": [
            {
                "id": f"{JOB}-1",
                "job": JOB,
                "state": "unknown",
                "why": "the submit's answer was lost",
                "stage": "submit",
                "reason": "ambiguous",
                "code": None,
                "provider": "relay-a",
                "offering": "relay-a/sora-2",
                "upstream_model": "sora2-landscape",
                "seconds": 10,
                "size": "1280x720",
                "quote_microusd": 120_000,
                "submitted_at": NOW - 7_300,
                "age_s": 7_300.0,
                "remote_id": "task_42",
            }
        ],
        "providers": [{"provider": "relay-a", "attempts": 1, "amount_microusd": 120_000, "oldest_at": NOW - 7_300}],
    }


def test_nothing_that_a_provider_wrote_is_obeyed_by_a_terminal_or_as_markup() -> None:
    hostile = an_open_attempt(remote_id="[red]\x1b]0;owned\x07\x9b31m\n")
    shown = drawn(open_money_table([hostile], NOW))
    assert "[red]" in shown
    assert not set(shown) & {"\x1b", "\x07", "\x9b"}
    assert open_money_document([hostile], NOW).isascii()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s"), (0, "0 s"), (119.4, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (400_000, "4 d")],
)
def test_an_age_is_in_the_unit_that_matters(seconds: float, words: str) -> None:
    assert age(seconds) == words
