"""Replays a journal: folds its entries one by one, each checked to follow the one before."""

from collections.abc import Iterable
from typing import Self

from tradebot.trader.journal.entries import Entry, Snapshot
from tradebot.trader.journal.ledger import Ledger, apply
from tradebot.trader.journal.store import UnusableJournalError


class Replay:
    """What the entries that were taken so far say; of the journal of `bot`."""

    def __init__(self, bot: str) -> None:
        self.ledger = Ledger()
        self.number = 0
        """Of the last entry, 0 before the first."""
        self.compacted = 0
        """The number of the last snapshot, 0 if there was none."""
        self._bot = bot
        self._published = 0
        self._late: list[Entry] = []

    def take(self, entry: Entry) -> None:
        """Folds the next entry.

        Raises:
            UnusableJournalError: entries before it are missing.
        """
        if isinstance(entry.body, Snapshot):
            self.compacted = entry.number
        elif entry.number != self.number + 1:
            raise UnusableJournalError(
                f"the journal of {self._bot} lacks entries before {entry.number}: restore "
                "it from a backup, and make sure nothing deletes entries (a topic needs "
                "retention.ms=-1)"
            )
        self.ledger = apply(self.ledger, entry.body)
        self.number = entry.number
        self._published = max(self._published, entry.published)
        if entry.documents:
            self._late = [*self.undelivered(), entry]

    def undelivered(self) -> list[Entry]:
        """The entries whose documents may not have been delivered, oldest first."""
        return [entry for entry in self._late if entry.number > self._published]

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
