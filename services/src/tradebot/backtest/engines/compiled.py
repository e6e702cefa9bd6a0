"""The compiled engine: a strategy's orders as arrays, one pass over the bars.

A row of orders is what the strategy wants at a bar's close: a side and a size. The engine applies
the report's position rule (buy only if there is nothing that could be sold, sell everything). It
keeps one order in flight, and fills it at the open of the bar `latency_bars` later, at once or not
at all. With `Costs.making` the order waits as maker first, and a row to the other side cancels it:
see `engines.making`. A row may depend on its bar and earlier ones, never on a later one. Exits are
checked after the order that fills at the open; one that sells cancels the order in flight.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

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
from tradebot.backtest.engines.exits import cost_after, exit_price, limits_of
from tradebot.backtest.engines.making import Resting, goes_through, opened, patience_of
from tradebot.backtest.result import Fills, Result
from tradebot.domain.situation import Exits
from tradebot.history.arrays import Bars
from tradebot.strategies.orders import Orders

OFF: Final = Exits()
"""No exits: only orders close a position."""


class _Terms(NamedTuple):
    """The costs as the compiled code needs them."""

    tier_volumes: NDArray[np.float64]
    tier_fees: NDArray[np.float64]
    maker_fees: NDArray[np.float64]
    spread_bps: float
    impact_bps: float
    volume_share: float
    latency: int
    amount_step: float
    price_step: float
    minimum: float


class _Rows(NamedTuple):
    """Arrays for fills, one row each. `traded` is the quote volume before each row."""

    bar: NDArray[np.int64]
    side: NDArray[np.int8]
    price: NDArray[np.float64]
    amount: NDArray[np.float64]
    fee: NDArray[np.float64]
    times: NDArray[np.int64]
    traded: NDArray[np.float64]


class _Account(NamedTuple):
    """Balances and position between two orders.

    `cost` is what the position cost, `opened` the time (ms) of the opening fill, `highest` the
    highest price since. `made` counts the fills; those from `month_first` on are within 30 days.
    """

    cash: float
    base: float
    cost: float
    opened: int
    highest: float
    made: int
    month_first: int


def check_cash(cash: float) -> None:
    """Refuses invalid starting cash.

    Raises:
        ValueError: it is not a finite number above 0.
    """
    if not 0 < cash < np.inf:
        raise ValueError(f"the cash at the start is {cash}: use a number above 0")


def run(bars: Bars, orders: Orders, costs: Costs, cash: float, exits: Exits = OFF) -> Result:
    """Runs the orders over the bars, starting with `cash` in quote currency.

    Args:
        exits: what closes a position in addition to the orders; see `engines.exits`.

    Raises:
        ValueError: the orders do not have one row per bar, or a size, the reach or the cash is
            invalid.
    """
    check_cash(cash)
    rows = len(bars.ts)
    _check_orders(orders, rows)
    limits, patience = limits_of(exits), patience_of(costs.making, bars.step)
    equity, position = np.empty(rows), np.empty(rows)
    most = int(np.count_nonzero(orders.side)) + (0 if limits is None else rows)
    written = _empty_rows(most + (0 if patience is None else 2 * rows))
    filled, left = _run(
        bars.ts, bars.step, bars.open, bars.high, bars.low, bars.close, bars.volume,
        orders.side, orders.size, int(orders.sizing), orders.reach_bps,
        limits, patience, _terms(costs), cash, equity, position, written,
    )  # fmt: skip
    fills = Fills(
        bar=written.bar[:filled],
        side=written.side[:filled],
        price=written.price[:filled],
        amount=written.amount[:filled],
        fee=written.fee[:filled],
    )
    return Result(equity=equity, position=position, fills=fills, cash=left)


def _check_orders(orders: Orders, rows: int) -> None:
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


def _terms(costs: Costs) -> _Terms:
    return _Terms(
        tier_volumes=np.array([tier.volume for tier in costs.tiers]),
        tier_fees=np.array([tier.taker_bps for tier in costs.tiers]),
        maker_fees=np.array([tier.maker_bps for tier in costs.tiers]),
        spread_bps=costs.spread_bps,
        impact_bps=costs.impact_bps,
        volume_share=costs.volume_share,
        latency=costs.latency_bars,
        amount_step=costs.amount_step,
        price_step=costs.price_step,
        minimum=costs.minimum,
    )


def _empty_rows(count: int) -> _Rows:
    return _Rows(
        bar=np.empty(count, np.int64),
        side=np.empty(count, np.int8),
        price=np.empty(count),
        amount=np.empty(count),
        fee=np.empty(count),
        times=np.empty(count, np.int64),
        traded=np.zeros(count + 1),
    )


@numba.njit(cache=True)
def _run(  # type: ignore[no-untyped-def]  # compiled: numba infers the arrays' types
    ts, step_ms, opens, highs, lows, closes, volumes,
    sides, sizes, sizing, reach_bps,
    limits, patience, terms, cash, equity, position, rows,
):  # fmt: skip
    account = _Account(cash, 0.0, 0.0, 0, 0.0, 0, 0)
    resting = Resting(0.0, 0, 0)
    pending = 0
    due = -1
    wanted = 0.0
    limit = 0.0
    for bar in range(len(ts)):
        if pending != 0 and bar >= due:
            ends = takes = True
            if patience is not None:  # numba omits this branch, as others below, if it is `None`
                resting, ends, takes = opened(
                    resting, bar, due, pending, wanted, limit, opens[bar], patience,
                    terms.spread_bps, terms.price_step, terms.minimum,
                )  # fmt: skip
            if takes:
                best = touch(pending, opens[bar], terms.spread_bps)
                account = _trade(
                    account, bar, ts[bar], pending, wanted, limit, best, volumes[bar], terms, rows
                )
            if ends:
                pending = 0
        if limits is not None:
            if can_be_sold(account.base, terms.minimum):
                basis = exit_price(
                    opens[bar], highs[bar], lows[bar], ts[bar] - account.opened,
                    account.cost / account.base, account.highest, limits,
                )  # fmt: skip
                if not np.isnan(basis):
                    pending = 0
                    best = touch(-1, basis, terms.spread_bps)
                    account = _trade(
                        account, bar, ts[bar], -1, account.base, -np.inf, best, volumes[bar],
                        terms, rows,
                    )  # fmt: skip
            account = _risen(account, highs[bar])
        close = closes[bar]
        side = sides[bar]
        if patience is not None:
            if (
                pending != 0
                and bar >= due
                and goes_through(pending, resting.price, highs[bar], lows[bar], terms.spread_bps)
            ):
                account, wanted = _make(
                    account, bar, ts[bar], pending, wanted, resting.price, volumes[bar], terms, rows
                )
                if wanted < terms.amount_step * 0.5:
                    pending = 0
            if side != 0 and side == -pending:
                pending = 0
        if side != 0 and pending == 0 and can_be_sold(account.base, terms.minimum) == (side < 0):
            now = ts[bar] + step_ms
            wanted, limit = _order(
                account, side, sizes[bar], sizing, reach_bps, close, now, terms, rows
            )
            if wanted >= terms.minimum and wanted > 0.0:
                pending = side
                due = bar + terms.latency
        equity[bar] = account.cash + account.base * close
        position[bar] = account.base
    return account.made, account.cash


@numba.njit(cache=True)
def _order(  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    account, side, size, sizing, reach_bps, close, now, terms, rows
):
    """Returns amount and limit of a row's order."""
    best = touch(side, close, terms.spread_bps)
    basis, limit = best, side * np.inf
    if reach_bps != np.inf:
        basis = limit = limit_on_step(
            side, best * (1.0 + side * reach_bps * 1e-4), terms.price_step
        )
    if side < 0:
        return account.base, limit
    if basis <= 0.0:
        return 0.0, limit
    if sizing == 0:
        first = month_start(now, rows.times, account.month_first, account.made)
        volume = rows.traded[account.made] - rows.traded[first]
        fee_bps = fee_of(volume, terms.tier_volumes, terms.tier_fees)
        size = size * account.cash / (basis * (1.0 + fee_bps * 1e-4))
    return floor_to_step(size, terms.amount_step), limit


