"""The row "Process and event loop"."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Levels, Text, over_time
from grafana.promql import INTERVAL, ROUTER, about_target, ratio
from router.observe import families as f

_CPU = Levels(0.7, 0.9)
_LAG = Levels(0.05, 0.1)
_FILES = Levels(0.7, 0.9)


def loop() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_process(), *_event_loop()]


def _process() -> list[AnyPanel]:
    by = "instance"
    files = (f"sum by ({by}) ({about_target(f'process_{which}_fds')})" for which in ("open", "max"))
    return [
        over_time(
            Text(
                "CPU",
                "Cores in use. The event loop has one of them: near 1 everything waits, whatever the machine has.",
                "No router is scraped.",
            ),
            {"{{instance}}": f"sum by ({by}) (rate({about_target('process_cpu_seconds_total')}[{INTERVAL}]))"},
            units.Short,
            width=8,
            levels=_CPU,
        ),
        over_time(
            Text(
                "Memory",
                "Resident memory of each router's process. It follows the jobs in flight; a slope that never falls is"
                " a leak.",
                "No router is scraped.",
            ),
            {"{{instance}}": f"sum by ({by}) ({about_target('process_resident_memory_bytes')})"},
            units.BytesIEC,
            width=8,
        ),
        over_time(
            Text(
                "Open files",
                "Share of the files and sockets that the process may open. At 100 % no connection is made or taken.",
                "No router is scraped.",
            ),
            {"{{instance}}": ratio(*files)},
            units.PercentUnit,
            width=8,
            levels=_FILES,
        ),
    ]


def _event_loop() -> list[AnyPanel]:
    return [
        over_time(
            Text(
                "Event loop lag",
                "How much later than planned the event loop came back to a timer. Over 100 ms something blocks it, and"
                " every request and poll waits along.",
                "No router measures it.",
            ),
            {
                "{{instance}} p50": ROUTER.quantile(0.5, f.LOOP_LAG, "instance"),
                "{{instance}} p99": ROUTER.quantile(0.99, f.LOOP_LAG, "instance"),
            },
            units.Seconds,
            levels=_LAG,
        ),
        over_time(
            Text(
                "Poll lag",
                "How much later than planned polls leave: it rises with the event loop's lag, and when too many polls"
                " are due at once.",
                "Nothing was polled.",
            ),
            {
                "{{instance}} p50": ROUTER.quantile(0.5, f.POLL_LAG, "instance"),
                "{{instance}} p90": ROUTER.quantile(0.9, f.POLL_LAG, "instance"),
            },
            units.Seconds,
            levels=Levels(1, 5),
        ),
    ]
