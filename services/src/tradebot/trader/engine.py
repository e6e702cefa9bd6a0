"""The trader's heart: one decision a window, and what a person may order.

Whatever talks to the account holds one lock, so that a decision, a reconciliation and a person's
`flatten` never overlap. A pause needs no lock: it is one entry of the journal and holds at once.
"""

import asyncio
from decimal import Decimal
from typing import Final

from tradebot.domain.decision import Decision, Inputs, Quote, Settings, State, Window, decide
from tradebot.domain.intent import Intent
from tradebot.domain.money import ZERO, floor_to, limit_price
from tradebot.domain.risk.marks import equity_of, sound
from tradebot.domain.situation import BPS, HOUR_MS, Stored
from tradebot.platform import logs
from tradebot.platform.clock import VenueClock
from tradebot.records import Document
from tradebot.trader import metrics
from tradebot.trader.control.lease import Lease
from tradebot.trader.control.standing import Standing, standing
from tradebot.trader.inputs.forecasts import Forecasts
from tradebot.trader.inputs.market import Market
from tradebot.trader.journal.books import Books
from tradebot.trader.journal.documents import (
    balance_document,
    decision_document,
    decision_id,
    ticker_document,
)
from tradebot.trader.journal.entries import Decided, Halted, Paused, Resumed
from tradebot.trader.orders.execution import Executor, LeaseLostError
from tradebot.trader.orders.reconcile import Outcome, Reconciler
from tradebot.venue.errors import VenueError
from tradebot.venue.port import Ticker

FLATTEN_TRIES: Final = 5


