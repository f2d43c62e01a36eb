"""Recorded answers of upstreams, and how each must be read: one JSON file an exchange."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, assert_never, cast

import orjson

from providers.adapter import Adapter, HttpResponse
from providers.canonical import Accepted, Failure, ListedJob, ListedPage, Reason, Running, Stage, Succeeded
from providers.capabilities import Lookup, lookup_of
from providers.reading import read_lookup, read_poll, read_submit

Kind: TypeAlias = Literal["submit", "poll", "list"]
Reading: TypeAlias = Accepted | Running | Succeeded | ListedPage | Failure

OUTCOMES: Final[Mapping[Kind, tuple[type[Reading], ...]]] = MappingProxyType(
    {"submit": (Accepted, Failure), "poll": (Running, Succeeded, Failure), "list": (ListedPage, Failure)}
)
_KEYS = ("source", "kind", "response", "expected")
_KEYS_ALLOWED = (*_KEYS, "profile")
_RESPONSE_KEYS = ("status", "headers", "body")
_CLOSED = {"stage": tuple(Stage), "reason": tuple(Reason)}


class ExchangeError(ValueError):
    """An exchange file that says nothing, or something else than it may; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded answer; `values` are those fields of the expected `outcome` that matter.

    One with a `profile` was given by such a speaker of the dialect, and is read by the adapter of that profile.
    """

    name: str
    source: str
    kind: Kind
    response: HttpResponse
    outcome: type[Reading]
    values: Mapping[str, object]
    profile: str | None = None

    def read_by(self, adapter: Adapter) -> Reading:
        """Read the answer as the engine does, never raising."""
        return read(adapter, self.kind, self.response)

    def differences(self, reading: Reading) -> list[str]:
        """In what a reading is not as expected: `stage: got poll, expected submit`."""
        if type(reading) is not self.outcome:
            return [f"got {type(reading).__name__}, expected {self.outcome.__name__}"]
        got = _jobs_told(reading, self.values) if isinstance(reading, ListedPage) else asdict(reading)
        return [
            f"{key}: got {got[key]}, expected {value}"
            for key, value in self.values.items()
            if not same(got[key], value)
        ]


def _jobs_told(page: ListedPage, values: Mapping[str, object]) -> dict[str, object]:
    """A page as an exchange file says it: sizes as texts, and of each job those fields that the file names."""
    told = [{**asdict(job), "size": None if job.size is None else str(job.size)} for job in page.jobs]
    expected = values.get("jobs")
    if isinstance(expected, list) and len(expected) == len(told):
        told = [{name: job[name] for name in wanted} for job, wanted in zip(told, expected, strict=True)]
    return {"jobs": told, "cursor": page.cursor, "whole": page.whole}


def read(adapter: Adapter, kind: Kind, response: HttpResponse) -> Reading:
    """Read an answer as the engine does, never raising."""
    match kind:
        case "submit":
            return read_submit(adapter, response)
        case "poll":
            return read_poll(adapter, response)
        case "list":
            return read_lookup(listing(adapter), response)
        case _:
            assert_never(kind)


def listing(adapter: Adapter) -> Lookup:
    """The adapter as one that lists jobs; raise TypeError when it is none."""
    if (lookup := lookup_of(adapter)) is None:
        raise TypeError("this adapter has no lookup_request and read_lookup")
    return lookup


def same(got: object, expected: object) -> bool:
    """Whether two values are equal and, unlike in Python, 1 is not true."""
    return got == expected and isinstance(got, bool) == isinstance(expected, bool)


def read_exchanges(folder: Traversable) -> tuple[Exchange, ...]:
    """Read every `*.json` of a folder by name, none when there is no folder; raise ExchangeError on a malformed one."""
    if not folder.is_dir():
        return ()
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".json")), key=lambda item: item.name)
    return tuple(read_exchange(file.name, file.read_bytes()) for file in files)


def read_exchange(name: str, raw: bytes) -> Exchange:
    """Read one exchange file; raise ExchangeError that names the file, the key and what may be there."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ExchangeError(f"{name}: not JSON ({error})") from error
    _has_keys(name, "", document, _KEYS, _KEYS_ALLOWED)
    if not isinstance(document["source"], str) or not document["source"].strip():
        raise ExchangeError(f"{name}: source: say in words where this answer was seen or documented")
    if document["kind"] not in OUTCOMES:
        raise ExchangeError(f"{name}: kind: {_short(document['kind'])} is unknown; {_accepted(OUTCOMES)}")
    profile = document.get("profile")
    if not (profile is None or isinstance(profile, str)):
        raise ExchangeError(f"{name}: profile: accepted: the name of one of the dialect's profiles")
    kind = cast("Kind", document["kind"])
    outcome, values = _expected(name, kind, document["expected"])
    response = _response(name, document["response"])
    return Exchange(name.removesuffix(".json"), document["source"], kind, response, outcome, values, profile)


