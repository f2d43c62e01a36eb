"""One row of the table of complaints, and the patterns it is made of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from providers.canonical import Reason, Stage
from providers.rules.text import bare, plain

GAP_CHARS = 28
AROUND_CHARS = 48
TRIES = 6
# What a statement's parts may have between them: never the end of a sentence.
_BETWEEN = r"[^.!?;。\n]{{0,{}}}?"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Words near each other, in plain text; `unless` says what must not stand around them.

    `stems` holds a list for each part of the statement: without a word of each the costly search need not begin.
    """

    regex: re.Pattern[str]
    stems: tuple[tuple[str, ...], ...] = ()
    unless: re.Pattern[str] | None = None

    def search(self, text: str) -> int | None:
        """Where the statement begins, or None."""
        if not all(any(stem in text for stem in stems) for stems in self.stems):
            return None
        for _, match in zip(range(TRIES), self.regex.finditer(text), strict=False):
            around = text[max(0, match.start() - AROUND_CHARS) : match.end() + AROUND_CHARS]
            if self.unless is None or self.unless.search(around) is None:
                return match.start()
        return None


def words(*lists: str, unless: str = "") -> Pattern:
    """A pattern that any one of these words makes; `*` stands for a word's ending, `|` is between words."""
    family = "|".join(lists)
    return Pattern(re.compile(_any_of(family), re.ASCII), (_stems(family),), _guard(unless))


def pairs(first: str, second: str) -> str:
    """Every word of one family followed by every word of another, as a family."""
    return "|".join(f"{one} {other}" for one in first.split("|") for other in second.split("|"))


def near(one: str, other: str, *, gap: int = GAP_CHARS, unless: str = "") -> Pattern:
    """A pattern of two families of words that stand in one sentence, in either order."""
    first, second, between = _any_of(one), _any_of(other), _BETWEEN.format(gap)
    regex = re.compile(f"{first}{between}{second}|{second}{between}{first}", re.ASCII)
    return Pattern(regex, (_stems(one), _stems(other)), _guard(unless))


def then(one: str, other: str, *, gap: int = GAP_CHARS, unless: str = "") -> Pattern:
    """A pattern of two families of words in this order."""
    regex = re.compile(_any_of(one) + _BETWEEN.format(gap) + _any_of(other), re.ASCII)
    return Pattern(regex, (_stems(one), _stems(other)), _guard(unless))


def _guard(unless: str) -> re.Pattern[str] | None:
    return re.compile(_any_of(unless), re.ASCII) if unless else None


@lru_cache(maxsize=256)
def _any_of(family: str) -> str:
    return f"(?:{'|'.join(_word(word) for word in family.split('|'))})"


@lru_cache(maxsize=256)
def _stems(family: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.rstrip("*") for word in family.split("|")))


def _word(word: str) -> str:
    """Spell one word as a regular expression; only what is written in Latin letters has borders."""
    stem = word.rstrip("*")
    text = re.escape(stem)
    if stem[:1].isascii():
        text = rf"\b{text}" if stem[:1].isalnum() else text
    if stem[-1:].isascii() and stem[-1:].isalnum():
        text += r"[a-z]{0,12}\b" if word.endswith("*") else r"\b"
    return text


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: codes match whole in any spelling, phrases and patterns anywhere in the plain words of code or message.

    `openings` are documented beginnings of answers that say no job was made, whatever their status.
    Without a `stage` it happened where it was told: at the submit, in the poll, in generation, or in the review that
    `providers.rules.reviews` finds.
    """

    reason: Reason
    stage: Stage | None = None
    codes: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    openings: tuple[re.Pattern[str], ...] = ()
    bare_codes: frozenset[str] = frozenset()

    def starts(self, text: str) -> Iterator[int]:
        """Where each of the row's phrases and patterns first stands in a plain text."""
        for phrase in self.phrases:
            if (start := text.find(phrase)) >= 0:
                yield start
        for pattern in self.patterns:
            if (found := pattern.search(text)) is not None:
                yield found

    def says(self, text: str) -> bool:
        """Whether a plain text holds one of the row's phrases or patterns."""
        return next(self.starts(text), None) is not None

    def opens(self, text: str) -> bool:
        """Whether a plain text begins as one of the openings."""
        return any(opening.match(text) for opening in self.openings)


def rule(
    reason: Reason,
    stage: Stage | None = None,
    *,
    codes: str = "",
    phrases: tuple[str, ...] = (),
    patterns: tuple[Pattern, ...] = (),
    openings: tuple[str, ...] = (),
) -> Rule:
    """Make a row; `codes` are apart by white space, `openings` are regular expressions over plain text.

    An opening belongs here only if it is documented of 5xx or 2xx answers that say no job was made.
    """
    return Rule(
        reason,
        stage,
        frozenset(codes.casefold().split()),
        tuple(plain(phrase) for phrase in phrases),
        patterns,
        tuple(re.compile(opening) for opening in openings),
        frozenset(bare(code) for code in codes.split()),
    )
