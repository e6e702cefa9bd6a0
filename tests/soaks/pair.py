"""Takeovers of two traders in one process, on a virtual clock: nine seconds of lease cost nothing.

Each trader has the product's own lease, ledger, executor and reconciler. A trader is killed where
it waits for something, stopped (what it waits for comes when it wakes), or cut off from lease,
journal and venue. What it had sent may still arrive.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

from soaks.log import Log, LogJournal
from venues.faulty import FaultyVenue, KilledError, MemoryPublisher

from tradebot.domain.intent import Intent, read_name
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import Entry, EpochTaken, Intended
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.ledger import Ledger, apply
from tradebot.trader.journal.store import JournalError
from tradebot.trader.lease import LeaseError, LeaseLostError
from tradebot.trader.orders.execution import Executor
from tradebot.trader.orders.held import HeldAccount
from tradebot.trader.orders.reconcile import Reconciler
from tradebot.trader.renewed_lease import Claim, PlaceError, RenewedLease, Term
from tradebot.venue.errors import AmbiguousError, TransportError, VenueError
from tradebot.venue.port import OrderStatus

D = Decimal
WHO: Final = Identity(bot="btc", symbol="BTCUSD", mode="Live")
LEASE_SECONDS: Final = 9.0
LATENCY: Final = 0.15
"""Seconds from a trader to the venue, and back."""
FAULTS: Final = ("kill", "stop", "cut")
ENDS: Final = (LeaseError, LeaseLostError, JournalError, KilledError)
"""What ends a trader's process by itself."""


class Venue(FaultyVenue):
    """Remembers which orders came, in order."""

    def __init__(self, seed: int, rate: float) -> None:
        super().__init__(seed, rate)
        self.sent: list[str] = []

    async def place(self, intent: Intent) -> OrderStatus:
        self.sent.append(intent.client_order_id)
        return await super().place(intent)


class Process:
    """What befell a trader's process: it runs, is stopped, or is cut off."""

    def __init__(self) -> None:
        self.runs = asyncio.Event()
        self.runs.set()
        self.cut = False


class Claims:
    """The claim that both traders see, as the API server keeps it."""

    def __init__(self) -> None:
        self.claim, self.version = Claim(), 0


class Place:
    """A trader's way to the claim."""

    def __init__(self, claims: Claims, process: Process) -> None:
        self._claims, self._process, self._seen = claims, process, -1

    async def _reach(self) -> None:
        await self._process.runs.wait()
        if self._process.cut:
            raise PlaceError("cut off")

    async def read(self) -> Claim:
        await self._reach()
        self._seen = self._claims.version
        return self._claims.claim

    async def write(self, claim: Claim) -> bool:
        await self._reach()
        if self._seen != self._claims.version:
            return False
        self._claims.claim, self._claims.version = claim, self._claims.version + 1
        self._seen = self._claims.version
        await self._reach()  # the answer may be lost
        return True

    async def close(self) -> None:
        """Does nothing."""


class Journal(LogJournal):
    """A trader's way to the journal."""

    def __init__(self, log: Log, process: Process) -> None:
        super().__init__(log)
        self._process = process

    async def append(self, *entries: Entry) -> None:
        await self._process.runs.wait()
        if self._process.cut:
            raise JournalError("cut off")
        await super().append(*entries)
        await self._process.runs.wait()


class Road:
    """A trader's way to the venue: every call takes time, and none passes a cut."""

    def __init__(self, venue: Venue, process: Process) -> None:
        self._venue, self._process = venue, process

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*arguments: Any) -> Any:
            if self._process.cut:
                raise TransportError("ConnectError", "cut off")
            await asyncio.sleep(LATENCY)
            answer = await getattr(self._venue, name)(*arguments)
            await asyncio.sleep(LATENCY)
            if self._process.cut:
                raise AmbiguousError("Timeout", "cut off")
            return answer

        return call

    def events(self) -> AsyncGenerator[Any, None]:
        return self._venue.events()


