"""What an operator's command asks of a router: done, refused in the router's own words, or not known."""

import orjson
import pytest

from router.top.endpoint import Endpoint, NoAnswerError, RefusedError
from tests.listening import answering


def test_what_was_done_is_answered() -> None:
    with answering(200, b'{"object": "done"}') as (url, asked):
        assert Endpoint(url).post("/admin/x", {"note": "é"}) == b'{"object": "done"}'
    assert [orjson.loads(body) for _, body in asked] == [{"note": "é"}]


def test_a_refusal_is_told_in_the_routers_own_words() -> None:
    body = orjson.dumps({"error": {"message": "the money of that attempt is still open", "code": "open"}})
    with answering(409, body) as (url, _), pytest.raises(RefusedError, match=r"^the money of that attempt is still"):
        Endpoint(url).post("/admin/x", {})


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b'{"error": {"message": 3}}'])
def test_an_error_of_something_else_names_the_address(body: bytes) -> None:
    with answering(404, body) as (url, _), pytest.raises(RefusedError, match=rf"{url} answers HTTP 404; name with"):
        Endpoint(url).post("/admin/x", {})
    with answering(500, body) as (url, _), pytest.raises(NoAnswerError, match="did not say so: it answers HTTP 500"):
        Endpoint(url).post("/admin/x", {})


def test_a_redirect_is_not_followed() -> None:
    with answering(307, b"") as (url, asked):
        with pytest.raises(RefusedError, match="HTTP 307"):
            Endpoint(url).post("/admin/x", {})
        assert len(asked) == 1


def test_where_nobody_listens_nothing_was_done() -> None:
    with pytest.raises(RefusedError, match="cannot be reached: nothing listens there"):
        Endpoint("http://127.0.0.1:1").post("/admin/x", {})


def test_an_answer_that_is_cut_off_leaves_open_whether_it_was_done() -> None:
    with answering(200, b"{}", cut_off=1) as (url, _), pytest.raises(NoAnswerError, match="look before you repeat it"):
        Endpoint(url).post("/admin/x", {})
