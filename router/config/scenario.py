"""Loads a scenario: a configuration that needs no keys and addresses, a world, and traffic, in one file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from router.config.checks import rates
from router.config.document import Document, read_document
from router.config.findings import Findings, mapping, sequence, valid
from router.config.loading import assembled
from router.config.pricing import price_of
from router.config.problems import ConfigError, Problem, YamlPath, choice, shortened
from router.config.provider_schema import OfferingSection
from router.config.scenario_schema import EventSection, ScenarioSections, TruthSection
from router.config.selling import offering_id
from router.config.settings import Settings
from router.config.wording import problems_of
from router.core.budget import daily_limits
from router.core.catalog import Catalog, Price
from router.simulation.place import Setup
from router.simulation.runner import START_AT, Reload
from router.simulation.scenario import Scenario
from router.simulation.traffic import Traffic, Wish
from router.simulation.world import Change, SyntheticWorld

_MINUTE_S: Final = 60.0
_OWN: Final = frozenset(ScenarioSections.model_fields)


def load_scenario(path: Path | str) -> Scenario:
    """Read and check a scenario; raise ConfigError with every problem in it. No key is read, no address looked up."""
    file = Path(path)
    document = read_document(file)
    root = mapping(document.value)
    problems: list[Problem] = []
    sections, settings = None, None
    try:
        sections = ScenarioSections.model_validate({key: root[key] for key in sorted(_OWN & root.keys())})
    except ValidationError as error:
        problems += problems_of(error, document, ScenarioSections)
    start = datetime.fromtimestamp(START_AT, UTC)
    if sections is not None and sections.world.start is not None:
        start = sections.world.start
    try:
        settings = _configured(file, document, root, start)
    except ConfigError as error:
        problems += error.problems
    if sections is None or settings is None or problems:
        raise ConfigError(str(file), problems, document.digest)
    findings = Findings(document)
    scenario = _Reader(settings, sections, root, findings).scenario(start)
    if findings.errors:
        raise ConfigError(str(file), findings.errors, document.digest)
    return scenario


def _configured(file: Path, document: Document, root: Mapping[str, object], start: datetime) -> Settings:
    """Assemble the configuration part; accounts are replaced by such as nobody has."""
    environ: dict[str, str] = {}
    providers: dict[str, object] = {}
    for number, (name, value) in enumerate(mapping(root.get("providers")).items()):
        variable = f"SIMULATED_{number}"
        environ[variable] = f"simulated-{number}"
        account = {"base_url": f"https://provider-{number}.invalid", "api_key": {"env": variable}}
        providers[name] = {**value, **account} if isinstance(value, dict) else value
    rest: dict[str, object] = {key: value for key, value in root.items() if key not in _OWN}
    if "providers" in root and isinstance(root["providers"], dict):
        rest["providers"] = providers
    whole = rest if isinstance(document.value, dict) else document.value
    return assembled(file, replace(document, value=whole), environ, start)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns sections into the world's values, and sees to it that they speak of what is on sale."""

    settings: Settings
    sections: ScenarioSections
    root: Mapping[str, object]
    findings: Findings

    def scenario(self, start: datetime) -> Scenario:
        world = self.sections.world
        changes = [*self._truths(), *self._changes()]
        setup = Setup(
            self.settings.catalog,
            self.settings.routing,
            self.settings.limits,
            daily_limits(self.settings.catalog, ()),
        )
        return Scenario(
            setup,
            SyntheticWorld(tuple(changes), refused=world.refused),
            self._traffic(),
            tuple(self._reloads(setup)),
            start.timestamp(),
        )

    def _truths(self) -> Iterator[Change]:
        """What is said of providers comes before what is said of their offerings, which counts."""
        for name, section in sorted(self.sections.world.truth.items(), key=lambda item: item[0] in self._offerings):
            path = ("world", "truth", name)
            self._check_name(name, path)
            self._check_truth(name, section, path)
            yield Change(of=name, **section.truths())

    def _changes(self) -> Iterator[Change]:
        for number, event in enumerate(self.sections.world.timeline):
            path = ("world", "timeline", number)
            if event.of is not None:
                self._check_name(event.of, (*path, "of"))
            self._check_truth(event.of, event, path)
            yield Change(
                of=event.of,
                from_s=event.from_min * _MINUTE_S,
                lasts_s=inf if event.for_min is None else event.for_min * _MINUTE_S,
                every_s=None if event.every_min is None else event.every_min * _MINUTE_S,
                until_s=inf if event.until_min is None else event.until_min * _MINUTE_S,
                **event.truths(),
            )

    def _reloads(self, setup: Setup) -> Iterator[Reload]:
        """Put one change of the configuration after the other in force, each upon those before it."""
        events = enumerate(self.sections.world.timeline)
        for number, event in sorted(events, key=lambda item: item[1].from_min):
            catalog, path = setup.catalog, ("world", "timeline", number)
            if event.price is not None and (price := self._price(event, path)) is not None:
                offerings = tuple(
                    replace(each, price=price) if each.id == event.of else each for each in catalog.offerings
                )
                catalog = Catalog.of(tuple(catalog.providers.values()), offerings, catalog.groups)
            if event.drained is not None and self._is_provider(event.of, (*path, "drained")):
                providers = tuple(
                    replace(each, drained=event.drained) if each.name == event.of else each
                    for each in catalog.providers.values()
                )
                catalog = Catalog.of(providers, catalog.offerings, catalog.groups)
            if catalog is not setup.catalog:
                setup = replace(setup, catalog=catalog)
                yield Reload(event.from_min * _MINUTE_S, setup)

    def _traffic(self) -> Traffic:
        section, wishes = self.sections.traffic, list[Wish]()
        for number, each in enumerate(section.mix):
            models = self.settings.catalog.ranks((each.model,))
            selling = [offering for offering in self.settings.catalog.offerings if offering.model in models]
            path: YamlPath = ("traffic", "mix", number)
            if not selling:
                names = choice(each.model, self.settings.catalog.names, "models")
                self.findings.error((*path, "model"), f"{shortened(each.model)} is not sold; {names}")
            elif not any(each.size in offering.sizes for offering in selling):
                self.findings.error((*path, "size"), f"nobody sells {each.model} at {each.size}")
            wishes.append(Wish(each.model, each.size, tuple(each.seconds), each.share))
        return Traffic(tuple(wishes), section.jobs, section.per_minute, section.spacing)

    def _price(self, event: EventSection, path: YamlPath) -> Price | None:
        section = self._offering_section(event.of)
        if section is None or event.price is None:
            message = f"needs `of` beside it, the offering that it is of: {', '.join(sorted(self._offerings))}"
            self.findings.error((*path, "price"), message)
            return None
        today = datetime.now(UTC).date()
        known = rates(self.root, today, Findings(self.findings.document))
        return price_of(section.model_copy(update={"price": event.price}), known, path, self.findings)

    def _offering_section(self, name: str | None) -> OfferingSection | None:
        for provider, value in mapping(self.root.get("providers")).items():
            for each in sequence(mapping(value).get("offerings")):
                section = valid(OfferingSection, each)
                if section is not None and offering_id(section, provider) == name:
                    return section
        return None

    @property
    def _offerings(self) -> frozenset[str]:
        return frozenset(offering.id for offering in self.settings.catalog.offerings)

    def _is_provider(self, name: str | None, path: YamlPath) -> bool:
        known = name in self.settings.catalog.providers
        if not known:
            providers = ", ".join(self.settings.catalog.providers)
            self.findings.error(path, f"needs `of` beside it to be a provider: {providers}")
        return known

    def _check_name(self, name: str, path: YamlPath) -> None:
        names = {*self.settings.catalog.providers, *self._offerings}
        if name not in names:
            message = f"{shortened(name)} is none; {choice(name, names, 'providers and offerings')}"
            self.findings.error(path, message)

    def _check_truth(self, name: str | None, section: TruthSection, path: YamlPath) -> None:
        if section.capacity is not None and name in self._offerings:
            message = f"is a provider's, for all that it sells; write it of {str(name).partition('/')[0]}"
            self.findings.error((*path, "capacity"), message)
