import asyncio
import gzip
import logging
import socket
from dataclasses import replace
from email.parser import BytesParser
from email.policy import HTTP

import orjson
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from providers.adapter import FormPart, HttpRequest, HttpResponse
from router.core.events import ExchangeEnded, ExchangeResult, Operation
from router.engine.exchange import NoAnswer, NotSent
from tests.engine import chaos
from tests.engine.chaos import answering, http, keeping_alive, unused_port
from tests.engine.outside import FAST, KEY, SIGNATURE, outside

SUBMIT = HttpRequest("POST", "/v1/videos", {"sig": SIGNATURE}, json={"prompt": "a cat"})
POLL = HttpRequest("GET", "/v1/videos/1", {"sig": SIGNATURE})
LINK = f"https://cdn.example.com/a.mp4?sig={SIGNATURE}"


@pytest.fixture(autouse=True)
def canaries(caplog):
    caplog.set_level(logging.DEBUG)
    yield
    assert KEY not in caplog.text
    assert SIGNATURE not in caplog.text


class Resolver(AbstractResolver):
    """Answers every name with these addresses, in turn; without any it finds nothing."""

    def __init__(self, *addresses: str, together: bool = False) -> None:
        self.addresses = addresses
        self.together = together
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        if not self.addresses:
            raise OSError(None, f"no such host: {host}")
        answers = self.addresses if self.together else [self.addresses[self.asked % len(self.addresses)]]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in answers
        ]

    async def close(self) -> None:
        return


def scrubbed(*things: object) -> bool:
    return all(canary not in f"{things!r}{things}" for canary in (KEY, SIGNATURE, "canary", "http://", "https://"))


# Whether anything was sent


AFTER_IT_LEFT = [
    chaos.close_after_reading,
    chaos.reset_after_reading,
    chaos.reset_in_the_body,
    chaos.stall,
    chaos.stall_before_reading,
    chaos.stall_in_the_body,
    chaos.half_a_status_line,
    chaos.not_http,
    chaos.half_the_headers,
    chaos.half_a_body,
    chaos.half_a_chunk,
    chaos.broken_chunking,
    chaos.endless_header,
    chaos.too_long,
    chaos.gzip_bomb,
    chaos.broken_gzip,
]


@pytest.mark.parametrize("operation", [Operation.SUBMIT, Operation.POLL])
@pytest.mark.parametrize("fault", AFTER_IT_LEFT)
async def test_a_request_that_left_and_got_no_complete_answer_has_no_answer(fault, operation):
    async with chaos.chaos(fault) as server, outside(server.url) as out:
        outcome = await out.transport.send("relay", operation, SUBMIT)
        assert isinstance(outcome, NoAnswer)
        assert outcome.cause
        [event] = out.events
        assert (event.result, event.status) == (ExchangeResult.NO_ANSWER, None)
        assert scrubbed(outcome, event)


@pytest.mark.parametrize("fault", [chaos.close_before_reading, chaos.reset_before_reading])
async def test_a_connection_that_is_closed_at_once_may_still_have_carried_the_submit(fault):
    async with chaos.chaos(fault) as server, outside(server.url) as out:
        for _ in range(5):
            outcome = await out.transport.send("relay", Operation.SUBMIT, SUBMIT)
            assert isinstance(outcome, NoAnswer)
            assert scrubbed(outcome)


async def test_a_submit_is_sent_once_whatever_happens_to_it():
    async with chaos.chaos(chaos.reset_after_reading) as server, outside(server.url) as out:
        await out.transport.send("relay", Operation.SUBMIT, SUBMIT)
        assert (server.visits, len(server.requests)) == (1, 1)


async def test_a_refused_connection_is_not_sent():
    async with outside(f"http://127.0.0.1:{unused_port()}") as out:
        outcome = await out.transport.send("relay", Operation.SUBMIT, SUBMIT)
        assert outcome == NotSent("no connection: connection refused")
        assert [event.result for event in out.events] == [ExchangeResult.NOT_SENT]


async def test_an_unknown_host_is_not_sent():
    async with outside("https://relay.example", resolver=Resolver()) as out:
        outcome = await out.transport.send("relay", Operation.SUBMIT, SUBMIT)
        assert outcome == NotSent("the host name was not resolved")


