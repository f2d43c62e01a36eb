"""Alerts on what callers meet at the front door, before there is a job."""

from typing import Final

from grafana.rules.pace import Pace
from grafana.rules.promql import increase, ratio, share_over
from grafana.rules.rule import Alert, Dashboard, Group, Severity, Words
from router.observe import families as f

ROUTE: Final = 'route="/v1/videos"'
_CREATES: Final = (ROUTE, 'method="POST"')
FAILED_SHARE_MAX: Final = 0.05
TURNED_AWAY_SHARE_MAX: Final = 0.1
SLOW_S: Final = 1.0
SLOW_SHARE_MAX: Final = 0.01


def alerts(pace: Pace) -> list[Group]:
    return [Group("video-router-callers-alerts", [_failing(pace), _turned_away(pace), _slow(pace)])]


def creates(window: str, *matchers: str) -> str:
    return increase(f.HTTP_REQUESTS, "job", window, *_CREATES, *matchers)


def _failing(pace: Pace) -> Alert:
    within, failed = pace("10m"), ('code=~"5.."', 'code!="503"')
    words = Words(
        "{{ $value | humanizePercentage }} of the creates at {{ $labels.job }} fail with an error of the router.",
        "Callers get a 5xx for POST /v1/videos and no job. That is neither a provider's doing nor a lack of capacity,"
        " which is a 503.",
        Dashboard.INTERNALS,
    )
    expression = f"{ratio(creates(within, *failed), creates(within))}\n> {FAILED_SHARE_MAX}\nand\n"
    expression += f"{creates(within, *failed)} > 4.5"
    return Alert("CreatesFail", Severity.PAGE, expression, words, pace("2m"), pace("10m"))


def _turned_away(pace: Pace) -> Alert:
    within, turned_away = pace("10m"), 'code="503"'
    words = Words(
        "{{ $value | humanizePercentage }} of the creates at {{ $labels.job }} are turned away with a 503.",
        "Nobody takes the videos now: every provider that sells them is ejected, cooling down, full or out of its daily"
        " budget, or the router has as many jobs as it may, or its store cannot be written.",
        Dashboard.OVERVIEW,
    )
    expression = f"{ratio(creates(within, turned_away), creates(within))}\n> {TURNED_AWAY_SHARE_MAX}\nand\n"
    expression += f"{creates(within, turned_away)} > 9.5"
    return Alert("CreatesTurnedAway", Severity.PAGE, expression, words, pace("5m"), pace("10m"))


def _slow(pace: Pace) -> Alert:
    within = pace("30m")
    words = Words(
        "{{ $value | humanizePercentage }} of the requests to /v1/videos at {{ $labels.job }} take over a second.",
        "Nothing there waits for a provider: the store, the event loop or large input images make callers wait.",
        Dashboard.INTERNALS,
    )
    expression = f"{share_over(f.HTTP_DURATION, 'job', SLOW_S, within, ROUTE)}\n> {SLOW_SHARE_MAX}\nand\n"
    expression += f"{increase(f.HTTP_DURATION, 'job', within, ROUTE, suffix='_count')} > 100"
    return Alert("CreatesSlow", Severity.TICKET, expression, words, pace("15m"), pace("30m"))
