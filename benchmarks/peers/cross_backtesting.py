"""backtesting.py: buy a unit when the fast average crosses above the slow one, close below."""

import json
import sys
import time

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

path, rows, fast, slow, cash, fee = sys.argv[1], *map(float, sys.argv[2:])
data = np.load(path)
frame = pd.DataFrame(
    {name.title(): data[name][: int(rows)] for name in ("open", "high", "low", "close", "volume")},
    index=pd.to_datetime(data["ts"][: int(rows)], unit="ms"),
)


def average(values: np.ndarray, window: int) -> np.ndarray:
    return pd.Series(values).rolling(window).mean().to_numpy()


class Cross(Strategy):
    def init(self) -> None:
        self.fast = self.I(average, self.data.Close, int(fast))
        self.slow = self.I(average, self.data.Close, int(slow))

    def next(self) -> None:
        above, before = self.fast[-1] > self.slow[-1], self.fast[-2] > self.slow[-2]
        if above and not before and not self.position:
            self.buy(size=1)
        elif not above and before and self.position:
            self.position.close()


test = Backtest(frame, Cross, cash=cash, commission=fee, finalize_trades=False)
began = time.perf_counter()
stats = test.run()
seconds = time.perf_counter() - began
trades = stats["_trades"]
print(
    json.dumps(
        {
            "bars_per_second": rows / seconds,
            "entries": trades["EntryBar"].tolist(),
            "exits": trades["ExitBar"].tolist(),
            "entry_prices": trades["EntryPrice"].tolist(),
            "equity": float(stats["Equity Final [$]"]),
        }
    )
)
