"""What the trader's parts share of the account: the lock, the ledger, the orders.

Whoever uses the account holds `acting`, so a decision, a reconciliation and a user's `flatten`
never overlap. Deciding (`deciding.py`), selling (`selling.py`) and a user's commands (`acts.py`)
use this module, which knows nothing of them, of Kafka or of HTTP.
"""

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from tradebot.domain.account import fold
from tradebot.domain.decision import Quote, Settings, State
from tradebot.domain.intent import Intent
from tradebot.domain.money import ZERO
from tradebot.domain.risk.marks import sound
from tradebot.domain.risk.size import sellable
from tradebot.domain.situation import HOUR_MS, Exits
from tradebot.domain.wanting import tightened
from tradebot.platform import logs
from tradebot.platform.clock import VenueClock
from tradebot.records import Document
from tradebot.trader import metrics
from tradebot.trader.bot_status import BotStatus, bot_status
from tradebot.trader.inputs.market import MarketClient
from tradebot.trader.journal.entries import Halted
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.ledger import Placed
from tradebot.trader.lease import Lease, LeaseLostError
from tradebot.trader.orders.execution import Executor
from tradebot.trader.orders.reconcile import Outcome, Reconciler
from tradebot.venue.port import AccountEvent, OwnTrade


class Engine:
    """The account, shared by the trader's parts.

    Args:
        paused: the reason why this process may send no order at all, or "".
    """

    def __init__(
        self,
        *,
        journaled: JournaledLedger,
        executor: Executor,
        reconciler: Reconciler,
        market: MarketClient,
        clock: VenueClock,
        lease: Lease,
        rules: Settings,
        paused: str = "",
    ) -> None:
        self.journaled = journaled
        self.market = market
        self.clock = clock
        self.rules = rules
        self._own_exits = rules.exits
        self.acting = asyncio.Lock()
        """Held by whoever uses the account."""
        self.doubt = "the bot has not compared its account with the venue yet"
        """Why the ledger may not be trusted; empty if it may."""
        self.due = asyncio.Event()
        """Set to request a reconciliation at once."""
        self.stopping = False
        """Whether windows are no longer decided on."""
        self.mid = ZERO
        """The market's mid when last seen."""
        self.fee_bps = market.listed_fees.taker_bps
        """The account's taker fee, basis points."""
        self._fee_asked = 0
        self._executor = executor
        self._reconciler = reconciler
        self._lease = lease
        self._paused = paused
        self._bot = journaled.who.bot
        self._log = logs.get("trader")
        if rules.max_drawdown is not None:
            metrics.DRAWDOWN_LIMIT.labels(self._bot).set(float(rules.max_drawdown))

    def state(self) -> State:
        """Returns the bot's state for a decision."""
        ledger = self.journaled.ledger
        trusted = not self.doubt and self._lease.held()
        like = State(
            base=ZERO,
            quote=ZERO,
            base_held=ledger.held_base,
            quote_held=ledger.held_quote,
            reconciled=trusted,
            unresolved=len(ledger.unresolved()),
            signal_at=ledger.signal_at,
            journal_down=self.journaled.down,
            halted=ledger.halted,
            paused=ledger.paused or self._paused,
            flattening=ledger.flattening,
            waiting=next((placed.intent.side for placed in ledger.making()), ""),
        )
        return fold.state_of(ledger, like, self.market.instrument.minimum)

    def tighten(self, exits: Exits | None) -> None:
        """Lets a proposal's exits count where they close a position earlier than the bot's own."""
        wanted = tightened(self._own_exits, exits)
        if wanted != self.rules.exits:
            self.rules = msgspec.structs.replace(self.rules, exits=wanted)

    def see(self, quote: Quote) -> None:
        """Stores the mid of sound prices, or of any prices if there was none before."""
        if not self.mid or sound(quote, self.rules):
            self.mid = quote.mid

    def newest_window(self) -> int:
        """Returns the end (ms) of the newest accounted window, 0 if there is none."""
        return self.journaled.ledger.window_end

    def reconciliations(self) -> int:
        """Returns the number of complete reconciliations since the last call."""
        return self._reconciler.made_since_asked()

    async def execute(self, intent: Intent, documents: tuple[Document, ...] = ()) -> None:
        """Sends the intent's order, under `acting`; in doubt nothing more is sent until reconciled.

        Raises:
            JournalError: the intent could not be written, so nothing was sent.
        """
        try:
            certain = await self._executor.execute(intent, documents)
        except LeaseLostError as error:
            self.distrust(str(error))
            return
        placed = self.journaled.ledger.orders[intent.client_order_id]
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
            self.distrust(f"the result of order {intent.client_order_id} is not known yet")
        elif placed.order.refused:
            self.market.forget()
            self.due.set()
        if placed.order.fills:
            self._measure_balances()

    def order_events(self) -> AsyncGenerator[AccountEvent, None]:
        """Yields the account's orders and fills from the venue's stream; never ends."""
        return self._executor.events()

    async def take_fill(self, placed: Placed, trade: OwnTrade) -> None:
        """Books a fill of a known order, under `acting`; a known fill changes nothing.

        Raises:
            JournalError: it could not be written.
        """
        name = placed.intent.client_order_id
        await self._executor.book(placed.intent, trade)
        if self.journaled.ledger.orders[name].order.fills != placed.order.fills:
            self._measure_balances()

    def distrust(self, reason: str) -> None:
        """Closes the gate `Reconciled` until the ledger has been compared again."""
        self.doubt = reason
        self.due.set()

    def _measure_balances(self) -> None:
        ledger = self.journaled.ledger
        currencies = self.market.instrument.currencies
        for currency, amount in zip(currencies, (ledger.base, ledger.quote), strict=True):
            metrics.BALANCE.labels(self._bot, currency).set(float(amount))
        metrics.REALISED.labels(self._bot).set(float(ledger.realised))

    async def reconcile(self) -> Outcome:
        """Compares the ledger with the venue; opens the gate `Reconciled` if all is certain.

        Raises:
            VenueError: the venue did not respond; the gate stays as it is.
        """
        async with self.acting:
            return await self.reconcile_now()

    async def reconcile_now(self) -> Outcome:
        """Reconciles for a caller that holds `acting` already."""
        await self.market.refresh()
        await self._learn_fee()
        ticker = await self.market.ticker()
        self.see(Quote(bid=ticker.bid, ask=ticker.ask))
        outcome = await self._reconciler.run(
            mid=self.mid, now=ticker.ts or self.clock.now(), fee_bps=self.fee_bps
        )
        if outcome.certain:
            self.doubt = ""
            self._measure_balances()
        else:
            self.distrust("the result of an order is still not known")
        metrics.RECONCILIATIONS.labels(
            self._bot, "certain" if outcome.certain else "uncertain"
        ).inc()
        return outcome

    async def _learn_fee(self) -> None:
        """Reads the account's fee, again each hour of exchange time."""
        now = self.clock.now()
        if not self._fee_asked or now - self._fee_asked > HOUR_MS:
            self.fee_bps = (await self._executor.fees()).taker_bps
            self._fee_asked = now

    async def halt(self, reason: str) -> None:
        """Halts the bot until a person resumes it; a halted bot keeps its reason."""
        if not self.journaled.ledger.halted:
            self._log.error("halted", reason=reason)
            await self.journaled.record(Halted(reason=reason))

    async def cancel_all(self) -> None:
        """Cancels all live orders of this key; the venue's refusal or silence is logged.

        A stop that rests stays: it is there for when no trader runs.
        """
        for placed in self.journaled.ledger.making():
            await self.cancel(placed)
        if not self.journaled.ledger.resting():
            await self._executor.cancel_all()

    async def cancel_resting(self) -> bool:
        """Cancels all that rests, under `acting`; returns whether the result is certain.

        Raises:
            JournalError: the result could not be written.
        """
        for placed in self.journaled.ledger.resting():
            if not await self.cancel(placed):
                return False
        return True

    async def cancel(self, placed: Placed) -> bool:
        """Cancels an order that rests, under `acting`; returns whether the result is certain.

        Raises:
            JournalError: the result could not be written.
        """
        name = placed.intent.client_order_id
        certain = await self._executor.cancel(placed)
        return self._took_in(placed, certain, f"the result of cancelling {name} is not known yet")

    async def look_up(self, placed: Placed) -> bool:
        """Reads an order that rests from the venue, under `acting`; returns whether it is certain.

        Raises:
            JournalError: what it found could not be written.
        """
        certain = await self._executor.resolve(placed)
        name = placed.intent.client_order_id
        return self._took_in(placed, certain, f"the state of order {name} is not known")

    def _took_in(self, placed: Placed, certain: bool, otherwise: str) -> bool:
        name = placed.intent.client_order_id
        if self.journaled.ledger.orders[name].order.fills != placed.order.fills:
            self._measure_balances()
        if not certain:
            self.distrust(otherwise)
        return certain

    async def heartbeat(self) -> None:
        """Reports to the venue that this trader is alive; a failure is logged."""
        await self._executor.heartbeat()

    def status(self) -> BotStatus:
        """Returns the bot's present state."""
        return bot_status(
            self.journaled.ledger,
            bot=self._bot,
            symbol=self.journaled.who.symbol,
            mid=self.mid,
            minimum=self.market.instrument.minimum,
            sells=sellable(self.state(), self.rules),
            paused=self._paused,
        )
