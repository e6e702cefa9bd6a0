"""A venue's order book of one symbol: the size that rests at each price.

Invariant: a level's size is above zero; a size of zero removes the level. Prices are numbers here,
so that "100.0" and "100.00" are one level.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from tradebot.domain.money import ZERO

Side = Literal["bid", "ask"]
Reason = Literal["place", "cancel", "trade"]


class OrderBook:
    """Both sides of the book.

    >>> book = OrderBook()
    >>> book.set("bid", Decimal("100"), Decimal("2"))
    Decimal('0')
    >>> book.set("ask", Decimal("101"), Decimal("1"))
    Decimal('0')
    >>> book.best("bid"), book.best("ask"), book.mid()
    (Decimal('100'), Decimal('101'), Decimal('100.5'))
    """

    def __init__(self) -> None:
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}
        self._bid_prices: list[Decimal] = []
        self._ask_prices: list[Decimal] = []

    def clear(self) -> None:
        """Empties the book."""
        for content in (self._bids, self._asks, self._bid_prices, self._ask_prices):
            content.clear()

    def set(self, side: Side, price: Decimal, size: Decimal) -> Decimal:
        """Sets the total size at `price`; returns the previous size.

        Removing a level that does not exist has no effect.
        """
        if side == "bid":
            sizes, prices = self._bids, self._bid_prices
        else:
            sizes, prices = self._asks, self._ask_prices
        if size > 0:
            before = sizes.get(price)
            sizes[price] = size
            if before is not None:
                return before
            insort(prices, price)
            return ZERO
        before = sizes.pop(price, None)
        if before is None:
            return ZERO
        del prices[bisect_left(prices, price)]
        return before

    def size(self, side: Side, price: Decimal) -> Decimal:
        """Returns the total size at `price`."""
        return (self._bids if side == "bid" else self._asks).get(price, ZERO)

    def best(self, side: Side) -> Decimal | None:
        """The highest bid or the lowest ask; `None` where the side is empty."""
        if side == "bid":
            return self._bid_prices[-1] if self._bid_prices else None
        return self._ask_prices[0] if self._ask_prices else None

    def mid(self) -> Decimal | None:
        """Halfway between the best prices; `None` where a side is empty."""
        bid, ask = self.best("bid"), self.best("ask")
        return None if bid is None or ask is None else (bid + ask) / 2

    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask, which no venue allows to last."""
        bid, ask = self.best("bid"), self.best("ask")
        return bid is not None and ask is not None and bid >= ask

    def levels(self, side: Side) -> Iterator[tuple[Decimal, Decimal]]:
        """Price and size of each level, the best first."""
        if side == "bid":
            return ((price, self._bids[price]) for price in reversed(self._bid_prices))
        return ((price, self._asks[price]) for price in self._ask_prices)

    def __len__(self) -> int:
        return len(self._bids) + len(self._asks)


class ChangeReasons:
    """Why a level changed, for a venue whose size changes do not name the trades behind them.

    A level that grew had an order placed. A level that shrank was traded, as far as trades at its
    price within `window_ms` are not yet accounted for; otherwise it was cancelled.
    """

    def __init__(self, window_ms: int = 2000) -> None:
        self._window_ms = window_ms
        self._traded: dict[tuple[Side, Decimal], tuple[int, Decimal]] = {}

    def trade(self, maker: Side, price: Decimal, amount: Decimal, ts: int) -> None:
        """Records a trade at `ts` (ms) of `amount` resting on the maker's side at `price`."""
        if len(self._traded) > 1000:
            self._forget(ts)
        at, open_amount = self._traded.get((maker, price), (ts, ZERO))
        if ts - at > self._window_ms:
            open_amount = ZERO
        self._traded[maker, price] = (ts, open_amount + amount)

    def reason(
        self, side: Side, price: Decimal, before: Decimal, after: Decimal, ts: int
    ) -> Reason:
        """Returns why the level went from `before` to `after` at `ts` (ms)."""
        if after > before:
            return "place"
        if not self._traded or (side, price) not in self._traded:
            return "cancel"
        at, amount = self._traded.pop((side, price))
        if ts - at > self._window_ms:
            return "cancel"
        left = amount - (before - after)
        if left > 0:
            self._traded[side, price] = (at, left)
        return "trade"

    def _forget(self, ts: int) -> None:
        kept = {
            key: value for key, value in self._traded.items() if ts - value[0] <= self._window_ms
        }
        self._traded = kept
