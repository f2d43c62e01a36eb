"""Fake providers below the transport: they take jobs on, bill, refund, list and cancel, and keep their own books."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from random import Random
from typing import Any
from urllib.parse import unquote

import orjson

from providers.adapter import HttpRequest, HttpResponse
from providers.canonical import Size, Stage
from providers.sandbox.life import ENDS, Fate, Moment, Status, moment
from providers.sandbox.prices import DialectName, PriceList
from providers.sandbox.routes import wire_of
from providers.sandbox.upstream import REFUSALS, Order, Terms
from providers.sandbox.wire import Answer, Trouble
from router.core.catalog import ChargeRule
from tests.simulator.world import World

_SIZES = {
    ("portrait", "small"): Size(720, 1280),
    ("landscape", "small"): Size(1280, 720),
    ("9:16", False): Size(720, 1280),
    ("16:9", False): Size(1280, 720),
}
_LINK_LIVES_S = 3600.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """One POST that left the router: which attempt it is for, by the store's own rows at that moment."""

    provider: str
    job_id: str
    attempt_id: str
    submitted_at: float


@dataclass(slots=True)
class Purchase:
    """One job as the provider's books have it. `lie` is what its status says that is not so."""

    id: str
    number: int
    order: Order
    ticket: Ticket
    fate: Fate
    accepted_at: float
    billed_microusd: int
    lie: str | None = None
    lie_s: float = 0.0
    cancelled_at: float = inf
    listed_at: float = 0.0
    credited_microusd: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    words: set[bool] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class PriceStep:
    """What a clip costs from a moment on, by model and seconds."""

    since: float
    microusd: Mapping[tuple[str, int], int]


@dataclass(frozen=True, slots=True)
class Habits:
    """How a server keeps its jobs: a create may travel for `late_s_max`, a job is listed within `list_lag_s` of it."""

    late_s_max: float = 60.0
    list_lag_s: float = 0.0
    repeats_prompts: bool = False
    keeps_metadata: bool = False
    forgets_cancelled: bool = False


def draw_fate(rng: Random, slow_share: float, odd_share: float) -> tuple[Fate, str | None, float]:
    """Decide a job's life: minutes long, mostly good, sometimes failed, odd, or told wrongly."""
    total_s = rng.uniform(1200.0, 4000.0) if rng.random() < slow_share else rng.uniform(60.0, 720.0)
    plain = Fate(total_s * rng.uniform(0.05, 0.3), total_s)
    if rng.random() >= odd_share:
        return plain, None, 0.0
    failed = rng.choice((Stage.OUTPUT_REVIEW, Stage.GENERATE, Stage.GENERATE))
    odd: tuple[tuple[Fate, str | None], ...] = (
        (replace(plain, failed_stage=failed, last_progress=rng.randint(90, 98)), None),
        (replace(plain, failed_stage=failed, last_progress=rng.randint(90, 98)), None),
        (Fate(plain.queue_s, plain.queue_s, rng.choice((Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW)), 0), None),
        (replace(plain, last_progress=95, cancelled=True), None),
        (replace(plain, last_progress=rng.randint(90, 98), stuck_status=Status.IN_PROGRESS), None),
        (replace(plain, last_progress=rng.randint(40, 89), never_ends=True), None),
        (Fate(inf, inf, last_progress=0), None),
        (plain, "early"),
        (plain, "no video"),
        (plain, "relapse"),
        (plain, "strange words"),
    )
    return (*rng.choice(odd), rng.uniform(5.0, 90.0))


