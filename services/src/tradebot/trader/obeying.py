"""Acts on the orders that a person gives a bot from outside its machine: once on each.

The journal keeps the last order that was obeyed, so that neither a restart nor a standby obeys it
again: a bot that was resumed last week and halted since stays halted.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from tradebot.platform import logs
from tradebot.platform.control import Control
from tradebot.trader.acts import Acts
from tradebot.trader.engine import Engine
from tradebot.trader.journal.entries import Obeyed

_log = logs.get("trader.control")


class Orders(Protocol):
    """Where orders come from."""

    def stream(self) -> AsyncIterator[Control]:
        """Yields the newest order, at the start and as often as it may have changed."""
        ...

    async def close(self) -> None:
        """Releases its resources."""
        ...


class NoOrders:
    """On one machine a command calls the trader itself."""

    async def stream(self) -> AsyncIterator[Control]:
        """Yields nothing, and never ends."""
        none: tuple[Control, ...] = ()
        for control in none:
            yield control
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Does nothing."""


class Obeying:
    """See the module. `obeyed` is set whenever an order took effect.

    Args:
        orders: see `Orders`.
    """

    def __init__(self, engine: Engine, acts: Acts, orders: Orders) -> None:
        self.obeyed = asyncio.Event()
        self._engine = engine
        self._acts = acts
        self._orders = orders

    @property
    def last(self) -> Control | None:
        """The order that was obeyed last."""
        return self._engine.journaled.ledger.obeyed

    async def run(self) -> None:
        """Obeys until cancelled.

        Raises:
            JournalError: the journal can no longer be written.
        """
        async for control in self._orders.stream():
            if control != self.last:
                await self._obey(control)

    async def close(self) -> None:
        """Releases what the orders come from."""
        await self._orders.close()

    async def _obey(self, control: Control) -> None:
        because, by = control.because, control.by or "somebody"
        _log.info("order", state=control.state, because=because, by=by)
        match control.state:
            case "Paused":
                await self._acts.pause(because, by)
            case "Running":
                await self._acts.resume(because, by)
            case "Flat":
                await self._acts.hold_flat(because, by)
        await self._engine.journaled.record(Obeyed(control=control))
        self.obeyed.set()
        if control.state == "Flat":
            # Journaled before: if this is interrupted, the watch goes on with it.
            _log.info(await self._acts.sell_all())
