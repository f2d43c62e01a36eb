"""Bodies from everybody: what is read, what is turned down, and in which words."""

import asyncio
import base64
import json
import tracemalloc
from typing import Any

import orjson
import pytest
from aiohttp import FormData, MultipartWriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.canonical import ImageFile, ImageUrl
from router.core.limits import RequestDefaults, ServerSettings
from router.http.create_body import ParsedCreate, parse_create
from router.http.errors import ApiError
from router.http.naming import Naming
from tests.builders import PORTRAIT
from tests.http.doors import LIMITS, PNG, Opened, a_shop, an_open_door

DATA_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


async def answer(opened: Opened, status: int, **request: Any) -> dict[str, Any]:
    """Create with a raw body; the envelope of an error, or the video."""
    async with opened.session.post(f"{opened.url}/v1/videos", **request) as response:
        document: dict[str, Any] = orjson.loads(await response.read())
        assert response.status == status, document
        if status >= 400:
            assert sorted(document["error"]) == ["code", "message", "param", "type"]
            assert response.headers["x-should-retry"] == "false"
            return dict(document["error"])
        return document


async def test_json_takes_seconds_as_a_number_and_images_as_links_and_data() -> None:
    async with an_open_door() as opened:
        body = {
            "prompt": "x",
            "seconds": 8,
            "input_reference": {"image_url": DATA_URL},
            "images": ["https://example.com/a.png"],
            "model": None,
        }
        await answer(opened, 200, json=body)
        expected = (ImageFile(PNG, "image/png", "input.png"), ImageUrl("https://example.com/a.png"))
        assert opened.engine.orders[0].video.images == expected


LINK = "https://example.com/a.png"


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        (LINK, ImageUrl(LINK)),
        ({"image_url": LINK}, ImageUrl(LINK)),
        (DATA_URL, ImageFile(PNG, "image/png", "input.png")),
        (DATA_URL.replace("data:", "DATA:"), ImageFile(PNG, "image/png", "input.png")),
    ],
)
async def test_a_reference_is_a_link_however_it_is_sent(reference: str | dict[str, str], image: Any) -> None:
    text = reference if isinstance(reference, str) else json.dumps(reference)
    form = FormData({"prompt": "x", "input_reference": text}, default_to_multipart=True)
    async with an_open_door() as opened:
        await answer(opened, 200, json={"prompt": "x", "input_reference": reference})
        await answer(opened, 200, data=form)
        assert [order.video.images for order in opened.engine.orders] == [(image,), (image,)]


@pytest.mark.parametrize("reference", ["", "a.png", "http://example.com/a.png", "file_1", "{}", " " + LINK])
async def test_a_reference_that_is_none_is_told_every_form_of_one(reference: str) -> None:
    form = FormData({"prompt": "x", "input_reference": reference}, default_to_multipart=True)
    async with an_open_door() as opened:
        for request in ({"json": {"prompt": "x", "input_reference": reference}}, {"data": form}):
            error = await answer(opened, 400, **request)
            assert error["param"] == "input_reference"
            for way in ("an https URL or a data URL as a text", "a file part", '{"image_url": "https://'):
                assert way in error["message"]


