"""Names of span attributes: OpenTelemetry's where it has one, `video_router.*` where it has none.

Those of gen_ai are in development, and its list of operations and of outputs has no video yet.
"""

from typing import Final

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
OUTPUT_TYPE: Final = "gen_ai.output.type"
COST_AMOUNT: Final = "gen_ai.usage.cost.amount"
COST_CURRENCY: Final = "gen_ai.usage.cost.currency"
ERROR_TYPE: Final = "error.type"
HTTP_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_STATUS: Final = "http.response.status_code"

JOB: Final = "video_router.job"
ATTEMPT: Final = "video_router.attempt"
OFFERING: Final = "video_router.offering"
STATE: Final = "video_router.state"
STAGE: Final = "video_router.stage"
REASON: Final = "video_router.reason"
CAUSE: Final = "video_router.cause"
QUOTE_USD: Final = "video_router.quote_usd"
COST_KIND: Final = "video_router.cost_kind"
SECONDS: Final = "video_router.seconds"
SIZE: Final = "video_router.size"
RESUMED: Final = "video_router.resumed"
STATUS: Final = "video_router.status"
PROGRESS: Final = "video_router.progress"
POLLS: Final = "video_router.polls"
POLLS_FAILED: Final = "video_router.polls_failed"
DOWNLOADS: Final = "video_router.downloads"
VARIANT: Final = "video_router.variant"
CONTENT_BYTES: Final = "video_router.content_bytes"
