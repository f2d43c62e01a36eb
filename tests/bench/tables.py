"""The figures for people."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from rich.box import SIMPLE
from rich.table import Table

from tests.bench.figures import Row, Spread
from tests.bench.measuring import Measure
from tests.bench.upstream import CONTENT_BYTES

_MB: Final = CONTENT_BYTES / 1e6
_GOALS: Final = {
    (Measure.CREATE, "CPU ms"): "<= 2.5",
    (Measure.RETRIEVE, "CPU ms"): "<= 0.6",
    (Measure.CONTENT, "MB/s"): ">= 0.8",
}
_Line: TypeAlias = tuple[str, Spread, Spread, Spread | None, int]


def comparison(rows: Sequence[Row]) -> Table:
    """Show both servers side by side; the goals are about many requests at a time."""
    table = Table(title="the router beside a bare aiohttp pass-through", box=SIMPLE, pad_edge=False)
    table.add_column("requests")
    table.add_column("figure")
    for name in ("router", "pass-through", "ratio", "goal"):
        table.add_column(name, justify="right")
    for row in rows:
        phase = row.phase
        request = f"{phase.measure}, c={phase.concurrency}"
        for figure, router, passthrough, ratio, digits in _lines(row):
            goal = _GOALS.get((phase.measure, figure), "") if phase.concurrency > 1 else ""
            ratios = "" if ratio is None else _cell(ratio, 2)
            table.add_row(request, figure, _cell(router, digits), _cell(passthrough, digits), ratios, goal)
            request = ""
        table.add_section()
    return table


def _lines(row: Row) -> Iterator[_Line]:
    router, passthrough = row.router, row.passthrough
    content = row.phase.measure is Measure.CONTENT
    if content:
        yield "MB/s", router.mb_per_s, passthrough.mb_per_s, row.mb_per_s_ratio, 0
        yield "CPU ms/MB", router.cpu_ms.over(_MB), passthrough.cpu_ms.over(_MB), row.cpu_ratio, 3
    else:
        yield "CPU ms", router.cpu_ms, passthrough.cpu_ms, row.cpu_ratio, 3
    yield "p50 ms", router.p50_ms, passthrough.p50_ms, None, 1 if content else 2
    yield "p99 ms", router.p99_ms, passthrough.p99_ms, None, 1 if content else 2


def _cell(spread: Spread, digits: int) -> str:
    """Put the median above the least and the most of the rounds."""
    return f"{spread.median:.{digits}f}\n{spread.least:.{digits}f}..{spread.most:.{digits}f}"
