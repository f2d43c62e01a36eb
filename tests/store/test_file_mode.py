"""Prompts, images and signed links lie in the file, so nobody else on the machine reads it."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.engine.store import Store, owned
from tests.builders import a_job


@pytest.fixture(autouse=True)
def everybody_may_read() -> Iterator[None]:
    """Give new files the mode that most systems give them."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir() if not each.is_symlink()}


@pytest.mark.parametrize("name", ["router.db", "alias.db"])
async def test_a_new_file_and_those_beside_it_are_for_their_owner_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "alias.db").symlink_to(tmp_path / "router.db")
    with owned(tmp_path / name):
        store = await Store.open(tmp_path / name)
        await store.add_job(a_job())
        names = ("router.db", "router.db-wal", "router.db-shm", "router.db.lock")
        assert modes(tmp_path) == dict.fromkeys(names, 0o600)
        await store.close()


async def test_the_mode_of_an_existing_file_is_its_owners_to_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for mode, warnings in ((0o644, 1), (0o600, 0)):
        caplog.clear()
        path = tmp_path / f"{mode}.db"
        path.touch(mode)
        with caplog.at_level(logging.WARNING):
            await (await Store.open(path)).close()
        assert modes(tmp_path)[path.name] == mode
        assert [record.levelname for record in caplog.records if "chmod 600" in record.getMessage()] == [
            "WARNING"
        ] * warnings
