"""Where a provider is and how it is told who we are; only the transport reads this."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Account:
    """A base URL without a trailing slash, and the key sent as `header: prefix + key` on relative paths only."""

    base_url: str
    key: Secret
    header: str = "Authorization"
    prefix: str = "Bearer "
    query: Mapping[str, str] = field(default_factory=dict)
