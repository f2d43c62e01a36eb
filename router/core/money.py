"""Money is an integer count of micro-USD; this is the only place where it meets decimal text."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, Overflow

MICROUSD_PER_USD = 1_000_000
MICROUSD_MAX = 1_000_000 * MICROUSD_PER_USD


def parse_usd(text: str, rate: Decimal = Decimal(1)) -> int:
    """Read a decimal amount and turn it into micro-USD at `rate` USD a unit, half a micro-USD rounding up.

    Raises ValueError on anything but a finite amount from 0 to a million USD.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(
            f'{_shown(text)} is not an amount of money; write a decimal number in quotes, such as "0.12"'
        ) from None
    if not amount.is_finite() or amount.is_signed():
        raise ValueError(f"{_shown(text)} is not an amount of money; it must be 0 or more")
    try:
        microusd = (amount * rate * MICROUSD_PER_USD).quantize(Decimal(1), ROUND_HALF_UP)
    except (InvalidOperation, Overflow):  # more digits than a Decimal calculates with
        microusd = Decimal("Infinity")
    if microusd > MICROUSD_MAX:
        raise ValueError(f"{_shown(text)} is more than a million USD")
    return int(microusd)


def usd(microusd: int) -> str:
    """Write micro-USD as USD: at least two decimals, at most six, nothing lost."""
    text = f"{Decimal(microusd) / MICROUSD_PER_USD:.6f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _shown(text: str) -> str:
    """Quote a text in as much room as an amount needs; what cannot be printed takes many times its length."""
    quoted = repr(text[:32])
    return quoted if len(quoted) <= 40 else f"{quoted[:39]}'"
