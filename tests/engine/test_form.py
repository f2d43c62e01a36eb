"""A form's encoding, read back by another implementation."""

from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP

from hypothesis import given
from hypothesis import strategies as st

from providers.adapter import FormPart
from router.engine.form import encoded_form

NAMES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)
VALUES = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.binary())


def read(form: tuple[str, bytes]) -> list[Message]:
    content_type, body = form
    message = BytesParser(policy=HTTP.clone(max_line_length=None)).parsebytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body
    )
    return list(message.iter_parts()) if message.is_multipart() else []


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=6))
def test_every_part_arrives_in_order_and_to_the_byte(fields):
    content_type, body = encoded_form([FormPart(name, value) for name, value in fields])
    boundary = content_type.partition("boundary=")[2].encode()
    parts = body.split(b"--" + boundary)
    assert (parts[0], parts[-1]) == (b"", b"--\r\n")
    values = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts[1:-1]]
    assert values == [value.encode() if isinstance(value, str) else value for _, value in fields]


def test_names_are_read_as_they_were_given_by_another_implementation():
    image = FormPart("input_reference", b"\xff\xd8", 'a "cat" \\ dog.png', "image/png")
    text, file = read(encoded_form([FormPart("input_reference[image_url]", "https://a.example/b.png"), image]))
    assert text.get_param("name", header="content-disposition") == "input_reference[image_url]"
    assert text.get_content_type() == "text/plain"
    assert file.get_filename() == 'a "cat" \\ dog.png'
    assert file.get_content_type() == "image/png"


def test_no_name_can_begin_a_header_or_a_part():
    hostile = 'a"\r\nX-Evil: 1\r\n\r\nbody\0'
    _, body = encoded_form([FormPart(hostile, "", hostile, "image/png\r\nX-Evil: 1")])
    assert b"\r\nX-Evil" not in body
    assert body.count(b"\r\n\r\n") == 1


def test_two_forms_have_two_boundaries():
    assert encoded_form([FormPart("a", "b")])[0] != encoded_form([FormPart("a", "b")])[0]
