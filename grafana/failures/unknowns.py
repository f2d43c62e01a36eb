"""The row "What wants a person?": refused accounts, and words that no table lists."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Text, over_time
from grafana.pictures import outages
from grafana.promql import PROVIDER, hourly
from router.observe import families as f


def unknowns() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_accounts(), *_words()]


def _accounts() -> list[AnyPanel]:
    return [
        outages(PROVIDER, width=12),
        over_time(
            Text(
                "Taken out for a refused key or balance",
                "How often: also an outage that was over between two scrapes is counted here.",
                "Every key and balance was accepted.",
            ),
            {"{{provider}} {{reason}}": PROVIDER.increase(f.PROVIDER_OUT, "provider, reason")},
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
            {"{{provider}} {{stage}}": hourly(PROVIDER.rate(f.UNKNOWN_ERRORS, "provider, stage"))},
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
            {"{{provider}}": hourly(PROVIDER.rate(f.UNKNOWN_STATUS, "provider"))},
            units.Short,
            width=8,
        ),
        over_time(
            Text(
                "Polls that said nothing, per hour",
                "The job goes on and is polled again: a poll that fails is no video that fails.",
                "Every poll was answered.",
            ),
            {"{{provider}} {{reason}}": hourly(PROVIDER.rate(f.FAILED_POLLS, "provider, reason"))},
            units.Short,
            width=8,
        ),
    ]
