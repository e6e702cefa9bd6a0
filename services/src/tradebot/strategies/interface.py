"""The interface of a strategy: a class that is called at each bar, or a function of arrays.

A file defines one of the two, and may declare in module constants:

- `PARAMETERS`: each parameter's default, or (default, minimum, maximum) for a search to try;
- `WARMUP`: the bars that it needs before its first decision, or a function `warmup` of the
  parameters that returns them;
- `FORECASTS`: the models whose forecasts it reads.

The class can place any order; the function is ten thousand times as fast in a backtest.
`docs/strategies.md` has a complete strategy of each kind.
"""

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from tradebot.history.arrays import Bars
from tradebot.strategies.orders import Floats, Orders, Sizing

__all__ = ["Bars", "Execution", "Market", "Order", "Orders", "Signals", "Sizing", "Strategy"]

Field = Literal[
    "open", "high", "low", "close", "volume", "bid_flow", "ask_flow", "ratio", "complete"
]


class Order(msgspec.Struct, eq=False):
    """An order of a strategy. `side` is 1 to buy, −1 to sell.

    Without `limit` and `stop` it fills at the market's price. With `limit` it rests at that price
    until filled or cancelled; with `at_once` it fills what it can on arrival and is cancelled. With
    `stop` it fills at the market once trades reach that price, and is then `triggered`. `due` is
    the bar at whose open it reaches the market; `left` is the unfilled amount. Prices are on the
    venue's steps.
    """

    side: int
    left: float
    due: int
    limit: float | None = None
    stop: float | None = None
    at_once: bool = False
    triggered: bool = False
    live: bool = True


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """A fill of one of the strategy's orders.

    `number` counts the run's fills from 0, `ts` is the bar's (ms), `side` is 1 or −1, and `fee` is
    in quote currency.
    """

    number: int
    ts: int
    side: int
    price: float
    amount: float
    fee: float


class Market(Protocol):
    """What a strategy sees and does at a bar's close. Nothing here depends on a later bar."""

    index: int
    ts: int
    close: float

    @property
    def step(self) -> int:
        """The length of a bar, ms."""
        ...

    @property
    def cash(self) -> float:
        """Quote currency available."""
        ...

    @property
    def position(self) -> float:
        """Base currency held."""
        ...

    @property
    def bought(self) -> bool:
        """Whether the position is at least the smallest order, so that it can be sold."""
        ...

    @property
    def equity(self) -> float:
        """The value of cash and position at this close."""
        ...

    @property
    def live_orders(self) -> list[Order]:
        """Returns orders that are neither filled nor cancelled."""
        ...

    def history(self, field: Field, bars: int) -> Floats:
        """Returns the last `bars` values up to this bar, fewer at the start; oldest first."""
        ...

    def forecast(self, model: str) -> tuple[float, float]:
        """Returns a model's log price for this bar's end and for one step later; `nan` if unknown.

        Raises:
            KeyError: the strategy did not declare this model in `FORECASTS`.
        """
        ...

    def buy(
        self,
        *,
        amount: float | None = None,
        fraction: float | None = None,
        limit: float | None = None,
        stop: float | None = None,
        at_once: bool = False,
    ) -> Order | None:
        """Places a buy of `amount` of base, or of `fraction` of the cash with fees included.

        Returns `None` if the size is below the smallest order, or the limit below the price step.

        Raises:
            ValueError: the size, the limit or the stop is not valid for an order.
        """
        ...

    def sell(
        self,
        *,
        amount: float | None = None,
        limit: float | None = None,
        stop: float | None = None,
        at_once: bool = False,
    ) -> Order | None:
        """Places a sell of `amount`, or of the whole position; `None` if that is too little.

        Raises:
            ValueError: as for a buy.
        """
        ...

    def cancel(self, order: Order) -> None:
        """Cancels an order; does nothing if it is no longer live."""
        ...


class Strategy:
    """The base of a strategy class. Each run creates a new object, with its parameters."""

    def fit(self, before: Bars, tell: Callable[[str], None]) -> None:
        """Called once, before the first bar, with the `WARMUP` bars that precede it.

        Args:
            tell: called with lines about the fit's progress.
        """

    def on_fill(self, execution: Execution) -> None:
        """Called for each fill, before `on_bar` of the bar in which it happened."""

    def on_bar(self, market: Market) -> None:
        """Called at each bar's close."""
        raise NotImplementedError


Signals = Callable[[Bars], Orders]
"""A strategy as a function of arrays: row i of its orders may depend on bars 0…i alone."""
