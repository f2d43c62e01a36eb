"""A journal is what was recorded, line by line, and says which line is wrong."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Reason, Size, Stage
from router.core.history import RecordedAttempt, RecordedJob
from router.core.job import AttemptState, JobState
from router.core.policy import Failover, FailoverOn
from router.core.preferences import DurationPolicy, RoutingPreferences
from router.simulation import journal
from router.simulation.journal import JournalError, line_of, read_journal, write_journal
from tests.builders import EPOCH, PORTRAIT

HEAD = b'{"journal":"video-router","version":1}\n'


def a_recorded_attempt(number: int = 1, **changes: Any) -> RecordedAttempt:
    plain = RecordedAttempt(
        number=number,
        offering_id="alpha/clip",
        provider="alpha",
        seconds=10,
        quote_microusd=100_000,
        submitted_at=EPOCH,
        state=AttemptState.SUCCEEDED,
        accepted_at=EPOCH + 1,
        ended_at=EPOCH + 60,
        posted_microusd=100_000,
    )
    return replace(plain, **changes)


def a_recorded_job(number: int = 1, **changes: Any) -> RecordedJob:
    plain = RecordedJob(
        id=f"video_{number}",
        caller="tester",
        model="clip",
        size=PORTRAIT,
        seconds=10,
        created_at=EPOCH + number,
        state=JobState.COMPLETED,
        ended_at=EPOCH + number + 60,
        attempts=(a_recorded_attempt(),),
    )
    return replace(plain, **changes)


def written(folder: Path, *jobs: RecordedJob) -> Path:
    path = folder / "journal.jsonl"
    with path.open("wb") as file:
        assert write_journal(jobs, file) == len(jobs)
    return path


def with_line(folder: Path, line: bytes) -> Path:
    path = folder / "journal.jsonl"
    path.write_bytes(HEAD + line_of(a_recorded_job(1)) + b"\n\n" + line + b"\n")
    return path


def test_what_is_written_is_read_and_sorted_by_when_it_came(tmp_path: Path) -> None:
    failed = a_recorded_attempt(
        state=AttemptState.FAILED, stage=Stage.GENERATE, reason=Reason.INTERNAL, posted_microusd=0, open_microusd=0
    )
    wishes = RoutingPreferences(
        ignore=("beta",),
        duration_policy=DurationPolicy.AT_LEAST,
        failover_on=FailoverOn({(Stage.GENERATE, Reason.INTERNAL): Failover.NEVER}),
        models=("clip-pro",),
        allow_fallbacks=False,
    )
    jobs = (
        a_recorded_job(2, images=("url", "file"), preferences=wishes),
        a_recorded_job(1, state=JobState.FAILED, stage=Stage.GENERATE, reason=Reason.INTERNAL, attempts=(failed,)),
        a_recorded_job(3, state=JobState.QUEUED, ended_at=None, attempts=()),
    )
    assert read_journal(written(tmp_path, *jobs)) == [jobs[1], jobs[0], jobs[2]]


@given(
    size=st.builds(Size, st.integers(1, 4096), st.integers(1, 4096)),
    seconds=st.integers(1, 60),
    numbers=st.lists(st.integers(1, 10**12), max_size=4),
    at=st.floats(0, 4e9),
)
def test_a_line_says_all_of_a_job(size: Size, seconds: int, numbers: list[int], at: float) -> None:
    attempts = tuple(
        a_recorded_attempt(place + 1, quote_microusd=number, submitted_at=at, accepted_at=None, ended_at=at)
        for place, number in enumerate(numbers)
    )
    job = a_recorded_job(1, size=size, seconds=seconds, created_at=at, ended_at=at, attempts=attempts)
    assert journal._job(line_of(job)) == job


def changed(**changes: Any) -> bytes:
    return orjson.dumps({**orjson.loads(line_of(a_recorded_job(2))), **changes})


def with_attempt(**changes: Any) -> bytes:
    (attempt,) = orjson.loads(line_of(a_recorded_job(2)))["attempts"]
    return changed(attempts=[attempt, {**attempt, "number": 2, **changes}])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"[1]", "line 4: is no JSON object"),
        (b'{"id":', "line 4: is no JSON"),
        (changed(size=None), "line 4: size: is missing"),
        (changed(size="7x"), "line 4: '7x' is not a size"),
        (changed(state="made"), "line 4: state: Input should be 'queued', 'in_progress', 'completed' or 'failed'"),
        (changed(seconds=0), "line 4: seconds: 0 is less than 1"),
        (changed(created_at="soon"), "line 4: created_at: Input should be a valid number"),
        (changed(ended_at=None), "line 4: ended_at: a job that is completed has one"),
        (changed(ended_at=1.0), "line 4: ended_at: is before created_at"),
        (changed(id="video_1"), "line 4: job video_1 was there before"),
        (changed(images=["film"]), "line 4: images.0: Input should be 'url' or 'file'"),
        (changed(preferences=[]), "line 4: preferences: is no JSON object"),
        (changed(preferences={"sort": "luck"}), "line 4: 'luck' is not a valid Sort"),
        (changed(preferences={"deadline_s": "x"}), "line 4: deadline_s: Input should be a valid number"),
        (with_attempt(state="lost"), "line 4: attempts.1.state: Input should be"),
        (with_attempt(quote_microusd=-1), "line 4: attempts.1.quote_microusd: is less than 0"),
        (with_attempt(number=0), "line 4: attempts.1.number: is less than 1"),
        (with_attempt(ended_at=1.0), "line 4: attempts.1.ended_at: is before submitted_at"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong(tmp_path: Path, line: bytes, words: str) -> None:
    with pytest.raises(JournalError) as error:
        read_journal(with_line(tmp_path, line))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no journal"),
        (b"no json\n", "is no journal"),
        (b"[]\n", "is no journal"),
        (b'{"journal":"video-router","version":2}\n', "is a journal of version 2, this program reads 1"),
    ],
)
def test_another_file_is_refused_and_told_how_to_write_a_journal(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(JournalError) as error:
        read_journal(path)
    assert words in str(error.value)
    assert "`video-router journal > FILE`" in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"cannot read .*gone"):
        read_journal(tmp_path / "gone")


def test_a_journal_may_be_long_but_not_endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "JOBS_MAX", 2)
    path = written(tmp_path, *(a_recorded_job(number) for number in range(3)))
    with pytest.raises(JournalError, match="has more than 2 jobs"):
        read_journal(path)
    monkeypatch.setattr(journal, "LINE_BYTES_MAX", 64)
    with pytest.raises(JournalError, match="line 2: is longer than 64 bytes"):
        read_journal(path)


def test_a_job_has_no_endless_list_of_attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "ATTEMPTS_MAX", 1)
    path = written(tmp_path, a_recorded_job(attempts=(a_recorded_attempt(1), a_recorded_attempt(2))))
    with pytest.raises(JournalError, match="line 2: attempts: are 2, at most 1 are read"):
        read_journal(path)
