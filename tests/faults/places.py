"""Places of this machine where no provider can be reached: a name without address, a listener that lets nobody in."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

UNRESOLVED_URL: Final = "https://provider.invalid"


@contextmanager
def unresolved() -> Iterator[None]:
    """Let the system know no name below `.invalid` (RFC 6761), without asking the network."""
    asked = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **options: Any) -> Any:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return asked(host, *rest, **options)

    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        socket.getaddrinfo = asked


@contextmanager
def silent() -> Iterator[str]:
    """Listen with a queue that is full, so that the kernel answers no connect; yield the URL."""
    with ExitStack() as stack:
        listener, first, second = (stack.enter_context(socket.socket()) for _ in range(3))
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
