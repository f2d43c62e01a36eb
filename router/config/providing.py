"""Turns a provider's section into the provider, its account and its offerings."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.adapter import Adapter, Profile
from providers.canonical import ListPolling
from providers.capabilities import list_polling_of, listed_polls_of, lookup_of
from providers.registry import profiles
from router.config.addresses import base_url, sends_keys_openly
from router.config.checks import check_failover
from router.config.findings import Findings, mapping, sequence, valid
from router.config.keys import KeySource
from router.config.literals import looks_secret, names_a_secret
from router.config.problems import YamlPath, choice, shortened
from router.config.provider_schema import (
    BreakerSection,
    KeySection,
    OfferingSection,
    PollingSection,
    ProviderSection,
)
from router.config.selling import Assortment, Market, assortment_of, offering_id, offering_of
from router.config.webhooks import hook_of
from router.core.catalog import BreakerSettings, Offering, Polling, Provider, Timeouts
from router.core.failover import failover_on
from router.core.hook import Hook
from router.core.lookup import LookupMode
from router.core.policy import OnAmbiguous
from router.core.secret import Secret
from router.engine.account import Account


@dataclass(slots=True)
class Assembly:
    """Collects what the providers' sections become; parts of a faulty provider are checked as far as they are sound.

    `sold` has what every legible offering would sell, also those that are not in `offerings` for another error, and
    `paths` where each stands.
    """

    dialects: Mapping[str, Adapter]
    keys: KeySource
    market: Market
    failover_on: Mapping[str, str] = field(default_factory=dict)
    public_url: str | None = None
    providers: list[Provider] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    offerings: list[Offering] = field(default_factory=list)
    sold: list[Assortment] = field(default_factory=list)
    paths: dict[str, YamlPath] = field(default_factory=dict)

    def add(self, name: str, value: object) -> None:
        """Check a provider, and keep what it sells."""
        findings, path, parts = self.market.findings, ("providers", name), mapping(value)
        speaker = self._speaker(parts.get("dialect"), parts.get("profile"), path)
        key = self._key(parts.get("api_key"), path)
        hook = hook_of(path, parts, speaker, self.public_url, self.keys, findings) if speaker else None
        _check_address(parts, path, findings)
        _check_query(parts, path, findings)
        _check_times(parts, path, findings)
        for index, each in enumerate(sequence(parts.get("offerings"))):
            self._offer(name, each, speaker.adapter if speaker else None, (*path, "offerings", index))
        section = valid(ProviderSection, value)
        if section is not None:
            check_failover(path, section.failover_on, findings)
            if speaker is not None:
                _check_lookup(section, speaker.adapter, path, findings)
                _check_listed(section, speaker.adapter, path, findings)
        if section is not None and speaker is not None and key is not None:
            self.providers.append(_provider(name, section, speaker.adapter, self.failover_on, hook))
            self.accounts[name] = _account(section, key, speaker)

    def check_accounts(self) -> None:
        """See whether an account that is said to be this router's alone belongs to one provider only."""
        for provider in self.providers:
            mine = self.accounts[provider.name]
            others = [
                name
                for name, account in self.accounts.items()
                if name != provider.name and (account.base_url, account.key) == (mine.base_url, mine.key)
            ]
            if provider.lookup.mode is LookupMode.EXCLUSIVE and others:
                message = (
                    f"{others[0]} uses the same account, so a listed job may be the other's; choose identified, or "
                    "give each a key of its own account"
                )
                self.market.findings.error(("providers", provider.name, "lookup", "mode"), message)

    def _speaker(self, dialect: object, name: object, path: YamlPath) -> Profile | None:
        """Find the named profile of a dialect; without a name the dialect itself, with the usual way to send a key."""
        if not isinstance(dialect, str) or not dialect:
            return None
        adapter = self.dialects.get(dialect)
        if adapter is None:
            message = f"{shortened(dialect)} is not a known dialect; {choice(dialect, self.dialects, 'dialects')}"
            self.market.findings.error((*path, "dialect"), message)
            return None
        if not isinstance(name, str):
            return Profile(adapter) if name is None else None
        known = profiles(adapter)
        if name not in known:
            message = f"{shortened(name)} is not a profile of {dialect}; {choice(name, known, 'profiles')}"
            none = f"{dialect} has no profiles; remove this line"
            self.market.findings.error((*path, "profile"), message if known else none)
        return known.get(name)

    def _key(self, value: object, path: YamlPath) -> Secret | None:
        section = valid(KeySection, value)
        return self.keys.read(section, (*path, "api_key"), self.market.findings) if section else None

    def _offer(self, provider: str, value: object, adapter: Adapter | None, path: YamlPath) -> None:
        section = valid(OfferingSection, value)
        if section is None:
            return
        findings = self.market.findings
        self.sold.append(assortment_of(section, provider))
        first = self.paths.setdefault(offering_id(section, provider), path)
        if first != path:
            message = (
                f"{offering_id(section, provider)} is already sold in line {findings.document.line(first)}; "
                "give one of the two a `name`, or make one offering with price tiers of them"
            )
            findings.error(path, message)
        offering = offering_of(section, provider, adapter, path, self.market)
        if offering is not None:
            self.offerings.append(offering)


