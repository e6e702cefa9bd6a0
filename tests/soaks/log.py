"""A log in memory that any number of traders write, as a topic is, and each one's view of it."""

from collections.abc import Iterator

from tradebot.trader.journal.entries import Entry, Snapshot


class Log:
    """All entries in the order in which they were written."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def counting(self) -> list[Entry]:
        """Those that count: see `tradebot.trader.journal.topic_reader`."""
        found: list[Entry] = []
        for entry in self.entries:
            if found and entry.epoch < found[-1].epoch:
                continue
            least = 0 if isinstance(entry.body, Snapshot) else entry.number
            while found and found[-1].number >= least:
                found.pop()
            found.append(entry)
        return found


class LogJournal:
    """One trader's view of the log."""

    def __init__(self, log: Log) -> None:
        self.log, self.place, self.reads = log, 0, 0

    def read(self) -> Iterator[Entry]:
        self.reads += 1
        self.place = len(self.log.entries)
        return iter(self.log.counting())

    def follow(self) -> Iterator[Entry]:
        place, self.place = self.place, len(self.log.entries)
        return iter(self.log.entries[place:])

    async def append(self, *entries: Entry) -> None:
        self.log.entries += entries

    async def compact(self, snapshot: Entry) -> bool:
        self.log.entries.append(snapshot)
        return True

    def close(self) -> None:
        """Does nothing."""
