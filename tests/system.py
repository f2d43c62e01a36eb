"""What tests need of the machine that they run on."""

import os
import shutil
from importlib import import_module
from typing import Any, NoReturn

import pytest


def command(name: str, package: str) -> str:
    """Find a system command; without it a test is skipped, and fails where `CI=true` wants everything run."""
    path = shutil.which(name)
    return _missing(f"{name} is not installed (Debian package {package})") if path is None else path


def library(name: str) -> Any:
    """Import a package that brings a library for some machines only; on others as for a missing command."""
    try:
        return import_module(name)
    except (ImportError, OSError) as error:
        _missing(f"{name} does not run on this machine: {error}")


def _missing(message: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
