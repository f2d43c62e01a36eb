"""Numbers as a person reads them, by Grafana's names of units."""

import math
from typing import Final

_SECONDS: Final = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_SHORT: Final = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
_POWERS: Final = tuple(2**power for power in range(10, 40))
_TICKS_MAX: Final = 6
_BYTES: Final = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def written(value: float, unit: str, decimals: int | None = None) -> str:
    """Write a number with its unit."""
    if not math.isfinite(value):
        return "∞" if math.isinf(value) else "–"
    match unit:
        case "percentunit":
            return f"{_rounded(100 * value, decimals)} %"
        case "percent":
            return f"{_rounded(value, decimals)} %"
        case "currencyUSD":
            sign = "-" if value < 0 else ""
            return f"{sign}${abs(value):,.{_cents(value) if decimals is None else decimals}f}"
        case "s" | "dtdurations":
            return _scaled(value, _SECONDS, "s", decimals)
        case "bytes" | "decbytes":
            return _scaled(value, _BYTES, "B", decimals)
        case "reqps" | "ops" | "cps":
            return f"{_scaled(value, _SHORT, '', decimals)}/s"
        case _:
            return _scaled(value, _SHORT, "", decimals)


def round_step(largest: float, unit: str) -> float | None:
    """Return a step for an axis that makes round numbers in the unit, where powers of ten would not."""
    sizes = {"s": (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600), "bytes": _POWERS}
    return next((float(size) for size in sizes.get(unit, ()) if 2 <= largest / size <= _TICKS_MAX), None)


def _scaled(value: float, steps: tuple[tuple[float, str], ...], smallest: str, decimals: int | None) -> str:
    for size, name in steps:
        if abs(value) >= size:
            return f"{_rounded(value / size, decimals)} {name}".strip()
    return f"{_rounded(value, decimals)} {smallest}".strip()


def _rounded(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:,.{decimals}f}"
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


def _cents(value: float) -> int:
    return 4 if 0 < abs(value) < 0.995 else 2
