"""Tolerant readers: every place and spelling an upstream is known to use is a row of a table; the first that fits wins.

One-api and new-api descendants, their forks and the OpenAI dialect's self-hosted speakers name the same few facts
differently. A reader answers None when nothing fits; it never raises on odd JSON.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import StrEnum
from itertools import islice
from urllib.parse import urlsplit

import orjson

from providers.adapter import HttpResponse, Json
from providers.places import first, paths, value_at

ID_PATHS = paths("id task_id video_id data.task_id data.id data.video_id result.id result.task_id output.task_id")
OWN_ID_PATHS = paths("id task_id video_id")
# Also the name of an ordinary trace id, so it counts only in an answer that complains of nothing.
REQUEST_ID_PATHS = paths("request_id")

STATUS_PATHS = paths("""
    status data.status detail.status task_status state output.task_status taskStatus data.task_status data.taskStatus
""")

URL_PATHS = paths("""
    video_url url result_url detail.url detail.draft_info.downloadable_url
    data.output data.outputs.0 data.outputs.0.url data.video_url data.url data.result_url
    output output.video_url output.url output.0 outputs.0 outputs.0.url urls.0
    result.video_url result.url result.outputs.0 result.outputs.0.url
    generations.0.url detail.generations.0.url task_result.videos.0.url video.url data.video.url
    metadata.url metadata.video_url meta_data.url data.metadata.url
""")
_URL_NAMES = frozenset(path[0] for path in URL_PATHS)
# Older new-api keeps a finished task's link here; on any other status it is what the name says.
FAIL_REASON_PATHS = paths("fail_reason data.fail_reason")

# When the link dies; what a job may be asked for until then is another matter.
EXPIRES_PATHS = paths("""
    expires_at url_expires_at video_url_expires_at expire_at expires data.expires_at data.url_expires_at
    data.expire_at detail.expires_at metadata.expires_at output.expires_at result.expires_at video.expires_at
""")

CREATED_PATHS = paths("created_at created createdAt create_time createTime submit_time")

PROGRESS_PATHS = paths("""
    progress progress_pct data.progress data.progress_pct
    detail.progress detail.progress_pct detail.pending_info.progress_pct
""")

# What only a job has beside its id and its status.
JOB_PATHS = paths("""
    action completed_at created created_at duration expires_at fail_reason failure_reason finish_time model platform
    progress progress_pct seconds size start_time status_update_time submit_time video_url
""")

# Only names that say the currency: a bare `cost` may be relay credits.
USD_PATHS = paths("cost_usd usage.cost_usd data.cost_usd data.usage.cost_usd")
USD_TICK_PATHS = paths("usage.cost_in_usd_ticks")  # xAI: 10^10 ticks are one dollar
TICKS_PER_MICROUSD = 10_000

# Where a job inside an envelope says how far it is.
OWN_STATUS_PATHS = paths("status task_status taskStatus state")
ENVELOPED = ("data", "result", "output", "task", "job", "video")

# Whatever speaks of a job by such a name, in any spelling, may have made one.
JOB_ID_NAME = re.compile(
    r"(?:task|job|video|generation|prediction|operation)(?:ids?|uuid|no|sn|number|key)|(?:polling|poll|status)url"
)
JOB_ID_TEXT = re.compile(r"(?:task|job|video|gen|pred)[-_:][A-Za-z0-9-]{1,80}")
NOT_IN_A_NAME = str.maketrans("", "", "_- ")
NO_IDS = frozenset({"null", "none", "nil", "undefined", "nan", "-1", "0", "false"})
DEPTH_MAX = 5
FIELDS_MAX = 300

ID_CHARS = 1_024
URL_CHARS = 8_192
WORD_CHARS = 64
RETRY_AFTER_S = 86_400.0
COST_MICROUSD = 10_000_000_000
MILLISECONDS_FROM = 1e11  # what is later than the year 5138 in seconds counts milliseconds
EXPIRES_AT_S = 1e10
EXPIRES_FROM_S = 1.5e9  # what is earlier than 2017 is a lifetime, not a moment


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
        waiting queueing in_queue throttled suspended unknown 排队中 等待中 已提交""",
    RemoteStatus.IN_PROGRESS: """
        in_progress processing running generating dreaming downloading uploading image_downloading video_generating
        video_generation_completed video_upsampling video_upsampling_completed 处理中 生成中 进行中""",
    RemoteStatus.COMPLETED: "completed complete success succeed succeeded finished done 成功 已完成",
    RemoteStatus.FAILED: """
        failed failure fail error video_generation_failed video_upsampling_failed expired deleted aborted rejected
        blocked timeout timed_out terminated 失败 已失败""",
    RemoteStatus.CANCELLED: "cancelled canceled 已取消",
}
# The video before upsampling: a link beside these is not to what was bought.
UNFINISHED_VIDEO_WORD = re.compile(r"video_generation_completed|\w*(?:upsampl|upscal|preview|draft)\w*")
VIDEO_PATH = re.compile(r"\.(?:mp4|mov|webm|m4v)$", re.IGNORECASE)
_STATUS_OF = {word: status for status, words in STATUS_WORDS.items() for word in words.split()}


def job_object(document: Json) -> Json:
    """Take the job out of an envelope such as new-api's `{"code": "success", "data": {...}}`.

    Also out of one that itself looks like a job that is done, around one that is not.
    """
    inner = document.get("data")
    if isinstance(inner, dict) and status_word(inner) and first(document, OWN_ID_PATHS, as_id) is None:
        document = inner
    word = first(document, OWN_STATUS_PATHS, _as_word)
    if word is None or known_status(word) is not RemoteStatus.COMPLETED:
        return document
    jobs = (value for name in ENVELOPED if isinstance(value := document.get(name), dict))
    return next((job for job in jobs if _is_unfinished(job)), document)


