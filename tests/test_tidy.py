"""What the code may look like, where no linter asks: sizes, doors, and names that belong elsewhere."""

import ast
import re
from pathlib import Path

import pytest

from providers.registry import dialects

ROOT = Path(__file__).parent.parent
PACKAGES = ("router", "providers")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TIDY = sorted({*SOURCES, *(ROOT / "grafana").rglob("*.py"), *(ROOT / "tests").rglob("*.py")})
FILE_LINES_MAX = 400
TEST_FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
# The name of a header that the official SDK reads; every other mention of a dialect is a branch on a provider.
EXEMPT = re.compile(r"openai-poll-after-ms")
CLIENT_DOORS = {"transport.py", "sessions.py", "address.py", "answer.py", "fault.py", "guard.py"}
CLIENT_NAMES = re.compile(r"\b(ClientSession|TCPConnector|ClientTimeout|ClientResponse)\b")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TIDY, ids=relative)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= (TEST_FILE_LINES_MAX if ROOT / "tests" in path.parents else FILE_LINES_MAX)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, node.name


def test_no_dialect_is_named_inside_the_router() -> None:
    names = re.compile(rf"\b({'|'.join(dialects())})\b")
    named = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in (ROOT / "router").rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if names.search(EXEMPT.sub("", line))
    ]
    assert named == []


def test_the_http_client_has_one_door() -> None:
    users = {
        relative(path)
        for path in (ROOT / "router").rglob("*.py")
        if CLIENT_NAMES.search(path.read_text()) and path.name not in CLIENT_DOORS
    }
    assert users == set()


def test_sql_has_one_door() -> None:
    store = ROOT / "router" / "engine" / "store"
    users = {
        relative(path)
        for path in SOURCES
        if store not in path.parents
        and re.search(r"^(import|from) (sqlite3|sqlalchemy|alembic)\b", path.read_text(), re.MULTILINE)
    }
    assert users == set()


def test_time_and_chance_are_arguments_of_core_and_engine() -> None:
    forbidden = re.compile(r"^(import (time|random)\b|from time import|from random import (?!Random$))", re.MULTILINE)
    users = {
        relative(path)
        for room in ("core", "engine")
        for path in (ROOT / "router" / room).rglob("*.py")
        if forbidden.search(path.read_text())
    }
    assert users == set()
