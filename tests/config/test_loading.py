"""What a sound configuration becomes."""

from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from providers.canonical import ListPolling, Size
from router.core.catalog import BreakerSettings, ChargeRule, Polling, PriceTier, PriceUnit, Provider, Timeouts
from router.core.limits import Caller, MirrorSettings, RequestDefaults, ServerSettings
from router.core.policy import JobLimits, OnAmbiguous
from router.core.preferences import DurationPolicy
from router.core.reporting import DurationClass, ReportingSettings
from router.core.routing_settings import (
    ExplorationSettings,
    PanicPolicy,
    RetryBudgetSettings,
    RoutingPolicy,
    RoutingSettings,
)
from tests.config.files import KEY, SOUND, changed, loaded, warned

PORTRAIT, LANDSCAPE = Size(720, 1280), Size(1280, 720)

FULL = """\
callers:
  - {name: backend, daily_budget_usd: "20.5",
     key_sha256: ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff}
defaults: {model: sora-2, seconds: 15, size: 1280x720}
server:
  poll_after_ms: 10
  body_bytes_max: 4096
  image_bytes_max: 2048
  images_max: 0
  prompt_chars_max: 9
  jobs_live_max: 2
  streams_max: 7
  streams_per_caller_max: 3
  show_providers: false
content: {mode: mirror, folder: mirror, bytes_max: 1073741824, age_s_max: 7200, free_bytes_min: 4096}
policy:
  {on_ambiguous: failover, max_duplicate_usd: "0.5", max_attempts: 2, max_spend_usd: "1.25", job_deadline_s: 60,
   min_attempt_s: 7}
routing:
  policy: priority
  usd_per_minute_of_waiting: "0.05"
  undelivered_usd: "2.5"
  half_life_s: 60
  exploration: {share: 0.2, outcomes_min: 7, usd_per_day: "0.5"}
  retry_budget: {share: 0, per_s: 0.5}
  panic: never
  duration_policy: nearest
model_groups: {standard: [sora-2]}
reporting: {on_time_s: {short: 1, long: 2.5, hd: 3}, baseline_provider: relay-a}
currencies:
  CNY: {usd: "0.14", as_of: 2026-11-01}
providers:
  relay-a:
    dialect: shenma
    alias: gold
    base_url: http://[::1]:9000/api/v2/
    api_key: {file: relay.key}
    auth: {header: X-Key, prefix: ""}
    query: {version: "3"}
    in_flight_max: 7
    drained: true
    daily_budget_usd: "3.000001"
    asset_hosts: [cdn.example.com, "127.0.0.1:9000", "[::1]:9000"]
    timeouts: {connect_s: 1, submit_s: 2, poll_s: 3, download_idle_s: 4.5, submit_keepalive_s: 0}
    polling:
      first_after_s: 1
      interval_s_min: 2
      interval_s_max: 3
      polls_per_s_max: 10
      stall_s: 4
      deadline_s: 5
      late_interval_s: 6
      late_s_max: 7
      download_s_max: 8
      link_settles_s: 9
      listed: confirmed
    breaker: {window_s: 1, volume_min: 2, failure_share: 1, reset_s: 4, reset_s_max: 5, outage_s: 6}
    charge_rule: {refused: billed}
    offerings:
      - model: sora-2
        upstream_model: sora2-vip
        name: vip
        sizes: [720x1280, 1280x720]
        seconds: [10, 15]
        image_inputs: [url, file]
        images_max: 3
        weight: 2.5
        priority: 3
        available_until: 2026-12-24
        stall_s: 21
        deadline_s: 22
        price:
          currency: CNY
          per_clip:
            - {amount: "0.85", seconds: [10]}
            - {amount: "1.40", seconds: [15], sizes: [720x1280]}
            - {amount: "1.50", seconds: [15], sizes: [1280x720]}
"""


