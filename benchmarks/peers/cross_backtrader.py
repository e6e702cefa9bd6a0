"""backtrader: buy a unit when the fast average crosses above the slow one, close below."""

import json
import sys
import time

import backtrader as bt
import numpy as np
import pandas as pd

path, rows, fast, slow, cash, fee = sys.argv[1], *map(float, sys.argv[2:])
data = np.load(path)
frame = pd.DataFrame(
    {name: data[name][: int(rows)] for name in ("open", "high", "low", "close", "volume")},
    index=pd.to_datetime(data["ts"][: int(rows)], unit="ms"),
)
fills: list[tuple[int, int, float]] = []


class Cross(bt.Strategy):
    def __init__(self) -> None:
        self.fast = bt.indicators.SMA(self.data.close, period=int(fast))
        self.slow = bt.indicators.SMA(self.data.close, period=int(slow))

    def next(self) -> None:
        above, before = self.fast[0] > self.slow[0], self.fast[-1] > self.slow[-1]
        if above and not before and not self.position:
            self.buy(size=1)
        elif not above and before and self.position:
            self.close()

    def notify_order(self, order: bt.Order) -> None:
        if order.status == order.Completed:
            side = 1 if order.isbuy() else -1
            fills.append((len(self) - 1, side, order.executed.price))


cerebro = bt.Cerebro(stdstats=False)
cerebro.addstrategy(Cross)
cerebro.adddata(bt.feeds.PandasData(dataname=frame))
cerebro.broker.setcash(cash)
cerebro.broker.setcommission(commission=fee)
began = time.perf_counter()
cerebro.run()
seconds = time.perf_counter() - began
print(
    json.dumps(
        {
            "bars_per_second": rows / seconds,
            "entries": [bar for bar, side, _ in fills if side > 0],
            "exits": [bar for bar, side, _ in fills if side < 0],
            "entry_prices": [price for _, side, price in fills if side > 0],
            "equity": cerebro.broker.getvalue(),
        }
    )
)
