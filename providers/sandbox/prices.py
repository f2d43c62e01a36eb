"""What a sandbox upstream sells and what it bills for it, in integer micro-USD."""

from dataclasses import dataclass
from enum import StrEnum

from providers.canonical import Size
from providers.sandbox import clips


class DialectName(StrEnum):
    """The wire formats the sandbox speaks."""

    OPENAI = "openai"
    JIZHIAI = "jizhiai"
    SHENMA = "shenma"


@dataclass(frozen=True, slots=True)
class Price:
    """One line of a price list, which is the catalogue too: what no line covers is refused as invalid.

    `hd` None covers both size tiers. With `per_second` the amount is multiplied by the clip's length.
    """

    model: str
    microusd: int
    seconds: tuple[int, ...]
    hd: bool | None = None
    per_second: bool = False

    def __post_init__(self) -> None:
        if self.microusd < 0:
            raise ValueError(f"price of {self.model}: {self.microusd} is negative")
        if unmade := [seconds for seconds in self.seconds if seconds not in clips.SECONDS]:
            raise ValueError(f"price of {self.model}: no clip of {unmade} s; clips exist of {clips.SECONDS} s")

    def covers(self, model: str, seconds: int, hd: bool) -> bool:
        """Whether this line prices such a clip."""
        return self.model == model and seconds in self.seconds and self.hd in (None, hd)

    def amount_microusd(self, seconds: int) -> int:
        """The bill for one clip of this length."""
        return self.microusd * seconds if self.per_second else self.microusd


@dataclass(frozen=True, slots=True)
class PriceList:
    """Every line of one upstream; the first that covers a clip prices it."""

    lines: tuple[Price, ...]

    def models(self) -> tuple[str, ...]:
        """The models on sale, in the order of the list."""
        return tuple(dict.fromkeys(line.model for line in self.lines))

    def seconds_of(self, model: str) -> tuple[int, ...]:
        """The lengths on sale for a model, ascending."""
        return tuple(sorted({seconds for line in self.lines if line.model == model for seconds in line.seconds}))

    def bill_microusd(self, model: str, seconds: int, size: Size) -> int | None:
        """The bill for a clip, or None when it is not on sale."""
        hd = clips.is_hd(size)
        return next((x.amount_microusd(seconds) for x in self.lines if x.covers(model, seconds, hd)), None)


def default_prices(dialect: DialectName) -> PriceList:
    """OpenAI's list prices per second; for the relays example prices per clip."""
    match dialect:
        case DialectName.OPENAI:
            return PriceList(
                (
                    Price("sora-2", 100_000, (4, 8, 12), hd=False, per_second=True),
                    Price("sora-2-pro", 300_000, (4, 8, 12), hd=False, per_second=True),
                    Price("sora-2-pro", 500_000, (4, 8, 12), hd=True, per_second=True),
                )
            )
        case DialectName.JIZHIAI:
            return _relay_prices(10_000, ten_s=120_000, fifteen_s=180_000)
        case DialectName.SHENMA:
            return _relay_prices(20_000, ten_s=150_000, fifteen_s=200_000)


def _relay_prices(step: int, *, ten_s: int, fifteen_s: int) -> PriceList:
    return PriceList(
        (
            Price("sora-2", ten_s, (10,), hd=False),
            Price("sora-2", fifteen_s, (15,), hd=False),
            Price("sora-2-pro", 400_000 + step, (10,), hd=False),
            Price("sora-2-pro", 600_000 + step, (15,), hd=False),
            Price("sora-2-pro", 800_000 + step, (10,), hd=True),
            Price("sora-2-pro", 1_000_000 + step, (15,), hd=True),
            Price("sora-2-pro", 1_200_000 + step, (25,), hd=False),
        )
    )
