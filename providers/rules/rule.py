"""One row of the table of complaints, and the patterns it is made of."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from providers.canonical import Reason, Stage
from providers.rules.text import Text, bare, key_of, plain

GAP_CHARS = 28
AROUND_CHARS = 48
TRIES = 6
BRANCHED_CHARS = 3
# What a statement's parts may have between them: never the end of a sentence.
_BETWEEN = r"[^.!?;。\n]{{0,{}}}?"


class Regex:
    """A regular expression that is made when it is first needed: to make all of them is a third of all imports."""

    __slots__ = ("_made", "_written")

    def __init__(self, written: Callable[[], str]) -> None:
        self._written = written
        self._made: re.Pattern[str] | None = None
        _UNMADE.append(self)

    def made(self) -> re.Pattern[str]:
        """Return it compiled; any thread may ask."""
        if self._made is None:
            self._made = re.compile(self._written(), re.ASCII)
        return self._made


_UNMADE: list[Regex] = []


def make_patterns() -> None:
    """Make all there are, in whichever thread has the time, so that the first complaint holds nobody up."""
    with suppress(IndexError):
        while True:
            _UNMADE.pop().made()


@dataclass(frozen=True, slots=True)
class Pattern:
    """Words near each other, in plain text; `unless` says what must not stand around them.

    `parts` holds a set for each part of the statement: a text without a key of each needs no search. A topic names
    what is spoken of and states nothing: a message that begins with it may be a prompt.
    """

    regex: Regex
    parts: tuple[frozenset[str], ...] = ()
    unless: Regex | None = None
    is_topic: bool = False

    def search(self, text: Text) -> int | None:
        """Where the statement begins, or None."""
        if any(part.isdisjoint(text.keys) for part in self.parts):
            return None
        for _, match in zip(range(TRIES), self.regex.made().finditer(text.plain), strict=False):
            around = text.plain[max(0, match.start() - AROUND_CHARS) : match.end() + AROUND_CHARS]
            if self.unless is None or self.unless.made().search(around) is None:
                return match.start()
        return None


def words(family: str, *, unless: str = "", is_topic: bool = False) -> Pattern:
    """A pattern that any one of these words makes; `*` stands for a word's ending, `|` is between words."""
    return Pattern(Regex(lambda: _any_of(family)), (_keys(family),), _guard(unless), is_topic)


def pairs(first: str, second: str) -> str:
    """Every word of one family followed by every word of another, as a family."""
    return "|".join(f"{one} {other}" for one in first.split("|") for other in second.split("|"))


def near(one: str, other: str, *, gap: int = GAP_CHARS, unless: str = "") -> Pattern:
    """A pattern of two families of words that stand in one sentence, in either order."""

    def written() -> str:
        first, second, between = _any_of(one), _any_of(other), _BETWEEN.format(gap)
        return f"{first}{between}{second}|{second}{between}{first}"

    return Pattern(Regex(written), (_keys(one), _keys(other)), _guard(unless))


def then(one: str, other: str, *, gap: int = GAP_CHARS, unless: str = "") -> Pattern:
    """A pattern of two families of words in this order."""
    regex = Regex(lambda: _any_of(one) + _BETWEEN.format(gap) + _any_of(other))
    return Pattern(regex, (_keys(one), _keys(other)), _guard(unless))


def _guard(unless: str) -> Regex | None:
    return Regex(lambda: _any_of(unless)) if unless else None


@lru_cache(maxsize=256)
def _any_of(family: str) -> str:
    """Spell a family as a regular expression; only what begins or ends in Latin letters or digits has borders."""
    latin: list[str] = []
    others: list[str] = []
    for word in dict.fromkeys(family.split("|")):
        (latin if word[0].isascii() and word[0].isalnum() else others).append(word)
    branches = [rf"\b(?:{_branches(latin, BRANCHED_CHARS)})"] if latin else []
    family_of_words = f"(?:{'|'.join([*branches, *map(_tail, others)])})"
    if not others:
        return family_of_words
    # Rules out most places at once; Latin words have their borders for that.
    firsts = "".join(sorted({re.escape(word[0]) for word in (*latin, *others)}))
    return f"(?=[{firsts}]){family_of_words}"


def _branches(family: list[str], depth: int) -> str:
    """Part words by their first letters, so that a search rules out most of them at once."""
    if depth == 0 or len(family) < 2:
        return "|".join(map(_tail, family))
    by_letter: dict[str, list[str]] = {}
    for word in family:
        by_letter.setdefault(word[:1], []).append(word[1:])
    return "|".join(
        f"{re.escape(letter)}(?:{_branches(tails, depth - 1)})"
        if letter.isalnum()
        else "|".join(_tail(letter + t) for t in tails)
        for letter, tails in by_letter.items()
    )


def _tail(word: str) -> str:
    stem = word.rstrip("*")
    if word.endswith("*"):
        return rf"{re.escape(stem)}[a-z]{{0,12}}\b"
    return re.escape(stem) + (r"\b" if not stem or (stem[-1].isascii() and stem[-1].isalnum()) else "")


@lru_cache(maxsize=256)
def _keys(family: str) -> frozenset[str]:
    return frozenset(key_of(word) for word in family.split("|"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: codes match whole in any spelling, phrases and patterns anywhere in the plain words of code or message.

    `openings` are documented beginnings of answers that say no job was made, whatever their status. A row whose
    `ends_jobs` is False says nothing of a job that has ended. One that `is_weak` only names a topic: a whole machine
    code or a plain statement of something else outweighs it.
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
    ends_jobs: bool = True
    is_weak: bool = False

    def starts(self, text: Text, *, topics: bool = True) -> Iterator[int]:
        """Where each of the row's phrases and patterns first stands in a plain text."""
        for phrase in self.phrases:
            if (start := text.plain.find(phrase)) >= 0:
                yield start
        for pattern in self.patterns:
            if (topics or not pattern.is_topic) and (found := pattern.search(text)) is not None:
                yield found

    def says(self, text: Text) -> bool:
        """Whether a plain text holds one of the row's phrases or patterns."""
        return next(self.starts(text), None) is not None

    def opens(self, text: Text) -> bool:
        """Whether a plain text begins as one of the openings."""
        return any(opening.match(text.plain) for opening in self.openings)


def rule(
    reason: Reason,
    stage: Stage | None = None,
    *,
    codes: str = "",
    phrases: tuple[str, ...] = (),
    patterns: tuple[Pattern, ...] = (),
    openings: tuple[str, ...] = (),
    ends_jobs: bool = True,
    is_weak: bool = False,
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
        ends_jobs,
        is_weak,
    )
