"""The configuration that commands begin with."""

import os
from pathlib import Path

from router.commands.terminal import stop, warn
from router.config.loading import load
from router.config.problems import ConfigError, described
from router.config.settings import Settings


def configured(config: Path) -> Settings:
    """Load a configuration and tell its warnings; end with why where it cannot be."""
    try:
        settings = load(config, os.environ)
    except ConfigError as error:
        stop(str(error))
    for warning in described(config, settings.warnings):
        warn(warning)
    return settings
