"""What reality holds for an attempt, which no router is told before it happens."""

from math import inf
from typing import NamedTuple, Protocol

from providers.canonical import Failure, VideoRequest
from router.core.catalog import ChargeRule, Offering


class Asked(NamedTuple):
    """A submit that leaves `at_s` after the simulation's start: the `nth` of this job to this offering, from 0 on.

    `video` is as it is submitted, `charge_rule` what its provider's contract bills, and `in_flight` what the
    provider is really working on, attempts that nobody knows of included.
    """

    job_id: str
    offering: Offering
    charge_rule: ChargeRule
    video: VideoRequest
    quote_microusd: int
    nth: int
    at_s: float
    in_flight: int


class Fate(NamedTuple):
    """What becomes of an attempt; all times are seconds from its submit.

    `refusal` is the submit's answer where that is no acceptance; `failure` how an accepted attempt ends, None meaning
    a video. It says so from `end_s` on, and shows no progress from `silent_s` on. `paid_microusd` is what the provider
    bills in the end, whatever anybody was told.
    """

    answer_s: float
    refusal: Failure | None = None
    end_s: float = inf
    failure: Failure | None = None
    silent_s: float = inf
    paid_microusd: int = 0

    @property
    def delivers(self) -> bool:
        """Whether there is a video in the end, for one who waits long enough."""
        return self.refusal is None and self.failure is None and self.end_s < inf


class World(Protocol):
    """Reality. Asked the same again, it says the same: whoever routes meets the same fates."""

    def fate(self, asked: Asked) -> Fate:
        """Return what such a submit comes to."""
