"""At most one trader acts for a bot: a lease, and an epoch that rises with every holder.

The epoch is part of every client order id, so an earlier holder's order is recognised. On one
machine the lease is a locked file in the state folder. A lease with a standby is renewed instead
(`tradebot.trader.renewed_lease`): always in a cluster, and with `--standby` on one machine.
"""

import asyncio
import fcntl
import os
from pathlib import Path
from typing import IO, Final, Protocol

from tradebot.platform.private import make_private, open_private


class LeaseError(Exception):
    """The lease cannot be acquired; the message says why and what to do."""


class LeaseTakenError(LeaseError):
    """Another trader acts for the bot; the message names it."""


class LeaseLostError(Exception):
    """The lease is no longer certainly ours: nothing may be sent or written."""


class Lease(Protocol):
    """The right to act for a bot."""

    async def acquire(self) -> int:
        """Acquires the lease, waiting until an earlier holder is gone, and returns its epoch.

        The epoch is greater than that of every earlier holder, and durable before this returns. A
        lease that must be renewed starts to renew itself here.

        Raises:
            LeaseTakenError: another holder stays alive, and this lease does not wait.
        """
        ...

    async def exceed(self, epoch: int) -> int:
        """Raises the held lease's own epoch above `epoch`, and returns it.

        For a lease that was recreated while its bot's journal stayed: an epoch below the journal's
        would fence its own holder. As durable as `acquire`, and reserved to the holder.

        Raises:
            LeaseError: the lease is not held any more.
        """
        ...

    def held(self) -> bool:
        """Whether the lease is certainly ours at this moment; never blocks.

        It becomes false before another process could acquire the lease, such as when it could not
        be renewed in time, and stays false: the trader then sends nothing more.
        """
        ...

    def journal_unwritten(self) -> bool:
        """Whether no holder has written the bot's journal yet, by the held lease.

        If false, a journal without entries was lost.
        """
        ...

    def journal_written(self) -> None:
        """Records in the held lease that the bot's journal has been written."""
        ...

    async def release(self) -> None:
        """Releases the lease, so that a successor need not wait."""
        ...


UNWRITTEN: Final = "journal-unwritten"
"""A file in the bot's folder, from the first lease until the journal's first entry."""


class FileLease:
    """A locked file of one machine; the kernel releases it however the process ends.

    Args:
        folder: the bot's state folder, created if missing.
        patience: seconds for a stopping holder to end.
    """

    def __init__(self, folder: Path, patience: float = 5.0) -> None:
        self._folder = folder
        self._patience = patience
        self._file: IO[str] | None = None

    async def acquire(self) -> int:
        """Takes the lock and writes the next epoch; see `Lease`.

        Raises:
            LeaseTakenError: another process holds the lock.
            LeaseError: the folder cannot be written.
        """
        path = self._folder / "lease.lock"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = open_private(path, "a+")
        except OSError as error:
            raise LeaseError(
                f"the bot's folder {self._folder} is not writable: {error.strerror}; choose a "
                "writable folder with --state-dir"
            ) from None
        for _ in range(max(1, int(self._patience * 10))):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.1)
        else:
            file.close()
            raise LeaseTakenError(
                f"another trader is running for this bot (it holds {path}): stop it first, or "
                "use another --bot or --state-dir"
            )
        self._file = file
        return self._take_epoch(1)

    async def exceed(self, epoch: int) -> int:
        """See `Lease`."""
        if self._file is None:
            raise LeaseError(f"the lease in {self._folder} is not held")
        return self._take_epoch(epoch + 1)

    def _take_epoch(self, least: int) -> int:
        path = self._folder / "epoch"
        if not path.exists():
            make_private(self._folder / UNWRITTEN)
        try:
            epoch = max(int(path.read_text()) + 1, least)
        except (FileNotFoundError, ValueError):  # a full disk leaves an empty file
            epoch = least
        fresh = path.with_suffix(".new")
        with open_private(fresh, "w") as out:
            out.write(str(epoch))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)
        return epoch

    def journal_unwritten(self) -> bool:
        """See `Lease`."""
        return (self._folder / UNWRITTEN).exists()

    def journal_written(self) -> None:
        """See `Lease`."""
        (self._folder / UNWRITTEN).unlink(missing_ok=True)

    def held(self) -> bool:
        """True from `acquire` to `release`."""
        return self._file is not None

    async def release(self) -> None:
        """Frees the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None
