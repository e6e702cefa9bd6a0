"""The waiting trader: it follows the journal, reports that, sends nothing, and takes over."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from venues.faulty import FaultyVenue
from waiting.conditions import until_async

from tradebot.platform.control import ControlRequest
from tradebot.platform.health import Readiness
from tradebot.platform.settings import load
from tradebot.trader.claim_files import ClaimFiles
from tradebot.trader.control.client import ask
from tradebot.trader.control.status import lines
from tradebot.trader.direct import UnsentDocuments
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import EpochTaken, Halted
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.store import JournalError, SqliteJournal
from tradebot.trader.lease import LeaseLostError
from tradebot.trader.orders.held import HeldAccount
from tradebot.trader.renewed_lease import RenewedLease, Term
from tradebot.trader.settings import TraderSettings
from tradebot.trader.standby import Standby
from tradebot.venue.port import VenueAccount

WHO = Identity(bot="btc", symbol="BTCUSD", mode="Live")


class Pair:
    """An active trader's lease and ledger, and the standby of the same folder."""

    def __init__(self, folder: Path) -> None:
        self.settings = load(TraderSettings, flags={"state_dir": str(folder), "standby": True})
        self.active = self.lease("active")
        self.readiness = Readiness("trader")
        self.broken = False
        self.writer = self.ledger()
        self.second = self.lease("second")
        self.standby = Standby(self.settings, self.readiness, self.second, self.opened)

    def lease(self, holder: str) -> RenewedLease:
        return RenewedLease(ClaimFiles(self.settings.folder), holder=holder, term=Term(60))

    def ledger(self) -> JournaledLedger:
        journal = SqliteJournal(self.settings.folder / "journal.sqlite")
        return JournaledLedger(journal, UnsentDocuments(), WHO, lambda: 1)

    def opened(self) -> JournaledLedger:
        if self.broken:
            raise JournalError("no broker responds")
        return self.ledger()


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    made = Pair(tmp_path)
    await made.active.acquire()
    made.writer.open()
    await made.writer.record(EpochTaken(epoch=1, mode="Live"))
    yield made
    await made.active.release()
    await made.second.release()
    made.writer.close()
    if made.standby.journaled is not None:
        made.standby.journaled.close()


async def asked(pair: Pair, act: str, request: ControlRequest | None = None) -> dict[str, Any]:
    folder = pair.settings.state_dir
    return await asyncio.to_thread(ask, folder, "btc", act, request)


async def test_a_standby_is_ready_says_what_it_is_and_follows(pair: Pair) -> None:
    waiting = asyncio.create_task(pair.standby.wait())
    await until_async(lambda: not pair.readiness.reasons())
    assert "active holds the lease" in pair.readiness.notes()["standby"]
    await pair.writer.record(Halted(reason="enough"))
    status = await until_async(lambda: asked_halted(pair))
    assert status["active"] == "active" and status["entries"] == 2
    assert lines(status)[0] == "btc: BTCUSD, standby; active trades"
    assert not waiting.done()
    await pair.active.release()
    assert await waiting == 2
    assert pair.standby.journaled is not None
    assert pair.standby.journaled.ledger == pair.writer.ledger


async def asked_halted(pair: Pair) -> dict[str, Any] | None:
    status = await asked(pair, "status")
    return status if status["halted"] else None


async def test_who_takes_over_is_not_ready_until_it_trades(pair: Pair) -> None:
    waiting = asyncio.create_task(pair.standby.wait())
    await until_async(lambda: not pair.readiness.reasons())
    await pair.active.release()
    await waiting
    assert list(pair.readiness.reasons()) == ["starting"] and not pair.readiness.notes()
    assert not (pair.settings.folder / "standby.json").exists()


async def test_a_standby_that_cannot_follow_is_not_ready_and_waits(pair: Pair) -> None:
    pair.broken = True
    waiting = asyncio.create_task(pair.standby.wait())
    await until_async(lambda: "journal" in pair.readiness.reasons())
    assert "no broker responds" in pair.readiness.reasons()["journal"]
    pair.broken = False
    await until_async(lambda: not pair.readiness.reasons())
    await pair.active.release()
    assert await waiting == 2


@pytest.mark.parametrize("act", ["pause", "resume", "flatten", "repair"])
async def test_a_standby_refuses_a_person_s_command_and_names_the_active_trader(
    pair: Pair, act: str
) -> None:
    waiting = asyncio.create_task(pair.standby.wait())
    await until_async(lambda: not pair.readiness.reasons())
    with pytest.raises(Exception, match="run the command where the active trader runs"):
        await asked(pair, act, ControlRequest(because="test", by="me"))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_standby_answers_only_who_can_read_its_token(pair: Pair) -> None:
    waiting = asyncio.create_task(pair.standby.wait())
    await until_async((pair.settings.folder / "standby.json").exists)
    url = json.loads((pair.settings.folder / "standby.json").read_text())["url"]
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/status")).status_code == 403
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_trader_without_its_lease_writes_nothing(tmp_path: Path) -> None:
    held = [True]
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    journaled = JournaledLedger(journal, UnsentDocuments(), WHO, lambda: 1, lambda: held[0])
    journaled.open()
    await journaled.record(EpochTaken(epoch=1, mode="Live"))
    held[0] = False
    with pytest.raises(LeaseLostError):
        await journaled.record(Halted(reason="too late"))
    assert [entry.number for entry in journal.read()] == [1]
    journaled.close()


CALLS = sorted(name for name, _ in inspect.getmembers(VenueAccount) if not name.startswith("_"))


@pytest.mark.parametrize("name", CALLS)
async def test_a_trader_without_its_lease_asks_the_venue_nothing(name: str) -> None:
    venue = FaultyVenue(seed=1, rate=0.0)
    account = HeldAccount(venue, lambda: False)
    wanted = inspect.signature(getattr(VenueAccount, name)).parameters
    with pytest.raises(LeaseLostError):
        answer = getattr(account, name)(*[None] * (len(wanted) - 1))
        await answer
