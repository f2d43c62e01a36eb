"""Tolerant readers: every place and spelling an upstream is known to use is a row of a table; the first that fits wins.

One-api and new-api descendants, their forks and the OpenAI dialect's self-hosted speakers name the same few facts
differently. A reader answers None when nothing fits; it never raises on odd JSON.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

import orjson

from providers.adapter import HttpResponse, Json

T = TypeVar("T")
Paths: TypeAlias = tuple[tuple[str, ...], ...]


def paths(text: str) -> Paths:
    """Read a table of places: dotted, apart by white space, in the order to try; a number is a list's index."""
    return tuple(tuple(path.split(".")) for path in text.split())


ID_PATHS = paths("id task_id video_id data.task_id data.id data.video_id result.id result.task_id output.task_id")
OWN_ID_PATHS = paths("id task_id video_id")
# Also the name of an ordinary trace id, so it counts only in an answer that complains of nothing.
REQUEST_ID_PATHS = paths("request_id")

STATUS_PATHS = paths("status data.status detail.status task_status state output.task_status")

URL_PATHS = paths("""
    video_url url result_url detail.url detail.draft_info.downloadable_url
    data.output data.outputs.0 data.outputs.0.url data.video_url data.url data.result_url
    output output.video_url output.url output.0 outputs.0 outputs.0.url urls.0
    result.video_url result.url result.outputs.0 result.outputs.0.url
    generations.0.url detail.generations.0.url task_result.videos.0.url
    metadata.url metadata.video_url meta_data.url data.metadata.url
""")
# Older new-api keeps a finished task's link here; on any other status it is what the name says.
FAIL_REASON_PATHS = paths("fail_reason data.fail_reason")

PROGRESS_PATHS = paths("""
    progress progress_pct data.progress data.progress_pct
    detail.progress detail.progress_pct detail.pending_info.progress_pct
""")

CODE_PATHS = paths("""
    error.code error.type error.error_code error_code errorCode error_type failureCode failure_code bizCode code
    data.error.code data.error.type detail.error.code
""")
MESSAGE_PATHS = paths("""
    error error.message error.error.message message msg error_message errorMessage fail_reason failure_reason detail
    task_status_msg data.fail_reason data.error data.error.message data.message
    detail.failure_reason detail.error.message detail.pending_info.failure_reason
""")
# How an envelope says that there is nothing to complain about.
NO_COMPLAINT = frozenset({"", "0", "200", "ok", "success", "succeeded", "none", "null", "false"})

# What only a job has beside its id and its status.
JOB_PATHS = paths("""
    action completed_at created created_at duration expires_at fail_reason failure_reason finish_time model platform
    progress progress_pct seconds size start_time status_update_time submit_time video_url
""")

# Only names that say the currency: a bare `cost` may be relay credits.
USD_PATHS = paths("cost_usd usage.cost_usd data.cost_usd data.usage.cost_usd")
USD_TICK_PATHS = paths("usage.cost_in_usd_ticks")  # xAI: 10^10 ticks are one dollar
TICKS_PER_MICROUSD = 10_000

ID_CHARS = 1_024
URL_CHARS = 8_192
CODE_CHARS = 64
MESSAGE_CHARS = 2_000
NESTED_ERRORS = 3
RETRY_AFTER_S = 86_400.0
COST_MICROUSD = 10_000_000_000


class RemoteStatus(StrEnum):
    """What an upstream's status word comes down to."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


STATUS_WORDS: Mapping[RemoteStatus, str] = {
    RemoteStatus.QUEUED: """
        queued pending submitted not_start notstart notstarted not_started created starting preparing initializing
        waiting queueing in_queue throttled suspended unknown""",
    RemoteStatus.IN_PROGRESS: """
        in_progress processing running generating dreaming downloading uploading image_downloading video_generating
        video_generation_completed video_upsampling video_upsampling_completed""",
    RemoteStatus.COMPLETED: "completed complete success succeed succeeded finished done",
    RemoteStatus.FAILED: """
        failed failure fail error video_generation_failed video_upsampling_failed expired deleted aborted""",
    RemoteStatus.CANCELLED: "cancelled canceled",
}
_STATUS_OF = {word: status for status, words in STATUS_WORDS.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an answer says went wrong: machine codes and words, the outermost first; falsy when it says nothing."""

    codes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.codes or self.messages)

    @property
    def code(self) -> str | None:
        """The first machine code."""
        return self.codes[0] if self.codes else None

    @property
    def message(self) -> str:
        """The first message that is words rather than an envelope around some."""
        return next((text for text in self.messages if not text.startswith("{")), "")


def value_at(document: object, path: tuple[str, ...]) -> object:
    """Follow one path through objects and lists; None when it leads nowhere."""
    for step in path:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def first(document: Json, table: Paths, read: Callable[[object], T | None]) -> T | None:
    """Return the first value of `table` that `read` can make sense of."""
    for path in table:
        value = value_at(document, path)
        if value is not None and (found := read(value)) is not None:
            return found
    return None


def job_object(document: Json) -> Json:
    """Take the job out of an envelope such as new-api's `{"code": "success", "data": {...}}`."""
    inner = document.get("data")
    if isinstance(inner, dict) and status_word(inner) and first(document, OWN_ID_PATHS, as_id) is None:
        return inner
    return document


