"""Turns written prices into micro-USD, and sees to it that everything sold has exactly one."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import product

from providers.canonical import Size
from router.config.findings import Findings
from router.config.problems import YamlPath
from router.config.provider_schema import OfferingSection, PriceSection, TierSection
from router.core.catalog import Price, PriceTier, PriceUnit
from router.core.money import parse_usd

_NAMED_MAX = 6


def price_of(
    offering: OfferingSection, rates: Mapping[str, Decimal | None], path: YamlPath, findings: Findings
) -> Price | None:
    """Return the price of an offering, or note what is wrong. A rate of None was found wrong before."""
    section, noted = offering.price, len(findings.errors)
    unit = PriceUnit.PER_CLIP if section.per_second is None else PriceUnit.PER_SECOND
    written_tiers = section.per_second or section.per_clip or []
    place = (*path, "price", unit.value)
    for index, tier in enumerate(written_tiers):
        _check_sold(tier, offering, (*place, index), findings)
    tiers = _tiers(section, written_tiers, rates, (*path, "price"), findings)
    _check_cover(offering, [_covered(tier) for tier in written_tiers], place, findings)
    return Price(unit, tiers) if tiers and len(findings.errors) == noted else None


def _covered(tier: TierSection) -> PriceTier:
    return PriceTier(0, frozenset(tier.sizes or ()), frozenset(tier.seconds or ()))


def _tiers(
    section: PriceSection,
    written_tiers: Iterable[TierSection],
    rates: Mapping[str, Decimal | None],
    path: YamlPath,
    findings: Findings,
) -> tuple[PriceTier, ...]:
    if section.currency not in rates:
        message = (
            f"prices in {section.currency} need a dated rate; "
            f'add `currencies: {{{section.currency}: {{usd: "0.14", as_of: 2026-11-01}}}}` with the rate of your day'
        )
        findings.error((*path, "currency"), message)
    rate = rates.get(section.currency)
    if rate is None:
        return ()
    unit = "per_clip" if section.per_second is None else "per_second"
    tiers = []
    for index, tier in enumerate(written_tiers):
        try:
            amount_microusd = _microusd(tier.amount, rate)
        except ValueError as error:
            findings.error((*path, unit, index, "amount"), str(error))
            continue
        covered = _covered(tier)
        listed = f"{tier.amount} {section.currency}"
        tiers.append(PriceTier(amount_microusd, covered.sizes, covered.seconds, listed))
    return tuple(tiers)


def _microusd(amount: str, rate: Decimal) -> int:
    amount_microusd = parse_usd(amount, rate)
    if not amount_microusd and Decimal(amount):
        raise ValueError(f"{amount} rounds to nothing: the smallest price is a millionth of a US dollar")
    return amount_microusd


def _check_sold(tier: TierSection, offering: OfferingSection, path: YamlPath, findings: Findings) -> None:
    for key, priced, sold in (
        ("sizes", tier.sizes or [], offering.sizes),
        ("seconds", tier.seconds or [], offering.seconds),
    ):
        if extra := [str(value) for value in priced if value not in sold]:
            known = ", ".join(map(str, sold))
            findings.error(
                (*path, key), f"prices {', '.join(extra)}, which the offering does not sell; it sells {known}"
            )


def _check_cover(offering: OfferingSection, tiers: list[PriceTier], path: YamlPath, findings: Findings) -> None:
    unpriced, doubly = [], []
    for size, seconds in product(offering.sizes, offering.seconds):
        covering = sum(tier.covers(size, seconds) for tier in tiers)
        if covering == 0:
            unpriced.append((size, seconds))
        elif covering > 1:
            doubly.append((size, seconds))
    if unpriced:
        findings.error(path, f"no price for {named(unpriced)}; add a tier for it, or sell less")
    if doubly:
        findings.error(path, f"more than one price for {named(doubly)}; give each tier its own `sizes` or `seconds`")


def named(combinations: list[tuple[Size, int]]) -> str:
    """Write combinations of size and duration, the first few of many."""
    text = ", ".join(f"{size} at {seconds} s" for size, seconds in combinations[:_NAMED_MAX])
    more = len(combinations) - _NAMED_MAX
    return f"{text} and {more} more" if more > 0 else text