def test_every_key_reaches_its_value(tmp_path: Path):
    (tmp_path / "relay.key").write_text(f"{KEY}\n", encoding="utf-8")
    settings = loaded(tmp_path, FULL)
    provider = settings.catalog.providers["relay-a"]
    assert settings.callers == (Caller("backend", "f" * 64, 20_500_000),)
    assert settings.defaults == RequestDefaults("sora-2", 15, LANDSCAPE)
    assert settings.server == ServerSettings(10, 4096, 2048, 0, 9, 2, 7, 3, show_providers=False)
    assert settings.mirror == MirrorSettings(tmp_path / "mirror", 1024**3, 7200.0, 4096)
    assert settings.limits == JobLimits(2, 1_250_000, 60.0, OnAmbiguous.FAILOVER, 500_000, 7.0)
    trials, retries = ExplorationSettings(0.2, 7, 500_000), RetryBudgetSettings(0.0, 0.5)
    assert settings.routing == RoutingSettings(
        RoutingPolicy.PRIORITY, 50_000, 2_500_000, 60.0, trials, retries, PanicPolicy.NEVER, DurationPolicy.NEAREST
    )
    assert settings.catalog.groups == {"standard": ("sora-2",)}
    on_time_s = {DurationClass.SHORT: 1.0, DurationClass.LONG: 2.5, DurationClass.HD: 3.0}
    assert settings.reporting == ReportingSettings(on_time_s, "relay-a")
    assert provider.timeouts == Timeouts(1, 2, 3, 4.5, 0.0)
    assert provider.polling == Polling(1, 2, 3, 10, 4, 5, 6, 7, 8, 9, listed=ListPolling.CONFIRMED)
    assert provider.breaker == BreakerSettings(1, 2, 1, 4, 5, 6)
    assert provider.charge_rule == ChargeRule(refused_billed=True, failed_billed=False)
    assert (provider.dialect, provider.alias, provider.in_flight_max) == ("shenma", "gold", 7)
    assert provider.daily_budget_microusd == 3_000_001
    assert provider.asset_hosts == {"cdn.example.com", "127.0.0.1:9000", "[::1]:9000"}
    assert provider.drained
    no_list, warning = settings.warnings
    assert no_list.message == "has no effect: shenma has no list that tells how far jobs are; remove it"
    assert warning.message == "while it is drained, nobody sells sora-2, nor anything of standard"


def test_an_account_has_the_address_and_the_key_and_never_shows_the_key(tmp_path: Path):
    (tmp_path / "relay.key").write_text(f"{KEY}\n", encoding="utf-8")
    settings = loaded(tmp_path, FULL)
    account = settings.accounts["relay-a"]
    assert (account.base_url, account.header, account.prefix) == ("http://[::1]:9000/api", "X-Key", "")
    assert (account.key.reveal(), dict(account.query)) == (KEY, {"version": "3"})
    assert KEY not in repr(settings) + repr(account)


def test_an_offering_is_priced_in_microusd_at_the_dated_rate(tmp_path: Path):
    (tmp_path / "relay.key").write_text(KEY, encoding="utf-8")
    (offering,) = loaded(tmp_path, FULL).catalog.offerings
    assert (offering.id, offering.model, offering.upstream_model) == ("relay-a/vip", "sora-2", "sora2-vip")
    assert (offering.image_inputs, offering.images_max) == ({"url", "file"}, 3)
    assert (offering.weight, offering.priority) == (2.5, 3)
    assert (offering.stall_s, offering.deadline_s) == (21.0, 22.0)
    assert offering.available_until == datetime(2026, 12, 24, tzinfo=UTC).timestamp()
    assert offering.price.unit is PriceUnit.PER_CLIP
    assert offering.price.tiers[0] == PriceTier(119_000, frozenset(), frozenset({10}), "0.85 CNY")
    assert offering.price.quote_microusd(PORTRAIT, 15) == 196_000
    assert offering.price.quote_microusd(LANDSCAPE, 15) == 210_000


