"""Which offerings may take a job now, at which quote, in which order, and why the others may not."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Final

from providers.canonical import VideoRequest
from router.core.budget import UNLIMITED, Left
from router.core.catalog import Catalog, Offering, Provider
from router.core.money import usd
from router.core.policy import FailoverOn, OnAmbiguous


class DurationPolicy(StrEnum):
    """Whether a video may be longer than asked: `at_least` takes the shortest sold duration that suffices."""

    EXACT = "exact"
    AT_LEAST = "at_least"


class ExclusionCause(StrEnum):
    """Why an offering cannot take a job. The last group passes by itself; the others need another request or config.

    A caller's own budget is new every day, too, but no accepted job waits for that.
    """

    MODEL = "model"
    SIZE = "size"
    SECONDS = "seconds"
    IMAGES = "images"
    UNSUPPORTED = "unsupported"
    ENDED = "ended"
    NOT_ALLOWED = "not_allowed"
    PRICE = "price"
    SPEND = "spend"
    TRIED = "tried"
    CALLER_BUDGET = "caller_budget"
    PROVIDER_BUDGET = "provider_budget"
    EJECTED = "ejected"
    COOLING = "cooling"
    FULL = "full"

    @property
    def passes(self) -> bool:
        """Whether waiting can lift it."""
        return self in _PASSING


_PASSING: Final = frozenset(
    {ExclusionCause.PROVIDER_BUDGET, ExclusionCause.EJECTED, ExclusionCause.COOLING, ExclusionCause.FULL}
)


@dataclass(frozen=True, slots=True)
class RoutingPreferences:
    """A caller's own limits on one job; None and () leave the operator's.

    Those from `spend_microusd_max` on only ever make the operator's stricter, see `router.core.terms`.
    """

    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    price_microusd_max: int | None = None
    duration_policy: DurationPolicy | None = None
    spend_microusd_max: int | None = None
    attempts_max: int | None = None
    deadline_s: float | None = None
    on_ambiguous: OnAmbiguous | None = None
    duplicate_microusd_max: int | None = None
    failover_on: FailoverOn | None = None


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """The operator's defaults. The higher `price_exponent`, the more of the jobs the cheapest healthy offering gets."""

    price_exponent: float = 4.0
    duration_policy: DurationPolicy = DurationPolicy.EXACT


