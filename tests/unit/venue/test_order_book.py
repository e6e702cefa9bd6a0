"""The book follows from the absolute sizes of its levels, in any order of changes."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.book import ChangeReasons, OrderBook, Side

SIDES = st.sampled_from(["bid", "ask"])
PRICES = st.integers(1, 30).map(Decimal)
SIZES = st.integers(0, 3).map(Decimal)
CHANGES = st.lists(st.tuples(SIDES, PRICES, SIZES), max_size=200)


@given(CHANGES)
def test_the_book_holds_the_last_size_of_each_price(
    changes: list[tuple[Side, Decimal, Decimal]],
) -> None:
    book = OrderBook()
    model: dict[Side, dict[Decimal, Decimal]] = {"bid": {}, "ask": {}}
    for side, price, size in changes:
        before = book.set(side, price, size)
        assert before == model[side].pop(price, Decimal(0))
        if size > 0:
            model[side][price] = size
        assert book.size(side, price) == size
    assert dict(book.levels("bid")) == model["bid"]
    assert [price for price, _ in book.levels("bid")] == sorted(model["bid"], reverse=True)
    assert [price for price, _ in book.levels("ask")] == sorted(model["ask"])
    assert book.best("bid") == max(model["bid"], default=None)
    assert book.best("ask") == min(model["ask"], default=None)
    assert len(book) == len(model["bid"]) + len(model["ask"])


def test_a_price_written_with_more_zeros_is_the_same_level() -> None:
    book = OrderBook()
    book.set("bid", Decimal("100.0"), Decimal(1))
    assert book.set("bid", Decimal("100.00"), Decimal(0)) == 1
    assert len(book) == 0


def test_the_mid_is_between_the_best_prices_and_unknown_for_a_lone_side() -> None:
    book = OrderBook()
    book.set("bid", Decimal(99), Decimal(1))
    assert book.mid() is None
    book.set("ask", Decimal(101), Decimal(1))
    assert book.mid() == 100
    assert not book.crossed()
    book.set("bid", Decimal(101), Decimal(1))
    assert book.crossed()
    book.clear()
    assert book.mid() is None and not book.crossed()


AT = Decimal(100)


def test_a_level_that_grows_was_placed_into() -> None:
    assert ChangeReasons().reason("bid", AT, Decimal(1), Decimal(2), 0) == "place"


def test_a_level_that_shrinks_without_a_trade_was_cancelled() -> None:
    assert ChangeReasons().reason("bid", AT, Decimal(2), Decimal(1), 0) == "cancel"


def test_a_level_that_shrinks_after_a_trade_at_its_price_was_traded() -> None:
    reasons = ChangeReasons()
    reasons.trade("ask", AT, Decimal(1), 1000)
    assert reasons.reason("bid", AT, Decimal(2), Decimal(1), 1100) == "cancel"
    assert reasons.reason("ask", AT, Decimal(2), Decimal(1), 1100) == "trade"
    assert reasons.reason("ask", AT, Decimal(1), Decimal(0), 1200) == "cancel"


def test_a_trade_accounts_for_as_much_as_it_traded_over_several_changes() -> None:
    reasons = ChangeReasons()
    reasons.trade("ask", AT, Decimal(2), 1000)
    reasons.trade("ask", AT, Decimal(1), 1000)
    assert reasons.reason("ask", AT, Decimal(5), Decimal(4), 1000) == "trade"
    assert reasons.reason("ask", AT, Decimal(4), Decimal(2), 1000) == "trade"
    assert reasons.reason("ask", AT, Decimal(2), Decimal(1), 1000) == "cancel"


def test_an_old_trade_explains_nothing() -> None:
    reasons = ChangeReasons(window_ms=2000)
    reasons.trade("ask", AT, Decimal(1), 1000)
    assert reasons.reason("ask", AT, Decimal(2), Decimal(1), 3001) == "cancel"


def test_trades_that_no_change_explains_are_forgotten() -> None:
    reasons = ChangeReasons(window_ms=2000)
    for number in range(5000):
        reasons.trade("ask", Decimal(number), Decimal(1), number * 100)
    assert len(reasons._traded) <= 1001
