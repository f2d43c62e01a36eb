"""Every metric there is: name, type, labels, and what it counts. Dashboards and tests read this list too."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREFIX: Final = "video_router"


class MetricKind(StrEnum):
    """The Prometheus type."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric; `name` is without the prefix. `kept` labels survive when no further series may be made."""

    name: str
    kind: MetricKind
    documentation: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    kept: frozenset[str] = frozenset()

    @property
    def full_name(self) -> str:
        """The name in the exposition, without the suffixes of a histogram or a summary."""
        return f"{PREFIX}_{self.name}"

    @property
    def sample_names(self) -> frozenset[str]:
        """The names that a query may use."""
        match self.kind:
            case MetricKind.HISTOGRAM:
                return frozenset(f"{self.full_name}_{suffix}" for suffix in ("bucket", "sum", "count"))
            case MetricKind.SUMMARY:
                return frozenset(f"{self.full_name}_{suffix}" for suffix in ("sum", "count"))
            case MetricKind.COUNTER | MetricKind.GAUGE:
                return frozenset({self.full_name})

    @property
    def lines(self) -> int:
        """How many series one label set makes: a histogram has +Inf, a sum and a count beside its buckets."""
        match self.kind:
            case MetricKind.HISTOGRAM:
                return len(self.buckets) + 3
            case MetricKind.SUMMARY:
                return 2
            case MetricKind.COUNTER | MetricKind.GAUGE:
                return 1


# A 10 s clip takes 1-3 min, 15 s two more, hd eight more; 300, 600 and 960 are when a video is on time by default.
_VIDEO_BUCKETS: Final = tuple(map(float, (30, 60, 90, 120, 180, 240, 300, 600, 960, 1800, 3600)))
_FAILURE_BUCKETS: Final = (5.0, 60.0, 120.0, 180.0, 300.0, 900.0)
_PROGRESS_BUCKETS: Final = (0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
_OVERHEAD_BUCKETS: Final = (0.01, 0.05, 0.25, 1.0, 5.0, 30.0, 120.0)
_EXCHANGE_BUCKETS: Final = (0.1, 0.5, 2.5, 10.0, 60.0)
_LAG_BUCKETS: Final = (0.01, 0.05, 0.25, 1.0, 5.0, 30.0)
_REQUEST_BUCKETS: Final = (0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0)
_LOOP_BUCKETS: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
_WRITE_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)


def _counter(name: str, documentation: str, *labels: str, kept: frozenset[str] = frozenset()) -> Family:
    return Family(name, MetricKind.COUNTER, documentation, labels, kept=kept)


def _gauge(name: str, documentation: str, *labels: str) -> Family:
    return Family(name, MetricKind.GAUGE, documentation, labels)


def _histogram(
    name: str, documentation: str, buckets: tuple[float, ...], *labels: str, kept: frozenset[str] = frozenset()
) -> Family:
    return Family(name, MetricKind.HISTOGRAM, documentation, labels, buckets, kept)


def _summary(name: str, documentation: str, *labels: str) -> Family:
    return Family(name, MetricKind.SUMMARY, documentation, labels)


BUILD_INFO: Final = _gauge("build_info", "Always 1; the label is the running version.", "version")

JOBS_ACCEPTED: Final = _counter("jobs_accepted_total", "Jobs made durable, their caller has an id.", "model")
JOBS_FINISHED: Final = _counter(
    "jobs_finished_total",
    "Jobs over for their caller, by the provider of the last attempt (none: never attempted).",
    *("model", "provider", "outcome", "stage", "reason"),
    kept=frozenset({"outcome"}),
)
JOB_DURATION: Final = _histogram(
    "job_duration_seconds",
    "Time from a delivered job's acceptance to its video, by the provider that made it.",
    _VIDEO_BUCKETS,
    *("provider", "duration_class"),
)
JOBS_ON_TIME: Final = _counter(
    "jobs_on_time_total",
    "Jobs that ended with a video in the time of their duration class (true), or later or with none (false); jobs that"
    " their caller caused to fail are left out.",
    *("duration_class", "on_time"),
)
JOB_OVERHEAD: Final = _histogram(
    "job_overhead_seconds",
    "Time of a delivered job in which none of its attempts was under way: what the router itself and full or ejected"
    " providers made it wait.",
    _OVERHEAD_BUCKETS,
)
JOBS_IN_FLIGHT: Final = _gauge(
    "jobs_in_flight", "Jobs whose caller still waits, by the provider at work (none: between attempts).", "provider"
)
OLDEST_JOB: Final = _gauge(
    "oldest_job_accepted_timestamp_seconds", "When the oldest job in flight was accepted; 0 when there is none."
)

JOBS_IN_FLIGHT_LIMIT: Final = _gauge(
    "jobs_in_flight_limit", "Most jobs that may be in flight at once; further creates are turned away."
)
JOB_DEADLINE: Final = _gauge("job_deadline_seconds", "How long a job may take before it is given up.")
PROVIDER_LIMIT: Final = _gauge(
    "provider_in_flight_limit", "Most jobs that a provider gets at once now; a rate limit lowers it.", "provider"
)