@numba.njit(cache=True)
def _trade(  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    account, bar, ts, side, wanted, limit, best, volume, terms, rows
):
    """Returns the account after an order has taken what it can, from `best` to its limit."""
    cash, base, cost, opened, highest, count, first = account
    first = month_start(ts, rows.times, first, count)
    month_volume = rows.traded[count] - rows.traded[first]
    fee_bps = fee_of(month_volume, terms.tier_volumes, terms.tier_fees)
    amount = taken_amount(wanted, volume, terms.volume_share, terms.amount_step)
    price = worsened(side, best, amount, volume, terms.impact_bps, terms.price_step)
    if side > 0:
        amount = affordable(amount, price, fee_bps, cash, terms.amount_step)
    if (limit - price) * side < 0.0 or amount < terms.minimum or amount <= 0.0:
        return _Account(cash, base, cost, opened, highest, count, first)
    return _booked(account, bar, ts, side, price, amount, fee_bps, first, terms, rows)


@numba.njit(cache=True)
def _make(  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    account, bar, ts, side, wanted, price, volume, terms, rows
):
    """Returns the account after a maker order has filled in a bar, and what is left of it.

    Nothing is left of an order that the account cannot pay for.
    """
    first = month_start(ts, rows.times, account.month_first, account.made)
    month_volume = rows.traded[account.made] - rows.traded[first]
    fee_bps = fee_of(month_volume, terms.tier_volumes, terms.maker_fees)
    least = min(terms.minimum, wanted)
    amount = taken_amount(wanted, volume, terms.volume_share, terms.amount_step)
    if amount < least or amount <= 0.0:
        return account, wanted
    if side > 0:
        amount = affordable(amount, price, fee_bps, account.cash, terms.amount_step)
    else:
        amount = min(amount, account.base)
    if amount < least or amount <= 0.0:
        return account, 0.0
    after = _booked(account, bar, ts, side, price, amount, fee_bps, first, terms, rows)
    return after, wanted - amount


@numba.njit(cache=True)
def _booked(  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    account, bar, ts, side, price, amount, fee_bps, first, terms, rows
):
    """Returns the account after a fill, and writes its row."""
    cash, base, cost, opened, highest, count, _ = account
    fee = price * amount * fee_bps * 1e-4
    if side > 0 and not can_be_sold(base, terms.minimum):
        opened, highest = ts, price
    cost = cost_after(side, cost, base, price, amount, fee, terms.amount_step)
    cash -= side * price * amount + fee
    base += side * amount
    if base < terms.amount_step * 0.5:
        base = 0.0
    rows.bar[count] = bar
    rows.side[count] = side
    rows.price[count] = price
    rows.amount[count] = amount
    rows.fee[count] = fee
    rows.times[count] = ts
    rows.traded[count + 1] = rows.traded[count] + price * amount
    return _Account(cash, base, cost, opened, highest, count + 1, first)


@numba.njit(cache=True)
def _risen(account, high):  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    """Returns the account after a bar whose highest price was `high`."""
    cash, base, cost, opened, highest, count, first = account
    return _Account(cash, base, cost, opened, max(highest, high), count, first)
