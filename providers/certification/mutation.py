"""Recorded answers, disturbed: cut, wrapped, retyped, respelled, but with their evidence still in them.

Equal seeds give equal answers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import orjson

from providers.adapter import HttpResponse, Json
from providers.canonical import Stage
from providers.certification.exchange import Exchange
from providers.certification.samples import BREAKDOWNS, ERRORS

Mutate: TypeAlias = Callable[[Random, bytes, Json], bytes]
Place: TypeAlias = tuple[str | int, ...]
Links: TypeAlias = tuple[Place, ...]

_LINK: Final = "https://cdn.example.test/v/added.mp4"
_JUNK_NAMES: Final = ("", "x_trace", "__proto__", "ключ", "\u0000", "a.b", "0", "x" * 300)
_JUNK: Final[tuple[Any, ...]] = (None, True, -1, 0.5, "", "completed", "x" * 2_000, [], {}, [[]], {"x": {"x": []}})
_HUGE: Final = (b"1e308", b"-1e308", b"1e999", b"9" * 400, b"-9223372036854775809", b"18446744073709551616", b"NaN")
# A private-use character keeps the place of a byte that is no text.
_HOLE: Final = "\ue000"
_BROKEN_BYTES: Final = (b"\x00", b"\x01", b"\x7f", b"\xff", b"\xc3", b"~")


@dataclass(frozen=True, slots=True)
class Mutated:
    """One disturbed answer, how it was disturbed, and which recorded one it was."""

    exchange: Exchange
    how: str
    response: HttpResponse


def cut(random: Random, raw: bytes, document: Json) -> bytes:  # noqa: ARG001 - all mutations are called alike
    """Lose the end."""
    return raw[: random.randrange(len(raw))] if raw else raw


def bytes_broken_in_values(random: Random, raw: bytes, document: Json) -> bytes:  # noqa: ARG001 - as above
    """Break a byte inside a text, so that it becomes no other text that means something."""
    at = random.random()
    broken = _replaced(document, random, str, lambda text: _with_hole(text, int(at * len(text))))
    return orjson.dumps(broken).replace(_HOLE.encode(), random.choice(_BROKEN_BYTES))


def _with_hole(text: str, at: int) -> str:
    return f"{text[:at]}{_HOLE}{text[at + 1 :]}"


def junk_added(random: Random, raw: bytes, document: Json) -> bytes:  # noqa: ARG001 - as above
    """Add keys that mean nothing, before and behind the others."""
    before = {name: random.choice(_JUNK) for name in random.sample(_JUNK_NAMES, 3)}
    behind = {name: random.choice(_JUNK) for name in random.sample(_JUNK_NAMES, 2) if name not in before}
    return orjson.dumps({**before, **document, **behind})


def null_bytes(random: Random, raw: bytes, document: Json) -> bytes:
    """Put NUL bytes around the answer, or into one of its texts."""
    if random.random() < 0.5:
        return random.choice((b"\x00" + raw, raw + b"\x00", raw + b"\x00" * 50))
    return orjson.dumps(_replaced(document, random, str, lambda text: f"{text}\u0000"))


def values_retyped(random: Random, raw: bytes, document: Json) -> bytes:  # noqa: ARG001 - as above
    """Write numbers as texts and texts inside a list or an object."""
    kind = random.choice((int, float, str))
    if kind is str:
        return orjson.dumps(_replaced(document, random, str, lambda text: random.choice(([text], {"value": text}))))
    return orjson.dumps(_replaced(document, random, kind, str))


def case_changed(random: Random, raw: bytes, document: Json) -> bytes:  # noqa: ARG001 - as above
    """Write every text in another case."""
    change = random.choice((str.upper, str.lower, str.title, str.swapcase))
    return orjson.dumps(_everywhere(document, change))


def wrapped(random: Random, raw: bytes, document: Json) -> bytes:
    """Put the whole answer into an envelope that calls itself a success, or into a list."""
    envelopes: tuple[Any, ...] = (
        {"data": document},
        {"code": "success", "message": "", "data": document},
        {"code": 0, "msg": "ok", "data": document},
        {"code": 200, "data": [document]},
        {"success": True, "result": document},
        {"data": {"data": document}},
        [document],
        [[document], []],
        {"data": raw.decode("utf-8", "replace")},
    )
    return orjson.dumps(random.choice(envelopes))


def keys_doubled(random: Random, raw: bytes, document: Json) -> bytes:
    """Say each of some keys twice; the second one is the recorded one, which readers of JSON believe."""
    if not raw.lstrip().startswith(b"{") or not document:
        return raw
    names = random.sample(sorted(document), min(len(document), random.randint(1, 3)))
    doubled = b",".join(orjson.dumps(name) + b":" + orjson.dumps(random.choice(_JUNK)) for name in names)
    return b"{" + doubled + b"," + raw.lstrip()[1:]


def huge_numbers(random: Random, raw: bytes, document: Json) -> bytes:  # noqa: ARG001 - as above
    """Add numbers that no variable holds."""
    return _with_raw_key(raw, random.choice((b"progress_x", b"x_cost", b"x_id")), random.choice(_HUGE))


def deep_nesting(random: Random, raw: bytes, document: Json) -> bytes:  # noqa: ARG001 - as above
    """Add a value deeper than readers go."""
    depth = random.choice((50, 500, 1_000, 3_000))
    value = b"[" * depth + b"]" * depth if random.random() < 0.5 else b'{"x":' * depth + b"1" + b"}" * depth
    return _with_raw_key(raw, b"x_deep", value)


MUTATIONS: Final[Mapping[str, Mutate]] = MappingProxyType(
    {
        "cut": cut,
        "bytes broken in values": bytes_broken_in_values,
        "junk keys added": junk_added,
        "NUL bytes": null_bytes,
        "values retyped": values_retyped,
        "case changed": case_changed,
        "wrapped": wrapped,
        "keys doubled": keys_doubled,
        "huge numbers": huge_numbers,
        "deep nesting": deep_nesting,
    }
)
_LEAVING_ALL_IN_PLACE: Final = ("cut", "junk keys added", "keys doubled", "huge numbers", "deep nesting")


def mutated(exchanges: tuple[Exchange, ...], count: int, seed: int, links: Links = ()) -> Iterator[Mutated]:
    """Disturb recorded answers, each in turn; every fourth one also has another error status in place of its own.

    Every tenth job also names a link at one of `links`, which does not make it a finished one. In answers of an
    output review everything stays in its place: some call the job completed, and only a word or a flag denies it.
    """
    random = Random(seed)  # noqa: S311 - chance that can be repeated
    for number in range(count if exchanges else 0):
        exchange = exchanges[number % len(exchanges)]
        reviewed = exchange.values.get("stage") == Stage.OUTPUT_REVIEW
        how = random.choice(_LEAVING_ALL_IN_PLACE if reviewed else tuple(MUTATIONS))
        status, body = exchange.response.status, exchange.response.body
        document = _object(body)
        if document is not None and links and exchange.kind == "poll" and not reviewed and random.random() < 0.1:
            place = random.choice(links)
            how = f"{how}, a link added at {'.'.join(map(str, place))}"
            document = _with_link(document, place)
            body = orjson.dumps(document)
        mutate = cut if document is None else MUTATIONS[how.partition(",")[0]]
        body = mutate(random, body, document or {})
        if random.random() < 0.25:
            status = random.choice((*ERRORS, *BREAKDOWNS))
            how += f", HTTP {exchange.response.status} to {status}"
        yield Mutated(exchange, how, HttpResponse(status, exchange.response.headers, body))


def link_places(exchanges: tuple[Exchange, ...]) -> Links:
    """Where recorded finished jobs name their links."""
    found: dict[Place, None] = {}
    for exchange in exchanges:
        url = exchange.values.get("url")
        if isinstance(url, str) and (document := _object(exchange.response.body)) is not None:
            found.update(dict.fromkeys(place for place, value in _leaves(document) if value == url))
    return tuple(found)


def _leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    if not isinstance(value, dict | list):
        yield place, value
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(inner, (*place, key))


def _with_link(value: Any, place: Place) -> Any:
    """Add a link where there is nothing; what is there stays."""
    if not place:
        return _LINK if value is None else value
    key, *rest = place
    if isinstance(key, int):
        return [_with_link(None, tuple(rest))] if value in (None, []) else value
    if value is None or isinstance(value, dict):
        return {**(value or {}), key: _with_link((value or {}).get(key), tuple(rest))}
    return value


def _object(body: bytes) -> Json | None:
    try:
        document = orjson.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _with_raw_key(raw: bytes, name: bytes, value: bytes) -> bytes:
    inner = raw.strip()[1:]
    return b'{"' + name + b'":' + value + (b"," if inner != b"}" else b"") + inner


def _replaced(document: Json, random: Random, kind: type, change: Callable[[Any], object]) -> Json:
    """Change one value of a kind, wherever it is; values that say nothing stay as they are."""
    found = [place for place in _places(document) if type(place[0][place[1]]) is kind and place[0][place[1]]]
    if found:
        holder, key = random.choice(found)
        holder[key] = change(holder[key])
    return document


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in tuple(items):
        yield value, key
        yield from _places(inner)


def _everywhere(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case dict():
            return {key: _everywhere(inner, change) for key, inner in value.items()}
        case list():
            return [_everywhere(inner, change) for inner in value]
        case _:
            return value
