"""What is wrong with a configuration, said so that its writer can act on it."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

YamlPath: TypeAlias = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to change. `path` is the YAML path as written in messages, `line` counts from 1."""

    path: str
    line: int | None
    message: str

    def described(self, file: str) -> str:
        """Write `FILE:LINE: path: message`, leaving out what is not known."""
        place = f"{file}:{self.line}" if self.line is not None else file
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line is not None else ""
        return f"{place}{self.path}: {self.message}" if self.path else f"{place}{self.message}"


class ConfigError(Exception):
    """A configuration that is not used. Holds every problem found; its text has one line for each.

    `digest` is the document's, and empty when the file could not be read; `key_files` are those that it names.
    """

    def __init__(
        self, file: str, problems: Iterable[Problem], digest: str = "", key_files: Iterable[Path] = ()
    ) -> None:
        self.file = file
        self.digest = digest
        self.key_files = tuple(key_files)
        self.problems = tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0))
        super().__init__("\n".join(problem.described(file) for problem in self.problems))


def described(file: object, problems: Iterable[Problem]) -> list[str]:
    """Write problems as `FILE:LINE: path: message`, one a line, in the order of the file."""
    return [problem.described(str(file)) for problem in sorted(problems, key=lambda problem: problem.line or 0)]


def written(path: YamlPath) -> str:
    """Write a path as `providers.relay-a.offerings[0].price`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + (step if _PLAIN_KEY.fullmatch(step) else shortened(step))
    return text


def shortened(text: str) -> str:
    """Quote a piece of the document on one line, at most 40 characters of it."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def choice(given: str, accepted: Iterable[str], noun: str) -> str:
    """Say which of the accepted words was probably meant, and which there are."""
    accepted = sorted(accepted)
    nearest = difflib.get_close_matches(given, accepted, n=1)
    guess = f"did you mean `{nearest[0]}`? " if nearest else ""
    return f"{guess}accepted {noun}: {', '.join(accepted)}"
