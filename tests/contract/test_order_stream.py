"""The trader's order stream against the emulator: books fills missed by REST, once each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from soaks.orders import HeldLease
from venues.emulated import Time, emulator
from venues.faulty import MemoryJournal, MemoryPublisher
from waiting.conditions import until_async

from tradebot.domain.decision import Settings
from tradebot.domain.intent import Intent
from tradebot.platform.clock import VenueClock
from tradebot.trader.engine import Engine
from tradebot.trader.inputs.market import MarketClient
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import EpochTaken
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.ledger import Placed
from tradebot.trader.order_stream import OrderStream
from tradebot.trader.orders.execution import Executor
from tradebot.trader.orders.reconcile import Reconciler
from tradebot.venue.port import (
    AccountEvent,
    ConnectedEvent,
    Keys,
    OrderEvent,
    Venue,
    fee_table,
    open_venue,
)
from tradebot.venue.settings import VenueSettings

LOST_ANSWER = {"kind": "drop", "where": "rest", "match": "/v1/order/new", "part": "answer"}


class Desk:
    """A trader's account, and what its order stream has processed."""

    def __init__(self, venue: Venue) -> None:
        self.seen: list[AccountEvent] = []
        who = Identity(bot="btc", symbol="BTCUSD", mode="Live")
        clock = VenueClock()
        self.journaled = JournaledLedger(
            MemoryJournal(Random(1)), MemoryPublisher(Random(1)), who, clock.now
        )
        self.account = account = venue.account("BTCUSD")
        self.executor = Executor(self.journaled, account, lambda: True)
        self.engine = Engine(
            journaled=self.journaled,
            executor=self.executor,
            reconciler=Reconciler(
                self.journaled, account, self.executor, symbol="BTCUSD", currencies=("BTC", "USD")
            ),
            market=MarketClient(venue.market, "BTCUSD", fee_table("gemini").first),
            clock=clock,
            lease=HeldLease(),
            rules=Settings(),
        )
        self.stream = OrderStream(self.engine)

    async def start(self) -> None:
        self.journaled.open()
        await self.journaled.record(EpochTaken(epoch=1, mode="Live"))
        await self.engine.reconcile()
        self.engine.due.clear()

    @asynccontextmanager
    async def streaming(self) -> AsyncIterator[None]:
        """Runs the stream inside the block, from its first connection on."""
        take = self.stream.take

        async def remember(event: AccountEvent) -> None:
            await take(event)
            self.seen.append(event)

        self.stream.take = remember  # type: ignore[method-assign]
        task = asyncio.create_task(self.stream.run())
        await until_async(lambda: self.connections() == 1)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.stream.take = take  # type: ignore[method-assign]

    def connections(self) -> int:
        return sum(isinstance(event, ConnectedEvent) for event in self.seen)

    def over(self, intent: Intent) -> bool:
        """Whether the stream has reported the intent's order as closed."""
        return any(
            isinstance(event, OrderEvent)
            and event.client_order_id == intent.client_order_id
            and not event.live
            for event in self.seen
        )

    async def a_buy(self) -> Intent:
        price = (await self.engine.market.ticker()).ask * Decimal("1.01")
        return self.journaled.intent(
            "buy", Decimal("0.5"), price.quantize(Decimal("0.01")),
            mid=price, window_end=60_000, name="d", minimum=Decimal("0.00001"),
        )  # fmt: skip

    def placed(self, intent: Intent) -> Placed:
        return self.journaled.ledger.orders[intent.client_order_id]


@pytest.fixture(params=["account-demo", "account-demo-time"], ids=["old stream", "new stream"])
def key(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with emulator(Time()) as address:
        yield address


@pytest.fixture
async def desk(url: str, key: str, tmp_path: Path) -> AsyncIterator[Desk]:
    (tmp_path / "key").write_text(key)
    (tmp_path / "secret").write_text("demo-secret")
    keys = Keys(
        api_key_file=str(tmp_path / "key"),
        api_secret_file=str(tmp_path / "secret"),
        time_based_nonce=key.endswith("time"),
    )
    async with aclosing(open_venue(VenueSettings(emulator_url=url), keys)) as venue:
        made = Desk(venue)
        await made.start()
        yield made


async def arm(url: str, rule: dict[str, Any]) -> None:
    async with httpx.AsyncClient() as control:
        (await control.post(f"{url}/emulator/faults", json=rule)).raise_for_status()


async def holds(desk: Desk) -> None:
    """Checks that the ledger explains the venue's balances."""
    outcome = await desk.engine.reconcile()
    assert outcome.certain
    assert (outcome.outside_base, outcome.outside_quote) == (0, 0)
    assert desk.journaled.ledger.base == outcome.base.amount


async def test_an_order_whose_response_was_lost_is_known_by_the_stream(
    url: str, desk: Desk, key: str
) -> None:
    async with desk.streaming():
        await arm(url, LOST_ANSWER)
        intent = await desk.a_buy()
        desk.engine.due.clear()
        assert not await desk.executor.execute(intent), "its answer is lost"
        await until_async(lambda: desk.over(intent))
        if key == "account-demo":
            assert desk.placed(intent).order.booked == Decimal("0.5")
        else:  # the new stream sends no fee: REST is requested at once
            assert desk.engine.due.is_set()
    await holds(desk)
    assert desk.placed(intent).order.booked == Decimal("0.5")


async def test_a_fill_that_response_and_stream_both_report_is_booked_once(desk: Desk) -> None:
    async with desk.streaming():
        intent = await desk.a_buy()
        assert await desk.executor.execute(intent)
        await until_async(lambda: desk.over(intent))
    fills = desk.placed(intent).order.fills
    assert sum(fill.amount for fill in fills) == Decimal("0.5")
    await holds(desk)


async def test_a_stream_that_was_cut_connects_again_and_asks_what_it_missed(
    url: str, desk: Desk
) -> None:
    async with desk.streaming():
        desk.engine.due.clear()
        await arm(url, {"kind": "disconnect", "where": "sockets"})
        await until_async(lambda: desk.connections() == 2)
        assert desk.engine.due.is_set()
        intent = await desk.a_buy()
        assert await desk.executor.execute(intent)
        await until_async(lambda: desk.over(intent))
    await holds(desk)


async def test_without_a_stream_a_lost_response_is_looked_up(url: str, desk: Desk) -> None:
    await arm(url, LOST_ANSWER)
    intent = await desk.a_buy()
    assert not await desk.executor.execute(intent)
    await holds(desk)
    assert desk.placed(intent).order.booked == Decimal("0.5")


async def test_another_client_of_the_account_is_noticed_at_once(desk: Desk) -> None:
    async with desk.streaming():
        desk.engine.due.clear()
        theirs = msgspec.structs.replace(await desk.a_buy(), client_order_id="tb-other-1-1")
        await desk.account.place(theirs)
        await until_async(desk.engine.due.is_set)
