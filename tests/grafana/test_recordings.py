import json
import subprocess
from pathlib import Path

from tests.grafana.alerts.promises import jobs
from tests.grafana.alerts.providers import breaker, outage, sold
from tests.grafana.alerts.rules import FOLDER, RECORDING, RECORDS
from tests.grafana.alerts.timeline import JOB, ROUTER, counter, gauge, series
from tests.prometheus import require

STEP_M, STEPS = 5, 24
# Two hours of data: windows beyond them hold all of it.
MINUTES = {"5m": 5, "30m": 30, "1h": 60, "2h": 120, "6h": 120, "1d": 120, "3d": 120}
_SOLD = {"provider": "p0", "model": "sora-2"}


def growing(a_minute: float) -> str:
    return counter((a_minute * STEP_M, STEPS))


def attempts(outcome: str) -> str:
    return series("attempts_total", **_SOLD, outcome=outcome, stage="none", reason="none")


def world() -> dict[str, str]:
    """A minute has eight jobs, of which four are in time and six delivered, for a dollar, half of it wasted."""
    return {
        **jobs(growing(4), growing(4), growing(6)),
        **{series("cost_usd_total", **_SOLD, kind=kind): growing(usd) for kind, usd in _SPENT.items()},
        series("video_seconds_total", **_SOLD): growing(4),
        series("delivered_quote_usd_total", **_SOLD): growing(0.5),
        attempts("succeeded"): growing(4),
        attempts("failed"): growing(4),
        # Left behind: overtaken, or of a cancelled job.
        attempts("late"): growing(4),
        series("jobs_in_flight", provider="p0"): gauge((3, STEPS + 1)),
        series("jobs_in_flight", provider="none"): gauge((2, STEPS + 1)),
        **{name: values for provider in ("p0", "p1", "p2") for name, values in sold(provider).items()},
        **breaker("p0", ("half_open", STEPS + 1), kind="generate"),
        **breaker("p1", ("open", STEPS + 1), kind="poll"),
        **outage("p1", "auth", (0, STEPS + 1)),
        **breaker("p2", ("closed", STEPS + 1)),
        **outage("p2", "balance", (1, STEPS + 1)),
    }


_SPENT = {"delivered": 0.5, "failed_billed": 0.25, "duplicate": 0.25}


def expected() -> dict[str, dict[str, float]]:
    """What is recorded at the end: by record, and by its labels."""
    job, provider, ejected = f'job="{JOB}"', f'job="{JOB}", provider="p0"', "job_instance_provider:video_router"
    found: dict[str, dict[str, float]] = {}
    for window, minutes in MINUTES.items():
        for what, count in (("counted", 8), ("undelivered", 2), ("late", 4)):
            found[f"job:video_router_jobs_{what}:increase{window}"] = {job: count * minutes}
        found[f"job:video_router_jobs_undelivered:ratio_increase{window}"] = {job: 0.25}
        found[f"job:video_router_jobs_late:ratio_increase{window}"] = {job: 0.5}
    for window in ("1h", "6h", "1d"):
        for what, value in (
            ("cost_usd_per_video_second", 0.25),
            ("list_price_usd_per_video_second", 0.125),
            ("wasted_per_cost", 0.5),
            ("succeeded_per_attempts", 0.5),
        ):
            found[f"job_provider:video_router_{what}:ratio_increase{window}"] = {provider: value}
    found["job_instance:video_router_jobs_in_flight:sum"] = {f'instance="{ROUTER}", job="{JOB}"': 5}
    found[f"{ejected}_provider_ejected:max"] = {
        f'instance="{ROUTER}", job="{JOB}", provider="{name}"': value
        for name, value in (("p0", 1), ("p1", 0), ("p2", 1))
    }
    return found


def test_what_is_recorded_is_what_happened(tmp_path: Path):
    promtool = require("promtool")
    at = f"{STEP_M * STEPS}m"
    queries = [
        {
            "expr": record,
            "eval_time": at,
            "exp_samples": [{"labels": f"{record}{{{labels}}}", "value": value} for labels, value in values.items()],
        }
        for record, values in expected().items()
    ]
    given = [{"series": name, "values": values} for name, values in world().items()]
    document = {
        "rule_files": [str(FOLDER / "recording.yaml")],
        "group_eval_order": [group["name"] for group in RECORDING],
        "evaluation_interval": f"{STEP_M}m",
        "tests": [{"interval": f"{STEP_M}m", "input_series": given, "promql_expr_test": queries}],
    }
    (tmp_path / "test.json").write_text(json.dumps(document), encoding="utf-8")
    ran = subprocess.run(
        [promtool, "test", "rules", str(tmp_path / "test.json")], check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_recording_goes_unlooked_at():
    assert sorted(expected()) == sorted(rule["record"] for rule in RECORDS)
