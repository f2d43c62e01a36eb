"""A store on a real file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.engine.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "router.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(path, busy_timeout_s=0.05)
    yield store
    await store.close()
