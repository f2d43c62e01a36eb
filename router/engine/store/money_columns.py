"""What an attempt cost, as columns beside its own."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Join, Label, Row, case, func, text

from router.core.ledger import EntryKind
from router.engine.store.queries import adjusted_microusd
from router.engine.store.schema import CLOSING_ENTRY, PENDING_ENTRY, attempts, ledger_entries

_pending = ledger_entries.alias("pending")
_closing = ledger_entries.alias("closing")


def money() -> tuple[ColumnElement[Any] | Label[Any], ...]:
    """What is open, the entry that closed it and the sum of its adjustments; see `joined_money`."""
    open_microusd = case((_closing.c.kind.is_(None), func.coalesce(_pending.c.amount_microusd, 0)), else_=0)
    return (
        open_microusd.label("open_microusd"),
        _closing.c.kind,
        _closing.c.amount_microusd,
        _closing.c.cost_kind,
        adjusted_microusd().label("adjusted_microusd"),
    )


def joined_money(rows: FromClause) -> Join:
    """Join the entries that `money` reads to rows that have an attempt in them."""
    opened = (_pending.c.attempt_id == attempts.c.id) & text(f"pending.{PENDING_ENTRY}")
    closed = (_closing.c.attempt_id == attempts.c.id) & text(f"closing.{CLOSING_ENTRY}")
    return rows.outerjoin(_pending, opened).outerjoin(_closing, closed)


def posted_microusd(row: Row[Any]) -> int:
    """What a row with these columns says was spent."""
    posted: int = row.amount_microusd if row.kind == EntryKind.POSTED else 0
    return posted + int(row.adjusted_microusd)
