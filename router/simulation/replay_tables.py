"""A replay for people and for programs; amounts are USD in tables and micro-USD in documents."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import orjson
from rich import box
from rich.table import Table

from router.core.evidence import PRIOR_SUCCESS
from router.core.money import usd
from router.simulation.recorded_world import AROUND_S, Grounds
from router.simulation.replay import ProviderShare, Replay, Side

_NONE = "-"
_OFFERINGS_SHOWN = 40
_REASONS_SHOWN = 20


def replay_tables(found: Replay) -> list[Table]:
    """What came of it, who got how much, what it rests on, and what was turned away."""
    tables = [side_table(found), provider_table(found), grounds_table(found)]
    return [*tables, *([turned_away_table(found)] if found.turned_away else [])]


def side_table(found: Replay) -> Table:
    """One column for each way."""
    oracle = found.oracle
    sides = (found.happened, found.replayed, oracle)
    table = _table("What the same jobs come to", ("",), tuple(side.name for side in sides))
    refused = [str(found.happened.refused), str(found.replayed.refused), _NONE]
    for name, cells in (
        ("jobs", [str(side.jobs) for side in sides]),
        ("delivered", [f"{side.delivered} ({side.delivered_share:.1%})" for side in sides]),
        ("refused by a review", refused),
        ("failed", [str(found.happened.failed), str(found.replayed.failed), _NONE]),
        ("turned away", [_NONE, str(found.replayed.turned_away), _NONE]),
        ("no video", [str(side.jobs - side.delivered) for side in sides]),
        ("attempts", [str(side.attempts) for side in sides]),
        ("p50", [_seconds(side.p50_s) for side in sides]),
        ("p90", [_seconds(side.p90_s) for side in sides]),
        ("USD", [usd(side.paid_microusd) for side in sides]),
        ("of it wasted", [usd(side.wasted_microusd) for side in sides]),
        ("uncertain besides", [usd(side.open_microusd) for side in sides]),
        ("USD per video", [_rate(side.microusd_per_video) for side in sides]),
        ("USD per second", [_rate(side.microusd_per_second) for side in sides]),
        ("per second against the oracle", [_more(side, oracle) for side in sides]),
    ):
        table.add_row(name, *cells)
    return table


def provider_table(found: Replay) -> Table:
    """One line a provider."""
    sides = (found.happened, found.replayed, found.oracle)
    table = _table("Spend by provider (USD, delivered of attempts)", ("provider",), tuple(side.name for side in sides))
    for name in sorted({name for side in sides for name in side.providers}):
        shares = (side.providers.get(name, ProviderShare()) for side in sides)
        table.add_row(name, *(_share(share) for share in shares))
    return table


def grounds_table(found: Replay) -> Table:
    """One line an offering: on what its share of the replay rests."""
    numbers = tuple(grounds.value for grounds in Grounds)
    table = _table("What the replay rests on (attempts, USD)", ("offering",), numbers)
    for offering, weights in [*found.grounds.items()][:_OFFERINGS_SHOWN]:
        each = (weights.get(grounds) for grounds in Grounds)
        table.add_row(
            offering,
            *(_NONE if weight is None else f"{weight.attempts}  {usd(weight.paid_microusd)}" for weight in each),
        )
    return table


def turned_away_table(found: Replay) -> Table:
    """One line for each kind of request that nobody takes."""
    table = _table("Turned away", ("request", "why"), ("jobs",))
    for words, jobs in [*found.turned_away.items()][:_REASONS_SHOWN]:
        request, _, why = words.partition(": ")
        table.add_row(request, why, str(jobs)) if why else table.add_row("", request, str(jobs))
    return table


def caveats(found: Replay) -> list[str]:
    """Say in sentences what a reader must know before believing the tables."""
    whole, seen = found.resting_on(*Grounds), found.resting_on(Grounds.RECORDED, Grounds.REFUSED)
    drawn, assumed = found.resting_on(Grounds.AROUND, Grounds.OVERALL), found.resting_on(Grounds.ASSUMED)
    lines = [
        f"{found.replayed.jobs} jobs from {_moment(found.first_at)} to {_moment(found.last_at)};"
        f" {found.gained} are delivered now that were not, {found.lost} the other way.",
        f"{_part(seen.attempts, whole.attempts)} of the attempts and {_part(seen.paid_microusd, whole.paid_microusd)}"
        " of the money are as recorded.",
    ]
    if drawn.attempts:
        lines.append(
            f"{_part(drawn.attempts, whole.attempts)} of the attempts and"
            f" {_part(drawn.paid_microusd, whole.paid_microusd)} of the money are resampled: the job was never with"
            f" that offering, and meets what another one met there, at most {AROUND_S / 60:.0f} minutes before or after"
            " where there is such a one."
        )
    if assumed.attempts:
        never = [name for name, weights in found.grounds.items() if Grounds.ASSUMED in weights]
        lines.append(
            f"{_part(assumed.attempts, whole.attempts)} of the attempts and"
            f" {_part(assumed.paid_microusd, whole.paid_microusd)} of the money are ASSUMED: nobody ever saw"
            f" {', '.join(never[:8])} at work. It is taken to succeed as its provider does elsewhere,"
            f" {PRIOR_SUCCESS:.0%} where that is unknown, and to take a usual time; try it before you believe this."
        )
    if found.under_way or found.cancelled:
        lines.append(
            f"Left out: {found.under_way} jobs that are under way, {found.cancelled} that their callers cancelled."
        )
    lines.append("Jobs that were turned away at the door are in no journal; prices are those of the configuration.")
    return lines


def replay_document(found: Replay) -> bytes:
    """Render all of it as one object; `grounds` is by offering."""
    document: dict[str, Any] = asdict(found)
    for name in ("happened", "replayed", "oracle"):
        side: Side = getattr(found, name)
        document[name] |= {
            "providers": {provider: share._asdict() for provider, share in side.providers.items()},
            "failed": None if name == "oracle" else side.failed,
            "delivered_share": side.delivered_share,
            "microusd_per_video": side.microusd_per_video,
            "microusd_per_second": side.microusd_per_second,
        }
    document["grounds"] = {
        offering: {str(grounds): weight._asdict() for grounds, weight in weights.items()}
        for offering, weights in found.grounds.items()
    }
    document["caveats"] = caveats(found)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _table(title: str, texts: Iterable[str], numbers: Iterable[str]) -> Table:
    table = Table(title=title, box=box.SIMPLE, title_justify="left", title_style="bold")
    for text in texts:
        table.add_column(text)
    for number in numbers:
        table.add_column(number, justify="right")
    return table


def _share(share: ProviderShare) -> str:
    return f"{usd(share.paid_microusd)}  {share.delivered} of {share.attempts}" if share.attempts else _NONE


def _more(side: Side, oracle: Side) -> str:
    ours, best = side.microusd_per_second, oracle.microusd_per_second
    return _NONE if side is oracle or ours is None or not best else f"{ours / best - 1.0:+.1%}"


def _or_none(words: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: _NONE if value is None else words(value)


_seconds = _or_none(lambda value: f"{value:.0f} s")
_rate = _or_none(lambda value: f"{value / 1e6:.4f}")


def _part(some: int, whole: int) -> str:
    return f"{some / whole:.1%}" if whole else "0%"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
