"""Alerts on money: uncertain, wasted, spent twice, spent above the list price, or used up for today."""

from typing import Final

from grafana.rules.measures import PROVIDER, WASTED_KINDS, cost_per_second, list_price_per_second, wasted_share
from grafana.rules.pace import Pace
from grafana.rules.promql import increase, ratio, series
from grafana.rules.rule import USD, Alert, Dashboard, Group, Severity, Words
from router.observe import families as f

UNCERTAIN_AGE: Final = "15m"
# What an hour may cost in vain before somebody is woken; adapt them to what a day costs.
UNCERTAIN_HOUR_USD_MAX: Final = 20
WASTED_HOUR_USD_MAX: Final = 20
WASTED_HOUR_SHARE_MAX: Final = 0.5
WASTED_SHARE_MAX: Final = 0.1
COST_OVER_LIST_MAX: Final = 1.25
# Less than this in six hours is no trend.
TREND_USD_MIN: Final = 5
BUDGET_NEAR: Final = 0.8
# What is left then buys hardly a video, and one that costs more than that is not bought: 1 is almost never reached.
BUDGET_GONE: Final = 0.95


def alerts(pace: Pace) -> list[Group]:
    uncertain, wasted = [_uncertain_old(pace), _uncertain_grows(pace)], [_wasted_fast(pace), _wasted(pace)]
    told = [_duplicate(pace), _above_list(pace), _doubted(pace)]
    return [Group("video-router-money-alerts", [*uncertain, *wasted, *told, _budget_near(pace), _budget_gone(pace)])]


def _uncertain_old(pace: Pace) -> Alert:
    words = Words(
        f"{USD} at {{{{ $labels.provider }}}} are uncertain, some for over 15 minutes.",
        "Submits whose answer was lost, or attempts that were given up while they may still succeed: nobody knows yet"
        " whether the provider bills them. `video-router jobs unknown` lists them.",
        Dashboard.COST,
    )
    age = f"time() - min by ({PROVIDER}) ({series(f.OLDEST_UNCERTAIN)} > 0)"
    expression = f"sum by ({PROVIDER}) ({series(f.UNCERTAIN)})\nand\n{age} > {pace.seconds(UNCERTAIN_AGE)}"
    return Alert("UncertainMoneyOld", Severity.TICKET, expression, words, pace("1m"))


def _uncertain_grows(pace: Pace) -> Alert:
    words = Words(
        f"{USD} more are uncertain at {{{{ $labels.provider }}}} than an hour ago.",
        "Answers to submits get lost, or jobs stall, one after the other. Each may be billed although no caller gets a"
        " video of it.",
        Dashboard.COST,
    )
    expression = f"sum by ({PROVIDER}) (delta({series(f.UNCERTAIN)}[{pace('1h')}])) > {UNCERTAIN_HOUR_USD_MAX}"
    return Alert("UncertainMoneyGrows", Severity.PAGE, expression, words, pace("2m"), pace("10m"))


def _wasted_fast(pace: Pace) -> Alert:
    words = Words(
        f"{USD} were paid for nothing within an hour at {{{{ $labels.provider }}}}.",
        "That is over half of what was paid there: for failed attempts that were billed, or videos that nobody got.",
        Dashboard.COST,
    )
    wasted = increase(f.COST, PROVIDER, pace("1h"), WASTED_KINDS)
    expression = f"{wasted} > {WASTED_HOUR_USD_MAX}\nand\n{wasted_share('1h')} > {WASTED_HOUR_SHARE_MAX}"
    return Alert("MoneyWastedFast", Severity.PAGE, expression, words, pace("2m"), pace("15m"))


def _wasted(pace: Pace) -> Alert:
    words = Words(
        "{{ $value | humanizePercentage }} of what {{ $labels.provider }} was paid in 6 hours was paid for nothing.",
        "Failed attempts that were billed, or videos that nobody got. The provider may be dearer than its price list"
        " says.",
        Dashboard.COST,
    )
    wasted = increase(f.COST, PROVIDER, pace("6h"), WASTED_KINDS)
    expression = f"{wasted_share('6h')} > {WASTED_SHARE_MAX}\nand\n{wasted} > {TREND_USD_MIN}"
    return Alert("WastedShareHigh", Severity.TICKET, expression, words, pace("15m"), pace("1h"))


def _duplicate(pace: Pace) -> Alert:
    words = Words(
        f"{USD} were paid at {{{{ $labels.provider }}}} for videos that nobody waited for any more.",
        "An attempt that was given up, or whose submit's answer was lost, delivered and billed after all, when its job"
        " had gone on to another offering, had ended, or had been cancelled.",
        Dashboard.COST,
    )
    twice = increase(f.COST, PROVIDER, pace("1h"), 'kind="duplicate"')
    return Alert("DuplicateMoney", Severity.TICKET, f"{twice} > 0", words, keep=pace("1h"))


def _above_list(pace: Pace) -> Alert:
    words = Words(
        "A delivered second of {{ $labels.provider }} costs {{ $value | humanizePercentage }} of its list price.",
        "Over 6 hours, failures and duplicates included. Routing goes by the list price, so it sends more jobs there"
        " than that provider's real cost deserves.",
        Dashboard.COST,
    )
    paid = f"{cost_per_second('6h')}\n/\n{list_price_per_second('6h')}\n> {COST_OVER_LIST_MAX}"
    listed = f"{increase(f.DELIVERED_QUOTE, PROVIDER, pace('6h'))} > {TREND_USD_MIN}"
    return Alert("CostAboveListPrice", Severity.TICKET, f"{paid}\nand\n{listed}", words, pace("15m"), pace("1h"))


def _doubted(pace: Pace) -> Alert:
    words = Words(
        "{{ $labels.provider }} tells costs so far above its price that they are not believed.",
        "The quote was posted in their place. If the bills are real, our books and the daily budgets are too low.",
        Dashboard.COST,
    )
    expression = f"{increase(f.DOUBTED_COSTS, PROVIDER, pace('1h'))} > 0"
    return Alert("ToldCostsDoubted", Severity.TICKET, expression, words, keep=pace("1h"))


def _budget_near(pace: Pace) -> Alert:
    words = Words(
        "{{ $value | humanizePercentage }} of today's budget of the {{ $labels.scope }} {{ $labels.name }} is used.",
        "Spent or reserved since 00:00 UTC. A provider without budget gets no more jobs today, a caller's are refused.",
        Dashboard.COST,
    )
    return Alert("BudgetNearlyUsed", Severity.TICKET, f"{_budget_used()} > {BUDGET_NEAR}", words, pace("5m"))


def _budget_gone(pace: Pace) -> Alert:
    words = Words(
        "The daily budget of the {{ $labels.scope }} {{ $labels.name }} is used up: {{ $value | humanizePercentage }}.",
        "What is left until 00:00 UTC buys hardly a video. A provider without budget gets no jobs, a caller's are"
        " refused.",
        Dashboard.COST,
    )
    # A limit that does its work wakes nobody; whoever feels it is told by CreatesTurnedAway.
    return Alert("BudgetUsedUp", Severity.TICKET, f"{_budget_used()} > {BUDGET_GONE}", words, pace("1m"))


def _budget_used() -> str:
    by = "job, scope, name"
    # Each router has a budget of its own, and they may differ while a new configuration reaches one after the other.
    return f"max by ({by}) (\n{ratio(series(f.BUDGET_USED), series(f.BUDGET))}\n)"
