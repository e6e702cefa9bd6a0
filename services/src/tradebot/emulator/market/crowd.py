"""The market's own orders in the book, from which one can be drawn at random."""

from random import Random

from tradebot.emulator.matching.orders import ExchangeOrder


class Crowd:
    """Orders of one side, unordered; adding, removing and drawing take constant time."""

    def __init__(self) -> None:
        self._orders: list[ExchangeOrder] = []
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def join(self, order: ExchangeOrder) -> None:
        """Adds an order that is now in the book."""
        self._places[order.id] = len(self._orders)
        self._orders.append(order)

    def leave(self, order: ExchangeOrder) -> None:
        """Removes an order, if it is here."""
        place = self._places.pop(order.id, None)
        if place is None:
            return
        last = self._orders.pop()
        if last is not order:
            self._orders[place] = last
            self._places[last.id] = place

    def draw(self, random: Random) -> ExchangeOrder | None:
        """Returns a random live order; `None` if there is none."""
        while self._orders:
            order = self._orders[random.randrange(len(self._orders))]
            if order.live:
                return order
            # An account's order has filled it.
            self.leave(order)
        return None
