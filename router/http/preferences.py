"""What a caller means by his `routing`, wherever he said it: read within the operator's limits and names."""

import re
from collections.abc import Mapping
from typing import Final

from router.core.failover import AMBIGUOUS_SUBMIT, NAMES, failover_on, is_of_a_poll
from router.core.money import parse_usd
from router.core.policy import FailoverOn, JobLimits, OnAmbiguous
from router.core.preferences import RoutingPreferences
from router.http.errors import invalid
from router.http.naming import Naming
from router.http.routing_body import ATTEMPTS_MAX, DEADLINE_S_MAX, DEADLINE_S_MIN, Routing, RoutingBody, header_of

_SECONDS: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")


def combined(in_body: RoutingBody | None, in_headers: RoutingBody | None, naming: Naming) -> Routing | None:
    """Put together what is said in both places, None for nothing; raises ApiError 400 when they disagree."""
    if in_headers is None:
        return None if in_body is None else Routing(in_body)
    if in_body is None:
        return Routing(in_headers, frozenset(in_headers.said))
    for name in frozenset(in_headers.said).intersection(in_body.said):
        alone, in_header = Routing(_alone(in_body, name)), Routing(_alone(in_headers, name), frozenset({name}))
        if _read(alone, naming) != _read(in_header, naming):
            header = header_of(name)
            message = f"{header} says something else than routing.{name} in the body; say it in one place, or alike"
            raise invalid(message, header)
    said = {name: getattr(in_headers, name) for name in in_headers.said}
    return Routing(in_body.model_copy(update=said), frozenset(said) - frozenset(in_body.said))


def preferences_of(routing: Routing, naming: Naming, limits: JobLimits) -> RoutingPreferences:
    """Read what the caller wants within the operator's limits; raises ApiError 400."""
    preferences = _read(routing, naming)
    _check_order(routing, preferences, naming)
    _check_failover_is_paid_for(routing, preferences, limits)
    return preferences


def _alone(body: RoutingBody, name: str) -> RoutingBody:
    return RoutingBody().model_copy(update={name: getattr(body, name)})


def _read(routing: Routing, naming: Naming) -> RoutingPreferences:
    body = routing.body
    return RoutingPreferences(
        only=_meant(routing, "only", naming),
        ignore=_meant(routing, "ignore", naming),
        price_microusd_max=_microusd(routing, "max_price_usd", body.max_price_usd),
        duration_policy=body.duration_policy,
        spend_microusd_max=_microusd(routing, "max_spend_usd", body.max_spend_usd),
        attempts_max=None if body.max_attempts is None else _attempts(routing, body.max_attempts),
        deadline_s=None if body.deadline_s is None else _deadline_s(routing, body.deadline_s),
        on_ambiguous=None if body.on_ambiguous is None else OnAmbiguous(body.on_ambiguous),
        duplicate_microusd_max=_microusd(routing, "max_duplicate_usd", body.max_duplicate_usd),
        failover_on=_failover_on(routing, body.failover_on) if body.failover_on else None,
        order=_meant(routing, "order", naming),
        sort=body.sort,
        allow_fallbacks=body.allow_fallbacks not in (False, "false"),
        models=_models(routing, naming),
    )


def _check_order(routing: Routing, preferences: RoutingPreferences, naming: Naming) -> None:
    """Refuse an order that could never be kept: it would silently be none."""
    ignored, allowed = naming.sold_by(preferences.ignore), naming.sold_by(preferences.only)
    for name in routing.body.order or ():
        asked = naming.sold_by(naming.meant(name))
        if asked and asked <= ignored:
            says = f" names {name!r}, which {routing.param('ignore')} excludes; take it out of one of them"
            raise routing.invalid("order", says)
    ordered = naming.sold_by(preferences.order)
    if ordered and preferences.only and not ordered & allowed:
        says = f" allows none of those that {routing.param('order')} names; add them to it, or leave one of the two out"
        raise routing.invalid("only", says)


def _check_failover_is_paid_for(routing: Routing, preferences: RoutingPreferences, limits: JobLimits) -> None:
    """Refuse what would silently be a hold."""
    if preferences.on_ambiguous is not OnAmbiguous.FAILOVER:
        return
    if not limits.duplicate_microusd_max:
        says = (
            ": failover is not accepted here, for the operator lets nothing be bought twice; leave it out, or ask the"
            " operator to set `policy.max_duplicate_usd`, the most that may be bought twice of a job"
        )
        raise routing.invalid("on_ambiguous", says)
    if preferences.duplicate_microusd_max == 0:
        says = " must be more than 0 beside on_ambiguous: failover; or ask for hold"
        raise routing.invalid("max_duplicate_usd", says)


def _meant(routing: Routing, field: str, naming: Naming) -> tuple[str, ...]:
    """A misspelt name in `ignore` would silently allow what the caller meant to forbid.

    Where names are hidden every one gets the same answer: which of them are known is what a caller could find out.
    """
    names: list[str] = getattr(routing.body, field) or []
    if names and not naming.shown:
        raise routing.invalid(field, " is not accepted here, for this router does not show its providers; leave it out")
    for name in names:
        if not naming.meant(name):
            raise routing.invalid(field, f" names {name!r}, which is none of: {', '.join(naming.selectable)}")
    return tuple(dict.fromkeys(own for name in names for own in naming.meant(name)))


def _models(routing: Routing, naming: Naming) -> tuple[str, ...]:
    names = routing.body.models or []
    for name in names:
        if name not in naming.models:
            raise routing.invalid("models", f" names {name!r}, which is none of: {', '.join(naming.models)}")
    return tuple(dict.fromkeys(names))


def _microusd(routing: Routing, name: str, amount: str | float | None) -> int | None:
    try:
        return None if amount is None else parse_usd(str(amount))
    except (ValueError, ArithmeticError) as error:
        raise routing.invalid(name, f": {error}") from None


def _attempts(routing: Routing, value: int | str) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= ATTEMPTS_MAX):
        raise routing.wrong("max_attempts")
    return int(text)


def _deadline_s(routing: Routing, value: float | str) -> float:
    text = str(value)
    if not (_SECONDS.fullmatch(text) and DEADLINE_S_MIN <= float(text) <= DEADLINE_S_MAX):
        raise routing.wrong("deadline_s")
    return float(text)


def _failover_on(routing: Routing, steps: Mapping[str, str]) -> FailoverOn:
    for name in steps:
        if name not in NAMES:
            raise routing.invalid("failover_on", f" names {name[:64]!r}, {_why_not(name)}")
    return failover_on(steps)


def _why_not(name: str) -> str:
    if name == AMBIGUOUS_SUBMIT:
        return "what follows which is said by routing.on_ambiguous and routing.max_duplicate_usd"
    if is_of_a_poll(name):
        return "which never ends an attempt: a failed poll is repeated"
    return f"which is none of: {', '.join(NAMES)}"