async def test_multipart_takes_objects_as_json_texts_and_images_as_repeated_files() -> None:
    form = FormData({"prompt": "x", "routing": '{"only": ["relay-b"]}', "metadata": '{"a": "b"}'})
    for _ in range(2):
        form.add_field("images", PNG, filename="x.png")
    async with an_open_door() as opened:
        await answer(opened, 200, data=form)
        order = opened.engine.orders[0]
        assert (len(order.video.images), order.preferences.only, order.metadata) == (2, ("relay-b",), {"a": "b"})


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        ({}, "prompt", "required"),
        ({"prompt": ""}, "prompt", "not empty"),
        ({"prompt": "x" * 32_001}, "prompt", "32001 characters; at most 32000"),
        ({"prompt": "x", "duration": 8}, "duration", "accepted fields are prompt, model, seconds"),
        ({"prompt": "x", "seconds": "8s"}, "seconds", 'such as "8"'),
        ({"prompt": "x", "seconds": True}, "seconds", 'such as "8"'),
        ({"prompt": "x", "seconds": -8}, "seconds", "from 1 to 3600"),
        ({"prompt": "x", "size": "hd"}, "size", "WIDTHxHEIGHT"),
        ({"prompt": "x", "input_reference": {"file_id": "file_1"}}, "input_reference.file_id", "send image_url"),
        ({"prompt": "x", "input_reference": {}}, "input_reference", "exactly one field"),
        ({"prompt": "x", "input_reference": [DATA_URL]}, "input_reference", "an https URL or a data URL as a text"),
        ({"prompt": "x", "input_reference": "https://10.0.0.1/a"}, "input_reference", "outside the public internet"),
        ({"prompt": "x", "input_reference": "data:image/png,x"}, "input_reference", "data:image/png;base64"),
        ({"prompt": "x", "input_reference": {"url": "x"}}, "input_reference.url", "image_url, file_id"),
        ({"prompt": "x", "images": [DATA_URL] * 5}, "images[4]", "at most 4"),
        ({"prompt": "x", "images": ["data:image/png;base64,????"]}, "images[0]", "base64 is broken"),
        ({"prompt": "x", "images": ["data:text/plain;base64,aGVsbG8="]}, "images[0]", "PNG, JPEG or WebP"),
        ({"prompt": "x", "images": ["http://example.com/a.png"]}, "images[0]", "https://"),
        ({"prompt": "x", "images": ["https://169.254.169.254/meta"]}, "images[0]", "outside the public internet"),
        ({"prompt": "x", "metadata": {"k": 1}}, "metadata", "at most 16 texts"),
        ({"prompt": "x", "metadata": {str(n): "" for n in range(17)}}, "metadata", "at most 16 texts"),
        ({"prompt": "x", "routing": {"max_price_usd": "-1"}}, "routing.max_price_usd", "0 or more"),
        ({"prompt": "x", "routing": {"max_price_usd": 1e30}}, "routing.max_price_usd", "max_price_usd"),
        ({"prompt": "x", "routing": {"onyl": []}}, "routing.onyl", "only, ignore, max_price_usd"),
        ({"prompt": "x", "routing": {"ignore": ["relya-a"]}}, "routing.ignore", "none of: relay-a, relay-b"),
        (
            {"prompt": "x", "routing": {"duration_policy": "longer"}},
            "routing.duration_policy",
            "exact, at_least or nearest",
        ),
    ],
)
async def test_what_is_wrong_is_named_with_what_is_accepted(body: dict[str, Any], param: str, says: str) -> None:
    async with an_open_door() as opened:
        error = await answer(opened, 400, json=body)
        assert error["param"] == param
        assert says in error["message"]
        assert not opened.engine.orders


def crowd(entry: str, count: int) -> str:
    """Many entries of one kind; `#` becomes each one's number."""
    return ",".join(entry.replace("#", str(number)) for number in range(count))


@pytest.mark.parametrize(
    ("rest", "param"),
    [
        (lambda n: f'"images":[{crowd("0", n)}]', "images"),
        (lambda n: f'"images":[{crowd("[[]]", n)}]', "images"),
        (lambda n: crowd('"k#":0', n), "k0"),
        (lambda n: f'"metadata":{{{crowd(chr(34) + "#" + chr(34) + ":0", n)}}}', "metadata"),
        (lambda n: f'"routing":{{{crowd(chr(34) + "r#" + chr(34) + ":0", n)}}}', "routing.r0"),
        (lambda n: f'"routing":{{"only":[{crowd("0", n)}]}}', "routing.only"),
        (lambda n: f'"routing":{{"ignore":[{crowd("{}", n)}]}}', "routing.ignore"),
        (lambda n: f'"input_reference":{{{crowd(chr(34) + "i#" + chr(34) + ":0", n)}}}', "input_reference.i0"),
    ],
)
async def test_a_body_of_countless_values_is_refused_in_little_memory(rest: Any, param: str) -> None:
    async with an_open_door() as opened:
        for count, code in ((10_000, ""), (90_000, "invalid_json")):
            body = f'{{"prompt":"x",{rest(count)}}}'.encode()
            tracemalloc.start()
            try:
                error = await answer(opened, 400, data=body, headers={"Content-Type": "application/json"})
                _, peak_bytes = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert error["code"] == code if code else error["param"].startswith(param)
            assert len(error["message"]) < 500
            assert peak_bytes < 4 * len(body) + 4_000_000


