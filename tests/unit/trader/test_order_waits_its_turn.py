"""An order waiting among its key's calls can still be withheld."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from random import Random

import httpx
import pytest
from venues.faulty import MemoryJournal, MemoryPublisher
from waiting.virtual_time import VirtualTime

from tradebot.domain.order_state import Phase
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import Paused
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.orders.execution import Executor, withheld
from tradebot.venue.gemini import account as accounts
from tradebot.venue.gemini.account import GeminiAccount
from tradebot.venue.gemini.endpoints import Endpoints
from tradebot.venue.gemini.rate_limit import RateLimit
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import Credentials

ADDRESSES = Endpoints("http://venue", "ws://venue", "ws://venue")


class Desk:
    """A live trader's order path, whose key's calls wait 0.3 s after a 429."""

    def __init__(self, virtual_time: VirtualTime) -> None:
        self.sent: list[str] = []
        self.holds = True
        limit = RateLimit(600, burst=60, concurrent=1, clock=virtual_time.time)
        limit.refused(0.3)

        def answer(request: httpx.Request) -> httpx.Response:
            self.sent.append(request.url.path)
            return httpx.Response(406, json={"result": "error", "reason": "InsufficientFunds"})

        rest = GeminiRest(
            "http://venue",
            Credentials("account-test", "secret"),
            private=limit,
            transport=httpx.MockTransport(answer),
        )
        who = Identity(bot="btc", symbol="BTCUSD", mode="Live")
        self.journaled = JournaledLedger(
            MemoryJournal(Random(1)), MemoryPublisher(Random(1)), who, lambda: 7
        )
        held = lambda: self.holds  # noqa: E731
        account = GeminiAccount(rest, ADDRESSES, "BTCUSD", partial(withheld, self.journaled, held))
        self.executor = Executor(self.journaled, account, held)

    @asynccontextmanager
    async def waiting(self, reduces: bool = False) -> AsyncIterator[None]:
        """Runs the block while an order is written and waits; its turn comes afterwards."""
        intent = self.journaled.intent(
            "sell",
            Decimal(1),
            Decimal(11500),
            mid=Decimal(11500),
            window_end=60_000,
            name="d",
            minimum=Decimal(0),
            reduces=reduces,
        )
        sending = asyncio.create_task(self.executor.execute(intent))
        await asyncio.sleep(0.1)  # of virtual time: before its turn, when nothing else is left
        assert self.journaled.ledger.unresolved() and not self.sent
        yield
        assert await sending, "its fate is certain"

    def phase(self) -> Phase:
        [placed] = self.journaled.ledger.orders.values()
        return placed.order.phase


async def test_an_order_goes_out_when_its_turn_comes(virtual_time: VirtualTime) -> None:
    desk = Desk(virtual_time)
    async with desk.waiting():
        pass
    assert desk.sent == ["/v1/order/new"]


async def test_an_order_whose_lease_is_lost_while_it_waits_is_never_sent(
    virtual_time: VirtualTime,
) -> None:
    desk = Desk(virtual_time)
    async with desk.waiting():
        desk.holds = False
    assert (desk.sent, desk.phase()) == ([], Phase.UNPLACED)


async def test_an_order_whose_bot_is_paused_while_it_waits_is_never_sent(
    virtual_time: VirtualTime,
) -> None:
    desk = Desk(virtual_time)
    async with desk.waiting():
        await desk.journaled.record(Paused(because="now", by="a person"))
    assert (desk.sent, desk.phase()) == ([], Phase.UNPLACED)


async def test_a_person_s_order_to_flatten_goes_out_though_the_bot_is_paused(
    virtual_time: VirtualTime,
) -> None:
    desk = Desk(virtual_time)
    async with desk.waiting(reduces=True):
        await desk.journaled.record(Paused(because="out", by="a person"))
    assert desk.sent == ["/v1/order/new"]


async def test_an_order_whose_turn_comes_too_late_is_never_sent(
    monkeypatch: pytest.MonkeyPatch, virtual_time: VirtualTime
) -> None:
    monkeypatch.setattr(accounts, "LATEST_TURN", 0.2)
    desk = Desk(virtual_time)
    async with desk.waiting():
        pass
    assert (desk.sent, desk.phase()) == ([], Phase.UNPLACED)
