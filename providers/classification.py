"""The one place that says where and why an upstream refused or failed, or that it never got to answer.

Evidence is weighed by `providers.rules.RULES`; a dialect may put rows of its own before them. A refusal, an empty
account, a bad key and a lost answer count wherever they are told; of the rest machine codes speak before words, and
words before the HTTP status. At a create only a 4xx refuses by any words; at any other status the job may exist, so
only what is documented of such answers counts, and what their messages plainly begin with, if they tell of no trouble
of the upstream's own; where they name a job, say that one was made or claim success, nothing does. Words of content
that no other row knows are refused by `providers.rules.LAST_RESORT`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from providers.adapter import HttpResponse, Json
from providers.canonical import Failure, Reason, Stage
from providers.complaints import Complaint, claims_success, complaint, embedded_status, remarks
from providers.fields import cost_microusd, holds_a_job_id, names_a_job, retry_after_s
from providers.rules import CRASHED, LAST_RESORT, RULES, STATEMENTS, Rule
from providers.rules.beginnings import beginning, begins_with, may_have_taken_on, took_on
from providers.rules.lost import SYNTAX
from providers.rules.proofs import OWN_TROUBLE, PROOFS, is_denied
from providers.rules.reviews import hinted_review, named_review, names_people
from providers.rules.text import Text, bare, plain, without_links

# So broad that HTTP status and message speak first: new-api answers a bad token 401 with code `invalid_request`.
BROAD_CODES = frozenset({"invalid_request", "invalid_request_error", "model_not_found", "bad_request"})
# A refusal, an empty account or a bad key is never hidden by a code that would let the job fail over or just wait.
DECISIVE = (Reason.REFUSED, Reason.BALANCE, Reason.AUTH)
# What counts wherever it is told, in this order; a lost answer outweighs whatever would call the create refused.
BEFORE_CODES = (*DECISIVE, Reason.AMBIGUOUS)
# Where a whole machine code says one of these, words that only name a topic refuse nothing.
PLAIN_CODES = frozenset({Reason.BALANCE, Reason.AUTH, Reason.RATE_LIMITED, Reason.OVERLOADED})
# What a machine code proves in any spelling where words prove nothing.
PROVEN_BY_CODE = frozenset({*DECISIVE, Reason.RATE_LIMITED})

# `auth_service_unavailable` is a part of the upstream that broke, not what it says of us.
PARTS_THAT_BREAK = frozenset(
    {
        *("service", "internal", "unavailable", "limiter", "pending", "checker", "server", "check", "query", "deduct"),
        *("update", "sync", "disk", "storage", "session", "cookie", "database", "db", "sql", "redis", "cache", "log"),
        *("callback", "er", "start", "init", "worker"),
    }
)

# An upstream that says so in a code broke down, whatever else it tells.
CRASH_CODES = frozenset({"internalerror", "internalservererror", "internal"})
# Such a code says whose JSON it was that could not be read.
REQUEST_CODES = frozenset({"invalidrequest", "invalidjson", "badrequest"})

STATUS_REASONS = {
    401: Reason.AUTH,
    402: Reason.BALANCE,
    403: Reason.AUTH,
    429: Reason.RATE_LIMITED,
    451: Reason.REFUSED,
}
# What an upstream answers before it reads a request.
KEY_STATUSES = frozenset({401, 402})
# Proxies and application servers use these for what they lost sight of, so they prove nothing of a create.
UNPROVABLE_STATUSES = frozenset({408, 409, 499})
GONE_STATUSES = frozenset({404, 410})
# What a 429 may say instead of what it is.
TOLD_BY_A_429 = frozenset({*DECISIVE, Reason.OVERLOADED})
POLL_REASONS = frozenset({Reason.AUTH, Reason.BALANCE, Reason.RATE_LIMITED, Reason.OVERLOADED, Reason.INVALID})
# What an ended job may be blamed on; a lost answer or a breakdown of its upstream is `internal`.
JOB_REASONS = frozenset({Reason.REFUSED, Reason.OTHER, *POLL_REASONS})
# Of a create, a row of any other reason says nothing.
SUBMIT_REASONS = frozenset({Reason.REFUSED, Reason.AMBIGUOUS, Reason.UNSUPPORTED, Reason.INTERNAL, *POLL_REASONS})
# new-api's service/task_polling.go sets it on every job that it fails: it says nothing of how far the job was.
PROGRESS_OF_THE_ENDED = 100

WORDS_CHARS = 6_000


class Weight(IntEnum):
    """How a row was found: by a whole machine code, by a code's words, or by a message's words."""

    CODE = 1
    CODE_WORDS = 2
    WORDS = 3


@dataclass(frozen=True, slots=True)
class Match:
    """A row that fits, and by what."""

    row: Rule
    weight: Weight


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer complains of, in the plain spelling that rules are written in."""

    bare_codes: frozenset[str]
    code_words: Text
    messages: tuple[str, ...]
    words: Text
    words_and_links: Text

    @classmethod
    def of(cls, said: Complaint) -> "Evidence":
        """Spell a complaint plainly; the innermost messages first, because they are what an envelope is around."""
        messages = tuple(plain(without_links(text)) for text in reversed(said.messages))
        linked = "\n".join(plain(text) for text in reversed(said.messages))
        codes = frozenset(bare(code) for code in said.codes)
        telling = "\n".join(plain(code) for code in said.codes if code.casefold() not in BROAD_CODES)
        words = Text("\n".join(messages)[:WORDS_CHARS])
        return cls(codes, Text(telling), messages, words, Text(linked[:WORDS_CHARS]))

    @property
    def is_doubtful(self) -> bool:
        """Whether words tell of the upstream's own trouble, or deny something: then they state nothing plainly."""
        told = not CRASH_CODES.isdisjoint(self.bare_codes)
        return told or OWN_TROUBLE.says(self.words) or is_denied(self.words.plain)

    def matches(self, rules: tuple[Rule, ...]) -> list[Match]:
        """Every row that fits, in the table's order; what a link says counts only if nothing else tells the reason."""
        whole = frozenset(bare(text) for text in self.messages if len(text) <= 64)
        weighed = ((row, self._weight(row, whole)) for row in rules)
        found = [Match(row, weight) for row, weight in weighed if weight is not None]
        if self.words.plain == self.words_and_links.plain or any(
            each.row.reason is not Reason.INTERNAL for each in found
        ):
            return found
        linked = (row for row in rules if row.reason is Reason.REFUSED and row.says(self.words_and_links))
        return [*(Match(row, Weight.WORDS) for row in linked), *found]

    def weighed(self, found: list[Match]) -> list[Match]:
        """What was found, without weak words that a whole code or a plain statement of something else outweighs."""
        if not REQUEST_CODES.isdisjoint(self.bare_codes):
            found = [match for match in found if match.row is not SYNTAX]
        weak = {id(match) for match in found if match.row.is_weak}
        refuses = any(match.row.reason is Reason.REFUSED and not match.row.is_weak for match in found)
        guesses = {id(m) for m in found if m.row.reason is Reason.INVALID and m.weight is Weight.WORDS}
        if refuses or not (weak or guesses):
            return found
        if CRASHED.says(self.words):
            rest = [match for match in found if id(match) not in weak | guesses]
            return [*rest, Match(CRASHED, Weight.WORDS)]
        if not weak:
            return found
        told = [Match(row, Weight.WORDS) for row in STATEMENTS if row.says(self.words) or row.says(self.code_words)]
        coded = any(match.weight is Weight.CODE and match.row.reason in PLAIN_CODES for match in found)
        return [*(match for match in found if id(match) not in weak), *told] if told or coded else found

    def with_last_resort(self, found: list[Match]) -> list[Match]:
        """What was found; if that tells no reason but the words speak of content, the row that says so before it."""
        if any(each.row.reason is not Reason.INTERNAL or each.row is CRASHED for each in found):
            return found
        hints = (row for row in LAST_RESORT if row.says(self.words) or row.says(self.code_words))
        return [*(Match(row, Weight.WORDS) for row in hints), *found]

    def _weight(self, row: Rule, whole_messages: frozenset[str]) -> Weight | None:
        if not self.bare_codes.isdisjoint(row.bare_codes):
            return Weight.CODE
        if row.says(self.code_words):
            return Weight.CODE_WORDS
        return Weight.WORDS if not whole_messages.isdisjoint(row.bare_codes) or row.says(self.words) else None


