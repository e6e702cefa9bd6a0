"""One decision per window: gathers inputs, decides, journals, sends, and counts the window."""

from decimal import Decimal

from tradebot.domain.decision import Decision, Inputs, Quote, Window, decide
from tradebot.domain.money import ZERO, Side
from tradebot.domain.risk.marks import equity_of
from tradebot.domain.situation import Stored, Suggestion
from tradebot.platform import logs
from tradebot.records import Document
from tradebot.trader import metrics
from tradebot.trader.bot_report import Latest
from tradebot.trader.engine import Engine
from tradebot.trader.inputs.forecasts import Forecasts
from tradebot.trader.inputs.proposals import Proposals
from tradebot.trader.journal.documents import decision_document, decision_id, ticker_document
from tradebot.trader.journal.entries import Decided
from tradebot.trader.selling import Documents, Selling
from tradebot.venue.errors import VenueError
from tradebot.venue.port import Ticker


class Decider:
    """Decides on windows, one at a time."""

    def __init__(
        self,
        engine: Engine,
        forecasts: Forecasts,
        selling: Selling,
        proposals: Proposals | None = None,
    ) -> None:
        self._engine = engine
        self._proposals = proposals or Proposals.none()
        self.latest: Latest | None = None
        """The newest decision of this process."""
        self._selling = selling
        self._forecasts = forecasts
        self._bot = engine.journaled.who.bot
        self._log = logs.get("trader")

    async def on_window(self, window: Window) -> Decided | None:
        """Decides on a window, trades, accounts for it, and waits for its documents' delivery.

        A decision's documents are in the journal before any is sent: those of an order in the
        intent's entry, all others in the window's. So a restart sends the same ones again, and
        never decides twice on what was published.

        Returns `None` if the window was accounted for before, or is left to the next trader.

        Raises:
            JournalError: the journal cannot be written; nothing was sent.
        """
        journaled = self._engine.journaled
        # Without the lock: while a proposal is on its way the watch goes on.
        suggestion = await self._proposals.of_window(window.end, fresh=not self._is_late(window))
        async with self._engine.acting:
            decided, documents = await self._decide(window, suggestion)
        if decided is not None:
            await journaled.record(decided, documents=documents)
        await journaled.flush()  # without the lock: the broker may be away for long
        return decided

    def _is_late(self, window: Window) -> bool:
        """Whether the window is too old to be traded on."""
        engine = self._engine
        return engine.clock.now() - window.end > engine.rules.max_window_age_ms

    async def _decide(
        self, window: Window, suggestion: Suggestion | None
    ) -> tuple[Decided | None, tuple[Document, ...]]:
        """Returns the window's entry, and its documents unless an order's entry carries them."""
        engine = self._engine
        if window.end <= engine.journaled.ledger.window_end:
            return None, ()
        stored, ticker = await self._look(window, suggestion)
        if engine.stopping:  # asked last: it may be told while the venue is asked for prices
            return None, ()
        decision = decide(stored.state, stored.inputs, stored.settings)
        if self._selling.maker.opposes(decision.signal):
            await self._selling.maker.end()
            stored, ticker = await self._look(window, suggestion)
            decision = decide(stored.state, stored.inputs, stored.settings)
        known = self.latest or Latest(decision, window.end)
        self.latest = known.then(decision, window.end)
        documents = await self._carry_out(stored, decision, ticker)
        self._count(decision)
        equity = equity_of(stored.state, stored.inputs.quote, stored.settings)
        if equity is not None:
            metrics.measure(self._bot, engine.journaled.ledger, equity=equity, mid=engine.mid)
        decided = Decided(
            window_end=window.end,
            action=decision.action,
            gate=decision.gate,
            equity=equity,
            usable=decision.usable,
            mid=None if equity is None else decision.mid,
        )
        return decided, documents

    async def _look(
        self, window: Window, suggestion: Suggestion | None
    ) -> tuple[Stored, Ticker | None]:
        """All that the decision is made from; a window too old to trade asks the venue nothing."""
        engine = self._engine
        ticker = None if self._is_late(window) else await self._ticker()
        now = engine.clock.now()
        quote = None
        if ticker is not None:
            silent = int(engine.clock.silence() * 1000)
            quote = Quote(bid=ticker.bid, ask=ticker.ask, silent_ms=silent, last=ticker.last)
            engine.see(quote)
        inputs = Inputs(
            now=now,
            window=window,
            prediction=self._forecasts.at(window.end),
            quote=quote,
            increments=engine.market.instrument.increments,
            taker_fee_bps=engine.fee_bps,
            market_status=engine.market.instrument.status,
            suggestion=suggestion,
        )
        metrics.WINDOW_LAG_SECONDS.labels(self._bot).set((now - window.end) / 1000)
        return Stored(state=engine.state(), inputs=inputs, settings=engine.rules), ticker

    async def _ticker(self) -> Ticker | None:
        try:
            return await self._engine.market.ticker()
        except VenueError as error:
            self._log.warning("no prices from the venue", reason=str(error))
            return None

    async def _carry_out(
        self, stored: Stored, decision: Decision, ticker: Ticker | None
    ) -> tuple[Document, ...]:
        """Journals and sends the decision's orders; the first carries its documents.

        Returns the documents if there was no order.
        """
        engine = self._engine
        window_end = stored.inputs.window.end
        name = decision_id(self._bot, window_end)
        carried = False

        def documents(order: str) -> tuple[Document, ...]:
            nonlocal carried
            carried = True
            return self._documents(stored, decision, ticker, order)

        holds = decision.action == "hold" or decision.price is None or decision.mid is None
        if not holds and decision.exit:
            await self._selling.down(
                decision.exit, name, window_end=window_end, documents=documents
            )
        elif not holds and (amount := await self._amount(decision)):
            await self._order(stored, decision, amount, documents)
            await self._selling.resting.keep()
        if decision.halt:
            await engine.halt(decision.halt)
        return () if carried else self._documents(stored, decision, ticker, "")

    async def _order(
        self,
        stored: Stored,
        decision: Decision,
        amount: Decimal,
        documents: Documents,
    ) -> None:
        """Sends the order of a signal: it takes at once, or waits as maker."""
        assert decision.price is not None, "only a decision with a price has an order"
        engine, maker, quote = self._engine, self._selling.maker, stored.inputs.quote
        side: Side = "buy" if decision.action == "buy" else "sell"
        window_end = stored.inputs.window.end
        name = decision_id(self._bot, window_end)
        reduces = side == "sell" and engine.rules.on_breach != "Hold"
        if maker.serves and quote is not None:
            intent = maker.intent(
                side,
                amount,
                decision.price,
                quote,
                window_end=window_end,
                name=name,
                reduces=reduces,
            )
            await maker.send(intent, documents(intent.client_order_id))
            return
        intent = engine.journaled.intent(
            side,
            amount,
            decision.price,
            mid=decision.mid or ZERO,
            window_end=window_end,
            name=name,
            reduces=reduces,
            minimum=stored.inputs.increments.minimum,
        )
        await engine.execute(intent, documents(intent.client_order_id))

    async def _amount(self, decision: Decision) -> Decimal:
        """What the order is for: a sell is for what is left once no stop rests any more."""
        if not await self._selling.maker.end():
            return ZERO
        if decision.action == "buy" or not self._engine.journaled.ledger.resting():
            return decision.amount
        if not await self._selling.resting.lift():
            return ZERO
        return min(decision.amount, self._selling.sellable())

    def _documents(
        self, stored: Stored, decision: Decision, ticker: Ticker | None, order: str
    ) -> tuple[Document, ...]:
        """Returns the decision's and its prices' documents; `order` is the first order or empty."""
        engine, window_end = self._engine, stored.inputs.window.end
        name = decision_id(self._bot, window_end)
        self._log.info(
            "decision",
            decision=name,
            order=order,
            action=decision.action,
            signal=decision.signal,
            exit=decision.exit,
            gate=decision.gate,
            reason=decision.reason,
        )
        made = decision_document(
            engine.journaled.who,
            stored,
            decision,
            name=name,
            ts=stored.inputs.now or window_end,
            epoch=engine.journaled.ledger.epoch,
            client_order_id=order,
            reconciliations=engine.reconciliations(),
        )
        if ticker is None:
            return (made,)
        currencies, who = engine.market.instrument.currencies, engine.journaled.who
        return (made, ticker_document(who, ticker, currencies, window_end=window_end))

    def _count(self, decision: Decision) -> None:
        metrics.WINDOWS.labels(self._bot).inc()
        metrics.DECISIONS.labels(self._bot, decision.action, decision.gate).inc()
