"""Turns closed minutes into closed bars of any length, and keeps the newest as columns."""

import hashlib
import math
from typing import Final

import numpy as np
import numpy.typing as npt

from tradebot.history.arrays import Bars, Flows, Predictions
from tradebot.history.minutes import MINUTE
from tradebot.records import MinuteRecord
from tradebot.strategy.messages import Row

COLUMNS: Final = tuple(name for name in Row.__struct_fields__ if name not in ("ts", "complete"))
"""The columns of floats, in the order of `Row`."""


class Columns:
    """The newest bars as columns; appends in amortised constant time.

    Args:
        keep: maximum number of bars that the strategy sees.
        models: whose forecasts are kept, `nan` if none came.
    """

    def __init__(self, step: int, keep: int, models: tuple[str, ...] = ()) -> None:
        room = 2 * keep
        self.step = step
        self._keep = keep
        self._end = 0
        self._ts = np.zeros(room, np.int64)
        self._complete = np.zeros(room, np.bool_)
        self._floats = {name: np.full(room, math.nan) for name in COLUMNS}
        self._models = {
            name: (np.full(room, math.nan), np.full(room, math.nan), np.zeros(room, np.int64))
            for name in models
        }

    def __len__(self) -> int:
        return min(self._end, self._keep)

    def append(
        self, row: Row, forecasts: dict[str, tuple[float, float, int]] | None = None
    ) -> None:
        """Adds the newest bar."""
        if self._end == len(self._ts):
            self._make_room()
        at = self._end
        self._ts[at], self._complete[at] = row.ts, row.complete
        for name, column in self._floats.items():
            column[at] = getattr(row, name)
        for name, (now, later, seen) in self._models.items():
            told = (forecasts or {}).get(name, (math.nan, math.nan, 0))
            now[at], later[at], seen[at] = told
        self._end += 1

    def extend(self, columns: list[bytes]) -> None:
        """Adds the bars of `dump`.

        Raises:
            ValueError: the columns are not of one length.
        """
        for row in _rows(columns):
            self.append(row)

    def dump(self) -> list[bytes]:
        """Returns the visible bars, column by column."""
        part = self._part
        floats = [column[part].tobytes() for column in self._floats.values()]
        return [self._ts[part].tobytes(), *floats, self._complete[part].tobytes()]

    def digest(self) -> str:
        """Hashes the visible bars: equal bars have equal digests."""
        hashed = hashlib.sha256()
        for column in (self._ts, *self._floats.values(), self._complete):
            hashed.update(column[self._part].data)
        return hashed.hexdigest()[:16]

    def bars(self) -> Bars:
        """Returns the visible bars, as views."""
        part = self._part
        see = {name: column[part] for name, column in self._floats.items()}
        flows = Flows(
            bid=see["bid_flow"],
            ask=see["ask_flow"],
            ratio=see["ratio"],
            complete=self._complete[part],
        )
        return Bars(
            ts=self._ts[part],
            open=see["open"],
            high=see["high"],
            low=see["low"],
            close=see["close"],
            volume=see["volume"],
            step=self.step,
            flows=flows,
            forecasts={
                name: Predictions(
                    log_price=now[part], log_price_next=later[part], history_end=seen[part]
                )
                for name, (now, later, seen) in self._models.items()
            },
        )

    @property
    def _part(self) -> slice:
        return slice(max(0, self._end - self._keep), self._end)

    def _make_room(self) -> None:
        part, kept = self._part, len(self)
        every = [self._ts, self._complete, *self._floats.values()]
        for column in (*every, *(one for each in self._models.values() for one in each)):
            column[:kept] = column[part].copy()
        self._end = kept


def _rows(columns: list[bytes]) -> list[Row]:
    ts, *floats, complete = columns
    numbers: list[npt.NDArray[np.float64]] = [np.frombuffer(each, np.float64) for each in floats]
    times, whole = np.frombuffer(ts, np.int64), np.frombuffer(complete, np.bool_)
    if {len(each) for each in (*numbers, whole)} != {len(times)}:
        raise ValueError("the columns of past bars are not of one length")
    lists = [times.tolist(), *(each.tolist() for each in numbers), whole.tolist()]
    return [Row(*cells) for cells in zip(*lists, strict=True)]


class Closing:
    """Joins minutes into bars of `step` ms; a bar closes with its last minute, or the next one."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._open: list[MinuteRecord] = []

    def add(self, minute: MinuteRecord) -> list[tuple[int, Row | None]]:
        """Returns the ends (ms) of closed bars, each with its row; `None` without trades."""
        closed = []
        if self._open and minute.start // self._step != self._open[0].start // self._step:
            closed.append(self._close())
        self._open.append(minute)
        if (minute.start + MINUTE) % self._step == 0:
            closed.append(self._close())
        return closed

    def _close(self) -> tuple[int, Row | None]:
        minutes, self._open = self._open, []
        start = minutes[0].start // self._step * self._step
        return start + self._step, _bar(start, minutes, whole=len(minutes) * MINUTE == self._step)


def _bar(start: int, minutes: list[MinuteRecord], *, whole: bool) -> Row | None:
    traded = [minute for minute in minutes if minute.close is not None]
    if not traded:
        return None
    bid, ask = _sum([m.bid_flow for m in minutes]), _sum([m.ask_flow for m in minutes])
    return Row(
        ts=start,
        open=float(traded[0].open or 0),
        high=max(float(minute.high or 0) for minute in traded),
        low=min(float(minute.low or math.inf) for minute in traded),
        close=float(traded[-1].close or 0),
        volume=sum(minute.volume for minute in traded),
        bid_flow=bid,
        ask_flow=ask,
        ratio=bid / ask if bid > 0 and ask > 0 else math.nan,
        complete=whole and all(minute.complete for minute in minutes),
    )


def _sum(values: list[float | None]) -> float:
    """Returns the sum of the known values, `nan` if there are none."""
    known = [value for value in values if value is not None]
    return sum(known) if known else math.nan
