"""One attempt, from its submit to a video that can be fetched, or to the reason why not."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never

from providers.adapter import HttpRequest, HttpResponse
from providers.canonical import Accepted, Failure, ListPolling, Reason, Running, Size, Stage, Succeeded, VideoRequest
from providers.capabilities import hooked_create_of, reference_of
from providers.classification import unanswered, unsent
from providers.links import link_expires_at
from providers.reading import read_submit
from router.core.catalog import Polling, Provider
from router.core.events import Operation
from router.core.job import Attempt, AttemptState
from router.core.pacing import patience_s
from router.core.permits import AttemptPermits
from router.core.policy import MoneyEffect, consequences
from router.core.sweeping import ALONE_S_MAX
from router.core.trail import Download, TrailRecorder
from router.engine.alarm import Alarm
from router.engine.exchange import ContentError, NoAnswer, NotSent
from router.engine.fetch import UNWRITTEN, Fetched, fetch_once, written_by_adapter
from router.engine.images import has_large_files
from router.engine.parts import Parts, written
from router.engine.poll import NO_TURN, poll_once, tell_unknown
from router.engine.store import RemoteIdTakenError
from router.engine.turn import POLLED_PAST_DEADLINE_S, Turn, next_turn
from router.engine.verification import Verified
from router.engine.watch import Watch

FETCH_AGAIN_S_MAX: Final = 15.0
_NOTHING_HELD: Final = nullcontext()
# One for all that have just been taken up.
_NO_STAGES: Final[Mapping[Stage, float]] = MappingProxyType({})
FETCH_PAST_DEADLINE_S: Final = 60.0
"""How much longer than its job's time a finished video may take to be read."""
_SOMEBODY_ELSES = "the answer names a job that another attempt has"


class Overtaken(Enum):
    """Another attempt of the same job delivered while this one was running."""

    YES = auto()


Ending: TypeAlias = Fetched | Failure | Overtaken


