"""Form data as every client writes it, and as nobody should."""

import pytest
from aiohttp import MultipartWriter
from hypothesis import given, settings
from hypothesis import strategies as st

from router.http.multipart import PARTS_MAX, MultipartError, Part, split_parts

NAMES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters='\\"%'), min_size=1, max_size=20)
FIELDS = st.tuples(NAMES, st.booleans(), st.binary(max_size=200) | st.sampled_from([b"\r\n", b"--b", b"\r\n--", b""]))


def read(body: bytes, content_type: str = "multipart/form-data; boundary=b") -> list[Part]:
    return list(split_parts(body, content_type))


@given(fields=st.lists(FIELDS, max_size=PARTS_MAX))
@settings(max_examples=100, deadline=None)
def test_what_a_client_library_writes_is_read_back(fields: list[tuple[str, bool, bytes]]) -> None:
    writer = MultipartWriter("form-data", boundary="a-boundary-that-no-field-holds")
    for name, is_file, data in fields:
        part = writer.append(data)
        file_name = {"filename": "x;\"y'.png"} if is_file else {}
        part.headers["Content-Disposition"] = disposition(name, **file_name)
    body = b"".join(chunk for chunk in rendered(writer))
    parts = read(body, writer.content_type)
    assert [(part.name, part.is_file, part.data) for part in parts] == fields


def disposition(name: str, **more: str) -> str:
    parameters = {"name": name, **more}
    escaped = {key: value.replace("\\", "\\\\").replace('"', '\\"') for key, value in parameters.items()}
    return "; ".join(["form-data", *(f'{key}="{value}"' for key, value in escaped.items())])


def rendered(writer: MultipartWriter) -> list[bytes]:
    boundary = writer.boundary.encode()
    lines = []
    for payload, _, _ in writer:
        head = "".join(f"{name}: {value}\r\n" for name, value in payload.headers.items())
        lines += [b"--" + boundary + b"\r\n" + head.encode() + b"\r\n", bytes(payload._value), b"\r\n"]
    return [*lines, b"--" + boundary + b"--\r\n"]


@pytest.mark.parametrize(
    ("head", "name", "is_file"),
    [
        (b"Content-Disposition: form-data; name=prompt", "prompt", False),
        (b'content-disposition:form-data;name="prompt"', "prompt", False),
        (b'CONTENT-DISPOSITION: Form-Data ; NAME="prompt" ;', "prompt", False),
        (b'Content-Disposition: form-data; filename="name=x; y"; name="prompt"', "prompt", True),
        (b'Content-Disposition: form-data; name="prompt"; filename=""', "prompt", True),
        ('Content-Disposition: form-data; name="prömpt"'.encode(), "prömpt", False),
        (b'Content-Type: text/plain\r\nContent-Disposition: form-data; name="a\\"b"\r\nX: y', 'a"b', False),
    ],
)
def test_headers_are_read_as_clients_spell_them(head: bytes, name: str, is_file: bool) -> None:
    body = b"--b\r\n" + head + b"\r\n\r\nline\r\n\r\nline\r\n--b--\r\n"
    assert read(body) == [Part(name, is_file, b"line\r\n\r\nline")]


@pytest.mark.parametrize("count", [PARTS_MAX, PARTS_MAX + 1, 50_000])
def test_parts_are_counted_before_they_are_read(count: int) -> None:
    body = b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\ny\r\n" * count + b"--b--"
    if count <= PARTS_MAX:
        assert len(read(body)) == count
    else:
        with pytest.raises(MultipartError, match="more than 24"):
            read(body)


@given(
    body=st.binary(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                b"--b",
                b"--",
                b"\r\n",
                b"Content-Disposition: form-data; name=",
                b'"',
                b"x",
                b";",
                b": ",
                b"\\",
                b"\x00",
                b"\xff",
            ]
        ),
        max_size=30,
    ).map(b"".join)
)
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_read_or_turned_down(body: bytes) -> None:
    try:
        parts = read(body)
    except MultipartError:
        return
    assert all(part.data in body for part in parts)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "b" * 71],
)
def test_a_boundary_that_is_none_is_refused(content_type: str) -> None:
    with pytest.raises(MultipartError, match="boundary"):
        read(b"", content_type)
