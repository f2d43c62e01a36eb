"""Alerts on providers that take no jobs, are about to end, or speak in words that nobody knows."""

from typing import Final

from grafana.rules.measures import EJECTED, IN_FLIGHT, PROVIDER, REPLICA, selling
from grafana.rules.pace import Pace
from grafana.rules.promql import increase, series
from grafana.rules.rule import COUNT, Alert, Dashboard, Group, Severity, Words
from router.observe import families as f

ENDS_WITHIN_DAYS: Final = 30
ENDS_SOON_DAYS: Final = 7
_DAY_S: Final = 86_400


def alerts(pace: Pace) -> list[Group]:
    standing = [_all_ejected(pace), _ejected(pace), _refused("auth", pace), _refused("balance", pace)]
    choice = [_panic(pace), _drained(pace), _ends(pace), _ends_soon(pace)]
    words = [_unknown_errors(pace), _unknown_statuses(pace)]
    return [Group("video-router-providers-alerts", [*standing, *choice, *words])]


def _all_ejected(pace: Pace) -> Alert:
    words = Words(
        "Every provider is ejected at {{ $labels.instance }}: no video gets made.",
        "Breakers are open or accounts refused at all providers at once, while callers ask for videos. When all of them"
        " fail together, look at what they share: this machine's network, DNS and clock.",
        Dashboard.PROVIDERS,
    )
    asked = increase(f.HTTP_REQUESTS, REPLICA, pace("10m"), 'route="/v1/videos"', 'method="POST"')
    expression = f"min by ({REPLICA}) ({EJECTED}) == 1\nand on ({REPLICA})\n({asked} > 0 or {IN_FLIGHT} > 0)"
    return Alert("EveryProviderEjected", Severity.PAGE, expression, words, pace("2m"), pace("5m"))


def _ejected(pace: Pace) -> Alert:
    words = Words(
        "{{ $labels.provider }} is ejected: its {{ $labels.breaker }} breaker has not closed for 15 minutes.",
        "No jobs go there (poll: its jobs are asked about more slowly), so the others get them at their price. It stays"
        " so until a trial succeeds, and without jobs there is no trial.",
        Dashboard.PROVIDERS,
    )
    closed = series(f.BREAKER_STATE, 'state="closed"')
    expression = f"min by ({PROVIDER}, breaker) ({closed}) == 0\nand on ({PROVIDER})\n{selling(PROVIDER)}"
    return Alert("ProviderEjected", Severity.TICKET, expression, words, pace("15m"), pace("5m"))


def _refused(reason: str, pace: Pace) -> Alert:
    name = {"auth": "ProviderKeyRefused", "balance": "ProviderBalanceUsedUp"}[reason]
    summary = {
        "auth": "{{ $labels.provider }} refuses our key.",
        "balance": "{{ $labels.provider }} says that our balance is used up.",
    }[reason]
    words = Words(
        f"{summary} It gets no jobs until somebody acts.",
        "It is tried again with one job after `breaker.outage_s`; this goes on until a trial is taken or the"
        " configuration names another key. Other providers get its jobs, at their price.",
        Dashboard.PROVIDERS,
    )
    # The gauge is 0 again when the next trial may go, which nobody may take for hours; the submit breaker, which opens
    # with the outage, closes with a trial that succeeds. So what counts is which of the two was seen last.
    refused = _last_seen(series(f.PROVIDER_OUTAGE, f'reason="{reason}"'), pace)
    closed = _last_seen(series(f.BREAKER_STATE, 'breaker="submit"', 'state="closed"'), pace)
    each = "on (job, instance, provider)"
    still = f"{refused}\nunless {each} (\n{closed}\n> {each}\n{refused}\n)"
    expression = f"max by ({PROVIDER}) (\n{still}\n)\nand\n{selling(PROVIDER)}"
    return Alert(name, Severity.TICKET, expression, words)


