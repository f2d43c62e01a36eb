"""A file has one router at a time."""

from pathlib import Path

import pytest

from router.engine.store import StoreUnavailableError, owned


def test_a_second_router_on_the_same_file_is_turned_away(tmp_path: Path) -> None:
    with owned(tmp_path / "router.db"):
        with pytest.raises(StoreUnavailableError, match="in use by another router"), owned(tmp_path / "router.db"):
            pass
        with owned(tmp_path / "other.db"):
            pass
    with owned(tmp_path / "router.db"):
        pass


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="nowhere"), owned(tmp_path / "nowhere" / "router.db"):
        pass
