"""From fills and equity to round trips and the table of metrics."""

from collections import deque

import msgspec
import numpy as np

from tradebot.backtest import metrics
from tradebot.backtest.metrics import Metrics, Trip
from tradebot.backtest.result import Result
from tradebot.history.arrays import Bars

ROUNDING = 8 * 2.0**-52
"""Share of a lot that rounding may leave of it; any larger rest is a rest that can be sold."""


class _Lot(msgspec.Struct):
    """A part of a buy that is still held; `fee` is what is left of the buy's fee."""

    ts: int
    price: float
    bought: float
    amount: float
    fee: float


def trips(bars: Bars, result: Result) -> list[Trip]:
    """The closed round trips: each sell against the oldest lots that are held.

    A sell that closes several lots is one trip, its entry price the mean of theirs by amount.
    """
    lots: deque[_Lot] = deque()
    closed: list[Trip] = []
    fills = result.fills
    for row in range(len(fills.bar)):
        ts, price = int(bars.ts[fills.bar[row]]), float(fills.price[row])
        amount, fee = float(fills.amount[row]), float(fills.fee[row])
        if fills.side[row] > 0:
            lots.append(_Lot(ts, price, amount, amount, fee))
        elif lots:
            closed.append(_close(lots, ts, price, amount, fee))
    return closed


def _close(lots: "deque[_Lot]", ts: int, price: float, amount: float, fee: float) -> Trip:
    left, paid, fees, entry_ts = amount, 0.0, fee, lots[0].ts
    while left > ROUNDING * amount and lots:
        lot = lots[0]
        part = min(left, lot.amount)
        share = part / lot.amount
        paid += part * lot.price
        fees += share * lot.fee
        left -= part
        lot.fee -= share * lot.fee
        lot.amount -= part
        if lot.amount <= ROUNDING * lot.bought:
            lots.popleft()
    return Trip(entry_ts, ts, paid / (amount - left), price, amount - left, fees)


def judge(
    bars: Bars,
    result: Result,
    *,
    cash: float,
    risk_free_rate: float = 0.0,
    resample_seconds: float = 86_400.0,
) -> Metrics:
    """Computes the table of a run that started with `cash`."""
    fills = result.fills
    return metrics.measure(
        np.concatenate([[cash], result.equity]),
        times(bars),
        step_seconds=bars.step / 1000,
        trips=trips(bars, result),
        exposed=metrics.exposure(bars.ts, bars.step, result.position),
        traded_quote=float(np.sum(fills.price * fills.amount)),
        fees=float(np.sum(fills.fee)),
        risk_free_rate=risk_free_rate,
        resample_seconds=resample_seconds,
    )


def times(bars: Bars) -> metrics.Times:
    """Returns the times of equity: the first bar's start, then each bar's end, ms."""
    return np.concatenate([bars.ts[:1], bars.ts + bars.step])
