"""One question to a provider: how far an accepted attempt is."""

import asyncio
from math import inf
from typing import Final

from providers.adapter import HttpResponse
from providers.canonical import Failure, ListPolling, Reason, Running, Stage, Succeeded
from providers.classification import poll_unanswered
from providers.reading import read_poll
from router.core.events import CostDoubted, Operation, PollFailed, UnknownErrorSeen, UnknownStatusSeen
from router.core.job import Attempt, AttemptState
from router.core.ledger import is_doubted
from router.engine.exchange import NoAnswer, NotSent
from router.engine.fetch import UNWRITTEN, written_by_adapter
from router.engine.parts import Parts

NO_TURN: Final = Failure(Stage.POLL, Reason.RATE_LIMITED, "its provider has no turn to be asked about it in time")
_NOT_ASKED: Final = Failure(Stage.POLL, Reason.UNREADABLE, UNWRITTEN)


async def poll_once(
    parts: Parts,
    attempt: Attempt,
    lag_s: float | None = None,
    *,
    prompt: str | None = None,
    alone: bool = False,
    in_turn: bool = False,
    turn_within_s: float = inf,
) -> Running | Succeeded | Failure:
    """Ask the provider how far an accepted attempt is; a Failure of stage `poll` says nothing of the video.

    Its list of jobs may answer, unless the attempt is to be asked about `alone`. Who has not waited for his turn, which
    he is then `in_turn` for, waits here, and gets NO_TURN where it does not come `turn_within_s`. Unknown words
    are told of only with the job's `prompt`, which they may quote.
    """
    provider = parts.provider(attempt.provider)
    if not alone and provider.polling.listed is not ListPolling.OFF:
        listed = await parts.listed.reading(provider, parts.health[provider.name], attempt)
        if listed is not None:
            _note_job(parts, attempt, listed)
            return listed
    request = written_by_adapter(lambda: provider.adapter.poll_request(attempt.remote_id or ""))
    reading: Running | Succeeded | Failure = _NOT_ASKED
    if request is not None:
        if not in_turn and (turn_s := parts.health[provider.name].poll_turn_s()) > 0.0:
            await asyncio.sleep(min(turn_s, turn_within_s))
            if turn_s > turn_within_s:
                return NO_TURN
        match await parts.transport.send(provider.name, Operation.POLL, request, lag_s=lag_s):
            case HttpResponse() as response:
                reading = read_poll(provider.adapter, response)
            case NotSent(cause) | NoAnswer(cause):
                reading = poll_unanswered(cause)
    # An upstream that forgot a video of last week is not ailing, nor does its cost change any more.
    if attempt.state is not AttemptState.SUCCEEDED:
        _note(parts, attempt, reading, prompt)
    parts.listed.polled(attempt, reading)
    return reading


def _note(parts: Parts, attempt: Attempt, reading: Running | Succeeded | Failure, prompt: str | None) -> None:
    """Tell everybody what a poll said of its provider."""
    provider = parts.provider(attempt.provider)
    said_something = not _is_failed_poll(reading)
    if isinstance(reading, Failure):
        tell_unknown(parts, provider.name, reading, prompt)
        if not said_something:
            parts.emit(PollFailed(provider.name, reading.reason))
    _note_job(parts, attempt, reading)
    parts.health[provider.name].polled(said_something)


def _note_job(parts: Parts, attempt: Attempt, reading: Running | Succeeded | Failure) -> None:
    """Tell everybody what is odd about a job, whether it was asked about alone or with many."""
    if isinstance(reading, Running):
        if reading.unknown_word is not None:
            parts.emit(UnknownStatusSeen(attempt.provider, reading.unknown_word))
    elif not _is_failed_poll(reading) and is_doubted(attempt, reading.cost_microusd):
        parts.emit(CostDoubted(attempt.provider, reading.cost_microusd or 0, attempt.quote_microusd))


def _is_failed_poll(reading: Running | Succeeded | Failure) -> bool:
    return isinstance(reading, Failure) and reading.stage is Stage.POLL


def tell_unknown(parts: Parts, provider: str, failure: Failure, prompt: str | None) -> None:
    """Tell everybody of words that no table knows, as far as they do not quote the `prompt`."""
    if not failure.recognised and prompt is not None:
        parts.emit(UnknownErrorSeen(provider, failure, prompt))
