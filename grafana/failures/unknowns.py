"""The row "What wants a person?": refused accounts, and words that no table lists."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Text, over_time
from grafana.pictures import outages
from grafana.promql import PROVIDER, hourly
from router.observe import families as f
from router.observe.families import Family


def unknowns() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_accounts(), *_words()]


def _accounts() -> list[AnyPanel]:
    return [
        outages(PROVIDER, width=12),
        over_time(
            Text(
                "Taken out for a refused key or balance",
                "How often in each step of the graph. An outage that was over between two scrapes is counted, too.",
                "Every key and balance was accepted.",
            ),
            {"{{provider}} {{reason}}": f"{PROVIDER.increase(f.PROVIDER_OUT, 'provider, reason')} > 0"},
            units.Short,
        ),
    ]


def _words() -> list[AnyPanel]:
    return [
        over_time(
            Text(
                "Failures in unknown words, per hour",
                "The HTTP status alone was read, which may be the wrong reason. The log has a sample for a new row.",
                "Every failure was read.",
            ),
            {"{{provider}} {{stage}}": _per_hour(f.UNKNOWN_ERRORS, "provider, stage")},
            units.Short,
            width=8,
        ),
        over_time(
            Text(
                "Unknown status words, per hour",
                "Polls answered with a word that the dialect's table lacks; the job counts as running meanwhile. The"
                " log names the word.",
                "Every status word was known.",
            ),
            {"{{provider}}": _per_hour(f.UNKNOWN_STATUS, "provider")},
            units.Short,
            width=8,
        ),
        over_time(
            Text(
                "Polls that said nothing, per hour",
                "The job goes on and is polled again: a poll that fails is no video that fails.",
                "Every poll was answered.",
            ),
            {"{{provider}} {{reason}}": _per_hour(f.FAILED_POLLS, "provider, reason")},
            units.Short,
            width=8,
        ),
    ]


def _per_hour(family: Family, by: str) -> str:
    """Leave out what does not happen: its line at 0 would hide that all is well."""
    return f"{hourly(PROVIDER.rate(family, by))} > 0"
