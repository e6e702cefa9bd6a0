"""An account on paper: orders fill against the venue's public order book, with its fees.

Its only record is the bot's journal: balances start from there, and an order unknown to the journal
was never placed. Nothing is signed and no key is read.

Stops and maker orders wait in the process. The venue's trades reach them, and after a restart also
the minutes that passed meanwhile. A stop then sells at the book's prices, and never above its stop
price. A maker order fills at its own price, with the maker's fee.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from tradebot.domain.intent import Intent
from tradebot.domain.money import ZERO, Side
from tradebot.trader.journal.ledger import Placed
from tradebot.trader.orders.paper_waiting import Waiting
from tradebot.venue.errors import RejectedError, VenueError
from tradebot.venue.port import (
    AccountEvent,
    Balance,
    BookLevel,
    ConnectedEvent,
    Fees,
    Instrument,
    MarketData,
    OrderStatus,
    OwnTrade,
)

LOOK_SECONDS: Final = 1.0
"""Real seconds between two reads of the trades while an order waits."""

LAST_PART: Final = 999
"""Number of the fill that an earlier process did not write; a book shows fewer levels."""


class PaperAccount:
    """Simulated fills; see `VenueAccount`.

    Args:
        fees: returns the present fee, by the account's own volume.
        base, quote: balances to start from.
        now: the venue's time in ms.
        latency: real seconds from sending an order to its arrival at the venue.
        sleep: waits for them.
    """

    def __init__(
        self,
        market: MarketData,
        instrument: Instrument,
        *,
        fees: Callable[[], Fees],
        base: Decimal,
        quote: Decimal,
        now: Callable[[], int],
        latency: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._market = market
        self._instrument = instrument
        self._fees = fees
        self._base = base
        self._quote = quote
        self._now = now
        self._latency = latency
        self._sleep = sleep
        self._taken: dict[Side, dict[Decimal, Decimal]] = {"buy": {}, "sell": {}}
        """What this process took from levels that the book still shows, by the order's side."""
        self._orders: dict[str, OrderStatus] = {}
        self._waiting: dict[str, Waiting] = {}

    async def place(self, intent: Intent) -> OrderStatus:
        """Walks the book as it is when the order arrives, up to the limit.

        The rest is cancelled. What earlier orders took is not available again for as long as the
        book shows the level.
        """
        await self._sleep(self._latency)
        if intent.rests:
            return await self._rest(intent)
        parts = _walk(await self._levels(intent), intent, intent.amount)
        value, executed = _value(parts), _amount(parts)
        fee = value * self._fees().taker
        short = value + fee > self._quote if intent.side == "buy" else executed > self._base
        if short:
            raise RejectedError("InsufficientFunds", "insufficient funds in the paper account")
        status = self._status(intent, parts, self._execute(intent, parts, first=0))
        self._orders[intent.client_order_id] = status
        return status

    async def _rest(self, intent: Intent) -> OrderStatus:
        """Lets a stop or a maker order wait; a maker order that would take is cancelled."""
        if intent.maker is not None:
            if _walk(await self._levels(intent), intent, intent.amount):
                return self._end(self._status(intent, [], []), "MakerOrCancelWouldTake")
            value = intent.amount * intent.price * (1 + self._fees().maker)
            if intent.side == "buy" and value > self._quote:
                raise RejectedError("InsufficientFunds", "insufficient funds in the paper account")
        return self._wait(intent, self._status(intent, [], [], live=True))

    def _end(self, order: OrderStatus, reason: str) -> OrderStatus:
        ended = replace(order, live=False, reason=reason)
        self._orders[order.client_order_id] = ended
        return ended

    def _fee(self, intent: Intent) -> Decimal:
        fees = self._fees()
        return fees.taker if intent.maker is None else fees.maker

    async def _levels(self, intent: Intent) -> list[BookLevel]:
        book = await self._market.book(intent.symbol)
        return self._left(intent.side, book.asks if intent.side == "buy" else book.bids)

    def _execute(
        self, intent: Intent, parts: list[tuple[Decimal, Decimal]], *, first: int
    ) -> list[OwnTrade]:
        """Books the parts; returns their trades, numbered from the order's `first` on."""
        fee, ts, number = self._fee(intent), self._now(), intent.number * 1000 + first
        value = _value(parts)
        self._move(intent, value, _amount(parts), value * fee)
        for price, amount in parts if intent.maker is None else ():
            taken = self._taken[intent.side]
            taken[price] = taken.get(price, ZERO) + amount
        return [
            self._trade(intent, number + index, price, amount, price * amount * fee, ts=ts)
            for index, (price, amount) in enumerate(parts)
        ]

    def _wait(self, intent: Intent, status: OrderStatus) -> OrderStatus:
        self._waiting[intent.client_order_id] = Waiting(intent)
        self._orders[intent.client_order_id] = status
        return status

    async def _serve_waiting(self) -> bool:
        """Fills orders that the market has reached; returns whether any was filled.

        Raises:
            VenueError: the venue did not return its trades or its order book.
        """
        filled = False
        for name, waiting in list(self._waiting.items()):
            intent, before = waiting.intent, self._orders[name]
            if not await waiting.triggered(self._market):
                continue
            parts = await self._reached(intent, intent.amount - before.executed)
            if not parts or self._orders[name] is not before:
                continue
            trades = [*before.trades, *self._execute(intent, parts, first=len(before.trades))]
            booked = [(trade.price, trade.amount) for trade in trades]
            live = _amount(booked) < intent.amount
            self._orders[name] = self._status(intent, booked, trades, live=live)
            if not live:
                del self._waiting[name]
            filled = True
        return filled

    async def _reached(self, intent: Intent, left: Decimal) -> list[tuple[Decimal, Decimal]]:
        """Returns what an order that the market has reached trades: prices and amounts."""
        if intent.side == "sell":
            left = min(left, self._base)
        if intent.maker is not None:
            return [(intent.price, left)] if left > 0 else []
        return [
            (min(price, intent.stop or price), amount)
            for price, amount in _walk(await self._levels(intent), intent, left)
        ]

    def restore(self, placed: Placed) -> None:
        """Resumes an order whose process ended while the journal shows it unfinished.

        The amount that the journal says was executed but has no fill is filled at the price that
        its average implies. An order without any report was never placed.
        """
        order, intent = placed.order, placed.intent
        if not order.order_ids:
            return
        parts = [(fill.price, fill.amount) for fill in order.fills]
        trades = [
            self._trade(intent, fill.trade_id, fill.price, fill.amount, fill.fee, ts=fill.ts)
            for fill in order.fills
        ]
        if order.unbooked > 0:
            value, amount = order.average * order.executed - _value(parts), order.unbooked
            price, fee = value / amount, value * self._fee(intent)
            parts.append((price, amount))
            last = intent.number * 1000 + LAST_PART
            trades.append(self._trade(intent, last, price, amount, fee, ts=order.updated))
            self._move(intent, value, amount, fee)
        status = self._status(intent, parts, trades)
        self._orders[intent.client_order_id] = status
        if intent.rests and order.remaining > 0 and not order.told_closed:
            self._wait(intent, replace(status, live=True, reason=""))

    def _left(self, side: Side, levels: list[BookLevel]) -> list[BookLevel]:
        """Returns the levels without what was taken from them; drops levels that are gone."""
        shown = {level.price for level in levels}
        taken = {price: amount for price, amount in self._taken[side].items() if price in shown}
        self._taken[side] = taken
        return [
            BookLevel(level.price, level.amount - taken.get(level.price, ZERO))
            for level in levels
            if level.amount > taken.get(level.price, ZERO)
        ]

    def _move(self, intent: Intent, value: Decimal, amount: Decimal, fee: Decimal) -> None:
        """Updates the balances."""
        sign = 1 if intent.side == "buy" else -1
        self._base += sign * amount
        self._quote -= sign * value + fee

    def _trade(
        self, intent: Intent, tid: int, price: Decimal, amount: Decimal, fee: Decimal, *, ts: int
    ) -> OwnTrade:
        return OwnTrade(
            tid=tid,
            order_id=f"paper-{intent.epoch}-{intent.number}",
            ts=ts,
            side=intent.side,
            price=price,
            amount=amount,
            taker=intent.maker is None,
            fee_currency=self._instrument.quote,
            fee=fee,
            symbol=intent.symbol,
            client_order_id=intent.client_order_id,
        )

    def _status(
        self,
        intent: Intent,
        parts: list[tuple[Decimal, Decimal]],
        trades: list[OwnTrade],
        *,
        live: bool = False,
    ) -> OrderStatus:
        executed = _amount(parts)
        rest = intent.amount - executed
        return OrderStatus(
            order_id=f"paper-{intent.epoch}-{intent.number}",
            symbol=intent.symbol,
            side=intent.side,
            ts=self._now(),
            price=intent.price,
            original=intent.amount,
            executed=executed,
            average=_value(parts) / executed if executed else ZERO,
            live=live,
            client_order_id=intent.client_order_id,
            reason="ImmediateOrCancelWouldPost" if rest > 0 and not intent.rests else "",
            trades=trades,
        )

    async def find(self, client_order_id: str) -> list[OrderStatus]:
        """Returns the order, if this process placed or restored it."""
        await self._serve_waiting()
        found = self._orders.get(client_order_id)
        return [] if found is None else [found]

    async def order(self, order_id: str) -> OrderStatus:
        """The order of that id."""
        await self._serve_waiting()
        for order in self._orders.values():
            if order.order_id == order_id:
                return order
        raise RejectedError("OrderNotFound", f"there is no paper order {order_id}")

    async def cancel(self, order_id: str) -> OrderStatus:
        """Cancels an order that waits; any other is returned unchanged."""
        order = await self.order(order_id)
        if not order.live:
            return order
        del self._waiting[order.client_order_id]
        return self._end(order, "Requested")

    async def cancel_session(self) -> None:
        """Cancels all orders that wait."""
        for order in await self.live_orders():
            await self.cancel(order.order_id)

    async def live_orders(self) -> list[OrderStatus]:
        """Returns the orders that wait."""
        await self._serve_waiting()
        return [self._orders[name] for name in self._waiting]

    async def trades(self, since: int) -> list[OwnTrade]:
        """Returns the trades of this process."""
        found = [trade for order in self._orders.values() for trade in order.trades]
        return [trade for trade in found if trade.ts >= since]

    async def highest_number(self, bot: str) -> int:
        """Returns 0: only the journal has paper orders."""
        return 0

    async def balances(self) -> list[Balance]:
        """Returns both currencies; orders that wait reserve what they may still trade."""
        waiting = [self._orders[name] for name in self._waiting]
        reserved = spent = ZERO
        for order in waiting:
            left = order.original - order.executed
            if order.side == "sell":
                reserved += left
            else:
                spent += left * order.price * (1 + self._fees().maker)
        base, quote = self._base, self._quote
        return [
            Balance(
                currency=self._instrument.base, amount=base, available=max(ZERO, base - reserved)
            ),
            Balance(
                currency=self._instrument.quote, amount=quote, available=max(ZERO, quote - spent)
            ),
        ]

    async def fees(self) -> Fees:
        """Returns the present fees."""
        return self._fees()

    async def events(self) -> AsyncGenerator[AccountEvent, None]:
        """Yields a request to reconcile after an order that waited has filled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(VenueError):
                if await self._serve_waiting():
                    yield ConnectedEvent()

    async def heartbeat(self) -> None:
        """Does nothing."""


def _walk(levels: list[BookLevel], intent: Intent, left: Decimal) -> list[tuple[Decimal, Decimal]]:
    """Returns what the intent takes of `left` from the levels, best first: prices and amounts."""
    taken: list[tuple[Decimal, Decimal]] = []
    for level in levels:
        worse = level.price > intent.price if intent.side == "buy" else level.price < intent.price
        if left <= 0 or worse:
            break
        amount = min(left, level.amount)
        taken.append((level.price, amount))
        left -= amount
    return taken


def _value(parts: list[tuple[Decimal, Decimal]]) -> Decimal:
    return sum((price * amount for price, amount in parts), ZERO)


def _amount(parts: list[tuple[Decimal, Decimal]]) -> Decimal:
    return sum((amount for _, amount in parts), ZERO)
