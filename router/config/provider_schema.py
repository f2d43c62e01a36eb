"""The shape of a provider in the configuration: its address, its limits, and what it sells at which price."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from providers.canonical import ImageKind, Stage
from router.config.failover import FailoverSteps
from router.config.scalars import (
    Amount,
    AssetHost,
    AuthScheme,
    BaseUrl,
    CurrencyCode,
    Day,
    Durations,
    HeaderName,
    ModelName,
    ProviderName,
    Sizes,
    Usd,
    VariableName,
    Wait,
    distinct,
    wrong,
)
from router.config.section import Section
from router.core.catalog import BreakerSettings, ChargeRule, Polling, Timeouts
from router.core.lookup import LookupMode, LookupSettings

_TIMEOUTS = Timeouts()
_POLLING = Polling()
_BREAKER = BreakerSettings()
_LOOKUP = LookupSettings()
_IN_FLIGHT_MAX = 100

Billing = Literal["free", "billed"]


class KeySection(Section):
    """Where the provider's key is read from; never the key itself."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["env"]}, {"required": ["file"]}]})

    env: VariableName | None = Field(None, description="Environment variable that holds the key.")
    file: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        None, description="File that holds the key; a relative path starts at the configuration's folder."
    )

    @model_validator(mode="before")
    @classmethod
    def _is_a_reference(cls, value: Any) -> Any:
        if isinstance(value, str | int | float):
            raise wrong(
                "a key is never written into this file; put it into an environment variable or a file, and "
                "write `{env: NAME}` or `{file: PATH}` here; replace this key if the file was shared"
            )
        return value

    @model_validator(mode="after")
    def _has_one_source(self) -> "KeySection":
        if (self.env is None) == (self.file is None):
            raise wrong("needs exactly one of `env` and `file`, as in `{env: RELAY_A_KEY}`")
        return self


class AuthSection(Section):
    """How the key is sent."""

    header: HeaderName = Field("Authorization", description="Header that carries the key.")
    prefix: AuthScheme = Field(
        "Bearer ", description='Scheme before the key, with its space; "" sends the bare key; never the key itself.'
    )


class TimeoutsSection(Section):
    """The longest that one exchange with this provider may take, in seconds."""

    connect_s: Wait = Field(_TIMEOUTS.connect_s, description="Until the connection is open.")
    submit_s: Wait = Field(_TIMEOUTS.submit_s, description="A submit; when it is cut off, it may have been bought.")
    submit_keepalive_s: float = Field(
        _TIMEOUTS.submit_keepalive_s,
        ge=0.0,
        le=4.0,
        description="How long a connection may have been idle that a submit still takes; 0: each opens one of its own.",
    )
    poll_s: Wait = Field(_TIMEOUTS.poll_s, description="A poll.")
    download_idle_s: Wait = Field(_TIMEOUTS.download_idle_s, description="Longest silence while a video is read.")


class PollingSection(Section):
    """When a running attempt is asked about, and when it is given up, in seconds."""

    first_after_s: Wait = Field(_POLLING.first_after_s, description="From the submit to the first poll, at the least.")
    interval_s_min: Wait = Field(_POLLING.interval_s_min, description="Shortest pause between two polls of a job.")
    interval_s_max: Wait = Field(
        _POLLING.interval_s_max,
        description="Longest pause between two polls of a job that answers; most are shorter, as its kind is learned.",
    )
    polls_per_s_max: float = Field(
        _POLLING.polls_per_s_max,
        ge=0.01,
        le=10_000,
        description="Most polls of all jobs in a second; those that are too many wait for their turn.",
    )
    stall_s: Wait = Field(_POLLING.stall_s, description="Without any progress for so long, an attempt is given up.")
    deadline_s: Wait = Field(_POLLING.deadline_s, description="From the submit to giving the attempt up.")
    late_interval_s: Wait = Field(
        _POLLING.late_interval_s, description="Pause between polls of an attempt given up, whose cost is not known yet."
    )
    late_s_max: Wait = Field(_POLLING.late_s_max, description="How long such an attempt is still polled.")
    download_s_max: Wait = Field(
        _POLLING.download_s_max, description="How long a finished video may take to become fetchable."
    )
    link_settles_s: Wait = Field(
        _POLLING.link_settles_s,
        description="A link beside an unfinished status is tried once it has been there for so long, and so often.",
    )
    listed: Literal["off", "confirmed", "trusted"] | None = Field(
        None,
        description="Whether one reading of the provider's list of jobs may answer the polls of many. confirmed: how "
        "far they are; that one has ended is asked about it alone, too. trusted: also that one has succeeded, for a "
        "list whose entries are what single polls are answered. Failures are always asked about alone. "
        "Default: as `profile` is known, else off.",
    )


