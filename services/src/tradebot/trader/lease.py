"""At most one trader acts for a bot: a lease, and an epoch that rises with every holder.

The epoch is part of every client order id, so that an order of an earlier holder is recognised. On
one machine the lease is a locked file in the state folder. A lease that a second trader waits for
is renewed instead (`tradebot.trader.renewed_lease`): in a cluster always, on one machine with
`--standby`.
"""

import asyncio
import fcntl
import os
from pathlib import Path
from typing import IO, Final, Protocol

from tradebot.platform.private import make_private, open_private


class LeaseError(Exception):
    """The lease cannot be had; the message says why and what to do."""


class LeaseTakenError(LeaseError):
    """Another trader acts for the bot; the message names it."""


class LeaseLostError(Exception):
    """The lease is not surely ours: nothing may be sent or written."""


class Lease(Protocol):
    """The right to act for a bot."""

    async def acquire(self) -> int:
        """Takes the lease, waiting for an earlier holder to be gone, and returns its epoch.

        The epoch is greater than that of every earlier holder and is durable before this returns.
        An implementation that must renew starts to do so here, by itself.

        Raises:
            LeaseTakenError: another holder stays alive, and waiting is not this lease's way.
        """
        ...

    async def exceed(self, epoch: int) -> int:
        """Raises the held lease's own epoch above `epoch`, and returns it.

        For a lease that was recreated while its bot's journal stayed: an epoch below the
        journal's would fence its own holder. As durable as `acquire`, and the right of the
        holder alone.

        Raises:
            LeaseError: the lease is not held any more.
        """
        ...

    def held(self) -> bool:
        """Whether the lease is surely ours at this moment; never blocks.

        It turns false before another could take the lease, such as when it could not be renewed
        in time, and it stays false: the trader then sends nothing more.
        """
        ...

    def journal_unwritten(self) -> bool:
        """Whether no holder has written the bot's journal yet, as far as the held lease knows.

        False means that a journal without entries was lost.
        """
        ...

    def journal_written(self) -> None:
        """Remembers with the held lease that the bot's journal has been written."""
        ...

    async def release(self) -> None:
        """Gives the lease back, so that a successor need not wait."""
        ...


UNWRITTEN: Final = "journal-unwritten"
"""A file in the bot's folder from the first lease until the first entry of the journal."""


class FileLease:
    """A locked file of one machine: the kernel frees it with the process, however that ends.

    Args:
        folder: the bot's state folder, made if it is not there.
        patience: seconds that a holder which is stopping gets to be gone.
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
        except (FileNotFoundError, ValueError):  # an empty file is what a full disk leaves
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
