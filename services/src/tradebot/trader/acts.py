"""What a person or the supervisor can ask of a running trader: pause, resume, flatten, stop.

A pause needs no lock: it is one journal entry and holds at once.
"""

from typing import Any, Final

import msgspec

from tradebot.trader.engine import Engine
from tradebot.trader.journal.entries import Paused, Repaired, Resumed
from tradebot.trader.journal.repair import FutureMark, future_marks
from tradebot.trader.maker import MakerOrders
from tradebot.trader.selling import Selling

LAG_MS: Final = 120_000
"""A mark this far ahead of the clock is no fault: clocks differ, and a window may end in it."""


class Acts:
    """Pause, resume, flatten, stop; each returns a sentence about what it did."""

    def __init__(self, engine: Engine, selling: Selling) -> None:
        self._engine = engine
        self._selling = selling
        self._bot = engine.journaled.who.bot

    @property
    def maker(self) -> MakerOrders:
        """The order that waits as maker."""
        return self._selling.maker

    def future_marks(self) -> tuple[int, list[FutureMark]]:
        """Returns the venue's time (ms, 0 if unknown) and the ledger's marks ahead of it."""
        clock = self._engine.clock
        now = clock.now() if clock.settled else 0
        return now, future_marks(self._engine.journaled.ledger, now, LAG_MS) if now else []

    def marks(self) -> dict[str, Any]:
        """Returns what `tradebot repair` shows."""
        now, marks = self.future_marks()
        return {"now": now, "marks": msgspec.to_builtins(marks)}

    async def repair(self, because: str, by: str) -> str:
        """Resets marks in the future to now; returns a sentence."""
        now, marks = self.future_marks()
        if not now:
            return f"the venue's time is not known to {self._bot} yet; nothing changed"
        if not marks:
            return f"no mark of {self._bot} lies in the future; nothing changed"
        async with self._engine.acting:
            await self._engine.journaled.record(Repaired(to=now, because=because, by=by))
        names = ", ".join(mark.name for mark in marks)
        return f"{self._bot} is repaired: {names} set back to {now}"

    async def pause(self, because: str, by: str) -> str:
        """Stops buying; returns a sentence."""
        await self._engine.journaled.record(Paused(because=because, by=by))
        self.maker.wake()  # an order to buy that waits is cancelled now
        if self._engine.rules.on_breach == "Hold":
            return f"{self._bot} is paused: it sends no orders until you resume it"
        return f"{self._bot} is paused: until you resume it, it does not buy; it still sells"

    async def resume(self, because: str, by: str) -> str:
        """Lifts a pause and a halt; returns a sentence."""
        ledger = self._engine.journaled.ledger
        if not ledger.halted and not ledger.paused:
            return f"{self._bot} is neither halted nor paused; nothing changed"
        lifted = f"halt ({ledger.halted})" if ledger.halted else f"pause ({ledger.paused})"
        await self._engine.journaled.record(Resumed(because=because, by=by))
        return f"{self._bot} is resumed: its {lifted} is lifted; losses are measured from now on"

    async def flatten(self, because: str, by: str) -> str:
        """Pauses the bot and sells all its base; returns a sentence."""
        await self.hold_flat(because, by)
        return await self.sell_all()

    async def hold_flat(self, because: str, by: str) -> None:
        """Pauses the bot, and lets it sell from now on until it holds nothing."""
        await self._engine.journaled.record(Paused(because=because, by=by, flatten=True))

    async def sell_all(self) -> str:
        """Sells all the base of a bot that is held flat; returns a sentence."""
        async with self._engine.acting:
            left = await self._selling.flatten()
        if not left:
            return f"{self._bot} is paused and has nothing left to sell"
        return (
            f"{self._bot} is paused; {left} is not sold yet: it retries every few seconds until "
            "it is resumed, and logs the reason"
        )

    async def stop(self, *, flatten: bool, cancel: bool) -> None:
        """Sends no new orders; cancels live ones, and sells everything if `flatten`."""
        self._engine.stopping = True
        async with self._engine.acting:
            if flatten:
                await self._selling.flatten()
            if cancel:
                await self._engine.cancel_all()
