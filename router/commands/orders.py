"""Orders to the router that runs, which is the one that writes."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from router.commands.terminal import stop
from router.top.endpoint import AddressError, Endpoint, NoAnswerError, RefusedError

T = TypeVar("T")


def ordered(admin: str, path: str, order: Mapping[str, object], answer: TypeAdapter[T], otherwise: str) -> T:
    """Have a router do something and return its answer, or end with why there is none.

    `otherwise` is what a strange answer should have been, and where to look then.
    """
    try:
        return answer.validate_json(Endpoint(admin).post(path, order))
    except (AddressError, RefusedError, NoAnswerError) as error:
        stop(str(error))
    except ValidationError:
        stop(f"{admin} answers with something else than {otherwise}")
