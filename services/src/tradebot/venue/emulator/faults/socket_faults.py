"""Faults of one socket's messages."""

import msgspec

from tradebot.venue.emulator.faults.injector import Injector
from tradebot.venue.emulator.faults.rules import (
    Delay,
    Drop,
    Duplicate,
    Gap,
    Reorder,
    Truncate,
    Where,
)
from tradebot.venue.emulator.faults.state import FaultState


class Outgoing(msgspec.Struct, frozen=True):
    """A message to send, and the real seconds that it waits first."""

    text: str
    delay: float = 0.0


class SocketFaults:
    """What becomes of the messages of one connection."""

    def __init__(self, injector: Injector, state: FaultState, where: Where) -> None:
        self._injector = injector
        self._state = state
        self._where = where
        self._held: str | None = None
        self._losing = 0

    def outgoing(self, text: str) -> list[Outgoing]:
        """What is sent instead of a message: itself, nothing, more, or less."""
        if self._state.silent(self._where):
            return []
        if self._injector.idle() and self._held is None and not self._losing:
            return [Outgoing(text)]
        if self._lost(text):
            return []
        if self._held is None and self._injector.strike(Reorder, self._where, text):
            self._held = text
            return []
        sent = self._altered(text)
        if self._held is not None:
            sent.append(Outgoing(self._held))
            self._held = None
        return sent

    def _lost(self, text: str) -> bool:
        if self._losing:
            self._losing -= 1
            return True
        gap = self._injector.strike(Gap, self._where, text)
        if gap is not None:
            self._losing = gap[0].messages - 1
            return True
        return self._injector.strike(Drop, self._where, text) is not None

    def _altered(self, text: str) -> list[Outgoing]:
        strike, where = self._injector.strike, self._where
        delay = strike(Delay, where, text)
        seconds = 0.0
        if delay is not None:
            rule, random = delay
            seconds = rule.seconds + rule.jitter * random.random()
        if strike(Truncate, where, text):
            text = text[: len(text) // 2]
        sent = [Outgoing(text, seconds)]
        if strike(Duplicate, where, text):
            sent.append(Outgoing(text))
        return sent
