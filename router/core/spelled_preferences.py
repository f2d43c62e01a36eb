"""A caller's preferences as plain values, for a row or a line of text, and back."""

from collections.abc import Mapping
from typing import Any, Final

from router.core.policy import FailoverOn, OnAmbiguous
from router.core.preferences import NO_PREFERENCES, DurationPolicy, RoutingPreferences, Sort

_LISTS: Final = ("only", "ignore", "order", "models")
_LIMITS: Final = (
    "price_microusd_max",
    "duration_policy",
    "spend_microusd_max",
    "attempts_max",
    "deadline_s",
    "on_ambiguous",
    "duplicate_microusd_max",
    "sort",
)
_KINDS: Final = (("duration_policy", DurationPolicy), ("on_ambiguous", OnAmbiguous), ("sort", Sort))


def spelled(preferences: RoutingPreferences) -> dict[str, object]:
    """Return what is said, under the names of its fields; most callers say nothing."""
    if preferences == NO_PREFERENCES:
        return {}
    said = {
        **{name: list(getattr(preferences, name)) for name in _LISTS},
        **{name: getattr(preferences, name) for name in _LIMITS},
        "failover_on": preferences.failover_on and preferences.failover_on.spelled(),
        "allow_fallbacks": None if preferences.allow_fallbacks else False,
    }
    return {name: value for name, value in said.items() if value not in ([], None)}


def read_preferences(said: Mapping[str, Any]) -> RoutingPreferences:
    """Build them from what `spelled` returned; ValueError for a word that means nothing."""
    if not said:
        return NO_PREFERENCES
    read = {name: said[name] for name in _LIMITS if name in said}
    read |= {name: kind(read[name]) for name, kind in _KINDS if name in read}
    read |= {name: tuple(said[name]) for name in _LISTS if name in said}
    failover_on = FailoverOn.read(said["failover_on"]) if "failover_on" in said else None
    return RoutingPreferences(**read, failover_on=failover_on, allow_fallbacks=said.get("allow_fallbacks", True))
