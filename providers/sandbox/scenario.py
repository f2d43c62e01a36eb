"""A scenario file: the faults each upstream begins with."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import yaml

from providers.sandbox.faults import FaultError, FaultRule, parse_rules
from providers.sandbox.prices import DialectName

Scenario: TypeAlias = Mapping[DialectName, tuple[FaultRule, ...]]
FILE_LIMIT = 256 * 1024


def read_scenario(path: Path) -> Scenario:
    """Read a YAML or JSON mapping of dialect to list of rules; raise FaultError with every mistake at once."""
    try:
        text = path.read_bytes()[: FILE_LIMIT + 1]
    except OSError as error:
        raise FaultError(f"{path}: cannot be read: {error.strerror}") from None
    if len(text) > FILE_LIMIT:
        raise FaultError(f"{path}: is longer than {FILE_LIMIT} bytes")
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FaultError(f"{path}: is not YAML: {error}") from None
    if not isinstance(document, dict):
        raise FaultError(f"{path}: must map {_names()} to lists of faults")
    return _read_sections(path, document)


def _read_sections(path: Path, document: dict[object, object]) -> Scenario:
    scenario: dict[DialectName, tuple[FaultRule, ...]] = {}
    mistakes: list[str] = []
    for name, rules in document.items():
        if name not in list(DialectName):
            mistakes.append(f"{path}: {name!r} is not an upstream; accepted are: {_names()}")
        elif not isinstance(rules, list):
            mistakes.append(f"{path}: {name}: must be a list of faults")
        else:
            try:
                scenario[DialectName(str(name))] = parse_rules(rules)
            except FaultError as error:
                mistakes.append(f"{path}: {name}: {error}")
    if mistakes:
        raise FaultError("\n".join(mistakes))
    return scenario


def _names() -> str:
    return ", ".join(DialectName)
