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
        """The name in the exposition, without a histogram's suffixes."""
        return f"{PREFIX}_{self.name}"

    @property
    def sample_names(self) -> frozenset[str]:
        """The names that a query may use."""
        if self.kind is MetricKind.HISTOGRAM:
            return frozenset(f"{self.full_name}_{suffix}" for suffix in ("bucket", "sum", "count"))
        return frozenset({self.full_name})

    @property
    def lines(self) -> int:
        """How many series one label set makes: a histogram has +Inf, a sum and a count beside its buckets."""
        return len(self.buckets) + 3 if self.kind is MetricKind.HISTOGRAM else 1


# A 10 s clip takes 1-3 min, 15 s two more, hd eight more; 180, 300, 600 and 960 are the bounds to alert at.
_VIDEO_BUCKETS: Final = tuple(map(float, (5, 15, 30, 60, 90, 120, 150, 180, 240, 300, 420, 600, 780, 960, 1800, 3600)))
_STAGE_BUCKETS: Final = (1.0, 5.0, 15.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
_EXCHANGE_BUCKETS: Final = (0.1, 0.25, 1.0, 2.5, 10.0, 30.0, 60.0)
_LAG_BUCKETS: Final = (0.01, 0.05, 0.25, 1.0, 5.0, 30.0)
_REQUEST_BUCKETS: Final = (0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0)


def _counter(name: str, documentation: str, *labels: str, kept: frozenset[str] = frozenset()) -> Family:
    return Family(name, MetricKind.COUNTER, documentation, labels, kept=kept)


def _gauge(name: str, documentation: str, *labels: str) -> Family:
    return Family(name, MetricKind.GAUGE, documentation, labels)


def _histogram(name: str, documentation: str, buckets: tuple[float, ...], *labels: str) -> Family:
    return Family(name, MetricKind.HISTOGRAM, documentation, labels, buckets)


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
    "Time from a job's acceptance to its end; duration_class is any where there was no video.",
    _VIDEO_BUCKETS,
    *("provider", "duration_class", "outcome"),
)
JOBS_IN_FLIGHT: Final = _gauge(
    "jobs_in_flight", "Jobs whose caller still waits, by the provider at work (none: between attempts).", "provider"
)
OLDEST_JOB: Final = _gauge(
    "oldest_job_accepted_timestamp_seconds", "When the oldest job in flight was accepted; 0 when there is none."
)

ATTEMPTS: Final = _counter(
    "attempts_total",
    "Attempts that left their job; unknown: the submit's answer was lost, late: given up while it may still succeed.",
    *("provider", "model", "outcome", "stage", "reason"),
    kept=frozenset({"provider", "outcome"}),
)
STAGE_DURATION: Final = _histogram(
    "stage_duration_seconds", "Time an attempt spent in a stage.", _STAGE_BUCKETS, "provider", "stage"
)
FAILOVERS: Final = _counter(
    "failovers_total",
    "Jobs that went on to another offering; stage is where the attempt left behind had failed.",
    *("from_provider", "to_provider", "stage"),
    kept=frozenset({"from_provider"}),
)
AMBIGUOUS_SUBMITS: Final = _counter(
    "ambiguous_submits_total",
    "Submits that were sent and whose answer was lost; each may have been billed.",
    "provider",
)

COST: Final = _counter(
    "cost_usd_total",
    "Money posted: for a delivered video, for a failed attempt that was billed, or for a video nobody got.",
    *("provider", "model", "kind"),
)
DELIVERED_QUOTE: Final = _counter(
    "delivered_quote_usd_total", "What the delivered videos cost by the price list.", "provider", "model"
)
UNCERTAIN: Final = _gauge(
    "uncertain_usd", "Money of unknown and late attempts that may still turn out to be spent.", "provider"
)
VIDEO_SECONDS: Final = _counter("video_seconds_total", "Seconds of video delivered.", "provider", "model")
PRICE: Final = _gauge("price_usd", "Price of one video by the price list.", "provider", "model", "size", "seconds")

EXCHANGES: Final = _counter(
    "exchanges_total",
    "HTTP exchanges with upstreams; not_sent: it never left, no_answer: it may have been acted upon.",
    *("provider", "operation", "result"),
)
EXCHANGE_DURATION: Final = _histogram(
    "exchange_duration_seconds", "Time of one HTTP exchange.", _EXCHANGE_BUCKETS, "provider", "operation"
)
POLL_LAG: Final = _histogram("poll_lag_seconds", "How much later than planned a poll left.", _LAG_BUCKETS, "provider")
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
    "breaker_transitions_total", "Changes of a breaker's state; state is the new one.", "provider", "breaker", "state"
)
PROVIDER_OUT: Final = _counter(
    "provider_out_total", "Providers taken out because their key or balance was refused.", "provider", "reason"
)
PROVIDER_OUTAGE: Final = _gauge(
    "provider_outage",
    "1 while a provider is out because its key or balance was refused; 0 again when it may have its next trial.",
    *("provider", "reason"),
)

HTTP_REQUESTS: Final = _counter("http_requests_total", "Requests answered.", "route", "method", "code")
HTTP_DURATION: Final = _histogram(
    "http_request_duration_seconds",
    "Time from a request's arrival to the end of its answer.",
    _REQUEST_BUCKETS,
    "route",
)
OBSERVER_ERRORS: Final = _counter(
    "observer_errors_total", "Events that metrics, logs or spans failed to record.", "sink"
)
FOLDED: Final = _counter(
    "label_sets_folded_total", "Values counted under other labels because a family had all its series.", "family"
)

FAMILIES: Final = tuple(value for value in list(globals().values()) if isinstance(value, Family))
