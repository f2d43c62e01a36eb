"""What upstreams may do, what an operator may set, and when the router is killed or configured anew."""

from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Stage
from router.core.policy import JobLimits, OnAmbiguous
from router.engine.exchange import NoAnswer, NotSent
from tests.engine.scripted import PRICES, Fate

NAMES = tuple(PRICES)

_refusals = st.sampled_from(
    [
        NotSent("refused"),
        NoAnswer("reset"),
        Failure(Stage.SUBMIT, Reason.OVERLOADED),
        Failure(Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=5.0),
        Failure(Stage.SUBMIT, Reason.BALANCE),
        Failure(Stage.SUBMIT, Reason.AMBIGUOUS),
        Failure(Stage.SUBMIT, Reason.UNREADABLE),
        Failure(Stage.PROMPT_REVIEW, Reason.REFUSED),
        Failure(Stage.SUBMIT, Reason.INVALID),
    ]
)
_ends = st.sampled_from(
    [
        Failure(Stage.GENERATE, Reason.INTERNAL),
        Failure(Stage.OUTPUT_REVIEW, Reason.REFUSED),
        Failure(Stage.GENERATE, Reason.CANCELLED),
        Failure(Stage.POLL, Reason.UNREADABLE),
    ]
)
_moments = st.sampled_from([5.0, 60.0, 300.0, 900.0, 2500.0, None])
_answers = st.sampled_from([0.0, 0.5, 30.0])
_refused = st.builds(Fate, submit=_refusals, answer_after_s=_answers)
_failed = st.builds(Fate, end=_ends, ends_after_s=_moments, stuck=st.booleans(), answer_after_s=_answers)
_made = st.builds(
    Fate,
    ends_after_s=_moments,
    stuck=st.booleans(),
    broken_fetches=st.sampled_from([0, 0, 2, 1000]),
    link=st.sampled_from([None, None, "https://cdn.example/preview"]),
    answer_after_s=_answers,
)
# An upstream that answers in such a way may have taken the job on, or not.
_lost = st.builds(
    Fate,
    submit=st.sampled_from([NoAnswer("reset"), Failure(Stage.SUBMIT, Reason.AMBIGUOUS)]),
    taken=st.booleans(),
    ends_after_s=_moments,
)
_unfetched = st.builds(
    Fate,
    ends_after_s=_moments,
    broken_fetches=st.just(1000),
    ours=st.booleans(),
    taken_back=st.sampled_from([None, Failure(Stage.GENERATE, Reason.INTERNAL)]),
)
FATES = st.lists(_refused | _failed | _made | _lost | _unfetched, max_size=5)
LIMITS = st.builds(
    JobLimits,
    attempts_max=st.integers(1, 4),
    spend_microusd_max=st.sampled_from([100_000, 249_999, 250_000, 450_000, 20_000_000]),
    deadline_s=st.sampled_from([30.0, 700.0, 3600.0]),
    on_ambiguous=st.sampled_from(OnAmbiguous),
    duplicate_microusd_max=st.sampled_from([0, 100_000, 1_000_000]),
    attempt_s_min=st.sampled_from([1.0, 120.0]),
)
_reloads = st.frozensets(st.sampled_from(NAMES))
INTERRUPTIONS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.3, 5.0, 70.0, 650.0]), st.sampled_from(["crash", "stop"]) | _reloads), max_size=4
)
