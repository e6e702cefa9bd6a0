"""Stopping a trader that is about to send: a pause, a halt, a SIGTERM, a flatten."""

import asyncio
from decimal import Decimal
from random import Random

import msgspec
import pytest
from soaks.desk import reconciled
from soaks.orders import Soak
from venues.faulty import BTCUSD, MemoryJournal

from tradebot.domain.decision import Window
from tradebot.domain.intent import Intent
from tradebot.domain.order_state import Phase
from tradebot.trader.journal.entries import Body, Entry, Halted, Paused
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.venue.errors import RejectedError
from tradebot.venue.port import Ticker


class SlowJournal(MemoryJournal):
    """Confirms entries only while it is open, like a slow broker."""

    def __init__(self) -> None:
        super().__init__(Random(1))
        self.open = asyncio.Event()
        self.open.set()

    async def append(self, *entries: Entry) -> None:
        await self.open.wait()
        await super().append(*entries)


def a_buy(journaled: JournaledLedger, number: int = 1) -> Intent:
    return journaled.intent(
        "buy", Decimal(1), Decimal(11500),
        mid=Decimal(11400), window_end=60_000 * number, name=f"btc-{number}",
        minimum=Decimal(0),
    )  # fmt: skip


@pytest.mark.parametrize(
    "stop", [Paused(because="now", by="a person"), Halted(reason="a limit")], ids=["pause", "halt"]
)
async def test_a_stop_that_was_written_before_an_intent_keeps_its_order_back(stop: Body) -> None:
    journal = SlowJournal()
    desk = await reconciled(journal)
    journal.open.clear()
    first = asyncio.create_task(desk.journaled.record(stop))
    await asyncio.sleep(0)
    window = Window(end=desk.venue.now, ratio=1.0, complete=True)
    second = asyncio.create_task(desk.decider.on_window(window))
    for _ in range(50):  # decided before the stop, and waiting to be written
        await asyncio.sleep(0)
    journal.open.set()
    await asyncio.gather(first, second)
    assert not desk.venue.orders
    [placed] = desk.journaled.ledger.orders.values()
    assert placed.order.phase == Phase.UNPLACED
    assert placed.order.reason.startswith("halted or paused before it was sent")


async def test_a_trader_stopped_while_it_requests_prices_sends_nothing() -> None:
    desk = await reconciled()
    asked, answered = asyncio.Event(), asyncio.Event()
    ticker = desk.venue.ticker

    async def slowly() -> Ticker:
        asked.set()
        await answered.wait()
        return await ticker()

    desk.venue.ticker = slowly  # type: ignore[method-assign]
    window = Window(end=desk.venue.now, ratio=1.0, complete=True)
    deciding = asyncio.create_task(desk.decider.on_window(window))
    await asked.wait()
    stopping = asyncio.create_task(desk.acts.stop(flatten=False, cancel=True))
    await asyncio.sleep(0)
    answered.set()
    await stopping
    assert await deciding is None, "the window is left to the next trader"
    assert not desk.venue.orders and not desk.journaled.ledger.orders


async def flattened(desk: Soak) -> str:
    desk.venue.base = Decimal("0.12345678")
    await desk.engine.reconcile()
    return await desk.acts.flatten("out", "a person")


async def test_flatten_sells_on_when_the_venue_s_steps_have_grown() -> None:
    desk = await reconciled()
    coarse = msgspec.structs.replace(BTCUSD, amount_step=Decimal("0.001"), minimum=Decimal("0.001"))
    market = desk.venue

    def forget() -> None:
        async def refresh() -> None:
            market.instrument = coarse

        market.refresh = refresh  # type: ignore[method-assign]

    market.forget = forget  # type: ignore[method-assign]

    def look(intent: Intent) -> None:
        if intent.amount % coarse.amount_step:
            raise RejectedError("InvalidQuantity", f"Invalid quantity: {intent.amount}")

    market.look = look
    told = await flattened(desk)
    assert "has nothing left to sell" in told
    assert 0 < desk.venue.base < coarse.minimum


async def test_flatten_continues_though_the_bot_is_halted() -> None:
    desk = await reconciled()
    await desk.journaled.record(Halted(reason="a limit"))
    assert "has nothing left" in await flattened(desk)
    assert desk.venue.base == 0


async def test_dust_below_the_smallest_order_is_left_without_a_try() -> None:
    desk = await reconciled()
    desk.venue.base = Decimal("0.00000999")
    await desk.engine.reconcile()
    assert "has nothing left" in await desk.acts.flatten("out", "a person")
    assert not desk.venue.orders


async def test_a_fill_of_a_second_order_of_one_name_halts_the_bot_once() -> None:
    desk = await reconciled()
    intent = a_buy(desk.journaled)
    await desk.engine.execute(intent)
    foreign = desk.venue.rest_one(intent.client_order_id, intent)
    foreign.live = False
    desk.venue._fill(foreign, Decimal("0.5"))
    await desk.engine.reconcile()
    assert "more than one order for intent tb-btc-1-1" in desk.journaled.ledger.halted
    await desk.acts.resume("looked into", "a person")
    await desk.engine.reconcile()
    assert not desk.journaled.ledger.halted, "what a person has lifted is not found again"
