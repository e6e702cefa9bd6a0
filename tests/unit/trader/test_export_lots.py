"""Gains by lots: each method's order, and sums that are exact for any trades."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.export.lots import Method, Trade, gains_of


def trade(side: str, price: str, amount: str, ts: int = 0, **fees: str) -> Trade:
    exact = {name: Decimal(fee) for name, fee in fees.items()}
    return Trade(
        ts=ts,
        trade_id=str(ts),
        side="buy" if side == "buy" else "sell",
        price=Decimal(price),
        amount=Decimal(amount),
        **exact,
    )


THREE = [
    trade("buy", "10", "1", 1),
    trade("buy", "30", "1", 2),
    trade("buy", "20", "1", 3),
    trade("sell", "25", "1", 4),
]


@pytest.mark.parametrize(("method", "gain"), [("FIFO", "15"), ("LIFO", "5"), ("HIFO", "-5")])
def test_each_method_sells_another_lot(method: Method, gain: str) -> None:
    assert gains_of(THREE, method).total == Decimal(gain)


def test_a_sale_over_several_lots_has_a_part_for_each() -> None:
    found = gains_of([*THREE[:2], trade("sell", "25", "1.5", 4)], "FIFO")
    assert [(part.acquired, part.amount) for part in found.gains] == [
        (1, Decimal(1)),
        (2, Decimal("0.5")),
    ]
    assert [lot.amount for lot in found.open] == [Decimal("0.5")]


def test_fees_raise_the_cost_and_lower_the_proceeds() -> None:
    found = gains_of(
        [trade("buy", "10", "1", 1, fee_quote="0.1"), trade("sell", "12", "1", 2, fee_quote="0.2")],
        "FIFO",
    )
    assert found.total == Decimal("1.7")


def test_a_fee_in_base_currency_is_taken_from_the_lot() -> None:
    found = gains_of([trade("buy", "10", "1", 1, fee_base="0.01")], "FIFO")
    assert [(lot.amount, lot.cost) for lot in found.open] == [(Decimal("0.99"), Decimal(10))]


def test_what_was_sold_without_a_known_buy_costs_nothing() -> None:
    (part,) = gains_of([trade("sell", "12", "1", 2)], "HIFO").gains
    assert (part.acquired, part.cost, part.proceeds) == (0, 0, 12)


money = st.decimals("0.01", "100000", places=2)
amounts = st.decimals("0.00000001", "1000", places=8)
fees = st.decimals("0", "1", places=4)
trades = st.lists(
    st.builds(
        lambda side, price, amount, quote: (side, price, amount, quote),
        st.sampled_from(["buy", "sell"]),
        money,
        amounts,
        fees,
    ),
    max_size=30,
)


@given(made=trades, method=st.sampled_from(["FIFO", "LIFO", "HIFO"]))
def test_gains_are_proceeds_less_buys_plus_open_lots(
    made: list[tuple[str, Decimal, Decimal, Decimal]], method: Method
) -> None:
    found_trades = [
        trade(side, str(price), str(amount), number, fee_quote=str(fee))
        for number, (side, price, amount, fee) in enumerate(made, 1)
    ]
    found = gains_of(found_trades, method)
    spent = sum(
        (t.price * t.amount + t.fee_quote for t in found_trades if t.side == "buy"), Decimal(0)
    )
    gained = sum(
        (t.price * t.amount - t.fee_quote for t in found_trades if t.side == "sell"), Decimal(0)
    )
    assert found.total == gained - spent + found.open_cost
    assert all(lot.amount > 0 for lot in found.open)
