"""The only reader of YAML: a bounded, literal subset, with the line of everything that was read."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import yaml

from router.config.problems import ConfigError, Problem, YamlPath, shortened, written

BYTES_MAX = 1024 * 1024
DEPTH_MAX = 16
NODES_MAX = 20_000
DIGEST_DIGITS = 12

# YAML 1.1 also reads `no` as false, `1:30` as 90 and `0123` as 83; here these stay text, and the schema complains.
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a node begins, counted from 1, and a scalar's text as written."""

    line: int
    column: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain values, and the spot of each by its path. `problems` did not keep it from being read.

    `digest` is the start of the SHA-256 of its bytes, by which two readings are told apart.
    """

    value: object
    spots: Mapping[YamlPath, Spot]
    problems: tuple[Problem, ...] = ()
    digest: str = ""

    def known(self, path: YamlPath) -> YamlPath:
        """Return the longest part of `path` that the file contains."""
        while path and path not in self.spots:
            path = path[:-1]
        return path

    def line(self, path: YamlPath) -> int | None:
        """Return the line of `path`, or of what encloses it."""
        spot = self.spots.get(self.known(path))
        return spot.line if spot else None

    def text(self, path: YamlPath) -> str | None:
        """Return a scalar as it is written in the file."""
        spot = self.spots.get(path)
        return spot.text if spot else None


def read_document(file: Path) -> Document:
    """Read a file; raise ConfigError when it cannot be had, is too large, or is not the accepted subset of YAML."""
    name = str(file)
    try:
        with file.open("rb") as stream:
            data = stream.read(BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
        raise ConfigError(name, [Problem("", None, f"cannot be read: {reason}")]) from None
    if len(data) > BYTES_MAX:
        raise ConfigError(name, [Problem("", None, f"is larger than {BYTES_MAX} bytes; split the configuration")])
    digest = hashlib.sha256(data).hexdigest()[:DIGEST_DIGITS]
    try:
        return replace(parse(_decoded(data, name), name), digest=digest)
    except ConfigError as error:
        error.digest = digest
        raise


def parse(text: str, name: str) -> Document:
    """Turn YAML text into a document; raise ConfigError, in which the file is called `name`."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except _Unacceptable as error:
        raise ConfigError(name, [*builder.problems, error.problem]) from None
    except yaml.YAMLError as error:
        raise ConfigError(name, [*builder.problems, _syntax(error, text)]) from None
    return Document(builder.value, MappingProxyType(builder.spots), tuple(builder.problems))


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(name, [Problem("", line, "is not UTF-8 text; save the file as UTF-8")]) from None


def _syntax(error: yaml.YAMLError, text: str) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode().count(b"\n", 0, error.position) + 1
        return Problem("", line, "is not valid YAML: it contains a control character")
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or "it cannot be read"
    hint = '; a text with ": " or " #" in it needs quotes' if "mapping values" in said else ""
    column = f" (column {mark.column + 1})" if mark else ""
    return Problem("", mark.line + 1 if mark else None, f"is not valid YAML: {said}{column}{hint}")


class _Unacceptable(Exception):  # noqa: N818 - it never leaves this module
    """Something after which reading on would only produce misleading messages."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence that is still open; `key` is the mapping key that waits for its value."""

    path: YamlPath
    into: dict[str, object] | list[object]
    key: str | None = None
    ignored: bool = False


@dataclass(slots=True)
class _Builder:
    """Puts events together without recursion, so that no input can exhaust the stack."""

    value: object = None
    spots: dict[YamlPath, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    documents: int = 0
    nodes: int = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise self._stop(event, "holds a second document; keep what follows `---` in a file of its own")
            case yaml.AliasEvent():
                raise self._stop(event, f"aliases are not accepted; write out what `*{event.anchor}` stands for")
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._open(event, {})
            case yaml.SequenceStartEvent():
                self._open(event, [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.frames.pop()

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._count(event)
        frame = self.frames[-1] if self.frames else None
        if frame is not None and isinstance(frame.into, dict) and frame.key is None:
            self._key(event, frame, frame.into)
        else:
            value = _plain(event.value) if event.implicit[0] else event.value
            self._place(event, value, event.value)

    def _key(self, event: yaml.ScalarEvent, frame: _Frame, into: dict[str, object]) -> None:
        frame.key, frame.ignored = event.value, event.value in into
        path = (*frame.path, event.value)
        if frame.ignored:
            message = f"the key is given twice, first in line {self.spots[path].line}; keep one of them"
            self.problems.append(Problem(written(path), _spot(event).line, message))
            # What is inside gets paths of its own, so that it does not overwrite the lines of the first.
            frame.key = f"{event.value} (again)"
        else:
            self.spots[path] = _spot(event)

    def _open(self, event: yaml.CollectionStartEvent, into: dict[str, object] | list[object]) -> None:
        self._count(event)
        frame = self.frames[-1] if self.frames else None
        if frame is not None and isinstance(frame.into, dict) and frame.key is None:
            raise self._stop(event, "a key must be a plain word, not a list or a mapping")
        if len(self.frames) >= DEPTH_MAX:
            raise self._stop(event, f"is nested more than {DEPTH_MAX} levels deep")
        self.frames.append(_Frame(self._place(event, into, None), into))

    def _place(self, event: yaml.NodeEvent, value: object, text: str | None) -> YamlPath:
        path: YamlPath = ()
        spot = _spot(event, text)
        if not self.frames:
            self.value = value
        elif isinstance((frame := self.frames[-1]).into, list):
            path = (*frame.path, len(frame.into))
            frame.into.append(value)
        else:
            key, frame.key = frame.key or "", None
            path = (*frame.path, key)
            # A person looks for the key, not for where its value begins.
            spot = replace(self.spots.get(path, spot), text=text)
            if not frame.ignored:
                frame.into[key] = value
        self.spots[path] = spot
        return path

    def _count(self, event: yaml.NodeEvent) -> None:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            raise self._stop(event, f"holds more than {NODES_MAX} values")
        if event.anchor:
            self._complain(event, f"anchors are not accepted; remove `&{event.anchor}` and write values out")
        if getattr(event, "tag", None):
            self._complain(event, f"tags are not accepted; remove {shortened(getattr(event, 'tag', ''))}")

    def _complain(self, event: yaml.Event, message: str) -> None:
        self.problems.append(self._stop(event, message).problem)

    def _stop(self, event: yaml.Event, message: str) -> _Unacceptable:
        frame = self.frames[-1] if self.frames else None
        path = (*frame.path, frame.key) if frame and frame.key is not None else (frame.path if frame else ())
        return _Unacceptable(Problem(written(path), _spot(event).line, message))


def _spot(event: yaml.Event, text: str | None = None) -> Spot:
    mark = event.start_mark
    return Spot(mark.line + 1, mark.column + 1, text) if mark else Spot(1, 1, text)


def _plain(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return text