def _is_unfinished(job: Json) -> bool:
    word = first(job, OWN_STATUS_PATHS, _as_word)
    return word is not None and known_status(word) not in (None, RemoteStatus.COMPLETED)


def is_envelope_of_a_running_job(document: Json) -> bool:
    """Whether what is called done is the asking, around a job that says nothing but how far it is."""
    inner = document.get("data")
    if not isinstance(inner, dict) or first(document, OWN_ID_PATHS, as_id) is not None:
        return False
    progress = progress_percent(inner)
    return first(inner, OWN_ID_PATHS, as_id) is not None and progress is not None and progress < 100


def as_id(value: object) -> str | None:
    """Read a job id, verbatim: printable, without white space, no `.` or `..` that a path would swallow."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    if not isinstance(value, str) or not 0 < len(value) <= ID_CHARS or not value.strip("."):
        return None
    # Of all white space only the plain blank is printable.
    if not value.isprintable() or " " in value or value.lower() in NO_IDS:
        return None
    return value


def is_job(job: Json) -> bool:
    """Whether this speaks of one job at all, rather than being an envelope around bad news of something else."""
    return job.get("object") == "video" or first(job, ID_PATHS, as_id) is not None


def names_a_job(document: Json) -> bool:
    """Whether an answer that is no acceptance speaks of a job all the same: one that has not failed."""
    if _is_live_job(document):
        return True
    return any(isinstance(value, dict) and _is_live_job(value, nested=True) for _, value in _every_field(document))


def _is_live_job(document: Json, *, nested: bool = False) -> bool:
    word = status_word(document)
    has_id = first(document, OWN_ID_PATHS if nested else ID_PATHS, as_id) is not None
    if word is None:
        return has_id and document.get("object") == "video"
    if known_status(word) is RemoteStatus.FAILED:
        return False
    return has_id or (known_status(word) is not None and not nested)


def holds_a_job_id(document: Json) -> bool:
    """Whether a job's id stands anywhere in an answer, also in a place where no adapter looks for it."""
    return any(_is_job_id(name, value) for name, value in _every_field(document))


def _is_job_id(name: str, value: object) -> bool:
    if value in (None, "", 0, [], {}) or (isinstance(value, str) and value.lower() in NO_IDS):
        return False
    if JOB_ID_NAME.fullmatch(name.lower().translate(NOT_IN_A_NAME)):
        return True
    return name in ENVELOPED and isinstance(value, str) and JOB_ID_TEXT.fullmatch(value) is not None


def _every_field(document: Json) -> Iterator[tuple[str, object]]:
    """Every field of an answer, at most FIELDS_MAX, also of a document that comes as a text."""
    return islice(_fields(document, DEPTH_MAX), FIELDS_MAX)


def _fields(value: object, depth: int) -> Iterator[tuple[str, object]]:
    if depth and isinstance(value, str) and value.startswith("{"):
        try:
            value = orjson.loads(value)
        except ValueError:
            return
    if depth and isinstance(value, list):
        for item in value:
            yield "", item
            yield from _fields(item, depth - 1)
    elif depth and isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from _fields(inner, depth - 1)


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
    if value in _STATUS_OF:
        return value
    word = "_".join(value.replace("-", " ").lower().split())[:WORD_CHARS]
    return None if not word or is_http_status(word) else word


def is_http_status(word: str) -> bool:
    """Whether an envelope wrote an HTTP status where a job has its status word, or an error its code."""
    return len(word) == 3 and word.isascii() and word.isdecimal()


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


def result_url(job: Json) -> str | None:
    """The link of a job's video: of all that are told the first that ends like a video, else the first."""
    if _URL_NAMES.isdisjoint(job):
        return None
    links = [link for path in URL_PATHS if path[0] in job and (link := as_url(value_at(job, path))) is not None]
    return next((link for link in links if VIDEO_PATH.search(urlsplit(link).path)), links[0] if links else None)


def progress_percent(document: Json) -> int | None:
    """How far a job is, 0-100, out of 42, "42", "42%" or 0.42."""
    return first(document, PROGRESS_PATHS, _as_percent)


def _as_percent(value: object) -> int | None:
    if type(value) is int and 0 <= value <= 100:
        return value
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


def expires_at(document: Json) -> float | None:
    """Wall seconds when the upstream says its link dies, out of seconds, milliseconds or an ISO date with a zone."""
    return first(document, EXPIRES_PATHS, _as_moment)


def created_at(document: Json) -> float | None:
    """Wall seconds when the upstream says it made a job."""
    return first(document, CREATED_PATHS, _as_moment)


def as_whole_seconds(value: object) -> int | None:
    """Read a length: 8, 8.0, "8" or "8s"; one that is not whole is none that anybody asked for."""
    number = _as_number(value.strip().removesuffix("s") if isinstance(value, str) else value)
    return int(number) if number is not None and number > 0 and number.is_integer() else None


def as_text(value: object) -> str | None:
    """Read a text that is more than white space."""
    return value if isinstance(value, str) and value.strip() else None


def _as_moment(value: object) -> float | None:
    number = _as_number(value)
    if number is None:
        return _as_iso_moment(value)
    seconds = number / 1000 if number >= MILLISECONDS_FROM else number
    return seconds if EXPIRES_FROM_S <= seconds <= EXPIRES_AT_S else None


def _as_iso_moment(value: object) -> float | None:
    if not isinstance(value, str) or not 19 <= len(value) <= 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
