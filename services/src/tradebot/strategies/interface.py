"""What a user writes: a class that is called at each bar, or a function of arrays.

A file defines one of the two, and may declare in module constants what it needs:

- `PARAMETERS`: each parameter's default, or (default, least, greatest) for a search to try;
- `WARMUP`: the bars that it needs before its first decision, or a function `warmup` of the
  parameters that returns them;
- `FORECASTS`: the models whose forecasts it reads.

The class can place any order; the function is ten thousand times as fast in a backtest. A complete
strategy of each kind stands in `docs/strategies.md`.
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
    """An order that a strategy placed. `side` is 1 to buy, −1 to sell.

    Without `limit` and `stop` it takes at the market's price. With `limit` it rests at that price
    until filled or cancelled, or with `at_once` fills what it can when it arrives and is cancelled.
    With `stop` it takes at the market once trades reach that price, and is then `triggered`. `due`
    is the bar at whose open it reaches the market; `left` is what has not been filled. Prices are
    on the venue's steps.
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

    `number` counts the fills of the run from 0, `ts` is the bar's (ms), `side` is 1 or −1, and
    `fee` is in quote currency.
    """

    number: int
    ts: int
    side: int
    price: float
    amount: float
    fee: float


class Market(Protocol):
    """What a strategy sees and does at a bar's close. Nothing here knows a later bar."""

    index: int
    ts: int
    close: float

    @property
    def step(self) -> int:
        """The length of a bar, ms."""
        ...

    @property
    def cash(self) -> float:
        """Quote currency that is not spent."""
        ...

    @property
    def position(self) -> float:
        """Base currency held."""
        ...

    @property
    def bought(self) -> bool:
        """Whether the position is the smallest order or more, so that it can be sold."""
        ...

    @property
    def equity(self) -> float:
        """Cash and position at this close."""
        ...

    @property
    def live_orders(self) -> list[Order]:
        """Orders that are neither filled nor cancelled."""
        ...

    def history(self, field: Field, bars: int) -> Floats:
        """The last `bars` values up to this bar, fewer at the start; a view, oldest first."""
        ...

    def forecast(self, model: str) -> tuple[float, float]:
        """A model's log price for this bar's end and for one step later; `nan` where unknown.

        Raises:
            KeyError: the strategy did not ask for this model in `FORECASTS`.
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

        Returns `None` where the size is below the smallest order, or the limit below the price
        step.

        Raises:
            ValueError: the size, the limit or the stop is not a number that an order can have.
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
        """Places a sell of `amount`, or of all that is held; `None` where that is too little.

        Raises:
            ValueError: as for a buy.
        """
        ...

    def cancel(self, order: Order) -> None:
        """Takes an order back; nothing happens to one that is no longer live."""
        ...


class Strategy:
    """The base of a strategy class. A new object is made for each run, with its parameters."""

    def fit(self, before: Bars, tell: Callable[[str], None]) -> None:
        """Called once, before the first bar, with the `WARMUP` bars that precede it.

        Args:
            tell: takes a line on how the fit goes.
        """

    def on_fill(self, execution: Execution) -> None:
        """Called for each fill, before `on_bar` of the bar in which it happened."""

    def on_bar(self, market: Market) -> None:
        """Called at each bar's close."""
        raise NotImplementedError


Signals = Callable[[Bars], Orders]
"""A strategy as a function of arrays: row i of its orders may depend on bars 0…i alone."""
