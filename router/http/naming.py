"""What callers may know of providers: their aliases, or only numbers. Everything that renders a name asks here."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from router.core.catalog import Catalog
from router.core.job import Attempt, Job

_HIDDEN: Final = "[provider]"
# Hosts without a scheme are told from sentences by the ends that relays' addresses have, numbers by a port or a path.
_LINK: Final = re.compile(
    r"[a-z][a-z0-9+.-]{0,15}://\S+"
    r"|(?<![a-z0-9-])(?:[a-z0-9-]{1,63}\.){1,8}"
    r"(?:com|net|org|io|ai|cn|co|cc|dev|app|top|xyz|vip|pro|me|site|tech|cloud|online|shop|info|art|fun|run|work)(?![a-z0-9-])"
    r"(?::\d{1,5})?(?:/\S*)?"
    r"|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5}(?:/\S*)?|/\S*)",
    re.IGNORECASE,
)
_JOINT: Final = re.compile(r"[-_ ]")
# A shorter one may stand in the middle of any word.
_TELLING_CHARS_MIN: Final = 5
# Words of upstreams and of routing repeat, and looking through one of them for hundreds of names takes a while.
_TEXTS_KEPT: Final = 1_000
_PATTERNS_KEPT: Final = 200
# What IGNORECASE takes for an i although folding the case does not.
_DOTTED: Final = str.maketrans("İı", "ii")
# A label of a host that is as short as "api" or "com" names nobody.
_LABEL_CHARS_MIN: Final = 4


class Naming:
    """Names providers for callers; `addresses` are their base URLs, which upstreams' own words may quote.

    Shown, a provider has its alias, which others may share. Hidden, it is `provider-N`: in the order of a job's
    attempts where the job is told of, else in the order of the configuration's offerings, as is `offering-N`.
    """

    def __init__(self, catalog: Catalog, addresses: Mapping[str, str] | None = None, *, shown: bool = True) -> None:
        self.shown = shown
        self._aliases = {name: provider.alias or name for name, provider in catalog.providers.items()}
        in_order = tuple(dict.fromkeys(offering.provider for offering in catalog.offerings))
        self._numbers = {name: f"provider-{number}" for number, name in enumerate(in_order, 1)}
        self._offerings = {
            offering.id: self._alias_of(offering.id, offering.provider) if shown else f"offering-{number}"
            for number, offering in enumerate(catalog.offerings, 1)
        }
        self._selling = catalog.sellers
        self._catalog = catalog
        self._models = {offering.id: offering.model for offering in catalog.offerings}
        self._meant = _meant(self._aliases, self._offerings) if shown else {}
        self._public = frozenset(map(_bare, catalog.names))
        hidden = {
            word for word in _hidden_words(catalog, addresses or {}, shown=shown) if _bare(word) not in self._public
        }
        told_apart = sorted(hidden.union(catalog.names) if hidden else ())
        self._told_apart = tuple((_bare(word), word) for word in told_apart if len(word) > 1)
        self._without_hidden = lru_cache(_TEXTS_KEPT)(self._hide)

    def attempts(self, attempts: Iterable[Attempt]) -> list[str]:
        """Name the provider of each attempt of one job; one that is no longer configured has a number only."""
        told = [each.provider for each in attempts]
        names = self.in_order(told)
        return [names[provider] for provider in told]

    def in_order(self, providers: Iterable[str]) -> dict[str, str]:
        """Name providers; those that are hidden or no longer configured by the order in which they come first."""
        aliases = self._aliases if self.shown else {}
        return {
            name: aliases.get(name, f"provider-{number}") for number, name in enumerate(dict.fromkeys(providers), 1)
        }

    def offerings_in_order(self, offerings: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Name offerings, given with their providers, likewise."""
        named: dict[str, str] = {}
        for number, (offering_id, provider) in enumerate(dict.fromkeys(offerings), 1):
            known = self.shown and provider in self._aliases
            named[offering_id] = self._alias_of(offering_id, provider) if known else f"offering-{number}"
        return named

    def tells_of(self, offering_id: str, provider: str) -> bool:
        """Whether `words` knows everything that words about an offering could give away."""
        return provider in self._aliases and (self.shown or offering_id in self._offerings)

    def provider_name(self, provider: str) -> str:
        """Name a provider by its configured name."""
        return self._aliases[provider] if self.shown else self._numbers[provider]

    def offering_id(self, offering_id: str) -> str:
        """Name an offering by its configured id."""
        return self._offerings[offering_id]

    @property
    def selectable(self) -> tuple[str, ...]:
        """What a caller may name in `routing.only` and `routing.ignore`, as callers see it; nothing while hidden.

        Names that sell nothing any more are understood still, so that a repeated create means what it meant.
        """
        if not self.shown:
            return ()
        selling = (alias for name, alias in self._aliases.items() if name in self._selling)
        return tuple(dict.fromkeys((*selling, *self._offerings.values())))

    def meant(self, name: str) -> tuple[str, ...]:
        """Return the configured names that a caller means by an alias, a name or an offering; none if it is none."""
        return self._meant.get(name, ())

    @property
    def models(self) -> tuple[str, ...]:
        """What a caller may ask for: models, and groups of them."""
        return self._catalog.names

    def members(self, group: str) -> tuple[str, ...] | None:
        """The models of a group; None of a model."""
        return self._catalog.groups.get(group)

    def model_made(self, job: Job) -> str | None:
        """Return which model a completed job's video is of; None when nobody can tell any more."""
        if (delivered := job.delivered) is None:
            return None
        asked = job.video.model if job.video.model in self._catalog.models and not job.preferences.models else None
        return self._models.get(delivered.offering_id, asked)

    def sold_by(self, names: Iterable[str]) -> frozenset[str]:
        """Return the offerings that are, or belong to, those of these configured names."""
        own = frozenset(names)
        return frozenset(each.id for each in self._catalog.offerings if own.intersection((each.id, each.provider)))

    def words(self, text: str) -> str:
        """Return somebody else's words without links, and without what callers are not to know."""
        return self._without_hidden(text)

    def _hide(self, text: str) -> str:
        text = _LINK.sub("[link]", text)
        bare = _bare(text.translate(_DOTTED))
        # Most texts hold none of them, and one pattern of all is a hundred times slower.
        held = tuple(word for known, word in self._told_apart if known in bare)
        if not held:
            return text
        return _pattern(held).sub(lambda found: found[0] if _bare(found[0]) in self._public else _HIDDEN, text)

    def _alias_of(self, offering_id: str, provider: str) -> str:
        return f"{self._aliases[provider]}/{offering_id.removeprefix(f'{provider}/')}"


