"""The row "Where does each one fail?": how things end, where and why they fail, and what wants a person."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Column, Text, columns, over_time, timeline
from grafana.promql import RANGE, increase, rate, ratio, selector, share
from router.observe import families as f

_FAILED = 'outcome!="succeeded"'
_BREAKER_STATES = {0: ("closed", "green"), 1: ("half open", "yellow"), 2: ("open", "red")}


def failing() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_endings(), *_reasons(), *_failovers_and_errors(), *_breakers(), *_wanting_a_person()]


def _endings() -> list[AnyPanel]:
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
    ]


def _reasons() -> list[AnyPanel]:
    return [
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
                    f"{increase(f.ATTEMPTS, 'provider, stage, reason, outcome', _FAILED, window=RANGE)} > 0",
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
    ]


def _failovers_and_errors() -> list[AnyPanel]:
    return [
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
    ]


def _breakers() -> list[AnyPanel]:
    return [
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
    ]


def _state(name: str) -> str:
    return f'state="{name}"'


def _wanting_a_person() -> list[AnyPanel]:
    return [
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
