"""The journal: entries are durable before what they announce is done.

One port with two homes: SQLite on one machine (`SqliteJournal`), a Kafka topic in a cluster
(`kafka_journal`). Reading gives all entries of the bot, in order; writing returns when the entry
would survive the end of this process.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from tradebot.trader.journal.entries import Entry

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class JournalError(Exception):
    """The journal cannot be read or written; the message says where and what to do."""


class UnusableJournalError(JournalError):
    """The journal was lost or damaged: a person has to restore it before anything is traded."""


class Journal(Protocol):
    """Where a bot's entries are kept."""

    def read(self) -> Iterator[Entry]:
        """All entries, oldest first; documents that were delivered may be left out.

        Raises:
            JournalError: it cannot be read, or is damaged.
        """
        ...

    def follow(self) -> Iterator[Entry]:
        """Entries that were written since the last `read` or `follow`, oldest first.

        Where an entry's number is not above the one before it, it took the place of entries that do
        not count any more: only `read` gives those that do.

        Raises:
            JournalError: it cannot be read now, or is damaged.
        """
        ...

    async def append(self, *entries: Entry) -> None:
        """Writes entries and returns when they are durable, all of them or none.

        Raises:
            JournalError: they could not be written; nothing that they announce may be done.
        """
        ...

    async def compact(self, snapshot: Entry) -> bool:
        """Puts the snapshot in the place of all entries up to its own number, all or nothing.

        False if this journal cannot do so: it is as before.

        Raises:
            JournalError: the snapshot could not be written.
        """
        ...

    def close(self) -> None:
        """Lets go of the home; nothing is lost."""
        ...


def encode(entry: Entry) -> bytes:
    """The entry's JSON."""
    return _encode(entry)


def decode(data: bytes) -> Entry:
    """The entry that `data` writes.

    Raises:
        JournalError: it writes none.
    """
    try:
        return _decode(data)
    except msgspec.DecodeError as error:
        raise JournalError(f"cannot read a journal entry: {error}") from None


class SqliteJournal:
    """A file of one machine; every append is one transaction, synchronised to the disk.

    Args:
        path: the file, made with its folder if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = 0
        """Number of the entry that was last read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # It is read in a thread at the start, and written in the event loop after that.
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS journal (number INTEGER PRIMARY KEY, entry BLOB)"
            )
        except sqlite3.Error as error:
            raise self._broken(error) from None

    def read(self) -> Iterator[Entry]:
        """See `Journal`."""
        self._last = 0
        return self.follow()

    def follow(self) -> Iterator[Entry]:
        """See `Journal`."""
        wanted = "SELECT number, entry FROM journal WHERE number > ? ORDER BY number"
        try:
            for number, data in self._database.execute(wanted, (self._last,)):
                yield decode(data)
                self._last = number
        except sqlite3.Error as error:
            raise self._broken(error) from None

    async def append(self, *entries: Entry) -> None:
        """See `Journal`."""
        self.write([(entry.number, encode(entry)) for entry in entries])

    def write(self, lines: Sequence[tuple[int, bytes]]) -> None:
        """Writes lines in one transaction and waits until the disk has them.

        Raises:
            JournalError: a number is taken, so there is a second writer; or the file is broken.
        """
        self._write(lines)

    async def compact(self, snapshot: Entry) -> bool:
        """See `Journal`; the file gets no smaller, its free pages are written again."""
        self._write([(snapshot.number, encode(snapshot))], forget=snapshot.number)
        return True

    def _write(self, lines: Sequence[tuple[int, bytes]], *, forget: int = 0) -> None:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                if forget:
                    self._database.execute("DELETE FROM journal WHERE number <= ?", (forget,))
                self._database.executemany("INSERT INTO journal VALUES (?, ?)", lines)
            except sqlite3.Error:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.IntegrityError:
            raise JournalError(
                f"{self._path} already contains entry {lines[0][0]}: another trader writes to it"
            ) from None
        except sqlite3.Error as error:
            raise self._broken(error) from None

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _broken(self, error: sqlite3.Error) -> JournalError:
        return JournalError(
            f"cannot use the journal {self._path}: {error}; check the disk and the folder's "
            "permissions, and restore the file from a backup if it is damaged"
        )
