"""The price of the symbol's last trade, from the topic of trades."""

from decimal import Decimal
from typing import Final

import msgspec
from confluent_kafka import Message

from tradebot.plausible import trade
from tradebot.plausible.values import Now
from tradebot.records import TradeRecord, decode

FRESH_SECONDS: Final = 15.0
"""By the venue's time; an older price does not show the present market."""


class LastTrade:
    """Keeps the newest price, and ignores one from the future.

    Args:
        fresh_ms: how old a trade may be, and how far ahead of the venue's clock, in ms.
    """

    def __init__(self, symbol: str, fresh_ms: int) -> None:
        self._symbol = symbol
        self._fresh_ms = fresh_ms
        self._price: Decimal | None = None
        self._ts = 0

    def take(self, message: Message, now: int) -> None:
        """Reads a record of the topic; `now` is the venue's time, ms."""
        try:
            record = decode(message.value() or b"", TradeRecord)
        except msgspec.DecodeError:
            return
        if record.symbol != self._symbol or trade.fault(record, Now(now, self._fresh_ms)):
            return
        if self._ts <= record.ts:
            self._price, self._ts = Decimal(record.price), record.ts

    def price(self, now: int) -> Decimal | None:
        """Returns the last price, `None` without a recent trade."""
        return self._price if 0 <= abs(now - self._ts) <= self._fresh_ms else None
