"""What an upstream of the OpenAI dialect does with its jobs beside making them: list, repeat, cancel."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class Habits:
    """OpenAI's own by default. `list_after_s` is how long a new job is missing from the list, in real seconds."""

    lists: bool = True
    list_after_s: float = 0.0
    echoes_prompt: bool = False
    keeps_metadata: bool = False
    cancels: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.list_after_s < math.inf:
            raise ValueError(f"list_after_s is {self.list_after_s}; it must be 0 or more seconds")

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Habits":
        """Read `NAME=VALUE`, or NAME for what is then so; raise ValueError that lists the names."""
        values: dict[str, bool | float] = {}
        for text in texts:
            name, separator, value = text.partition("=")
            if name == "list_after_s" and separator:
                values[name] = float(value)
            elif name in _SWITCHES and value in _WORDS:
                values[name] = _WORDS[value]
            else:
                raise ValueError(
                    f"{text!r} is no habit; accepted: {', '.join(_SWITCHES)} (=true, =false), list_after_s=N"
                )
        return cls(**values)  # type: ignore[arg-type]


_SWITCHES: Final = tuple(field.name for field in fields(Habits) if field.name != "list_after_s")
_WORDS: Final = {"": True, "true": True, "false": False}
OPENAIS_OWN: Final = Habits()
