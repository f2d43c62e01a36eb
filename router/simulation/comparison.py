"""Several routers on the same jobs, and how much more each spends than those who knew."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from router.core.quantile import nearest_rank
from router.core.ranking import DecisionReason
from router.simulation.result import AttemptResult, JobResult, Run

LEARNING_JOBS: Final = 500
"""How many jobs of a simulation are judged apart, because a router knows nobody when they come."""


class Regret(NamedTuple):
    """How much more a delivered video cost than it cost an oracle, as a share; None where nothing was delivered."""

    overall: float | None
    learning: float | None
    learned: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """One router's results. Shares and costs leave out the jobs that nobody could have delivered."""

    router: str
    jobs: int
    delivered: int
    turned_away: int
    seconds: int
    paid_microusd: int
    wasted_microusd: int
    informed: Regret | None
    clairvoyant: Regret | None
    p50_s: float | None
    p90_s: float | None
    microusd_by_provider: Mapping[str, int]
    failovers: int
    probes: int
    trials: int
    explored_microusd: int

    @property
    def delivered_share(self) -> float | None:
        """The share of jobs whose caller got a video."""
        return self.delivered / self.jobs if self.jobs else None

    @property
    def microusd_per_video(self) -> float | None:
        """What a delivered video cost, with all that was paid for nothing."""
        return self.paid_microusd / self.delivered if self.delivered else None

    @property
    def microusd_per_second(self) -> float | None:
        """What a delivered second of video cost."""
        return self.paid_microusd / self.seconds if self.seconds else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs over the same requests. `hopeless` are the jobs that nobody could deliver when they came."""

    runs: tuple[Run, ...]
    clairvoyant: Run
    informed: Run | None = None

    @property
    def hopeless(self) -> frozenset[str]:
        """Left out of everything: the clairvoyant delivers all others."""
        return frozenset(job.arrival.job_id for job in self.clairvoyant.jobs if not job.delivered)

    def summaries(self) -> tuple[Summary, ...]:
        """Sum up every router, and the oracles behind them."""
        oracles = (self.clairvoyant,) if self.informed is None else (self.informed, self.clairvoyant)
        return tuple(self._summary(run) for run in (*self.runs, *oracles))

    def regret(self, run: Run, oracle: Run) -> Regret:
        """Compare what a delivered video cost."""
        ours, theirs = self.judged(run), self.judged(oracle)
        # The first of all jobs, hopeless ones included: who was left out must not move the border.
        learning = {job.arrival.job_id for job in run.jobs[:LEARNING_JOBS]}

        def among(chosen: Callable[[str], bool]) -> float | None:
            mine, best = (per_video([job for job in jobs if chosen(job.arrival.job_id)]) for jobs in (ours, theirs))
            return mine / best - 1.0 if mine is not None and best else None

        return Regret(among(lambda _: True), among(learning.__contains__), among(lambda job: job not in learning))

    def judged(self, run: Run) -> tuple[JobResult, ...]:
        """The jobs that somebody could deliver."""
        hopeless = self.hopeless
        return tuple(job for job in run.jobs if job.arrival.job_id not in hopeless)

    def _summary(self, run: Run) -> Summary:
        jobs = self.judged(run)
        attempts = [attempt for job in jobs for attempt in job.attempts]
        delivered = [job for job in jobs if job.delivered]
        times = sorted(job.ended_s - job.arrival.at_s for job in delivered)
        paid = sum(attempt.paid_microusd for attempt in attempts)
        return Summary(
            router=run.router,
            jobs=len(jobs),
            delivered=len(delivered),
            turned_away=sum(not job.accepted for job in jobs),
            seconds=sum(job.arrival.video.seconds for job in delivered),
            paid_microusd=paid,
            wasted_microusd=paid - sum(attempt.paid_microusd for attempt in attempts if attempt.delivered),
            informed=None if self.informed is None else self.regret(run, self.informed),
            clairvoyant=self.regret(run, self.clairvoyant),
            p50_s=nearest_rank(times, 0.5),
            p90_s=nearest_rank(times, 0.9),
            microusd_by_provider=_by_provider(attempts),
            failovers=sum(attempt.number > 1 for attempt in attempts),
            probes=_because(attempts, DecisionReason.PROBE, DecisionReason.PANIC),
            trials=_because(attempts, DecisionReason.TRIAL),
            explored_microusd=sum(attempt.premium_microusd for attempt in attempts),
        )


def per_video(jobs: Sequence[JobResult]) -> float | None:
    """What a delivered one of these jobs cost, in micro-USD."""
    delivered = sum(job.delivered for job in jobs)
    return sum(job.paid_microusd for job in jobs) / delivered if delivered else None


def _by_provider(attempts: Sequence[AttemptResult]) -> Mapping[str, int]:
    paid: Counter[str] = Counter()
    for attempt in attempts:
        paid[attempt.provider] += attempt.paid_microusd
    return dict(paid.most_common())


def _because(attempts: Sequence[AttemptResult], *reasons: DecisionReason) -> int:
    return sum(attempt.why in reasons for attempt in attempts)
