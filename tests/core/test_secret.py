"""A secret is sent, and never shown."""

import copy
import json
import logging
import pickle
from dataclasses import asdict, dataclass

import orjson
import pytest

from router.core.secret import Secret

TEXT = "vr_0123456789abcdef"
SECRET = Secret(TEXT)


@dataclass(frozen=True)
class Holder:
    key: Secret


@pytest.mark.parametrize(
    "printed",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>60}",
        f"{SECRET!s}",
        f"{SECRET:>60}",
        "%s %r %a" % (SECRET, SECRET, SECRET),  # noqa: UP031 - one of the ways
        "{0} {0!r}".format(SECRET),  # noqa: UP032 - another
        repr([SECRET]),
        repr({"key": SECRET}),
        repr(Holder(SECRET)),
        str(ValueError(SECRET)),
        json.dumps(SECRET, default=str),
        orjson.dumps(SECRET, default=repr).decode(),
    ],
)
def test_no_way_of_printing_a_secret_gives_its_text(printed: str) -> None:
    assert TEXT not in printed
    assert "secret" in printed


def test_a_log_line_does_not_give_it(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("key %s %r", SECRET, SECRET)
    assert TEXT not in caplog.text


def test_it_cannot_be_serialised_by_accident() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(SECRET)
    with pytest.raises(TypeError):
        json.dumps(SECRET)
    with pytest.raises(TypeError):
        orjson.dumps(SECRET)
    with pytest.raises(TypeError):
        vars(SECRET)


def test_it_cannot_be_copied_out_by_turning_its_holder_into_a_dict() -> None:
    with pytest.raises(TypeError):
        copy.deepcopy(SECRET)
    with pytest.raises(TypeError):
        asdict(Holder(SECRET))


def test_only_reveal_gives_the_text() -> None:
    assert SECRET.reveal() == TEXT


def test_secrets_are_equal_by_their_text() -> None:
    assert Secret(TEXT) == SECRET
    assert Secret("other") != SECRET
    assert SECRET != TEXT
    assert len({SECRET, Secret(TEXT)}) == 1