@dataclass(slots=True)
class AttemptRun:
    """Drives one attempt. `attempt` is always what the store holds; `stage_seconds` is how long each stage took.

    `cause` is what this side saw when it failed, in the router's own words; `trail` is for its span. `lost` is what is
    known of a submit without an answer that may still be found, `turn` is whether it has one to be asked about.
    """

    parts: Parts
    attempt: Attempt
    permits: AttemptPermits | None
    alarm: Alarm
    job_deadline_at: float
    video: VideoRequest = field(repr=False)
    stage_seconds: Mapping[Stage, float] = field(default_factory=lambda: _NO_STAGES)
    cause: str | None = None
    trail: TrailRecorder = field(default_factory=TrailRecorder)
    watch: Watch | None = None
    _stage: Stage = Stage.SUBMIT
    _stage_since: float | None = None
    lost: Failure | None = None
    _given_up: Failure | None = None
    turn: Turn = Turn.NONE

    async def submit(self, video: VideoRequest) -> Failure | None:
        """Send the one POST of this attempt and make its acceptance durable; its intent is durable already."""
        provider = self.parts.provider(self.attempt.provider)
        self._stage_since = self.parts.clock.monotonic()
        request = await self._written_request(provider, video)
        if request is None:
            self.cause = UNWRITTEN
            reading: Accepted | Failure = Failure(Stage.SUBMIT, Reason.UNSUPPORTED, UNWRITTEN)
        else:
            reading = await self._answer(request)
        self.trail.answered_at = self.parts.now()
        if isinstance(reading, Failure):
            self._enter(reading.stage)
            self._submitted(reading)
            return reading
        try:
            await self.found(reading.remote_id)
        except RemoteIdTakenError:
            self.cause = _SOMEBODY_ELSES
            taken = Failure(Stage.SUBMIT, Reason.AMBIGUOUS, _SOMEBODY_ELSES)
            self._submitted(taken)
            return taken
        self._submitted(None)
        return None

    async def found(self, remote_id: str) -> None:
        """Make it durable that the upstream took this attempt on; raises RemoteIdTakenError."""
        accepted = self.attempt.moved(AttemptState.RUNNING, remote_id=remote_id, accepted_at=self.parts.now())
        await written(lambda: self.parts.store.move_attempt(self.attempt, accepted))
        self.attempt = accepted
        self._enter(Stage.QUEUE)

    async def step(self, lag_s: float = 0.0) -> float | Ending:
        """Ask once how far an accepted attempt is, `lag_s` later than planned, and read its finished video once.

        Returns for how many seconds there is nothing to do but to wait, as before the first question, or how it ended.
        """
        if self.attempt.provider not in self.parts.catalog.providers:
            return Failure(Stage.POLL, Reason.EXPIRED, "its provider is no longer configured")
        if self.alarm.rung:
            if self.watch is not None:
                self.watch.left()
            return Overtaken.YES
        if self.watch is None:
            return self.first_after_s()
        if (turn_s := self._turn_s()) > 0.0:
            return turn_s
        done = await self._look(self.watch, lag_s)
        if isinstance(done, Succeeded | Fetched):
            self._enter(Stage.DOWNLOAD)
        if not isinstance(done, Succeeded):
            return done
        ending = await self._fetch(done)
        self._enter(Stage.DOWNLOAD)
        # A link beside an unfinished status was worth a try; nobody called that video done or will surely bill it.
        return self._given_up if isinstance(ending, Failure) and self._given_up is not None else ending

    def hinted(self) -> float | None:
        """Take in that its provider says it has ended; return in how many seconds to ask it, None before the first."""
        after_s = None if self.watch is None else self.watch.hinted(self.parts.clock.monotonic())
        return after_s if self.turn is Turn.NONE else None

    def cut_short(self, ending: Failure, size: Size) -> bool:
        """Whether it ended only because its job had less time for it than videos there usually take."""
        if self.attempt.provider not in self.parts.catalog.providers:
            return False
        given_s = self._polling().deadline_s
        return self.parts.memory.cut_short(self.attempt, size, ending, self.job_deadline_at, given_s)

    def permits_kept(self) -> AbstractContextManager[None]:
        """Give the permits back with nothing said of the provider when what is done with them breaks."""
        return _NOTHING_HELD if self.permits is None else self.permits

    def ended(self, failure: Failure | None) -> None:
        """Give the permits back with what the attempt's end says of the provider."""
        if self.permits is not None:
            self.permits.ended(failure)

    def overtaken(self) -> None:
        """Give the permits back with nothing said of the provider."""
        if self.permits is not None:
            self.permits.abandon()

    async def _written_request(self, provider: Provider, video: VideoRequest) -> HttpRequest | None:
        """Have the adapter write the create, in a thread where images take it tens of milliseconds."""

        def write() -> HttpRequest | None:
            return written_by_adapter(lambda: self._submit_request(provider, video))

        return await asyncio.to_thread(write) if has_large_files(video) else write()

    def _submit_request(self, provider: Provider, video: VideoRequest) -> HttpRequest:
        """The create, with a word of ours in it where the upstream lists that, and with where its webhooks go."""
        adapter, hook = provider.adapter, provider.hook
        request = adapter.submit_request(video, self.attempt.upstream_model)
        if (keeper := reference_of(adapter)) is not None:
            request = keeper.referenced(request, self.attempt.id)
        if hook is None or hook.url is None or (hooking := hooked_create_of(adapter)) is None:
            return request
        return hooking.hooked(request, hook.url.reveal())

    async def _answer(self, request: HttpRequest) -> Accepted | Failure:
        """Send the submit and read what came of it."""
        provider = self.parts.provider(self.attempt.provider)
        match outcome := await self.parts.transport.send(provider.name, Operation.SUBMIT, request):
            case NotSent(cause):
                self.cause = cause
                return unsent(cause)
            case NoAnswer(cause):
                self.cause = cause
                return unanswered(cause)
            case HttpResponse(status):
                reading = read_submit(provider.adapter, outcome)
                if isinstance(reading, Failure):
                    self.cause = f"http status {status}"
                    tell_unknown(self.parts, provider.name, reading, self.video.prompt)
            case _:
                assert_never(outcome)
        # Whatever a dialect calls an answer that proves nothing, only the operator may buy again after it.
        if isinstance(reading, Failure) and consequences(reading).money is MoneyEffect.STAYS_PENDING:
            return replace(reading, stage=Stage.SUBMIT, reason=Reason.AMBIGUOUS)
        return reading

    def _submitted(self, failure: Failure | None) -> None:
        if self.permits is not None:
            self.permits.submitted(failure)

    def first_after_s(self) -> float:
        """Begin to watch over an accepted attempt; return in how many seconds to ask about it first."""
        watch = self.watched()
        if self.parts.memory.hints.hinted_early(self.attempt.provider, self.attempt.remote_id or ""):
            return watch.hinted(self.parts.clock.monotonic())
        return self._clipped(watch.first_poll_after_s(self.parts.rng), watch.polling)

    def watched(self) -> Watch:
        """Begin to watch over an accepted attempt."""
        age_s = max(0.0, self.parts.now() - self.attempt.submitted_at)
        durations = self.parts.memory.durations(self.attempt, self.video.size)
        watch = self.watch = Watch(self._polling(), self.parts.clock.monotonic(), age_s, durations)
        return watch

    async def _look(self, watch: Watch, lag_s: float) -> float | Succeeded | Fetched | Failure:
        """Poll once: the provider says how it ended, or a link gives the video, or the attempt has had its time."""
        clock = self.parts.clock
        watch.asks(clock.monotonic())
        reading = await self._poll(lag_s)
        if isinstance(reading, Succeeded) or (isinstance(reading, Failure) and reading.stage is not Stage.POLL):
            watch.ended(clock.monotonic())
            self.parts.memory.hints.ended(self.attempt.provider, self.attempt.remote_id or "")
            return reading
        if isinstance(reading, Running):
            self._enter(Stage.QUEUE if reading.queued else Stage.GENERATE)
        watch.saw(reading, clock.monotonic())
        overdue = watch.overdue(clock.monotonic(), self.parts.now() >= self.job_deadline_at)
        if overdue is not None:
            watch.left()
            late = Failure(self._stage if watch.answering else Stage.POLL, overdue, "it took too long")
            if not isinstance(reading, Running) or reading.url is None:
                return late
            self._given_up = late
            return beside_status(reading.url)
        if isinstance(reading, Running) and (fetched := await self._tried(watch)) is not None:
            return fetched
        slowdown = self.parts.health[self.attempt.provider].poll_slowdown()
        return self._clipped(watch.next_poll_after_s(clock.monotonic(), slowdown, self.parts.rng), watch.polling)

    async def _tried(self, watch: Watch) -> Fetched | None:
        """Fetch a video whose status lags behind its link; a link that gives none changes nothing."""
        monotonic = self.parts.clock.monotonic
        link = watch.link_due(monotonic())
        if link is None:
            return None
        done = beside_status(link)
        # Nobody is asked meanwhile, so a preview that trickles must not take long.
        within_s = min(watch.polling.link_settles_s, self._job_left_s())
        try:
            return Fetched(done, await self._read(done, within_s))
        except ContentError:
            watch.tried_link(monotonic())
            return None

    def _polling(self) -> Polling:
        return self.parts.catalog.polling(self.attempt.provider, self.attempt.offering_id)

    def _job_left_s(self) -> float:
        return max(0.0, self.job_deadline_at - self.parts.now())

    def _clipped(self, delay_s: float, polling: Polling) -> float:
        """Shorten a delay that would pass the job's deadline."""
        return min(delay_s, max(polling.interval_s_min, self._job_left_s()))

    async def _fetch(self, done: Succeeded) -> Ending:
        """Read the finished video once; a link that is late or broken is asked for again until its time is up.

        One beside an unfinished status was tried before: it must not keep the job from its next offering for long.
        """
        polling, monotonic = self._polling(), self.parts.clock.monotonic
        give_up_at = monotonic() + (polling.download_s_max if self._given_up is None else polling.link_settles_s)
        job_over_at = monotonic() + self._job_left_s() + FETCH_PAST_DEADLINE_S
        delay_s, ask_at = polling.interval_s_min, 0.0
        while True:
            over_at = job_over_at if self._given_up is None else min(give_up_at, job_over_at)
            try:
                return Fetched(done, await self._read(done, over_at - monotonic()))
            except ContentError as error:
                why = error
            if monotonic() + delay_s >= min(give_up_at, job_over_at):
                reason = Reason.EXPIRED if monotonic() + delay_s < give_up_at else Reason.UNREADABLE
                reason = Reason.UNREACHABLE if why.ours else reason
                self.cause = None if self._given_up else str(why)
                return Failure(Stage.DOWNLOAD, reason, str(why), cost_microusd=done.cost_microusd)
            await self.alarm.sleep(delay_s)
            if self.alarm.rung:
                return Overtaken.YES
            delay_s = min(2 * delay_s, polling.interval_s_max, FETCH_AGAIN_S_MAX)
            if monotonic() < ask_at:
                continue
            # The link may have been replaced, or the video taken back and refunded.
            match await self._poll():
                case Succeeded() as done:
                    give_up_at = give_up_at if self._given_up is None else monotonic() + polling.download_s_max
                    self._given_up = None
                case Running(url=str(url)) if done.url is None:
                    done = replace(beside_status(url), cost_microusd=done.cost_microusd)
                case Failure(stage=Stage.POLL, retry_after_s=wish_s):
                    ask_at = monotonic() + patience_s(wish_s)
                case Failure() as failure:
                    self._given_up = None
                    return failure
                case _:
                    pass

    async def _poll(self, lag_s: float | None = None) -> Running | Succeeded | Failure:
        # What an attempt is given up for, and a link that is broken, are no matter for a list that may be late.
        alone = lag_s is None or self._is_nearly_over()
        turn, self.turn = self.turn, Turn.NONE
        if turn is Turn.TOO_LATE:
            return NO_TURN
        in_turn, within_s, prompt = turn is Turn.TAKEN, self._turn_within_s(), self.video.prompt
        reading = await poll_once(
            self.parts, self.attempt, lag_s, prompt=prompt, alone=alone, in_turn=in_turn, turn_within_s=within_s
        )
        self.trail.polled(reading, self.parts.now())
        return reading

    def _turn_s(self) -> float:
        """Seconds until its provider takes another question. The job ends without one that comes too late for it."""
        if self.turn is not Turn.NONE:
            return 0.0
        turn_s, self.turn = next_turn(self.parts, self.attempt, self._turn_within_s())
        return turn_s

    def _turn_within_s(self) -> float:
        return self._job_left_s() + POLLED_PAST_DEADLINE_S

    def _is_nearly_over(self) -> bool:
        """Whether it is to be given up soon, moving or not, where a list might be asked about it."""
        if self.parts.provider(self.attempt.provider).polling.listed is ListPolling.OFF:
            return False
        polling = self._polling()
        left_s = min(self._job_left_s(), self.attempt.submitted_at + polling.deadline_s - self.parts.now())
        return left_s <= min(2 * polling.interval_s_max, ALONE_S_MAX)

    async def _read(self, done: Succeeded, within_s: float) -> Verified:
        """Read the video once; raises ContentError."""
        began_at = self.parts.now()
        try:
            verified = await fetch_once(self.parts, self.attempt, done, within_s)
        except ContentError as error:
            reason = Reason.UNREACHABLE if error.ours else Reason.UNREADABLE
            self.trail.downloaded(Download(began_at, self.parts.now(), reason, str(error)))
            raise
        self.trail.downloaded(Download(began_at, self.parts.now()))
        return verified

    def _enter(self, stage: Stage) -> None:
        """Add the time since the last step to the stage that was left."""
        now = self.parts.clock.monotonic()
        if self._stage_since is not None:
            spent_s = self.stage_seconds.get(self._stage, 0.0) + now - self._stage_since
            self.stage_seconds = {**self.stage_seconds, self._stage: spent_s}
        self._stage, self._stage_since = stage, now


def beside_status(url: str) -> Succeeded:
    """Take a link beside an unfinished status for the video's; when it dies, only its signature can tell."""
    return Succeeded(url, expires_at=link_expires_at(url))


def delivered(attempt: Attempt, fetched: Fetched, at: float) -> Attempt:
    """Return the attempt as succeeded, with all that is needed to serve its video."""
    return replace(
        attempt.moved(AttemptState.SUCCEEDED, ended_at=at),
        content_url=fetched.done.url,
        content_type=fetched.verified.content_type,
        content_bytes=fetched.verified.content_bytes,
        content_expires_at=fetched.done.expires_at,
    )