class Halting:
    """Stops before each call, and after it, while the process is stopped."""

    def __init__(self, account: Any, process: Process) -> None:
        self._account, self._process = account, process

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*arguments: Any) -> Any:
            await self._process.runs.wait()
            answer = await getattr(self._account, name)(*arguments)
            await self._process.runs.wait()
            return answer

        return call


class Trader:
    """A trader from its start to its end."""

    def __init__(self, pair: "Pair", name: str) -> None:
        self.process = Process()
        self.epoch = 0
        self.follows = False
        self._pair = pair
        self.lease = RenewedLease(
            Place(pair.claims, self.process), holder=name, term=Term(LEASE_SECONDS), clock=pair.time
        )
        publisher = MemoryPublisher(random.Random(pair.seed))
        self.journaled = JournaledLedger(
            Journal(pair.log, self.process), publisher, WHO, lambda: pair.venue.now, self.lease.held
        )
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        following = asyncio.ensure_future(self._follow())
        try:
            epoch = await self.lease.acquire()
        finally:
            following.cancel()
        await self.process.runs.wait()
        self.journaled.open()
        if epoch <= self.journaled.ledger.epoch:
            epoch = await self.lease.exceed(self.journaled.ledger.epoch)
        await self.journaled.record(EpochTaken(epoch=epoch, mode="Live"))
        road: Any = HeldAccount(Road(self._pair.venue, self.process), self.lease.held)  # type: ignore[arg-type]
        account: Any = Halting(road, self.process)
        executor = Executor(self.journaled, account, self.lease.held)
        reconciler = Reconciler(
            self.journaled, account, executor, symbol="BTCUSD", currencies=("BTC", "USD")
        )
        while True:
            await self._reconcile(reconciler)
            self.epoch = epoch
            certain = True
            while certain:
                certain = await executor.execute(self._intent())
                await asyncio.sleep(self._pair.dice.random())

    async def _follow(self) -> None:
        while True:
            await self.process.runs.wait()
            if not self.process.cut:
                self.journaled.follow()
                self.follows = True
            await asyncio.sleep(1)

    async def _reconcile(self, reconciler: Reconciler) -> None:
        while True:
            try:
                if (await reconciler.run(mid=D(10_000), now=self._pair.venue.now)).certain:
                    return
            except VenueError:
                pass
            await asyncio.sleep(0.2)

    def _intent(self) -> Intent:
        base = self.journaled.ledger.base
        side = "sell" if base > D("0.2") else "buy"
        price = self._pair.venue.bid + (100 if side == "buy" else -100)
        return self.journaled.intent(
            side, D("0.1"), price, mid=self._pair.venue.bid, window_end=0,
            name=f"btc-{len(self._pair.venue.sent)}", minimum=D("0.00001"),
        )  # fmt: skip

    def kill(self) -> None:
        """kill -9: nothing is given back."""
        self.task.cancel()
        if self.lease._renewing is not None:
            self.lease._renewing.cancel()


