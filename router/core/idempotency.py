"""A caller's promise that two creates are one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Scoped to its caller; `fingerprint` is the SHA-256 of what was asked, so that reuse for another body shows."""

    caller: str
    key: str
    fingerprint: str


class IdempotencyConflictError(Exception):
    """The key was used before, for a request with another body."""