def _response(name: str, document: Any) -> HttpResponse:
    _has_keys(name, "response", document, _RESPONSE_KEYS)
    status, headers, body = (document[key] for key in _RESPONSE_KEYS)
    if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
        raise ExchangeError(f"{name}: response.status: {_short(status)} is no HTTP status; accepted: 100-599")
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ExchangeError(f"{name}: response.headers: accepted: an object of texts, for example {{}}")
    for header in headers:
        if header != header.lower():
            raise ExchangeError(f"{name}: response.headers: write {header!r} in lower case, as the transport does")
    return HttpResponse(status, headers, _raw(name, body))


def _raw(name: str, body: Any) -> bytes:
    if isinstance(body, dict) and body.keys() == {"text"} and isinstance(body["text"], str):
        return body["text"].encode()
    if not isinstance(body, dict | list):
        raise ExchangeError(f'{name}: response.body: accepted: the JSON object or list, or {{"text": "<html>..."}}')
    try:
        return orjson.dumps(body)
    except TypeError as error:
        raise ExchangeError(f'{name}: response.body: {error}; write it as {{"text": "..."}}') from error


def _expected(name: str, kind: Kind, document: Any) -> tuple[type[Reading], Mapping[str, object]]:
    outcomes = {outcome.__name__: outcome for outcome in OUTCOMES[kind]}
    if not isinstance(document, dict) or document.get("type") not in outcomes:
        told = _short(document.get("type")) if isinstance(document, dict) else _short(document)
        raise ExchangeError(f"{name}: expected.type: {told} cannot come of a {kind}; {_accepted(outcomes)}")
    outcome = outcomes[document["type"]]
    values = {key: value for key, value in document.items() if key != "type"}
    if outcome is ListedPage and not _is_jobs(values.get("jobs", [])):
        told = ", ".join(each.name for each in fields(ListedJob))
        raise ExchangeError(f"{name}: expected.jobs: accepted: a list of objects with any of {told}; a size as a text")
    known = [each.name for each in fields(outcome)]
    for key, value in values.items():
        if key not in known:
            raise ExchangeError(f"{name}: expected.{key}: {outcome.__name__} has no such field; {_accepted(known)}")
        if key in _CLOSED and value not in _CLOSED[key]:
            raise ExchangeError(f"{name}: expected.{key}: {_short(value)} is unknown; {_accepted(_CLOSED[key])}")
    if outcome is Failure and not {"stage", "reason"} <= values.keys():
        raise ExchangeError(f"{name}: expected: a Failure needs its stage and its reason; they decide what follows")
    return outcome, MappingProxyType(values)


def _is_jobs(value: Any) -> bool:
    known = {each.name for each in fields(ListedJob)}
    return isinstance(value, list) and all(isinstance(job, dict) and job.keys() <= known for job in value)


def _has_keys(name: str, at: str, document: Any, keys: tuple[str, ...], allowed: tuple[str, ...] = ()) -> None:
    place = f"{name}: {at}" if at else name
    if not isinstance(document, dict):
        raise ExchangeError(f"{place}: accepted: an object with {', '.join(keys)}")
    for key in keys:
        if key not in document:
            raise ExchangeError(f"{place}: {key!r} is missing; needed: {', '.join(keys)}")
    for key in document:
        if key not in (allowed or keys):
            raise ExchangeError(f"{place}: {key[:40]!r} is unknown; {_accepted(allowed or keys)}")


def _accepted(values: Any) -> str:
    return f"accepted: {', '.join(map(str, values))}"


def _short(value: object) -> str:
    return repr(value)[:60]
