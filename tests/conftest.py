"""Fixtures that every room's tests share."""

import pytest

from tests.system import command


@pytest.fixture(scope="session")
def ffprobe() -> str:
    """Path of ffprobe."""
    return command("ffprobe", "ffmpeg")
