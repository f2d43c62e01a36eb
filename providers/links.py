"""What a result link says of itself: until when its signature holds."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

# Query parameters, in small letters, that hold the end itself in seconds since 1970.
END_NAMES = ("expires", "x-oss-expires", "e", "exp", "expire", "expiry", "auth_expires", "x-expires")
EPOCH_DIGITS = 10
# Signatures that say when they were made and for how many seconds they hold.
SIGNED_NAMES = (
    ("x-amz-date", "x-amz-expires"),
    ("x-goog-date", "x-goog-expires"),
    ("x-tos-date", "x-tos-expires"),
    ("x-oss-date", "x-oss-expires"),
)
VALID_S_MAX = 366 * 86_400


def link_expires_at(url: str) -> float | None:
    """Wall seconds when a signed link dies, where its query says so plainly; None when it does not."""
    try:
        query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query, max_num_fields=64)}
    except ValueError:
        return None
    for date, seconds in SIGNED_NAMES:
        if date in query and seconds in query:
            return _end(query[date], query[seconds])
    ends = (query[name] for name in END_NAMES if name in query)
    return next((float(end) for end in ends if _is_epoch(end)), None) or _azure_end(query)


def _is_epoch(text: str) -> bool:
    return len(text) == EPOCH_DIGITS and text.isascii() and text.isdecimal() and text[0] != "0"


def _end(date: str, seconds: str) -> float | None:
    if not (seconds.isascii() and seconds.isdecimal() and 0 < len(seconds) <= EPOCH_DIGITS):
        return None
    try:
        signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return signed.timestamp() + int(seconds) if int(seconds) <= VALID_S_MAX else None


def _azure_end(query: dict[str, str]) -> float | None:
    """The end of an Azure shared access signature: `se`, beside `sig`, as an ISO date."""
    if "sig" not in query or "se" not in query:
        return None
    try:
        end = datetime.fromisoformat(query["se"])
    except ValueError:
        return None
    return end.timestamp() if end.tzinfo is not None else None
