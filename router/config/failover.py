"""Which failures a job fails over after: names of failures, and the operator's words on them."""

from collections.abc import Mapping
from itertools import chain
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema

from providers.canonical import Reason, Stage
from router.config.problems import choice
from router.config.scalars import wrong
from router.core.policy import Failover, FailoverOn, Pair, is_overridable, pairs

# A stage stands for everything that can fail there, `stage.reason` for one kind of failure.
_BY_PAIR: dict[str, tuple[Pair, ...]] = {f"{pair[0]}.{pair[1]}": (pair,) for pair in pairs() if is_overridable(pair)}
_BY_STAGE: dict[str, tuple[Pair, ...]] = {
    str(stage): found for stage in Stage if (found := tuple(filter(is_overridable, pairs(stage))))
}
NAMES = tuple(chain(_BY_STAGE, _BY_PAIR))


def _failure_name(text: str) -> str:
    if text in NAMES:
        return text
    if text == f"{Stage.SUBMIT}.{Reason.AMBIGUOUS}":
        raise wrong("what follows an ambiguous submit is said by `policy.on_ambiguous` and `policy.max_duplicate_usd`")
    if text.partition(".")[0] == Stage.POLL:
        raise wrong("a failed poll is no failure of the video and never ends an attempt; the poll is repeated")
    raise wrong(f"is no failure that can be chosen; {choice(text, NAMES, 'failures')}")


FailureName: TypeAlias = Annotated[
    str, AfterValidator(_failure_name), WithJsonSchema({"type": "string", "enum": list(NAMES)})
]
FailoverSteps: TypeAlias = Annotated[
    dict[FailureName, Literal["never", "once", "always"]], Field(max_length=len(NAMES))
]


def failover_on(*layers: Mapping[str, str]) -> FailoverOn:
    """Put layers over each other, the later ones on top; within one, `stage.reason` is over its `stage`."""
    steps: dict[Pair, Failover] = {}
    for layer in layers:
        for table in (_BY_STAGE, _BY_PAIR):
            for name, found in table.items():
                if name in layer:
                    steps |= dict.fromkeys(found, Failover(layer[name]))
    return FailoverOn(steps)
