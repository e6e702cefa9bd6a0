"""A strategy's inputs besides bars: the newest forecasts and the bot's account."""

import math
from typing import Final

from confluent_kafka import Message

from tradebot.domain.signal import predict
from tradebot.plausible import forecast
from tradebot.records import AccountRecord, ForecastRecord, decode
from tradebot.strategy.messages import Account, Fill

LAST_FORECASTS: Final = 50
"""Records per partition to read again at a start."""


class Forecasts:
    """The newest forecast of each model that the strategy declares."""

    def __init__(self, symbol: str, models: list[str]) -> None:
        self._symbol = symbol
        self._newest: dict[str, ForecastRecord] = {}
        self._models = models

    def take(self, message: Message) -> None:
        """Takes a forecast.

        Raises:
            ValueError: it is implausible.
        """
        record = decode(message.value() or b"", ForecastRecord)
        if record.symbol != self._symbol or record.model not in self._models:
            return
        reason = forecast.fault(record)
        if reason is not None:
            raise ValueError(reason)
        known = self._newest.get(record.model)
        if known is None or known.history_end <= record.history_end:
            self._newest[record.model] = record

    def at(self, ts: int) -> dict[str, tuple[float, float, int]]:
        """Reads them at `ts` (ms); `nan` for one that does not cover it."""
        told = {}
        for model in self._models:
            newest = self._newest.get(model)
            known = None if newest is None else predict(newest, ts)
            told[model] = (
                (math.nan, math.nan, 0)
                if known is None
                else (known.log_price, known.log_price_next, known.history_end)
            )
        return told


class BotAccount:
    """The bot's account as last published, and the fills that the strategy has not seen."""

    def __init__(self, bot: str, symbol: str) -> None:
        self._bot, self._symbol = bot, symbol
        self._newest: AccountRecord | None = None
        self._seen = 0

    def take(self, message: Message) -> None:
        """Takes an account.

        Raises:
            ValueError: it is not the record of an account.
        """
        record = decode(message.value() or b"", AccountRecord)
        if (record.bot, record.symbol) != (self._bot, self._symbol):
            return
        if self._newest is None:  # fills from before the start are not new
            self._seen = max((fill.number for fill in record.fills), default=0)
        if self._newest is None or record.ts >= self._newest.ts:
            self._newest = record

    @property
    def known(self) -> bool:
        """Whether the trader has published it."""
        return self._newest is not None

    def look(self) -> Account:
        """Returns the present account; its new fills are returned once."""
        record = self._newest
        if record is None:
            return Account(0.0, 0.0, False, None, [])
        fills = [
            Fill(
                fill.number,
                fill.ts,
                1 if fill.side == "buy" else -1,
                float(fill.price),
                float(fill.amount),
                float(fill.fee),
            )
            for fill in record.fills
            if fill.number > self._seen
        ]
        self._seen = max((fill.number for fill in fills), default=self._seen)
        equity = None if record.equity is None else float(record.equity)
        return Account(float(record.cash), float(record.position), record.bought, equity, fills)
