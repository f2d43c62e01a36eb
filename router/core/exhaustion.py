"""What to say of a job that cannot be attempted any more."""

from providers.canonical import Failure, Reason, Stage
from router.core.budget import CALLER_BUDGET_USED, PROVIDER_BUDGETS_USED
from router.core.job import Job
from router.core.routing import Decision


def nobody_left(job: Job, decision: Decision, last: Failure | None) -> Failure:
    """Say what keeps the job from another attempt, or give it its last one's failure."""
    if decision.spend_stops:
        return Failure(Stage.ROUTE, Reason.BUDGET, "what is left of max_spend_usd buys no other offering")
    if decision.caller_budget_stops:
        message = f"what is left today of the daily_budget_usd of caller {job.caller} buys no offering"
        return Failure(Stage.ROUTE, Reason.BUDGET, message, CALLER_BUDGET_USED)
    if last is not None:
        return last
    if job.attempts:
        left = job.attempts[-1]
        return Failure(left.stage or Stage.ROUTE, left.reason or Reason.OTHER, code=left.code)
    if decision.provider_budgets_stop:
        message = "what is left today of daily_budget_usd of the providers that sell it buys no offering"
        return Failure(Stage.ROUTE, Reason.BUDGET, message, PROVIDER_BUDGETS_USED)
    if decision.candidates or decision.may_pass:
        return Failure(Stage.ROUTE, Reason.EXPIRED, "no provider became available before the deadline")
    return Failure(Stage.ROUTE, Reason.NO_CANDIDATE, "no offering can take this request any more")
