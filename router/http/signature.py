"""Standard Webhooks, as OpenAI signs: the one check of it that is needed, in the standard library's hmac.

The reference implementation raises a bare ValueError for some malformed headers and takes the time from the process;
here everything that is not right is one error, and time is an argument.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from typing import Final

TOLERANCE_S: Final = 300.0
_ID_CHARS_MAX: Final = 256
_SIGNATURES_MAX: Final = 16
_PREFIX: Final = "whsec_"
_KEY_BYTES_MIN: Final = 16


class UnprovenError(Exception):
    """A webhook that its provider cannot be shown to have sent; the words quote nothing of it."""


def signing_key(secret: str) -> bytes:
    """Read `whsec_` and base64; raises ValueError."""
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except Error:
        key = b""
    if not secret.startswith(_PREFIX) or len(key) < _KEY_BYTES_MIN:
        raise ValueError(f"a signing secret is `{_PREFIX}` and at least {_KEY_BYTES_MIN} bytes of base64")
    return key


def event_id(headers: Mapping[str, str], now: float) -> str:
    """Return a webhook's id when its headers can be right, for what cannot be need not be read; raises UnprovenError.

    Header names are looked up in lower case.
    """
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if name not in headers]
    if missing:
        raise UnprovenError(f"the header {missing[0]} is missing")
    sent_at, webhook_id = headers["webhook-timestamp"], headers["webhook-id"]
    if not (sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= 12):
        raise UnprovenError("its timestamp is not a number of seconds")
    if abs(now - int(sent_at)) > TOLERANCE_S:
        raise UnprovenError(f"it was sent more than {TOLERANCE_S:.0f} s before or after this machine's time")
    if not 0 < len(webhook_id) <= _ID_CHARS_MAX:
        raise UnprovenError("its id is empty or too long")
    return webhook_id


def require_signature(key: bytes, headers: Mapping[str, str], body: bytes) -> None:
    """See that one of the signatures is of this body, under this id and time; raises UnprovenError.

    There are several while the secret of an endpoint is being replaced.
    """
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode("utf-8", "surrogateescape") + body
    expected = b64encode(hmac.digest(key, signed, "sha256"))
    for signature in headers["webhook-signature"].split(" ", _SIGNATURES_MAX)[:_SIGNATURES_MAX]:
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(expected, value.encode("utf-8", "surrogateescape")):
            return
    raise UnprovenError("no signature of it is right")
