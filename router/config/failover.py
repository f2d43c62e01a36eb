"""How a file says which failures a job fails over after."""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema

from router.config.problems import choice
from router.config.scalars import wrong
from router.core.failover import AMBIGUOUS_SUBMIT, NAMES, is_of_a_poll


def _failure_name(text: str) -> str:
    if text in NAMES:
        return text
    if text == AMBIGUOUS_SUBMIT:
        raise wrong("what follows an ambiguous submit is said by `policy.on_ambiguous` and `policy.max_duplicate_usd`")
    if is_of_a_poll(text):
        raise wrong("a failed poll is no failure of the video and never ends an attempt; the poll is repeated")
    raise wrong(f"is no failure that can be chosen; {choice(text, NAMES, 'failures')}")


FailureName: TypeAlias = Annotated[
    str, AfterValidator(_failure_name), WithJsonSchema({"type": "string", "enum": list(NAMES)})
]
FailoverSteps: TypeAlias = Annotated[
    dict[FailureName, Literal["never", "once", "always"]], Field(max_length=len(NAMES))
]
