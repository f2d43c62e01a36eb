"""Broken configurations: each is answered with a line, a path and what to do."""

import json
from pathlib import Path

import pytest

from router.config import ConfigError, load
from router.config.editor import json_schema
from router.config.wording import MISSING
from tests.config.files import KEY, SOUND, changed, complaints

OFFERING = "providers.relay-a.offerings[0]"

# What is changed, into what, and the one line that is said of it.
BROKEN = {
    "an unknown key": (
        "    dialect: jizhiai",
        "    dialect: jizhiai\n    in_flght_max: 3",
        "router.yaml:6: providers.relay-a.in_flght_max: unknown key; did you mean `in_flight_max`? accepted keys: "
        "alias, allow_unencrypted, api_key, asset_hosts, auth, base_url, breaker, charge_rule, daily_budget_usd, "
        "dialect, drained, failover_on, in_flight_max, lookup, offerings, on_ambiguous, polling, profile, query, "
        "timeouts, webhook_secret",
    ),
    "a key given twice": (
        "    dialect: jizhiai",
        "    dialect: jizhiai\n    dialect: shenma",
        "router.yaml:6: providers.relay-a.dialect: the key is given twice, first in line 5; keep one of them",
    ),
    "an unknown dialect": (
        "dialect: jizhiai",
        "dialect: jizhia",
        "router.yaml:5: providers.relay-a.dialect: 'jizhia' is not a known dialect; did you mean `jizhiai`? accepted "
        "dialects: jizhiai, openai, shenma",
    ),
    "an unknown policy": (
        "on_ambiguous: hold",
        "on_ambiguous: retry",
        "router.yaml:2: policy.on_ambiguous: 'retry' is not accepted; accepted values: failover, hold",
    ),
    "a failover that nothing is set aside for": (
        "on_ambiguous: hold",
        "on_ambiguous: failover",
        "router.yaml:2: policy.on_ambiguous: failover needs `max_duplicate_usd` beside it, the most that may be bought "
        'twice, such as "1.00"',
    ),
    "a key in the file": (
        "{env: RELAY_KEY}",
        KEY,
        "router.yaml:7: providers.relay-a.api_key: a key is never written into this file; put it into an environment "
        "variable or a file, and write `{env: NAME}` or `{file: PATH}` here; replace this key if the file was shared",
    ),
    "a key in the place of a variable's name": (
        "{env: RELAY_KEY}",
        f"{{env: {KEY}}}",
        "router.yaml:7: providers.relay-a.api_key.env: must be the name of an environment variable in capital letters, "
        "such as RELAY_A_KEY; the key itself is never written here",
    ),
    "a variable that is not set": (
        "RELAY_KEY",
        "RELAY_KEI",
        "router.yaml:7: providers.relay-a.api_key.env: the environment variable RELAY_KEI is not set; "
        "set it before starting",
    ),
    "a key file that is not there": (
        "{env: RELAY_KEY}",
        "{file: /nowhere/key}",
        "router.yaml:7: providers.relay-a.api_key.file: the key file '/nowhere/key' cannot be read: "
        "No such file or directory",
    ),
    "a base URL without encryption": (
        "https://relay-a.example.com",
        "http://relay-a.example.com",
        "router.yaml:6: providers.relay-a.base_url: http:// would send the key and every prompt unencrypted to another "
        "machine; use https://, or add `allow_unencrypted: true` if the network in between is yours",
    ),
    "a base URL with a password": (
        "https://relay-a.example.com",
        f"https://user:{KEY}@relay-a.example.com",
        "router.yaml:6: providers.relay-a.base_url: must not contain a user name or password; "
        "credentials belong into `api_key`",
    ),
    "YAML 1.1's no": (
        "    dialect: jizhiai",
        "    dialect: jizhiai\n    allow_unencrypted: no",
        "router.yaml:6: providers.relay-a.allow_unencrypted: must be true or false, not 'no'; "
        "other words for yes and no are read as text",
    ),
    "YAML 1.1's sexagesimal": (
        "first_after_s: 5",
        "first_after_s: 1:30",
        "router.yaml:8: providers.relay-a.polling.first_after_s: must be a number, not '1:30'; "
        "clock notation is not accepted, write plain seconds",
    ),
    "YAML 1.1's octal": (
        "seconds: [10, 15]",
        "seconds: [010]",
        f"router.yaml:12: {OFFERING}.seconds[0]: must be a whole number, not '010'; write it without leading zeros",
    ),
    "a wait of nothing": (
        "first_after_s: 5",
        "first_after_s: 0",
        "router.yaml:8: providers.relay-a.polling.first_after_s: must be more than 0",
    ),
    "intervals the wrong way round": (
        "first_after_s: 5",
        "interval_s_min: 400",
        "router.yaml:8: providers.relay-a.polling.interval_s_min: must be at most interval_s_max (360)",
    ),
    "a deadline before the first poll": (
        "first_after_s: 5",
        "first_after_s: 90, deadline_s: 60",
        "router.yaml:8: providers.relay-a.polling.deadline_s: must be more than first_after_s (90), "
        "or no poll is ever sent",
    ),
    "the exponent that policies took the place of": (
        "policy:",
        "routing: {price_exponent: 4}\npolicy:",
        "router.yaml:1: routing.price_exponent: is no key any more; `policy` took its place: write `policy: weighted` "
        "where every offering is to get a share by its `weight`, else remove the line: `expected_cost`, the default, "
        "asks whoever is expected to deliver a video for the least",
    ),
    "a retry budget that never fills": (
        "policy:",
        "routing: {retry_budget: {per_s: 0}}\npolicy:",
        "router.yaml:1: routing.retry_budget.per_s: must be more than 0",
    ),
    "a price of waiting that is no text": (
        "policy:",
        "routing: {usd_per_minute_of_waiting: 0.05}\npolicy:",
        "router.yaml:1: routing.usd_per_minute_of_waiting: money is written in quotes, so that nothing is rounded: "
        'write "0.05"',
    ),
    "a rank before the first": (
        "        price:",
        "        priority: 0\n        price:",
        f"router.yaml:13: {OFFERING}.priority: must be at least 1",
    ),
    "a first poll after the job's deadline": (
        "first_after_s: 5",
        "first_after_s: 3600, deadline_s: 7200",
        "router.yaml:8: providers.relay-a.polling.first_after_s: must be less than policy.job_deadline_s (3600), "
        "or no poll is ever in time",
    ),
    "a provider's name that is no name": (
        "  relay-a:",
        "  Relay A:",
        "router.yaml:4: providers.'Relay A': a name is 1 to 32 lower-case letters, digits, `-` or `_`, "
        "and begins with a letter or digit",
    ),
    "an asset host with a scheme": (
        "    dialect: jizhiai",
        "    dialect: jizhiai\n    asset_hosts: ['https://cdn.example.com']",
        "router.yaml:6: providers.relay-a.asset_hosts[0]: must be a lower-case host or host:port, "
        "such as cdn.example.com, without https:// or a path",
    ),
    "an image larger than a body": (
        "policy:",
        "server: {image_bytes_max: 2048, body_bytes_max: 1024}\npolicy:",
        "router.yaml:1: server.image_bytes_max: must be at most body_bytes_max (1024), for the image comes in the body",
    ),
    "a caller's key that is no digest": (
        "policy:",
        f"callers: [{{name: me, key_sha256: {KEY}}}]\npolicy:",
        "router.yaml:1: callers[0].key_sha256: must be the SHA-256 of the caller's key, 64 lower-case hexadecimal "
        'digits; make it with `printf %s "$KEY" | sha256sum`',
    ),
    "a section with nothing in it": (
        "  on_ambiguous: hold\n",
        "",
        "router.yaml:1: policy: must be a mapping of settings, but nothing stands there; fill it in, "
        "or remove the key to keep its default",
    ),
    "an anchor": (
        "[10, 15]",
        "&lengths [10, 15]",
        f"router.yaml:12: {OFFERING}.seconds: anchors are not accepted; remove `&lengths` and write values out",
    ),
    "an alias": (
        "[10, 15]",
        "*lengths",
        f"router.yaml:12: {OFFERING}.seconds: aliases are not accepted; write out what `*lengths` stands for",
    ),
    "a tag": (
        '"0.12"',
        "!!python/name:os.system x",
        f"router.yaml:13: {OFFERING}.price.per_clip: tags are not accepted; "
        "remove 'tag:yaml.org,2002:python/name:os.system'",
    ),
    "an unfinished list": (
        "[10, 15]",
        "[10, 15",
        "router.yaml:13: is not valid YAML: did not find expected ',' or ']' (column 14)",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_configuration_is_answered_with_what_to_change(name: str, tmp_path: Path):
    old, new, said = BROKEN[name]
    lines = complaints(tmp_path, changed(old, new))
    assert said in lines
    # Nothing else is said, unless it follows from the same place.
    assert {line.partition(": ")[0] for line in lines} == {said.partition(": ")[0]}


def test_the_sound_configuration_is_sound(tmp_path: Path):
    assert complaints(tmp_path, SOUND) == []


def test_everything_wrong_is_said_at_once_in_the_order_of_the_file(tmp_path: Path):
    text = SOUND
    for old, new in (
        ("on_ambiguous: hold", "on_ambiguous: failover"),
        ("dialect: jizhiai", "dialect: jizhia"),
        ("https://", "ftp://"),
        ("RELAY_KEY", "UNSET_KEY"),
        ("first_after_s: 5", "interval_s_min: 400"),
        ("1280x720", "large"),
        ("[10, 15]", "[10, 10]"),
        ('"0.12"', "0.12"),
    ):
        text = changed(old, new, text)
    text += '      - {model: x, sizes: [720x1280], seconds: [10], price: {per_clip: [{amount: "1", seconds: [15]}]}}\n'
    places = [": ".join(line.split(": ")[:2]) for line in complaints(tmp_path, text)]
    assert places == [
        "router.yaml:2: policy.on_ambiguous",
        "router.yaml:5: providers.relay-a.dialect",
        "router.yaml:6: providers.relay-a.base_url",
        "router.yaml:7: providers.relay-a.api_key.env",
        "router.yaml:8: providers.relay-a.polling.interval_s_min",
        f"router.yaml:11: {OFFERING}.sizes[1]",
        f"router.yaml:12: {OFFERING}.seconds",
        f"router.yaml:13: {OFFERING}.price.per_clip",
        "router.yaml:14: providers.relay-a.offerings[1].price.per_clip[0].seconds",
        "router.yaml:14: providers.relay-a.offerings[1].price.per_clip",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "router.yaml: must be a mapping of settings, but nothing stands there"),
        (b"- a\n", "router.yaml:1: must be a mapping of settings, not a list"),
        (b"a: 1\n---\nb: 2\n", "router.yaml:2: holds a second document"),
        (b"a: \xff\n", "router.yaml:1: is not UTF-8 text; save the file as UTF-8"),
        (b"a: 1\nb: \x07\n", "router.yaml:2: is not valid YAML: it contains a control character"),
        (b"a: b: c\n", "router.yaml:1: is not valid YAML: mapping values are not allowed in this context (column 5)"),
        (b"[" * 100_000, "router.yaml:1: [0][0]"),
        (b"- 1\n" * 20_001, "router.yaml:20000: holds more than 20000 values"),
        (b"? [a]\n: b\n", "router.yaml:1: a key must be a plain word, not a list or a mapping"),
        (b"# " + b"x" * 1024 * 1024, "router.yaml: is larger than 1048576 bytes; split the configuration"),
    ],
)
def test_what_is_no_document_is_refused_in_one_line(content: bytes, said: str, tmp_path: Path):
    (tmp_path / "router.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "router.yaml", {})
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(said)


def test_every_key_that_may_be_missing_is_asked_for_with_an_example():
    sections = json.loads(json_schema())
    required = {key for section in [sections, *sections["$defs"].values()] for key in section.get("required", ())}
    assert set(MISSING) == required
    assert all(text[0].islower() and not text.endswith(".") for text in MISSING.values())


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read: No such file or directory"):
        load(tmp_path / "absent.yaml", {})


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("", "the environment variable RELAY_KEY is empty; put the provider's key into it"),
        (" \n", "the environment variable RELAY_KEY is empty; put the provider's key into it"),
        ("two words", "the environment variable RELAY_KEY must hold one key of printable ASCII characters"),
        ("schlüssel", "the environment variable RELAY_KEY must hold one key of printable ASCII characters"),
    ],
)
def test_a_variable_must_hold_a_key_that_fits_into_a_header(held: str, said: str, tmp_path: Path):
    (line,) = complaints(tmp_path, SOUND, RELAY_KEY=held)
    assert said in line


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (b"\n", "the key file is empty"),
        (b"one\ntwo\n", "the key file must hold one key"),
        (b"\xff\xfe", "the key file must hold one key"),
        (b"x" * 9000, "the key file is larger than 8192 bytes"),
    ],
)
def test_a_key_file_must_hold_one_key(held: bytes, said: str, tmp_path: Path):
    (tmp_path / "relay.key").write_bytes(held)
    (line,) = complaints(tmp_path, changed("{env: RELAY_KEY}", "{file: relay.key}"))
    assert said in line


def test_a_key_that_stands_where_its_file_belongs_is_not_quoted(tmp_path: Path):
    (line,) = complaints(tmp_path, changed("{env: RELAY_KEY}", "{file: sk-live-4f0c}"))
    assert "api_key.file: the key file cannot be read: No such file" in line
    assert "4f0c" not in line


def test_callers_have_names_and_keys_of_their_own(tmp_path: Path):
    text = f"""\
callers:
  - {{name: a, key_sha256: {"0" * 64}}}
  - {{name: a, key_sha256: {"1" * 64}}}
  - {{name: b, key_sha256: {"0" * 64}}}
{SOUND}"""
    assert complaints(tmp_path, text) == [
        "router.yaml:3: callers[1].name: a is already the caller in line 2; names are unique",
        "router.yaml:4: callers[2].key_sha256: is the key of the caller in line 2; make another",
    ]


def test_savings_are_counted_from_a_provider_that_there_is(tmp_path: Path):
    assert complaints(tmp_path, f"reporting: {{baseline_provider: relay-b}}\n{SOUND}") == [
        "router.yaml:1: reporting.baseline_provider: 'relay-b' is no provider; did you mean `relay-a`? accepted "
        "providers: relay-a"
    ]