def test_what_is_left_out_takes_the_values_of_core(tmp_path: Path):
    settings = loaded(
        tmp_path, changed("    polling: {first_after_s: 5}\n", "", changed("policy:\n  on_ambiguous: hold\n", ""))
    )
    provider = settings.catalog.providers["relay-a"]
    plain = Provider("relay-a", "jizhiai", provider.adapter)
    for field in fields(Provider):
        assert getattr(provider, field.name) == getattr(plain, field.name)
    assert settings.limits == JobLimits()
    assert settings.routing == RoutingSettings()
    assert settings.server == ServerSettings()
    assert settings.defaults == RequestDefaults("sora-2", 10, PORTRAIT)
    assert settings.callers == ()


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("https://host/v1", "https://host"),
        ("https://host/v2/", "https://host"),
        ("https://host/openai/v1", "https://host/openai"),
        ("https://host:8443/", "https://host:8443"),
        ("https://host/v10", "https://host/v10"),
        ("http://localhost:9501", "http://localhost:9501"),
        ("http://127.9.9.9", "http://127.9.9.9"),
    ],
)
def test_a_version_at_the_end_of_a_base_url_is_dropped(written: str, used: str, tmp_path: Path):
    settings = loaded(tmp_path, changed("https://relay-a.example.com", written))
    assert settings.accounts["relay-a"].base_url == used


def test_an_unencrypted_base_url_can_be_allowed(tmp_path: Path):
    text = changed(
        "https://relay-a",
        "http://relay-a",
        changed("dialect: jizhiai", "dialect: jizhiai\n    allow_unencrypted: true"),
    )
    assert loaded(tmp_path, text).accounts["relay-a"].base_url == "http://relay-a.example.com"


def test_an_example_price_is_warned_of(tmp_path: Path):
    (warning,) = warned(tmp_path, changed('"0.12"', '"0.12", example: true'))
    assert "offerings[0].price: is an example; write what your contract says" in warning


@pytest.mark.parametrize(
    ("price", "place"),
    [('"0"', "per_clip"), ('[{amount: "1", seconds: [10]}, {amount: "0.00", seconds: [15]}]', "per_clip[1].amount")],
)
def test_a_price_of_nothing_is_warned_of(price: str, place: str, tmp_path: Path):
    assert warned(tmp_path, changed('"0.12"', price)) == [
        f"router.yaml:13: providers.relay-a.offerings[0].price.{place}: is free and so is asked first unless it "
        "fails often; if it is self-hosted that may be meant"
    ]


def test_an_offering_above_the_spend_limit_is_warned_of(tmp_path: Path):
    (warning,) = warned(tmp_path, changed("hold", 'hold\n  max_spend_usd: "0.1"'))
    assert "relay-a/sora-2 is never bought: its cheapest video costs 0.12 USD; raise the limit" in warning


CALLER = f'callers: [{{name: studio, key_sha256: {"0" * 64}, daily_budget_usd: "0.119"}}]'


def test_a_daily_budget_that_buys_nothing_is_warned_of(tmp_path: Path):
    (warning,) = warned(tmp_path, changed("jizhiai", 'jizhiai\n    daily_budget_usd: "0.119999"'))
    assert warning.startswith("router.yaml:6: providers.relay-a.daily_budget_usd: buys nothing: the cheapest video")
    assert warning.endswith("costs 0.12 USD; raise the budget")
    (warning,) = warned(tmp_path, f"{CALLER}\n{SOUND}")
    assert warning.startswith("router.yaml:1: callers[0].daily_budget_usd: buys nothing")
    assert warned(tmp_path, changed("jizhiai", 'jizhiai\n    daily_budget_usd: "0.12"')) == []


def test_an_old_rate_is_warned_of(tmp_path: Path):
    (warning,) = warned(tmp_path, 'currencies: {CNY: {usd: "0.14", as_of: 2026-01-01}}\n' + SOUND)
    assert "currencies.CNY.as_of: the rate is more than 90 days old" in warning


def test_a_combination_that_the_dialect_cannot_say_is_warned_of(tmp_path: Path):
    text = changed("dialect: jizhiai", "dialect: shenma")
    text = changed("[720x1280, 1280x720]", "[720x1280, 1024x1792]", changed("[10, 15]", "[10, 25]", text))
    (warning,) = warned(tmp_path, text)
    assert "offerings[0]: 1024x1792 at 25 s will never be bought: this dialect ignores the high resolution" in warning
