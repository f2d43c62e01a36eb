"""A comparison for people and for programs; amounts are USD in tables and micro-USD in documents."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

import orjson
from rich import box
from rich.table import Table

from router.simulation.comparison import LEARNING_JOBS, Comparison, Regret, Summary

_NONE: Final = "-"
_PROVIDERS_SHOWN: Final = 12


def comparison_tables(found: Comparison) -> list[Table]:
    """What each router delivered at which cost, how that compares with the oracles, and who got the money."""
    summaries = found.summaries()
    return [result_table(summaries), regret_table(summaries), spend_table(summaries)]


def result_table(summaries: Iterable[Summary]) -> Table:
    """One line a router."""
    numbers = ("delivered", "USD a\nvideo", "USD a\nsecond", "wasted", "p50", "p90", "fail-\novers", "probes", "trials")
    table = _table("The same jobs, router by router", numbers)
    for each in summaries:
        table.add_row(
            each.router,
            _NONE if each.delivered_share is None else f"{each.delivered_share:.2%}",
            _usd(each.microusd_per_video),
            _usd(each.microusd_per_second),
            _usd(each.wasted_microusd),
            _seconds(each.p50_s),
            _seconds(each.p90_s),
            str(each.failovers),
            str(each.probes),
            str(each.trials),
        )
    return table


def regret_table(summaries: Iterable[Summary]) -> Table:
    """One line a router: how much more a delivered video cost than it cost those who knew."""
    first, after = f"first {LEARNING_JOBS}", f"after {LEARNING_JOBS}"
    numbers = ("informed", first, after, "clairvoyant", first, after)
    table = _table("Regret: dearer than the oracle by", numbers)
    for each in summaries:
        table.add_row(each.router, *_regret(each.informed), *_regret(each.clairvoyant))
    return table


def spend_table(summaries: Iterable[Summary]) -> Table:
    """One line a router: the share of its money that each provider got."""
    summaries = tuple(summaries)
    names = sorted({name for each in summaries for name in each.microusd_by_provider})[:_PROVIDERS_SHOWN]
    table = _table("Share of the money by provider", (*names, "USD"))
    for each in summaries:
        paid = max(1, each.paid_microusd)
        shares = (each.microusd_by_provider.get(name, 0) / paid for name in names)
        table.add_row(each.router, *(f"{share:.1%}" if share else _NONE for share in shares), _usd(each.paid_microusd))
    return table


def comparison_document(found: Comparison) -> bytes:
    """Render everything in the tables as one object."""
    document = {
        "jobs": len(found.clairvoyant.jobs),
        "hopeless": len(found.hopeless),
        "learning_jobs": LEARNING_JOBS,
        "routers": [_document(each) for each in found.summaries()],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _document(summary: Summary) -> dict[str, object]:
    return {
        **asdict(summary),
        "informed": None if summary.informed is None else summary.informed._asdict(),
        "clairvoyant": None if summary.clairvoyant is None else summary.clairvoyant._asdict(),
        "delivered_share": summary.delivered_share,
        "microusd_per_video": summary.microusd_per_video,
        "microusd_per_second": summary.microusd_per_second,
    }


def _table(title: str, numbers: Iterable[str]) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    table.add_column("router", no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", overflow="fold")
    return table


def _regret(regret: Regret | None) -> tuple[str, ...]:
    return (_NONE,) * 3 if regret is None else tuple(_NONE if share is None else f"{share:.2%}" for share in regret)


def _usd(microusd: float | None) -> str:
    return _NONE if microusd is None else f"{microusd / 1e6:.4f}"


def _seconds(value: float | None) -> str:
    return _NONE if value is None else f"{value:.0f} s"
