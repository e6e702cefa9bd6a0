"""Matching with price-time priority, the venue's order options and its protections.

Invariants: the book is never crossed; an order's fills, remaining and cancelled amounts add up to
its amount; at a price the oldest order trades first.
"""

from tradebot.domain.money import Side
from tradebot.emulator.matching.book import Half
from tradebot.emulator.matching.orders import (
    MARKET,
    Booked,
    Cancelled,
    Event,
    ExchangeOrder,
    LevelChange,
    Trade,
)

_PRICE_LIMIT = 20
"""One order may move the price by at most 1/20, five per cent."""


class MatchingEngine:
    """One symbol's book.

    Args:
        price_limits: cancel the part of an order that would move the price too far.
    """

    def __init__(self, *, price_limits: bool = True) -> None:
        self.bids = Half("bid")
        self.asks = Half("ask")
        self.last_price = 0
        self._price_limits = price_limits
        self._resting: dict[int, ExchangeOrder] = {}
        self._stops: dict[int, ExchangeOrder] = {}

    def resting(self, order_id: int) -> ExchangeOrder | None:
        """Returns the order of that id, in the book or waiting for its stop price."""
        return self._resting.get(order_id) or self._stops.get(order_id)

    def submit(self, order: ExchangeOrder) -> list[Event]:
        """Matches a new order; returns the events, in order."""
        if order.stop and not self._triggered(order):
            self._stops[order.id] = order
            return [Booked(order)]
        order.stop = 0
        events = self._enter(order)
        self._wake_stops(events)
        return events

    def cancel(self, order: ExchangeOrder, reason: str) -> list[Event]:
        """Cancels a live order; does nothing to any other."""
        if self._stops.pop(order.id, None) is not None:
            return [self._end(order, reason)]
        if self._resting.pop(order.id, None) is None:
            return []
        size = self._own(order.side).remove(order)
        change = LevelChange(order.book_side, order.price, size, -order.remaining, "cancel")
        return [change, self._end(order, reason)]

    def thin(self, order: ExchangeOrder, amount: int) -> list[Event]:
        """Withdraws the crowd's orders so that only about `amount` is left for an order to take."""
        events: list[Event] = []
        half = self._other(order.side)
        for price in list(half.prices()):
            if not self._crosses(order, price):
                break
            for maker in list(half.levels[price].orders.values()):
                if maker.owner != MARKET or maker.remaining <= amount:
                    amount -= min(amount, maker.remaining)
                    continue
                kept, amount = amount, 0
                events += self.cancel(maker, "Requested")
                if kept:
                    less = ExchangeOrder(maker.id, MARKET, maker.side, price, kept, kept)
                    events += self.submit(less)
        return events

    def reduce(self, order: ExchangeOrder, amount: int) -> list[Event]:
        """Reduces a live order by a fill without a counterparty; does nothing to any other."""
        if order.id in self._stops:  # it waits outside the book
            order.remaining -= amount
            if order.remaining == 0:
                del self._stops[order.id]
                order.live = False
            return []
        if order.id not in self._resting:
            return []
        size = self._own(order.side).take(order, amount)
        if order.remaining == 0:
            del self._resting[order.id]
            order.live = False
        return [LevelChange(order.book_side, order.price, size, -amount, "trade")]

    def _own(self, side: Side) -> Half:
        return self.bids if side == "buy" else self.asks

    def _other(self, side: Side) -> Half:
        return self.asks if side == "buy" else self.bids

    def _enter(self, order: ExchangeOrder) -> list[Event]:
        refusal = self._refusal(order)
        if refusal:
            return [self._end(order, refusal)]
        events: list[Event] = []
        stopped = self._match(order, events)
        if order.remaining == 0:
            order.live = False
        elif stopped:
            events.append(self._end(order, stopped))
        elif order.behaviour == "immediate-or-cancel":
            events.append(self._end(order, "ImmediateOrCancelWouldPost"))
        else:
            self._resting[order.id] = order
            size = self._own(order.side).add(order)
            events.append(LevelChange(order.book_side, order.price, size, order.remaining, "place"))
            events.append(Booked(order))
        return events

    def _refusal(self, order: ExchangeOrder) -> str:
        """Returns why the order is refused; empty if it may enter."""
        if order.behaviour == "maker-or-cancel":
            best = self._other(order.side).best()
            if best is not None and self._crosses(order, best):
                return "MakerOrCancelWouldTake"
        if order.behaviour == "fill-or-kill" and self._fillable(order) < order.amount:
            return "FillOrKillWouldNotFill"
        return ""

    def _crosses(self, order: ExchangeOrder, price: int) -> bool:
        return order.price >= price if order.side == "buy" else order.price <= price

    def _too_far(self, price: int, reference: int) -> bool:
        if not self._price_limits or reference == 0:
            return False
        return abs(price - reference) * _PRICE_LIMIT > reference

    def _fillable(self, order: ExchangeOrder) -> int:
        """Returns how much of the order would trade now."""
        half, amount = self._other(order.side), 0
        for price in half.prices():
            if not self._crosses(order, price) or self._too_far(price, self.last_price):
                break
            for maker in half.levels[price].orders.values():
                if order.owner != MARKET and maker.owner == order.owner:
                    return amount
                amount += maker.remaining
            if amount >= order.amount:
                break
        return amount

    def _match(self, order: ExchangeOrder, events: list[Event]) -> str:
        """Trades until nothing crosses; returns why it stopped early, or an empty string."""
        half = self._other(order.side)
        reference = self.last_price
        while order.remaining:
            best = half.best()
            if best is None or not self._crosses(order, best):
                return ""
            if order.owner != MARKET and self._too_far(best, reference):
                return "ExceedsPriceLimits"
            maker = next(iter(half.levels[best].orders.values()))
            if order.owner != MARKET and maker.owner == order.owner:
                return "SelfCrossPrevented"
            amount = min(order.remaining, maker.remaining)
            order.remaining -= amount
            size = half.take(maker, amount)
            if maker.remaining == 0:
                maker.live = False
                del self._resting[maker.id]
            self.last_price = best
            events.append(Trade(maker, order, best, amount))
            events.append(LevelChange(half.side, best, size, -amount, "trade"))
        return ""

    def _end(self, order: ExchangeOrder, reason: str) -> Cancelled:
        order.live = False
        return Cancelled(order, reason)

    def _triggered(self, order: ExchangeOrder) -> bool:
        if self.last_price == 0:
            return False
        if order.side == "buy":
            return self.last_price >= order.stop
        return self.last_price <= order.stop

    def _wake_stops(self, events: list[Event]) -> None:
        """Submits stop orders whose price was reached, oldest first."""
        while self._stops:
            woken = next((each for each in self._stops.values() if self._triggered(each)), None)
            if woken is None:
                return
            del self._stops[woken.id]
            woken.stop = 0
            events.extend(self._enter(woken))
