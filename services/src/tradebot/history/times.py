"""Converts times in files to milliseconds UTC, each row by its number of digits."""

from dataclasses import dataclass
from typing import Final

import polars as pl

_UNITS: Final = (("s", 1e8, 1e11), ("ms", 1e11, 1e14), ("µs", 1e14, 1e17), ("ns", 1e17, 1e20))
"""Units with their ranges, from 1973 to 5138: no number is a time in two of them."""

EARLIEST_NUMBER: Final = _UNITS[0][1]
"""The smallest number that can be a time."""

_LAYOUTS: Final = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y-%m-%d %I:%M:%S %p",
    "%Y-%m-%d %I:%M %p",
    "%Y%m%d",
    "%Y%m%d %H:%M:%S",
    "%Y%m%d %H%M%S",
)
_DAYS: Final = ("%H:%M:%S", "%H:%M", "", "%I:%M:%S %p", "%I:%M %p")
_MONTH_FIRST: Final = tuple(f"%m/%d/%Y {day}".strip() for day in _DAYS)
_DAY_FIRST: Final = tuple(f"%d/%m/%Y {day}".strip() for day in _DAYS)


@dataclass(frozen=True)
class Times:
    """`ts` in ms UTC, null for cells that are not times; and what was assumed to read them."""

    ts: pl.Series
    assumed: tuple[str, ...] = ()

    @property
    def told(self) -> int:
        """Number of distinct times; rounded times have fewer."""
        return int(self.ts.drop_nulls().n_unique())


def of_column(column: pl.Series) -> Times:
    """Converts a column of numbers, of text, or of Parquet dates."""
    if column.dtype.is_temporal():
        return Times(column.cast(pl.Datetime("ms", _zone(column))).dt.epoch("ms"))
    if column.dtype.is_numeric():
        return _of_numbers(column.cast(pl.Float64))
    numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
    days = numbers.is_between(1.97e7, 2.1e7)
    # A cell such as inf or 0 is a number, but no time: it must not outvote the dates.
    possible = numbers.is_between(EARLIEST_NUMBER, _UNITS[-1][2])
    plain = int((possible & ~days).sum())
    if plain > column.count() / 2:
        return _of_numbers(numbers)
    text = _of_text(column)
    return _of_numbers(numbers) if plain > text.ts.count() else text


def _zone(column: pl.Series) -> str | None:
    return column.dtype.time_zone if isinstance(column.dtype, pl.Datetime) else None


def _of_numbers(numbers: pl.Series) -> Times:
    table = pl.DataFrame({"time": numbers})
    time = pl.col("time")
    factors = {"s": 1e3, "ms": 1.0, "µs": 1e-3, "ns": 1e-6}
    scaled = pl.coalesce(
        pl.when(time.is_between(low, high, closed="left")).then(time * factors[unit])
        for unit, low, high in _UNITS
    )
    counts = table.select(
        time.is_between(low, high, closed="left").sum().alias(unit) for unit, low, high in _UNITS
    ).row(0, named=True)
    mixed = [unit for unit, rows in counts.items() if rows]
    assumed = (f"times are in {' and '.join(mixed)}, each row by its digits",)
    ts = table.select(scaled.round().cast(pl.Int64, strict=False)).to_series()
    return Times(ts.alias("ts"), assumed if len(mixed) > 1 else ())


def _of_text(column: pl.Series) -> Times:
    """Parses dates, with or without a time of day and a zone; without a zone they are UTC."""
    table = pl.DataFrame({"text": column}).select(
        pl.col("text")
        .str.strip_chars()
        .str.replace(r"^(\d{4})[./](\d{1,2})[./](\d{1,2})", "$1-$2-$3")
        .str.replace(r"^(\d{1,2})[.-](\d{1,2})[.-](\d{4})", "$1/$2/$3")
        .str.replace(r"^(\S+)T", "$1 ")
        .str.replace(r"\s*(Z|UTC|GMT)$", "")
        .str.replace(r"(\d)-([AP]M)$", "$1:00 $2")
        .alias("text")
    )
    zone = r"(\d:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*([+-])(\d{2}):?(\d{2})$"
    parts = pl.col("text").str.extract_groups(zone)
    sign = pl.when(parts.struct[1] == "-").then(-1).otherwise(1)
    minutes = parts.struct[2].cast(pl.Int64) * 60 + parts.struct[3].cast(pl.Int64)
    table = table.with_columns(
        offset=(sign * minutes * 60_000).fill_null(0),
        plain=pl.col("text").str.replace(zone, "$1"),
    )
    months, days = (_parsed(table, layouts) for layouts in (_MONTH_FIRST, _DAY_FIRST))
    day_first = days.count() > months.count()
    slashed = days if day_first else months
    read = pl.DataFrame({"iso": _parsed(table, _LAYOUTS), "slashed": slashed})
    ts = read.select(pl.coalesce("iso", "slashed")).to_series() - table["offset"]
    both = bool((months.is_not_null() & days.is_not_null()).any())
    assumed: tuple[str, ...] = ()
    if both and months.count() == days.count():
        assumed = ("dates such as 1/2/2021 are read as month/day/year",)
    return Times(ts.alias("ts"), assumed)


def _parsed(table: pl.DataFrame, layouts: tuple[str, ...]) -> pl.Series:
    """Returns milliseconds of what one of the layouts parses; null elsewhere."""
    tries = [pl.col("plain").str.to_datetime(layout, strict=False) for layout in layouts]
    return table.select(pl.coalesce(tries).dt.epoch("ms")).to_series()
