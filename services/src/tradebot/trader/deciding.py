"""One decision a window: look, decide, write, send, and account for the window."""

from tradebot.domain.decision import Decision, Inputs, Quote, Window, decide
from tradebot.domain.risk.marks import equity_of
from tradebot.domain.situation import Stored
from tradebot.platform import logs
from tradebot.trader import metrics
from tradebot.trader.engine import Engine
from tradebot.trader.inputs.forecasts import Forecasts
from tradebot.trader.journal.documents import decision_document, decision_id, ticker_document
from tradebot.trader.journal.entries import Decided, Halted
from tradebot.venue.errors import VenueError
from tradebot.venue.port import Ticker


class Decider:
    """Decides on windows, one at a time."""

    def __init__(self, engine: Engine, forecasts: Forecasts) -> None:
        self._engine = engine
        self._forecasts = forecasts
        self._bot = engine.books.who.bot
        self._log = logs.get("trader")

    async def on_window(self, window: Window) -> Decided | None:
        """Decides on a window, trades, and accounts for it once its documents are delivered.

        `None` if the window was accounted for before, or is left to the next trader.

        Raises:
            JournalError: the journal cannot be written; nothing was sent.
        """
        books = self._engine.books
        async with self._engine.acting:
            decided = await self._decide(window)
        await books.flush()  # without the lock: the broker may be away for long
        if decided is not None:
            await books.record(decided)
        return decided

    async def _decide(self, window: Window) -> Decided | None:
        engine = self._engine
        if window.end <= engine.books.ledger.window_end:
            return None
        stored, ticker = await self._look(window)
        if engine.stopping:  # asked last: it may be told while the venue is asked for prices
            return None
        decision = decide(stored.state, stored.inputs, stored.settings)
        await self._carry_out(stored, decision, ticker)
        self._count(decision)
        equity = equity_of(stored.state, stored.inputs.quote, stored.settings)
        if equity is not None:
            metrics.measure(self._bot, engine.books.ledger, equity=equity, mid=engine.mid)
        return Decided(
            window_end=window.end,
            action=decision.action,
            gate=decision.gate,
            equity=equity,
            mid=None if equity is None else decision.mid,
        )

    async def _look(self, window: Window) -> tuple[Stored, Ticker | None]:
        """All that the decision is made from; a window too old to trade asks the venue nothing."""
        engine = self._engine
        late = engine.clock.now() - window.end > engine.rules.max_window_age_ms
        ticker = None if late else await self._ticker()
        now = engine.clock.now()
        quote = None
        if ticker is not None:
            silent = int(engine.clock.silence() * 1000)
            quote = Quote(bid=ticker.bid, ask=ticker.ask, silent_ms=silent)
            engine.see(quote)
        inputs = Inputs(
            now=now,
            window=window,
            prediction=self._forecasts.at(window.end),
            quote=quote,
            increments=engine.market.instrument.increments,
            taker_fee_bps=engine.fee_bps,
            market_status=engine.market.instrument.status,
        )
        metrics.WINDOW_LAG_SECONDS.labels(self._bot).set((now - window.end) / 1000)
        return Stored(state=engine.state(), inputs=inputs, settings=engine.rules), ticker

    async def _ticker(self) -> Ticker | None:
        try:
            return await self._engine.market.ticker()
        except VenueError as error:
            self._log.warning("no prices from the venue", reason=str(error))
            return None

    async def _carry_out(self, stored: Stored, decision: Decision, ticker: Ticker | None) -> None:
        engine = self._engine
        window_end = stored.inputs.window.end
        name = decision_id(self._bot, window_end)
        intent = None
        if decision.action != "hold" and decision.price is not None and decision.mid is not None:
            intent = engine.books.intent(
                decision.action,
                decision.amount,
                decision.price,
                mid=decision.mid,
                window_end=window_end,
                name=name,
                minimum=stored.inputs.increments.minimum,
            )
        order = "" if intent is None else intent.client_order_id
        self._log.info(
            "decision",
            decision=name,
            order=order,
            action=decision.action,
            signal=decision.signal,
            gate=decision.gate,
            reason=decision.reason,
        )
        made = [
            decision_document(
                engine.books.who,
                stored,
                decision,
                ts=stored.inputs.now or window_end,
                epoch=engine.books.ledger.epoch,
                client_order_id=order,
                reconciliations=engine.reconciliations(),
            )
        ]
        if ticker is not None:
            currencies = engine.market.instrument.currencies
            made.append(
                ticker_document(engine.books.who, ticker, currencies, window_end=window_end)
            )
        if intent is not None:
            await engine.execute(intent, tuple(made))
        else:
            engine.books.send(tuple(made))
        if decision.halt:
            await self._halt(decision.halt)

    async def _halt(self, reason: str) -> None:
        if not self._engine.books.ledger.halted:
            self._log.error("halted", reason=reason)
            await self._engine.books.record(Halted(reason=reason))

    def _count(self, decision: Decision) -> None:
        metrics.WINDOWS.labels(self._bot).inc()
        metrics.DECISIONS.labels(self._bot, decision.action, decision.gate).inc()
