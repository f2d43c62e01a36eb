"""Recorded jobs through another configuration, beside what happened and what would have been best."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from providers.canonical import Image, ImageFile, ImageKind, ImageUrl, Reason, VideoRequest
from router.core.eligibility import Conditions, ExclusionCause, ProviderStanding, eligible
from router.core.history import RecordedJob
from router.core.job import JobState
from router.core.quantile import nearest_rank
from router.simulation.fate import Asked, Fate
from router.simulation.oracle import Clairvoyant
from router.simulation.place import Setup
from router.simulation.recorded_world import Grounds, Known, RecordedWorld
from router.simulation.result import Arrival, JobResult, Run
from router.simulation.routers import OurRouter
from router.simulation.runner import simulate

# The later, the closer an offering with it came to taking the job.
_LACKS: Final[Mapping[ExclusionCause, str]] = {
    ExclusionCause.MODEL: "nobody sells that model",
    ExclusionCause.ENDED: "nobody sells that any more",
    ExclusionCause.SIZE: "nobody sells that size",
    ExclusionCause.SECONDS: "nobody sells that length",
    ExclusionCause.IMAGES: "nobody takes those images",
    ExclusionCause.UNSUPPORTED: "no dialect can say that",
    ExclusionCause.DRAINED: "whoever sells that is drained",
    ExclusionCause.NOT_ALLOWED: "its caller allows nobody who sells that",
    ExclusionCause.PRICE: "nobody sells that at its caller's price",
}
_CLOSER: Final = tuple(_LACKS)


class EmptyJournalError(Exception):
    """There is no job in it that could be replayed."""


class ProviderShare(NamedTuple):
    """What a provider was asked for, what it delivered, and what it was paid."""

    attempts: int = 0
    delivered: int = 0
    paid_microusd: int = 0


@dataclass(frozen=True, slots=True)
class Side:
    """What became of all jobs in one of three ways. `refused` by a review; `turned_away` without becoming a job.

    `wasted_microusd` is the part of what was paid that bought no video for its job; `open_microusd` is not in it, and
    may be paid besides. `seconds` are those of delivered videos, as their callers asked for them.
    """

    name: str
    jobs: int
    delivered: int
    refused: int
    turned_away: int
    attempts: int
    seconds: int
    paid_microusd: int
    wasted_microusd: int
    open_microusd: int
    p50_s: float | None
    p90_s: float | None
    providers: Mapping[str, ProviderShare]

    @property
    def failed(self) -> int:
        """How many ended without a video for another reason."""
        return self.jobs - self.delivered - self.refused - self.turned_away

    @property
    def delivered_share(self) -> float:
        """The share of all jobs whose caller got a video."""
        return self.delivered / self.jobs

    @property
    def microusd_per_video(self) -> float | None:
        """What a delivered video cost, with all that was paid for nothing."""
        return self.paid_microusd / self.delivered if self.delivered else None

    @property
    def microusd_per_second(self) -> float | None:
        """What a delivered second of video cost."""
        return self.paid_microusd / self.seconds if self.seconds else None


class Weight(NamedTuple):
    """How much of a replay something carries."""

    attempts: int = 0
    paid_microusd: int = 0
    open_microusd: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """The three ways, and how much the replayed one is worth.

    `grounds` says by offering what its attempts rest on. `gained` are jobs that are delivered now and were not then,
    `lost` the others. Jobs that were `under_way` or `cancelled` by their callers are left out of everything.
    """

    first_at: float
    last_at: float
    happened: Side
    replayed: Side
    oracle: Side
    grounds: Mapping[str, Mapping[Grounds, Weight]]
    turned_away: Mapping[str, int]
    gained: int
    lost: int
    under_way: int
    cancelled: int

    def resting_on(self, *grounds: Grounds) -> Weight:
        """Add up over all offerings what rests on any of these."""
        found = [weight for each in self.grounds.values() for name, weight in each.items() if name in grounds]
        return _sum(found)


def replay(recorded: Sequence[RecordedJob], setup: Setup, seed: int = 0) -> Replay:
    """Run recorded jobs through a configuration; EmptyJournalError where none of them has ended."""
    jobs = [job for job in recorded if job.ended and not job.cancelled]
    if not jobs:
        raise EmptyJournalError("there is no job that has ended; nothing can be replayed")
    start_at = min(job.created_at for job in jobs)
    # What became of jobs that are left out is known all the same.
    world = _Witness(RecordedWorld(recorded, start_at, seed))
    arrivals = [_arrival(job, start_at) for job in jobs]
    run = simulate(OurRouter(), world, arrivals, setup, start_at=start_at, seed=seed)
    best = simulate(Clairvoyant(world.reality), world.reality, arrivals, setup, start_at=start_at, seed=seed)
    gained = sum(result.delivered and not _delivered(job) for job, result in zip(jobs, run.jobs, strict=True))
    lost = sum(_delivered(job) and not result.delivered for job, result in zip(jobs, run.jobs, strict=True))
    turned_away = Counter(_why(each.arrival, setup, start_at) for each in run.jobs if not each.accepted)
    return Replay(
        first_at=start_at,
        last_at=max(job.created_at for job in jobs),
        happened=_happened(jobs),
        replayed=_side("replayed", run, world.open_microusd),
        oracle=_side("oracle", best, {}),
        grounds=world.grounds(run),
        turned_away=dict(turned_away.most_common()),
        gained=gained,
        lost=lost,
        under_way=sum(not job.ended for job in recorded),
        cancelled=sum(job.cancelled for job in recorded),
    )


class _Witness:
    """A world that remembers what each of its fates rests on."""

    def __init__(self, reality: RecordedWorld) -> None:
        self.reality = reality
        self._known: dict[tuple[str, str], Known] = {}

    def fate(self, asked: Asked) -> Fate:
        """Return what such a submit comes to."""
        known = self._known[asked.job_id, asked.offering.id] = self.reality.known(asked)
        return known.fate

    @property
    def open_microusd(self) -> Mapping[str, int]:
        """What nobody vouches for, by job."""
        found: Counter[str] = Counter()
        for (job_id, _), known in self._known.items():
            found[job_id] += known.open_microusd
        return found

    def grounds(self, run: Run) -> Mapping[str, Mapping[Grounds, Weight]]:
        """Say by offering what the attempts of a run rest on."""
        found: dict[str, dict[Grounds, list[Weight]]] = {}
        for job in run.jobs:
            for attempt in job.attempts:
                known = self._known[job.arrival.job_id, attempt.offering_id]
                weight = Weight(1, attempt.paid_microusd, known.open_microusd)
                found.setdefault(attempt.offering_id, {}).setdefault(known.grounds, []).append(weight)
        return {name: {grounds: _sum(each) for grounds, each in mine.items()} for name, mine in sorted(found.items())}


def _arrival(job: RecordedJob, start_at: float) -> Arrival:
    images = tuple(_image(kind) for kind in job.images)
    video = VideoRequest("", job.model, job.seconds, job.size, images, job.watermark)
    return Arrival(job.created_at - start_at, job.id, video, job.preferences, job.caller)


def _image(kind: ImageKind) -> Image:
    """Stand in for an image that was not recorded."""
    return ImageUrl("https://recorded.invalid/") if kind == "url" else ImageFile(b"", "image/png", "recorded.png")


def _delivered(job: RecordedJob) -> bool:
    return job.state is JobState.COMPLETED


def _happened(jobs: Sequence[RecordedJob]) -> Side:
    delivered = [job for job in jobs if _delivered(job)]
    times = sorted(job.ended_at - job.created_at for job in delivered if job.ended_at is not None)
    shares: dict[str, list[ProviderShare]] = {}
    for job in jobs:
        for attempt in job.attempts:
            share = ProviderShare(1, int(attempt is job.winner), attempt.posted_microusd)
            shares.setdefault(attempt.provider, []).append(share)
    paid = sum(job.posted_microusd for job in jobs)
    bought = sum(job.winner.posted_microusd for job in delivered if job.winner is not None)
    return Side(
        name="what happened",
        jobs=len(jobs),
        delivered=len(delivered),
        refused=sum(job.reason is Reason.REFUSED for job in jobs),
        turned_away=0,
        attempts=sum(len(job.attempts) for job in jobs),
        seconds=sum(job.seconds for job in delivered),
        paid_microusd=paid,
        wasted_microusd=paid - bought,
        open_microusd=sum(job.open_microusd for job in jobs),
        p50_s=nearest_rank(times, 0.5),
        p90_s=nearest_rank(times, 0.9),
        providers=_by_provider(shares),
    )


def _side(name: str, run: Run, open_microusd: Mapping[str, int]) -> Side:
    delivered = [job for job in run.jobs if job.delivered]
    attempts = [attempt for job in run.jobs for attempt in job.attempts]
    times = sorted(job.ended_s - job.arrival.at_s for job in delivered)
    shares: dict[str, list[ProviderShare]] = {}
    for each in attempts:
        share = ProviderShare(1, int(each.delivered), each.paid_microusd)
        shares.setdefault(each.provider, []).append(share)
    paid = sum(attempt.paid_microusd for attempt in attempts)
    return Side(
        name=name,
        jobs=len(run.jobs),
        delivered=len(delivered),
        refused=sum(_is_refused(job) for job in run.jobs),
        turned_away=sum(not job.accepted for job in run.jobs),
        attempts=len(attempts),
        seconds=sum(job.arrival.video.seconds for job in delivered),
        paid_microusd=paid,
        wasted_microusd=paid - sum(attempt.paid_microusd for attempt in attempts if attempt.delivered),
        open_microusd=sum(open_microusd.values()),
        p50_s=nearest_rank(times, 0.5),
        p90_s=nearest_rank(times, 0.9),
        providers=_by_provider(shares),
    )


def _is_refused(job: JobResult) -> bool:
    return job.accepted and job.failure is not None and job.failure.reason is Reason.REFUSED


def _by_provider(shares: Mapping[str, Iterable[ProviderShare]]) -> Mapping[str, ProviderShare]:
    return {name: ProviderShare(*map(sum, zip(*mine, strict=True))) for name, mine in sorted(shares.items())}


def _sum(weights: Sequence[Weight]) -> Weight:
    return Weight(*map(sum, zip(*weights, strict=True))) if weights else Weight()


def _why(arrival: Arrival, setup: Setup, start_at: float) -> str:
    """Say what the offering that came closest lacks; where one lacks nothing, nobody could take the job just then."""
    conditions = Conditions(
        dict.fromkeys(setup.catalog.providers, ProviderStanding()),
        start_at + arrival.at_s,
        arrival.preferences,
        arrival.preferences.duration_policy or setup.routing.duration_policy,
    )
    found, exclusions = eligible(arrival.video, setup.catalog, conditions)
    if found or not exclusions:
        return "nobody could take it just then"
    causes = {each.cause for each in exclusions}
    closest = max(causes.intersection(_LACKS), key=_CLOSER.index)
    video = arrival.video
    return f"{video.model} {video.seconds} s {video.size}: {_LACKS[closest]}"
