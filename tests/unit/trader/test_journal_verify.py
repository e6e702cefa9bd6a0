"""Whatever happens to an entry of a journal, it is found; and the fills are counted again."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.order_state import Broken, Fill, Filled
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
)
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.ledger import Ledger
from tradebot.trader.journal.publisher import UnsentDocuments
from tradebot.trader.journal.store import (
    SqliteJournal,
    UnusableJournalError,
    decode,
    encode,
    seal,
)
from tradebot.trader.journal.verify import verify

D = Decimal
WHO = Identity(bot="btc", symbol="BTCUSD", mode="Live", currencies=("BTC", "USD"))
amounts = st.integers(1, 10**6).map(lambda number: D(number) / 10**4)
prices = st.integers(1, 10**7).map(lambda number: D(number) / 100)


class Lines:
    """A journal in memory that keeps what was written; a snapshot replaces it."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def read(self) -> Iterator[Entry]:
        return map(decode, list(self.kept))

    def follow(self) -> Iterator[Entry]:
        return iter(())

    async def append(self, *entries: Entry) -> None:
        self.kept += map(encode, entries)

    async def compact(self, snapshot: Entry) -> bool:
        self.kept = [encode(snapshot)]
        return True

    def close(self) -> None:
        """Nothing to let go of."""


class Delivered(UnsentDocuments):
    """All documents have arrived."""

    def delivered(self, last: int) -> int:
        return last


async def history(data: st.DataObject, steps: int, compact_after: int) -> tuple[Lines, Ledger]:
    """A journal as a trader writes it: orders, fills, transfers, decisions."""
    lines = Lines()
    journaled = JournaledLedger(lines, Delivered(), WHO, lambda: 1, compact_after=compact_after)
    await journaled.record(EpochTaken(epoch=1, mode="Live"))
    trade = 0
    for step in range(1, steps + 1):
        ledger = journaled.ledger
        kind = data.draw(st.integers(0, 4 if ledger.orders else 2))
        body: Body
        if kind == 0:
            outside = data.draw(prices) if ledger.known else D(0)
            quote = ledger.quote + outside if ledger.known else D(10**6)
            base = ledger.base if ledger.known else D(10)
            body = Balanced(
                base=base, quote=quote, outside_base=D(0), outside_quote=outside,
                mid=D(100), trades_to=step,
            )  # fmt: skip
        elif kind == 1:
            end = step * 60_000
            body = Decided(window_end=end, action="hold", gate="", equity=None)
        elif kind == 2:
            side = data.draw(st.sampled_from(["buy", "sell"]))
            amount, price = data.draw(amounts), data.draw(prices)
            body = Intended(
                intent=journaled.intent(
                    side, amount, price, mid=price, window_end=step, name=f"d{step}", minimum=D(0)
                )
            )
        else:
            name = data.draw(st.sampled_from(sorted(ledger.orders)))
            trade += 1
            fill = Fill(
                trade_id=trade, price=data.draw(prices), amount=data.draw(amounts),
                fee=data.draw(amounts), fee_currency=data.draw(st.sampled_from(["USD", "BTC"])),
                taker=True, ts=step,
            )  # fmt: skip
            fills = ledger.orders[name].order.fills
            if kind == 4 and fills:
                event = Broken(order_id="1", fill=data.draw(st.sampled_from(fills)))
                body = OrderEvent(client_order_id=name, event=event)
            else:
                body = OrderEvent(client_order_id=name, event=Filled(order_id="1", fill=fill))
        await journaled.record(body)
    return lines, journaled.ledger


@given(st.data(), st.integers(0, 25), st.sampled_from([7, 10**6]))
def test_a_journal_as_it_was_written_is_whole_and_its_fills_add_up(
    data: st.DataObject, steps: int, compact_after: int
) -> None:
    lines, ledger = asyncio.run(history(data, steps, compact_after))
    report = verify(lines.kept, "btc")
    assert report.faults == []
    assert (D(report.base), D(report.quote)) == (ledger.base, ledger.quote)
    assert (D(report.fees), D(report.score)) == (ledger.fees, ledger.realised)


def flip(lines: list[bytes], data: st.DataObject) -> list[bytes]:
    place = data.draw(st.integers(0, len(lines) - 1))
    line = bytearray(lines[place])
    line[data.draw(st.integers(0, len(line) - 1))] ^= data.draw(st.integers(1, 255))
    return [*lines[:place], bytes(line), *lines[place + 1 :]]


