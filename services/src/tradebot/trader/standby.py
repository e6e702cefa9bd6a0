"""A trader that waits for its lease, and follows the journal so that it can take over at once.

It sends nothing and writes nothing. It is ready while it can read the journal and the lease.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from tradebot.platform import logs
from tradebot.platform.health import Readiness
from tradebot.platform.settings import SettingsError
from tradebot.trader.control.server import ControlServer, RefusedError
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.store import JournalError
from tradebot.trader.renewed_lease import RenewedLease
from tradebot.trader.settings import TraderSettings

FOLLOW_SECONDS: Final = 1.0
"""Interval between reads of the journal."""
ACTS: Final = ("pause", "resume", "flatten", "repair")

_log = logs.get("trader.standby")


class Standby:
    """See the module.

    Args:
        open_ledger: opens the journal; blocks.
    """

    def __init__(
        self,
        settings: TraderSettings,
        readiness: Readiness,
        lease: RenewedLease,
        open_ledger: Callable[[], JournaledLedger],
    ) -> None:
        self.journaled: JournaledLedger | None = None
        """The ledger as far as the journal was read; `None` if it was never read."""
        self._settings = settings
        self._readiness = readiness
        self._lease = lease
        self._open_ledger = open_ledger
        self._entries = 0
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        """Follows the journal until it acquires the lease; returns its epoch.

        Raises:
            LeaseError: the lease can never be acquired; the message says why.
        """
        control = ControlServer(
            self._settings.folder / "standby.json",
            reads={"status": self.status},
            acts=dict.fromkeys(ACTS, self._refuse),
        )
        await control.start()
        self._readiness.check("lease", lambda: self._lease.unreachable or None)
        following = asyncio.ensure_future(self._follow())
        try:
            return await self._lease.acquire()
        finally:
            self._readiness.close("starting", "the trader takes over")
            self._readiness.check("lease", lambda: None)
            self._readiness.note("standby", "")
            self._readiness.open("journal")
            self._ended.set()  # a read of the journal is not interrupted: its thread finishes
            await asyncio.gather(following, control.close(), return_exceptions=True)

    def status(self) -> dict[str, Any]:
        """Returns what `tradebot status` shows."""
        ledger = None if self.journaled is None else self.journaled.ledger
        return {
            "bot": self._settings.bot,
            "symbol": self._settings.symbol,
            "standby": True,
            "active": self._lease.other,
            "entries": self._entries,
            "window_end": 0 if ledger is None else ledger.window_end,
            "halted": "" if ledger is None else ledger.halted,
            "paused": "" if ledger is None else ledger.paused,
            "reasons": self._readiness.reasons(),
        }

    async def _refuse(self, _because: str, _by: str) -> str:
        raise RefusedError(
            f"this is the standby of {self._settings.bot}: run the command where the active "
            f"trader runs ({self._lease.other or 'not known'})"
        )

    async def _follow(self) -> None:
        while not self._ended.is_set():
            try:
                self._entries = await asyncio.to_thread(self._look)
            except (JournalError, SettingsError) as error:
                self._readiness.close("journal", f"the standby cannot follow: {error}")
                _log.warning("cannot follow the journal", reason=str(error))
            else:
                self._readiness.open("journal")
                self._readiness.started()
                self._readiness.note("standby", self._said())
            try:
                async with asyncio.timeout(FOLLOW_SECONDS):
                    await self._ended.wait()
            except TimeoutError:
                pass

    def _look(self) -> int:
        if self.journaled is None:
            self.journaled = self._open_ledger()
        return self.journaled.follow()

    def _said(self) -> str:
        holder = self._lease.other or "nobody"
        return f"follows the journal (entry {self._entries}); {holder} holds the lease"
