"""What one attempt holds of its provider while it is under way."""

from collections.abc import Callable
from typing import NamedTuple

from providers.canonical import Failure, Stage
from router.core.breaker import Permit


class Reports(NamedTuple):
    """Whom the ends are told: one for all attempts of an account, because many are under way at once."""

    submit_ended: Callable[[Permit, Failure | None], None]
    video_ended: Callable[[Permit, Failure | None], None]
    leave: Callable[[], None]


class Held(NamedTuple):
    """What attempts hold that were under way before they were taken up: the same for all of one time and account.

    Each has permits of its own only when it is its turn to be asked about, for a hundred thousand may wait.
    """

    epoch: int
    reports: Reports


class AttemptPermits:
    """What one attempt holds of its provider: its submit's permit, its outcome's permit, and a place in flight.

    Every method may be called at any time and again; the first report of each end is the one that counts. As a context
    manager it gives back with nothing said of the provider what is held when what is done with it breaks.
    """

    __slots__ = ("_generate", "_reports", "_submit")

    def __init__(self, submit: Permit | None, generate: Permit, reports: Reports) -> None:
        self._submit = submit
        self._generate: Permit | None = generate
        self._reports = reports

    def __enter__(self) -> None:
        """Hold on to it."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give it back if anything broke."""
        if kind is not None:
            self.abandon()

    def submitted(self, failure: Failure | None = None) -> None:
        """Report how the submit ended; a failed one ends the attempt, and says nothing of how videos end."""
        submit, self._submit = self._submit, None
        if submit is not None:
            self._reports.submit_ended(submit, failure)
        if failure is not None:
            self.abandon()

    def ended(self, failure: Failure | None = None) -> None:
        """Report how the attempt ended, None meaning a video; its place in flight is free again."""
        if failure is not None and failure.stage is Stage.SUBMIT:
            self.submitted(failure)
            return
        generate, self._generate = self._generate, None
        if generate is not None:
            self._reports.video_ended(generate, failure)
            self._reports.leave()
        self.abandon()

    def abandon(self) -> None:
        """Give back whatever is still held without a word about the provider, as when the router itself gives up."""
        submit, self._submit = self._submit, None
        generate, self._generate = self._generate, None
        if submit is not None:
            submit.neutral()
        if generate is not None:
            generate.neutral()
            self._reports.leave()