def matching_rule(said: Complaint, rules: tuple[Rule, ...] = RULES) -> Rule | None:
    """The row that weighs most, by codes and any words; none for what says nothing."""
    if not said:
        return None
    evidence = Evidence.of(said)
    best = _best(evidence.weighed(evidence.matches(rules)))
    return best.row if best else None


def _best(found: list[Match]) -> Match | None:
    for reason in BEFORE_CODES:
        told = [match for match in found if match.row.reason is reason]
        if told:
            return min(told, key=lambda match: (match.row.stage is None, match.weight))
    known = [match for match in found if match.row.reason is not Reason.INTERNAL]
    return min(known or found, key=lambda match: match.weight is Weight.WORDS, default=None)


def _provable(evidence: Evidence, found: list[Match], rules: tuple[Rule, ...]) -> list[Match]:
    """What counts where the job may exist: doubt alone if there is any, else codes and beginnings of messages."""
    doubt = [match for match in found if match.row.reason is Reason.AMBIGUOUS]
    if doubt:
        return doubt
    starts = [Text(beginning(text)) for text in evidence.messages if not text.startswith("{")]
    plainly = () if evidence.is_doubtful else tuple(starts)
    is_of_a_part = not PARTS_THAT_BREAK.isdisjoint(evidence.code_words.keys)
    proofs = [(match, PROOFS.get(match.row.reason, match.row)) for match in found]
    return [
        match for match, proof in proofs if _is_provable(match, proof, evidence, plainly, is_of_a_part=is_of_a_part)
    ] + [Match(row, Weight.WORDS) for row in rules if any(row.opens(text) for text in starts)]


