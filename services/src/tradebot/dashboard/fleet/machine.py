"""The bots of this machine: their traders listen on loopback."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tradebot.dashboard.fleet import row
from tradebot.dashboard.fleet.fleet import OrderError
from tradebot.dashboard.fleet.row import Row
from tradebot.platform.control import Act, ControlError, ControlRequest, ask

EVERY_SECONDS: Final = 1.0


class Machine:
    """See `Fleet`; the traders' addresses are in the state folder."""

    place = "machine"

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._rows: dict[str, Row] = {}

    @property
    def rows(self) -> Mapping[str, Row]:
        """See `Fleet`."""
        return self._rows

    async def watch(self) -> None:
        """See `Fleet`."""
        while True:
            self._rows = await asyncio.to_thread(self._look)
            await asyncio.sleep(EVERY_SECONDS)

    async def order(self, bot: str, act: Act, *, because: str, by: str) -> str:
        """See `Fleet`."""
        request = ControlRequest(because=because, by=by)
        try:
            told = await asyncio.to_thread(ask, self._state_dir, bot, act, request)
        except ControlError as error:
            raise OrderError(str(error)) from None
        self._rows = await asyncio.to_thread(self._look)
        return str(told["told"])

    async def close(self) -> None:
        """See `Fleet`."""

    def _look(self) -> dict[str, Row]:
        found = {}
        for address in sorted(self._state_dir.glob("*/control.json")):
            bot = address.parent.name
            try:
                found[bot] = row.of_trader(ask(self._state_dir, bot, "status"))
            except (ControlError, LookupError, ValueError):
                continue
        return found
