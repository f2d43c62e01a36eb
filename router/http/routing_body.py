"""The `routing` of a create as it is written: its fields, what each takes, and what errors call it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from router.core.failover import NAMES
from router.core.preferences import DurationPolicy, Sort
from router.http.errors import ApiError, invalid

ROUTING_NAMES_MAX: Final = 64
MODELS_MAX: Final = 16
ATTEMPTS_MAX: Final = 20
DEADLINE_S_MIN: Final = 1
DEADLINE_S_MAX: Final = 604_800
HEADER_PREFIX: Final = "x-router-"

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]
_Usd: TypeAlias = Annotated[str, Field(max_length=32)] | StrictInt | StrictFloat


class Strict(BaseModel):
    """A part of a body: its own fields and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RoutingBody(Strict):
    """What a caller says of his own job's routing; his limits only ever make the operator's stricter."""

    order: list[Name] | None = None
    only: list[Name] | None = None
    ignore: list[Name] | None = None
    max_price_usd: _Usd | None = None
    sort: Sort | None = None
    allow_fallbacks: StrictBool | Literal["true", "false"] | None = None
    models: list[Name] | None = None
    duration_policy: DurationPolicy | None = None
    max_spend_usd: _Usd | None = None
    max_attempts: StrictInt | Annotated[str, Field(max_length=8)] | None = None
    deadline_s: StrictInt | StrictFloat | Annotated[str, Field(max_length=16)] | None = None
    on_ambiguous: Literal["hold", "failover"] | None = None
    max_duplicate_usd: _Usd | None = None
    failover_on: dict[Name, Literal["never", "once", "always"]] | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """The fields that are said."""
        return tuple(name for name in RoutingBody.model_fields if getattr(self, name) is not None)


LISTS: Final[Mapping[str, int]] = {
    "order": ROUTING_NAMES_MAX,
    "only": ROUTING_NAMES_MAX,
    "ignore": ROUTING_NAMES_MAX,
    "models": MODELS_MAX,
}
"""The fields that list names, and how many each takes."""
_COUNTS: Final[Mapping[str, int]] = {**LISTS, "failover_on": len(NAMES)}

_SOMEBODY: Final = f"a list of at most {ROUTING_NAMES_MAX} names of providers or offerings"
_AMOUNT: Final = 'an amount in USD, such as "0.80"'
EXPECTED: Final[Mapping[str, str]] = {
    "routing": f"an object with any of the fields {', '.join(RoutingBody.model_fields)}",
    "routing.order": _SOMEBODY,
    "routing.only": _SOMEBODY,
    "routing.ignore": _SOMEBODY,
    "routing.max_price_usd": _AMOUNT,
    "routing.sort": "price, latency or expected_cost",
    "routing.allow_fallbacks": "true or false",
    "routing.models": f"a list of at most {MODELS_MAX} names of models or groups of them, see GET /v1/models",
    "routing.duration_policy": "exact, at_least or nearest",
    "routing.max_spend_usd": _AMOUNT,
    "routing.max_attempts": f"a whole number from 1 to {ATTEMPTS_MAX}",
    "routing.deadline_s": f"a number of seconds from {DEADLINE_S_MIN} to {DEADLINE_S_MAX}, such as 900",
    "routing.on_ambiguous": "hold or failover",
    "routing.max_duplicate_usd": _AMOUNT,
    "routing.failover_on": "an object of never, once and always under failures,"
    ' such as {"output_review": "never", "generate.internal": "once"}',
}
"""What each field takes, in words."""

_SOMEBODY_IN_A_HEADER: Final = f"at most {ROUTING_NAMES_MAX} names of providers or offerings, separated by commas"
_EXPECTED_IN_A_HEADER: Final[Mapping[str, str]] = {
    "order": _SOMEBODY_IN_A_HEADER,
    "only": _SOMEBODY_IN_A_HEADER,
    "ignore": _SOMEBODY_IN_A_HEADER,
    "models": f"at most {MODELS_MAX} names of models or groups of them, separated by commas, see GET /v1/models",
    "failover_on": "never, once or always for failures, separated by commas,"
    " such as output_review=never,generate.internal=once",
}


@dataclass(frozen=True, slots=True)
class Routing:
    """A routing, and which of its fields were said in headers: errors call each as its caller does."""

    body: RoutingBody
    in_headers: frozenset[str] = frozenset()

    def param(self, name: str) -> str:
        """What the caller calls a field."""
        return header_of(name) if name in self.in_headers else f"routing.{name}"

    def invalid(self, name: str, says: str) -> ApiError:
        """Say what is wrong with a field (400)."""
        param = self.param(name)
        return invalid(f"{param}{says}", param)

    def wrong(self, name: str) -> ApiError:
        """Say what a field takes (400)."""
        expected = EXPECTED[f"routing.{name}"]
        if name in self.in_headers:
            expected = _EXPECTED_IN_A_HEADER.get(name, expected)
        return self.invalid(name, f" must be {expected}")


def header_of(name: str) -> str:
    """Name the header that says a field."""
    return HEADER_PREFIX + name.replace("_", "-")


def overfull(routing: Mapping[str, Any]) -> str | None:
    """Name a field with more entries than it takes; pydantic would describe each entry that is wrong."""
    for name, count_max in _COUNTS.items():
        value = routing.get(name)
        if isinstance(value, list | dict) and len(value) > count_max:
            return name
    return None
