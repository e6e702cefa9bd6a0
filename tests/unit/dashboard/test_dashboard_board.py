"""A page gets everything once, then what changed, in whatever order records come."""

import random

import pytest
from line.day import TradingDay

from tradebot.dashboard.board import Board, Sent
from tradebot.records import DocType, Document, LiquidityRecord, decode, encode


def put(board: Board, documents: list[Document]) -> None:
    for d in documents:
        board.document(d)


def a_board(minutes: int = 60) -> tuple[Board, TradingDay, list[Document]]:
    board, day = Board("BTCUSD", "Emulator", 30), TradingDay()
    market = board.market("BTCUSD")
    for record in day.opening_book():
        market.feed(record)
    everything: list[Document] = []
    for _ in range(minutes):
        for moved, trade in day.ticks():
            for record in moved:
                market.feed(record)
            market.trade(trade)
        window, forecast, documents = day.close_minute()
        for part in window:
            market.liquidity(decode(encode(part), LiquidityRecord))
        market.forecast(forecast)
        everything += documents
    put(board, everything)
    return board, day, everything


def test_a_new_page_is_sent_every_section_and_then_nothing_until_something_changes() -> None:
    board, _, _ = a_board()
    sent = Sent()
    first = [name for name, _ in board.changes("", sent)]
    assert first == [
        "reset", "meta", "quote", "windows", "forecast", "prices",
        "decisions", "orders", "fills", "money", "state",
    ]  # fmt: skip
    assert board.changes("", sent) == []
    board.set_stages([{"name": "ingest", "ready": False, "reasons": {"feed": "silent"}}])
    assert [name for name, _ in board.changes("", sent)] == ["meta"]


def test_new_prices_alone_are_sent_after_the_first_time() -> None:
    board, day, _ = a_board(minutes=3)
    sent = Sent()
    board.changes("", sent)
    for moved, _ in day.ticks():
        for record in moved:
            board.market("BTCUSD").feed(record)
    sections = dict(board.changes("", sent))
    assert len(sections["prices"]) <= 14
    assert set(sections) == {"quote", "prices"}


def test_the_book_shown_is_never_crossed_and_its_best_levels_come_first() -> None:
    board, _, _ = a_board()
    quote = board.market("BTCUSD").quote()
    assert quote["bid"] < quote["mid"] < quote["ask"]
    assert quote["bids"][0][0] == quote["bid"] and quote["asks"][0][0] == quote["ask"]


def test_a_new_connection_of_the_feed_clears_the_book() -> None:
    board, _, _ = a_board(minutes=1)
    market = board.market("BTCUSD")
    for record in TradingDay(price=10_000).opening_book():
        market.feed(record)
    assert market.quote()["ask"] < 10_010


def test_equity_follows_balances_and_prices_by_their_times_not_by_their_arrival() -> None:
    board, day, everything = a_board()
    course = board.account("btc", "BTCUSD").money()["equity"]
    shuffled = Board("BTCUSD", "Emulator")
    random.Random(5).shuffle(everything)
    put(shuffled, everything)
    assert shuffled.account("btc", "BTCUSD").money()["equity"] == course
    assert all(abs(value / 100_000 - 1) < 0.02 for _, value in course)
    assert course[-1][1] == pytest.approx(day.usd + day.btc * day.price, rel=1e-4)


def test_a_second_delivery_changes_nothing_that_is_shown() -> None:
    board, _, everything = a_board()
    account = board.account("btc", "BTCUSD")
    before = [account.listed(k) for k in (DocType.DECISION, DocType.ORDER)], account.money()
    put(board, everything[-30:])
    assert (
        [account.listed(k) for k in (DocType.DECISION, DocType.ORDER)],
        account.money(),
    ) == before


def test_a_halt_is_shown_until_it_is_lifted() -> None:
    board, day, _ = a_board(minutes=1)
    halt = day.halt()
    put(board, [halt])
    assert board.account("btc", "BTCUSD").state()["halt"]["reason"].startswith("drawdown")
    put(board, [day.resume(), halt])
    assert board.account("btc", "BTCUSD").state()["halt"] is None


def test_the_page_shows_the_bot_it_requests_and_says_which_there_are() -> None:
    board, _, _ = a_board(minutes=2)
    other = TradingDay(bot="eth", symbol="ETHUSD", price=2000)
    put(board, [d for _, _, documents in other.minutes(2) for d in documents])
    meta = dict(board.changes("eth", Sent()))["meta"]
    assert (meta["bot"], meta["symbol"], meta["bots"]) == ("eth", "ETHUSD", ["btc", "eth"])
    assert dict(board.changes("", Sent()))["meta"]["bot"] == "btc"


def test_what_decisions_saw_is_not_sent_to_the_page() -> None:
    board, _, _ = a_board(minutes=2)
    assert all("inputs" not in d for d in board.account("btc", "BTCUSD").listed(DocType.DECISION))


@pytest.mark.parametrize(
    ("named", "shown"),
    [(("", ""), ("BTC", "USDT")), (("BTCU", "SDT"), ("BTCU", "SDT"))],
    ids=["by the symbol", "by the venue"],
)
def test_a_page_names_both_currencies_as_the_venue_does_where_it_has(
    named: tuple[str, str], shown: tuple[str, str]
) -> None:
    board = Board("BTCUSDT", "Emulator")
    body = {"bid": 1.0, "ask": 2.0}
    board.document(Document("d", DocType.TICKER, 5, "btc", "BTCUSDT", body, *named))
    meta = dict(board.changes("", Sent()))["meta"]
    assert (meta["base"], meta["quote"]) == shown


def test_equity_is_counted_in_the_quote_currency_of_the_documents() -> None:
    board = Board("BTCUSDT", "Emulator")
    for number, (currency, amount) in enumerate((("BTC", 2.0), ("USDT", 50.0))):
        body = {"currency": currency, "amount": amount, "available": amount}
        document = Document(f"b{number}", DocType.BALANCE, 1, "btc", "BTCUSDT", body, "BTC", "USDT")
        board.document(document)
    body = {"bid": 9.0, "ask": 11.0}
    board.document(Document("t", DocType.TICKER, 2, "btc", "BTCUSDT", body, "BTC", "USDT"))
    assert dict(board.changes("", Sent()))["money"]["equity"] == [(2, 70.0)]
