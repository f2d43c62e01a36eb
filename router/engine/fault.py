"""What went wrong on the wire, in words of our own: the client library's texts hold whole URLs, keys and all."""

import errno
import os
from typing import Final

from aiohttp import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientOSError,
    ClientPayloadError,
    ClientResponseError,
    ClientSSLError,
    ConnectionTimeoutError,
    InvalidURL,
    ServerDisconnectedError,
    ServerFingerprintMismatch,
)

from router.engine.guard import ForbiddenAddressError, RefusedLinkError

# The first that fits counts: the library's classes inherit from one another.
_CAUSES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ClientConnectorDNSError, "the host name was not resolved"),
    (ClientSSLError, "TLS failed"),
    (ServerFingerprintMismatch, "TLS failed"),
    (ConnectionTimeoutError, "no connection in time"),
    (TimeoutError, "no complete answer in time"),
    (ServerDisconnectedError, "the connection was closed without an answer"),
    (ClientPayloadError, "the answer ended too early or was malformed"),
    (ClientResponseError, "the answer is not HTTP"),
    (InvalidURL, "the address cannot be read"),
)

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})


def cause_of(error: Exception) -> str:
    """Name a failure without anything of the address, the headers or the body."""
    if isinstance(error, RefusedLinkError):
        return str(error)
    for known, cause in _CAUSES:
        if isinstance(error, known):
            return cause
    match error:
        case ClientConnectorError(os_error=ForbiddenAddressError()):
            return "the link leads to an address outside the public internet"
        case ClientConnectorError(os_error=os_error):
            return f"no connection: {_errno_of(os_error)}"
        case ClientOSError(errno=None):
            return "the connection was closed too early"
        case ClientOSError():
            return f"the connection broke: {_errno_of(error)}"
        case _:
            return _class_of(error)


def is_ours(error: Exception) -> bool:
    """Whether nothing left this machine for a reason of its own: a link we refuse, no file or port left, no session."""
    match error:
        case RefusedLinkError() | RuntimeError():
            return True
        case ClientConnectorError(os_error=os_error):
            return isinstance(os_error, ForbiddenAddressError) or os_error.errno in _EXHAUSTED
        case _:
            return False


def _errno_of(error: OSError) -> str:
    if error.errno is None or error.errno not in errno.errorcode:
        return _class_of(error)
    return os.strerror(error.errno).lower()


def _class_of(error: Exception) -> str:
    return f"failed with {type(error).__name__}"
