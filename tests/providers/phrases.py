"""How well answers in words nobody listed are read: precision and recall per reason and per stage of a file's answers.

usage: python -m tests.providers.phrases tests/phrases/FILE.json
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from providers import openai
from providers.adapter import HttpResponse
from providers.canonical import Failure
from providers.reading import read_poll, read_submit

NO_FAILURE = "(no failure)"


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer's labels and what it was read as."""

    name: str
    expected: tuple[str, str]
    read: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Score:
    """How often a label was right where it was read, and read where it was right."""

    label: str
    right: int
    read: int
    expected: int

    @property
    def precision(self) -> float:
        return self.right / self.read if self.read else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.expected if self.expected else 1.0


def readings(file: Path) -> list[Reading]:
    """Read every answer of a file."""
    return [_reading(answer) for answer in json.loads(file.read_text("utf-8"))]


def _reading(answer: dict[str, Any]) -> Reading:
    body = answer["body"]
    raw = body["text"].encode() if isinstance(body, dict) and body.keys() == {"text"} else orjson.dumps(body)
    headers = {name.lower(): value for name, value in answer.get("headers", {}).items()}
    read = {"submit": read_submit, "poll": read_poll}[answer["kind"]]
    found = read(openai, HttpResponse(answer["status"], headers, raw))
    told = (str(found.stage), str(found.reason)) if isinstance(found, Failure) else (NO_FAILURE, NO_FAILURE)
    return Reading(answer["id"], (answer["stage"], answer["reason"]), told)


def scores(pairs: Iterable[tuple[str, str]]) -> list[Score]:
    """A score for every label of pairs of what was expected and what was read."""
    counted = Counter(pairs)
    expected, read = Counter[str](), Counter[str]()
    for (wanted, told), times in counted.items():
        expected[wanted] += times
        read[told] += times
    labels = sorted({*expected, *read} - {NO_FAILURE})
    return [Score(label, counted[label, label], read[label], expected[label]) for label in labels]


def overall(found: list[Score]) -> Score:
    """Every label's score together, each answer counted once."""
    return Score(
        "all", sum(each.right for each in found), sum(each.read for each in found), sum(each.expected for each in found)
    )


def scores_of(found: list[Reading], part: int) -> list[Score]:
    """The scores of stages (part 0) or of reasons (part 1)."""
    return scores((reading.expected[part], reading.read[part]) for reading in found)


def table(found: list[Reading]) -> str:
    """Both tables, and every answer that was read wrongly."""
    lines = []
    for part, title in enumerate(("stage", "reason")):
        each = scores_of(found, part)
        lines.append(f"{title:<16}{'precision':>10}{'recall':>10}{'answers':>10}")
        lines += [f"{s.label:<16}{s.precision:>10.3f}{s.recall:>10.3f}{s.expected:>10}" for s in (*each, overall(each))]
        lines.append("")
    wrong = [each for each in found if each.read != each.expected]
    lines.append(f"{len(found) - len(wrong)} of {len(found)} answers read exactly right")
    lines += [f"  {each.name}: {'.'.join(each.expected)} read as {'.'.join(each.read)}" for each in wrong]
    return "\n".join(lines)


if __name__ == "__main__":
    print("\n\n".join(table(readings(Path(name))) for name in sys.argv[1:]))  # noqa: T201
