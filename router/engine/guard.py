"""Which addresses the router may be sent to by others: public ones, over https, and what the operator exempted."""

import ipaddress
import re
import socket
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, TypeAlias

from yarl import URL

IPAddress: TypeAlias = IPv4Address | IPv6Address
# What getaddrinfo gives: family, type, protocol, canonical name, socket address.
AddrInfo: TypeAlias = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]

URL_LENGTH_MAX: Final = 2048
_LINK_LENGTH_MAX: Final = 8192

# `is_global` differs between Python versions and calls some of these global: the registries of RFC 6890, deprecated
# IPv6 ranges, and two clouds' metadata services on addresses that are formally public or shared.
_DENIED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/3", "100.100.100.200/32", "168.63.129.16/32"),
        *("::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16"),
        *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAMES: Final = ("localhost", "local", "internal", "intranet", "lan", "home", "corp")
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f\\]")
_URI_ONLY: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
_NUMBER: Final = re.compile(r"(?:\d+|0[xX][0-9a-fA-F]*)")


class ForbiddenAddressError(OSError):
    """A connection was about to be made to an address that is not public."""

    def __init__(self) -> None:
        # One text for all: of several addresses that fail alike, the first error is reported as it is.
        super().__init__("not a public address")


class RefusedLinkError(Exception):
    """A link that is never fetched. The message says why and quotes nothing of it."""


def is_public(text: str) -> bool:
    """Whether an IP address, after unwrapping every IPv4 address inside it, is on the public internet."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_globally_routed(part) for part in _unwrap(address))


def guarded_socket(addr_info: AddrInfo) -> socket.socket:
    """Make the socket for one concrete address, or raise ForbiddenAddressError: checking and connecting are one step.

    It sees literals, every DNS answer and every redirect alike, so a name that changes its answer gains nothing.
    """
    family, kind, protocol, _, address = addr_info
    if family not in (socket.AF_INET, socket.AF_INET6) or not is_public(str(address[0])):
        raise ForbiddenAddressError
    return socket.socket(family, kind, protocol)


def parse_link(link: str, base: URL | None = None) -> URL:
    """Read a link as it must go over the wire, relative ones against `base`; raise RefusedLinkError when it is none.

    A signed link is kept byte for byte; one with characters that no URI holds is percent-encoded.
    """
    link = link.strip()
    if len(link) > _LINK_LENGTH_MAX:
        raise RefusedLinkError(f"the link is longer than {_LINK_LENGTH_MAX} characters")
    if _UNSAFE.search(link):
        raise RefusedLinkError("the link holds spaces, backslashes or control characters")
    try:
        url = URL(link, encoded=_URI_ONLY.fullmatch(link) is not None)
        joined = url if base is None else base.join(url)
        port = joined.explicit_port
    except ValueError:
        raise RefusedLinkError("the link cannot be read") from None
    if port is not None and not 0 < port <= 65_535:
        raise RefusedLinkError("the link names a port that does not exist")
    return joined


def is_exempt(url: URL, asset_hosts: frozenset[str]) -> bool:
    """Whether the operator listed this link's host (any port) or host:port, and so allows it to be private or http."""
    if url.scheme not in ("http", "https") or not url.raw_host:
        return False
    host = url.raw_host.lower()
    bracketed = f"[{host}]" if ":" in host else host
    return not asset_hosts.isdisjoint((host, bracketed, f"{bracketed}:{url.port}"))


def why_refused(url: URL, asset_hosts: frozenset[str] = frozenset()) -> str | None:
    """Say why a link must not be fetched, without quoting it, or None; the address itself is checked on connecting."""
    if url.user is not None or url.password is not None:
        return "the link holds a user name or a password"
    if is_exempt(url, asset_hosts):
        return None
    if (reason := _why_not_public(url)) is not None:
        return f"the link {reason}"
    return None if url.port == 443 else "the link names a port other than 443"


def check_public_url(url: str) -> str | None:
    """Say in a sentence why a caller's URL cannot be handed to an upstream, or None; resolves and fetches nothing."""
    if len(url) > URL_LENGTH_MAX:
        return f"The URL is longer than {URL_LENGTH_MAX} characters."
    if _UNSAFE.search(url):
        return "The URL holds spaces, backslashes or control characters; percent-encode them."
    try:
        parsed = URL(url)
        reason = _why_not_public(parsed)
        if reason is None and (parsed.user is not None or parsed.password is not None):
            reason = "must not hold a user name or a password"
    except ValueError:
        reason = "cannot be read; write https://host/path"
    return None if reason is None else f"The URL {reason}."


def _why_not_public(url: URL) -> str | None:
    if url.scheme != "https":
        return "must start with https://"
    host = (url.raw_host or "").rstrip(".").lower()
    if not host:
        return "must name a host"
    labels = host.split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        # A host that ends in a number is an IPv4 address for most resolvers, whichever way it is written.
        return None if is_public(host) else "must not name an address outside the public internet"
    if len(labels) < 2 or labels[-1] in _LOCAL_NAMES:
        return "must name a public host"
    return None


def _globally_routed(address: IPAddress) -> bool:
    denied = any(address.version == network.version and address in network for network in _DENIED)
    return address.is_global and not address.is_multicast and not denied


def _unwrap(address: IPAddress) -> tuple[IPAddress, ...]:
    match address:
        case IPv6Address(ipv4_mapped=IPv4Address() as inner) | IPv6Address(sixtofour=IPv4Address() as inner):
            return (inner,)
        case IPv6Address() if address in _NAT64:
            return (IPv4Address(int(address) & 0xFFFF_FFFF),)
        case IPv6Address(teredo=(server, client)):
            return (address, server, client)
        case _:
            return (address,)
