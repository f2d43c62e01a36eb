"""The files of `config/` are sound, complete, and say what they claim to say."""

import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest

from providers.canonical import Size
from providers.sandbox.prices import DialectName, default_prices
from router.config import Settings, load
from router.config.document import parse
from router.config.editor import json_schema
from router.config.selling import obstacle
from tests.config.files import NOW

CONFIG = Path(__file__).parents[2] / "config"
SCHEMA = json.loads(json_schema())


def example_environ() -> dict[str, str]:
    lines = (CONFIG / "example.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture(scope="module")
def shipped() -> Settings:
    return load(CONFIG / "router.yaml", example_environ(), NOW)


@pytest.fixture(scope="module")
def demo() -> Settings:
    keys = {f"SANDBOX_{name.upper()}_KEY": f"sk-sandbox-{name}" for name in DialectName}
    return load(CONFIG / "demo.yaml", keys, NOW)


def quotes(settings: Settings, offering_id: str) -> dict[tuple[str, int], int]:
    (offering,) = (each for each in settings.catalog.offerings if each.id == offering_id)
    return {
        (str(size), seconds): offering.price.quote_microusd(size, seconds)
        for size in offering.sizes
        for seconds in offering.seconds
    }


def test_the_official_prices_are_as_announced(shipped: Settings):
    basic, pro = quotes(shipped, "openai/sora-2"), quotes(shipped, "openai/sora-2-pro")
    assert basic["720x1280", 4] == basic["1280x720", 4] == 400_000
    assert pro["720x1280", 4] == pro["1280x720", 4] == 1_200_000
    assert pro["1024x1792", 4] == pro["1792x1024", 4] == 2_000_000


def test_the_shipped_file_warns_of_the_end_and_of_every_figure_to_replace(shipped: Settings):
    ends = [problem for problem in shipped.warnings if "not sold any more" in problem.message]
    examples = [problem for problem in shipped.warnings if "is an example" in problem.message]
    assert {problem.path.split(".")[1] for problem in ends} == {"openai"}
    assert {problem.path.split(".")[1] for problem in examples} == {"openai-compatible", "relay-a", "relay-b"}
    assert len(ends) + len(examples) == len(shipped.warnings)


def test_the_shipped_file_names_every_key():
    text = (CONFIG / "router.yaml").read_text(encoding="utf-8")
    keys = {key for section in [SCHEMA, *SCHEMA["$defs"].values()] for key in section["properties"]}
    # `file` beside `env`, and `seconds` of a tier, stand in flow mappings and comments as well.
    assert sorted(key for key in keys if not re.search(rf"\b{key}\b:?", text)) == []


def test_what_the_shipped_file_shows_as_defaults_are_the_defaults(shipped: Settings):
    text = (CONFIG / "router.yaml").read_text(encoding="utf-8")
    commented = text[text.index("  openai:\n") : text.index("    offerings:")]
    spelled_out = re.sub(r"^    # ", "    ", commented, flags=re.MULTILINE)
    section = parse(text.replace(commented, spelled_out), "file").value["providers"]["openai"]
    provider = shipped.catalog.providers["openai"]
    for name in ("timeouts", "polling", "breaker", "lookup"):
        values = getattr(provider, name)
        assert {key: getattr(values, key) for key in section[name]} == section[name]


def test_the_demo_sells_what_the_sandboxes_sell_at_what_they_bill(demo: Settings):
    assert demo.warnings == ()
    for offering in demo.catalog.offerings:
        provider = demo.catalog.providers[offering.provider]
        prices = default_prices(DialectName(provider.dialect))
        for size in offering.sizes:
            for seconds in offering.seconds:
                assert obstacle(provider.adapter, offering, size, seconds) is None
                bill = prices.bill_microusd(offering.upstream_model, seconds, size)
                assert offering.price.quote_microusd(size, seconds) == bill, f"{offering.id} {size} {seconds}"


def test_every_sandbox_can_take_over_in_the_demo(demo: Settings):
    for model, size in (("sora-2", Size(720, 1280)), ("sora-2-pro", Size(1792, 1024))):
        able = {
            offering.provider
            for offering in demo.catalog.offerings
            if offering.model == model and size in offering.sizes and max(offering.seconds) >= 10
        }
        assert able == set(demo.catalog.providers)


def test_the_demo_reaches_its_upstreams_on_this_machine_only(demo: Settings):
    for name, account in demo.accounts.items():
        assert account.base_url.startswith("http://127.0.0.1:950")
        assert demo.catalog.providers[name].asset_hosts == {account.base_url.removeprefix("http://")}


def test_the_example_environment_can_be_sourced():
    script = 'set -a; . "$1"; env'
    run = subprocess.run(
        ["sh", "-euc", script, "sh", str(CONFIG / "example.env")],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert set(example_environ()) <= {line.partition("=")[0] for line in run.stdout.splitlines()}


def test_the_committed_schema_is_what_the_program_accepts():
    assert (CONFIG / "router.schema.json").read_bytes() == json_schema(), (
        "run: python -m router.config.editor > config/router.schema.json"
    )


@pytest.mark.parametrize("name", ["router.yaml", "demo.yaml"])
def test_editors_find_no_fault_with_the_shipped_files(name: str):
    text = (CONFIG / name).read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=router.schema.json\n")
    jsonschema.validate(parse(text, name).value, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("policy", "max_attempts"), "3"),
        (("policy", "max_spend_usd"), 20),
        (("providers", "relay-a", "api_key"), "sk-1"),
        (("providers", "relay-a", "api_key"), {"env": "A", "file": "b"}),
        (("providers", "relay-a", "typo"), 1),
        (("providers", "Relay"), {}),
    ],
)
def test_editors_see_the_usual_mistakes(path: tuple[str, ...], value: object):
    document = parse((CONFIG / "router.yaml").read_text(encoding="utf-8"), "router.yaml").value
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_every_key_is_described_to_editors():
    for name, section in {"Config": SCHEMA, **SCHEMA["$defs"]}.items():
        assert section["description"], name
        for key, field in section["properties"].items():
            # A reference without a description of its own shows that of the section.
            assert field.get("description") or "$ref" in field, f"{name}.{key}"


def test_the_readme_has_a_row_for_every_key():
    rows = [line for line in (CONFIG / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    told = set(re.findall(r"[a-z][a-z0-9_]*", " ".join(row.split("|")[1] for row in rows))) | {"interval_s_max"}
    keys = {key for section in [SCHEMA, *SCHEMA["$defs"].values()] for key in section["properties"]}
    assert sorted(keys - told) == []
