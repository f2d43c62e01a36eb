"""Money is exact, bounded, and never a float."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Size
from router.core.catalog import Price, PriceTier, PriceUnit
from router.core.money import MICROUSD_MAX, parse_usd, usd
from tests.builders import LANDSCAPE, PORTRAIT


@given(st.integers(0, MICROUSD_MAX))
def test_what_is_written_reads_back_to_the_micro_usd(microusd: int) -> None:
    assert parse_usd(usd(microusd)) == microusd


@given(st.text(max_size=40) | st.from_regex(r"[-+]?[0-9_.]{0,30}([eE][-+]?[0-9]{1,9})?", fullmatch=True))
def test_any_text_is_an_amount_within_the_limits_or_a_readable_error(text: str) -> None:
    try:
        microusd = parse_usd(text)
    except ValueError as error:
        assert len(str(error)) < 200  # noqa: PT017 - either outcome is fine, and both are checked
    else:
        assert isinstance(microusd, int)
        assert 0 <= microusd <= MICROUSD_MAX


@pytest.mark.parametrize("text", ["1e30", "1e400", "9e999999", "1000000.000001", "1" * 60])
def test_an_absurd_amount_is_more_than_a_million(text: str) -> None:
    with pytest.raises(ValueError, match="more than a million USD"):
        parse_usd(text)


@pytest.mark.parametrize("text", ["", "free", "NaN", "Infinity", "-1", "-0", "0,12", "$1"])
def test_what_is_no_amount_is_told_so(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount of money"):
        parse_usd(text)


@pytest.mark.parametrize(
    ("text", "rate", "microusd"),
    [
        ("0.10", "1", 100_000),
        ("0.0000005", "1", 1),
        ("0.00000049", "1", 0),
        ("1.00", "0.1391", 139_100),
        ("3", "0.3333335", 1_000_001),
        ("1000000", "1", MICROUSD_MAX),
        ("1e-999999", "1", 0),
    ],
)
def test_amounts_are_converted_once_and_half_a_micro_usd_rounds_up(text: str, rate: str, microusd: int) -> None:
    assert parse_usd(text, Decimal(rate)) == microusd


@pytest.mark.parametrize(
    ("microusd", "text"), [(0, "0.00"), (1, "0.000001"), (100_000, "0.10"), (123_450_000, "123.45"), (-5, "-0.000005")]
)
def test_usd_has_at_least_two_decimals_and_loses_nothing(microusd: int, text: str) -> None:
    assert usd(microusd) == text


def test_a_price_per_second_is_multiplied_and_a_price_per_clip_is_not() -> None:
    tiers = (PriceTier(300_000, sizes=frozenset({PORTRAIT})), PriceTier(500_000, seconds=frozenset({10})))
    assert Price(PriceUnit.PER_SECOND, tiers).quote_microusd(PORTRAIT, 8) == 2_400_000
    assert Price(PriceUnit.PER_CLIP, tiers).quote_microusd(PORTRAIT, 8) == 300_000
    assert Price(PriceUnit.PER_CLIP, tiers).quote_microusd(LANDSCAPE, 10) == 500_000


def test_no_price_is_ever_assumed() -> None:
    price = Price(PriceUnit.PER_CLIP, (PriceTier(1, sizes=frozenset({PORTRAIT}), seconds=frozenset({10})),))
    for size, seconds in [(LANDSCAPE, 10), (PORTRAIT, 9), (Size(1, 1), 1)]:
        with pytest.raises(LookupError):
            price.quote_microusd(size, seconds)
