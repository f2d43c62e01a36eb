"""The shape of the whole configuration file; an editor's JSON Schema is made from it."""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from router.config.content_schema import ContentSection
from router.config.failover import FailoverSteps
from router.config.provider_schema import ProviderSection
from router.config.routing_schema import RoutingSection
from router.config.scalars import (
    Amount,
    BaseUrl,
    ClipSeconds,
    CurrencyCode,
    Day,
    FrameSize,
    KeyDigest,
    ModelName,
    ProviderName,
    Usd,
    Wait,
    distinct,
)
from router.config.section import Section
from router.core.failover import failover_on
from router.core.limits import Caller, ServerSettings
from router.core.money import usd
from router.core.policy import JobLimits, OnAmbiguous
from router.core.reporting import DurationClass, ReportingSettings

_SERVER = ServerSettings()
_LIMITS = JobLimits()
_ON_TIME_S = ReportingSettings().on_time_s


GroupMembers: TypeAlias = Annotated[list[ModelName], Field(min_length=1, max_length=32), AfterValidator(distinct)]


class CallerSection(Section):
    """Somebody who may ask, known by the SHA-256 of a bearer key."""

    name: ProviderName = Field(description="Name of the caller in logs and reports.")
    key_sha256: KeyDigest = Field(description="SHA-256 of the bearer key: 64 lower-case hexadecimal digits.")
    daily_budget_usd: Usd | None = Field(
        None, description='Most that the submits for this caller may cost in one UTC day, such as "50.00".'
    )

    def build(self) -> Caller:
        """Return the caller as the front door knows it."""
        return Caller(self.name, self.key_sha256, self.daily_budget_usd)


class DefaultsSection(Section):
    """What a create means that leaves these out; each left out here is the first that is sold."""

    model: ModelName | None = Field(None, description="Model, or group of models; default: that of the first offering.")
    seconds: ClipSeconds | None = Field(
        None, description="Duration; default: the first of that model's first offering; of a group, its first model's."
    )
    size: FrameSize | None = Field(
        None, description="Size; default: the first of that model's first offering; of a group, its first model's."
    )


class ServerSection(Section):
    """Limits of the front door."""

    poll_after_ms: int = Field(
        _SERVER.poll_after_ms, ge=10, le=600_000, description="How soon callers are told to ask again, in milliseconds."
    )
    body_bytes_max: int = Field(
        _SERVER.body_bytes_max, ge=1024, le=1024**3, description="Largest request body, in bytes."
    )
    image_bytes_max: int = Field(
        _SERVER.image_bytes_max, ge=1024, le=1024**3, description="Largest input image, in bytes."
    )
    images_max: int = Field(_SERVER.images_max, ge=0, le=16, description="Most input images of one job.")
    prompt_chars_max: int = Field(
        _SERVER.prompt_chars_max, ge=1, le=1_000_000, description="Longest prompt, in characters."
    )
    jobs_live_max: int = Field(
        _SERVER.jobs_live_max, ge=1, le=1_000_000, description="Most unfinished jobs; further creates are turned away."
    )
    streams_max: int = Field(
        _SERVER.streams_max, ge=1, le=100_000, description="Most downloads at once; further ones are turned away."
    )
    streams_per_caller_max: int = Field(
        _SERVER.streams_per_caller_max, ge=1, le=100_000, description="Most downloads of one caller at once."
    )
    show_providers: bool = Field(
        default=_SERVER.show_providers,
        description="false shows callers numbers for providers and offerings, and takes no routing.only and ignore.",
    )

    public_url: BaseUrl | None = Field(
        None,
        description="Where providers reach this router, such as https://router.example.com; only needed for webhooks "
        "of those that are told an address with each create.",
    )

    def build(self) -> ServerSettings:
        """Return the limits as the front door reads them."""
        return ServerSettings(**self.model_dump(exclude={"public_url"}))


