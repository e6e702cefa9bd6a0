"""From closed minutes to a proposal: bars, what a strategy sees, and what its answer becomes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.history.minutes import MINUTE
from tradebot.plausible import proposal as proposals
from tradebot.records import MinuteRecord
from tradebot.strategies import Order
from tradebot.strategy.bars import Closing, Columns
from tradebot.strategy.market import LiveMarket, SecondOrderError
from tradebot.strategy.messages import Account, Failed, Fill, Proposed, Row
from tradebot.strategy.proposals import Proposer

HOUR = 60 * MINUTE
START = 1_700_006_400_000  # on an hour


def minute(number: int, close: float | None = 100.0, *, complete: bool = True) -> MinuteRecord:
    volume = 0.0 if close is None else 2.0
    return MinuteRecord(
        "BTCUSD",
        START + number * MINUTE,
        close,
        close,
        close,
        close,
        volume,
        close,
        30.0,
        20.0,
        1.5,
        complete,
    )


def row(number: int, close: float = 100.0) -> Row:
    return Row(START + number * MINUTE, close, close, close, close, 1.0, 3.0, 2.0, 1.5, True)


def closed(minutes: list[MinuteRecord], step: int) -> list[tuple[int, Row | None]]:
    closing = Closing(step)
    return [bar for each in minutes for bar in closing.add(each)]


def test_an_hour_closes_with_its_last_minute() -> None:
    bars = closed([minute(number, 100.0 + number) for number in range(60)], HOUR)
    assert bars == [
        (START + HOUR, Row(START, 100, 159, 100, 159, 120, 1800, 1200, 1.5, True)),
    ]


def test_an_hour_whose_last_minute_is_absent_closes_with_the_next_minute() -> None:
    bars = closed([minute(0), minute(58), minute(61)], HOUR)
    assert [end for end, _ in bars] == [START + HOUR]


def test_a_bar_with_an_absent_or_incomplete_minute_is_not_complete() -> None:
    whole = [minute(number) for number in range(60)]
    ((_, absent),) = closed([*whole[:30], *whole[31:]], HOUR)
    ((_, incomplete),) = closed([*whole[:59], minute(59, complete=False)], HOUR)
    assert absent is not None and incomplete is not None
    assert (absent.complete, incomplete.complete) == (False, False)


def test_a_bar_in_which_nobody_traded_closes_without_a_row() -> None:
    assert closed([minute(0, None)], MINUTE) == [(START + MINUTE, None)]


@given(st.integers(1, 40), st.integers(1, 90))
def test_the_newest_bars_are_seen_whatever_came_before(keep: int, count: int) -> None:
    columns = Columns(MINUTE, keep)
    for number in range(count):
        columns.append(row(number, float(number + 1)))
    newest = range(max(0, count - keep), count)
    assert columns.bars().close.tolist() == [float(number + 1) for number in newest]
    again = Columns(MINUTE, keep)
    again.extend(columns.dump())
    assert again.digest() == columns.digest()


def test_equal_bars_have_equal_digests_and_one_other_price_another() -> None:
    one, same, other = (Columns(MINUTE, 10) for _ in range(3))
    for columns, last in ((one, 5.0), (same, 5.0), (other, 6.0)):
        columns.append(row(0))
        columns.append(row(1, last))
    assert one.digest() == same.digest() != other.digest()


PROPOSER = Proposer(key="btc", strategy="Sma", digest="d", symbol="BTCUSD", step=MINUTE)


@pytest.mark.parametrize(
    ("answer", "side", "size", "sizing"),
    [
        (Proposed(1, 0.5, True), "buy", "0.5", "Fraction"),
        (Proposed(1, 0.25, False), "buy", "0.25", "Amount"),
        (Proposed(-1, 0.0, True), "sell", "0", "Amount"),
        (Proposed(0, 0.7, True), "hold", "0", "Fraction"),
    ],
)
def test_an_answer_becomes_a_record_that_traders_believe(
    answer: Proposed, side: str, size: str, sizing: str
) -> None:
    record = PROPOSER.record(START, "inputs", answer)
    assert (record.side, record.size, record.sizing) == (side, size, sizing)
    assert record.reason.startswith("Sma wants")
    assert proposals.fault(record) is None


@pytest.mark.parametrize(
    "answer",
    [
        Proposed(2, 0.5, True),
        Proposed(1, math.nan, True),
        Proposed(1, -1.0, True),
        Proposed(1, 1.0, True, limit=0.0),
        Proposed(1, 1.0, True, stop=math.inf),
    ],
)
def test_nonsense_becomes_a_failure_that_holds(answer: Proposed) -> None:
    record = PROPOSER.record(START, "inputs", answer)
    assert record.side == "hold"
    assert record.failing.startswith("Sma: the ")
    assert proposals.fault(record) is None


def test_a_failure_keeps_its_place() -> None:
    record = PROPOSER.record(START, "inputs", Failed("sma.py, line 3: ValueError: no"))
    assert (record.side, record.failing) == ("hold", "sma.py, line 3: ValueError: no")


@given(
    st.builds(
        Proposed,
        st.integers(-3, 3),
        st.floats(),
        st.booleans(),
        st.none() | st.floats(),
        st.none() | st.floats(),
    )
)
def test_whatever_a_strategy_answers_the_record_can_be_true(answer: Proposed) -> None:
    record = PROPOSER.record(START, "inputs", answer)
    assert proposals.fault(record) is None


class TestMarket:
    """A strategy class's market at a live bar."""

    @pytest.fixture
    def market(self) -> LiveMarket:
        columns = Columns(MINUTE, 10)
        columns.append(row(0, 50.0))
        columns.append(row(1, 60.0))
        market = LiveMarket(columns)
        fills = [Fill(7, START, 1, 55.0, 2.0, 0.1)]
        market.advance(Account(cash=1_000.0, position=2.0, bought=True, equity=None, fills=fills))
        return market

    def test_it_shows_the_bot_as_the_trader_told_of_it(self, market: LiveMarket) -> None:
        assert (market.cash, market.position, market.bought) == (1_000.0, 2.0, True)
        assert market.equity == 1_120.0
        assert market.history("close", 5).tolist() == [50.0, 60.0]
        assert [fill.number for fill in market.executions()] == [7]

    def test_an_order_becomes_the_proposal(self, market: LiveMarket) -> None:
        market.buy(fraction=0.3, limit=59.0)
        assert market.proposed() == Proposed(1, 0.3, True, 59.0, None)

    def test_a_bar_without_an_order_proposes_nothing(self, market: LiveMarket) -> None:
        assert market.proposed().side == 0

    def test_an_order_that_was_taken_back_proposes_nothing(self, market: LiveMarket) -> None:
        order = market.sell(amount=1.0)
        assert isinstance(order, Order)
        market.cancel(order)
        assert market.proposed().side == 0

    def test_a_second_order_is_refused_with_what_to_do(self, market: LiveMarket) -> None:
        market.buy(amount=1.0)
        with pytest.raises(SecondOrderError, match="cancel the first"):
            market.sell(stop=40.0)

    def test_nothing_is_sold_where_nothing_was_bought(self, market: LiveMarket) -> None:
        market.advance(Account(1_000.0, 0.0, False, None, []))
        assert market.sell() is None
