"""Ids as parts of a path."""

import re
from urllib.parse import quote

_UNRESERVED = re.compile(r"[\w.~-]+", re.ASCII)


def path_segment(remote_id: str) -> str:
    """Quote an id so that it is one segment of a path, whatever it holds; most need it not (RFC 3986, 2.3)."""
    return remote_id if _UNRESERVED.fullmatch(remote_id) else quote(remote_id, safe="")
