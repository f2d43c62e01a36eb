"""What a reload says has changed: a line each, for people, and never a secret."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.changes import CHANGES_MAX, changes
from tests.config.files import KEY, SOUND, changed, loaded

DIGESTS = ("aa" * 32, "bb" * 32)
ALIKE = """\
  relay-b:
    dialect: jizhiai
    base_url: https://relay-b.example.com
    api_key: {env: OTHER_KEY}
    offerings:
      - model: sora-2
        sizes: [720x1280]
        seconds: [10]
        price: {per_clip: "0.20"}
"""


@pytest.fixture
def between(tmp_path: Path):
    def between(old: str, new: str, **environ: str) -> tuple[str, ...]:
        return changes(loaded(tmp_path, old), loaded(tmp_path, new, **environ))

    return between


def callers(*names: str, digest: str = DIGESTS[0]) -> str:
    listed = (f"  - {{name: {name}, key_sha256: {digest[:-2]}{index:02}}}\n" for index, name in enumerate(names))
    return f"callers:\n{''.join(listed)}" if names else ""


CASES = {
    ("seconds: [10, 15]", "seconds: [10]"): "providers.relay-a.offerings[0].seconds: [10, 15] -> [10]",
    ('{per_clip: "0.12"}', '{per_clip: "0.13"}'): "providers.relay-a.offerings[0].price.per_clip: 0.12 -> 0.13",
    ("polling: {first_after_s: 5}", "in_flight_max: 7"): (
        "providers.relay-a.in_flight_max: 100 -> 7",
        "providers.relay-a.polling.first_after_s: 5 -> 20",
    ),
    (
        "on_ambiguous: hold",
        'max_spend_usd: "1.5"\n  failover_on: {generate: never}',
    ): ("policy.max_spend_usd: 20.00 -> 1.50", "policy.failover_on.generate: unset -> never"),
    (
        '{per_clip: "0.12"}',
        '{per_clip: [{amount: "0.1", seconds: [10]}, {amount: "0.2", seconds: [15], sizes: [720x1280, 1280x720]}]}',
    ): "providers.relay-a.offerings[0].price.per_clip: 0.12 -> 0.1 for 10 s, 0.2 at 720x1280/1280x720 for 15 s",
    ('{per_clip: "0.12"}', '{per_second: "0.1"}'): (
        "providers.relay-a.offerings[0].price.per_second: unset -> 0.1",
        "providers.relay-a.offerings[0].price.per_clip: 0.12 -> unset",
    ),
    ("https://relay-a.example.com", "https://a.example.net"): (
        "providers.relay-a.base_url: https://relay-a.example.com -> https://a.example.net"
    ),
    ("api_key: {env: RELAY_KEY}", "api_key: {env: OTHER_KEY}"): (
        "providers.relay-a.api_key.env: RELAY_KEY -> OTHER_KEY",
        "providers.relay-a.api_key: another key",
    ),
    ("    polling:", "    alias: gold\n    asset_hosts: [cdn.example.com]\n    polling:"): (
        "providers.relay-a.alias: unset -> gold",
        "providers.relay-a.asset_hosts: [] -> [cdn.example.com]",
    ),
    ("    polling:", "    query: {api-version: preview}\n    polling:"): "providers.relay-a.query.api-version: added",
    ("providers:", "server: {show_providers: false}\nproviders:"): "server.show_providers: true -> false",
    ("policy:", "model_groups: {any: [sora-2]}\npolicy:"): "model_groups.any: unset -> [sora-2]",
    ("    polling:", "    drained: true\n    polling:"): "providers.relay-a.drained: false -> true",
    ("        price:", "        priority: 2\n        weight: 3\n        price:"): (
        "providers.relay-a.offerings[0].weight: 1 -> 3",
        "providers.relay-a.offerings[0].priority: 1 -> 2",
    ),
    (
        "policy:",
        'routing: {policy: fastest, usd_per_minute_of_waiting: "0.05", undelivered_usd: "2", half_life_s: 60, '
        'exploration: {share: 0.3, outcomes_min: 7, usd_per_day: "0.5"}, retry_budget: {share: 0, per_s: 0.5}, '
        "panic: never, duration_policy: nearest}\npolicy:",
    ): (
        "routing.policy: expected_cost -> fastest",
        "routing.usd_per_minute_of_waiting: 0.00 -> 0.05",
        "routing.undelivered_usd: 1.00 -> 2.00",
        "routing.half_life_s: 3600 -> 60",
        "routing.exploration.share: 0.2 -> 0.3",
        "routing.exploration.outcomes_min: 5 -> 7",
        "routing.exploration.usd_per_day: 2.00 -> 0.50",
        "routing.retry_budget.share: 0.2 -> 0",
        "routing.retry_budget.per_s: 10 -> 0.5",
        "routing.panic: probe -> never",
        "routing.duration_policy: exact -> nearest",
    ),
    ("        price:", "        available_until: 2027-01-31\n        price:"): (
        "providers.relay-a.offerings[0].available_until: unset -> 2027-01-31"
    ),
}


@pytest.mark.parametrize(("edit", "said"), CASES.items(), ids=str)
def test_a_change_is_named_by_its_place_with_what_was_and_what_is(edit, said, between):
    assert between(SOUND, changed(*edit)) == ((said,) if isinstance(said, str) else said)


def test_the_same_file_and_one_that_writes_defaults_out_are_no_change(between):
    assert between(SOUND, SOUND) == ()
    assert between(SOUND, "# a comment\n" + changed("    polling:", "    in_flight_max: 100\n    polling:")) == ()


def test_providers_come_and_go_whole(between):
    assert between(SOUND, SOUND + ALIKE) == ("providers.relay-b: added",)
    assert between(SOUND + ALIKE, SOUND) == ("providers.relay-b: removed",)


def test_a_group_shows_the_models_it_had_and_has(between):
    pro = '      - {model: hd, sizes: [720x1280], seconds: [10], price: {per_clip: "1"}}\n'
    alone, both = (f"model_groups: {{any: [{models}]}}\n{SOUND}{pro}" for models in ("sora-2", "hd, sora-2"))
    assert between(alone, both) == ("model_groups.any: [sora-2] -> [hd, sora-2]",)
    assert between(both, SOUND + pro) == ("model_groups.any: [hd, sora-2] -> unset",)


def test_an_offering_that_moves_is_the_same_one(between):
    hd = '      - {model: hd, sizes: [720x1280], seconds: [10], price: {per_clip: "1"}}\n'
    before, after = SOUND + hd, changed("    offerings:\n", f"    offerings:\n{hd}")
    assert between(SOUND, SOUND + hd) == ("providers.relay-a.offerings[1]: hd added",)
    assert between(SOUND + hd, SOUND) == ("providers.relay-a.offerings[1]: hd removed",)
    assert between(before, after) == ("providers.relay-a.offerings: in another order",)
    dearer = after.replace('per_clip: "1"', 'per_clip: "2"')
    assert between(before, dearer)[0] == "providers.relay-a.offerings[0].price.per_clip: 1 -> 2"


def test_callers_are_known_by_name_and_their_digests_are_not_told(between):
    said = between(SOUND + callers("alice", "bob"), SOUND + callers("bob", "carol"))
    assert said == ("callers.alice: removed", "callers.bob.key_sha256: changed", "callers.carol: added")


def test_a_key_that_changed_behind_its_reference_is_a_change_without_its_text(between):
    said = between(SOUND, SOUND, RELAY_KEY="sk-canary-another")
    assert said == ("providers.relay-a.api_key: another key",)


def test_what_may_hold_a_secret_is_never_written(between):
    token = "abcdefghij0123456789abcdefghij"
    with_token = changed("https://relay-a.example.com", f"https://relay-a.example.com/{token}")
    other = with_token.replace(token, token[::-1])
    prefixed = changed("    polling:", '    auth: {prefix: "Key "}\n    polling:')
    told = [*between(SOUND, with_token), *between(with_token, other), *between(SOUND, prefixed)]
    assert len(told) == 3
    for line in told:
        assert not any(secret in line for secret in (token, token[::-1], "Key "))


def test_of_very_many_changes_the_first_are_listed_and_the_others_counted(between):
    names = [f"caller-{number}" for number in range(CHANGES_MAX + 7)]
    said = between(SOUND, SOUND + callers(*names))
    assert (len(said), said[0], said[-1]) == (CHANGES_MAX + 1, "callers.caller-0: added", "and 7 more")


TEXTS = st.sampled_from([SOUND, SOUND + ALIKE, SOUND + callers("alice"), SOUND + ALIKE + callers("bob", "alice")])


@given(old=TEXTS, new=TEXTS, price=st.sampled_from(["0.12", "0.13"]), tiers=st.booleans())
def test_two_configurations_are_the_same_exactly_when_nothing_is_said(old, new, price, tiers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    amount = f'[{{amount: "{price}"}}]' if tiers else f'"{price}"'
    before, after = loaded(folder, old), loaded(folder, new.replace('"0.12"', amount))
    said = changes(before, after)
    assert bool(said) == (before.config != after.config)
    assert changes(after, after) == changes(before, before) == ()
    text = "\n".join(said)
    for secret in (KEY, "sk-other", *(caller.key_sha256 for each in (before, after) for caller in each.callers)):
        assert secret not in text
