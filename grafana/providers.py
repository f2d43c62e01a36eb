"""The dashboard "Providers side by side": which provider is cheapest, which is fastest, and where does each fail?"""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard, units

from grafana.panels import DATASOURCE, JOBS_INTERVAL, AnyPanel, Column, Text, columns, figure, over_time, timeline
from grafana.promql import increase, mean, quantile, rate, ratio, selector, share, total
from router.observe import families as f

_RANGE = "$__range"
_WASTED = 'kind=~"failed_billed|duplicate"'
_FAILED = 'outcome!="succeeded"'
_SUCCEEDED = 'outcome="succeeded"'
_BREAKER_STATES = {0: ("closed", "green"), 1: ("half open", "yellow"), 2: ("open", "red")}


def _paid_per_second(window: str) -> str:
    return ratio(increase(f.COST, "provider", window=window), increase(f.VIDEO_SECONDS, "provider", window=window))


def _listed_per_second(window: str) -> str:
    delivered = increase(f.VIDEO_SECONDS, "provider", window=window)
    return ratio(increase(f.DELIVERED_QUOTE, "provider", window=window), delivered)


def _side_by_side() -> list[AnyPanel]:
    attempts = increase(f.ATTEMPTS, "provider", window=_RANGE)
    succeeded = increase(f.ATTEMPTS, "provider", _SUCCEEDED, window=_RANGE)
    return [
        columns(
            Text(
                "Providers side by side",
                "The whole range in one row a provider. Paid per second counts everything that was paid, also for"
                " failures and duplicates; list price is what the same videos cost by the price list.",
                "No attempt in this range.",
            ),
            {"provider": "Provider"},
            [
                Column("Attempts", attempts, units.Short),
                Column("Success", ratio(succeeded, attempts), units.PercentUnit, 1),
                Column("p50", quantile(0.5, f.JOB_DURATION, "provider", _SUCCEEDED, window=_RANGE), units.Seconds),
                Column("p90", quantile(0.9, f.JOB_DURATION, "provider", _SUCCEEDED, window=_RANGE), units.Seconds),
                Column("Paid per second", _paid_per_second(_RANGE), units.Dollars, 4),
                Column("List price per second", _listed_per_second(_RANGE), units.Dollars, 4),
                Column("Wasted", increase(f.COST, "provider", _WASTED, window=_RANGE), units.Dollars, 2),
                Column("Uncertain now", total(f.UNCERTAIN, "provider"), units.Dollars, 2),
            ],
            sort_by="Attempts",
        )
    ]


def _cheapest() -> list[AnyPanel]:
    return [
        over_time(
            Text(
                "Cost per delivered second",
                "What a second of video in a caller's hands cost, failures and duplicates included, beside the list"
                " price of the same videos. The gap is waste.",
                "No video was delivered.",
            ),
            {
                "{{provider}} paid": _paid_per_second("$__rate_interval"),
                "{{provider}} list price": _listed_per_second("$__rate_interval"),
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
        figure(
            Text(
                "Wasted in this range",
                "Money posted for attempts that gave the caller nothing.",
                "Nothing was wasted.",
            ),
            increase(f.COST, "provider", _WASTED, window=_RANGE),
            "{{provider}}",
            units.Dollars,
            width=8,
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
            width=8,
        ),
        figure(
            Text(
                "Ambiguous submits in this range",
                "Submits that were sent and whose answer was lost. Each may have been billed.",
                "No answer was lost.",
            ),
            increase(f.AMBIGUOUS_SUBMITS, "provider", window=_RANGE),
            "{{provider}}",
            units.Short,
            decimals=0,
            width=8,
        ),
        columns(
            Text("Price list", "What one video costs by the configuration.", "The catalogue is empty."),
            {"provider": "Provider", "model": "Model", "size": "Size", "seconds": "Seconds"},
            [Column("Price", f"max by (provider, model, size, seconds) ({selector(f.PRICE)})", units.Dollars, 4)],
            sort_by="Price",
        ),
    ]


def _fastest() -> list[AnyPanel]:
    by = "provider, duration_class"
    return [
        over_time(
            Text(
                "Job duration, p50",
                "Half of the delivered jobs were faster, from acceptance to a video that can be fetched. Compare within"
                " a class: short is up to 12 s of video, long is more, hd is over 1280 pixels.",
                "No job was delivered.",
            ),
            {"{{provider}} {{duration_class}}": quantile(0.5, f.JOB_DURATION, by, _SUCCEEDED)},
            units.Seconds,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Job duration, p90",
                "One delivered job in ten took longer. Failovers are part of it: the last provider gets it all.",
                "No job was delivered.",
            ),
            {"{{provider}} {{duration_class}}": quantile(0.9, f.JOB_DURATION, by, _SUCCEEDED)},
            units.Seconds,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Time by stage, mean",
                "Where an attempt's time goes: the submit, the provider's queue, generation, fetching the video.",
                "No attempt ended.",
            ),
            {"{{provider}} {{stage}}": mean(f.STAGE_DURATION, "provider, stage")},
            units.Seconds,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Jobs in flight",
                "Jobs whose caller waits, by the provider at work; none is between two attempts.",
                "No job is in flight.",
            ),
            {"{{provider}}": total(f.JOBS_IN_FLIGHT, "provider")},
            units.Short,
            stacked=True,
        ),
        over_time(
            Text(
                "Exchange latency, p90",
                "One HTTP exchange in ten took longer, by what it was for.",
                "No exchange took place.",
            ),
            {"{{provider}} {{operation}}": quantile(0.9, f.EXCHANGE_DURATION, "provider, operation")},
            units.Seconds,
        ),
        over_time(
            Text(
                "Poll lag, p90",
                "How much later than planned polls leave. It rises when the router itself is too busy.",
                "Nothing was polled.",
            ),
            {"{{provider}}": quantile(0.9, f.POLL_LAG, "provider")},
            units.Seconds,
        ),
    ]