class Pair:
    """Two traders of one bot, and what befalls them; `time` is the clock of the loop."""

    def __init__(self, time: Callable[[], float], *, seed: int, rate: float = 0.02) -> None:
        self.time, self.seed = time, seed
        self.dice = random.Random(seed)
        self.venue, self.claims, self.log = Venue(seed, rate), Claims(), Log()
        self.took: dict[str, list[float]] = {kind: [] for kind in FAULTS}
        self._made = 0
        self._traders: list[Trader] = []

    async def run(self, count: int) -> None:
        """So many takeovers; then a quiet end and the checks."""
        async with self._market():
            self._traders = [self._trader(), self._trader()]
            for number in range(count):
                await self._take_over(FAULTS[number % len(FAULTS)])
            await self._end()
        self.check()

    def _trader(self) -> Trader:
        self._made += 1
        return Trader(self, f"pod-{self._made}")

    @asynccontextmanager
    async def _market(self) -> AsyncIterator[None]:
        async def goes_on() -> None:
            while True:
                await asyncio.sleep(0.5)
                self.venue.pass_time(500)

        going = asyncio.ensure_future(goes_on())
        try:
            yield
        finally:
            going.cancel()
            for trader in self._traders:
                trader.kill()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.2)
            for place, trader in enumerate(self._traders):
                if trader.task.done():  # as a kubelet does
                    error = trader.task.exception()
                    if not isinstance(error, ENDS):
                        raise AssertionError("a trader ended in an unexpected way") from error
                    trader.kill()
                    self._traders[place] = self._trader()

    def _active(self) -> Trader | None:
        held = [each for each in self._traders if each.epoch and each.lease.held()]
        return held[0] if held else None

    def _settled(self) -> bool:
        active = self._active()
        return active is not None and all(t.follows for t in self._traders if t is not active)

    async def _take_over(self, kind: str) -> None:
        await self._until(self._settled)
        await asyncio.sleep(self.dice.random() * 5)
        await self._until(self._settled)
        active = self._active()
        assert active is not None
        began, before = self.time(), active.epoch
        if kind == "kill":
            active.kill()
            self._traders.remove(active)
        elif kind == "stop":
            active.process.runs.clear()
        else:
            active.process.cut = True
        await self._until(lambda: self._newest() > before)
        self.took[kind].append(self.time() - began)
        if kind == "kill":
            self._traders.append(self._trader())
        active.process.runs.set()
        active.process.cut = False

    def _newest(self) -> int:
        """The highest epoch under which an order was sent."""
        names = (read_name(name) for name in self.venue.sent[-5:])
        return max((name.epoch for name in names if name is not None), default=0)

    async def _end(self) -> None:
        self.venue.rate = 0.0
        await asyncio.sleep(20)
        await self._until(self._settled)
        for trader in self._traders:
            trader.kill()
        await asyncio.sleep(LEASE_SECONDS)
        last = self._trader()
        self._traders = [last]
        await self._until(lambda: last.epoch > 0)
        last.kill()

    # What must hold.

    def doubled(self) -> list[str]:
        """Intents with more than one order, and orders that an epoch sent after a later one."""
        names = Counter(order.intent.client_order_id for order in self.venue.orders)
        newest, late = 0, []
        for sent in self.venue.sent:
            name = read_name(sent)
            assert name is not None
            if name.epoch < newest:
                late.append(sent)
            newest = max(newest, name.epoch)
        return [name for name, count in names.items() if count > 1] + late

    def lost(self) -> list[str]:
        """Orders at the venue that the journal does not know, or does not know to the end."""
        ledger, known = Ledger(), set()
        for entry in self.log.counting():
            ledger = apply(ledger, entry.body)
            if isinstance(entry.body, Intended):
                known.add(entry.body.intent.client_order_id)
        return [
            *({order.intent.client_order_id for order in self.venue.orders} - known),
            *ledger.pending[:-1],  # the last trader was killed while it traded
        ]

    def check(self) -> None:
        """No order doubled, none lost, and the ledger is the venue's but for the last order."""
        assert not self.doubled(), self.doubled()
        assert not self.lost(), self.lost()
        ledger = Ledger()
        for entry in self.log.counting():
            ledger = apply(ledger, entry.body)
        assert not ledger.halted, ledger.halted

    def summary(self) -> dict[str, Any]:
        """For a person; times in seconds of the virtual clock."""
        every = sorted(took for each in self.took.values() for took in each)
        return {
            "seed": self.seed,
            "takeovers": len(every),
            "of": {kind: len(took) for kind, took in self.took.items()},
            "orders": len(self.venue.orders),
            "faults": self.venue.faults.total(),
            "doubled": len(self.doubled()),
            "lost": len(self.lost()),
            "p50_s": round(every[len(every) // 2], 2),
            "p99_s": round(every[min(len(every) - 1, int(len(every) * 0.99))], 2),
            "max_s": round(every[-1], 2),
        }
