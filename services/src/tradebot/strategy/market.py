"""A `Market` for a strategy class at a live bar, with at most one order.

The account is the trader's. An order becomes a proposal for one bar: the trader sends it at once or
not at all, so no order is ever live when the next bar closes.
"""

import math

from tradebot.strategies import Execution, Floats, Order
from tradebot.strategies.interface import Field
from tradebot.strategy.bars import Columns
from tradebot.strategy.messages import Account, Proposed


class SecondOrderError(Exception):
    """A bar may place one order."""


class LiveMarket:
    """The bars so far and the bot's account; a `Market` for `Strategy.on_bar`.

    Args:
        columns: the bars, which grow.
    """

    def __init__(self, columns: Columns) -> None:
        self.index = -1
        self.ts = 0
        self.close = math.nan
        self.step = columns.step
        self._columns = columns
        self._account = Account(0.0, 0.0, False, None, [])
        self._order: Order | None = None
        self._fraction: float | None = None

    def advance(self, account: Account | None) -> None:
        """Moves to the close of the newest bar."""
        bars = self._columns.bars()
        self.index += 1
        self.ts, self.close = int(bars.ts[-1]), float(bars.close[-1])
        self._account = account or self._account
        self._order = self._fraction = None

    def executions(self) -> list[Execution]:
        """Returns the fills since the previous bar."""
        return [
            Execution(
                number=fill.number,
                ts=fill.ts,
                side=fill.side,
                price=fill.price,
                amount=fill.amount,
                fee=fill.fee,
            )
            for fill in self._account.fills
        ]

    def proposed(self) -> Proposed:
        """Returns the proposal of the bar's order."""
        order = self._order
        if order is None or not order.live:
            return Proposed(0, 0.0, True)
        fraction = self._fraction
        size = order.left if fraction is None else fraction
        return Proposed(order.side, size, fraction is not None, order.limit, order.stop)

    @property
    def cash(self) -> float:
        """Quote currency available."""
        return self._account.cash

    @property
    def position(self) -> float:
        """Base currency available to sell."""
        return self._account.position

    @property
    def bought(self) -> bool:
        """Whether the position can be sold."""
        return self._account.bought

    @property
    def equity(self) -> float:
        """The value of cash and position at this close."""
        return self.cash + self.position * self.close

    @property
    def live_orders(self) -> list[Order]:
        """Returns the bar's own order, if it placed one."""
        return [self._order] if self._order is not None and self._order.live else []

    def history(self, field: Field, bars: int) -> Floats:
        """Returns the last `bars` values up to this bar; a view, oldest first."""
        column: Floats = getattr(self._columns.bars(), field)
        return column[max(0, len(column) - bars) :]

    def forecast(self, model: str) -> tuple[float, float]:
        """Returns a model's log price for this bar's end and for the step after.

        Raises:
            KeyError: the strategy did not declare this model.
        """
        found = self._columns.bars().forecast(model)
        return float(found.log_price[-1]), float(found.log_price_next[-1])

    def buy(
        self,
        *,
        amount: float | None = None,
        fraction: float | None = None,
        limit: float | None = None,
        stop: float | None = None,
        at_once: bool = False,
    ) -> Order | None:
        """Proposes a buy; see `Market.buy`."""
        if (amount is None) == (fraction is None):
            raise ValueError("a buy needs either amount= or fraction=")
        size = amount if fraction is None else fraction
        assert size is not None
        order = self._place(1, size, limit, stop, at_once)
        self._fraction = fraction
        return order

    def sell(
        self,
        *,
        amount: float | None = None,
        limit: float | None = None,
        stop: float | None = None,
        at_once: bool = False,
    ) -> Order | None:
        """Proposes a sell; see `Market.sell`."""
        if not self.bought:
            return None
        order = self._place(-1, amount or 0.0, limit, stop, at_once)
        self._fraction = None
        return order

    def cancel(self, order: Order) -> None:
        """Cancels the bar's order."""
        order.live = False

    def _place(
        self, side: int, size: float, limit: float | None, stop: float | None, at_once: bool
    ) -> Order:
        if not math.isfinite(size) or size < 0:
            raise ValueError(f"the size of an order is {size}: use a number from 0 up")
        for name, price in (("limit", limit), ("stop", stop)):
            if price is not None and not 0 < price < math.inf:
                raise ValueError(f"the {name} of an order is {price}: use a price above 0")
        if limit is not None and stop is not None:
            raise ValueError("an order can have a limit or a stop, not both")
        if self.live_orders:
            raise SecondOrderError(
                "this bar placed two orders: a live bot takes one for each bar; cancel the first, "
                "or use the bot's own exits for a stop"
            )
        self._order = Order(side, size, self.index + 1, limit=limit, stop=stop, at_once=at_once)
        return self._order
