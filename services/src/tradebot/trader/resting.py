"""Keeps the stop that rests at the venue in step with the position.

The order is an intent like any other: journaled first, sent once, looked up in doubt. Moving it is
a cancel and a new intent. It is cancelled before anything else is sold, so that no amount is
offered twice; if it fills during the cancel, its fills are booked before the next amount is
computed.
"""

from typing import Final

from tradebot.domain.exits import resting
from tradebot.domain.exits.resting import RestingStop
from tradebot.platform import logs
from tradebot.trader.engine import Engine
from tradebot.trader.journal.ledger import Placed

REFUSED_MS: Final = 60_000
"""Exchange time after a refusal by the venue before the next attempt."""


class RestingStops:
    """The one stop of a bot that rests at the venue; the caller holds the engine's lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tried: int | None = None
        self._bot = engine.journaled.who.bot
        self._log = logs.get("trader.resting")

    def in_step(self) -> bool:
        """Returns whether the right stop rests, or nothing can be done about it now."""
        orders = self._stops()
        if len(orders) > 1:
            return False
        step = self._engine.market.instrument.price_step
        return resting.suits(self._rests(), self._wanted(), step) or not self._may_act()

    async def keep(self) -> None:
        """Places, moves or cancels the stop so that it matches the position.

        Raises:
            JournalError: the journal cannot be written; nothing was sent.
        """
        if self.in_step() or not await self.lift():
            return
        want = self._wanted()  # again: the old one may have filled during the cancel
        if want is None or not self._can_place(want):
            return
        engine, now = self._engine, self._engine.clock.now()
        intent = engine.journaled.intent(
            "sell",
            want.amount,
            want.limit,
            mid=want.stop,
            window_end=0,
            name=f"{self._bot}-stop-{now or engine.journaled.ledger.number + 1}",
            minimum=engine.market.instrument.minimum,
            reduces=True,
            stop=want.stop,
        )
        await engine.execute(intent)
        placed = engine.journaled.ledger.orders.get(intent.client_order_id)
        if placed is not None and placed.order.refused:
            self._tried = now

    async def lift(self) -> bool:
        """Cancels all that rests; returns whether that is certain and the amount may be sold.

        Raises:
            JournalError: the journal cannot be written.
        """
        return await self._engine.cancel_resting()

    def _stops(self) -> list[Placed]:
        ledger = self._engine.journaled.ledger
        return [placed for placed in ledger.resting() if placed.intent.stop is not None]

    def _rests(self) -> RestingStop | None:
        for placed in self._stops():
            if placed.intent.stop is not None:
                return RestingStop(
                    stop=placed.intent.stop,
                    limit=placed.intent.price,
                    amount=placed.order.remaining,
                )
        return None

    def _wanted(self) -> RestingStop | None:
        engine = self._engine
        return resting.wanted(engine.state(), engine.rules, engine.market.instrument.increments)

    def _may_act(self) -> bool:
        """A halt or a pause under `Hold` sends nothing, so a resting stop stays.

        While a maker order rests, only that order changes the position.
        """
        engine = self._engine
        state = engine.state()
        held = engine.rules.on_breach == "Hold" and bool(state.halted or state.paused)
        free = not state.unresolved and not state.waiting
        return state.reconciled and free and not engine.stopping and not held

    def _can_place(self, want: RestingStop) -> bool:
        """A stop above the market would trigger at once; the watch sells instead."""
        engine = self._engine
        if not engine.market.instrument.accepts_takers or engine.mid <= want.stop:
            return False
        now = engine.clock.now()
        return self._tried is None or not 0 <= now - self._tried < REFUSED_MS
