"""A compacted journal has the same content as before, whatever is killed."""

import asyncio
import contextlib
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.domain.intent import Intent
from tradebot.domain.order_state import Fill, Filled, Refused, Told, Unplaced
from tradebot.records import DocType, Document
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import (
    Balanced,
    Body,
    Decided,
    Entry,
    EpochTaken,
    Halted,
    Intended,
    OrderEvent,
    Paused,
    Resumed,
)
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.ledger import Ledger, apply, snapshot
from tradebot.trader.journal.store import JournalError, SqliteJournal, encode

D = Decimal
WHO = Identity(bot="btc", symbol="BTCUSD", mode="Live")
amounts = st.integers(1, 10**9).map(lambda number: D(number) / 10**8)
prices = st.integers(1, 10**7).map(lambda number: D(number) / 100)
words = st.text("abc ü", max_size=5)


def intent(number: int, side: str, amount: Decimal, price: Decimal) -> Intent:
    return Intent(
        client_order_id=f"tb-btc-1-{number}", epoch=1, number=number, decision_id=f"btc-{number}",
        symbol="BTCUSD", side=side, amount=amount, price=price, mid=price,  # type: ignore[arg-type]
        window_end=number * 60_000, created=number * 60_000,
    )  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[Body]:
    """Possible contents of a journal, orders before their events."""
    found: list[Body] = [EpochTaken(epoch=1, mode="Live")]
    orders = 0
    for place in range(draw(st.integers(1, 40))):
        kind = draw(st.integers(0, 8 if orders else 4))
        match kind:
            case 0:
                found.append(Halted(reason=draw(words)))
            case 1:
                found.append(draw(st.sampled_from([Paused, Resumed]))(because=draw(words), by="me"))
            case 2:
                found.append(
                    Balanced(
                        base=draw(amounts),
                        quote=draw(prices),
                        outside_base=D(0),
                        outside_quote=draw(prices),
                        mid=draw(prices),
                        trades_to=place,
                        outside_trades=tuple(draw(st.lists(st.integers(1, 9), max_size=3))),
                    )
                )
            case 3:
                orders += 1
                side = draw(st.sampled_from(["buy", "sell"]))
                found.append(Intended(intent=intent(orders, side, draw(amounts), draw(prices))))
            case 4:
                equity = draw(st.none() | prices)
                end = place * 60_000
                found.append(Decided(window_end=end, action="hold", gate="", equity=equity))
            case _:
                name = f"tb-btc-1-{draw(st.integers(1, orders))}"
                fill = Fill(
                    trade_id=draw(st.integers(1, 20)), price=draw(prices), amount=draw(amounts),
                    fee=draw(prices), fee_currency="USD", taker=True, ts=place,
                )  # fmt: skip
                event = draw(
                    st.sampled_from(
                        [
                            Filled(order_id="1", fill=fill),
                            Told(
                                order_id="1",
                                executed=fill.amount,
                                average=fill.price,
                                closed=True,
                                ts=place,
                            ),
                            Refused(reason="no"),
                            Unplaced(reason="lost"),
                        ]
                    )
                )
                found.append(OrderEvent(client_order_id=name, event=event))
    return found


class Deliveries:
    """A publisher that delivers on request."""

    def __init__(self) -> None:
        self.waiting: list[int] = []
        self.sent: list[str] = []

    def send(self, documents: tuple[Document, ...], number: int = 0) -> None:
        self.waiting += [number] * bool(documents)
        self.sent += [document.id for document in documents]

    def delivered(self, last: int) -> int:
        return min(self.waiting) - 1 if self.waiting else last

    async def flush(self) -> None:
        self.waiting.clear()


def written(path: Path, bodies: list[Body], first: int = 1) -> SqliteJournal:
    journal = SqliteJournal(path)
    for number, body in enumerate(bodies, first):
        entry = Entry(number=number, epoch=1, ts=number, published=0, body=body)
        journal.write([(number, encode(entry))])
    return journal


def folded(bodies: list[Body]) -> Ledger:
    ledger = Ledger()
    for body in bodies:
        ledger = apply(ledger, body)
    return ledger


def opened(journal: SqliteJournal) -> tuple[Ledger, int]:
    journaled = JournaledLedger(journal, Deliveries(), WHO, lambda: 0)
    number = journaled.open()
    return journaled.ledger, number


