"""Which windows and forecasts the trader accepts; the others become dead letters.

A rejected record reaches neither the gatherer, the forecasts nor the ledger, so it moves no mark.
"""

import asyncio
from typing import Final

import msgspec
from confluent_kafka import Message

from tradebot.platform.clock import VenueClock
from tradebot.platform.dead_letters import DeadLetters
from tradebot.platform.topic import key_of
from tradebot.plausible import forecast, proposal, window
from tradebot.plausible.values import Now, symbol_of
from tradebot.records import ForecastRecord, LiquidityRecord, ProposalRecord, decode

CLOCK_SECONDS: Final = 0.1


class Screen:
    """Checks the symbol's records by the venue's clock, and ignores other symbols'.

    Args:
        lag: how far ahead of the clock a time may be, ms.
    """

    def __init__(self, symbol: str, clock: VenueClock, lag: int, dead_letters: DeadLetters) -> None:
        self._symbol = symbol
        self._clock = clock
        self._lag = lag
        self._dead_letters = dead_letters

    async def settled(self) -> None:
        """Waits until the clock can judge a time, shortly after the feed's first records."""
        while not self._clock.settled:  # noqa: ASYNC110  # a time that passes sets no event
            await asyncio.sleep(CLOCK_SECONDS)

    def window(self, message: Message) -> LiquidityRecord | None:
        """Returns a window's result; `None` for another symbol's or a rejected one."""
        try:
            record = decode(message.value() or b"", LiquidityRecord)
        except msgspec.DecodeError as error:
            self._dead_letters.put_message(message, str(error))
            return None
        if symbol_of(record.symbol, key_of(message), self._symbol) != self._symbol:
            return None
        reason = window.fault(record, self._now())
        if reason is not None:
            self._dead_letters.put_message(message, reason)
            return None
        return msgspec.structs.replace(record, symbol=self._symbol)

    def forecast(self, message: Message) -> ForecastRecord | None:
        """Returns the symbol's forecast; `None` for another symbol's or a rejected one."""
        try:
            record = decode(message.value() or b"", ForecastRecord)
        except msgspec.DecodeError as error:
            self._dead_letters.put_message(message, str(error))
            return None
        if record.symbol != self._symbol:
            return None
        reason = forecast.fault(record, self._now())
        if reason is not None:
            self._dead_letters.put_message(message, reason)
            return None
        return record

    def proposal(self, message: Message) -> ProposalRecord | None:
        """Returns the proposal; `None` for what was refused."""
        try:
            record = decode(message.value() or b"", ProposalRecord)
        except msgspec.DecodeError as error:
            self._dead_letters.put_message(message, str(error))
            return None
        reason = proposal.fault(record, self._now())
        if reason is not None:
            self._dead_letters.put_message(message, reason)
            return None
        return record

    def refuse(self, message: Message, reason: str) -> None:
        """Puts a record aside that was plausible by itself."""
        self._dead_letters.put_message(message, reason)

    def _now(self) -> Now:
        return Now(self._clock.now(), self._lag)