def _check_address(parts: Mapping[str, object], path: YamlPath, findings: Findings) -> None:
    url = parts.get("base_url")
    if not isinstance(url, str) or parts.get("allow_unencrypted") is True:
        return
    try:
        address = base_url(url)
    except ValueError:
        return
    if sends_keys_openly(address):
        message = (
            "http:// would send the key and every prompt unencrypted to another machine; "
            "use https://, or add `allow_unencrypted: true` if the network in between is yours"
        )
        findings.error((*path, "base_url"), message)


def _check_query(parts: Mapping[str, object], path: YamlPath, findings: Findings) -> None:
    for name, value in mapping(parts.get("query")).items():
        # A name that is itself a key must not be repeated as part of the path.
        place = (*path, "query") if looks_secret(name) else (*path, "query", name)
        if looks_secret(name) or names_a_secret(name) or (isinstance(value, str) and looks_secret(value)):
            message = (
                "looks like a key, and keys are never written into this file; remove it, and let `api_key` read the "
                "key: `{env: NAME}` or `{file: PATH}`, sent in `auth.header`; replace this key if the file was shared"
            )
            findings.error(place, message)


def _check_times(parts: Mapping[str, object], path: YamlPath, findings: Findings) -> None:
    polling = valid(PollingSection, parts.get("polling", {}))
    if polling is not None:
        place = (*path, "polling")
        if polling.interval_s_min > polling.interval_s_max:
            findings.error((*place, "interval_s_min"), _order("interval_s_max", polling.interval_s_max))
        deadlines = {(*place, "deadline_s"): polling.deadline_s}
        for index, each in enumerate(sequence(parts.get("offerings"))):
            section = valid(OfferingSection, each)
            if section is not None and section.deadline_s is not None:
                deadlines[*path, "offerings", index, "deadline_s"] = section.deadline_s
        for where, deadline_s in deadlines.items():
            if polling.first_after_s >= deadline_s:
                message = f"must be more than first_after_s ({polling.first_after_s:g}), or no poll is ever sent"
                findings.error(where, message)
    breaker = valid(BreakerSection, parts.get("breaker", {}))
    if breaker is not None and breaker.reset_s > breaker.reset_s_max:
        findings.error((*path, "breaker", "reset_s"), _order("reset_s_max", breaker.reset_s_max))


def _check_lookup(section: ProviderSection, adapter: Adapter, path: YamlPath, findings: Findings) -> None:
    """Warn of a lookup that never happens; one that is switched off does what it says."""
    written, off = section.lookup.model_fields_set, section.lookup.mode == "off"
    if lookup_of(adapter) is None and written and not off:
        message = (
            f"has no effect: {_whose(section)} has no list of jobs that a lost submit could be found in; remove it"
        )
        findings.warn((*path, "lookup"), message)
    elif off and written != {"mode"}:
        message = "has no effect while `mode` is off: nothing is looked for; remove it, or choose another mode"
        for name in sorted(written - {"mode"}):
            findings.warn((*path, "lookup", name), message)


def _check_listed(section: ProviderSection, adapter: Adapter, path: YamlPath, findings: Findings) -> None:
    """Warn of a list that nobody can be asked for."""
    if section.polling.listed in (None, "off") or listed_polls_of(adapter) is not None:
        return
    message = f"has no effect: {_whose(section)} has no list that tells how far jobs are; remove it"
    findings.warn((*path, "polling", "listed"), message)


def _whose(section: ProviderSection) -> str:
    return f"profile {section.profile} of {section.dialect}" if section.profile else section.dialect


def _order(larger: str, value: float) -> str:
    return f"must be at most {larger} ({value:g})"


def _provider(
    name: str, section: ProviderSection, adapter: Adapter, above: Mapping[str, str], hook: Hook | None
) -> Provider:
    return Provider(
        name=name,
        dialect=section.dialect,
        adapter=adapter,
        profile=section.profile,
        in_flight_max=section.in_flight_max,
        timeouts=Timeouts(**section.timeouts.model_dump()),
        polling=_polling(section, adapter),
        breaker=BreakerSettings(**section.breaker.model_dump()),
        charge_rule=section.charge_rule.build(),
        failover_on=failover_on(above, section.failover_on),
        on_ambiguous=OnAmbiguous(section.on_ambiguous) if section.on_ambiguous else None,
        lookup=section.lookup.build(),
        asset_hosts=frozenset(section.asset_hosts),
        alias=section.alias,
        daily_budget_microusd=section.daily_budget_usd,
        drained=section.drained,
        hook=hook,
    )


def _polling(section: ProviderSection, adapter: Adapter) -> Polling:
    told = section.polling.listed
    listed = list_polling_of(adapter) if told is None else ListPolling(told)
    return Polling(**section.polling.model_dump(exclude={"listed"}), listed=listed)


def _account(section: ProviderSection, key: Secret, speaker: Profile) -> Account:
    """Return the account; what the file does not say of the key and the query is as the speaker wants it."""
    written = section.auth.model_fields_set
    return Account(
        section.base_url,
        key,
        section.auth.header if "header" in written else speaker.auth_header,
        section.auth.prefix if "prefix" in written else speaker.auth_prefix,
        {**speaker.query, **section.query},
    )
