"""Closed minutes: a symbol's trades and windows become one record per minute, once."""

from hypothesis import given
from hypothesis import strategies as st

from tradebot.history.minutes import MINUTE, Bar
from tradebot.ingest.minutes.closing import Closing
from tradebot.plausible import minute
from tradebot.records import MinuteRecord, TradeRecord
from tradebot.window_records import WholeWindow

START = 1_700_000_040_000
PATIENCE = 5_000


def trade(tid: int, ts: int, price: str = "100", amount: str = "1") -> TradeRecord:
    return TradeRecord("BTCUSD", tid, price, amount, "bid", ts)


def window(start: int, *, complete: bool = True) -> WholeWindow:
    return WholeWindow(
        symbol="BTCUSD",
        start=start,
        end=start + MINUTE,
        bid=30.0,
        ask=20.0,
        ratio=1.5,
        events=9,
        complete=complete,
    )


def closing(last: int = START - MINUTE) -> Closing:
    return Closing("BTCUSD", last, PATIENCE)


def begun() -> Closing:
    """Returns a `Closing` past its first trade, which is of a published minute."""
    made = closing()
    made.trade(trade(1, START - 1), START)
    return made


def test_a_minute_closes_with_its_window_and_holds_trades_and_flows() -> None:
    made, now = begun(), START + MINUTE
    for number, price in enumerate(("100", "104", "98", "101")):
        made.trade(trade(10 + number, START + number, price), now)
    made.window(window(START))
    assert made.close(now) == [
        MinuteRecord("BTCUSD", START, 100.0, 104.0, 98.0, 101.0, 4.0, 100.75, 30.0, 20.0, 1.5, True)
    ]


def test_a_minute_whose_window_has_not_come_waits_for_it() -> None:
    made = begun()
    made.trade(trade(2, START), START)
    assert made.close(START + MINUTE + PATIENCE - 1) == []


def test_a_minute_without_its_window_closes_when_patience_is_over_without_flows() -> None:
    made = begun()
    made.trade(trade(2, START), START)
    (record,) = made.close(START + MINUTE + PATIENCE)
    assert (record.close, record.bid_flow, record.complete) == (100.0, None, False)


def test_a_minute_without_trades_has_flows_and_no_prices() -> None:
    made = begun()
    made.window(window(START))
    (record,) = made.close(START + MINUTE)
    assert (record.close, record.volume, record.ratio) == (None, 0.0, 1.5)
    assert minute.fault(record) is None


def test_a_window_that_was_not_seen_as_a_whole_leaves_its_minute_incomplete() -> None:
    made = begun()
    made.window(window(START, complete=False))
    assert not made.close(START + MINUTE)[0].complete


def test_what_was_published_before_does_not_come_again() -> None:
    made = closing(last=START)
    made.trade(trade(1, START), START + MINUTE)
    made.window(window(START))
    assert made.close(START + 2 * MINUTE) == []


def test_the_past_fills_minutes_whose_trades_were_not_seen() -> None:
    made = closing(last=0)
    past = [Bar(START - n * MINUTE, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0) for n in (3, 2, 1)]
    starts = [record.start for record in made.close(START + PATIENCE, past)]
    assert starts == [START - 3 * MINUTE, START - 2 * MINUTE, START - MINUTE]


def test_own_trades_count_before_what_the_past_says_of_their_minute() -> None:
    made = begun()
    made.trade(trade(2, START, "100"), START)
    made.window(window(START))
    past = [Bar(START, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0)]
    assert [record.close for record in made.close(START + MINUTE, past)] == [100.0]


def test_a_trade_or_window_ahead_of_the_clock_closes_nothing() -> None:
    made = begun()
    made.trade(trade(2, START), START)
    made.trade(trade(3, START + 60 * MINUTE), START)
    made.window(window(START + 60 * MINUTE))
    assert made.close(START + MINUTE - 1) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 59_999)), min_size=1, max_size=40, unique=True
    ),
    st.integers(0, 5),
)
def test_read_again_from_any_minute_it_publishes_the_same_and_nothing_twice(
    seen: list[tuple[int, int]], stop: int
) -> None:
    trades = [
        trade(100 + number, START + number_minute * MINUTE + within)
        for number, (number_minute, within) in enumerate(seen)
    ]
    now = START + 6 * MINUTE + PATIENCE

    def run(last: int, until: int) -> list[MinuteRecord]:
        made = closing(last)
        made.trade(trade(1, START - 1), now)
        for each in trades:
            made.trade(each, now)
        for number in range(6):
            made.window(window(START + number * MINUTE))
        return made.close(now)[:until]

    whole = run(START - MINUTE, 6)
    first = whole[:stop]
    again = run(first[-1].start if first else START - MINUTE, 6)
    assert first + again == whole
