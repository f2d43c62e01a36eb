"""Reads the keys that the configuration refers to; what it read is never part of a message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from router.config.findings import Findings
from router.config.literals import looks_secret
from router.config.problems import YamlPath, shortened
from router.config.provider_schema import KeySection
from router.core.secret import Secret

_BYTES_MAX = 8192
_KEY = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class KeySource:
    """The environment, and the folder in which relative key files lie; `files` are those that were asked for."""

    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    files: list[Path] = field(default_factory=list)

    def read(self, section: KeySection, path: YamlPath, findings: Findings) -> Secret | None:
        """Return the key without surrounding white space, or note why there is none."""
        if section.env is not None:
            return _from_environment(section.env, self.environ, (*path, "env"), findings)
        file = self.folder / (section.file or "")
        self.files.append(file)
        return _from_file(file, (*path, "file"), findings)


def _from_environment(name: str, environ: Mapping[str, str], path: YamlPath, findings: Findings) -> Secret | None:
    text = environ.get(name)
    if text is None:
        findings.error(path, f"the environment variable {name} is not set; set it before starting")
        return None
    if not text.strip():
        findings.error(path, f"the environment variable {name} is empty; put the provider's key into it")
        return None
    return _secret(text, f"the environment variable {name}", path, findings)


def _from_file(file: Path, path: YamlPath, findings: Findings) -> Secret | None:
    try:
        with file.open("rb") as stream:
            data = stream.read(_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
        # Somebody may have written the key itself where the file's name belongs.
        name = "" if looks_secret(file.name) else f" {shortened(str(file))}"
        findings.error(path, f"the key file{name} cannot be read: {reason}")
        return None
    if len(data) > _BYTES_MAX:
        findings.error(path, f"the key file is larger than {_BYTES_MAX} bytes; it must hold nothing but the key")
        return None
    text = data.decode("utf-8", "replace")
    if not text.strip():
        findings.error(path, "the key file is empty; put the provider's key into it")
        return None
    return _secret(text, "the key file", path, findings)


def _secret(text: str, source: str, path: YamlPath, findings: Findings) -> Secret | None:
    text = text.strip()
    if not _KEY.fullmatch(text):
        findings.error(path, f"{source} must hold one key of printable ASCII characters, without spaces or line ends")
        return None
    return Secret(text)
