"""The client against the emulator: REST and both streams report an order's life alike."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal

import pytest
from venues.emulated import START, Time, emulator

from tradebot.platform.clock import VenueClock
from tradebot.venue.errors import FeedBrokenError, RejectedError
from tradebot.venue.events import (
    AccountEvent,
    BalanceEvent,
    BookEvent,
    ConnectedEvent,
    MarketEvent,
    OrderEvent,
)
from tradebot.venue.events import OrderEventType as State
from tradebot.venue.gemini.account_socket import AccountSocket, connect_account
from tradebot.venue.gemini.answers import NewOrder, OrderOption, OrderSide
from tradebot.venue.gemini.endpoints import Endpoints
from tradebot.venue.gemini.feeds import Interface
from tradebot.venue.gemini.instruments import instrument_of
from tradebot.venue.gemini.market_data import GeminiMarketStream, connect
from tradebot.venue.gemini.nonces import TimeNonces
from tradebot.venue.gemini.order_events import connect_orders, follow_account
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import Credentials

COUNTER = Credentials("account-demo", "demo-secret")
TIMED = Credentials("account-demo-time", "demo-secret")
CENT = Decimal("0.01")


def addresses(url: str) -> Endpoints:
    socket = url.replace("http", "ws", 1)
    return Endpoints(url, f"{socket}/ws", socket)


def order(
    side: OrderSide, price: Decimal, name: str, option: OrderOption | None = None
) -> NewOrder:
    return NewOrder(
        symbol="BTCUSD",
        side=side,
        amount=Decimal("0.01"),
        price=price.quantize(CENT),
        client_order_id=name,
        option=option,
    )


async def states(events: AsyncIterator[AccountEvent], until: State) -> list[State]:
    """Returns the states of the next order, up to `until`."""
    found: list[State] = []
    async with asyncio.timeout(30):
        async for event in events:
            if isinstance(event, OrderEvent):
                found.append(event.state)
                if event.state is until:
                    return found
    raise AssertionError("the stream ended")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with emulator(Time()) as address:
        yield address


@pytest.fixture
async def rest(url: str) -> AsyncIterator[GeminiRest]:
    async with GeminiRest(url, COUNTER) as client:
        yield client


async def test_a_taker_is_filled_and_its_fee_is_reported_by_order_fills_and_balance(
    rest: GeminiRest,
) -> None:
    before = {each.currency: each.amount for each in await rest.balances()}
    ticker = await rest.ticker("BTCUSD")
    wanted = order("buy", ticker.ask * Decimal("1.01"), "t-1", "immediate-or-cancel")
    placed = await rest.new_order(wanted)
    assert placed.executed_amount == wanted.amount and not placed.is_live
    (found,) = await rest.orders_by_client_id("t-1", include_trades=True)
    fills = await rest.my_trades("BTCUSD")
    assert found.order_id == placed.order_id
    assert [fill.tid for fill in found.trades] == [fill.tid for fill in fills]
    assert sum(fill.amount for fill in fills) == wanted.amount
    paid = sum(fill.price * fill.amount + fill.fee_amount for fill in fills)
    after = {each.currency: each.amount for each in await rest.balances()}
    assert after["BTC"] - before["BTC"] == wanted.amount
    assert before["USD"] - after["USD"] == paid


async def test_a_resting_order_is_seen_cancelled_and_found_in_the_history(
    rest: GeminiRest,
) -> None:
    ticker = await rest.ticker("BTCUSD")
    placed = await rest.new_order(order("buy", ticker.bid * Decimal("0.9"), "r-1"))
    assert [each.order_id for each in await rest.active_orders()] == [placed.order_id]
    cancelled = await rest.cancel_order(placed.order_id)
    assert cancelled.is_cancelled and cancelled.reason == "Requested"
    again = await rest.cancel_order(placed.order_id)
    assert again.is_cancelled
    assert await rest.active_orders() == []
    history = await rest.orders_history("BTCUSD")
    assert placed.order_id in [each.order_id for each in history]


async def test_cancelling_a_session_takes_all_its_orders(rest: GeminiRest) -> None:
    ticker = await rest.ticker("BTCUSD")
    low = ticker.bid * Decimal("0.9")
    placed = [await rest.new_order(order("buy", low - n, f"s-{n}")) for n in range(3)]
    report = await rest.cancel_session()
    assert sorted(report.cancelled) == sorted(each.order_id for each in placed)


async def test_refusals_carry_the_venues_reason(rest: GeminiRest) -> None:
    with pytest.raises(RejectedError) as funds:
        await rest.new_order(
            NewOrder(
                symbol="BTCUSD",
                side="buy",
                amount=Decimal(1000),
                price=Decimal(10_000),
                client_order_id="x",
            )
        )
    assert funds.value.reason == "InsufficientFunds"
    with pytest.raises(RejectedError) as unknown:
        await rest.cancel_order("999999999")
    assert unknown.value.reason == "OrderNotFound"
    assert await rest.orders_by_client_id("never used") == []


async def test_a_wrong_secret_is_refused(url: str) -> None:
    async with GeminiRest(url, Credentials("account-demo", "wrong")) as client:
        with pytest.raises(RejectedError, match="InvalidSignature"):
            await client.balances()


async def test_a_time_based_key_and_a_master_key_are_served(url: str) -> None:
    async with GeminiRest(url, TIMED, nonces=TimeNonces()) as client:
        assert await client.balances()
    master = Credentials("master-demo", "demo-secret", account="primary")
    async with GeminiRest(url, master) as client:
        assert await client.balances()


async def test_many_calls_at_once_on_one_key_keep_its_nonces_in_order(rest: GeminiRest) -> None:
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(rest.heartbeat() for _ in range(50)))
    assert answers == [None] * 50


@pytest.mark.parametrize("interface", ["new", "v1"])
async def test_market_data_begins_with_a_whole_book_that_is_the_venues(
    interface: Interface,
) -> None:
    told, time = VenueClock(), Time()
    told.observe(START)
    async with (
        emulator(time) as url,
        GeminiRest(url) as rest,
        connect(addresses(url), "BTCUSD", interface, told) as stream,
    ):
        time.now += 1.0  # a change has a time; v1's whole book has none
        first = next(each for each in await a_batch(stream) if isinstance(each, BookEvent))
        assert first.snapshot
        book = await rest.book("BTCUSD", limit=0)
        bids = [(each.price, each.amount) for each in book.bids]
        asks = [(each.price, each.amount) for each in book.asks]
        async with asyncio.timeout(30):
            while (list(stream.book.levels("bid")), list(stream.book.levels("ask"))) != (
                bids,
                asks,
            ):
                await stream.batch()


async def a_batch(stream: GeminiMarketStream) -> list[MarketEvent]:
    """Returns the first events of the stream."""
    async with asyncio.timeout(30):
        while not (events := await stream.batch()):
            pass
    return events


async def test_an_instrument_comes_from_the_venue(rest: GeminiRest) -> None:
    instrument = instrument_of(await rest.symbol_details("BTCUSD"))
    assert (instrument.amount_step, instrument.price_step) == (Decimal("1E-8"), CENT)


async def test_the_old_stream_reports_an_orders_whole_life(url: str, rest: GeminiRest) -> None:
    ticker = await rest.ticker("BTCUSD")
    async with connect_orders(addresses(url), rest, "BTCUSD") as events:
        assert await anext(events) == ConnectedEvent()
        wanted = order("buy", ticker.ask * Decimal("1.01"), "o-1", "immediate-or-cancel")
        placed = await rest.new_order(wanted)
        seen: list[OrderEvent] = []
        async for event in events:
            if isinstance(event, OrderEvent):
                seen.append(event)
                if event.state is State.CLOSED:
                    break
    assert [each.state for each in seen if each.state is not State.FILLED] == [
        State.ACCEPTED,
        State.CLOSED,
    ]
    fills = {each.fill.trade_id: each.fill for each in seen if each.fill is not None}
    told = {str(fill.tid): fill for fill in await rest.my_trades("BTCUSD")}
    assert fills.keys() == told.keys()
    for trade_id, fill in fills.items():
        theirs = told[trade_id]
        assert (fill.price, fill.amount, fill.fee) == (
            theirs.price,
            theirs.amount,
            theirs.fee_amount,
        )
    assert {each.order_id for each in seen} == {placed.order_id}


async def test_the_old_stream_begins_with_the_orders_that_are_live(
    url: str, rest: GeminiRest
) -> None:
    ticker = await rest.ticker("BTCUSD")
    await rest.new_order(order("buy", ticker.bid * Decimal("0.9"), "live-1"))
    async with aclosing(follow_account(addresses(url), rest, "BTCUSD")) as events:
        assert await anext(events) == ConnectedEvent()
        first = await anext(events)
    assert isinstance(first, OrderEvent)
    assert (first.state, first.client_order_id) == (State.SNAPSHOT, "live-1")


@asynccontextmanager
async def new_socket(url: str) -> AsyncIterator[tuple[AccountSocket, GeminiRest]]:
    async with (
        GeminiRest(url, TIMED, nonces=TimeNonces()) as client,
        connect_account(addresses(url), client) as socket,
    ):
        yield socket, client


async def test_an_orders_life_is_sent_over_the_new_socket(url: str) -> None:
    async with new_socket(url) as (socket, client):
        events = socket.events()
        assert await anext(events) == ConnectedEvent()
        ticker = await client.ticker("BTCUSD")
        await client.new_order(order("buy", ticker.bid * Decimal("0.9"), "n-1"))
        assert (await states(events, State.BOOKED))[0] is State.ACCEPTED
        (placed,) = await client.orders_by_client_id("n-1")
        assert placed.is_live
        await client.cancel_order(placed.order_id)
        assert await states(events, State.CANCELLED)
        (placed,) = await client.orders_by_client_id("n-1")
        assert placed.is_cancelled


async def test_fills_and_balances_over_the_new_socket_are_those_of_rest(url: str) -> None:
    async with new_socket(url) as (socket, client):
        ticker = await client.ticker("BTCUSD")
        wanted = order("buy", ticker.ask * Decimal("1.01"), "n-2", "immediate-or-cancel")
        await client.new_order(wanted)
        told = {str(fill.tid): fill.amount for fill in await client.my_trades("BTCUSD")}
        held = {each.currency: each.amount for each in await client.balances()}
        fills: dict[str, Decimal] = {}
        balances: dict[str, Decimal] = {}
        async with asyncio.timeout(30):
            async for event in socket.events():
                if isinstance(event, OrderEvent) and event.fill is not None:
                    fills[event.fill.trade_id] = event.fill.amount
                if isinstance(event, BalanceEvent):
                    balances[event.currency] = event.amount
                if fills == told and balances.items() <= held.items() and len(balances) == 2:
                    break


async def test_the_new_socket_does_not_take_a_counting_key(url: str, rest: GeminiRest) -> None:
    with pytest.raises(FeedBrokenError, match=r"InvalidNonce|HTTP 40"):
        async with connect_account(addresses(url), rest):
            pass
