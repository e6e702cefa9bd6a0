"""A journal that works without its brokers for a while: entries wait in a local file.

What cannot be written to the journal is written to the file, in order, and to the journal once its
brokers are back. The file is lost with its pod's node, so only sales of the bot's position rely on
it. Nothing is bought while the journal is down (`tradebot.domain.risk.journal`), and a sale whose
entry was lost is adopted from the venue (`tradebot.trader.orders.reconcile`).

A trader that starts while the brokers are away continues from the file, if there is one. It cannot
know whether another trader wrote to the journal before, so it ends when the brokers are back. The
next start reads the journal and adds the entries of the file.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tradebot.platform import logs
from tradebot.platform.settings import SettingsError
from tradebot.trader.journal.entries import Entry, Snapshot
from tradebot.trader.journal.kafka import TooLargeEntryError
from tradebot.trader.journal.store import (
    Journal,
    JournalError,
    UnusableJournalError,
    decode,
    encode,
    seal,
)

RETRY_SECONDS: Final = 1.0
"""Interval between tries to write waiting entries."""

_log = logs.get(__name__)


class OutageJournal:
    """See the module, and `tradebot.trader.journal.store.Journal`.

    Args:
        home: opens the journal itself; blocks.
        path: the file of waiting entries, created when needed.

    Raises:
        JournalError, SettingsError: the journal cannot be opened, and there is no file to
            continue from.
    """

    def __init__(self, home: Callable[[], Journal], path: Path) -> None:
        self.down = ""
        """Why the journal cannot be written; empty while it can."""
        self.base: Callable[[], Entry] = _no_base
        """The ledger of the journal's last entry, as a snapshot."""
        self._open_home = home
        self._path = path
        self._waiting: list[Entry] = []
        self._blind = False
        """Whether entries waited before the journal was read to its end."""
        self._anything = asyncio.Event()
        self._home: Journal | None = None
        try:
            self._home = home()
        except UnusableJournalError:
            raise
        except (JournalError, SettingsError) as error:
            if not path.exists():
                raise
            self._went_down(error)
            self._blind = True

    def read(self) -> Iterator[Entry]:
        """See `Journal`; the file's entries come last."""
        kept = self._kept()
        if self._home is None:
            self._waiting = kept[1:]
            yield from kept
            return
        last: Entry | None = None
        newer: list[Entry] = []
        for entry in self._home.read():
            yield entry
            last = entry
            if kept and entry.number > kept[0].number:
                newer.append(entry)
        self._waiting = self._left_of(kept[1:], newer, last)
        if self._waiting:
            self.down = "the entries of the last outage are not written yet"
            self._anything.set()
        yield from self._waiting

    def _left_of(
        self, kept: list[Entry], newer: Sequence[Entry], last: Entry | None
    ) -> list[Entry]:
        """Returns the file's entries that the journal lacks, in a chain that follows its `last`.

        Args:
            newer: the journal's entries after those that the file begins with.
        """
        there = Counter(map(_identity, newer))
        left = []
        for entry in kept:
            if there[_identity(entry)]:
                there[_identity(entry)] -= 1
            else:
                left.append(entry)
        if left and newer and newer[-1].epoch > left[-1].epoch:
            aside = self._path.with_suffix(".aside")
            self._path.replace(aside)
            _log.error(
                "another trader has gone on meanwhile: the entries of an outage are not used",
                entries=len(left),
                file=str(aside),
            )
            return []
        if not left:
            self._path.unlink(missing_ok=True)
        number, previous = (last.number, last.hash) if last else (0, "")
        chain: list[Entry] = []
        for entry in left:
            number += 1
            chain.append(seal(msgspec.structs.replace(entry, number=number), previous))
            previous = chain[-1].hash
        return chain

    def follow(self) -> Iterator[Entry]:
        """See `Journal`."""
        if self._home is None:
            raise JournalError(self.down)
        return self._home.follow()

    async def append(self, *entries: Entry) -> None:
        """See `Journal`; while the journal is down, the file gets the entries.

        Raises:
            JournalError: neither the journal nor the file can be written.
        """
        if self._home is not None and not self._waiting and not self._blind:
            try:
                await self._home.append(*entries)
            except TooLargeEntryError:
                raise
            except JournalError as error:
                self._went_down(error)
            else:
                self.down = ""
                return
        self._keep(entries)

    def go_on_blind(self, error: Exception) -> None:
        """Lets entries wait from here on: the journal could not be read to its end."""
        self._went_down(error)
        self._blind = True

    async def run(self, returned: Callable[[], None]) -> None:
        """Writes waiting entries once the brokers are back, then calls `returned`.

        Raises:
            JournalError: the journal is back, and this process must restart to read it.
        """
        while True:
            if not self._blind:
                await self._anything.wait()
            await asyncio.sleep(RETRY_SECONDS)
            if self._blind:
                await self._reopen()
            elif self._waiting and await self._written():
                _log.info("the journal is back: all entries of the outage are written")
                returned()

    async def _written(self) -> bool:
        """Whether all waiting entries could be written."""
        assert self._home is not None
        batch = tuple(self._waiting)
        try:
            await self._home.append(*batch)
        except JournalError as error:
            _log.debug("the journal is still down", reason=str(error))
            return False
        del self._waiting[: len(batch)]
        if self._waiting:
            return False
        self._path.unlink(missing_ok=True)
        self.down = ""
        self._anything.clear()
        return True

    async def _reopen(self) -> None:
        try:
            home = await asyncio.to_thread(self._open_home)
        except (JournalError, SettingsError) as error:
            _log.debug("the journal is still down", reason=str(error))
            return
        await asyncio.to_thread(home.close)
        raise JournalError(
            "the journal is back: this trader starts again, to read what others wrote meanwhile"
        )

    async def compact(self, snapshot: Entry) -> bool:
        """See `Journal`; not while entries wait."""
        if self._home is None or self.down:
            return False
        return await self._home.compact(snapshot)

    def close(self) -> None:
        """Closes the journal; waiting entries stay in the file."""
        if self._home is not None:
            self._home.close()

    def _went_down(self, error: Exception) -> None:
        if not self.down:
            _log.error("the journal is down: nothing is bought", reason=str(error))
        self.down = f"the journal is down: {error}"

    def _kept(self) -> list[Entry]:
        """Returns the file's entries, the snapshot first, without an incomplete last line."""
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        return [decode(line) for line in lines[:-1]]

    def _keep(self, entries: Sequence[Entry]) -> None:
        lines = [] if self._path.exists() else [encode(self.base())]
        lines += map(encode, entries)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab") as out:
                out.write(b"".join(line + b"\n" for line in lines))
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            raise JournalError(
                f"{self.down}, and {self._path} cannot be written either: {error.strerror}"
            ) from None
        self._waiting += entries
        self._anything.set()


def _identity(entry: Entry) -> tuple[int, int, bytes]:
    """Returns what an entry keeps if it gets another number or loses its documents."""
    return entry.epoch, entry.ts, msgspec.json.encode(entry.body)


def _no_base() -> Entry:
    return Entry(number=0, epoch=0, ts=0, published=0, body=Snapshot(ledger=msgspec.Raw(b"{}")))