class PolicySection(Section):
    """What one job may use up, and what follows when a submit's answer was lost."""

    on_ambiguous: Literal["hold", "failover"] = Field(
        _LIMITS.on_ambiguous.value,
        description="When a submit may have been bought and nobody can tell: hold ends the job as submit_unknown; "
        "failover buys it again elsewhere, within `max_duplicate_usd`. A provider may have its own, and a caller may "
        "ask for the other.",
    )
    max_duplicate_usd: Usd | None = Field(
        None,
        description='Most that a job\'s uncertain submits may cost before failover stops, such as "1.00", be it this '
        "file's or a caller's. Left out, nothing is ever bought twice, and callers cannot ask for it.",
    )
    max_attempts: int = Field(_LIMITS.attempts_max, ge=1, le=20, description="Most submits of one job.")
    max_spend_usd: Usd = Field(
        _LIMITS.spend_microusd_max,
        description="Most that one job may cost, uncertain submits included.",
        json_schema_extra={"default": usd(_LIMITS.spend_microusd_max)},
    )
    job_deadline_s: Wait = Field(_LIMITS.deadline_s, description="Seconds from the create to giving the job up.")
    min_attempt_s: Wait = Field(
        _LIMITS.attempt_s_min,
        description="With less time than this left before its deadline, a job that failed is not tried again.",
    )

    failover_on: FailoverSteps = Field(
        default={},
        description="After which failures a job goes on to another offering, by `stage` or `stage.reason`: never, once "
        "(per job), always. `video-router policy` shows the table.",
    )

    def build(self) -> JobLimits:
        """Return the limits as the engine reads them."""
        return JobLimits(
            attempts_max=self.max_attempts,
            spend_microusd_max=self.max_spend_usd,
            deadline_s=self.job_deadline_s,
            on_ambiguous=OnAmbiguous(self.on_ambiguous),
            duplicate_microusd_max=self.max_duplicate_usd or 0,
            attempt_s_min=self.min_attempt_s,
            failover_on=failover_on(self.failover_on),
        )


class OnTimeSection(Section):
    """When a video is on time, in seconds from the create."""

    short: Wait = Field(_ON_TIME_S[DurationClass.SHORT], description="Up to 12 s of video.")
    long: Wait = Field(_ON_TIME_S[DurationClass.LONG], description="More than 12 s of video.")
    hd: Wait = Field(_ON_TIME_S[DurationClass.HD], description="Any length with a side of more than 1280 pixels.")


class ReportingSection(Section):
    """What results are measured against."""

    on_time_s: OnTimeSection = Field(
        default_factory=OnTimeSection, description="Seconds within which a video is on time, by its duration class."
    )
    baseline_provider: ProviderName | None = Field(
        None, description="Savings are counted from this provider's price list; left out, from the list prices paid."
    )

    def build(self) -> ReportingSettings:
        """Return the settings as metrics read them."""
        on_time_s = {kind: float(getattr(self.on_time_s, kind)) for kind in DurationClass}
        return ReportingSettings(on_time_s, self.baseline_provider)


class CurrencySection(Section):
    """A currency's rate on a day."""

    usd: Amount = Field(description='US dollars for one unit, in quotes, such as "0.14".')
    as_of: Day = Field(description="Day of the rate, such as 2026-11-01.")


class Config(Section):
    """The configuration of video-router."""

    callers: Annotated[list[CallerSection], Field(max_length=10_000)] = Field(
        default=[], description="Who may ask. Nobody listed: everybody may, and the server listens on loopback only."
    )
    defaults: DefaultsSection = Field(
        default_factory=DefaultsSection, description="What a create means that leaves these out."
    )
    server: ServerSection = Field(default_factory=ServerSection, description="Limits of the front door.")
    content: ContentSection = Field(default_factory=ContentSection, description="How finished videos come to callers.")
    policy: PolicySection = Field(default_factory=PolicySection, description="What one job may use up.")
    routing: RoutingSection = Field(default_factory=RoutingSection, description="How the next offering is chosen.")
    model_groups: Annotated[dict[ModelName, GroupMembers], Field(max_length=64)] = Field(
        default={},
        description="Names for several models, such as {video-standard: [sora-2, sora-2-pro]}: a create that asks for "
        "one is made with whichever of them is the best choice.",
        json_schema_extra={"additionalProperties": False},
    )
    reporting: ReportingSection = Field(
        default_factory=ReportingSection, description="What results are measured against."
    )
    currencies: Annotated[dict[CurrencyCode, CurrencySection], Field(max_length=64)] = Field(
        default={},
        description="Dated rates of the currencies that prices are given in; USD needs none.",
        json_schema_extra={"additionalProperties": False},
    )
    providers: Annotated[dict[ProviderName, ProviderSection], Field(min_length=1, max_length=64)] = Field(
        description="Upstream accounts by name.", json_schema_extra={"additionalProperties": False}
    )