class Account:
    """One provider's account. It has what the sandbox's wires ask of an upstream, and their answers' shapes."""

    terms = Terms(PriceList(()), time_scale=1.0)

    def __init__(
        self,
        world: World,
        name: str,
        dialect: str,
        habits: Habits,
        rule: ChargeRule,
        prices: Mapping[tuple[str, int], int],
    ) -> None:
        self.world = world
        self.name = name
        self.habits = habits
        self.rule = rule
        self.wire = wire_of(DialectName(dialect))
        self.rng = world.chance()
        self.purchases: dict[str, Purchase] = {}
        self.prices = [PriceStep(0.0, prices)]
        self.tells_cost = self.rng.random() < 0.3
        self.discount = self.rng.choice((100, 100, 80)) if self.tells_cost else 100
        self.slow_share = self.rng.choice((0.0, 0.0, 0.1))
        self.odd_share = self.rng.choice((0.1, 0.3, 0.6))
        self._back_s = 0.0

    # What the wires ask of an upstream.

    def clock(self) -> float:
        return self.world.now() - self._back_s

    def moment(self, job: Purchase, late_s: float = 0.0) -> Moment:
        return self._lied(job, self._true_moment(job, self.clock() - late_s))

    def started_at(self, job: Purchase) -> float:
        return job.accepted_at + job.fate.queue_s

    def ended_at(self, job: Purchase) -> float:
        return job.accepted_at + job.fate.total_s

    def link(self, job: Purchase) -> str | None:
        if not self.moment(job).ready:
            return None
        turn = int((self.world.now() - job.accepted_at) // _LINK_LIVES_S)
        return f"https://{self.name}.example/_assets/{job.number}.mp4?sig={turn}"

    # The books.

    def price_microusd(self, order: Order, ordered_at: float) -> int:
        """What a clip cost when it was ordered; a new price is for orders after it."""
        key = order.model, order.seconds
        return next(step.microusd[key] for step in reversed(self.prices) if step.since <= ordered_at)

    def net_microusd(self, job: Purchase) -> int:
        """What a job costs its buyer as things stand."""
        return self._billed_microusd(job) - job.credited_microusd

    def credit(self, job: Purchase) -> None:
        """Give a part of what an ended job cost back, or all of it, long after it was booked."""
        job.credited_microusd = self.rng.randint(1, self.net_microusd(job))

    def _billed_microusd(self, job: Purchase) -> int:
        now = self._true_moment(job, self.world.now())
        if job.lie == "relapse" and True in job.words:
            # It said that the job had failed, and stands by that with its refund.
            return job.billed_microusd if self.bills(Stage.GENERATE) else 0
        if now.status not in (Status.FAILED, Status.CANCELLED):
            return job.billed_microusd
        return job.billed_microusd if self.bills(now.failed_stage) else 0

    def bills(self, stage: Stage | None) -> bool:
        by_kind = self.rule.refused_billed if stage in REFUSALS else self.rule.failed_billed
        return by_kind if stage is None else self.rule.stages.get(stage, by_kind)

    def is_over(self, job: Purchase) -> bool:
        """Whether what it costs can be known: it ended, or its video is there whatever its status says."""
        now = self._true_moment(job, self.world.now())
        return now.status in ENDS or now.ready

    def cost_of(self, job: Purchase) -> set[int]:
        """What the router may rightly book for a job: more than one thing where its provider said more than one."""
        costs = {self.net_microusd(job)}
        if job.lie == "relapse":
            costs |= {job.billed_microusd, job.billed_microusd if self.bills(Stage.GENERATE) else 0}
        return costs

    # Exchanges.

    def accept(self, request: HttpRequest, ticket: Ticket) -> Purchase:
        """Take a job on and bill it."""
        fields = _fields(request)
        order = _order(fields)
        fate, lie, lie_s = draw_fate(self.rng, self.slow_share, self.odd_share)
        if self.tells_cost and (lie is not None or fate.stuck_status is not None):
            # What a job costs is told with its end, which such a job is fetched without.
            fate, lie = Fate(60.0, 300.0), None
        price = self.price_microusd(order, ticket.submitted_at) * self.discount // 100
        job = Purchase(
            self.wire.make_id(self.rng, order),
            len(self.purchases),
            replace(order, billed_microusd=price),
            ticket,
            fate,
            self.world.now(),
            price,
            lie,
            lie_s,
            listed_at=self.world.now() + self.rng.uniform(0.0, self.habits.list_lag_s),
            metadata=_metadata(fields) if self.habits.keeps_metadata else {},
        )
        self.purchases[job.id] = job
        return job

    def accepted(self, job: Purchase) -> Answer:
        return self.wire.accepted(self, job)  # type: ignore[arg-type]

    def polled(self, remote_id: str, back_s: float = 0.0) -> Answer:
        """Tell how far a job is, or was a while ago."""
        job = self.purchases.get(remote_id)
        if job is None or (self.habits.forgets_cancelled and job.cancelled_at < inf):
            return self.wire.trouble(Trouble.UNKNOWN_JOB)
        self._back_s = min(back_s, self.world.now() - job.accepted_at)
        try:
            answer = self.wire.polled(self, job)  # type: ignore[arg-type]
            said = self.moment(job)
        finally:
            self._back_s = 0.0
        body = dict(answer.body)
        if job.lie == "strange words" and said.status is Status.IN_PROGRESS and "status" in body:
            body["status"] = "pondering"
        if self.tells_cost and said.status in ENDS:
            cost = {"cost_usd": self.net_microusd(job) / 1_000_000}
            body |= cost
            if isinstance(body.get("detail"), dict):
                body["detail"] = body["detail"] | cost
        return Answer(answer.status, body, answer.headers)

    def told(self, remote_id: str) -> None:
        """Take note that an answer about a job arrived: what it said of its end is what it stands by."""
        job = self.purchases.get(remote_id)
        if job is not None and (said := self.moment(job)).status in ENDS:
            job.words.add(said.status is not Status.COMPLETED)

    def video(self, request: HttpRequest) -> Purchase | None:
        """Whose video lies behind a link or a content endpoint, if it is there by now."""
        path = request.path
        if request.absolute:
            name, _, signature = path.rpartition("/")[2].partition(".mp4?sig=")
            job = next((each for each in self.purchases.values() if str(each.number) == name), None)
            if job is None or self.link(job) is None or not (self.link(job) or "").endswith(f"?sig={signature}"):
                return None
            return job
        job = self.purchases.get(unquote(path.split("/")[-2]))
        return job if job is not None and self.moment(job).ready else None

    def cancel(self, remote_id: str) -> Answer:
        """Stop a job that has not ended; it is refunded as one that failed."""
        job = self.purchases.get(remote_id)
        if job is None:
            return self.wire.trouble(Trouble.UNKNOWN_JOB)
        if not self.is_over(job):
            job.cancelled_at = self.world.now()
        return Answer(200, {"id": job.id, "object": "video.deleted", "deleted": True})

    def listed(self, query: Mapping[str, str]) -> Answer:
        """The account's jobs, newest first, as the OpenAI dialect lists them."""
        shown = [job for job in self.purchases.values() if job.listed_at <= self.world.now()]
        newest = sorted(shown, key=lambda job: (-job.accepted_at, -job.number))
        after = query.get("after")
        if after is not None:
            places = [place for place, job in enumerate(newest) if job.id == after]
            newest = newest[places[0] + 1 :] if places else []
        page = newest[: int(query.get("limit", "20"))]
        body: dict[str, Any] = {
            "object": "list",
            "data": [self.document(job) for job in page],
            "has_more": len(newest) > len(page),
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }
        return Answer(200, body)

    def document(self, job: Purchase) -> dict[str, Any]:
        body = dict(self.wire.polled(self, job).body)  # type: ignore[arg-type]
        if self.habits.repeats_prompts:
            body["prompt"] = job.order.prompt
        if job.metadata:
            body["metadata"] = {**(body.get("metadata") or {}), **job.metadata}
        return body

    def _true_moment(self, job: Purchase, at: float) -> Moment:
        if at >= job.cancelled_at:
            return Moment(Status.CANCELLED, moment(job.fate, job.cancelled_at - job.accepted_at).progress)
        return moment(job.fate, at - job.accepted_at)

    def _lied(self, job: Purchase, now: Moment) -> Moment:
        age_s, total_s = self.clock() - job.accepted_at, job.fate.total_s
        match job.lie:
            case "early" if total_s - job.lie_s <= age_s < total_s and now.status is Status.IN_PROGRESS:
                return Moment(Status.COMPLETED, 100)
            case "no video" if now.status is Status.COMPLETED:
                return Moment(Status.COMPLETED, 100)
            case "relapse" if total_s <= age_s < total_s + job.lie_s and now.status is Status.COMPLETED:
                return Moment(Status.FAILED, 97, failed_stage=Stage.GENERATE)
            case _:
                return now


def _fields(request: HttpRequest) -> dict[str, Any]:
    if request.json is not None:
        return dict(request.json)
    return {part.name: part.value for part in request.form}


def _order(fields: Mapping[str, Any]) -> Order:
    seconds = int(fields.get("seconds") or fields["duration"])
    size = fields.get("size")
    if "orientation" in fields:
        size = str(_SIZES[fields["orientation"], str(size)])
    elif "aspect_ratio" in fields:
        size = str(_SIZES[fields["aspect_ratio"], bool(fields["hd"])])
    return Order(str(fields["prompt"]), str(fields["model"]), seconds, Size.parse(str(size)), 0, 0)


def _metadata(fields: Mapping[str, Any]) -> dict[str, str]:
    told = fields.get("metadata")
    if isinstance(told, dict):
        return dict(told)
    return {name[9:-1]: str(value) for name, value in fields.items() if name.startswith("metadata[")}


def prompt_of(request: HttpRequest) -> str:
    """The prompt of a create."""
    return str(_fields(request)["prompt"])


def on_the_wire(answer: Answer) -> HttpResponse:
    """The bytes of an answer, as the transport would hand them over."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return HttpResponse(answer.status, {"content-type": "application/json", **headers}, orjson.dumps(answer.body))
