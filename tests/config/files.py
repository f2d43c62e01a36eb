"""Configurations to break: a sound one, and what is said of a changed one."""

from datetime import UTC, datetime
from pathlib import Path

from router.config import ConfigError, Settings, load

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = "sk-canary-1234567890"
ENVIRON = {"RELAY_KEY": KEY, "OTHER_KEY": "sk-other"}

SOUND = """\
policy:
  on_ambiguous: hold
providers:
  relay-a:
    dialect: jizhiai
    base_url: https://relay-a.example.com
    api_key: {env: RELAY_KEY}
    polling: {first_after_s: 5}
    offerings:
      - model: sora-2
        sizes: [720x1280, 1280x720]
        seconds: [10, 15]
        price: {per_clip: "0.12"}
"""


def changed(old: str, new: str, text: str = SOUND) -> str:
    """Return the sound configuration with one place changed."""
    assert text.count(old) == 1, f"{old!r} is in the text {text.count(old)} times"
    return text.replace(old, new)


def loaded(folder: Path, text: str, **environ: str) -> Settings:
    """Load a text as `router.yaml` of a folder, on a fixed day."""
    file = folder / "router.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, {**ENVIRON, **environ}, NOW)


def complaints(folder: Path, text: str, **environ: str) -> list[str]:
    """Return what is said of a text, one line a problem, from the file's name on."""
    said = ""
    try:
        loaded(folder, text, **environ)
    except ConfigError as error:
        said = str(error)
    assert KEY not in said
    return [line.removeprefix(f"{folder}/") for line in said.splitlines()]


def warned(folder: Path, text: str) -> list[str]:
    """Return the warnings that come with a text that loads."""
    return [problem.described("router.yaml") for problem in loaded(folder, text).warnings]
