"""What the demo asks for, and what goes wrong meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from providers.canonical import Size
from providers.sandbox.clips import FOLDER

Faults: TypeAlias = Mapping[str, Sequence[Mapping[str, Any]]]

PORTRAIT: Final = "720x1280"
LANDSCAPE: Final = "1280x720"


@dataclass(frozen=True, slots=True)
class Wish:
    """One request as a caller makes it. `image` is a file or a URL; `refused` says that it must end refused."""

    name: str
    prompt: str
    seconds: int = 10
    size: str = PORTRAIT
    model: str = "sora-2"
    image: Path | str | None = None
    at_least: bool = False
    refused: bool = False

    @property
    def asked(self) -> str:
        """The product in short."""
        tier = "pro " if self.model.endswith("-pro") else ""
        least = "min " if self.at_least else ""
        return f"{tier}{least}{self.seconds} s {self.size}"

    def parameters(self) -> dict[str, Any]:
        """The arguments of the SDK's `videos.create`; what OpenAI's API does not have goes as its extra body."""
        parameters: dict[str, Any] = {**self._product()}
        extra: dict[str, Any] = {**self._routing()}
        if isinstance(self.image, Path):
            parameters["input_reference"] = self.image
        elif self.image is not None:
            extra["images"] = [self.image]
        return {**parameters, "extra_body": extra} if extra else parameters

    def quote_body(self) -> dict[str, Any]:
        """The body of a dry run. Every offering takes an image, so it is quoted without one."""
        return {**self._product(), **self._routing()}

    def _product(self) -> dict[str, str]:
        return {"prompt": self.prompt, "model": self.model, "seconds": str(self.seconds), "size": self.size}

    def _routing(self) -> dict[str, Any]:
        return {"routing": {"duration_policy": "at_least"}} if self.at_least else {}


# Sent all at once. The upstream that is cheapest for ten seconds refuses one prompt and loses the answer to another.
FIRST: Final = (
    Wish("portrait", "a paper boat drifts down a rainy street"),
    Wish("landscape", "fog rolls over a pine forest at dawn", seconds=15, size=LANDSCAPE),
    Wish("image file", "the picture comes alive", image=FOLDER / f"{Size(720, 1280)}.jpg"),
    Wish("image URL", "the camera circles the statue", size=LANDSCAPE, image="https://pictures.example.com/statue.jpg"),
    Wish("eight seconds", "a cat walks along a fence", seconds=8),
    Wish("six or more", "a kettle starts to boil", seconds=6, at_least=True),
    Wish("high definition", "a lighthouse at dusk, long shot", size="1024x1792", model="sora-2-pro"),
    Wish("lost answer", "a train crosses a viaduct", size=LANDSCAPE),
    Wish("refused prompt", "a film star, looking exactly like the real one", refused=True),
)
FIRST_FAULTS: Final[Faults] = MappingProxyType(
    {
        "jizhiai": (
            {"fault": "prompt_review", "at": "job", "match": {"prompt_contains": "film star"}},
            {"fault": "cut_after_accept", "match": {"prompt_contains": "viaduct"}},
        )
    }
)

# Sent after the cheapest upstream was taken off the network.
SECOND: Final = (
    Wish("outage", "snow falls on a market square"),
    Wish("outage, wide", "waves break on a long pier", size=LANDSCAPE),
)
SECOND_FAULTS: Final[Faults] = MappingProxyType({"jizhiai": ({"fault": "refuse_connect"},)})
