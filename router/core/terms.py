"""What one job may use up and risk: the operator's limits, made stricter by its caller's."""

from dataclasses import replace
from typing import TypeVar

from providers.canonical import Failure
from router.core.catalog import Provider
from router.core.policy import JobLimits, NextStep, OnAmbiguous
from router.core.preferences import NO_PREFERENCES, RoutingPreferences

Number = TypeVar("Number", int, float)


def terms_of(limits: JobLimits, preferences: RoutingPreferences) -> JobLimits:
    """Return the limits of one job: the smaller of each two counts."""
    if preferences is NO_PREFERENCES:
        return limits
    return replace(
        limits,
        attempts_max=_attempts_max(limits, preferences),
        spend_microusd_max=_smaller(limits.spend_microusd_max, preferences.spend_microusd_max),
        deadline_s=_smaller(limits.deadline_s, preferences.deadline_s),
        duplicate_microusd_max=_smaller(limits.duplicate_microusd_max, preferences.duplicate_microusd_max),
    )


def on_ambiguous(limits: JobLimits, preferences: RoutingPreferences, provider: Provider | None) -> OnAmbiguous:
    """Say what follows when a submit to this provider may have been bought.

    A caller's `hold` always counts, his `failover` only where the operator said nothing of the provider itself.
    """
    if preferences.on_ambiguous is OnAmbiguous.HOLD:
        return OnAmbiguous.HOLD
    if provider is not None and provider.on_ambiguous is not None:
        return provider.on_ambiguous
    return preferences.on_ambiguous or limits.on_ambiguous


def next_step(
    failure: Failure, limits: JobLimits, preferences: RoutingPreferences, provider: Provider | None
) -> NextStep:
    """Return what the job does after a failure: as the operator says of the provider, or stricter for the caller."""
    step = (provider.failover_on if provider else limits.failover_on).next_step(failure)
    return step if preferences.failover_on is None else preferences.failover_on.stricter(failure, step)


def _attempts_max(limits: JobLimits, preferences: RoutingPreferences) -> int:
    """Without fallbacks nobody is asked but the first; an order of the caller's own has its fallbacks in it."""
    if not preferences.allow_fallbacks and not preferences.order:
        return 1
    return _smaller(limits.attempts_max, preferences.attempts_max)


def _smaller(limit: Number, own: Number | None) -> Number:
    return limit if own is None else min(limit, own)
