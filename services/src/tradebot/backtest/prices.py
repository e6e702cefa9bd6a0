"""Bars for a backtest: read from a file, resampled, and split into test and before."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import click
import numpy as np
import polars as pl

from tradebot.backtest import columns
from tradebot.backtest.settings import MINUTES, Resolution, VolumeUnit
from tradebot.history import load as history
from tradebot.history.arrays import Bars
from tradebot.history.bars import counted
from tradebot.history.forms import Unit
from tradebot.platform.settings import SettingsError

DAY_MS = 86_400_000
_UNITS = {"d": 1, "w": 7, "m": 30, "y": 365}
_WITH_VOLUME = ("open", "high", "low", "close", "volume")


def load(
    data: str,
    resolution: Resolution,
    *,
    strict: bool = False,
    volume: Unit | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Bars:
    """Loads the bars of a file at a resolution; a bar without trades stays absent.

    Args:
        strict, volume, tell: see `tradebot.history.load.load`.

    Raises:
        SettingsError: the file is invalid, or its bars are coarser than requested.
    """
    if not data:
        raise SettingsError(
            "no prices: set a file with --data FILE, or download one first, for example with "
            "`tradebot history fetch --venue gemini --symbol ETHUSD --from 2021-01-01`"
        )
    checked = history.load(Path(data), strict=strict, volume=volume, tell=tell)
    step = MINUTES[resolution] * 60_000
    if checked.step > step:
        raise SettingsError(
            f"{data} has bars of {counted(1, checked.step)}, longer than --resolution "
            f"{resolution}: choose a longer resolution"
        )
    return resample(of_table(checked.table, checked.step), step)


class Data(Protocol):
    """The settings that select bars."""

    @property
    def data(self) -> str:
        """A file's path."""
        ...

    @property
    def resolution(self) -> Resolution:
        """The length of a bar."""
        ...

    @property
    def strict(self) -> bool:
        """Whether to refuse a file that is not clean."""
        ...

    @property
    def volume_unit(self) -> VolumeUnit:
        """The volumes' unit, or empty."""
        ...

    @property
    def flows(self) -> str:
        """A file of windows, or empty."""
        ...

    @property
    def forecasts(self) -> str:
        """Files of forecasts, or empty."""
        ...


def of_settings(settings: Data) -> Bars:
    """Loads the bars of a command's settings; reports repairs on stderr.

    Raises:
        SettingsError: see `load`.
    """
    bars = load(
        settings.data,
        settings.resolution,
        strict=settings.strict,
        volume=settings.volume_unit or None,
        tell=partial(click.echo, err=True),
    )
    return columns.with_files(bars, settings.flows, settings.forecasts)


def of_table(table: pl.DataFrame, step: int) -> Bars:
    """Converts a table of history's columns to arrays."""
    arrays: dict[str, Any] = {
        name: table[name].to_numpy().astype(np.float64) for name in _WITH_VOLUME
    }
    return Bars(ts=table["ts"].to_numpy().astype(np.int64), step=step, **arrays)


def resample(bars: Bars, step: int) -> Bars:
    """Aggregates finer bars to bars of `step` ms, whose starts are multiples of it."""
    if step == bars.step:
        return bars
    first = np.flatnonzero(np.diff(bars.ts // step, prepend=-1))
    last = np.append(first[1:], len(bars.ts)) - 1
    return Bars(
        ts=bars.ts[first] // step * step,
        open=bars.open[first],
        high=np.maximum.reduceat(bars.high, first),
        low=np.minimum.reduceat(bars.low, first),
        close=bars.close[last],
        volume=np.add.reduceat(bars.volume, first),
        step=step,
    )


def split(bars: Bars, to: str) -> tuple[Bars, Bars]:
    """Splits off the last span `to`; returns the bars before it, and those within it.

    >>> span_days("6m")
    180

    Raises:
        SettingsError: `to` is not a span, or leaves fewer than two bars to test.
    """
    if not to:
        return bars.between(0, int(bars.ts[0])), bars
    end = int(bars.ts[-1]) + bars.step
    start = end - span_days(to) * DAY_MS
    tested = bars.between(start, end)
    if len(tested.ts) < 2:
        raise SettingsError(f"--to is {to!r}, which leaves {len(tested.ts)} bars: use a longer one")
    return bars.between(0, start), tested


def span_days(to: str) -> int:
    """Returns the days of a span such as 1y, 6m, 2w or 30d; a month has 30.

    Raises:
        SettingsError: it is not a span.
    """
    match = re.fullmatch(r"(\d+)([dwmy])", to)
    if match is None:
        raise SettingsError(
            f"--to is {to!r}: use a number followed by d, w, m or y, such as 1y or 30d"
        )
    return int(match[1]) * _UNITS[match[2]]
