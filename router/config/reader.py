"""Reading from a disk that may not answer: in a thread that neither the loop nor a stop waits for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def begun(work: Callable[[], T]) -> tuple[Thread, "asyncio.Future[T]"]:
    """Begin to work in a thread of its own, and return it with what comes of it; RuntimeError where there is none."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    reader = Thread(target=_told, args=(work, loop, future), name="config-reader", daemon=True)
    reader.start()
    return reader, future


def _told(work: Callable[[], T], loop: asyncio.AbstractEventLoop, future: "asyncio.Future[T]") -> None:
    """Work, and tell a future of another thread, unless nobody waits any more."""

    def tell(said: Callable[[], None]) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if future.done() else said())

    try:
        result = work()
    except Exception as error:  # noqa: BLE001 - whatever broke is told to the one who asked
        broke = error
        tell(lambda: future.set_exception(broke))
    else:
        tell(lambda: future.set_result(result))
