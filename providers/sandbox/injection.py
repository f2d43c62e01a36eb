"""The rules in force on one upstream: which of them strikes now, and how often each has struck."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from providers.sandbox.faults import HOOK_FAULTS, LINK_FAULTS, LIST_FAULTS, Fault, FaultRule


@dataclass(slots=True)
class ActiveRule:
    """A rule and how often it has struck since it was set."""

    rule: FaultRule
    struck: int = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """The faults that one create met: at most one of each kind."""

    create: FaultRule | None = None
    fate: FaultRule | None = None
    link: FaultRule | None = None
    hook: FaultRule | None = None


@dataclass(slots=True)
class Injection:
    """Draws faults by the rules in force, in their order, with the upstream's own random numbers."""

    rng: random.Random
    active: list[ActiveRule] = field(default_factory=list)

    def replace(self, rules: Sequence[FaultRule]) -> None:
        """Put these rules in force instead of the old ones, all counts at nought."""
        self.active = [ActiveRule(rule) for rule in rules]

    @property
    def refuses_connect(self) -> bool:
        """Whether the listening socket is to be closed."""
        return any(item.rule.fault is Fault.REFUSE_CONNECT for item in self.active)

    def draw_arrival(self) -> FaultRule | None:
        """Draw what spoils a create before its body is read, if anything."""
        return self._draw(lambda rule: rule.fault is Fault.RESET_BEFORE_BODY)

    def draw_create(self, prompt: str, model: str, images: int) -> FaultRule | None:
        """Draw what spoils this create, if anything."""
        return self._draw(lambda rule: rule.at_create and rule.holds(prompt, model, images))

    def draw_life(self, create: FaultRule | None, prompt: str, model: str, images: int) -> Drawn:
        """Draw what spoils the life of a job that is accepted now."""
        fate = self._draw(lambda rule: rule.about_fate and rule.holds(prompt, model, images))
        link = self._draw(lambda rule: rule.fault in LINK_FAULTS and rule.holds(prompt, model, images))
        hook = self._draw(lambda rule: rule.fault in HOOK_FAULTS and rule.holds(prompt, model, images))
        return Drawn(create, fate, link, hook)

    def draw_poll(self, prompt: str, model: str, images: int) -> FaultRule | None:
        """Draw what spoils this poll, if anything."""
        return self._draw(lambda rule: rule.at_poll and rule.holds(prompt, model, images))

    def draw_list(self) -> FaultRule | None:
        """Draw what spoils this page of the list, if anything."""
        return self._draw(lambda rule: rule.fault in LIST_FAULTS)

    def _draw(self, applies: Callable[[FaultRule], bool]) -> FaultRule | None:
        for item in self.active:
            if applies(item.rule) and self._strikes(item):
                item.struck += 1
                return item.rule
        return None

    def _strikes(self, item: ActiveRule) -> bool:
        if item.rule.times is not None:
            return item.struck < item.rule.times
        return item.rule.share is None or self.rng.random() < item.rule.share
