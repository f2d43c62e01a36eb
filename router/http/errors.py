"""What goes wrong, in OpenAI's error envelope and in words that say what to change."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import orjson
from aiohttp import web

from router.core.eligibility import Exclusion, ExclusionCause
from router.core.order import NoCandidateError
from router.core.routing import Decision
from router.http.answer import SERVER
from router.http.naming import Naming

EXCLUSIONS_LISTED_MAX: Final = 40
_RETRY_AFTER_S_DEFAULT: Final = 10.0


@dataclass(slots=True, eq=False)
class ApiError(Exception):
    """An answer that is no success. `should_retry` False tells OpenAI's SDK not to repeat the request by itself."""

    status: int
    message: str
    code: str
    param: str | None = None
    should_retry: bool | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, *, repeatable: bool = False) -> web.Response:
        """Render the envelope; every 4xx forbids the SDK's own retries, which cannot change its outcome.

        `repeatable`: to do the same again is safe whatever became of it, as the key of a create promises.
        """
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        should_retry = self.should_retry
        if self.status < 500:
            should_retry = bool(should_retry)
        elif repeatable:
            should_retry = True
        headers = {**self.headers, "Content-Type": "application/json", "Server": SERVER}
        if should_retry is not None:
            headers["x-should-retry"] = str(should_retry).lower()
        return web.Response(status=self.status, body=orjson.dumps({"error": error}), headers=headers)


def invalid(message: str, param: str | None = None, code: str = "invalid_value") -> ApiError:
    """Say that the request itself is wrong (400)."""
    return ApiError(400, message, code, param)


def too_large(what: str, bytes_max: int) -> ApiError:
    """Say that a body or one part of it exceeds its limit (413)."""
    return ApiError(413, f"{what} is larger than the {bytes_max} bytes that are accepted", "request_too_large")


def video_not_found(video_id: str) -> ApiError:
    """Say that this caller has no such video (404), which is also what other callers' videos look like."""
    return ApiError(404, f"there is no video {video_id[:64]!r} of yours", "video_not_found", "video_id")


def model_not_found(model: str, models: Iterable[str]) -> ApiError:
    """Say that no such model is for sale, and which are (404)."""
    message = f"there is no model {model[:64]!r}; the models are: {', '.join(models) or 'none'}"
    return ApiError(404, message, "model_not_found", "model")


def nobody_sells(model: str, models: Iterable[str]) -> ApiError:
    """Say of a create that its model is for sale nowhere, and which are (400)."""
    message = f"nobody sells the model {model[:64]!r}; the models are: {', '.join(models) or 'none'}"
    return invalid(message, "model", "no_offering")


def whole_seconds(retry_after_s: float) -> int:
    """Round a wait up, to 1 at least: whoever comes back a moment too early has asked in vain."""
    return max(1, math.ceil(retry_after_s))


def unavailable(message: str, code: str, retry_after_s: float | None) -> ApiError:
    """Say that nothing was done and that waiting may help (503 with Retry-After)."""
    wait_s = _RETRY_AFTER_S_DEFAULT if retry_after_s is None else retry_after_s
    return ApiError(503, message, code, headers={"Retry-After": str(whole_seconds(wait_s))})


def unconfirmed(message: str, retry_after_s: float) -> ApiError:
    """Say that a job may have been stored and may be bought, and that nobody knows (503 with Retry-After)."""
    headers = {"Retry-After": str(whole_seconds(retry_after_s))}
    return ApiError(503, message, "create_unconfirmed", should_retry=False, headers=headers)


def internal(request_id: str, *, may_buy: bool) -> ApiError:
    """Say nothing but the request id (500); what may have bought something must not be repeated."""
    message = f"the router failed to answer; its log says why under request id {request_id}"
    return ApiError(500, message, "internal_error", should_retry=False if may_buy else None)


def from_web(error: web.HTTPException, whereabouts: str) -> ApiError:
    """Put aiohttp's own answers (unknown path, wrong method) into the envelope; `whereabouts` says what is where."""
    match error:
        case web.HTTPNotFound():
            return ApiError(404, f"there is no such path; {whereabouts}", "not_found")
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            message = f"{error.method[:16]} is not served at this path; it takes {allowed}"
            return ApiError(405, message, "method_not_allowed", headers={"Allow": allowed})
        case web.HTTPRequestEntityTooLarge():
            return ApiError(413, "the body is larger than what is accepted", "request_too_large")
        case _:
            return ApiError(error.status, f"the request was turned down: {error.reason}", "request_refused")


_PARAMS: Final[Mapping[ExclusionCause, str]] = MappingProxyType(
    {
        ExclusionCause.MODEL: "model",
        ExclusionCause.SIZE: "size",
        ExclusionCause.SECONDS: "seconds",
        ExclusionCause.IMAGES: "input_reference",
        ExclusionCause.ENDED: "model",
        ExclusionCause.NOT_ALLOWED: "routing",
        ExclusionCause.PRICE: "routing.max_price_usd",
    }
)


def no_candidate(error: NoCandidateError, model: str, naming: Naming, *, own_spend: bool) -> ApiError:
    """Name each offering and its reason: 503 when waiting may lift one, 429 for a caller's spent day, else 400.

    Waiting may also lift an operator's drain, which nobody knows the end of.
    `own_spend`: the caller has limited himself what the job may cost.
    """
    decision = error.decision
    relevant = [each for each in decision.exclusions if each.cause is not ExclusionCause.MODEL]
    if not relevant:
        return nobody_sells(model, naming.models)
    lines = "\n".join(_line(each, naming) for each in relevant[:EXCLUSIONS_LISTED_MAX])
    if decision.may_pass or ExclusionCause.DRAINED in decision.excluded:
        message = f"no provider takes this video at the moment, nothing was bought:\n{lines}"
        return unavailable(message, "no_provider_available", decision.retry_after_s)
    if decision.caller_budget_stops:
        return _budget_exceeded(lines, decision.day_ends_in_s)
    message = f"no offering of {model[:64]} fits this request:\n{lines}"
    return invalid(message, _param(decision, own_spend=own_spend), "no_offering")


def _budget_exceeded(lines: str, day_ends_in_s: float) -> ApiError:
    """Say that the caller's day is spent (429), when the next one begins, and what to change until then."""
    wait_s = whole_seconds(day_ends_in_s)
    message = (
        "what is left of your daily budget buys no offering that could take this video, nothing was bought; ask for a"
        " shorter or smaller one, ask the operator for a larger `callers[].daily_budget_usd`, or come back at 00:00"
        f" UTC, in {wait_s} s:\n{lines}"
    )
    return ApiError(429, message, "daily_budget_exceeded", headers={"Retry-After": str(wait_s)})


def _line(exclusion: Exclusion, naming: Naming) -> str:
    return f"{naming.offering_id(exclusion.offering)}: {naming.words(exclusion.message)}"


def _param(decision: Decision, *, own_spend: bool) -> str | None:
    """Name the field to change when all offerings of the model were excluded by the same one."""
    causes = {each.cause for each in decision.exclusions} - {ExclusionCause.MODEL}
    if causes == {ExclusionCause.SPEND} and own_spend:
        return "routing.max_spend_usd"
    return _PARAMS.get(causes.pop()) if len(causes) == 1 else None
