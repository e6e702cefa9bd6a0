"""A lease that its holder renews, so that another trader may follow a holder that fell silent.

The holder writes a claim every few seconds. Who waits judges the holder by its own clock: a claim
that has not changed for the claim's whole duration has no holder any more. The holder trusts its
claim for two thirds of that time after it asked for the renewal, so it stops sending well before
anybody may follow it. Both count the time in which the machine was suspended.

Claims are written by compare and swap (`Place.write`), so a claim that somebody else renewed or
took is never overwritten.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from tradebot.platform import logs
from tradebot.trader.lease import LeaseError

RETRY_SHARE: Final = 0.2
"""Part of the pause between two renewals after which one that failed is tried again."""

_BOOTTIME: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_log = logs.get(__name__)


def boottime() -> float:
    """Seconds since the machine started, including those in which it was suspended.

    `time.monotonic` stands still while a machine sleeps: a holder that wakes would still trust its
    lease. Where the system has no such clock, as on macOS, CLOCK_MONOTONIC counts sleep by itself.
    """
    return time.clock_gettime(_BOOTTIME)


class PlaceError(Exception):
    """The place of the claim does not answer."""


class Term(msgspec.Struct, frozen=True):
    """The times of a lease in seconds, all from its duration."""

    seconds: float = 15.0
    """A holder whose claim has not changed for so long may be followed."""

    @property
    def renew(self) -> float:
        """Between two renewals, and how long one may take."""
        return self.seconds / 5

    @property
    def trusted(self) -> float:
        """How long a holder acts on its claim after it asked for it."""
        return self.seconds * 2 / 3

    @property
    def poll(self) -> float:
        """Between two looks at another's claim."""
        return min(1.0, self.seconds / 20)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lease; `holder` is empty where nobody does.

    `renewed` differs in every claim that is written. `seconds` is how long the claim stands
    without a renewal, 0 if that was never said. `unwritten` says that no holder has written the
    bot's journal yet.
    """

    holder: str = ""
    epoch: int = 0
    renewed: str = ""
    seconds: float = 0.0
    unwritten: bool = False


class Place(Protocol):
    """Where a claim is kept."""

    async def read(self) -> Claim:
        """The claim as it stands.

        Raises:
            PlaceError: it cannot be read now.
            LeaseError: it can never be read by this process; the message says why.
        """
        ...

    async def write(self, claim: Claim) -> bool:
        """Puts the claim in the place of the one last read or written here.

        False, and nothing is written, where somebody else wrote since. A claim with a new epoch is
        durable before this returns.

        Raises:
            PlaceError: it is not known whether it was written.
        """
        ...

    async def close(self) -> None:
        """Lets go of the place."""
        ...


class RenewedLease:
    """See the module, and `tradebot.trader.lease.Lease`.

    Args:
        holder: this process's name; a process may follow an earlier one of its own name at once.
        clock: seconds from an arbitrary start, as `boottime`.
    """

    def __init__(
        self,
        place: Place,
        *,
        holder: str,
        term: Term | None = None,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self.other = ""
        """Who held the lease when it was last seen in other hands; empty if nobody did."""
        self.unreachable = ""
        """Why the claim could not be read at the last try; empty if it could."""
        self._place = place
        self._holder = holder
        self._term = term or Term()
        self._clock = clock
        self._epoch = 0
        self._unwritten = False
        self._trusted_until = 0.0
        self._lost = True
        self._renewing: asyncio.Task[None] | None = None

    async def acquire(self) -> int:
        """Waits until no other holder renews, takes the lease and keeps it; returns its epoch.

        Raises:
            LeaseError: see `Place.read`.
        """
        seen: tuple[str, str] | None = None
        since = self._clock()
        while True:
            try:
                found = await self._place.read()
                self.other, self.unreachable = found.holder, ""
                self._unwritten = found.unwritten
                if (found.holder, found.renewed) != seen:
                    seen, since = (found.holder, found.renewed), self._clock()
                gone = self._clock() - since > (found.seconds or self._term.seconds)
                if found.holder in ("", self._holder) or gone:
                    if await self._take(found.epoch + 1):
                        return self._epoch
                    continue
            except PlaceError as error:
                self.unreachable = f"the lease cannot be read: {error}"
                _log.warning("could not read the lease", error=str(error))
            await asyncio.sleep(self._term.poll)

    async def exceed(self, epoch: int) -> int:
        """Raises the held lease's epoch above `epoch`; see `tradebot.trader.lease.Lease`.

        The claim is written only over its own, so that whoever followed is never passed.

        Raises:
            LeaseError: another holds it, or may do so.
        """
        self._epoch = max(self._epoch, epoch) + 1
        while self.held():
            try:
                if await self._write():
                    return self._epoch
            except PlaceError as error:
                _log.warning("could not raise the lease's epoch", error=str(error))
            # A renewal came between, and reads the claim again.
            await asyncio.sleep(self._term.renew * RETRY_SHARE)
        raise LeaseError("lost the lease before its epoch was raised: start the trader again")

    def journal_unwritten(self) -> bool:
        """See `tradebot.trader.lease.Lease`."""
        return self._unwritten

    def journal_written(self) -> None:
        """See `tradebot.trader.lease.Lease`; the next renewal writes it down."""
        self._unwritten = False

    def held(self) -> bool:
        """Whether the lease is surely ours; once false it stays false."""
        if self._clock() >= self._trusted_until:
            self._lost = True
        return not self._lost

    async def release(self) -> None:
        """Gives the lease back, so that a successor need not wait."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
            self._renewing = None
            ours, self._lost = self.held(), True
            if ours:
                await self._give_back()
        await self._place.close()

    async def _give_back(self) -> None:
        try:
            async with asyncio.timeout(self._term.renew):
                left = Claim(epoch=self._epoch, renewed=_now(), unwritten=self._unwritten)
                await self._place.write(left)
        except (PlaceError, TimeoutError) as error:
            _log.warning("could not release the lease", error=repr(error))

    async def _take(self, epoch: int) -> bool:
        self._epoch, asked = epoch, self._clock()
        if not await self._place.write(self._claim()):
            return False
        self._trusted_until, self._lost = asked + self._term.trusted, False
        self._renewing = asyncio.create_task(self._renew())
        return True

    def _claim(self) -> Claim:
        return Claim(
            holder=self._holder,
            epoch=self._epoch,
            renewed=_now(),
            seconds=self._term.seconds,
            unwritten=self._unwritten,
        )

    async def _write(self) -> bool:
        """Renews the claim; False where somebody else wrote before."""
        asked = self._clock()
        if not await self._place.write(self._claim()):
            return False
        self._trusted_until = asked + self._term.trusted
        return True

    async def _renew(self) -> None:
        pause = self._term.renew
        while self.held():
            await asyncio.sleep(pause)
            if not self.held():
                break
            pause = self._term.renew * RETRY_SHARE
            try:
                async with asyncio.timeout(self._term.renew):
                    if await self._write():
                        pause = self._term.renew
                    elif not await self._is_ours():
                        break
            except (PlaceError, TimeoutError) as error:
                _log.warning("could not renew the lease", error=repr(error))
        self._lost = True
        _log.error("lost the lease: this trader sends no more orders")

    async def _is_ours(self) -> bool:
        """Whether a claim that was not as last seen is still this process's own."""
        found = await self._place.read()
        return found.holder == self._holder and found.epoch <= self._epoch


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
