"""A journal whose brokers are away: exits go on, nothing is bought, and nothing is lost."""

import asyncio
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soaks.floor import Floor, holding
from soaks.orders import Soak
from waiting.conditions import until_async

from tradebot.domain.decision import Exits
from tradebot.trader.direct import UnsentDocuments
from tradebot.trader.journal import outage as module
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import Entry, EpochTaken, Intended, Paused
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.outage import OutageJournal
from tradebot.trader.journal.store import Journal, JournalError, decode, encode

D = Decimal
WHO = Identity(bot="btc", symbol="BTCUSD", mode="Live")
STOP = Exits(stop_loss=D("0.05"), max_slippage_bps=300)


class Brokers:
    """Store the entries like a topic; may be away, or accept an entry without confirming it."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.away = False
        self.silent = False

    def open(self) -> Journal:
        self.answer()
        return Home(self)

    def answer(self) -> None:
        if self.away:
            raise JournalError("no broker responds")

    def counting(self) -> list[Entry]:
        found: list[Entry] = []
        for entry in map(decode, self.lines):
            if found and entry.epoch < found[-1].epoch:
                continue
            found = [kept for kept in found if kept.number < entry.number]
            found.append(entry)
        return found

    def texts(self) -> list[str]:
        """Returns the journal's records, in order."""
        found = self.counting()
        assert [entry.number for entry in found] == [*range(1, len(found) + 1)]
        return [entry.body.because for entry in found if isinstance(entry.body, Paused)]


class Home:
    def __init__(self, brokers: Brokers) -> None:
        self.brokers = brokers

    def read(self) -> Iterator[Entry]:
        self.brokers.answer()
        return iter(self.brokers.counting())

    def follow(self) -> Iterator[Entry]:
        return iter(())

    async def append(self, *entries: Entry) -> None:
        self.brokers.answer()
        self.brokers.lines += map(encode, entries)
        if self.brokers.silent:
            raise JournalError("did not confirm an entry in time")

    async def compact(self, snapshot: Entry) -> bool:
        return False

    def close(self) -> None:
        pass


class Process:
    """A trader's process, as far as its journal is concerned."""

    def __init__(self, brokers: Brokers, folder: Path) -> None:
        self.journal = OutageJournal(brokers.open, folder / "outage.jsonl")
        self.ledger = JournaledLedger(self.journal, UnsentDocuments(), WHO, lambda: 1)

    async def start(self, epoch: int) -> None:
        self.ledger.open()
        await self.ledger.record(EpochTaken(epoch=epoch, mode="Live"))

    async def say(self, text: str) -> None:
        await self.ledger.record(Paused(because=text, by="t"))

    async def settle(self) -> None:
        """Waits until no entry waits."""
        running = asyncio.ensure_future(self.journal.run(lambda: None))
        await until_async(lambda: not self.journal.down or running.done())
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.001)


async def test_what_cannot_be_written_waits_and_is_written_once_when_the_brokers_are_back(
    tmp_path: Path,
) -> None:
    brokers = Brokers()
    trader = Process(brokers, tmp_path)
    await trader.start(1)
    await trader.say("a")
    brokers.away = True
    for text in "bcd":
        await trader.say(text)
    assert brokers.texts() == ["a"] and "no broker responds" in trader.ledger.down
    assert trader.ledger.ledger.paused == "d", "the ledger goes on"
    brokers.away = False
    returned = asyncio.Event()
    running = asyncio.ensure_future(trader.journal.run(returned.set))
    await returned.wait()
    running.cancel()
    assert brokers.texts() == ["a", "b", "c", "d"] and not trader.ledger.down
    await trader.say("e")
    assert brokers.texts() == ["a", "b", "c", "d", "e"]
    assert not (tmp_path / "outage.jsonl").exists(), "nothing waits any more"


async def test_an_entry_that_was_taken_without_a_word_counts_once(tmp_path: Path) -> None:
    brokers = Brokers()
    trader = Process(brokers, tmp_path)
    await trader.start(1)
    brokers.silent = True
    await trader.say("a")
    assert trader.ledger.down
    brokers.silent = False
    await trader.settle()
    await trader.say("b")
    assert brokers.texts() == ["a", "b"] and len(brokers.lines) == 4


async def test_a_trader_that_starts_during_the_outage_goes_on_from_the_file(tmp_path: Path) -> None:
    brokers = Brokers()
    killed = Process(brokers, tmp_path)
    await killed.start(1)
    await killed.say("a")
    brokers.away = True
    await killed.say("b")
    trader = Process(brokers, tmp_path)
    await trader.start(2)
    assert trader.ledger.ledger.paused == "b" and trader.ledger.down
    await trader.say("c")
    brokers.away = False
    with pytest.raises(JournalError, match="starts again"):
        await trader.journal.run(lambda: None)
    again = Process(brokers, tmp_path)
    await again.start(3)
    await again.settle()
    assert brokers.texts() == ["a", "b", "c"]


async def test_without_a_file_a_trader_cannot_start_during_an_outage(tmp_path: Path) -> None:
    brokers = Brokers()
    brokers.away = True
    with pytest.raises(JournalError, match="no broker responds"):
        Process(brokers, tmp_path)


async def test_a_standby_that_goes_on_blind_never_hides_what_was_written_before(
    tmp_path: Path,
) -> None:
    brokers = Brokers()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    active, standby = Process(brokers, tmp_path / "a"), Process(brokers, tmp_path / "b")
    await active.start(1)
    await active.say("a")
    standby.ledger.follow()
    await active.say("unseen")
    brokers.away = True
    assert standby.ledger.go_on_blind(JournalError("no broker responds"))
    await standby.ledger.record(EpochTaken(epoch=2, mode="Live"))
    await standby.say("b")
    brokers.away = False
    with pytest.raises(JournalError, match="starts again"):
        await standby.journal.run(lambda: None)
    again = Process(brokers, tmp_path / "b")
    await again.start(3)
    await again.settle()
    assert brokers.texts() == ["a", "unseen", "b"]


