"""Money that is uncertain, wasted, spent twice, dearer than listed, or used up for today."""

from tests.grafana.alerts.timeline import (
    RESET,
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


def _budget(scope: str, name: str, limit: float, used: str) -> dict[str, str]:
    return {
        series("daily_budget_usd", scope=scope, name=name): gauge((limit, 200)),
        series("daily_budget_used_usd", scope=scope, name=name): used,
    }


_TEN_CENTS = ticket(by_provider(), "1.50 USD at p0 have been uncertain for over 15 minutes.")
_MORE = page(by_provider(), "30.00 USD more are uncertain at p0 than an hour ago.")
_VAIN = page(by_provider(), "60.00 USD were paid for nothing within an hour at p0.")
_SHARE = ticket(by_provider(), "20% of what p0 was paid in 6 hours was paid for nothing.")
_DUPLICATE = ticket(by_provider(), "0.80 USD were paid at p0 for videos that callers had from elsewhere.")
_DEARER = ticket(by_provider(), "A delivered second of p0 costs 150% of its list price.")
_NOT_BELIEVED = ticket(by_provider(), "p0 tells costs so far above its price that they are not believed.")
_PROVIDER = {"job": "video-router", "scope": "provider", "name": "p0"}
_CALLER = {"job": "video-router", "scope": "caller", "name": "studio"}

TIMELINES = [
    Timeline(
        "money is spent on videos, and nothing else happens, also after a restart",
        {
            _cost("delivered"): counter((1, 400), RESET, (1, 100)),
            _cost("failed_billed"): counter((0, 400), RESET, (0, 100)),
            _cost("duplicate"): counter((0, 400), RESET, (0, 100)),
            _QUOTE: counter((1, 400), RESET, (1, 100)),
            _SECONDS: counter((10, 400), RESET, (10, 100)),
            _DOUBTS: counter((0, 400), RESET, (0, 100)),
            _UNCERTAIN: gauge((0, 500)),
            _SINCE: gauge((0, 500)),
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
        [fires(OLD, 40, _TEN_CENTS), reset(OLD, 58, _TEN_CENTS), recovers(OLD, 63)],
    ),
    Timeline(
        "answers get lost for half an hour, a dollar a minute; it takes days until their money is known",
        {_UNCERTAIN: counter((0, 60), (1, 30), (0, 120)), _SINCE: gauge((0, 60), (3600, 150))},
        [quiet(GROWS, 75), fires(GROWS, 90, _MORE), recovers(GROWS, 170)],
    ),
    Timeline(
        "a restart takes over what is uncertain",
        {_UNCERTAIN: f"{gauge((100, 60))} stale _ {gauge((100, 60))}", _SINCE: f"{gauge((9, 122))}"},
        [reset(GROWS, 63), reset(GROWS, 90)],
    ),
    Timeline(
        "a dollar a minute is wasted and a tenth of that delivered, then all is delivered",
        {_cost("failed_billed"): counter((1, 60), (0, 120)), _cost("delivered"): counter((0.1, 60), (1, 120))},
        [fires(FAST, 60, _VAIN), recovers(FAST, 170)],
    ),
    Timeline(
        "two dollars are wasted, and nothing else is paid; three cost half again as much as listed",
        {
            _cost("failed_billed"): counter((0, 12), (1, 2), (0, 200)),
            _QUOTE: counter((0, 12), (1, 3), (0, 200)),
            _SECONDS: counter((0, 12), (10, 3), (0, 200)),
            _DOUBTS: counter((0, 200)),
            _cost("duplicate"): counter((0, 200)),
        },
        [few(alert, at) for alert in (FAST, WASTED, DEAR, TWICE, DOUBTED) for at in (16, 24, 80)],
        step_m=5,
    ),
    Timeline(
        "a fifth is wasted for hours, through a restart, then nothing is",
        {
            _cost("duplicate"): counter((0.2, 100), RESET, (0.2, 40), (0, 120)),
            _cost("delivered"): counter((0.8, 100), RESET, (0.8, 160)),
        },
        [fires(WASTED, 90, _SHARE), reset(WASTED, 120, _SHARE), recovers(WASTED, 250)],
        step_m=5,
    ),
    Timeline(
        "one video is paid twice",
        {_cost("duplicate"): counter((0, 20), (0.8, 1), (0, 160))},
        [quiet(TWICE, 20), fires(TWICE, 22, _DUPLICATE), recovers(TWICE, 150)],
    ),
    Timeline(
        "videos cost half again as much as listed for hours, then what is listed",
        {
            _cost("delivered"): counter((1.5, 100), (1, 150)),
            _QUOTE: counter((1, 250)),
            _SECONDS: counter((10, 250)),
        },
        [fires(DEAR, 90, _DEARER), recovers(DEAR, 240)],
        step_m=5,
    ),
    Timeline(
        "one told cost is not believed",
        {_DOUBTS: counter((0, 20), (1, 1), (0, 160))},
        [quiet(DOUBTED, 20), fires(DOUBTED, 22, _NOT_BELIEVED), recovers(DOUBTED, 150)],
    ),
    Timeline(
        "a provider's budget gets used up, and at midnight there is a new one",
        _budget("provider", "p0", 100, gauge((50, 20), (85, 20), (98, 20), (0, 100))),
        [
            quiet(NEAR, 19),
            few(NEAR, 22),
            fires(NEAR, 30, ticket(_PROVIDER, "85% of today's budget of the provider p0 is used.")),
            quiet(GONE, 30),
            fires(GONE, 50, page(_PROVIDER, "The daily budget of the provider p0 is used up: 98%.")),
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
            reset(GONE, 50, page(_CALLER, "The daily budget of the caller studio is used up: 105%.")),
        ],
    ),
    Timeline(
        "a small budget of which hardly anything is used",
        _budget("caller", "studio", 1, gauge((0.1, 60))),
        [few(GONE, 50)],
    ),
]
