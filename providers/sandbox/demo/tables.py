"""What the demo shows, as tables of at most a hundred columns."""

from collections.abc import Iterable

from rich import box
from rich.table import Table

from providers.sandbox.demo.accounts import PROVIDER_PREFIX, Comparison, JobRow, Step
from providers.sandbox.demo.caller import Outcome, Quote
from providers.sandbox.demo.wishes import Wish


def quote_table(wish: Wish, quote: Quote) -> Table:
    """Who would be asked in which order, and why the others would not."""
    table = _table(f"Dry run: who would make {wish.asked}?", "", "offering", "sells", ">USD", ">asked first", "why not")
    for number, each in enumerate(quote.candidates, 1):
        table.add_row(str(number), each.offering, f"{each.seconds} s", each.price_usd, f"{each.share:.1%}", "")
    for offering, message in quote.exclusions:
        table.add_row("-", offering, "", "", "", f"[dim]{message}[/]")
    return table


def job_table(outcomes: Iterable[Outcome], jobs: Iterable[JobRow]) -> Table:
    """One line per attempt: the way each job went, why, how long it took, and what it cost."""
    by_id = {job.id: job for job in jobs}
    table = _table("Jobs and the way they went", "job", "asked for", "route", "why", ">time", ">USD")
    for outcome in outcomes:
        job = by_id[outcome.job_id]
        what = [(outcome.wish.name, outcome.wish.asked), *[("", "")] * len(job.route)]
        took = ["-" if job.duration_s is None else f"{job.duration_s:.1f} s", *[""] * len(job.route)]
        whys = [_why_first(outcome.quote, job.route[0].provider), *["failover"] * len(job.route)]
        for named, step, why, time in zip(what, job.route, whys, took, strict=False):
            table.add_row(*named, _outcome(step), why, time, _money(step))
        if outcome.wish.refused:
            table.add_row("", "", "[dim]nobody else is asked[/]", "input refused", "", "")
    return table


def comparison_table(comparisons: Iterable[Comparison]) -> Table:
    """The three accounts side by side."""
    headings = ("provider", ">attempts", ">/metrics", ">posted", ">/metrics", ">uncertain", ">/metrics", ">billed", "")
    table = _table("The same money told by three: ledger, /metrics, and the upstreams' own books", *headings)
    for each in comparisons:
        ledger, metrics = each.ledger, each.metrics
        table.add_row(
            each.provider,
            str(ledger.attempts),
            str(metrics.attempts),
            _usd(ledger.posted_microusd),
            _usd(metrics.posted_microusd),
            _usd(ledger.uncertain_microusd),
            _usd(metrics.uncertain_microusd),
            _usd(each.billed_microusd),
            "[green]agree[/]" if each.agrees else "[red]DISAGREE[/]",
        )
    return table


def _why_first(quote: Quote, provider: str) -> str:
    if len(quote.candidates) == 1:
        return "only seller"
    cheapest = min(quote.candidates, key=lambda each: each.quote_microusd)
    if cheapest.provider == provider:
        return f"cheapest of {len(quote.candidates)}"
    share = next((each.share for each in quote.candidates if each.provider == provider), 0.0)
    return f"drawn at {share:.0%}"


def _outcome(step: Step) -> str:
    name = step.provider.removeprefix(PROVIDER_PREFIX)
    if step.stage is None:
        return f"{name}: [green]{step.seconds} s delivered[/]"
    return f"{name}: [yellow]{step.stage}.{step.reason}[/]"


def _money(step: Step) -> str:
    return f"{_usd(step.uncertain_microusd)} ?" if step.uncertain_microusd else _usd(step.posted_microusd)


def _usd(microusd: int) -> str:
    return f"{microusd / 1_000_000:.2f}"


def _table(title: str, *headings: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    for heading in headings:
        table.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left")
    return table
