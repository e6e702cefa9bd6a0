"""A year of minutes as 200 features per row: cumulative sums compared with pandas' rolling windows.

Both get the same minutes, one in a hundred absent, and make the same features for each of them;
pandas computes each bucket's rolling mean, shifted to its age.
"""

import time
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradebot.forecast.models.year_features import YearFeatures
from tradebot.history.bars import MINUTE, Series

ROWS = 1_000_000
PEER_ROWS = 100_000


def measure(rows: int = ROWS, peer_rows: int = PEER_ROWS) -> dict[str, Any]:
    """Returns rows per second of each, the seconds for `rows`, and how far the features differ."""
    series = minutes(rows)
    began = time.perf_counter()
    features = YearFeatures(series)
    features.every()
    seconds = time.perf_counter() - began
    short = Series(series.ts[:peer_rows], series.log_price[:peer_rows])
    began = time.perf_counter()
    theirs = rolling(short)
    peer_seconds = time.perf_counter() - began
    fresh = YearFeatures(short)
    ours = fresh.at(fresh.position(short.ts[1000:]))
    ours_rate, peer_rate = rows / seconds, peer_rows / peer_seconds
    return {
        "name": "year-features",
        "ours": ours_rate,
        "peer": peer_rate,
        "ratio": ours_rate / peer_rate,
        "unit": "rows/s of 200 features",
        "peer_name": "pandas rolling",
        "rows": rows,
        "seconds": seconds,
        "append_us": append_microseconds(features),
        "largest_difference": float(np.nanmax(np.abs(ours - theirs[1000:]))),
    }


def minutes(rows: int) -> Series:
    """Returns a random walk of minutes, one in a hundred absent."""
    random = np.random.default_rng(1)
    places = np.sort(random.choice(rows + rows // 100, rows, replace=False))
    price = 9 + np.cumsum(random.normal(0, 1e-3, rows))
    return Series((1_500_000_000_000 // MINUTE + places) * MINUTE, price)


def rolling(series: Series) -> NDArray[np.float32]:
    """Returns the features of each traded minute, bucket by bucket with pandas."""
    place = (series.ts - series.ts[0]) // MINUTE
    grid = np.full(place[-1] + 1, np.nan)
    grid[place] = series.log_price
    column = pd.Series(grid)
    bounds = YearFeatures(series).bounds
    middle = (bounds[1:] + bounds[:-1]) / 2
    means = np.empty((len(bounds) - 1, len(place)))
    for bucket, (young, old) in enumerate(pairwise(bounds)):
        window = column.rolling(int(old - young), min_periods=1).mean().shift(int(young))
        means[bucket] = window.to_numpy()[place]
    filled = pd.DataFrame(means).bfill().to_numpy()
    return (-np.diff(filled, axis=0) / np.sqrt(np.diff(middle))[:, None]).T.astype(np.float32)


def append_microseconds(features: YearFeatures, count: int = 2_000) -> float:
    """Returns microseconds for one more minute and its features."""
    ts = features.start + features.places * MINUTE
    began = time.perf_counter()
    for step in range(count):
        features.append(ts + step * MINUTE, 9.0)
        features.at(np.array([features.places]))
    return (time.perf_counter() - began) / count * 1e6
