"""Unmodified ccxt cannot distinguish the emulator from the venue."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import ccxt
import ccxt.pro
import pytest
from waiting.conditions import until

from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.settings import EmulatorSettings


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmbeddedEmulator]:
    settings = EmulatorSettings(port=0, history_days=2, speed=10, rate_limits=False, seed=5)
    with EmbeddedEmulator(settings) as running:
        yield running


def pointed_at(emulator: EmbeddedEmulator, client: Any) -> Any:
    client.urls["api"].update(
        public=emulator.url,
        private=emulator.url,
        webExchange=emulator.url,
        ws=emulator.socket_url,
    )
    return client


@pytest.fixture(scope="module")
def gemini(emulator: EmbeddedEmulator) -> Any:
    client = pointed_at(emulator, ccxt.gemini(CREDENTIALS))
    client.load_markets()
    return client


CREDENTIALS = {"apiKey": "account-demo", "secret": "demo-secret", "enableRateLimit": False}


@pytest.fixture
async def watching(emulator: EmbeddedEmulator) -> AsyncIterator[Any]:
    client = pointed_at(emulator, ccxt.pro.gemini(CREDENTIALS))
    await client.load_markets()
    yield client
    await client.close()


def test_markets_are_spot_with_the_steps_of_the_currency_page(gemini: Any) -> None:
    market = gemini.market("BTC/USD")
    assert market["spot"] and not market["swap"]
    assert market["precision"] == {"price": 0.01, "amount": 1e-8, **_rest(market["precision"])}
    assert market["limits"]["amount"]["min"] == 0.00001


def _rest(precision: dict[str, Any]) -> dict[str, Any]:
    return {name: step for name, step in precision.items() if name not in ("price", "amount")}


def test_ticker_and_book_agree_that_bids_are_below_asks(gemini: Any) -> None:
    ticker = gemini.fetch_ticker("BTC/USD")
    assert 0 < ticker["bid"] < ticker["ask"]
    assert ticker["baseVolume"] > 0
    book = gemini.fetch_order_book("BTC/USD", 5)
    assert len(book["bids"]) == len(book["asks"]) == 5
    assert book["bids"][0][0] < book["asks"][0][0]


def test_tickers_of_all_symbols(gemini: Any) -> None:
    assert gemini.fetch_tickers()["BTC/USD"]["last"] > 0


def test_trades_have_the_takers_side(gemini: Any) -> None:
    until(lambda: gemini.fetch_trades("BTC/USD", limit=20))
    trades = gemini.fetch_trades("BTC/USD", limit=20)
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    assert all(trade["price"] > 0 and trade["amount"] > 0 for trade in trades)


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "30m", "1h", "6h", "1d"])
def test_candles_of_every_interval_are_whole(gemini: Any, interval: str) -> None:
    rows = gemini.fetch_ohlcv("BTC/USD", interval)
    assert rows
    for _ts, opening, high, low, close, volume in rows:
        assert low <= min(opening, close) <= max(opening, close) <= high
        assert volume >= 0


def test_candles_are_one_interval_apart(gemini: Any) -> None:
    times = [row[0] for row in gemini.fetch_ohlcv("BTC/USD", "1m")]
    assert {later - earlier for earlier, later in pairwise(times)} == {60_000}


def test_balance_and_fees(gemini: Any) -> None:
    balance = gemini.fetch_balance()
    assert balance["BTC"]["total"] > 0
    assert balance["USD"]["free"] <= balance["USD"]["total"]
    assert gemini.fetch_trading_fees()["BTC/USD"]["taker"] > 0


def test_the_reports_account_has_the_balances_of_its_sandbox() -> None:
    settings = EmulatorSettings(port=0, history_days=1, account="report")
    with EmbeddedEmulator(settings) as running:
        totals = pointed_at(running, ccxt.gemini(CREDENTIALS)).fetch_balance()["total"]
    thousands = dict.fromkeys(("ETH", "BCH", "LTC", "ZEC"), 20_000)
    assert totals == {"USD": 100_000, "BTC": 1_000} | thousands


def test_an_order_rests_is_found_and_is_cancelled(gemini: Any) -> None:
    placed = gemini.create_order("BTC/USD", "limit", "buy", 0.01, 100)
    assert placed["status"] == "open"
    assert gemini.fetch_order(placed["id"], "BTC/USD")["price"] == 100
    assert placed["id"] in [order["id"] for order in gemini.fetch_open_orders("BTC/USD")]
    assert gemini.fetch_balance()["USD"]["used"] > 0
    assert gemini.cancel_order(placed["id"], "BTC/USD")["status"] == "canceled"
    assert gemini.fetch_order(placed["id"], "BTC/USD")["status"] == "canceled"
    assert placed["id"] not in [order["id"] for order in gemini.fetch_open_orders("BTC/USD")]


def test_a_stop_limit_order_waits_reserves_its_base_and_is_cancelled(gemini: Any) -> None:
    free = gemini.fetch_balance()["BTC"]["free"]
    stop = gemini.fetch_ticker("BTC/USD")["last"] * 0.5
    placed = gemini.create_order(
        "BTC/USD", "limit", "sell", 0.5, stop * 0.95, {"stopPrice": stop, "clientOrderId": "stop"}
    )
    assert placed["status"] == "open" and placed["info"]["type"] == "exchange stop limit"
    assert float(placed["info"]["stop_price"]) == pytest.approx(stop, abs=0.01)
    assert placed["id"] in [order["id"] for order in gemini.fetch_open_orders("BTC/USD")]
    assert gemini.fetch_balance()["BTC"]["free"] == pytest.approx(free - 0.5)
    assert gemini.fetch_order_book("BTC/USD")["bids"], "it is not in the book"
    cancelled = gemini.cancel_order(placed["id"])
    assert cancelled["status"] == "canceled" and cancelled["filled"] == 0
    assert gemini.fetch_balance()["BTC"]["free"] == pytest.approx(free)


def test_a_stop_limit_order_sells_once_a_trade_reaches_its_stop(gemini: Any) -> None:
    last = gemini.fetch_ticker("BTC/USD")["last"]
    placed = gemini.create_order(
        "BTC/USD", "limit", "sell", 0.001, last * 0.9, {"stopPrice": last * 1.02}
    )
    order = gemini.fetch_order(placed["id"])
    assert order["status"] == "closed" and order["filled"] == 0.001
    assert order["average"] > last * 0.9


def test_an_aggressive_order_fills_and_pays_a_fee(gemini: Any) -> None:
    ask = gemini.fetch_ticker("BTC/USD")["ask"]
    params = {"options": ["immediate-or-cancel"]}
    placed = gemini.create_order("BTC/USD", "limit", "buy", 0.001, round(ask * 1.02, 2), params)
    assert placed["filled"] == 0.001
    assert placed["status"] == "closed"
    mine = [t for t in gemini.fetch_my_trades("BTC/USD") if t["order"] == placed["id"]]
    assert sum(trade["amount"] for trade in mine) == pytest.approx(0.001)
    for trade in mine:
        assert trade["fee"]["currency"] == "USD"
        assert trade["fee"]["cost"] == pytest.approx(trade["cost"] * 0.004)


def test_all_orders_of_the_session_are_cancelled_at_once(gemini: Any) -> None:
    for price in (50, 51):
        gemini.create_order("BTC/USD", "limit", "buy", 0.01, price)
    gemini.privatePostV1OrderCancelSession()
    assert gemini.fetch_open_orders("BTC/USD") == []


def test_refusals_are_the_errors_that_ccxt_knows(gemini: Any, emulator: EmbeddedEmulator) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        gemini.create_order("BTC/USD", "limit", "buy", 1000, 10_000)
    with pytest.raises(ccxt.OrderNotFound):
        gemini.fetch_order("1", "BTC/USD")
    with pytest.raises(ccxt.InvalidOrder):
        gemini.create_order("BTC/USD", "limit", "buy", 0.000001, 100)
    stranger = pointed_at(emulator, ccxt.gemini({**CREDENTIALS, "secret": "wrong"}))
    stranger.markets, stranger.markets_by_id = gemini.markets, gemini.markets_by_id
    with pytest.raises(ccxt.AuthenticationError):
        stranger.fetch_balance()


async def test_watch_order_book_and_trades(watching: Any) -> None:
    for _ in range(3):
        book = await watching.watch_order_book("BTC/USD")
        assert book["bids"][0][0] < book["asks"][0][0]
    trades = await watching.watch_trades("BTC/USD")
    assert trades[-1]["side"] in ("buy", "sell")


@pytest.mark.parametrize("interval", ["1m", "1h"])
async def test_watch_ohlcv_gives_candles_of_an_interval(watching: Any, interval: str) -> None:
    rows = await watching.watch_ohlcv("BTC/USD", interval)
    assert rows[-1][1] > 0


async def test_watch_bids_asks_and_books_of_several_symbols(watching: Any) -> None:
    best = await watching.watch_bids_asks(["BTC/USD"])
    assert best["BTC/USD"]["bid"] < best["BTC/USD"]["ask"]
    book = await watching.watch_order_book_for_symbols(["BTC/USD"])
    assert book["bids"][0][0] < book["asks"][0][0]


async def test_watch_orders_reports_a_new_order(watching: Any, gemini: Any) -> None:
    types = ("initial", "accepted", "rejected", "fill", "cancelled", "booked")
    query = "&".join(f"eventTypeFilter={kind}" for kind in types)
    url = f"{watching.urls['api']['ws']}/v1/order/events?{query}"
    # ccxt connects without signing, so the headers are passed to its client.
    payload = json.dumps({"request": "/v1/order/events", "nonce": gemini.incrementing_nonce()})
    encoded = base64.b64encode(payload.encode())
    signature = hmac.new(b"demo-secret", encoded, hashlib.sha384).hexdigest()
    headers = {
        "X-GEMINI-APIKEY": "account-demo",
        "X-GEMINI-PAYLOAD": encoded.decode(),
        "X-GEMINI-SIGNATURE": signature,
    }
    watching.client(url).options = {"headers": headers}
    first = asyncio.create_task(watching.watch_orders("BTC/USD"))
    await watching.client(url).connected
    placed = gemini.create_order("BTC/USD", "limit", "buy", 0.01, 77)
    orders = await first
    assert orders[-1]["id"] == placed["id"]
    gemini.cancel_order(placed["id"], "BTC/USD")
    while orders[-1]["status"] != "canceled":
        orders = await watching.watch_orders("BTC/USD")
    assert orders[-1]["id"] == placed["id"]


async def test_order_events_without_a_signature_are_refused(watching: Any) -> None:
    with pytest.raises(ccxt.NetworkError):
        await watching.watch_orders("BTC/USD")
