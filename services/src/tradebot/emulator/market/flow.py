"""Everyone else's orders: they keep a plausible order book around the bar's path.

Between two trades a reference price moves from one to the other. Most orders are placed near it,
and withdrawn when it has moved away. A trade of the path is an incoming order that meets a resting
one, so it follows the book's rules: it first fills the accounts' orders in its way.
"""

from collections.abc import Callable
from heapq import merge
from random import Random

import msgspec

from tradebot.domain.money import Side
from tradebot.emulator.instruments import ExchangeInstrument
from tradebot.emulator.market.crowd import Crowd
from tradebot.emulator.market.path import Print, prints
from tradebot.emulator.market.timeline import Timeline
from tradebot.emulator.matching.engine import MatchingEngine
from tradebot.emulator.matching.orders import MARKET, Event, ExchangeOrder, Trade
from tradebot.history.arrays import MINUTE

_EVENTS_A_PRINT = 5
"""Approximate number of book changes per trade of the path."""
_SPREAD_OF_PLACEMENTS = 0.0004
"""Mean distance of new orders from the best price, as a fraction of the price."""
_FAR = 0.01
"""Orders farther away than this fraction of the price are withdrawn."""
_DRAWS = 4
"""Orders drawn in search of a far one, before any is withdrawn."""
_USUAL_VALUE = 6000.0
"""Usual value of an order, in quote currency."""
_AT_THE_TOUCH = 0.2
"""Fraction of new orders that join or improve the best price."""

Publish = Callable[[int, list[Event]], None]
"""Called with the market's time in ms, and its events."""


class Pace(msgspec.Struct, frozen=True):
    """How much happens per minute of exchange time."""

    changes: int
    trades: int


