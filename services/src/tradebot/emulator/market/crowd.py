"""The orders that the market itself has in the book, one of which can be drawn at once."""

from random import Random

from tradebot.emulator.matching.orders import ExchangeOrder


class Crowd:
    """Orders of one side, in no order; joining, leaving and drawing take constant time."""

    def __init__(self) -> None:
        self._orders: list[ExchangeOrder] = []
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def join(self, order: ExchangeOrder) -> None:
        """The order is in the book now."""
        self._places[order.id] = len(self._orders)
        self._orders.append(order)

    def leave(self, order: ExchangeOrder) -> None:
        """The order is gone; nothing happens if it was not here."""
        place = self._places.pop(order.id, None)
        if place is None:
            return
        last = self._orders.pop()
        if last is not order:
            self._orders[place] = last
            self._places[last.id] = place

    def draw(self, random: Random) -> ExchangeOrder | None:
        """Any of them that is live; `None` if there is none."""
        while self._orders:
            order = self._orders[random.randrange(len(self._orders))]
            if order.live:
                return order
            # An account took it.
            self.leave(order)
        return None
