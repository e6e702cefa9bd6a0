"""The claim of a renewed lease as files of one machine, for two traders of one bot.

Each claim is a file with its own number, created by `link`, which fails if the number is taken. So
a write is a compare-and-swap without a lock that a suspended process could keep.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import IO

import msgspec

from tradebot.platform.private import open_private
from tradebot.trader.lease import UNWRITTEN, LeaseError, LeaseTakenError
from tradebot.trader.renewed_lease import Claim, PlaceError

_decode = msgspec.json.Decoder(Claim).decode


class ClaimFiles:
    """See the module, and `tradebot.trader.renewed_lease.Place`.

    Args:
        folder: the bot's state folder, created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: IO[str] | None = None
        self._number = 0
        self._epoch = 0

    async def read(self) -> Claim:
        """See `Place`.

        Raises:
            LeaseTakenError: a trader without a standby runs for this bot.
            LeaseError: the folder cannot be written, or a claim cannot be read.
        """
        try:
            self._share()
            self._number, claim = self._newest()
        except OSError as error:
            raise LeaseError(
                f"the bot's folder {self._folder} is not writable: {error.strerror}; choose a "
                "writable folder with --state-dir"
            ) from None
        except msgspec.DecodeError as error:
            raise LeaseError(
                f"cannot read a lease in {self._folder}: {error}; stop the bot's traders and "
                "delete the files claim.* there"
            ) from None
        self._epoch = claim.epoch
        return claim

    async def write(self, claim: Claim) -> bool:
        """See `Place`."""
        fresh = self._folder / f"claim-{os.getpid()}.new"
        path = self._path(self._number + 1)
        try:
            self._put(fresh, msgspec.json.encode(claim), durable=claim.epoch != self._epoch)
            try:
                path.hardlink_to(fresh)
            except FileExistsError:
                return False
            finally:
                fresh.unlink()
            numbers = self._numbers()
            if max(numbers) > self._number + 1:  # what we last saw was deleted long ago
                path.unlink(missing_ok=True)
                return False
            for number in numbers - {self._number + 1}:
                self._path(number).unlink(missing_ok=True)
            if claim.epoch != self._epoch:
                self._remember(claim.epoch)
        except OSError as error:
            raise PlaceError(f"cannot write to {self._folder}: {error.strerror}") from None
        self._number, self._epoch = self._number + 1, claim.epoch
        return True

    async def close(self) -> None:
        """Lets a trader without a standby start here."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _share(self) -> None:
        """Shares the lock that a trader without a standby holds exclusively."""
        if self._lock is not None:
            return
        path = self._folder / "lease.lock"
        self._folder.mkdir(parents=True, exist_ok=True)
        file = open_private(path, "a+")
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise LeaseTakenError(
                f"a trader without --standby is running for this bot (it holds {path}): stop it "
                "first, or use another --bot or --state-dir"
            ) from None
        self._lock = file

    def _newest(self) -> tuple[int, Claim]:
        while True:
            number = max(self._numbers(), default=0)
            if not number:
                epoch = self._remembered()
                unwritten = not epoch or (self._folder / UNWRITTEN).exists()
                return 0, Claim(epoch=epoch, unwritten=unwritten)
            with contextlib.suppress(FileNotFoundError):  # the next claim came meanwhile
                claim = _decode(self._path(number).read_bytes())
                epoch = max(claim.epoch, self._remembered())
                return number, msgspec.structs.replace(claim, epoch=epoch)

    def _numbers(self) -> set[int]:
        suffixes = (path.suffix[1:] for path in self._folder.glob("claim.*"))
        return {int(suffix) for suffix in suffixes if suffix.isdecimal()}

    def _path(self, number: int) -> Path:
        return self._folder / f"claim.{number}"

    def _remembered(self) -> int:
        """Returns the epoch of the last trader here, with or without a standby."""
        try:
            return int((self._folder / "epoch").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def _remember(self, epoch: int) -> None:
        fresh = self._folder / f"epoch-{os.getpid()}.new"
        self._put(fresh, str(epoch).encode(), durable=True)
        fresh.replace(self._folder / "epoch")

    @staticmethod
    def _put(path: Path, content: bytes, *, durable: bool) -> None:
        with open_private(path, "w") as out:
            out.write(content.decode())
            if durable:
                out.flush()
                os.fsync(out.fileno())
