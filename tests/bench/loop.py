"""The event loop of every process of the benchmark: the one that the router takes, too."""

import asyncio


def loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """Return uvloop's where it is installed."""
    try:
        from uvloop import Loop  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return Loop
