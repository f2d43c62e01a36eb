"""How long an accepted attempt has been running, when it last moved, and so when to ask again."""

from dataclasses import dataclass
from random import Random

from providers.canonical import Failure, Reason, Running
from router.core.catalog import Polling
from router.core.pacing import expired, first_poll_after_s, next_poll_after_s, stalled


@dataclass(slots=True)
class Watch:
    """`since` is the monotonic moment at which watching began, `age_s` how old the attempt was by then."""

    polling: Polling
    since: float
    age_s: float
    progress: int = -1
    moved_at: float | None = None
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
        self.errors, self.retry_after_s = 0, None
        if (reading.progress or 0) != self.progress:
            self.progress, self.moved_at = reading.progress or 0, now

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

    def _age_s(self, now: float) -> float:
        return self.age_s + now - self.since
