"""A venue with random faults, and a trader's parts around it that can be killed.

For tests of the order path: no network, no real time. Faults are drawn from the seed and counted.
Each is undone or detected only by what a real venue offers: look-ups, open orders, trades,
balances.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from venues.resting import Resting

from tradebot.domain.instrument import Instrument
from tradebot.domain.intent import Intent
from tradebot.records import Document
from tradebot.trader.journal.entries import Entry
from tradebot.trader.journal.store import decode, encode
from tradebot.venue.errors import AmbiguousError, RejectedError, TransportError
from tradebot.venue.port import Balance, Fees, OrderStatus, OwnTrade, Ticker

STEP = Decimal("0.00000001")
FEE = Decimal("0.004")
BTCUSD = Instrument(
    symbol="BTCUSD", base="BTC", quote="USD", amount_step=STEP, price_step=Decimal("0.01"),
    minimum=Decimal("0.00001"),
)  # fmt: skip


class KilledError(BaseException):
    """Ends the process here, like SIGKILL."""


@dataclass
class FaultyVenue:
    """Implements `tradebot.venue.port.VenueAccount`, with faults."""

    seed: int
    rate: float = 0.5
    """Fraction of calls that fail."""
    base: Decimal = Decimal(10)
    quote: Decimal = Decimal(100_000)
    now: int = 1_700_000_040_000
    orders: list[Resting] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    outside: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))
    late: list[tuple[int, Intent]] = field(default_factory=list)
    late_fills: list[tuple[int, Resting]] = field(default_factory=list)
    ids: int = 1000
    bid: Decimal = Decimal("11400.00")

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    # What a test does to the venue.

    def _draw(self, *names: str) -> str:
        """Draws one of the faults, or "" for none."""
        if self.dice.random() >= self.rate:
            return ""
        name = self.dice.choice(names)
        self.faults[name] += 1
        return name

    async def sleep(self, seconds: float) -> None:
        """Lets time pass at the venue: what was late arrives."""
        self.pass_time(int(seconds * 1000))

    def pass_time(self, ms: int) -> None:
        self.now += ms
        self.bid += Decimal(self.dice.randrange(-500, 501)) / 100
        due = [intent for at, intent in self.late if at <= self.now]
        self.late = [(at, intent) for at, intent in self.late if at > self.now]
        for intent in due:
            self._accept(intent)
        filled = [order for at, order in self.late_fills if at <= self.now]
        self.late_fills = [(at, order) for at, order in self.late_fills if at > self.now]
        for order in filled:
            self._fill(order, order.left)
        self.trigger_stops()

    def trigger_stops(self) -> None:
        """Stops and maker orders that the market has reached trade a part or all."""
        for order in self.orders:
            stop = order.intent.stop
            if order.is_through(self.bid):
                self._fill_part(order)
            if not order.live or stop is None:
                continue
            order.triggered = order.triggered or self.bid <= stop
            if order.triggered and self.bid >= order.intent.price:
                self._fill_part(order)

    def _fill_part(self, order: Resting) -> None:
        part = order.left * self.dice.choice((Decimal("0.4"), Decimal(1)))
        self._fill(order, part.quantize(STEP, rounding="ROUND_DOWN") or order.left)

    def reserved(self) -> Decimal:
        """Base that live orders may still sell."""
        sells = (order for order in self.orders if order.live and order.intent.side == "sell")
        return sum((order.left for order in sells), Decimal(0))

    def meddle(self) -> None:
        """Moves money of the account as somebody else would."""
        base = Decimal(self.dice.randrange(0, 100)) / 1000
        quote = Decimal(self.dice.randrange(0, 1000))
        self.base += base
        self.quote += quote
        self.outside = (self.outside[0] + base, self.outside[1] + quote)
        self.faults["outside"] += 1

    def rest_one(self, client_order_id: str, intent: Intent) -> Resting:
        """Places a resting order, as by mistake or by somebody else."""
        order = Resting(intent, self._id(), live=True)
        self.orders.append(order)
        return order

    # How it trades.

    def _id(self) -> str:
        self.ids += 1
        return str(self.ids)

    def _accept(self, intent: Intent) -> Resting:
        order = Resting(intent, self._id())
        self.orders.append(order)
        if intent.rests:
            return order.arrive(self.bid)
        share = self.dice.choice((Decimal(0), Decimal("0.3"), Decimal(1), Decimal(1)))
        amount = (intent.amount * share).quantize(STEP, rounding="ROUND_DOWN")
        if amount > 0:
            half = (amount / 2).quantize(STEP, rounding="ROUND_DOWN")
            for part in (half, amount - half):
                self._fill(order, part)
        order.reason = "" if amount == intent.amount else "ImmediateOrCancelWouldPost"
        return order

    def _fill(self, order: Resting, amount: Decimal) -> None:
        """Fills as much as the account can pay for."""
        intent = order.intent
        market = self.bid if intent.side == "sell" else self.bid + 1
        price = market if intent.maker is None else intent.price
        held = self.base if intent.side == "sell" else self.quote / (price * (1 + FEE))
        amount = min(amount, held.quantize(STEP, rounding="ROUND_DOWN"))
        if amount <= 0:
            return
        value, sign = price * amount, 1 if intent.side == "buy" else -1
        self.base += sign * amount
        self.quote -= sign * value + value * FEE
        order.trades.append(
            OwnTrade(
                tid=int(self._id()),
                order_id=order.order_id,
                ts=self.now,
                side=intent.side,
                price=price,
                amount=amount,
                taker=intent.maker is None,
                fee_currency="USD",
                fee=value * FEE,
                symbol="BTCUSD",
                client_order_id=intent.client_order_id,
            )
        )
        if not order.left:
            order.live = False

    def _status(self, order: Resting, *, trades: bool) -> OrderStatus:
        executed = order.executed
        value = sum((trade.price * trade.amount for trade in order.trades), Decimal(0))
        return OrderStatus(
            order_id=order.order_id,
            symbol="BTCUSD",
            side=order.intent.side,
            ts=self.now,
            price=order.intent.price,
            average=value / executed if executed else Decimal(0),
            original=order.intent.amount,
            executed=executed,
            live=order.live,
            client_order_id=order.intent.client_order_id,
            reason=order.reason,
            trades=list(order.trades) if trades else [],
        )

    # The account.

    async def place(self, intent: Intent) -> OrderStatus:
        fault = self._draw(
            "never sent", "lost before", "lost after", "late", "rejected", "live", "late fill",
            "killed before", "killed after", "cut short",
        )  # fmt: skip
        match fault:
            case "never sent":
                raise TransportError("ConnectError", "no route")
            case "lost before":
                raise AmbiguousError("Timeout", "no answer")
            case "late":
                self.late.append((self.now + self.dice.randrange(1, 5000), intent))
                raise AmbiguousError("Timeout", "no answer")
            case "rejected":
                raise RejectedError("InsufficientFunds", "insufficient funds")
            case "killed before":
                raise KilledError
        if intent.side == "sell" and intent.amount > self.base - self.reserved():
            raise RejectedError("InsufficientFunds", "the base is reserved by another order")
        order = self._accept(intent)
        match fault:
            case "lost after" | "cut short":
                raise AmbiguousError("UnreadableAnswer", "half an answer")
            case "killed after":
                raise KilledError
            case "live":
                order.live = order.left > 0
            case "late fill":
                order.fills_late = True
                self.late_fills.append((self.now + self.dice.randrange(1, 90_000), order))
        return self._status(order, trades=False)

    def _trouble(self) -> None:
        if self.dice.random() > 0.4:
            return
        match self._draw("no answer", "no way", "killed"):
            case "no answer":
                raise AmbiguousError("Timeout", "no answer")
            case "no way":
                raise TransportError("ConnectError", "no route")
            case "killed":
                raise KilledError

    async def find(self, client_order_id: str) -> list[OrderStatus]:
        self._trouble()
        found = [order for order in self.orders if order.intent.client_order_id == client_order_id]
        return [self._status(order, trades=True) for order in found]

    async def order(self, order_id: str) -> OrderStatus:
        self._trouble()
        found = next(order for order in self.orders if order.order_id == order_id)
        return self._status(found, trades=True)

    async def cancel(self, order_id: str) -> OrderStatus:
        self._trouble()
        found = next(order for order in self.orders if order.order_id == order_id)
        if found.live:
            self._cancel(found)
        return self._status(found, trades=False)

    def _cancel(self, found: Resting) -> None:
        fault = self._draw(
            "fill after cancel",
            "filled in cancel",
            "cut in cancel",
            "cancel lost",
            "killed in cancel",
        )
        if fault in ("filled in cancel", "cut in cancel"):
            share = Decimal(1) if fault == "filled in cancel" else Decimal("0.3")
            self._fill(found, (found.left * share).quantize(STEP, rounding="ROUND_DOWN"))
        if found.left:
            found.live, found.reason = False, "Requested"
        match fault:
            case "fill after cancel":
                found.fills_late = True
                self.late_fills.append((self.now + self.dice.randrange(1, 90_000), found))
            case "cancel lost":
                raise AmbiguousError("Timeout", "no answer")
            case "killed in cancel":
                raise KilledError

    async def cancel_session(self) -> None:
        for order in self.orders:
            order.live = False

    async def live_orders(self) -> list[OrderStatus]:
        self._trouble()
        return [self._status(order, trades=False) for order in self.orders if order.live]

    async def trades(self, since: int) -> list[OwnTrade]:
        self._trouble()
        found = [trade for order in self.orders for trade in order.trades if trade.ts >= since]
        found.sort(key=lambda trade: trade.tid)
        match self._draw("trades shuffled", "trade twice", "newest trade missing"):
            case "trades shuffled":
                self.dice.shuffle(found)
            case "trade twice":
                found += found[-1:]
            case "newest trade missing":
                found = found[:-1]
        return found

    async def highest_number(self, bot: str) -> int:
        return max((order.intent.number for order in self.orders), default=0)

    async def balances(self) -> list[Balance]:
        self._trouble()
        return [
            Balance(currency="BTC", amount=self.base, available=self.base - self.reserved()),
            Balance(currency="USD", amount=self.quote, available=self.quote),
        ]

    async def fees(self) -> Fees:
        return self.listed_fees

    async def heartbeat(self) -> None:
        """Does nothing."""

    # The market.

    async def refresh(self) -> None:
        """Does nothing."""

    async def ticker(self) -> Ticker:
        return Ticker(
            bid=self.bid, ask=self.bid + 1, last=self.bid, ts=self.now, volumes={"BTC": Decimal(1)}
        )

    async def bids(self) -> list[tuple[Decimal, Decimal]]:
        return [(self.bid, Decimal(10**6))]

    def forget(self) -> None:
        """Does nothing."""

    instrument = BTCUSD
    listed_fees = Fees(maker_bps=FEE * 10_000, taker_bps=FEE * 10_000)


@dataclass
class MemoryJournal:
    """Entries as bytes; may be killed around a write."""

    dice: random.Random
    rate: float = 0.0
    lines: list[bytes] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)
    """Entries that snapshots have replaced, for tests to inspect."""
    kills: int = 0
    snapshots: int = 0

    def read(self) -> Iterator[Entry]:
        return (decode(line) for line in self.lines)

    def follow(self) -> Iterator[Entry]:
        return iter(())

    async def append(self, *entries: Entry) -> None:
        when = self.dice.random()
        if when < self.rate / 2:
            self.kills += 1
            raise KilledError
        self.lines += [encode(entry) for entry in entries]
        if when < self.rate:
            self.kills += 1
            raise KilledError

    async def compact(self, snapshot: Entry) -> bool:
        when = self.dice.random()
        if when < 10 * self.rate:
            self.kills += 1
            raise KilledError
        kept = [line for line in self.lines if decode(line).number > snapshot.number]
        self.forgotten += self.lines[: len(self.lines) - len(kept)]
        self.lines = [encode(snapshot), *kept]
        self.snapshots += 1
        if when < 20 * self.rate:
            self.kills += 1
            raise KilledError
        return True

    def close(self) -> None:
        """Does nothing."""


@dataclass
class MemoryPublisher:
    """Keeps what was delivered; what was only sent is lost with the process."""

    dice: random.Random
    delivered_documents: list[Document] = field(default_factory=list)
    waiting: list[tuple[int, Document]] = field(default_factory=list)

    def send(self, documents: Sequence[Document], number: int = 0) -> None:
        self.waiting += [(number, document) for document in documents]
        if self.dice.random() < 0.7:
            self._deliver()

    def _deliver(self) -> None:
        self.delivered_documents += [document for _, document in self.waiting]
        self.waiting.clear()

    def delivered(self, last: int) -> int:
        numbers = [number for number, _ in self.waiting if number]
        return min(numbers) - 1 if numbers else last

    async def flush(self) -> None:
        self._deliver()

    def killed(self) -> None:
        self.waiting.clear()
