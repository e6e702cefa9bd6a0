"""Minutes of a symbol: the table of all history, and the models' view of it.

A bar is named by the start of its minute, in ms UTC, and is known once the minute is over. A minute
without a trade has no bar: it is absent, never filled in.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradebot.history.minutes import MINUTE as MINUTE

SCHEMA: Final = pl.Schema(
    {
        "ts": pl.Int64,
        "open": pl.Float64,
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,
        "volume": pl.Float64,
        "weighted": pl.Float64,
    }
)
"""Columns of a table of bars: `ts` is the minute's start in ms UTC, rising; `volume` is in base
currency; `weighted` is the volume-weighted mean price of the minute's trades."""

PRICES: Final = ("open", "high", "low", "close")


def quiet() -> pl.Expr:
    """The rows of candles without trades: they repeat the last price, nobody paid it."""
    same = pl.all_horizontal(pl.col(name) == pl.col("close") for name in PRICES)
    return (pl.col("volume") == 0) & same


@dataclass(frozen=True)
class Series:
    """The models' view: minutes with trades, and the log of their weighted price.

    `ts` (n,) int64 are the starts of the minutes in ms UTC, strictly rising, with gaps where
    minutes are absent; `log_price` (n,) float64 is finite.
    """

    ts: NDArray[np.int64]
    log_price: NDArray[np.float64]

    def __post_init__(self) -> None:
        assert self.ts.shape == self.log_price.shape

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def end(self) -> int:
        """The last minute's start; 0 if empty."""
        return int(self.ts[-1]) if len(self.ts) else 0

    @property
    def start(self) -> int:
        """The first minute's start; 0 if empty."""
        return int(self.ts[0]) if len(self.ts) else 0

    def newest(self, rows: int) -> "Series":
        """Returns the last `rows` minutes; all of them for 0."""
        return self if rows <= 0 else Series(self.ts[-rows:], self.log_price[-rows:])

    def until(self, ts: int) -> "Series":
        """Returns the minutes that start before `ts`."""
        row = int(np.searchsorted(self.ts, ts))
        return Series(self.ts[:row], self.log_price[:row])

    def between(self, start: int, end: int) -> "Series":
        """Returns the minutes that start in [start, end)."""
        first, last = np.searchsorted(self.ts, [start, end])
        return Series(self.ts[first:last], self.log_price[first:last])


def series(bars: pl.DataFrame) -> Series:
    """Returns the log weighted price of a table of bars.

    Raises:
        ValueError: a weighted price is not above zero; `check.repair` drops such rows.
    """
    weighted = bars["weighted"].to_numpy()
    if not (weighted > 0).all():
        row = int(np.argmin(weighted > 0))
        raise ValueError(
            f"the weighted price of minute {bars['ts'][row]} is {weighted[row]}, which has no "
            "logarithm; run `tradebot history check` on the file"
        )
    return Series(bars["ts"].to_numpy().astype(np.int64), np.log(weighted))


def empty() -> pl.DataFrame:
    """Returns a table without bars."""
    return pl.DataFrame(schema=SCHEMA)


def merge(*tables: pl.DataFrame) -> pl.DataFrame:
    """Merges bars in order of time; of two for one minute, the earlier table's is kept."""
    table = pl.concat([part.select(SCHEMA.names()) for part in tables], how="vertical")
    if (table["ts"].diff().drop_nulls() > 0).all():
        return table
    return table.unique("ts", keep="first", maintain_order=True).sort("ts")


@dataclass(frozen=True)
class Gaps:
    """Gaps: the `start` (g,), ms UTC, and the length in `minutes` (g,) of each."""

    start: NDArray[np.int64]
    minutes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def absent(self) -> int:
        """Total number of absent minutes."""
        return int(self.minutes.sum())


def gaps(ts: NDArray[np.int64], step: int = MINUTE) -> Gaps:
    """Returns the gaps between rising times that should be `step` apart."""
    missing = np.diff(ts) // step - 1
    rows = np.flatnonzero(missing)
    return Gaps(ts[rows] + step, missing[rows])


_UNITS: Final = (("day", 1440 * MINUTE), ("hour", 60 * MINUTE), ("minute", MINUTE))


def counted(count: int, step: int) -> str:
    """Formats the length of `count` bars of `step` ms, in the largest unit that fits a bar.

    >>> counted(3, 86_400_000), counted(1, 3_600_000), counted(4, 900_000)
    ('3 days', '1 hour', '60 minutes')
    """
    name, length = next((unit for unit in _UNITS if step % unit[1] == 0), _UNITS[-1])
    units = count * step // length
    return f"{units:,} {name}{'' if units == 1 else 's'}"
