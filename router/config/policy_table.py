"""What `policy` shows: what follows from every failure that can happen, and where a provider's contract differs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

import orjson
from rich import box
from rich.table import Table
from rich.text import Text

from providers.canonical import Failure, Reason, Stage
from providers.capabilities import lookup_of
from router.config.settings import Settings
from router.core.catalog import ChargeRule, Provider
from router.core.events import BreakerKind
from router.core.lookup import LookupMode
from router.core.policy import (
    BreakerEffect,
    JobLimits,
    MoneyEffect,
    NextStep,
    OnAmbiguous,
    pairs,
    row_of,
)
from router.core.preferences import NO_PREFERENCES
from router.core.terms import on_ambiguous

_NEXT_STEPS: Final[Mapping[NextStep, str]] = {
    NextStep.STOP: "stop",
    NextStep.FAILOVER: "next offering",
    NextStep.FAILOVER_ONCE: "next offering, once",
    NextStep.KEEP_POLLING: "keep polling, slower",
}
_BREAKERS: Final[Mapping[BreakerEffect, str]] = {
    BreakerEffect.NEUTRAL: "neutral",
    BreakerEffect.COOLS_DOWN: "cools down",
    BreakerEffect.OPENS: "opens at once",
}
_ON_AMBIGUOUS: Final[Mapping[OnAmbiguous, str]] = {
    OnAmbiguous.HOLD: "hold: stop, nothing is bought again",
    OnAmbiguous.FAILOVER: "next offering, within max_duplicate_usd",
}
_REVIEWS: Final = frozenset({Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW})


@dataclass(frozen=True, slots=True)
class Consequence:
    """One line of the table, in words. `own` says that the operator chose the next step."""

    stage: Stage
    reason: Reason
    next_step: str
    breaker: str
    money: str
    own: bool


def policy_table(title: str, found: tuple[Consequence, ...]) -> Table:
    """Lay out the lines, one section for each stage; what an operator chose is marked with a star."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("stage", "reason", "next step", "breaker", "money"):
        table.add_column(heading, overflow="fold")
    above: Stage | None = None
    for line in found:
        if above not in (None, line.stage):
            table.add_section()
        stage = "" if line.stage is above else str(line.stage)
        above = line.stage
        step = f"{line.next_step} *" if line.own else line.next_step
        table.add_row(*map(Text, (stage, str(line.reason), step, line.breaker, line.money)))
    return table


def policy_document(found: Mapping[str, tuple[Consequence, ...]]) -> str:
    """Write the lines of each provider as JSON."""
    lines = {name: [asdict(line) for line in each] for name, each in found.items()}
    return orjson.dumps(lines, option=orjson.OPT_INDENT_2).decode()


def titled(found: Mapping[str, tuple[Consequence, ...]]) -> Iterator[Table]:
    """Lay out one table for all providers of which the same holds."""
    alike: dict[tuple[Consequence, ...], list[str]] = {}
    for name, lines in found.items():
        alike.setdefault(lines, []).append(name)
    for lines, names in alike.items():
        yield policy_table(", ".join(names), lines)


def policies(settings: Settings) -> dict[str, tuple[Consequence, ...]]:
    """Return what follows from every failure, by provider."""
    providers = settings.catalog.providers.values()
    return {each.name: tuple(_lines(settings.limits, each)) for each in providers}


def default_policy() -> dict[str, tuple[Consequence, ...]]:
    """Return what follows from every failure while no configuration says otherwise."""
    return {"any provider": tuple(_lines(JobLimits(), None))}


def _lines(limits: JobLimits, provider: Provider | None) -> Iterator[Consequence]:
    failover_on, rule = (provider.failover_on, provider.charge_rule) if provider else (limits.failover_on, None)
    for stage, reason in pairs():
        failure, row = Failure(stage, reason), row_of(stage, reason)
        step = failover_on.next_step(failure)
        yield Consequence(
            stage,
            reason,
            _NEXT_STEPS.get(step) or _of_ambiguous(limits, provider),
            _BREAKERS.get(row.breaker) or f"counts ({_window(failure)} window)",
            _money(row.money, failure, rule),
            (stage, reason) in failover_on.steps or (step is NextStep.ASK_OPERATOR and _has_own_word(provider)),
        )


def _window(failure: Failure) -> BreakerKind:
    if row_of(failure.stage, failure.reason).next_step is NextStep.KEEP_POLLING:
        return BreakerKind.POLL
    return BreakerKind.SUBMIT if failure.stage is Stage.SUBMIT else BreakerKind.GENERATE


def _has_own_word(provider: Provider | None) -> bool:
    return provider is not None and provider.on_ambiguous is not None


def _of_ambiguous(limits: JobLimits, provider: Provider | None) -> str:
    """Say what follows a submit that may have been bought, and what is done first to find out."""
    after = _ON_AMBIGUOUS[on_ambiguous(limits, NO_PREFERENCES, provider)]
    if provider is None or provider.lookup.mode is LookupMode.OFF or lookup_of(provider.adapter) is None:
        return after
    absent = "not listed: next offering; else " if provider.lookup.proves_absence else "not found: "
    return f"looked for in its list for {provider.lookup.settle_s:g} s; {absent}{after}"


def _money(effect: MoneyEffect, failure: Failure, rule: ChargeRule | None) -> str:
    match effect:
        case MoneyEffect.VOID:
            return "nothing was bought" if failure.stage is Stage.ROUTE else "void"
        case MoneyEffect.STAYS_PENDING:
            return "stays pending"
        case MoneyEffect.POST:
            return "post"
        case MoneyEffect.CONTRACT if rule is None:
            return "as the contract says"
        case MoneyEffect.CONTRACT:
            contract = "post" if rule.bills(failure) else "void"
            return f"{contract} (void at the submit)" if contract == "post" and failure.stage in _REVIEWS else contract
