"""Long data URLs are set aside before JSON is parsed, and nobody can tell."""

import base64
from typing import Any

import orjson
import pytest

from providers.canonical import ImageFile
from router.http.data_urls import SET_ASIDE_BYTES_MIN, DataUrl, parsed_apart
from router.http.errors import ApiError
from router.http.images import image_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4_000
LONG = "data:image/png;base64," + base64.b64encode(PNG).decode()
OTHER = LONG[:-8] + "AAAAAAA="
SHORT = "data:image/png;base64,iVBORw0KGgo="


def restored(value: Any) -> Any:
    """A document with the text of each data URL in its place."""
    match value:
        case DataUrl(text):
            return bytes(text).decode()
        case dict():
            return {key: restored(each) for key, each in value.items()}
        case list():
            return [restored(each) for each in value]
        case _:
            return value


def counted(value: Any) -> int:
    match value:
        case DataUrl():
            return 1
        case dict():
            return sum(map(counted, value.values()))
        case list():
            return sum(map(counted, value))
        case _:
            return 0


@pytest.mark.parametrize(
    ("document", "set_aside"),
    [
        ({"prompt": "x", "input_reference": LONG}, 1),
        ({"input_reference": {"image_url": LONG}}, 1),
        ({"images": [LONG, SHORT, "https://a.example/b.png", OTHER]}, 2),
        ({"input_reference": LONG, "images": [OTHER]}, 2),
        ({"input_reference": SHORT}, 0),
        ({"prompt": LONG, "input_reference": LONG}, 0),
        ({"prompt": f'say "{LONG}', "input_reference": SHORT}, 0),
        ({"metadata": {"a": [LONG]}}, 0),
        ({"input_reference": LONG + "\n"}, 0),
        ([LONG], 0),
    ],
)
def test_a_document_is_what_it_was(document: object, set_aside: int) -> None:
    assert len(LONG) > SET_ASIDE_BYTES_MIN
    parsed = parsed_apart(orjson.dumps(document), orjson.loads)
    assert restored(parsed) == document
    assert counted(parsed) == set_aside


def test_of_a_field_that_is_sent_twice_the_last_counts() -> None:
    raw = f'{{"input_reference":"{LONG}","input_reference":"{OTHER}"}}'.encode()
    assert restored(parsed_apart(raw, orjson.loads)) == {"input_reference": OTHER}


@pytest.mark.parametrize("end", ["", '"', '"]', '"}}'])
def test_broken_json_stays_broken(end: str) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        parsed_apart(f'{{"input_reference":"{LONG}{end}'.encode(), orjson.loads)


@pytest.mark.parametrize("wrapped", [str, lambda text: DataUrl(memoryview(text.encode()))])
def test_a_long_image_is_decoded_whole(wrapped: Any) -> None:
    image = image_of(wrapped(LONG), "images[0]", 32 << 20)
    assert isinstance(image, ImageFile)
    assert (image.data, image.media_type) == (PNG, "image/png")


@pytest.mark.parametrize("wrapped", [str, lambda text: DataUrl(memoryview(text.encode()))])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (LONG[: 262_144 + 20] + "==" + LONG[262_144 + 22 :], "invalid_image"),
        (LONG[:-1] + "!", "invalid_image"),
        (LONG[:-3], "invalid_image"),
        (LONG.replace(";base64", ""), "invalid_image"),
        (LONG.replace(",", ""), "invalid_image"),
        (LONG.replace("iVBOR", "AAAAA"), "invalid_image"),
        (LONG + "A" * 400_000, "request_too_large"),
    ],
)
def test_a_broken_or_too_large_one_is_turned_down(wrapped: Any, text: str, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        image_of(wrapped(text), "images[0]", len(PNG) + 8)
    assert caught.value.code == code