class BreakerSection(Section):
    """When failures take this provider out, and for how long."""

    window_s: Wait = Field(_BREAKER.window_s, description="Outcomes older than this are forgotten.")
    volume_min: int = Field(
        _BREAKER.volume_min, ge=1, le=10_000, description="Outcomes needed before failures can take the provider out."
    )
    failure_share: float = Field(
        _BREAKER.failure_share, gt=0, le=1, description="Share of failures that takes the provider out, above 0 to 1."
    )
    reset_s: Wait = Field(_BREAKER.reset_s, description="How long it stays out the first time.")
    reset_s_max: Wait = Field(_BREAKER.reset_s_max, description="How long it stays out at most after repeated trips.")
    outage_s: Wait = Field(_BREAKER.outage_s, description="How long it stays out when its key or balance is refused.")


class ChargeRuleSection(Section):
    """What the contract bills although no video was delivered."""

    refused: Billing = Field("free", description="An accepted job that a content review refused.")
    failed: Billing = Field("free", description="An accepted job that failed.")
    image_review: Billing | None = Field(None, description="One whose input image was refused; default: `refused`.")
    prompt_review: Billing | None = Field(None, description="One whose prompt was refused; default: `refused`.")
    output_review: Billing | None = Field(None, description="One whose video was refused; default: `refused`.")
    generate: Billing | None = Field(None, description="One that failed while it was made; default: `failed`.")

    def build(self) -> ChargeRule:
        """Return the rule as the engine reads it."""
        said = {Stage(name): value for name, value in self if name in set(Stage) and value is not None}
        stages = {stage: value == "billed" for stage, value in said.items()}
        return ChargeRule(self.refused == "billed", self.failed == "billed", stages)


class LookupSection(Section):
    """How a submit whose answer was lost is looked for in the provider's own list of jobs, where the dialect can."""

    mode: Literal["off", "identified", "exclusive"] = Field(
        _LOOKUP.mode.value,
        description="identified takes a listed job for the lost one only if it carries our reference or repeats the "
        "prompt. exclusive is for an account that nobody but this router uses: one that fits in time, model, seconds "
        "and size, and is the only one, is enough; were it somebody else's, a caller would get another's video.",
    )
    settle_s: Wait = Field(
        _LOOKUP.settle_s, description="How long after the answer was lost a job may still appear in the list."
    )
    proves_absence: bool = Field(
        default=_LOOKUP.proves_absence,
        description="true: what is not listed by then was never taken on, so that the job goes on to another offering "
        "and the entry is voided; only if the provider vouches for that.",
    )

    def build(self) -> LookupSettings:
        """Return the settings as the engine reads them."""
        return LookupSettings(LookupMode(self.mode), self.settle_s, self.proves_absence)


class TierSection(Section):
    """An amount for some sizes and durations; a list left out means all that the offering sells."""

    amount: Amount = Field(description='A decimal number in quotes, such as "0.12".')
    sizes: Sizes | None = Field(None, description="Sizes at this amount.")
    seconds: Durations | None = Field(None, description="Durations at this amount.")


def _as_tiers(value: object) -> object:
    return [{"amount": value}] if isinstance(value, str | int | float) else value


Tiers = Annotated[
    list[TierSection],
    Field(min_length=1, max_length=64),
    BeforeValidator(_as_tiers, json_schema_input_type=Amount | list[TierSection]),
]


