"""`x-router-*` headers: the fields of `routing` for clients that cannot add any to a body."""

from collections.abc import Mapping
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy
from pydantic import ValidationError

from router.http.errors import invalid
from router.http.routing_body import HEADER_PREFIX, LISTS, Routing, RoutingBody, header_of, overfull

VALUE_CHARS_MAX: Final = 4_096
_FIELDS: Final[Mapping[str, str]] = {header_of(name): name for name in RoutingBody.model_fields}
_ALL: Final = frozenset(_FIELDS.values())


def routing_of_headers(headers: CIMultiDict[str] | CIMultiDictProxy[str]) -> RoutingBody | None:
    """Read what a request's headers say of its routing, None when it is nothing; raises ApiError 400."""
    if HEADER_PREFIX not in " ".join(headers).lower():
        # Nearly every request has none, and clients send twenty others.
        return None
    said: dict[str, list[str]] = {}
    for header, text in headers.items():
        if header.lower().startswith(HEADER_PREFIX):
            said.setdefault(_field(header.lower()), []).append(text)
    if not said:
        return None
    document = {name: _value(name, texts) for name, texts in said.items()}
    routing = Routing(RoutingBody(), _ALL)
    if (name := overfull(document)) is not None:
        raise routing.wrong(name)
    try:
        return RoutingBody.model_validate(document)
    except ValidationError as error:
        raise routing.wrong(str(error.errors(include_url=False, include_input=False)[0]["loc"][0])) from None


def _field(header: str) -> str:
    if (name := _FIELDS.get(header)) is None:
        shown = header[:64]
        message = f"unknown header {shown!r}; the headers of a routing are {', '.join(_FIELDS)}"
        raise invalid(message, shown, "unknown_parameter")
    return name


def _value(name: str, texts: list[str]) -> str | list[str] | dict[str, str]:
    """Turn a header's text into what the body's field would be; a list may come in several headers of its name."""
    routing, listed = Routing(RoutingBody(), _ALL), name in LISTS or name == "failover_on"
    if len(texts) > 1 and not listed:
        raise routing.invalid(name, " was sent more than once; send it once")
    text = ",".join(texts)
    if len(text) > VALUE_CHARS_MAX:
        raise routing.invalid(name, f" is longer than the {VALUE_CHARS_MAX} characters that are accepted")
    if not text.isprintable():
        raise routing.invalid(name, " must be readable text")
    parts = [part.strip() for part in text.split(",")]
    if name in LISTS:
        return parts
    return _steps(routing, parts) if listed else text.strip()


def _steps(routing: Routing, parts: list[str]) -> dict[str, str]:
    steps: dict[str, str] = {}
    for part in parts:
        failure, is_said, step = (each.strip() for each in part.partition("="))
        if not is_said or failure in steps:
            raise routing.wrong("failover_on")
        steps[failure] = step
    return steps