async def test_a_prompt_of_nothing_but_commas_is_still_a_prompt() -> None:
    async with an_open_door() as opened:
        metadata = {str(number): ",[{" * 170 for number in range(16)}
        await answer(opened, 200, json={"prompt": "," * 32_000, "metadata": metadata})


async def test_a_form_field_of_countless_values_is_refused_too() -> None:
    text = f'{{"image_url":[{crowd("[]", 90_000)}]}}'
    async with an_open_door() as opened:
        form = FormData({"prompt": "x", "input_reference": text}, default_to_multipart=True)
        assert (await answer(opened, 400, data=form))["code"] == "invalid_json"


async def test_broken_json_is_located_and_deep_json_is_refused() -> None:
    async with an_open_door() as opened:
        headers = {"Content-Type": "application/json"}
        error = await answer(opened, 400, data=b'{"prompt": "x",\n "size": }', headers=headers)
        assert "line 2, column" in error["message"]
        await answer(opened, 400, data=b'{"prompt":' + b"[" * 100_000, headers=headers)
        await answer(opened, 400, data=b"[1]", headers=headers)
        await answer(opened, 400, data=b'{"prompt": "\xff"}', headers=headers)
        await answer(opened, 400, data=b"", headers=headers)


async def test_a_body_of_another_kind_is_told_the_two_kinds() -> None:
    async with an_open_door() as opened:
        error = await answer(opened, 415, data={"prompt": "x"})
        assert error["code"] == "unsupported_content_type"


async def test_a_body_over_the_limit_is_refused_however_it_is_framed() -> None:
    async def chunks() -> Any:
        for _ in range(64):
            yield bytes(1024)

    async with an_open_door(body_bytes_max=16_384, image_bytes_max=4096) as opened:
        json_type = {"Content-Type": "application/json"}
        for request in (
            {"data": bytes(20_000), "headers": json_type},
            {"data": chunks(), "headers": json_type},
            {"data": FormData({"prompt": "x" * 20_000}, default_to_multipart=True)},
        ):
            error = await answer(opened, 413, **request)
            assert error["code"] == "request_too_large"


async def test_chunked_parts_are_counted_against_the_body_too() -> None:
    writer = MultipartWriter("form-data")
    for _ in range(8):
        writer.append(PNG + bytes(3000)).set_content_disposition("form-data", name="images", filename="x.png")

    async def chunks() -> Any:
        yield await writer.as_bytes()

    async with an_open_door(body_bytes_max=16_384, image_bytes_max=4096) as opened:
        await answer(opened, 413, data=chunks(), headers={"Content-Type": writer.content_type})


async def test_a_part_over_its_own_limit_is_refused() -> None:
    form = FormData({"prompt": "x"})
    form.add_field("input_reference", PNG + bytes(5000), filename="x.png")
    async with an_open_door(image_bytes_max=4096) as opened:
        assert "input_reference" in (await answer(opened, 413, data=form))["message"]
        await answer(opened, 413, data=FormData({"prompt": "x" * 200_000}, default_to_multipart=True))


