"""What the database itself refuses beyond the columns' constraints, whoever writes: SQLite's triggers, by their names.

Only what holds after every single statement can be said here. So an attempt's closing entry is written before its end,
and that before its job's: then no end goes without its money, nor a delivery without its money and its job.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_RULES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "ledger_entries_no_update": ("BEFORE UPDATE ON ledger_entries", "ledger entries are append-only"),
        "ledger_entries_no_delete": ("BEFORE DELETE ON ledger_entries", "ledger entries are append-only"),
        "ledger_entries_attempt": (
            "BEFORE INSERT ON ledger_entries WHEN NOT EXISTS"
            " (SELECT 1 FROM attempts WHERE id = NEW.attempt_id AND job_id = NEW.job_id"
            " AND provider = NEW.provider"
            " AND (NEW.kind NOT IN ('pending', 'voided') OR quote_microusd = NEW.amount_microusd))",
            "an entry is of its attempt, job and provider, and a pending or voided one is the quote",
        ),
        "ledger_entries_order": (
            "BEFORE INSERT ON ledger_entries WHEN NEW.kind <> 'pending'"
            " AND NOT EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.attempt_id AND kind = 'pending')",
            "money is pending before it is anything else",
        ),
        "ledger_entries_adjusted": (
            "BEFORE INSERT ON ledger_entries WHEN NEW.kind = 'adjusted' AND ("
            "NEW.cost_kind IS NOT (SELECT coalesce(cost_kind, 'failed_billed') FROM ledger_entries"
            " WHERE attempt_id = NEW.attempt_id AND kind IN ('posted', 'voided'))"
            " OR NEW.amount_microusd + (SELECT CASE kind WHEN 'posted' THEN amount_microusd ELSE 0 END"
            " FROM ledger_entries WHERE attempt_id = NEW.attempt_id AND kind IN ('posted', 'voided'))"
            " + (SELECT coalesce(sum(amount_microusd), 0) FROM ledger_entries"
            " WHERE attempt_id = NEW.attempt_id AND kind = 'adjusted') < 0)",
            "an adjustment is of closed money and its kind, and leaves no less than nothing",
        ),
        "attempts_frozen": (
            "BEFORE UPDATE OF id, job_id, number, offering_id, provider, upstream_model, seconds, quote_microusd,"
            " submitted_at ON attempts",
            "what an attempt is, and its price, never change",
        ),
        "attempts_begin": (
            "BEFORE INSERT ON attempts WHEN NOT EXISTS"
            " (SELECT 1 FROM jobs WHERE id = NEW.job_id AND state = 'in_progress')"
            " OR NEW.number > 1 AND NOT EXISTS"
            " (SELECT 1 FROM attempts WHERE job_id = NEW.job_id AND number = NEW.number - 1)",
            "an attempt is the next one of a job in progress",
        ),
        "attempts_remote_id": (
            "BEFORE UPDATE OF remote_id ON attempts WHEN NEW.remote_id IS NOT OLD.remote_id"
            " AND OLD.remote_id IS NOT NULL",
            "an attempt stays the remote job that it was found to be",
        ),
        "attempts_succeeded": (
            "BEFORE UPDATE OF state ON attempts WHEN NEW.state = 'succeeded'"
            " AND NOT EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.id AND kind IN ('posted', 'voided')"
            " AND cost_kind IN ('delivered', 'duplicate'))",
            "an attempt succeeds with its money posted",
        ),
        "attempts_failed": (
            "BEFORE UPDATE OF state ON attempts WHEN NEW.state = 'failed'"
            " AND NOT EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.id AND kind IN ('posted', 'voided')"
            " AND coalesce(cost_kind, 'failed_billed') = 'failed_billed')",
            "an attempt fails with its money posted or voided",
        ),
        "attempts_open": (
            "BEFORE UPDATE OF state ON attempts WHEN NEW.state NOT IN ('succeeded', 'failed')"
            " AND EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.id AND kind IN ('posted', 'voided'))",
            "an attempt whose money is closed has ended",
        ),
        "decisions_no_update": ("BEFORE UPDATE ON decisions", "what was decided, and why, never changes"),
        "jobs_frozen": (
            "BEFORE UPDATE OF id, caller, model, seconds, size, request, created_at ON jobs",
            "what was asked for never changes",
        ),
        "jobs_ended": (
            "BEFORE UPDATE OF state ON jobs WHEN OLD.state IN ('completed', 'failed') AND NEW.state <> OLD.state",
            "a job ends once",
        ),
        "jobs_completed": (
            "BEFORE UPDATE OF state ON jobs WHEN NEW.state = 'completed' AND NOT EXISTS"
            " (SELECT 1 FROM ledger_entries WHERE job_id = NEW.id AND kind = 'posted' AND cost_kind = 'delivered')",
            "a job is completed by a video that is paid for",
        ),
    }
)


TRIGGERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        name: f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{why}'); END"
        for name, (when, why) in _RULES.items()
    }
)
"""Each trigger's statement."""
