"""Gathers the three records of a window: bid flow, ask flow and their ratio.

The liquidity stage writes a window's three records together to one partition, so only a few windows
are open at a time. Recorder, trader and dashboard use this gatherer.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from tradebot.records import LiquidityRecord

OVERTAKEN: Final = 2
"""An open window is given up after this many later windows of its symbol are whole."""

OUTLIVED: Final = 200
"""The same for whole windows of its partition: its own symbol may never appear again."""

LENGTH_MS: Final = 60_000
"""Length of a window whose records have no start: those of the original pipeline."""

_KINDS = frozenset(("ask", "bid", "price_volume"))


class WholeWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A window with all three records; times in ms."""

    symbol: str
    start: int
    end: int
    bid: float | None
    ask: float | None
    ratio: float | None
    events: int
    complete: bool


class _Open(msgspec.Struct):
    partition: int
    offset: int
    parts: dict[str, LiquidityRecord]
    overtaken: int = 0
    outlived: int = 0


class Gatherer:
    """Holds the windows that still lack records. Records may come in any order, and twice.

    Args:
        overtaken: see `OVERTAKEN`.
    """

    def __init__(self, overtaken: int = OVERTAKEN) -> None:
        self._overtaken = overtaken
        self._open: dict[tuple[str, int], _Open] = {}
        self._lost = 0

    def add(
        self, record: LiquidityRecord, partition: int = 0, offset: int = 0
    ) -> WholeWindow | None:
        """Adds the record read from that position; returns the window if this was its last."""
        key = (record.symbol, end_of(record))
        window = self._open.setdefault(key, _Open(partition, offset, {}))
        window.parts[record.type] = record
        if window.parts.keys() != _KINDS:
            return None
        del self._open[key]
        self._overtake(*key, partition)
        return _whole(window.parts)

    def _overtake(self, symbol: str, end: int, partition: int) -> None:
        for (other, at), window in list(self._open.items()):
            window.overtaken += other == symbol and at < end
            window.outlived += window.partition == partition
            if window.overtaken >= self._overtaken or window.outlived >= OUTLIVED:
                del self._open[other, at]
                self._lost += 1

    def settled(self) -> bool:
        """Whether no window is open, so that everything read may be committed."""
        return not self._open

    def held(self, partition: int) -> int | None:
        """Returns the offset to read the partition's open windows again from."""
        offsets = [w.offset for w in self._open.values() if w.partition == partition]
        return min(offsets, default=None)

    def take_lost(self) -> int:
        """Returns how many windows were given up since the last call: a record never came."""
        lost, self._lost = self._lost, 0
        return lost

    def forget(self, partitions: Iterable[int]) -> None:
        """Drops the windows of these partitions: another process reads them now."""
        gone = set(partitions)
        self._open = {k: w for k, w in self._open.items() if w.partition not in gone}


def end_of(record: LiquidityRecord) -> int:
    """Returns the end of the record's window, ms; the original pipeline wrote seconds only."""
    return record.window_end or record.timestamp * 1000


def _whole(parts: dict[str, LiquidityRecord]) -> WholeWindow:
    ratio = parts["price_volume"]
    end = end_of(ratio)
    return WholeWindow(
        symbol=ratio.symbol,
        start=ratio.window_start or end - LENGTH_MS,
        end=end,
        bid=parts["bid"].value,
        ask=parts["ask"].value,
        ratio=ratio.value,
        events=ratio.events,
        complete=all(part.complete for part in parts.values()),
    )
