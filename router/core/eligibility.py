"""Which offerings may take a job now, at which quote, and why the others may not."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from typing import Final, NamedTuple

from providers.canonical import VideoRequest
from router.core.budget import UNLIMITED, Left
from router.core.catalog import Catalog, Offering, Provider
from router.core.money import usd
from router.core.preferences import DurationPolicy, RoutingPreferences
from router.core.reporting import DurationClass, class_of

_SHELVES_MAX: Final = 1_000
"""For how many kinds of videos it is remembered who sells them."""


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
    DRAINED = "drained"
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
class ProviderStanding:
    """A provider's health at this moment. `barred` is None when it takes jobs, else why not, for a person to read.

    `probing`: its ejection is over since `probe_due_s`, and the next job is its trial. `drained`: an operator lets it
    finish what it has, and gives it nothing more. `recoveries` is how many ejections it has come back from.
    """

    in_flight: int = 0
    in_flight_max: int = 100
    barred: str | None = None
    barred_cause: ExclusionCause = ExclusionCause.EJECTED
    retry_after_s: float | None = None
    probing: bool = False
    probe_due_s: float = 0.0
    drained: bool = False
    recoveries: int = 0


class Exclusion(NamedTuple):
    """An offering that cannot take the job, why, and when that may be over as far as anyone knows."""

    offering: str
    provider: str
    cause: ExclusionCause
    message: str
    retry_after_s: float | None = None

    @staticmethod
    def of(offering: Offering, cause: ExclusionCause, message: str, retry_after_s: float | None = None) -> "Exclusion":
        """Exclude an offering."""
        return Exclusion(offering.id, offering.provider, cause, message, retry_after_s)


class Eligible(NamedTuple):
    """An offering that may take the job, the video as it would be submitted, its rank among the models asked.

    `kind` is the class of that video.
    """

    offering: Offering
    video: VideoRequest
    quote_microusd: int
    model_rank: int
    standing: ProviderStanding
    kind: DurationClass


class _Offer(NamedTuple):
    """What an offering sells of such a video: `changed` tells that it has another length, or is of another model."""

    offering: Offering
    provider: Provider
    model_rank: int
    seconds: int
    changed: bool
    quote_microusd: int
    kind: DurationClass


class _Shelf(NamedTuple):
    """What is sold of such a video from `since` on and before `until`, in wall seconds, and who does not sell it."""

    since: float
    until: float
    offers: tuple[_Offer, ...]
    unsold: tuple[Exclusion, ...]


class Conditions(NamedTuple):
    """What eligibility depends on besides the request and the catalogue. `now` is wall seconds."""

    standings: Mapping[str, ProviderStanding]
    now: float
    preferences: RoutingPreferences
    duration_policy: DurationPolicy
    tried: frozenset[str] = frozenset()
    spend_left_microusd: int | None = None
    left: Left = UNLIMITED


def eligible(
    video: VideoRequest, catalog: Catalog, conditions: Conditions
) -> tuple[list[Eligible], tuple[Exclusion, ...]]:
    """Sort every offering into those that may take the job and those that may not."""
    shelf, standings = _shelf(video, catalog, conditions), conditions.standings
    quote_microusd_max, providers_left = _quote_microusd_max(conditions), conditions.left.providers
    found: list[Eligible] = []
    turned_away: dict[str, Exclusion] = {}
    for offering, provider, rank, seconds, changed, quote_microusd, kind in shelf.offers:
        asked = replace(video, seconds=seconds, model=offering.model) if changed else video
        standing = standings[provider.name]
        shut = standing.drained or standing.barred is not None or standing.in_flight >= standing.in_flight_max
        dear = quote_microusd > quote_microusd_max or quote_microusd > providers_left.get(provider.name, inf)
        if (why := provider.adapter.unsupported(asked, offering.upstream_model)) is not None:
            turned_away[offering.id] = Exclusion.of(offering, ExclusionCause.UNSUPPORTED, why)
        elif (shut or dear) and (exclusion := _limit(offering, provider, quote_microusd, conditions)) is not None:
            turned_away[offering.id] = exclusion
        else:
            found.append(Eligible(offering, asked, quote_microusd, rank, standing, kind))
    return found, _in_order(shelf.unsold, turned_away, catalog) if turned_away else shelf.unsold


def _in_order(
    unsold: tuple[Exclusion, ...], turned_away: dict[str, Exclusion], catalog: Catalog
) -> tuple[Exclusion, ...]:
    """Put what is excluded into the order of the configuration."""
    excluded = {each.offering: each for each in unsold} | turned_away
    return tuple(excluded[each.id] for each in catalog.offerings if each.id in excluded)


def _shelf(video: VideoRequest, catalog: Catalog, conditions: Conditions) -> _Shelf:
    """Return what is sold of such a video, which is the same for all jobs like this one."""
    names, policy = (video.model, *conditions.preferences.models), conditions.duration_policy
    kinds = tuple(image.kind for image in video.images) if video.images else ()
    key = (names, video.size.width, video.size.height, video.seconds, kinds, policy)
    shelf: _Shelf | None = catalog.worked_out.get(key)
    if shelf is None or not shelf.since <= conditions.now < shelf.until:
        shelf = _stocked(video, catalog, names, conditions)
        if len(catalog.worked_out) >= _SHELVES_MAX:
            catalog.worked_out.clear()
        catalog.worked_out[key] = shelf
    return shelf


def _stocked(video: VideoRequest, catalog: Catalog, names: tuple[str, ...], conditions: Conditions) -> _Shelf:
    ranks, policy, now = catalog.ranks(names), conditions.duration_policy, conditions.now
    ends = [each.available_until for each in catalog.offerings if each.available_until is not None]
    offers = [
        _offer(each, video, ranks.get(each.model), catalog.providers[each.provider], policy, now)
        for each in catalog.offerings
    ]
    return _Shelf(
        max((end for end in ends if end <= now), default=-inf),
        min((end for end in ends if end > now), default=inf),
        tuple(each for each in offers if isinstance(each, _Offer)),
        tuple(each for each in offers if isinstance(each, Exclusion)),
    )


def _offer(
    offering: Offering, video: VideoRequest, rank: int | None, provider: Provider, policy: DurationPolicy, now: float
) -> _Offer | Exclusion:
    """Say at which quote such a video is sold, or why it is not."""
    if rank is None:
        return Exclusion.of(offering, ExclusionCause.MODEL, f"sells {offering.model}")
    if (obstacle := _unsold(offering, video, now)) is not None:
        return Exclusion.of(offering, *obstacle)
    seconds = _sold_seconds(offering, video.seconds, policy)
    if seconds is None:
        return Exclusion.of(offering, ExclusionCause.SECONDS, f"sells {_listed(offering.seconds)} seconds")
    changed = seconds != video.seconds or offering.model != video.model
    quote_microusd = offering.price.quote_microusd(video.size, seconds)
    return _Offer(offering, provider, rank, seconds, changed, quote_microusd, class_of(video.size, seconds))


def _quote_microusd_max(conditions: Conditions) -> float:
    """Say up to which quote the job itself limits nothing; none of it where it says something of single offerings."""
    preferences, quote_microusd_max = conditions.preferences, inf
    if conditions.tried or preferences.only or preferences.ignore or preferences.order:
        return -inf
    for limit in (preferences.price_microusd_max, conditions.spend_left_microusd, conditions.left.caller_microusd):
        if limit is not None and limit < quote_microusd_max:
            quote_microusd_max = limit
    return quote_microusd_max


def _limit(offering: Offering, provider: Provider, quote_microusd: int, conditions: Conditions) -> Exclusion | None:
    """Find the first limit that is in the way."""
    for check in _LIMITS:
        if (exclusion := check(offering, provider, quote_microusd, conditions)) is not None:
            return exclusion
    return None


def _unsold(offering: Offering, video: VideoRequest, now: float) -> tuple[ExclusionCause, str] | None:
    """Say what of the request this offering does not sell; the first thing found is enough."""
    if video.size not in offering.sizes:
        return ExclusionCause.SIZE, f"sells the sizes {_listed(offering.sizes)}"
    if video.images:
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
    if offering.available_until is not None and now >= offering.available_until:
        return ExclusionCause.ENDED, "is no longer available since its available_until"
    return None


def _sold_seconds(offering: Offering, seconds: int, policy: DurationPolicy) -> int | None:
    if seconds in offering.seconds:
        return seconds
    match policy:
        case DurationPolicy.AT_LEAST:
            return min((sold for sold in offering.seconds if sold > seconds), default=None)
        case DurationPolicy.NEAREST:
            return min(offering.seconds, key=lambda sold: (abs(sold - seconds), -sold), default=None)
        case DurationPolicy.EXACT:
            return None


def _not_allowed(offering: Offering, provider: Provider, _quote: int, conditions: Conditions) -> Exclusion | None:
    preferences = conditions.preferences
    if not (preferences.only or preferences.ignore or (preferences.order and not preferences.allow_fallbacks)):
        return None
    names = {provider.name, offering.id}
    if preferences.only and not names.intersection(preferences.only):
        return Exclusion.of(offering, ExclusionCause.NOT_ALLOWED, "is not in the request's routing.only")
    if names.intersection(preferences.ignore):
        return Exclusion.of(offering, ExclusionCause.NOT_ALLOWED, "is in the request's routing.ignore")
    if preferences.order and not preferences.allow_fallbacks and not names.intersection(preferences.order):
        message = "is not in the request's routing.order, and its routing.allow_fallbacks is false"
        return Exclusion.of(offering, ExclusionCause.NOT_ALLOWED, message)
    return None


def _drained(offering: Offering, provider: Provider, _quote: int, conditions: Conditions) -> Exclusion | None:
    if conditions.standings[provider.name].drained:
        return Exclusion.of(offering, ExclusionCause.DRAINED, "is being drained by the operator")
    return None


def _tried(offering: Offering, _provider: Provider, _quote: int, conditions: Conditions) -> Exclusion | None:
    if offering.id in conditions.tried:
        return Exclusion.of(offering, ExclusionCause.TRIED, "was tried for this job already")
    return None


def _too_dear(offering: Offering, _provider: Provider, quote: int, conditions: Conditions) -> Exclusion | None:
    price_max, left = conditions.preferences.price_microusd_max, conditions.spend_left_microusd
    if price_max is not None and quote > price_max:
        return Exclusion.of(offering, ExclusionCause.PRICE, "costs more than the request's routing.max_price_usd")
    if left is not None and quote > left:
        return Exclusion.of(offering, ExclusionCause.SPEND, "would exceed the job's max_spend_usd")
    return None


def _over_budget(offering: Offering, provider: Provider, quote: int, conditions: Conditions) -> Exclusion | None:
    left = conditions.left
    if left is UNLIMITED:
        return None
    mine, theirs = left.caller_microusd, left.providers.get(provider.name)
    if mine is not None and quote > mine:
        message = f"costs more than the {usd(mine)} USD left of your daily_budget_usd until 00:00 UTC"
        return Exclusion.of(offering, ExclusionCause.CALLER_BUDGET, message, left.day_ends_in_s)
    if theirs is not None and quote > theirs:
        message = "costs more than what is left of its provider's daily_budget_usd until 00:00 UTC"
        return Exclusion.of(offering, ExclusionCause.PROVIDER_BUDGET, message, left.day_ends_in_s)
    return None


def _barred(offering: Offering, provider: Provider, _quote: int, conditions: Conditions) -> Exclusion | None:
    standing = conditions.standings[provider.name]
    if standing.barred is not None:
        return Exclusion.of(offering, standing.barred_cause, standing.barred, standing.retry_after_s)
    if standing.in_flight >= standing.in_flight_max:
        message = f"has {standing.in_flight} jobs in flight and takes {standing.in_flight_max}"
        return Exclusion.of(offering, ExclusionCause.FULL, message)
    return None


_LIMITS: Final[tuple[Callable[[Offering, Provider, int, Conditions], Exclusion | None], ...]] = (
    _not_allowed,
    _drained,
    _tried,
    _too_dear,
    _over_budget,
    _barred,
)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values)) or "nothing"
