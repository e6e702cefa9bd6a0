"""The REST client sends documented requests and parses recorded responses."""

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tradebot.records import TradeRecord
from tradebot.venue.errors import AmbiguousError, RejectedError
from tradebot.venue.gemini.account import fill_of
from tradebot.venue.gemini.answers import FillAnswer, NewOrder
from tradebot.venue.gemini.endpoints import Endpoints
from tradebot.venue.gemini.instruments import instrument_of
from tradebot.venue.gemini.market import GeminiMarket
from tradebot.venue.gemini.rest import PAGE, GeminiRest
from tradebot.venue.gemini.signing import Credentials
from tradebot.venue.market import Candle

KEY = Credentials("account-test", "secret")
Answers = Callable[[httpx.Request], Any]


def client(answers: Answers) -> GeminiRest:
    """Returns a client whose venue is a function from request to JSON text, or to JSON content."""

    def handle(request: httpx.Request) -> httpx.Response:
        content = answers(request)
        if isinstance(content, httpx.Response):
            return content
        text = content if isinstance(content, str) else json.dumps(content)
        return httpx.Response(200, content=text.encode())

    return GeminiRest("http://venue", KEY, transport=httpx.MockTransport(handle))


def payload(request: httpx.Request) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(base64.b64decode(request.headers["X-GEMINI-PAYLOAD"]))
    return content


DETAILS = """{"symbol":"BTCUSD","base_currency":"BTC","quote_currency":"USD","tick_size":1e-8,
"quote_increment":0.01,"min_order_size":"0.00001","status":"open","wrap_enabled":false,
"product_type":"spot","contract_type":"vanilla","contract_price_currency":"USD"}"""

