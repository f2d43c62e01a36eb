"""Which dialects exist: the built-in ones and whatever is installed under `video_router.dialects`."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from providers import jizhiai, openai, shenma
from providers.adapter import Adapter, Profile

GROUP = "video_router.dialects"
# Named here as well, so that a source tree works before it is installed.
BUILT_IN: Mapping[str, Adapter] = MappingProxyType({"openai": openai, "jizhiai": jizhiai, "shenma": shenma})

FUNCTIONS = (
    "unsupported",
    "submit_request",
    "read_submit",
    "poll_request",
    "read_poll",
    "content_request",
)
PROFILE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


class DialectError(LookupError):
    """A dialect that does not exist, cannot be loaded, or claims a name that is taken."""


@cache
def dialects() -> Mapping[str, Adapter]:
    """Every dialect by name; raise DialectError when an installed one is broken."""
    found = dict(BUILT_IN)
    owners = {name: f"providers.{name}" for name in BUILT_IN}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        if owners.setdefault(point.name, point.value) != point.value:
            raise DialectError(
                f"two dialects are called {point.name!r}: {owners[point.name]} and {point.value}; "
                "rename the entry point of one"
            )
        if point.name not in found:
            found[point.name] = load(point)
    return MappingProxyType(found)


def dialect(name: str) -> Adapter:
    """One dialect by name; raise DialectError that lists the known ones."""
    known = dialects()
    if name not in known:
        raise DialectError(f"unknown dialect {name!r}; known: {', '.join(sorted(known))}")
    return known[name]


def profiles(adapter: Adapter) -> Mapping[str, Profile]:
    """The known speakers of a dialect by name, often none; raise DialectError when one of them is no profile."""
    offered = getattr(adapter, "PROFILES", {})
    if not isinstance(offered, Mapping):
        raise DialectError("PROFILES must map names to providers.adapter.Profile")
    for name, profile in offered.items():
        if not isinstance(name, str) or not PROFILE_NAME.fullmatch(name):
            raise DialectError(f"profile {name!r} must be named with lower-case letters, digits and hyphens")
        if not isinstance(profile, Profile):
            raise DialectError(f"profile {name!r} must be a providers.adapter.Profile")
        if missing := _missing(profile.adapter):
            raise DialectError(f"profile {name!r} lacks {missing}")
    return MappingProxyType(dict(offered))


def load(point: EntryPoint) -> Adapter:
    """Import an entry point; raise DialectError when it fails, is no adapter, or has a broken profile."""
    try:
        adapter: Adapter = point.load()
    except (ImportError, AttributeError) as error:
        raise DialectError(f"dialect {point.name!r} cannot be imported from {point.value}: {error}") from error
    if missing := _missing(adapter):
        raise DialectError(f"dialect {point.name!r} from {point.value} lacks {missing}")
    try:
        profiles(adapter)
    except DialectError as error:
        raise DialectError(f"dialect {point.name!r} from {point.value}: {error}") from error
    return adapter


def _missing(adapter: Adapter) -> str:
    return ", ".join(function for function in FUNCTIONS if not callable(getattr(adapter, function, None)))
