"""Reports as tables for a terminal; amounts are USD."""

from collections.abc import Iterable
from datetime import UTC, datetime

from rich import box
from rich.table import Table

from router.core.money import usd
from router.reports.callers import CallerSummary
from router.reports.jobs import JobSummary, Step
from router.reports.providers import ProviderSummary

_NONE = "-"


def provider_table(summaries: Iterable[ProviderSummary]) -> Table:
    """One line a provider."""
    numbers = ("delivered", "p50", "p90", "video", "spent", "wasted", "uncertain", "per\nsecond")
    table = new_table("Providers side by side", ("provider",), numbers)
    for each in summaries:
        per_second = each.microusd_per_delivered_second
        share = each.delivered_share
        table.add_row(
            each.provider,
            f"{each.delivered} of {each.judged}" + ("" if share is None else f" ({share:.0%})"),
            _seconds(each.p50_s),
            _seconds(each.p90_s),
            f"{each.delivered_seconds} s",
            usd(each.delivered_microusd + each.wasted_microusd),
            usd(each.wasted_microusd),
            usd(each.uncertain_microusd),
            _NONE if per_second is None else f"{per_second / 1e6:.4f}",
        )
    return table


def model_table(summaries: Iterable[ProviderSummary]) -> Table:
    """One line a provider's model: a second of one is not a second of another."""
    numbers = ("delivered", "video", "spent", "billed\nfailures", "duplicates", "uncertain", "per\nsecond")
    table = new_table("Models side by side", ("model", "provider"), numbers)
    for each in sorted(summaries, key=lambda summary: summary.model or ""):
        per_second = each.microusd_per_delivered_second
        table.add_row(
            each.model,
            each.provider,
            f"{each.delivered} of {each.judged}",
            f"{each.delivered_seconds} s",
            usd(each.delivered_microusd + each.wasted_microusd),
            usd(each.failed_billed_microusd),
            usd(each.duplicate_microusd),
            usd(each.uncertain_microusd),
            _NONE if per_second is None else f"{per_second / 1e6:.4f}",
        )
    return table


def failure_table(summaries: Iterable[ProviderSummary]) -> Table:
    """One line for each place where a provider's attempts failed."""
    table = new_table("Where attempts failed", ("provider", "stage.reason"), ("attempts",))
    for each in summaries:
        for failure, count in each.failures:
            table.add_row(each.provider, failure, str(count))
    return table


def caller_table(summaries: Iterable[CallerSummary]) -> Table:
    """One line a caller."""
    table = new_table("Callers side by side", ("caller",), ("delivered", "video", "spent", "wasted", "uncertain"))
    for each in summaries:
        table.add_row(
            each.caller,
            f"{each.delivered} of {each.jobs}",
            f"{each.delivered_seconds} s",
            usd(each.posted_microusd),
            usd(each.wasted_microusd),
            usd(each.uncertain_microusd),
        )
    return table


def job_table(summaries: Iterable[JobSummary]) -> Table:
    """One line an attempt below its job, in the order in which they were made.

    Time is the moment in UTC at which the job was accepted, and beside its last attempt how long it took.
    """
    table = new_table("Jobs and the way they went", ("job", "outcome"), ("time", "spent", "uncertain"))
    # Whole, so that it can be copied from here into a request or a search of the log.
    table.columns[0].no_wrap = True
    table.columns[1].min_width = 10
    for each in summaries:
        table.add_row(each.id, f"{each.model} {each.seconds} s {each.size}", _moment(each.created_at))
        for number, step in enumerate(each.route, 1):
            table.add_row(
                f"  {number}. {step.offering}",
                _outcome(step),
                _seconds(each.duration_s) if number == len(each.route) else "",
                usd(step.posted_microusd),
                usd(step.uncertain_microusd),
            )
    return table


def moment(wall: float) -> str:
    """Write wall seconds as a UTC date and time."""
    return f"{datetime.fromtimestamp(wall, UTC):%Y-%m-%d %H:%M:%S}"


def new_table(title: str, texts: Iterable[str], numbers: Iterable[str]) -> Table:
    """Begin a table in the form of all of them."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    for heading in texts:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", overflow="fold")
    return table


def _outcome(step: Step) -> str:
    return step.state.value if step.stage is None else f"{step.stage}.{step.reason}"


def _moment(wall: float) -> str:
    return f"{datetime.fromtimestamp(wall, UTC):%m-%d %H:%M}"


def _seconds(value: float | None) -> str:
    return _NONE if value is None else f"{value:.1f} s"
