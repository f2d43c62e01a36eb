"""Reports as JSON, for programs. Money is integer micro-USD, as in the ledger."""

from collections.abc import Sequence
from dataclasses import asdict

import orjson

from router.reports.callers import CallerSummary
from router.reports.jobs import JobSummary
from router.reports.providers import ProviderSummary


def report_document(
    providers: Sequence[ProviderSummary], callers: Sequence[CallerSummary], jobs: Sequence[JobSummary]
) -> bytes:
    """Render all reports as one object with `providers`, `callers` and `jobs`, the latter each with its `route`."""
    document = {
        "providers": [
            {
                **asdict(each),
                "failures": dict(each.failures),
                "delivered_share": each.delivered_share,
                "microusd_per_delivered_second": each.microusd_per_delivered_second,
            }
            for each in providers
        ],
        "callers": [asdict(each) for each in callers],
        "jobs": [asdict(each) for each in jobs],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)
