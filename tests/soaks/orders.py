"""Runs a trader's order path against a faulty venue, kills it again and again, and checks it.

At the end, whatever went wrong: the ledger's positions are the venue's, no intent has two orders,
no order is without an intent, and every fill is documented once. At every single order: the ledger
knows everything that the venue executed before it.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

import msgspec
from prometheus_client import REGISTRY
from soaks.contents import assert_one_content_for_each_id
from soaks.trend import Trend
from venues.faulty import FaultyVenue, KilledError, MemoryJournal, MemoryPublisher
from venues.resting import Resting

from tradebot.domain.decision import Exits, Prediction, Settings, Window
from tradebot.domain.intent import Intent, read_name
from tradebot.platform.clock import VenueClock
from tradebot.records import DocType
from tradebot.trader import metrics
from tradebot.trader.acts import Acts
from tradebot.trader.deciding import Decider
from tradebot.trader.engine import Engine
from tradebot.trader.inputs.trades import LastTrade
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import EpochTaken, Intended
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.store import decode
from tradebot.trader.orders.execution import Executor
from tradebot.trader.orders.reconcile import Reconciler
from tradebot.trader.selling import Selling
from tradebot.trader.watch import Watch
from tradebot.venue.errors import VenueError
from tradebot.venue.port import OrderStatus

RULES = Settings(
    holdings="All",  # so that what others deposit is traded too
    band_min_bps=0,
    band_max_bps=10**9,
    risk_fraction=Decimal("0.2"),
    cooldown_ms=0,
    max_orders_per_hour=None,
    max_window_age_ms=3_600_000,
    slippage_bps=50,
)


STOPS = msgspec.structs.replace(
    RULES,
    holdings="Own",
    exits=Exits(stop_loss=Decimal("0.006"), max_slippage_bps=300, rest_at_venue=True),
)
"""A stop rests at the venue, so close that it often fills: 0.2 % below the price and its fee."""


class HeldLease:
    """A lease that is always ours."""

    async def acquire(self) -> int:
        return 1

    async def exceed(self, epoch: int) -> int:
        return epoch + 1

    def held(self) -> bool:
        return True

    def journal_unwritten(self) -> bool:
        return True

    def journal_written(self) -> None:
        """Does nothing."""

    async def release(self) -> None:
        """Does nothing."""


class Forecaster(Protocol):
    """The part of `Forecasts` that a decision uses."""

    def at(self, ts: int) -> Prediction: ...


@dataclass
class Coin:
    """A forecast that rises or falls at random."""

    dice: random.Random

    def at(self, ts: int) -> Prediction:
        return Trend(self.dice.choice((0.01, -0.01)), "coin").at(ts)


class WatchedVenue(FaultyVenue):
    """Checks the ledger whenever an order arrives."""

    look: Callable[[Intent], None]

    async def place(self, intent: Intent) -> OrderStatus:
        self.look(intent)
        waiting = [each for each in self.orders if each.live and each.intent.maker is not None]
        assert not waiting, f"{intent.client_order_id} is sent while a maker order rests"
        if intent.side == "sell":
            stops = [each for each in self.orders if each.live and each.intent.stop is not None]
            assert not stops, f"{intent.client_order_id} sells what a stop also sells"
        return await super().place(intent)


@dataclass
class Soak:
    """One run, with the product's own `JournaledLedger`, `Executor`, `Reconciler` and `Engine`."""

    seed: int
    windows: int
    kill_rate: float = 0.01
    compact_after: int = 60
    rules: Settings = RULES
    engine: Engine = field(init=False)
    decider: Decider = field(init=False)
    acts: Acts = field(init=False)
    selling: Selling = field(init=False)
    watch: Watch = field(init=False)
    trades: LastTrade = field(init=False)
    journaled: JournaledLedger = field(init=False)
    epoch: int = 0
    kills: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.forecasts: Forecaster = Coin(self.dice)
        self.venue = WatchedVenue(self.seed)
        self.venue.look = self._no_order_while_in_doubt
        self.journal = MemoryJournal(self.dice)
        self.publisher = MemoryPublisher(self.dice)
        self.start_of_day = (self.venue.base, self.venue.quote)

    async def _start(self) -> None:
        """Starts a new process: only the journal and the venue survive."""
        self.epoch += 1
        metrics.BALANCE.clear()
        venue = self.venue
        clock = VenueClock(monotonic=lambda: venue.now / 1000)
        clock.observe(venue.now)
        self.clock = clock
        who = Identity(bot="btc", symbol="BTCUSD", mode="Live")
        self.journaled = JournaledLedger(
            self.journal, self.publisher, who, lambda: venue.now, compact_after=self.compact_after
        )
        self.journaled.open()
        await self.journaled.record(EpochTaken(epoch=self.epoch, mode="Live"))
        executor = Executor(self.journaled, venue, lambda: True, venue.sleep)
        reconciler = Reconciler(
            self.journaled,
            venue,
            executor,
            symbol="BTCUSD",
            currencies=("BTC", "USD"),
            sleep=venue.sleep,
        )
        self.engine = Engine(
            journaled=self.journaled,
            executor=executor,
            reconciler=reconciler,
            market=venue,  # type: ignore[arg-type]
            clock=clock,
            lease=HeldLease(),
            rules=self.rules,
        )
        self.selling = Selling(self.engine)
        self.decider = Decider(self.engine, self.forecasts, self.selling)  # type: ignore[arg-type]
        self.acts = Acts(self.engine, self.selling)
        self.trades = LastTrade("BTCUSD", fresh_ms=15_000)
        self.watch = Watch(self.engine, self.selling, self.trades, seconds=5.0)

    async def run(self) -> None:
        """Runs all windows, each until its offset would be committed; then ends and checks."""
        await self._start()
        self.journal.rate = self.kill_rate
        for number in range(self.windows):
            self.venue.pass_time(60_000)
            if self.dice.random() < 0.02 and self.journaled.ledger.known:
                self.venue.meddle()
            await self._until_committed(Window(end=self.venue.now, ratio=1.0, complete=True))
            if number % 7 == 0:
                self.engine.due.set()
        await self._end()
        self.check()

    async def _until_committed(self, window: Window) -> None:
        while True:
            try:
                self.clock.observe(self.venue.now)
                if self.engine.doubt or self.engine.due.is_set():
                    await self._reconcile()
                await self.decider.on_window(window)
                async with self.engine.acting:
                    await self.selling.resting.keep()
            except KilledError:
                await self._restart()
            else:
                return

    async def _reconcile(self) -> None:
        self.engine.due.clear()
        try:
            await self.engine.reconcile()
        except VenueError:
            self.engine.due.set()

    async def _restart(self) -> None:
        self.kills += 1
        self.publisher.killed()
        while True:
            try:
                await self._start()
            except KilledError:
                self.kills += 1
                self.publisher.killed()
            else:
                return

    async def _end(self) -> None:
        """Stops the faults; late events arrive, and a new process reconciles."""
        self.venue.rate, self.journal.rate = 0.0, 0.0
        self.venue.pass_time(600_000)
        await self._reconcile()
        await self.journaled.flush()
        await self._restart()
        for _ in range(3):
            await self._reconcile()
        await self.journaled.flush()

    # What must hold.

    def _no_order_while_in_doubt(self, intent: Intent) -> None:
        assert not self.engine.doubt, f"{intent.client_order_id} is sent before reconciling"
        known = {
            fill.trade_id
            for placed in self.journaled.ledger.orders.values()
            for fill in placed.order.fills
        }
        for order in self.venue.orders[-20:]:
            if order.fills_late or order.intent.client_order_id not in self.journaled.ledger.orders:
                continue
            if order.intent.stop is not None and intent.side == "buy":
                continue  # a stop fills at any time; only what is sold must know of it
            missing = {trade.tid for trade in order.trades} - known
            assert not missing, (
                f"{intent.client_order_id} is sent while fills {missing} of"
                f" {order.intent.client_order_id} are not known"
            )

    def check(self) -> None:
        """Checks the module's invariants, and that the sums explain the venue's balances."""
        ledger, venue = self.journaled.ledger, self.venue
        assert not ledger.halted, ledger.halted
        assert not ledger.unresolved()
        assert (ledger.base, ledger.quote) == (venue.base, venue.quote)
        assert (ledger.outside_base, ledger.outside_quote) == venue.outside
        for currency, amount in (("BTC", ledger.base), ("USD", ledger.quote)):
            labels = {"bot": "btc", "currency": currency}
            told = REGISTRY.get_sample_value("tradebot_trader_balance", labels)
            assert told == float(amount), f"{currency}: told {told}, the ledger holds {amount}"
        assert len(self.stops()) <= 1, "two stops rest"
        orders = Counter(order.intent.client_order_id for order in venue.orders)
        doubled = [name for name, count in orders.items() if count > 1]
        assert not doubled, f"intents with two orders: {doubled}"
        written = map(decode, (*self.journal.forgotten, *self.journal.lines))
        intents = {
            entry.body.intent.client_order_id
            for entry in written
            if isinstance(entry.body, Intended)
        }
        assert set(orders) <= intents, f"orders without an intent: {set(orders) - intents}"
        self._check_documents()

    def _check_documents(self) -> None:
        documents = self.publisher.delivered_documents
        fills: dict[str, set[str]] = {}
        moved = Decimal(0)
        for document in documents:
            if document.doc_type == DocType.FILL:
                seen = fills.setdefault(document.body["trade_id"], set())
                if not seen:
                    sign = 1 if document.body["side"] == "buy" else -1
                    moved += sign * Decimal(str(document.body["amount"]))
                seen.add(document.id)
        assert all(len(ids) == 1 for ids in fills.values()), "a fill has two documents"
        done = {str(trade.tid) for order in self.venue.orders for trade in order.trades}
        assert set(fills) == done, f"fills without a document: {done - set(fills)}"
        assert self.start_of_day[0] + moved + self.venue.outside[0] == self.venue.base
        decisions = {d.body["window_end"] for d in documents if d.doc_type == DocType.DECISION}
        assert len(decisions) == self.windows, "a window without a decision"
        assert_one_content_for_each_id(documents)
        for document in documents:
            msgspec.json.encode(document)

    def stops(self) -> list[Resting]:
        """The stops that rest at the venue."""
        return [each for each in self.venue.orders if each.live and each.intent.stop is not None]

    @property
    def orders(self) -> int:
        """Orders that the venue accepted."""
        return len(self.venue.orders)

    @property
    def faults(self) -> int:
        """Number of faults, including kills."""
        return self.venue.faults.total() + self.journal.kills

    def names_are_ours(self) -> bool:
        """Whether every order carries bot, epoch and number."""
        names = [read_name(order.intent.client_order_id) for order in self.venue.orders]
        return all(name is not None and name.bot == "btc" for name in names)
