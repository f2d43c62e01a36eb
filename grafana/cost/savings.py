"""The row "What do we save?": against buying every video from the baseline provider at its list price."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Text, figure, over_time
from grafana.promql import OFFERING, RANGE, hourly, ratio
from grafana.spending import saved
from router.observe import families as f


def savings() -> list[AnyPanel]:
    """Build the row's panels."""
    baseline = OFFERING.increase(f.BASELINE_COST, "", window=RANGE)
    return [
        figure(
            Text(
                "Saved in this range",
                "What the delivered videos would have cost at the list price of the baseline provider"
                " (reporting.baseline_provider), less all that was spent, and that cost itself. Without a baseline"
                " provider every video is compared with its own list price, so that this is the waste, below 0.",
                "No video was delivered.",
            ),
            {"saved": saved(OFFERING, ""), "at the baseline": baseline},
            units.Dollars,
            height=8,
        ),
        figure(
            Text(
                "Saved share",
                "The same, as a share of what the baseline provider would have cost.",
                "No video was delivered.",
            ),
            {"saved": ratio(f"({saved(OFFERING, '')})", baseline)},
            units.PercentUnit,
            decimals=1,
            width=4,
            height=8,
        ),
        over_time(
            Text(
                "Spending against the baseline, per hour",
                "What was spent, beside what the same videos would have cost at the baseline provider.",
                "No video was delivered.",
            ),
            {
                "spent": hourly(OFFERING.rate(f.COST, "")),
                "baseline": hourly(OFFERING.rate(f.BASELINE_COST, "")),
            },
            units.Dollars,
            interval=JOBS_INTERVAL,
            width=8,
        ),
        figure(
            Text(
                "Not sold by the baseline",
                "Videos delivered in this range that the baseline provider does not sell, or all of them without one:"
                " each is compared with its own list price, so that it saves nothing.",
                "The baseline provider sells all of them.",
            ),
            {"{{model}}": f"{OFFERING.increase(f.BASELINE_MISSING, 'model', window=RANGE)} > 0"},
            units.Short,
            decimals=0,
            height=8,
        ),
    ]
