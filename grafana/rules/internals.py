"""Alerts on the router itself: its store, its event loop, its configuration, and its own bookkeeping of events."""

from typing import Final

from grafana.rules.measures import REPLICA
from grafana.rules.pace import Pace
from grafana.rules.promql import increase, series, share_over
from grafana.rules.rule import COUNT, Alert, Dashboard, Group, Severity, Words
from router.observe import families as f

WRITE_SLOW_S: Final = 0.1
WRITE_SLOW_SHARE_MAX: Final = 0.05
LOOP_LATE_S: Final = 0.1
LOOP_LATE_SHARE_MAX: Final = 0.01


def alerts(pace: Pace) -> list[Group]:
    store, config = [_store_fails(pace), _store_slow(pace)], [_reload_failed(pace), _configs_differ(pace)]
    books = [_observer_fails(pace), _folded(pace)]
    return [Group("video-router-internals-alerts", [*store, _mirror_fails(pace), _loop_late(pace), *config, *books])]


def _store_fails(pace: Pace) -> Alert:
    words = Words(
        f"{{{{ $labels.instance }}}} cannot write to its store: about {COUNT} writes failed.",
        "Within 15 minutes. A job that is not on disk is neither accepted nor bought, so callers are turned away; jobs"
        " under way cannot be brought to their end.",
        Dashboard.INTERNALS,
    )
    expression = f"{increase(f.STORE_FAILURES, REPLICA, pace('15m'))} > 2.5"
    return Alert("StoreFails", Severity.PAGE, expression, words, pace("1m"), pace("10m"))


def _store_slow(pace: Pace) -> Alert:
    within = pace("15m")
    words = Words(
        "{{ $value | humanizePercentage }} of the writes of {{ $labels.instance }} take over 100 ms.",
        "Every create and every submit waits for a write that is durable, so callers feel a slow disk first.",
        Dashboard.INTERNALS,
    )
    expression = f"{share_over(f.STORE_WRITE, REPLICA, WRITE_SLOW_S, within)}\n> {WRITE_SLOW_SHARE_MAX}\nand\n"
    expression += f"{increase(f.STORE_WRITE, REPLICA, within, suffix='_count')} > 20"
    return Alert("StoreSlow", Severity.TICKET, expression, words, pace("10m"), pace("15m"))


def _mirror_fails(pace: Pace) -> Alert:
    words = Words(
        f"{{{{ $labels.instance }}}} could not keep finished videos in its mirror: about {COUNT} times.",
        "Within an hour. Jobs end as ever, but these videos can be had only as long as their providers' links live.",
        Dashboard.INTERNALS,
    )
    failed = increase(f.MIRROR_OPERATIONS, REPLICA, pace("1h"), 'operation="failed"')
    return Alert("MirrorFails", Severity.TICKET, f"{failed} > 0", words, pace("5m"), pace("15m"))


def _loop_late(pace: Pace) -> Alert:
    within = pace("15m")
    words = Words(
        "The event loop of {{ $labels.instance }} is over 100 ms late in {{ $value | humanizePercentage }} of cases.",
        "Something keeps it busy: creates, polls and downloads all wait for it.",
        Dashboard.INTERNALS,
    )
    expression = f"{share_over(f.LOOP_LAG, REPLICA, LOOP_LATE_S, within)}\n> {LOOP_LATE_SHARE_MAX}\nand\n"
    expression += f"{increase(f.LOOP_LAG, REPLICA, within, suffix='_count')} > 20"
    return Alert("EventLoopLate", Severity.TICKET, expression, words, pace("10m"), pace("15m"))


def _reload_failed(pace: Pace) -> Alert:
    words = Words(
        "{{ $labels.instance }} refused its new configuration; the one before stays in force.",
        "Whatever was changed is not in effect, and a restart would not come up with the file as it is.",
        Dashboard.INTERNALS,
    )
    expression = f"min by ({REPLICA}) ({series(f.CONFIG_SUCCESSFUL)}) == 0"
    return Alert("ConfigReloadFailed", Severity.TICKET, expression, words, pace("5m"))


def _configs_differ(pace: Pace) -> Alert:
    words = Words(
        "The routers of {{ $labels.job }} run {{ $value }} different configurations.",
        "For over 30 minutes, which is longer than a rollout takes: some would choose and pay otherwise than others.",
        Dashboard.INTERNALS,
    )
    expression = f"count by (job) (count by (job, digest) ({series(f.CONFIG_INFO)} == 1)) > 1"
    return Alert("ConfigsDiffer", Severity.TICKET, expression, words, pace("30m"))


def _observer_fails(pace: Pace) -> Alert:
    words = Words(
        "{{ $labels.instance }} failed to record events in its {{ $labels.sink }}.",
        f"About {COUNT} within 15 minutes. Jobs go on, but what is shown of them is not all there was; the ledger is.",
        Dashboard.INTERNALS,
    )
    expression = f"{increase(f.OBSERVER_ERRORS, f'{REPLICA}, sink', pace('15m'))} > 0"
    return Alert("ObserverFails", Severity.TICKET, expression, words, keep=pace("30m"))


def _folded(pace: Pace) -> Alert:
    words = Words(
        "The metric {{ $labels.family }} of {{ $labels.instance }} has as many series as it may.",
        f"About {COUNT} values within an hour were counted under `other`. Totals stay right, their breakdown does not.",
        Dashboard.INTERNALS,
    )
    expression = f"{increase(f.FOLDED, f'{REPLICA}, family', pace('1h'))} > 0"
    return Alert("LabelSetsFolded", Severity.TICKET, expression, words, keep=pace("1h"))
