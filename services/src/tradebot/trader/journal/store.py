"""The journal: entries are durable before what they announce is done.

One interface with two implementations: SQLite on one machine (`SqliteJournal`), a Kafka topic in a
cluster (`journal.kafka`). Reading returns all entries of the bot, in order; writing returns when
the entry would survive the end of this process.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from tradebot.platform.private import make_private
from tradebot.trader.journal.entries import Entry


class _Unhashed(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry of a release that wrote no hashes: a damaged hash makes no entry one of these."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode
_decode_unhashed = msgspec.json.Decoder(_Unhashed).decode

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError)
"""What decoding a damaged line raises."""

_NO_HASH: Final = b'""}'
"""The end of a line whose hash is still to come."""


class JournalError(Exception):
    """The journal cannot be read or written; the message says where and what to do."""


class UnusableJournalError(JournalError):
    """The journal was lost or damaged: a person has to restore it before anything is traded."""


class Journal(Protocol):
    """Stores a bot's entries."""

    def read(self) -> Iterator[Entry]:
        """Returns all entries, oldest first; delivered documents may be omitted.

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
        """Writes entries, all or none, and returns when they are durable.

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
        """Closes the store; nothing is lost."""
        ...


class StoredJournal(Journal, Protocol):
    """A journal that outlives the process."""

    def lines(self) -> Iterator[bytes]:
        """The lines of all entries that count, as they are stored, oldest first.

        Raises:
            JournalError: the journal cannot be read.
        """
        ...

    def head(self) -> int:
        """The number of the last entry that was written, 0 if only the entries say it."""
        ...

    def doubled(self) -> list[int]:
        """The numbers of entries that `lines` skipped, because they were stored twice."""
        ...


def encode(entry: Entry) -> bytes:
    """Encodes the entry as JSON."""
    return _encode(entry)


def decode(data: bytes) -> Entry:
    """Decodes an entry.

    Raises:
        UnusableJournalError: it writes none, or another than was written once.
    """
    try:
        entry = _decode(data)
    except UNREADABLE as error:
        raise UnusableJournalError(f"cannot read a journal entry: {error}") from None
    check_hash(data, entry.number, entry.hash)
    return entry


def seal(entry: Entry, previous: str) -> Entry:
    """The entry with the hash of the one before it and its own.

    Args:
        previous: empty if there is none before it, or if that has no hash.
    """
    linked = msgspec.structs.replace(entry, previous=previous, hash="")
    return msgspec.structs.replace(linked, hash=_digest(encode(linked)[: -len(_NO_HASH)]))


def check_hash(line: bytes, number: int, digest: str) -> None:
    """Returns if the entry `number` is as it was written, or was written without a hash.

    Args:
        digest: the hash that the line has.

    Raises:
        UnusableJournalError: the line was changed.
    """
    if not digest:
        try:
            _decode_unhashed(line)
        except UNREADABLE as error:
            raise UnusableJournalError(f"entry {number} was changed: {error}") from None
        return
    end = f'"{digest}"}}'.encode()
    if not line.endswith(end) or _digest(line[: -len(end)]) != digest:
        raise UnusableJournalError(
            f"entry {number} was changed after it was written: its hash is of other content. "
            "Restore the journal from a backup"
        )


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class SqliteJournal:
    """A file of one machine; every append is one transaction, synchronised to the disk.

    Args:
        path: the file, created with its folder if missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = 0
        """Number of the entry that was last read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            make_private(path)
            # It is read in a thread at the start, and written in the event loop after that.
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS journal (number INTEGER PRIMARY KEY, entry BLOB)"
            )
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS head (one INTEGER PRIMARY KEY, number INTEGER)"
            )
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from None

    def read(self) -> Iterator[Entry]:
        """See `Journal`."""
        self._last, head = 0, self.head()
        yield from self.follow()
        self._check_head(head)

    def follow(self) -> Iterator[Entry]:
        """See `Journal`."""
        wanted = "SELECT number, CAST(entry AS BLOB) FROM journal WHERE number > ? ORDER BY number"
        try:
            for number, data in self._database.execute(wanted, (self._last,)):
                yield decode(data)
                self._last = number
        except sqlite3.Error as error:
            raise self._broken(error) from None

    def lines(self) -> Iterator[bytes]:
        """See `Journal`."""
        try:
            for (data,) in self._database.execute(
                "SELECT CAST(entry AS BLOB) FROM journal ORDER BY number"
            ):
                yield data
        except sqlite3.Error as error:
            raise self._broken(error) from None

    def head(self) -> int:
        """See `StoredJournal`; 0 in a file of an earlier release."""
        (row,) = self._database.execute("SELECT coalesce(max(number), 0) FROM head").fetchall()
        return int(row[0])

    def doubled(self) -> list[int]:
        """See `StoredJournal`; a number is there once."""
        return []

    def _check_head(self, head: int) -> None:
        if self._last < head:
            raise UnusableJournalError(
                f"{self._path} ends at entry {self._last}, but entry {head} was written: restore "
                "the file from a backup"
            )

    async def append(self, *entries: Entry) -> None:
        """See `Journal`."""
        self.write([(entry.number, encode(entry)) for entry in entries])

    def write(self, lines: Sequence[tuple[int, bytes]]) -> None:
        """Writes lines in one transaction, and waits until the disk has them.

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
                head = (lines[-1][0],)
                self._database.execute("INSERT OR REPLACE INTO head VALUES (1, ?)", head)
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

    def _broken(self, error: Exception) -> JournalError:
        return JournalError(
            f"cannot use the journal {self._path}: {error}; check the disk and the folder's "
            "permissions, and restore the file from a backup if it is damaged"
        )
