"""Jobs and attempts go through their tables, and through nothing else."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, replace
from enum import StrEnum
from itertools import product
from typing import TypeVar

import pytest

from router.core.job import (
    ATTEMPT_TRANSITIONS,
    JOB_TRANSITIONS,
    AttemptState,
    IllegalTransitionError,
    Job,
    JobState,
    new_job_id,
)
from tests.builders import a_job, an_attempt

State = TypeVar("State", bound=StrEnum)


def reachable(table: Mapping[State, frozenset[State]], start: State) -> set[State]:
    found, fresh = {start}, {start}
    while fresh:
        fresh = {after for state in fresh for after in table[state]} - found
        found |= fresh
    return found


def test_the_tables_list_every_state_and_every_state_can_be_reached() -> None:
    assert set(JOB_TRANSITIONS) == reachable(JOB_TRANSITIONS, JobState.QUEUED) == set(JobState)
    assert set(ATTEMPT_TRANSITIONS) == reachable(ATTEMPT_TRANSITIONS, AttemptState.SUBMITTING) == set(AttemptState)


def test_a_terminal_state_can_be_reached_from_every_state() -> None:
    for state in JobState:
        assert any(not JOB_TRANSITIONS[end] for end in reachable(JOB_TRANSITIONS, state))
    for attempt_state in AttemptState:
        assert any(not ATTEMPT_TRANSITIONS[end] for end in reachable(ATTEMPT_TRANSITIONS, attempt_state))


def test_no_state_returns_to_an_earlier_one() -> None:
    for state in AttemptState:
        assert all(state not in reachable(ATTEMPT_TRANSITIONS, after) for after in ATTEMPT_TRANSITIONS[state])
    for job_state in JobState:
        assert all(job_state not in reachable(JOB_TRANSITIONS, after) for after in JOB_TRANSITIONS[job_state])


@pytest.mark.parametrize(("before", "after"), list(product(AttemptState, repeat=2)))
def test_an_attempt_moves_as_its_table_says_or_raises(before: AttemptState, after: AttemptState) -> None:
    attempt = an_attempt(state=before)
    if after in ATTEMPT_TRANSITIONS[before]:
        assert attempt.moved(after, code="x").state is after
    else:
        with pytest.raises(IllegalTransitionError, match=f"attempt_1: {before} -> {after}"):
            attempt.moved(after)


@pytest.mark.parametrize(("before", "after"), list(product(JobState, repeat=2)))
def test_a_job_moves_as_its_table_says_or_raises(before: JobState, after: JobState) -> None:
    job = a_job(state=before)
    if after is before or after in JOB_TRANSITIONS[before]:
        assert job.moved(after).state is after
    else:
        with pytest.raises(IllegalTransitionError, match=f"video_1: {before} -> {after}"):
            job.moved(after)


def test_a_job_has_ended_exactly_when_it_is_completed_or_failed() -> None:
    assert {state for state in JobState if a_job(state=state).ended} == {JobState.COMPLETED, JobState.FAILED}


def test_attempts_stay_in_order_and_a_later_self_takes_the_place_of_the_earlier() -> None:
    first, second = an_attempt(1), an_attempt(2)
    job = a_job().with_attempt(second).with_attempt(first)
    assert job.attempts == (first, second)
    moved = first.moved(AttemptState.RUNNING)
    assert job.with_attempt(moved).attempts == (moved, second)


def test_only_a_completed_job_has_delivered_and_it_is_the_attempt_whose_video_was_read() -> None:
    read = an_attempt(2, state=AttemptState.SUCCEEDED, content_type="video/mp4")
    attempts = (an_attempt(1, state=AttemptState.LATE), read)
    assert a_job(state=JobState.IN_PROGRESS, attempts=attempts).delivered is None
    assert a_job(state=JobState.COMPLETED, attempts=attempts).delivered is read


def test_neither_prompts_nor_remote_ids_nor_links_are_in_a_repr() -> None:
    attempt = an_attempt(remote_id="remote-secret", content_url="https://example.org/v.mp4?signature=secret")
    text = repr(a_job(attempts=(attempt,), metadata={"note": "secret"}))
    assert "secret" not in text
    assert "harbour" not in text


def test_ids_of_one_moment_begin_alike_and_later_ones_sort_behind_them() -> None:
    first, second = new_job_id(1_700_000_000.25, b"\xff" * 10), new_job_id(1_700_000_000.25, b"\x00" * 10)
    later = new_job_id(1_700_000_000.252, b"\x00" * 10)
    assert first == "video_018bcfe568faffffffffffffffffffff"
    assert first[:18] == second[:18]
    assert max(first, second) < later


def test_a_job_and_its_attempts_are_values_however_they_are_made() -> None:
    job = a_job()
    assert job == replace(job)
    assert (job.metadata, job.attempts, job.progress) == ({}, (), 0)
    for value, field in ((job, "progress"), (an_attempt(), "state")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field, 1)
    with pytest.raises(TypeError, match="deadline_at"):
        Job("video_1", "caller", job.video, 0.0)  # type: ignore[call-arg]
