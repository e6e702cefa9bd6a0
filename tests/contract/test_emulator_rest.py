"""The emulator's responses and refusals are those recorded from the venue."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from venues.raw_gemini import RawGemini
from waiting.conditions import until

from tradebot.emulator.accounts.account import AccountFill, ExchangeAccount
from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.settings import EmulatorSettings

WithKey = Callable[..., RawGemini]


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmbeddedEmulator]:
    settings = EmulatorSettings(port=0, history_days=1, speed=5, rate_limits=False)
    with EmbeddedEmulator(settings) as running:
        yield running


@pytest.fixture
def with_key(emulator: EmbeddedEmulator) -> Iterator[WithKey]:
    with contextlib.ExitStack() as clients:

        def client(key: str, secret: str = "demo-secret") -> RawGemini:
            return clients.enter_context(RawGemini(emulator, key, secret))

        yield client


@pytest.fixture
def venue(with_key: WithKey) -> Iterator[RawGemini]:
    client = with_key("account-demo")
    yield client
    client.post("/v1/order/cancel/all")


def refusal(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert body["result"] == "error" and body["message"]
    return answer.status_code, body["reason"]


def test_a_resting_order_is_answered_in_the_recorded_form(venue: RawGemini) -> None:
    answer = venue.order("buy", "4500", "1", client_order_id="470135")
    assert answer.status_code == 200
    order = answer.json()
    assert order["order_id"] == order["id"] and order["id"].isdecimal()
    assert order["timestamp"] == str(order["timestampms"] // 1000)
    varying = ("order_id", "id", "timestamp", "timestampms")
    assert {name: value for name, value in order.items() if name not in varying} == {
        "symbol": "btcusd",
        "exchange": "gemini",
        "avg_execution_price": "0.00",
        "side": "buy",
        "type": "exchange limit",
        "is_live": True,
        "is_cancelled": False,
        "is_hidden": False,
        "was_forced": False,
        "executed_amount": "0",
        "client_order_id": "470135",
        "options": [],
        "price": "4500.00",
        "original_amount": "1",
        "remaining_amount": "1",
    }


def test_a_cancelled_order_says_that_it_was_requested_and_may_be_cancelled_again(
    venue: RawGemini,
) -> None:
    order = venue.order("buy", "4500", "1").json()
    for order_id in (order["order_id"], int(order["order_id"])):
        cancelled = venue.post("/v1/order/cancel", order_id=order_id).json()
        assert (cancelled["is_cancelled"], cancelled["reason"]) == (True, "Requested")
        assert cancelled["is_live"] is False


def test_cancelling_a_filled_order_answers_it_unchanged(venue: RawGemini) -> None:
    order = venue.order("sell", "100", "0.01", options=["immediate-or-cancel"]).json()
    assert order["executed_amount"] == "0.01"
    again = venue.post("/v1/order/cancel", order_id=order["order_id"])
    assert again.status_code == 200
    assert again.json()["is_cancelled"] is False


def test_a_maker_or_cancel_order_that_would_take_is_cancelled_with_200(venue: RawGemini) -> None:
    answer = venue.order("sell", "100", "0.01", options=["maker-or-cancel"])
    order = answer.json()
    assert answer.status_code == 200
    assert (order["is_cancelled"], order["reason"]) == (True, "MakerOrCancelWouldTake")
    assert order["executed_amount"] == "0"


def test_status_is_one_order_by_id_and_a_list_by_client_order_id(venue: RawGemini) -> None:
    for _ in range(2):
        order = venue.order("buy", "4500", "0.1", client_order_id="twice").json()
    found = venue.post("/v1/order/status", client_order_id="twice").json()
    assert [each["client_order_id"] for each in found] == ["twice", "twice"]
    one = venue.post("/v1/order/status", order_id=order["order_id"], include_trades=True).json()
    assert one["trades"] == []


def test_a_fill_is_reported_with_its_fee(venue: RawGemini) -> None:
    order = venue.order("sell", "100", "0.01", options=["immediate-or-cancel"]).json()
    fills = venue.post("/v1/mytrades", symbol="btcusd").json()
    mine = [fill for fill in fills if fill["order_id"] == order["order_id"]]
    assert [fill["timestampms"] for fill in fills] == sorted(
        (fill["timestampms"] for fill in fills), reverse=True
    )
    for fill in mine:
        assert (fill["type"], fill["aggressor"], fill["fee_currency"]) == ("Sell", True, "USD")
        value = float(fill["price"]) * float(fill["amount"])
        assert float(fill["fee_amount"]) == pytest.approx(0.004 * value)
    assert sum(float(fill["amount"]) for fill in mine) == pytest.approx(0.01)


def test_balances_reserve_what_resting_orders_may_need(venue: RawGemini) -> None:
    def usd() -> dict[str, Any]:
        balances = venue.post("/v1/balances").json()
        return next(each for each in balances if each["currency"] == "USD")

    before = usd()
    venue.order("buy", "1000", "1")
    after = usd()
    assert after["amount"] == before["amount"]
    assert float(before["available"]) - float(after["available"]) == pytest.approx(1004)
    assert set(after) == {"type", "currency", "amount", "available", "availableForWithdrawal"}


def test_orders_of_a_session_are_cancelled_and_those_of_another_key_stay(
    with_key: WithKey, venue: RawGemini
) -> None:
    other = with_key("account-demo-heartbeat")
    mine = venue.order("buy", "1000", "0.1").json()["order_id"]
    theirs = other.order("buy", "1001", "0.1").json()["order_id"]
    answer = venue.post("/v1/order/cancel/session").json()
    assert answer == {
        "result": "ok",
        "details": {"cancelledOrders": [int(mine)], "cancelRejects": []},
    }
    assert [each["order_id"] for each in venue.post("/v1/orders").json()] == [theirs]
    closed = venue.post("/v1/orders/history", symbol="btcusd", limit_orders=1).json()
    assert closed[0]["order_id"] == mine


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"symbol": "LTC_BTC"}, 400, "InvalidSymbol"),
        ({"side": "hold"}, 400, "InvalidSide"),
        ({"type": "MARKET"}, 400, "InvalidOrderType"),
        ({"amount": "0.000000001"}, 400, "InvalidQuantity"),
        ({"amount": "0.000001"}, 400, "InvalidQuantity"),
        ({"amount": "much"}, 400, "InvalidQuantity"),
        ({"price": "100.001"}, 400, "InvalidPrice"),
        ({"price": "-1"}, 400, "InvalidPrice"),
        ({"price": None}, 400, "MissingOrderField"),
        ({"options": "fill-or-kill"}, 400, "OptionsMustBeArray"),
        ({"options": ["fill-or-kill", "maker-or-cancel"]}, 400, "ConflictingOptions"),
        ({"options": ["auction-only"]}, 400, "UnsupportedOption"),
        ({"client_order_id": 12}, 400, "ClientOrderIdMustBeString"),
        ({"client_order_id": "x" * 100}, 400, "ClientOrderIdTooLong"),
        ({"type": "exchange stop limit", "stop_price": "200"}, 400, "InvalidStopPriceBuy"),
        ({"amount": "1000000"}, 406, "InsufficientFunds"),
    ],
)
def test_a_wrong_order_is_refused_in_the_venues_words(
    venue: RawGemini, change: dict[str, Any], status: int, reason: str
) -> None:
    fields = {"side": "buy", "price": "100", "amount": "0.1", **change}
    assert refusal(venue.order(**fields)) == (status, reason)


def test_a_bad_symbol_in_a_path_gets_the_recorded_sentence(venue: RawGemini) -> None:
    answer = venue.http.get("/v1/book/bla")
    assert answer.json() == {
        "result": "error",
        "reason": "Bad Request",
        "message": "Supplied value 'bla' is not a valid symbol.  Please correct your API request "
        "to use one of the supported symbols: [btcusd]",
    }


def test_unknown_orders_and_paths_are_not_found(venue: RawGemini) -> None:
    assert refusal(venue.post("/v1/order/status", order_id=1)) == (404, "OrderNotFound")
    assert refusal(venue.post("/v1/order/cancel", order_id="1")) == (404, "OrderNotFound")
    assert refusal(venue.http.post("/v1/nothing")) == (404, "EndpointNotFound")


def test_signatures_nonces_and_paths_are_checked(with_key: WithKey, venue: RawGemini) -> None:
    path = "/v1/balances"
    good = venue.headers(path)
    for name, reason in (
        ("X-GEMINI-APIKEY", "MissingApikeyHeader"),
        ("X-GEMINI-PAYLOAD", "MissingPayloadHeader"),
        ("X-GEMINI-SIGNATURE", "MissingSignatureHeader"),
    ):
        lacking = {each: value for each, value in good.items() if each != name}
        assert refusal(venue.http.post(path, headers=lacking)) == (400, reason)
    wrong = {**good, "X-GEMINI-SIGNATURE": "0" * 96}
    assert refusal(venue.http.post(path, headers=wrong)) == (400, "InvalidSignature")
    unknown = {**good, "X-GEMINI-APIKEY": "account-nobody"}
    assert refusal(venue.http.post(path, headers=unknown)) == (400, "InvalidApiKey")
    assert refusal(venue.http.post("/v1/orders", headers=good)) == (400, "EndpointMismatch")
    assert venue.http.post(path, headers=good, content=b"ignored").status_code == 200
    assert refusal(venue.http.post(path, headers=good)) == (400, "InvalidNonce")
    lower = with_key("account-demo")
    lower.nonce = lambda: 5  # type: ignore[method-assign]
    assert refusal(lower.post(path)) == (400, "InvalidNonce")


def test_a_time_based_nonce_may_repeat_but_not_be_off(with_key: WithKey) -> None:
    client = with_key("account-demo-time")
    client.nonce = lambda: f"{time.time():.3f}"  # type: ignore[method-assign, assignment, return-value]
    assert client.post("/v1/balances").status_code == 200
    client.nonce = lambda: int(time.time())  # type: ignore[method-assign]
    assert client.post("/v1/balances").status_code == 200
    assert client.post("/v1/balances").status_code == 200
    client.nonce = lambda: time.time_ns() // 1_000_000  # type: ignore[method-assign]
    assert refusal(client.post("/v1/balances")) == (400, "InvalidNonce")


def test_an_auditor_reads_and_does_not_trade(with_key: WithKey) -> None:
    auditor = with_key("account-demo-auditor")
    assert auditor.post("/v1/orders").status_code == 200
    assert refusal(auditor.order("buy", "100", "0.1")) == (403, "MissingRole")


def test_a_master_key_names_the_account(with_key: WithKey) -> None:
    master = with_key("master-demo")
    assert refusal(master.post("/v1/balances")) == (400, "MissingAccounts")
    assert master.post("/v1/balances", account="primary").status_code == 200


def test_a_heartbeat_key_that_falls_silent_loses_its_orders(
    emulator: EmbeddedEmulator, with_key: WithKey
) -> None:
    client = with_key("account-demo-heartbeat")
    order = client.order("buy", "1000", "0.1").json()["order_id"]
    assert client.post("/v1/heartbeat").json() == {"result": "ok"}
    key = emulator.exchange.keys["account-demo-heartbeat"]
    other = with_key("account-demo")  # a call with the key itself would count as a heartbeat

    def live() -> bool:
        return bool(other.post("/v1/order/status", order_id=order).json()["is_live"])

    assert live()
    emulator.call(lambda: setattr(key, "last_seen", time.monotonic() - 31))
    until(lambda: not live())


def test_fees_fall_with_the_volume_of_the_days_before(
    emulator: EmbeddedEmulator, with_key: WithKey
) -> None:
    client = with_key("account-demo")
    account: ExchangeAccount = emulator.exchange.accounts["primary"]
    assert client.post("/v1/notionalvolume").json()["api_taker_fee_bps"] == 40
    order = client.order("sell", "100", "0.01", options=["immediate-or-cancel"]).json()
    fill: AccountFill = account.fills[-1]
    fields = {name: getattr(fill, name) for name in fill.__struct_fields__}
    day = 86_400_000
    fields.update(value=fill.value * 500)
    emulator.call(lambda: account.fills.insert(0, AccountFill(**fields)))
    assert client.post("/v1/notionalvolume").json()["api_taker_fee_bps"] == 40
    emulator.call(lambda: account.fills.pop(0))
    fields.update(ts=fill.ts - 2 * day)
    emulator.call(lambda: account.fills.insert(0, AccountFill(**fields)))
    volume = client.post("/v1/notionalvolume").json()
    assert (volume["api_taker_fee_bps"], volume["api_maker_fee_bps"]) == (25, 10)
    cheaper = client.order("sell", "100", "0.01", options=["immediate-or-cancel"]).json()
    status = client.post("/v1/order/status", order_id=cheaper["order_id"], include_trades=True)
    trade = status.json()["trades"][0]
    value = float(trade["price"]) * float(trade["amount"])
    assert float(trade["fee_amount"]) == pytest.approx(0.0025 * value)
    assert order["order_id"] != cheaper["order_id"]
    emulator.call(lambda: account.fills.pop(0))


def test_a_symbol_s_details_have_the_recorded_form(venue: RawGemini) -> None:
    assert venue.get("/v1/symbols") == ["btcusd"]
    details = venue.get("/v1/symbols/details/BTCUSD")
    assert (details["tick_size"], details["quote_increment"]) == (1e-08, 0.01)
    assert details["min_order_size"] == "0.00001"
    assert venue.get("/v1/symbols/details/all") == [details]


def test_tickers_have_the_recorded_forms(venue: RawGemini) -> None:
    ticker = venue.get("/v1/pubticker/btcusd")
    assert set(ticker) == {"bid", "ask", "last", "volume"}
    assert set(ticker["volume"]) == {"BTC", "USD", "timestamp"}
    second = venue.get("/v2/ticker/btcusd")
    assert second["symbol"] == "BTCUSD"
    assert len(second["changes"]) == 24
    assert float(second["low"]) <= float(second["close"]) <= float(second["high"])
    assert venue.get("/v1/pricefeed")[0]["pair"] == "BTCUSD"


def test_a_book_has_fifty_levels_unless_others_are_requested(venue: RawGemini) -> None:
    # The market's own levels may be few: their number depends on the price's path.
    resting = {f"{price}.00" for price in range(90_000, 90_051)}
    for price in resting:
        assert venue.order("sell", price, "0.00001").status_code == 200
    assert len(venue.get("/v1/book/btcusd")["asks"]) == 50
    book = venue.get("/v1/book/btcusd?limit_bids=2&limit_asks=0")
    assert len(book["bids"]) == 2
    assert resting <= {each["price"] for each in book["asks"]}
    assert set(book["bids"][0]) == {"price", "amount", "timestamp"}


def test_a_candle_is_six_numbers_from_the_start_of_its_minute(venue: RawGemini) -> None:
    row = venue.get("/v2/candles/btcusd/1m")[0]
    assert len(row) == 6 and row[0] % 60_000 == 0


def test_trades_can_be_requested_from_an_id_or_a_time(venue: RawGemini) -> None:
    until(lambda: len(venue.get("/v1/trades/btcusd?limit_trades=500")) >= 4)
    trades = venue.get("/v1/trades/btcusd?limit_trades=500")
    third = trades[3]
    newer = venue.get(f"/v1/trades/btcusd?since_tid={third['tid']}&limit_trades=500")
    assert [each["tid"] for each in newer[-3:]] == [each["tid"] for each in trades[:3]]
    after = venue.get(f"/v1/trades/btcusd?timestamp={third['timestampms']}&limit_trades=500")
    assert all(each["timestampms"] > third["timestampms"] for each in after)
    assert len(venue.get("/v1/trades/btcusd?limit_trades=1")) == 1


def test_history_reaches_back_to_the_first_bar(venue: RawGemini) -> None:
    rows = venue.get("/emulator/history?symbol=BTCUSD&interval=1m")
    assert len(rows) >= 1440
    assert rows == sorted(rows)
    part = venue.get(f"/emulator/history?start={rows[10][0]}&end={rows[20][0]}")
    assert part == rows[10:20]
    hours = venue.get("/emulator/history?interval=1hr")
    assert max(row[2] for row in hours[:23]) == max(row[2] for row in rows[: 23 * 60])


def test_an_account_can_be_added_while_it_runs(with_key: WithKey) -> None:
    client = with_key("account-new", "new-secret")
    spec = {
        "name": "new",
        "balances": {"USD": "50", "BTC": "0"},
        "keys": [{"key": "account-new", "secret": "new-secret"}],
    }
    assert client.http.post("/emulator/accounts", json=spec).status_code == 200
    balances = {each["currency"]: each["amount"] for each in client.post("/v1/balances").json()}
    assert balances == {"BTC": "0", "USD": "50"}
    stolen = {**spec, "name": "thief", "keys": [{"key": "account-demo", "secret": "x"}]}
    assert client.http.post("/emulator/accounts", json=stolen).status_code == 400


def test_above_the_rate_five_requests_wait_and_the_next_is_refused() -> None:
    settings = EmulatorSettings(port=0, history_days=1)
    with EmbeddedEmulator(settings) as emulator, httpx.Client(base_url=emulator.url) as http:
        limit = emulator.exchange.limits.of_address("127.0.0.1")
        assert http.get("/v1/symbols").status_code == 200
        assert emulator.call(lambda: len(limit._served)) == 1
        soon = time.monotonic() + 600  # a minute that does not end during the calls
        waits = emulator.call(lambda: [limit.wait(soon) for _ in range(126)])
        assert waits[:120] == [0.0] * 120
        assert [wait is not None and wait > 0 for wait in waits[120:]] == [True] * 5 + [False]
        answer = http.get("/v1/symbols")
        assert answer.status_code == 429
        assert answer.json() == {
            "result": "error",
            "reason": "Too Many Requests",
            "message": "Too Many Requests",
        }
