"""Replays a journal: folds its entries one by one, each checked to follow the one before."""

from collections.abc import Iterable
from typing import Self

from tradebot.trader.journal.entries import Entry, Snapshot
from tradebot.trader.journal.ledger import Ledger, apply, snapshot
from tradebot.trader.journal.store import UnusableJournalError, seal


class Replay:
    """What the entries that were taken so far say; of the journal of `bot`."""

    def __init__(self, bot: str) -> None:
        self.ledger = Ledger()
        self.number = 0
        """Of the last entry, 0 before the first."""
        self.compacted = 0
        """The number of the last snapshot, 0 if there was none."""
        self.hash = ""
        """Of the last entry; empty if it has none."""
        self.unhashed = 0
        """Entries without a hash: those of releases that wrote none."""
        self._links: tuple[str, ...] = ("",)
        """What the next entry may name as the hash of the one before it."""
        self._bot = bot
        self._published = self._ts = 0
        self._late: list[Entry] = []

    def take(self, entry: Entry) -> None:
        """Folds the next entry.

        Raises:
            UnusableJournalError: entries before it are missing, or it follows others.
        """
        jumps = False
        if isinstance(entry.body, Snapshot) and entry.number >= self.number:
            jumps = entry.number > self.number
            self.compacted = entry.number
        elif entry.number != self.number + 1:
            raise UnusableJournalError(
                f"the journal of {self._bot} lacks entries before {entry.number}: restore "
                "it from a backup, and make sure nothing deletes entries (a topic needs "
                "retention.ms=-1)"
            )
        self._check_link(entry, jumps=jumps)
        self.ledger = apply(self.ledger, entry.body)
        self.number, self._ts = entry.number, entry.ts
        self._published = max(self._published, entry.published)
        if entry.documents:
            self._late = [*self.undelivered(), entry]

    def _check_link(self, entry: Entry, *, jumps: bool) -> None:
        """Checks the hash of the entry before, unless `entry` replaces entries that are gone."""
        if not entry.hash:
            if self.hash:
                raise UnusableJournalError(
                    f"entry {entry.number} of {self._bot} has no hash, though those before it have:"
                    " an earlier release or something else wrote it. Restore a backup"
                )
            self.unhashed += 1
        elif not jumps and entry.previous not in self._links:
            raise UnusableJournalError(
                f"entry {entry.number} of {self._bot} does not follow the one before it: entries "
                "were exchanged. Restore the journal from a backup"
            )
        self.hash, self._links = entry.hash, (entry.hash,)
        if isinstance(entry.body, Snapshot):
            # A successor that had not read the snapshot yet went on from the entry before it.
            self._links = (entry.hash, entry.previous)

    def undelivered(self) -> list[Entry]:
        """The entries whose documents may not have been delivered, oldest first."""
        return [entry for entry in self._late if entry.number > self._published]

    def carried(self) -> Entry:
        """One entry that says what all entries say, with the documents still to deliver."""
        late = self.undelivered()
        entry = Entry(
            number=self.number,
            epoch=self.ledger.epoch,
            ts=self._ts,
            published=late[0].number - 1 if late else self.number,
            body=snapshot(self.ledger),
            documents=tuple(document for entry in late for document in entry.documents),
        )
        return seal(entry, self.hash)

    @classmethod
    def of(cls, entries: Iterable[Entry], bot: str) -> Self:
        """The replay of all `entries`.

        Raises:
            UnusableJournalError: see `take`.
        """
        replay = cls(bot)
        for entry in entries:
            replay.take(entry)
        return replay
