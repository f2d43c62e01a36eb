"""What is certified: an adapter with its recorded exchanges, found by the dialect's name or by `module:attribute`."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from providers.adapter import Adapter
from providers.canonical import Failure, Running
from providers.capabilities import lookup_of
from providers.certification.exchange import OUTCOMES, Exchange, ExchangeError, Kind, read_exchanges
from providers.registry import BUILT_IN, GROUP, DialectError, dialect, dialects, load, profiles

BODIES: Final = 3_000
MODEL: Final = "sora-2"


class SubjectError(LookupError):
    """Nothing that could be certified; the message says what to name instead."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: what was asked, what came back, and what to change."""

    asked: str
    got: str
    change: str


@dataclass(frozen=True, slots=True)
class Subject:
    """An adapter under certification. Equal `seed` and `bodies` ask it the same things again.

    `model` is an upstream's own name of a model, for dialects that do not take every name.
    """

    name: str
    adapter: Adapter = field(repr=False)
    exchanges: tuple[Exchange, ...] = field(repr=False)
    bodies: int = BODIES
    seed: int = 0
    model: str = MODEL

    @property
    def unfinished(self) -> Iterator[Exchange]:
        """The recorded failures and running jobs: none of them may ever become good news."""
        return (item for item in self.exchanges if item.outcome in {Failure, Running})

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of answers that the adapter reads."""
        return tuple(kind for kind in OUTCOMES if kind != "list" or lookup_of(self.adapter) is not None)


def subjects(name: str, exchanges: Path | None = None) -> tuple[Subject, ...]:
    """Find a dialect and its profiles; raise SubjectError, or ExchangeError when a recorded answer is malformed."""
    if exchanges is not None and not exchanges.is_dir():
        raise SubjectError(f"{exchanges} is no folder; name the one that holds the recorded answers (*.json)")
    adapter, module = _found(name)
    recorded = read_exchanges(exchanges if exchanges is not None else default_folder(name, module))
    known = profiles(adapter)
    for item in recorded:
        if item.profile is not None and item.profile not in known:
            accepted = ", ".join(sorted(known)) or "none; leave it out"
            raise ExchangeError(
                f"{item.name}.json: profile: {item.profile!r} is unknown to {name}; accepted: {accepted}"
            )
    plain = tuple(item for item in recorded if item.profile is None)
    own = {key: tuple(item for item in recorded if item.profile == key) for key in known}
    return (
        _subject(name, adapter, plain),
        *(_subject(f"{name}/{key}", profile.adapter, own[key] + plain) for key, profile in known.items()),
    )


def _subject(name: str, adapter: Adapter, exchanges: tuple[Exchange, ...]) -> Subject:
    """Leave out lists where the speaker has none; they are its dialect's."""
    subject = Subject(name, adapter, exchanges)
    return replace(subject, exchanges=tuple(item for item in exchanges if item.kind in subject.kinds))


def default_folder(name: str, module: str) -> Traversable:
    """Where a dialect's exchanges lie: a built-in's in this package or beside the checkout, else beside its module."""
    if name not in BUILT_IN:
        package = importlib.import_module(module).__package__
        return (files(package) if package else Path.cwd()) / "exchanges"
    shipped = files("providers.certification") / "exchanges" / name
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "tests" / "exchanges" / name


def _found(name: str) -> tuple[Adapter, str]:
    """Return the adapter and the name of its module."""
    if "/" in name or name.endswith(".py"):
        raise SubjectError(f"{name!r} is a file; name its module, for example my_package.dialect")
    try:
        if ":" in name or "." in name or (name not in dialects() and _is_module(name)):
            return _imported(EntryPoint(name, name, GROUP))
        adapter = dialect(name)
    except DialectError as error:
        raise SubjectError(
            f"{error}; install the package whose entry point in {GROUP!r} has this name, "
            "or name a module, for example my_package.dialect"
        ) from error
    module = next((point.module for point in entry_points(group=GROUP) if point.name == name), f"providers.{name}")
    return adapter, module


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:
        return False


def _imported(point: EntryPoint) -> tuple[Adapter, str]:
    advice = "name a module, for example my_package.dialect, or an adapter in it, my_package.dialect:adapter"
    if EntryPoint.pattern.match(point.value) is None:
        raise SubjectError(f"{point.value!r} names nothing; {advice}")
    try:
        adapter = load(point)
    except DialectError as error:
        raise SubjectError(f"{error}; {advice}") from error
    except Exception as error:  # a stranger's module may raise whatever it likes
        raise SubjectError(f"{point.value} cannot be imported: {type(error).__name__}: {error}") from error
    if isinstance(adapter, type):
        raise SubjectError(f"{point.value} is a class; name an instance of it")
    return adapter, point.module
