"""Sells what the bot holds, whatever the signal: for a person's `flatten` and at a stop."""

import asyncio
from decimal import Decimal
from typing import Final

from tradebot.domain.risk.size import sellable
from tradebot.domain.situation import BPS
from tradebot.platform import logs
from tradebot.trader.engine import Engine
from tradebot.venue.errors import VenueError
from tradebot.venue.port import Ticker

TRIES: Final = 5
PAUSE_SECONDS: Final = 0.5
"""Between two tries, where the venue cannot be asked or its market is not open."""


class Selling:
    """Sells what the bot may sell; whoever calls it holds the engine's lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._bot = engine.books.who.bot
        self._log = logs.get("trader")

    async def sell_all(self) -> Decimal | None:
        """Sells all that the bot may sell, down to dust; what is left if it could not."""
        engine = self._engine
        for _ in range(TRIES):
            try:
                if engine.doubt:
                    await engine.reconcile_now()
                engine.market.forget()  # the market may have closed, or its steps have changed
                await engine.market.refresh()
                ticker = await engine.market.ticker()
            except VenueError as error:
                self._log.warning("cannot sell yet", reason=str(error))
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if not (base := self._sellable()):
                return None
            if not engine.market.instrument.accepts_takers:
                status = engine.market.instrument.status
                self._log.warning("cannot sell yet", reason=f"the venue's market is {status}")
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            await self._sell(base, ticker)
        return self._sellable() or None

    def _sellable(self) -> Decimal:
        """What the bot may sell and the venue would take; 0 where that is dust."""
        own = sellable(self._engine.state(), self._engine.rules)
        return self._engine.market.instrument.amount(own)

    async def _sell(self, base: Decimal, ticker: Ticker) -> None:
        engine = self._engine
        if engine.doubt:
            return
        reach = engine.rules.collar_bps / BPS
        mid = (ticker.bid + ticker.ask) / 2
        price = engine.market.instrument.price("sell", mid * (1 - reach))
        name = f"{self._bot}-flatten-{engine.clock.now() or ticker.ts}"
        intent = engine.books.intent(
            "sell",
            base,
            price,
            mid=mid,
            window_end=0,
            name=name,
            minimum=engine.market.instrument.minimum,
        )
        await engine.execute(intent, ())