ATTEMPTS: Final = _counter(
    "attempts_total",
    "Attempts that left their job; unknown: the submit's answer was lost, late: given up while it may still succeed,"
    " and without a stage: its job had its video from an earlier attempt meanwhile, or was cancelled.",
    *("provider", "model", "outcome", "stage", "reason"),
    kept=frozenset({"provider", "outcome"}),
)
STAGE_DURATION: Final = _summary(
    "stage_duration_seconds", "Time an attempt spent in a stage; its mean is all that is known.", "provider", "stage"
)
FAILED_ATTEMPT_DURATION: Final = _histogram(
    "failed_attempt_duration_seconds",
    "Time from an attempt's submit to its failure, by the stage it failed in.",
    _FAILURE_BUCKETS,
    *("provider", "stage"),
    kept=frozenset({"provider"}),
)
FAILED_ATTEMPT_PROGRESS: Final = _histogram(
    "failed_attempt_progress_ratio",
    "How far an accepted attempt said it was before it failed, 0 to 1; attempts that never said are left out.",
    _PROGRESS_BUCKETS,
    "provider",
)
FAILOVERS: Final = _counter(
    "failovers_total",
    "Jobs that went on to another offering; stage is where the attempt left behind had failed.",
    *("from_provider", "to_provider", "stage"),
    kept=frozenset({"from_provider"}),
)
FAILOVERS_DELAYED: Final = _counter(
    "failovers_delayed_total",
    "Failovers that waited for their turn in the retry budget, by the provider that was left.",
    "from_provider",
)
DECISIONS: Final = _counter(
    "route_decisions_total",
    "Attempts that began, by why routing chose their offering; fallback: whoever came before it could not start.",
    *("provider", "reason"),
)
AMBIGUOUS_SUBMITS: Final = _counter(
    "ambiguous_submits_total",
    "Submits that were sent and whose answer was lost, by what came first; found: its provider lists it, absent: it was"
    " never taken on, held: the job ended without knowing, failed_over: it was bought elsewhere without knowing.",
    *("provider", "resolution"),
)
UNCERTAIN_SETTLED: Final = _counter(
    "uncertain_settled_total",
    "Uncertain attempts whose money became known, by a poll or through an operator; adopted: its video was delivered"
    " after all.",
    *("provider", "resolution"),
)

COST: Final = _counter(
    "cost_usd_total",
    "Money posted: for a delivered video, for a failed attempt that was billed, or for a video nobody got.",
    *("provider", "model", "kind"),
)
DELIVERED_QUOTE: Final = _counter(
    "delivered_quote_usd_total", "What the delivered videos cost by the price list.", "provider", "model"
)
EXPECTED_COST: Final = _counter(
    "expected_cost_usd_total",
    "What the delivered videos were expected to cost when they were routed, failed attempts that are billed included;"
    " of an attempt that a restart interrupted, its quote.",
    *("provider", "model"),
)
ROUTED_COST: Final = _counter(
    "routed_cost_usd_total",
    "Money posted, by why routing chose the attempt's offering; other: the attempt began before the last start.",
    "reason",
)
EXPECTED_PER_SECOND: Final = _gauge(
    "expected_cost_usd_per_second",
    "What a delivered second of video is expected to cost now, at the lowest price of its duration class and by the"
    " learned success bound.",
    *("provider", "model", "duration_class"),
)
SUCCESS_BOUND: Final = _gauge(
    "success_bound_ratio",
    "The probability that an attempt delivers that routing counts on now: a standard deviation below what was learned.",
    *("provider", "model", "duration_class"),
)
EXPLORATION_BUDGET: Final = _gauge(
    "exploration_budget_usd", "Most that a day's (UTC) trials may be expected to cost more than the best offering."
)
EXPLORATION_USED: Final = _gauge(
    "exploration_budget_used_usd", "What today's trials were expected to cost more than the best offering."
)
UNCERTAIN: Final = _gauge(
    "uncertain_usd", "Money of unknown and late attempts that may still turn out to be spent.", "provider"
)
ADJUSTED: Final = _gauge(
    "adjusted_usd",
    "Sum of the corrections that operators booked since the start, below 0 where less was billed than posted; no cost"
    " counter has them.",
    "provider",
)
OLDEST_UNCERTAIN: Final = _gauge(
    "oldest_uncertain_timestamp_seconds",
    "When the oldest attempt of uncertain money was submitted; 0 when there is none.",
    "provider",
)
CALLER_COST: Final = _counter(
    "caller_cost_usd_total",
    "Money posted for a caller's jobs; callers beyond the first ones of the configuration are other.",
    "caller",
)
BASELINE_COST: Final = _counter(
    "baseline_cost_usd_total",
    "What the delivered videos would have cost at the baseline provider's list price; where it does not sell such a"
    " video, at the list price paid.",
    *("provider", "model"),
)
BASELINE_MISSING: Final = _counter(
    "baseline_missing_total", "Delivered videos that the baseline provider does not sell.", "model"
)
BUDGET: Final = _gauge(
    "daily_budget_usd", "Most that may be spent a day (UTC) with a provider or by a caller.", "scope", "name"
)
BUDGET_USED: Final = _gauge(
    "daily_budget_used_usd", "What of a daily budget is spent or reserved today.", "scope", "name"
)
VIDEO_SECONDS: Final = _counter("video_seconds_total", "Seconds of video delivered.", "provider", "model")
PRICE: Final = _gauge(
    "price_usd_per_second",
    "Price of a second of video by the price list; size is the longer side first, whatever the orientation.",
    *("provider", "model", "size", "seconds"),
)
OFFERING_END: Final = _gauge(
    "offering_end_timestamp_seconds",
    "When an offering ends, for those whose configuration says so.",
    *("provider", "offering"),
)

