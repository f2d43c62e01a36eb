"""Where everything found wrong is collected, so that all of it is said at once."""

from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from router.config.document import Document
from router.config.problems import Problem, YamlPath, written
from router.config.schema import Config
from router.config.section import Section
from router.config.wording import problems_of

S = TypeVar("S", bound=Section)


@dataclass(slots=True)
class Findings:
    """Errors keep the configuration from being used, warnings do not."""

    document: Document
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def error(self, path: YamlPath, message: str) -> None:
        """Note what must be changed."""
        self.errors.append(self._problem(path, message))

    def warn(self, path: YamlPath, message: str) -> None:
        """Note what is probably not meant."""
        self.warnings.append(self._problem(path, message))

    def against_schema(self) -> Config | None:
        """Validate the whole document; note every violation."""
        self.errors.extend(self.document.problems)
        try:
            return Config.model_validate(self.document.value)
        except ValidationError as error:
            self.errors.extend(problems_of(error, self.document))
            return None

    def within(self, key: str) -> bool:
        """Say whether anything is wrong in the section called `key`, or with the document as a whole."""
        return any(not error.path or error.path.startswith(key) for error in self.errors)

    def _problem(self, path: YamlPath, message: str) -> Problem:
        return Problem(written(path), self.document.line(path), message)


def valid(section: type[S], value: object) -> S | None:
    """Return this part alone if nothing is wrong with it; what is wrong was noted with the whole."""
    try:
        return section.model_validate(value)
    except ValidationError:
        return None


def mapping(value: object) -> dict[str, object]:
    """Return a mapping of the document, or an empty one in the place of anything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[object]:
    """Return a list of the document, or an empty one in the place of anything else."""
    return value if isinstance(value, list) else []
