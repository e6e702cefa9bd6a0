"""The bot's ledger at run time: each change is written to the journal before it counts.

`record` makes an entry durable, applies it to the ledger, and sends its documents. `open` sends
documents again that may not have been delivered when a trader died.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec

from tradebot.domain.intent import Intent, OrderName
from tradebot.domain.making import Terms
from tradebot.domain.money import Side
from tradebot.records import Document
from tradebot.trader.journal.documents import Identity, balance_documents, consequences
from tradebot.trader.journal.entries import Body, Decided, Entry, Snapshot
from tradebot.trader.journal.ledger import Ledger, apply, snapshot
from tradebot.trader.journal.outage import OutageJournal
from tradebot.trader.journal.publisher import Publisher
from tradebot.trader.journal.replay import Replay
from tradebot.trader.journal.store import Journal, seal
from tradebot.trader.lease import LeaseLostError

COMPACT_ENTRIES: Final = 50_000
"""Number of entries after which the journal is compacted: some weeks of an active bot."""


class JournaledLedger:
    """The ledger, its journal and the publisher of its documents.

    Args:
        now: the venue's time in ms.
        held: whether the lease is surely ours; without it nothing is written.
        compact_after: entries after which the journal is compacted.
    """

    def __init__(
        self,
        journal: Journal,
        publisher: Publisher,
        who: Identity,
        now: Callable[[], int],
        held: Callable[[], bool] = lambda: True,
        *,
        compact_after: int = COMPACT_ENTRIES,
    ) -> None:
        self.who = who
        self.ledger = Ledger()
        self._journal = journal
        self._outage = journal if isinstance(journal, OutageJournal) else None
        if self._outage is not None:
            self._outage.base = self._snapshot
        self._publisher = publisher
        self._now = now
        self._held = held
        self._replay: Replay | None = None
        """Of the journal while it is followed; `None` before it is read and once it is written."""
        self._number = 0
        self._hash = ""
        self._unsent: list[Entry] = []
        """Entries that wait for the journal: what it may lose is not published."""
        self._compacted = 0
        self._compact_after = compact_after
        self._writing = asyncio.Lock()

    def open(self) -> int:
        """Folds the journal and resends documents that may be undelivered; returns entries read.

        Raises:
            JournalError: it cannot be read, or lines are missing.
        """
        self.follow()
        assert self._replay is not None
        for entry in self._replay.undelivered():
            self._publisher.send(entry.documents, entry.number)
        self._replay = None
        return self._number

    def follow(self) -> int:
        """Folds what another trader wrote since; returns the number of the last entry.

        Raises:
            JournalError: it cannot be read, or lines are missing.
        """
        replay, self._replay = self._replay, None  # an error leaves nothing half folded
        self._replay = self._read_on(replay) or Replay.of(self._journal.read(), self.who.bot)
        self.ledger, self._number = self._replay.ledger, self._replay.number
        self._compacted, self._hash = self._replay.compacted, self._replay.hash
        return self._number

    def _read_on(self, replay: Replay | None) -> Replay | None:
        """The replay with what is new; `None` if the journal has to be read from its start."""
        if replay is None:
            return None
        for entry in self._journal.follow():
            if entry.epoch < replay.ledger.epoch:  # written without the lease
                continue
            compacts = isinstance(entry.body, Snapshot) and entry.number == replay.number
            if entry.number <= replay.number and not compacts:
                return None
            replay.take(entry)
        return replay

    async def record(
        self, *bodies: Body, documents: tuple[Document, ...] = (), latency: float | None = None
    ) -> None:
        """Journals events, applies them to the ledger, and sends their documents.

        Several events are written at once, with one wait for the disk. What the ledger already
        knows is not written again.

        Args:
            documents: in addition to those that follow from the bodies.
            latency: seconds from the decision to the venue's response, for an order's document.

        Raises:
            JournalError: nothing was written, and the ledger is as before.
            LeaseLostError: another trader may write now; nothing was written.
        """
        async with self._writing:
            after = self.ledger
            entries: list[Entry] = []
            for body in bodies:
                before, after = after, apply(after, body)
                if after is before and not documents:
                    continue
                entries.append(self._entry(before, after, body, len(entries), documents, latency))
                documents = ()
            if not entries:
                return
            if not self._held():
                raise LeaseLostError("the lease was lost: another trader may act for the bot now")
            entries[-1] = self._with_balances(entries[-1], after)
            entries = self._sealed(entries)
            await self._journal.append(*entries)
            self._number, self._hash = entries[-1].number, entries[-1].hash
            self.ledger = after
            self._unsent += entries
            if not self.down:
                self._send()
            if isinstance(bodies[-1], Decided):  # so that no order waits for it
                await self._compact()

    @property
    def down(self) -> str:
        """Why the journal cannot be written, empty while it can: nothing may be bought then."""
        return "" if self._outage is None else self._outage.down

    def go_on_blind(self, error: Exception) -> bool:
        """Whether the ledger that was followed may serve, though the journal cannot be read now."""
        if self._outage is None or not self._number:
            return False
        self._outage.go_on_blind(error)
        return True

    async def keep_up(self, returned: Callable[[], None]) -> None:
        """Writes what waited for the brokers, sends its documents, and calls `returned`.

        Raises:
            JournalError: the journal must be read again, by a restart.
        """
        if self._outage is None:
            await asyncio.Event().wait()
        else:
            await self._outage.run(partial(self._returned, returned))

    def _returned(self, returned: Callable[[], None]) -> None:
        self._send()
        returned()

    def name_currencies(self, currencies: tuple[str, str]) -> None:
        """Makes documents name the symbol's base and quote like the venue, from now on."""
        self.who = msgspec.structs.replace(self.who, currencies=currencies)

    def intent(
        self,
        side: Side,
        amount: Decimal,
        price: Decimal,
        *,
        mid: Decimal,
        window_end: int,
        name: str,
        minimum: Decimal,
        reduces: bool = False,
        stop: Decimal | None = None,
        maker: Terms | None = None,
    ) -> Intent:
        """Returns the next intent, with a client order id never used before.

        Args:
            mid: the market's, in quote currency.
            window_end: of the window that led to it, ms; 0 without a window.
            name: of the decision.
            reduces: whether to send it even while the bot is halted or paused.
            minimum: the symbol's smallest order.
            stop: the price that triggers an order that rests at the venue.
            maker: the terms of an order that only adds liquidity.
        """
        epoch, number = self.ledger.epoch, self.ledger.number + 1
        return Intent(
            client_order_id=str(OrderName(self.who.bot, epoch, number)),
            epoch=epoch,
            number=number,
            decision_id=name,
            symbol=self.who.symbol,
            side=side,
            amount=amount,
            price=price,
            mid=mid,
            window_end=window_end,
            created=self._now(),
            reduces=reduces,
            minimum=minimum,
            stop=stop,
            maker=maker,
        )

    async def _compact(self) -> None:
        """Compacts the journal, once all documents that it carries have been delivered."""
        number = self._number
        if number - self._compacted < self._compact_after:
            return
        if self._delivered() < number:
            return
        sealed = self._snapshot()
        if await self._journal.compact(sealed):
            self._hash = sealed.hash
        self._compacted = number

    def _snapshot(self) -> Entry:
        """All entries so far as one."""
        entry = Entry(
            number=self._number,
            epoch=self.ledger.epoch,
            ts=self._now(),
            published=self._delivered(),
            body=snapshot(self.ledger),
        )
        return seal(entry, self._hash)

    def _sealed(self, entries: list[Entry]) -> list[Entry]:
        """The entries with their hashes, the first following the last that was written."""
        sealed: list[Entry] = []
        for entry in entries:
            sealed.append(seal(entry, sealed[-1].hash if sealed else self._hash))
        return sealed

    def _entry(
        self,
        before: Ledger,
        after: Ledger,
        body: Body,
        place: int,
        documents: tuple[Document, ...],
        latency: float | None,
    ) -> Entry:
        ts = self._now()
        made = documents + consequences(self.who, before, after, body, ts=ts, latency=latency)
        return Entry(
            number=self._number + place + 1,
            epoch=after.epoch,
            ts=ts,
            published=self._delivered(),
            body=body,
            documents=made,
        )

    def _with_balances(self, last: Entry, after: Ledger) -> Entry:
        """The last entry of a write, with the balances that the write leaves."""
        made = balance_documents(self.who, self.ledger, after, last.body, ts=last.ts)
        return msgspec.structs.replace(last, documents=last.documents + made) if made else last

    def _send(self) -> None:
        """Sends the documents of all entries that the journal has."""
        unsent, self._unsent = self._unsent, []
        for entry in unsent:
            self._publisher.send(entry.documents, entry.number)

    def _delivered(self) -> int:
        """The number of the last entry whose documents, and all before it, were delivered."""
        delivered = self._publisher.delivered(self._number)
        late = [entry.number for entry in self._unsent if entry.documents]
        return min(delivered, late[0] - 1) if late else delivered

    async def flush(self) -> None:
        """Waits until all documents have been delivered."""
        await self._publisher.flush()

    def close(self) -> None:
        """Closes the journal."""
        self._journal.close()
