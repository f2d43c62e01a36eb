"""The router's store, event loop, configuration and bookkeeping."""

from tests.grafana.alerts.timeline import (
    JOB,
    RESET,
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

STORE_FAILS, STORE_SLOW, LOOP = "StoreFails", "StoreSlow", "EventLoopLate"
RELOAD, DIFFER, OBSERVER, FOLDED = "ConfigReloadFailed", "ConfigsDiffer", "ObserverFails", "LabelSetsFolded"
_FAILURES = series("store_failures_total")
_WRITES, _QUICK = series("store_write_seconds_count"), series("store_write_seconds_bucket", le="0.1")
_TURNS, _PROMPT = series("event_loop_lag_seconds_count"), series("event_loop_lag_seconds_bucket", le="0.1")
_LOADED = series("config_last_reload_successful")
_LOST, _FOLDS = series("observer_errors_total", sink="logs"), series("label_sets_folded_total", family="attempts_total")


def _runs(digest: str, instance: str) -> str:
    return series("config_info", instance, digest=digest)


_REFUSED = ticket(by_router(), "a:9091 refused its new configuration; the one before stays in force.")
_TWO = ticket({"job": JOB}, "The routers of video-router run 2 different configurations.")
_NO_WRITES = page(by_router(), "a:9091 cannot write to its store: about 15 writes failed.")
_SLOW_WRITES = ticket(by_router(), "10% of the writes of a:9091 take over 100 ms.")
_LATE_LOOP = ticket(by_router(), "The event loop of a:9091 is over 100 ms late in 5% of cases.")
_LOST_LOGS = ticket(
    by_router(sink="logs"),
    "a:9091 failed to record events in its logs.",
    "About 2 within 15 minutes. Jobs go on, but what is shown of them is not all there was; the ledger is.",
)
_FOLDED = ticket(
    by_router(family="attempts_total"),
    "The metric attempts_total of a:9091 has as many series as it may.",
    "About 10 values within an hour were counted under `other`. Totals stay right, their breakdown does not.",
)
_ALL = (STORE_FAILS, STORE_SLOW, LOOP, OBSERVER, FOLDED)

TIMELINES = [
    Timeline(
        "all is well, and a restart changes nothing",
        {
            _FAILURES: counter((0, 60), RESET, (0, 60)),
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
        "writes fail, then they do not",
        {_FAILURES: counter((0, 10), (1, 30), (0, 60))},
        [fires(STORE_FAILS, 40, _NO_WRITES), recovers(STORE_FAILS, 70)],
    ),
    Timeline(
        "a single write fails, and a single one is slow",
        {
            _FAILURES: counter((0, 10), (1, 1), (0, 50)),
            _WRITES: counter((0, 10), (1, 1), (0, 50)),
            _QUICK: counter((0, 61)),
        },
        [few(STORE_FAILS, 15), few(STORE_SLOW, 24)],
    ),
    Timeline(
        "a tenth of the writes is slow, then none",
        {_WRITES: counter((20, 150)), _QUICK: counter((18, 60), (20, 90))},
        [fires(STORE_SLOW, 40, _SLOW_WRITES), recovers(STORE_SLOW, 120)],
    ),
    Timeline(
        "the event loop is late, then it is not",
        {_TURNS: counter((240, 150)), _PROMPT: counter((228, 60), (240, 90))},
        [fires(LOOP, 40, _LATE_LOOP), recovers(LOOP, 120)],
    ),
    Timeline(
        "the event loop has hardly begun",
        {_TURNS: counter((1, 12)), _PROMPT: counter((0, 12))},
        [few(LOOP, 12)],
    ),
    Timeline(
        "a configuration is refused, then corrected",
        {_LOADED: gauge((1, 10), (0, 20), (1, 10))},
        [few(RELOAD, 13), fires(RELOAD, 20, _REFUSED), recovers(RELOAD, 31)],
    ),
    Timeline(
        "one replica of two keeps the old configuration for an hour",
        {
            _runs("aa", "a:9091"): f"{gauge((1, 10))} stale",
            _runs("bb", "a:9091"): f"{'_ ' * 10}{gauge((1, 111))}",
            _runs("aa", "b:9091"): f"{gauge((1, 70))} stale",
            _runs("bb", "b:9091"): f"{'_ ' * 70}{gauge((1, 51))}",
        },
        [few(DIFFER, 35), fires(DIFFER, 45, _TWO), recovers(DIFFER, 72)],
    ),
    Timeline(
        "two events are not logged",
        {_LOST: counter((0, 20), (1, 2), (0, 100)), _FOLDS: counter((0, 120))},
        [few(FOLDED, 25), few(OBSERVER, 20), fires(OBSERVER, 23, _LOST_LOGS), recovers(OBSERVER, 80)],
    ),
    Timeline(
        "ten values are folded",
        {_FOLDS: counter((0, 20), (1, 10), (0, 150))},
        [fires(FOLDED, 40, _FOLDED), recovers(FOLDED, 170)],
    ),
]
