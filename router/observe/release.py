"""Which version of the router runs."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _installed() -> str:
    try:
        return version("video-router")
    except PackageNotFoundError:
        return "unknown"


RELEASE: Final = _installed()
"""The installed version; `unknown` when it runs from a folder that was never installed."""
