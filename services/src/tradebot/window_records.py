"""Gathers the three records of a window: bid flow, ask flow and their ratio.

Liquidity writes a window's three records together, in one partition, so that at most a few windows
are open at a time. Recorder, trader and dashboard gather them here.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from tradebot.records import LiquidityRecord

OVERTAKEN: Final = 2
"""A window still open when so many later ones of its symbol are whole will never be whole."""

OUTLIVED: Final = 200
"""The same, when so many windows of its partition are whole: its symbol may never come again."""

LENGTH_MS: Final = 60_000
"""Of a window whose records do not say when it began: those of the original pipeline."""

_KINDS = frozenset(("ask", "bid", "price_volume"))


class WholeWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A window of which all three records are there; times in ms."""

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
    """The windows of which records are missing. Records may come in any order, and twice.

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
        """Takes the record at that place; returns its window if it was the third."""
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
        """Whether no window is half gathered, so that what was read may be committed."""
        return not self._open

    def held(self, partition: int) -> int | None:
        """The offset of the first record of the partition's open windows, to read from again."""
        offsets = [w.offset for w in self._open.values() if w.partition == partition]
        return min(offsets, default=None)

    def take_lost(self) -> int:
        """How many windows were given up since the last call: a record of theirs never came."""
        lost, self._lost = self._lost, 0
        return lost

    def forget(self, partitions: Iterable[int]) -> None:
        """Another process reads these partitions from now on."""
        gone = set(partitions)
        self._open = {k: w for k, w in self._open.items() if w.partition not in gone}


def end_of(record: LiquidityRecord) -> int:
    """The end of the record's window, ms; the original pipeline has it in seconds only."""
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
