"""vectorbt: the rule as signals, shifted by a bar so that they trade at the next open."""

import json
import sys
import time

import numpy as np
import pandas as pd
import vectorbt as vbt

path, rows, fast, slow, cash, fee = sys.argv[1], *map(float, sys.argv[2:])
data = np.load(path)
index = pd.to_datetime(data["ts"][: int(rows)], unit="ms")
close = pd.Series(data["close"][: int(rows)], index)
opening = pd.Series(data["open"][: int(rows)], index)


def run() -> "vbt.Portfolio":
    quick = vbt.MA.run(close, int(fast)).ma.to_numpy()
    steady = vbt.MA.run(close, int(slow)).ma.to_numpy()
    above = quick > steady
    known = np.arange(len(close)) >= slow
    entries, exits = np.zeros(len(close), bool), np.zeros(len(close), bool)
    entries[2:] = (known[1:] & above[1:] & ~above[:-1])[:-1]
    exits[2:] = (known[1:] & ~above[1:] & above[:-1])[:-1]
    return vbt.Portfolio.from_signals(
        close, entries, exits, price=opening, size=1, fees=fee, init_cash=cash, freq="1min"
    )


began = time.perf_counter()
run().final_value()
first = time.perf_counter() - began
began = time.perf_counter()
portfolio = run()
equity = float(portfolio.final_value())
seconds = time.perf_counter() - began
orders = portfolio.orders.records
buys, sells = orders[orders["side"] == 0], orders[orders["side"] == 1]
print(
    json.dumps(
        {
            "bars_per_second": rows / seconds,
            "first_seconds": first,
            "entries": buys["idx"].tolist(),
            "exits": sells["idx"].tolist(),
            "entry_prices": buys["price"].tolist(),
            "equity": equity,
        }
    )
)
