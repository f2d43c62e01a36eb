"""What a scrape of all series costs, and what it does to the event loop meanwhile."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson
from aiohttp import ClientSession

from tests.bench.part import Lab, Report
from tests.bench.processes import everywhere
from tests.bench.servers import scraped
from tests.bench.sheets import Sheet

FORMATS: Final = {"text": "text/plain;version=0.0.4", "OpenMetrics": "application/openmetrics-text;version=1.0.0"}
_PAUSE_S: Final = 0.05
# After its answer a scrape may still hold the loop up.
_AFTER_S: Final = 0.01
_WARM_UP: Final = 5
_QUIET_S: Final = 2.0
_QUICK_S: Final = 0.2
_FULL: Final = 60
_QUICK: Final = 5


@dataclass(frozen=True, slots=True)
class Scrape:
    """One scrape: when it was, and what came."""

    start: float
    end: float
    body: bytes

    @property
    def series(self) -> int:
        return sum(not line.startswith(b"#") for line in self.body.splitlines())


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Milliseconds."""

    p50: float
    p99: float
    most: float

    @classmethod
    def of(cls, values_s: Sequence[float]) -> "Quantiles":
        ordered = sorted(1e3 * value for value in values_s) or [0.0]
        return cls(ordered[len(ordered) // 2], ordered[int(0.99 * len(ordered))], ordered[-1])


@dataclass(frozen=True, slots=True)
class ScrapeFigures:
    """All scrapes in one format. Lags are of the loop while a scrape was under way, and while none was."""

    format: str
    scrapes: int
    series: int
    bytes_per_series: float
    duration_ms: Quantiles
    lag_ms: Quantiles
    lag_without_ms: Quantiles


async def measure(lab: Lab) -> Report:
    """Scrape a router that has every core of the servers' and the benchmark's own."""
    count = _QUICK if lab.quick else _FULL
    with everywhere(lab.cores):
        figures = await measured_scrapes(lab.folder, count, _QUICK_S if lab.quick else _QUIET_S)
    return Report.of([scrape_sheet(figures)], [asdict(each) for each in figures], scrape_complaints(figures, count))


async def measured_scrapes(folder: Path, count: int, quiet_s: float) -> list[ScrapeFigures]:
    """Scrape a full router so many times in each format, with pauses between."""
    lags_file = folder / "lags.json"
    taken: dict[str, list[Scrape]] = {}
    with scraped(folder, lags_file) as server:
        async with ClientSession(f"http://127.0.0.1:{server.port}", raise_for_status=True) as session:
            for accept in FORMATS.values():
                await _scrapes(session, accept, _WARM_UP)
            quiet_from = time.monotonic()
            await asyncio.sleep(quiet_s)
            quiet_to = time.monotonic()
            for name, accept in FORMATS.items():
                taken[name] = await _scrapes(session, accept, count)
    lags = [(at, lag_s) for at, lag_s in orjson.loads(lags_file.read_bytes())]
    without = [lag_s for at, lag_s in lags if quiet_from < at < quiet_to]
    return [_figures(name, scrapes, lags, without) for name, scrapes in taken.items()]


def scrape_complaints(figures: Sequence[ScrapeFigures], count: int) -> list[str]:
    """Say what makes the figures worthless: scrapes that failed, or series that are missing."""
    return [
        f"/metrics as {each.format}: {each.scrapes} scrapes, {each.series} series"
        for each in figures
        if each.scrapes != count or each.series < 1000
    ]


def scrape_sheet(figures: Sequence[ScrapeFigures]) -> Sheet:
    """Show both formats; a lag is how much later than planned the loop came back to a timer."""
    headings = ("format", "series", "bytes/series", "scrape ms", "lag ms meanwhile", "lag ms without")
    rows = tuple(
        (
            each.format,
            str(each.series),
            f"{each.bytes_per_series:.0f}",
            *map(_cell, (each.duration_ms, each.lag_ms, each.lag_without_ms)),
        )
        for each in figures
    )
    caption = "p50 / p99 / most; limits: a scrape under 100 ms, a lag below 20 ms"
    return Sheet("/metrics of 10 providers, 20 offerings and 20 callers", headings, rows, caption)


async def _scrapes(session: ClientSession, accept: str, count: int) -> list[Scrape]:
    taken = []
    for _ in range(count):
        start = time.monotonic()
        async with session.get("/metrics", headers={"Accept": accept}) as answer:
            body = await answer.read()
        taken.append(Scrape(start, time.monotonic(), body))
        await asyncio.sleep(_PAUSE_S)
    return taken


def _figures(
    name: str, scrapes: Sequence[Scrape], lags: Sequence[tuple[float, float]], without: Sequence[float]
) -> ScrapeFigures:
    moments = [at for at, _ in lags]
    meanwhile = [
        lag_s
        for scrape in scrapes
        for _, lag_s in lags[bisect_left(moments, scrape.start) : bisect_left(moments, scrape.end + _AFTER_S)]
    ]
    last = scrapes[-1]
    return ScrapeFigures(
        name,
        len(scrapes),
        last.series,
        len(last.body) / last.series,
        Quantiles.of([scrape.end - scrape.start for scrape in scrapes]),
        Quantiles.of(meanwhile),
        Quantiles.of(without),
    )


def _cell(values: Quantiles) -> str:
    return f"{values.p50:.1f} / {values.p99:.1f} / {values.most:.1f}"
