"""The row "Why does one get the jobs?": what routing decided, what it expects, and whether that comes true."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Levels, Text, figure, over_time
from grafana.promql import INTERVAL, OFFERING, ROUTER, hourly, ratio, share
from grafana.spending import paid_over_expected
from grafana.tables import Column, columns
from router.observe import families as f

_USED = Levels(0.8, 1.0)
_TRIED = 'reason=~"trial|probe|panic"'


def choice() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_decisions(), *_expectations(), *_tries()]


def _decisions() -> list[AnyPanel]:
    begun = OFFERING.rate(f.DECISIONS, "provider")
    return [
        over_time(
            Text(
                "Share of the attempts that began",
                "Who gets the jobs, failovers included. Beside it is why: the lowest expected cost of a second gets the"
                " jobs that it may take.",
                "No attempt began.",
            ),
            {"{{provider}}": share(begun, OFFERING.rate(f.DECISIONS, ""), "provider")},
            units.PercentUnit,
            stacked=True,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Expected cost of a delivered second",
                "At the lowest price of each duration class, failed attempts that are billed included, by the success"
                " that routing counts on now. Of two that are alike, what failing and waiting are worth decides, too.",
                "Nothing is sold.",
            ),
            {
                "{{provider}} {{model}} {{duration_class}}": OFFERING.most(
                    f.EXPECTED_PER_SECOND, "provider, model, duration_class"
                )
            },
            units.Dollars,
        ),
        over_time(
            Text(
                "Attempts that began, by reason, per hour",
                "Best: the lowest expected cost. Weighted: its turn by fixed shares. Ordered: the caller said so."
                " Trial: it may be cheaper than known. Probe: it was ejected, and would be first if it were well again."
                " Panic: everybody was ejected. Fallback: whoever came first could not start.",
                "No attempt began.",
            ),
            {"{{reason}}": hourly(OFFERING.rate(f.DECISIONS, "reason"))},
            units.Short,
            stacked=True,
            interval=JOBS_INTERVAL,
        ),
    ]


def _expectations() -> list[AnyPanel]:
    keys = {"provider": "Provider", "model": "Model", "duration_class": "Class"}
    by = ", ".join(keys)
    return [
        over_time(
            Text(
                "Paid over expected",
                "All that was paid over what the delivered videos were expected to cost. Near 1 the expectation comes"
                " true; over it a provider is dearer than routing takes it for, by unforeseen failures, duplicates or"
                " told costs; under it routing is too careful with it.",
                "No video was delivered.",
            ),
            {"{{provider}}": paid_over_expected(OFFERING, "provider", INTERVAL)},
            units.Short,
            interval=JOBS_INTERVAL,
        ),
        columns(
            Text(
                "What routing expects",
                "Of each provider, model and duration class now: the cost of a delivered second, and the probability of"
                " success that it rests on, a standard deviation below what was learned. What is little known is"
                " expected to do as its provider does elsewhere.",
                "Nothing is sold.",
            ),
            keys,
            [
                Column("Expected per second", OFFERING.most(f.EXPECTED_PER_SECOND, by), units.Dollars, 4),
                Column("Success counted on", OFFERING.least(f.SUCCESS_BOUND, by), units.PercentUnit, 1),
            ],
            sort_by="Expected per second",
            ascending=True,
            width=12,
        ),
    ]


def _tries() -> list[AnyPanel]:
    used, limit = ROUTER.total(f.EXPLORATION_USED, ""), ROUTER.total(f.EXPLORATION_BUDGET, "")
    return [
        over_time(
            Text(
                "Trials, probes and panic, per hour",
                "Attempts that began to find something out, by the provider that was tried.",
                "No attempt began.",
            ),
            {"{{provider}} {{reason}}": hourly(OFFERING.rate(f.DECISIONS, "provider, reason", _TRIED))},
            units.Short,
            stacked=True,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Spending by reason, per hour",
                "Money posted, by why the attempt began; what trials and probes cost is there, videos that they"
                " delivered included. Other: begun before the router's last start.",
                "Nothing was spent.",
            ),
            {"{{reason}}": hourly(ROUTER.rate(f.ROUTED_COST, "reason"))},
            units.Dollars,
            stacked=True,
            interval=JOBS_INTERVAL,
        ),
        figure(
            Text(
                "Explored today",
                "What today's (UTC) trials were expected to cost more than the best offering, and the most that they"
                " may (routing.exploration.usd_per_day). Used up, there are no more until midnight: whoever became"
                " cheaper is found tomorrow.",
                "No router tells.",
            ),
            {"used": used, "limit": limit},
            units.Dollars,
            height=8,
        ),
        figure(
            Text(
                "Explored share of today",
                "The same as a share: yellow from 80 %, red when no trial is left.",
                "Nothing may be explored.",
            ),
            {"of the day": ratio(used, limit)},
            units.PercentUnit,
            decimals=0,
            height=8,
            levels=_USED,
        ),
    ]
