"""The event engine: calls a strategy at each bar's close and fills its orders.

An order reaches the market at the open of the bar `latency_bars` after its decision. There it fills
at once, or rests. A resting limit fills as maker once trades go through its price, never on a mere
touch. A stop fills at the worse of its price and the bar's open. Both wait for the next bar if this
one's volume is too thin. Orders are handled in the order placed. Exits are checked after the orders
that fill at the open and before those that wait within the bar; one that sells cancels the other
sells and the orders that wait as maker (see `engines.making`).
"""

import math

import numpy as np

from tradebot.backtest.costs import Costs
from tradebot.backtest.engines.arithmetic import (
    affordable,
    can_be_sold,
    fee_of,
    floor_to_step,
    limit_on_step,
    month_start,
    taken_amount,
    touch,
    worsened,
)
from tradebot.backtest.engines.compiled import OFF, check_cash
from tradebot.backtest.engines.exits import Limits, cost_after, exit_price, limits_of
from tradebot.backtest.engines.making import (
    NOWHERE,
    Patience,
    Resting,
    goes_through,
    opened,
    patience_of,
)
from tradebot.backtest.result import Fill, Fills, Result
from tradebot.domain.situation import Exits
from tradebot.history.arrays import Bars
from tradebot.strategies.interface import Execution, Field, Order, Strategy
from tradebot.strategies.orders import Floats


