"""The emulator's sockets: sequences without gaps, whole books, orders' whole lives."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import pytest
import websockets
from venues.raw_gemini import RawGemini, receive
from waiting.conditions import until_async

from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.settings import EmulatorSettings

Book = dict[tuple[str, str], str]


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmbeddedEmulator]:
    settings = EmulatorSettings(
        port=0, history_days=1, speed=30, rate_limits=False, symbol=["BTCUSD", "ETHUSD"]
    )
    with EmbeddedEmulator(settings) as running:
        yield running


@pytest.fixture
def timed(emulator: EmbeddedEmulator) -> Iterator[RawGemini]:
    with RawGemini(emulator, "account-demo-time") as client:
        yield client


@pytest.fixture
async def still(emulator: EmbeddedEmulator) -> AsyncIterator[Any]:
    """Stops the market's updates; yields the present book."""
    market = emulator.exchange.markets["BTCUSD"]

    def stop() -> Book:
        market.freeze()
        instrument = market.instrument
        return {
            (side, instrument.price_text(price)): instrument.amount_text(size)
            for side in ("bid", "ask")
            for price, size in market.levels(side)  # type: ignore[arg-type]
        }

    yield lambda: emulator.call(stop)
    emulator.call(market.thaw)


def apply(book: Book, side: str, price: str, size: str) -> None:
    if size == "0":
        book.pop((side, price), None)
    else:
        book[side, price] = size


async def rest(socket: websockets.ClientConnection, venue: RawGemini) -> list[Any]:
    """Returns what still comes until the socket is quiet, while the venue keeps responding."""
    messages: list[Any] = []
    quiet = 0
    while quiet < 2:
        try:
            messages.append(json.loads(await asyncio.wait_for(socket.recv(), 0.4)))
            quiet = 0
        except TimeoutError:
            venue.get("/emulator/clock")
            quiet += 1
    return messages


async def test_v1_begins_with_the_book_and_can_be_followed(venue: RawGemini, still: Any) -> None:
    async with venue.connect("/v1/marketdata/btcusd?heartbeat=true") as socket:
        messages = await receive(socket, 400)
        book = still()
        messages += await rest(socket, venue)
    assert "timestamp" not in messages[0]
    assert {event["reason"] for event in messages[0]["events"]} == {"initial"}
    assert [each["socket_sequence"] for each in messages] == list(range(len(messages)))
    followed: Book = {}
    reasons = set()
    for message in messages:
        for event in message.get("events", []):
            if event["type"] == "change":
                reasons.add(event["reason"])
                apply(followed, event["side"], event["price"], event["remaining"])
    assert followed == book
    assert reasons == {"initial", "place", "cancel", "trade"}


async def test_v1_reports_a_trade_with_the_change_that_it_made(venue: RawGemini) -> None:
    async with venue.connect("/v1/marketdata/btcusd") as socket:
        messages = await receive(socket, 300)
    traded = [each["events"] for each in messages if each["events"][0]["type"] == "trade"]
    assert traded
    for trade, change in traded:
        assert change["reason"] == "trade"
        assert change["side"] == trade["makerSide"]
        assert change["price"] == trade["price"]
        assert change["delta"] == f"-{trade['amount']}"


async def test_v1_sends_only_what_was_requested(venue: RawGemini) -> None:
    path = "/v1/marketdata/btcusd?bids=true&offers=false&trades=false"
    async with venue.connect(path) as socket:
        messages = await receive(socket, 50)
    events = [event for message in messages for event in message["events"]]
    assert {(event["type"], event["side"]) for event in events} == {("change", "bid")}
    async with venue.connect("/v1/marketdata/btcusd?top_of_book=true&trades=false") as socket:
        messages = await receive(socket, 20)
    events = [event for message in messages for event in message["events"]]
    assert {event["reason"] for event in events} == {"top-of-book"}


async def test_multimarketdata_names_the_symbol_of_each_event(venue: RawGemini) -> None:
    async with venue.connect("/v1/multimarketdata?symbols=BTCUSD,ETHUSD") as socket:
        messages = await receive(socket, 100)
    events = [event for message in messages for event in message["events"]]
    assert {event["symbol"] for event in events} == {"BTCUSD", "ETHUSD"}
    assert [each["socket_sequence"] for each in messages] == list(range(100))


async def test_v2_begins_with_the_book_and_can_be_followed(venue: RawGemini, still: Any) -> None:
    subscription = {"type": "subscribe", "subscriptions": [{"name": "l2", "symbols": ["BTCUSD"]}]}
    async with venue.connect("/v2/marketdata") as socket:
        assert (await receive(socket, 1))[0]["type"] == "heartbeat"
        await socket.send(json.dumps(subscription))
        messages = await receive(socket, 100)
        book = still()
        messages += await rest(socket, venue)
    first = messages[0]
    assert set(first) == {"type", "symbol", "changes", "trades", "auction_events"}
    sides = [side for side, _, _ in first["changes"]]
    assert sides == sorted(sides)
    followed: Book = {}
    names = {"buy": "bid", "sell": "ask"}
    for message in messages:
        if message["type"] == "l2_updates":
            for side, price, size in message["changes"]:
                apply(followed, names[side], price, size)
    assert followed == book
    assert all(
        set(each) == {"type", "symbol", "changes"} for each in messages[1:] if "changes" in each
    )
    assert {"trade", "l2_updates"} <= {each["type"] for each in messages}


