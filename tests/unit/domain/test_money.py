"""Money rounds so that risk shrinks."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.money import ceil_to, decimal_of, floor_to, limit_price, plain

amounts = st.decimals(min_value=0, max_value=10**9, places=10)
steps = st.sampled_from([Decimal("0.01"), Decimal("1E-8"), Decimal("0.5"), Decimal(1)])


@given(amounts, steps)
def test_a_floor_is_the_nearest_step_not_above(value: Decimal, step: Decimal) -> None:
    floored = floor_to(value, step)
    assert floored <= value < floored + step
    assert floored % step == 0


@given(amounts, steps)
def test_a_ceiling_is_the_nearest_step_not_below(value: Decimal, step: Decimal) -> None:
    raised = ceil_to(value, step)
    assert raised - step < value <= raised
    assert raised % step == 0


def test_a_limit_never_moves_to_our_harm() -> None:
    price, step = Decimal("100.005"), Decimal("0.01")
    assert limit_price("buy", price, step) == Decimal("100.00")
    assert limit_price("sell", price, step) == Decimal("100.01")


@pytest.mark.parametrize("text", ["", "abc", "NaN", "Infinity", "1,5"])
def test_what_is_not_a_finite_decimal_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        decimal_of(text)


def test_plain_writes_no_exponent() -> None:
    assert plain(Decimal("1E-8")) == "0.00000001"
    assert plain(Decimal("1E+2")) == "100"
