"""Lets an order of a signal wait as maker: rests at the touch, repriced, then taken or given up.

Each order of the chain is an intent like any other: journaled first, sent once, looked up in doubt.
The next is sent only after the one before is over and its fills are booked. An uncertain result
ends the chain, as does a halt or a pause of a buy, an exit, a signal to the other side, and the end
of the process between two orders. A trader that starts while an order rests goes on with it.
"""

import asyncio
import contextlib
from decimal import Decimal
from typing import Final

from tradebot.domain import making
from tradebot.domain.decision import Quote
from tradebot.domain.intent import Intent
from tradebot.domain.making import Resting, Step, Terms
from tradebot.domain.money import Side
from tradebot.domain.situation import Action, Making
from tradebot.platform import logs
from tradebot.records import Document
from tradebot.trader.engine import Engine
from tradebot.trader.journal.ledger import Placed, rests
from tradebot.trader.resting import RestingStops
from tradebot.venue.errors import VenueError

LOOK_SECONDS: Final = 0.5
"""Longest wait between two checks of whether something is due; a check asks nobody."""

LOOKS: Final = 5
"""Checks in a period, where periods are short in real time."""


class MakerOrders:
    """The one chain of maker orders of a bot; the caller holds the engine's lock.

    Args:
        stops: are brought in step with the position when a chain ends.
        speed: exchange milliseconds per real millisecond.
    """

    def __init__(self, engine: Engine, stops: RestingStops, speed: float = 1.0) -> None:
        self._engine = engine
        self._stops = stops
        self._speed = speed
        self._last = ""
        """Name of the chain's newest order; empty without a chain."""
        self._rested = ""
        """Name of the chain's newest order that the venue let rest."""
        self._looked = ("", 0)
        self._wake = asyncio.Event()
        self._log = logs.get("trader.maker")

    @property
    def serves(self) -> bool:
        """Whether orders of a signal wait as maker."""
        return self._engine.rules.making is not None

    def opposes(self, signal: Action) -> bool:
        """Whether an order of the other side than `signal` waits."""
        placed = self._current()
        return placed is not None and signal not in ("hold", placed.intent.side)

    def intent(
        self,
        side: Side,
        amount: Decimal,
        limit: Decimal,
        quote: Quote,
        *,
        window_end: int,
        name: str,
        reduces: bool,
    ) -> Intent:
        """Returns the first intent of a chain.

        Args:
            limit: the worst price that the decision allows.
            window_end: of the window that led to it, ms.
            name: of the decision.
            reduces: whether to send it even while the bot is halted or paused.
        """
        engine = self._engine
        price = making.touch_price(side, quote, limit, engine.market.instrument.price_step)
        return engine.journaled.intent(
            side,
            amount,
            price,
            mid=quote.mid,
            window_end=window_end,
            name=name,
            minimum=engine.market.instrument.minimum,
            reduces=reduces,
            maker=Terms(started=engine.clock.now(), limit=limit),
        )

    async def send(self, intent: Intent, documents: tuple[Document, ...] = ()) -> None:
        """Sends an order of the chain.

        Raises:
            JournalError: the intent could not be written, so nothing was sent.
        """
        await self._engine.execute(intent, documents)
        name = intent.client_order_id
        placed = self._engine.journaled.ledger.orders.get(name)
        if placed is None or self._engine.doubt or not placed.order.order_ids:
            self._last = ""  # refused, never sent, or in doubt
            return
        self._last = name
        if rests(placed):
            self._rested = name
        self._wake.set()

    async def end(self) -> bool:
        """Gives up what waits; returns whether nothing of it is in doubt.

        Raises:
            JournalError: the result could not be written.
        """
        self._last = ""
        for placed in self._engine.journaled.ledger.making():
            if not await self._engine.cancel(placed):
                return False
        return True

    def wake(self) -> None:
        """Makes `run` check at once."""
        self._wake.set()

    async def run(self) -> None:
        """Serves the chain until cancelled.

        Raises:
            JournalError: the journal cannot be written; nothing was sent.
        """
        while True:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._wake.wait()
            await self.look()

    def _pause(self) -> float:
        """Real seconds to the next check."""
        terms = self._engine.rules.making
        if terms is None or self._current() is None:
            return LOOK_SECONDS
        return min(LOOK_SECONDS, terms.wait_ms / 1000 / self._speed / LOOKS)

    async def look(self) -> None:
        """Does what is due, if anything is; takes the lock itself.

        Raises:
            JournalError: the journal cannot be written; nothing was sent.
        """
        if self._due():
            async with self._engine.acting:
                if self._due():  # another may have acted meanwhile
                    await self._advance()

    def _current(self) -> Placed | None:
        """Returns the newest order of the chain, or one that a former process left resting."""
        ledger = self._engine.journaled.ledger
        if self._last:
            return ledger.orders.get(self._last)
        return next(iter(ledger.making()), None)

    def _due(self) -> bool:
        placed, engine = self._current(), self._engine
        if placed is None or engine.doubt or engine.stopping:
            return False
        terms, now = engine.rules.making, engine.clock.now()
        if terms is None or self._is_held(placed) or self._is_over(placed):
            return True
        at = self._period(placed, now, terms)
        first = self._period(placed, placed.intent.created, terms)
        return at > first and self._looked != (placed.intent.client_order_id, at)

    def _is_held(self, placed: Placed) -> bool:
        """Whether a halt or a pause forbids what the order would do."""
        state = self._engine.state()
        held = state.halted or state.paused or state.journal_down
        return bool(held) and not placed.intent.reduces

    def _is_over(self, placed: Placed) -> bool:
        """Whether nothing is left, or somebody else cancelled the order at the venue."""
        if rests(placed):
            return False
        return placed.intent.client_order_id == self._rested or not self._left(placed)

    def _left(self, placed: Placed) -> Decimal:
        """Returns what the venue would still accept an order for."""
        intent, order = placed.intent, placed.order
        return self._engine.market.instrument.amount(intent.amount - order.filled)

    @staticmethod
    def _period(placed: Placed, at: int, terms: Making) -> int:
        return 0 if placed.intent.maker is None else making.period(placed.intent.maker, at, terms)

    async def _advance(self) -> None:
        engine, placed = self._engine, self._current()
        assert placed is not None, "something is due"
        terms = engine.rules.making
        if terms is None or self._is_held(placed) or self._is_over(placed):
            await self._finish("filled, cancelled, halted or paused")
            return
        if rests(placed) and not await engine.look_up(placed):
            self._last = ""
            return
        try:
            ticker = await engine.market.ticker()
        except VenueError as error:
            self._log.warning("no price to reprice by", reason=str(error))
            return
        now, quote = engine.clock.now(), Quote(bid=ticker.bid, ask=ticker.ask, last=ticker.last)
        engine.see(quote)
        placed = engine.journaled.ledger.orders[placed.intent.client_order_id]
        order = _resting(placed)
        step = making.next_step(order, quote, now, terms, engine.market.instrument.price_step)
        self._looked = (placed.intent.client_order_id, self._period(placed, now, terms))
        if step != "wait":
            await self._replace(placed, step, quote)

    async def _replace(self, placed: Placed, step: Step, quote: Quote) -> None:
        """Cancels the order, and sends the next one for what it left."""
        engine, name = self._engine, placed.intent.client_order_id
        if not await self.end():
            return
        placed = engine.journaled.ledger.orders[name]  # it may have filled during the cancel
        left, before = self._left(placed), placed.intent
        if step == "give_up" or not left or before.maker is None:
            await self._finish(step)
            return
        price = before.maker.limit
        if step == "reprice":
            increment = engine.market.instrument.price_step
            price = making.touch_price(before.side, quote, price, increment)
        intent = engine.journaled.intent(
            before.side,
            left,
            price,
            mid=quote.mid,
            window_end=0,
            name=before.decision_id,
            minimum=before.minimum,
            reduces=before.reduces,
            maker=before.maker if step == "reprice" else None,
        )
        self._log.info("maker order", step=step, order=intent.client_order_id, after=name)
        await self.send(intent)
        if step == "take":
            await self._finish(step)

    async def _finish(self, why: str) -> None:
        """Ends the chain, and brings the stop in step with the position."""
        self._log.info("no maker order waits any more", why=why)
        if await self.end():
            await self._stops.keep()


def _resting(placed: Placed) -> Resting:
    intent = placed.intent
    assert intent.maker is not None, "an order of a chain has terms"
    return Resting(
        side=intent.side,
        price=intent.price,
        created=intent.created,
        rests=rests(placed),
        terms=intent.maker,
    )
