"""Sells what the bot holds by the book's depth, deeper step by step: for exits and for a person.

Every try is a separate intent: journaled first, sent once, resolved before the next. So a sale is
never duplicated, whatever is lost on the way.
"""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from tradebot.domain.decision import Quote
from tradebot.domain.exits import flatten, pricing
from tradebot.domain.money import ZERO
from tradebot.domain.risk import size
from tradebot.platform import logs
from tradebot.records import Document
from tradebot.trader.engine import Engine
from tradebot.trader.journal.entries import Flattened
from tradebot.trader.maker import MakerOrders
from tradebot.trader.resting import RestingStops
from tradebot.venue.errors import VenueError

RETRY_SECONDS: Final = 0.5
"""Wait after the venue did not respond."""

Documents = Callable[[str], tuple[Document, ...]]
"""Returns the documents for the first order, from its client order id; not called without one."""


class Selling:
    """Sells what the bot may sell; the caller holds the engine's lock.

    Args:
        keep: base that is never sold.
        speed: exchange milliseconds per real millisecond.
    """

    def __init__(self, engine: Engine, keep: Decimal = ZERO, speed: float = 1.0) -> None:
        self._engine = engine
        self._keep = keep
        self.resting = RestingStops(engine)
        """The stop at the venue, which is cancelled before anything is sold."""
        self.maker = MakerOrders(engine, self.resting, speed)
        """The order of a signal that waits; an exit ends it first, and never waits itself."""
        self._bot = engine.journaled.who.bot
        self._log = logs.get("trader")

    def name(self, now: int) -> str:
        """Names a sale without a window; `now` is the venue's time in ms, 0 if unknown."""
        return f"{self._bot}-exit-{now or self._engine.journaled.ledger.number + 1}"

    async def down(
        self,
        leaving: str,
        name: str,
        *,
        window_end: int = 0,
        documents: Documents = lambda _: (),
    ) -> Decimal:
        """Sells down to dust, or as far as the exit's floor allows; returns the rest, 0 for dust.

        Args:
            leaving: the exit that sells.
            name: of the decision.
            window_end: of the window that led to it; only the first order counts for it.
        """
        engine, sent = self._engine, False
        await self.maker.end()
        start: Decimal | None = None
        for reach in pricing.reaches(engine.rules):
            try:
                if not await self._something_to_sell():
                    break
                start = await self._anchor(leaving) if start is None else start
                bids = await engine.market.bids()
            except VenueError as error:
                self._log.warning("cannot sell yet", exit=leaving, reason=str(error))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if not engine.market.instrument.accepts_takers:
                status = engine.market.instrument.status
                self._log.warning("the market is not open", exit=leaving, status=status)
                break
            order = None if start is None or engine.doubt else self._order(start, reach, bids)
            if order is None or not await self.resting.lift():
                continue
            amount, limit = min(order[0], self.sellable()), order[1]
            if not amount:  # the stop at the venue filled during its cancel
                break
            intent = engine.journaled.intent(
                "sell",
                amount,
                limit,
                mid=engine.mid,
                window_end=0 if sent else window_end,
                name=name,
                minimum=engine.market.instrument.minimum,
                reduces=True,
            )
            await engine.execute(intent, () if sent else documents(intent.client_order_id))
            sent = True
        await self.settle()
        return self._told(leaving)

    async def flatten(self) -> Decimal:
        """Executes a flatten, as far as the market allows; returns the rest."""
        return await self.down(flatten.EXIT, self.name(self._engine.clock.now()))

    async def settle(self) -> None:
        """Completes a flatten once nothing is left that could be sold."""
        engine = self._engine
        if engine.journaled.ledger.flattening and not engine.doubt and not self.sellable():
            await engine.journaled.record(Flattened())

    def sellable(self) -> Decimal:
        """Returns the base that the bot may sell and the venue would accept; 0 for dust."""
        own = size.sellable(self._engine.state(), self._engine.rules)
        return self._engine.market.instrument.amount(max(ZERO, own - self._keep))

    def _told(self, leaving: str) -> Decimal:
        """Returns the rest, and logs it if it is more than dust."""
        left = self.sellable()
        if left:
            floor = self._engine.rules.exits.max_slippage_bps
            self._log.warning(
                "not everything is sold; retrying",
                exit=leaving,
                left=str(left),
                floor_bps=floor,
                doubt=self._engine.doubt,
            )
        return left

    async def _something_to_sell(self) -> bool:
        engine = self._engine
        if engine.doubt:
            await engine.reconcile_now()
        engine.market.forget()  # the market may have closed, or its steps have changed
        await engine.market.refresh()
        return self.sellable() > 0

    async def _anchor(self, leaving: str) -> Decimal | None:
        engine = self._engine
        ticker = await engine.market.ticker()
        quote = Quote(bid=ticker.bid, ask=ticker.ask, last=ticker.last)
        engine.see(quote)
        start = pricing.anchor(quote, engine.rules, leaving)
        if start is None:
            self._log.warning("no price to sell at", exit=leaving, bid=str(ticker.bid))
        return start

    def _order(
        self, start: Decimal, reach: int, bids: Sequence[pricing.Level]
    ) -> tuple[Decimal, Decimal] | None:
        """Returns amount and limit of the next try, `None` if no bid is that high."""
        step, amount = self._engine.market.instrument.price_step, self.sellable()
        lowest = pricing.lowest_price(start, reach, step)
        limit = pricing.limit_of(bids, lowest)
        return None if limit is None else (amount, limit)