def pace(events_per_second: float, max_real_rate: float, speed: float) -> Pace:
    """Returns a pace that keeps the real rate of changes below the maximum."""
    changes = max(8, int(60 * min(events_per_second, max_real_rate / speed)))
    trades = max(4, changes // (3 * _EVENTS_A_PRINT))
    return Pace(changes=max(4, changes - _EVENTS_A_PRINT * trades), trades=trades)


class Flow:
    """Moves one symbol's market.

    Args:
        start: the first minute, ms.
        ids: returns a new order id.
        publish: called with all events after the opening book.
        depth: orders per side.
    """

    def __init__(
        self,
        instrument: ExchangeInstrument,
        engine: MatchingEngine,
        timeline: Timeline,
        *,
        start: int,
        pace: Pace,
        depth: int,
        seed: int,
        ids: Callable[[], int],
        publish: Publish,
    ) -> None:
        self._instrument = instrument
        self._engine = engine
        self._timeline = timeline
        self._pace = pace
        self._depth = depth
        self._random = Random(f"{seed}/{instrument.symbol}")  # noqa: S311  # a market is no secret
        self._ids = ids
        self._publish = publish
        self._crowds: dict[Side, Crowd] = {"buy": Crowd(), "sell": Crowd()}
        self._lean = 0.0
        self._minute = start
        self._plan: list[tuple[int, Print | None]] = []
        self._place = 0
        self._opening(round(float(timeline.history.close[-1]) * 10**instrument.price_places))
        self._from = self._to = (start, self._price)
        self._plan_minute()

    def advance(self, until: int) -> None:
        """Runs everything up to the market's time `until`, ms."""
        while True:
            while self._place < len(self._plan):
                at, planned = self._plan[self._place]
                if at > until:
                    return
                self._place += 1
                if planned is None:
                    self._stir(at)
                else:
                    self._print(at, planned)
            if self._minute + MINUTE > until:
                return
            self._minute += MINUTE
            self._plan_minute()

    def _opening(self, price: int) -> None:
        self._price = self._engine.last_price = price
        for _ in range(self._depth):
            for side in ("buy", "sell"):
                self._submit(side, self._placement_price(side), self._size())

    def _plan_minute(self) -> None:
        self._lean = max(-1.0, min(1.0, 0.9 * self._lean + 0.3 * self._random.gauss(0, 1)))
        bar = self._timeline.minute(self._minute)
        trades = (
            []
            if bar is None
            else prints(bar, count=self._pace.trades, length=MINUTE, random=self._random)
        )
        stirs = sorted(self._random.randrange(MINUTE) for _ in range(self._pace.changes))
        self._plan = [
            (self._minute + at, planned)
            for at, planned in merge(
                ((trade.at, trade) for trade in trades),
                ((at, None) for at in stirs),
                key=lambda each: each[0],
            )
        ]
        self._place = 0
        self._aim(self._minute)

    def _aim(self, now: int) -> None:
        """Moves the reference price toward the next trade of the plan."""
        self._from = (now, self._price)
        ahead = (each for each in self._plan[self._place :] if each[1] is not None)
        at, planned = next(ahead, (now, None))
        self._to = (at, self._price if planned is None else planned.price)

    def _reference(self, now: int) -> int:
        (begin, start), (end, target) = self._from, self._to
        if now >= end:
            return target
        return start + (target - start) * (now - begin) // (end - begin)

    def _stir(self, at: int) -> None:
        """Places or withdraws one order."""
        self._price = self._reference(at)
        side: Side = "buy" if self._random.random() < 0.5 + 0.25 * self._lean else "sell"
        crowd = self._crowds[side]
        behind = self._left_behind(side)
        if behind is not None:
            self._withdraw(at, behind)
        elif self._random.random() < 0.5 + (self._depth - len(crowd)) / self._depth:
            self._publish(at, self._submit(side, self._placement_price(side), self._size()))
        else:
            self._withdraw(at, self._any(side))

    def _left_behind(self, side: Side) -> ExchangeOrder | None:
        """Returns the market's best order of a side if the reference price has passed it."""
        half = self._engine.bids if side == "buy" else self._engine.asks
        best = half.best()
        if best is None or not (best > self._price if side == "buy" else best < self._price):
            return None
        orders = half.levels[best].orders.values()
        return next((order for order in orders if order.owner == MARKET), None)

    def _any(self, side: Side) -> ExchangeOrder | None:
        """Returns one of the market's orders of a side; a far one if drawn."""
        chosen = None
        for _ in range(_DRAWS):
            chosen = self._crowds[side].draw(self._random)
            if chosen is None or abs(chosen.price - self._price) > _FAR * self._price:
                break
        return chosen

    def _withdraw(self, at: int, order: ExchangeOrder | None) -> None:
        if order is not None:
            self._crowds[order.side].leave(order)
            self._publish(at, self._engine.cancel(order, "Requested"))

    def _placement_price(self, side: Side) -> int:
        """Returns a price near the reference price; never across the other side."""
        away = -1 if side == "buy" else 1
        own = self._engine.bids if side == "buy" else self._engine.asks
        other = self._engine.asks if side == "buy" else self._engine.bids
        best, opposite = own.best(), other.best()
        if best is not None and self._random.random() < _AT_THE_TOUCH:
            price = best - away * self._random.choice((0, 0, 1))
        else:
            distance = self._random.expovariate(1 / (_SPREAD_OF_PLACEMENTS * self._price))
            price = self._price + away * (1 + int(distance))
        if opposite is not None and (price >= opposite if side == "buy" else price <= opposite):
            price = opposite + away
        return max(1, price)

    def _size(self) -> int:
        value = _USUAL_VALUE * self._random.lognormvariate(0, 1)
        price = self._price / 10**self._instrument.price_places
        steps = int(value / price * 10**self._instrument.amount_places)
        return max(self._instrument.minimum_steps, steps)

    def _submit(self, side: Side, price: int, amount: int, *, taker: bool = False) -> list[Event]:
        order = ExchangeOrder(
            id=self._ids(),
            owner=MARKET,
            side=side,
            price=price,
            amount=amount,
            remaining=amount,
            behaviour="immediate-or-cancel" if taker else "",
        )
        events = self._engine.submit(order)
        if order.live:
            self._crowds[side].join(order)
        for event in events:
            if isinstance(event, Trade) and not event.maker.live:
                self._crowds[event.maker.side].leave(event.maker)
        return events

    def _print(self, at: int, planned: Print) -> None:
        """Makes the path's trade through the book, then quotes around it."""
        side = self._taker_side(planned.price)
        self._clear_way(at, side, planned.price)
        self._price = planned.price
        extra = self._stock(at, side, planned)
        self._publish(at, self._submit(side, planned.price, planned.amount + extra, taker=True))
        self._aim(at)
        sides: tuple[Side, Side] = ("buy", "sell")
        for quoted in sides:
            self._publish(at, self._submit(quoted, self._placement_price(quoted), self._size()))

    def _taker_side(self, price: int) -> Side:
        ask, bid = self._engine.asks.best(), self._engine.bids.best()
        if bid is not None and price <= bid:
            return "sell"
        if ask is not None and price >= ask:
            return "buy"
        upwards = price > self._engine.last_price
        return "buy" if self._random.random() < (0.7 if upwards else 0.3) else "sell"

    def _clear_way(self, at: int, side: Side, price: int) -> None:
        """Withdraws the market's orders at better prices than the trade's."""
        half = self._engine.asks if side == "buy" else self._engine.bids
        better = [each for each in half.prices() if half.better(each, price)]
        for each in better:
            for order in list(half.levels[each].orders.values()):
                if order.owner == MARKET:
                    self._withdraw(at, order)

    def _stock(self, at: int, side: Side, planned: Print) -> int:
        """Places enough at the trade's price; returns what accounts have at better ones.

        The path trades through their orders, so these fill on top of the bar's volume.
        """
        maker: Side = "sell" if side == "buy" else "buy"
        half = self._engine.asks if side == "buy" else self._engine.bids
        level = half.levels.get(planned.price)
        there = level.size if level is not None else 0
        if there < planned.amount:
            amount = planned.amount - there
            if self._random.random() < 0.5:
                amount += self._size()
            self._publish(at, self._submit(maker, planned.price, amount))
        return sum(
            half.levels[each].size for each in half.prices() if half.better(each, planned.price)
        )
