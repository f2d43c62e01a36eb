"""The state of one fake provider: the jobs it took, the faults in force, and its books. No I/O."""

import hashlib
import random
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from providers.canonical import Size, Stage
from providers.sandbox.books import Books, BooksEntry, balance
from providers.sandbox.faults import Fault
from providers.sandbox.habits import OPENAIS_OWN, Habits
from providers.sandbox.injection import Drawn, Injection
from providers.sandbox.life import Fate, Moment, Status, draw_fate, moment
from providers.sandbox.prices import PriceList

Clock: TypeAlias = Callable[[], float]
REFUSALS = frozenset({Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW, Stage.OUTPUT_REVIEW})


class SandboxFullError(Exception):
    """No further job can be remembered, so none is accepted."""


@dataclass(frozen=True, slots=True)
class Order:
    """A create that its dialect has read and found valid; `hook` is where it wants to be told of its job."""

    prompt: str = field(repr=False)
    model: str
    seconds: int
    size: Size
    images: int
    billed_microusd: int
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    hook: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class SandboxJob:
    """An accepted job. `number` counts from 0 and turns the shapes of its answers; times are epoch seconds."""

    id: str
    number: int
    order: Order
    drawn: Drawn
    fate: Fate
    accepted_at: float
    asset: str = field(repr=False)
    signature: str = field(repr=False)
    answer_lost: bool = False
    deleted: bool = False
    fetches: int = 0

    @property
    def video_name(self) -> str:
        """The last part of its result link's path."""
        return f"{self.asset}.mp4"


@dataclass(frozen=True, slots=True)
class Terms:
    """An upstream's fixed conduct. `time_scale` 60 makes a minute of generating last a second."""

    prices: PriceList
    time_scale: float = 60.0
    refund_failures: bool = True
    refund_refusals: bool = True
    max_jobs: int = 20_000
    habits: Habits = OPENAIS_OWN

    def __post_init__(self) -> None:
        if self.time_scale <= 0:
            raise ValueError(f"time_scale is {self.time_scale}; it must be greater than 0 (1 is real time)")
        if self.max_jobs < 1:
            raise ValueError(f"max_jobs is {self.max_jobs}; it must be at least 1")


class Upstream:
    """One fake provider, told the time and the random numbers from outside."""

    def __init__(self, terms: Terms, key: str, rng: random.Random, clock: Clock) -> None:
        self.terms = terms
        self.key = key
        self.clock = clock
        self.rng = rng
        self.base_url = ""
        self.injection = Injection(rng)
        # Whoever kept the ids of an earlier life must not meet them again.
        self._ids = random.Random(f"{rng.getrandbits(64)} {clock()}")  # noqa: S311 - names, not secrets
        self.requests: Counter[str] = Counter()
        self._jobs: dict[str, SandboxJob] = {}
        self._assets: dict[str, SandboxJob] = {}

    def accept(self, order: Order, drawn: Drawn, make_id: Callable[[random.Random, Order], str]) -> SandboxJob:
        """Take the job on and bill it, now; raise SandboxFullError at the limit."""
        if len(self._jobs) >= self.terms.max_jobs:
            raise SandboxFullError
        job = SandboxJob(
            id=make_id(self._ids, order),
            number=len(self._jobs),
            order=order,
            drawn=drawn,
            fate=draw_fate(order.seconds, order.size, drawn.fate, self.rng),
            accepted_at=self.clock(),
            asset=secrets.token_urlsafe(18),
            signature=secrets.token_urlsafe(18),
        )
        self._jobs[job.id] = job
        self._assets[job.video_name] = job
        return job

    def find(self, job_id: str) -> SandboxJob | None:
        """The job with this id that has not been deleted."""
        job = self._jobs.get(job_id)
        return None if job is None or job.deleted else job

    def find_asset(self, name: str) -> SandboxJob | None:
        """The job whose result link ends in this name."""
        return self._assets.get(name)

    def live_jobs(self) -> list[SandboxJob]:
        """Every job not deleted, oldest first."""
        return [job for job in self._jobs.values() if not job.deleted]

    def listed_jobs(self) -> list[SandboxJob]:
        """Those of them that the list shows by now."""
        made_by = self.clock() - self.terms.habits.list_after_s
        return [job for job in self.live_jobs() if job.accepted_at <= made_by]

    def cancel(self, job: SandboxJob) -> None:
        """End a job where it stands."""
        elapsed_s = (self.clock() - job.accepted_at) * self.terms.time_scale
        progress = self.moment(job).progress
        job.fate = replace(job.fate, total_s=elapsed_s, last_progress=progress, cancelled=True)

    def moment(self, job: SandboxJob, late_s: float = 0.0) -> Moment:
        """Where a job stands now, or stood `late_s` real seconds ago."""
        return moment(job.fate, (self.clock() - late_s - job.accepted_at) * self.terms.time_scale)

    def started_at(self, job: SandboxJob) -> float:
        """When its queueing ends or ended, in epoch seconds."""
        return job.accepted_at + job.fate.queue_s / self.terms.time_scale

    def ended_at(self, job: SandboxJob) -> float:
        """When its generating ends or ended, in epoch seconds."""
        return job.accepted_at + job.fate.total_s / self.terms.time_scale

    def link(self, job: SandboxJob) -> str | None:
        """The absolute result link of a job that has one; whoever has it needs no key."""
        if not self.moment(job).ready or (job.drawn.link is not None and job.drawn.link.fault is Fault.NO_LINK):
            return None
        return f"{self.base_url}/_assets/{job.video_name}?sig={job.signature}"

    def books(self) -> Books:
        """The books as they stand now."""
        return balance(tuple(self._entry(job) for job in self._jobs.values()), self.requests)

    def _entry(self, job: SandboxJob) -> BooksEntry:
        now = self.moment(job)
        return BooksEntry(
            id=job.id,
            model=job.order.model,
            seconds=job.order.seconds,
            size=str(job.order.size),
            prompt_sha256=hashlib.sha256(job.order.prompt.encode("utf-8", "surrogatepass")).hexdigest(),
            images=job.order.images,
            billed_microusd=job.order.billed_microusd,
            refunded_microusd=self._refund_microusd(job, now),
            status=now.status,
            failed_stage=now.failed_stage,
            answer_lost=job.answer_lost,
            deleted=job.deleted,
            fetches=job.fetches,
        )

    def _refund_microusd(self, job: SandboxJob, now: Moment) -> int:
        if now.status not in (Status.FAILED, Status.CANCELLED):
            return 0
        refunded = self.terms.refund_refusals if now.failed_stage in REFUSALS else self.terms.refund_failures
        return job.order.billed_microusd if refunded else 0
