"""Money that is uncertain, wasted, spent twice, dearer than listed, or used up for today."""

from tests.grafana.alerts.timeline import (
    RESET,
    ROUTER,
    Firing,
    Timeline,
    by_provider,
    counter,
    few,
    fires,
    gauge,
    page,
    quiet,
    recovers,
    reset,
    series,
    ticket,
)

OLD, GROWS = "UncertainMoneyOld", "UncertainMoneyGrows"
FAST, WASTED, TWICE = "MoneyWastedFast", "WastedShareHigh", "DuplicateMoney"
DEAR, DOUBTED = "CostAboveListPrice", "ToldCostsDoubted"
NEAR, GONE = "BudgetNearlyUsed", "BudgetUsedUp"
_UNCERTAIN = series("uncertain_usd", provider="p0")
_SINCE = series("oldest_uncertain_timestamp_seconds", provider="p0")
_SOLD = {"provider": "p0", "model": "sora-2"}
_QUOTE, _SECONDS = series("delivered_quote_usd_total", **_SOLD), series("video_seconds_total", **_SOLD)
_DOUBTS = series("doubted_costs_total", provider="p0")


def _cost(kind: str) -> str:
    return series("cost_usd_total", **_SOLD, kind=kind)


def _budget(scope: str, name: str, limit: float, used: str, instance: str = ROUTER) -> dict[str, str]:
    return {
        series("daily_budget_usd", instance, scope=scope, name=name): gauge((limit, 200)),
        series("daily_budget_used_usd", instance, scope=scope, name=name): used,
    }


_DOLLAR_AND_HALF = ticket(by_provider(), "1.50 USD at p0 are uncertain, some for over 15 minutes.")
_DUPLICATE = ticket(by_provider(), "0.80 USD were paid at p0 for videos that nobody waited for any more.")
_NOT_BELIEVED = ticket(by_provider(), "p0 tells costs so far above its price that they are not believed.")


def _more(usd: str) -> Firing:
    return page(by_provider(), f"{usd} USD more are uncertain at p0 than an hour ago.")


def _in_vain(usd: str) -> Firing:
    return page(by_provider(), f"{usd} USD were paid for nothing within an hour at p0.")


def _wasted_share(share: str) -> Firing:
    return ticket(by_provider(), f"{share} of what p0 was paid in 6 hours was paid for nothing.")


def _dearer(share: str) -> Firing:
    return ticket(by_provider(), f"A delivered second of p0 costs {share} of its list price.")


_PROVIDER = {"job": "video-router", "scope": "provider", "name": "p0"}
_CALLER = {"job": "video-router", "scope": "caller", "name": "studio"}

