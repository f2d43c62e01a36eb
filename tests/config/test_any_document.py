"""Whatever stands in the file, loading it gives settings or a ConfigError, and never shows a key."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.config import ConfigError, Settings, load
from router.config.document import parse
from tests.config.files import ENVIRON, KEY, NOW
from tests.config.test_loading import FULL

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["sora-2", "720x1280", "2026-11-01", "0.12", "hold", "openai", "https://x/v1", "USD", "url", "10"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
EXAMPLES = settings(max_examples=300, deadline=None)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("any")
    (folder / "relay.key").write_text(KEY, encoding="utf-8")
    return folder / "router.yaml"


def outcome(file: Path, content: bytes) -> Settings | ConfigError:
    file.write_bytes(content)
    try:
        return load(file, ENVIRON, NOW)
    except ConfigError as error:
        return error


def check(file: Path, content: bytes) -> None:
    result = outcome(file, content)
    if isinstance(result, ConfigError):
        assert result.problems
        # One line each, so that no value can forge another's.
        assert len(str(result).splitlines()) == len(result.problems)
    assert KEY not in str(result) + repr(result)


@EXAMPLES
@given(content=st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_refused_or_loaded(file: Path, content: bytes):
    check(file, content)


@EXAMPLES
@example(value={"[key]": None})
@given(value=VALUES)
def test_any_document_is_refused_or_loaded(file: Path, value: Any):
    check(file, yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "replace"))


def paths(value: Any) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((key, *deeper) for key, each in inner for deeper in paths(each))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a copy with something else at `path`."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


SOUND = parse(FULL, "full").value


@EXAMPLES
@given(path=st.sampled_from(paths(SOUND)), value=VALUES)
def test_a_sound_configuration_with_anything_in_any_place_is_refused_or_loaded(
    file: Path, path: tuple[Any, ...], value: Any
):
    check(file, yaml.safe_dump(replaced(SOUND, path, value), allow_unicode=True).encode("utf-8", "replace"))


def test_the_configuration_that_is_changed_is_sound(file: Path):
    assert isinstance(outcome(file, yaml.safe_dump(SOUND).encode()), Settings)
