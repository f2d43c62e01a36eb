"""The one place that says where and why an upstream refused or failed.

Evidence counts in this order: machine code, words of the message, HTTP status. Codes and words are the rows of
`providers.rules.RULES`; a dialect may put rows of its own before them. At a create only a 4xx refuses by any words;
at any other status the job may exist, so only what is documented of such answers counts.
"""

from providers.adapter import HttpResponse, Json
from providers.canonical import Failure, Reason, Stage
from providers.fields import Complaint, complaint, cost_microusd, names_a_job, retry_after_s
from providers.rules import RULES, Rule

# So broad that HTTP status and message speak first: new-api answers a bad token 401 with code `invalid_request`.
BROAD_CODES = frozenset({"invalid_request", "invalid_request_error", "model_not_found", "bad_request"})
# A refusal, an empty account or a bad key is never hidden by a code that would let the job fail over or just wait.
DECISIVE = frozenset({Reason.REFUSED, Reason.BALANCE, Reason.AUTH})

STATUS_REASONS = {
    401: Reason.AUTH,
    402: Reason.BALANCE,
    403: Reason.AUTH,
    429: Reason.RATE_LIMITED,
    451: Reason.REFUSED,
}
# Proxies and application servers use these for what they lost sight of, so they prove nothing of a create.
UNPROVABLE_STATUSES = frozenset({408, 409, 499})
GONE_STATUSES = frozenset({404, 410})
POLL_REASONS = frozenset(
    {Reason.AUTH, Reason.BALANCE, Reason.RATE_LIMITED, Reason.OVERLOADED, Reason.INVALID, Reason.UNREADABLE}
)

# What an ended job may be blamed on. Its key, its account and its capacity were our provider's to have when it took the
# job on; what a job says of them is about the provider's own upstream.
JOB_REASONS = frozenset({Reason.REFUSED, Reason.INVALID})

IMAGE_WORDS = ("image", "photo", "picture", "person", "people", "upload", "face", "图", "照片", "真人", "人脸")


def matching_rule(said: Complaint, rules: tuple[Rule, ...] = RULES) -> Rule | None:
    """The row that fits best: a decisive one by code, then by phrase; else the first by code, then by phrase.

    Of rows with one reason, the one that names its stage says more than the bare word beside it.
    """
    return _best(_by_any_word(said, rules))


def documented_rule(said: Complaint, rules: tuple[Rule, ...] = RULES) -> Rule | None:
    """The row that fits an answer whose status is no refusal: doubt first, then codes, then openings of messages."""
    codes = {code.casefold() for code in said.codes}
    by_code = [row for row in rules if not codes.isdisjoint(row.codes)]
    by_opening = [row for row in rules if any(row.opens(message) for message in said.messages)]
    doubt = next((row for row in _by_any_word(said, rules) if row.reason is Reason.AMBIGUOUS), None)
    return doubt or _best([*by_code, *by_opening])


def _by_any_word(said: Complaint, rules: tuple[Rule, ...]) -> list[Rule]:
    texts = {text.casefold() for text in (*said.codes, *said.messages)}
    text = "\n".join(texts)
    by_code = [row for row in rules if not texts.isdisjoint(row.codes)]
    return by_code + [row for row in rules if any(phrase in text for phrase in row.phrases)]


def _best(found: list[Rule]) -> Rule | None:
    best = next((row for row in found if row.reason in DECISIVE), found[0] if found else None)
    if best is None:
        return None
    return next((row for row in found if row.stage and row.reason is best.reason), best)


def refused_submit(response: HttpResponse, document: Json | None, rules: tuple[Rule, ...] = RULES) -> Failure:
    """Read a create that was not accepted; `document` is None when its body is no JSON object.

    Any reason but `ambiguous` says that no job exists upstream and nothing will be charged.
    """
    said = complaint(document) if document else Complaint()
    if document and names_a_job(document):
        return _failure(response, said, Stage.SUBMIT, Reason.AMBIGUOUS)
    row = matching_rule(said, rules) if 400 <= response.status < 500 else documented_rule(said, rules)
    reason = _submit_reason(response, said, row)
    stage = row.stage if row and row.stage and row.reason is reason else _here(reason, Stage.SUBMIT, said, None)
    return _failure(response, said, stage, reason, note=_gone_note(response, reason))


