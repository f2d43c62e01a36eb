"""Where each live job is: what the gauges and the overview tell is added up when somebody asks."""

from collections.abc import Collection
from typing import NamedTuple

from router.core.job import Attempt, Job


class Place(NamedTuple):
    """With a provider, or with nobody, before the first attempt or between two."""

    provider: str | None
    attempted: bool


class Crowd(NamedTuple):
    """How many jobs are in a place, and when the oldest was accepted, in wall seconds."""

    jobs: int
    oldest_at: float


class InFlight:
    """The live jobs. One costs the room of its id in one dict; its figures may be asked for from any thread."""

    def __init__(self) -> None:
        self._crowds: dict[tuple[str | None, bool], dict[str, float]] = {}

    def put(self, job: Job, attempt: Attempt | None) -> None:
        """Move a job to the provider at work for it, or to nobody."""
        place = (None if attempt is None else attempt.provider, bool(job.attempts))
        crowd = self._crowds.get(place)
        if crowd is None:
            crowd = self._crowds[place] = {}
        elif job.id in crowd:
            return
        if job.attempts:
            self.remove(job)
        crowd[job.id] = job.created_at

    def remove(self, job: Job) -> None:
        """Forget a job that has ended."""
        for crowd in self._crowds.values():
            if crowd.pop(job.id, None) is not None:
                return

    def jobs(self, providers: Collection[str | None]) -> int:
        """Count the jobs that are with these; None is nobody."""
        return sum(len(crowd) for (name, _), crowd in list(self._crowds.items()) if name in providers)

    def strangers(self, providers: Collection[str]) -> int:
        """Count the jobs that are with any other provider than these."""
        return sum(
            len(crowd) for (name, _), crowd in list(self._crowds.items()) if name is not None and name not in providers
        )

    def oldest_at(self) -> float:
        """When the oldest was accepted; 0 when there is none."""
        return min((crowd.oldest_at for crowd in self.crowds().values()), default=0.0)

    def crowds(self) -> dict[Place, Crowd]:
        """Return the places where anybody is."""
        # Without a step of Python's own in between, no other thread changes a dict while the least is looked for.
        return {
            Place(*place): Crowd(len(crowd), oldest_at)
            for place, crowd in list(self._crowds.items())
            if (oldest_at := min(crowd.values(), default=None)) is not None
        }
