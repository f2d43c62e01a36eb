"""A watch turns what polls see into when to poll next, and teaches what it saw."""

from random import Random

import pytest

from providers.canonical import Failure, Reason, Running, Stage
from router.core.catalog import Polling
from router.core.durations import Durations
from router.engine.watch import Watch

POLLING = Polling(stall_s=600.0, deadline_s=1800.0)
RUNNING = Running(queued=False)


def a_watch(durations: Durations | None = None, age_s: float = 0.0, polling: Polling = POLLING) -> Watch:
    return Watch(polling, 1000.0, age_s, durations or Durations())


def known(seconds: float, jobs: int = 100) -> Durations:
    rng, durations = Random(1), Durations()
    for _ in range(jobs):
        durations.saw_end(seconds * rng.lognormvariate(0.0, 0.1), 2.0, 0.0)
    return durations


def test_an_end_is_learned_between_the_last_answer_and_the_poll_that_saw_it() -> None:
    durations = Durations()
    for _ in range(20):
        watch = a_watch(durations)
        watch.saw(RUNNING, 1080.0)
        watch.saw(Failure(Stage.POLL, Reason.OVERLOADED), 1090.0)
        watch.ended(1120.0)
    assert durations.median_s() == pytest.approx(100.0, rel=0.12)


def test_an_end_that_was_hinted_lies_where_it_was_seen() -> None:
    durations = Durations()
    watch = a_watch(durations)
    watch.saw(RUNNING, 1020.0)
    watch.hinted(1200.0)
    watch.ended(1200.0)
    assert durations.median_s() == pytest.approx(200.0, rel=0.05)


def test_one_that_nobody_waits_for_is_known_to_have_run_so_long() -> None:
    durations = Durations()
    watch = a_watch(durations)
    watch.left()
    assert durations.jobs == 0.0
    watch.saw(RUNNING, 1300.0)
    watch.left()
    assert (durations.jobs, durations.median_s()) == (1.0, None)


def test_an_end_found_first_after_a_restart_may_have_been_at_any_time() -> None:
    durations = Durations()
    a_watch(durations, age_s=500.0).ended(1005.0)
    assert durations.jobs == 0.0


def test_one_taken_up_after_a_restart_is_asked_within_a_usual_pause() -> None:
    durations = known(300.0)
    waits = [a_watch(durations, age_s=300.0).first_poll_after_s(Random(seed)) for seed in range(100)]
    assert 0.0 <= min(waits) < max(waits) < 10.0


def test_what_is_learned_meanwhile_counts_for_jobs_that_wait() -> None:
    durations, rng = known(100.0), Random(1)
    watch = a_watch(durations)
    watch.saw(RUNNING, 1090.0)
    before_s = watch.next_poll_after_s(1090.0, 1.0, rng)
    for _ in range(400):
        durations.saw_end(600.0, 2.0, 0.0)
    assert watch.next_poll_after_s(1090.0, 1.0, rng) > 1.5 * before_s


def test_true_progress_is_waited_for() -> None:
    durations = known(300.0)
    watch = a_watch(durations)
    for age_s in (100.0, 160.0):
        watch.saw(Running(queued=False, progress=int(age_s / 5)), 1000.0 + age_s)
    due_s = 160.0 + watch.next_poll_after_s(1160.0, 1.0, Random(1))
    plain = a_watch(known(300.0))
    plain.saw(RUNNING, 1160.0)
    assert due_s > 160.0 + plain.next_poll_after_s(1160.0, 1.0, Random(1))


def test_no_poll_is_later_than_the_moment_at_which_an_attempt_is_given_up() -> None:
    watch = a_watch(known(1700.0), polling=Polling(stall_s=100.0, deadline_s=1800.0))
    watch.saw(RUNNING, 1050.0)
    assert watch.next_poll_after_s(1060.0, 1.0, Random(1)) <= 90.0
    assert watch.overdue(1150.0, job_is_overdue=False) is Reason.STALLED


def test_a_link_beside_the_status_is_tried_as_soon_as_it_has_settled() -> None:
    watch = a_watch(known(1700.0))
    watch.saw(Running(queued=False, url="https://cdn.example.com/a"), 1050.0)
    assert watch.next_poll_after_s(1050.0, 1.0, Random(1)) <= POLLING.link_settles_s
    watch.tried_link(1110.0)
    assert watch.next_poll_after_s(1110.0, 1.0, Random(1)) <= POLLING.link_settles_s
