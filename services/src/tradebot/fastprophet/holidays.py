"""Holidays: 0/1 columns of whole days, with windows around each."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tradebot.fastprophet.options import RESERVED, Mode
from tradebot.fastprophet.times import DAY, Floats, Nanos, to_nanos


class HolidayColumn(NamedTuple):
    """One day of a holiday's window: `offset` days after it, and its coefficient's prior."""

    key: str
    holiday: str
    offset: int
    prior_scale: float


@dataclass(frozen=True)
class Holidays:
    """Columns sorted by Prophet's key, `name_delim_+offset`, and the days on which each is 1.

    `days` (p,) ascending day numbers since 1970 and `owners` (p,) the column of each.
    """

    columns: tuple[HolidayColumn, ...] = ()
    names: tuple[str, ...] = ()
    mode: Mode = "additive"
    days: Nanos = field(default_factory=lambda: np.empty(0, np.int64))
    owners: Nanos = field(default_factory=lambda: np.empty(0, np.int64))

    def fill(self, out: Floats, times: Nanos) -> None:
        """Write the 0/1 columns of these rows into `out` (columns, rows)."""
        out[:] = 0.0
        if not len(times):
            return
        today = times // DAY
        first, last = np.searchsorted(self.days, [today.min(), today.max() + 1])
        for day, owner in zip(self.days[first:last], self.owners[first:last], strict=True):
            out[owner, today == day] = 1.0


def read_holidays(table: Any, default_scale: float, mode: Mode) -> Holidays:
    """Holidays from a DataFrame or a mapping of columns.

    Columns: `holiday` (names), `ds` (days) and, optionally, `lower_window` and `upper_window`
    (days before, as a number ≤ 0, and after) and `prior_scale`. Raises `ValueError` as Prophet
    does for windows of the wrong sign, for one window without the other, for reserved names and
    for a holiday with two prior scales.
    """
    if table is None:
        return Holidays(mode=mode)
    if "ds" not in table or "holiday" not in table:
        raise ValueError('holidays must have the columns "ds" and "holiday".')
    if ("lower_window" in table) != ("upper_window" in table):
        raise ValueError("Holidays must have both lower_window and upper_window, or neither.")
    labels = [_label(name) for name in table["holiday"]]
    days = to_nanos(table["ds"]) // DAY
    count = len(labels)
    lower = _numbers(table, "lower_window", count)
    upper = _numbers(table, "upper_window", count)
    scales = _numbers(table, "prior_scale", count)
    scales = np.where(np.isnan(scales), default_scale, scales)
    # As Prophet reads it: a day without one of its windows has neither.
    whole = ~(np.isnan(lower) | np.isnan(upper))
    lower, upper = np.where(whole, lower, 0.0), np.where(whole, upper, 0.0)
    if (lower > 0).any() or (upper < 0).any():
        raise ValueError("Holiday lower_window should be <= 0 and upper_window >= 0.")
    if (scales <= 0).any():
        raise ValueError("Prior scale must be > 0.")
    by_name: dict[str, float] = {}
    marks: dict[tuple[str, str, int], set[int]] = {}
    for label, day, low, high, scale in zip(labels, days, lower, upper, scales, strict=True):
        _check_name(label)
        if by_name.setdefault(label, float(scale)) != scale:
            raise ValueError(f"Holiday {label!r} does not have consistent prior scales.")
        for offset in range(int(low), int(high) + 1):
            key = f"{label}_delim_{'+' if offset >= 0 else '-'}{abs(offset)}"
            marks.setdefault((key, label, offset), set()).add(int(day) + offset)
    ordered = sorted(marks)
    columns = tuple(HolidayColumn(k, name, o, by_name[name]) for k, name, o in ordered)
    pairs = sorted((day, i) for i, mark in enumerate(ordered) for day in marks[mark])
    flat = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Holidays(columns, tuple(by_name), mode, flat[:, 0].copy(), flat[:, 1].copy())


def _numbers(table: Any, name: str, count: int) -> Floats:
    """A column of numbers; NaN where a row has none."""
    if name not in table:
        return np.full(count, 0.0 if name.endswith("_window") else np.nan)
    return np.asarray(table[name], dtype=np.float64)


def _label(name: Any) -> str:
    """A holiday's name. Raises `ValueError` for a missing one."""
    if name is None or name != name or not str(name).strip():
        raise ValueError("A holiday has no name: give each day one in the column holiday.")
    return str(name)


def _check_name(name: str) -> None:
    if "_delim_" in name:
        raise ValueError('A name cannot contain "_delim_".')
    if name in RESERVED:
        raise ValueError(f"Name {name!r} is reserved.")
