"""The rows of a history: sorted by time, without missing values, and growing at the end."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tradebot.fastprophet.times import Floats, Nanos, to_nanos

BOUNDS: Final = ("cap", "floor")
"""Columns of logistic growth; a history may lack the floor, a forecast both."""


class Column:
    """One array that grows at the end in amortised constant time."""

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self._room = values
        self._size = len(values)

    @property
    def values(self) -> npt.NDArray[Any]:
        """All values so far: a view, valid until the next `extend`."""
        return self._room[: self._size]

    def extend(self, values: npt.NDArray[Any]) -> None:
        """Add values at the end."""
        size = self._size + len(values)
        if size > len(self._room):
            room = np.empty(size + max(64, size // 32), self._room.dtype)
            room[: self._size] = self.values
            self._room = room
        self._room[self._size : size] = values
        self._size = size


class Rows:
    """Rows in order of time; rows of the same time keep the order they came in.

    `times` (n,) are nanoseconds; `numbers` maps "y" and, where given, "cap", "floor", each extra
    regressor and each condition to a column (n,). Rows whose y is NaN are left out; `last` is the
    latest time of all, such a row included.
    """

    def __init__(self, times: Nanos, numbers: Mapping[str, Floats]) -> None:
        self._times = Column(times)
        self._numbers = {name: Column(values) for name, values in numbers.items()}
        self.unused: Nanos = np.empty(0, np.int64)

    @classmethod
    def of(cls, times: Nanos, numbers: Mapping[str, Floats]) -> "Rows":
        """Sorted rows from columns in any order; the columns are copied."""
        keep = ~np.isnan(numbers["y"])
        order = None if (times[1:] >= times[:-1]).all() else np.argsort(times, kind="stable")
        pick: Any = slice(None)
        if order is not None:
            pick = order[keep[order]]
        elif not keep.all():
            pick = keep
        count = int(keep.sum())
        rows = cls(times[pick].copy(), {n: _own(v, pick, count) for n, v in numbers.items()})
        rows.unused = np.unique(times[~keep])
        return rows

    def __len__(self) -> int:
        return len(self._times.values)

    @property
    def times(self) -> Nanos:
        """Times in nanoseconds, ascending (n,)."""
        return self._times.values

    @property
    def y(self) -> Floats:
        """What is forecast, in its own unit (n,)."""
        return self._numbers["y"].values

    @property
    def last(self) -> int:
        """The latest time that was seen, that of a row without y included."""
        return int(max(self.times[-1], self.unused[-1] if len(self.unused) else self.times[-1]))

    def column(self, name: str) -> Floats | None:
        """A column by name, or `None`."""
        column = self._numbers.get(name)
        return None if column is None else column.values

    def others(self, rows: slice) -> dict[str, Floats]:
        """Every column but y in some rows."""
        return {n: c.values[rows] for n, c in self._numbers.items() if n != "y"}

    def take(self, index: npt.NDArray[np.int64]) -> tuple[Nanos, Floats, dict[str, Floats]]:
        """Times, y and the other columns of some rows."""
        other = {n: c.values[index] for n, c in self._numbers.items() if n != "y"}
        return self.times[index], self.y[index], other

    def extend(self, more: "Rows") -> None:
        """Add rows that are not earlier than the last one; raises `ValueError` otherwise."""
        if len(more) and more.times[0] < self.times[-1]:
            raise ValueError("append takes rows that are not earlier than the history's last one.")
        missing = [name for name in self._numbers if name not in more._numbers]
        if missing:
            raise ValueError(f"append lacks the column {missing[0]!r}, which the history has.")
        self._times.extend(more.times)
        for name, column in self._numbers.items():
            column.extend(more._numbers[name].values)
        if len(more.unused):
            self.unused = np.union1d(self.unused, more.unused)


def _own(values: Floats, pick: Any, count: int) -> Floats:
    """A copy of some values; a constant keeps its single value."""
    if values.strides == (0,):
        return np.asarray(np.broadcast_to(values[:1].copy(), (count,)))
    return np.asarray(values[pick].copy())


def read(
    ds: Any, y: Any, cap: Any, floor: Any, extra: Mapping[str, Any], names: list[str]
) -> tuple[Nanos, dict[str, Floats]]:
    """Times and float columns from arrays, or from a DataFrame given as `ds`.

    `names` are the columns besides ds and y that the model needs; cap and floor are looked at
    only where they are among them. Lengths must agree; cap and floor may be single numbers. What
    a row without y has in its other columns is not looked at. Raises `ValueError` that names what
    is wrong.
    """
    wanted = ["y", *names]
    table: dict[str, Any] = {"y": y, "cap": cap, "floor": floor, **extra}
    if hasattr(ds, "columns") and hasattr(ds, "__getitem__"):
        frame = ds
        if "ds" not in frame.columns:
            raise ValueError('The table needs a column "ds" with the times.')
        for name in wanted:
            if table.get(name) is None and name in frame.columns:
                table[name] = frame[name]
        ds = frame["ds"]
    times = to_nanos(ds)
    columns: dict[str, Floats] = {}
    known: Any = slice(None)
    for name in wanted:
        value = table.get(name)
        if value is None:
            if name in names and name not in BOUNDS:
                raise ValueError(f"Column {name!r} is missing: the model was told to use it.")
            continue
        values = np.asarray(value, dtype=np.float64)
        if values.ndim == 0 and name in ("cap", "floor"):
            values = np.broadcast_to(values, times.shape)
        if values.shape != times.shape:
            raise ValueError(f"{name} has shape {values.shape}, ds has {times.shape}.")
        # A sum is finite unless a value is not, or the values are near the largest float.
        if not np.isfinite(values.sum()):
            if np.isinf(values[known]).any():
                raise ValueError(f"Found infinity in column {name}.")
            if name == "y":
                known = ~np.isnan(values)
            elif np.isnan(values[known]).any():
                raise ValueError(f"Found NaN in column {name}.")
        columns[name] = values
    return times, columns
