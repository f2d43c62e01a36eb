"""The configuration: a strict YAML document turned into the values that the other rooms work with."""

from router.config.loading import load
from router.config.problems import ConfigError, Problem
from router.config.report import check_table, described, group_table
from router.config.settings import Settings

__all__ = ["ConfigError", "Problem", "Settings", "check_table", "described", "group_table", "load"]
