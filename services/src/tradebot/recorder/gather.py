"""Three records of a window gathered into one document.

Liquidity sends a window's three records together, in one partition, so that at most a few windows
are open. What is open holds its partition's offset back: it is read again after a crash.
"""

from collections.abc import Iterable

import msgspec

from tradebot import documents
from tradebot.records import DocType, Document, LiquidityRecord

OVERTAKEN = 2
"""A window still open when so many later ones of its symbol are whole will never be whole."""

OUTLIVED = 200
"""The same, when so many windows of its partition are whole: its symbol may never come again."""

_KINDS = ("ask", "bid", "price_volume")


class _Open(msgspec.Struct):
    partition: int
    offset: int
    parts: dict[str, LiquidityRecord]
    overtaken: int = 0
    outlived: int = 0


class Windows:
    """The open windows of all symbols."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], _Open] = {}
        self._lost = 0

    def add(self, record: LiquidityRecord, partition: int, offset: int) -> Document | None:
        """Takes the record in; answers its window's document when it was the third."""
        key = (record.symbol, record.timestamp)
        window = self._open.setdefault(key, _Open(partition, offset, {}))
        window.parts[record.type] = record
        if any(kind not in window.parts for kind in _KINDS):
            return None
        del self._open[key]
        self._overtake(record, partition)
        return _document(window.parts)

    def _overtake(self, whole: LiquidityRecord, partition: int) -> None:
        for (symbol, timestamp), window in list(self._open.items()):
            window.overtaken += symbol == whole.symbol and timestamp < whole.timestamp
            window.outlived += window.partition == partition
            if window.overtaken >= OVERTAKEN or window.outlived >= OUTLIVED:
                del self._open[symbol, timestamp]
                self._lost += 1

    def take_lost(self) -> int:
        """How many windows were given up since the last call: a record of theirs never came."""
        lost, self._lost = self._lost, 0
        return lost

    def held(self, partition: int) -> int | None:
        """The offset of the first record of the partition's open windows."""
        offsets = [w.offset for w in self._open.values() if w.partition == partition]
        return min(offsets, default=None)

    def forget(self, partitions: Iterable[int]) -> None:
        """Another recorder reads these partitions from now on."""
        gone = set(partitions)
        self._open = {k: w for k, w in self._open.items() if w.partition not in gone}


def _document(parts: dict[str, LiquidityRecord]) -> Document:
    bid, ask, ratio = parts["bid"], parts["ask"], parts["price_volume"]
    # Records of the original pipeline carry nothing but their three fields.
    end = ratio.window_end or ratio.timestamp * 1000
    body = documents.Liquidity(
        window_start=ratio.window_start or end - 60_000,
        window_end=end,
        bid=bid.value or 0.0,
        ask=ask.value or 0.0,
        ratio=ratio.value,
        events=ratio.events,
        complete=ratio.complete,
    )
    return documents.document(
        DocType.LIQUIDITY, bot="", symbol=ratio.symbol, ts=end, key=str(end), body=body
    )
