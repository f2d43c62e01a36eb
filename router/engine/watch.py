"""How long an accepted attempt has been running, when it last moved, and so when to ask again."""

from dataclasses import dataclass
from random import Random

from providers.canonical import Failure, Reason, Running
from router.core.catalog import Polling
from router.core.pacing import expired, first_poll_after_s, next_poll_after_s, stalled


@dataclass(slots=True)
class Watch:
    """`since` is the monotonic moment at which watching began, `age_s` how old the attempt was by then.

    Time in which no poll was answered is not time without a change: nobody knows what happened in it.
    """

    polling: Polling
    since: float
    age_s: float
    progress: int = -1
    word: tuple[bool, str | None] | None = None
    moved_at: float | None = None
    heard_at: float | None = None
    link: str | None = None
    link_since: float = 0.0
    link_tried_at: float | None = None
    errors: int = 0
    retry_after_s: float | None = None

    @property
    def answering(self) -> bool:
        """Whether the last poll said anything of the job."""
        return self.errors == 0

    def first_poll_after_s(self, rng: Random) -> float:
        """Wait for a new attempt as its polling says; spread those taken up after a restart over one interval."""
        if self.age_s < self.polling.interval_s_min:
            return first_poll_after_s(self.polling, rng)
        return rng.uniform(0.0, self.polling.interval_s_max)

    def saw(self, reading: Running | Failure, now: float) -> None:
        """Take in what a poll said, or that it failed."""
        if isinstance(reading, Failure):
            self.errors, self.retry_after_s = self.errors + 1, reading.retry_after_s
            return
        if self.errors and self.moved_at is not None and self.heard_at is not None:
            self.moved_at += now - self.heard_at
        self.errors, self.retry_after_s, self.heard_at = 0, None, now
        progress, word = reading.progress or 0, (reading.queued, reading.unknown_word)
        if (progress, word) != (self.progress, self.word):
            self.progress, self.word, self.moved_at = progress, word, now
        self._saw_link(reading.url, now)

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
        since_moved_s = now - (self.since if self.moved_at is None else self.moved_at)
        return Reason.STALLED if self.answering and stalled(self.polling, since_moved_s) else None

    def next_poll_after_s(self, now: float, slowdown: float, rng: Random) -> float:
        """Seconds until the next poll, `slowdown` times as long where polls fail."""
        return next_poll_after_s(
            self.polling,
            age_s=self._age_s(now),
            progress=max(0, self.progress),
            consecutive_errors=self.errors,
            retry_after_s=self.retry_after_s,
            rng=rng,
            slowdown=slowdown,
        )

    def _saw_link(self, link: str | None, now: float) -> None:
        # The query holds a signature, which may be another one with every answer.
        if link is not None and (self.link is None or link.partition("?")[0] != self.link.partition("?")[0]):
            self.link_since = now
        self.link = link

    def _age_s(self, now: float) -> float:
        return self.age_s + now - self.since
