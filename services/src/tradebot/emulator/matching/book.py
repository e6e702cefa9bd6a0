"""Price levels with their orders in order of arrival."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from tradebot.emulator.matching.orders import BookSide, ExchangeOrder


class Level:
    """The orders at one price, oldest first, and their total size."""

    __slots__ = ("orders", "size")

    def __init__(self) -> None:
        self.orders: dict[int, ExchangeOrder] = {}
        self.size = 0


class Half:
    """One side of a book. Prices are sorted so that the best is last."""

    def __init__(self, side: BookSide) -> None:
        self.side = side
        self._sign = 1 if side == "bid" else -1
        self._keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def best(self) -> int | None:
        """Returns the best price; `None` if the side is empty."""
        return self._keys[-1] * self._sign if self._keys else None

    def prices(self) -> Iterator[int]:
        """Iterates over all prices, best first."""
        for key in reversed(self._keys):
            yield key * self._sign

    def better(self, price: int, than: int) -> bool:
        """Whether orders at `price` trade before those at `than`."""
        return (price - than) * self._sign > 0

    def add(self, order: ExchangeOrder) -> int:
        """Appends an order to its level's queue; returns the level's size."""
        level = self.levels.get(order.price)
        if level is None:
            level = self.levels[order.price] = Level()
            insort(self._keys, order.price * self._sign)
        level.orders[order.id] = order
        level.size += order.remaining
        return level.size

    def take(self, order: ExchangeOrder, amount: int) -> int:
        """Takes `amount` of the order from its level, and removes it if nothing remains."""
        level = self.levels[order.price]
        level.size -= amount
        order.remaining -= amount
        if order.remaining == 0:
            self._forget(order, level)
        return level.size

    def remove(self, order: ExchangeOrder) -> int:
        """Removes an order, which keeps its remaining amount; returns the level's size."""
        level = self.levels[order.price]
        level.size -= order.remaining
        self._forget(order, level)
        return level.size

    def _forget(self, order: ExchangeOrder, level: Level) -> None:
        del level.orders[order.id]
        if not level.orders:
            del self.levels[order.price]
            del self._keys[bisect_left(self._keys, order.price * self._sign)]
