"""What money is open, and what a person needs to find out what became of it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from rich.table import Table
from rich.text import Text

from providers.canonical import Reason, Stage
from router.core.job import AttemptState, JobState
from router.core.money import usd
from router.core.open_money import OpenAttempt
from router.reports.tables import moment, new_table

_ID_CHARS: Final = 40


@dataclass(frozen=True, slots=True)
class OpenSum:
    """What is open with one provider, and since when (wall seconds)."""

    provider: str
    attempts: int
    amount_microusd: int
    oldest_at: float


def open_sums(attempts: Iterable[OpenAttempt]) -> list[OpenSum]:
    """Add up what is open with each provider; where there is most comes first."""
    by_provider: dict[str, list[OpenAttempt]] = {}
    for attempt in attempts:
        by_provider.setdefault(attempt.provider, []).append(attempt)
    found = [
        OpenSum(
            provider,
            len(mine),
            sum(each.quote_microusd for each in mine),
            min(each.submitted_at for each in mine),
        )
        for provider, mine in by_provider.items()
    ]
    return sorted(found, key=lambda each: (-each.amount_microusd, each.provider))


def why(attempt: OpenAttempt) -> str:
    """Say in the router's own words why nobody knows what an attempt cost."""
    match attempt:
        case OpenAttempt(state=AttemptState.SUBMITTING):
            return "being submitted"
        case OpenAttempt(state=AttemptState.RUNNING):
            return "under way"
        case OpenAttempt(state=AttemptState.UNKNOWN):
            return "the submit's answer was lost"
        case OpenAttempt(stage=Stage.SUBMIT, reason=Reason.AMBIGUOUS):
            return "the submit's answer was lost, and it was found since"
        case OpenAttempt(stage=Stage() as stage, reason=Reason() as reason):
            return f"given up at {stage}.{reason}"
        case OpenAttempt(job_failure=Reason.CANCELLED):
            return "its job was cancelled"
        case OpenAttempt(job_state=JobState.COMPLETED):
            return "its job has the video of another attempt"
        case _:
            return "its job ended without it"


def open_money_document(attempts: Sequence[OpenAttempt], now: float) -> str:
    """Render all as one object, `attempts` and `providers`; times are wall seconds, money is micro-USD."""
    document = {
        "attempts": [_attempt(each, now) for each in attempts],
        "providers": [asdict(each) for each in open_sums(attempts)],
    }
    # What is not ASCII is escaped, so that nothing that a provider wrote reaches a terminal as it is.
    return json.dumps(document, indent=2)


def open_money_table(attempts: Iterable[OpenAttempt], now: float) -> Table:
    """Two or three lines an attempt: what it is, why its money is open, and its id at the provider if that is known."""
    texts, numbers = ("attempt", "state", "provider and video"), ("USD", "submitted (UTC)")
    table = new_table("Money that nobody can vouch for yet", texts, numbers)
    # Whole, so that it can be copied from here into `jobs resolve`.
    table.columns[0].min_width = _ID_CHARS
    for each in attempts:
        remote = () if each.remote_id is None else (f"remote id {each.remote_id}",)
        table.add_row(
            _lines(each.id, f"  {why(each)}", *(f"  {line}" for line in remote)),
            str(each.state),
            _lines(each.provider, f"{each.upstream_model} {each.seconds} s {each.size}"),
            usd(each.quote_microusd),
            _lines(moment(each.submitted_at), f"{age(now - each.submitted_at)} ago"),
        )
    return table


def open_sum_table(attempts: Iterable[OpenAttempt], now: float) -> Table:
    """One line a provider."""
    table = new_table("In all", ("provider",), ("attempts", "USD", "oldest"))
    for each in open_sums(attempts):
        table.add_row(_lines(each.provider), str(each.attempts), usd(each.amount_microusd), age(now - each.oldest_at))
    return table


def age(seconds: float) -> str:
    """Write how long ago something was in the unit that matters."""
    whole = max(0, round(seconds))
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if whole >= 2 * length:
            return f"{whole // length} {unit}"
    return f"{whole} s"


def _attempt(each: OpenAttempt, now: float) -> dict[str, object]:
    return {
        "id": each.id,
        "job": each.job_id,
        "state": each.state,
        "why": why(each),
        "stage": each.stage,
        "reason": each.reason,
        "code": each.code,
        "provider": each.provider,
        "offering": each.offering_id,
        "upstream_model": each.upstream_model,
        "seconds": each.seconds,
        "size": str(each.size),
        "quote_microusd": each.quote_microusd,
        "submitted_at": each.submitted_at,
        "age_s": round(max(0.0, now - each.submitted_at), 1),
        "remote_id": each.remote_id,
    }


def _lines(*lines: str) -> Text:
    """Show what others wrote as it is: no markup, and nothing that a terminal would obey."""
    return Text("\n".join("".join(char if char.isprintable() else "�" for char in line) for line in lines))
