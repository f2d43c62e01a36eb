"""What `check` shows: who sells what at which price, and what to look at."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from rich import box
from rich.table import Table
from rich.text import Text

from providers.canonical import Size
from router.config.problems import Problem
from router.config.selling import obstacle
from router.config.settings import Settings
from router.core.catalog import Offering
from router.core.money import usd

_NUMBERS = frozenset({"s", "USD", "USD/s"})
_WRAPPED = frozenset({"profile", "listed", "images", "until"})


@dataclass(frozen=True, slots=True)
class Line:
    """One row: the sizes that one offering sells for so many seconds at the same price."""

    offering: Offering
    seconds: int
    sizes: tuple[Size, ...]
    quote_microusd: int


def check_table(settings: Settings, now: datetime | None = None) -> Table:
    """Lay out everything that is offered, the offers for one model and duration together, cheapest first.

    Offerings that have ended by `now` are shown as such.
    """
    at = (now or datetime.now(UTC)).timestamp()
    table = Table(
        title=f"{settings.file}: offerings",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    profiles = {name: provider.profile or "" for name, provider in settings.catalog.providers.items()}
    profile_heading = ("profile",) if any(profiles.values()) else ()
    for heading in ("model", "s", "sizes", "offering", *profile_heading, "USD", "USD/s", "listed", "images", "until"):
        justify: Literal["left", "right"] = "right" if heading in _NUMBERS else "left"
        table.add_column(heading, justify=justify, no_wrap=heading not in _WRAPPED, overflow="fold")
    above: tuple[str, int] | None = None
    for line in lines(settings):
        group = (line.offering.model, line.seconds)
        if above not in (None, group):
            table.add_section()
        above = group
        profile = (profiles[line.offering.provider],) if profile_heading else ()
        table.add_row(*map(Text, _cells(line, at, profile)))
    return table


def lines(settings: Settings) -> list[Line]:
    """Return the rows of the table in their order; what a dialect cannot ask for is left out."""
    models = {model: position for position, model in enumerate(settings.catalog.models)}
    found = [line for offering in settings.catalog.offerings for line in _lines(offering, settings)]
    return sorted(found, key=lambda line: (models[line.offering.model], line.seconds, line.quote_microusd))


def described(file: object, problems: Iterable[Problem]) -> list[str]:
    """Write problems as `FILE:LINE: path: message`, one a line, in the order of the file."""
    return [problem.described(str(file)) for problem in sorted(problems, key=lambda problem: problem.line or 0)]


def _lines(offering: Offering, settings: Settings) -> Iterable[Line]:
    adapter = settings.catalog.providers[offering.provider].adapter
    for seconds in offering.seconds:
        sizes_by_quote: dict[int, list[Size]] = {}
        for size in offering.sizes:
            if obstacle(adapter, offering, size, seconds) is None:
                sizes_by_quote.setdefault(offering.price.quote_microusd(size, seconds), []).append(size)
        for quote_microusd, sizes in sizes_by_quote.items():
            yield Line(offering, seconds, tuple(sizes), quote_microusd)


def _cells(line: Line, at: float, profile: tuple[str, ...]) -> tuple[str, ...]:
    offering = line.offering
    tier = next(tier for tier in offering.price.tiers if tier.covers(line.sizes[0], line.seconds))
    images = f"{offering.images_max} {'/'.join(sorted(offering.image_inputs))}" if offering.images_max else "none"
    return (
        offering.model,
        str(line.seconds),
        "\n".join(map(str, line.sizes)),
        offering.id,
        *profile,
        usd(line.quote_microusd),
        usd(round(line.quote_microusd / line.seconds)),
        f"{tier.listed}/{offering.price.unit.removeprefix('per_')}",
        images,
        "" if offering.available_until is None else _until(offering.available_until, at),
    )


def _until(end: float, at: float) -> str:
    day = datetime.fromtimestamp(end, UTC).date().isoformat()
    return f"ended {day}" if end <= at else day