def _submit_reason(response: HttpResponse, said: Complaint, row: Rule | None) -> Reason:
    status, told = response.status, row.reason if row else None
    if status == 429:
        return Reason.RATE_LIMITED if told in {None, Reason.AMBIGUOUS} else told or Reason.RATE_LIMITED
    if told is Reason.AMBIGUOUS or status in UNPROVABLE_STATUSES:
        return Reason.AMBIGUOUS
    if told is not None:
        return told
    if 400 <= status < 500 and said:
        return STATUS_REASONS.get(status, Reason.INVALID)
    if status == 503 and retry_after_s(response) is not None:
        return Reason.OVERLOADED
    if response.ok and not BROAD_CODES.isdisjoint(code.casefold() for code in said.codes):
        return Reason.INVALID
    return Reason.AMBIGUOUS


def _gone_note(response: HttpResponse, reason: Reason) -> str:
    if response.status not in GONE_STATUSES or reason is not Reason.INVALID:
        return ""
    return f" (HTTP {response.status} to a create: check base_url, or the host no longer speaks this dialect)"


def failed_poll(response: HttpResponse, document: Json | None, rules: tuple[Rule, ...] = RULES) -> Failure:
    """Read an answer that says nothing of the video: always stage `poll`."""
    said = complaint(document) if document else Complaint()
    row = matching_rule(said, rules)
    reason = row.reason if row and row.reason in POLL_REASONS else _poll_status_reason(response.status)
    return _failure(response, said, Stage.POLL, reason)


def _poll_status_reason(status: int) -> Reason:
    told = STATUS_REASONS.get(status)
    if told in POLL_REASONS:
        return told
    if status == 408 or status >= 500:
        return Reason.OVERLOADED
    return Reason.INVALID if status >= 400 else Reason.UNREADABLE


def failed_job(
    response: HttpResponse, document: Json, progress: int | None, rules: tuple[Rule, ...] = RULES
) -> Failure:
    """Read a job that the upstream ended without a video; `progress` tells an output review from an input review."""
    said = complaint(document)
    row = matching_rule(said, rules)
    if row is None or row.reason not in JOB_REASONS:
        return _failure(response, said, Stage.GENERATE, Reason.INTERNAL, document)
    stage = row.stage or _here(row.reason, Stage.GENERATE, said, progress)
    return _failure(response, said, stage, row.reason, document)


def cancelled_job(response: HttpResponse, document: Json) -> Failure:
    """Read a job that somebody ended upstream."""
    return _failure(response, complaint(document), Stage.GENERATE, Reason.CANCELLED, document)


def _here(reason: Reason, stage: Stage, said: Complaint, progress: int | None) -> Stage:
    return _review(said, progress) if reason is Reason.REFUSED else stage


def _review(said: Complaint, progress: int | None) -> Stage:
    """Place a refusal that does not name its review: after the first per cent only the output is left to review."""
    if progress:
        return Stage.OUTPUT_REVIEW
    text = " ".join(said.messages).casefold()
    return Stage.IMAGE_REVIEW if any(word in text for word in IMAGE_WORDS) else Stage.PROMPT_REVIEW


def _failure(
    response: HttpResponse,
    said: Complaint,
    stage: Stage,
    reason: Reason,
    document: Json | None = None,
    note: str = "",
) -> Failure:
    return Failure(
        stage,
        reason,
        message=(said.message or f"HTTP {response.status} without an explanation") + note,
        code=said.code,
        retry_after_s=retry_after_s(response),
        cost_microusd=cost_microusd(document) if document else None,
    )
