"""How a violation of the schema is said to the person who wrote the file."""

import re
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from router.config.document import Document
from router.config.problems import Problem, YamlPath, choice, shortened, written
from router.config.schema import Config
from router.config.section import Section

_KINDS: Final[Mapping[str, str]] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of names to settings",
    "model_type": "a mapping of settings",
    "not_text": "a text",
}
_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than": ("must be more than", "gt"),
    "greater_than_equal": ("must be at least", "ge"),
    "less_than": ("must be less than", "lt"),
    "less_than_equal": ("must be at most", "le"),
}
_LENGTHS: Final[Mapping[str, tuple[str, str]]] = {
    "too_short": ("must have at least {} entry", "min_length"),
    "too_long": ("must have at most {} entries", "max_length"),
    "string_too_short": ("must have at least {} character", "min_length"),
    "string_too_long": ("must have at most {} characters", "max_length"),
}
# What to write where a key has no default.
MISSING: Final[Mapping[str, str]] = {
    "providers": "add an account that videos are bought with, such as `providers: {relay-a: {dialect: ..., "
    "base_url: ..., api_key: {env: RELAY_A_KEY}, offerings: [...]}}`",
    "dialect": "add the wire format that the provider speaks; a word that is none is answered with those there are",
    "base_url": "add the provider's address, such as `base_url: https://api.example.com`",
    "api_key": "say where the key is read from, such as `api_key: {env: RELAY_A_KEY}` or `api_key: {file: relay.key}`",
    "offerings": "list what the provider sells, such as `- {model: sora-2, sizes: [720x1280], seconds: [10], "
    'price: {per_clip: "0.12"}}`',
    "model": "add the name that callers ask for, such as `model: sora-2`",
    "sizes": "list the sizes that are sold, such as `sizes: [720x1280, 1280x720]`",
    "seconds": "list the durations that are sold, such as `seconds: [10, 15]`",
    "price": 'add what a video costs, such as `price: {per_clip: "0.12"}` or `price: {per_second: "0.10"}`',
    "amount": 'add what this tier costs, such as `amount: "0.12"`',
    "name": "add the caller's name in logs and reports, such as `name: backend`",
    "key_sha256": 'add the digest of the caller\'s key, such as `printf %s "$KEY" | sha256sum` prints',
    "usd": 'add what one unit is worth in US dollars, such as `usd: "0.14"`',
    "as_of": "add the day of the rate, such as `as_of: 2026-11-01`",
}
# Keys that there once were, and what to write instead.
_GONE: Final[Mapping[YamlPath, str]] = {
    ("routing", "price_exponent"): "is no key any more; `policy` took its place: write `policy: weighted` where every "
    "offering is to get a share by its `weight`, else remove the line: `expected_cost`, the default, asks whoever is "
    "expected to deliver a video for the least",
}
# What stands in these may be a secret, by mistake or not.
_UNQUOTED: Final = frozenset({"api_key", "auth", "query", "key_sha256", "base_url"})


def problems_of(error: ValidationError, document: Document, schema: type[Section] = Config) -> list[Problem]:
    """Say each violation of a schema once, with its place in the file."""
    return [_problem(details, document, schema) for details in error.errors(include_url=False, include_context=True)]


def _problem(details: ErrorDetails, document: Document, schema: type[Section]) -> Problem:
    path = details["loc"]
    if path not in document.spots and path[-1:] == ("[key]",):  # what the library appends when the key itself is wrong
        path = path[:-1]
    place = path if details["type"] == "missing" else document.known(path)
    return Problem(written(place), document.line(path), _message(details, document, schema, path, place))


def _message(details: ErrorDetails, document: Document, schema: type[Section], path: YamlPath, place: YamlPath) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "missing":
        return f"is missing; {missing}" if (missing := MISSING.get(str(path[-1]))) else "is missing"
    if kind == "extra_forbidden":
        return _GONE.get(path) or f"unknown key; {choice(str(path[-1]), _accepted_keys(schema, path[:-1]), 'keys')}"
    if kind == "literal_error":
        accepted = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        given = document.text(place) or ""
        return f"{shortened(given)} is not accepted; {choice(given, accepted, 'values')}"
    if kind == "unquoted_money":
        return f'money is written in quotes, so that nothing is rounded: write "{document.text(place)}"'
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{words} {context[bound]:.15g}"
    if kind in _LENGTHS:
        words, bound = _LENGTHS[kind]
        return words.format(context[bound])
    if kind in _KINDS:
        wanted = details["msg"] if kind == "not_text" else f"must be {_KINDS[kind]}"
        return wanted + _given(details, document, place)
    return details["msg"]


def _given(details: ErrorDetails, document: Document, place: YamlPath) -> str:
    """Say what stands there instead, and the usual cause."""
    text = document.text(place)
    if details["input"] is None:
        return ", but nothing stands there; fill it in, or remove the key to keep its default"
    if text is None:
        return f", not {'a list' if isinstance(details['input'], list) else 'a mapping'}"
    if not _UNQUOTED.isdisjoint(place):
        return ""
    return f", not {shortened(text)}{_usual_cause(details['type'], details['input'], text)}"


def _usual_cause(kind: str, value: object, text: str) -> str:
    if kind == "string_type":
        return f'; put it in quotes: "{text}"'
    if kind == "bool_type":
        return "; other words for yes and no are read as text"
    if kind not in ("int_type", "float_type") or not isinstance(value, str):
        return ""
    if re.fullmatch(r"-?\d+(:\d+)+", text):
        return "; clock notation is not accepted, write plain seconds"
    if re.fullmatch(r"-?0\d+", text):
        return "; write it without leading zeros"
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return "; write it without quotes"
    return ""


def _accepted_keys(schema: type[Section], path: YamlPath) -> list[str]:
    section = _section_at(schema, path)
    return list(section.model_fields) if section else []


def _section_at(schema: type[Section], path: YamlPath) -> type[Section] | None:
    """Find the section of the schema that stands at `path`."""
    kind: Any = schema
    for step in path:
        kind = _inside(_bare(kind), step)
    kind = _bare(kind)
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _inside(kind: Any, step: str | int) -> Any:
    if isinstance(kind, type) and issubclass(kind, Section):
        field = kind.model_fields.get(str(step))
        return field.annotation if field else None
    arguments = get_args(kind)
    return arguments[-1] if arguments else None


def _bare(kind: Any) -> Any:
    """Take off `Annotated` and `| None`."""
    while get_origin(kind) in (Annotated, Union, UnionType):
        kind = get_args(kind)[0]
    return kind