def as_id(value: object) -> str | None:
    """Read a job id, verbatim: printable, without white space, no `.` or `..` that a path would swallow."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    if not isinstance(value, str) or not 0 < len(value) <= ID_CHARS or not value.strip("."):
        return None
    return value if value.isprintable() and not any(char.isspace() for char in value) else None


def is_job(job: Json) -> bool:
    """Whether this speaks of one job at all, rather than being an envelope around bad news of something else."""
    return job.get("object") == "video" or first(job, ID_PATHS, as_id) is not None


def names_a_job(document: Json) -> bool:
    """Whether an answer that is no acceptance speaks of a job all the same: one that has not failed."""
    word = status_word(document)
    if word is None or known_status(word) is RemoteStatus.FAILED:
        return False
    return known_status(word) is not None or first(document, ID_PATHS, as_id) is not None


def is_bare_error(job: Json) -> bool:
    """Whether this is an envelope around an error, with an id perhaps, but with no more of a job than that."""
    if status_word(job) != "error" or job.get("object") == "video":
        return False
    return all(value_at(job, path) is None for path in JOB_PATHS)


def status_word(document: Json) -> str | None:
    """The status word in lower case with underscores, or None."""
    return first(document, STATUS_PATHS, _as_word)


def _as_word(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return "_".join(value.replace("-", " ").lower().split())[:CODE_CHARS] or None


def known_status(word: str) -> RemoteStatus | None:
    """What a word means by `STATUS_WORDS`, or None for a word no table lists."""
    return _STATUS_OF.get(word)


def as_url(value: object) -> str | None:
    """Read a link: http or https with a host; relays wrap links in back-ticks and spaces."""
    if not isinstance(value, str) or len(value) > URL_CHARS:
        return None
    link = value.strip(" \t\r\n`'\"<>")
    if not link.isprintable() or any(char.isspace() for char in link):
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    return link if parts.scheme in {"http", "https"} and parts.hostname else None


def progress_percent(document: Json) -> int | None:
    """How far a job is, 0-100, out of 42, "42", "42%" or 0.42."""
    return first(document, PROGRESS_PATHS, _as_percent)


def _as_percent(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    ratio_possible = isinstance(value, float) or (isinstance(value, str) and "." in value and "%" not in value)
    number = _as_number(value.strip().removesuffix("%") if isinstance(value, str) else value)
    if number is None:
        return None
    # An integer 1 is one per cent; 1.0 is how a 0..1 scale writes its end.
    percent = number * 100 if ratio_possible and 0 <= number <= 1 else number
    return int(min(100.0, max(0.0, round(percent, 6))))


def _as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 32:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def complaint(document: Json, depth: int = NESTED_ERRORS) -> Complaint:
    """Collect codes and messages, also out of JSON that an envelope carries as a string."""
    codes = [code for path in CODE_PATHS if (code := _as_code(value_at(document, path)))]
    messages = [text for path in MESSAGE_PATHS if (text := _as_message(value_at(document, path)))]
    for text in tuple(messages):
        inner = _nested(text, depth)
        codes.extend(inner.codes)
        messages.extend(inner.messages)
    return Complaint(tuple(dict.fromkeys(codes)), tuple(dict.fromkeys(messages)))


def _nested(text: str, depth: int) -> Complaint:
    if depth == 0 or not text.startswith("{"):
        return Complaint()
    try:
        document = orjson.loads(text)
    except ValueError:
        return Complaint()
    return complaint(document, depth - 1) if isinstance(document, dict) else Complaint()


def _as_code(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    code = str(value).strip()[:CODE_CHARS]
    return None if code.lower() in NO_COMPLAINT else code


def _as_message(value: object) -> str | None:
    if isinstance(value, list):  # FastAPI's validation errors: [{"loc": [...], "msg": "..."}]
        texts = [item.get("msg") if isinstance(item, dict) else item for item in value[:5]]
        value = "; ".join(text for text in texts if isinstance(text, str))
    if not isinstance(value, str) or value.strip().lower() in NO_COMPLAINT:
        return None
    return value.strip() if value.lstrip().startswith("{") else value.strip()[:MESSAGE_CHARS]


def retry_after_s(response: HttpResponse) -> float | None:
    """How long the upstream asks to be left alone, at most a day.

    An HTTP date (RFC 9110, 10.2.3) counts from the answer's own Date header, because an adapter has no clock.
    """
    headers = response.headers
    milliseconds = _as_number(headers.get("retry-after-ms"))
    seconds = milliseconds / 1000 if milliseconds is not None else _as_number(headers.get("retry-after"))
    if seconds is None:
        seconds = _seconds_between(headers.get("date"), headers.get("retry-after"))
    return min(seconds, RETRY_AFTER_S) if seconds is not None and seconds >= 0 else None


def _seconds_between(earlier: str | None, later: str | None) -> float | None:
    if earlier is None or later is None:
        return None
    try:
        return max(0.0, (parsedate_to_datetime(later) - parsedate_to_datetime(earlier)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def cost_microusd(document: Json) -> int | None:
    """What the upstream says the job cost, where it says so in US dollars."""
    dollars = first(document, USD_PATHS, _as_number)
    if dollars is not None:
        return _sane_cost(Decimal(str(dollars)) * 1_000_000)
    ticks = first(document, USD_TICK_PATHS, _as_number)
    return None if ticks is None else _sane_cost(Decimal(str(ticks)) / TICKS_PER_MICROUSD)


def _sane_cost(microusd: Decimal) -> int | None:
    return int(microusd.to_integral_value()) if 0 <= microusd <= COST_MICROUSD else None