def _is_provable(
    match: Match, proof: Rule, evidence: Evidence, starts: tuple[Text, ...], *, is_of_a_part: bool
) -> bool:
    reason = match.row.reason
    match match.weight:
        case Weight.CODE:
            return reason is not Reason.INTERNAL
        case Weight.CODE_WORDS:
            return reason in PROVEN_BY_CODE and not is_of_a_part and proof.says(evidence.code_words)
        case _:
            return reason in DECISIVE and any(begins_with(proof, text) for text in starts)


def refused_submit(response: HttpResponse, document: Json | None, rules: tuple[Rule, ...] = RULES) -> Failure:
    """Read a create that was not accepted; `document` is None when its body is no JSON object.

    Any reason but `ambiguous` says that no job exists upstream and nothing will be charged.
    """
    said = complaint(document) if document else Complaint()
    evidence = Evidence.of(said)
    if document and _may_exist(response, document, evidence):
        return _failure(response, said, Stage.SUBMIT, Reason.AMBIGUOUS)
    known = [match for match in evidence.weighed(evidence.matches(rules)) if match.row.reason in SUBMIT_REASONS]
    status = _status_of_submit(response, document, known)
    refuses = 400 <= status < 500
    speaks = refuses and status not in KEY_STATUSES | UNPROVABLE_STATUSES
    found = evidence.with_last_resort(known) if speaks else known
    best = _best(found if refuses else _provable(evidence, found, rules))
    reason = _submit_reason(response, status, said, best)
    stage = _review(evidence, found, None) if reason is Reason.REFUSED else Stage.SUBMIT
    recognised = _known(said, evidence, known, found)
    return _failure(response, said, stage, reason, note=_gone_note(response, reason), recognised=recognised)


def _may_exist(response: HttpResponse, document: Json, evidence: Evidence) -> bool:
    """Whether an answer that is no acceptance names a job all the same, or says that it took one on."""
    told = (*evidence.messages, evidence.code_words.plain, *map(plain, remarks(document)))
    if response.ok and claims_success(document):
        return True
    if 400 <= response.status < 500:
        return names_a_job(document) or any(map(took_on, told))
    return names_a_job(document) or holds_a_job_id(document) or any(map(may_have_taken_on, told))


def _status_of_submit(response: HttpResponse, document: Json | None, found: list[Match]) -> int:
    """The HTTP status, or the one that a 2xx tells in its body, if nothing in there doubts it."""
    told = embedded_status(document) if document and response.ok else None
    doubted = any(match.row.reason is Reason.AMBIGUOUS for match in found)
    return response.status if told is None or doubted else told


def _submit_reason(response: HttpResponse, status: int, said: Complaint, best: Match | None) -> Reason:
    told = best.row.reason if best and not _is_outweighed(best, status) else None
    if status == 429:
        return told if told is not None and told in TOLD_BY_A_429 else Reason.RATE_LIMITED
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


def _is_outweighed(best: Match, status: int) -> bool:
    """Whether the HTTP status says more than words: always than a breakdown, of a key also than an invalid request."""
    if best.row.reason is Reason.INVALID and best.weight is Weight.WORDS:
        return status in KEY_STATUSES
    return best.row.reason is Reason.INTERNAL


def _gone_note(response: HttpResponse, reason: Reason) -> str:
    if response.status not in GONE_STATUSES or reason is not Reason.INVALID:
        return ""
    return f" (HTTP {response.status} to a create: check base_url, or the host no longer speaks this dialect)"


