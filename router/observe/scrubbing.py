"""What may be written of text that is not ours: no query of a link, no credentials, no more than a few words."""

import re
from functools import lru_cache
from hashlib import sha256
from typing import Final

_QUERY: Final = re.compile(r"(?<=[^\s?])[?#][^\s\"'<>)\]]+")
USER_INFO: Final = re.compile(r"(?<=://)[^\s/@\"']+@")
# Not \b, which sees no border between a Chinese sentence and what follows it without a space.
_BEGIN: Final = r"(?i)(?<![A-Za-z0-9])"
BEARER: Final = re.compile(_BEGIN + r"(bearer|basic)\s+[^\s\"',;]+")
KEY: Final = re.compile(_BEGIN + r"(?:sk|vr|pk|rk)[-_][\w-]{6,}")
KEY_VALUE: Final = re.compile(
    _BEGIN + r"((?:proxy-)?authorization|cookie|set-cookie|api[-_]?key|x-api-key|password|secret|token)"
    r"(['\"]?\s*[:=]\s*['\"]?)[^\s\"',;&}]+"
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_SCRUBBED: Final = "[scrubbed]"
_CAUSE_CHARS_MAX: Final = 200


def scrubbed(text: str, length_max: int = 500) -> str:
    """Return `text` without queries, user names and keys, cut to `length_max`."""
    # Scrub only what can be shown, and never cut a secret so that its rest is no longer known as one.
    text = text[: 4 * length_max]
    text = USER_INFO.sub("", BEARER.sub(rf"\1 {_SCRUBBED}", text))
    text = KEY_VALUE.sub(rf"\1\2{_SCRUBBED}", _QUERY.sub(f"?{_SCRUBBED}", text))
    return KEY.sub(_SCRUBBED, text)[:length_max]


def told_cause(cause: str | None) -> str | None:
    """Return what the router saw of a failure, in its own words, as operators may read it."""
    return None if cause is None else scrubbed(cause, _CAUSE_CHARS_MAX)


@lru_cache(maxsize=1_024)
def token(value: str | None) -> str | None:
    """Return an identifier or a code that an upstream chose, None when it is not one short harmless word."""
    if value is None or not _TOKEN.fullmatch(value) or KEY.search(value):
        return None
    return value


def fingerprint(prompt: str) -> str:
    """Return eight hexadecimal digits that tell two prompts apart without telling either."""
    return sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:8]
