"""Which dialects exist: the built-in ones and whatever is installed under `video_router.dialects`."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from providers import jizhiai, openai, shenma
from providers.adapter import Adapter

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


def load(point: EntryPoint) -> Adapter:
    """Import an entry point; raise DialectError when it fails or is no adapter."""
    try:
        adapter: Adapter = point.load()
    except (ImportError, AttributeError) as error:
        raise DialectError(f"dialect {point.name!r} cannot be imported from {point.value}: {error}") from error
    missing = [function for function in FUNCTIONS if not callable(getattr(adapter, function, None))]
    if missing:
        raise DialectError(f"dialect {point.name!r} from {point.value} lacks {', '.join(missing)}")
    return adapter