async def test_too_many_parts_are_refused() -> None:
    form = FormData([(f"metadata[{number}]", "x") for number in range(30)], default_to_multipart=True)
    async with an_open_door() as opened:
        assert (await answer(opened, 400, data=form))["code"] == "invalid_multipart"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\n",
        b"--c\r\nContent-Disposition: form-data; name=prompt\r\n\r\nx\r\n--c--\r\n",
        b"--b\r\nContent-Disposition: form-data; name=prompt\r\n\r\nx\r\n",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="a[b][c][d]"\r\n\r\nx\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="prompt"; filename="x"\r\n\r\nx\r\n--b--\r\n',
        b"--b\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--i--\r\n--b--\r\n",
        b"--b\r\nContent-Disposition: form-data; name=prompt\r\nContent-Encoding: gzip\r\n\r\nx\r\n--b--\r\n",
        b"--b\r\nContent-Disposition: form-data; name=prompt\r\n\r\n\xff\xfe\r\n--b--\r\n",
        b"--b\r\nContent-Disposition: form-data; name=prompt\r\n\r\nx\r\n" * 2 + b"--b--\r\n",
        b"--b\r\nContent-Disposition: form-data; name=routing\r\n\r\n{broken\r\n--b--\r\n",
        b"--b\r\n" + b"X: y\r\n" * 500 + b"\r\nx\r\n--b--\r\n",
        b"--b\r\nno header at all\r\n\r\nx\r\n--b--\r\n",
    ],
)
async def test_a_broken_multipart_body_is_a_bad_request(body: bytes) -> None:
    async with an_open_door() as opened:
        await answer(opened, 400, data=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
        await answer(opened, 400, data=body, headers={"Content-Type": "multipart/form-data"})


async def test_a_large_image_is_parsed_like_a_small_one() -> None:
    large = PNG + bytes(400_000)
    text = f"data:image/png;base64,{base64.b64encode(large).decode()}"
    async with an_open_door() as opened:
        await answer(opened, 200, json={"prompt": "x", "images": [text]}, headers={"Idempotency-Key": "k"})
        order = opened.engine.orders[0]
        assert order.video.images == (ImageFile(large, "image/png", "input.png"),)


async def test_a_caller_who_hangs_up_in_the_middle_of_a_body_orders_nothing() -> None:
    async with an_open_door() as opened:
        host, _, port = opened.url.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = (
            f"POST /v1/videos HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        )
        writer.write(head.encode() + b'{"prompt": "x"')
        await writer.drain()
        writer.transport.abort()
        async with asyncio.timeout(5):
            while not opened.seen:
                await asyncio.sleep(0.01)
        assert opened.seen == [("/v1/videos", "POST", 400)]
        assert not opened.engine.orders


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["prompt", "model", "seconds", "size", "input_reference", "images", "watermark", "metadata", "routing", "user"]
)
OBJECTS = st.sampled_from(["image_url", "file_id", "only", "ignore", "max_price_usd", "duration_policy"])
DOCUMENTS = st.dictionaries(
    FIELDS, JSON | st.dictionaries(OBJECTS, JSON, max_size=3) | st.lists(st.text(max_size=30), max_size=6), max_size=6
)


def outcome(document: dict[str, Any]) -> ParsedCreate | ApiError:
    try:
        defaults = RequestDefaults("sora-2", 8, PORTRAIT)
        return parse_create(document, ServerSettings(), defaults, Naming(a_shop()), LIMITS)
    except ApiError as error:
        return error


@given(document=DOCUMENTS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_document_is_parsed_or_turned_down_with_a_reason(document: dict[str, Any]) -> None:
    match outcome(document):
        case ApiError(status, message):
            assert status in (400, 413)
            assert message
        case ParsedCreate(video):
            assert video.prompt == document["prompt"]


async def test_any_body_on_the_wire_is_answered_below_500() -> None:
    async with an_open_door() as opened:
        loop = asyncio.get_running_loop()

        async def send(body: bytes, content_type: str) -> None:
            headers = {"Content-Type": content_type}
            async with opened.session.post(f"{opened.url}/v1/videos", data=body, headers=headers) as response:
                assert response.status < 500
                await response.read()

        @given(
            body=DOCUMENTS.map(lambda document: json.dumps(document).encode())
            | st.binary(max_size=200)
            | st.binary(max_size=60).map(lambda data: b"--b\r\nContent-Disposition: form-data; name=" + data),
            content_type=st.sampled_from(["application/json", "multipart/form-data; boundary=b"]),
        )
        @settings(max_examples=100, deadline=None)
        def fuzz(body: bytes, content_type: str) -> None:
            asyncio.run_coroutine_threadsafe(send(body, content_type), loop).result(10)

        await asyncio.to_thread(fuzz)
