"""Recognises credentials that stand in the file where only plain settings belong."""

import re

_NAMES = re.compile(r"key|token|secret|passw|credential|bearer|signature|(?:^|[^a-z])(?:sig|auth|pwd)", re.IGNORECASE)
_ISSUED = re.compile(r"(?:^|[^a-z0-9])(?:[spr]k|key)[-_]|^(?:bearer|basic)\s|eyJ[A-Za-z0-9_-]{8}", re.IGNORECASE)
_RUN = re.compile(r"[A-Za-z0-9_+/=.~-]{24,}")


def names_a_secret(name: str) -> bool:
    """Whether a parameter of this name usually carries a credential, as `api_key`, `access_token` or `sig` do."""
    return _NAMES.search(name) is not None


def looks_secret(text: str) -> bool:
    """Whether a text has the form of a credential: a known beginning, or 24 letters and digits without a space."""
    return _ISSUED.search(text) is not None or any(
        re.search("[A-Za-z]", run) and re.search("[0-9]", run) for run in _RUN.findall(text)
    )
