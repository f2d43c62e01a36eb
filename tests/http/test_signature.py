"""The signature of a webhook: right, or one error whatever is wrong with it."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.http.signature import UnprovenError, event_id, require_signature, signing_key

# The example of standardwebhooks.com's own test suites.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EXAMPLE = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
BODY = b'{"test": 2432232314}'
NAMES = st.sampled_from(sorted(EXAMPLE))


def signed(key: bytes, body: bytes, name: str, at: int) -> dict[str, str]:
    digest = hmac.digest(key, f"{name}.{at}.".encode() + body, "sha256")
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": signature}


def test_the_published_example_is_right() -> None:
    assert event_id(EXAMPLE, 1614265330.0) == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    require_signature(signing_key(SECRET), EXAMPLE, BODY)


@given(st.binary(min_size=16, max_size=64), st.binary(max_size=100), st.integers(0, 10**10))
def test_what_was_signed_with_the_key_is_right_and_nothing_else_is(key: bytes, body: bytes, at: int) -> None:
    headers = signed(key, body, "evt_1", at)
    require_signature(key, headers, body)
    for other_key, other_headers, other_body in (
        (key + b"x", headers, body),
        (key, headers, body + b" "),
        (key, {**headers, "webhook-timestamp": str(at + 1)}, body),
        (key, {**headers, "webhook-id": "evt_2"}, body),
    ):
        with pytest.raises(UnprovenError):
            require_signature(other_key, other_headers, other_body)


@given(NAMES, st.text(st.characters(codec="latin-1"), max_size=60), st.floats(0, 1e12))
def test_malformed_headers_are_one_error(name: str, value: str, now: float) -> None:
    headers = {**EXAMPLE, name: value}
    proven = True
    try:
        event_id(headers, now)
        require_signature(signing_key(SECRET), headers, BODY)
    except UnprovenError:
        proven = False
    assert not proven or headers == EXAMPLE


@pytest.mark.parametrize("secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!", "whsec_c2hvcnQ="])
def test_what_is_no_signing_secret_is_said_without_it(secret: str) -> None:
    with pytest.raises(ValueError, match="a signing secret is `whsec_`") as error:
        signing_key(secret)
    assert len(secret) < 7 or secret not in str(error.value)
