"""A lease that its holder renews, so that another trader can follow a silent holder.

The holder writes a claim every few seconds. A waiting trader judges the holder by its own clock: a
claim that has not changed for the claim's whole duration has no holder any more. The holder trusts
its claim for two thirds of that time after the request for renewal, so it stops sending well before
anybody may follow it. Both count time in which the machine was suspended.

Claims are written by compare-and-swap (`Place.write`), so nobody overwrites a claim that somebody
else has renewed or taken.
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
"""Fraction of the renewal interval after which a failed renewal is retried."""

_BOOTTIME: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_log = logs.get(__name__)


def boottime() -> float:
    """Returns seconds since the machine started, including those in which it was suspended.

    `time.monotonic` stops while a machine sleeps: a holder that wakes would still trust its lease.
    Without such a clock, as on macOS, CLOCK_MONOTONIC itself includes sleep.
    """
    return time.clock_gettime(_BOOTTIME)


class PlaceError(Exception):
    """The claim's place does not respond."""


class Term(msgspec.Struct, frozen=True):
    """The times of a lease in seconds, all derived from its duration."""

    seconds: float = 15.0
    """A holder whose claim has not changed for this long may be followed."""

    @property
    def renew(self) -> float:
        """Between two renewals, and the timeout of one."""
        return self.seconds / 5

    @property
    def trusted(self) -> float:
        """How long a holder acts on its claim after requesting it."""
        return self.seconds * 2 / 3

    @property
    def poll(self) -> float:
        """Between two reads of another's claim."""
        return min(1.0, self.seconds / 20)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lease; `holder` is empty if nobody does.

    `renewed` differs in every claim. `seconds` is how long the claim is valid without a renewal, 0
    if unknown. `unwritten` is true until a holder has written the bot's journal.
    """

    holder: str = ""
    epoch: int = 0
    renewed: str = ""
    seconds: float = 0.0
    unwritten: bool = False


class Place(Protocol):
    """Where a claim is stored."""

    async def read(self) -> Claim:
        """Reads the present claim.

        Raises:
            PlaceError: it cannot be read now.
            LeaseError: this process can never read it; the message says why.
        """
        ...

    async def write(self, claim: Claim) -> bool:
        """Replaces the claim last read or written here.

        Returns false and writes nothing if somebody else wrote since. A claim with a new epoch is
        durable before this returns.

        Raises:
            PlaceError: it is unknown whether it was written.
        """
        ...

    async def close(self) -> None:
        """Releases the place."""
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
        """The last other holder of the lease; empty if there was none."""
        self.unreachable = ""
        """Why the last read of the claim failed; empty if it succeeded."""
        self._place = place
        self._holder = holder
        self._term = term or Term()
        self._clock = clock
        self._epoch = 0
        self._unwritten = False
        self._attempts: set[str] = set()
        """Times of the newest claim written, and of later ones whose outcome is unknown."""
        self._trusted_until = 0.0
        self._lost = True
        self._renewing: asyncio.Task[None] | None = None

    async def acquire(self) -> int:
        """Waits until no other holder renews, acquires and keeps the lease; returns its epoch.

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

        The claim is written only over its own, so it never overwrites a successor's.

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
            # A renewal came in between, and reads the claim again.
            await asyncio.sleep(self._term.renew * RETRY_SHARE)
        raise LeaseError("lost the lease before its epoch was raised: start the trader again")

    def journal_unwritten(self) -> bool:
        """See `tradebot.trader.lease.Lease`."""
        return self._unwritten

    def journal_written(self) -> None:
        """See `tradebot.trader.lease.Lease`; the next renewal stores it."""
        self._unwritten = False

    def held(self) -> bool:
        """Whether the lease is certainly ours; once false it stays false."""
        if self._clock() >= self._trusted_until:
            self._lost = True
        return not self._lost

    async def release(self) -> None:
        """Releases the lease, so that a successor need not wait."""
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
        claim = self._claim()
        if not await self._place.write(claim):
            return False
        self._attempts = {claim.renewed}
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
        """Renews the claim; returns false if somebody else wrote before."""
        asked, claim = self._clock(), self._claim()
        self._attempts.add(claim.renewed)
        if not await self._place.write(claim):
            return False
        self._attempts = {claim.renewed}
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
        """Whether an unexpected claim is still this process's own: a write whose answer was lost.

        Neither the name nor the epoch would prove it: a successor may have the same name, and its
        epoch may be below the one that `exceed` is about to write.
        """
        found = await self._place.read()
        return found.holder == self._holder and found.renewed in self._attempts


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
