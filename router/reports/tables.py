"""Reports as tables for a terminal."""

from collections.abc import Iterable

from rich.table import Table

from router.core.money import usd
from router.reports.providers import ProviderSummary

_NONE = "-"


def provider_table(summaries: Iterable[ProviderSummary]) -> Table:
    """One line a provider; amounts are USD."""
    table = Table(title="Providers side by side", title_justify="left")
    table.add_column("provider")
    for heading in ("attempts", "delivered", "p50", "p90", "video", "spent", "wasted", "uncertain", "USD per second"):
        table.add_column(heading, justify="right")
    table.add_column("failed at (stage.reason)")
    for each in summaries:
        share = each.delivered_share
        per_second = each.microusd_per_delivered_second
        table.add_row(
            each.provider,
            str(each.attempts),
            _NONE if share is None else f"{each.delivered} ({share:.0%})",
            _seconds(each.p50_s),
            _seconds(each.p90_s),
            f"{each.delivered_seconds} s",
            usd(each.delivered_microusd + each.wasted_microusd),
            usd(each.wasted_microusd),
            usd(each.uncertain_microusd),
            _NONE if per_second is None else f"{per_second / 1e6:.4f}",
            ", ".join(f"{failure} x{count}" for failure, count in each.failures) or _NONE,
        )
    return table


def _seconds(value: float | None) -> str:
    return _NONE if value is None else f"{value:.1f} s"