def drawn(journal: SqliteJournal, bodies: list[Body]) -> None:
    body = snapshot(folded(bodies))
    number = len(bodies)
    asyncio.run(journal.compact(Entry(number=number, epoch=1, ts=0, published=number, body=body)))


@settings(max_examples=60, deadline=None)
@given(histories(), st.data())
def test_wherever_it_is_compacted_the_same_ledger_comes_out(
    bodies: list[Body], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        journal = written(Path(folder) / "journal.sqlite", bodies)
        for end in sorted(data.draw(st.lists(st.integers(1, len(bodies)), max_size=3))):
            drawn(journal, bodies[:end])
            assert opened(journal) == (folded(bodies), len(bodies))
        journal.close()


@settings(max_examples=40, deadline=None)
@given(histories(), st.integers(1, 400))
def test_a_compaction_that_was_broken_off_changes_nothing(bodies: list[Body], steps: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        journal = written(path, bodies)
        left = [steps // 10]

        def tick() -> int:
            left[0] -= 1
            return int(left[0] < 0)

        journal._database.set_progress_handler(tick, 5)
        with contextlib.suppress(JournalError):
            drawn(journal, bodies)
        journal._database.set_progress_handler(None, 0)
        assert opened(journal) == (folded(bodies), len(bodies))
        journal.close()


async def test_nothing_is_forgotten_before_its_documents_have_arrived(tmp_path: Path) -> None:
    deliveries = Deliveries()
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    journaled = JournaledLedger(journal, deliveries, WHO, lambda: 0, compact_after=3)
    document = Document("d1", DocType.DECISION, 0, "btc", "BTCUSD", {})
    await journaled.record(EpochTaken(epoch=1, mode="Live"), documents=(document,))
    for end in range(1, 6):
        await journaled.record(Decided(window_end=end, action="hold", gate="", equity=None))
    assert len(list(journal.read())) == 6
    again = Deliveries()
    JournaledLedger(journal, again, WHO, lambda: 0).open()
    assert again.sent == ["d1"], "a trader that was killed sends it once more"
    await deliveries.flush()
    await journaled.record(Decided(window_end=9, action="hold", gate="", equity=None))
    (entry,) = journal.read()
    assert (entry.number, opened(journal)[0].window_end) == (7, 9)
    await journaled.record(Decided(window_end=10, action="hold", gate="", equity=None))
    assert opened(journal) == (journaled.ledger, 8)


def test_a_hole_that_no_snapshot_explains_is_refused(tmp_path: Path) -> None:
    bodies: list[Body] = [EpochTaken(epoch=1, mode="Live"), Halted(reason="a"), Halted(reason="b")]
    journal = written(tmp_path / "journal.sqlite", bodies)
    drawn(journal, bodies[:2])
    journal._database.execute("DELETE FROM journal WHERE number = 2")
    with pytest.raises(JournalError, match="lacks entries before 3"):
        opened(journal)


WRITER = """
import asyncio, sys
from pathlib import Path
from test_trader_journal_compaction import WHO, Deliveries
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.entries import Decided, EpochTaken
from tradebot.trader.journal.store import SqliteJournal

async def main() -> None:
    journal = SqliteJournal(Path(sys.argv[1]))
    journaled = JournaledLedger(journal, Deliveries(), WHO, lambda: 0, compact_after=7)
    journaled.open()
    await journaled.record(EpochTaken(epoch=journaled.ledger.epoch + 1, mode="Live"))
    while True:
        end = journaled.ledger.window_end + 1
        await journaled.record(Decided(window_end=end, action="hold", gate="", equity=None))
        print(end, flush=True)

asyncio.run(main())
"""


def test_a_writer_that_is_killed_again_and_again_loses_nothing_that_it_wrote(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    told = 0
    for turn in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent,
        ) as writer:
            assert writer.stdout is not None
            first = int(writer.stdout.readline())
            assert first > told
            more = [int(writer.stdout.readline()) for _ in range(3 * turn)]
            writer.kill()
            told = max([first, *more, *map(int, writer.stdout.read().split()[:-1])])
        journal = SqliteJournal(path)
        ledger, _ = opened(journal)
        assert ledger.window_end >= told
        assert ledger.epoch == turn + 1
        assert len(list(journal.read())) <= 9
        journal.close()
