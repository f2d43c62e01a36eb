"""What a run of the crash tests came to, for whoever reads it."""

from collections import Counter
from collections.abc import Mapping

from rich.table import Table

from providers.sandbox import Books
from router.core.job import AttemptState
from tests.crash.reconciliation import Ledger
from tests.crash.recovery import Recovery
from tests.crash.rounds import Tally


def rounds_table(tally: Tally, ledger: Ledger, books: Mapping[str, Books]) -> Table:
    """The whole run in figures."""
    jobs = Counter(job.state for job in ledger.jobs.values())
    purchases = sum(kept.totals.accepted for kept in books.values())
    table = _table("kill -9")
    table.add_row("rounds", f"{tally.rounds}: {tally.starting} killed at the start, {tally.stopping} while stopping")
    table.add_row("kills that came into", _counts(tally.under_way))
    deleted = sum(job.deleted for job in ledger.jobs.values())
    table.add_row("jobs", f"{len(ledger.jobs)}: {_counts(jobs)}; {deleted} deleted")
    table.add_row("attempts", f"{len(ledger.rows)}: {_counts(Counter(str(row.state) for row in ledger.rows))}")
    table.add_row("interrupted submits", _interrupted(tally, ledger, books))
    table.add_row("purchases", f"{purchases}; in the ledger {_counts(_kinds(ledger))}")
    for name, kept in books.items():
        mine = ledger.of(name)
        posted, still_open = sum(row.posted_microusd for row in mine), sum(row.open_microusd for row in mine)
        table.add_row(name, f"posted {_usd(posted)}, open {_usd(still_open)}, billed {_usd(kept.totals.net_microusd)}")
    return table


def recovery_table(recovery: Recovery) -> Table:
    """The way back, from the start of the process."""
    table = _table(f"recovery of {recovery.jobs} running jobs")
    table.add_row("found running", str(recovery.resumed))
    table.add_row("listening after", f"{recovery.listening_s:.2f} s")
    table.add_row("first poll after", f"{recovery.first_poll_s:.2f} s")
    table.add_row("all of them answered to callers after", f"{recovery.answered_s:.2f} s")
    table.add_row("all of them polled after", f"{recovery.all_polled_s:.2f} s")
    table.add_row("polls by second", ", ".join(map(str, recovery.polls)))
    table.add_row("creates", str(recovery.creates))
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, min_width=80)
    table.add_column()
    table.add_column(overflow="fold")
    return table


def _interrupted(tally: Tally, ledger: Ledger, books: Mapping[str, Books]) -> str:
    lost = {entry.prompt_sha256 for kept in books.values() for entry in kept.accepted if entry.net_microusd}
    mine = [row for row in ledger.rows if row.attempt_id in tally.interrupted]
    held = [row for row in mine if row.state is AttemptState.UNKNOWN]
    bought = sum(ledger.jobs[row.job_id].prompt_sha256 in lost for row in held)
    return f"{len(mine)}: {len(held)} held, of which {bought} were bought; {len(mine) - len(held)} found or settled"


def _kinds(ledger: Ledger) -> Counter[str]:
    paid = [row for row in ledger.rows if row.posted_microusd or row.open_microusd]
    return Counter("open" if row.cost_kind is None else str(row.cost_kind) for row in paid)


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{times} {name}" for name, times in sorted(counted.items(), key=lambda item: -item[1]))


def _usd(microusd: int) -> str:
    return f"{microusd / 1e6:.6f} USD"
