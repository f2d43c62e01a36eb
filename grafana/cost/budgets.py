"""The row "Who spends it, and how much is left?": callers, and daily budgets."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Levels, Text, over_time
from grafana.promql import ROUTER, hourly, ratio
from grafana.tables import Column, columns
from router.observe import families as f

BUDGET = Levels(0.8, 0.95)


def budgets() -> list[AnyPanel]:
    """Build the row's panels."""
    return [_callers(), _used(), _table()]


def _callers() -> AnyPanel:
    return over_time(
        Text(
            "Spending by caller, per hour",
            "Money posted for each caller's jobs. Callers beyond the first of the configuration are summed up as other:"
            " `video-router report` has every caller's exact figures.",
            "Nothing was spent.",
        ),
        {"{{caller}}": hourly(ROUTER.rate(f.CALLER_COST, "caller"))},
        units.Dollars,
        stacked=True,
        interval=JOBS_INTERVAL,
        width=8,
    )


def _used() -> AnyPanel:
    return over_time(
        Text(
            "Daily budgets used",
            "Spent or reserved since 00:00 UTC, of each daily_budget_usd. At 100 % a provider gets no more jobs and a"
            " caller's are refused until midnight.",
            "No daily budget is configured.",
        ),
        {"{{scope}} {{name}}": _share()},
        units.PercentUnit,
        width=8,
        levels=BUDGET,
    )


def _table() -> AnyPanel:
    by = "scope, name"
    return columns(
        Text(
            "Daily budgets",
            "Today (UTC): yellow from 80 % used, red from 95 %. Each router has budgets of its own; of several, this is"
            " the highest of each figure.",
            "No daily budget is configured.",
        ),
        {"scope": "Of a", "name": "Name"},
        [
            Column("Used share", _share(), units.PercentUnit, 1, BUDGET),
            Column("Used", ROUTER.most(f.BUDGET_USED, by), units.Dollars, 2),
            Column("Budget", ROUTER.most(f.BUDGET, by), units.Dollars, 2),
        ],
        sort_by="Used share",
        width=8,
    )


def _share() -> str:
    return f"max by (scope, name) ({ratio(ROUTER.selector(f.BUDGET_USED), ROUTER.selector(f.BUDGET))})"