def _last_seen(gauge: str, pace: Pace) -> str:
    """When a gauge was last 1, within six hours."""
    return f"max_over_time(timestamp({gauge} == 1)[{pace('6h')}:{pace('1m')}])"


def _panic(pace: Pace) -> Alert:
    words = Words(
        "Jobs are tried with {{ $labels.provider }} although it is ejected: nobody else is left for them.",
        f"About {COUNT} times in an hour no healthy provider could take a job, and the least bad of the ejected ones"
        " got it as its probe. Between probes such jobs wait, and creates of that model are turned away with a 503.",
        Dashboard.PROVIDERS,
    )
    panic = 'reason="panic"'
    expression = f"{increase(f.DECISIONS, PROVIDER, pace('1h'), panic)} > 2.5"
    return Alert("NobodyHealthyLeft", Severity.TICKET, expression, words, keep=pace("30m"))


def _drained(pace: Pace) -> Alert:
    words = Words(
        "{{ $labels.provider }} has been drained for over a day.",
        "Whoever drained it may have forgotten: it gets no jobs, the others get them at their price, and there is one"
        " less to fail over to.",
        Dashboard.PROVIDERS,
    )
    known = f"max by ({PROVIDER}) ({series(f.PROVIDER_LIMIT)}) > 0"
    expression = f"max by ({PROVIDER}) ({series(f.PROVIDER_DRAINED)}) == 1\nand\n{known}"
    return Alert("ProviderDrained", Severity.TICKET, expression, words, pace("1d"))


def _ends(pace: Pace) -> Alert:
    words = Words(
        "The offering {{ $labels.offering }} ends in {{ $value | humanizeDuration }}.",
        "From 00:00 UTC of that day on nothing is submitted to it (`available_until`). Whoever else sells its model"
        " gets its jobs; where nobody does, creates will be refused.",
        Dashboard.PROVIDERS,
    )
    return Alert("OfferingEnds", Severity.TICKET, _left(ENDS_WITHIN_DAYS), words, pace("5m"))


def _ends_soon(pace: Pace) -> Alert:
    words = Words(
        "Only {{ $value | humanizeDuration }} until the offering {{ $labels.offering }} ends.",
        "Its provider still gets jobs. It is said on each of the last seven days from 8 to 16 o'clock UTC, and wakes"
        " nobody.",
        Dashboard.PROVIDERS,
    )
    still = f"and on ({PROVIDER})\n{increase(f.DECISIONS, PROVIDER, pace('1d'))} > 0"
    expression = f"{_left(ENDS_SOON_DAYS)}\n{still}\nand on ()\n(hour() >= 8 < 16)"
    return Alert("OfferingEndsThisWeek", Severity.PAGE, expression, words, pace("5m"))


def _left(days: int) -> str:
    end = f"max by ({PROVIDER}, offering) ({series(f.OFFERING_END)})"
    return f"0 < ({end} - time()) < {days * _DAY_S}"


def _unknown_errors(pace: Pace) -> Alert:
    words = Words(
        "{{ $labels.provider }} fails in words that no table knows.",
        f"About {COUNT} failures in an hour were judged by their HTTP status alone, which may cost a"
        " failover, or a second purchase. The log has a sample of each: `unknown_error`.",
        Dashboard.FAILURES,
    )
    expression = f"{increase(f.UNKNOWN_ERRORS, PROVIDER, pace('1h'))} > 2.5"
    return Alert("UnknownErrors", Severity.TICKET, expression, words, keep=pace("1h"))


def _unknown_statuses(pace: Pace) -> Alert:
    words = Words(
        "{{ $labels.provider }} tells a status that no table knows.",
        f"About {COUNT} polls in an hour were answered so, and their jobs were taken to be running. If"
        " the word means the end, its jobs wait until they stall. The log has it: `unknown_status`.",
        Dashboard.FAILURES,
    )
    expression = f"{increase(f.UNKNOWN_STATUS, PROVIDER, pace('1h'))} > 2.5"
    return Alert("UnknownStatuses", Severity.TICKET, expression, words, keep=pace("1h"))
