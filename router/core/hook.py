"""How a provider's webhooks are known to be its own."""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from router.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Hook:
    """With a `url`, that goes into every create and ends in `secret`, which nobody else is told.

    Without one, the provider was given an address by hand, and signs with `secret`.
    """

    secret: Secret
    url: Secret | None = None

    @property
    def signed(self) -> bool:
        """Whether a signature is what proves a webhook."""
        return self.url is None

    def unsaid(self, answer: bytes) -> bytes:
        """Return an answer without the token, in case the upstream repeats what its create said."""
        return answer if self.signed else answer.replace(self.secret.reveal().encode(), b"...")


def hook_by_address(public_url: str, provider: str, secret: Secret) -> Hook:
    """Return the hook of a provider that is told its address with each create; the token in it is of `secret`."""
    digest = hmac.digest(secret.reveal().encode(), f"webhooks of {provider}".encode(), "sha256")
    token = urlsafe_b64encode(digest).rstrip(b"=").decode()
    return Hook(Secret(token), Secret(f"{public_url}/hooks/{provider}/{token}"))
