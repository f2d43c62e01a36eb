"""What an operator may say of a submit whose answer was lost: by provider, and within which bound."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from router.cli import cli
from router.config.changes import changes
from router.core.lookup import LookupMode, LookupSettings
from router.core.policy import OnAmbiguous
from tests.config.files import ENVIRON, SOUND, changed, complaints, loaded, warned

RUNNER = CliRunner(env={**ENVIRON, "COLUMNS": "200"})
PAID_FOR = changed("on_ambiguous: hold", 'on_ambiguous: hold\n  max_duplicate_usd: "1.00"')
# The plain dialect of this one has a list of jobs; that of the sound configuration has none.
LISTING = changed("[10, 15]", "[4, 8]", changed("dialect: jizhiai", "dialect: openai"))


def own(text: str, base: str = SOUND) -> str:
    """Add settings to the one provider of a configuration."""
    return changed("    polling:", f"    {text}\n    polling:", base)


def of_ambiguous(folder: Path, text: str) -> dict[str, object]:
    """Return the line of the policy table on an ambiguous submit."""
    file = folder / "router.yaml"
    file.write_text(text)
    lines = json.loads(RUNNER.invoke(cli, ["policy", str(file), "--json"]).stdout)["relay-a"]
    (line,) = (line for line in lines if line["reason"] == "ambiguous")
    return dict(line)


def test_a_provider_has_its_own_word_and_its_own_lookup_or_the_defaults(tmp_path: Path) -> None:
    plain = loaded(tmp_path, SOUND).catalog.providers["relay-a"]
    assert (plain.on_ambiguous, plain.lookup) == (None, LookupSettings())
    said = "on_ambiguous: failover\n    lookup: {mode: exclusive, settle_s: 7, proves_absence: true}"
    provider = loaded(tmp_path, own(said, PAID_FOR)).catalog.providers["relay-a"]
    assert provider.on_ambiguous is OnAmbiguous.FAILOVER
    assert provider.lookup == LookupSettings(LookupMode.EXCLUSIVE, 7.0, proves_absence=True)


def test_a_providers_failover_needs_what_may_be_bought_twice(tmp_path: Path) -> None:
    (line,) = complaints(tmp_path, own("on_ambiguous: failover"))
    assert line == (
        "router.yaml:8: providers.relay-a.on_ambiguous: failover needs `policy.max_duplicate_usd`, the most that may be"
        ' bought twice, such as "1.00"'
    )
    assert complaints(tmp_path, own("on_ambiguous: failover", PAID_FOR)) == []
    assert complaints(tmp_path, own("on_ambiguous: hold")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("on_ambiguous: retry", "on_ambiguous: 'retry' is not accepted; accepted values: failover, hold"),
        ("lookup: {mode: on}", "mode: 'on' is not accepted; accepted values: exclusive, identified, off"),
        ("lookup: {settle_s: 0}", "settle_s: must be more than 0"),
        ("lookup: {proves_absence: 1}", "proves_absence: must be true or false"),
        ("lookup: {mod: off}", "unknown key; did you mean `mode`? accepted keys: mode, proves_absence, settle_s"),
        ("lookup: off", "lookup: must be a mapping of settings"),
    ],
)
def test_what_cannot_be_meant_is_answered_with_what_can(text: str, said: str, tmp_path: Path) -> None:
    (line,) = complaints(tmp_path, own(text))
    assert said in line


def test_a_bound_without_any_failover_is_for_callers_who_ask_for_one_and_says_so(tmp_path: Path) -> None:
    (warning,) = warned(tmp_path, PAID_FOR)
    assert warning.startswith("router.yaml:3: policy.max_duplicate_usd: lets callers ask for failover")
    assert "remove it if they may not" in warning
    assert warned(tmp_path, own("on_ambiguous: failover", PAID_FOR)) == []
    assert warned(tmp_path, changed("hold", "failover", PAID_FOR)) == []


def test_a_bound_below_every_price_is_warned_of(tmp_path: Path) -> None:
    text = changed("hold", "failover", PAID_FOR.replace('"1.00"', '"0.119"'))
    (warning,) = warned(tmp_path, text)
    assert "policy.max_duplicate_usd: buys nothing twice: the cheapest video costs 0.12 USD; raise it" in warning
    assert warned(tmp_path, text.replace('"0.119"', '"0.12"')) == []


def test_a_lookup_that_the_dialect_cannot_do_is_warned_of(tmp_path: Path) -> None:
    (warning,) = warned(tmp_path, own("lookup: {settle_s: 9}"))
    assert warning == (
        "router.yaml:8: providers.relay-a.lookup: has no effect: jizhiai has no list of jobs that a lost submit could "
        "be found in; remove it"
    )
    (warning,) = warned(tmp_path, own("profile: new-api\n    lookup: {mode: exclusive}", LISTING))
    assert "profile new-api of openai has no list of jobs" in warning
    assert warned(tmp_path, own("lookup: {mode: off}")) == []
    assert warned(tmp_path, own("lookup: {mode: exclusive, settle_s: 9}", LISTING)) == []


def test_settings_of_a_lookup_that_is_off_are_warned_of(tmp_path: Path) -> None:
    (warning,) = warned(tmp_path, own("lookup: {mode: off, proves_absence: true}", LISTING))
    assert "lookup.proves_absence: has no effect while `mode` is off" in warning


def test_an_account_of_two_providers_is_not_exclusive(tmp_path: Path) -> None:
    twin = own("lookup: {mode: exclusive}", LISTING) + LISTING.partition("providers:\n")[2].replace("relay-a:", "two:")
    (line,) = complaints(tmp_path, twin)
    assert "providers.relay-a.lookup.mode: two uses the same account" in line
    assert complaints(tmp_path, twin.replace("mode: exclusive", "mode: identified")) == []
    at_another = twin.rpartition("RELAY_KEY")
    assert complaints(tmp_path, f"{at_another[0]}OTHER_KEY{at_another[2]}") == []


@pytest.mark.parametrize(
    ("text", "next_step", "chosen"),
    [
        (SOUND, "hold: stop, nothing is bought again", False),
        (own("on_ambiguous: failover", PAID_FOR), "next offering, within max_duplicate_usd", True),
        (own("on_ambiguous: hold"), "hold: stop, nothing is bought again", True),
        (LISTING, "looked for in its list for 30 s; not found: hold: stop, nothing is bought again", False),
        (own("lookup: {mode: off}", LISTING), "hold: stop, nothing is bought again", False),
        (
            own("lookup: {settle_s: 9, proves_absence: true}", LISTING),
            "looked for in its list for 9 s; not listed: next offering; else hold: stop, nothing is bought again",
            False,
        ),
    ],
)
def test_the_policy_command_shows_what_follows_a_lost_answer(
    text: str, next_step: str, chosen: bool, tmp_path: Path
) -> None:
    line = of_ambiguous(tmp_path, text)
    assert (line["next_step"], line["own"]) == (next_step, chosen)
    shown = RUNNER.invoke(cli, ["policy", str(tmp_path / "router.yaml")]).stdout
    assert ("* chosen by failover_on or on_ambiguous" in shown) == chosen


def test_a_reload_says_what_became_of_it(tmp_path: Path) -> None:
    before = loaded(tmp_path, PAID_FOR)
    text = own("on_ambiguous: failover\n    lookup: {mode: off}", PAID_FOR.replace('"1.00"', '"0.5"'))
    assert changes(before, loaded(tmp_path, text)) == (
        "policy.max_duplicate_usd: 1.00 -> 0.50",
        "providers.relay-a.on_ambiguous: unset -> failover",
        "providers.relay-a.lookup.mode: identified -> off",
    )
