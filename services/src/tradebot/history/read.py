"""Reads files of bars into a raw table: typed, in our columns, with nothing dropped yet."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from tradebot.history import bars, candles, content, forms, orders, times
from tradebot.history.forms import Form, FormError, Unit
from tradebot.platform.settings import SettingsError

SAMPLE: Final = 1000
"""Rows from which the order of prices is inferred."""


class HistoryFileError(SettingsError):
    """A history file is invalid; the message names the file, what is wrong and the fix."""


@dataclass(frozen=True)
class BadCell:
    """A value that is not a number or time: `row` is the line in the file, counted from 1."""

    row: int
    column: str
    value: str


@dataclass(frozen=True)
class Raw:
    """The content of a file: columns as `bars.SCHEMA` and `row`, its line in the file.

    `ts` is null if the time could not be read; prices are null or NaN if the file has none.
    `ragged` are the lines with a cell too many. `assumed` says how an ambiguous file was read.
    """

    table: pl.DataFrame
    form: Form
    bad: list[BadCell] = field(default_factory=list)
    ragged: list[int] = field(default_factory=list)
    assumed: tuple[str, ...] = ()


def read(path: Path, volume: Unit | None = None) -> Raw:
    """Reads the raw rows of a CSV (also gzip or zip), JSON or Parquet file, or a Parquet folder.

    Args:
        volume: the volumes' unit, if it is not the format's.

    Raises:
        HistoryFileError: the file does not exist, or is in no known format.
    """
    try:
        if path.is_dir():
            parts = [pl.read_parquet(file) for file in _folder(path)]
            return _parquet(pl.concat(parts, how="diagonal_relaxed"), volume)
        with path.open("rb") as file:
            start = file.read(4)
        if start == b"PAR1":
            return _parquet(pl.read_parquet(path), volume)
        data = content.unpacked(path)
        if data.lstrip()[:1] in (b"[", b"{"):
            return _json(data, volume)
        return _csv(data, volume)
    except FileNotFoundError:
        raise HistoryFileError(
            f"{path} does not exist: use the path of a CSV, JSON or Parquet file, or of a folder"
        ) from None
    except (FormError, pl.exceptions.PolarsError, OSError, EOFError, zlib.error) as error:
        first = str(error).strip().split("\n")[0]  # polars adds what a programmer may try
        raise HistoryFileError(f"{path} cannot be read as history: {first}") from None


def _folder(path: Path) -> list[Path]:
    files = sorted(path.rglob("*.parquet"))
    if not files:
        raise FormError("the folder contains no .parquet file")
    folders = {file.parent for file in files}
    if len(folders) > 1:
        names = ", ".join(sorted(str(folder) for folder in folders))
        raise FormError(f"it contains more than one symbol: choose one of {names}")
    return files


def _parquet(table: pl.DataFrame, volume: Unit | None) -> Raw:
    form = forms.of_header(table.columns)
    return _shaped(table, form, table.columns, first_row=1, volume=volume)


def _json(data: bytes, volume: Unit | None) -> Raw:
    table = candles.rows_of(data)
    form = _form_of_rows(table, table.width, dated=False)
    names = [f"column {number}" for number in range(1, table.width + 1)]
    return _shaped(table, form, names, first_row=1, volume=volume)


def _csv(data: bytes, volume: Unit | None) -> Raw:
    text = content.of_bytes(data)
    names = list(text.names) or [f"column {number}" for number in range(1, text.width + 1)]
    if text.names:
        form = forms.of_header(names)
    else:
        sample = _cells(text, rows=SAMPLE)
        second = sample[sample.columns[1]]
        numbers = second.cast(pl.Float64, strict=False)
        prices = int((numbers.is_finite() & (numbers > 0)).sum())
        dated = int(second.str.contains(":").sum()) > prices
        form = _form_of_rows(sample, text.width, dated=dated)
    table, ragged = _rows(text, form)
    raw = _shaped(table, form, names, first_row=text.before + 1, volume=volume)
    return Raw(raw.table, form, raw.bad, ragged, raw.assumed)


def _form_of_rows(sample: pl.DataFrame, width: int, *, dated: bool) -> Form:
    """Returns the format of rows of `width` cells without a header."""
    found = forms.of_width(width, dated=dated)
    if found is not None:
        return found
    if width != 6:
        raise FormError(
            f"it has no header and {width} numbers per row; known are 6 (ms, open, high, low, "
            "close, volume), 7 and 8 (Kraken), 11 and 12 (Binance)"
        )
    prices = sample.head(SAMPLE).select(sample.columns[1:5]).cast(pl.Float64, strict=False)
    return orders.of_prices(prices.filter(~pl.any_horizontal(pl.all().is_nan())).drop_nulls())


def _rows(text: content.Text, form: Form) -> tuple[pl.DataFrame, list[int]]:
    """Returns the cells that the format needs, as numbers, or as text if a cell is not one."""
    numbers = {
        *form.columns.values(),
        *(spot for spots in form.times for spot in spots if content.is_number(_cell(text, spot))),
    }
    try:
        return _cells(text, numbers), []
    except pl.exceptions.ComputeError:  # a cell that is not a number, or one too many
        return _cells(text, truncate=True), content.ragged(text)


def _cell(text: content.Text, position: int) -> str:
    return text.first[position] if position < len(text.first) else ""


def _cells(
    text: content.Text,
    numbers: set[int] | None = None,
    *,
    rows: int | None = None,
    truncate: bool = False,
) -> pl.DataFrame:
    """Returns all columns, `column_1` and on; as numbers if requested."""
    names = [f"column_{number}" for number in range(1, text.width + 1)]
    kinds = {
        name: pl.Float64 if place in (numbers or ()) else pl.String
        for place, name in enumerate(names)
    }
    return pl.read_csv(
        content.stream(text, names),
        separator=text.separator,
        schema=kinds,
        n_rows=rows,
        null_values=list(content.NULLS),
        truncate_ragged_lines=truncate or rows is not None,
        encoding="utf8-lossy",
    )


def _shaped(
    table: pl.DataFrame, form: Form, names: Sequence[str], *, first_row: int, volume: Unit | None
) -> Raw:
    """Returns the table in our columns, with the line of each row."""
    at = table.columns
    numbers = {
        name: table[at[place]].cast(pl.Float64, strict=False)
        for name, place in form.columns.items()
    }
    spots, read_times = _best_times(table, form)
    time_cells = table[at[spots[0]]]
    bad = [
        BadCell(first_row + row, names[form.columns[name]], _cell_text(table[at[place]][row]))
        for (name, place), column in zip(form.columns.items(), numbers.values(), strict=True)
        for row in _unread(table[at[place]], column)
    ] + [
        BadCell(first_row + row, names[spots[0]], _cell_text(time_cells[row]))
        for row in _unread(time_cells, read_times.ts)
    ]
    unit = volume or form.volume
    assumed = list(read_times.assumed)
    shaped = pl.DataFrame({"ts": read_times.ts, **numbers})
    if "weighted" not in shaped.columns:
        typical = (pl.col("high") + pl.col("low") + pl.col("close")) / 3
        shaped = shaped.with_columns(weighted=typical)
    if unit == "quote":
        shaped = shaped.with_columns(volume=pl.col("volume") / pl.col("close"))
        assumed.append("volumes are in quote currency and are divided by the close")
    elif unit == "ticks":
        assumed.append("volumes count ticks, not amounts")
    shaped = shaped.select(bars.SCHEMA.names()).with_row_index("row", offset=first_row)
    blank = pl.all_horizontal(pl.col(name).is_null() for name in ("ts", *bars.PRICES, "volume"))
    unread_rows = {cell.row for cell in bad}
    kept = shaped.filter(~blank | pl.col("row").is_in(list(unread_rows)))
    return Raw(kept, form, sorted(bad, key=lambda cell: cell.row), [], tuple(assumed))


def _cell_text(cell: object) -> str:
    """Returns a cell as in the file, if possible; numbers may have been parsed already."""
    return f"{cell:.17g}" if isinstance(cell, float) else str(cell)[:60]


def _unread(cells: pl.Series, values: pl.Series) -> list[int]:
    """Returns the rows with a value that could not be read."""
    if cells.dtype == values.dtype:
        return []
    unread: list[int] = (cells.is_not_null() & values.is_null()).arg_true().to_list()
    return unread


def _best_times(table: pl.DataFrame, form: Form) -> tuple[tuple[int, ...], times.Times]:
    """Returns the time of each row, from the column with the most distinct times.

    Raises:
        FormError: the times are rounded, so that rows cannot be distinguished.
    """
    tried = [(spots, times.of_column(_joined(table, spots))) for spots in form.times]
    exact = [not _is_rounded(table[table.columns[spots[0]]]) for spots, _ in tried]
    best_of = max(range(len(tried)), key=lambda one: (tried[one][1].told, exact[one]))
    spots, best = tried[best_of]  # the first of equals
    first = str(table[table.columns[spots[0]]][0]) if len(table) else ""
    rounded = best.ts.drop_nulls().n_unique() * 2 < best.ts.count()
    if rounded and best.ts.count() > 10 and _is_rounded(table[table.columns[spots[0]]]):
        raise FormError(
            f"its times are rounded, such as {first}: {best.told:,} different ones in"
            f" {best.ts.count():,} rows; export the file with all digits, or with a date"
        )
    return spots, best


def _is_rounded(column: pl.Series) -> bool:
    """Whether numbers end in so many zeros that a spreadsheet must have rounded them."""
    if column.dtype == pl.String:
        column = column.cast(pl.Float64, strict=False)
    if not column.dtype.is_numeric():
        return False
    numbers = column.cast(pl.Float64).drop_nulls()
    # Cells such as -1 are no times, and do not say how the others are written.
    numbers = numbers.filter(numbers.is_finite() & (numbers >= times.EARLIEST_NUMBER))
    return bool(len(numbers)) and bool(
        (numbers % (10 ** (len(str(int(numbers[0]))) - 6)) == 0).all()
    )


def _joined(table: pl.DataFrame, spots: tuple[int, ...]) -> pl.Series:
    if len(spots) == 1:
        return table[table.columns[spots[0]]]
    return table.select(
        pl.concat_str(
            [pl.col(table.columns[spot]).cast(pl.String) for spot in spots], separator=" "
        )
    ).to_series()
