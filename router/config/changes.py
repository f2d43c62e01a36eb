"""What differs between two configurations, in short lines for people that hold no secret."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from router.config.literals import looks_secret
from router.config.problems import YamlPath, written
from router.config.provider_schema import OfferingSection, TierSection
from router.config.schema import CallerSection
from router.config.section import Section
from router.config.settings import Settings
from router.core.money import usd

CHANGES_MAX: Final = 50
_TEXT_CHARS_MAX: Final = 80
_UNSET: Final = "unset"
_SOMETHING: Final = "..."
# What stands in these may be a secret, or the digest of one.
_UNTOLD: Final = frozenset({"key_sha256", "query", "prefix"})
_REFERENCES: Final = frozenset({"base_url", "public_url", "api_key", "webhook_secret", "header"})

S = TypeVar("S", bound=Section)


def changes(old: Settings, new: Settings) -> tuple[str, ...]:
    """Return a line for each change, such as `providers.relay-a.in_flight_max: 100 -> 50`; none when all is the same.

    Defaults that are written out are no change, and a key whose file or variable holds another one is.
    """
    return bounded([*_between((), old.config, new.config), *_other_keys(old, new)], CHANGES_MAX)


def bounded(lines: Sequence[str], lines_max: int) -> tuple[str, ...]:
    """Return so many lines at most, and one more that says how many there are besides."""
    more = len(lines) - lines_max
    return (*lines[:lines_max], f"and {more} more") if more > 0 else tuple(lines)


def _other_keys(old: Settings, new: Settings) -> Iterator[str]:
    for name, account in new.accounts.items():
        if name in old.accounts and old.accounts[name].key != account.key:
            yield _line(("providers", name, "api_key"), "another key")
    for name, provider in new.catalog.providers.items():
        before = old.catalog.providers.get(name)
        hooks = (before.hook, provider.hook) if before else (None, None)
        if hooks[0] is not None and hooks[1] is not None and hooks[0].secret != hooks[1].secret:
            yield _line(("providers", name, "webhook_secret"), "another secret")


def _between(path: YamlPath, old: object, new: object) -> Iterator[str]:
    if isinstance(old, Section) and isinstance(new, Section):
        for name in type(new).model_fields:
            yield from _between((*path, name), getattr(old, name, None), getattr(new, name))
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _between_mappings(path, old, new)
    elif (callers := _lists(CallerSection, old, new)) is not None:
        before, after = ({each.name: each for each in many} for many in callers)
        yield from _between_mappings(path, before, after, ordered=False)
    elif (offerings := _lists(OfferingSection, old, new)) is not None:
        yield from _between_offerings(path, *offerings)
    elif old != new:
        before_text, after_text = _told(path, old), _told(path, new)
        same = before_text == after_text
        yield _line(path, "changed" if same else f"{before_text} -> {after_text}")


def _between_mappings(
    path: YamlPath, old: Mapping[str, object], new: Mapping[str, object], *, ordered: bool = True
) -> Iterator[str]:
    for name in _every(old, new):
        place = (*path, name)
        if name in old and name in new:
            yield from _between(place, old[name], new[name])
        elif isinstance(value := old.get(name, new.get(name)), str | list) and _UNTOLD.isdisjoint(path):
            told = _told(place, value)
            yield _line(place, f"{_UNSET} -> {told}" if name in new else f"{told} -> {_UNSET}")
        else:
            yield _line(place, "added" if name in new else "removed")
    if ordered and _moved(old, new):
        yield _line(path, "in another order")


def _between_offerings(path: YamlPath, old: Sequence[OfferingSection], new: Sequence[OfferingSection]) -> Iterator[str]:
    """Compare offerings of one name, wherever they stand; the index is the new one, but for what was removed."""
    before, after = ({_name(each): index for index, each in enumerate(many)} for many in (old, new))
    for name in _every(before, after):
        if name not in after:
            yield _line((*path, before[name]), f"{name} removed")
        elif name not in before:
            yield _line((*path, after[name]), f"{name} added")
        else:
            yield from _between((*path, after[name]), old[before[name]], new[after[name]])
    if _moved(before, after):
        yield _line(path, "in another order")


def _lists(kind: type[S], *values: object) -> list[list[S]] | None:
    """Return the values if all of them are lists of this kind."""
    found = []
    for value in values:
        if not isinstance(value, list) or not all(isinstance(each, kind) for each in value):
            return None
        found.append(value)
    return found


def _name(offering: OfferingSection) -> str:
    return offering.name or offering.upstream_model or offering.model


def _every(old: Iterable[str], new: Iterable[str]) -> Iterable[str]:
    """Name everything once, what was there before first."""
    return dict.fromkeys((*old, *new))


def _moved(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    return [name for name in old if name in new] != [name for name in new if name in old]


def _line(path: YamlPath, what: str) -> str:
    return f"{written(path)}: {what}"


def _told(path: YamlPath, value: object) -> str:
    """Write a value as the file does, on one line of limited length."""
    if isinstance(value, int) and "usd" in str(path[-1]).split("_"):
        return usd(value)
    text = _text(value)
    if not _UNTOLD.isdisjoint(path) or not text.isprintable():
        return _SOMETHING
    # Some addresses hold a token, and some paths look as if they were one.
    if not _REFERENCES.isdisjoint(path) and looks_secret(text):
        return _SOMETHING
    return text if len(text) <= _TEXT_CHARS_MAX else text[: _TEXT_CHARS_MAX - 3] + "..."


def _text(value: object) -> str:
    match value:
        case None:
            return _UNSET
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case list():
            tiers = ", ".join(_tier(each) for each in value if isinstance(each, TierSection))
            return tiers or f"[{', '.join(map(str, value))}]"
        case _:
            return str(value)


def _tier(tier: TierSection) -> str:
    sizes = "" if tier.sizes is None else f" at {'/'.join(map(str, tier.sizes))}"
    seconds = "" if tier.seconds is None else f" for {'/'.join(map(str, tier.seconds))} s"
    return f"{tier.amount}{sizes}{seconds}"
