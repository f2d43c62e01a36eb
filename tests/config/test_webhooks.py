"""What an operator may say of a provider's webhooks: by which secret they are believed, and where they come to."""

import json
from pathlib import Path

import pytest

from router.config.changes import changes
from tests.config.files import SOUND, changed, complaints, loaded, warned

SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
RANDOM = "0123456789abcdef" * 4
TELLING = changed("dialect: jizhiai", "dialect: shenma")
SIGNED = changed("[10, 15]", "[4, 8]", changed("dialect: jizhiai", "dialect: openai"))
REACHED = "server: {public_url: https://router.example.com}\n"


def with_secret(base: str, public: str = "") -> str:
    return public + changed("    polling:", "    webhook_secret: {env: HOOK_SECRET}\n    polling:", base)


def test_a_provider_that_signs_is_believed_by_its_signing_secret(tmp_path: Path) -> None:
    hook = loaded(tmp_path, with_secret(SIGNED), HOOK_SECRET=SIGNING).catalog.providers["relay-a"].hook
    assert hook is not None
    assert (hook.signed, hook.secret.reveal()) == (True, SIGNING)


def test_a_provider_that_is_told_an_address_finds_a_token_of_its_own_in_it(tmp_path: Path) -> None:
    text = with_secret(TELLING, REACHED)
    provider = loaded(tmp_path, text, HOOK_SECRET=RANDOM).catalog.providers["relay-a"]
    assert provider.hook is not None
    assert provider.hook.url is not None
    url, token = provider.hook.url.reveal(), provider.hook.secret.reveal()
    assert url == f"https://router.example.com/hooks/relay-a/{token}"
    assert len(token) == 43
    assert RANDOM not in url
    assert token not in repr(provider) + str(provider.hook)
    other = loaded(tmp_path, text.replace("relay-a:", "relay-b:"), HOOK_SECRET=RANDOM).catalog.providers["relay-b"]
    assert other.hook is not None
    assert other.hook.secret != provider.hook.secret


def test_nothing_is_taken_unless_it_is_asked_for(tmp_path: Path) -> None:
    for text in (TELLING, REACHED + TELLING, SIGNED):
        assert loaded(tmp_path, text).catalog.providers["relay-a"].hook is None


@pytest.mark.parametrize(
    ("text", "secret", "said"),
    [
        (with_secret(TELLING), RANDOM, "needs `server.public_url`"),
        (with_secret(TELLING, REACHED), "too-short", "must be at least 32 characters that nobody can guess"),
        (with_secret(SIGNED), RANDOM, "a signing secret is `whsec_` and at least 16 bytes of base64"),
        (with_secret(SIGNED), "whsec_c2hvcnQ=", "a signing secret is `whsec_` and at least 16 bytes of base64"),
        (with_secret(TELLING, REACHED.replace("https", "http")), RANDOM, "its token cross the network open"),
        (with_secret(TELLING, "server: {public_url: router.example.com}\n"), RANDOM, "must begin with https://"),
        (with_secret(TELLING, REACHED), "", "the environment variable HOOK_SECRET is empty"),
    ],
)
def test_a_secret_or_an_address_that_cannot_do_is_refused_unseen(
    tmp_path: Path, text: str, secret: str, said: str
) -> None:
    lines = complaints(tmp_path, text, HOOK_SECRET=secret)
    assert [line for line in lines if said in line], lines
    assert not secret or not [line for line in lines if secret in line]


def test_this_machine_may_be_reached_without_encryption(tmp_path: Path) -> None:
    local = "server: {public_url: http://127.0.0.1:8080}\n"
    assert complaints(tmp_path, with_secret(TELLING, local), HOOK_SECRET=RANDOM) == []


def test_a_secret_of_one_that_sends_none_is_warned_of(tmp_path: Path) -> None:
    text = with_secret(SOUND)
    assert complaints(tmp_path, text, HOOK_SECRET=RANDOM) == []
    (warning,) = loaded(tmp_path, text, HOOK_SECRET=RANDOM).warnings
    assert "providers.relay-a.webhook_secret: has no effect" in warning.described("router.yaml")
    assert warned(tmp_path, SOUND) == []


def test_a_secret_is_never_written_into_the_file(tmp_path: Path) -> None:
    text = changed("    polling:", f"    webhook_secret: {SIGNING}\n    polling:", SIGNED)
    lines = complaints(tmp_path, text)
    assert "a key is never written into this file" in lines[0]
    assert SIGNING not in "".join(lines)


def test_another_secret_is_a_change_that_is_told_without_it(tmp_path: Path) -> None:
    text = with_secret(TELLING, REACHED)
    before, after = (loaded(tmp_path, text, HOOK_SECRET=secret) for secret in (RANDOM, RANDOM[::-1]))
    assert changes(before, after) == ("providers.relay-a.webhook_secret: another secret",)
    without = loaded(tmp_path, TELLING)
    told = json.dumps(changes(without, before))
    assert "public_url" in told
    assert RANDOM not in told
