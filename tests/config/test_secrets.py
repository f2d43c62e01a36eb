"""Keys stand nowhere in the file: where one is written by mistake it is refused, and not repeated."""

from pathlib import Path

import pytest

from router.config.literals import looks_secret
from tests.config.files import changed, complaints, loaded

SECRETS = (
    "sk-1234",
    "sk-proj-abcdefgh",
    "sk_live_abcdefgh",
    "Bearer abcdefgh",
    "eyJhbGciOiJIUzI1NiJ9",
    "a1b2c3d4e5f6a7b8c9d0e1f2",
    "123e4567-e89b-12d3-a456-426614174000",
)
ADVICE = "looks like a key, and keys are never written into this file; remove it, and let `api_key` read the key"


def beside_the_key(text: str) -> str:
    return changed("{env: RELAY_KEY}", f"{{env: RELAY_KEY}}\n    {text}")


@pytest.mark.parametrize(
    "name",
    [
        "key",
        "api-key",
        "apiKey",
        "access_token",
        "client_secret",
        "sig",
        "X-Amz-Signature",
        "password",
        "auth",
        "X-Auth",
    ],
)
def test_a_parameter_that_is_named_like_a_key_is_refused(name: str, tmp_path: Path):
    (line,) = complaints(tmp_path, beside_the_key(f"query: {{{name}: canary}}"))
    assert line.startswith(
        f"router.yaml:8: providers.relay-a.query.{name}: {ADVICE}: `{{env: NAME}}` or `{{file: PATH}}`"
    )
    assert "canary" not in line


@pytest.mark.parametrize("secret", SECRETS)
def test_a_parameter_that_holds_a_key_is_refused(secret: str, tmp_path: Path):
    (line,) = complaints(tmp_path, beside_the_key(f'query: {{version: "{secret}"}}'))
    assert line.startswith(f"router.yaml:8: providers.relay-a.query.version: {ADVICE}")
    assert secret not in line


def test_a_parameter_whose_name_is_a_key_is_refused_without_repeating_it(tmp_path: Path):
    (line,) = complaints(tmp_path, beside_the_key('query: {sk-1234: ""}'))
    assert line.startswith(f"router.yaml:8: providers.relay-a.query: {ADVICE}")
    assert "sk-1234" not in line


@pytest.mark.parametrize(
    ("name", "value"),
    [("api-version", "preview"), ("api-version", "2025-04-01-preview"), ("region", "eu-west-1"), ("design", "3")],
)
def test_a_plain_parameter_is_sent(name: str, value: str, tmp_path: Path):
    settings = loaded(tmp_path, beside_the_key(f'query: {{{name}: "{value}"}}'))
    assert dict(settings.accounts["relay-a"].query) == {name: value}


@pytest.mark.parametrize(
    "prefix", ["Bearer sk-1234", "sk-proj-abc", "sk-", "Bearer  ", " Bearer", "Token token=", "k" * 17]
)
def test_a_prefix_that_is_no_scheme_is_refused(prefix: str, tmp_path: Path):
    (line,) = complaints(tmp_path, beside_the_key(f'auth: {{prefix: "{prefix}"}}'))
    assert line == (
        'router.yaml:8: providers.relay-a.auth.prefix: must be "" or a scheme of at most 16 letters or `-` and one '
        'space, such as "Bearer "; the key itself is never written here, `api_key` says where it is read from; '
        "replace this key if the file was shared"
    )


@pytest.mark.parametrize("prefix", ["", "Bearer ", "Bearer", "Token ", "Api-Key "])
def test_a_scheme_is_a_prefix(prefix: str, tmp_path: Path):
    settings = loaded(tmp_path, beside_the_key(f'auth: {{prefix: "{prefix}"}}'))
    assert settings.accounts["relay-a"].prefix == prefix


@pytest.mark.parametrize("text", ["", "preview", "a" * 40, "1" * 40, "words-of-24-letters but with spaces"])
def test_words_and_numbers_are_no_keys(text: str):
    assert not looks_secret(text)