def failed_poll(response: HttpResponse, document: Json | None, rules: tuple[Rule, ...] = RULES) -> Failure:
    """Read an answer that says nothing of the video: always stage `poll`."""
    said = complaint(document) if document else Complaint()
    evidence = Evidence.of(said)
    found = evidence.matches(rules)
    best = _best([match for match in found if match.row.reason in POLL_REASONS])
    reason = best.row.reason if best else _poll_status_reason(response.status)
    return _failure(response, said, Stage.POLL, reason, recognised=_known(said, evidence, found, found))


def _poll_status_reason(status: int) -> Reason:
    told = STATUS_REASONS.get(status)
    if told is not None and told in POLL_REASONS:
        return told
    if status == 408 or status >= 500:
        return Reason.OVERLOADED
    return Reason.INVALID if status >= 400 else Reason.UNREADABLE


def failed_job(
    response: HttpResponse, document: Json, progress: int | None, rules: tuple[Rule, ...] = RULES
) -> Failure:
    """Read a job that the upstream ended without a video; `progress` tells an output review from an input review."""
    said = complaint(document)
    evidence = Evidence.of(said)
    known = evidence.weighed(evidence.matches(rules))
    found = evidence.with_last_resort([match for match in known if match.row.ends_jobs])
    best = _best(found)
    reason = best.row.reason if best and best.row.reason in JOB_REASONS else Reason.INTERNAL
    reached = 0 if progress is None or progress == PROGRESS_OF_THE_ENDED else progress
    stage = _review(evidence, found, reached) if reason is Reason.REFUSED else Stage.GENERATE
    return _failure(response, said, stage, reason, document, recognised=_known(said, evidence, known, found))


def withheld_video(response: HttpResponse, document: Json) -> Failure:
    """Read a job called done whose video a review keeps back."""
    return _failure(response, complaint(document), Stage.OUTPUT_REVIEW, Reason.REFUSED, document)


def cancelled_job(response: HttpResponse, document: Json) -> Failure:
    """Read a job that somebody ended upstream."""
    return _failure(response, complaint(document), Stage.GENERATE, Reason.CANCELLED, document)


def unsent(cause: str) -> Failure:
    """A create that provably never left this machine, or never reached an upstream."""
    return Failure(Stage.SUBMIT, Reason.UNREACHABLE, cause)


def unanswered(cause: str) -> Failure:
    """A create whose answer never came: the job may exist."""
    return Failure(Stage.SUBMIT, Reason.AMBIGUOUS, cause)


def poll_unanswered(cause: str) -> Failure:
    """A poll without an answer, whether or not it was sent: polls cost nothing."""
    return Failure(Stage.POLL, Reason.UNREACHABLE, cause)


def _review(evidence: Evidence, found: list[Match], progress: int | None) -> Stage:
    """Place a refusal: by its code, by what its code names, by its words; else by progress, which a submit has not."""
    refused = [match for match in found if match.row.reason is Reason.REFUSED]
    by_code = (match.row.stage for match in refused if match.weight is Weight.CODE)
    finders: tuple[Callable[[], Stage | None], ...] = (
        lambda: next(filter(None, by_code), None),
        lambda: named_review(evidence.code_words),
        lambda: next(filter(None, (match.row.stage for match in refused)), None),
        lambda: named_review(evidence.words),
        lambda: hinted_review(evidence.code_words),
        lambda: hinted_review(evidence.words),
    )
    named = next((stage for find in finders if (stage := find()) is not None), None)
    if named is not None:
        return named
    if progress:
        return Stage.OUTPUT_REVIEW
    return (
        Stage.IMAGE_REVIEW
        if any(names_people(text) for text in (evidence.code_words, evidence.words))
        else Stage.PROMPT_REVIEW
    )


def _known(said: Complaint, evidence: Evidence, known: list[Match], found: list[Match]) -> bool:
    """Whether the table knows the words of an answer, or there are none; a code that says `failed` knows no words."""
    if not said:
        return True
    if len(found) > len(known) or not known:
        return False
    if not said.messages or any(m.weight is Weight.WORDS or m.row.reason is not Reason.INTERNAL for m in known):
        return True
    return any(match.row.says(evidence.words) for match in known)


def _failure(
    response: HttpResponse,
    said: Complaint,
    stage: Stage,
    reason: Reason,
    document: Json | None = None,
    note: str = "",
    recognised: bool = True,
) -> Failure:
    return Failure(
        stage,
        reason,
        message=(said.message or f"HTTP {response.status} without an explanation") + note,
        code=said.code,
        retry_after_s=retry_after_s(response),
        cost_microusd=cost_microusd(document) if document else None,
        recognised=recognised,
    )
