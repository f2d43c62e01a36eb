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


def test_a_file_has_one_router_under_all_its_names(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "alias.db").symlink_to(tmp_path / "router.db")
    (tmp_path / "folder" / "link").symlink_to(tmp_path)
    with owned(tmp_path / "router.db"):
        for name in ("alias.db", "folder/link/router.db"):
            with pytest.raises(StoreUnavailableError, match="in use by another router"), owned(tmp_path / name):
                pass


def test_a_link_that_points_at_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "router.db").symlink_to(tmp_path / "router.db")
    with pytest.raises(StoreUnavailableError, match=r"router\.db"), owned(tmp_path / "router.db"):
        pass
