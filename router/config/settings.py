"""The configuration as values: everything that the composition root hands to the rooms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from router.config.problems import Problem
from router.config.schema import Config
from router.core.catalog import Catalog
from router.core.limits import Caller, MirrorSettings, RequestDefaults, ServerSettings
from router.core.policy import JobLimits
from router.core.reporting import ReportingSettings
from router.core.routing_settings import RoutingSettings
from router.engine.account import Account


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration without errors. `accounts` has one entry for each provider of the catalogue.

    `config` is what the file says, defaults included, and `digest` the start of its SHA-256; `key_files` are the files
    that keys were read from; `mirror` is None where finished videos are not kept.
    """

    file: Path
    digest: str
    config: Config = field(repr=False)
    catalog: Catalog
    accounts: Mapping[str, Account] = field(repr=False)
    routing: RoutingSettings
    limits: JobLimits
    server: ServerSettings
    defaults: RequestDefaults
    callers: tuple[Caller, ...] = ()
    reporting: ReportingSettings = field(default_factory=ReportingSettings)
    warnings: tuple[Problem, ...] = ()
    key_files: tuple[Path, ...] = ()
    mirror: MirrorSettings | None = None
