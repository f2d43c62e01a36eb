"""When polls find out how an accepted attempt ended, or that it is given up."""

from random import Random
from typing import Final, NamedTuple

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import Polling
from router.core.durations import Durations
from router.core.pacing import (
    Signs,
    expired,
    first_poll_after_s,
    late_poll_after_s,
    next_poll_after_s,
    stalled,
)
from router.core.progress import Course
from router.simulation.fate import Fate

_STUCK_AT: Final = 95


class Seen(NamedTuple):
    """What is known of an attempt `after_s` its submit; no failure means a video.

    It was `heard_s` old when it was seen running for the last time, and `course` is what its progress told; `ended`
    says that it was not given up.
    """

    after_s: float
    failure: Failure | None
    heard_s: float
    course: Course
    ended: bool = True

    def known_after_s(self, polling: Polling) -> float:
        """How old it is when its job has done with it: a link that gives no video is asked for until its time is up."""
        lost = self.ended and self.failure is not None and self.failure.stage is Stage.DOWNLOAD
        return self.after_s + polling.download_s_max if lost else self.after_s

    def teach(self, durations: Durations, at: float) -> None:
        """Let what polls saw of it be known, which is at their end; `at` is monotonic seconds."""
        if self.ended:
            durations.saw_course(self.course, self.heard_s, self.after_s)
            durations.saw_end(self.after_s, self.after_s - self.heard_s, at)
        else:
            durations.saw_running(self.after_s, at)


def seen(polling: Polling, fate: Fate, left_s: float, durations: Durations, rng: Random) -> Seen:
    """Poll as the engine does, until there is an end or the attempt has had its time; its job has `left_s`."""
    age_s, moved_s, heard_s, course = fate.answer_s, fate.answer_s, 0.0, Course()
    pace, signs = durations.pace(), Signs(hinted=durations.hinted())
    delay_s = first_poll_after_s(polling, pace, age_s, signs, rng)
    while True:
        over_s = min(left_s - age_s, polling.deadline_s - age_s, polling.stall_s - (age_s - moved_s))
        age_s += min(delay_s, max(polling.interval_s_min, over_s))
        if age_s >= fate.end_s:
            return Seen(age_s, fate.failure, heard_s, course)
        heard_s = age_s
        if moved_s < fate.silent_s:
            moved_s = age_s
        given_up = _given_up(polling, age_s, moved_s, left_s)
        if given_up is not None:
            return Seen(age_s, Failure(Stage.GENERATE, given_up, "it took too long"), heard_s, course, ended=False)
        progress = _STUCK_AT if age_s >= fate.silent_s else int(100 * age_s / fate.end_s)
        if progress > 0:
            durations.saw_progress(progress)
            course.saw(progress, age_s, durations.step)
        signs = Signs(course.window, durations.believed, durations.hinted())
        delay_s = next_poll_after_s(polling, durations.pace(), age_s, rng, signs)


def _given_up(polling: Polling, age_s: float, moved_s: float, left_s: float) -> Reason | None:
    if age_s >= left_s or expired(polling, age_s):
        return Reason.EXPIRED
    return Reason.STALLED if stalled(polling, age_s - moved_s) else None


def late_seen_after_s(polling: Polling, fate: Fate, age_s: float, rng: Random) -> float | None:
    """Seconds until the slow polls of an attempt given up at `age_s` find its end; None where they never do."""
    if fate.end_s > polling.deadline_s + polling.late_s_max:
        return None
    wait_s = late_poll_after_s(polling, rng)
    while age_s + wait_s < fate.end_s:
        wait_s += late_poll_after_s(polling, rng)
    return wait_s
