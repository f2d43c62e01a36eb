"""A job's ledger entries, for people and for programs."""

import json
from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from router.core.books import BookedEntry
from router.core.money import usd
from router.reports.tables import moment, new_table


def entry_table(entries: Iterable[BookedEntry]) -> Table:
    """One line an entry, in the order in which they were written; what an operator noted is no markup."""
    table = new_table("Ledger entries", ("attempt", "entry", "bought"), ("USD", "written (UTC)"))
    table.add_column("note", overflow="fold")
    table.columns[0].no_wrap = True
    for each in entries:
        note = Text(each.note or "")
        amount, bought = usd(each.amount_microusd), each.cost_kind or ""
        table.add_row(each.attempt_id, each.kind, bought, amount, moment(each.at), note)
    return table


def entry_document(entries: Iterable[BookedEntry]) -> str:
    """Render them as one object, money in micro-USD."""
    return json.dumps({"entries": [each._asdict() for each in entries]}, indent=2)
