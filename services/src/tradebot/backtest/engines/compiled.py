"""The compiled engine: a strategy's orders as arrays, one pass over the bars.

A row of orders represents what the strategy wants at a bar's close: a side and a size. The engine
applies the report's position rule (buy only when nothing is held that could be sold, sell all). It
keeps one order in flight, and fills it at the open of the bar `latency_bars` later, at once or not
at all. What a row holds may depend on that bar and those before it, never on a later one.
"""

import numba
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
from tradebot.backtest.result import Fills, Result
from tradebot.history.arrays import Bars
from tradebot.strategies.orders import Orders


def check_cash(cash: float) -> None:
    """Refuses cash that no account can start with.

    Raises:
        ValueError: it is not a finite number above 0.
    """
    if not 0 < cash < np.inf:
        raise ValueError(f"the cash at the start is {cash}: use a number above 0")


def run(bars: Bars, orders: Orders, costs: Costs, cash: float) -> Result:
    """Runs the orders over the bars from `cash` in quote currency.

    Raises:
        ValueError: the orders do not have a row a bar, or a size, the reach or the cash is not a
            number that an account can have.
    """
    check_cash(cash)
    rows = len(bars.ts)
    if len(orders.side) != rows or len(orders.size) != rows:
        raise ValueError(
            f"there are {rows} bars but {len(orders.side)} sides and {len(orders.size)} sizes: a "
            "strategy must return one side and one size for every bar"
        )
    if not np.isfinite(orders.size[orders.side > 0]).all():
        row = int(np.flatnonzero((orders.side > 0) & ~np.isfinite(orders.size))[0])
        raise ValueError(f"the size of the buy at bar {row} is {orders.size[row]}: return a number")
    if not orders.reach_bps >= 0:
        raise ValueError(f"reach_bps is {orders.reach_bps}: use 0 or more")
    equity = np.empty(rows)
    position = np.empty(rows)
    count = int(np.count_nonzero(orders.side)) + 1
    bar, side = np.empty(count, np.int64), np.empty(count, np.int8)
    price, amount, fee = np.empty(count), np.empty(count), np.empty(count)
    filled, left = _run(
        bars.ts, bars.step, bars.open, bars.close, bars.volume,
        orders.side, orders.size, int(orders.sizing), orders.reach_bps,
        np.array([tier.volume for tier in costs.tiers]),
        np.array([tier.taker_bps for tier in costs.tiers]),
        costs.spread_bps, costs.impact_bps, costs.volume_share, costs.latency_bars,
        costs.amount_step, costs.price_step, costs.minimum,
        cash, equity, position, bar, side, price, amount, fee,
    )  # fmt: skip
    fills = Fills(
        bar=bar[:filled],
        side=side[:filled],
        price=price[:filled],
        amount=amount[:filled],
        fee=fee[:filled],
    )
    return Result(equity=equity, position=position, fills=fills, cash=left)


@numba.njit(cache=True)
def _run(  # type: ignore[no-untyped-def]  # compiled: numba infers the arrays' types
    ts, step_ms, opens, closes, volumes,
    sides, sizes, sizing, reach_bps,
    tier_volumes, tier_fees,
    spread_bps, impact_bps, share, latency,
    amount_step, price_step, minimum,
    cash, equity, position,
    out_bar, out_side, out_price, out_amount, out_fee,
):  # fmt: skip
    base = 0.0
    count = 0
    month_first = 0
    times = np.empty(len(out_bar), np.int64)
    traded = np.zeros(len(out_bar) + 1)
    pending = 0
    due = -1
    wanted = 0.0
    limit = 0.0
    for bar in range(len(ts)):
        if pending != 0 and bar == due:
            month_first = month_start(ts[bar], times, month_first, count)
            fee_bps = fee_of(traded[count] - traded[month_first], tier_volumes, tier_fees)
            amount = taken_amount(wanted, volumes[bar], share, amount_step)
            best = touch(pending, opens[bar], spread_bps)
            price = worsened(pending, best, amount, volumes[bar], impact_bps, price_step)
            if pending > 0:
                amount = affordable(amount, price, fee_bps, cash, amount_step)
            reached = (limit - price) * pending >= 0.0
            if reached and amount >= minimum and amount > 0.0:
                fee = price * amount * fee_bps * 1e-4
                cash -= pending * price * amount + fee
                base += pending * amount
                if base < amount_step * 0.5:
                    base = 0.0
                out_bar[count] = bar
                out_side[count] = pending
                out_price[count] = price
                out_amount[count] = amount
                out_fee[count] = fee
                times[count] = ts[bar]
                traded[count + 1] = traded[count] + price * amount
                count += 1
            pending = 0
        close = closes[bar]
        side = sides[bar]
        if side != 0 and pending == 0 and can_be_sold(base, minimum) == (side < 0):
            best = touch(side, close, spread_bps)
            basis, limit = best, side * np.inf
            if reach_bps != np.inf:
                basis = limit = limit_on_step(
                    side, best * (1.0 + side * reach_bps * 1e-4), price_step
                )
            if side < 0:
                wanted = base
            elif basis <= 0.0:
                wanted = 0.0
            elif sizing == 0:
                month_first = month_start(ts[bar] + step_ms, times, month_first, count)
                fee_bps = fee_of(traded[count] - traded[month_first], tier_volumes, tier_fees)
                wanted = floor_to_step(
                    sizes[bar] * cash / (basis * (1.0 + fee_bps * 1e-4)), amount_step
                )
            else:
                wanted = floor_to_step(sizes[bar], amount_step)
            if wanted >= minimum and wanted > 0.0:
                pending = side
                due = bar + latency
        equity[bar] = cash + base * close
        position[bar] = base
    return count, cash
