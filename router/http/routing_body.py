"""The `routing` of a create: where its job may go, what it may use up, and what follows when it fails."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt

from router.core.failover import AMBIGUOUS_SUBMIT, NAMES, failover_on, is_of_a_poll
from router.core.money import parse_usd
from router.core.policy import FailoverOn, JobLimits, OnAmbiguous
from router.core.preferences import DurationPolicy, RoutingPreferences
from router.http.errors import ApiError, invalid
from router.http.naming import Naming

ROUTING_NAMES_MAX: Final = 64
ATTEMPTS_MAX: Final = 20
DEADLINE_S_MIN: Final = 1
DEADLINE_S_MAX: Final = 604_800
_SECONDS: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]
_Usd: TypeAlias = Annotated[str, Field(max_length=32)] | StrictInt | StrictFloat


class Strict(BaseModel):
    """A part of a body: its own fields and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RoutingBody(Strict):
    """The caller's own limits on his job; they only ever make the operator's stricter."""

    only: list[Name] | None = None
    ignore: list[Name] | None = None
    max_price_usd: _Usd | None = None
    duration_policy: Literal["exact", "at_least"] | None = None
    max_spend_usd: _Usd | None = None
    max_attempts: StrictInt | Annotated[str, Field(max_length=8)] | None = None
    deadline_s: StrictInt | StrictFloat | Annotated[str, Field(max_length=16)] | None = None
    on_ambiguous: Literal["hold", "failover"] | None = None
    max_duplicate_usd: _Usd | None = None
    failover_on: dict[Name, Literal["never", "once", "always"]] | None = None


_NAMES_LISTED: Final = f"a list of at most {ROUTING_NAMES_MAX} names of providers or offerings"
_AMOUNT: Final = 'an amount in USD, such as "0.80"'
EXPECTED: Final[Mapping[str, str]] = {
    "routing": f"an object with any of the fields {', '.join(RoutingBody.model_fields)}",
    "routing.only": _NAMES_LISTED,
    "routing.ignore": _NAMES_LISTED,
    "routing.max_price_usd": _AMOUNT,
    "routing.duration_policy": "exact or at_least",
    "routing.max_spend_usd": _AMOUNT,
    "routing.max_attempts": f"a whole number from 1 to {ATTEMPTS_MAX}",
    "routing.deadline_s": f"a number of seconds from {DEADLINE_S_MIN} to {DEADLINE_S_MAX}, such as 900",
    "routing.on_ambiguous": "hold or failover",
    "routing.max_duplicate_usd": _AMOUNT,
    "routing.failover_on": "an object of never, once and always under failures,"
    ' such as {"output_review": "never", "generate.internal": "once"}',
}
"""What each field takes, in words."""


def check_counts(routing: Mapping[str, Any]) -> None:
    """Count before pydantic looks, which describes each entry that is wrong; raises ApiError 400."""
    for name, count_max in (("only", ROUTING_NAMES_MAX), ("ignore", ROUTING_NAMES_MAX), ("failover_on", len(NAMES))):
        value = routing.get(name)
        if isinstance(value, list | dict) and len(value) > count_max:
            raise _wrong(f"routing.{name}")


def preferences_of(body: RoutingBody, naming: Naming, limits: JobLimits) -> RoutingPreferences:
    """Read what the caller wants within the operator's limits; raises ApiError 400."""
    word = None if body.on_ambiguous is None else OnAmbiguous(body.on_ambiguous)
    duplicate_microusd_max = _microusd("max_duplicate_usd", body.max_duplicate_usd)
    _check_failover_is_paid_for(word, duplicate_microusd_max, limits)
    return RoutingPreferences(
        only=_meant("routing.only", body.only or [], naming),
        ignore=_meant("routing.ignore", body.ignore or [], naming),
        price_microusd_max=_microusd("max_price_usd", body.max_price_usd),
        duration_policy=None if body.duration_policy is None else DurationPolicy(body.duration_policy),
        spend_microusd_max=_microusd("max_spend_usd", body.max_spend_usd),
        attempts_max=None if body.max_attempts is None else _attempts(body.max_attempts),
        deadline_s=None if body.deadline_s is None else _deadline_s(body.deadline_s),
        on_ambiguous=word,
        duplicate_microusd_max=duplicate_microusd_max,
        failover_on=_failover_on(body.failover_on) if body.failover_on else None,
    )


def _check_failover_is_paid_for(word: OnAmbiguous | None, own_microusd_max: int | None, limits: JobLimits) -> None:
    """Refuse what would silently be a hold."""
    if word is not OnAmbiguous.FAILOVER:
        return
    if not limits.duplicate_microusd_max:
        message = (
            "routing.on_ambiguous: failover is not accepted here, for the operator lets nothing be bought twice; leave"
            " it out, or ask the operator to set `policy.max_duplicate_usd`, the most that may be bought twice of a job"
        )
        raise invalid(message, "routing.on_ambiguous")
    if own_microusd_max == 0:
        message = "routing.max_duplicate_usd must be more than 0 beside on_ambiguous: failover; or ask for hold"
        raise invalid(message, "routing.max_duplicate_usd")


def _meant(param: str, names: list[str], naming: Naming) -> tuple[str, ...]:
    """A misspelt name in `ignore` would silently allow what the caller meant to forbid.

    Where names are hidden every one gets the same answer: which of them are known is what a caller could find out.
    """
    if names and not naming.shown:
        raise invalid(f"{param} is not accepted here, for this router does not show its providers; leave it out", param)
    for name in names:
        if not naming.meant(name):
            raise invalid(f"{param} names {name!r}, which is none of: {', '.join(naming.selectable)}", param)
    return tuple(dict.fromkeys(own for name in names for own in naming.meant(name)))


def _microusd(name: str, amount: str | float | None) -> int | None:
    try:
        return None if amount is None else parse_usd(str(amount))
    except (ValueError, ArithmeticError) as error:
        raise invalid(f"routing.{name}: {error}", f"routing.{name}") from None


def _attempts(value: int | str) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= ATTEMPTS_MAX):
        raise _wrong("routing.max_attempts")
    return int(text)


def _deadline_s(value: float | str) -> float:
    text = str(value)
    if not (_SECONDS.fullmatch(text) and DEADLINE_S_MIN <= float(text) <= DEADLINE_S_MAX):
        raise _wrong("routing.deadline_s")
    return float(text)


def _failover_on(steps: Mapping[str, str]) -> FailoverOn:
    for name in steps:
        if name not in NAMES:
            raise invalid(f"routing.failover_on names {name[:64]!r}, {_why_not(name)}", "routing.failover_on")
    return failover_on(steps)


def _why_not(name: str) -> str:
    if name == AMBIGUOUS_SUBMIT:
        return "what follows which is said by routing.on_ambiguous and routing.max_duplicate_usd"
    if is_of_a_poll(name):
        return "which never ends an attempt: a failed poll is repeated"
    return f"which is none of: {', '.join(NAMES)}"


def _wrong(name: str) -> ApiError:
    return invalid(f"{name} must be {EXPECTED[name]}", name)
