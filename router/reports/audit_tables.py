"""An audit for people, and for programs."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from rich.table import Table
from rich.text import Text

from router.core.books import Weight
from router.core.ledger import CostKind, EntryKind
from router.core.money import usd
from router.reports.audit import OPEN, Audit, Sum
from router.reports.tables import new_table

FINDINGS_SHOWN_MAX: Final = 40
_COLUMNS: Final[Mapping[str, str]] = {
    CostKind.DELIVERED: "delivered",
    CostKind.FAILED_BILLED: "billed\nfailures",
    CostKind.DUPLICATE: "duplicates",
    EntryKind.ADJUSTED: "adjusted",
    OPEN: "open",
    EntryKind.VOIDED: "voided",
}


def audit_tables(audit: Audit) -> list[Table]:
    """Return the findings, if there are any, and each provider's sums."""
    return [table for table in (_finding_table(audit), _sum_table(audit)) if table.row_count]


def verdict(audit: Audit) -> str:
    """Say in one line how much was looked at, and what came of it."""
    looked_at = f"{audit.jobs} jobs, {audit.attempts} attempts, {audit.entries} entries"
    doubts = f", {audit.warnings} warnings" if audit.warnings else ""
    if not audit.errors:
        return f"{looked_at}: all invariants hold{doubts}"
    return f"{looked_at}: {audit.errors} {'error' if audit.errors == 1 else 'errors'}{doubts}"


def audit_document(audit: Audit) -> str:
    """Render an audit as one object; money is in micro-USD, and `findings` are the first of them."""
    document = {
        **{name: getattr(audit, name) for name in ("jobs", "attempts", "entries", "errors", "warnings")},
        "findings": [asdict(finding) for finding in audit.findings],
        "providers": [
            {"provider": provider, **{name: asdict(sums.get(name, Sum())) for name in _COLUMNS}}
            for provider, sums in sorted(audit.sums.items())
        ],
    }
    return json.dumps(document, indent=2)


def _finding_table(audit: Audit) -> Table:
    table = new_table("What is wrong", ("", "where", "what"), ())
    table.columns[1].no_wrap = True
    for finding in audit.findings[:FINDINGS_SHOWN_MAX]:
        style = "red" if finding.weight is Weight.ERROR else "yellow"
        # Whatever stands in a broken file is no markup.
        table.add_row(Text(finding.weight, style), Text(finding.subject), Text(finding.words))
    if (more := audit.errors + audit.warnings - FINDINGS_SHOWN_MAX) > 0:
        table.add_row("", "", f"and {more} more; --json lists the first {len(audit.findings)}")
    return table


def _sum_table(audit: Audit) -> Table:
    table = new_table("USD, and in how many entries", ("provider",), _COLUMNS.values())
    for provider, sums in sorted(audit.sums.items()):
        table.add_row(Text(provider), *(_sum(sums.get(name, Sum())) for name in _COLUMNS))
    return table


def _sum(of: Sum) -> str:
    return f"{usd(of.microusd)} ({of.count})" if of.count else "-"
