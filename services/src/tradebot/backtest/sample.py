"""Synthetic hourly prices, so that a new project's first backtest runs before any are fetched."""

import numpy as np
import polars as pl

HOURS = 2 * 365 * 24
FIRST = np.datetime64("2021-01-01T00", "h")


def hourly(seed: int = 7, hours: int = HOURS) -> pl.DataFrame:
    """Bars of a random walk whose volatility clusters; their volume is in base currency."""
    random = np.random.default_rng(seed)
    drift = np.cumsum(random.normal(0, 0.04, hours)).clip(-8, 8)
    volatility = 0.006 * np.exp(0.1 * np.cos(drift))
    close = 1000 * np.exp(np.cumsum(random.standard_t(5, hours) * volatility * 0.7 + 0.00002))
    opening = np.concatenate([[1000.0], close[:-1]])
    reach = np.abs(random.normal(0, 0.4, (2, hours))) * volatility
    return pl.DataFrame(
        {
            "Time": (FIRST + np.arange(hours)).astype("datetime64[ms]"),
            "Open": opening.round(2),
            "High": (np.maximum(opening, close) * (1 + reach[0])).round(2),
            "Low": (np.minimum(opening, close) * (1 - reach[1])).round(2),
            "Close": close.round(2),
            "Volume": random.lognormal(4, 0.4, hours).round(3),
        }
    )
