"""Gathers the three records of a window: bid flow, ask flow and their ratio."""

from tradebot.domain.situation import Window
from tradebot.records import LiquidityRecord


class Gatherer:
    """Windows of one symbol, each given once its three records are there.

    Records may come twice; a window that was given is not given again by their second coming
    while it is the newest, and the ledger knows the older ones.
    """

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._open: dict[int, dict[str, LiquidityRecord]] = {}
        self._newest = 0

    def take(self, record: LiquidityRecord) -> Window | None:
        """The window that `record` completes, if it does; records of other symbols never do."""
        if record.symbol not in ("", self._symbol):
            return None
        end = record.window_end or record.timestamp * 1000
        if end <= self._newest:
            return None
        parts = self._open.setdefault(end, {})
        parts[record.type] = record
        if len(parts) < 3:
            return None
        self._newest = end
        # Older windows that are still open lost a record for good: their symbol's records are
        # written in order.
        self._open = {other: kept for other, kept in self._open.items() if other > end}
        ratio = parts["price_volume"]
        complete = all(part.complete for part in parts.values())
        return Window(end=end, ratio=ratio.value, complete=complete)

    def settled(self) -> bool:
        """Whether no window is half gathered, so that what was read may be committed."""
        return not self._open
