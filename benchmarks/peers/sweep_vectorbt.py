"""vectorbt: many parameter sets at once, by its own broadcasting over columns.

Runs as many columns at a time as fit the memory, and prints the final equity of each set.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
import vectorbt as vbt

path, sets, chunk, cash, fee = sys.argv[1], sys.argv[2], *map(float, sys.argv[3:])
data, pairs = np.load(path), np.load(sets)["pairs"]
index = pd.to_datetime(data["ts"], unit="ms")
close, opening = pd.Series(data["close"], index), pd.Series(data["open"], index)
rows = len(close)


def run(part: np.ndarray) -> np.ndarray:
    quick = vbt.MA.run(close, part[:, 0].tolist(), per_column=False).ma.to_numpy()
    steady = vbt.MA.run(close, part[:, 1].tolist(), per_column=False).ma.to_numpy()
    above = quick > steady
    known = np.arange(rows)[:, None] >= part[:, 1]
    entries, exits = np.zeros(above.shape, bool), np.zeros(above.shape, bool)
    entries[2:] = (known[1:] & above[1:] & ~above[:-1])[:-1]
    exits[2:] = (known[1:] & ~above[1:] & above[:-1])[:-1]
    portfolio = vbt.Portfolio.from_signals(
        close, entries, exits, price=opening, size=1, fees=fee, init_cash=cash, freq="1min"
    )
    return np.asarray(portfolio.final_value())


size = int(chunk)
run(pairs[:2])
began = time.perf_counter()
equity = np.concatenate([run(pairs[start : start + size]) for start in range(0, len(pairs), size)])
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "equity": equity.tolist()}))