async def test_v2_refuses_a_symbol_that_is_not_traded(venue: RawGemini) -> None:
    subscription = {"type": "subscribe", "subscriptions": [{"name": "l2", "symbols": ["NOUSD"]}]}
    async with venue.connect("/v2/marketdata") as socket:
        await socket.send(json.dumps(subscription))
        messages = await receive(socket, 2)
    assert {"result": "error", "reason": "NoValidTradingPairs"} in messages


async def test_the_new_socket_gives_a_snapshot_and_changes_without_gaps(
    venue: RawGemini, still: Any
) -> None:
    async with venue.connect("/ws?snapshot=-1") as socket:
        await socket.send(
            json.dumps({"id": "1", "method": "subscribe", "params": ["btcusd@depth@100ms"]})
        )
        messages = await receive(socket, 100)
        book = still()
        messages += await rest(socket, venue)
    assert {"id": "1", "status": 200, "result": {}} in messages
    depths = [each for each in messages if each.get("e") == "depthUpdate"]
    assert depths[0]["U"] == depths[0]["u"]
    followed: Book = {}
    last = depths[0]["U"] - 1
    for depth in depths:
        assert depth["U"] == last + 1 or depth is depths[0]
        last = depth["u"]
        for side, key in (("bid", "b"), ("ask", "a")):
            for price, size in depth[key]:
                apply(followed, side, price, size)
    assert followed == book


async def test_a_second_client_joins_a_depth_stream_without_a_gap_for_either(
    venue: RawGemini,
) -> None:
    request = json.dumps({"id": 1, "method": "subscribe", "params": ["btcusd@depth"]})
    async with venue.connect("/ws?snapshot=-1") as first, venue.connect("/ws") as second:
        await first.send(request)
        before = await receive(first, 5)
        for _ in range(5):
            await second.send(request)
            before += await receive(first, 5)
        for messages in (before, await receive(second, 20)):
            depths = [each for each in messages if each.get("e") == "depthUpdate"]
            assert len(depths) > 3
            for earlier, later in pairwise(depths):
                assert later["U"] == earlier["u"] + 1


async def test_the_new_socket_streams_trades_tickers_and_partial_books(venue: RawGemini) -> None:
    streams = ["btcusd@trade", "btcusd@bookTicker", "ethusd@depth5@100ms"]
    async with venue.connect("/ws") as socket:
        await socket.send(json.dumps({"id": 7, "method": "SUBSCRIBE", "params": streams}))
        messages = await receive(socket, 150)
    trade = next(each for each in messages if "t" in each)
    assert set(trade) == {"E", "s", "t", "p", "q", "m"}
    ticker = next(each for each in messages if "B" in each)
    assert set(ticker) == {"u", "E", "s", "b", "B", "a", "A"}
    assert float(ticker["b"]) < float(ticker["a"])
    partial = next(each for each in messages if "lastUpdateId" in each)
    assert len(partial["bids"]) == len(partial["asks"]) == 5


async def ask(socket: websockets.ClientConnection, request: dict[str, Any]) -> Any:
    """Returns the reply to a request, skipping what comes in between."""
    await socket.send(json.dumps(request))
    while True:
        message = json.loads(await socket.recv())
        if isinstance(message, dict) and message.get("id") == request["id"]:
            return message


async def test_the_new_socket_answers_requests_and_refuses_strangers(venue: RawGemini) -> None:
    async with venue.connect("/ws") as socket:
        assert (await ask(socket, {"id": 1, "method": "ping"}))["status"] == 200
        assert (await ask(socket, {"id": 2, "method": "time"}))["result"]["serverTime"] > 10**12
        assert (await ask(socket, {"id": 3, "method": "conninfo"}))["status"] == 200
        place = {"id": 4, "method": "order.place", "params": {}}
        refused = await ask(socket, place)
        assert (refused["status"], refused["error"]["code"]) == (401, -1002)
        private = {"id": 5, "method": "subscribe", "params": ["orders@account"]}
        assert (await ask(socket, private))["status"] == 401
        assert (await ask(socket, {"id": 6, "method": "dance"}))["error"]["code"] == -1020
        unknown = {"id": 8, "method": "subscribe", "params": ["nousd@trade"]}
        assert (await ask(socket, unknown))["error"]["code"] == -1013


