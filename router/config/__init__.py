"""The configuration: a strict YAML document turned into the values that the other rooms work with."""

from router.config.loading import load
from router.config.problems import ConfigError, Problem, described
from router.config.settings import Settings

__all__ = ["ConfigError", "Problem", "Settings", "described", "load"]