def drop(lines: list[bytes], data: st.DataObject) -> list[bytes]:
    place = data.draw(st.integers(0, len(lines) - 1))
    return lines[:place] + lines[place + 1 :]


def double(lines: list[bytes], data: st.DataObject) -> list[bytes]:
    place, to = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    return [*lines[:to], lines[place], *lines[to:]]


def exchange(lines: list[bytes], data: st.DataObject) -> list[bytes]:
    one, other = sorted(
        data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=2, max_size=2, unique=True))
    )
    found = list(lines)
    found[one], found[other] = lines[other], lines[one]
    return found


@given(st.data(), st.integers(2, 12), st.sampled_from([flip, drop, double, exchange]))
def test_each_entry_that_was_changed_dropped_doubled_or_moved_is_found(
    data: st.DataObject, steps: int, damage: object
) -> None:
    lines, _ = asyncio.run(history(data, steps, 10**6))
    assert callable(damage)
    damaged = damage(lines.kept, data)
    assert verify(damaged, "btc", head=len(lines.kept)).faults


def sealed(bodies: list[Body], unhashed: int = 0) -> list[bytes]:
    found: list[Entry] = []
    for number, body in enumerate(bodies, 1):
        entry = Entry(number=number, epoch=1, ts=number, published=0, body=body)
        if number > unhashed:
            entry = seal(entry, found[-1].hash if found else "")
        found.append(entry)
    return [encode(entry) for entry in found]


HALTS: list[Body] = [Halted(reason=str(number)) for number in range(6)]


def test_several_faults_are_each_named() -> None:
    lines = sealed(HALTS)
    lines[1] = lines[1].replace(b'"1"', b'"9"')
    faults = verify([*lines[:3], lines[4], lines[5], lines[5]], "btc").faults
    assert [fault.number for fault in faults] == [2, 5, 6]
    assert "was changed" in faults[0].what
    assert faults[1].what == "entries 4 to 4 before it are missing"
    assert "twice" in faults[2].what


def test_entries_of_earlier_releases_are_accepted_up_to_the_first_with_a_hash() -> None:
    report = verify(sealed(HALTS, unhashed=3), "btc")
    assert (report.faults, report.unhashed) == ([], 3)
    lines = sealed(HALTS)
    lines[4] = encode(msgspec.structs.replace(decode(lines[4]), previous="", hash=""))
    (fault,) = verify(lines, "btc").faults
    assert "has no hash, though entries before it have" in fault.what


def test_a_hash_that_lost_its_name_makes_no_entry_of_an_earlier_release() -> None:
    (line,) = sealed(HALTS[:1])
    assert verify([line.replace(b'"hash"', b'"hasi"')], "btc").faults


def test_sums_that_the_fills_do_not_explain_are_found() -> None:
    first = Balanced(
        base=D(1), quote=D(9), outside_base=D(0), outside_quote=D(0), mid=D(1), trades_to=1
    )
    (fault,) = verify(sealed([first, msgspec.structs.replace(first, base=D(2))]), "btc").faults
    assert (fault.number, fault.what) == (
        2,
        "the venue's balances are not what fills and transfers explain",
    )


async def test_a_trader_does_not_start_from_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    journaled = JournaledLedger(journal, UnsentDocuments(), WHO, lambda: 1)
    for body in HALTS:
        await journaled.record(body)
    journal._database.execute(
        "UPDATE journal SET entry = replace(entry, 'reason\":\"3', 'reason\":\"8') WHERE number = 4"
    )
    with pytest.raises(UnusableJournalError, match="entry 4 was changed after it was written"):
        JournaledLedger(SqliteJournal(path), UnsentDocuments(), WHO, lambda: 1).open()


async def test_a_file_that_lost_its_last_entries_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    journaled = JournaledLedger(journal, UnsentDocuments(), WHO, lambda: 1)
    for body in HALTS:
        await journaled.record(body)
    journal._database.execute("DELETE FROM journal WHERE number > 4")
    with pytest.raises(UnusableJournalError, match="ends at entry 4, but entry 6 was written"):
        JournaledLedger(SqliteJournal(path), UnsentDocuments(), WHO, lambda: 1).open()
