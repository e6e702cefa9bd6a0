"""Recorded bars, read from a file of one of the common forms."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from tradebot.history.arrays import DAY, MINUTE, Bars
from tradebot.platform.settings import SettingsError


class Form(msgspec.Struct, frozen=True):
    """How a kind of file names its columns.

    `unit` is that of its time column; `value` says that its volume is in quote currency.
    """

    time: str
    unit: str
    open: str = "Open"
    high: str = "High"
    low: str = "Low"
    close: str = "Close"
    volume: str = "Volume"
    value: bool = False


FORMS = (
    Form("Date", "%m/%d/%Y %H:%M"),
    Form("Date", "%Y-%m-%d", value=True),
    Form("Timestamp", "s", volume="Volume_(BTC)"),
)
"""Gemini's minutes, Yahoo's days, Kaggle's minutes. In the first, the unix column is rounded."""

HEADERLESS = Form("ts", "ms", "open", "high", "low", "close", "volume")
HEADERLESS_COLUMNS = ["ts", "open", "close", "high", "low", "volume"]


def read_bars(path: str) -> Bars:
    """The bars of a file: Gemini's, Bitfinex', Yahoo's or Kaggle's form, plain or gzipped.

    Raises:
        SettingsError: the file is not there, or it is not such a file; the message says where.
    """
    try:
        with Path(path).open("rb"):
            table, form, first_line = _table(path)
    except OSError as error:
        raise SettingsError(
            f"market file {path}: {error.strerror}; give --market the path of a file of bars"
        ) from None
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(f"market file {path} cannot be read as CSV: {reason}") from None
    bars = _columns(path, table, form, first_line)
    if len(bars.ts) < 2:
        raise SettingsError(f"market file {path} has fewer than two bars with prices")
    return bars


def _table(path: str) -> tuple[pl.DataFrame, Form, int]:
    """The file's cells as text, its form, and the line of its first row."""
    frame = pl.read_csv(path, has_header=False, infer_schema=False, truncate_ragged_lines=True)
    if frame.height == 0:
        raise SettingsError(f"market file {path} is empty")
    if _is_number(frame.row(0)[0]) and frame.width == len(HEADERLESS_COLUMNS):
        return (
            frame.rename(dict(zip(frame.columns, HEADERLESS_COLUMNS, strict=True))),
            HEADERLESS,
            1,
        )
    names = [str(cell).strip() for cell in frame.row(0)]
    frame = frame.slice(1)
    for form in FORMS:
        wanted = (form.time, form.open, form.high, form.low, form.close, form.volume)
        if set(wanted) <= set(names) and _parses(frame, names.index(form.time), form):
            chosen = frame.select(
                pl.col(frame.columns[names.index(name)]).alias(name) for name in wanted
            )
            return chosen, form, 2
    raise SettingsError(
        f"market file {path}: its first line is {','.join(names)[:80]!r}; it must be minute bars "
        "as Gemini, Bitfinex or Kaggle write them, or days as Yahoo does (docs/emulator.md)"
    )


def _parses(frame: pl.DataFrame, column: int, form: Form) -> bool:
    if frame.height == 0:
        return True
    first = frame.select(frame.columns[column]).slice(0, 1).to_series().rename(form.time)
    return _times(first, form).null_count() == 0


def _times(cells: pl.Series, form: Form) -> pl.Series:
    if form.unit in ("s", "ms"):
        scale = 1000 if form.unit == "s" else 1
        return (cells.cast(pl.Float64, strict=False) * scale).round().cast(pl.Int64, strict=False)
    return cells.str.to_datetime(form.unit, strict=False, time_unit="ms").cast(pl.Int64)


def _columns(path: str, table: pl.DataFrame, form: Form, first_line: int) -> Bars:
    names = ("open", "high", "low", "close", "volume")
    columns = {name: _numbers(table[getattr(form, name)]) for name in names}
    times = _times(table[form.time], form)
    frame = pl.DataFrame({"ts": times, **columns}).with_row_index("line", first_line)
    unreadable = table.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
    broken = frame.filter(unreadable & pl.col("ts").is_null())
    if broken.height:
        raise SettingsError(f"market file {path}, line {broken['line'][0]}: no time can be read")
    if form.value:
        frame = frame.with_columns(pl.col("volume") / pl.col("close"))
    # A bar without a price (Kaggle writes NaN, Yahoo an empty cell) is a bar without trades.
    frame = frame.filter(pl.all_horizontal(pl.col(name).is_not_nan() for name in names))
    wrong = frame.filter(
        (pl.col("low") <= 0)
        | (pl.col("volume") < 0)
        | (pl.col("high") < pl.max_horizontal("open", "close"))
        | (pl.col("low") > pl.min_horizontal("open", "close"))
        | ~pl.all_horizontal(pl.col(name).is_finite() for name in names)
    )
    if wrong.height:
        raise SettingsError(
            f"market file {path}, line {wrong['line'][0]}: not a bar: prices must be above zero "
            "with open and close between low and high, and the volume must not be negative"
        )
    frame = frame.sort("ts").unique("ts", keep="last", maintain_order=True)
    ts = frame["ts"].to_numpy()
    step = int(np.median(np.diff(ts))) if len(ts) > 1 else MINUTE
    if step not in (MINUTE, DAY):
        raise SettingsError(
            f"market file {path}: its bars are {step / 1000:g} s apart; give minutes or days"
        )
    values = {name: frame[name].to_numpy() for name in names}
    return Bars(ts=ts, step=step, **values)


def _numbers(cells: pl.Series) -> pl.Series:
    """The cells as numbers; NaN where a cell is empty or says that it has none."""
    return cells.str.strip_chars().cast(pl.Float64, strict=False).fill_null(float("nan"))


def _is_number(cell: object) -> bool:
    try:
        float(str(cell))
    except ValueError:
        return False
    return True
