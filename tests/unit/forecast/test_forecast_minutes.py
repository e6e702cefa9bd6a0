"""Trades become minute bars by the venue's time."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.history.bars import MINUTE
from tradebot.history.minutes import MinuteBars
from tradebot.records import TradeRecord

T0 = 1_600_000_020_000 // MINUTE * MINUTE


def trade(tid: int, ts: int, price: str = "100", amount: str = "1") -> TradeRecord:
    return TradeRecord("BTCUSD", tid, price, amount, "bid", ts)


def started() -> MinuteBars:
    """Returns bars whose minute before `T0` was incomplete, as after any start."""
    minutes = MinuteBars()
    minutes.add(trade(0, T0 - 1))
    return minutes


def test_the_weighted_price_is_weighted_by_amount() -> None:
    minutes = started()
    minutes.add(trade(1, T0, "100", "3"))
    minutes.add(trade(2, T0 + 59_999, "200", "1"))
    (bar,) = minutes.close(T0 + 2 * MINUTE)
    assert (bar.ts, bar.open, bar.close, bar.volume, bar.weighted) == (T0, 100, 200, 4, 125)


def test_the_minute_in_which_reading_began_is_dropped_as_it_is_not_whole() -> None:
    minutes = MinuteBars()
    minutes.add(trade(1, T0 + 30_000))
    minutes.add(trade(2, T0 + MINUTE))
    assert [bar.ts for bar in minutes.close(T0 + 3 * MINUTE)] == [T0 + MINUTE]


def test_a_minute_without_trades_has_no_bar() -> None:
    minutes = started()
    minutes.add(trade(1, T0))
    minutes.add(trade(2, T0 + 2 * MINUTE))
    bars = minutes.close(T0 + 5 * MINUTE)
    assert [bar.ts for bar in bars] == [T0, T0 + 2 * MINUTE]


def test_a_trade_delivered_twice_counts_once() -> None:
    minutes = started()
    for _ in range(2):
        minutes.add(trade(1, T0, amount="2"))
    (bar,) = minutes.close(T0 + 2 * MINUTE)
    assert bar.volume == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("price", text) for text in ("0", "-1", "NaN", "1e400", "dear")],
        *[("amount", text) for text in ("-1", "Infinity", "sNaN")],
        *[("ts", ts) for ts in (T0 // 1000, T0 * 1000, 10**30)],
    ],
)
def test_what_is_not_a_trade_is_refused_and_leaves_no_trace(field: str, value: Any) -> None:
    minutes = started()
    with pytest.raises(ValueError, match=field):
        minutes.add(msgspec.structs.replace(trade(1, T0), **{field: value}))
    minutes.add(trade(1, T0))
    (bar,) = minutes.close(T0 + 2 * MINUTE)
    assert (bar.weighted, bar.volume) == (100, 1)


def test_a_minute_waits_for_trades_under_way_and_counts_those_that_come_too_late() -> None:
    minutes = started()
    minutes.add(trade(1, T0))
    assert minutes.close(T0 + MINUTE) == []
    assert len(minutes.close(T0 + MINUTE + minutes.grace)) == 1
    minutes.add(trade(2, T0 + 1))
    assert minutes.late == 1
    assert minutes.close(T0 + 9 * MINUTE) == []


def test_minutes_that_history_holds_are_not_gathered_again() -> None:
    minutes = started()
    minutes.add(trade(1, T0))
    minutes.known(T0)
    minutes.add(trade(2, T0 + 1))
    minutes.add(trade(3, T0 + MINUTE))
    assert [bar.ts for bar in minutes.close(T0 + 3 * MINUTE)] == [T0 + MINUTE]
    assert minutes.late == 0


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10 * MINUTE - 1),
            st.decimals("0.01", "99999", places=2),
            st.decimals("0.00000001", "1000", places=8),
        ),
        max_size=60,
    ),
    st.randoms(use_true_random=False),
)
def test_bars_do_not_depend_on_the_order_in_which_trades_of_a_minute_come(
    rows: list[tuple[int, Decimal, Decimal]], random: object
) -> None:
    trades = [
        trade(number + 1, T0 + at, str(price), str(amount))
        for number, (at, price, amount) in enumerate(rows)
    ]
    shuffled = list(trades)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    results = []
    for order in (trades, shuffled):
        minutes = started()
        for one in order:
            minutes.add(one)
        results.append(minutes.close(T0 + 20 * MINUTE))
    assert results[0] == results[1]
    assert all(bar.low <= bar.weighted * (1 + 1e-12) for bar in results[0])
    assert all(bar.weighted <= bar.high * (1 + 1e-12) for bar in results[0])
