"""Remembers what was said already, so that a log says it once and a bounded number of times in all."""

from collections import Counter
from hashlib import blake2b


class Once:
    """What was said of each provider."""

    def __init__(self, said_max: int, said_of_provider_max: int) -> None:
        self._said_max = said_max
        self._said_of_provider_max = said_of_provider_max
        self._said: set[bytes] = set()
        self._of_provider: Counter[str] = Counter()

    def full(self, provider: str) -> bool:
        """Whether nothing more may be said of this provider."""
        return len(self._said) >= self._said_max or self._of_provider[provider] >= self._said_of_provider_max

    def first(self, provider: str, *texts: str) -> bool:
        """Take note of the texts; False when they were said before, or enough was said already."""
        told = "\0".join((provider, *texts)).encode("utf-8", "surrogatepass")
        digest = blake2b(told, digest_size=16).digest()
        if digest in self._said or self.full(provider):
            return False
        self._said.add(digest)
        self._of_provider[provider] += 1
        return True
