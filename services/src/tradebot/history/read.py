"""Files of minutes into a raw table: typed, in our columns, with nothing dropped yet."""

import gzip
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import msgspec
import polars as pl

from tradebot.history.forms import Form, FormError, of_header, of_numbers
from tradebot.platform.settings import SettingsError

GZIP: Final = b"\x1f\x8b"
"""What a gzipped file begins with, whatever it is called."""

NULLS: Final = ["", "NaN", "nan", "null", "None", "NA"]


class HistoryFileError(SettingsError):
    """A history file cannot be used; the message names the file, what is wrong and the fix."""


@dataclass(frozen=True)
class BadCell:
    """A value that is no number or time: `row` is the line in the file, counted from 1."""

    row: int
    column: str
    value: str


@dataclass(frozen=True)
class Raw:
    """What a file holds: columns as `bars.SCHEMA` and `row`, its line in the file.

    `ts` is null where the time could not be read, prices are null or NaN where the file has none.
    """

    table: pl.DataFrame
    form: Form
    bad: list[BadCell] = field(default_factory=list)


def read(path: Path) -> Raw:
    """The raw rows of a CSV (also gzipped), JSON candles or Parquet file, or a folder of Parquet.

    Raises:
        HistoryFileError: the file is not there, or in no known form.
    """
    try:
        if path.is_dir():
            return _parquet(pl.concat([pl.read_parquet(f) for f in _folder(path)]))
        if path.suffix == ".parquet":
            return _parquet(pl.read_parquet(path))
        if path.suffix == ".json":
            return _json(path)
        return _csv(path)
    except FileNotFoundError:
        raise HistoryFileError(
            f"{path} does not exist: use the path of a CSV, JSON or Parquet file, or of a folder"
        ) from None
    except (FormError, pl.exceptions.PolarsError, OSError, EOFError, zlib.error) as error:
        raise HistoryFileError(f"{path} cannot be read as history: {error}") from None


def _folder(path: Path) -> list[Path]:
    files = sorted(path.rglob("*.parquet"))
    if not files:
        raise FormError("the folder contains no .parquet file")
    folders = {file.parent for file in files}
    if len(folders) > 1:
        names = ", ".join(sorted(str(folder) for folder in folders))
        raise FormError(f"it contains more than one symbol: choose one of {names}")
    return files


def _parquet(table: pl.DataFrame) -> Raw:
    return _shaped(table, of_header(table.columns), first_row=1, bad=[])


def _json(path: Path) -> Raw:
    try:
        candles = msgspec.json.decode(path.read_bytes(), type=list[list[float]])
    except msgspec.DecodeError as error:
        raise FormError(
            f"it is not a list of candles [ms, open, high, low, close, volume]: {error}"
        ) from None
    columns = [f"column_{number}" for number in range(1, 7)]
    table = pl.DataFrame(candles, schema=dict.fromkeys(columns, pl.Float64), orient="row")
    return _shaped(table, of_numbers(table.head(1000)), first_row=1, bad=[])


def _csv(path: Path) -> Raw:
    header, skipped = _header(path)
    first = skipped + (2 if header else 1)
    sample = pl.read_csv(
        path,
        has_header=header,
        skip_rows=skipped,
        n_rows=1000,
        infer_schema=False,
        null_values=NULLS,
    )
    form = (
        of_header(sample.columns)
        if header
        else of_numbers(sample.cast(pl.Float64, strict=False).drop_nulls())
    )
    wanted = {column: _type(name, form) for name, column in form.columns.items()}
    try:
        table = pl.read_csv(
            path,
            has_header=header,
            skip_rows=skipped,
            columns=list(wanted),
            schema_overrides=wanted,
            null_values=NULLS,
        )
        return _shaped(table, form, first_row=first, bad=[])
    except pl.exceptions.ComputeError:
        return _csv_with_bad_cells(path, header, skipped, form, wanted)


def _csv_with_bad_cells(
    path: Path, header: bool, skipped: int, form: Form, wanted: dict[str, pl.DataType]
) -> Raw:
    """Reads everything as text first, to say which cells are no numbers."""
    first = skipped + (2 if header else 1)
    text = pl.read_csv(
        path,
        has_header=header,
        skip_rows=skipped,
        infer_schema=False,
        null_values=NULLS,
        truncate_ragged_lines=True,
    ).select(list(wanted))
    cast = text.with_columns(
        pl.col(column).cast(kind, strict=False) for column, kind in wanted.items()
    )
    bad: list[BadCell] = []
    for column in wanted:
        failed = (cast[column].is_null() & text[column].is_not_null()).arg_true()
        bad += [BadCell(first + row, column, text[column][row]) for row in failed.to_list()]
    return _shaped(cast, form, first_row=first, bad=bad)


def _type(name: str, form: Form) -> pl.DataType:
    if name == "ts":
        return pl.String() if form.clock == "date" else pl.Float64()
    return pl.Float64()


def _header(path: Path) -> tuple[bool, int]:
    """Whether the file names its columns, and how many lines stand before them."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    opener = gzip.open if packed else open
    with opener(path, "rt", encoding="utf-8", errors="replace") as lines:
        for number, line in zip(range(5), lines, strict=False):
            cells = line.strip().split(",")
            if len(cells) < 5:
                continue
            return not _is_number(cells[1]), number
    raise FormError("none of its first lines has five or more columns, separated by commas")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shaped(table: pl.DataFrame, form: Form, *, first_row: int, bad: list[BadCell]) -> Raw:
    """The table in our columns, with the line of each row."""
    time = pl.col(form.columns["ts"])
    if form.clock == "date":
        parsed = [time.str.to_datetime(layout, strict=False) for layout in form.dates]
        ts = pl.coalesce(parsed).dt.epoch("ms")
    else:
        ts = (time * (1000 if form.clock == "s" else 1)).cast(pl.Int64, strict=False)
    own = [
        pl.col(column).cast(pl.Float64, strict=False).alias(name)
        for name, column in form.columns.items()
        if name not in ("ts", "weighted")
    ]
    if "weighted" in form.columns:
        weighted = pl.col(form.columns["weighted"]).cast(pl.Float64)
    else:
        weighted = (
            sum((pl.col(form.columns[name]) for name in ("high", "low", "close")), pl.lit(0.0)) / 3
        )
    shaped = table.select(ts.alias("ts"), *own, weighted.alias("weighted"))
    unread = shaped["ts"].is_null() & table[form.columns["ts"]].is_not_null()
    known = {cell.row for cell in bad}
    for row in unread.arg_true().to_list():
        if first_row + row not in known:
            value = str(table[form.columns["ts"]][row])
            bad.append(BadCell(first_row + row, form.columns["ts"], value))
    return Raw(shaped.with_row_index("row", offset=first_row), form, bad)


def download(url: str, folder: Path) -> Path:
    """The file behind an address, kept in `folder` under its own name.

    Raises:
        HistoryFileError: the address does not answer with a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (url.rsplit("/", 1)[-1].split("?")[0] or "history.csv")
    partial = target.with_name(target.name + ".partial")
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=60) as response:
            response.raise_for_status()
            with partial.open("wb") as file:
                for chunk in response.iter_bytes(1 << 20):
                    file.write(chunk)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise HistoryFileError(f"history_file {url} cannot be downloaded: {error}") from None
    return partial.replace(target)
