"""Every provider's health as one table, for who is about to drain one."""

from rich import box
from rich.table import Table
from rich.text import Text

from router.core.overview import Overview, ProviderOverview
from router.top.view import breaker_words, duration, plain

_NONE = "-"


def health_table(overview: Overview) -> Table:
    """One line a provider, in the order of the configuration; `delivered` is of the overview's window."""
    table = Table(
        title=f"Providers; delivered in the last {duration(min(overview.window_s, overview.uptime_s))}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for heading in ("provider", "takes jobs", "breakers"):
        table.add_column(heading, overflow="fold")
    for heading in ("in flight", "cooling", "out", "delivered"):
        table.add_column(heading, justify="right", overflow="fold")
    for each in overview.providers:
        table.add_row(
            Text(plain(each.provider)),
            _takes_jobs(each),
            breaker_words(each.breakers),
            f"{each.in_flight} of {each.in_flight_limit}",
            duration(each.cooling_s) if each.cooling_s else _NONE,
            f"{duration(each.out_s)} ({plain(each.out_reason or '')})" if each.out_s else _NONE,
            _delivered(each),
        )
    return table


def _takes_jobs(each: ProviderOverview) -> Text:
    if each.drained:
        return Text("drained", style="yellow")
    if each.barred is not None:
        return Text(f"no: {plain(each.barred)}", style="red")
    on_trial = "open" in (each.breakers.submit, each.breakers.generate)
    return Text("one, as its trial", style="yellow") if on_trial else Text("yes", style="green")


def _delivered(each: ProviderOverview) -> str:
    share, counts = each.window.delivered_share, f"{each.window.delivered} of {each.window.attempts}"
    return _NONE if share is None else f"{counts} ({share:.0%})"
