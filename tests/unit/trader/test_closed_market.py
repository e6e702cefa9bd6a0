"""A market that accepts no orders for a while: nothing is sent, and the bot continues later."""

import msgspec
import pytest
from soaks.orders import Soak
from soaks.trend import Trend
from venues.faulty import BTCUSD, FEE

from tradebot.domain.decision import Window
from tradebot.domain.instrument import Instrument
from tradebot.domain.intent import Intent
from tradebot.domain.situation import MarketStatus
from tradebot.trader.inputs.market import MarketClient
from tradebot.venue.errors import RejectedError
from tradebot.venue.port import Book, BookLevel, Fees, Ticker


class Exchange:
    """A trader at a venue whose market is open or not."""

    def __init__(self) -> None:
        self.status: MarketStatus = "open"
        self.refused = 0
        self.desk = Soak(seed=1, windows=0, kill_rate=0.0)
        self.desk.venue.rate = 0.0
        self.desk.venue.look = self._refuse_unless_open
        self.desk.forecasts = Trend(-0.01)

    async def start(self) -> None:
        await self.desk._start()
        fees = Fees(maker_bps=FEE * 10_000, taker_bps=FEE * 10_000)
        self.desk.engine.market = MarketClient(self, "BTCUSD", fees)  # type: ignore[arg-type]
        await self.desk.engine.reconcile()

    def _refuse_unless_open(self, _intent: Intent) -> None:
        if self.status not in ("open", "limit_only"):
            self.refused += 1
            raise RejectedError("MarketNotOpen", f"the market is {self.status}")

    async def instrument(self, _symbol: str) -> Instrument:
        return msgspec.structs.replace(BTCUSD, status=self.status)

    async def ticker(self, _symbol: str) -> Ticker:
        return await self.desk.venue.ticker()

    async def book(self, _symbol: str) -> Book:
        return Book([BookLevel(*level) for level in await self.desk.venue.bids()], [])

    async def minute(self) -> str:
        """Passes a window; returns the gate that held the order back, or ""."""
        self.desk.venue.pass_time(60_000)
        window = Window(end=self.desk.venue.now, ratio=1.0, complete=True)
        self.desk.clock.observe(self.desk.venue.now)
        if self.desk.engine.doubt or self.desk.engine.due.is_set():
            await self.desk._reconcile()
        decided = await self.desk.decider.on_window(window)
        assert decided is not None
        return decided.gate

    async def watch(self) -> None:
        """Runs the trader's regular check."""
        self.desk.engine.market.forget()
        await self.desk.engine.market.refresh()


@pytest.fixture
async def exchange() -> Exchange:
    made = Exchange()
    await made.start()
    return made


@pytest.mark.parametrize("status", ["closed", "cancel_only", "post_only"])
async def test_nothing_is_sent_to_a_market_that_says_it_is_not_open(
    exchange: Exchange, status: MarketStatus
) -> None:
    exchange.status = status
    await exchange.watch()
    assert [await exchange.minute() for _ in range(40)] == ["market_status"] * 40
    assert exchange.refused == 0


async def test_the_reason_to_hold_names_the_status(exchange: Exchange) -> None:
    exchange.status = "cancel_only"
    await exchange.watch()
    await exchange.minute()
    await exchange.desk.publisher.flush()
    told = exchange.desk.publisher.delivered_documents
    reasons = [d.body["reason"] for d in told if d.doc_type == "decision"]
    assert reasons == ["the venue's market is cancel_only: it accepts no order that trades at once"]


async def test_the_first_refusal_shows_that_a_market_has_closed(
    exchange: Exchange,
) -> None:
    exchange.status = "closed"
    assert [await exchange.minute() for _ in range(5)] == ["", *["market_status"] * 4]
    assert exchange.refused == 1


async def test_the_bot_continues_in_the_first_minute_after_the_market_opens(
    exchange: Exchange,
) -> None:
    exchange.status = "closed"
    for _ in range(31):
        await exchange.minute()
    exchange.status = "open"
    await exchange.watch()
    assert await exchange.minute() == ""
    assert exchange.desk.venue.orders, "an order was taken"


async def test_flatten_sends_nothing_to_a_closed_market_and_says_what_is_left(
    exchange: Exchange,
) -> None:
    exchange.status = "closed"
    told = await exchange.desk.acts.flatten("out", "a person")
    assert "is not sold yet" in told
    assert exchange.refused == 0


async def test_flatten_sells_all_once_the_market_is_open_again(exchange: Exchange) -> None:
    exchange.status = "closed"
    await exchange.desk.acts.flatten("out", "a person")
    exchange.status = "open"
    await exchange.desk.acts.flatten("out", "a person")
    assert exchange.refused == 0
    assert exchange.desk.venue.orders
