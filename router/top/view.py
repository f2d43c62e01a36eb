"""The overview as tables. Whatever it says is shown as text: no markup, no control characters."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from router.core.money import usd
from router.core.overview import Breakers, Live, Overview, ProviderOverview, RecentFailure

WIDE_COLUMNS: Final = 110
"""From so many columns on a view shows more than what fits into 80."""

_FAILURE_LINES_MAX: Final = 8
_TEXT_CHARS_MAX: Final = 300
_JOB_CHARS: Final = 14
_BUDGET_LINES_MAX: Final = 5
_BUDGET_NEARLY: Final = 0.8
_NAME_CHARS_MAX: Final = {"time": 8, "provider": 16, "failed at": 24, "job and attempt": 44, "code": 20}
_NONE: Final = "-"
_GOOD, _FAIR, _BAD, _DIM = "green", "yellow", "red", "dim"
_BREAKER_STYLES: Final = {"closed": _GOOD, "half_open": _FAIR, "open": _BAD}


def view(overview: Overview, url: str, columns: int, trouble: str | None = None) -> RenderableType:
    """Lay an overview out for so many columns; `trouble` says why it is not the newest."""
    parts: list[RenderableType] = [_head(overview, url, reached=trouble is None)]
    if trouble is not None:
        parts.append(_trouble(f"{trouble}. What follows is of {_moment(overview.time)} UTC."))
    elif not overview.ready and not overview.draining:
        parts.append(_trouble("The store cannot be written: no create is taken, no job can end."))
    parts += [
        _jobs(overview),
        _outcomes(overview),
        _money(overview),
        *_decisions(overview),
        Text(),
        _providers(overview, columns),
        *_notes(overview),
    ]
    if any(provider.window.failures for provider in overview.providers):
        parts += [Text(), _failures(overview.providers)]
    if overview.last_failures:
        parts += [Text(), _last_failures(overview.last_failures, columns)]
    return Group(*parts)


def nothing_yet(trouble: str) -> RenderableType:
    """Say why there is nothing to be seen."""
    return _trouble(trouble)


def _trouble(words: str) -> Text:
    return Text(plain(words), style=f"bold {_BAD}")


def _head(overview: Overview, url: str, *, reached: bool) -> Text:
    state, style = ("ready", _GOOD) if overview.ready else ("takes no jobs", _BAD)
    if overview.draining:
        state, style = "stopping", _FAIR
    if not reached:
        state, style = "out of reach", _BAD
    return Text.assemble(
        (f"video-router {plain(overview.version)}", "bold"),
        *("  ", (state, f"bold {style}")),
        f"  up {duration(overview.uptime_s)}  {_moment(overview.time)} UTC  ",
        (plain(url), _DIM),
    )


def _jobs(overview: Overview) -> Text:
    """Say where live jobs are, and how long the oldest has waited in each place."""
    jobs = overview.jobs
    places = [("queued", jobs.queued), *sorted(jobs.in_progress.items()), ("between attempts", jobs.between_attempts)]
    text = Text.assemble(("jobs  ", "bold"))
    shown = [_place(name, live) for name, live in places if live.count]
    return text.append_text(Text("  ").join(shown) if shown else Text("none under way", style=_DIM))


def _place(name: str, live: Live) -> Text:
    waited = "" if live.oldest_s is None else f" (oldest {duration(live.oldest_s)})"
    return Text.assemble(f"{plain(name)} ", (str(live.count), "bold"), (waited, _DIM))


def _outcomes(overview: Overview) -> Text:
    styles = {"succeeded": _GOOD, "failed": _BAD, "unknown": _BAD, "expired": _BAD}
    shown = [
        Text.assemble(f"{plain(outcome)} ", (str(count), styles.get(outcome, "")))
        for outcome, count in overview.outcomes.items()
        if count
    ]
    head = Text.assemble((f"last {duration(min(overview.window_s, overview.uptime_s))}  ", "bold"))
    return head.append_text(Text("  ").join(shown) if shown else Text("no job ended", style=_DIM))


def _money(overview: Overview) -> Text:
    """Say what was spent in the window, and what may still turn out to be."""
    windows, uncertain = [each.window for each in overview.providers], overview.uncertain
    wasted = sum(each.wasted_microusd for each in windows)
    text = Text.assemble(
        ("money  ", "bold"),
        f"spent {usd(sum(each.posted_microusd for each in windows))} USD  wasted ",
        (f"{usd(wasted)} USD", _FAIR if wasted else ""),
        "  uncertain ",
        (f"{usd(uncertain.amount_microusd)} USD", _FAIR if uncertain.attempts else ""),
    )
    if uncertain.oldest_s is not None:
        text.append(f" ({uncertain.attempts}, oldest {duration(uncertain.oldest_s)})", style=_DIM)
    return text


def _decisions(overview: Overview) -> Iterable[Text]:
    """Say why jobs went where they went, when it was not always the best."""
    counts = Counter[str]()
    for provider in overview.providers:
        counts.update(provider.window.decisions)
    if counts.keys() - {"best"}:
        shown = [Text.assemble(f"{plain(reason)} ", (str(count), "bold")) for reason, count in counts.most_common()]
        yield Text.assemble(("routed  ", "bold")).append_text(Text("  ").join(shown))


def _providers(overview: Overview, columns: int) -> Table:
    """One line a provider; money is in USD, that of a second is of all that was posted over what callers got."""
    wide = columns >= WIDE_COLUMNS
    table = _table()
    table.add_column("provider", no_wrap=True, overflow="ellipsis", min_width=8)
    table.add_column("breakers")
    headings = ["in\nflight", *(["delivered"] if wide else []), "ok", "p50", "p90", "USD\nper s", "wasted", "uncertain"]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for each in overview.providers:
        table.add_row(
            Text(plain(each.provider), style="bold"), breaker_words(each.breakers), *_figures(each, wide=wide)
        )
    return table


def _figures(provider: ProviderOverview, *, wide: bool) -> list[Text]:
    window, uncertain = provider.window, provider.uncertain
    per_second, share = window.microusd_per_delivered_second, window.delivered_share
    full = provider.in_flight >= provider.in_flight_limit
    return [
        Text(f"{provider.in_flight}/{provider.in_flight_limit}", style=_FAIR if full else ""),
        *([Text(f"{window.delivered} of {window.attempts}")] if wide else []),
        Text(_NONE) if share is None else Text(f"{share:.0%}", style=_share_style(share)),
        Text(_NONE if window.p50_s is None else duration(window.p50_s)),
        Text(_NONE if window.p90_s is None else duration(window.p90_s)),
        Text(_NONE if per_second is None else f"{per_second / 1e6:.4f}"),
        Text(usd(window.wasted_microusd) if window.wasted_microusd else _NONE),
        Text(
            usd(uncertain.amount_microusd) if uncertain.attempts else _NONE, style=_FAIR if uncertain.attempts else ""
        ),
    ]


def _share_style(share: float) -> str:
    return _GOOD if share >= 0.95 else _FAIR if share >= 0.8 else _BAD


def breaker_words(breakers: Breakers) -> Text:
    """Name the breakers that are not closed: their words tell as much as their colours."""
    states = (("submit", breakers.submit), ("poll", breakers.poll), ("generate", breakers.generate))
    moved = [
        Text(f"{kind} {plain(state)}", style=f"bold {_BREAKER_STYLES.get(state, _BAD)}")
        for kind, state in states
        if state != "closed"
    ]
    return Text("\n").join(moved) if moved else Text("closed", style=_GOOD)


def _notes(overview: Overview) -> Iterable[Text]:
    """Say below the table why a provider takes no jobs or one, whose budget is nearly used up, and where to look."""
    for each in overview.providers:
        if each.drained:
            left = f" is drained: {each.in_flight} in flight are finished, and it gets no more"
            yield Text.assemble((plain(each.provider), "bold"), left, style=_FAIR)
        if each.barred is not None:
            yield Text.assemble((plain(each.provider), "bold"), f" {plain(each.barred)}", style=_BAD)
        elif not each.drained and "open" in (each.breakers.submit, each.breakers.generate):
            yield Text.assemble((plain(each.provider), "bold"), " gets the next job as its trial", style=_FAIR)
    fullest = sorted(overview.budgets, key=lambda each: each.used_microusd / max(1, each.limit_microusd), reverse=True)
    for budget in fullest[:_BUDGET_LINES_MAX]:
        if budget.used_microusd >= _BUDGET_NEARLY * budget.limit_microusd:
            used = f"has used {usd(budget.used_microusd)} of {usd(budget.limit_microusd)} USD for today"
            style = _BAD if budget.used_microusd >= budget.limit_microusd else _FAIR
            yield Text.assemble(f"{plain(budget.scope)} ", (plain(budget.name), "bold"), f" {used}", style=style)
    if overview.uncertain.attempts:
        yield Text("what is uncertain is listed by `video-router jobs unknown`", style=_DIM)


def _failures(providers: Iterable[ProviderOverview]) -> Table:
    """One line for each place and reason, the most frequent first, with whose failures they are."""
    total: Counter[str] = Counter()
    whose: dict[str, list[str]] = {}
    for each in providers:
        for failure, count in each.window.failures.items():
            total[failure] += count
            whose.setdefault(failure, []).append(f"{plain(each.provider)} {count}")
    table = _table()
    table.add_column("failed at", no_wrap=True)
    table.add_column("attempts", justify="right", no_wrap=True)
    table.add_column("whose", no_wrap=True, overflow="ellipsis")
    for failure, count in total.most_common(_FAILURE_LINES_MAX):
        table.add_row(Text(plain(failure)), Text(str(count)), Text(", ".join(whose[failure])))
    return table


def _last_failures(failures: Iterable[RecentFailure], columns: int) -> Table:
    """One line a failure; what it was caused by gets the room that is left."""
    wide = columns >= WIDE_COLUMNS
    table = _table(expand=True)
    for heading in ("time", "provider", "failed at", "job and attempt", *(["code"] if wide else [])):
        table.add_column(heading, no_wrap=True, overflow="ellipsis", max_width=_NAME_CHARS_MAX[heading])
    table.add_column("cause", no_wrap=True, overflow="ellipsis", ratio=1)
    for each in failures:
        table.add_row(
            Text(_moment(each.time)),
            Text(plain(each.provider or _NONE)),
            Text(f"{plain(each.stage)}.{plain(each.reason)}", style=_BAD),
            Text(_job(each, wide=wide)),
            *([Text(plain(each.code or _NONE))] if wide else []),
            Text(plain(each.cause or "")),
        )
    return table


def _job(failure: RecentFailure, *, wide: bool) -> str:
    """Name a job so that its lines in the log are found: whole, or by its beginning."""
    job = plain(failure.job)
    shown = job if wide or len(job) <= _JOB_CHARS else f"{job[:_JOB_CHARS]}…"
    return shown if failure.attempt is None else f"{shown} #{failure.attempt}"


def _table(*, expand: bool = False) -> Table:
    return Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold underline", expand=expand)


def _moment(time: str) -> str:
    """Return the hours, minutes and seconds of a moment."""
    return plain(time)[11:19]


def plain(text: str) -> str:
    """Return a text without anything that a terminal would obey, and not longer than anybody reads."""
    return "".join(char if char.isprintable() else "�" for char in text[:_TEXT_CHARS_MAX])


def duration(seconds: float) -> str:
    """Write seconds in the two largest units that matter."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 100:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"
