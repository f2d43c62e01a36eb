"""Quantiles of what was measured, without any assumption on how it is spread."""

from collections.abc import Sequence


def nearest_rank(ascending: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank quantile of ascending values; None where there is none."""
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] if ascending else None
