"""What `check` shows: who sells what at which price, and what to look at."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from rich import box
from rich.table import Table
from rich.text import Text

from providers.canonical import Size
from router.config.sellers import NOTICE_DAYS, end_of, is_sold
from router.config.selling import obstacle
from router.config.settings import Settings
from router.core.catalog import Offering, Provider
from router.core.money import usd
from router.core.routing_settings import RoutingPolicy

_NUMBERS = frozenset({"s", "USD", "USD/s", "priority", "weight"})
_WRAPPED = frozenset({"profile", "listed", "images", "until", "models", "sold by"})


@dataclass(frozen=True, slots=True)
class Line:
    """One row: the sizes that one offering sells for so many seconds at the same price."""

    offering: Offering
    seconds: int
    sizes: tuple[Size, ...]
    quote_microusd: int


def check_table(settings: Settings, now: datetime | None = None) -> Table:
    """Lay out everything that is offered, the offers for one model and duration together, cheapest first.

    What is not sold by `now`, or not for long, is marked; under a policy of ranks or shares each has its own.
    """
    today = _day(now)
    columns = _columns(settings)
    headings = ("model", "s", "sizes", "offering", *columns, "USD", "USD/s", "listed", "images", "until")
    table = _table(f"{settings.file}: offerings", headings)
    above: tuple[str, int] | None = None
    for line in lines(settings):
        group = (line.offering.model, line.seconds)
        if above not in (None, group):
            table.add_section()
        above = group
        provider = settings.catalog.providers[line.offering.provider]
        own = [cell(line.offering, provider) for cell in columns.values()]
        table.add_row(*map(Text, _cells(line, own, _until(line.offering, provider, today))))
    return table


def group_table(settings: Settings, now: datetime | None = None) -> Table:
    """Lay out the groups: their models, and who sells any of these by `now` and takes jobs."""
    today, catalog = _day(now), settings.catalog
    table = _table(f"{settings.file}: model_groups", ("group", "models", "sold by"))
    for name, members in catalog.groups.items():
        selling = [each for each in catalog.offerings if each.model in members and is_sold(each, today)]
        sellers = dict.fromkeys(each.provider for each in selling if not catalog.providers[each.provider].drained)
        table.add_row(*map(Text, (name, ", ".join(members), ", ".join(sellers) or "nobody")))
    return table


def lines(settings: Settings) -> list[Line]:
    """Return the rows of the table in their order; what a dialect cannot ask for is left out."""
    models = {model: position for position, model in enumerate(settings.catalog.models)}
    found = [line for offering in settings.catalog.offerings for line in _lines(offering, settings)]
    ranked = settings.routing.policy is RoutingPolicy.PRIORITY

    def place(line: Line) -> tuple[int, ...]:
        rank = line.offering.priority if ranked else 0
        return models[line.offering.model], line.seconds, rank, line.quote_microusd

    return sorted(found, key=place)


def _lines(offering: Offering, settings: Settings) -> Iterable[Line]:
    adapter = settings.catalog.providers[offering.provider].adapter
    for seconds in offering.seconds:
        sizes_by_quote: dict[int, list[Size]] = {}
        for size in offering.sizes:
            if obstacle(adapter, offering, size, seconds) is None:
                sizes_by_quote.setdefault(offering.price.quote_microusd(size, seconds), []).append(size)
        for quote_microusd, sizes in sizes_by_quote.items():
            yield Line(offering, seconds, tuple(sizes), quote_microusd)


def _columns(settings: Settings) -> Mapping[str, Callable[[Offering, Provider], str]]:
    """Choose the columns that say something here: profiles if there are any, and what the policy goes by."""
    found: dict[str, Callable[[Offering, Provider], str]] = {}
    if any(provider.profile for provider in settings.catalog.providers.values()):
        found["profile"] = lambda _, provider: provider.profile or ""
    match settings.routing.policy:
        case RoutingPolicy.PRIORITY:
            found["priority"] = lambda offering, _: str(offering.priority)
        case RoutingPolicy.WEIGHTED:
            found["weight"] = lambda offering, _: f"{offering.weight:g}"
        case RoutingPolicy.EXPECTED_COST | RoutingPolicy.FASTEST:
            pass
    return found


def _table(title: str, headings: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in headings:
        justify: Literal["left", "right"] = "right" if heading in _NUMBERS else "left"
        table.add_column(heading, justify=justify, no_wrap=heading not in _WRAPPED, overflow="fold")
    return table


def _cells(line: Line, own: Iterable[str], until: str) -> tuple[str, ...]:
    offering = line.offering
    tier = next(tier for tier in offering.price.tiers if tier.covers(line.sizes[0], line.seconds))
    images = f"{offering.images_max} {'/'.join(sorted(offering.image_inputs))}" if offering.images_max else "none"
    return (
        offering.model,
        str(line.seconds),
        "\n".join(map(str, line.sizes)),
        offering.id,
        *own,
        usd(line.quote_microusd),
        usd(round(line.quote_microusd / line.seconds)),
        f"{tier.listed}/{offering.price.unit.removeprefix('per_')}",
        images,
        until,
    )


def _until(offering: Offering, provider: Provider, today: date) -> str:
    """Say until when it is sold, or why it is not."""
    end = end_of(offering)
    if end is not None and end <= today:
        return f"ended {end}"
    if provider.drained:
        return "drained"
    if end is None:
        return ""
    days = (end - today).days
    return f"{end} ({days} day{'s' if days > 1 else ''})" if days <= NOTICE_DAYS else str(end)


def _day(now: datetime | None) -> date:
    return (now or datetime.now(UTC)).astimezone(UTC).date()
