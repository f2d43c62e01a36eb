"""The router's store, event loop, configuration and bookkeeping."""

from tests.grafana.alerts.timeline import (
    JOB,
    RESET,
    Firing,
    Timeline,
    by_router,
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

STORE_FAILS, STORE_SLOW, LOOP, MIRROR = "StoreFails", "StoreSlow", "EventLoopLate", "MirrorFails"
RELOAD, DIFFER, OBSERVER, FOLDED = "ConfigReloadFailed", "ConfigsDiffer", "ObserverFails", "LabelSetsFolded"
_FAILURES = series("store_failures_total")
_UNKEPT = series("mirror_operations_total", operation="failed")
_WRITES, _QUICK = series("store_write_seconds_count"), series("store_write_seconds_bucket", le="0.1")
_TURNS, _PROMPT = series("event_loop_lag_seconds_count"), series("event_loop_lag_seconds_bucket", le="0.1")
_LOADED = series("config_last_reload_successful")
_LOST, _FOLDS = series("observer_errors_total", sink="logs"), series("label_sets_folded_total", family="attempts_total")


def _runs(digest: str, instance: str) -> str:
    return series("config_info", instance, digest=digest)


_REFUSED = ticket(by_router(), "a:9091 refused its new configuration; the one before stays in force.")
_TWO = ticket({"job": JOB}, "The routers of video-router run 2 different configurations.")


def _no_writes(count: int) -> Firing:
    return page(by_router(), f"a:9091 cannot write to its store: about {count} writes failed.")


def _unkept(count: int) -> Firing:
    return ticket(
        by_router(),
        f"a:9091 could not keep finished videos in its mirror: about {count} times.",
        "Within an hour. Jobs end as ever, but these videos can be had only as long as their providers' links live.",
    )


def _slow_writes(share: str) -> Firing:
    return ticket(by_router(), f"{share} of the writes of a:9091 take over 100 ms.")


def _late_loop(share: str) -> Firing:
    return ticket(by_router(), f"The event loop of a:9091 is over 100 ms late in {share} of cases.")


def _lost_logs(count: int) -> Firing:
    return ticket(
        by_router(sink="logs"),
        "a:9091 failed to record events in its logs.",
        f"About {count} within 15 minutes. Jobs go on, but what is shown of them is not all there was; the ledger is.",
    )


def _folded(count: int) -> Firing:
    return ticket(
        by_router(family="attempts_total"),
        "The metric attempts_total of a:9091 has as many series as it may.",
        f"About {count} values within an hour were counted under `other`. Totals stay right, their breakdown does not.",
    )


_ALL = (STORE_FAILS, STORE_SLOW, LOOP, MIRROR, OBSERVER, FOLDED)

TIMELINES = [
    Timeline(
        "all is well, and a restart changes nothing",
        {
            _FAILURES: counter((0, 60), RESET, (0, 60)),
            _UNKEPT: counter((0, 60), RESET, (0, 60)),
            _WRITES: counter((20, 60), RESET, (20, 60)),
            _QUICK: counter((20, 60), RESET, (20, 60)),
            _TURNS: counter((240, 60), RESET, (240, 60)),
            _PROMPT: counter((240, 60), RESET, (240, 60)),
            _LOST: counter((0, 60), RESET, (0, 60)),
            _FOLDS: counter((0, 60), RESET, (0, 60)),
            _LOADED: gauge((1, 122)),
            _runs("aa", "a:9091"): gauge((1, 122)),
            _runs("aa", "b:9091"): gauge((1, 122)),
        },
        [
            *(quiet(alert, 60) for alert in (*_ALL, RELOAD, DIFFER)),
            *(reset(alert, at) for alert in (*_ALL, RELOAD, DIFFER) for at in (62, 75)),
        ],
    ),
    Timeline(
        "a few writes are slow and the loop is now and then late, which is no trouble yet",
        {
            _WRITES: counter((100, 60)),
            _QUICK: counter((97, 60)),
            _TURNS: counter((1000, 60)),
            _PROMPT: counter((993, 60)),
        },
        [quiet(STORE_SLOW, 60), quiet(LOOP, 60)],
    ),
    Timeline(
        "four writes fail, then none",
        {_FAILURES: counter((0, 10), (1, 4), (0, 60))},
        [
            quiet(STORE_FAILS, 13),
            fires(STORE_FAILS, 20, _no_writes(4)),
            fires(STORE_FAILS, 35, _no_writes(3)),
            recovers(STORE_FAILS, 38),
        ],
    ),
    Timeline(
        "three videos cannot be kept, then all can",
        {_UNKEPT: counter((0, 10), (1, 3), (0, 150))},
        [
            few(MIRROR, 13),
            fires(MIRROR, 20, _unkept(3)),
            fires(MIRROR, 60, _unkept(3)),
            recovers(MIRROR, 90),
        ],
    ),
    Timeline(
        "two writes fail, and fifteen are all there are, and slow",
        {
            _FAILURES: counter((0, 10), (1, 2), (0, 50)),
            _WRITES: counter((0, 10), (1, 15), (0, 37)),
            _QUICK: counter((0, 62)),
        },
        [few(STORE_FAILS, 15), *(few(STORE_SLOW, at) for at in (22, 25, 35))],
    ),
    Timeline(
        "two writes of 25 are slow, then none",
        {_WRITES: counter((2, 150)), _QUICK: counter((1.84, 60), (2, 90))},
        [
            quiet(STORE_SLOW, 20),
            fires(STORE_SLOW, 40, _slow_writes("8%")),
            fires(STORE_SLOW, 79, _slow_writes("5.333%")),
            recovers(STORE_SLOW, 82),
        ],
    ),
    Timeline(
        "the event loop is late, then it is not",
        {_TURNS: counter((2, 150)), _PROMPT: counter((1.972, 60), (2, 90))},
        [
            quiet(LOOP, 20),
            fires(LOOP, 40, _late_loop("1.4%")),
            fires(LOOP, 78, _late_loop("1.027%")),
            recovers(LOOP, 81),
        ],
    ),
    Timeline(
        "the event loop has hardly been looked at",
        {_TURNS: counter((1, 120)), _PROMPT: counter((0, 120))},
        [few(LOOP, 60), few(LOOP, 120)],
    ),
    Timeline(
        "a configuration is refused, then corrected",
        {_LOADED: gauge((1, 10), (0, 20), (1, 10))},
        [few(RELOAD, 14), fires(RELOAD, 15, _REFUSED), recovers(RELOAD, 31)],
    ),
    Timeline(
        "one replica of two keeps the old configuration for an hour",
        {
            _runs("aa", "a:9091"): f"{gauge((1, 10))} stale",
            _runs("bb", "a:9091"): f"{'_ ' * 10}{gauge((1, 111))}",
            _runs("aa", "b:9091"): f"{gauge((1, 70))} stale",
            _runs("bb", "b:9091"): f"{'_ ' * 70}{gauge((1, 51))}",
        },
        [few(DIFFER, 39), fires(DIFFER, 40, _TWO), recovers(DIFFER, 72)],
    ),
    Timeline(
        "two events are not logged",
        {_LOST: counter((0, 20), (1, 2), (0, 100)), _FOLDS: counter((0, 120))},
        [
            few(FOLDED, 25),
            few(OBSERVER, 20),
            fires(OBSERVER, 23, _lost_logs(2)),
            fires(OBSERVER, 66, _lost_logs(1)),
            recovers(OBSERVER, 68),
        ],
    ),
    Timeline(
        "ten values are folded",
        {_FOLDS: counter((0, 20), (1, 10), (0, 150))},
        [fires(FOLDED, 40, _folded(10)), fires(FOLDED, 148, _folded(1)), recovers(FOLDED, 152)],
    ),
]
