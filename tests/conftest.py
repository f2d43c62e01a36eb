"""Fixtures that every room's tests share."""

import signal

import pytest

from tests.system import command

# A shell starts what runs in its background with Ctrl-C ignored, and every program that a test starts would inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def ffprobe() -> str:
    """Path of ffprobe."""
    return command("ffprobe", "ffmpeg")
