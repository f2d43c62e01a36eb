"""What an operator may say of failures, and how it is shown."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from providers.canonical import Failure, Reason, Stage
from router.cli import cli
from router.core.catalog import ChargeRule
from router.core.policy import Failover, pairs
from tests.config.files import ENVIRON, SOUND, changed, complaints, loaded, warned

RUNNER = CliRunner(env={**ENVIRON, "COLUMNS": "200"})
INTERNAL = (Stage.GENERATE, Reason.INTERNAL)
REVIEWED = (Stage.OUTPUT_REVIEW, Reason.REFUSED)


def with_policy(text: str, own: str = "") -> str:
    sound = changed("on_ambiguous: hold", f"on_ambiguous: hold\n  {text}" if text else "on_ambiguous: hold")
    return changed("    dialect: jizhiai", f"    dialect: jizhiai\n    {own}", sound) if own else sound


def steps(folder: Path, text: str, own: str = "") -> dict[tuple[Stage, Reason], Failover]:
    return dict(loaded(folder, with_policy(text, own)).catalog.providers["relay-a"].failover_on.steps)


def test_a_stage_stands_for_all_its_failures_and_a_reason_for_one(tmp_path: Path) -> None:
    found = steps(tmp_path, "failover_on: {generate.internal: always, generate: never}")
    assert found.pop(INTERNAL) is Failover.ALWAYS
    assert found == {pair: Failover.NEVER for pair in pairs(Stage.GENERATE) if pair != INTERNAL}


def test_what_is_said_of_a_provider_is_over_what_is_said_of_all(tmp_path: Path) -> None:
    everywhere = "failover_on: {generate.internal: once, output_review: always}"
    found = steps(tmp_path, everywhere, "failover_on: {generate: never}")
    assert (found[INTERNAL], found[REVIEWED]) == (Failover.NEVER, Failover.ALWAYS)


def test_what_is_said_of_all_outlives_a_provider(tmp_path: Path) -> None:
    text = with_policy("failover_on: {generate.internal: once}", "failover_on: {generate: never}")
    assert dict(loaded(tmp_path, text).limits.failover_on.steps) == {INTERNAL: Failover.ONCE}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("submit.ambiguous", "`policy.on_ambiguous` and `policy.max_duplicate_usd`"),
        ("poll.unreadable", "a failed poll is no failure of the video"),
        ("generates", "did you mean `generate`? accepted failures: "),
        ("route.no_candidate", "is no failure that can be chosen"),
    ],
)
def test_what_cannot_be_chosen_is_answered_with_what_can(name: str, why: str, tmp_path: Path) -> None:
    (line,) = complaints(tmp_path, with_policy(f"failover_on: {{{name}: never}}"))
    assert f"router.yaml:3: policy.failover_on.{name}" in line.replace("'", "")
    assert why in line


def test_a_decision_that_is_none_is_answered_with_the_three(tmp_path: Path) -> None:
    (line,) = complaints(tmp_path, with_policy("failover_on: {generate: sometimes}"))
    assert "'sometimes' is not accepted; accepted values: always, never, once" in line


def test_showing_a_refused_prompt_to_others_is_warned_of(tmp_path: Path) -> None:
    text = with_policy("failover_on: {prompt_review: once, image_review: never}", "failover_on: {image_review: always}")
    places = sorted(line.split(": ")[1] for line in warned(tmp_path, text))
    assert places == ["policy.failover_on.prompt_review", "providers.relay-a.failover_on.image_review"]


def test_a_contract_may_bill_one_stage_otherwise(tmp_path: Path) -> None:
    text = with_policy("", "charge_rule: {refused: billed, prompt_review: free, generate: billed}")
    rule = loaded(tmp_path, text).catalog.providers["relay-a"].charge_rule
    assert rule == ChargeRule(refused_billed=True, stages={Stage.PROMPT_REVIEW: False, Stage.GENERATE: True})
    assert rule.bills(Failure(*REVIEWED))
    assert not rule.bills(Failure(Stage.PROMPT_REVIEW, Reason.REFUSED))
    assert rule.bills(Failure(*INTERNAL))


def test_the_policy_command_shows_every_failure_that_can_happen() -> None:
    result = RUNNER.invoke(cli, ["policy", "--json"])
    lines = json.loads(result.stdout)["any provider"]
    assert result.exit_code == 0
    assert [(line["stage"], line["reason"]) for line in lines] == list(pairs())
    table = RUNNER.invoke(cli, ["policy"]).stdout
    assert all(reason in table for _, reason in pairs())


def test_the_policy_command_shows_what_a_file_changes(tmp_path: Path) -> None:
    text = with_policy("failover_on: {output_review: never}", "charge_rule: {failed: billed, output_review: billed}")
    file = tmp_path / "router.yaml"
    file.write_text(text)
    lines = json.loads(RUNNER.invoke(cli, ["policy", str(file), "--provider", "relay-a", "--json"]).stdout)["relay-a"]
    by_pair = {(line["stage"], line["reason"]): line for line in lines}
    assert (by_pair[REVIEWED]["next_step"], by_pair[REVIEWED]["own"]) == ("stop", True)
    assert (by_pair[REVIEWED]["money"], by_pair[INTERNAL]["money"]) == ("post", "post")
    assert by_pair[Stage.PROMPT_REVIEW, Reason.REFUSED]["money"] == "void"
    shown = RUNNER.invoke(cli, ["policy", str(file)]).stdout
    assert "stop *" in shown
    assert "* chosen by failover_on" in shown
    assert "a cost that the provider tells" in shown


def test_the_policy_of_an_unknown_provider_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    file = tmp_path / "router.yaml"
    file.write_text(SOUND)
    result = RUNNER.invoke(cli, ["policy", str(file), "--provider", "relay-z"])
    assert result.exit_code == 2
    assert "the providers are: relay-a" in result.stderr


def test_a_provider_without_its_file_is_asked_for_the_file() -> None:
    result = RUNNER.invoke(cli, ["policy", "--provider", "relay-a"])
    assert result.exit_code == 2
    assert "needs the FILE" in result.stderr