async def test_entries_of_a_trader_that_was_followed_are_put_aside(tmp_path: Path) -> None:
    brokers = Brokers()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    old = Process(brokers, tmp_path / "a")
    await old.start(1)
    brokers.away = True
    await old.say("held")
    brokers.away = False
    new = Process(brokers, tmp_path / "b")
    await new.start(2)
    await new.say("new")
    woken = Process(brokers, tmp_path / "a")
    woken.ledger.open()
    assert woken.ledger.ledger.paused == "new" and not woken.ledger.down
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["outage.aside"]


STEPS = st.lists(st.sampled_from(["say", "say", "away", "back", "silent", "kill"]), max_size=25)


@settings(deadline=None, max_examples=150)
@given(steps=STEPS)
async def test_whatever_brokers_and_process_do_all_that_was_recorded_is_in_the_journal_once(
    steps: list[str],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        brokers, epoch = Brokers(), 1
        trader: Process | None = Process(brokers, Path(folder))
        assert trader is not None
        await trader.start(epoch)
        said: list[str] = []
        for number, step in enumerate(steps):
            if step in ("away", "back", "silent"):
                brokers.away, brokers.silent = step == "away", step == "silent"
            elif step == "kill" or trader is None:
                epoch += 1
                try:
                    trader = Process(brokers, Path(folder))
                    await trader.start(epoch)
                except JournalError:
                    trader = None
            else:
                await trader.say(str(number))
                said.append(str(number))
        brokers.away = brokers.silent = False
        trader = Process(brokers, Path(folder))
        await trader.start(epoch + 1)
        await trader.settle()
        assert brokers.texts() == said


# With a trader around it.


async def held(tmp_path: Path, **rules: object) -> tuple[Soak, Floor, Brokers]:
    """Returns a desk that holds one coin, bought at 10,000, with its journal at brokers."""
    desk, floor = await holding(STOP, **rules)
    brokers = Brokers()
    brokers.lines = desk.journal.lines
    journal = OutageJournal(brokers.open, tmp_path / "outage.jsonl")
    journal.base = desk.journaled._snapshot
    desk.journaled._journal = desk.journaled._outage = journal
    return desk, floor, brokers


def intents(lines: list[bytes]) -> list[str]:
    bodies = [decode(line).body for line in lines]
    return [body.intent.side for body in bodies if isinstance(body, Intended)]


async def test_a_stop_loss_sells_once_without_the_journal_which_is_whole_afterwards(
    tmp_path: Path,
) -> None:
    desk, floor, brokers = await held(tmp_path)
    brokers.away = True
    floor.bids, floor.ask = [(D(9400), D(50))], D(9401)
    desk.venue.now += 5000
    desk.clock.observe(desk.venue.now)
    for _ in range(3):
        await desk.watch.look()
    assert desk.venue.base == 0 and len(floor.sent) == 2, "bought once, sold once"
    assert intents(brokers.lines) == ["buy"]
    brokers.away = False
    journal = desk.journaled._outage
    assert journal is not None
    returned = asyncio.Event()
    running = asyncio.ensure_future(journal.run(returned.set))
    await returned.wait()
    running.cancel()
    await desk.engine.reconcile()
    assert intents(brokers.lines) == ["buy", "sell"]
    assert not desk.engine.doubt and not desk.journaled.ledger.halted
    assert desk.journaled.ledger.base == 0


async def test_no_buy_goes_out_whose_intent_the_journal_did_not_take(tmp_path: Path) -> None:
    desk, floor, brokers = await held(tmp_path)
    sent = len(floor.sent)
    brokers.away = True
    for number in range(2):  # the first notices the outage, the second knows of it
        intent = desk.journaled.intent(
            "buy", D("0.1"), D(10_100), mid=D(10_000), window_end=0, name=str(number), minimum=D(0)
        )
        await desk.engine.execute(intent)
        placed = desk.journaled.ledger.orders[intent.client_order_id]
        assert "the journal is down" in placed.order.reason
    assert len(floor.sent) == sent
    assert desk.engine.state().journal_down


async def test_a_sale_whose_entries_were_lost_with_its_node_is_adopted_from_the_venue(
    tmp_path: Path,
) -> None:
    desk, floor, brokers = await held(tmp_path)
    brokers.away = True
    floor.bids, floor.ask = [(D(9400), D(50))], D(9401)
    desk.venue.now += 5000
    desk.clock.observe(desk.venue.now)
    await desk.watch.look()
    assert desk.venue.base == 0
    brokers.away = False
    await desk._start()  # on another node: without the file
    await desk.engine.reconcile()
    ledger = desk.journaled.ledger
    assert ledger.base == 0 and ledger.trip is None and not ledger.halted and not ledger.pending
    assert intents(desk.journal.lines) == ["buy", "sell"]
    assert ledger.outside_base == 0 and ledger.outside_quote == 0, "it is the bot's own sale"
    await desk.engine.reconcile()
    assert intents(desk.journal.lines) == ["buy", "sell"], "adopted once"


async def test_more_sold_in_the_bot_s_name_than_it_held_still_halts_it(tmp_path: Path) -> None:
    desk, _, _ = await held(tmp_path)
    await desk.engine.reconcile()
    intent = desk.journaled.intent(
        "sell", D(3), D(9000), mid=D(10_000), window_end=0, name="x", minimum=D(0)
    )
    desk.venue.base = D(5)
    desk.venue._accept(intent)
    await desk.engine.reconcile()
    assert "has no such intent" in desk.journaled.ledger.halted
