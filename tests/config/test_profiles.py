"""What `profile` makes of a provider, and what is said of one that does not exist."""

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from providers import openai
from providers.registry import profiles
from router.config.report import check_table
from tests.config.files import NOW, SOUND, changed, complaints, loaded

CONFIG = Path(__file__).parents[2] / "config"
COMPATIBLE = changed("dialect: jizhiai", "dialect: openai")
AZURE = changed("dialect: openai", "dialect: openai\n    profile: azure", COMPATIBLE)


def test_a_profile_brings_its_adapter_and_its_way_to_send_the_key(tmp_path: Path):
    settings = loaded(tmp_path, AZURE)
    provider, account = settings.catalog.providers["relay-a"], settings.accounts["relay-a"]
    assert (provider.dialect, provider.profile) == ("openai", "azure")
    assert provider.adapter is openai.PROFILES["azure"].adapter
    assert (account.header, account.prefix, dict(account.query)) == ("api-key", "", {"api-version": "preview"})


def test_without_a_profile_the_plain_dialect_is_spoken(tmp_path: Path):
    settings = loaded(tmp_path, COMPATIBLE)
    provider, account = settings.catalog.providers["relay-a"], settings.accounts["relay-a"]
    assert (provider.adapter, provider.profile) == (openai, None)
    assert (account.header, account.prefix, dict(account.query)) == ("Authorization", "Bearer ", {})


def test_what_the_file_says_of_the_key_and_the_query_comes_before_the_profile(tmp_path: Path):
    more = 'api_key: {env: RELAY_KEY}\n    auth: {prefix: "Bearer "}\n    query: {api-version: v1, tenant: a}'
    account = loaded(tmp_path, changed("api_key: {env: RELAY_KEY}", more, AZURE)).accounts["relay-a"]
    assert (account.header, account.prefix) == ("api-key", "Bearer ")
    assert dict(account.query) == {"api-version": "v1", "tenant": "a"}


def test_an_unknown_profile_is_answered_with_those_of_the_dialect(tmp_path: Path):
    assert complaints(tmp_path, changed("profile: azure", "profile: azur", AZURE)) == [
        "router.yaml:6: providers.relay-a.profile: 'azur' is not a profile of openai; did you mean `azure`? "
        f"accepted profiles: {', '.join(sorted(openai.PROFILES))}"
    ]


def test_a_dialect_without_profiles_says_so(tmp_path: Path):
    text = changed("dialect: jizhiai", "dialect: jizhiai\n    profile: azure")
    assert complaints(tmp_path, text) == [
        "router.yaml:6: providers.relay-a.profile: jizhiai has no profiles; remove this line"
    ]


def test_a_profile_that_is_no_text_is_refused(tmp_path: Path):
    assert complaints(tmp_path, changed("profile: azure", "profile: [azure]", AZURE)) == [
        "router.yaml:6: providers.relay-a.profile: must be a text, not a list"
    ]


@pytest.mark.parametrize("name", ["azure", "litellm"])
def test_links_cannot_be_sold_where_only_bytes_are_taken(tmp_path: Path, name: str):
    with_links = changed(
        "        price:", "        image_inputs: [url, file]\n        images_max: 1\n        price:", AZURE
    )
    (line,) = complaints(tmp_path, changed("profile: azure", f"profile: {name}", with_links))
    assert "offerings[0].image_inputs: `url` can never be used: this server takes an input image's bytes" in line


def test_the_table_names_profiles_where_there_are_any(tmp_path: Path):
    shown = []
    for text in (AZURE, SOUND):
        out = StringIO()
        Console(file=out, width=200).print(check_table(loaded(tmp_path, text), NOW))
        shown.append(out.getvalue())
    assert re.search(r"relay-a/sora-2 +azure +0.12", shown[0])
    assert [" profile " in text for text in shown] == [True, False]


def test_the_profiles_that_the_shipped_file_shows_can_be_used(tmp_path: Path):
    text = (CONFIG / "router.yaml").read_text(encoding="utf-8")
    shown = text[text.index("  # azure-video:") : text.index("  # Two relays")]
    document = "providers:\n" + re.sub(r"^  # ", "  ", shown, flags=re.MULTILINE)
    settings = loaded(tmp_path, document, AZURE_OPENAI_API_KEY="sk-azure", OWN_GPUS_KEY="sk-own")
    assert [provider.profile for provider in settings.catalog.providers.values()] == ["azure", "vllm-omni"]
    assert settings.warnings == ()


def test_the_readme_lists_every_profile():
    told = (CONFIG / "README.md").read_text(encoding="utf-8")
    told = told[told.index("## Profiles") :]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", told, re.MULTILINE)) == set(profiles(openai))
