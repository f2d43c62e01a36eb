"""Reports as JSON, for programs. Money is integer micro-USD, as in the ledger."""

from collections.abc import Sequence
from dataclasses import asdict

import orjson

from router.reports.callers import CallerSummary
from router.reports.jobs import JobSummary
from router.reports.providers import ProviderSummary


def report_document(
    providers: Sequence[ProviderSummary],
    models: Sequence[ProviderSummary],
    callers: Sequence[CallerSummary],
    jobs: Sequence[JobSummary],
) -> bytes:
    """Render all reports as one object: `providers`, `models` of each, `callers`, and `jobs`, each with its `route`."""
    document = {
        "providers": list(map(_provider, providers)),
        "models": list(map(_provider, models)),
        "callers": [asdict(each) for each in callers],
        "jobs": [asdict(each) for each in jobs],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _provider(summary: ProviderSummary) -> dict[str, object]:
    return {
        **asdict(summary),
        "failures": dict(summary.failures),
        "delivered_share": summary.delivered_share,
        "microusd_per_delivered_second": summary.microusd_per_delivered_second,
    }