class PriceSection(Section):
    """What a video costs: `per_second` or `per_clip`, one amount or tiers that cover everything sold exactly once."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["per_second"]}, {"required": ["per_clip"]}]})

    currency: CurrencyCode = Field("USD", description="USD, or a currency that `currencies` gives a dated rate for.")
    per_second: Tiers | None = Field(None, description="Amount for each second of video: one, or a list of tiers.")
    per_clip: Tiers | None = Field(None, description="Amount for a whole video: one, or a list of tiers.")
    example: bool = Field(
        default=False, description="true marks a figure that is to be replaced by your contract's; `check` warns of it."
    )

    @model_validator(mode="after")
    def _has_one_unit(self) -> "PriceSection":
        if (self.per_second is None) == (self.per_clip is None):
            raise wrong('needs exactly one of `per_second` and `per_clip`, as in `{per_clip: "0.12"}`')
        return self


class OfferingSection(Section):
    """One model that this provider sells, in which sizes and durations, at which price."""

    model: ModelName = Field(description="Name that callers ask for.")
    upstream_model: ModelName | None = Field(None, description="The provider's own name of it; default: `model`.")
    name: ModelName | None = Field(
        None, description="Last part of the offering's id PROVIDER/NAME; default: `upstream_model`."
    )
    sizes: Sizes = Field(description="Sizes sold, each WIDTHxHEIGHT in pixels.")
    seconds: Durations = Field(description="Durations sold, in whole seconds.")
    image_inputs: Annotated[list[ImageKind], AfterValidator(distinct)] = Field(
        default=[], description="How input images may come: url (the provider fetches it), file (its bytes are sent)."
    )
    images_max: int | None = Field(
        None, ge=1, le=16, description="Most input images of one video; needed with `image_inputs`."
    )
    weight: float = Field(
        1.0,
        gt=0,
        le=1000,
        description="Its share under `routing.policy: weighted`, and among equals under the others: 2 gets twice the "
        "jobs of 1.",
    )
    priority: int = Field(
        1, ge=1, le=1000, description="Its rank under `routing.policy: priority`; 1 is asked first, then 2."
    )
    available_until: Day | None = Field(
        None, description="No job is submitted from 00:00 UTC of this day on, such as 2026-09-24."
    )
    stall_s: Wait | None = Field(None, description="Takes the place of `polling.stall_s` for this model.")
    deadline_s: Wait | None = Field(None, description="Takes the place of `polling.deadline_s` for this model.")
    price: PriceSection = Field(description='What it costs, such as `{per_clip: "0.12"}` or `{per_second: "0.10"}`.')


class ProviderSection(Section):
    """An upstream account."""

    dialect: str = Field(min_length=1, max_length=64, description="The wire format it speaks.")
    alias: ProviderName | None = Field(
        None, description="What callers see instead of its name; several providers may share one. Default: its name."
    )
    profile: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="Which known server of that dialect it is, if its habits differ; default: the plain dialect.",
    )
    base_url: BaseUrl = Field(
        description="Address before the dialect's paths, such as https://api.example.com (a /v1 at its end is dropped)."
    )
    allow_unencrypted: bool = Field(
        default=False,
        description="true permits http:// to another machine; keys and prompts then cross the network open.",
    )
    api_key: KeySection = Field(description="Where the key is read from: `{env: NAME}` or `{file: PATH}`.")
    auth: AuthSection = Field(
        default_factory=AuthSection,
        description="How the key is sent; default: as `profile` wants it, else `Authorization: Bearer KEY`.",
    )
    query: Annotated[dict[str, str], Field(max_length=16)] = Field(
        default={},
        description="Parameters added to every request, such as {api-version: preview}, beside those of `profile`; "
        "not for keys.",
    )
    in_flight_max: int = Field(_IN_FLIGHT_MAX, ge=1, le=100_000, description="Most jobs that may run there at once.")
    drained: bool = Field(
        default=False, description="true gives it no more jobs; what it has under way is brought to its end."
    )
    daily_budget_usd: Usd | None = Field(
        None, description='Most that the submits to it may cost in one UTC day, such as "50.00".'
    )
    asset_hosts: Annotated[list[AssetHost], Field(max_length=32), AfterValidator(distinct)] = Field(
        default=[],
        description="Hosts (host or host:port) whose result links may be fetched although private or unencrypted.",
    )
    webhook_secret: KeySection | None = Field(
        None,
        description="Where the secret is read from that makes its webhooks believed: `{env: NAME}` or `{file: PATH}`. "
        "One that signs gave it to you (whsec_...); for one that is told an address with each create, any 32 random "
        "characters. Left out, none are taken.",
    )
    timeouts: TimeoutsSection = Field(default_factory=TimeoutsSection, description="Limits of one exchange.")
    polling: PollingSection = Field(
        default_factory=PollingSection, description="When running attempts are asked about and given up."
    )
    breaker: BreakerSection = Field(default_factory=BreakerSection, description="When failures take the provider out.")
    charge_rule: ChargeRuleSection = Field(
        default_factory=ChargeRuleSection, description="What is billed although no video was delivered."
    )
    failover_on: FailoverSteps = Field(
        default={},
        description="After which failures of this provider a job goes on to another offering, by `stage` or "
        "`stage.reason`; what is left out is as `policy.failover_on` says. `video-router policy` shows the outcome.",
    )
    on_ambiguous: Literal["hold", "failover"] | None = Field(
        None,
        description="Takes the place of `policy.on_ambiguous` for submits to this provider, and of a caller's failover "
        "too; a caller's hold always counts.",
    )
    lookup: LookupSection = Field(
        default_factory=LookupSection, description="How a submit whose answer was lost is looked for at the provider."
    )
    offerings: Annotated[list[OfferingSection], Field(min_length=1, max_length=100)] = Field(
        description="What it sells."
    )
