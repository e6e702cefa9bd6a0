"""Made-up daily prices, so that a new project's first backtest runs before any are fetched."""

import numpy as np
import polars as pl

DAYS = 3 * 365
FIRST = np.datetime64("2021-01-01")


def daily(seed: int = 7, days: int = DAYS) -> pl.DataFrame:
    """Bars of a random walk whose volatility clusters, in the columns of Yahoo's daily files.

    Their volume is in quote currency.
    """
    random = np.random.default_rng(seed)
    volatility = 0.03 * np.exp(0.1 * np.cumsum(random.normal(0, 0.2, days)).clip(-8, 8))
    close = 1000 * np.exp(np.cumsum(random.standard_t(5, days) * volatility * 0.7 + 0.0005))
    opening = np.concatenate([[1000.0], close[:-1]])
    reach = np.abs(random.normal(0, 0.4, (2, days))) * volatility
    return pl.DataFrame(
        {
            "Date": FIRST + np.arange(days),
            "Open": opening.round(2),
            "High": (np.maximum(opening, close) * (1 + reach[0])).round(2),
            "Low": (np.minimum(opening, close) * (1 - reach[1])).round(2),
            "Close": close.round(2),
            "Adj Close": close.round(2),
            "Volume": (close * random.lognormal(8, 0.4, days)).round(0),
        }
    )