async def test_a_connection_that_is_not_made_in_time_is_not_sent():
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        async with outside(f"http://127.0.0.1:{listener.getsockname()[1]}") as out:
            outcome = await out.transport.send("relay", Operation.SUBMIT, SUBMIT)
    assert outcome == NotSent("no connection in time")


async def test_a_server_that_answers_the_tls_hello_in_plain_text_is_not_sent():
    async def plain(visit: chaos.Visit) -> None:
        await visit.reader.read(1)
        await visit.write(http(400))

    async with chaos.chaos(plain) as server, outside(f"https://{server.host_port}") as out:
        assert await out.transport.send("relay", Operation.SUBMIT, SUBMIT) == NotSent("TLS failed")


async def test_a_tls_handshake_that_stalls_is_not_sent():
    async with (
        chaos.chaos(chaos.stall_before_reading) as server,
        outside(f"https://{server.host_port}") as out,
    ):
        assert await out.transport.send("relay", Operation.SUBMIT, SUBMIT) == NotSent("no connection in time")


async def test_a_poll_that_finds_no_free_connection_is_not_sent():
    # On a busy machine a hundred connections take a while, and none may be free again before the last one is asked for.
    patient = replace(FAST, connect_s=1.0, poll_s=15.0)
    async with chaos.chaos(chaos.stall) as server, outside(server.url, timeouts=patient) as out:
        waiting = [asyncio.create_task(out.transport.send("relay", Operation.POLL, POLL)) for _ in range(100)]
        await server.seen(100)
        assert await out.transport.send("relay", Operation.POLL, POLL) == NotSent("no connection in time")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_submit_whose_whole_time_goes_into_connecting_is_not_sent():
    slow = replace(FAST, connect_s=30.0, submit_s=0.2)
    async with (
        chaos.chaos(chaos.stall_before_reading) as server,
        outside(f"https://{server.host_port}", timeouts=slow) as out,
    ):
        assert isinstance(await out.transport.send("relay", Operation.SUBMIT, SUBMIT), NotSent)


async def test_a_closed_transport_sends_nothing():
    async with outside(f"http://127.0.0.1:{unused_port()}") as out:
        await out.transport.close()
        assert isinstance(await out.transport.send("relay", Operation.SUBMIT, SUBMIT), NotSent)


