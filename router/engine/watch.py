"""How long an accepted attempt has been running, when it last moved, and so when to ask again."""

from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Final

from providers.canonical import Failure, Reason, Running
from router.core.catalog import Polling
from router.core.durations import Durations
from router.core.pacing import (
    Signs,
    Trouble,
    expired,
    first_poll_after_s,
    next_poll_after_s,
    resumed_poll_after_s,
    stalled,
)
from router.core.progress import Course

_HINT_HOLDS_S: Final = 10.0
HINTS_EVERY_S: Final = 3.0
"""How often hints bring a poll of one job; those that come in between bring the next."""


@dataclass(slots=True)
class Watch:
    """`since` is the monotonic moment at which watching began, `age_s` how old the attempt was by then.

    Time in which no poll was answered is not time without a change: nobody knows what happened in it. What its polls
    see of its duration goes into `durations`.
    """

    polling: Polling
    since: float
    age_s: float
    durations: Durations = field(default_factory=Durations)
    progress: int = -1
    word: tuple[bool, str | None] | None = None
    moved_at: float | None = None
    heard_at: float | None = None
    link: str | None = None
    link_since: float = 0.0
    link_tried_at: float | None = None
    errors: int = 0
    retry_after_s: float | None = None
    hinted_at: float | None = None
    hint_due_at: float | None = None
    hint_asked_at: float = -inf
    course: Course | None = None

    @property
    def answering(self) -> bool:
        """Whether the last poll said anything of the job."""
        return self.errors == 0

    def first_poll_after_s(self, rng: Random) -> float:
        """Wait for a new attempt until there may be something to see; one taken up after a restart is asked soon."""
        pace = self.durations.pace()
        if self.resumed:
            return resumed_poll_after_s(self.polling, pace, self.age_s, rng)
        return first_poll_after_s(self.polling, pace, self.age_s, self._signs(), rng)

    @property
    def resumed(self) -> bool:
        """Whether others may have asked before watching began."""
        return self.age_s >= self.polling.first_after_s

    def hinted(self, now: float) -> float:
        """Take in that somebody said it has ended; return in how many seconds it is to be polled for that.

        Who asked for time gets it, whoever says what.
        """
        self.hinted_at = now
        if self.retry_after_s is not None:
            return inf
        if self.hint_due_at is None:
            self.hint_due_at = max(now, self.hint_asked_at + HINTS_EVERY_S)
        return max(0.0, self.hint_due_at - now)

    def asks(self, now: float) -> None:
        """Take in that a poll leaves, which is for every hint that came before it."""
        if self.hint_due_at is not None:
            self.hint_due_at, self.hint_asked_at = None, now

    def saw(self, reading: Running | Failure, now: float) -> None:
        """Take in what a poll said, or that it failed."""
        if isinstance(reading, Failure):
            self.errors, self.retry_after_s = self.errors + 1, reading.retry_after_s
            return
        if self.errors and self.moved_at is not None and self.heard_at is not None:
            self.moved_at += now - self.heard_at
        self._saw_progress(reading.progress or 0, now)
        self.errors, self.retry_after_s, self.heard_at = 0, None, now
        progress, word = reading.progress or 0, (reading.queued, reading.unknown_word)
        if (progress, word) != (self.progress, self.word):
            self.progress, self.word, self.moved_at = progress, word, now
        self._saw_link(reading.url, now)

    def ended(self, now: float) -> None:
        """Take in that a poll found its end, whatever that was: between the last poll that was answered and this."""
        age_s, heard_s = self._age_s(now), 0.0 if self.heard_at is None else self._age_s(self.heard_at)
        if self.heard_at is None and self.resumed:
            # It may have ended at any time.
            return
        called = self.hinted_at is not None and now - self.hinted_at <= _HINT_HOLDS_S
        if self.course is not None:
            self.durations.saw_course(self.course, heard_s, age_s)
        self.durations.saw_end(age_s, 0.0 if called else age_s - heard_s, now)

    def left(self) -> None:
        """Take in that nobody waits for it any more, although it has not ended as far as anyone knows."""
        if self.heard_at is not None:
            self.durations.saw_running(self._age_s(self.heard_at), self.heard_at)

    def link_due(self, now: float) -> str | None:
        """The link beside an unfinished status, once it has been there for a while or the progress says done.

        It may be a preview, or be read by nobody yet: one try has to do for `link_settles_s`.
        """
        settles_s = self.polling.link_settles_s
        settled = self.progress >= 100 or now - self.link_since >= settles_s
        rested = self.link_tried_at is None or now - self.link_tried_at >= settles_s
        return self.link if settled and rested else None

    def tried_link(self, now: float) -> None:
        """Take in that the link gave no video."""
        self.link_tried_at = now

    def overdue(self, now: float, job_is_overdue: bool) -> Reason | None:
        """Say whether the attempt has had its time; one that cannot be asked is not called stalled."""
        if job_is_overdue or expired(self.polling, self._age_s(now)):
            return Reason.EXPIRED
        return Reason.STALLED if self.answering and stalled(self.polling, self._still_s(now)) else None

    def next_poll_after_s(self, now: float, slowdown: float, rng: Random) -> float:
        """Seconds until the next poll, longer where polls fail; none is later than its stall or its deadline."""
        age_s = self._age_s(now)
        trouble = Trouble(self.errors, self.retry_after_s, slowdown)
        wait_s = next_poll_after_s(self.polling, self.durations.pace(), age_s, rng, self._signs(), trouble)
        if not self.answering:
            return wait_s
        over_s = min(self.polling.deadline_s - age_s, self.polling.stall_s - self._still_s(now))
        if self.link is not None:
            over_s = min(over_s, self._link_rests_s(now))
        if self.hint_due_at is not None:
            # It came while the poll was under way, which may have left too early for it.
            wait_s = min(wait_s, max(0.0, self.hint_due_at - now))
        return min(wait_s, max(over_s, self.polling.interval_s_min))

    def _signs(self) -> Signs:
        """What announces its end, and how often that came true lately."""
        window = None if self.course is None else self.course.window
        called_s = None if self.hinted_at is None else self._age_s(self.hinted_at)
        return Signs(window, self.durations.believed, self.durations.hinted(), called_s)

    def _still_s(self, now: float) -> float:
        return now - (self.since if self.moved_at is None else self.moved_at)

    def _link_rests_s(self, now: float) -> float:
        """Seconds until the link beside an unfinished status is to be tried."""
        since = max(self.link_since, -inf if self.link_tried_at is None else self.link_tried_at)
        return since + self.polling.link_settles_s - now

    def _saw_progress(self, progress: int, now: float) -> None:
        if progress <= 0:
            return
        if self.course is None:
            self.course = Course(queued=self.heard_at is not None)
        self.durations.saw_progress(progress)
        self.course.saw(progress, self._age_s(now), self.durations.step)

    def _saw_link(self, link: str | None, now: float) -> None:
        # The query holds a signature, which may be another one with every answer.
        if link is not None and (self.link is None or link.partition("?")[0] != self.link.partition("?")[0]):
            self.link_since = now
        self.link = link

    def _age_s(self, now: float) -> float:
        return self.age_s + now - self.since
