"""The row "What is wasted, and what is uncertain?"."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Levels, Text, figure, over_time
from grafana.promql import OFFERING, RANGE, hourly
from grafana.spending import WASTED, wasted, wasted_share
from router.core.ledger import TOLD_COST_QUOTES_MAX
from router.observe import families as f

WASTE = Levels(0.05, 0.2)
# What is uncertain for longer than a provider takes wants a look at its books.
_UNCERTAIN_AGE = Levels(900, 6 * 3600)


def waste() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_wasted(), *_uncertain()]


def _wasted() -> list[AnyPanel]:
    return [
        over_time(
            Text(
                "Wasted money, per hour",
                "Posted for nothing: failed attempts that were billed, and duplicates of a video that another attempt"
                " delivered.",
                "Nothing was wasted.",
            ),
            {"{{provider}} {{kind}}": hourly(OFFERING.rate(f.COST, "provider, kind", WASTED))},
            units.Dollars,
            stacked=True,
            interval=JOBS_INTERVAL,
        ),
        figure(
            Text(
                "Wasted in this range",
                "Money posted for attempts that gave the caller nothing.",
                "Nothing was spent.",
            ),
            {"{{provider}}": wasted(OFFERING, "provider")},
            units.Dollars,
            height=8,
        ),
        figure(
            Text(
                "Wasted share in this range",
                "The same, as a share of what each provider was paid: yellow from 5 %, red from 20 %.",
                "Nothing was spent.",
            ),
            {"{{provider}}": wasted_share(OFFERING, "provider")},
            units.PercentUnit,
            decimals=1,
            height=8,
            levels=WASTE,
        ),
    ]


def _uncertain() -> list[AnyPanel]:
    return [
        over_time(
            Text(
                "Uncertain money",
                "Money of attempts whose submit went unanswered, or that were given up while they may still succeed. It"
                " turns into spending or into nothing.",
                "Nothing is known of any provider.",
            ),
            {"{{provider}}": OFFERING.total(f.UNCERTAIN, "provider")},
            units.Dollars,
            stacked=True,
        ),
        figure(
            Text(
                "Uncertain for",
                "Age of the oldest uncertain money. What stays for hours wants a look at the provider's books, and a"
                " word from an operator.",
                "Nothing is uncertain.",
            ),
            {"{{provider}}": OFFERING.age(f.OLDEST_UNCERTAIN, "provider")},
            units.Seconds,
            decimals=0,
            width=4,
            height=8,
            levels=_UNCERTAIN_AGE,
        ),
        figure(
            Text(
                "Told costs not believed",
                f"Polls in this range that told over {TOLD_COST_QUOTES_MAX} times the quote. The quote was posted"
                " instead, so the spending here is too low if such a bill was real: compare the provider's price and"
                " its invoice.",
                "Every told cost was believed.",
            ),
            {"{{provider}}": f"{OFFERING.increase(f.DOUBTED_COSTS, 'provider', window=RANGE)} > 0"},
            units.Short,
            decimals=0,
            width=4,
            height=8,
        ),
        figure(
            Text(
                "Corrected",
                "What operators corrected since the routers' start, below zero where less was billed than posted. The"
                " spending here is without it, `video-router report` has it.",
                "Nothing was corrected.",
            ),
            {"{{provider}}": f"{OFFERING.total(f.ADJUSTED, 'provider')} != 0"},
            units.Dollars,
            width=4,
            height=8,
        ),
    ]
