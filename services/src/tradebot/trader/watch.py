"""Checks losses and exits every few seconds, with or without windows.

A check calls the same `decide` as a window, without a forecast: loss limits halt, exits sell, and
nothing buys. The price is the last trade's from the topic. The venue itself is asked without a
recent trade, and before anything is done or stored: a record can be wrong, and an order needs a
book. So a check works without Kafka, the feed, windows and forecasts.
"""

import asyncio
from decimal import Decimal
from typing import Final

from tradebot.domain.decision import Decision, Inputs, Quote, Window, decide
from tradebot.domain.risk.marks import equity_of
from tradebot.domain.situation import Stored
from tradebot.platform import logs
from tradebot.records import Document
from tradebot.trader import metrics
from tradebot.trader.engine import Engine
from tradebot.trader.inputs.trades import LastTrade
from tradebot.trader.journal.documents import decision_document
from tradebot.trader.journal.entries import Watched
from tradebot.trader.selling import Selling
from tradebot.venue.errors import VenueError

MARK_MS: Final = 60_000
"""If no window has moved the marks for this long, a check does."""


class Watch:
    """The checks of one bot.

    Args:
        seconds: real time between two checks.
    """

    def __init__(self, engine: Engine, selling: Selling, trades: LastTrade, seconds: float) -> None:
        self._engine = engine
        self._selling = selling
        self._trades = trades
        self._seconds = seconds
        self._bot = engine.journaled.who.bot
        self._log = logs.get("trader.watch")

    async def run(self) -> None:
        """Checks until cancelled.

        Raises:
            JournalError: the journal cannot be written; nothing was sent.
        """
        while True:
            await asyncio.sleep(self._seconds)
            await self.look()

    async def look(self) -> None:
        """Runs one check, by the last trade if that shows no problem, otherwise by the venue."""
        engine = self._engine
        if not engine.journaled.ledger.known or engine.stopping or self._all_is_well():
            return
        async with engine.acting:
            if not engine.stopping:
                await self._look_at_the_venue()

    def _all_is_well(self) -> bool:
        """Whether the last trade is fresh, and neither halts, exits nor moves a mark."""
        engine = self._engine
        now = engine.clock.now()
        price = self._trades.price(now)
        if price is None:
            return False
        quote = Quote(bid=price, ask=price + engine.market.instrument.price_step, last=price)
        stored = self._stored(now, quote)
        decision = decide(stored.state, stored.inputs, stored.settings)
        if decision.halt or decision.exit or stored.state.flattening or self._mark_due(now, price):
            return False
        if not self._selling.resting.in_step():
            return False
        equity = stored.state.equity(price)
        metrics.measure(self._bot, engine.journaled.ledger, equity=equity, mid=price)
        return True

    async def _look_at_the_venue(self) -> None:
        engine = self._engine
        try:
            ticker = await engine.market.ticker()
        except VenueError as error:
            self._log.warning("no price to watch by", reason=str(error))
            return
        quote = Quote(bid=ticker.bid, ask=ticker.ask, last=ticker.last)
        engine.see(quote)
        now = engine.clock.now() or ticker.ts
        stored = self._stored(now, quote)
        decision = decide(stored.state, stored.inputs, stored.settings)
        if decision.halt:
            await engine.halt(decision.halt)
        if decision.action == "sell":
            await self._sell(stored, decision)
        elif decision.exit:
            self._log.warning(
                "an exit is held back",
                exit=decision.exit,
                gate=decision.gate,
                reason=decision.reason,
            )
        else:
            await self._selling.settle()
            await self._selling.resting.keep()
        equity = equity_of(stored.state, quote, stored.settings)
        if equity is None:
            return
        metrics.measure(self._bot, engine.journaled.ledger, equity=equity, mid=quote.mid)
        if now and self._mark_due(now, quote.mid):
            await engine.journaled.record(Watched(ts=now, equity=equity, mid=quote.mid))

    def _stored(self, now: int, quote: Quote) -> Stored:
        """Returns the inputs of a check: a neutral window, and no forecast."""
        engine = self._engine
        inputs = Inputs(
            now=now,
            window=Window(end=now, ratio=None, complete=False),
            prediction=None,
            quote=quote,
            increments=engine.market.instrument.increments,
            taker_fee_bps=engine.fee_bps,
            market_status=engine.market.instrument.status,
        )
        return Stored(state=engine.state(), inputs=inputs, settings=engine.rules)

    async def _sell(self, stored: Stored, decision: Decision) -> None:
        engine, now = self._engine, stored.inputs.now
        name = self._selling.name(now)
        self._log.warning("exit", decision=name, exit=decision.exit, reason=decision.reason)

        def documents(order: str) -> tuple[Document, ...]:
            made = decision_document(
                engine.journaled.who,
                stored,
                decision,
                name=name,
                ts=now,
                epoch=engine.journaled.ledger.epoch,
                client_order_id=order,
            )
            return (made,)

        await self._selling.down(decision.exit, name, documents=documents)

    def _mark_due(self, now: int, mid: Decimal) -> bool:
        """Whether to store `mid`: windows are silent, or a trailing stop has a new high."""
        engine = self._engine
        ledger, held = engine.journaled.ledger, engine.state().position
        trails = engine.rules.exits.trailing_stop is not None
        higher = trails and held is not None and mid > held.high
        return higher or now - max(ledger.window_end, ledger.watched_at) >= MARK_MS