async def test_a_cancelled_exchange_is_cancelled_and_not_reported():
    async with chaos.chaos(chaos.stall) as server, outside(server.url) as out:
        task = asyncio.create_task(out.transport.send("relay", Operation.SUBMIT, SUBMIT))
        await server.seen(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not out.events


# What an answer is


@pytest.mark.parametrize("status", [200, 202, 301, 302, 400, 401, 404, 429, 500, 503])
async def test_every_complete_answer_is_a_response(status):
    async with chaos.chaos(answering(http(status, b"{}", Retry_After="3"))) as server, outside(server.url) as out:
        outcome = await out.transport.send("relay", Operation.SUBMIT, SUBMIT)
        assert isinstance(outcome, HttpResponse)
        assert (outcome.status, outcome.body, outcome.headers["retry-after"]) == (status, b"{}", "3")
        [event] = out.events
        assert event.result is (ExchangeResult.OK if status < 300 else ExchangeResult.ERROR)
        assert (event.provider, event.operation, event.status) == ("relay", Operation.SUBMIT, status)


async def test_an_answer_at_the_limit_is_read_whole():
    body = b" " * (1 << 20)
    async with chaos.chaos(answering(http(200, body))) as server, outside(server.url) as out:
        outcome = await out.transport.send("relay", Operation.POLL, POLL)
        assert isinstance(outcome, HttpResponse)
        assert len(outcome.body) == 1 << 20


async def test_an_answer_compressed_against_our_wish_is_read():
    compressed = http(200, gzip.compress(b'{"id": "1"}'), Content_Encoding="gzip")
    async with chaos.chaos(answering(compressed)) as server, outside(server.url) as out:
        outcome = await out.transport.send("relay", Operation.SUBMIT, SUBMIT)
        assert isinstance(outcome, HttpResponse)
        assert outcome.document() == {"id": "1"}
        assert b"Accept-Encoding: identity\r\n" in server.requests[0]


async def test_a_refusal_that_comes_before_the_whole_request_was_read_is_an_answer():
    async def hasty(visit: chaos.Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.write(http(413, b"too much"))
        await chaos.forever()

    big = HttpRequest("POST", "/v1/videos", json={"image": "x" * (32 << 20)})
    async with chaos.chaos(hasty) as server, outside(server.url) as out:
        outcome = await out.transport.send("relay", Operation.SUBMIT, big)
        assert isinstance(outcome, HttpResponse)
        assert (outcome.status, outcome.body) == (413, b"too much")


async def test_a_poll_lag_is_passed_on_into_the_event():
    async with chaos.chaos(answering(http(200))) as server, outside(server.url) as out:
        await out.transport.send("relay", Operation.POLL, POLL, lag_s=1.5)
        [event] = out.events
        assert isinstance(event, ExchangeEnded)
        assert event.lag_s == 1.5
        assert 0 <= event.duration_s < 5


# What goes over the wire


async def test_polls_share_a_connection_and_submits_never_do_where_they_must_not():
    never = replace(FAST, submit_keepalive_s=0.0)
    async with chaos.chaos(keeping_alive(http(200, b"{}"))) as server, outside(server.url, timeouts=never) as out:
        for _ in range(3):
            await out.transport.send("relay", Operation.POLL, POLL)
        assert server.visits == 1
        for _ in range(3):
            await out.transport.send("relay", Operation.SUBMIT, SUBMIT)
        assert server.visits == 4
        assert b"Connection: close\r\n" in server.requests[-1]


async def test_a_poll_on_a_connection_the_server_closed_is_asked_again():
    async def once(visit: chaos.Visit) -> None:
        await visit.read_request()
        await visit.write(http(200, b"{}"))

    async with chaos.chaos(once) as server, outside(server.url) as out:
        for _ in range(5):
            assert isinstance(await out.transport.send("relay", Operation.POLL, POLL), HttpResponse)


async def test_a_request_carries_the_accounts_address_query_and_key():
    async with (
        chaos.chaos(answering(http(200, b"{}"))) as server,
        outside(f"{server.url}/openai", header="api-key", prefix="", query={"api-version": "pre view"}) as out,
    ):
        request = HttpRequest("GET", "/v1/videos/1", {"id": "sora:1/=?&"}, headers={"API-Key": "of the adapter"})
        await out.transport.send("relay", Operation.POLL, request)
        [wire] = server.requests
        line, _, rest = wire.partition(b"\r\n")
        assert line == b"GET /openai/v1/videos/1?api-version=pre%20view&id=sora%3A1%2F%3D%3F%26 HTTP/1.1"
        headers = dict(header.split(": ", 1) for header in rest.decode().strip().split("\r\n"))
        assert headers.pop("Host") == server.host_port
        assert headers.pop("User-Agent").startswith("video-router/")
        assert headers == {"Accept": "application/json", "Accept-Encoding": "identity", "api-key": KEY}


@pytest.mark.parametrize("remote_id", ["sora-2%3Atask_1", "video_YWJj%2FZGVm%3D%3D", "a%2Bb%20c", "a~b", "%E8%A7%86"])
async def test_a_quoted_path_is_not_quoted_again(remote_id):
    async with chaos.chaos(answering(http(200, b"{}"))) as server, outside(server.url) as out:
        await out.transport.send("relay", Operation.POLL, HttpRequest("GET", f"/v1/videos/{remote_id}"))
        assert server.requests[0].startswith(f"GET /v1/videos/{remote_id} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize("path", ["@evil.example/x", ".evil.example/x", ":1@evil.example/x"])
async def test_no_path_can_move_the_key_to_another_host(path):
    async with chaos.chaos(answering(http(404))) as server, outside(server.url) as out:
        assert isinstance(await out.transport.send("relay", Operation.POLL, HttpRequest("GET", path)), HttpResponse)
        assert server.requests[0].startswith(f"GET /{path} ".encode())


async def test_an_unquoted_path_cannot_split_the_request():
    async with chaos.chaos(answering(http(404))) as server, outside(server.url) as out:
        await out.transport.send("relay", Operation.POLL, HttpRequest("GET", "/a b\r\nX-Evil: 1"))
        assert server.requests[0].startswith(b"GET /a%20b%0D%0AX-Evil:%201 HTTP/1.1\r\n")


@pytest.mark.parametrize("length", [10, 3 << 20])
async def test_a_json_body_arrives_as_json_with_its_length(length):
    async with chaos.chaos(answering(http(200, b"{}"))) as server, outside(server.url) as out:
        document = {"prompt": "视" * length}
        await out.transport.send("relay", Operation.SUBMIT, HttpRequest("POST", "/v1/videos", json=document))
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert b"Content-Type: application/json\r\n" in head + b"\r\n"
        assert b"Content-Length: %d" % len(body) in head
        assert orjson.loads(body) == document


@pytest.mark.parametrize("length", [10, 3 << 20])
async def test_a_form_arrives_as_multipart_in_order_with_its_files(length):
    image = bytes([0xFF]) * length
    form = (
        FormPart("prompt", 'a "cat" 视频'),
        FormPart("input_reference[image_url]", b"https://a.example/b.png"),
        FormPart("input_reference", image, 'in "put".png', "image/png"),
    )
    async with chaos.chaos(answering(http(200, b"{}"))) as server, outside(server.url) as out:
        await out.transport.send("relay", Operation.SUBMIT, HttpRequest("POST", "/v1/videos", form=form))
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
    boundary = head.partition(b"multipart/form-data; boundary=")[2].partition(b"\r\n")[0]
    parts = [part.strip(b"\r\n").partition(b"\r\n\r\n") for part in body.split(b"--" + boundary)[1:-1]]
    assert [content for _, _, content in parts] == ['a "cat" 视频'.encode(), b"https://a.example/b.png", image]
    assert b'name="prompt"' in parts[0][0]
    assert b"filename" not in parts[0][0] + parts[1][0]
    assert b'name="input_reference[image_url]"' in parts[1][0]
    assert b'name="input_reference"; filename="in \\"put\\".png"' in parts[2][0]
    assert b"Content-Type: image/png" in parts[2][0]


async def test_a_form_without_a_file_is_multipart_too():
    form = (FormPart("prompt", "a cat"), FormPart("seconds", "8"))
    async with chaos.chaos(answering(http(200, b"{}"))) as server, outside(server.url) as out:
        await out.transport.send("relay", Operation.SUBMIT, HttpRequest("POST", "/v1/videos", form=form))
        assert b"Content-Type: multipart/form-data; boundary=" in server.requests[0]


async def test_another_implementation_reads_a_form_to_the_byte():
    image = bytes(range(256)) * 9
    form = (
        FormPart("prompt", "视频\r\n--x"),
        FormPart("input_reference[image_url]", "https://a.example/b.png"),
        FormPart("input_reference", image, 'a "cat" \\ dog.png', "image/png"),
    )
    async with chaos.chaos(answering(http(200, b"{}"))) as server, outside(server.url) as out:
        await out.transport.send("relay", Operation.SUBMIT, HttpRequest("POST", "/v1/videos", form=form))
    _, _, headers_and_body = server.requests[0].partition(b"\r\n")
    message = BytesParser(policy=HTTP.clone(max_line_length=None)).parsebytes(headers_and_body)
    parts = list(message.iter_parts())
    names = [part.get_param("name", header="content-disposition") for part in parts]
    assert names == ["prompt", "input_reference[image_url]", "input_reference"]
    assert [part.get_filename() for part in parts] == [None, None, 'a "cat" \\ dog.png']
    assert parts[2].get_content_type() == "image/png"
    assert parts[2].get_payload(decode=True) == image


async def test_a_name_that_would_begin_a_header_is_never_sent():
    hostile = 'a"\r\nX-Evil: 1'
    async with chaos.chaos(answering(http(200, b"{}"))) as server, outside(server.url) as out:
        for part in (FormPart(hostile, "x"), FormPart("a", b"x", hostile), FormPart("a", b"x", "b", hostile)):
            request = HttpRequest("POST", "/v1/videos", form=(part,))
            assert await out.transport.send("relay", Operation.SUBMIT, request) == NotSent("failed with ValueError")
        assert server.visits == 0


async def test_cookies_are_neither_kept_nor_sent():
    async with (
        chaos.chaos(keeping_alive(http(200, b"{}", Set_Cookie="a=b"))) as server,
        outside(f"http://relay.example:{server.port}", resolver=Resolver("127.0.0.1")) as out,
    ):
        for _ in range(2):
            await out.transport.send("relay", Operation.POLL, POLL)
        assert len(server.requests) == 2
        assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_a_proxy_from_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    async with chaos.chaos(answering(http(200, b"{}"))) as server, outside(server.url) as out:
        assert isinstance(await out.transport.send("relay", Operation.POLL, POLL), HttpResponse)


# Links and redirects


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_an_api_answer_that_redirects_is_an_answer_and_the_key_stays_here(status):
    async with chaos.chaos(answering(http(200))) as elsewhere:
        redirect = answering(http(status, Location=f"{elsewhere.url}/v1/videos"))
        async with chaos.chaos(redirect) as server, outside(server.url, header="X-Api-Key", prefix="") as out:
            for operation in (Operation.SUBMIT, Operation.POLL):
                outcome = await out.transport.send("relay", operation, SUBMIT)
                assert isinstance(outcome, HttpResponse)
                assert outcome.status == status
        assert elsewhere.visits == 0


async def test_an_absolute_link_is_fetched_without_the_key_when_its_host_is_exempt():
    async with (
        chaos.chaos(answering(http(200, b"bytes"))) as cdn,
        outside("https://relay.example", header="X-Api-Key", asset_hosts=frozenset({cdn.host_port})) as out,
    ):
        link = f"{cdn.url}/a%2fb?sig={SIGNATURE}&e=%3d+"
        outcome = await out.transport.send("relay", Operation.DOWNLOAD, HttpRequest("GET", link))
        assert isinstance(outcome, HttpResponse)
        assert cdn.requests[0].startswith(f"GET /a%2fb?sig={SIGNATURE}&e=%3d+ HTTP/1.1".encode())
        assert KEY.encode() not in cdn.requests[0]
        assert scrubbed(outcome, out.events)


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:{port}/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://[::ffff:127.0.0.1]/a",
        "https://[64:ff9b::7f00:1]/a",
        "https://[2002:7f00:1::]/a",
        "https://2130706433/a",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/a",
        "https://me:word@cdn.example.com/a",
        "https://cdn.example.com:8443/a",
        "file:///etc/passwd?://",
        "gopher://127.0.0.1:{port}/a",
    ],
)
async def test_a_link_to_the_inside_is_not_sent(link):
    async with chaos.chaos(answering(http(200))) as inside, outside(inside.url) as out:
        request = HttpRequest("GET", link.format(port=inside.port))
        assert isinstance(await out.transport.send("relay", Operation.DOWNLOAD, request), NotSent)
        assert inside.visits == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
async def test_a_public_name_that_resolves_to_the_inside_is_not_sent(address):
    async with outside("https://relay.example", resolver=Resolver(address)) as out:
        outcome = await out.transport.send("relay", Operation.DOWNLOAD, HttpRequest("GET", LINK))
        assert outcome == NotSent("the link leads to an address outside the public internet")
        assert scrubbed(outcome, out.events)


async def test_a_name_with_several_addresses_inside_is_not_sent():
    resolver = Resolver("127.0.0.1", "::1", "10.0.0.1", together=True)
    async with outside("https://relay.example", resolver=resolver) as out:
        outcome = await out.transport.send("relay", Operation.DOWNLOAD, HttpRequest("GET", LINK))
        assert outcome == NotSent("the link leads to an address outside the public internet")


async def test_a_name_that_changes_its_answers_never_reaches_the_inside():
    resolver = Resolver("127.0.0.1", "::1", "10.0.0.1")
    async with outside("https://relay.example", resolver=resolver) as out:
        for host in "abc":
            request = HttpRequest("GET", f"https://{host}.example.com/a")
            outcome = await out.transport.send("relay", Operation.DOWNLOAD, request)
            assert outcome == NotSent("the link leads to an address outside the public internet")
    assert resolver.asked == 3
