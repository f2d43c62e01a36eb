"""Loads a configuration file: everything wrong with it at once, or settings that can be worked with."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from providers.adapter import Adapter
from providers.registry import DialectError, dialects
from router.config.checks import (
    check_baseline,
    check_budgets,
    check_callers,
    check_deadline,
    check_policy,
    check_priorities,
    check_server,
    rates,
)
from router.config.content_checks import check_content
from router.config.document import Document, read_document
from router.config.findings import Findings, mapping, valid
from router.config.keys import KeySource
from router.config.models import Groups, defaults_of, groups_of
from router.config.problems import ConfigError, Problem
from router.config.providing import Assembly
from router.config.schema import Config, PolicySection, ServerSection
from router.config.sellers import Sale, check_drained, check_ends
from router.config.selling import Market
from router.config.settings import Settings
from router.core.catalog import Catalog
from router.core.limits import RequestDefaults


def load(path: Path | str, environ: Mapping[str, str], now: datetime | None = None) -> Settings:
    """Read, check and assemble a configuration; raise ConfigError with every problem in it.

    `environ` holds the keys that `{env: NAME}` refers to; end dates and rates are compared with `now`.
    """
    file = Path(path)
    return assembled(file, read_document(file), environ, now)


def assembled(file: Path, document: Document, environ: Mapping[str, str], now: datetime | None = None) -> Settings:
    """Check and assemble a configuration that was read already, or changed since; raises as `load` does."""
    findings = Findings(document)
    config = findings.against_schema()
    root = mapping(findings.document.value)
    today = (now or datetime.now(UTC)).astimezone(UTC).date()
    market = Market(rates(root, today, findings), findings)
    policy = valid(PolicySection, root.get("policy", {}))
    steps = policy.failover_on if policy else {}
    server = valid(ServerSection, root.get("server", {}))
    public_url = server.public_url if server else None
    assembly = Assembly(_dialects(file), KeySource(environ, file.parent), market, steps, public_url)
    for name, value in mapping(root.get("providers")).items():
        assembly.add(name, value)
    groups = groups_of(root, assembly.sold, findings)
    _across(root, assembly, findings)
    check_content(root, file.parent, findings)
    defaults = defaults_of(root, assembly.sold, groups, findings)
    if config is None or defaults is None or findings.errors:
        raise ConfigError(str(file), findings.errors, findings.document.digest, assembly.keys.files)
    sale = Sale(assembly.providers, assembly.offerings, groups, assembly.paths)
    check_ends(sale, today, findings)
    check_drained(sale, today, findings)
    return _settings(file, config, assembly, groups, defaults)


def _across(root: Mapping[str, object], assembly: Assembly, findings: Findings) -> None:
    assembly.check_accounts()
    check_policy(root, assembly.offerings, findings)
    check_budgets(root, assembly.providers, assembly.offerings, findings)
    check_deadline(root, assembly.providers, findings)
    check_server(root, findings)
    check_callers(root, findings)
    check_baseline(root, findings)
    check_priorities(root, assembly.offerings, assembly.paths, findings)


def _settings(file: Path, config: Config, assembly: Assembly, groups: Groups, defaults: RequestDefaults) -> Settings:
    return Settings(
        file=file,
        digest=assembly.market.findings.document.digest,
        config=config,
        catalog=Catalog.of(tuple(assembly.providers), tuple(assembly.offerings), MappingProxyType(dict(groups))),
        accounts=MappingProxyType(assembly.accounts),
        routing=config.routing.build(),
        limits=config.policy.build(),
        server=config.server.build(),
        mirror=config.content.build(file.parent),
        defaults=defaults,
        callers=tuple(caller.build() for caller in config.callers),
        reporting=config.reporting.build(),
        warnings=tuple(assembly.market.findings.warnings),
        key_files=tuple(assembly.keys.files),
    )


def _dialects(file: Path) -> Mapping[str, Adapter]:
    try:
        return dialects()
    except DialectError as error:
        raise ConfigError(str(file), [Problem("", None, str(error))]) from None
