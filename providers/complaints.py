"""What an answer says went wrong, collected from every place where upstreams are known to say so."""

import ast
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from providers.adapter import Json
from providers.fields import is_http_status
from providers.places import first, paths, value_at

CODE_PATHS = paths("""
    error.code error.type error.error_code error.errorCode error.status error_code errorCode err_code errcode
    error_type failureCode failure_code fail_code bizCode code Code errors.0.code errors.0.type
    errors.0.extensions.code error.0.code error.0.type error.details.0.reason error.metadata.error_type
    detail.0.type detail.code detail.type detail.error.code data.error.code data.error.type data.error_code
    data.errorCode data.fail_code data.failure_code data.code output.code output.error.code result.code
    result.error.code result.error_code task.error.code task.error_code base_resp.status_code
    data.base_resp.status_code err.code Error.Code Response.Error.Code ResponseMetadata.Error.Code meta.code
    fault.detail.errorcode header.code status_code statusCode data.result.error.code message.code message.error.code
    response.error.code body.error.code data.data.error.code error.error.code error.error.type
    error.moderation_details.moderation_stage error.issues.0.code issues.0.code
""")
# Never a field called `description`, `input` or `prompt`: that may be what the caller asked for.
MESSAGE_PATHS = paths("""
    error error.message error.error.message error.msg error.detail error.details error.reason
    error.error_description error.status_message error.status_msg error.error error.metadata.raw message msg Message
    error_message errorMessage error_msg errorMsg err_msg errmsg error_description status_message status_msg
    statusMessage statusText fail_reason failure_reason failReason failed_reason fail_message fail_msg failure
    failureReason failure_message reason title detail details errors errors.0.message errors.0.detail
    errors.0.reason err err.message Error.Message Response.Error.Message ResponseMetadata.Error.Message
    fault.faultstring exception task_status_msg detail.failure_reason detail.error.message detail.error
    detail.message detail.msg detail.reason detail.pending_info.failure_reason base_resp.status_msg
    data.base_resp.status_msg data.fail_reason data.failure_reason data.error data.error.message data.error_message
    data.errorMessage data.error_msg data.message data.msg data.reason data.detail data.task_status_msg
    data.task_result.message data.data.fail_reason data.data.error.message data.data.error output.message
    output.error_message output.error output.error.message result.message result.msg result.error
    result.error.message result.error_message result.fail_reason task.error.message task.error task.fail_reason
    task.error_message task_result.message message.error.message message.message message.error
    response.error.message body.error.message header.message meta.message meta.msg data.result.error.message
    raiMediaFilteredReasons response.raiMediaFilteredReasons response.generateVideoResponse.raiMediaFilteredReasons
    rai_media_filtered_reasons error.moderation_details.reason error.issues issues error.errors
    data.failReason data.result.message
""")
# How an envelope says that there is nothing to complain about.
NO_COMPLAINT = frozenset({"", "0", "200", "ok", "success", "succeeded", "none", "null", "false", "successful", "成功"})

# Where an envelope may write the HTTP status that its own 2xx hides.
EMBEDDED_STATUS_PATHS = paths("code error.code status_code statusCode status")

CODE_CHARS = 64
MESSAGE_CHARS = 2_000
COMPLAINTS_MAX = 16
NESTED_ERRORS = 3
NESTED_CHARS = 65_536
NESTED_TRIES = 3
PREFACE_CHARS = 400
LITERAL_CHARS = 8_000
# Behind these words JSON may be a prompt that somebody wrote to look like an answer.
ECHOES = ("prompt", "caption", "input", "提示词", "提示詞", "描述", "输入", "輸入")
_ECHOED = re.compile(
    r"""(?:(?:(?<!response\s)(?:\btext|\bcontent)|\bquery|\bscenes?|(?<!响应)(?<!返回)内容|文案|文本|场景)\s{0,2}[:=：]?
    |(?:(?<!bad\s)\brequest|\btask|\bjob|\bvideo|请求|任务)\s{0,2}=?)\s{0,2}["'`]?$""",
    re.VERBOSE | re.IGNORECASE,
)
_FAILED = re.compile(r"""^["'`]?\s{0,2}(?:failed|could not|cannot|crashed|失败|异常|出错)""", re.IGNORECASE)
# What only a request holds, unless a job repeats it.
OF_A_REQUEST = frozenset({"prompt", "negative_prompt", "scene", "scenes", "shots"})
OFTEN_OF_A_REQUEST = frozenset({"model", "messages", "camera", "style"})
OF_A_JOB = frozenset({"id", "task_id", "status", "state", "task_status"})
# Strings in these places may say that a job was made; they are no complaint.
REMARK_PATHS = paths("data result info note remark error.data error.info error.note")
SUCCESS_CODES = frozenset({"0", "200", "success", "ok", "succeeded"})


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


