"""Where providers are: base URLs and the hosts of their videos."""

import ipaddress
import re
from urllib.parse import urlsplit

_PRINTABLE = re.compile(r"[!-~]{1,512}")
_HOST = r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\])"
HOST_AND_PORT = rf"{_HOST}(?::[0-9]{{1,5}})?"


def base_url(text: str) -> str:
    """Return the URL that dialect paths are appended to; raise ValueError on what cannot be one.

    A trailing `/v1` or `/v2` is taken off: documentation shows it, and every dialect path brings its own version.
    """
    if not _PRINTABLE.fullmatch(text):
        raise ValueError("must be a URL of at most 512 printable ASCII characters without spaces")
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a URL; write it as https://api.example.com") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("must begin with https:// (or http:// on this machine), as in https://api.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user name or password; credentials belong into `api_key`")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError("must not contain `?` or `#`; parameters sent with every request belong into `query`")
    return re.sub(r"/+v[12]$", "", text.rstrip("/")).rstrip("/")


def sends_keys_openly(url: str) -> bool:
    """Whether requests to `url` would cross a network unencrypted."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _is_this_machine(parts.hostname or "")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
