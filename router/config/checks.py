"""What one section must agree on with another, or with the day."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from providers.canonical import Stage
from router.config.findings import Findings, mapping, sequence, valid
from router.config.problems import YamlPath, choice, shortened
from router.config.routing_schema import RoutingSection
from router.config.schema import CallerSection, CurrencySection, PolicySection, ServerSection
from router.core.catalog import Offering, Provider
from router.core.money import usd
from router.core.policy import Failover
from router.core.routing_settings import RoutingPolicy

_RATE_DAYS_MAX = 90


def rates(root: Mapping[str, object], today: date, findings: Findings) -> dict[str, Decimal | None]:
    """Return USD for one unit of each currency; None stands for a rate in which something is wrong."""
    found: dict[str, Decimal | None] = {"USD": Decimal(1)}
    for code, value in mapping(root.get("currencies")).items():
        path = ("currencies", code)
        section = valid(CurrencySection, value)
        found[code] = Decimal(section.usd) if section else None
        if code == "USD":
            found[code] = Decimal(1)
            findings.error(path, "USD is what everything is counted in; remove this rate")
        elif section is None:
            continue
        elif not Decimal(section.usd):
            findings.error((*path, "usd"), "must be more than 0")
        elif section.as_of > today + timedelta(days=1):
            findings.error((*path, "as_of"), f"{section.as_of} is in the future; write the day the rate was true")
        elif section.as_of < today - timedelta(days=_RATE_DAYS_MAX):
            findings.warn((*path, "as_of"), f"the rate is more than {_RATE_DAYS_MAX} days old; look up today's")
    return found


def check_policy(root: Mapping[str, object], offerings: Sequence[Offering], findings: Findings) -> None:
    """See whether what follows an ambiguous submit is paid for, and whether anything can be bought at all."""
    policy = valid(PolicySection, root.get("policy", {}))
    if policy is None:
        return
    if policy.on_ambiguous == "failover" and not policy.max_duplicate_usd:
        message = 'failover needs `max_duplicate_usd` beside it, the most that may be bought twice, such as "1.00"'
        findings.error(("policy", "on_ambiguous"), message)
    _check_duplicates(root, policy, offerings, findings)
    check_failover(("policy",), policy.failover_on, findings)
    for offering in offerings:
        cheapest = min(_prices(offering))
        if cheapest > policy.max_spend_usd:
            message = f"{offering.id} is never bought: its cheapest video costs {usd(cheapest)} USD; raise the limit"
            findings.warn(("policy", "max_spend_usd"), message)


def _check_duplicates(
    root: Mapping[str, object], policy: PolicySection, offerings: Sequence[Offering], findings: Findings
) -> None:
    """See whether something is set aside where a file buys twice, and who may where nothing in it does."""
    words = {name: mapping(value).get("on_ambiguous") for name, value in mapping(root.get("providers")).items()}
    failing_over = [name for name, word in words.items() if word == "failover"]
    bound, place = policy.max_duplicate_usd, ("policy", "max_duplicate_usd")
    if not bound:
        for name in failing_over:
            message = 'failover needs `policy.max_duplicate_usd`, the most that may be bought twice, such as "1.00"'
            findings.error(("providers", name, "on_ambiguous"), message)
        return
    if policy.on_ambiguous == "hold" and not failing_over:
        message = (
            "lets callers ask for failover with `routing.on_ambiguous`, although `on_ambiguous` is hold everywhere; "
            "remove it if they may not"
        )
        findings.warn(place, message)
    cheapest = min((price for offering in offerings for price in _prices(offering)), default=0)
    if bound < cheapest:
        message = f"buys nothing twice: the cheapest video costs {usd(cheapest)} USD; raise it, or remove it"
        findings.warn(place, message)


def check_budgets(
    root: Mapping[str, object], providers: Sequence[Provider], offerings: Sequence[Offering], findings: Findings
) -> None:
    """Warn of what a whole day's budget does not buy once."""
    cheapest = {offering: min(_prices(offering)) for offering in offerings}
    for provider in providers:
        sold = [price for offering, price in cheapest.items() if offering.provider == provider.name]
        _check_budget(("providers", provider.name), provider.daily_budget_microusd, sold, findings)
    for index, value in enumerate(sequence(root.get("callers"))):
        caller = valid(CallerSection, value)
        if caller is not None:
            _check_budget(("callers", index), caller.daily_budget_usd, list(cheapest.values()), findings)


