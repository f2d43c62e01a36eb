"""The row "Which one is cheapest?": what was paid, what was wasted, and what it should have cost."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Column, Text, columns, figure, over_time
from grafana.promql import RANGE, increase, rate, ratio, selector, total
from router.core.ledger import TOLD_COST_QUOTES_MAX
from router.observe import families as f

WASTED = 'kind=~"failed_billed|duplicate"'


def paid_per_second(window: str) -> str:
    return ratio(increase(f.COST, "provider", window=window), increase(f.VIDEO_SECONDS, "provider", window=window))


def listed_per_second(window: str) -> str:
    delivered = increase(f.VIDEO_SECONDS, "provider", window=window)
    return ratio(increase(f.DELIVERED_QUOTE, "provider", window=window), delivered)


def cheapest() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_spending(), *_doubtful(), *_price_list()]


def _spending() -> list[AnyPanel]:
    return [
        over_time(
            Text(
                "Cost per delivered second",
                "What a second of video in a caller's hands cost, failures and duplicates included, beside the list"
                " price of the same videos. The gap is waste.",
                "No video was delivered.",
            ),
            {
                "{{provider}} paid": paid_per_second("$__rate_interval"),
                "{{provider}} list price": listed_per_second("$__rate_interval"),
            },
            units.Dollars,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Spending by kind, per hour",
                "Money posted: for delivered videos, for failed attempts that were billed, for videos nobody got.",
                "Nothing was spent.",
            ),
            {"{{provider}} {{kind}}": f"{rate(f.COST, 'provider, kind')} * 3600"},
            units.Dollars,
            stacked=True,
            interval=JOBS_INTERVAL,
        ),
    ]


def _doubtful() -> list[AnyPanel]:
    return [
        figure(
            Text(
                "Wasted in this range",
                "Money posted for attempts that gave the caller nothing.",
                "Nothing was wasted.",
            ),
            increase(f.COST, "provider", WASTED, window=RANGE),
            "{{provider}}",
            units.Dollars,
            width=6,
        ),
        figure(
            Text(
                "Uncertain now",
                "Money of attempts whose submit went unanswered, or that were given up while they may still succeed."
                " It turns into spending or into nothing; what stays for hours wants a look at the provider's books.",
                "Nothing is uncertain.",
            ),
            total(f.UNCERTAIN, "provider"),
            "{{provider}}",
            units.Dollars,
            width=6,
        ),
        figure(
            Text(
                "Ambiguous submits in this range",
                "Submits that were sent and whose answer was lost. Each may have been billed.",
                "No answer was lost.",
            ),
            increase(f.AMBIGUOUS_SUBMITS, "provider", window=RANGE),
            "{{provider}}",
            units.Short,
            decimals=0,
            width=6,
        ),
        figure(
            Text(
                "Told costs not believed",
                f"Polls in this range that told over {TOLD_COST_QUOTES_MAX} times the quote. The quote was posted"
                " instead, so the spending here is too low if such a bill was real: compare the provider's price and"
                " its invoice.",
                "Every told cost was believed.",
            ),
            increase(f.DOUBTED_COSTS, "provider", window=RANGE),
            "{{provider}}",
            units.Short,
            decimals=0,
            width=6,
        ),
    ]


def _price_list() -> list[AnyPanel]:
    return [
        columns(
            Text("Price list", "What one video costs by the configuration.", "The catalogue is empty."),
            {"provider": "Provider", "model": "Model", "size": "Size", "seconds": "Seconds"},
            [Column("Price", f"max by (provider, model, size, seconds) ({selector(f.PRICE)})", units.Dollars, 4)],
            sort_by="Price",
        ),
    ]
