import errno
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from router.engine.fault import cause_of
from router.engine.guard import ForbiddenAddressError, RefusedLinkError

SIGNED = "https://cdn.canary.example/a.mp4?sig=canary"
HOST = ConnectionKey("cdn.canary.example", 443, True, True, None, None, None)
INFO = SimpleNamespace(real_url=URL(SIGNED))

ERRORS = [
    aiohttp.ClientConnectorDNSError(HOST, OSError(None, f"no such host: {SIGNED}")),
    aiohttp.ClientConnectorError(HOST, ConnectionRefusedError(errno.ECONNREFUSED, SIGNED)),
    aiohttp.ClientConnectorError(HOST, OSError(f"Multiple exceptions: {SIGNED}")),
    aiohttp.ClientConnectorError(HOST, ForbiddenAddressError()),
    aiohttp.ClientConnectorSSLError(HOST, OSError(1, SIGNED)),
    aiohttp.ClientConnectorCertificateError(HOST, OSError(1, SIGNED)),
    aiohttp.ConnectionTimeoutError(f"Connection timeout to host {SIGNED}"),
    aiohttp.SocketTimeoutError(SIGNED),
    aiohttp.ServerDisconnectedError(SIGNED),
    aiohttp.ClientOSError(errno.ECONNRESET, SIGNED),
    aiohttp.ClientOSError(99_999, SIGNED),
    aiohttp.ClientConnectionResetError(SIGNED),
    aiohttp.ClientPayloadError(SIGNED),
    aiohttp.ClientResponseError(INFO, (), status=400, message=SIGNED),
    aiohttp.InvalidURL(SIGNED),
    aiohttp.NonHttpUrlClientError(SIGNED),
    TimeoutError(SIGNED),
    ValueError(SIGNED),
    RuntimeError(SIGNED),
    OverflowError(SIGNED),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_cause_is_one_short_sentence_without_anything_of_the_address(error):
    cause = cause_of(error)
    assert 0 < len(cause) <= 80
    assert "canary" not in cause
    assert "://" not in cause


def test_a_known_failure_is_named_by_what_happened():
    assert cause_of(ERRORS[1]) == "no connection: connection refused"
    assert cause_of(ERRORS[9]) == "the connection broke: connection reset by peer"
    assert cause_of(RefusedLinkError("the link must start with https://")) == "the link must start with https://"
