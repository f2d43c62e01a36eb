"""Samples of an upstream's own words, of which a log may show the pattern, but no prompt, link, key or id."""

import html
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from router.observe.scrubbing import BEARER, KEY, KEY_VALUE, USER_INFO, token

SAMPLE_CHARS_MAX: Final = 160
"""The longest sample."""

_MASK: Final = "…"
_READ_MAX: Final = 800
_NESTED_MAX: Final = 3
# What a prompt and a message share is the prompt's, often a name, and not chance, from so many characters on.
_SHARED_CHARS: Final = 12
_SHARED_LETTERS: Final = 8
_SHARED_IDEOGRAPHS: Final = 3
_FIRST_IDEOGRAPH: Final = "\u2e80"

_ESCAPED_UTF16: Final = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
_ESCAPED_BYTES: Final = re.compile(r"(?:\\x[0-9a-fA-F]{2})+")
_ESCAPED_SPACE: Final = re.compile(r"\\[nrtbfv]")
_ESCAPED_CHAR: Final = re.compile(r"\\(.)")

_LINKS: Final = (
    re.compile(r"(?i)[a-z][a-z0-9+.-]{0,15}:/{1,3}\S*"),
    re.compile(r"(?i)(?:data|blob):\S+"),
    re.compile(r"(?i)www\.\S+"),
    re.compile(r"(?i)(?<![a-z0-9-])(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?::\d{1,5})?/\S*"),
)
_LINK_PART: Final = re.compile(r"@|[?&;][\w.%-]{1,64}=")
_SECRETS: Final = (USER_INFO, BEARER, KEY_VALUE, KEY)
_FIELD_NAME: Final = re.compile(r"\"([A-Za-z_]{1,24})\"(?=\s?:)")
# A closing quote may have been cut off.
_QUOTED: Final = re.compile(
    r"\"[^\"]*(?:\"|$)|“[^”]*(?:”|$)|‘[^’]*(?:’|$)|「[^」]*(?:」|$)|『[^』]*(?:』|$)|《[^》]*(?:》|$)|«[^»]*(?:»|$)"
    r"|`[^`]*(?:`|$)|(?<!\w)'[^']*(?:'(?!\w)|$)"
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_+/=.~-]{8,}|\d{4,}")
_PLAIN_TOKEN: Final = re.compile(
    r"(?:[A-Za-z]?[a-z]{1,14}|[A-Z]{1,14})(?:[_./-](?:[A-Za-z]?[a-z]{1,14}|[A-Z]{1,14})){0,5}\.?|\d{2,4}x\d{2,4}"
)
_TOKEN_CHARS_MAX: Final = 15
_DIGITS: Final = re.compile(r"\d+")
_MASKS: Final = re.compile(rf"{_MASK}(?:[\s{_MASK}]*{_MASK})?")


def sample(words: str, prompt: str) -> str | None:
    """Return what is left of an upstream's words without anything that is the caller's, or looks like a secret.

    None when that cannot be told apart.
    """
    text = _plain(_unescaped(words[:_READ_MAX]))
    for pattern in (*_LINKS, *_SECRETS):
        text = pattern.sub(_MASK, text)
    text = " ".join(_MASK if _LINK_PART.search(word) else word for word in text.split(" "))
    prompts = tuple(dict.fromkeys((_plain(prompt), _plain(_unescaped(prompt)))))
    for known in prompts:
        text = _without_shared(text, known)
    text = _QUOTED.sub(_MASK, _FIELD_NAME.sub(r"\1", text))
    text = _TOKEN.sub(lambda found: found[0] if _harmless(found[0]) else _MASK, text)
    # Neither needs an escape in JSON then, so that a line holds the sample as it is.
    text = _plain(_MASKS.sub(_MASK, text.replace('"', "'").replace("\\", "/")))[:SAMPLE_CHARS_MAX]
    return None if any(shares(text, known) for known in prompts) else text


def harmless_code(code: str | None, prompt: str) -> str | None:
    """Return an upstream's code, None when it is not one short harmless word, or one of the prompt's."""
    word = token(code)
    return None if word is None or shares(word, prompt) else word


def without_digits(text: str) -> str:
    """Fold all numbers into one, which makes of many texts of one pattern the same."""
    return _DIGITS.sub("0", text)


def shares(text: str, prompt: str) -> bool:
    """Whether a text has a stretch of the prompt in it, whatever its case and its spaces."""
    return any(True for _ in _shared(text, prompt))


def _unescaped(text: str) -> str:
    """Undo the escapes of JSON, Python, HTML and URLs, also of a text inside a text."""
    for _ in range(_NESTED_MAX):
        before = text
        text = _ESCAPED_UTF16.sub(_utf16, text)
        text = _ESCAPED_BYTES.sub(_bytes, text)
        text = _ESCAPED_CHAR.sub(r"\1", _ESCAPED_SPACE.sub(" ", text))
        text = unquote(html.unescape(text), errors="replace")
        if text == before:
            break
    return text


def _utf16(found: re.Match[str]) -> str:
    return bytes.fromhex(found[0].replace("\\u", "")).decode("utf-16-be", "replace")


def _bytes(found: re.Match[str]) -> str:
    return bytes.fromhex(found[0].replace("\\x", "")).decode("utf-8", "replace")


def _plain(text: str) -> str:
    """Put one space for each stretch of what cannot be seen."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _without_shared(text: str, prompt: str) -> str:
    kept = list(text)
    for start, end in _shared(text, prompt):
        kept[start:end] = [_MASK] * (end - start)
    return "".join(kept)


def _shared(text: str, prompt: str) -> Iterator[tuple[int, int]]:
    """Find the stretches of `text` that are in the prompt: letters and digits alone, then all but case."""
    bare, spelled = re.sub(r"[\W_]+", "", prompt.casefold()), prompt.casefold()
    yield from _windows(*_folded(text, bare=True), bare, _SHARED_LETTERS)
    yield from _windows(*_folded(text, bare=True), bare, _SHARED_IDEOGRAPHS, ideographs=True)
    yield from _windows(*_folded(text, bare=False), spelled, _SHARED_CHARS)


def _folded(text: str, *, bare: bool) -> tuple[str, list[int]]:
    """Fold the case, and tell for each character of the result where in the text it is from."""
    pairs = [
        (folded, place) for place, char in enumerate(text) for folded in char.casefold() if not bare or folded.isalnum()
    ]
    return "".join(folded for folded, _ in pairs), [place for _, place in pairs]


def _windows(
    folded: str, places: list[int], prompt: str, chars: int, *, ideographs: bool = False
) -> Iterator[tuple[int, int]]:
    """Slide a window of so many characters, or of a whole prompt that is shorter, over a folded text."""
    width = min(chars, len(prompt))
    for start in range(len(folded) - width + 1 if width > 1 else 0):
        window = folded[start : start + width]
        if (not ideographs or min(window) >= _FIRST_IDEOGRAPH) and window in prompt:
            yield places[start], places[start + width - 1] + 1


def _harmless(token: str) -> bool:
    """Whether a token is made of words, or too short to be a key or an id."""
    if _PLAIN_TOKEN.fullmatch(token):
        return True
    return len(token) <= _TOKEN_CHARS_MAX and not any(char.isdecimal() for char in token)
