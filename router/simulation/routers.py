"""Who routes: this router as it is, and others as they are known to do it."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple, Protocol

from providers.canonical import VideoRequest
from router.core.catalog import Catalog
from router.core.eligibility import Eligible, eligible
from router.core.evidence import NO_LOAD, Evidence
from router.core.objective import Estimate, Score
from router.core.ranking import Basis, DecisionReason
from router.core.routing import Candidate, Decision, Situation, decide

_UNJUDGED = Evidence(0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


class Question(NamedTuple):
    """All that a router may go by. `in_flight` is what each provider is really working on: for oracles only."""

    job_id: str
    video: VideoRequest
    catalog: Catalog
    situation: Situation
    at_s: float
    in_flight: Mapping[str, int]
    rng: Random


class Router(Protocol):
    """One way to route. Without `health` it has no breakers, cool-downs and limits, and learns nothing of providers."""

    @property
    def name(self) -> str:
        """What it is called in tables."""

    @property
    def health(self) -> bool:
        """Whether it watches over its providers as this router does."""

    def decide(self, question: Question) -> Decision:
        """Put into order who could take the job."""


class OurRouter:
    """This router, with the very decision that it makes when it is live."""

    name = "video-router"
    health = True

    def decide(self, question: Question) -> Decision:
        """Decide as in `router.core.routing`."""
        return decide(question.video, question.catalog, question.situation, question.rng)


class ListOrder:
    """Whoever stands first in the configuration, then the next."""

    def __init__(self, *, health: bool = False) -> None:
        self.health = health
        self.name = _titled("list order", health=health)

    def decide(self, question: Question) -> Decision:
        """Take everybody who sells it, as they are listed."""
        return in_order(question, lambda found: found)


class LowestQuote:
    """Whoever has the lowest price for this video, then the next."""

    def __init__(self, *, health: bool = False) -> None:
        self.health = health
        self.name = _titled("lowest quote", health=health)

    def decide(self, question: Question) -> Decision:
        """Order by the quote."""
        return in_order(question, lambda found: sorted(found, key=lambda each: each.quote_microusd))


class RoundRobin:
    """Everybody who sells it in turn, and after a failure the next in the circle."""

    def __init__(self, *, health: bool = False) -> None:
        self.health = health
        self.name = _titled("round robin", health=health)
        self._turn = 0

    def decide(self, question: Question) -> Decision:
        """Begin one further with every decision."""
        self._turn += 1
        return in_order(question, self._turned)

    def _turned(self, found: Sequence[Eligible]) -> Sequence[Eligible]:
        first = self._turn % max(1, len(found))
        return [*found[first:], *found[:first]]


class Ordering(Protocol):
    """Puts those who could take a job into an order, and may leave some out."""

    def __call__(self, found: Sequence[Eligible], /) -> Sequence[Eligible]:
        """Return them as they are to be asked."""


def in_order(question: Question, ordering: Ordering) -> Decision:
    """Decide by an order alone; who may take the job at all is found as this router does."""
    found, exclusions = eligible(question.video, question.catalog, question.situation.conditions)
    candidates = tuple(_candidate(each, place) for place, each in enumerate(ordering(found)))
    return Decision(candidates, exclusions, Basis.PRICE, DecisionReason.BEST)


def _candidate(each: Eligible, place: int) -> Candidate:
    quote_microusd = each.quote_microusd
    score = Score(1.0, float(quote_microusd), 0.0, 0.0, 0.0, float(quote_microusd))
    return Candidate(
        offering=each.offering,
        video=each.video,
        quote_microusd=quote_microusd,
        estimate=Estimate(_UNJUDGED, NO_LOAD, 0.0, score, 0.0, float(quote_microusd)),
        value=float(quote_microusd),
        tier=(),
        probing=each.standing.probing,
        late=False,
        share=1.0 if place == 0 else 0.0,
    )


def _titled(name: str, *, health: bool) -> str:
    return f"{name}, breakers" if health else name