def _meant(aliases: Mapping[str, str], offerings: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Index providers by name and alias, and offerings by id and by the id that callers see."""
    meant: dict[str, list[str]] = {}
    for own, seen in (*aliases.items(), *offerings.items()):
        for name in dict.fromkeys((own, seen)):
            meant.setdefault(name, []).append(own)
    return {name: tuple(each) for name, each in meant.items()}


def _hidden_words(catalog: Catalog, addresses: Mapping[str, str], *, shown: bool) -> Iterator[str]:
    """Collect what would name a provider: of every one while hidden, else of those with an alias."""
    for name, provider in catalog.providers.items():
        if shown and (provider.alias or name) == name:
            continue
        yield from (name, provider.dialect, "" if shown else provider.alias or "")
        for host in (addresses.get(name, ""), *(f"//{host}" for host in provider.asset_hosts)):
            yield from _host_words(host)
    if not shown:
        for offering in catalog.offerings:
            yield from (offering.id, offering.upstream_model)


def _host_words(address: str) -> Iterator[str]:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return
    labels = host.split(".")
    if host:
        yield host
    if len(labels) > 1 and len(labels[-2]) >= _LABEL_CHARS_MIN and not labels[-1].isdecimal():
        yield labels[-2]


def _bare(word: str) -> str:
    """Spell a word without what upstreams may put for its hyphens."""
    return _JOINT.sub("", word).casefold()


@lru_cache(_PATTERNS_KEPT)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Match any of the words, the longest first, whatever their hyphens have become."""
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(_spelled, longest_first)), re.IGNORECASE)


def _spelled(word: str) -> str:
    spelled = "[-_ ]?".join(map(re.escape, _JOINT.split(word)))
    return spelled if len(word) >= _TELLING_CHARS_MIN else rf"(?<![A-Za-z0-9]){spelled}(?![A-Za-z0-9])"
