"""System commands that tests run."""

import os
import shutil

import pytest


def command(name: str, package: str) -> str:
    """Find a system command; without it a test is skipped, and fails where `CI=true` wants everything run."""
    path = shutil.which(name)
    if path is None:
        message = f"{name} is not installed (Debian package {package})"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path
