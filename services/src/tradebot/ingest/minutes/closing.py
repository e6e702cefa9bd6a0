"""Decides when a minute closes, and builds its record. Pure: no clock, no broker."""

from collections.abc import Iterable
from typing import Final

from tradebot.history.minutes import GRACE, MINUTE, Bar, MinuteBars
from tradebot.plausible import trade as trades
from tradebot.plausible.values import Now
from tradebot.records import MinuteRecord, TradeRecord
from tradebot.window_records import WholeWindow

PATIENCE_SECONDS: Final = 5.0
"""Real seconds after which a minute closes without its window."""

OLDEST_MS: Final = 31 * 86_400_000
"""Age beyond which a trade cannot belong to an open minute."""


class Closing:
    """Gathers one symbol's trades and windows until their minute is closed.

    A minute closes when its window has come: the feed has then passed the minute's end. Without a
    window it closes `patience` ms after its end. A minute without any record is not published.

    Args:
        last: start (ms) of the newest minute that is published, 0 if there is none.
        patience: how long (ms) a minute waits for its window, and how far ahead of the venue's
            clock a time may be.
    """

    def __init__(self, symbol: str, last: int, patience: int) -> None:
        self.last = last
        self._symbol = symbol
        self._patience = patience
        self._bars = MinuteBars()
        self._bars.known(last)
        self._windows: dict[int, WholeWindow] = {}

    def trade(self, record: TradeRecord, now: int) -> None:
        """Adds a trade, unless it is implausible or from another time."""
        believable = now - OLDEST_MS <= record.ts <= now + self._patience
        if record.symbol == self._symbol and believable and not trades.fault(record, Now(now)):
            self._bars.add(record)

    def window(self, window: WholeWindow) -> None:
        """Adds a window; of two for a minute the first counts."""
        if window.start % MINUTE == 0 and window.start > self.last:
            self._windows.setdefault(window.start, window)

    def due(self, now: int) -> bool:
        """Whether `close` would return a minute."""
        end = self._end(now)
        return any(start < end for start in self._windows) or self._bars.waits(end + GRACE)

    def close(self, now: int, past: Iterable[Bar] = ()) -> list[MinuteRecord]:
        """Returns the minutes closed at `now` (ms), oldest first; call it when all is read.

        Args:
            past: minutes from elsewhere, for those whose trades were not seen.
        """
        end = self._end(now)
        bars = {bar.ts: bar for bar in past if bar.ts % MINUTE == 0 and bar.ts < end}
        bars |= {bar.ts: bar for bar in self._bars.close(end + GRACE)}
        made = []
        for start in sorted(bars.keys() | {start for start in self._windows if start < end}):
            window = self._windows.pop(start, None)
            if start > self.last:
                made.append(_record(self._symbol, start, bars.get(start), window))
                self.last = start
        self._bars.known(self.last)
        return made

    def _end(self, now: int) -> int:
        """Minutes that start before this are closed."""
        windows = (start for start in self._windows if start + MINUTE <= now + self._patience)
        return max(max(windows, default=0) + MINUTE, (now - self._patience) // MINUTE * MINUTE)


def _record(symbol: str, start: int, bar: Bar | None, window: WholeWindow | None) -> MinuteRecord:
    return MinuteRecord(
        symbol=symbol,
        start=start,
        open=None if bar is None else bar.open,
        high=None if bar is None else bar.high,
        low=None if bar is None else bar.low,
        close=None if bar is None else bar.close,
        volume=0.0 if bar is None else bar.volume,
        weighted=None if bar is None else bar.weighted,
        bid_flow=None if window is None else window.bid,
        ask_flow=None if window is None else window.ask,
        ratio=None if window is None else window.ratio,
        complete=window is not None and window.complete,
    )