class Simulation:
    """The market and the account of one run; a strategy sees it as its `Market`."""

    def __init__(self, bars: Bars, costs: Costs, cash: float, exits: Exits = OFF) -> None:
        check_cash(cash)
        self.index = -1
        self.ts = 0
        self.close = math.nan
        self.fills: list[Fill] = []
        self._bars = bars
        self._costs = costs
        self._cash = cash
        self._base = 0.0
        self._limits = limits_of(exits)
        self._cost = 0.0
        self._opened = 0
        self._highest = 0.0
        self._told = 0
        self._live: list[Order] = []
        self._patience = patience_of(costs.making, bars.step)
        self._makers: dict[Order, Resting] = {}
        """Orders that wait as maker, and where they rest."""
        self._fees_at = np.array([tier.volume for tier in costs.tiers])
        self._maker = np.array([tier.maker_bps for tier in costs.tiers])
        self._taker = np.array([tier.taker_bps for tier in costs.tiers])
        self._times = np.empty(1024, np.int64)
        self._traded = np.zeros(1025)
        self._month_first = 0

    @property
    def step(self) -> int:
        """The length of a bar, ms."""
        return self._bars.step

    @property
    def cash(self) -> float:
        """Quote currency available."""
        return self._cash

    @property
    def position(self) -> float:
        """Base currency held."""
        return self._base

    @property
    def bought(self) -> bool:
        """Whether the position is at least the smallest order, so that it can be sold."""
        return can_be_sold(self._base, self._costs.minimum)

    @property
    def equity(self) -> float:
        """The value of cash and position at this close."""
        return self._cash + self._base * self.close

    @property
    def live_orders(self) -> list[Order]:
        """Orders that are neither filled nor cancelled."""
        return [order for order in self._live if order.live]

    @property
    def taker_fee_bps(self) -> float:
        """The taker's fee at this close."""
        month_volume = self._month_volume(self.ts + self._bars.step)
        return float(fee_of(month_volume, self._fees_at, self._taker))

    def history(self, field: Field, bars: int) -> Floats:
        """The last `bars` values up to this bar; a view, oldest first."""
        column: Floats = getattr(self._bars, field)
        return column[max(0, self.index + 1 - bars) : self.index + 1]

    def forecast(self, model: str) -> tuple[float, float]:
        """A model's log price for this bar's end and for one step later."""
        predictions = self._bars.forecast(model)
        return (
            float(predictions.log_price[self.index]),
            float(predictions.log_price_next[self.index]),
        )

    def buy(
        self,
        *,
        amount: float | None = None,
        fraction: float | None = None,
        limit: float | None = None,
        stop: float | None = None,
        at_once: bool = False,
    ) -> Order | None:
        """Places a buy; see `Market.buy`."""
        if (amount is None) == (fraction is None):
            raise ValueError("a buy needs either amount= or fraction=")
        _check_size(amount if fraction is None else fraction)
        limit, stop = self._on_step(1, limit, stop)
        if amount is None:
            assert fraction is not None
            basis = next(
                (price for price in (limit, stop) if price is not None),
                touch(1, self.close, self._costs.spread_bps),
            )
            if basis <= 0:
                return None
            amount = fraction * self._cash / (basis * (1.0 + self.taker_fee_bps * 1e-4))
        return self._place(1, floor_to_step(amount, self._costs.amount_step), limit, stop, at_once)

    def sell(
        self,
        *,
        amount: float | None = None,
        limit: float | None = None,
        stop: float | None = None,
        at_once: bool = False,
    ) -> Order | None:
        """Places a sell; see `Market.sell`."""
        wanted = self._base
        if amount is not None:
            _check_size(amount)
            wanted = min(floor_to_step(amount, self._costs.amount_step), self._base)
        limit, stop = self._on_step(-1, limit, stop)
        return self._place(-1, wanted, limit, stop, at_once)

    def cancel(self, order: Order) -> None:
        """Cancels an order."""
        order.live = False

    def _on_step(
        self, side: int, limit: float | None, stop: float | None
    ) -> tuple[float | None, float | None]:
        """Rounds both prices to the venue's steps: a limit no worse for us, a stop no earlier."""
        if limit is not None and stop is not None:
            raise ValueError("an order can have a limit or a stop, not both")
        step = self._costs.price_step
        for name, price in (("limit", limit), ("stop", stop)):
            if price is not None and not 0 < price < math.inf:
                raise ValueError(f"the {name} of an order is {price}: use a price above 0")
        return (
            None if limit is None else limit_on_step(side, limit, step),
            None if stop is None else limit_on_step(-side, stop, step),
        )

    def _place(
        self, side: int, amount: float, limit: float | None, stop: float | None, at_once: bool
    ) -> Order | None:
        if amount < self._costs.minimum or amount <= 0 or limit == 0:
            return None
        due = self.index + self._costs.latency_bars
        order = Order(side=side, left=amount, due=due, limit=limit, stop=stop, at_once=at_once)
        self._live.append(order)
        if self._patience is not None and stop is None and (limit is None or at_once):
            self._makers[order] = NOWHERE
        return order

    def advance(self, index: int) -> None:
        """Moves to the close of bar `index`, after filling what it allows."""
        self.index = index
        if self._patience is not None:
            self._open_makers(self._patience, index)
        waiting = self._live
        if self._limits is not None:
            first = [order for order in self._live if self._takes_at_open(order, index)]
            self._serve_all(first, index)
            self._exit(self._limits, index)
            waiting = [order for order in self._live if order not in first]
        self._serve_all(waiting, index)
        self._live = [order for order in self._live if order.live]
        self._makers = {order: at for order, at in self._makers.items() if order.live}
        self.ts = int(self._bars.ts[index])
        self.close = float(self._bars.close[index])

    def _open_makers(self, patience: Patience, index: int) -> None:
        """At a bar's open, places maker orders, moves them, or takes or gives up their rest."""
        opening, costs = self._bars.open[index], self._costs
        for order, at in self._makers.items():
            if not order.live or index < order.due:
                continue
            bound = order.side * math.inf if order.limit is None else order.limit
            self._makers[order], ends, takes = opened(
                at, index, order.due, order.side, order.left, bound, opening, patience,
                costs.spread_bps, costs.price_step, costs.minimum,
            )  # fmt: skip
            if takes:
                self._take(order, touch(order.side, opening, costs.spread_bps), order.limit, index)
            order.live = order.live and not ends

    def _takes_at_open(self, order: Order, index: int) -> bool:
        if order in self._makers:
            return False
        if order.stop is not None:
            return order.triggered
        opening = touch(order.side, self._bars.open[index], self._costs.spread_bps)
        return order.limit is None or (
            index == order.due and (order.limit - opening) * order.side >= 0
        )

    def _exit(self, limits: Limits, index: int) -> None:
        """Sells the position if an exit closes it."""
        bars = self._bars
        if self.bought:
            price = exit_price(
                bars.open[index],
                bars.high[index],
                bars.low[index],
                bars.ts[index] - self._opened,
                self._cost / self._base,
                self._highest,
                limits,
            )
            if not math.isnan(price):
                for order in self._live:
                    order.live = order.live and order.side > 0 and order not in self._makers
                sale = Order(side=-1, left=self._base, due=index, at_once=True)
                self._take(sale, touch(-1, price, self._costs.spread_bps), None, index)
        self._highest = max(self._highest, float(bars.high[index]))

    def _serve_all(self, orders: list[Order], index: int) -> None:
        for order in orders:
            if order.live and index >= order.due:
                self._serve(order, index)

    def _serve(self, order: Order, index: int) -> None:
        bars, costs = self._bars, self._costs
        if order in self._makers:
            price = self._makers[order].price
            low, high = bars.low[index], bars.high[index]
            if goes_through(order.side, price, high, low, costs.spread_bps):
                self._fill(order, price, index, self._maker)
            return
        opening = touch(order.side, bars.open[index], costs.spread_bps)
        if order.stop is not None:
            self._serve_stop(order, order.stop, opening, index)
            return
        if self._takes_at_open(order, index):
            self._take(order, opening, order.limit, index)
        elif order.limit is not None and not order.at_once:
            extreme = bars.low[index] if order.side > 0 else bars.high[index]
            reached = touch(order.side, extreme, costs.spread_bps)
            if (order.limit - reached) * order.side > 0:
                self._fill(order, order.limit, index, self._maker)
        if order.at_once or order.limit is None:
            order.live = False

    def _serve_stop(self, order: Order, stop: float, opening: float, index: int) -> None:
        if order.triggered:
            self._take(order, opening, None, index)
            return
        bars = self._bars
        extreme = bars.high[index] if order.side > 0 else bars.low[index]
        if (extreme - stop) * order.side < 0:
            return
        order.triggered = True
        worse = max if order.side > 0 else min
        basis = worse(float(bars.open[index]), stop)
        self._take(order, touch(order.side, basis, self._costs.spread_bps), None, index)

    def _take(self, order: Order, best: float, limit: float | None, index: int) -> None:
        costs = self._costs
        amount = taken_amount(
            order.left, self._bars.volume[index], costs.volume_share, costs.amount_step
        )
        price = worsened(
            order.side, best, amount, self._bars.volume[index], costs.impact_bps, costs.price_step
        )
        if limit is None or (limit - price) * order.side >= 0:
            self._fill(order, price, index, self._taker)

    def _fill(self, order: Order, price: float, index: int, fees: Floats) -> None:
        """Fills what the bar's volume allows, and ends the order if the account has too little."""
        costs, ts = self._costs, int(self._bars.ts[index])
        fee_bps = fee_of(self._month_volume(ts), self._fees_at, fees)
        least = min(costs.minimum, order.left)
        amount = taken_amount(
            order.left, self._bars.volume[index], costs.volume_share, costs.amount_step
        )
        if amount < least or amount <= 0:
            return
        if order.side > 0:
            amount = affordable(amount, price, fee_bps, self._cash, costs.amount_step)
        else:
            amount = min(amount, self._base)
        if amount < least or amount <= 0:
            order.live = False
            return
        fee = price * amount * fee_bps * 1e-4
        if order.side > 0 and not self.bought:
            self._opened, self._highest = ts, price
        self._cost = cost_after(
            order.side, self._cost, self._base, price, amount, fee, costs.amount_step
        )
        self._cash -= order.side * price * amount + fee
        self._base += order.side * amount
        if self._base < costs.amount_step * 0.5:
            self._base = 0.0
        order.left -= amount
        if order.left < costs.amount_step * 0.5:
            order.live = False
        self._remember_volume(ts, price * amount)
        self.fills.append(Fill(index, order.side, price, amount, fee))

    def executions(self) -> list[Execution]:
        """Returns the fills since the last call."""
        first, self._told = self._told, len(self.fills)
        return [
            Execution(
                number=number,
                ts=int(self._bars.ts[fill.bar]),
                side=fill.side,
                price=fill.price,
                amount=fill.amount,
                fee=fill.fee,
            )
            for number, fill in enumerate(self.fills[first:], first)
        ]

    def _month_volume(self, ts: int) -> float:
        """Returns the volume of the 30 days before `ts`, in quote currency."""
        count = len(self.fills)
        self._month_first = month_start(ts, self._times, self._month_first, count)
        return float(self._traded[count] - self._traded[self._month_first])

    def _remember_volume(self, ts: int, value: float) -> None:
        count = len(self.fills)
        if count == len(self._times):
            self._times = np.concatenate([self._times, np.empty_like(self._times)])
            self._traded = np.concatenate([self._traded, np.empty(count)])
        self._times[count] = ts
        self._traded[count + 1] = self._traded[count] + value


def _check_size(size: float | None) -> None:
    if size is None or not math.isfinite(size):
        raise ValueError(f"the size of an order is {size}: use a number")


def run(bars: Bars, strategy: Strategy, costs: Costs, cash: float, exits: Exits = OFF) -> Result:
    """Runs a strategy over the bars, starting with `cash` in quote currency.

    Args:
        exits: what closes a position in addition to the orders; see `engines.exits`.

    Raises:
        ValueError: the cash, or the size, limit or stop of an order, is invalid.
    """
    simulation = Simulation(bars, costs, cash, exits)
    equity, position = np.empty(len(bars.ts)), np.empty(len(bars.ts))
    for index in range(len(bars.ts)):
        simulation.advance(index)
        equity[index] = simulation.equity
        position[index] = simulation.position
        for execution in simulation.executions():
            strategy.on_fill(execution)
        strategy.on_bar(simulation)
    return Result(
        equity=equity,
        position=position,
        fills=Fills.of(simulation.fills),
        cash=simulation.cash,
    )