@dataclass(frozen=True, slots=True)
class ProviderStanding:
    """A provider's health at this moment. `barred` is None when it takes jobs, else why not, for a person to read."""

    success_share: float = 1.0
    in_flight: int = 0
    in_flight_max: int = 100
    barred: str | None = None
    barred_cause: ExclusionCause = ExclusionCause.EJECTED
    retry_after_s: float | None = None
    probing: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offering able and allowed to take the job, the video as it would be submitted, and its chance to be first."""

    offering: Offering
    video: VideoRequest
    quote_microusd: int
    weight: float
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An offering that cannot take the job, and why in words."""

    offering: Offering
    cause: ExclusionCause
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Candidates in the order they would be tried, and everything that was excluded."""

    candidates: tuple[Candidate, ...]
    exclusions: tuple[Exclusion, ...]

    @property
    def first(self) -> Candidate | None:
        """The candidate to try now."""
        return self.candidates[0] if self.candidates else None

    @property
    def excluded(self) -> Mapping[ExclusionCause, int]:
        """How many offerings were excluded, by why."""
        return Counter(exclusion.cause for exclusion in self.exclusions)

    @property
    def spend_stops(self) -> bool:
        """Whether the job's spending limit alone keeps it from another offering."""
        return self._stopped_by(ExclusionCause.SPEND)

    @property
    def caller_budget_stops(self) -> bool:
        """Whether what is left of the caller's day alone keeps it from another offering."""
        return self._stopped_by(ExclusionCause.CALLER_BUDGET)

    @property
    def day_ends_in_s(self) -> float:
        """How long the budgets of this day are in force; 0 when none of them is in the way."""
        budgets = (ExclusionCause.CALLER_BUDGET, ExclusionCause.PROVIDER_BUDGET)
        return max((each.retry_after_s or 0.0 for each in self.exclusions if each.cause in budgets), default=0.0)

    @property
    def provider_budgets_stop(self) -> bool:
        """Whether whoever could take the job has used up the day's budget, so that waiting means until tomorrow."""
        passing = {each.cause for each in self.exclusions if each.cause.passes}
        return not self.candidates and passing == {ExclusionCause.PROVIDER_BUDGET}

    @property
    def may_pass(self) -> bool:
        """Whether nobody can take the job now, yet somebody may soon."""
        return not self.candidates and any(exclusion.cause.passes for exclusion in self.exclusions)

    def may_pass_within(self, wait_s: float) -> bool:
        """Whether somebody may take the job within `wait_s`; an exclusion that names no time may pass at any."""
        return self.may_pass and any(
            exclusion.cause.passes and (exclusion.retry_after_s or 0.0) <= wait_s for exclusion in self.exclusions
        )

    @property
    def retry_after_s(self) -> float | None:
        """The soonest moment at which an exclusion that passes may be lifted, as far as anyone knows."""
        waits = [each.retry_after_s for each in self.exclusions if each.cause.passes and each.retry_after_s is not None]
        return min(waits, default=None)

    def _stopped_by(self, cause: ExclusionCause) -> bool:
        return not self.candidates and not self.may_pass and any(each.cause is cause for each in self.exclusions)


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a decision depends on besides the request and the catalogue. `now` is wall seconds."""

    standings: Mapping[str, ProviderStanding]
    now: float
    preferences: RoutingPreferences = RoutingPreferences()
    settings: RoutingSettings = RoutingSettings()
    tried: frozenset[str] = frozenset()
    spend_left_microusd: int | None = None
    left: Left = UNLIMITED


def decide(video: VideoRequest, catalog: Catalog, situation: Situation, rng: Random) -> Decision:
    """Sort every offering into candidates and exclusions, and draw the order of the candidates."""
    candidates: list[Candidate] = []
    exclusions: list[Exclusion] = []
    for offering in catalog.offerings:
        verdict = _consider(offering, video, catalog, situation)
        if isinstance(verdict, Candidate):
            candidates.append(verdict)
        else:
            exclusions.append(verdict)
    return Decision(_draw(_weigh(candidates, situation), rng), tuple(exclusions))


def _consider(offering: Offering, video: VideoRequest, catalog: Catalog, situation: Situation) -> Candidate | Exclusion:
    provider = catalog.providers[offering.provider]
    if obstacle := _unsold(offering, video, situation):
        return Exclusion(offering, *obstacle)
    seconds = _sold_seconds(offering, video.seconds, situation)
    if seconds is not None and seconds != video.seconds:
        video = replace(video, seconds=seconds)
    if (why := provider.adapter.unsupported(video, offering.upstream_model)) is not None:
        return Exclusion(offering, ExclusionCause.UNSUPPORTED, why)
    quote_microusd = offering.price.quote_microusd(video.size, video.seconds)
    for check in _LIMITS:
        if exclusion := check(offering, provider, quote_microusd, situation):
            return exclusion
    return Candidate(offering, video, quote_microusd, offering.weight)


def _unsold(offering: Offering, video: VideoRequest, situation: Situation) -> tuple[ExclusionCause, str] | None:
    """Say what of the request this offering does not sell; the first thing found is enough."""
    if video.model != offering.model:
        return ExclusionCause.MODEL, f"sells {offering.model}"
    if video.size not in offering.sizes:
        return ExclusionCause.SIZE, f"sells the sizes {_listed(offering.sizes)}"
    if _sold_seconds(offering, video.seconds, situation) is None:
        return ExclusionCause.SECONDS, f"sells {_listed(offering.seconds)} seconds"
    if len(video.images) > offering.images_max:
        return (
            ExclusionCause.IMAGES,
            f"takes {offering.images_max or 'no'} input images, not {len(video.images)}",
        )
    if missing := {image.kind for image in video.images} - offering.image_inputs:
        return (
            ExclusionCause.IMAGES,
            f"takes input images as {_listed(sorted(offering.image_inputs))}, not as {_listed(sorted(missing))}",
        )
    if offering.available_until is not None and situation.now >= offering.available_until:
        return ExclusionCause.ENDED, "is no longer available since its available_until"
    return None


def _sold_seconds(offering: Offering, seconds: int, situation: Situation) -> int | None:
    if seconds in offering.seconds:
        return seconds
    policy = situation.preferences.duration_policy or situation.settings.duration_policy
    if policy is DurationPolicy.AT_LEAST:
        return min((sold for sold in offering.seconds if sold > seconds), default=None)
    return None


def _not_allowed(offering: Offering, provider: Provider, _quote: int, situation: Situation) -> Exclusion | None:
    only, ignore = situation.preferences.only, situation.preferences.ignore
    names = {provider.name, offering.id}
    if only and not names.intersection(only):
        return Exclusion(offering, ExclusionCause.NOT_ALLOWED, "is not in the request's routing.only")
    if names.intersection(ignore):
        return Exclusion(offering, ExclusionCause.NOT_ALLOWED, "is in the request's routing.ignore")
    return None


def _too_dear(offering: Offering, _provider: Provider, quote: int, situation: Situation) -> Exclusion | None:
    price_max, left = situation.preferences.price_microusd_max, situation.spend_left_microusd
    if price_max is not None and quote > price_max:
        return Exclusion(offering, ExclusionCause.PRICE, "costs more than the request's routing.max_price_usd")
    if left is not None and quote > left:
        return Exclusion(offering, ExclusionCause.SPEND, "would exceed the job's max_spend_usd")
    return None


def _tried(offering: Offering, _provider: Provider, _quote: int, situation: Situation) -> Exclusion | None:
    if offering.id in situation.tried:
        return Exclusion(offering, ExclusionCause.TRIED, "was tried for this job already")
    return None


def _over_budget(offering: Offering, provider: Provider, quote: int, situation: Situation) -> Exclusion | None:
    left = situation.left
    mine, theirs = left.caller_microusd, left.providers.get(provider.name)
    if mine is not None and quote > mine:
        message = f"costs more than the {usd(mine)} USD left of your daily_budget_usd until 00:00 UTC"
        return Exclusion(offering, ExclusionCause.CALLER_BUDGET, message, left.day_ends_in_s)
    if theirs is not None and quote > theirs:
        message = "costs more than what is left of its provider's daily_budget_usd until 00:00 UTC"
        return Exclusion(offering, ExclusionCause.PROVIDER_BUDGET, message, left.day_ends_in_s)
    return None


def _barred(offering: Offering, provider: Provider, _quote: int, situation: Situation) -> Exclusion | None:
    standing = situation.standings[provider.name]
    if standing.barred is not None:
        return Exclusion(offering, standing.barred_cause, standing.barred, standing.retry_after_s)
    if standing.in_flight >= standing.in_flight_max:
        message = f"has {standing.in_flight} jobs in flight and takes {standing.in_flight_max}"
        return Exclusion(offering, ExclusionCause.FULL, message)
    return None


_LIMITS: tuple[Callable[[Offering, Provider, int, Situation], Exclusion | None], ...] = (
    _not_allowed,
    _tried,
    _too_dear,
    _over_budget,
    _barred,
)


# An offering of no weight, or one so dear that its weight underflows, is the last resort: still drawn, always last.
_WEIGHT_MIN: Final = 1e-300


def _weigh(candidates: Sequence[Candidate], situation: Situation) -> list[Candidate]:
    """Let the weight fall with the price over the cheapest quote, and rise with the provider's success share."""
    if not candidates:
        return []
    cheapest = max(1, min(candidate.quote_microusd for candidate in candidates))
    weights = []
    for candidate in candidates:
        price_ratio = cheapest / max(1, candidate.quote_microusd)
        health = max(0.01, situation.standings[candidate.offering.provider].success_share)
        weight = candidate.offering.weight * price_ratio**situation.settings.price_exponent * health**2
        weights.append(max(_WEIGHT_MIN, weight))
    total = sum(weights)
    return [
        replace(candidate, weight=weight, share=weight / total)
        for candidate, weight in zip(candidates, weights, strict=True)
    ]


def _draw(candidates: Sequence[Candidate], rng: Random) -> tuple[Candidate, ...]:
    """Order by a weighted draw without replacement: each draws an exponential time, the soonest goes first."""
    return tuple(sorted(candidates, key=lambda candidate: rng.expovariate(1.0) / candidate.weight))


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values)) or "nothing"
