"""A strategy's wishes at each bar, as rows that can be compared.

A class is run twice, once with cash only and once with a position, and none of its orders fills, so
its rows depend on the bars alone.
"""

import copy
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tradebot.strategies.interface import Bars, Field, Order, Strategy
from tradebot.strategies.loading import LoadedStrategy
from tradebot.strategies.orders import Floats

Rows = npt.NDArray[Any]
"""One row per bar: (n, 2) float64 of side and size, or (n,) texts of a class's orders."""

Decide = Callable[[Bars], Rows]

ROUNDING = 1e-9
"""Relative difference allowed in sizes: sums over more bars round differently."""

CASH = 10_000.0


class Candidate:
    """A strategy to check.

    Args:
        before: the bars on which it is fitted, once; `None` if it needs no fit.

    Raises:
        StrategyError: its constructor or its fit fails.
    """

    def __init__(self, loaded: LoadedStrategy, before: Bars | None = None) -> None:
        self.loaded = loaded
        self._made = loaded.create() if loaded.is_class else None
        if self._made is not None and before is not None:
            try:
                self._made.fit(before, lambda _line: None)
            except Exception as error:
                raise loaded.failed(error) from error

    def rows(self, bars: Bars) -> Rows:
        """Returns what it wants at each bar.

        Raises:
            StrategyError: it fails.
        """
        if self._made is None:
            return _of_arrays(self.loaded, bars)
        flat, holding = (self._asked(bars, position) for position in (0.0, CASH / bars.close[0]))
        texts = ["; ".join(filter(None, each)) for each in zip(flat, holding, strict=True)]
        return np.array(texts, dtype=object)

    def seconds(self, bars: Bars, runs: int) -> list[float]:
        """Returns the times of the newest row, over all bars; a class runs on `runs` of them."""
        times: list[float] = []
        if self._made is not None:
            self._asked(bars, 0.0, first=max(0, len(bars.ts) - runs - 1), times=times)
            return np.diff(times).tolist()
        for _ in range(runs + 2):
            self.loaded.orders(bars)
            times.append(time.perf_counter())
        return np.diff(times[1:]).tolist()  # the first call may compile

    def _asked(
        self, bars: Bars, position: float, *, first: int = 0, times: list[float] | None = None
    ) -> list[str]:
        """Returns a class's orders at each bar from `first` on; adds answer times to `times`."""
        strategy, market = copy.deepcopy(self._made), Unfilled(bars, float(position))
        assert strategy is not None
        asked = []
        for index in range(first, len(bars.ts)):
            try:
                asked.append(market.asked(strategy, index))
            except Exception as error:
                raise self.loaded.failed(error) from error
            if times is not None:
                times.append(time.perf_counter())
        return asked


def first_difference(one: Rows, other: Rows) -> int | None:
    """Returns the first row in which two runs differ, as far as both go."""
    rows = min(len(one), len(other))
    one, other = one[:rows], other[:rows]
    if one.dtype == np.float64:
        unlike = (one[:, 0] != other[:, 0]) | ~np.isclose(
            one[:, 1], other[:, 1], rtol=ROUNDING, atol=0, equal_nan=True
        )
    else:
        unlike = one != other
    found = np.flatnonzero(unlike)
    return int(found[0]) if len(found) else None


def wanted(row: Any) -> str:
    """Describes a row in words."""
    if isinstance(row, str):
        return row or "nothing"
    side, size = float(row[0]), float(row[1])
    return "nothing" if side == 0 else f"buy {size:g}" if side > 0 else "sell"


def _of_arrays(loaded: LoadedStrategy, bars: Bars) -> Rows:
    orders = loaded.orders(bars)
    side = np.asarray(orders.side, np.float64)
    size = np.where(side > 0, orders.size, 0.0)
    return np.column_stack([side, size])


class Unfilled:
    """A market in which no order fills; a `Market` that records the orders."""

    def __init__(self, bars: Bars, position: float) -> None:
        self.index = -1
        self.ts = 0
        self.close = math.nan
        self.step = bars.step
        self.cash = CASH
        self.position = position
        self.bought = position > 0
        self.live_orders: list[Order] = []
        self._bars = bars
        self._ordered: list[str] = []

    def asked(self, strategy: Strategy, index: int) -> str:
        """Returns the strategy's orders at the close of bar `index`."""
        self.index, self.ts = index, int(self._bars.ts[index])
        self.close = float(self._bars.close[index])
        self.live_orders, self._ordered = [], []
        strategy.on_bar(self)
        return ", ".join(self._ordered)

    @property
    def equity(self) -> float:
        """The value of cash and position at this close."""
        return self.cash + self.position * self.close

    def history(self, field: Field, bars: int) -> Floats:
        """Returns the last `bars` values up to this bar; see `Market.history`."""
        column: Floats = getattr(self._bars, field)
        return column[max(0, self.index + 1 - bars) : self.index + 1]

    def forecast(self, model: str) -> tuple[float, float]:
        """See `Market.forecast`."""
        found = self._bars.forecast(model)
        return float(found.log_price[self.index]), float(found.log_price_next[self.index])

    def buy(
        self,
        *,
        amount: float | None = None,
        fraction: float | None = None,
        limit: float | None = None,
        stop: float | None = None,
        at_once: bool = False,
    ) -> Order | None:
        """See `Market.buy`."""
        size = fraction if amount is None else amount
        kind = "of the cash" if amount is None else "of base"
        return self._place(1, "buy", size, kind, limit, stop, at_once)

    def sell(
        self,
        *,
        amount: float | None = None,
        limit: float | None = None,
        stop: float | None = None,
        at_once: bool = False,
    ) -> Order | None:
        """See `Market.sell`."""
        if not self.bought:
            return None
        return self._place(-1, "sell", amount, "of base", limit, stop, at_once)

    def cancel(self, order: Order) -> None:
        """See `Market.cancel`."""
        order.live = False

    def _place(
        self,
        side: int,
        name: str,
        size: float | None,
        kind: str,
        limit: float | None,
        stop: float | None,
        at_once: bool,
    ) -> Order:
        how_much = "all" if size is None else f"{size:.9g} {kind}"
        prices = (("limit", limit), ("stop", stop))
        at = "".join(f" at {what} {price:.9g}" for what, price in prices if price is not None)
        self._ordered.append(f"{name} {how_much}{at}")
        order = Order(
            side, size or self.position, self.index + 1, limit=limit, stop=stop, at_once=at_once
        )
        self.live_orders.append(order)
        return order