TIMELINES = [
    Timeline(
        "money is spent on videos, and nothing else happens, also after a restart",
        {
            _cost("delivered"): counter((1, 80), RESET, (1, 20)),
            _cost("failed_billed"): counter((0, 80), RESET, (0, 20)),
            _cost("duplicate"): counter((0, 80), RESET, (0, 20)),
            _QUOTE: counter((1, 80), RESET, (1, 20)),
            _SECONDS: counter((10, 80), RESET, (10, 20)),
            _DOUBTS: counter((0, 80), RESET, (0, 20)),
            _UNCERTAIN: gauge((0, 102)),
            _SINCE: gauge((0, 102)),
        },
        [
            *(quiet(alert, 80) for alert in (OLD, GROWS, FAST, WASTED, TWICE, DEAR, DOUBTED)),
            *(reset(alert, 84) for alert in (FAST, WASTED, TWICE, DEAR, DOUBTED)),
        ],
        step_m=5,
    ),
    Timeline(
        "money is uncertain for ten minutes only",
        {_UNCERTAIN: gauge((0, 20), (1.5, 10), (0, 30)), _SINCE: gauge((0, 20), (1200, 10), (0, 30))},
        [few(OLD, 29), few(GROWS, 29), quiet(OLD, 31)],
    ),
    Timeline(
        "money stays uncertain through a restart until the provider's books tell",
        {
            _UNCERTAIN: f"{gauge((0, 20), (1.5, 30))} _ _ {gauge((1.5, 10), (0, 30))}",
            _SINCE: f"{gauge((0, 20), (1200, 30))} _ _ {gauge((1200, 10), (0, 30))}",
        },
        [quiet(OLD, 36), fires(OLD, 37, _DOLLAR_AND_HALF), reset(OLD, 58, _DOLLAR_AND_HALF), recovers(OLD, 63)],
    ),
    Timeline(
        "an operator says what became of two attempts, one after the other",
        {
            _UNCERTAIN: gauge((0, 20), (1.5, 30), (0.9, 10), (0, 30)),
            _SINCE: gauge((0, 20), (1200, 30), (1260, 10), (0, 30)),
        },
        [
            fires(OLD, 48, _DOLLAR_AND_HALF),
            fires(OLD, 58, ticket(by_provider(), "0.90 USD at p0 are uncertain, some for over 15 minutes.")),
            recovers(OLD, 61),
        ],
    ),
    Timeline(
        "answers get lost for half an hour, a dollar a minute; it takes days until their money is known",
        {_UNCERTAIN: counter((0, 60), (1, 30), (0, 120)), _SINCE: gauge((0, 60), (3600, 150))},
        [quiet(GROWS, 82), fires(GROWS, 90, _more("30.00")), fires(GROWS, 138, _more("21.00")), recovers(GROWS, 142)],
    ),
    Timeline(
        "a restart takes over what is uncertain",
        {_UNCERTAIN: f"{gauge((100, 60))} stale _ {gauge((100, 60))}", _SINCE: f"{gauge((9, 122))}"},
        [reset(GROWS, 63), reset(GROWS, 90)],
    ),
    Timeline(
        "two thirds of 45 dollars an hour are wasted, then nothing is",
        {_cost("failed_billed"): counter((0.5, 60), (0, 120)), _cost("delivered"): counter((0.25, 180))},
        [quiet(FAST, 42), fires(FAST, 60, _in_vain("30.00")), fires(FAST, 92, _in_vain("20.50")), recovers(FAST, 96)],
    ),
    Timeline(
        "two fifths of 75 dollars an hour are wasted",
        {_cost("failed_billed"): counter((0.5, 120)), _cost("delivered"): counter((0.75, 120))},
        [quiet(FAST, 60), quiet(FAST, 120)],
    ),
    Timeline(
        "15 dollars an hour are wasted, and nothing is delivered",
        {_cost("failed_billed"): counter((0.25, 120))},
        [few(FAST, 60), few(FAST, 120)],
    ),
    Timeline(
        "four dollars are wasted of six, which bought what four should have bought",
        {
            _cost("failed_billed"): counter((0, 12), (1, 4), (0, 200)),
            _cost("delivered"): counter((0, 12), (0.5, 4), (0, 200)),
            _cost("duplicate"): counter((0, 216)),
            _QUOTE: counter((0, 12), (1, 4), (0, 200)),
            _SECONDS: counter((0, 12), (10, 4), (0, 200)),
            _DOUBTS: counter((0, 216)),
        },
        [few(alert, at) for alert in (WASTED, DEAR, TWICE, DOUBTED) for at in (18, 24, 80)],
        step_m=5,
    ),
    Timeline(
        "one dollar of fourteen is wasted for hours",
        {_cost("failed_billed"): counter((0.1, 150)), _cost("delivered"): counter((1.3, 150))},
        [quiet(WASTED, 150)],
        step_m=5,
    ),
    Timeline(
        "three dollars of twenty are wasted for hours, through a restart, then nothing is",
        {
            _cost("duplicate"): counter((0.105, 100), RESET, (0.105, 40), (0, 120)),
            _cost("delivered"): counter((0.595, 100), RESET, (0.595, 160)),
        },
        [
            quiet(WASTED, 50),
            fires(WASTED, 90, _wasted_share("15%")),
            reset(WASTED, 120, _wasted_share("15%")),
            fires(WASTED, 174, _wasted_share("10.66%")),
            recovers(WASTED, 180),
        ],
        step_m=5,
    ),
    Timeline(
        "one video is paid twice",
        {_cost("duplicate"): counter((0, 20), (0.8, 1), (0, 160))},
        [quiet(TWICE, 20), fires(TWICE, 22, _DUPLICATE), fires(TWICE, 138, _DUPLICATE), recovers(TWICE, 142)],
    ),
    Timeline(
        "videos cost half again as much as listed for hours, then what is listed",
        {
            _cost("delivered"): counter((0.152, 100), (0.1, 150)),
            _QUOTE: counter((0.1, 250)),
            _SECONDS: counter((1, 250)),
        },
        [
            quiet(DEAR, 52),
            fires(DEAR, 90, _dearer("152%")),
            fires(DEAR, 147, _dearer("125.3%")),
            recovers(DEAR, 150),
        ],
        step_m=5,
    ),
    Timeline(
        "one told cost is not believed",
        {_DOUBTS: counter((0, 20), (1, 1), (0, 160))},
        [
            quiet(DOUBTED, 20),
            fires(DOUBTED, 22, _NOT_BELIEVED),
            fires(DOUBTED, 138, _NOT_BELIEVED),
            recovers(DOUBTED, 142),
        ],
    ),
    Timeline(
        "a provider's budget gets used up, and at midnight there is a new one",
        _budget("provider", "p0", 100, gauge((50, 20), (85, 20), (98, 20), (0, 100))),
        [
            quiet(NEAR, 19),
            few(NEAR, 24),
            fires(NEAR, 30, ticket(_PROVIDER, "85% of today's budget of the provider p0 is used.")),
            quiet(GONE, 30),
            quiet(GONE, 40),
            fires(GONE, 50, ticket(_PROVIDER, "The daily budget of the provider p0 is used up: 98%.")),
            recovers(GONE, 61),
            recovers(NEAR, 61),
        ],
    ),
    Timeline(
        "a caller's budget is overdrawn by a bill above its quote, also after a restart; a limit of 0 says nothing",
        {
            **_budget("caller", "studio", 10, f"{gauge((10.5, 30))} _ _ {gauge((10.5, 30))}"),
            **_budget("caller", "nobody", 0, gauge((0, 100))),
        },
        [
            reset(NEAR, 50, ticket(_CALLER, "105% of today's budget of the caller studio is used.")),
            reset(GONE, 50, ticket(_CALLER, "The daily budget of the caller studio is used up: 105%.")),
        ],
    ),
    Timeline(
        "one router's budget is used up beside another's that is larger",
        {
            **_budget("provider", "p0", 100, gauge((98, 60))),
            **_budget("provider", "p0", 1000, gauge((150, 60)), "other:9091"),
        },
        [fires(GONE, 50, ticket(_PROVIDER, "The daily budget of the provider p0 is used up: 98%."))],
    ),
    Timeline(
        "a small budget of which hardly anything is used",
        _budget("caller", "studio", 1, gauge((0.1, 60))),
        [few(GONE, 50)],
    ),
]