async def test_an_order_lives_on_the_new_socket(timed: RawGemini) -> None:
    async with timed.connect("/ws", timed.socket_headers()) as socket:
        streams = ["orders@account", "balances@account"]
        await ask(socket, {"id": 1, "method": "subscribe", "params": streams})
        order = {
            "symbol": "btcusd",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "price": "1000.00",
            "quantity": "0.1",
            "clientOrderId": "mine",
        }
        await socket.send(json.dumps({"id": 2, "method": "order.place", "params": order}))
        messages = await receive(socket, 4)
        states = [each["X"] for each in messages if each.get("e") == "orderUpdate"]
        assert states == ["NEW", "OPEN"]
        placed = next(each for each in messages if each.get("id") == 2)["result"]
        cancel = {"id": 3, "method": "order.cancel", "params": {"orderId": placed["orderId"]}}
        await socket.send(json.dumps(cancel))
        messages = await receive(socket, 3)
        cancelled = next(each for each in messages if each.get("e") == "orderUpdate")
        assert (cancelled["X"], cancelled["c"], cancelled["Z"]) == ("CANCELED", "mine", "0")
        again = await ask(socket, {**cancel, "id": 4})
        assert again["error"]["code"] == -2010
        take = {
            **order,
            "side": "SELL",
            "timeInForce": "IOC",
            "price": "100.00",
            "quantity": "0.01",
        }
        await socket.send(json.dumps({"id": 5, "method": "order.place", "params": take}))
        messages = await receive(socket, 3)
        while not any(each.get("X") == "FILLED" for each in messages):
            messages += await receive(socket, 1)
        fill = next(each for each in messages if each.get("X") == "FILLED")
        assert fill["z"] == "0"
        assert fill["m"] is False
        assert float(fill["n"]) > 0


async def test_orders_of_a_dead_connection_are_cancelled_if_it_requested_that(
    timed: RawGemini,
) -> None:
    order = {"symbol": "btcusd", "side": "BUY", "type": "LIMIT", "price": "900", "quantity": "0.1"}
    headers = timed.socket_headers()
    async with timed.connect("/ws?cancelOnDisconnect=true", headers) as socket:
        placed = await ask(socket, {"id": 1, "method": "order.place", "params": order})
    order_id = placed["result"]["orderId"]
    timed.nonce = lambda: int(headers["X-GEMINI-NONCE"])  # type: ignore[method-assign]
    await until_async(
        lambda: not timed.post("/v1/order/status", order_id=order_id).json()["is_live"]
    )


async def test_a_counter_key_cannot_sign_in_on_the_new_socket(venue: RawGemini) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with venue.connect("/ws", venue.socket_headers()):
            pass
    assert refused.value.response.status_code == 400


ORDER_EVENTS = "/v1/order/events"


async def test_order_events_report_an_orders_whole_life(venue: RawGemini) -> None:
    resting = venue.order("buy", "1000", "0.1").json()["order_id"]
    async with venue.connect(ORDER_EVENTS, venue.headers(ORDER_EVENTS)) as socket:
        (acknowledgement,) = await receive(socket, 1)
        assert acknowledgement["type"] == "subscription_ack"
        ((initial,),) = await receive(socket, 1)
        assert (initial["type"], initial["order_id"]) == ("initial", resting)
        assert "event_id" not in initial
        venue.post("/v1/order/cancel", order_id=resting)
        options = ["immediate-or-cancel"]
        venue.order("sell", "100", "0.01", options=options, client_order_id="ioc")
        messages = [each for (each,) in await receive(socket, 4)]
        while messages[-1]["type"] != "closed" or messages[-1]["order_id"] == resting:
            messages += [each for (each,) in await receive(socket, 1)]
    kinds = [each["type"] for each in messages]
    assert kinds[:3] == ["cancelled", "closed", "accepted"]
    assert messages[0]["reason"] == "Requested"
    assert set(kinds[3:-1]) == {"fill"}
    last = messages[-2]
    assert (last["remaining_amount"], last["is_live"], last["behavior"]) == ("0", False, options[0])
    assert last["fill"]["liquidity"] == "Taker"
    sequences = [initial["socket_sequence"], *(each["socket_sequence"] for each in messages)]
    assert sequences == list(range(len(sequences)))


async def test_order_events_pass_only_the_filtered(venue: RawGemini) -> None:
    path = f"{ORDER_EVENTS}?symbolFilter=ethusd&eventTypeFilter=accepted&heartbeat=true"
    async with venue.connect(path, venue.headers(ORDER_EVENTS)) as socket:
        await receive(socket, 1)
        venue.order("buy", "1000", "0.1")
        placed = venue.order("buy", "100", "0.1", symbol="ethusd").json()["order_id"]
        ((event,),) = await receive(socket, 1)
        assert (event["type"], event["order_id"]) == ("accepted", placed)


async def test_order_events_without_a_good_signature_are_refused(venue: RawGemini) -> None:
    for headers in (None, venue.headers("/v1/orders")):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with venue.connect(ORDER_EVENTS, headers):
                pass
        assert refused.value.response.status_code == 400