def _check_budget(path: YamlPath, budget: int | None, prices: Sequence[int], findings: Findings) -> None:
    if budget is not None and prices and budget < min(prices):
        message = f"buys nothing: the cheapest video costs {usd(min(prices))} USD; raise the budget"
        findings.warn((*path, "daily_budget_usd"), message)


def _prices(offering: Offering) -> Iterator[int]:
    return (offering.price.quote_microusd(size, seconds) for size in offering.sizes for seconds in offering.seconds)


def check_priorities(
    root: Mapping[str, object], offerings: Sequence[Offering], paths: Mapping[str, YamlPath], findings: Findings
) -> None:
    """Warn of ranks that nothing is asked by."""
    routing = valid(RoutingSection, root.get("routing", {}))
    ranked = [offering for offering in offerings if offering.priority != 1]
    if routing is not None and ranked and RoutingPolicy(routing.policy) is not RoutingPolicy.PRIORITY:
        message = f"has no effect under `routing.policy: {routing.policy}`; write `policy: priority`, or remove it"
        findings.warn((*paths[ranked[0].id], "priority"), message)


def check_failover(path: YamlPath, steps: Mapping[str, str], findings: Findings) -> None:
    """Warn where a request that one provider refused would be shown to the next."""
    for name, decision in steps.items():
        if name.partition(".")[0] in (Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW) and decision != Failover.NEVER:
            message = "what one provider refused is sent to the next, which may hold it against your account"
            findings.warn((*path, "failover_on", name), message)


def check_deadline(root: Mapping[str, object], providers: Sequence[Provider], findings: Findings) -> None:
    """See whether a job's time suffices to ask about its video, and to try again."""
    policy = valid(PolicySection, root.get("policy", {}))
    if policy is None:
        return
    if policy.min_attempt_s >= policy.job_deadline_s:
        message = f"no job is ever tried again: make it less than job_deadline_s ({policy.job_deadline_s:g})"
        findings.warn(("policy", "min_attempt_s"), message)
    for provider in providers:
        if provider.polling.first_after_s >= policy.job_deadline_s:
            message = f"must be less than policy.job_deadline_s ({policy.job_deadline_s:g}), or no poll is ever in time"
            findings.error(("providers", provider.name, "polling", "first_after_s"), message)


def check_server(root: Mapping[str, object], findings: Findings) -> None:
    """See whether an image that is allowed fits into a body that is allowed."""
    server = valid(ServerSection, root.get("server", {}))
    if server is not None and server.image_bytes_max > server.body_bytes_max:
        message = f"must be at most body_bytes_max ({server.body_bytes_max}), for the image comes in the body"
        findings.error(("server", "image_bytes_max"), message)


def check_callers(root: Mapping[str, object], findings: Findings) -> None:
    """See whether every caller has a name and a key of its own."""
    names: dict[str, int] = {}
    digests: dict[str, int] = {}
    for index, value in enumerate(sequence(root.get("callers"))):
        caller = valid(CallerSection, value)
        if caller is None:
            continue
        if (first := names.setdefault(caller.name, index)) != index:
            line = findings.document.line(("callers", first))
            message = f"{caller.name} is already the caller in line {line}; names are unique"
            findings.error(("callers", index, "name"), message)
        if (first := digests.setdefault(caller.key_sha256, index)) != index:
            line = findings.document.line(("callers", first))
            findings.error(("callers", index, "key_sha256"), f"is the key of the caller in line {line}; make another")


def check_baseline(root: Mapping[str, object], findings: Findings) -> None:
    """See whether the baseline provider is one of the file's."""
    baseline = mapping(root.get("reporting")).get("baseline_provider")
    names = {name for name in mapping(root.get("providers")) if name.isprintable()}
    if isinstance(baseline, str) and baseline not in names:
        message = f"{shortened(baseline)} is no provider; {choice(baseline, names, 'providers')}"
        findings.error(("reporting", "baseline_provider"), message)
