"""What the engine wants of a transport: an answer, or the certainty that nothing was sent, or neither."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from providers.adapter import HttpRequest, HttpResponse
from router.core.events import Operation

_LENGTH: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class NotSent:
    """Proof that the upstream saw nothing: no name, refusal, connect timeout, TLS, our own guard, or an early end."""

    cause: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request left and no complete answer came: it may have been acted upon."""

    cause: str


Outcome: TypeAlias = HttpResponse | NotSent | NoAnswer


class ContentError(Exception):
    """The bytes of a video could not be had. The message holds neither link nor query.

    `ours`: nothing left this machine, so the video may well be there: our guard, our pool, our own limits.
    `gone`: this link gives no video any more, and asking it again will not help; another one may.
    """

    def __init__(self, message: str, *, ours: bool = False, gone: bool = False) -> None:
        super().__init__(message)
        self.ours = ours
        self.gone = gone


class ContentExpiredError(ContentError):
    """The upstream kept the video until the moment it had told, and there is no other link."""


class SendableFile(Protocol):
    """Bytes that the kernel can send by itself; `left` is how many there still are."""

    left: int

    def attach(self, socket: int) -> int:
        """Send to this socket from now on; return a descriptor of it that stays valid as long as the file."""

    async def send(self) -> int:
        """Hand the next bytes to the socket's buffer and return how many; 0 when there is no room.

        Raises OSError when the connection is lost, and ContentError.
        """


@dataclass(frozen=True, slots=True)
class ContentStream:
    """An open answer. `chunks` raises ContentError when the bytes end too early or stall.

    Where there is a `file`, its bytes are the same ones, and whoever sends them needs no chunks.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    chunks: AsyncIterator[bytes] = field(repr=False)
    file: "SendableFile | None" = field(default=None, repr=False)

    @property
    def said_bytes(self) -> int:
        """How long it says it is; 0 when it does not."""
        said = self.headers.get("content-length", "")
        return int(said) if _LENGTH.fullmatch(said) else 0


class Transport(Protocol):
    """The only way out."""

    async def send(
        self, provider: str, operation: Operation, request: HttpRequest, lag_s: float | None = None
    ) -> Outcome:
        """Run one exchange within the provider's timeouts; never raises for anything the network does.

        `lag_s` is how much later than planned a poll leaves; it is only passed on into the event.
        """

    def open(
        self, provider: str, request: HttpRequest, headers: Mapping[str, str], *, for_caller: bool = False
    ) -> AbstractAsyncContextManager[ContentStream]:
        """Open a download; `headers` adds conditional ones such as Range. Raises ContentError.

        One `for_caller`, who may read as slowly as he likes, takes no connection from the engine's own.
        """
