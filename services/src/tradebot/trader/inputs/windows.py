"""The windows that the trader decides on: of its symbol, each once."""

import msgspec

from tradebot.domain.situation import Window
from tradebot.records import LiquidityRecord
from tradebot.window_records import Gatherer, end_of


class Windows:
    """Windows of one symbol, each returned once its three records have come.

    The newest window is not returned again on a second delivery of its records; the ledger
    recognises older ones.
    """

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        # A symbol's records are written in order: a window overtaken by a later one lost a record.
        self._gatherer = Gatherer(overtaken=1)
        self._newest = 0

    def take(self, record: LiquidityRecord) -> Window | None:
        """Returns the window that `record` completes, if it does; never for other symbols."""
        if record.symbol not in ("", self._symbol) or end_of(record) <= self._newest:
            return None
        whole = self._gatherer.add(msgspec.structs.replace(record, symbol=self._symbol))
        if whole is None:
            return None
        self._newest = whole.end
        return Window(end=whole.end, ratio=whole.ratio, complete=whole.complete)

    def settled(self) -> bool:
        """Whether no window is partly gathered, so that everything read may be committed."""
        return self._gatherer.settled()