EXCHANGES: Final = _counter(
    "exchanges_total",
    "HTTP exchanges with upstreams; not_sent: it never left, no_answer: it may have been acted upon.",
    *("provider", "operation", "result"),
)
EXCHANGE_DURATION: Final = _histogram(
    "exchange_duration_seconds", "Time of one HTTP exchange.", _EXCHANGE_BUCKETS, "provider", "operation"
)
POLL_LAG: Final = _histogram("poll_lag_seconds", "How much later than planned a poll left.", _LAG_BUCKETS)
FAILED_POLLS: Final = _counter(
    "failed_polls_total", "Polls that said nothing of their job, which goes on.", "provider", "reason"
)
UNKNOWN_STATUS: Final = _counter(
    "unknown_status_total", "Polls answered with a status word that no table lists.", "provider"
)
UNKNOWN_ERRORS: Final = _counter(
    "unknown_errors_total",
    "Failures told in words that no table lists, so that the HTTP status alone was read; the log has a sample.",
    *("provider", "stage"),
)
DOUBTED_COSTS: Final = _counter(
    "doubted_costs_total", "Polls that told a cost far beyond the quote; the quote is what gets posted.", "provider"
)
BREAKER_STATE: Final = _gauge(
    "breaker_state", "1 for the state a breaker is in, 0 for the others.", "provider", "breaker", "state"
)
BREAKER_TRANSITIONS: Final = _counter(
    "breaker_transitions_total", "Breakers that opened or closed; state is the new one.", "provider", "breaker", "state"
)
PROVIDER_OUT: Final = _counter(
    "provider_out_total", "Providers taken out because their key or balance was refused.", "provider", "reason"
)
PROVIDER_OUTAGE: Final = _gauge(
    "provider_outage",
    "1 while a provider is out because its key or balance was refused; 0 again when it may have its next trial.",
    *("provider", "reason"),
)

PROVIDER_DRAINED: Final = _gauge(
    "provider_drained",
    "1 while a provider finishes what it has and gets nothing more, by an operator or the configuration.",
    "provider",
)

HTTP_REQUESTS: Final = _counter("http_requests_total", "Requests answered.", "route", "method", "code")
HTTP_DURATION: Final = _histogram(
    "http_request_duration_seconds",
    "Time from a request's arrival to the end of its answer.",
    _REQUEST_BUCKETS,
    "route",
)
LOOP_LAG: Final = _histogram(
    "event_loop_lag_seconds", "How much later than planned the event loop came back to a timer.", _LOOP_BUCKETS
)
STORE_WRITE: Final = _histogram(
    "store_write_seconds", "Time from asking for a write to its being durable, waiting included.", _WRITE_BUCKETS
)
STORE_FAILURES: Final = _counter("store_failures_total", "Writes that failed: a full disk, a locked or broken file.")
CONFIG_RELOADS: Final = _counter("config_reloads_total", "Reloads of the configuration.", "result")
CONFIG_SUCCESSFUL: Final = _gauge(
    "config_last_reload_successful", "1 when the last reload was taken over, 0 when it was refused."
)
CONFIG_LOADED: Final = _gauge(
    "config_last_reload_success_timestamp_seconds", "When the configuration in force was taken over."
)
CONFIG_INFO: Final = _gauge(
    "config_info", "Always 1; the label is the start of the SHA-256 of the configuration in force.", "digest"
)
WEBHOOKS: Final = _counter(
    "webhooks_total",
    "Webhooks that came to providers' addresses, by what they were good for: only those that `hinted` brought a poll.",
    "result",
)
MIRROR_OPERATIONS: Final = _counter(
    "mirror_operations_total",
    "What was done with the mirror of finished videos; hit and miss: a download found its video there or not, failed:"
    " its disk or its folder refused.",
    "operation",
)
MIRROR_BYTES: Final = _gauge("mirror_bytes", "Size of the finished videos in the mirror.")
MIRROR_VIDEOS: Final = _gauge("mirror_videos", "How many finished videos are in the mirror.")
OBSERVER_ERRORS: Final = _counter(
    "observer_errors_total", "Events that metrics, logs or spans failed to record.", "sink"
)
FOLDED: Final = _counter(
    "label_sets_folded_total", "Values counted under other labels because a family had all its series.", "family"
)

FAMILIES: Final = tuple(value for value in list(globals().values()) if isinstance(value, Family))
