"""What is not sold any more, not for long, or not now: warned of while there is time to buy elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from router.config.findings import Findings
from router.config.problems import YamlPath
from router.core.catalog import Offering, Provider

NOTICE_DAYS: Final = 30
"""How long before its end an offering is warned of."""


@dataclass(frozen=True, slots=True)
class Sale:
    """Everything on sale: `paths` says where each offering stands, `groups` which models are sold together."""

    providers: Sequence[Provider]
    offerings: Sequence[Offering]
    groups: Mapping[str, tuple[str, ...]]
    paths: Mapping[str, YamlPath]

    def models_at(self, day: date) -> frozenset[str]:
        """The models that somebody sells on that day who is not drained."""
        drained = {provider.name for provider in self.providers if provider.drained}
        return frozenset(
            offering.model for offering in self.offerings if offering.provider not in drained and is_sold(offering, day)
        )

    def gone_at(self, day: date, model: str) -> str:
        """Say what of a model and its groups nobody sells on that day; nothing when somebody does."""
        sold = self.models_at(day)
        if model in sold:
            return ""
        groups = [name for name, members in self.groups.items() if model in members and sold.isdisjoint(members)]
        return ", ".join((model, *(f"nor anything of {name}" for name in groups)))


def end_of(offering: Offering) -> date | None:
    """Return the first day on which the offering is not sold."""
    until = offering.available_until
    return None if until is None else datetime.fromtimestamp(until, UTC).date()


def is_sold(offering: Offering, day: date) -> bool:
    """Whether its end has not come on that day."""
    return (end := end_of(offering)) is None or end > day


def check_ends(sale: Sale, today: date, findings: Findings) -> None:
    """Warn of offerings that have ended, or end soon, and of what is left of their models."""
    for offering in sale.offerings:
        end = end_of(offering)
        if end is None or (end - today).days > NOTICE_DAYS:
            continue
        gone = sale.gone_at(max(today, end), offering.model)
        if end <= today:
            message = f"{offering.model} is not sold any more: its last day was the one before {end}"
            message += f"; nobody sells {gone}" if gone else ""
        else:
            message = f"{offering.model} ends {_in_days((end - today).days)}, on {end}"
            message += f"; from then on nobody sells {gone}" if gone else ""
        findings.warn((*sale.paths[offering.id], "available_until"), message)


def check_drained(sale: Sale, today: date, findings: Findings) -> None:
    """Warn of models that nobody sells while those who could are drained."""
    for provider in sale.providers:
        missing = [sale.gone_at(today, model) for model in _drained_models(sale, provider, today)]
        if provider.drained and missing:
            message = f"while it is drained, nobody sells {'; '.join(missing)}"
            findings.warn(("providers", provider.name, "drained"), message)


def _drained_models(sale: Sale, provider: Provider, today: date) -> Iterator[str]:
    """Name the models of a provider that nobody sells and that it could."""
    sold = sale.models_at(today)
    mine = [each for each in sale.offerings if each.provider == provider.name and each.model not in sold]
    yield from dict.fromkeys(each.model for each in mine if is_sold(each, today))


def _in_days(days: int) -> str:
    return f"in {days} day{'s' if days > 1 else ''}"
