"""What happens to every create of a cell, on its way there, upstream, or on its way back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from tests.rig import DIALECTS

QUOTE_USD: Final = "0.12"
QUOTE_MICROUSD: Final = 120_000
# So dear that it is everybody's last choice, however badly the others do.
SPARE_USD: Final = "5.00"
SPARE_MICROUSD: Final = 5_000_000
# Short, for a moment's run; a long one takes its time, or a busy machine would give submits up before they leave.
_HASTY: Final = {"submit_s": 0.4}
_TOO_LATE_S: Final = 1.2


class Place(StrEnum):
    """Where the configuration says that a provider is."""

    UPSTREAM = "upstream"
    UNRESOLVED = "unresolved"
    SILENT = "silent"
    PLAIN = "plain"


class Fate(StrEnum):
    """What a fault is to the money."""

    NOTHING_BOUGHT = "nothing bought, provably"
    UNKNOWN = "nothing bought, and nobody can know"
    BOUGHT = "bought, and nobody was told"


@dataclass(frozen=True, slots=True)
class Fault:
    """How one provider fails; `rules` are its sandbox's, and it strikes every create."""

    name: str
    fate: Fate
    rules: tuple[Mapping[str, Any], ...] = ()
    place: Place = Place.UPSTREAM
    timeouts: Mapping[str, float] = field(default_factory=dict)

    def slower(self, factor: float) -> "Fault":
        """Give everything that many times the time."""
        timeouts = {name: factor * limit_s for name, limit_s in self.timeouts.items()}
        rules = [{**rule, "delay_s": factor * rule["delay_s"]} if "delay_s" in rule else rule for rule in self.rules]
        return replace(self, timeouts=timeouts, rules=tuple(rules))


@dataclass(frozen=True, slots=True)
class Terms:
    """What a whole row of cells has in common. With `lookup` lost submits are looked for in the provider's list."""

    dialect: str
    on_ambiguous: str
    lookup: bool = False

    def __str__(self) -> str:
        return f"{self.dialect}-{self.on_ambiguous}{'-lookup' if self.lookup else ''}"

    @property
    def duplicate_microusd_max(self) -> int:
        """With `failover`, exactly one lost submit of a cell's fault may be risked."""
        return QUOTE_MICROUSD if self.on_ambiguous == "failover" else 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A job's way: the providers that fail one after the other, before it comes to the healthy one."""

    name: str
    faults: tuple[Fault, ...]


def _accepted(name: str, fault: str, **more: Any) -> Fault:
    return Fault(name, Fate.BOUGHT, ({"fault": fault, **more},))


def _slow(name: str, fault: str) -> Fault:
    return Fault(name, Fate.BOUGHT, ({"fault": fault, "delay_s": _TOO_LATE_S},), timeouts=_HASTY)


FAULTS: Final = (
    Fault("refused", Fate.NOTHING_BOUGHT, ({"fault": "refuse_connect"},)),
    Fault("unresolved", Fate.NOTHING_BOUGHT, place=Place.UNRESOLVED),
    Fault("no-connection", Fate.NOTHING_BOUGHT, place=Place.SILENT, timeouts={"connect_s": 0.3}),
    Fault("tls-failure", Fate.NOTHING_BOUGHT, place=Place.PLAIN),
    Fault("reset-before-body", Fate.UNKNOWN, ({"fault": "reset_before_body"},)),
    _accepted("reset-after-body", "reset_after_accept"),
    _slow("late-answer", "late_answer"),
    _accepted("500-after-accept", "http_500", accepted=True),
    _accepted("502-after-accept", "http_502", accepted=True),
    _accepted("504-after-accept", "html_504", accepted=True),
    _accepted("half-json", "half_answer"),
    _accepted("half-json-cut", "truncated_answer"),
    Fault("error-in-200", Fate.NOTHING_BOUGHT, ({"fault": "error_in_200"},)),
    _accepted("error-in-200-bought", "error_in_200", accepted=True),
    _slow("slow-headers", "slow_headers"),
    _slow("slow-body", "slow_answer"),
)
_MIXED_RULES: Final = (
    *({"fault": name, "share": 0.04} for name in ("reset_before_body", "reset_after_accept", "cut_before_accept")),
    *({"fault": name, "share": 0.04} for name in ("half_answer", "truncated_answer", "cut_after_accept")),
    *({"fault": name, "share": 0.04, "accepted": True} for name in ("http_500", "http_502", "html_504")),
    *({"fault": name, "share": 0.04} for name in ("error_in_200", "http_503", "html_502")),
    *(
        {"fault": name, "share": 0.02, "delay_s": _TOO_LATE_S}
        for name in ("late_answer", "slow_headers", "slow_answer")
    ),
)
MIXED: Final = Fault("mixed", Fate.UNKNOWN, _MIXED_RULES, timeouts=_HASTY)

CELLS: Final = (
    *(Cell(fault.name, (fault,)) for fault in FAULTS),
    # The second loss is more than may be risked, so the third provider is not asked.
    Cell(
        "lost-twice",
        (_accepted("lost-first", "reset_after_accept"), _accepted("lost-second", "truncated_answer")),
    ),
    Cell("mixed", (MIXED,)),
)
POLICIES: Final = ("hold", "failover")
TERMS: Final = tuple(Terms(dialect, policy) for dialect in DIALECTS for policy in POLICIES)
# Of the three, one dialect has a list.
TERMS_WITH_LOOKUP: Final = tuple(Terms("openai", policy, lookup=True) for policy in POLICIES)
