"""A form is read by others as it was meant, to the byte."""

import asyncio
from collections.abc import Sequence
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, StreamReader
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from providers.adapter import FormPart, HttpRequest
from router.engine.address import body_of
from router.engine.entropy import Entropy

ENTROPY = Entropy()

# What this reader takes for more than a character of a quoted name is left to the standard library's below.
names = st.text(
    st.characters(codec="utf-8", categories=("L", "N"), include_characters='[]"_-.'), min_size=1, max_size=20
)
values = st.binary(max_size=200) | st.text(st.characters(codec="utf-8"), max_size=50)
types = st.none() | st.sampled_from(["image/png", "application/json"])
forms = st.lists(st.builds(FormPart, names, values, st.none() | names, types), min_size=1, max_size=4)


def encoded(parts: Sequence[FormPart]) -> tuple[str, bytes]:
    headers: CIMultiDict[str] = CIMultiDict()
    body = body_of(HttpRequest("POST", "/v1/videos", form=tuple(parts)), headers, ENTROPY)
    assert body is not None
    return headers["Content-Type"], body


def content(part: FormPart) -> bytes:
    return part.value.encode() if isinstance(part.value, str) else part.value


async def read_by_aiohttp(content_type: str, body: bytes) -> list[tuple[str | None, str | None, bytes]]:
    stream = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)
    stream.feed_data(body)
    stream.feed_eof()
    reader = MultipartReader(CIMultiDictProxy(CIMultiDict({"Content-Type": content_type})), stream)
    read: list[tuple[str | None, str | None, bytes]] = []
    while (part := await reader.next()) is not None:
        assert isinstance(part, BodyPartReader)
        read.append((part.name, part.filename, bytes(await part.read())))
    return read


@given(forms)
def test_the_client_librarys_own_reader_gets_every_part(parts: list[FormPart]) -> None:
    read: Any = asyncio.run(read_by_aiohttp(*encoded(parts)))
    assert read == [(part.name, part.file_name, content(part)) for part in parts]


def test_the_standard_librarys_reader_gets_every_part() -> None:
    parts = (
        FormPart("prompt", "a \r\n--cat 视频"),
        FormPart("input_reference[image_url]", b"https://a.example/b.png"),
        FormPart("input_reference", bytes(range(256)), 'in/"put" \\ %22; ü=.png', "image/png"),
        FormPart("last", b""),
    )
    content_type, body = encoded(parts)
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    read = list(message.iter_parts())
    assert [part.get_payload(decode=True) for part in read] == [content(part) for part in parts]
    assert [part.get_param("name", header="content-disposition") for part in read] == [part.name for part in parts]
    assert [part.get_filename() for part in read] == [part.file_name for part in parts]
    assert [part.get_content_type() for part in read] == ["text/plain", "text/plain", "image/png", "text/plain"]


def test_no_two_forms_have_the_same_boundary() -> None:
    assert len({encoded([FormPart("prompt", "a cat")])[0] for _ in range(50)}) == 50
