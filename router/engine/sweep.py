"""One reading of a provider's list, and those who wait for it."""

import asyncio
from dataclasses import dataclass, field
from typing import TypeAlias

from providers.adapter import PolledPage
from providers.canonical import Failure, Running, Succeeded
from router.core.job import Attempt

Reading: TypeAlias = Running | Succeeded | Failure


@dataclass(frozen=True, slots=True)
class Waiter:
    """An attempt whose poll is due."""

    attempt: Attempt
    reading: "asyncio.Future[Reading | None]"

    def tell(self, reading: Reading | None) -> None:
        """Answer its poll; None lets it be sent."""
        if not self.reading.done():
            self.reading.set_result(reading)


@dataclass(slots=True)
class Sweep:
    """One reading of a list for the attempts that were due when it began."""

    asked: dict[str, Waiter]
    began_at: float
    pages: int = 0
    found: int = 0
    entries: int = 0
    newest: float | None = None
    oldest: float | None = None
    ways_in: list[tuple[float, str]] = field(default_factory=list)

    def read(self, page: PolledPage) -> None:
        """Take in a page."""
        self.pages, self.entries = self.pages + 1, self.entries + len(page.jobs)
        moments = [job.created_at for job in page.jobs if job.created_at is not None]
        if not moments:
            return
        self.newest = moments[0] if self.newest is None else self.newest
        # An entry that is older than those behind it says that the list has no order, so that nothing is passed.
        ordered = len(moments) == len(page.jobs) and moments == sorted(moments, reverse=True)
        self.oldest = moments[-1] if ordered else None
        if ordered and page.cursor is not None:
            self.ways_in.append((moments[-1], page.cursor))

    @property
    def per_s(self) -> float | None:
        """How many jobs the list has for a second of time, as far as it was read."""
        if self.newest is None or self.oldest is None:
            return None
        return self.entries / max(1.0, self.newest - self.oldest)