def complaint(document: Json, depth: int = NESTED_ERRORS) -> Complaint:
    """Collect codes and messages, also out of JSON or a Python dict that a text carries."""
    if not document:
        return Complaint()
    codes = [code for path in CODE_PATHS if (code := _as_code(value_at(document, path)))]
    texts = [text for path in MESSAGE_PATHS if (text := _as_message(value_at(document, path)))]
    messages = [text[:MESSAGE_CHARS] for text in texts]
    for text in dict.fromkeys(texts):
        inner = _nested(text, depth)
        codes.extend(inner.codes)
        messages.extend(inner.messages)
    return Complaint(
        tuple(dict.fromkeys(codes))[:COMPLAINTS_MAX],
        tuple(dict.fromkeys(messages))[:COMPLAINTS_MAX],
    )


def embedded_status(document: Json) -> int | None:
    """The HTTP status of a refusal, 400-499, that an answer writes as a whole number into its body."""
    return first(document, EMBEDDED_STATUS_PATHS, _as_refusal)


def remarks(document: Json) -> tuple[str, ...]:
    """What an answer says in plain text beside its complaint."""
    texts = (value_at(document, path) for path in REMARK_PATHS)
    return tuple(text[:MESSAGE_CHARS] for text in texts if isinstance(text, str))


def claims_success(document: Json) -> bool:
    """Whether an envelope calls itself a success, whatever it complains of."""
    code = document.get("code")
    if isinstance(code, int | str) and not isinstance(code, bool):
        return document.get("success") is True or str(code).strip().lower() in SUCCESS_CODES
    return document.get("success") is True


def _as_refusal(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return int(text) if is_http_status(text) and text[0] == "4" else None


def _nested(text: str, depth: int) -> Complaint:
    if depth == 0:
        return Complaint()
    documents = documents_in(text[:NESTED_CHARS])
    found = [complaint(document, depth - 1) for document in documents if not _is_a_request(document)]
    return Complaint(
        tuple(code for inner in found for code in inner.codes),
        tuple(message for inner in found for message in inner.messages),
    )


def documents_in(text: str) -> tuple[Json, ...]:
    """The objects that a text holds as JSON or as a Python dict, unless it may be echoing a prompt."""
    start = text.find("{")
    end = text.rfind("}") + 1
    if not 0 <= start <= PREFACE_CHARS or _may_echo(text[:start], text[end : end + PREFACE_CHARS]):
        return ()
    body = text[start:end]
    for spelling in (body, body.replace('\\"', '"')) if "\\" in body else (body,):
        document = _json(spelling)
        if document is not None:
            return (document,)
    if (document := _first_json(text, start) or _literal(body)) is not None:
        return (document,)
    return ()


def _may_echo(before: str, behind: str) -> bool:
    if any(word in before.casefold() for word in ECHOES) or _ECHOED.search(before[-40:]):
        return True
    return bool(before) and _FAILED.search(behind) is not None


def _is_a_request(document: Json) -> bool:
    keys = OF_A_REQUEST if "error" in document else OF_A_REQUEST | OFTEN_OF_A_REQUEST
    return not keys.isdisjoint(document) and OF_A_JOB.isdisjoint(document)


def _json(text: str) -> Json | None:
    try:
        document = orjson.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _first_json(text: str, start: int) -> Json | None:
    """The first object of a text that goes on behind it."""
    for begin in _braces(text, start):
        try:
            document, _ = json.JSONDecoder().raw_decode(text, begin)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            return document
    return None


def _braces(text: str, start: int) -> Iterator[int]:
    for _ in range(NESTED_TRIES):
        if start < 0:
            return
        yield start
        start = text.find("{", start + 1)


def _literal(text: str) -> Json | None:
    """Read a Python dict, as `str(error)` writes it."""
    if not text.startswith("{'") or len(text) > LITERAL_CHARS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd backslash in a stranger's text is not our code's fault
            document = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _as_code(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    code = str(value).strip()[:CODE_CHARS]
    is_success = is_http_status(code) and code[0] == "2"
    return None if code.lower() in NO_COMPLAINT or is_success else code


def _as_message(value: object) -> str | None:
    if isinstance(value, list):  # FastAPI's validation errors: [{"loc": [...], "msg": "..."}]
        value = "; ".join(filter(None, map(_as_item, value[:5])))
    if not isinstance(value, str) or value.strip().lower() in NO_COMPLAINT:
        return None
    return value.strip()[:NESTED_CHARS]


def _as_item(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("msg") or value.get("message") or value.get("detail") or value.get("reason")
    return value if isinstance(value, str) else ""
