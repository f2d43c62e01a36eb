"""Which kinds of event a sink hears, and what it does with each."""

from collections.abc import Callable
from typing import Any, TypeVar

from router.core.events import Event

Heard = TypeVar("Heard", bound=Event)


class Listeners(dict[type[object], Callable[[Any], None]]):
    """One listener at most for a kind of event."""

    def on(self, kind: type[Heard], listener: Callable[[Heard], None]) -> None:
        """Let a listener hear this kind."""
        self[kind] = listener

    def hear(self, event: Event) -> None:
        """Hand an event to whoever listens to its kind."""
        listener = self.get(type(event))
        if listener is not None:
            listener(event)
