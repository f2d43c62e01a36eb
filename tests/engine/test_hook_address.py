"""The address that a create names for webhooks: a secret that an upstream may repeat, and that goes no further."""

import orjson

from providers import shenma
from providers.adapter import HttpRequest, HttpResponse
from providers.canonical import Failure
from providers.reading import read_submit
from router.core.events import Operation
from router.core.hook import Hook, hook_by_address
from router.core.secret import Secret
from tests.engine.chaos import answering, chaos, http
from tests.engine.outside import outside

HOOK = hook_by_address("https://router.example.com", "relay", Secret("a secret that nobody can guess, of many chars"))
TOKEN = HOOK.secret.reveal()
CREATE = HttpRequest("POST", "/v2/videos/generations", json={"prompt": "a cat"})


async def test_an_answer_that_repeats_the_address_is_read_without_its_token() -> None:
    assert HOOK.url is not None
    words = {"code": "invalid_request", "message": f"notify_hook {HOOK.url.reveal()} cannot be reached", "data": None}
    async with chaos(answering(http(400, orjson.dumps(words)))) as server, outside(server.url, hook=HOOK) as out:
        answer = await out.transport.send("relay", Operation.SUBMIT, CREATE)
    assert isinstance(answer, HttpResponse)
    assert TOKEN.encode() not in answer.body
    failure = read_submit(shenma, answer)
    assert "https://router.example.com/hooks/relay/..." in (failure.message if isinstance(failure, Failure) else "")


async def test_other_answers_are_passed_on_as_they_are() -> None:
    signing = Hook(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    body = orjson.dumps({"id": "video_1", "status": "queued"})
    for hook in (None, HOOK, signing):
        async with chaos(answering(http(200, body))) as server, outside(server.url, hook=hook) as out:
            answer = await out.transport.send("relay", Operation.SUBMIT, CREATE)
        assert isinstance(answer, HttpResponse)
        assert answer.body == body
