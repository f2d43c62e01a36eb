"""The names under which failures are chosen, by operators and by callers, and what is said of each."""

from collections.abc import Mapping
from itertools import chain
from typing import Final

from providers.canonical import Reason, Stage
from router.core.policy import Failover, FailoverOn, Pair, is_overridable, pairs

# A stage stands for everything that can fail there, `stage.reason` for one kind of failure.
_BY_PAIR: Final[Mapping[str, tuple[Pair, ...]]] = {
    f"{pair[0]}.{pair[1]}": (pair,) for pair in pairs() if is_overridable(pair)
}
_BY_STAGE: Final[Mapping[str, tuple[Pair, ...]]] = {
    str(stage): found for stage in Stage if (found := tuple(filter(is_overridable, pairs(stage))))
}
NAMES: Final = tuple(chain(_BY_STAGE, _BY_PAIR))
AMBIGUOUS_SUBMIT: Final = f"{Stage.SUBMIT}.{Reason.AMBIGUOUS}"
"""No failure that can be chosen: what follows it is said apart."""


def is_of_a_poll(name: str) -> bool:
    """Whether it would name a failed poll, which never ends an attempt."""
    return name.partition(".")[0] == Stage.POLL


def failover_on(*layers: Mapping[str, str]) -> FailoverOn:
    """Put layers over each other, the later ones on top; within one, `stage.reason` is over its `stage`."""
    steps: dict[Pair, Failover] = {}
    for layer in layers:
        for table in (_BY_STAGE, _BY_PAIR):
            for name, found in table.items():
                if name in layer:
                    steps |= dict.fromkeys(found, Failover(layer[name]))
    return FailoverOn(steps)