def _failing() -> list[AnyPanel]:
    return [
        over_time(
            Text(
                "How jobs end",
                "Share of outcomes. Rejected is the caller's input; unknown waits for an operator's decision.",
                "No job ended.",
            ),
            {"{{outcome}}": share(rate(f.JOBS_FINISHED, "outcome"), rate(f.JOBS_FINISHED, ""), "outcome")},
            units.PercentUnit,
            stacked=True,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "How attempts end, per hour",
                "By provider. Late: given up while it may still succeed; unknown: its submit went unanswered.",
                "No attempt ended.",
            ),
            {"{{provider}} {{outcome}}": f"{rate(f.ATTEMPTS, 'provider, outcome')} * 3600"},
            units.Short,
            stacked=True,
            interval=JOBS_INTERVAL,
        ),
        columns(
            Text(
                "Where and why attempts fail",
                "Attempts in this range that gave no video, by the stage they were in and the reason.",
                "No attempt failed.",
            ),
            {"provider": "Provider", "stage": "Stage", "reason": "Reason", "outcome": "Outcome"},
            [
                Column(
                    "Attempts",
                    f"{increase(f.ATTEMPTS, 'provider, stage, reason, outcome', _FAILED, window=_RANGE)} > 0",
                    units.Short,
                    1,
                )
            ],
            sort_by="Attempts",
            width=12,
        ),
        over_time(
            Text(
                "Failures by stage and reason, per hour",
                "The same over time: a new colour is a new kind of failure.",
                "No attempt failed.",
            ),
            {"{{provider}} {{stage}} {{reason}}": f"{rate(f.ATTEMPTS, 'provider, stage, reason', _FAILED)} * 3600"},
            units.Short,
            stacked=True,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Failovers, per hour",
                "Jobs that left a provider for another one, and the stage where the first had failed.",
                "No job failed over.",
            ),
            {
                "{{from_provider}} to {{to_provider}} at {{stage}}": (
                    f"{rate(f.FAILOVERS, 'from_provider, to_provider, stage')} * 3600"
                )
            },
            units.Short,
            stacked=True,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Exchange errors",
                "Share of HTTP exchanges that said nothing of a job: an error, never sent, or no answer.",
                "No exchange took place.",
            ),
            {
                "{{provider}} {{operation}}": ratio(
                    rate(f.EXCHANGES, "provider, operation", 'result!="ok"'), rate(f.EXCHANGES, "provider, operation")
                )
            },
            units.PercentUnit,
        ),
        timeline(
            Text(
                "Breakers",
                "Open: the provider gets no jobs. Half open: one probe decides. By submits, by polls and downloads,"
                " and by how accepted jobs end.",
                "No breaker is known.",
            ),
            f"max by (provider, breaker) (2 * {selector(f.BREAKER_STATE, _state('open'))})"
            f" + max by (provider, breaker) ({selector(f.BREAKER_STATE, _state('half_open'))})",
            "{{provider}} {{breaker}}",
            _BREAKER_STATES,
        ),
        over_time(
            Text(
                "Taken out: key or balance refused",
                "Each one needs a person: renew the key, or pay in.",
                "Every key and balance was accepted.",
            ),
            {"{{provider}} {{reason}}": increase(f.PROVIDER_OUT, "provider, reason")},
            units.Short,
        ),
        over_time(
            Text(
                "Unknown status words",
                "Polls answered with a word that the dialect's table lacks; the job counts as running meanwhile."
                " The log names the word.",
                "Every status word was known.",
            ),
            {"{{provider}}": increase(f.UNKNOWN_STATUS, "provider")},
            units.Short,
        ),
    ]


def _state(name: str) -> str:
    return f'state="{name}"'


_ROWS: Sequence[tuple[str, Sequence[AnyPanel]]] = (
    ("In one table", _side_by_side()),
    ("Which one is cheapest?", _cheapest()),
    ("Which one is fastest?", _fastest()),
    ("Where does each one fail?", _failing()),
)


def _variable(name: str, label: str, query: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(DATASOURCE)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(dashboard.VariableOption(text=["All"], value=["$__all"], selected=True))
    )


def _label_values(family: f.Family, label: str, *scope: str) -> str:
    matchers = ", ".join(f'{each}=~"${each}"' for each in scope)
    selected = f"{family.full_name}{{{matchers}}}" if scope else family.full_name
    return f"label_values({selected}, {label})"


def providers() -> builders.Dashboard:
    """Build the dashboard."""
    board = (
        builders.Dashboard("Providers side by side")
        .uid("video-router-providers")
        .description("Which provider is cheapest, which is fastest, and where does each fail?")
        .tags(["video-router"])
        .readonly()
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .time("now-6h", "now")
        .refresh("1m")
        .with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_variable("job", "Job", _label_values(f.BUILD_INFO, "job")))
        .with_variable(_variable("instance", "Instance", _label_values(f.BUILD_INFO, "instance", "job")))
        .with_variable(
            _variable("provider", "Provider", _label_values(f.JOBS_IN_FLIGHT, "provider", "job", "instance"))
        )
        .with_variable(_variable("model", "Model", _label_values(f.JOBS_ACCEPTED, "model", "job", "instance")))
    )
    number = 0
    for title, panels in _ROWS:
        number += 1
        board.with_row(builders.Row(title).id(number))
        for panel in panels:
            number += 1
            board.with_panel(panel.id(number))
    return board