class Engine:
    """Decides, trades, reconciles; knows nothing of Kafka or HTTP.

    Args:
        paused: the reason why this process may send no order at all, or "".
    """

    def __init__(
        self,
        *,
        books: Books,
        executor: Executor,
        reconciler: Reconciler,
        market: Market,
        forecasts: Forecasts,
        clock: VenueClock,
        lease: Lease,
        rules: Settings,
        paused: str = "",
    ) -> None:
        self.books = books
        self.doubt = "the bot has not compared its books with the venue yet"
        """Why the books may not be trusted; empty when they may."""
        self.due = asyncio.Event()
        """Set when a reconciliation is wanted before its time."""
        self._fee_bps = market.listed_fees.taker_bps
        self._fee_asked = 0
        self._executor = executor
        self._reconciler = reconciler
        self._market = market
        self._forecasts = forecasts
        self._clock = clock
        self._lease = lease
        self._rules = rules
        self._paused = paused
        self._acting = asyncio.Lock()
        self.stopping = False
        """Whether no window is decided on any more."""
        self._held = (ZERO, ZERO)
        self._told: tuple[Decimal, Decimal] | None = None
        """The balances that documents and metrics last told."""
        self.mid = ZERO
        """The market's when it was last seen."""
        self._bot = books.who.bot
        self._log = logs.get("trader")
        if rules.max_drawdown is not None:
            metrics.DRAWDOWN_LIMIT.labels(self._bot).set(float(rules.max_drawdown))

    async def on_window(self, window: Window) -> Decided | None:
        """Decides on a window and trades; `None` if it was accounted for before.

        The answer is to be recorded once the decision's documents have been delivered.

        Raises:
            JournalError: the journal cannot be written; nothing was sent.
        """
        async with self._acting:
            if window.end <= self.books.ledger.window_end:
                return None
            stored, ticker = await self._look(window)
            if self.stopping:  # asked last: it may be told while the venue is asked for prices
                return None
            decision = decide(stored.state, stored.inputs, stored.settings)
            await self._carry_out(stored, decision, ticker)
        self._count(decision)
        equity = equity_of(stored.state, stored.inputs.quote, stored.settings)
        if equity is not None:
            metrics.measure(self._bot, self.books.ledger, equity=equity, mid=self.mid)
        return Decided(
            window_end=window.end, action=decision.action, gate=decision.gate, equity=equity
        )

    async def _look(self, window: Window) -> tuple[Stored, Ticker | None]:
        """All that the decision is made from; a window too old to trade asks the venue nothing."""
        late = self._clock.now() - window.end > self._rules.max_window_age_ms
        ticker = None if late else await self._ticker()
        now = self._clock.now()
        quote = None
        if ticker is not None:
            silent = int(self._clock.silence() * 1000)
            quote = Quote(bid=ticker.bid, ask=ticker.ask, silent_ms=silent)
            self._see(quote)
        inputs = Inputs(
            now=now,
            window=window,
            prediction=self._forecasts.at(window.end),
            quote=quote,
            increments=self._market.instrument.increments,
            taker_fee_bps=self._fee_bps,
        )
        metrics.WINDOW_LAG_SECONDS.labels(self._bot).set((now - window.end) / 1000)
        return Stored(state=self.state(), inputs=inputs, settings=self._rules), ticker

    def _see(self, quote: Quote) -> None:
        """Takes the mid of sound prices, and of any where none was seen yet."""
        if not self.mid or sound(quote, self._rules):
            self.mid = quote.mid

    async def _ticker(self) -> Ticker | None:
        try:
            return await self._market.ticker()
        except VenueError as error:
            self._log.warning("no prices from the venue", reason=str(error))
            return None

    def state(self) -> State:
        """What the decision may know of the bot."""
        ledger = self.books.ledger
        held_base, held_quote = self._held
        trusted = not self.doubt and self._lease.held()
        return State(
            base=ledger.base - held_base,
            quote=ledger.quote - held_quote,
            base_held=held_base,
            quote_held=held_quote,
            bought=ledger.bought(self._market.instrument.increments.minimum),
            orders_at=ledger.orders_at,
            marks=ledger.marks,
            reconciled=trusted,
            unresolved=len(ledger.unresolved()),
            halted=ledger.halted,
            paused=ledger.paused or self._paused,
        )

    async def _carry_out(self, stored: Stored, decision: Decision, ticker: Ticker | None) -> None:
        window_end = stored.inputs.window.end
        name = decision_id(self._bot, window_end)
        intent = None
        if decision.action != "hold" and decision.price is not None and decision.mid is not None:
            intent = self.books.intent(
                decision.action,
                decision.amount,
                decision.price,
                mid=decision.mid,
                window_end=window_end,
                name=name,
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
                self.books.who,
                stored,
                decision,
                ts=stored.inputs.now or window_end,
                epoch=self.books.ledger.epoch,
                client_order_id=order,
                reconciliations=self._reconciler.made_since_asked(),
            )
        ]
        if ticker is not None:
            currencies = self._market.instrument.currencies
            made.append(ticker_document(self.books.who, ticker, currencies, window_end=window_end))
        if intent is not None:
            await self._execute(intent, tuple(made))
        else:
            self.books.send(tuple(made))
        if decision.halt:
            await self._halt(decision.halt)

    async def _execute(self, intent: Intent, documents: tuple[Document, ...]) -> None:
        """Sends the intent's order; in doubt nothing more is sent until reconciled."""
        try:
            certain = await self._executor.execute(intent, documents)
        except LeaseLostError as error:
            self.distrust(str(error))
            return
        placed = self.books.ledger.orders[intent.client_order_id]
        self._log.info(
            "order",
            decision=intent.decision_id,
            order=intent.client_order_id,
            side=intent.side,
            amount=str(intent.amount),
            price=str(intent.price),
            filled=str(placed.order.filled),
            outcome=placed.order.phase.name.lower(),
        )
        if not certain:
            self.distrust(f"the fate of order {intent.client_order_id} is not known yet")
        elif placed.order.refused:
            self._market.forget()
            self.due.set()
        if placed.order.fills:
            self._send_balances(intent.client_order_id)

    def distrust(self, reason: str) -> None:
        """Closes the gate `Reconciled` until the books have been compared again."""
        self.doubt = reason
        self.due.set()

    def _send_balances(self, key: str) -> None:
        ledger = self.books.ledger
        self._told = amounts = (ledger.base, ledger.quote)
        made = []
        for currency, amount, held in zip(
            self._market.instrument.currencies, amounts, self._held, strict=True
        ):
            metrics.BALANCE.labels(self._bot, currency).set(float(amount))
            made.append(
                balance_document(
                    self.books.who,
                    currency,
                    amount=amount,
                    available=amount - held,
                    ts=self._clock.now(),
                    key=key,
                )
            )
        metrics.REALISED.labels(self._bot).set(float(ledger.realised))
        self.books.send(tuple(made))

    async def _halt(self, reason: str) -> None:
        if not self.books.ledger.halted:
            self._log.error("halted", reason=reason)
            await self.books.record(Halted(reason=reason))

    def _count(self, decision: Decision) -> None:
        metrics.WINDOWS.labels(self._bot).inc()
        metrics.DECISIONS.labels(self._bot, decision.action, decision.gate).inc()

    async def reconcile(self) -> Outcome:
        """Compares the books with the venue; opens the gate `Reconciled` if all is certain.

        Raises:
            VenueError: the venue did not answer; the gate stays as it is.
        """
        async with self._acting:
            return await self._reconcile()

    async def _reconcile(self) -> Outcome:
        await self._market.refresh()
        await self._learn_fee()
        ticker = await self._market.ticker()
        self._see(Quote(bid=ticker.bid, ask=ticker.ask))
        outcome = await self._reconciler.run(mid=self.mid, now=ticker.ts or self._clock.now())
        self._held = (
            outcome.base.amount - outcome.base.available,
            outcome.quote.amount - outcome.quote.available,
        )
        if outcome.certain:
            self.doubt = ""
            if self._told != (self.books.ledger.base, self.books.ledger.quote):
                self._send_balances(f"reconciled-{ticker.ts}")
        else:
            self.distrust("an order's fate is still not known")
        metrics.RECONCILIATIONS.labels(
            self._bot, "certain" if outcome.certain else "uncertain"
        ).inc()
        return outcome

    async def _learn_fee(self) -> None:
        """The account's fee, asked anew each hour of exchange time."""
        now = self._clock.now()
        if not self._fee_asked or now - self._fee_asked > HOUR_MS:
            self._fee_bps = (await self._executor.fees()).taker_bps
            self._fee_asked = now

    async def pause(self, because: str, by: str) -> str:
        """No new orders from now on; what it did, in a sentence."""
        await self.books.record(Paused(because=because, by=by))
        return f"{self._bot} is paused: it sends no new orders until it is resumed"

    async def resume(self, because: str, by: str) -> str:
        """Lifts a pause and a halt; what it did, in a sentence."""
        ledger = self.books.ledger
        if not ledger.halted and not ledger.paused:
            return f"{self._bot} was neither halted nor paused; nothing changed"
        lifted = f"halt ({ledger.halted})" if ledger.halted else f"pause ({ledger.paused})"
        await self.books.record(Resumed(because=because, by=by))
        return f"{self._bot} goes on: its {lifted} is lifted; losses are measured anew from now"

    async def flatten(self, because: str, by: str) -> str:
        """Pauses the bot and sells all its base; what it did, in a sentence."""
        await self.books.record(Paused(because=because, by=by))
        async with self._acting:
            left = await self._sell_all()
        if left is None:
            return f"{self._bot} is paused and holds nothing that could be sold any more"
        return f"{self._bot} is paused; {left} could not be sold: see its log, and flatten again"

    async def _sell_all(self) -> Decimal | None:
        """Sells the base balance down to dust; what is left if it could not."""
        for _ in range(FLATTEN_TRIES):
            try:
                if self.doubt:
                    await self._reconcile()
                await self._market.refresh()  # a refusal may have come of rules that changed
                ticker = await self._market.ticker()
            except VenueError as error:
                self._log.warning("cannot sell yet", reason=str(error))
                await asyncio.sleep(0.5)
                continue
            if not (base := self._sellable()):
                return None
            await self._sell(base, ticker)
        return self._sellable() or None

    def _sellable(self) -> Decimal:
        """The base that the venue would take; 0 where that is dust."""
        increments = self._market.instrument.increments
        base = floor_to(self.state().base, increments.amount_step)
        return base if base >= increments.minimum and base > 0 else ZERO

    async def _sell(self, base: Decimal, ticker: Ticker) -> None:
        if self.doubt:
            return
        reach = self._rules.collar_bps / BPS
        mid = (ticker.bid + ticker.ask) / 2
        price = limit_price(
            "sell", mid * (1 - reach), self._market.instrument.increments.price_step
        )
        name = f"{self._bot}-flatten-{self._clock.now() or ticker.ts}"
        intent = self.books.intent("sell", base, price, mid=mid, window_end=0, name=name)
        await self._execute(intent, ())

    async def stop(self, *, flatten: bool, cancel: bool) -> None:
        """No new orders; live ones cancelled, all sold if `flatten`."""
        self.stopping = True
        async with self._acting:
            if flatten:
                await self._sell_all()
            if cancel:
                await self._executor.cancel_all()

    async def heartbeat(self) -> None:
        """Tells the venue that this trader is well; its silence is logged."""
        await self._executor.heartbeat()

    def standing(self) -> Standing:
        """Where the bot stands now."""
        return standing(
            self.books.ledger,
            bot=self._bot,
            symbol=self.books.who.symbol,
            mid=self.mid,
            minimum=self._market.instrument.increments.minimum,
            paused=self._paused,
        )
