"""Flows and forecasts of a backtest, from files: what only the live line knows, as columns of bars.

A window counts for the bar in which it began. A forecast counts from the moment it was made
(`fitted_at`): a bar sees the newest of those made by its end, as the live strategy stage does. A
forecast whose model had seen minutes from after that moment is refused.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from tradebot.domain.signal import predict
from tradebot.history.arrays import Bars, Flows, Predictions
from tradebot.history.minutes import MINUTE
from tradebot.platform.settings import SettingsError
from tradebot.plausible import forecast
from tradebot.records import ForecastRecord, decode

SEPARATOR: Final = ","
NEEDED: Final = ("bid_flow", "ask_flow")


def with_files(bars: Bars, flows: str, forecasts: str) -> Bars:
    """Returns the bars with the columns of both settings; an empty one adds nothing.

    Args:
        flows: path of a file of windows.
        forecasts: NAME=FILE for each model, separated by commas.

    Raises:
        SettingsError: a file cannot be read, lacks a column, or looks ahead.
    """
    if flows:
        bars = msgspec.structs.replace(bars, flows=flows_of(bars, _table(Path(flows)), flows))
    if forecasts:
        named = (_named(each) for each in forecasts.split(SEPARATOR))
        found = {name: predictions_of(bars, read(path, name)) for name, path in named}
        bars = msgspec.structs.replace(bars, forecasts={**bars.forecasts, **found})
    return bars


def _table(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.suffix in (".jsonl", ".ndjson"):
            return pl.read_ndjson(path)
        return pl.read_csv(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SettingsError(f"--flows {path} cannot be read: {error}") from None


def flows_of(bars: Bars, table: pl.DataFrame, name: str) -> Flows:
    """Returns the flows of each bar's windows.

    Args:
        table: one row a window: `start` or `window_end` (ms), `bid_flow`, `ask_flow`, and
            `complete`, which is true where the column is absent.
        name: of the file, for messages.

    Raises:
        SettingsError: a column is missing.
    """
    missing = [column for column in NEEDED if column not in table.columns]
    if missing or not {"start", "window_end"} & set(table.columns):
        raise SettingsError(
            f"--flows {name} has the columns {', '.join(table.columns)}: it needs start or "
            "window_end (ms UTC), bid_flow and ask_flow, and may have complete"
        )
    start = _numbers(table, "start") if "start" in table.columns else (
        _numbers(table, "window_end") - MINUTE
    )  # fmt: skip
    place = np.searchsorted(bars.ts, start, "right") - 1
    inside = (place >= 0) & (start < bars.ts[place] + bars.step)
    place, count = place[inside], len(bars.ts)
    bid, ask = (_summed(place, _numbers(table, column)[inside], count) for column in NEEDED)
    whole = np.ones(len(table)) if "complete" not in table.columns else _numbers(table, "complete")
    seen = np.bincount(place, np.nan_to_num(whole[inside]), count)
    ratio = np.full(count, math.nan)
    both = (bid > 0) & (ask > 0)
    ratio[both] = bid[both] / ask[both]
    return Flows(bid=bid, ask=ask, ratio=ratio, complete=seen == bars.step // MINUTE)


def _numbers(table: pl.DataFrame, column: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return table[column].cast(pl.Float64).to_numpy()


def _summed(
    place: np.ndarray[Any, Any], values: np.ndarray[Any, Any], count: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Sums what is known of each bar, `nan` where nothing is."""
    known = ~np.isnan(values)
    sums = np.bincount(place[known], values[known], count).astype(np.float64)
    sums[np.bincount(place[known], minlength=count) == 0] = math.nan
    return sums


def _named(text: str) -> tuple[str, Path]:
    name, separator, path = text.strip().partition("=")
    if not (name and separator and path):
        raise SettingsError(f"--forecasts is {text!r}: use NAME=FILE, such as Lstm=forecasts.jsonl")
    return name, Path(path)


def read(path: Path, model: str) -> list[ForecastRecord]:
    """Reads a model's forecasts from a file of JSON lines, as on the topic `forecasts`.

    Raises:
        SettingsError: it cannot be read, a line is no forecast or looks ahead, or none is of
            `model`.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise SettingsError(f"--forecasts {path} cannot be read: {error}") from None
    records = [
        _record(line, f"--forecasts {path}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    found = [record for record in records if record.model == model]
    if not found:
        others = ", ".join(sorted({record.model for record in records})) or "none"
        raise SettingsError(f"--forecasts {path} has no forecasts of {model}; it has {others}")
    return found


def _record(line: bytes, place: str) -> ForecastRecord:
    try:
        record = decode(line, ForecastRecord)
    except ValueError as error:
        raise SettingsError(f"{place}: {error}") from None
    reason = forecast.fault(record)
    if reason is None and record.history_end > record.fitted_at:
        reason = (
            f"it looks ahead: it was made at {record.fitted_at}, but its model had seen minutes "
            f"up to {record.history_end}"
        )
    if reason is not None:
        raise SettingsError(f"{place}: {reason}")
    return record


def predictions_of(bars: Bars, records: Sequence[ForecastRecord]) -> Predictions:
    """Returns what was forecast at each bar's end, by the newest forecast made until then."""
    count = len(bars.ts)
    now, later = np.full(count, math.nan), np.full(count, math.nan)
    seen = np.zeros(count, np.int64)
    for row, newest in enumerate(_newest(bars, records)):
        told = None if newest is None else predict(newest, int(bars.ts[row]) + bars.step)
        if told is not None:
            now[row], later[row], seen[row] = told.log_price, told.log_price_next, told.history_end
    return Predictions(log_price=now, log_price_next=later, history_end=seen)


def _newest(bars: Bars, records: Sequence[ForecastRecord]) -> Iterable[ForecastRecord | None]:
    """Yields for each bar the forecast that the stage would hold at its end."""
    waiting = sorted(records, key=lambda record: record.fitted_at, reverse=True)
    newest: ForecastRecord | None = None
    for ts in bars.ts:
        while waiting and waiting[-1].fitted_at <= ts + bars.step:
            record = waiting.pop()
            if newest is None or newest.history_end <= record.history_end:
                newest = record
        yield newest