ORDER = {
    "order_id": "265555413",
    "id": "265555413",
    "symbol": "btcusd",
    "exchange": "gemini",
    "avg_execution_price": "0.00",
    "side": "buy",
    "type": "exchange limit",
    "timestamp": "1565673596",
    "timestampms": 1565673596842,
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
FILL = {
    "price": "4365.44",
    "amount": "1",
    "timestamp": 1504774407,
    "timestampms": 1504774407342,
    "type": "Buy",
    "aggressor": True,
    "fee_currency": "USD",
    "fee_amount": "10.9136",
    "tid": 72877196,
    "order_id": "72877194",
    "exchange": "gemini",
    "is_auction_fill": False,
}


async def test_steps_written_as_json_numbers_are_exact() -> None:
    async with client(lambda _: DETAILS) as rest:
        details = await rest.symbol_details("BTCUSD")
    assert details.tick_size == Decimal("0.00000001")
    assert details.quote_increment == Decimal("0.01")
    assert details.min_order_size == Decimal("0.00001")


async def test_a_candle_is_read_by_its_place_in_the_row() -> None:
    row = "[[1561054500000,9350.18,9358.35,9349.1,9355.51,2.07]]"
    async with client(lambda _: row) as rest:
        (candle,) = await rest.candles("BTCUSD")
    assert candle == Candle(1561054500000, 9350.18, 9358.35, 9349.1, 9355.51, 2.07)


async def test_a_ticker_reports_volumes_by_currency_and_the_venues_time() -> None:
    answer = {
        "bid": "11381.50",
        "ask": "11388.08",
        "last": "11381.47",
        "volume": {
            "BTC": "915.6534281291",
            "USD": "10394749.066094351423",
            "timestamp": 1565587800000,
        },
    }
    async with client(lambda _: answer) as rest:
        ticker = await rest.ticker("BTCUSD")
    assert ticker.ts == 1565587800000
    assert ticker.volumes == {
        "BTC": Decimal("915.6534281291"),
        "USD": Decimal("10394749.066094351423"),
    }


async def test_an_order_is_requested_by_plain_strings_and_one_option() -> None:
    seen: list[dict[str, Any]] = []

    def venue(request: httpx.Request) -> Any:
        seen.append(payload(request))
        assert request.method == "POST" and request.content == b""
        return ORDER

    order = NewOrder(
        symbol="BTCUSD",
        side="buy",
        amount=Decimal("1E-8"),
        price=Decimal("4500.00"),
        client_order_id="470135",
        option="immediate-or-cancel",
    )
    async with client(venue) as rest:
        placed = await rest.new_order(order)
    (asked,) = seen
    assert asked["amount"] == "0.00000001"
    assert asked["price"] == "4500.00"
    assert asked["symbol"] == "btcusd"
    assert asked["options"] == ["immediate-or-cancel"]
    assert asked["type"] == "exchange limit"
    assert asked["client_order_id"] == "470135"
    assert placed.is_live and placed.order_id == "265555413"
    assert placed.original_amount == Decimal(1)


async def test_a_stop_order_names_its_stop_price_and_no_option() -> None:
    seen: list[dict[str, Any]] = []
    order = NewOrder(
        symbol="BTCUSD",
        side="sell",
        amount=Decimal(1),
        price=Decimal("90"),
        stop_price=Decimal("95"),
        client_order_id="x",
    )
    async with client(lambda request: seen.append(payload(request)) or ORDER) as rest:
        await rest.new_order(order)
    assert (seen[0]["type"], seen[0]["stop_price"]) == ("exchange stop limit", "95")
    assert "options" not in seen[0]


@pytest.mark.parametrize("answer", [ORDER, [ORDER]], ids=["one object", "a list"])
async def test_a_look_up_by_client_id_answers_a_list_either_way(answer: Any) -> None:
    async with client(lambda _: answer) as rest:
        (order,) = await rest.orders_by_client_id("470135")
    assert order.client_order_id == "470135"


async def test_a_look_up_of_an_unknown_client_id_finds_nothing() -> None:
    unknown = {"result": "error", "reason": "OrderNotFound", "message": "Order not found"}
    async with client(lambda _: httpx.Response(404, json=unknown)) as rest:
        assert await rest.orders_by_client_id("x") == []


async def test_a_look_up_that_fails_otherwise_is_not_taken_for_nothing_found() -> None:
    refused = {"result": "error", "reason": "InvalidSignature", "message": "InvalidSignature"}
    async with client(lambda _: httpx.Response(400, json=refused)) as rest:
        with pytest.raises(RejectedError):
            await rest.orders_by_client_id("x")


async def test_cancelling_a_session_reports_ids_as_text() -> None:
    answer = {"result": "ok", "details": {"cancelledOrders": [330429106], "cancelRejects": []}}
    async with client(lambda _: answer) as rest:
        report = await rest.cancel_session()
    assert report.cancelled == ["330429106"] and report.rejected == []


async def test_a_fill_reports_its_fee_side_and_liquidity() -> None:
    async with client(lambda _: [FILL]) as rest:
        (fill,) = await rest.my_trades("BTCUSD")
    told = fill_of(fill)
    assert (told.side, told.taker, told.fee, told.fee_currency) == (
        "buy", True, Decimal("10.9136"), "USD",
    )  # fmt: skip


async def test_an_order_with_its_trades_reports_them() -> None:
    async with client(lambda _: ORDER | {"trades": [FILL]}) as rest:
        order = await rest.order_status("265555413", include_trades=True)
    assert [trade.tid for trade in order.trades] == [72877196]


def history(size: int, per_ms: int) -> list[dict[str, Any]]:
    """`size` fills, `per_ms` of them in each millisecond, oldest first."""
    return [FILL | {"tid": n, "timestampms": 1000 + n // per_ms} for n in range(size)]


@pytest.mark.parametrize("size", [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 7])
async def test_all_pages_of_fills_are_read_once_and_in_order(size: int) -> None:
    fills = history(size, per_ms=7)

    def venue(request: httpx.Request) -> Any:
        since = payload(request)["timestamp"]
        page = [fill for fill in fills if fill["timestampms"] >= since]
        return page[: payload(request)["limit_trades"]][::-1]

    async with client(venue) as rest:
        found: list[FillAnswer] = await rest.my_trades("BTCUSD")
    assert [trade.tid for trade in found] == list(range(size))


async def test_more_fills_in_one_millisecond_than_a_page_holds_are_all_read() -> None:
    fills = [fill | {"order_id": str(fill["tid"] % 3)} for fill in history(1_200, per_ms=1_200)] + [
        history(1_201, per_ms=1_200)[-1]
    ]

    def venue(request: httpx.Request) -> Any:
        asked = payload(request)
        if request.url.path == "/v1/mytrades":
            page = [fill for fill in fills if fill["timestampms"] >= asked["timestamp"]]
            return page[: asked["limit_trades"]][::-1]
        orders = [
            ORDER | {"order_id": str(number), "executed_amount": "1", "trades": []}
            for number in range(3)
        ]
        if request.url.path == "/v1/orders":
            return orders[:1]
        if request.url.path == "/v1/orders/history":
            return orders[1:]
        number = asked["order_id"]
        return orders[0] | {"trades": [fill for fill in fills if fill["order_id"] == number]}

    async with client(venue) as rest:
        found = await rest.my_trades("BTCUSD")
    assert [trade.tid for trade in found] == list(range(1_201))


@pytest.mark.parametrize(("kind", "broken"), [("", False), ("manual", False), ("full", True)])
async def test_a_trade_that_the_venue_broke_is_not_a_fill(kind: str, broken: bool) -> None:
    fill = history(1, per_ms=1)[0] | ({"break": kind} if kind else {})
    async with client(lambda _: [fill]) as rest:
        [found] = await rest.my_trades("BTCUSD")
    assert fill_of(found).broken is broken


async def test_an_invalid_nonce_is_tried_once_more_with_one_far_above() -> None:
    seen: list[int] = []

    def venue(request: httpx.Request) -> Any:
        seen.append(payload(request)["nonce"])
        if len(seen) == 1:
            body = {"result": "error", "reason": "InvalidNonce", "message": "Nonce too low"}
            return httpx.Response(400, json=body)
        return []

    async with client(venue) as rest:
        assert await rest.balances() == []
    assert seen[1] - seen[0] >= 60_000


async def test_a_nonce_that_is_refused_again_is_an_error() -> None:
    body = {"result": "error", "reason": "InvalidNonce", "message": "Nonce too low"}
    async with client(lambda _: httpx.Response(400, json=body)) as rest:
        with pytest.raises(RejectedError, match="InvalidNonce"):
            await rest.balances()


async def test_an_order_is_never_sent_twice_and_a_refused_nonce_leaves_its_fate_open() -> None:
    seen: list[int] = []
    body = {"result": "error", "reason": "InvalidNonce", "message": "Nonce too low"}

    def venue(request: httpx.Request) -> Any:
        seen.append(payload(request)["nonce"])
        return httpx.Response(400, json=body)

    order = NewOrder(
        symbol="BTCUSD",
        side="buy",
        amount=Decimal(1),
        price=Decimal(100),
        client_order_id="tb-btc-1-1",
    )
    async with client(venue) as rest:
        with pytest.raises(AmbiguousError, match="InvalidNonce"):
            await rest.new_order(order)
    assert len(seen) == 1


async def test_a_refused_nonce_leaves_an_orders_fate_open_and_is_not_tried_again() -> None:
    # Something on the way may have sent the order twice: the second is refused, the first is not.
    sent = 0

    def venue(_request: httpx.Request) -> Any:
        nonlocal sent
        sent += 1
        body = {"result": "error", "reason": "InvalidNonce", "message": "Nonce too low"}
        return httpx.Response(400, json=body)

    order = NewOrder(
        symbol="BTCUSD", side="buy", amount=Decimal(1), price=Decimal(1), client_order_id="x"
    )
    async with client(venue) as rest:
        with pytest.raises(AmbiguousError, match="InvalidNonce"):
            await rest.new_order(order)
    assert sent == 1


async def test_a_symbols_details_are_an_instrument() -> None:
    async with client(lambda _: DETAILS) as rest:
        instrument = instrument_of(await rest.symbol_details("BTCUSD"))
    assert instrument.currencies == ("BTC", "USD")
    assert (instrument.amount_step, instrument.price_step) == (Decimal("1E-8"), Decimal("0.01"))
    assert instrument.accepts_takers


@pytest.mark.parametrize(
    ("status", "known"),
    [("OPEN", "open"), ("cancel_only", "cancel_only"), ("halted by regulators", "closed")],
)
async def test_a_status_that_is_not_documented_counts_as_closed(status: str, known: str) -> None:
    async with client(lambda _: json.loads(DETAILS) | {"status": status}) as rest:
        assert instrument_of(await rest.symbol_details("BTCUSD")).status == known


async def test_listed_trades_are_written_like_live_ones_without_broken_and_block_trades() -> None:
    def listed(tid: int, kind: str, **more: Any) -> dict[str, Any]:
        return {
            "tid": tid,
            "timestampms": 5,
            "price": "100.00",
            "amount": 1e-8,
            "type": kind,
        } | more

    trades = [listed(5, "buy"), listed(6, "sell"), listed(7, "auction"), listed(8, "block")]
    where = Endpoints("http://venue", "ws://venue", "ws://venue")
    async with client(lambda _: [*trades, listed(9, "buy", broken=True)]) as rest:
        market = GeminiMarket(rest, where, emulated=False)
        bought, sold, auctioned = await market.trades_since("BTCUSD", 4)
    assert bought == TradeRecord("BTCUSD", 5, "100.00", "0.00000001", "ask", 5)
    assert (sold.maker_side, auctioned.maker_side) == ("bid", "auction")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "sNaN"])
async def test_invalid_numbers_make_a_response_unreadable(number: str) -> None:
    """Otherwise the first comparison with one would end the trader."""
    ticker = {"bid": number, "ask": "11388.08", "last": "1", "volume": {"timestamp": 1}}
    with pytest.raises(AmbiguousError, match="not finite"):
        await client(lambda _: ticker).ticker("BTCUSD")
    with pytest.raises(AmbiguousError, match="not finite"):
        await client(lambda _: [FILL | {"fee_amount": number}]).my_trades("BTCUSD")
    with pytest.raises(AmbiguousError, match="not finite"):
        await client(lambda _: ORDER | {"trades": [FILL | {"amount": number}]}).order_status("1")


@pytest.mark.parametrize("field", ["tick_size", "quote_increment"])
async def test_invalid_steps_make_a_response_unreadable(field: str) -> None:
    async with client(lambda _: json.loads(DETAILS) | {field: 0}) as rest:
        details = await rest.symbol_details("BTCUSD")
    with pytest.raises(AmbiguousError, match="it must be above 0"):
        instrument_of(details)
