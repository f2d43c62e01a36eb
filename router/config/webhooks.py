"""What has to be true before a provider's webhooks are taken."""

from collections.abc import Mapping

from providers.adapter import Profile
from providers.capabilities import hooked_create_of, webhook_of
from router.config.addresses import sends_keys_openly
from router.config.findings import Findings, valid
from router.config.keys import KeySource
from router.config.problems import YamlPath
from router.config.provider_schema import KeySection
from router.core.hook import Hook, hook_by_address
from router.core.secret import Secret
from router.http.signature import signing_key

SECRET_CHARS_MIN = 32


def hook_of(
    path: YamlPath, parts: Mapping[str, object], speaker: Profile, public_url: str | None, keys: KeySource, to: Findings
) -> Hook | None:
    """Return how the webhooks of the provider at `path` are proven; None where none are, or something is wrong."""
    section = valid(KeySection, parts.get("webhook_secret"))
    secret = keys.read(section, (*path, "webhook_secret"), to) if section else None
    if secret is None:
        return None
    place = (*path, "webhook_secret")
    if webhook_of(speaker.adapter) is None:
        message = "has no effect: no webhooks are known of what this provider is said to speak; remove it"
        to.warn(place, message)
        return None
    if hooked_create_of(speaker.adapter) is None:
        return _signed(secret, place, to)
    return _by_address(secret, path, public_url, parts, to)


def _signed(secret: Secret, place: YamlPath, to: Findings) -> Hook | None:
    try:
        signing_key(secret.reveal())
    except ValueError as error:
        to.error(place, f"{error}; copy it from where the endpoint was registered with the provider")
        return None
    return Hook(secret)


def _by_address(
    secret: Secret, path: YamlPath, public_url: str | None, parts: Mapping[str, object], to: Findings
) -> Hook | None:
    place = (*path, "webhook_secret")
    if len(secret.reveal()) < SECRET_CHARS_MIN:
        message = (
            f"must be at least {SECRET_CHARS_MIN} characters that nobody can guess, as `openssl rand -hex 32` prints"
        )
        to.error(place, message)
        return None
    if public_url is None:
        message = (
            "needs `server.public_url`, where this provider reaches the router, such as https://router.example.com"
        )
        to.error(place, message)
        return None
    if sends_keys_openly(public_url) and parts.get("allow_unencrypted") is not True:
        message = (
            "every create would name an http:// address on another machine, and its token cross the network open; make "
            "`server.public_url` https://, or add `allow_unencrypted: true` if the network in between is yours"
        )
        to.error(place, message)
        return None
    return hook_by_address(public_url, str(path[-1]), secret)
