"""POST /admin/ledger/adjust: an operator corrects what an attempt cost, as the provider's invoice has it."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from aiohttp import web

from router.core.ledger import NOTE_CHARS_MAX, LedgerEntry
from router.http.errors import invalid
from router.http.lookup import is_video_id
from router.http.operators import Fields, microusd_of, obeyed

Adjust: TypeAlias = Callable[[str, int, str], Awaitable[LedgerEntry]]

ADJUST: Final = web.AppKey[Adjust]("ADJUST")
_FIELDS: Final = ("attempt", "to_usd", "note")
_STATUSES: Final[Mapping[str, int]] = MappingProxyType(
    {"attempt_not_found": 404, "money_open": 409, "nothing_to_adjust": 409, "changed_meanwhile": 409}
)


async def adjust(request: web.Request) -> web.Response:
    """Answer with the entry that was written, or in the envelope with why none was."""

    async def obey(fields: Fields) -> Mapping[str, object]:
        attempt_id, to_microusd, note = _attempt_id(fields), _to_microusd(fields), _note(fields)
        return _document(await request.app[ADJUST](attempt_id, to_microusd, note), to_microusd)

    return await obeyed(request, "`video-router ledger adjust`", _FIELDS, _STATUSES, obey)


def _attempt_id(fields: Fields) -> str:
    text = fields.get("attempt")
    if not isinstance(text, str) or not is_video_id(text):
        raise invalid("name one attempt, such as video_1f2e-1", "attempt")
    return text


def _to_microusd(fields: Fields) -> int:
    amount = fields.get("to_usd")
    if not isinstance(amount, str):
        raise invalid('say what it cost in all, as a decimal number in quotes, such as "0.12"', "to_usd")
    return microusd_of(amount, "to_usd")


def _note(fields: Fields) -> str:
    note = fields.get("note")
    if not isinstance(note, str) or not 1 <= len(note.strip()) <= NOTE_CHARS_MAX or not note.isprintable():
        raise invalid(f"say why, in one line of 1 to {NOTE_CHARS_MAX} characters", "note")
    return note


def _document(entry: LedgerEntry, to_microusd: int) -> dict[str, object]:
    """Tell what was written; `cost_microusd` is what the attempt cost in all, now."""
    return {
        "object": "ledger.entry",
        "attempt": entry.attempt_id,
        "job": entry.job_id,
        "provider": entry.provider,
        "kind": entry.kind,
        "amount_microusd": entry.amount_microusd,
        "cost_kind": entry.cost_kind,
        "cost_microusd": to_microusd,
        "note": entry.note,
    }
